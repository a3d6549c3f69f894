"""A person, a source that answers what it is told to, and the whole over a real store and a clock moved by hand."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from privacy_world import World

from watcher.store import Store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store is."""
    return tmp_path / "watcher.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    """A real store."""
    async with await Store.open(path) as opened:
        yield opened


@pytest.fixture
async def leads(store: Store) -> World:
    """A world of leads."""
    return await World.of(store, "apimo.leads")


@pytest.fixture
async def purchases(store: Store) -> World:
    """A world of purchases."""
    return await World.of(store, "adlead.purchases")
