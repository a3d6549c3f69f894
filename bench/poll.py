"""A whole poll of one source of 10,000 records, wire to commit, over real HTTP from another process.

Each round has a store of its own and checks every answer: the ids that are new, changed and removed, back-dated edits
among them. Reads are full ones, so that removals are looked for each time.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench import stages
from bench.figure import Figure, Rounds, Took, awaited, exactly
from bench.processes import Server, child
from bench.rig import Rig, Setting, rigged
from bench.scope import Scope
from bench.story import Answer, Story
from watcher.poll import Look

RECORDS = 10_000

TICK = 0.001
"""Seconds that the loop is asked to sleep again and again; what it oversleeps is its stall."""

WORDS = {
    "baseline": "all new: the first poll",
    "unchanged": "unchanged, the same bytes",
    "order": "the same records in another order",
    "few": "1 % changed, committed",
    "told": "1 % changed, until a webhook has one",
    "many": "10 % changed, committed",
    "rewritten": "the same records in other bytes, once",
    "rewritten-again": "the same, the next time",
}


def measure(scope: Scope) -> list[Figure]:
    """The figures of the whole poll, its memory and its stages; of all three streams in a full run."""
    figures = []
    for stream in ("leads",) if scope.quick else ("leads", "contracts", "purchases"):
        story = Story.of(stream, RECORDS)
        rounds = Rounds()
        for number in range(scope.pick(4, 7) if stream == "leads" else 3):
            asyncio.run(_round(scope.place(f"{stream}{number}"), scope.vendor, story, rounds))
        tail = "" if stream == "leads" else f"-{stream}"
        figures += [rounds.figure(f"poll.{name}{tail}", f"{stream}: {words}") for name, words in WORDS.items()]
        if stream == "leads":
            figures += [*_stalled(scope, story), *_memory(scope, story), *stages.measure(scope, story)]
    return figures


async def _round(directory: Path, vendor: Server, story: Story, rounds: Rounds) -> None:
    """One round: the whole story on a store of its own."""
    rule = f'on = ["*"]\nwhen = "record.id == \'{story.hot}\'"'
    async with rigged(directory, Setting(story.stream, rule=rule), vendor.url) as rig:
        bench = Bench(rig, vendor, story)
        rounds.add("poll.baseline" + bench.tail, *await bench.polled(story.first))
        await bench.polled(story.first)  # the connection is warm, the page is known
        for _ in range(3):
            rounds.add("poll.unchanged" + bench.tail, *await bench.polled(story.first))
        rounds.add("poll.order" + bench.tail, *await bench.polled(story.order))
        exactly(bench.told, Told(), "another order")
        await bench.polled(story.first)
        for took in await bench.until_told(story.few):
            rounds.add(*took)
        exactly(bench.told, Told(story.one.new, story.one.changed), "1 % changed")
        exactly(await bench.gone(story.few), story.one.removed, "1 % removed, seen twice to be gone")
        rounds.add("poll.many" + bench.tail, *await bench.polled(story.many))
        exactly(bench.told, Told(story.ten.new, story.ten.changed), "10 % changed")
        exactly(await bench.gone(story.many), story.ten.removed, "10 % removed")
        rounds.add("poll.rewritten" + bench.tail, *await bench.polled(story.rewritten))
        exactly(bench.told, Told(), "other bytes")
        rounds.add("poll.rewritten-again" + bench.tail, *await bench.polled(story.rewritten))
        exactly(bench.told, Told(), "other bytes again")


@dataclass(frozen=True, slots=True)
class Told:
    """The ids that a poll told of: as new, as changed, as removed."""

    new: frozenset[str] = frozenset()
    changed: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()

    @classmethod
    def by(cls, look: Look) -> Told:
        """By the events of a poll."""
        new = frozenset(event.subject for event in look.plan.events if event.type.startswith("new-"))
        removed = frozenset(event.subject for event in look.plan.events if event.type.endswith("-removed"))
        return cls(new, frozenset(event.subject for event in look.plan.events) - new - removed, removed)


class Bench:
    """One source whose answers we choose; `told` is what its last poll told of."""

    def __init__(self, rig: Rig, vendor: Server, story: Story) -> None:
        self.rig, self.vendor, self.story = rig, vendor, story
        self.told = Told()
        self.tail = "" if story.stream == "leads" else f"-{story.stream}"

    async def polled(self, answer: Answer) -> tuple[Took, Took]:
        """Poll that answer; return what it took and what the yardstick took beside it."""
        self.vendor.put(self.story.stream, answer.wires)
        yard = answer.yard()
        look, took = await awaited(self.rig.poll)
        self.told = Told.by(look)
        return took, yard

    async def gone(self, answer: Answer) -> frozenset[str]:
        """Poll that answer until it tells nothing more; return what was told to be removed.

        Adlead is asked for each record that is missing, for some of them a poll.
        """
        gone: frozenset[str] = frozenset()
        while True:
            await self.polled(answer)
            if self.told == Told():
                return gone
            exactly(self.told, Told(removed=self.told.removed), "the same answer again, but for removals")
            gone |= self.told.removed

    async def until_told(self, answer: Answer) -> list[tuple[str, Took, Took]]:
        """Poll that answer with the webhook's line running: what the poll took, and all until the webhook had it."""
        stop, settled = asyncio.Event(), asyncio.Event()
        line = self.rig.core.line("crm")
        line.settled = lambda *_: settled.set()
        running = asyncio.create_task(line.run(stop))
        await asyncio.sleep(0.02)  # it has seen that nothing is owed
        self.vendor.forget()
        self.vendor.put(self.story.stream, answer.wires)
        yard = answer.yard()
        began, cpu = time.monotonic(), time.process_time()
        look, took = await awaited(self.rig.poll)
        await asyncio.wait_for(settled.wait(), 10)
        spent = time.process_time() - cpu
        stop.set()
        await running
        ((at, _, subject, _),) = self.vendor.hooks()
        exactly(subject, self.story.hot, "the webhook")
        self.told = Told.by(look)
        return [
            (f"poll.few{self.tail}", took, yard),
            (f"poll.told{self.tail}", Took(at - began, spent), yard),
        ]


