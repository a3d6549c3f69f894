"""The stored history through rules that may be others than those of then: what they would have sent.

The stored events come to the desk at the times at which they were recorded. Timers ring in between, and see the
records as they were. What timers told then is left out: today's rules set their own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from heapq import merge
from itertools import groupby, takewhile
from operator import itemgetter
from typing import NamedTuple

from watcher.desk import SUMMARY
from watcher.model import Alarm, Condition, Delivery, Event, Plan, SourceName, Version
from watcher.poll import Watch
from watcher.ports import Clock
from watcher.privacy import DEFAULTS
from watcher.rehearsal.memory import MemoryStore
from watcher.rehearsal.stage import Cast, Stage
from watcher.rules import Rule, timed
from watcher.store.forms import moment
from watcher.store.outbox import MEMBERS
from watcher.store.read import Reader
from watcher.streams import OPERATIONAL, STREAMS
from watcher.timers import deadline, deadlines

WARM = timedelta(days=7)
"""How long before its beginning the history is gone through, so that what waited then is told: a week, and ..."""

OPEN_SHARE = 4
"""... so many times the longest `after`, which may count open hours only."""

_SENT = """
SELECT d.released_at, d.sink, d.rule, e.id, e.type,
  iif(e.type = 'summary', json_extract(e.data, '$.events'), e.source || '#' || e.subject)
FROM deliveries d CROSS JOIN events e ON e.sequence = d.event
WHERE d.state = 'owed' AND d.released_at >= ? ORDER BY d.released_at, d.number
"""
_ARMED_AT_ONCE = 1000


class Sent(NamedTuple):
    """A message that would have been sent; `about` is its record, or the events that it sums up."""

    at: datetime
    sink: str
    rule: str
    event_id: str
    type: str
    about: str

    @property
    def key(self) -> int:
        """What tells it from others for who gets it: the time to the second, to whom, and of what."""
        return hash((self.at.replace(microsecond=0), self.sink, self.type, self.about))


class HistoryStore(MemoryStore):
    """A store in memory beside the one on disk, which has the records as they were and the events in full.

    Of events that are in the history it holds nothing but that they have come: there may be very many. `reached` are
    milestones that were told since a record's last version.
    """

    def __init__(self, history: Reader, clock: Clock) -> None:
        super().__init__()
        self._history = history
        self._clock = clock
        self.reached: dict[tuple[str, str], set[str]] = {}

    async def versions(self, source: SourceName, keys: Collection[str]) -> Mapping[str, Version]:
        """The last versions of those records, as they were at the clock's time."""
        now = self._clock()
        found: dict[str, Version] = {}
        for key in keys:
            past = [version for version in self._history.history(source, key) if version.seen_at <= now]
            if past:
                also = self.reached.get((str(source), key), set())
                found[key] = replace(past[-1], reached=past[-1].reached | also)
        return found

    async def event(self, name: str) -> Event | None:
        """The event of that id, if it has come."""
        found = await super().event(name)
        return self._history.event(name) if found and not found.data else found

    def past(self, source: SourceName, version: Version) -> list[Version]:
        """The version of a record before that one, if there is one."""
        return [one for one in self._history.history(source, version.key) if one.version == version.version - 1]

    def sent(self, since: datetime) -> Iterator[Sent]:
        """The messages that were sent since then, by time."""
        at = int(since.timestamp() * 1_000_000)
        for released_at, *rest in self._db.execute(_SENT, (at,)):
            yield Sent(moment(released_at), *rest)


@dataclass(frozen=True, slots=True)
class Replayed:
    """What rules would have sent from `since` to `until`; `events` is how many the history has in that time."""

    cast: Cast
    store: HistoryStore
    since: datetime
    until: datetime
    events: int

    def sent(self) -> Iterator[Sent]:
        """The messages, by time."""
        return self.store.sent(self.since)

    def counts(self) -> Counter[tuple[str, str]]:
        """How many messages each rule would have sent to each sink."""
        return Counter((one.sink, one.rule) for one in self.sent())

    async def title(self, one: Sent) -> str:
        """The title of a message."""
        event = await self.store.event(one.event_id)
        if event is None:
            return one.type
        ids = event.data["events"][:MEMBERS] if event.type == SUMMARY else ()
        members = [member for name in ids if (member := await self.store.event(name))]
        self.cast.clock.now = one.at
        personal = self.cast.config.sinks[one.sink].personal
        delivery = Delivery(0, event, one.sink, one.rule, 0, one.at, one.at, tuple(members))
        return self.cast.render(delivery, personal).title


async def replay(cast: Cast, history: Reader, since: datetime, until: datetime) -> Replayed:
    """Put the history from one moment to another through the rules of a cast. Whoever asks closes the store."""
    store = HistoryStore(history, cast.clock)
    stage = Stage(cast, store)
    rules = cast.parts.desk.rules
    start = since - warm(rules)
    stage.clock.now = start
    for alarms in _batches(_waiting(stage.core.parts.watches, history, start)):
        await stage.core.commit(Plan(start, armed=alarms))
    count = 0
    for at, group in groupby(_story(history, start, until), key=itemgetter(0)):
        things = [thing for *_, thing in group]
        await stage.pass_to(at)
        events = [thing for thing in things if isinstance(thing, Event)]
        count += len(events) if at >= since else 0
        await stage.core.commit(_step(stage, store, events, [one for one in things if isinstance(one, tuple)], at))
    await stage.pass_to(until)
    return Replayed(cast, store, since, until, count)


def warm(rules: Iterable[Rule]) -> timedelta:
    """How long before its beginning the history is gone through."""
    waits = (rule.timer.after for rule in rules if rule.timer and rule.timer.after)
    return WARM + OPEN_SHARE * max(waits, default=timedelta(0))


