"""`python -m bench.drain DIRECTORY URL owe COUNT` or `... drain SECONDS`: the outbox, in a process of its own.

`drain` prints JSON: `rss`, the most it held in MiB, and `cpu`, the seconds of processor that the deliveries took.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from bench.outbox import RECORDS
from bench.processes import resident_at_most
from bench.rig import NOON, Setting, rigged
from watcher import logs
from watcher.model import Event, Owed, Plan

STEP = 1_000


async def owe(directory: Path, url: str, count: int) -> dict[str, float]:
    """Owe so many events of about a kilobyte, about 500 records in turn."""
    async with rigged(directory, Setting(at_once=32), url) as rig:
        for first in range(0, count, STEP):
            events = tuple(_event(number) for number in range(first, first + STEP))
            await rig.core.store.commit(Plan(NOON, events=events, owed=tuple(Owed(e.id, "crm", "all") for e in events)))
    return {}


def _event(number: int) -> Event:
    record = {"id": str(number % RECORDS), "comment": "x" * 700, "step": str(number)}
    data = {"version": number, "changes": {"step": {"from": "1", "to": "2"}}, "record": record}
    return Event(f"event-{number}", "lead-updated", "/azur0/apimo.leads/101", record["id"], NOON, NOON, data)


async def drain(directory: Path, url: str, seconds: float) -> dict[str, float]:
    """Deliver for so long."""
    async with rigged(directory, Setting(at_once=32), url) as rig:
        stop = asyncio.Event()
        cpu = time.process_time()
        running = asyncio.create_task(rig.core.line("crm").run(stop))
        await asyncio.sleep(seconds)
        stop.set()
        await running
        return {"rss": resident_at_most(), "cpu": time.process_time() - cpu}


if __name__ == "__main__":
    logs.setup("error")
    where, address, what, amount = sys.argv[1:]
    work = owe if what == "owe" else drain
    print(json.dumps(asyncio.run(work(Path(where), address, int(amount)))))
