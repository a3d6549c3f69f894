"""Who is told when: each message at once, later with others, or not at all.

    silenced? -> outside hours? -> digest, group -> too many? -> at once

No clock is read and no disk is touched: times are arguments, and what is decided is a value that the caller commits.
What a message waits with is its bundle, named by sink, rule and group; a bundle has an alarm in the store
(kind `release`), so it outlives a restart. The desk keeps in memory only what can be read again from the store: the
bundles that are open, how many messages went lately, and the silences.
"""

from __future__ import annotations

import uuid
from collections import Counter, deque
from collections.abc import Container, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from watcher import silences
from watcher.hours import next_time
from watcher.messages.forms import find
from watcher.model import EVENTS, Alarm, Event, Fate, Held, Owed, Plan, Release, Routed, Silence, stamp
from watcher.rules import USUAL_FLOOD, Match, Rule, Timing, match
from watcher.timers import overdue_alarm
from watcher.units import Rate

RELEASE, SILENCE = "release", "silence"
"""The kinds of the alarms of bundles and of silences."""

SUMMARY = "summary"
"""The type of the event that stands for several others in one message."""

FLOOD_WAIT = timedelta(seconds=30)
"""How long a flood is let gather before its first summary."""

HOURS, DIGEST, GROUP, THROTTLE, FLOOD = "hours", "digest", "group", "throttle", "flood"
"""Why a bundle waits."""

_MOST_KEY = 200
"""Characters of a bundle's name: a label may be a field of a record, and that of any length."""


class Place(NamedTuple):
    """Which bundle: the sink, the rule, and the values of the rule's `group.by`."""

    sink: str
    rule: str
    bundle: str


@dataclass(frozen=True, slots=True)
class Bundle:
    """What waits together: until when, why, and how much it is. With nothing in it, it makes the next one wait."""

    due_at: datetime
    why: str
    count: int = 0


