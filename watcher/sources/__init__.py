"""The APIs that are read: one line each in the table, one file each beside this one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import cache
from importlib.metadata import EntryPoint, entry_points

import msgspec

from watcher.errors import ConfigError
from watcher.model import SourceName
from watcher.ports import Budget, Clock, Source
from watcher.sources.adlead import ADLEAD, AdleadAccount
from watcher.sources.apimo import APIMO, LOOKBACK, ApimoAccount
from watcher.sources.http import Account, Client
from watcher.sources.kit import ApiType, Login
from watcher.streams import learn

GROUP = "watcher.sources"
"""The group of entry points under which another package offers an API."""

APIS: Mapping[str, ApiType] = {
    "apimo": APIMO,
    "adlead": ADLEAD,
}
"""The APIs that come with watcher."""


@cache
def api_types() -> Mapping[str, ApiType]:
    """Every API there is: our own, and those of installed packages under other names, whose streams are made known.

    To be asked before anything is said of streams; the answer stays the same as long as the process lives.
    """
    offered = {point.name: _load(point) for point in entry_points(group=GROUP) if point.name not in APIS}
    learn(stream for kind in offered.values() for stream in kind.streams)
    return {**APIS, **offered}


def _load(point: EntryPoint) -> ApiType:
    try:
        loaded = point.load()
    except Exception as error:  # another's code: whatever is wrong with it, say whose it is
        raise ConfigError((f"{_whose(point)} cannot be loaded ({error!r}): mend or uninstall it",)) from error
    if not isinstance(loaded, ApiType):
        raise ConfigError((f"{_whose(point)} is no watcher.sources.ApiType: mend or uninstall it",))
    if wrong := "; ".join(_mistakes(point.name, loaded)):
        raise ConfigError((f"{_whose(point)} cannot be used ({wrong}): mend or uninstall it",))
    return loaded


def _mistakes(name: str, kind: ApiType) -> Iterator[str]:
    """What would be met only later, and far from where it comes from."""
    keys = kind.account.__struct_fields__ if issubclass(kind.account, msgspec.Struct) else ()
    missing = [key for key in ("api", "base_url", "max_rate", "budget") if key not in keys]
    if missing:
        yield f"its account has no {', '.join(missing)}"
    strangers = (one.name for one in kind.streams if _api(one.name) != name)
    yield from (f"its stream {stranger} is not called {name}.SOMETHING" for stranger in strangers)


def _api(stream: str) -> str:
    """The API that a stream's name begins with."""
    return stream.partition(".")[0] if stream.count(".") == 1 else ""


def _whose(point: EntryPoint) -> str:
    package = f" of the package {point.dist.name}" if point.dist else ""
    return f"the API {point.name!r} ({GROUP} = {point.value}){package}"


def build_client(account: str, login: Login, *, budget: Budget, clock: Clock, luck: Callable[[], float]) -> Client:
    """Make the client of an account, in a running loop. Whoever asks has to close it."""
    api = api_types()[login.api]
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
    return api_types()[login.api].source(name, client, login, list_keys, seconds)


__all__ = [
    "APIS",
    "GROUP",
    "AdleadAccount",
    "ApiType",
    "ApimoAccount",
    "Client",
    "Login",
    "api_types",
    "build_client",
    "build_source",
]
