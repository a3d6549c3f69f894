"""`python -m bench.memory DIRECTORY URL FIRST FEW`: what polls need of memory, in a process of their own.

FIRST and FEW are directories of wire bytes. Prints JSON: `rss`, in MiB, is the most that the process held up to the end
of the baseline; the peaks, in bytes, are what Python and its libraries had allocated above what they had before a poll.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import tracemalloc
from pathlib import Path

from bench.processes import Server, resident_at_most
from bench.rig import Setting, rigged
from bench.story import loaded
from watcher import logs


async def main(directory: Path, url: str, first: Path, few: Path) -> dict[str, float]:
    """Take a baseline, then trace two polls."""
    vendor, found = Server(url), {}
    async with rigged(directory, Setting(), url) as rig:
        vendor.put("leads", loaded(first))
        await rig.poll()
        found["rss"] = resident_at_most()
        await rig.poll()
        tracemalloc.start()
        for name, answer in {"unchanged": first, "few": few}.items():
            vendor.put("leads", loaded(answer))
            gc.collect()
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            await rig.poll()
            found[f"peak-{name}"] = tracemalloc.get_traced_memory()[1] - before
    return found


if __name__ == "__main__":
    logs.setup("error")
    print(json.dumps(asyncio.run(main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4])))))
