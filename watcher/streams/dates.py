"""Dates and moments as the two APIs write them, and as we keep them.

Kept forms: a moment is `2026-11-21T10:02:04Z` (UTC, whole seconds), a date `2026-11-21`; a moment at midnight in Paris
is that date. Apimo writes naive Paris time (`2016-04-25 16:31:52`), Adlead UTC with microseconds and a `Z`.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")
"""The zone of both vendors' naive times; proven once for Apimo by a `timestamp` beside its datetime."""

_WHOLE_HOURS = 1912
"""The year since when the clocks of Paris differ from UTC by whole hours."""

# MySQL stores zero and partial dates, PHP turns zero dates into year -1: all of them mean "none".
_NONE = re.compile(r"0*|-0001-11-30.*|0000-.*|\d{4}-00-.*|\d{4}-\d\d-00.*")
_MIDNIGHT = frozenset({"00:00", "00:00:00"})
_SHAPE = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:[.,]\d{1,9})?\s?(Z|[+-]\d\d(?::?\d\d)?)?)?",
)


def moment(value: Any) -> str | None:
    """Read a date or a moment into its kept form; None for all that means "none"; ValueError for what is neither."""
    if value is None or value is False or value == 0:
        return None
    if not isinstance(value, str):
        raise ValueError("is no date")
    text = value.strip()
    shape = _SHAPE.fullmatch(text)
    if not shape or text.startswith("0000") or text[5:7] == "00" or text[8:10] == "00":
        if _NONE.fullmatch(text):
            return None
        raise ValueError("is no date")
    day, clock, zone = shape.groups()
    try:
        if clock is None or (zone is None and clock in _MIDNIGHT):
            return date.fromisoformat(day).isoformat()
        return _quickly(day, clock, zone) or _closely(day, clock, zone)
    except OverflowError:
        raise ValueError("is no date") from None


def _closely(day: str, clock: str, zone: str | None) -> str:
    written = datetime.fromisoformat(f"{day}T{clock}{zone or ''}")
    # fold=0 in the autumn hour that comes twice; the spring hour that does not exist moves on, by way of UTC.
    return kept(written if written.tzinfo else written.replace(tzinfo=PARIS))


def _quickly(day: str, clock: str, zone: str | None) -> str | None:
    """The kept form of a moment by its letters, a fifth of the work; None where it has to be looked at closely."""
    hour, minute, second = clock[:2], clock[3:5], clock[6:8] or "00"
    shift = _shift(day) if zone in (None, "Z") and clock.isascii() else None
    if shift is None or hour > "23" or minute > "59" or second > "59":
        return None
    if minute == second == "00" and (zone or hour == "00"):  # it may be midnight in Paris
        return None
    if zone:
        return f"{day}T{hour}:{minute}:{second}Z"
    hours, before = shift
    at = int(hour) - hours
    return f"{day if at >= 0 else before}T{at % 24:02d}:{minute}:{second}Z"


@lru_cache(maxsize=8192)
def _shift(day: str) -> tuple[int, str] | None:
    """By how many hours Paris is ahead of UTC on a day, and the day before it; None for a day on which that changes."""
    try:
        first = datetime.combine(date.fromisoformat(day), time(0), PARIS)
        last = first + timedelta(days=1)
        before = (first - timedelta(days=1)).date().isoformat()
    except (ValueError, OverflowError):
        return None
    hours, rest = divmod(first.utcoffset() or timedelta(0), timedelta(hours=1))
    same = first.utcoffset() == last.utcoffset() and not rest and hours >= 0
    return (hours, before) if same and first.year > _WHOLE_HOURS else None


def kept(when: datetime) -> str:
    """An aware datetime in its kept form."""
    utc = when.astimezone(UTC)
    if utc.year < _WHOLE_HOURS or not (utc.minute or utc.second):  # else it cannot be midnight in Paris
        local = utc.replace(microsecond=0).astimezone(PARIS)
        if local.time() == time(0):
            return local.date().isoformat()
    return utc.isoformat()[: len("2026-11-21T10:02:04")] + "Z"


def begins(value: str) -> datetime:
    """The instant at which a kept date or moment begins: Paris midnight for a date."""
    if len(value) == len("2026-11-21"):
        return datetime.combine(date.fromisoformat(value), time(0), PARIS).astimezone(UTC)
    return datetime.fromisoformat(value)


def day_begins(value: str) -> datetime:
    """The Paris midnight with which the day of a kept date or moment begins, as an instant in UTC."""
    return datetime.combine(begins(value).astimezone(PARIS).date(), time(0), PARIS).astimezone(UTC)


def ends_after(value: str, instant: datetime) -> bool:
    """Say whether a kept moment is after that instant; for a date: whether its Paris day ends after it."""
    if len(value) == len("2026-11-21"):
        following = date.fromisoformat(value) + timedelta(days=1)
        return datetime.combine(following, time(0), PARIS).astimezone(UTC) > instant
    return datetime.fromisoformat(value) > instant
