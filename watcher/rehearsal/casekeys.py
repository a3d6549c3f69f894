"""The keys of cases as they are written (docs/trying.md), and a case as it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from msgspec import Meta, Struct, defstruct

from watcher.errors import Permanent, Transient
from watcher.kinds import Id, Span
from watcher.model import SourceName
from watcher.silences import LABELS

Record = dict[str, Any]
Time = str | datetime
"""A moment as it is written: `2026-11-21 18:50`, or `+15m` after another."""


# ---------------------------------------------------------------------------------------------------- as it is written

SilenceKeys = defstruct(
    "SilenceKeys",
    [("for_", Span), ("comment", str, ""), *((label, str, "") for label in LABELS)],
    rename={"for_": "for"},
    frozen=True,
    kw_only=True,
)


class GivenKeys(Struct, frozen=True, kw_only=True):
    """`[[cases.given]]`."""

    at: Time
    records: tuple[Record, ...] = ()
    removed: tuple[Id, ...] = ()
    silence: Record | None = None
    fails: bool | str = False
    down: bool = False


class MessageKeys(Struct, frozen=True, kw_only=True):
    """One of `messages`."""

    to: str
    event: str
    rule: str | None = None
    at: Time | None = None
    title: str | None = None
    text: str | None = None
    count: int | None = None
    late: bool | None = None


class SilentKeys(Struct, frozen=True, kw_only=True):
    """One of `silent`."""

    to: str
    event: str
    rule: str | None = None
    why: str | None = None


class ExpectKeys(Struct, frozen=True, kw_only=True):
    """`[cases.expect]`."""

    events: tuple[str, ...] | None = None
    messages: tuple[MessageKeys, ...] | None = None
    silent: tuple[SilentKeys, ...] = ()
    sinks: Annotated[tuple[str, ...], Meta(min_length=1)] | None = None
    until: Time | None = None


class CaseKeys(Struct, frozen=True, kw_only=True):
    """`[[cases]]`."""

    name: str
    source: str | None = None
    known: tuple[Record, ...] = ()
    given: Annotated[tuple[GivenKeys, ...], Meta(min_length=1)]
    expect: ExpectKeys


class Page(Struct, frozen=True, kw_only=True):
    """The whole file."""

    cases: Annotated[tuple[CaseKeys, ...], Meta(min_length=1)]


# -------------------------------------------------------------------------------------------------------- as it is read


class At(NamedTuple):
    """A moment that is expected, `exact` to the second or to the minute."""

    moment: datetime
    exact: bool

    def is_(self, moment: datetime) -> bool:
        """Say whether that moment is meant."""
        span = timedelta(seconds=1) if self.exact else timedelta(minutes=1)
        return self.moment <= moment < self.moment + span


@dataclass(frozen=True, slots=True)
class Step:
    """What is given at one moment: what the source answers from then on, or that it fails, or a silence.

    `records` are changes to what each record was, by id; after a step that is `down` the daemon is stopped.
    """

    at: datetime
    records: Mapping[str, Record] = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    silence: tuple[Mapping[str, str], timedelta, str] | None = None
    error: Transient | Permanent | None = None
    down: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """A message that is expected; what is None is not looked at, texts are globs."""

    to: str
    event: str
    rule: str | None = None
    at: At | None = None
    title: str | None = None
    text: str | None = None
    count: int | None = None
    late: bool | None = None


@dataclass(frozen=True, slots=True)
class Unwanted:
    """A message that must not come, by that rule or any, and a glob of why not."""

    to: str
    event: str
    rule: str | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One case, and where it was written.

    `events` and `messages` that are None are not looked at; nor are messages to others than `sinks`, if it has any.
    """

    name: str
    file: Path
    line: int
    source: SourceName
    known: Mapping[str, Record]
    steps: tuple[Step, ...]
    until: datetime
    sinks: tuple[str, ...] | None
    events: tuple[str, ...] | None
    messages: tuple[Wanted, ...] | None
    silent: tuple[Unwanted, ...]


LONGEST = timedelta(days=8)
"""How long a case goes on after its last step, unless it says otherwise and unless nothing is waited for."""
