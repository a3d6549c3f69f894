"""The one connection and the thread it lives in."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import aiosqlite

from watcher.errors import StoreError, StoreRuined, WatcherError

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]
"""Something to do with the connection, on its thread."""

_RUINED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class Worker(aiosqlite.Connection):
    """A connection whose thread runs whole functions, one after the other, in the order in which they were asked.

    aiosqlite posts single statements; between two of them anybody may be cancelled or put in a statement of his own. A
    function posted whole cannot be cut in two. It has no public way to post one, so this is a subclass, and uses of the
    inherited parts only `_execute`, which every public method of aiosqlite goes through, and `_thread`, to join it.
    """

    @classmethod
    async def start(cls, connect: Callable[[], sqlite3.Connection]) -> Worker:
        """Start the thread and open the connection there."""
        worker = cls(connect, iter_chunk_size=64)
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

        def posted() -> T:
            with translated():
                result = work(self._conn)
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
def translated(store: str = "the store") -> Iterator[None]:
    """Turn the errors of SQLite that say something of the store, not of our program, into ours."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        answer = _translate(error, store)
        if answer is None:
            raise
        raise answer from error


def _translate(error: sqlite3.DatabaseError, store: str) -> WatcherError | None:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte; the rest is detail
    if code in _RUINED:
        return StoreRuined(f"{store} is damaged, or no store at all ({error}): put back a copy of it")
    if isinstance(error, sqlite3.OperationalError):
        return StoreError(f"{store} cannot be used for now: {error}")
    if isinstance(error, sqlite3.IntegrityError):
        # Made from what the store no longer holds: made again from what it holds now, it will do.
        return StoreError(f"this does not fit what is stored: {error}")
    return None
