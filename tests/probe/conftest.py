"""A probe of simulated vendors, within a real store's budget."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from probed import NOON, Probed

from watcher.simulator import Simulator
from watcher.store import Store

Probe = Callable[..., Awaitable[Probed]]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """A store of its own."""
    async with await Store.open(tmp_path / "watcher.db") as opened:
        yield opened


@pytest.fixture
async def simulate() -> AsyncIterator[Callable[..., Awaitable[Simulator]]]:
    """Start vendors where nothing happens by itself, without limits unless told, with a few records of each kind."""
    async with AsyncExitStack() as stack:

        async def started(records: int = 12, **settings: Any) -> Simulator:
            quiet = {"life": False, "apimo_rate": None, "apimo_daily": None, "adlead_rate": None, "speed": 0}
            sim = await stack.enter_async_context(Simulator(**(quiet | {"start": NOON} | settings)))
            for number in range(records):
                sim.world.make("leads", 101, {"id": 500 + number})
                sim.world.make("contracts", 101, {"id": 700 + number})
                sim.world.make("purchases", 1, {"id": 900 + number})
            return sim

        yield started
