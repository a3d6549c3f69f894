"""The real store and the one in memory keep what every store promises."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from watcher.rehearsal.memory import MemoryStore
from watcher.store import Store
from watcher.testing import StoreContract


class TestStore(StoreContract):
    """The store that the daemon uses, on a disk."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Store]:
        """A new file each time."""
        with TemporaryDirectory() as directory:
            async with await Store.open(Path(directory) / "watcher.db") as store:
                yield store


class TestMemoryStore(StoreContract):
    """The store that rules are tried with, which is gone when it is closed."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Store]:
        """An empty one each time."""
        async with MemoryStore() as store:
            yield store
