"""Changes -> events, by the stream's table.

Pure: the time is an argument. The law of the share-out: each watched field that differs is spoken for by exactly one
event of its change. Events claim fields in this order, and what nobody claims goes into `*-updated`:

1. `new-*` takes all;
2. the milestones passed take their evidence;
3. what was reached and no longer is (`*-reverted`) takes its own, and is told before 2;
4. the details take theirs;
5. `*-updated` takes the rest (of a record that is back: `record-reappeared`, after 2, told first).
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from watcher.model import EVENTS, Alarm, Body, Change, Delta, Event, Kind, SourceName, Version
from watcher.streams import REAPPEARED
from watcher.streams.canonical import MOMENT, shown, watched
from watcher.streams.dates import begins, day_begins
from watcher.streams.stream import Milestone, Stream, root

_SORTED = msgspec.json.Encoder(order="sorted")

MILESTONE = "milestone"
"""The kind of the alarms that wait for a date still to come."""

Told = tuple[str, Mapping[str, Delta], datetime | None]
"""An event's type, the fields that it speaks for, and its own date where it has one."""


@dataclass(frozen=True, slots=True)
class Derived:
    """What a change comes to: its events, the version to store, and the alarms of dates still to come."""

    events: tuple[Event, ...]
    version: Version
    armed: tuple[Alarm, ...]
    disarmed: tuple[Alarm, ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose records they are: the source, and the link to the vendor's own screen of a record."""

    stream: Stream
    source: SourceName
    link: Callable[[Body], str | None]


def derive(origin: Origin, change: Change, now: datetime, *, silent: bool = False) -> Derived:
    """Say what one change means. `silent` derives what is to be remembered, and no events (a baseline)."""
    stream, before = origin.stream, change.before
    was = _taken_in(stream, change, now)
    after = reached(stream, change.body, was, now)
    if change.kind is Kind.REMOVE:
        after = was
    told = [] if silent else _tell(stream, change, was, after, now)
    moves = bool(change.fields) or change.kind is not Kind.UPDATE
    version = Version(
        key=change.key,
        version=change.version if moves or before is None else before.version,
        body=change.body,
        seen_at=now if moves or before is None else before.seen_at,
        fingerprint=change.fingerprint,
        reached=after,
        removed=change.kind is Kind.REMOVE,
    )
    old = _alarms(origin, before.key, before.body, before.reached) if before and not before.removed else ()
    new = () if version.removed else _alarms(origin, version.key, version.body, after)
    mark = digest(stream, version.body) if told else ""
    events = tuple(_event(origin, version, before, item, mark, now) for item in told)
    return Derived(events, version, tuple(a for a in new if a not in old), tuple(a for a in old if a not in new))


def fall_due(origin: Origin, version: Version, now: datetime) -> Derived:
    """Say what the passing of time means for a record: milestones whose day has begun, told with no changes."""
    still = Change(Kind.UPDATE, version.key, version, version.body, version.body, {}, version.fingerprint)
    return derive(origin, still, now)


# ------------------------------------------------------------------------------------------------------ milestones


def reached(stream: Stream, body: Body, was: frozenset[str], now: datetime) -> frozenset[str]:
    """The milestones that a record has reached; a status that says nothing of one leaves it as it `was`."""
    return frozenset(m.event for m in stream.milestones if _reached(stream, m, body, m.event in was, now))


def _reached(stream: Stream, milestone: Milestone, body: Body, was: bool, now: datetime) -> bool:
    if evident(stream, milestone, body, now):
        return True
    if milestone.status is None:
        return False
    status, own = stream.rank(body.get("status")), stream.rank(milestone.status)
    if status is None or own is None:
        return was
    if status == len(stream.life):  # canceled: how far it had come stays as it was
        return was
    return status >= own and own < len(stream.life)


def evident(stream: Stream, milestone: Milestone, body: Body, now: datetime) -> bool:
    """Say whether a record has evidence of a milestone's own: its status exactly, or its date, begun."""
    if milestone.status is not None and body.get("status") == milestone.status:
        return True
    for name in milestone.evidence:
        if body.get(name) is not None and (
            milestone.planned or (day := _day(stream, name, body)) is None or day_begins(day) <= now
        ):
            return True
    return False


def _day(stream: Stream, name: str, body: Body) -> str | None:
    """The date that a piece of evidence carries, in kept form; None for evidence that is no date."""
    value = body.get(name)
    if isinstance(value, dict):
        value = value.get("date")
    elif stream.record.fields[name] is not MOMENT:
        return None
    return value if isinstance(value, str) else None


def _own_date(stream: Stream, milestone: Milestone, body: Body) -> datetime | None:
    days = (_day(stream, name, body) for name in milestone.evidence)
    return next((begins(day) for day in days if day), None)


def _alarms(origin: Origin, key: str, body: Body, passed: frozenset[str]) -> tuple[Alarm, ...]:
    """The alarms of dates still to come: each at the Paris midnight with which its day begins."""
    stream = origin.stream
    return tuple(
        Alarm(MILESTONE, str(origin.source), key, milestone.event, day_begins(day))
        for milestone in stream.milestones
        if milestone.event not in passed and not milestone.planned
        for day in (_day(stream, name, body) for name in milestone.evidence)
        if day
    )


# --------------------------------------------------------------------------------------------------- the share-out


def _tell(stream: Stream, change: Change, was: frozenset[str], after: frozenset[str], now: datetime) -> list[Told]:
    """Share the differing fields out among events, in the order in which they are told."""
    if change.kind is Kind.CREATE:
        return [(stream.created, created(stream, change.body), None), *_passed(stream, change, after, {}, now)]
    left = dict(change.fields)
    if change.kind is Kind.REMOVE:
        return [(stream.removed, left, None)]
    new = after - was
    if change.kind is Kind.REAPPEAR:
        told = _passed(stream, change, new, left, now)
        return [(REAPPEARED, left, None), *told]
    passed = _passed(stream, change, new, left, now)
    told = [*_reverted(stream, change, was - after, left), *passed, *_details(stream, change, left)]
    return [*told, (stream.updated, left, None)] if left else told


def created(stream: Stream, body: Body) -> dict[str, Delta]:
    """Every watched field of a record first seen, as a change from null."""
    return {name: Delta(None, body[name]) for name in stream.record.fields if body.get(name) not in (None, [])}


def _taken_in(stream: Stream, change: Change, now: datetime) -> frozenset[str]:
    """The milestones that count as reached before a change: as they were, and as what was merely taken in moves them.

    What is taken in without an event reaches and undoes without one, unless other evidence of a milestone is news.
    """
    if change.before is None:
        return frozenset()
    was = change.before.reached
    seen, base = reached(stream, change.before.body, was, now), reached(stream, change.base, was, now)
    news = {root(path) for path in change.fields}
    silently = {m.event for m in stream.milestones if m.event in base - seen and not news.intersection(m.evidence)}
    return (was | silently) - (seen - base)


def _last_body(change: Change) -> Body:
    return change.before.body if change.before else {}


def _claim(left: dict[str, Delta], wanted: Callable[[str], bool]) -> dict[str, Delta]:
    """Take the paths that are wanted out of what is left, so that nobody else speaks for them."""
    return {path: left.pop(path) for path in [path for path in left if wanted(path)]}


def _passed(stream: Stream, change: Change, new: Set[str], left: dict[str, Delta], now: datetime) -> list[Told]:
    """The milestones passed, told on evidence of their own: a step skipped without a trace is not made up."""
    passed = [m for m in stream.milestones if m.event in new and evident(stream, m, change.body, now)]
    told: list[Told] = []
    for milestone in passed:
        fields = {*milestone.evidence, *milestone.also}
        if milestone.status is not None and change.body.get("status") == milestone.status:
            fields.add("status")
        claimed = _claim(left, lambda path, fields=fields: root(path) in fields)  # type: ignore[misc]
        due = not claimed and change.kind is not Kind.CREATE  # nothing differs: its day has come
        told.append((milestone.event, claimed, _own_date(stream, milestone, change.body) if due else None))
    return _in_order(told, [_own_date(stream, milestone, change.body) for milestone in passed])


def _in_order(told: list[Told], dates: list[datetime | None]) -> list[Told]:
    """Sort what has a date by it, and leave what has none at its place in the table."""
    dated = iter(sorted((i for i, day in enumerate(dates) if day), key=lambda i: (dates[i], i)))
    return [told[next(dated)] if day else told[i] for i, day in enumerate(dates)]


def _reverted(stream: Stream, change: Change, undone: Set[str], left: dict[str, Delta]) -> list[Told]:
    """What was reached and no longer is, and a status earlier in its life than before: one event a kind."""
    fields: dict[str, set[str]] = {}
    for milestone in stream.milestones:
        if milestone.event in undone and milestone.undone:
            fields.setdefault(milestone.undone, set()).update(milestone.evidence, milestone.also)
    was, now = (stream.rank(body.get("status")) for body in (_last_body(change), change.body))
    if was is not None and now is not None and now < was:
        fields.setdefault(stream.reverted, set())
    if stream.reverted in fields:
        fields[stream.reverted].update(stream.reverted_also)
    return [
        (event, _claim(left, lambda path, names=names: root(path) in names), None)  # type: ignore[misc]
        for event, names in fields.items()
    ]


def _details(stream: Stream, change: Change, left: dict[str, Delta]) -> Iterator[Told]:
    """The details that differ, and a status that no milestone has."""
    own = {milestone.status for milestone in stream.milestones}
    if stream.status_changed and "status" in left and change.body.get("status") not in own:
        yield stream.status_changed, _claim(left, lambda path: path == "status"), None
    for detail in stream.details:
        if any(map(detail.speaks_for, left)) and detail.when(left):
            yield detail.event, _claim(left, detail.speaks_for), None


# ------------------------------------------------------------------------------------------------------ the events


def _event(origin: Origin, version: Version, before: Version | None, told: Told, mark: str, now: datetime) -> Event:
    kind, fields, own_date = told
    name = f"{origin.source}/{version.key}@{version.version}"
    data: dict[str, Any] = {
        "account": origin.source.account,
        "stream": origin.source.stream,
        "partition": origin.source.partition,
        "version": version.version,
        "change": str(uuid.uuid5(EVENTS, name)),
        "changes": {path: {"from": shown(delta.was), "to": shown(delta.now)} for path, delta in fields.items()},
        "record": shown(version.body),
    }
    if link := origin.link(version.body):
        data["link"] = link
    return Event(
        id=str(uuid.uuid5(EVENTS, f"{name}/{kind}/{mark}")),
        type=kind,
        source=f"/{origin.source}",
        subject=version.key,
        time=own_date or _time(kind == origin.stream.created, version, before, now),
        recorded_at=now,
        data=data,
    )


def digest(stream: Stream, body: Body) -> str:
    """The digest of a record's watched fields: SHA-256, hex, of their JSON with sorted keys."""
    return hashlib.sha256(_SORTED.encode(watched(stream.record, body))).hexdigest()


def _time(created: bool, version: Version, before: Version | None, now: datetime) -> datetime:
    """When it happened upstream: `created_at` of a new record, else `updated_at` if this change moved it, else now.

    Adlead does not touch a purchase's `updated_at` when a lot or a buyer changes: an old one says nothing of now.
    """
    if created and version.body.get("created_at"):
        return begins(version.body["created_at"])
    updated = version.body.get("updated_at")
    if not updated or version.removed or (before and before.body.get("updated_at") == updated):
        return now
    return begins(updated)
