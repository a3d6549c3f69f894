from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from watcher.store.sqlite import Store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store of a test is."""
    return tmp_path / "watcher.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    """An empty store, open."""
    async with await Store.open(path) as opened:
        yield opened
