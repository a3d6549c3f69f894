"""The clock and the time zones."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Mapping
from datetime import timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from watcher.doctor.finding import Finding, ok, trouble, warning

SIGNED = 300
"""Seconds: a webhook that is off by more is refused by whoever checks its signature as Standard Webhooks has it."""

OFF = 5
"""Seconds that a clock may be off before it is worth a word; the `Date` of an answer is good to one or two."""

_SYNCHRONISE = "have the clock set: systemctl enable --now systemd-timesyncd, or install chrony"
_UNSYNCHRONISED = 5  # TIME_ERROR in timex.h
_TIMEX = 512  # bytes; more than the struct has anywhere


def synchronised() -> bool | None:
    """Whether the kernel's clock is kept in time by somebody; None where the kernel does not say."""
    try:
        adjust = ctypes.CDLL(None, use_errno=True).adjtimex
    except (OSError, AttributeError):
        return None
    said = adjust(ctypes.create_string_buffer(_TIMEX))  # all zero: it is asked, not set
    return None if said < 0 else said != _UNSYNCHRONISED


def clock(kept: bool | None, apart: Mapping[str, timedelta]) -> Iterator[Finding]:
    """Whether the clock is right: kept in time, and as the vendors' own clocks are (`apart`: ours less theirs)."""
    if kept:
        yield ok("clock", "is kept in time")
    elif kept is None and apart:
        yield ok("clock", "the kernel does not say whether it is kept in time; see the vendors' clocks")
    else:
        said = "is not kept in time by anybody" if kept is False else "nobody says whether it is kept in time"
        yield warning("clock", said, _SYNCHRONISE)
    for host, span in apart.items():
        seconds = abs(span.total_seconds())
        said = f"{seconds:.0f} s {'ahead of' if span > timedelta() else 'behind'} {host}"
        if seconds >= SIGNED:
            yield trouble("vendors' clocks", f"{said}: signed webhooks are refused, timers are off", _SYNCHRONISE)
        elif seconds >= OFF:
            yield warning("vendors' clocks", said, _SYNCHRONISE)
        else:
            yield ok("vendors' clocks", f"agrees with {host}")


def zones(names: Mapping[str, str]) -> Iterator[Finding]:
    """Whether each time zone loads; the names are by what they are for."""
    for what, name in names.items():
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            remedy = "write a name such as Europe/Paris, or install tzdata"
            yield trouble("time zone", f"{name} ({what}) cannot be loaded", remedy)
        else:
            yield ok("time zone", f"{name} ({what})")