@dataclass(slots=True)
class Desk:
    """Decides when each message is sent. `people` are the sinks that people read.

    What it decides counts from then on, also when the commit fails: at worst a message waits that need not have.
    """

    rules: Sequence[Rule]
    zone: ZoneInfo
    operator: tuple[str, ...] = ()
    people: frozenset[str] = frozenset()
    silences: dict[int, Silence] = field(default_factory=dict)
    bundles: dict[Place, Bundle] = field(default_factory=dict)
    recent: dict[tuple[str, str], deque[datetime]] = field(default_factory=dict)
    failures: Counter[str] = field(default_factory=Counter)
    named: dict[str, Rule] = field(init=False)

    def __post_init__(self) -> None:
        self.named = {rule.name: rule for rule in self.rules}

    def rule(self, name: str) -> Rule | None:
        """The rule of that name, if there is one today."""
        return self.named.get(name)

    def trial(self) -> Desk:
        """A desk that decides the same from here on, and leaves this one as it is."""
        other = copy(self)
        other.silences, other.bundles = dict(self.silences), dict(self.bundles)
        other.recent = {key: deque(times) for key, times in self.recent.items()}
        other.failures = Counter()
        return other

    def memory(self) -> timedelta:
        """How far back the limits count."""
        rates = [rate for rule in self.rules for rate in (rule.timing.throttle, rule.timing.flood) if rate]
        return timedelta(seconds=max(rate.seconds for rate in (*rates, USUAL_FLOOD)))

    # ------------------------------------------------------------------------------------------------ what comes in

    def take(self, events: Iterable[Event], now: datetime, told: Container[tuple[str, str]] = ()) -> Routed:
        """Say who is owed what of these events, and when; `told` are the (event id, sink) that need no message."""
        matched = match(events, self.rules, self.operator)
        self.failures.update(matched.failed.keys())
        owed = tuple(self._place(one, now) for one in matched.matches if (one.event.id, one.sink) not in told)
        waits = dict.fromkeys(Place(one.sink, one.rule, one.bundle) for one in owed if one.fate is Fate.HELD)
        timers = (overdue_alarm(rule, event, self.zone) for rule, event in matched.timers)
        return Routed(owed, (*(self._alarm(place) for place in waits), *timers), matched.failed)

    def pairs(self, events: Iterable[Event]) -> set[tuple[str, str]]:
        """The (event id, sink) that today's rules ask for."""
        return {(one.event.id, one.sink) for one in match(events, self.rules, self.operator).matches}

    def _place(self, one: Match, now: datetime) -> Owed:
        owed = Owed(one.event.id, one.sink, one.rule)
        for silence in self.silences.values():
            if silences.covers(silence, one.event, one.rule, one.sink, now):
                name = f"{SILENCE} {silence.number}"
                return replace(owed, fate=Fate.SILENCED, bundle=name, why=name)
        timing = self._timing(one.rule)
        closed = timing.hours is not None and not timing.hours.is_open(self._moment(one, now), self.zone)
        if closed and timing.outside == "drop":
            return replace(owed, fate=Fate.DROPPED, why="outside hours")
        place = Place(one.sink, one.rule, _key(timing.group.by, one) if timing.group else "")
        wait = self._wait(place, timing, now, closed=closed)
        if wait is None:
            self.count(place, now)
            return owed
        self.bundles[place] = wait
        return replace(owed, fate=Fate.HELD, bundle=place.bundle, why=wait.why)

    def _moment(self, one: Match, now: datetime) -> datetime:
        """The moment that opening hours are asked of: what falls due as they close is told then, not the next day."""
        rule = self.rule(one.rule)
        waited = rule and rule.timer and rule.timer.after and rule.tells(one.event) and not one.event.data.get("late")
        return one.event.time - timedelta.resolution if waited else now

    def _timing(self, rule: str) -> Timing:
        known = self.rule(rule)
        return known.timing if known else Timing()

    def _wait(self, place: Place, timing: Timing, now: datetime, *, closed: bool) -> Bundle | None:
        """The bundle in which one more message waits; None when it need not wait."""
        waiting = self.bundles.get(place)
        opening = timing.hours.opens(now, self.zone) if closed and timing.hours else now
        if waiting:
            more = replace(waiting, count=waiting.count + 1)
            full = timing.group is not None and waiting.why == GROUP and more.count >= timing.group.most
            return replace(more, due_at=min(more.due_at, opening)) if full else more
        if timing.digest:
            return Bundle(next_time(timing.digest, now, self.zone), DIGEST, 1)
        if timing.group:
            return Bundle(max(opening, now + timing.group.wait), GROUP, 1)
        if closed:
            return Bundle(opening, HOURS, 1)
        return self._excess(place, timing, now)

    def _excess(self, place: Place, timing: Timing, now: datetime) -> Bundle | None:
        """The bundle that one more message opens because too many went lately."""
        if timing.throttle and (free := self._free(place, timing.throttle, now)) > now:
            return Bundle(free, THROTTLE, 1)
        if place.sink in self.people and timing.flood and self._free(place, timing.flood, now) > now:
            return Bundle(now + FLOOD_WAIT, FLOOD, 1)
        return None

    def _free(self, place: Place, rate: Rate, now: datetime) -> datetime:
        """When the rule may send the sink one more message within that rate: now, or later."""
        times, period = self.recent.get((place.rule, place.sink), ()), timedelta(seconds=rate.seconds)
        within = [at for at in times if now - period < at <= now]  # none of before the clock was set back
        return now if len(within) < rate.count else within[-rate.count] + period

    def count(self, place: Place, now: datetime) -> None:
        """Note that a message went then: the limits count it."""
        timing = self._timing(place.rule)
        most = max((rate.count for rate in (timing.throttle, timing.flood) if rate), default=0)
        times = self.recent.setdefault((place.rule, place.sink), deque(maxlen=most))
        if times.maxlen != most:
            times = self.recent[place.rule, place.sink] = deque(times, most)
        times.append(now)

    def _alarm(self, place: Place) -> Alarm:
        bundle = self.bundles[place]
        return Alarm(RELEASE, place.sink, place.bundle, place.rule, bundle.due_at, {"why": bundle.why})

    # ----------------------------------------------------------------------------------------------- what goes out

    def release(self, alarm: Alarm, held: Sequence[Held], now: datetime) -> Plan:
        """What becomes of a bundle that is due: sent one by one, in a summary, or left to wait for the opening."""
        place, timing = Place(sink=alarm.source, rule=alarm.name, bundle=alarm.key), self._timing(alarm.name)
        why = str(alarm.data.get("why", GROUP))
        if held and timing.hours and not timing.hours.is_open(now, self.zone):
            self.bundles[place] = Bundle(timing.hours.opens(now, self.zone), why, len(held))
            return Plan(now, armed=(self._alarm(place),))
        self.bundles.pop(place, None)
        if not held:
            return Plan(now, disarmed=(alarm,))
        if why == HOURS or self.rule(place.rule) is None:
            return self._one_by_one(place, timing, alarm, held, now)
        return self._together(place, timing, alarm, held, now)

    def _one_by_one(self, place: Place, timing: Timing, alarm: Alarm, held: Sequence[Held], now: datetime) -> Plan:
        """Each on its own, as far as the limits let them; the others wait on for that reason."""
        room = 0
        excess = None
        while room < len(held) and not (excess := self._excess(place, timing, now)):
            self.count(place, now)
            room += 1
        released = Release(tuple(one.number for one in held[:room]))
        if not excess:
            return Plan(now, disarmed=(alarm,), released=(released,))
        self.bundles[place] = replace(excess, count=len(held) - room)
        return Plan(now, armed=(self._alarm(place),), released=(released,))

    def _together(self, place: Place, timing: Timing, alarm: Alarm, held: Sequence[Held], now: datetime) -> Plan:
        """All of them in one message; the next ones wait, when that is what the bundle is for."""
        self.count(place, now)
        why = str(alarm.data.get("why", GROUP))
        following = self._following(place, timing, why, now)
        if following:
            self.bundles[place] = Bundle(following, why)
        next_alarm = {"armed": (self._alarm(place),)} if following else {"disarmed": (alarm,)}
        if len(held) == 1:
            return Plan(now, released=(Release((held[0].number,)),), **next_alarm)  # type: ignore[arg-type]
        event = summary(place, why, held, now)
        return Plan(
            now,
            events=(event,),
            owed=(Owed(event.id, place.sink, place.rule),),
            released=(Release(tuple(one.number for one in held), event.id),),
            **next_alarm,  # type: ignore[arg-type]
        )

    def _following(self, place: Place, timing: Timing, why: str, now: datetime) -> datetime | None:
        """Until when the bundle makes what comes next wait as well; None when it need not."""
        if why == GROUP and timing.group:
            return now + timing.group.every
        if why == FLOOD and timing.flood and (free := self._free(place, timing.flood, now)) > now:
            return free
        return None

    def expire(self, alarm: Alarm, silenced: Sequence[Held], now: datetime) -> Plan:
        """What a silence that is over comes to: each sink is told once of what it was not told."""
        silence = self.silences.pop(int(alarm.key), None)
        said = {"number": int(alarm.key)}
        if silence:
            said |= {"author": silence.author, "comment": silence.comment}  # type: ignore[dict-item]
        events, owed, released = [], [], []
        for sink in dict.fromkeys(one.sink for one in silenced):
            mine = [one for one in silenced if one.sink == sink]
            name = f"{SILENCE} {alarm.key}"
            event = summary(Place(sink, name, name), SILENCE, mine, now, silence=said)
            events.append(event)
            owed.append(Owed(event.id, sink, name))
            released.append(Release(tuple(one.number for one in mine), event.id))
        return Plan(now, events=tuple(events), owed=tuple(owed), released=tuple(released), disarmed=(alarm,))


