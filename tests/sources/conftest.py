"""What the tests of the sources share: answers without a network, servers on loopback, and time that costs none."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from unittest.mock import Mock

import aiohttp
import pytest
from aiohttp import web
from aioresponses import aioresponses, core
from peers import BASE, FakeBudget, FakeClock, FakeTimeLoop

from watcher.sources.http import Account, Client
from watcher.units import Rate

# ------------------------------------------------------------------------------ aioresponses 0.7.9 with aiohttp 3.14


class _Response(aiohttp.ClientResponse):
    """A response that does not ask for the writer of its request, which aioresponses has not."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, stream_writer=Mock(output_size=0), **kwargs)


def _roomy(loop: Any) -> aiohttp.StreamReader:
    """A reader that never asks its (missing) transport to pause, as a small one does beyond 128 KiB."""
    return aiohttp.StreamReader(Mock(_reading_paused=False), limit=1 << 40, loop=loop)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[aioresponses]:
    """Answers to requests that never leave the process."""
    monkeypatch.setattr(core, "ClientResponse", _Response)
    monkeypatch.setattr(core, "stream_reader_factory", _roomy)
    with aioresponses() as mocked:
        yield mocked


@pytest.fixture
def clock() -> FakeClock:
    """The time, as the client is told it."""
    return FakeClock()


@pytest.fixture
def budget() -> FakeBudget:
    """The day's budget, as the client spends it."""
    return FakeBudget()


@pytest.fixture
async def connect(clock: FakeClock, budget: FakeBudget) -> AsyncIterator[Callable[..., Client]]:
    """Make clients, each of them closed after the test; what is not given is roomy."""
    made: list[Client] = []

    def connect(base_url: str = BASE, **given: Any) -> Client:
        settings: dict[str, Any] = {"rate": Rate(1000, 1.0), "daily": 1000, "at_once": 4, "secrets": ("tok3n",)} | given
        headers = settings.pop("headers", {"X-API-Key": "tok3n"})
        client = Client(Account("azur", base_url, headers=headers, **settings), budget, clock, lambda: 0.5)
        made.append(client)
        return client

    yield connect
    for client in made:
        await client.close()


@pytest.fixture
async def client(connect: Callable[..., Client]) -> Client:
    """A client of https://api.test/v1."""
    return connect()


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Any]]:
    """Serve one aiohttp handler for every path on loopback; gives the address."""
    runners: list[web.AppRunner] = []

    async def serve(handler: Callable[[web.Request], Any]) -> str:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        runners.append(runner)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield serve
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
def timeless() -> Iterator[FakeTimeLoop]:
    """A loop in which sleeping takes no time, but passes it."""
    loop = FakeTimeLoop()
    yield loop
    loop.close()
