"""The one connection and the thread it lives in."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import aiosqlite

from watcher.errors import StoreError, StoreRuined, WatcherError

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]
"""Something to do with the connection, on its thread."""

_RUINED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_UNWRITABLE = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}

_NO_ROOM = 256 << 10
"""Bytes: where fewer are free, a disk that does not write is a full one."""


class Worker(aiosqlite.Connection):
    """A connection whose thread runs whole functions, one after the other, in the order in which they were asked.

    aiosqlite posts single statements; between two of them anybody may be cancelled or put in a statement of his own. A
    function posted whole cannot be cut in two. It has no public way to post one, so this is a subclass, and uses of the
    inherited parts only `_execute`, which every public method of aiosqlite goes through, and `_thread`, to join it.
    `store` is what errors call it.
    """

    store = "the store"

    @classmethod
    async def start(cls, connect: Callable[[], sqlite3.Connection], store: str) -> Worker:
        """Start the thread and open the connection there."""
        worker = cls(connect, iter_chunk_size=64)
        worker.store = store
        worker._thread.daemon = True  # whoever forgets to close does not hang the exit; SQLite survives worse
        try:
            await finish(worker)
        except BaseException:
            await worker.stop_and_join()
            raise
        return worker

    async def run(self, work: Work[T], then: Callable[[T], None] | None = None) -> T:
        """Run `work` on the thread and return what it returns. A caller that is cancelled leaves, but the work is done.

        `then` is called with the result on the event loop, before the caller goes on and whether or not it is still
        there, in the order in which the functions ran. SQLite's errors are translated into StoreError and StoreRuined.
        """
        loop = asyncio.get_running_loop()
        mine = [(work, then)]

        def posted() -> T:
            work, then = mine.pop()  # aiosqlite's thread keeps its last function, which is not to keep a whole plan
            with translated(self.store):
                result = read_again(work, self._conn)
            if then is not None:
                loop.call_soon_threadsafe(then, result)
            return result

        execute: Callable[[Callable[[], T]], Awaitable[T]] = self._execute
        return await execute(posted)

    async def stop_and_join(self) -> None:
        """Close the connection and wait until the thread has ended."""
        try:
            await finish(self.close())
        finally:
            self._thread.join()


def read_again(work: Work[T], db: sqlite3.Connection) -> T:
    """Do it, and once more if SQLite calls the store damaged.

    A disk that fails to read it calls so, too (EIO in its unixRead), and a disk may fail once.
    """
    try:
        return work(db)
    except sqlite3.DatabaseError as error:
        if _code(error) not in _RUINED:
            raise
        return work(db)


def transact(db: sqlite3.Connection, work: Work[T]) -> T:
    """Do all of `work` in one transaction, or none of it."""
    try:
        db.execute("BEGIN IMMEDIATE")
        result = work(db)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # some errors, a full disk for one, have SQLite roll back by itself
            db.execute("ROLLBACK")
        raise
    return result


async def finish(work: Awaitable[T]) -> T:
    """Wait until it is done, even when cancelled while waiting, and only then let the cancellation go on."""
    future = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is None:
        return future.result()
    if not future.cancelled():
        future.exception()  # seen; the caller that is no longer there cannot be told
    raise cancelled


@contextmanager
def translated(store: str) -> Iterator[None]:
    """Turn the errors of SQLite that say something of the store, not of our program, into ours."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        answer = _translate(error, store)
        if answer is None:
            raise
        raise answer from error


def is_locked(error: sqlite3.DatabaseError) -> bool:
    """Whether it came of a lock that somebody else holds."""
    return _code(error) in _LOCKED


def _code(error: sqlite3.DatabaseError) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte; the rest is detail


def _translate(error: sqlite3.DatabaseError, store: str) -> WatcherError | None:
    code = _code(error)
    if code in _RUINED:
        return StoreRuined(f"{store} is damaged, or no store at all ({error}): put back a copy of it")
    if isinstance(error, sqlite3.OperationalError):
        return StoreError(_plain(code, error, store))
    if isinstance(error, sqlite3.IntegrityError):
        # Made from what the store no longer holds: made again from what it holds now, it will do.
        return StoreError(f"this does not fit what is stored: {error}")
    return None


def _plain(code: int, error: sqlite3.Error, store: str) -> str:
    """What is the matter and what to do, in the words of who runs it."""
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _full(store)):
        return f"no space on the disk of {store}: make room"
    if code == sqlite3.SQLITE_IOERR:
        name = error.sqlite_errorname
        return f"the disk of {store} does not read or write ({name}): mend it"
    if code in _LOCKED:
        return f"{store} is locked by another program ({error}): end that one"
    if code in _UNWRITABLE:
        return f"{store} cannot be opened or written ({error}): is its disk read-only, its directory somebody else's?"
    return f"{store} cannot be used for now: {error}"


def _full(store: str) -> bool:
    # SQLite calls it an error of the disk where it could not make room in a file that is mapped into memory.
    try:
        disk = os.statvfs(Path(store).parent)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < _NO_ROOM
