"""The store: one SQLite file, one connection, one thread; each method is one transaction or one look.

Times come in as arguments; the store reads no clock. Every method raises StoreError when the store cannot be used for
now, with everything as it was, and StoreRuined when somebody has to look.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from itertools import islice

from watcher.erasure import Traces
from watcher.errors import WatcherError
from watcher.model import (
    Alarm,
    Condition,
    Delivery,
    Event,
    Held,
    Known,
    Outcome,
    Plan,
    Silence,
    SourceName,
    SourceState,
    Version,
)
from watcher.store import (
    ahead,
    alarms,
    budgets,
    events,
    holding,
    notes,
    outbox,
    plans,
    polls,
    silences,
    snapshots,
    tidy,
)
from watcher.store.discretion import Discretion
from watcher.store.erase import Person
from watcher.store.holding import Bundle, Recent, Waiting
from watcher.store.known import Memory
from watcher.store.lock import Lock
from watcher.store.outbox import Counts, Pause
from watcher.store.tidy import Tidied
from watcher.store.worker import Worker, transact
from watcher.troubles import Troubles

SAVED_TOGETHER = 128
"""States written in one transaction: a millisecond or two, for which whoever has news waits."""


class Store(Discretion):
    """All that is remembered: `Snapshots`, `Outbox`, `Alarms` and `Budget` of the ports, and what operators ask for."""

    def __init__(self, worker: Worker, lock: Lock) -> None:
        super().__init__(worker, lock)
        self._read_anew()

    def _read_anew(self) -> None:
        """Keep nothing in memory: it is read from the file when it is asked for next."""
        self._memories: dict[SourceName, Memory] = {}
        self._states: dict[SourceName, SourceState] = {}
        self._unsaved: dict[SourceName, SourceState] = {}
        self._conditions: tuple[Condition, ...] | None = None

    # ------------------------------------------------------------------------------------------------- snapshots

    async def state(self, source: SourceName) -> SourceState:
        """What is remembered of a source, from memory after the first time; the empty state for one never polled."""
        if source not in self._states:
            state = await self._look(partial(snapshots.state, source=source))
            return self._states.setdefault(source, state)  # a plan that was committed since is newer
        return self._states[source]

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
        if source not in self._unsaved:
            self._states.pop(source, None)

    async def erase(self, persons: Sequence[Person], traces: Traces, now: datetime, *, dry: bool) -> Counter[str]:
        """As `Discretion` has it; and what is kept in memory is read again, for there were texts in it."""
        await self.save()
        changed = await super().erase(persons, traces, now, dry=dry)
        self._read_anew()
        return changed

    async def versions(self, source: SourceName, keys: Collection[str]) -> Mapping[str, Version]:
        """The last versions of those records, removed ones too; ids that were never seen are left out."""
        return await self._look(partial(snapshots.versions, source=source, keys=tuple(keys)))

    async def dated(self, stream: str, field: str) -> dict[SourceName, list[Version]]:
        """The records of a stream (`adlead.purchases`) that are there and have something in that field, by source.

        `field` is a path: `option_expires_at`, `assigned.date`; of an object it is the `date` in it that counts. Reads
        the whole stream. Raises ValueError for anything else than names of small letters, digits, `_` between dots.
        """
        path = snapshots.path(field)
        return await self._look(partial(snapshots.dated, stream=stream, path=path))

    async def conditions(self, subject: str | None = None) -> tuple[Condition, ...]:
        """The troubles that last, of one subject or of all; from memory after the first time."""
        found = self._conditions
        if found is None:
            found = await self._look(partial(snapshots.conditions, subject=None), self._keep_conditions)
        return found if subject is None else tuple(one for one in found if one.subject == subject)

    def _keep_conditions(self, found: tuple[Condition, ...]) -> None:
        self._conditions = found

    async def troubles(self, subject: str) -> Troubles:
        """The troubles of one subject that last."""
        return Troubles(await self.conditions(subject))

    async def commit(self, plan: Plan) -> None:
        """Write the plan whole or not at all.

        An event whose id is there already is not written again, nor is a message that its sink was owed before. Raises
        StoreError for a plan that was made from records as they no longer are.

        A plan that says no more than that its source was read once more is followed at once, and written at the next
        `save`: a thousand such polls a second would be a thousand syncs of the disk, for nothing that anybody loses.
        """
        source, last = plan.source, self._states.get(plan.source) if plan.source else None
        if source and plan.state and plans.is_quiet(plan, last):
            self._follow(plan)
            self._unsaved[source] = plan.state
            return
        unsaved = self._unsaved.pop(source, None) if source and plan.state else None  # this plan's state is newer
        try:
            await self._write(partial(plans.write, plan=plan), partial(self._follow, plan))
        except BaseException:
            if source and unsaved and self._states.get(source) is unsaved:
                self._unsaved[source] = unsaved
            raise

    async def save(self, sources: Collection[SourceName] | None = None) -> None:
        """Write down what `commit` has kept in memory until now, of all sources or of those."""
        waiting = list(self._unsaved if sources is None else sources)
        for start in range(0, len(waiting), SAVED_TOGETHER):
            await self._save(waiting[start : start + SAVED_TOGETHER])

    async def save_some(self) -> bool:
        """Write down some of it, in one short transaction; say whether there is more."""
        await self._save(list(islice(self._unsaved, SAVED_TOGETHER)))
        return bool(self._unsaved)

    async def _save(self, names: Iterable[SourceName]) -> None:
        states = {name: self._unsaved[name] for name in names if name in self._unsaved}
        if states:
            await self._write(partial(plans.write_states, states=states), partial(self._saved, states))

    def _saved(self, states: Mapping[SourceName, SourceState], _: None) -> None:
        for source, state in states.items():
            if self._unsaved.get(source) is state:
                del self._unsaved[source]

    async def _close(self) -> None:
        try:
            with suppress(WatcherError):  # what is lost is when sources were read last
                if self._unsaved:
                    work = partial(transact, work=partial(plans.write_states, states=self._unsaved))
                    await self._worker.run(partial(self._guard.around, work))
        finally:
            await super()._close()

    def _follow(self, plan: Plan, _: None = None) -> None:
        if plan.entered or plan.left:
            self._conditions = None
        if plan.source and plan.state:
            self._states[plan.source] = plan.state
            self._unsaved.pop(plan.source, None)
        if plan.source in self._memories:
            self._memories[plan.source].apply(plan)

    # ---------------------------------------------------------------------------------------------------- outbox

    async def due(self, sink: str, now: datetime, limit: int, busy: Collection[int] = ()) -> list[Delivery]:
        """Deliveries owed to a sink and due, longest due first, at most one a record: the first one it is owed.

        A record whose first owed delivery is not due yet, or is in `busy`, has none; a paused sink has none at all. A
        summary brings the first 20 events that it tells that sink of.
        """
        return await self._look(partial(outbox.due, sink=sink, now=now, limit=limit, busy=frozenset(busy)))

    async def next_due(self, sink: str, busy: Collection[int] = ()) -> datetime | None:
        """When the next of them falls due; None when nothing is owed, all that is owed is busy, or it is paused."""
        return await self._look(partial(outbox.next_due, sink=sink, busy=frozenset(busy)))

    async def may_try(self, number: int) -> bool:
        """Whether that delivery may be tried: it is the first one owed of its record, and the sink is not paused."""
        return await self._look(partial(outbox.may_try, number=number))

    async def settle(self, delivery: Delivery, outcome: Outcome, now: datetime, plan: Plan | None = None) -> None:
        """Write down what became of one attempt, and in the same transaction what it means for the sink.

        `Dead(refused=True)` pauses the sink too. The first thread of a record is kept for its later messages, until one
        that was to go into it comes back with another. A note is kept until there is another one, or it is delivered.
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

    async def pause(self, sink: str, reason: str, now: datetime, *, asked: bool = False) -> None:
        """Try nothing of that sink until it is resumed. `asked`: an operator wants it so, the sink did not refuse us.

        One that is paused already keeps since when, and gets the new reason; what an operator asked for stays as it is
        unless asked again.
        """
        await self._write(partial(outbox.pause, name=sink, reason=reason, now=now, asked=asked))

    async def resume(self, sink: str, *, asked_too: bool = True) -> bool:
        """Try it again; false when it was not paused, or not by a refusal and `asked_too` is false."""
        return await self._write(partial(outbox.resume, name=sink, asked_too=asked_too))

    async def paused(self) -> dict[str, Pause]:
        """The paused sinks."""
        return await self._look(outbox.paused)

    async def pause_source(self, name: str, reason: str, now: datetime) -> None:
        """Write down that an operator wants that source left alone; paused already, it gets the new reason."""
        await self._write(partial(outbox.pause, name=name, reason=reason, now=now, asked=True, kind="source"))

    async def resume_source(self, name: str) -> bool:
        """Write down that it goes on; false when it was not paused."""
        return await self._write(partial(outbox.resume, name=name, kind="source"))

    async def paused_sources(self) -> dict[str, Pause]:
        """The paused sources, by their written names."""
        return await self._look(partial(outbox.paused, kind="source"))

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
        """Owe deliveries again that are not owed now, whatever became of them; return how many."""
        return await self._write(partial(outbox.resend, numbers=numbers, now=now))

    async def hasten(self, now: datetime, *, numbers: Collection[int] | None = None, sink: str | None = None) -> int:
        """Have what waits for its next attempt tried now, narrowed to those numbers, to that sink; return how many."""
        return await self._write(partial(outbox.hasten, numbers=numbers, sink=sink, now=now))

    async def drop(
        self,
        now: datetime,
        *,
        numbers: Collection[int] | None = None,
        sink: str | None = None,
        since: datetime | None = None,
    ) -> int:
        """Drop dead letters, all of them or narrowed as `redrive` has it; return how many."""
        return await self._write(partial(outbox.drop, numbers=numbers, sink=sink, since=since, now=now))

    async def abandon(self, sinks: Collection[str], reason: str, now: datetime) -> int:
        """Drop all that is owed to, or held for, those sinks, for that reason; return how many."""
        return await self._write(partial(outbox.abandon, sinks=tuple(sinks), reason=reason, now=now))

    async def call_in(self, now: datetime) -> int:
        """Have due now what a clock that has since been set back put off; return how many deliveries and bundles."""
        return await self._write(partial(ahead.call_in, now=now))

    async def owed_counts(self) -> dict[str, Counts]:
        """How much is owed, dead and held, by sink; sinks with nothing of it are left out."""
        return await self._look(outbox.counts)

    async def maybe_twice(self, since: datetime | None = None) -> dict[str, int]:
        """How many deliveries each sink took, since then or ever, after an attempt of which no answer came.

        The sink may have taken it at that attempt, too: told twice, with the same id. Sinks without such are left out.
        """
        return await self._look(partial(outbox.maybe_twice, since=since))

    async def parked(self, configured: Collection[str]) -> dict[str, int]:
        """How many deliveries are owed to, or held for, sinks that are not among those configured."""
        kept = {sink: count.owed + count.held for sink, count in (await self.owed_counts()).items()}
        return {sink: count for sink, count in kept.items() if count and sink not in configured}

    # ---------------------------------------------------------------------------------------------- what is held back

    async def held(self, sink: str, rule: str, bundle: str) -> list[Held]:
        """What waits in a bundle, by number."""
        return await self._look(partial(holding.held, sink=sink, rule=rule, bundle=bundle))

    async def silenced(self, bundle: str) -> list[Held]:
        """What a silence took and no summary has told yet, by number; `bundle` is the one its messages were given."""
        return await self._look(partial(holding.silenced, bundle=bundle))

    async def waiting(self) -> list[Waiting]:
        """The bundles that have something held, by name."""
        return await self._look(holding.waiting)

    async def bundles(self) -> list[Bundle]:
        """The bundles whose release is armed, by name, also those that nothing waits in yet."""
        return await self._look(holding.bundles)

    async def recent(self, since: datetime) -> list[Recent]:
        """The messages that were sent, or are to be, and might be since then or later, earliest first.

        One that was held counts from its release, one that was asked for again from then.
        """
        return await self._look(partial(holding.recent, since=since))

    async def heal(self, now: datetime) -> int:
        """Arm a release, due now, for each bundle that has something held and none armed; return how many.

        Its data has the reason for which the first one of the bundle is held, as `why`.
        """
        return await self._write(partial(alarms.heal, now=now))

    async def add_silence(
        self, matchers: Mapping[str, str], author: str, comment: str, since: datetime, until: datetime
    ) -> Silence:
        """Write down a silence, give it a number, and arm the alarm of its end (`silence`, its number the key)."""
        return await self._write(
            partial(silences.add, matchers=matchers, author=author, comment=comment, since=since, until=until)
        )

    async def silences(self, now: datetime | None = None) -> list[Silence]:
        """Those that are active at that time, or all there ever were; by number."""
        return await self._look(partial(silences.listed, now=now))

    async def end_silence(self, number: int, now: datetime) -> Silence | None:
        """End a silence before its time, its alarm due now; None when there is none of that number or it is over."""
        return await self._write(partial(silences.end, number=number, now=now))

    # ---------------------------------------------------------------------------------------------------- events

    async def event(self, name: str) -> Event | None:
        """The event of that id."""
        return await self._look(partial(events.one, name=name))

    async def events_of(self, names: Collection[str]) -> list[Event]:
        """The events of those ids, by sequence; ids that are not there are left out."""
        return await self._look(partial(events.some, names=tuple(names)))

    async def events_since(self, since: datetime) -> list[Event]:
        """The events that were recorded then or later, in the order of that and of their sequence."""
        return await self._look(lambda db: list(events.since(db, since)))

    async def told(self, names: Collection[str]) -> dict[tuple[str, str], int]:
        """The number of each delivery of events of those ids, by event id and sink, whatever became of it."""
        return await self._look(partial(outbox.told, names=tuple(names)))

    # ----------------------------------------------------------------------------------------- alarms, budgets, notes

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

    async def changes(self, hours: Collection[int]) -> Mapping[SourceName, Mapping[int, int]]:
        """How many changes each source brought in each of those hours (of UTC, since 1970) in which it was read.

        Hours up to its baseline are left out.
        """
        await self.save()
        return await self._look(partial(polls.changes, hours=frozenset(hours)))

    async def remember(self, key: str, text: str) -> None:
        """Keep a short text under that name, in place of the one that was there."""
        await self._write(partial(notes.remember, key=key, text=text))

    async def recall(self, key: str) -> str | None:
        """What was kept under that name last; None for nothing."""
        return await self._look(partial(notes.recall, key=key))

    async def tidy(self, now: datetime) -> Tidied:
        """Throw away what only grows: records set aside that are readable again or gone, budgets of days long past.

        Cheap; once a day is often enough.
        """
        await self.save()
        return await self._write(partial(tidy.tidy, now=now))