# ----------------------------------------------------------------------------------------------------- stalls, memory


def _stalled(scope: Scope, story: Story) -> list[Figure]:
    """How long at the most the loop did nothing else during one poll."""
    worst: dict[str, list[float]] = {}
    for number in range(scope.pick(3, 9)):
        asyncio.run(_stalls(scope.place(f"stall{number}"), scope.vendor, story, worst))
    return [
        Figure(
            f"poll.stall-{name}", statistics.median(found) * 1000, "ms", f"the loop stalled at the most: {WORDS[name]}"
        )
        for name, found in worst.items()
    ]


async def _stalls(directory: Path, vendor: Server, story: Story, worst: dict[str, list[float]]) -> None:
    steps = {
        "baseline": story.first,
        "unchanged": story.first,
        "order": story.order,
        "few": story.few,
        "rewritten": story.rewritten,
    }
    async with rigged(directory, Setting(story.stream), vendor.url) as rig:
        for name, answer in steps.items():
            vendor.put(story.stream, answer.wires)
            gc.collect()
            async with ticking() as ticks:
                await rig.poll()
            worst.setdefault(name, []).append(max(ticks))


@asynccontextmanager
async def ticking() -> AsyncIterator[list[float]]:
    """The seconds by which the loop was late, tick by tick, while the block lasted."""
    late: list[float] = []

    async def tick() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(TICK)
            late.append(time.perf_counter() - before - TICK)

    task = asyncio.create_task(tick())
    await asyncio.sleep(TICK * 3)
    try:
        yield late
        await asyncio.sleep(TICK * 3)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _memory(scope: Scope, story: Story) -> list[Figure]:
    """What a poll needs beside the page, and what a process holds that has taken a baseline."""
    places = [story.first.save(scope.place("first")), story.few.save(scope.place("few"))]
    held = child("memory", scope.place("memory"), scope.vendor.url, *places)
    mib = 1 << 20
    return [
        Figure("poll.baseline-rss", held["rss"], "MiB", "the most that a process held that took a baseline of 10,000"),
        Figure("poll.peak", held["peak-few"] / mib - story.few.size / mib, "MiB", "peak above the page: 1 % changed"),
        Figure("poll.peak-unchanged", held["peak-unchanged"] / mib, "MiB", "peak in all, wire bytes too: unchanged"),
    ]
