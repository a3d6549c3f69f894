"""The store: one SQLite file, one connection, one thread; each method is one transaction or one look.

Times come in as arguments; the store reads no clock. Every method raises StoreError when the store cannot be used for
now, with everything as it was, and StoreRuined when somebody has to look.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping
from datetime import datetime
from functools import partial

from watcher.model import (
    Alarm,
    Delivery,
    Event,
    Held,
    Outcome,
    Plan,
    Silence,
    SourceName,
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
    tidy,
)
from watcher.store.holding import Bundle, Recent, Waiting
from watcher.store.outbox import Counts, Pause
from watcher.store.sources import Sources
from watcher.store.tidy import Tidied


class Store(Sources):
    """All that is remembered: `Snapshots`, `Outbox`, `Alarms` and `Budget` of the ports, and what operators ask for."""

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
