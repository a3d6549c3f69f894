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
from watcher.store.worker import Work, Worker, finish, is_locked, read_again, transact, translated

T = TypeVar("T")


TOGETHER = 64
"""What is written in one transaction at most: whoever waits for a look waits no longer than that."""


class _Task:
    """Something to be written, what is to follow it, and what came of it."""

    __slots__ = ("error", "future", "result", "then", "work")

    def __init__(self, work: Work[Any], then: Callable[[Any], None] | None) -> None:
        self.work = work
        self.then = then
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.result: Any = None
        self.error: Exception | None = None

    def tell(self) -> None:
        """Let whoever asked hear what came of it."""
        if self.error is None and self.then is not None:
            try:
                self.then(self.result)
            except Exception as error:
                self.error = error
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)


def _tell(group: list[_Task], _: None) -> None:
    for task in group:
        task.tell()


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
        self._posted = False
        self._turns: set[asyncio.Task[None]] = set()

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
        while self._waiting:
            await self._turn()
        try:
            with suppress(WatcherError):  # not marked, it is checked when it is opened next
                await self._run(partial(self._guard.around, partial(files.mark, clean=True)), None)
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
        self._refuse_closed()
        return await self._run(partial(self._guard.around, work), then)

    def _refuse_closed(self) -> None:
        if self._closing is not None:
            raise StoreError("the store is closed")

    async def _run(self, work: Work[T], then: Callable[[T], None] | None) -> T:
        """Whatever is done on the thread passes here."""
        return await self._worker.run(work, then)

    async def _write(self, work: Work[T], then: Callable[[T], None] | None = None) -> T:
        self._refuse_closed()
        task = _Task(work, then)
        self._waiting.append(task)
        if not self._posted:  # else what is posted has yet to begin, and takes this along
            self._post()
        result: T = await finish(task.future)
        return result

    def _post(self) -> None:
        self._posted = True
        turn = asyncio.ensure_future(self._turn())
        self._turns.add(turn)
        turn.add_done_callback(self._turns.discard)

    async def _turn(self) -> None:
        """Have the thread write what waits, and tell those who asked."""
        group: list[_Task] = []
        try:
            await self._run(partial(self._settle, group), partial(_tell, group))
        except Exception as error:  # the thread has ended
            self._posted = False
            closed = StoreError("the store is closed")
            closed.__cause__ = error
            for task in (*group, *self._waiting):
                if not task.future.done():
                    task.future.set_exception(closed)
            self._waiting.clear()
        if self._waiting and not self._posted:
            self._post()

    def _settle(self, group: list[_Task], db: sqlite3.Connection) -> None:
        """Write what waits in one transaction; if it cannot be, each for itself. On the thread."""
        self._posted = False  # before: who comes after this posts a turn of his own
        while self._waiting and len(group) < TOGETHER:
            group.append(self._waiting.popleft())
        if len(group) > 1:
            with suppress(Exception):  # nothing of it is written: each has it done, or hears what is wrong, by itself
                results = self._written(lambda db: [one.work(db) for one in group], db)
                for task, result in zip(group, results, strict=True):
                    task.result = result
                return
        for task in group:
            try:
                task.result = self._written(task.work, db)
            except Exception as error:
                task.error = error

    def _written(self, work: Work[T], db: sqlite3.Connection) -> T:
        with translated(self._worker.store):
            return read_again(partial(self._guard.around, partial(self._transact, work)), db)

    def _transact(self, work: Work[T], db: sqlite3.Connection) -> T:
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
