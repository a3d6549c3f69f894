"""The shapes of the configuration: what people write as values, and what each table becomes.

Every table is a frozen struct with the names of its keys; `convert` fills them, `config` checks what joins them.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, NewType
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from msgspec import Meta, Struct

from watcher.model import SourceName
from watcher.sinks import Settings
from watcher.toml import nearest, quoted
from watcher.units import Rate, Secret, duration

# ------------------------------------------------------------------------------------------ what people write as text


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


class Kind(NamedTuple):
    """A kind of value: what it is called, an example, how it is read, and what TOML may give for it."""

    word: str
    example: str
    parse: Callable[[Any], Any]
    takes: tuple[type, ...] = (str,)


KINDS: Mapping[Any, Kind] = {
    timedelta: Kind("a duration", '"30s"', duration),
    Rate: Kind("a rate", '"50/min"', Rate.parse),
    Daily: Kind("a rate", '"1000/day"', _daily),
    Path: Kind("a path", '"watcher.db"', _path),
    date: Kind("a date", '"2026-11-01"', _date, (str, date)),
    ZoneInfo: Kind("a time zone", '"Europe/Paris"', _zone),
    Id: Kind("a number or a text", '"..."', Id.parse, (str, int)),
    Address: Kind("an address", '"https://api.example.fr"', Address.parse),
    Listen: Kind("an address", '"127.0.0.1:9417"', Listen.parse),
}


# ---------------------------------------------------------------------------------------------------------- tables

Names = Annotated[tuple[str, ...], Meta(min_length=1)]


class State(Struct, frozen=True, kw_only=True):
    """`[state]`."""

    path: Path = Path("watcher.db")


class ApimoAccount(Struct, frozen=True, kw_only=True):
    """`[accounts.NAME]` with `api = "apimo"`; the limits are the vendor's documented ones."""

    api: Literal["apimo"]
    provider: Id
    token: Secret
    base_url: Address = Address("https://api.apimo.pro")
    max_rate: Rate = Rate(10, 1)
    budget: Daily | None = Daily(Rate(1000, DAY))


class AdleadAccount(Struct, frozen=True, kw_only=True):
    """`[accounts.NAME]` with `api = "adlead"`."""

    api: Literal["adlead"]
    tenant: Id
    key: Secret
    base_url: Address = Address("https://api.adlead.immo/v1")
    max_rate: Rate = Rate(50, 60)
    budget: Daily | None = None

    def __post_init__(self) -> None:
        before, _, last = self.base_url.rpartition("/")
        if last == self.tenant:
            raise ValueError(f'base_url: ends with the tenant, which is added to it; write "{before}"')


Account = ApimoAccount | AdleadAccount


class Schedule(Struct, frozen=True, kw_only=True):
    """How a source is read.

    `every` left out is planned from the account's budget. A `baseline` that is a date tells what was created since.
    `reconcile` and `lookback` are for streams that are read by cursor, None for the others.
    """

    every: timedelta | None = None
    baseline: Literal["silent", "emit"] | date = "silent"
    silent_after: timedelta | None = None
    reconcile: timedelta | None = None
    lookback: timedelta | None = None


class SourceKeys(Schedule, frozen=True, kw_only=True):
    """`[[sources]]` as it is written: one stream of several partitions of an account."""

    account: str
    stream: str
    agencies: Annotated[tuple[Id, ...], Meta(min_length=1)] = ()
    programs: Annotated[tuple[Id, ...], Meta(min_length=1)] = ()


class SourceSettings(Schedule, frozen=True, kw_only=True):
    """One source, and where it was written."""

    name: SourceName
    file: Path
    line: int


class Operator(Struct, frozen=True, kw_only=True):
    """`[operator]`: the sinks that hear of watcher's own troubles; None is all of them."""

    to: tuple[str, ...] | None = None


class Privacy(Struct, frozen=True, kw_only=True):
    """`[privacy]` of one stream: the paths of fields to drop, and of those to keep as a keyed hash only."""

    drop: tuple[str, ...] = ()
    hash: tuple[str, ...] = ()


class Status(Struct, frozen=True, kw_only=True):
    """`[status]`."""

    listen: Listen = Listen("127.0.0.1:9417")


class RuleKeys(Struct, frozen=True, kw_only=True):
    """`[[rules]]` as it is written. A new key of rules is a new line here."""

    name: str
    on: Names
    when: str | None = None
    to: Names


class RuleSettings(RuleKeys, frozen=True, kw_only=True):
    """One rule, and where it was written."""

    file: Path
    line: int


HEAD = ("timezone", "language", "rule_files")
"""The keys that stand before the first table; below it they would belong to that."""


class Top(Struct, frozen=True, kw_only=True):
    """`config.toml` as it is written; what is `Any` is converted one by one, so that one mistake hides no other."""

    timezone: ZoneInfo = ZoneInfo("Europe/Paris")
    language: Literal["fr", "en"] = "fr"
    rule_files: tuple[str, ...] = ()
    state: State = State()
    accounts: dict[str, Any] = {}
    sources: tuple[Any, ...] = ()
    sinks: dict[str, Any] = {}
    operator: Operator = Operator()
    privacy: dict[str, Any] = {}
    status: Status = Status()
    rules: Any = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole configuration, checked.

    `state_directory` is where relative paths of file sinks start. `operator` names sinks. `rules` are in the order in
    which they are tried. `files` are all that were read, `rule_files` the patterns that new ones would match.
    """

    path: Path
    timezone: ZoneInfo
    language: Literal["fr", "en"]
    state_path: Path
    state_directory: Path
    accounts: Mapping[str, Account]
    sources: tuple[SourceSettings, ...]
    sinks: Mapping[str, Settings]
    operator: tuple[str, ...]
    rules: tuple[RuleSettings, ...]
    status_listen: str
    privacy: Mapping[str, Privacy] = field(default_factory=dict)
    rule_files: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    warnings: tuple[str, ...] = ()
