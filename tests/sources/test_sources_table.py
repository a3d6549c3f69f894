"""The table of APIs: what a client and a source of each are built of."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web
from peers import NOTHING, FakeBudget, FakeClock, adlead, apimo, lead

from watcher.model import SourceName
from watcher.ports import Source
from watcher.sources import APIS, build_client, build_source
from watcher.sources.http import Account
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
