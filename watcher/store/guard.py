"""The store's files while it is open: still the same ones, whole, and the log no longer than it has to be."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeVar

from watcher.errors import StoreError

T = TypeVar("T")

LOG_LIMIT = 64 << 20
"""Bytes of the log beyond which it is emptied as soon as nobody reads from it."""

_LOG_STEP = LOG_LIMIT // 4
"""Bytes by which it grows before that is tried again, where somebody does."""

_LOG_PATIENCE = 100
"""Milliseconds to wait for those who read from it."""


class _Seen(NamedTuple):
    """What names a file, whatever its name is, and its bytes."""

    device: int
    number: int
    size: int


class Guard:
    """Looks at the files before and after each use of the connection, which costs a few microseconds.

    A connection goes on writing into a file that was deleted or replaced under it, and believes that all is well. The
    store's files are made shorter by their own connection only.
    """

    def __init__(self, path: Path) -> None:
        """`path` is where the store is that has just been opened."""
        self._files = (path, Path(f"{path}-wal"))
        self._seen = tuple(map(_look, self._files))
        self._log_limit = LOG_LIMIT

    def around(self, work: Callable[[sqlite3.Connection], T], db: sqlite3.Connection) -> T:
        """Do it, unless the files are not what they were; then raise StoreError."""
        for path, before in zip(self._files, self._seen, strict=True):
            _compare(path, before)
        try:
            return work(db)
        finally:
            self._follow()
            size = self._seen[1].size
            if size > self._log_limit:
                self._empty_log(db, size)
            elif size <= LOG_LIMIT:
                self._log_limit = LOG_LIMIT

    def _empty_log(self, db: sqlite3.Connection, size: int) -> None:
        """Put all that is in the log into the store, and begin it anew.

        SQLite does it by itself when nobody reads; where somebody always does, one after the other, it never comes to
        it. Those who begin to read once everything is in the store are in nobody's way.
        """
        ((patience,),) = db.execute("PRAGMA busy_timeout").fetchall()
        busy = 1
        with suppress(sqlite3.Error):  # what was to be done has been done; this can wait for the next time
            db.execute(f"PRAGMA busy_timeout = {_LOG_PATIENCE}")
            ((busy, _, _),) = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        db.execute(f"PRAGMA busy_timeout = {patience}")
        self._log_limit = size + _LOG_STEP if busy else LOG_LIMIT
        self._follow()

    def _follow(self) -> None:
        """Take in how long the files are now; which they are was settled when the store was opened."""
        found = map(_look, self._files)
        self._seen = tuple(now if now[:2] == was[:2] else was for was, now in zip(self._seen, found, strict=True))


def _look(path: Path) -> _Seen:
    try:
        found = os.stat(path)  # noqa: PTH116 - twice at each use
    except OSError:
        return _Seen(0, 0, 0)
    return _Seen(found.st_dev, found.st_ino, found.st_size)


def _compare(path: Path, before: _Seen) -> None:
    now = _look(path)
    if now[:2] == before[:2] and now.size >= before.size:
        return
    if not now.number:
        raise StoreError(f"{path} is gone: move it back, or stop watcher, put back a copy of the store and start it")
    if now[:2] != before[:2]:
        raise StoreError(f"{path} is another file than the one that was opened: restart watcher, and it looks it over")
    raise StoreError(f"{path} was cut short by somebody: stop watcher, put back a copy of the store and start it")
