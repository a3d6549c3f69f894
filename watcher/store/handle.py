"""A store that is open: its lock, its thread, and one look or one transaction at a time.

What waits to be written when a transaction begins is written in it, too: to sync the disk is what costs, and fifty
sources that have news at once need it once.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from watcher.errors import StoreError, WatcherError
from watcher.store import files
from watcher.store.guard import Guard
from watcher.store.lock import Lock
from watcher.store.worker import Work, Worker, finish, is_locked, transact

T = TypeVar("T")


TOGETHER = 64
"""What is written in one transaction at most: whoever waits for a look waits no longer than that."""


class _Task:
    """Something to be written, and what came of it once it is."""

    __slots__ = ("done", "result", "work")

    def __init__(self, work: Work[Any]) -> None:
        self.work = work
        self.done = False
        self.result: Any = None


class Handle:
    """The way to one store, from `open` to `close`.

    Cancelling a caller never cuts a transaction in two: it ends, either way, before the cancellation goes on.
    """

    def __init__(self, worker: Worker, lock: Lock) -> None:
        self._worker = worker
        self._lock = lock
        self._guard = Guard(lock.store)
        self._closing: asyncio.Future[None] | None = None
        self._patience = 0
        self._waiting: deque[_Task] = deque()

    @classmethod
    async def open(cls, path: str | Path) -> Self:
        """Open the store at that path, made if there is none; its directory has to exist.

        Raises StoreBusy when another process has it, StoreRuined when what is there is not a sound store of ours.
        """
        lock = Lock.take(path)
        try:
            return cls(await Worker.start(partial(files.connect, lock.store), str(lock.store)), lock)
        except BaseException:
            lock.release()
            raise

    async def close(self) -> None:
        """Finish what was asked for, close the file in good order and end the thread; again is no error."""
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._close())
        await finish(self._closing)

    async def _close(self) -> None:
        try:
            with suppress(WatcherError):  # not marked, it is checked when it is opened next
                await self._worker.run(partial(self._guard.around, partial(files.mark, clean=True)))
        finally:
            try:
                await self._worker.stop_and_join()
            finally:
                self._lock.release()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def ping(self) -> None:
        """Return when all that was asked for before is done: the store's thread is alive and its files are there."""
        await self._look(lambda db: db.execute("SELECT 1").fetchone())

    async def _look(self, work: Work[T], then: Callable[[T], None] | None = None) -> T:
        return await self._run(partial(self._guard.around, work), then)

    async def _run(self, work: Work[T], then: Callable[[T], None] | None) -> T:
        if self._closing is not None:
            raise StoreError("the store is closed")
        return await self._worker.run(work, then)

    async def _write(self, work: Work[T], then: Callable[[T], None] | None = None) -> T:
        return await finish(self._post(_Task(work), then))

    async def _post(self, task: _Task, then: Callable[[T], None] | None) -> T:
        if self._closing is None:  # else `_run` says so
            self._waiting.append(task)
        return await self._run(partial(self._settled, task), then)

    def _settled(self, task: _Task, db: sqlite3.Connection) -> Any:
        """What came of a task: it is written now, unless it was with another's. One that is refused waits no more."""
        if task.done:
            return task.result
        try:
            return self._guard.around(partial(self._settle, task), db)
        finally:
            with suppress(ValueError):
                self._waiting.remove(task)

    def _settle(self, task: _Task, db: sqlite3.Connection) -> Any:
        """Write a task, and with it all that waits."""
        group = [self._waiting.popleft() for _ in range(min(len(self._waiting), TOGETHER)) if not task.done]
        if len(group) > 1:
            with suppress(Exception):  # nothing of it is written: each has it done, or hears what is wrong, by itself
                results = self._transact(db, lambda db: [one.work(db) for one in group])
                for one, result in zip(group, results, strict=True):
                    one.done, one.result = True, result
        if not task.done:
            task.result = self._transact(db, task.work)
        return task.result

    def _transact(self, db: sqlite3.Connection, work: Work[T]) -> T:
        """Do it in one transaction. A lock that outlasts our patience is waited for once, not by all in the queue."""
        try:
            result = transact(db, work)
        except sqlite3.OperationalError as error:
            if is_locked(error) and not self._patience:
                ((self._patience,),) = db.execute("PRAGMA busy_timeout").fetchall()
                db.execute("PRAGMA busy_timeout = 0").fetchall()
            raise
        if self._patience:
            db.execute(f"PRAGMA busy_timeout = {self._patience}").fetchall()
            self._patience = 0
        return result