def _key(by: Iterable[str], one: Match) -> str:
    """The values of the labels that a group goes by, as the bundle's name."""
    labels = silences.labels(one.event, one.rule, one.sink)
    record: Mapping[str, Any] = one.event.data.get("record") or {}
    values = {label: labels.get(label) or find(record, label.removeprefix("record.")) for label in by}
    return ", ".join(f"{label}={value}" for label, value in values.items())[:_MOST_KEY]


def summary(place: Place, why: str, held: Sequence[Held], now: datetime, **more: Any) -> Event:
    """The event that stands for several in one message (docs/events.md)."""
    ids = [one.event_id for one in held]
    name = f"watcher/{place.sink}/{place.rule}/{place.bundle}/{SUMMARY}/{ids[0]}/{ids[-1]}/{len(ids)}"
    return Event(
        id=str(uuid.uuid5(EVENTS, name)),
        type=SUMMARY,
        source="/watcher",
        subject=place.rule,
        time=now,
        recorded_at=now,
        data={
            "count": len(ids),
            "events": ids,
            "types": dict(Counter(one.type for one in held).most_common()),
            "why": why,
            "rule": place.rule,
            "sink": place.sink,
            "bundle": place.bundle,
            "since": stamp(min(one.owed_at for one in held)),
            **more,
        },
    )
