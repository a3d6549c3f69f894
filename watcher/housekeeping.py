"""The daily job: throw away what only grows, secure what was stored under another policy, let go of what had its time.

All of it goes in slices, so that polls and deliveries wait for one slice at most. Where it is cut off it goes on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Literal

from watcher.ports import Keeping, Passed
from watcher.privacy import Policy, withholder
from watcher.retention import Retention

Table = Literal["records", "versions", "events"]

TABLES: tuple[Table, ...] = ("records", "versions", "events")
"""Where records are stored in clear."""

Turn = Callable[[str], AbstractAsyncContextManager[Any]]
"""The lock of one source: whoever reads its records and writes on the strength of them holds it."""


@asynccontextmanager
async def turns(turn: Turn, sources: Iterable[object]) -> AsyncIterator[None]:
    """Hold the turns of several sources, taken in one order, so that nobody waits for another in a ring."""
    async with AsyncExitStack() as stack:
        for name in sorted(map(str, sources)):
            await stack.enter_async_context(turn(name))
        yield


@dataclass(frozen=True, slots=True)
class Housekeeper:
    """What it takes: the store, the policy of each stream, for how long things are kept, the turns of the sources.

    A slice holds the turns of those sources only whose records it goes through: the others are polled meanwhile.
    """

    store: Keeping
    policies: Mapping[str, Policy]
    retention: Retention
    turn: Turn

    async def keep_house(self, now: datetime) -> Counter[str]:
        """Do all of it; say how many rows of what were changed."""
        tidied = await self.store.tidy(now)
        changed = Counter(unread=tidied.unread, budgets=tidied.budgets)
        for stream, policy in self.policies.items():
            changed["secured"] += await self._secure(stream, policy)
            changed["versions"] += await self._expire(stream, now)
            before = self.retention.over(stream, now)
            changed["events"] += await _on(partial(self.store.expire_events, stream, before))
        changed["events"] += await _through(self.store.expire_lingering)
        for sink in await self.store.saying():
            before = now - self.retention.of_sink(sink)
            changed["deliveries"] += await _on(partial(self.store.expire_said, sink, before))
        return +changed

    async def _secure(self, stream: str, policy: Policy) -> int:
        """Bring what is stored of a stream under the policy in force, if it was stored under another."""
        note, wanted = f"policy {stream}", f"drop {sorted(set(policy.drop))} hash {sorted(set(policy.hash))}"
        if await self.store.recall(note) == wanted:
            return 0
        withhold = withholder(policy, await self.store.privacy_key())
        changed = 0
        for table in TABLES:

            async def step(place: int, table: Table = table) -> Passed:
                theirs = () if table == "events" else await self.store.sources_in(table, stream, place)
                async with turns(self.turn, theirs):
                    return await self.store.secure(table, stream, place, withhold)

            changed += await _through(step)
        await self.store.remember(note, wanted)
        return changed

    async def _expire(self, stream: str, now: datetime) -> int:
        changed = 0
        for before, ceiling in ((self.retention.over(stream, now), False), (now - self.retention.ceiling, True)):

            async def step(before: datetime = before, ceiling: bool = ceiling) -> Passed:
                theirs = await self.store.expiring(stream, before, ceiling=ceiling)
                async with turns(self.turn, theirs):
                    return await self.store.expire_versions(stream, before, ceiling=ceiling)

            changed += await _on(step)
        return changed


async def _on(step: Callable[[], Awaitable[Passed]]) -> int:
    """Do one slice after the other, where the store remembers how far it was; how many rows were changed."""
    changed, more = 0, True
    while more:
        passed = await step()
        changed, more = changed + passed.changed, passed.more
    return changed


async def _through(step: Callable[[int], Awaitable[Passed]]) -> int:
    """The same, where each slice is told where to begin."""
    changed, more, place = 0, True, 0
    while more:
        passed = await step(place)
        changed, more, place = changed + passed.changed, passed.more, passed.place
    return changed
