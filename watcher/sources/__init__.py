"""The APIs that are read: one line each in the table, one file each beside this one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from aiohttp import encode_basic_auth

from watcher.model import SourceName
from watcher.ports import Budget, Clock, Source
from watcher.sources.adlead import AdleadSource
from watcher.sources.apimo import LOOKBACK, ApimoSource
from watcher.sources.http import Account, Client
from watcher.units import Rate, Secret

__all__ = ["APIS", "Api", "Client", "Login", "build_client", "build_source"]


class Login(Protocol):
    """The settings that every account has; what else its API asks for (`provider`, `tenant` ...) is beside them."""

    @property
    def api(self) -> str:
        """Which API it is: a name in the table below."""

    @property
    def base_url(self) -> str:
        """What every path is below of."""

    @property
    def max_rate(self) -> Rate:
        """How often it may be asked."""

    @property
    def budget(self) -> Rate | None:
        """How often in a day; None: any number."""


@dataclass(frozen=True, slots=True)
class Api:
    """How an API is spoken to. `at_once` is how many requests may be under way together.

    `secret` and `headers` take an account's settings: the secret in them, and the headers that carry it. `source`
    builds one from name, client, settings, names of the list and lookback.
    """

    at_once: int
    secret: Callable[[Any], Secret]
    headers: Callable[[Any, str], Mapping[str, str]]
    source: Callable[[SourceName, Client, Any, tuple[str, ...], int], Source]


APIS: Mapping[str, Api] = {
    "apimo": Api(
        at_once=4,
        secret=lambda login: login.token,
        headers=lambda login, token: {"Authorization": encode_basic_auth(login.provider, token)},
        source=lambda name, client, _, keys, lookback: ApimoSource(name, client, keys, lookback),
    ),
    "adlead": Api(
        at_once=2,
        secret=lambda login: login.key,
        headers=lambda _, key: {"X-API-Key": key},
        source=lambda name, client, login, _, __: AdleadSource(name, client, login.tenant, name.partition),
    ),
}


def build_client(account: str, login: Login, *, budget: Budget, clock: Clock, luck: Callable[[], float]) -> Client:
    """Make the client of an account, in a running loop. Whoever asks has to close it."""
    api = APIS[login.api]
    secret = api.secret(login).reveal()
    headers = api.headers(login, secret)
    settings = Account(
        name=account,
        base_url=login.base_url,
        rate=login.max_rate,
        daily=login.budget.count if login.budget else None,
        at_once=api.at_once,
        headers=headers,
        secrets=(secret, *(value.rpartition(" ")[2] for value in headers.values())),
    )
    return Client(settings, budget, clock, luck)


def build_source(
    name: SourceName, client: Client, login: Login, *, list_keys: tuple[str, ...], lookback: timedelta | None = None
) -> Source:
    """Make a source; `list_keys` are the names that its list may have, `lookback` is for those read by cursor."""
    seconds = LOOKBACK if lookback is None else int(lookback.total_seconds())
    return APIS[login.api].source(name, client, login, list_keys, seconds)
