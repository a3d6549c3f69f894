"""The store: one SQLite file, one connection, one thread; each method is one transaction or one look.

Times come in as arguments; the store reads no clock. Every method raises StoreError when the store cannot be used for
now, with everything as it was, and StoreRuined when somebody has to look.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from watcher.errors import StoreError, WatcherError
from watcher.model import Alarm, Condition, Delivery, Known, Outcome, Plan, SourceName, SourceState, Version
from watcher.store import alarms, budgets, files, outbox, plans, snapshots
from watcher.store.known import Memory
from watcher.store.lock import Lock
from watcher.store.outbox import Counts, Pause
from watcher.store.worker import Work, Worker, finish, transact
from watcher.troubles import Troubles

T = TypeVar("T")


class Store:
    """All that is remembered: `Snapshots`, `Outbox`, `Alarms` and `Budget` of the ports, and what operators ask for.

    Cancelling a caller never cuts a transaction in two: it ends, either way, before the cancellation goes on.
    """

    def __init__(self, worker: Worker, lock: Lock) -> None:
        self._worker = worker
        self._lock = lock
        self._memories: dict[SourceName, Memory] = {}
        self._closing: asyncio.Future[None] | None = None

    @classmethod
    async def open(cls, path: str | Path) -> Store:
        """Open the store at that path, made if there is none; its directory has to exist.

        Raises StoreBusy when another process has it, StoreRuined when what is there is not a sound store of ours.
        """
        lock = Lock.take(path)
        try:
            return cls(await Worker.start(partial(files.connect, lock.store)), lock)
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
                await self._worker.run(partial(files.mark, clean=True))
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
        """Return when all that was asked for before is done: the store's thread is alive and answers."""
        await self._look(lambda db: db.execute("SELECT 1").fetchone())

    async def privacy_key(self) -> bytes:
        """The key of this store's hashes of what is withheld (`watcher.privacy`)."""
        (text,) = await self._look(lambda db: db.execute("SELECT value FROM meta WHERE key = 'privacy-key'").fetchone())
        return bytes.fromhex(text)

    async def _look(self, work: Work[T], then: Callable[[T], None] | None = None) -> T:
        if self._closing is not None:
            raise StoreError("the store is closed")
        return await self._worker.run(work, then)

    async def _write(self, work: Work[T], then: Callable[[T], None] | None = None) -> T:
        return await finish(self._look(partial(transact, work=work), then))

    # ------------------------------------------------------------------------------------------------- snapshots

    async def state(self, source: SourceName) -> SourceState:
        """What is remembered of a source; the empty state for one never polled."""
        return await self._look(partial(snapshots.state, source=source))

    async def known(self, source: SourceName) -> Known:
        """What the snapshot knows of it, from memory after the first time.

        The mappings are the store's own and follow what is committed: look things up in them, do not change them, and
        do not iterate over them across an `await` or in another thread.
        """
        if source in self._memories:
            return self._memories[source].known
        memory: Memory = await self._look(partial(snapshots.present, source=source), partial(self._keep, source))
        return self._memories.get(source, memory).known

    def _keep(self, source: SourceName, memory: Memory) -> None:
        # Plans that are committed after this look are followed after it too, so that none is missed.
        self._memories.setdefault(source, memory)

    def forget(self, source: SourceName) -> None:
        """Let go of what is kept in memory of a source; it is read again when asked for."""
        self._memories.pop(source, None)

    async def versions(self, source: SourceName, keys: Collection[str]) -> Mapping[str, Version]:
        """The last versions of those records, removed ones too; ids that were never seen are left out."""
        return await self._look(partial(snapshots.versions, source=source, keys=tuple(keys)))

    async def conditions(self, subject: str | None = None) -> tuple[Condition, ...]:
        """The troubles that last, of one subject or of all."""
        return await self._look(partial(snapshots.conditions, subject=subject))

    async def troubles(self, subject: str) -> Troubles:
        """The troubles of one subject that last."""
        return Troubles(await self.conditions(subject))

    async def commit(self, plan: Plan) -> None:
        """Write the plan whole or not at all.

        An event whose id is there already is not written again, nor is a message that its sink was owed before. Raises
        StoreError for a plan that was made from records as they no longer are.
        """
        await self._write(partial(plans.write, plan=plan), partial(self._follow, plan))

    def _follow(self, plan: Plan, _: None) -> None:
        if plan.source in self._memories:
            self._memories[plan.source].apply(plan)

    # ---------------------------------------------------------------------------------------------------- outbox

    async def due(self, sink: str, now: datetime, limit: int, busy: Collection[int] = ()) -> list[Delivery]:
        """Deliveries owed to a sink and due, longest due first, at most one a record: the first one it is owed.

        A record whose first owed delivery is not due yet, or is in `busy`, has none; a paused sink has none at all.
        """
        return await self._look(partial(outbox.due, sink=sink, now=now, limit=limit, busy=frozenset(busy)))

    async def next_due(self, sink: str, busy: Collection[int] = ()) -> datetime | None:
        """When the next of them falls due; None when nothing is owed, all that is owed is busy, or it is paused."""
        return await self._look(partial(outbox.next_due, sink=sink, busy=frozenset(busy)))

    async def settle(self, delivery: Delivery, outcome: Outcome, now: datetime, plan: Plan | None = None) -> None:
        """Write down what became of one attempt, and in the same transaction what it means for the sink.

        `Dead(refused=True)` pauses the sink too.
        """
        await self.settle_all([(delivery, outcome)], now, plan)

    async def settle_all(
        self, outcomes: Collection[tuple[Delivery, Outcome]], now: datetime, plan: Plan | None = None
    ) -> None:
        """Write down what became of several attempts, in one transaction with the plan, if there is one."""
        plan = plan or Plan(now)

        def work(db: sqlite3.Connection) -> None:
            outbox.settle(db, outcomes, now)
            plans.write(db, plan)

        await self._write(work, partial(self._follow, plan))

    async def pause(self, sink: str, reason: str, now: datetime) -> None:
        """Try nothing of that sink until it is resumed; one that is paused already gets the new reason."""
        await self._write(partial(outbox.pause, sink=sink, reason=reason, now=now))

    async def resume(self, sink: str) -> bool:
        """Try it again; false when it was not paused."""
        return await self._write(partial(outbox.resume, sink=sink))

    async def paused(self) -> dict[str, Pause]:
        """The paused sinks."""
        return await self._look(outbox.paused)

    async def redrive(
        self,
        now: datetime,
        *,
        numbers: Collection[int] | None = None,
        sink: str | None = None,
        since: datetime | None = None,
    ) -> int:
        """Owe dead letters again, due now and in their old place in the order; return how many.

        All of them, narrowed to those numbers, to that sink, to those that died since then.
        """
        return await self._write(partial(outbox.redrive, numbers=numbers, sink=sink, since=since, now=now))

    async def resend(self, numbers: Collection[int], now: datetime) -> int:
        """Owe settled deliveries again, delivered and dropped ones too; return how many."""
        return await self._write(partial(outbox.resend, numbers=numbers, now=now))

    async def drop(self, now: datetime, *, numbers: Collection[int] | None = None, sink: str | None = None) -> int:
        """Drop dead letters, all of them or narrowed to those numbers, to that sink; return how many."""
        return await self._write(partial(outbox.drop, numbers=numbers, sink=sink, now=now))

    async def owed_counts(self) -> dict[str, Counts]:
        """How much is owed and dead, by sink; sinks with neither are left out."""
        return await self._look(outbox.counts)

    async def parked(self, configured: Collection[str]) -> dict[str, int]:
        """How many deliveries are owed to sinks that are not among those configured."""
        counts = await self.owed_counts()
        return {sink: count.owed for sink, count in counts.items() if count.owed and sink not in configured}

    # ----------------------------------------------------------------------------------------- alarms and budgets

    async def ringing(self, now: datetime, limit: int) -> list[Alarm]:
        """Alarms that are due, earliest first."""
        return await self._look(partial(alarms.ringing, now=now, limit=limit))

    async def next_ring(self) -> datetime | None:
        """When the next alarm falls due; None when none is armed."""
        return await self._look(alarms.next_ring)

    async def spend(self, account: str, day: str, limit: int) -> int:
        """Count one request of that day, durably, before it is made; return how many are left after it.

        Returns -1 and counts nothing when the day's requests are all made.
        """
        return await self._write(partial(budgets.spend, account=account, day=day, limit=limit))

    async def spent(self, account: str, day: str) -> int:
        """How many requests of that day are counted."""
        return await self._look(partial(budgets.spent, account=account, day=day))
