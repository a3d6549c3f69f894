"""An event of any type, as it might come: to see what its messages look like.

An event of a record is derived as any other, from the first change of a plausible record that tells it. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

from watcher.derive import derive, reached
from watcher.desk import GROUP, SUMMARY, Place, summary
from watcher.diff import removals
from watcher.model import Body, Change, Condition, Event, Held, Kind, Version
from watcher.poll import Watch
from watcher.rehearsal.records import described, fresh
from watcher.rules import DEADLINE_NEAR, OVERDUE, Rule, Timer
from watcher.streams import OPERATIONAL, REAPPEARED, STREAMS, catalogue
from watcher.streams.canonical import MOMENT, Stamp, differences
from watcher.streams.dates import kept
from watcher.streams.samples import samples_of
from watcher.streams.stream import Stream
from watcher.timers import deadline, near, overdue, overdue_alarm
from watcher.troubles import DRIFTED, FAILING, HELD, SINK_FAILING, tell

_LASTED, _AHEAD = timedelta(minutes=40), timedelta(hours=24)
_DEADLINES = {"adlead.purchases": "option_expires_at", "apimo.contracts": "condition_precedent_at"}
_DETAIL: Mapping[str, str] = {
    FAILING: "HTTP 503",
    DRIFTED: "price is missing from 25 records at once, or empty",
    HELD: "25 records are missing at once; `watcher confirm` if they are really gone",
}
_ENDS = {"source-recovered": FAILING, "sink-recovered": SINK_FAILING}
_OTHER = "42"


def example(kind: str, watches: Sequence[Watch], rules: Iterable[Rule], now: datetime, zone: ZoneInfo) -> Event | None:
    """An event of that type, as the sources of a configuration might tell it now; None when nothing tells it.

    `watches` are the sources: of those that can tell it, it is the first. A type that a rule's timer emits stands on
    what that rule hears.
    """
    if kind == SUMMARY:
        return _summary(watches, now)
    if kind in OPERATIONAL:
        return _trouble(kind, watches, now)
    for rule in _tellers(kind, rules):
        if event := _timed(rule, watches, now, zone):
            return event
    return next((event for watch in watches if (event := _of_record(kind, watch, now))), None)


def members_of(event: Event, watches: Sequence[Watch], now: datetime) -> tuple[Event, ...]:
    """The events that an example of a summary tells of."""
    return _members(watches, now) if event.type == SUMMARY else ()


# ---------------------------------------------------------------------------------------------------------- a record


def _of_record(kind: str, watch: Watch, now: datetime) -> Event | None:
    told = (event for change in _changes(watch, kind, now) for event in derive(watch.origin, change, now).events)
    return next((event for event in told if event.type == kind), None)


def _changes(watch: Watch, kind: str, now: datetime) -> Iterator[Change]:
    """Changes of a plausible record, one field each, of which one may tell the event that is looked for."""
    stream = watch.origin.stream
    known = described(stream)
    dates = {name: kept(now) for name in ("created_at", "updated_at") if name in known}
    body = watch.withhold({**fresh(stream), **dates})
    key = str(body["id"])
    if kind == stream.created:
        yield Change(Kind.CREATE, key, None, {}, body, {}, b"")
    elif kind == stream.removed:
        yield from removals({key: _version(stream, body, now)}, [key])
    elif kind == REAPPEARED:
        gone = replace(_version(stream, body, now), removed=True)
        yield Change(Kind.REAPPEAR, key, gone, body, body, {}, b"")
    else:
        for was, name in product(_bases(stream, body, now), stream.record.fields):
            for value in _values(stream, name, was.get(name), now):
                yield _update(stream, was, {**was, name: value}, now)


def _bases(stream: Stream, body: Body, now: datetime) -> Iterator[dict[str, Any]]:
    """A fresh record, the same with each milestone passed, and the same far on in its life."""
    yield {**body}
    for name in dict.fromkeys(name for milestone in stream.milestones for name in milestone.evidence):
        yield {**body, name: _value(stream, name, now - _LASTED)}
    for status in stream.life[-1:]:
        yield {**body, "status": status}


def _values(stream: Stream, name: str, was: Any, now: datetime) -> Iterator[Any]:
    """What a field may say instead: the next of its kind first, nothing last."""
    kind = stream.record.fields[name]
    if name == "status" and stream.life:
        yield from (*stream.life, stream.last, "another-status")
    elif was in (None, []) or kind is MOMENT or isinstance(kind, Stamp):
        yield _value(stream, name, now)
    elif isinstance(was, int | float):
        yield round(was * 0.95, 2)
    elif isinstance(was, str):
        yield _OTHER
    elif isinstance(was, list) and isinstance(was[0], dict):
        yield [*was, {**was[0], "id": _OTHER, "contact": _OTHER}]
    yield None


def _value(stream: Stream, name: str, at: datetime) -> Any:
    """The value of a field in the sample, dated then."""
    kind = stream.record.fields[name]
    if isinstance(kind, Stamp):
        return {"date": kept(at), "user": "30"}
    return kept(at) if kind is MOMENT else samples_of(stream)[0].get(name)


def _update(stream: Stream, was: Body, body: Body, now: datetime) -> Change:
    before = _version(stream, was, now)
    return Change(Kind.UPDATE, before.key, before, was, body, differences(stream.record, was, body).changed, b"")


def _version(stream: Stream, body: Body, now: datetime) -> Version:
    earlier = now - _LASTED
    body = {**body, **{name: kept(earlier) for name in ("created_at", "updated_at") if name in body}}
    return Version(str(body["id"]), 1, body, earlier, b"", reached(stream, body, frozenset(), now))


# ------------------------------------------------------------------------------------------------------------- timers


def _tellers(kind: str, rules: Iterable[Rule]) -> Iterator[Rule]:
    """The rules whose timers tell that event, else such as anybody might write."""
    yield from (rule for rule in rules if rule.timer and rule.timer.emit == kind)
    if kind == OVERDUE:
        for stream in STREAMS.values():
            yield Rule("a rule", (stream.created,), (), timer=Timer(emit=kind, after=_LASTED))
    if kind == DEADLINE_NEAR:
        for name, field in _DEADLINES.items():
            yield Rule("a rule", (), (), timer=Timer(emit=kind, before=_AHEAD, of=field, streams=(name,)))


def _timed(rule: Rule, watches: Sequence[Watch], now: datetime, zone: ZoneInfo) -> Event | None:
    """What the timer of a rule tells, if one of the sources has what it is about."""
    timer = rule.timer
    if timer is None:
        return None
    if timer.after is not None:
        earlier = now - timer.after
        heard = (known for known in catalogue() if any(fnmatchcase(known, pattern) for pattern in rule.on))
        abouts = (about for known in heard if (about := example(known, watches, (), earlier, zone)))
        about = next(abouts, None)
        alarm = about and replace(overdue_alarm(rule, about, zone), due_at=now)
        return overdue(rule, alarm, about, None, about.data.get("link"), now) if about and alarm else None
    for watch in watches:
        if watch.origin.stream.name in timer.streams:
            body = watch.withhold({**fresh(watch.origin.stream), **_planted(timer.of, kept(now + timer.before))})
            version = Version(str(body["id"]), 1, body, now, b"")
            alarm = deadline(rule, watch.origin, version, now)
            told = alarm and near(rule, alarm, watch.origin, version, alarm.due_at)
            return told if isinstance(told, Event) else None
    return None


def _planted(path: str, value: Any) -> dict[str, Any]:
    """A value at a path of names with dots."""
    name, _, rest = path.partition(".")
    return {name: _planted(rest, value) if rest else value}


# ------------------------------------------------------------------------------------------------- many, and troubles


def _members(watches: Sequence[Watch], now: datetime) -> tuple[Event, ...]:
    """A few events of the first source, as a summary of them would tell."""
    found = (_of_record(watch.origin.stream.created, watch, now) for watch in watches[:1])
    return tuple(
        replace(event, id=f"{event.id[:-1]}{number}", subject=f"{event.subject}{number}")
        for event in found
        if event
        for number in range(3)
    )


def _summary(watches: Sequence[Watch], now: datetime) -> Event | None:
    told = _members(watches, now)
    held = [Held(number, "", "a rule", event.id, event.type, now) for number, event in enumerate(told)]
    return summary(Place("", "a rule", ""), GROUP, held, now) if held else None


def _trouble(kind: str, watches: Sequence[Watch], now: datetime) -> Event:
    """A trouble of watcher's own, entered or left."""
    of_source = watches and kind.startswith(("source", "removals"))
    subject = str(watches[0].name) if of_source else kind.partition("-")[0]
    trouble = Condition(_ENDS.get(kind, kind), subject, now - _LASTED, _DETAIL.get(kind, "HTTP 503"))
    return tell(trouble, now, left=kind in _ENDS)
