"""The store in memory: its own statements over a database without a file, and without a thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import cache, partial
from pathlib import Path
from typing import TypeVar

from watcher.store import Store, migrations
from watcher.store.read import Reader
from watcher.store.worker import Work, transact, translated

T = TypeVar("T")

_NAME = Path("the rehearsal's store")


class MemoryStore(Store):
    """A store that is gone when it is closed. `reader` looks into it as into one on disk."""

    def __init__(self) -> None:  # neither lock nor thread: there is nobody to share it with
        self._read_anew()
        self._db = _database()
        self.reader = Reader(self._db, _NAME)

    async def close(self) -> None:
        """Let go of all that was remembered; again is no error."""
        self._db.close()

    async def _look(self, work: Work[T], then: Callable[[T], None] | None = None) -> T:
        with translated(str(_NAME)):
            result = work(self._db)
        if then is not None:
            then(result)
        return result

    async def _write(self, work: Work[T], then: Callable[[T], None] | None = None) -> T:
        return await self._look(partial(transact, work=work), then)


def _database() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", isolation_level=None)
    with closing(sqlite3.connect(":memory:")) as empty:
        empty.deserialize(_empty())
        empty.backup(db)
    db.execute("PRAGMA foreign_keys = ON")
    return db


@cache
def _empty() -> bytes:
    """A store with nothing in it: made once, because that takes a hundred times as long as a copy."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        migrations.migrate(db)
        return db.serialize()
