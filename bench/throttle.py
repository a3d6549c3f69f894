"""One account with 1,000 who wait for their turn: what waiting costs, whether the line is kept, and the rate."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from itertools import pairwise

from bench.figure import Figure, exactly
from bench.payloads import pages, records, squeezed
from bench.rig import Setting, rigged
from bench.scope import Scope
from watcher.sources.http import Client

WAITERS, RATE = 1_000, 10


def measure(scope: Scope) -> list[Figure]:
    """Let 1,000 wait for some seconds."""
    body = pages("leads", records("leads", 1))
    scope.vendor.put("leads", {place: squeezed(page) for place, page in body.items()})
    scope.vendor.forget()
    share, served = asyncio.run(_waiting(scope, scope.pick(5, 20)))
    inversions = sum(1 for before, after in pairwise(served) if after < before)
    exactly(inversions, 0, "who came later and was served first")
    busiest = most_in(scope.vendor.arrivals(), 1.0)
    exactly(busiest <= RATE, True, f"requests in any second, at most {RATE}: {busiest}")
    return [
        Figure(
            "throttle.core", share * 100, "% core", f"{WAITERS:,} waiting for one account, {RATE} a second let through"
        ),
        Figure("throttle.busiest", busiest, "a second", "the most that arrived in any second; none out of turn"),
    ]


async def _waiting(scope: Scope, seconds: float) -> tuple[float, list[int]]:
    served: list[int] = []

    async def ask(client: Client, number: int) -> None:
        await client.get("agencies/101/leads", {"offset": "0"})
        served.append(number)

    async with rigged(scope.place("throttle"), Setting(max_rate=f"{RATE}/s"), scope.vendor.url) as rig:
        client = rig.core.parts.clients["azur0"]
        waiting = [asyncio.create_task(ask(client, number)) for number in range(WAITERS)]
        await asyncio.sleep(1.0)  # all have asked
        began, cpu = time.perf_counter(), time.process_time()
        await asyncio.sleep(seconds)
        share = (time.process_time() - cpu) / (time.perf_counter() - began)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    return share, served


def most_in(times: list[float], width: float) -> int:
    """The most that fell into any window of that width."""
    window: deque[float] = deque()
    most = 0
    for at in sorted(times):
        window.append(at)
        while at - window[0] >= width:
            window.popleft()
        most = max(most, len(window))
    return most
