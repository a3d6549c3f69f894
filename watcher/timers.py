"""Rules about time: what did not happen in time (`after`), and dates that come near (`before`).

Pure. A timer is an alarm in the store. When it rings, the record is looked at as it is then: what has happened
meanwhile, a date that moved, a rule that changed. So an alarm may ring in vain, and never does harm.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from watcher.derive import Origin
from watcher.expressions import Condition
from watcher.messages.forms import find
from watcher.model import EVENTS, Alarm, Event, Version, stamp
from watcher.model import Condition as Trouble
from watcher.rules import OVERDUE, Rule, Timer
from watcher.streams.canonical import shown
from watcher.streams.dates import begins

DEADLINE = "deadline"
"""The kind of the alarms of `before`; those of `after` are of the kind `overdue`."""

LATE = timedelta(minutes=1)
"""Told so long after it was due, a timed message is marked late."""

WATCHER = "watcher"
"""The source of watcher's own troubles, as alarms name it."""


# ------------------------------------------------------------------------------------------------------------ after


def overdue_alarm(rule: Rule, event: Event, zone: ZoneInfo) -> Alarm:
    """When a rule with `after` looks again: so long after the event happened, in open hours where it has any.

    An event that happens only in time to come (a vendor's clock, a slip of the pen) counts from when it was seen.
    """
    hours, after = rule.timing.hours, _timer(rule).after or timedelta(0)
    start = min(event.time, event.recorded_at)
    due = hours.after(start, after, zone) if hours else start + after
    data = {"rule": rule.name, "event": event.id}
    return Alarm(OVERDUE, event.source.strip("/"), event.subject, f"{rule.name} {event.id}", due, data)


def overdue(rule: Rule, alarm: Alarm, about: Event, version: Version | None, link: str | None, now: datetime) -> Event:
    """The event of an `after` that came due; whether it is told is for `unmet` to say. `about` is what it stands on."""
    data: dict[str, Any] = {
        "since": stamp(about.time),
        "on": about.type,
        **about.data,
        "changes": {},
        "of": about.id,
        "rule": rule.name,
    }
    data = {key: value for key, value in data.items() if key not in ("change", "late")}
    if version:
        data |= {"version": version.version, "record": shown(version.body)}
    if link:
        data["link"] = link
    return _timed(rule, about, data, f"{rule.name}/{about.id}", alarm.due_at, now)


def unmet(rule: Rule, event: Event) -> bool:
    """Say whether nothing has happened that spares the message. A condition that fails spares nothing."""
    unless = _timer(rule).unless
    try:
        return unless is None or not unless.holds(event)
    except ValueError:
        return True


def agrees(when: Condition, event: Event) -> bool:
    """Say whether a rule's `when` holds of its deadline, as the record is now; one that fails does not."""
    try:
        return when.holds(event)
    except ValueError:
        return False


def lasts(about: Event, troubles: Iterable[Trouble]) -> bool:
    """Say whether the trouble that an operational event told of is still there, the same since then."""
    of = (about.data.get("condition"), about.subject, about.data.get("since"))
    return any((trouble.type, trouble.subject, stamp(trouble.since)) == of for trouble in troubles)


# ----------------------------------------------------------------------------------------------------------- before


def deadline(rule: Rule, origin: Origin, version: Version, now: datetime) -> Alarm | None:
    """When a rule with `before` tells of a record's date; None when it has none to come or is finished."""
    timer = rule.timer
    if timer is None or origin.stream.name not in timer.streams or version.removed:
        return None
    date = find(version.body, timer.of)
    if not isinstance(date, str) or version.reached.intersection(origin.stream.finished):
        return None
    begin = begins(date)
    if begin <= now:
        return None
    data = {"rule": rule.name, "field": timer.of, "date": date}
    return Alarm(DEADLINE, str(origin.source), version.key, rule.name, begin - timer.before, data)


class Dates(NamedTuple):
    """The deadlines to arm and to disarm."""

    armed: tuple[Alarm, ...]
    disarmed: tuple[Alarm, ...]


def deadlines(
    rules: Iterable[Rule], origin: Origin, before: Mapping[str, Version], after: Iterable[Version], now: datetime
) -> Dates:
    """What records that are no longer as they were `before` mean for their deadlines.

    One that is due already is armed at each change of its record: what kept it from being told may be over.
    """
    armed, disarmed = [], []
    for rule, version in product(rules, after):
        last = before.get(version.key)
        was = deadline(rule, origin, last, now) if last else None
        wanted = deadline(rule, origin, version, now)
        if wanted and (wanted != was or wanted.due_at <= now):
            armed.append(wanted)
        elif was and not wanted:
            disarmed.append(was)
    return Dates(tuple(armed), tuple(disarmed))


def near(rule: Rule, alarm: Alarm, origin: Origin, version: Version, now: datetime) -> Event | Alarm | None:
    """What a deadline that rings comes to: its event, the alarm of a date that moved, or nothing.

    A date that has passed meanwhile, because watcher was stopped, is told all the same: better late than never.
    """
    wanted = deadline(rule, origin, version, min(now, alarm.due_at))
    if wanted is None or wanted.due_at > now:
        return wanted
    if begins(wanted.data["date"]) <= now and wanted.data != alarm.data:
        return None  # it moved into the past: that is no deadline any more
    of = {"field": wanted.data["field"], "date": wanted.data["date"]}
    data: dict[str, Any] = {
        "account": origin.source.account,
        "stream": origin.source.stream,
        "partition": origin.source.partition,
        "version": version.version,
        "changes": {},
        "record": shown(version.body),
        "of": of,
        "rule": rule.name,
    }
    if link := origin.link(version.body):
        data["link"] = link
    about = Event("", "", f"/{origin.source}", version.key, now, now, data)
    return _timed(rule, about, data, f"{rule.name}/{of['field']}/{of['date']}", wanted.due_at, now)


def _timed(rule: Rule, about: Event, data: Mapping[str, Any], name: str, due_at: datetime, now: datetime) -> Event:
    """An event of a timer: its time is when it was due, its id the same however often it is worked out."""
    late = {"late": True} if now - due_at > LATE else {}
    emit = _timer(rule).emit
    whole = f"{about.source.strip('/')}/{about.subject}/{emit}/{name}"
    return replace(
        about,
        id=str(uuid.uuid5(EVENTS, whole)),
        type=emit,
        time=due_at,
        recorded_at=now,
        data={**data, **late},
        sequence=0,
    )


def _timer(rule: Rule) -> Timer:
    if rule.timer is None:
        raise ValueError(f"the rule {rule.name!r} is not about time")
    return rule.timer


def streams_of(rules: Iterable[Rule]) -> Iterator[tuple[Rule, str, str]]:
    """Each rule with `before`, and the streams and the field whose dates it is about."""
    for rule in rules:
        if rule.timer:
            yield from ((rule, stream, rule.timer.of) for stream in rule.timer.streams)
