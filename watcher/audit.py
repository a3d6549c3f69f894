"""The books of a span of time: each change and its events, each event and who was told, each message and its fate.

Pure, and streaming: what comes in is looked at once and let go. Everything gets a named fate, or a fault that says what
cannot be explained. The laws that are held against the store:

1. each version that was not seen at a silent baseline has its events, and each watched field that differs is spoken for
   by exactly one of them;
2. each event of a record tells of a version that is there;
3. each sink that today's rules tell of an event has a message of it, if these rules were in force then;
4. each message is taken, owed, held for a release that is armed, in a summary that is there, under a silence that is
   there, dropped or dead for a reason;
5. at each complete read our records, without those that the answer lacked, are as many as the vendor counted;
6. numbers of events and messages, given one after the other, have no gaps (`store.audited`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from watcher.derive import created
from watcher.desk import SUMMARY
from watcher.model import Event, Silence, SourceName, Tally, Version, stamp
from watcher.rules import Rule, judge, match
from watcher.streams import STREAMS
from watcher.streams.canonical import EXPIRED, GONE, WITHHELD, differences
from watcher.streams.stream import Stream
from watcher.tallies import begin_of, hour_of

MOST = 1000
"""So many faults are written out; the others are counted."""

KINDS = 50
"""So many different fates are told apart for one sink; the others are counted together."""

_LONGEST = 160


class Sent(NamedTuple):
    """A message as the store has it (`store.read.DeliveryRow`); `summarised`: the summary that it names is there."""

    number: int
    sink: str
    rule: str
    state: str
    attempts: int
    unanswered: int
    owed_at: datetime
    settled_at: datetime | None
    reason: str
    bundle: str
    told_in: str
    summarised: bool


class Written(NamedTuple):
    """A version, the one before it where there is one, and the events that were written with it."""

    source: SourceName
    version: Version
    before: Version | None
    events: Sequence[Event]


class Told(NamedTuple):
    """An event, its messages, and whether the version that it tells of is there."""

    event: Event
    sent: Sequence[Sent]
    known: bool


@dataclass(frozen=True, slots=True)
class Setting:
    """What is held against the books.

    `rules_since` is since when today's rules are in force, None where that is not known. `sinks` are configured (None:
    not known), `paused` has why some are left alone, `releases` until when each bundle (sink, rule, name) waits.
    `baselined` has when each source was first read whole, `veiled` until when events of a stream have lost what is
    personal in them.
    """

    rules: Sequence[Rule] = ()
    operator: Sequence[str] = ()
    rules_since: datetime | None = None
    sinks: Collection[str] | None = None
    paused: Mapping[str, str] = field(default_factory=dict)
    releases: Mapping[tuple[str, str, str], datetime] = field(default_factory=dict)
    silences: Mapping[int, Silence] = field(default_factory=dict)
    baselined: Mapping[SourceName, datetime] = field(default_factory=dict)
    veiled: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(slots=True)
class Books:
    """What was found: how often each fate, by source, by what nobody was told, and by sink; and the faults."""

    changes: dict[str, Counter[str]] = field(default_factory=dict)
    events: Counter[str] = field(default_factory=Counter)
    untold: Counter[str] = field(default_factory=Counter)
    messages: dict[str, Counter[str]] = field(default_factory=dict)
    hours: Counter[tuple[SourceName, int]] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    unexplained: int = 0

    def blame(self, faults: Iterable[str]) -> None:
        """Note what cannot be explained."""
        for fault in faults:
            self.unexplained += 1
            if len(self.faults) < MOST:
                self.faults.append(fault)

    def enter_changes(self, written: Iterable[Written], setting: Setting) -> None:
        """Look at the versions, one after the other."""
        for one in written:
            self.hours[one.source, hour_of(one.version.seen_at)] += 1
            fate, faults = of_change(one, setting.baselined.get(one.source))
            self.changes.setdefault(str(one.source), Counter())[fate] += 1
            self.blame(faults)

    def enter_events(self, told: Iterable[Told], setting: Setting) -> None:
        """Look at the events, one after the other, and at their messages."""
        for one in told:
            self.events[one.event.type] += 1
            reason, faults = of_event(one, setting)
            if reason:
                self.untold[reason] += 1
            self.blame(faults)
            for sent in one.sent:
                fate, faults = of_message(sent, one.event, setting)
                fates = self.messages.setdefault(sent.sink, Counter())
                fates[fate if fate in fates or len(fates) < KINDS else "for other reasons"] += 1
                self.blame(faults)

    def enter_hours(self, source: SourceName, tallies: Iterable[Tally], since: datetime, until: datetime) -> None:
        """Hold what each whole hour is said to have brought against the versions that were seen, after them."""
        for tally in tallies:
            have, whole = (
                self.hours[source, tally.hour],
                since <= begin_of(tally.hour) and begin_of(tally.hour + 1) <= until,
            )
            if whole and have < tally.changes:
                hour = stamp(begin_of(tally.hour))
                self.blame(
                    [f"{source}: {tally.changes} changes were written in the hour from {hour}, {have} are there"]
                )


# ---------------------------------------------------------------------------------------------------------- changes


def of_change(written: Written, baselined_at: datetime | None) -> tuple[str, list[str]]:
    """What became of one version, and what is wrong with that."""
    source, version, before, events = written
    name = f"{source}/{version.key}, version {version.version}"
    lost = [f"{name}: the version before it is gone"] if before is None and version.version > 1 else []
    if not events:
        first = baselined_at is not None and version.seen_at <= baselined_at
        if first and (before is None or version.seen_at == baselined_at):
            return "seen at the silent baseline", lost
        return "unexplained", [*lost, f"{name}: seen {stamp(version.seen_at)}, and no event tells of it"]
    claims = Counter(path for event in events for path in event.data.get("changes", {}))
    twice = [f"{name}: {times} events speak for {path}" for path, times in claims.items() if times > 1]
    moved = () if lost else _moved(STREAMS[source.stream], before, version)
    left = [path for path in moved if path not in claims]
    unspoken = [f"{name}: no event speaks for {', '.join(left)}"] if left else []
    return "told" if not (lost or twice or unspoken) else "unexplained", [*lost, *twice, *unspoken]


def _moved(stream: Stream, before: Version | None, version: Version) -> list[str]:
    """The watched fields that differ, as far as that can be known: not what was withheld, or let go of, since."""
    if before is None:
        return [path for path, delta in created(stream, version.body).items() if not _let_go(delta.now)]
    changed = differences(stream.record, before.body, version.body).changed
    ends = {path: (delta.was, delta.now) for path, delta in changed.items()}
    return [path for path, both in ends.items() if not any(map(_let_go, both)) and len({*map(_withheld, both)}) == 1]


def _let_go(value: object) -> bool:
    return isinstance(value, str) and (value == GONE or value.startswith(EXPIRED))


def _withheld(value: object) -> bool:
    return isinstance(value, str) and value.startswith(WITHHELD)


# ----------------------------------------------------------------------------------------------------------- events


def of_event(told: Told, setting: Setting) -> tuple[str, list[str]]:
    """Why nobody, or not everybody, was told of an event (empty: all were), and what is wrong with that."""
    event, sent, known = told
    faults = [] if known else [f"{_named(event)}: tells of version {event.data.get('version')}, which is not there"]
    have = {one.sink for one in sent}
    missing = {sink: rule for sink, rule in _wanted(event, setting).items() if sink not in have}
    if missing and _in_force(event, setting):
        pairs = ", ".join(f"{sink} by {rule!r}" for sink, rule in missing.items())
        return "", [*faults, f"{_named(event)}: was to be told to {pairs}, and no message of it is there"]
    if missing:
        rules = ", ".join(sorted({repr(rule) for rule in missing.values()}))
        return f"other rules were in force; today's {rules} would tell it (`watcher replay`)", faults
    return "" if have else _refused(event, setting), faults


def _wanted(event: Event, setting: Setting) -> dict[str, str]:
    """The sinks that are to be told of an event, and by which rule."""
    if event.type == SUMMARY:
        return {str(event.data.get("sink")): str(event.data.get("rule"))}
    return {one.sink: one.rule for one in match([event], setting.rules, setting.operator).matches}


def _in_force(event: Event, setting: Setting) -> bool:
    """Whether what today's rules say of an event is what they said when it was written."""
    if event.type == SUMMARY:
        return True
    veiled = setting.veiled.get(str(event.data.get("stream")))
    same = veiled is None or event.recorded_at >= veiled
    return same and setting.rules_since is not None and event.recorded_at >= setting.rules_since


