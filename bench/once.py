"""`python -m bench.once DIRECTORY unchanged|detection TIMES RECORDS`: one path, again and again, without a network."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

from bench.payloads import page, records, turned
from bench.rig import NOON
from bench.stages import Canned, detect
from watcher import logs
from watcher.derive import Origin
from watcher.desk import Desk
from watcher.model import SourceName
from watcher.poll import Watch, look
from watcher.rules import Rule
from watcher.sources.apimo import ApimoSource
from watcher.store import Store
from watcher.streams import LEADS
from watcher.streams.dates import PARIS

NAME = SourceName("azur0", "apimo.leads", "101")


async def main(directory: Path, path: str, times: int, count: int) -> None:
    """Take a baseline, then do the path so many times."""
    start = records("leads", count)
    few = page("leads", turned("leads", start, changed=count // 100).records)
    vendor = Canned(page("leads", start))
    watch = Watch(ApimoSource(NAME, vendor, ("leads",)), Origin(LEADS, NAME, lambda _: None), timedelta(minutes=1))  # type: ignore[arg-type]
    desk = Desk((Rule("all", ("*",), ("crm",)),), PARIS)
    async with await Store.open(directory / "watcher.db") as store:

        async def poll() -> None:
            seen = await look(watch, store, desk.take, lambda: NOON, 0.0)
            await store.commit(seen.plan)

        await poll()
        await poll()
        vendor.body = vendor.body if path == "unchanged" else few
        for _ in range(times):
            await (poll() if path == "unchanged" else detect(watch, store))


if __name__ == "__main__":
    logs.setup("error")
    where, what, again, size = sys.argv[1:]
    asyncio.run(main(Path(where), what, int(again), int(size)))
