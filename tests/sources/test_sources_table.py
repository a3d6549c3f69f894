"""The table of APIs, what a client and a source of each are built of, and those that other packages add."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from importlib.metadata import EntryPoint, EntryPoints
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from aiohttp import web
from peers import NOTHING, FakeBudget, FakeClock, adlead, apimo, lead

import watcher.sources
from watcher.errors import ConfigError
from watcher.model import SourceName
from watcher.ports import Source
from watcher.sources import APIS, api_types, build_client, build_source
from watcher.sources.http import Account
from watcher.streams import STREAMS, Stream
from watcher.streams.canonical import TEXT, Object
from watcher.units import Rate, Secret

LOGINS: dict[str, Any] = {
    "apimo": {"provider": "9999", "token": Secret("tok3n"), "budget": Rate(1000, 86_400.0)},
    "adlead": {"tenant": "client-a", "key": Secret("k3y"), "budget": None},
}


def login(api: str, base_url: str) -> Any:
    """An account's settings."""
    return SimpleNamespace(api=api, base_url=base_url, max_rate=Rate(50, 1.0), **LOGINS[api])


@pytest.mark.parametrize(
    ("api", "stream", "keys", "path"),
    [
        ("apimo", "apimo.leads", ("leads",), "/agencies/101/leads"),
        ("apimo", "apimo.contracts", ("contracts", "requests"), "/agencies/101/contracts"),
        ("adlead", "adlead.purchases", ("data",), "/client-a/programs/101/purchases"),
    ],
)
async def test_every_stream_can_be_built_and_read(
    serve: Callable[..., Any], clock: FakeClock, budget: FakeBudget, api: str, stream: str, keys: Any, path: str
) -> None:
    """From an account's settings to a reading: the right path, the right credential, the budget counted."""
    seen: list[web.Request] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request)
        page = apimo if api == "apimo" else adlead
        more = {"key": keys[0]} if api == "apimo" else {}
        return web.json_response(page([lead(1)], request.query, **more))

    settings = login(api, await serve(handler))
    name = SourceName("azur", stream, "101")
    client = build_client("azur", settings, budget=budget, clock=clock, luck=lambda: 0.0)
    source: Source = build_source(name, client, settings, list_keys=keys, lookback=timedelta(minutes=1))
    reading = await source.read(NOTHING, None)
    await client.close()
    assert source.name == name
    assert (reading.complete, reading.present) == (True, {"1"})
    assert seen[0].path == path
    if api == "apimo":
        assert seen[0].headers["Authorization"] == "Basic " + base64.b64encode(b"9999:tok3n").decode()
        assert budget.spent == {("azur", "2026-11-21"): 1}
    else:
        assert seen[0].headers["X-API-Key"] == "k3y"
        assert budget.spent == {}


def test_an_account_shows_no_secret() -> None:
    """However an account is printed, its credential is not in it."""
    account = Account("azur", "https://api.test", Rate(1, 1.0), None, 1, {"X-API-Key": "k3y"}, ("k3y",))
    assert "k3y" not in repr(account)


def test_adlead_is_asked_by_two_at_once_at_most() -> None:
    """The bound on what is under way belongs to the API, not to the settings."""
    assert APIS["adlead"].at_once == 2


# ---------------------------------------------------------------------------------------------- those of other packages

STREAM = Stream("carnet.visits", "visit", Object({"place": TEXT}), (), ())


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """An account of another's API."""

    api: str
    base_url: str
    max_rate: Rate
    budget: Rate | None = None


CARNET = replace(APIS["adlead"], account=Login, streams=(STREAM,), partitions="notebooks")
NO_API = "a text"
NO_BUDGET = replace(CARNET, account=msgspec.defstruct("Login", [("api", str), ("base_url", str), ("max_rate", Rate)]))
OF_ANOTHER = replace(CARNET, streams=(replace(STREAM, name="apimo.visits"),))


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Have packages installed that offer these."""

    def install(**points: str) -> None:
        offered = EntryPoints(EntryPoint(name, value, watcher.sources.GROUP) for name, value in points.items())
        monkeypatch.setattr(watcher.sources, "entry_points", lambda group: offered.select(group=group))
        api_types.cache_clear()

    learned: list[Stream] = []
    monkeypatch.setattr(watcher.sources, "learn", learned.extend)
    yield install
    assert {stream.name for stream in learned} <= {STREAM.name}
    api_types.cache_clear()


def test_other_packages_add_apis_and_do_not_replace_ours(installed: Callable[..., None]) -> None:
    """An API under a new name is there; one under a name of ours is not even loaded."""
    installed(carnet=f"{__name__}:CARNET", apimo="no.such.module:APIMO")
    types = api_types()
    assert types["carnet"] is CARNET
    assert {name: types[name] for name in APIS} == dict(APIS)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("no.such.module:API", "cannot be loaded"),
        (f"{__name__}:NOT_THERE", "cannot be loaded"),
        (f"{__name__}:NO_API", r"is no watcher\.sources\.ApiType"),
        (f"{__name__}:NO_BUDGET", r"cannot be used \(its account has no budget\)"),
        (f"{__name__}:OF_ANOTHER", r"cannot be used \(its stream apimo\.visits is not called carnet\.SOMETHING\)"),
    ],
)
def test_a_broken_one_is_called_by_name(installed: Callable[..., None], value: str, why: str) -> None:
    """So that it is known what to uninstall."""
    installed(carnet=value)
    with pytest.raises(ConfigError, match=f"the API 'carnet'.*{why}.*: mend or uninstall it") as caught:
        api_types()
    assert value in str(caught.value)


@pytest.mark.parametrize("name", sorted(APIS))
def test_every_api_describes_what_it_reads(name: str) -> None:
    """Its streams are known by its name, and its accounts are frozen and show no secret."""
    kind = APIS[name]
    assert kind.account.__struct_config__.frozen
    assert all(STREAMS[stream.name] is stream and stream.name.startswith(f"{name}.") for stream in kind.streams)
    assert {stream.name for api in APIS.values() for stream in api.streams} == set(STREAMS)
