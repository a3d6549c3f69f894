"""What the store remembers of sources and their records, in memory as it is in the file.

What was asked for once is not read again: a plan that is committed changes both. A poll that brought nothing new is in
memory alone for some seconds, until it is saved.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from itertools import islice

from watcher.erasure import Traces
from watcher.errors import WatcherError
from watcher.model import Condition, Known, Plan, SourceName, SourceState, Version
from watcher.store import plans, snapshots
from watcher.store.discretion import Discretion
from watcher.store.erase import Person
from watcher.store.known import Memory
from watcher.store.lock import Lock
from watcher.store.worker import Worker, transact
from watcher.troubles import Troubles

SAVED_TOGETHER = 128
"""States written in one transaction: a millisecond or two, for which whoever has news waits."""


class Sources(Discretion):
    """The part of the store that polls ask: `Snapshots` of the ports."""

    def __init__(self, worker: Worker, lock: Lock) -> None:
        super().__init__(worker, lock)
        self._read_anew()

    def _read_anew(self) -> None:
        """Keep nothing in memory: it is read from the file when it is asked for next."""
        self._memories: dict[SourceName, Memory] = {}
        self._states: dict[SourceName, SourceState] = {}
        self._unsaved: dict[SourceName, SourceState] = {}
        self._conditions: tuple[Condition, ...] | None = None

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
                    await self._run(partial(self._guard.around, work), None)
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
