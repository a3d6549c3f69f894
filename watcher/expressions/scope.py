"""What an expression sees of an event: its values, and the helpers that ask about its changes and its time.

Every helper is a method of `Helpers` without an underscore; `changed` is called as `changed('price')`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from watcher.expressions import paths
from watcher.model import Event, envelope
from watcher.streams import STREAMS
from watcher.streams.dates import PARIS, begins

NAMES = ("event", "record", "changes", "account", "partition", "source")
"""What an expression sees, besides the helpers."""

ENVELOPE = (
    "specversion", "id", "source", "subject", "type", "time", "recordedtime", "sequence", "datacontenttype", "data",
)  # fmt: skip
"""What `event` has."""

DATA = (
    "account", "stream", "partition", "version", "change", "changes", "record", "link",
    "condition", "state", "since", "detail", "of", "rule", "late", "field", "date",
    "count", "events", "types", "why", "sink", "bundle", "silence", "number", "author", "comment",
)  # fmt: skip
"""What `event.data` has, in one type of event or another."""

_KEPT = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d+)?Z)?")


@dataclass(frozen=True, slots=True)
class Helpers:
    """What can be asked of one event. `zone` is the people's own."""

    changes: Mapping[str, Any]
    record: Mapping[str, Any]
    now: datetime
    zone: ZoneInfo

    def changed(self, path: str) -> bool:
        """Say whether a field, or anything below it, is among the changes."""
        return any(True for _ in paths.deltas(self.changes, _path(path)))

    def increased(self, path: str) -> bool:
        """Say whether a number went up, or a date moved later."""
        return any(_moved(was, now) > 0 for was, now in paths.deltas(self.changes, _path(path)))

    def decreased(self, path: str) -> bool:
        """Say whether a number went down, or a date moved nearer."""
        return any(_moved(was, now) < 0 for was, now in paths.deltas(self.changes, _path(path)))

    def was(self, path: str) -> Any:
        """The value of a field before this change: what it came from, else what it still is."""
        return paths.before(self.record, self.changes, _path(path))

    def age(self, since: Any) -> timedelta | None:
        """How long ago a date or moment of the record was when the event was recorded; none stays none."""
        value = _dated(since)
        return None if value is None else self.now - (value if isinstance(value, datetime) else begins(value))

    def local(self, moment: Any) -> datetime | None:
        """A date or moment of the record in the people's zone; a date is the midnight that it begins with."""
        value = _dated(moment)
        if value is None or isinstance(value, datetime):
            return value and value.astimezone(self.zone)
        if len(value) == len("2026-11-21"):
            return datetime.combine(date.fromisoformat(value), time(0), self.zone)
        return begins(value).astimezone(self.zone)

    def minutes(self, count: float) -> timedelta:
        """So many minutes, to compare an age with."""
        return timedelta(minutes=count)

    def hours(self, count: float) -> timedelta:
        """So many hours, to compare an age with."""
        return timedelta(hours=count)

    def days(self, count: float) -> timedelta:
        """So many days, to compare an age with."""
        return timedelta(days=count)


ABOUT_FIELDS = ("changed", "increased", "decreased", "was")
"""The helpers that are given the path of a field."""

DURATIONS = ("minutes", "hours", "days")
"""The helpers that ask nothing of the event."""

HELPERS = (*ABOUT_FIELDS, "age", "local", *DURATIONS)
"""What an expression can call."""


def scope(event: Event, zone: ZoneInfo = PARIS) -> dict[str, Any]:
    """What an expression sees of an event; a field that its record does not carry is none.

    Every condition that is asked about the event can share it (`Condition.holds_in`); nothing changes it.
    """
    data = event.data
    record = {**_described(str(data.get("stream"))), **(data.get("record") or {})}
    changes = data.get("changes") or {}
    helpers = Helpers(changes, record, event.recorded_at, zone)
    return {
        "event": envelope(event),
        "record": record,
        "changes": changes,
        "account": data.get("account"),
        "partition": data.get("partition"),
        "source": event.source.lstrip("/"),
        **{name: getattr(helpers, name) for name in HELPERS},
    }


@cache
def _described(stream: str) -> Mapping[str, None]:
    """The fields of a stream's record, each with nothing in it."""
    known = STREAMS.get(stream)
    return dict.fromkeys([*known.record.fields, *known.record.unwatched]) if known else {}


def _path(path: Any) -> str:
    if not isinstance(path, str):
        raise TypeError("a field is named by its path, a text such as 'lots[41].status'")
    return path


def _moved(was: Any, now: Any) -> int:
    """Whether a number or date went up (1) or down (-1); 0 for what has no order, and where there was none."""
    if isinstance(was, str) and isinstance(now, str) and _KEPT.fullmatch(was) and _KEPT.fullmatch(now):
        was, now = begins(was), begins(now)
    elif not all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in (was, now)):
        return 0
    return int(now > was) - int(now < was)


def _dated(value: Any) -> str | datetime | None:
    """The kept date or moment in a value, also in Apimo's `{date, user}`."""
    if isinstance(value, Mapping):
        value = value.get("date")
    if value is None or isinstance(value, datetime):
        return value
    if isinstance(value, str) and _KEPT.fullmatch(value):
        return value
    raise TypeError("is no date or moment")
