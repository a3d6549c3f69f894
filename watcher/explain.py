"""Why: from what the store kept, say of each version of a record what was seen, what it meant, and what was not told.

Pure. Events say what was told; this says also why something was not: a baseline is silent, a milestone without
evidence of its own is not made up, a date still to come waits for its day, a record missing once may be back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from watcher.diff import GONE
from watcher.model import Alarm, Condition, Event, SourceState, Version, stamp
from watcher.rules import OVERDUE, Rule, Verdict, judge
from watcher.streams.canonical import Differences, differences, shown
from watcher.streams.stream import Stream
from watcher.timers import DEADLINE


@dataclass(frozen=True, slots=True)
class Step:
    """One version of a record: when it was seen, how it differs, what was told of it, and `notes` of what was not."""

    version: int
    seen_at: datetime
    what: str
    changes: dict[str, dict[str, object]]
    events: tuple[Event, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """How a record stands now: what is waited for, and what may keep news from coming."""

    notes: tuple[str, ...] = field(default=())


def steps(stream: Stream, versions: Sequence[Version], events: Iterable[Event], state: SourceState) -> list[Step]:
    """The story of a record, version by version, the oldest first."""
    told = list(events)
    return [
        _step(stream, before, after, tuple(e for e in told if e.data.get("version") == after.version), state)
        for before, after in zip([None, *versions], versions, strict=False)
    ]


def _step(
    stream: Stream, before: Version | None, after: Version, events: tuple[Event, ...], state: SourceState
) -> Step:
    differing = differences(stream.record, before.body, after.body) if before else Differences()
    changes = {path: {"from": shown(d.was), "to": shown(d.now)} for path, d in differing.changed.items()}
    changes |= {path: {"from": None, "to": shown(value)} for path, value in differing.gained.items()}
    notes = []
    baseline = not events and state.baselined_at is not None and after.seen_at <= state.baselined_at
    if baseline:
        notes.append("it was there at the first read of its source, which is silent")
    untold = after.reached - (before.reached if before else frozenset()) - {event.type for event in events}
    if not baseline:
        why = "was reached and not told: there was no evidence of its own, or it merely became visible"
        notes += [f"{event} {why}" for event in sorted(untold)]
    return Step(after.version, after.seen_at, _what(before, after), changes, events, tuple(notes))


def _what(before: Version | None, after: Version) -> str:
    if after.removed:
        return "removed"
    if before is None:
        return "first seen"
    return "back after it was removed" if before.removed else "changed"


def standing(
    version: Version, alarms: Iterable[Alarm], conditions: Iterable[Condition], state: SourceState
) -> Standing:
    """What is waited for, and what may keep news of a record from coming."""
    notes = list(map(_waits, alarms))
    if version.absences and not version.removed:
        missing = f"missing from {version.absences} complete read{'s' if version.absences > 1 else ''} in a row"
        notes.append(f"{missing}; it is called removed after {GONE}, unless its own page answers or many are held")
    notes += [f"{c.type} since {stamp(c.since)}: {c.detail}" for c in conditions]
    notes += [f"{name} is in doubt ({why}): its last known value stands" for name, why in state.drifted.items() if name]
    unknown = [name for name in state.undescribed if name in version.body]
    if unknown:
        notes.append(f"nobody has described {', '.join(unknown)}: kept and shown, never a change")
    if state.read_at:
        notes.append(f"its source was last read {stamp(state.read_at)}")
    return Standing(tuple(notes))


def _waits(alarm: Alarm) -> str:
    """What an alarm of a record is for."""
    if alarm.kind == OVERDUE:
        return f"the rule {alarm.data.get('rule')!r} looks again at {stamp(alarm.due_at)}"
    if alarm.kind == DEADLINE:
        field, date = alarm.data.get("field"), alarm.data.get("date")
        return f"the rule {alarm.name!r} tells at {stamp(alarm.due_at)} that {field} ({date}) is near"
    return f"{alarm.name} waits for its day: {stamp(alarm.due_at)}"


def verdicts(event: Event, rules: Iterable[Rule]) -> list[Verdict]:
    """What each rule of today says of an event, in the order in which they are tried.

    Of a condition it names the first part that decides, with the values that it asks for.
    """
    return [_reasoned(rule, event, judge(rule, event)) for rule in rules]


def _reasoned(rule: Rule, event: Event, verdict: Verdict) -> Verdict:
    if rule.tells(event) or not rule.hears(event) or rule.when is None:
        return verdict
    reason = rule.when.why(event)
    return replace(verdict, why=f"{'' if reason.failure else 'true: ' if reason.holds else 'false: '}{reason}")
