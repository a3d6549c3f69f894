"""The shapes of the configuration: what each table becomes. What each key is for is in `keys`.

Every table is a frozen struct with the names of its keys; `convert` fills them, `config` checks what joins them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct, defstruct

from watcher.hours import Hours
from watcher.kinds import Id, Listen, Span
from watcher.model import SourceName
from watcher.retention import Retention
from watcher.rules import USUAL_FLOOD, Grouping
from watcher.sinks import Settings
from watcher.sinks.http import check_address
from watcher.sources import Login
from watcher.units import Rate, Secret

Names = Annotated[tuple[str, ...], Meta(min_length=1)]


class State(Struct, frozen=True, kw_only=True):
    """`[state]`."""

    path: Path = Path("watcher.db")


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
    """`[[sources]]` as it is written, but for the partitions: how those are called is the API's (`source_keys`)."""

    account: str
    stream: str


def source_keys(partitions: Iterable[str]) -> type[SourceKeys]:
    """The whole of `[[sources]]`, given what the APIs call their partitions: each is a key with a list of them."""
    several = Annotated[tuple[Id, ...], Meta(min_length=1)]
    keys = [(name, several, ()) for name in dict.fromkeys(partitions)]
    shape: Any = defstruct("SourceKeys", keys, bases=(SourceKeys,), frozen=True, kw_only=True, module=__name__)
    whole: type[SourceKeys] = shape
    return whole


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


class RetentionKeys(Struct, frozen=True, kw_only=True):
    """`[retention]`, beside the streams by their names: how long what sinks said is kept, and anything at most."""

    sinks: dict[str, Span] = {}
    ceiling: Span | None = None


class Status(Struct, frozen=True, kw_only=True):
    """`[status]`. `ping` is a secret: whoever knows the address can say that all is well."""

    listen: Listen = Listen("127.0.0.1:9417")
    ping: Secret | None = None
    ping_every: timedelta = timedelta(minutes=1)

    def __post_init__(self) -> None:
        if self.ping:
            check_address(self.ping, "ping")
        if not timedelta(seconds=10) <= self.ping_every <= timedelta(days=1):
            raise ValueError('ping_every: must be between "10s" and "1d"')


class Opening(Struct, frozen=True, kw_only=True):
    """`hours` as a table."""

    open: str
    holidays: str = ""

    def __post_init__(self) -> None:
        for key, text, holidays in (("open", self.open, ""), ("holidays", "00:00-24:00", self.holidays)):
            try:
                Hours.parse(text, holidays)
            except ValueError as error:
                raise ValueError(f"{key}: {error}") from None

    def hours(self) -> Hours:
        """The same in one value."""
        return Hours.parse(self.open, self.holidays)


_GROUPING = Grouping()


class Group(Struct, frozen=True, kw_only=True):
    """`group`: several messages in one."""

    by: tuple[str, ...] = _GROUPING.by
    wait: Span = Span(_GROUPING.wait)
    every: Span = Span(_GROUPING.every)
    most: Annotated[int, Meta(ge=2)] = _GROUPING.most


class RuleKeys(Struct, frozen=True, kw_only=True):
    """`[[rules]]` as it is written. A new key of rules is a new line here, and one in `keys`."""

    name: str
    on: Names
    when: str | None = None
    to: Names
    after: Span | None = None
    unless: str | None = None
    before: Span | None = None
    of: str | None = None
    emit: str | None = None
    hours: Hours | Opening | None = None
    outside: Literal["wait", "drop"] = "wait"
    group: Group | None = None
    digest: time | None = None
    throttle: Rate | None = None
    flood: Rate | None = USUAL_FLOOD
    title: str | None = None
    body: str | None = None


class RuleSettings(RuleKeys, frozen=True, kw_only=True):
    """One rule, and where it was written."""

    hours: Hours | None = None
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
    retention: dict[str, Any] = {}
    status: Status = Status()
    rules: Any = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole configuration, checked.

    `state_directory` is where relative paths of file sinks start. `operator` names sinks. `rules` are in the order in
    which they are tried. `files` are all that were read, `rule_files` the patterns that new ones would match.
    `warnings` say what is hardly meant, `remarks` what may well be.
    """

    path: Path
    timezone: ZoneInfo
    language: Literal["fr", "en"]
    state_path: Path
    state_directory: Path
    accounts: Mapping[str, Login]
    sources: tuple[SourceSettings, ...]
    sinks: Mapping[str, Settings]
    operator: tuple[str, ...]
    rules: tuple[RuleSettings, ...]
    status_listen: str
    ping: Secret | None = None
    ping_every: timedelta = timedelta(minutes=1)
    privacy: Mapping[str, Privacy] = field(default_factory=dict)
    retention: Retention = field(default_factory=Retention)
    rule_files: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    warnings: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