_Thing = Event | tuple[SourceName, Version]
_Moment = tuple[datetime, int, _Thing]


def _story(history: Reader, start: datetime, until: datetime) -> Iterator[_Moment]:
    """Versions and events in the order of time, a version before what was told of it."""
    versions: Iterator[_Moment] = ((one[1].seen_at, 0, one) for one in history.versions_since(start))
    happened = (event for event in history.events_since(start) if not _derived(event))
    events: Iterator[_Moment] = ((event.recorded_at, 1, event) for event in happened)
    return takewhile(lambda one: one[0] <= until, merge(versions, events, key=itemgetter(0, 1)))


def _derived(event: Event) -> bool:
    """Say whether an event came of the rules of then, not of what happened."""
    return event.type == SUMMARY or timed(event)


def _waiting(watches: Mapping[str, Watch], history: Reader, start: datetime) -> Iterator[Alarm]:
    """The deadlines that were waited for then; one that was due by then was told."""
    if not any(watch.deadlines for watch in watches.values()):
        return
    for source, version in history.snapshot_at(start):
        if watch := watches.get(str(source)):
            found = (deadline(rule, watch.origin, version, start) for rule in watch.deadlines)
            yield from (alarm for alarm in found if alarm and alarm.due_at > start)


def _batches(alarms: Iterable[Alarm]) -> Iterator[tuple[Alarm, ...]]:
    batch: list[Alarm] = []
    for alarm in alarms:
        batch.append(alarm)
        if len(batch) == _ARMED_AT_ONCE:
            yield tuple(batch)
            batch = []
    if batch:
        yield tuple(batch)


def _step(
    stage: Stage, store: HistoryStore, events: list[Event], versions: list[tuple[SourceName, Version]], at: datetime
) -> Plan:
    """What was committed then, by the rules of now."""
    armed: list[Alarm] = []
    disarmed: list[Alarm] = []
    for source, version in versions:
        store.reached.pop((str(source), version.key), None)
        watch = stage.core.parts.watches.get(str(source))
        if watch and watch.deadlines:
            before = {one.key: one for one in store.past(source, version)}
            dates = deadlines(watch.deadlines, watch.origin, before, [version], at)
            armed += dates.armed
            disarmed += dates.disarmed
    for event in events:
        if event.data.get("changes") == {}:  # its day had come: no version says so
            store.reached.setdefault((event.source.strip("/"), event.subject), set()).add(event.type)
    routed = stage.core.parts.desk.take(events, at)
    troubles = [event for event in events if event.type in OPERATIONAL]
    return Plan(
        at,
        events=tuple(replace(event, data={}) for event in events),
        owed=routed.owed,
        armed=(*armed, *routed.armed),
        disarmed=tuple(disarmed),
        entered=tuple(_trouble(event) for event in troubles if event.data["state"] == "entered"),
        left=tuple((event.data["condition"], event.subject) for event in troubles if event.data["state"] == "left"),
    )


def _trouble(event: Event) -> Condition:
    since = datetime.fromisoformat(event.data["since"])
    return Condition(event.data["condition"], event.subject, since, str(event.data.get("detail", "")))


# ----------------------------------------------------------------------------------------------------------- comparing


class Difference(NamedTuple):
    """A message that only one of two would have sent: `+` the new rules, `-` those of today."""

    sign: str
    sent: Sent


def differences(today: Replayed, new: Replayed) -> list[Difference]:
    """The messages more and fewer, by time."""
    had, has = (Counter(one.key for one in replayed.sent()) for replayed in (today, new))
    more, fewer = has - had, had - has
    found = [*_those(new, more, "+"), *_those(today, fewer, "-")]
    return sorted(found, key=lambda one: (one.sent.at, one.sent.sink, one.sign))


def _those(replayed: Replayed, keys: Counter[int], sign: str) -> Iterator[Difference]:
    left = Counter(keys)
    for one in replayed.sent() if keys else ():
        if left[one.key] > 0:
            left[one.key] -= 1
            yield Difference(sign, one)


# ----------------------------------------------------------------------------------------------- what cannot be known


def unknowns(cast: Cast, history: Reader, since: datetime) -> Iterator[str]:
    """What the history does not say, so that nobody relies on it."""
    start, zone = since - warm(cast.parts.desk.rules), cast.config.timezone
    known = {row.name: row.state for row in history.sources()}
    first = next(iter(history.events(limit=1)), None)
    if first and first.sequence > 1 and first.recorded_at > start:
        yield f"events before {first.recorded_at.astimezone(zone):%Y-%m-%d %H:%M} are no longer stored"
    for source in cast.config.sources:
        began = known[source.name].baselined_at if source.name in known else None
        if began is None:
            yield f"{source.name} has not been read yet: nothing is known of it"
        elif began > start:
            yield f"{source.name} is known since {began.astimezone(zone):%Y-%m-%d %H:%M} only"
    yield from _withheld(cast)
    if any(silence.until > since for silence in history.silences()):
        yield "the silences of that time are left out: all that they covered counts as sent"


def _withheld(cast: Cast) -> Iterator[str]:
    """The fields that are not kept in clear and that a rule asks for."""
    texts = [text for rule in cast.config.rules for text in (rule.when, rule.unless, rule.title, rule.body) if text]
    for name in STREAMS:
        for policy in (DEFAULTS.get(name), cast.config.privacy.get(name)):
            for path in (*policy.drop, *policy.hash) if policy else ():
                if any(path.rpartition(".")[2] in text for text in texts):
                    yield f"{path} of {name} is not kept in clear: a condition that asks for it may have said otherwise"


__all__ = ["Difference", "Replayed", "Sent", "differences", "replay", "unknowns"]
