"""The other side, for the tests of the sources: a budget, a clock, servers that say any bytes, time that costs none."""

from __future__ import annotations

import asyncio
import json
import selectors
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from watcher.model import Known, Reading
from watcher.sources.answers import Answer

NOON = datetime(2026, 11, 21, 11, 0, 20, tzinfo=UTC)
BASE = "https://api.test/v1"


class FakeBudget:
    """The budget port in memory; `spent` counts by account and day."""

    def __init__(self) -> None:
        self.spent: dict[tuple[str, str], int] = {}

    async def spend(self, account: str, day: str, limit: int) -> int:
        """Count one, unless the day's are all made."""
        count = self.spent.get((account, day), 0)
        if count >= limit:
            return -1
        self.spent[account, day] = count + 1
        return limit - count - 1


class FakeClock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        """The time now."""
        return self.now


# ---------------------------------------------------------------------------------------- lists, as the vendors page them

Query = Mapping[str, str]


def lead(number: int, **more: Any) -> dict[str, Any]:
    """A lead as Apimo has it, as far as the sources look."""
    return {"id": number, "step": "1", "updated_at": "2026-11-20 10:00:00"} | more


def apimo(
    records: Sequence[Any], query: Query, *, clamp: int = 10_000, key: str = "leads", **more: Any
) -> dict[str, Any]:
    """Apimo's answer about a list; `clamp` is the most that it gives, `more` is put into it."""
    offset, limit = int(query["offset"]), min(int(query["limit"]), clamp)
    page = list(records[offset : offset + limit])
    return {key: page, "total_items": len(records), "timestamp": 1461594712} | more


def adlead(records: Sequence[Any], query: Query, *, per_page: int | None = None, **more: Any) -> dict[str, Any]:
    """Adlead's answer about a list, as Laravel pages it; `per_page` is what it gives whatever it was asked for."""
    size, number = per_page or int(query["per_page"]), int(query["page"])
    meta = {
        "current_page": number,
        "last_page": max(1, -(-len(records) // size)),
        "per_page": size,
        "total": len(records),
    }
    page = list(records[(number - 1) * size : number * size])
    links = {"next": "http://elsewhere.test/steal?page=2", "last": "http://elsewhere.test/"}
    return {"success": True, "message": None, "data": page, "links": links, "meta": meta} | more


class Direct:
    """A client without a network: it hands the queries to a function, and counts them."""

    def __init__(self, answer: Callable[[Query], Any], clock: Callable[[], datetime] = lambda: NOON) -> None:
        self.clock = clock
        self.queries: list[Query] = []
        self.paths: list[str] = []
        self.timeouts: list[float] = []
        self._answer = answer

    async def get(self, path: str, params: Query | None = None, *, timeout: float = 30.0) -> Answer:
        """Answer with what the function says: a value is made JSON, bytes go as they are, an error is raised."""
        self.paths.append(path)
        self.queries.append(params or {})
        self.timeouts.append(timeout)
        told = self._answer(params or {})
        return Answer(200, {}, told if isinstance(told, bytes) else json.dumps(told).encode())


def remembered(reading: Reading, *, pages: bool = True, absent: Mapping[str, int] = MappingProxyType({})) -> Known:
    """What the snapshot knows after a reading was committed."""
    return Known({piece.fingerprint: piece.key for piece in reading.fresh}, absent, reading.pages if pages else {})


NOTHING = Known({}, {}, {})

# ----------------------------------------------------------------------------------------- servers that say any bytes

Speak = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


@asynccontextmanager
async def speaking(speak: Speak) -> AsyncIterator[str]:
    """Serve bytes as they are said, once the request has come, on loopback; gives the address."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await speak(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


# ------------------------------------------------------------------------------------------------ time that costs none


class _Jumping(selectors.DefaultSelector):
    """A selector that never waits: it moves the loop's time instead."""

    now = 1000.0
    wakes = 0

    def select(self, timeout: float | None = None) -> list[Any]:
        """What is ready; if nothing is, so much time has passed."""
        ready = super().select(0)
        if not ready and timeout:
            self.now += timeout
            self.wakes += 1
        return ready


class FakeTimeLoop(asyncio.SelectorEventLoop):
    """An event loop in which all waiting is over at once; `wakes` counts how often it slept."""

    def __init__(self) -> None:
        self.selector = _Jumping()
        super().__init__(self.selector)

    def time(self) -> float:
        """Seconds, as the sleeps have made them pass."""
        return self.selector.now
