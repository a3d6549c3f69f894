"""`python -m bench.many DIRECTORY URL COUNT EVERY SECONDS`: the daemon with so many sources, in a process of its own.

After every source was read once it settles for up to 15 s, and is then watched for SECONDS. Prints JSON: `p50` and
`p99` of how late polls began, in ms (the median of three spans: one stall of the machine is not our lag); `core`, the
share of a core in percent; `rate`, polls a second; `rss` in MiB.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
from collections import deque
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from bench.figure import quantile
from bench.processes import resident
from bench.rig import Setting, written
from watcher import daemon, logs
from watcher.cli.common import configured, opened
from watcher.cli.run import GARBAGE
from watcher.poll import Watch
from watcher.sinks import sink_types
from watcher.supervise import Rota
from watcher.systemd import Notifier

ACCOUNTS, SPANS = 50, 3


class Timed(Rota):
    """A rota that notes by how much each poll begins late."""

    late: deque[float] = deque()  # noqa: RUF012 - one rota a process

    async def take(self) -> tuple[Watch, float] | None:
        """Note how late it is."""
        taken = await super().take()
        if taken:
            self.late.append(asyncio.get_running_loop().time() - taken[1])
        return taken


async def main(directory: Path, url: str, count: int, every: float, seconds: float) -> dict[str, float]:
    """Run the daemon; watch it from within."""
    setting = Setting(agencies=count, accounts=min(count, ACCOUNTS), every=f"{every:g}s", reconcile="1h")
    path = written(directory, setting, url)
    daemon.Rota = Timed  # type: ignore[misc]
    types = sink_types()
    polled, errors = [0], [0]

    def seen(_name: Any, look: Any, _seconds: float) -> None:
        polled[0] += 1
        errors[0] += bool(look.error)

    async with opened(configured(str(path)), types) as core:
        gc.freeze()
        gc.set_threshold(*GARBAGE)
        service = daemon.Daemon(core, partial(configured, str(path), types), types, Notifier({}))
        service.polled.append(seen)
        running = asyncio.create_task(service.run())
        while polled[0] < count:  # noqa: ASYNC110 - until each was read once
            await asyncio.sleep(0.2)
        await asyncio.sleep(min(2 * every, 15.0))  # and the herd of the start is over
        spans = []
        before, began, cpu = polled[0], time.perf_counter(), time.process_time()
        for _ in range(SPANS):
            Timed.late.clear()
            await asyncio.sleep(seconds / SPANS)
            spans.append(list(Timed.late))
        took, spent, done = time.perf_counter() - began, time.process_time() - cpu, polled[0] - before
        found = {
            "p50": median(quantile(late, 0.5) for late in spans) * 1000,
            "p99": median(quantile(late, 0.99) for late in spans) * 1000,
            "core": 100 * spent / took,
            "rate": done / took,
            "rss": resident(os.getpid()),
            "errors": errors[0],
        }
        service.stop.set()
        await running
    return found


if __name__ == "__main__":
    logs.setup("error")
    where, address, many, interval, watched = sys.argv[1:]
    print(json.dumps(asyncio.run(main(Path(where), address, int(many), float(interval), float(watched)))))