def _refused(event: Event, setting: Setting) -> str:
    """Why no rule takes an event; in general terms, so that those of a day can be counted."""
    heard = [judge(rule, event) for rule in setting.rules if rule.hears(event)]
    if not heard:
        return f"no rule is about {event.type}"
    said = (f"{one.rule!r} {'set its timer' if one.arms else f'says no: {one.why}'}" for one in heard)
    return _short("; ".join(said))


# --------------------------------------------------------------------------------------------------------- messages


def of_message(sent: Sent, event: Event, setting: Setting) -> tuple[str, list[str]]:
    """What became of a message, and what is wrong with that."""
    fate, wrong = _fate(sent, setting)
    if sent.owed_at > event.recorded_at:
        fate = f"{fate} (owed later, by a replay)"
    return _short(fate), [f"message {sent.number} to {sent.sink}, of {_named(event)}: {wrong}"] if wrong else []


def _fate(sent: Sent, setting: Setting) -> tuple[str, str]:
    """The fate in words, and what is wrong with it."""
    why = f": {sent.reason}" if sent.reason else ""
    if sent.state in ("owed", "held") and setting.sinks is not None and sent.sink not in setting.sinks:
        return "parked: no sink of that name is configured", ""
    fate, fault = sent.state, f"is in a state that nobody knows: {sent.state}"
    match sent.state:
        case "delivered":
            again = ", perhaps twice: an answer was lost" if sent.unanswered else ", not at once" * (sent.attempts > 1)
            there = sent.attempts > 0 and sent.settled_at is not None
            fate, fault = f"taken{again}", "" if there else "is called taken, and no attempt is known"
        case "owed":
            fate, fault = _owed(sent, setting) + why, ""
        case "held":
            released = (sent.sink, sent.rule, sent.bundle) in setting.releases
            fate, fault = f"held{why}", "" if released else "is held, and nothing is to release it"
        case "summed":
            fate, fault = "told in a summary", "" if sent.summarised else f"its summary {sent.told_in} is not there"
        case "silenced":
            number = sent.bundle.rpartition(" ")[2]
            there = number.isdigit() and int(number) in setting.silences
            fate, fault = f"silenced{why}", "" if there else f"was silenced by {sent.bundle!r}, which is not there"
        case "dropped":
            fate, fault = f"dropped{why}" if sent.reason else "dropped by an operator", ""
        case "dead":
            fate, fault = f"dead{why}", "" if sent.reason else "was given up for no reason"
    return fate, fault


def _owed(sent: Sent, setting: Setting) -> str:
    if sent.sink in setting.paused:
        return f"owed, its sink is paused ({setting.paused[sent.sink]})"
    return "owed, waits for its next attempt" if sent.attempts else "owed, not tried yet"


def _named(event: Event) -> str:
    return f"{event.type} {event.id} of {event.record.strip('/').replace('#', '/')}"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
