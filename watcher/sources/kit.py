"""What every API is made with: the shape of its accounts, how it is spoken to, and how it is put in the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from watcher.model import SourceName
from watcher.ports import Source
from watcher.sources.http import Client
from watcher.streams.stream import Stream
from watcher.units import Rate, Secret


class Login(Protocol):
    """The settings that every account has; what else its API asks for (`provider`, `tenant` ...) is beside them."""

    @property
    def api(self) -> str:
        """Which API it is: a name in the table."""

    @property
    def base_url(self) -> str:
        """What every path is below of."""

    @property
    def max_rate(self) -> Rate:
        """How often it may be asked."""

    @property
    def budget(self) -> Rate | None:
        """How often in a day; None: any number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiType:
    """An API: what is written of its accounts, what can be read with one, and how.

    `account` is the shape of `[accounts.NAME]`, a frozen msgspec struct with the keys of `Login` (its defaults are the
    vendor's address and limits) and those of its own. `streams` are what can be read, each named `API.STREAM`;
    `partitions` is the key of `[[sources]]` that says of what (`agencies`). `cursor` says that a read may ask for what
    changed alone, so that `reconcile` and `lookback` mean something. `at_once` is how many requests may be under way
    together.

    `secret`, `headers` and `whose` take an account's settings: the secret in them, the headers that carry it, and whose
    account it is (a number or name at the vendor's, for people and for `Stream.link`). `source` builds one from name,
    client, settings, the stream's `list_keys` and the lookback in seconds.
    """

    account: type[Any]
    streams: tuple[Stream, ...]
    partitions: str
    secret: Callable[[Any], Secret]
    headers: Callable[[Any, str], Mapping[str, str]]
    source: Callable[[SourceName, Client, Any, tuple[str, ...], int], Source]
    whose: Callable[[Any], str] = lambda _: ""
    cursor: bool = False
    at_once: int = 2
