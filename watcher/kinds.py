"""The kinds of values in the configuration: what people write as text, and what becomes of it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any, NamedTuple, NewType
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from watcher.hours import Hours, time_of_day
from watcher.toml import nearest, quoted
from watcher.units import Rate, duration


class Id(str):
    """The name or number of something at the vendor's: it goes into addresses and into the names of sources."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: str | int) -> Id:
        """Read `101` or `client-a`."""
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", str(value)):
            raise ValueError(
                "must be a number, or a text of letters, digits, dots and dashes; write it as the vendor does"
            )
        return cls(value)


class Address(str):
    """The base address of an API, without a slash at its end; encrypted unless it is on this very machine."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `https://host/path`. No complaint repeats the text: there may be a secret in it."""
        try:
            parts = urlsplit(text)
            host, _ = parts.hostname or "", parts.port
        except ValueError:
            raise ValueError("is no address; write https://HOST/PATH") from None
        if parts.scheme not in {"http", "https"} or not host or re.search(r"[\s\x00-\x1f\x7f]", text):
            raise ValueError("is no address; write https://HOST/PATH")
        if "@" in parts.netloc:
            raise ValueError("must not carry a user or a password; they have keys of their own")
        if "?" in text or "#" in text:
            raise ValueError("must not carry a query; it ends with the path")
        if parts.scheme == "http" and not loopback(host):
            raise ValueError("would send the secret in the clear; write https:// (http:// is for loopback only)")
        return cls(text.rstrip("/"))


class Listen(str):
    """Where the status pages are served: `HOST:PORT` on loopback, `unix:/PATH`, or nothing for nowhere."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Listen:
        """Read `127.0.0.1:9417`, `unix:/run/watcher/status.sock` or the empty text."""
        if not text or text.startswith("unix:/"):
            return cls(text)
        match = re.fullmatch(r"(.+):([0-9]{1,5})", text)
        if not match or int(match[2]) >= 1 << 16:
            raise ValueError('is no address; write "HOST:PORT", "unix:/PATH", or "" for none')
        if not loopback(match[1].strip("[]")):
            raise ValueError('must stay on this machine; write "127.0.0.1:9417" and put a proxy before it')
        return cls(text)


def loopback(host: str) -> bool:
    """Whether that host is this very machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (ValueError, OSError, KeyError):
        zones = available_timezones()
        cities = {zone.rpartition("/")[2]: zone for zone in sorted(zones)}
        remedy = nearest(cities.get(text.strip().title(), text), zones) or '; write one such as "Europe/Paris"'
        raise ValueError(f"no time zone {quoted(text)}{remedy}") from None


def _date(value: str | date) -> date:
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise ValueError('is no date; write "2026-11-01"')  # fromisoformat would take weeks as well
    return date.fromisoformat(value) if isinstance(value, str) else value


def _path(text: str) -> Path:
    if not text or "\0" in text:
        raise ValueError("must not be empty")
    return Path(text)


DAY = 86400

Daily = NewType("Daily", Rate)
"""A rate that is for a day."""


def _daily(text: str) -> Rate:
    rate = Rate.parse(text)
    if rate.seconds != DAY:
        raise ValueError('must be for a day; write "1000/day", or false for none')
    return rate


Span = NewType("Span", timedelta)
"""A duration that a rule waits, or looks ahead."""

_SHORTEST, _LONGEST = timedelta(seconds=1), timedelta(days=366)


def _span(text: str) -> timedelta:
    span = duration(text)
    if not _SHORTEST <= span <= _LONGEST:
        raise ValueError('must be between "1s" and "366d"')
    return span


def _clock(value: str | time) -> time:
    return time_of_day(value) if isinstance(value, str) else value


class Kind(NamedTuple):
    """A kind of value: what it is called, an example, how it is read, and what TOML may give for it.

    A text that does not match `pattern` is certainly refused; it is all that an editor knows of the kind.
    """

    word: str
    example: str
    parse: Callable[[Any], Any]
    takes: tuple[type, ...] = (str,)
    pattern: str = ""


_DURATION = r"^\s*[0-9]+(\.[0-9]+)?(ms|s|m|h|d)\s*$"
_RATE = r"^\s*[0-9]{1,9}/[0-9]{0,4}(s|sec|m|min|h|hour|d|day)\s*$"

KINDS: Mapping[Any, Kind] = {
    timedelta: Kind("a duration", '"30s"', duration, pattern=_DURATION),
    Span: Kind("a duration", '"15m"', _span, pattern=_DURATION),
    Rate: Kind("a rate", '"50/min"', Rate.parse, pattern=_RATE),
    Daily: Kind("a rate", '"1000/day"', _daily, pattern=_RATE),
    Path: Kind("a path", '"watcher.db"', _path, pattern="."),
    date: Kind("a date", '"2026-11-01"', _date, (str, date), r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"),
    time: Kind("a time of day", '"08:30"', _clock, (str, time), r"^\s*[0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?\s*$"),
    Hours: Kind("opening hours", '"Mon-Sat 09:00-19:00"', Hours.parse, pattern=":.*-.*:"),
    ZoneInfo: Kind("a time zone", '"Europe/Paris"', _zone),
    Id: Kind("a number or a text", '"..."', Id.parse, (str, int), "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"),
    Address: Kind("an address", '"https://api.example.fr"', Address.parse, pattern="^[Hh][Tt][Tt][Pp][Ss]?://"),
    Listen: Kind("an address", '"127.0.0.1:9417"', Listen.parse, pattern="^$|^unix:/|:[0-9]{1,5}$"),
}
