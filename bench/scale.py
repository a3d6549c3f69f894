"""Cost against size: records, history kept, rules. What did not change has to cost nothing more."""

from __future__ import annotations

import asyncio
import statistics
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

from bench.figure import Figure, Rounds, awaited, exactly
from bench.fit import exponent
from bench.payloads import records, turned
from bench.rig import NOON, Rig, Setting, rigged
from bench.scope import Scope, say
from bench.story import Answer, Story
from watcher.model import Event, Owed, Plan

MOST_IN_ONE = 100_000
"""Records of one source; more are spread over several sources of the same list."""

CHUNK = 10_000


def measure(scope: Scope) -> list[Figure]:
    """Records, then history and rules."""
    return [*_records(scope), *asyncio.run(_history(scope)), *asyncio.run(_rules(scope))]


# ------------------------------------------------------------------------------------------------------------ records


@dataclass(frozen=True, slots=True)
class Point:
    """Seconds of each kind of poll over so many records of so many bytes."""

    records: int
    size: int
    seconds: dict[str, float]


def _records(scope: Scope) -> list[Figure]:
    sizes = (1_000, 10_000, 30_000, 100_000) if not scope.quick else (1_000, 3_000, 10_000)
    points = [asyncio.run(_point(scope, size)) for size in (*sizes, *(() if scope.quick else (1_000_000,)))]
    figures = []
    for name in ("baseline", "unchanged", "few"):
        costs = [point.seconds[name] for point in points]
        words = ", ".join(
            f"{point.records:,}: {cost * 1000:,.1f} ms" for point, cost in zip(points, costs, strict=True)
        )
        fitted = exponent([point.size for point in points], costs)
        figures.append(Figure(f"scale.{name}", fitted, "exponent", f"{name} against bytes ({words})"))
    return figures


async def _point(scope: Scope, count: int) -> Point:
    say(f"  {count:,} records")
    part = min(count, MOST_IN_ONE)
    start = records("leads", part)
    turn = turned("leads", start, changed=part // 100)
    first, few = Answer.of("leads", start), Answer.of("leads", turn.records)
    del start
    async with rigged(scope.place(f"records{count}"), Setting(agencies=count // part), scope.vendor.url) as rig:
        scope.vendor.put("leads", first.wires)
        seconds = {"baseline": (await awaited(rig.poll_all))[1].cpu}
        await rig.poll_all()
        times = [(await awaited(rig.poll_all))[1].cpu for _ in range(3)]
        seconds["unchanged"] = statistics.median(times)
        scope.vendor.put("leads", few.wires)
        changes, took = await awaited(rig.poll_all)
        exactly(changes, count // 100, f"changes among {count}")
        seconds["few"] = took.cpu
    return Point(count, first.size * (count // part), seconds)


# ---------------------------------------------------------------------------------------------------- history and rules


async def _history(scope: Scope) -> list[Figure]:
    """A store with much history beside one with none, the same polls in turn."""
    versions = scope.pick(50_000, 300_000)
    async with AsyncExitStack() as stack:
        young, old = [
            await stack.enter_async_context(rigged(scope.place(name), Setting(), scope.vendor.url))
            for name in ("young", "old")
        ]
        story = Story.of("leads", CHUNK)
        scope.vendor.put("leads", story.first.wires)
        await young.poll()
        await old.poll()
        await _aged(old, versions)
        return await _beside(
            scope, story, young, old, "history", f"with {versions:,} versions, events, deliveries kept"
        )


async def _aged(rig: Rig, versions: int) -> None:
    """Give each record more versions, each with an event and a delivery that is over."""
    source, store = rig.watches[0].name, rig.core.store
    known = await store.known(source)
    now = list((await store.versions(source, list(known.fingerprints.values()))).values())
    for age in range(1, versions // len(now) + 1):
        kept = tuple(replace(version, version=version.version + age) for version in now)
        events = tuple(
            Event(
                f"{one.key}@{age}",
                "lead-updated",
                f"/{source}",
                one.key,
                NOON,
                NOON,
                {"record": one.body, "version": age},
            )
            for one in kept
        )
        owed = tuple(Owed(event.id, "old", "all") for event in events)
        await store.commit(Plan(NOON, source, versions=kept, events=events, owed=owed))
        await store.abandon(["old"], "history", NOON)


async def _rules(scope: Scope) -> list[Figure]:
    """A hundred rules beside one."""
    story = Story.of("leads", CHUNK)
    scope.vendor.put("leads", story.first.wires)
    async with (
        rigged(scope.place("rule"), Setting(rules=1), scope.vendor.url) as one,
        rigged(scope.place("rules"), Setting(rules=100), scope.vendor.url) as hundred,
    ):
        await one.poll()
        await hundred.poll()
        return await _beside(scope, story, one, hundred, "rules", "with 100 rules")


async def _beside(scope: Scope, story: Story, plain: Rig, rich: Rig, name: str, words: str) -> list[Figure]:
    rounds = Rounds()
    await plain.poll()
    await rich.poll()
    for _ in range(scope.pick(7, 21)):
        yard = (await awaited(plain.poll))[1]
        rounds.add(f"scale.{name}", (await awaited(rich.poll))[1], yard)
    scope.vendor.put("leads", story.few.wires)
    yard = (await awaited(plain.poll))[1]
    rounds.add(f"scale.{name}-few", (await awaited(rich.poll))[1], yard)
    return [
        rounds.figure(f"scale.{name}", f"an unchanged poll {words}, against one without", "times"),
        rounds.figure(f"scale.{name}-few", f"a poll at 1 % changed {words}, against one without", "times"),
    ]
