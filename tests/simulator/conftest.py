"""A simulator that serves, a client that speaks to it, and the vendors' samples."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp
import pytest

from watcher.simulator import Simulator, World

NOON = datetime(2026, 11, 21, 11, 0, tzinfo=UTC)
SAMPLES = Path(__file__).parent / "samples"


class Clock:
    """A monotonic clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


@dataclass(frozen=True)
class Reply:
    """What came back, decompressed."""

    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


class Client:
    """Speaks to a simulator as Apimo's and Adlead's clients do, and to its control API."""

    def __init__(self, sim: Simulator, session: aiohttp.ClientSession) -> None:
        self.sim = sim
        self._session = session

    async def ask(self, method: str, path: str, **more: Any) -> Reply:
        """Ask anything, as it is."""
        url = self.sim.url + path
        async with self._session.request(method, url, allow_redirects=False, **more) as reply:
            return Reply(reply.status, reply.headers, await reply.read())

    async def apimo(
        self, path: str, *, login: str = "9999:simulated-token", method: str = "GET", **query: Any
    ) -> Reply:
        """Ask Apimo."""
        pair = base64.b64encode(login.encode()).decode()
        return await self.ask(method, path, headers={"Authorization": f"Basic {pair}"}, params=query)

    async def post_lead(self, body: Any, agency: int = 101) -> Reply:
        """Post a lead to Apimo, as JSON or as given bytes."""
        pair = base64.b64encode(b"9999:simulated-token").decode()
        headers = {"Authorization": f"Basic {pair}", "Content-Type": "application/json"}
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.ask("POST", f"/agencies/{agency}/leads", headers=headers, data=data)

    async def adlead(
        self, path: str = "", *, key: str = "simulated-key", tenant: str = "client-a", **query: Any
    ) -> Reply:
        """Ask Adlead."""
        headers = {"X-API-Key": key, "Accept": "application/json"}
        method = query.pop("method", "GET")
        return await self.ask(method, f"/v1/{tenant}{path}", headers=headers, params=query)

    async def purchases(self, program: int = 1, **query: Any) -> Reply:
        """Ask Adlead for a page of purchases."""
        return await self.adlead(f"/programs/{program}/purchases", **query)

    async def control(self, method: str, path: str, body: Any = None) -> Reply:
        """Ask the control API."""
        return await self.ask(method, f"/_sim{path}", **({} if body is None else {"json": body}))

    async def raw(self, path: str, **query: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Ask with valid credentials and hand over the connection unread."""
        address = urlsplit(self.sim.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        pair = base64.b64encode(b"9999:simulated-token").decode()
        target = f"{path}?{urlencode(query)}" if query else path
        writer.write(
            f"GET {target} HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Basic {pair}\r\n"
            f"X-API-Key: simulated-key\r\nConnection: close\r\n\r\n".encode()
        )
        return reader, writer


Serve = Callable[..., Awaitable[Client]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start simulators (quiet and without limits, unless told) and stop them afterwards."""
    async with AsyncExitStack() as stack:

        async def started(**settings: Any) -> Client:
            quiet = {"life": False, "apimo_rate": None, "apimo_daily": None, "adlead_rate": None, "start": NOON}
            sim = await stack.enter_async_context(Simulator(**(quiet | settings)))
            session = await stack.enter_async_context(aiohttp.ClientSession())
            return Client(sim, session)

        yield started


@pytest.fixture
async def client(serve: Serve) -> Client:
    """A client of a simulator without records, limits or life, whose clock stands at noon of Paris."""
    return await serve(speed=0)


@pytest.fixture
def world() -> World:
    """An empty world at noon of Paris."""
    return World(1, NOON)


@pytest.fixture
def sample() -> Callable[[str], Any]:
    """Read one of the vendors' documented samples."""
    return lambda name: json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], Awaitable[None]]:
    """Wait for a condition, ten seconds at most."""

    async def wait(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110 - a condition has no event to wait for
                await asyncio.sleep(0.005)

    return wait


@pytest.fixture
def clock() -> Clock:
    """A clock that the test sets."""
    return Clock()


@pytest.fixture
async def full(client: Client) -> Client:
    """A client of a simulator with five leads, five contracts and five purchases."""
    for _ in range(5):
        client.sim.world.make("leads", 101)
        client.sim.world.make("contracts", 101)
        client.sim.world.make("purchases", 1)
    return client
