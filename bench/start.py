"""From nothing to ready: with 100,000 records in the store, by systemd's own notification; help; memory at rest."""

from __future__ import annotations

import asyncio
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from bench.figure import Figure, exactly
from bench.payloads import pages, records, squeezed
from bench.processes import environment, resident, running
from bench.rig import NOON, Setting, rigged, written
from bench.scope import Scope
from watcher.decode import decode
from watcher.model import Plan, Slice, SourceState, Version
from watcher.streams import LEADS

RECORDS, SOURCES = 100_000, 10
WATCHER = [sys.executable, "-m", "watcher"]


def measure(scope: Scope) -> list[Figure]:
    """Each a median of several starts."""
    body = pages("leads", records("leads", 1))
    scope.vendor.put("leads", {place: squeezed(page) for place, page in body.items()})
    full, small = scope.place("full"), scope.place("small")
    asyncio.run(_filled(full, scope.vendor.url))
    small_config = written(small, Setting(agencies=1, every="1s"), scope.vendor.url)
    times = scope.pick(5, 11)
    ready = [_ready(full, full / "config.toml")[0] for _ in range(times)]
    helps = [_help() for _ in range(times)]
    rss = _ready(small, small_config, 3.0)[1]
    return [
        Figure(
            "start.ready", statistics.median(ready), "s", f"`watcher run` to READY=1, {RECORDS:,} records in the store"
        ),
        Figure("start.help", statistics.median(helps) * 1000, "ms", "`watcher --help`"),
        Figure("start.idle", rss, "MiB", "resident, one source polled each second"),
    ]


async def _filled(directory: Path, url: str) -> None:
    """A store that has 100,000 records of ten sources."""
    async with rigged(directory, Setting(agencies=SOURCES, every="1h"), url) as rig:
        for watch in rig.watches:
            await rig.core.store.commit(
                Plan(NOON, watch.name, SourceState(baselined_at=NOON, read_at=NOON), _versions())
            )
            exactly(len((await rig.core.store.known(watch.name)).fingerprints), RECORDS // SOURCES, "records stored")


def _versions() -> tuple[Version, ...]:
    (lead,) = records("leads", 1)
    body = decode(LEADS, Slice("1", b"", msgspec.json.encode(lead))).body
    return tuple(
        Version(str(number), 1, {**body, "id": str(number)}, NOON, number.to_bytes(16))
        for number in range(RECORDS // SOURCES)
    )


def _ready(directory: Path, config: Path, rest: float = 0.0) -> tuple[float, float]:
    """Start the daemon; return the seconds until it said that it is ready, and what it holds after a rest."""
    address = str(directory / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify, (directory / "log").open("ab") as log:
        Path(address).unlink(missing_ok=True)
        notify.bind(address)
        notify.settimeout(60)
        began = time.perf_counter()
        with running(
            [*WATCHER, "run", "--config", str(config)], env=environment(NOTIFY_SOCKET=address), stdout=log, stderr=log
        ) as process:
            while b"READY=1" not in notify.recv(4096):
                pass
            took = time.perf_counter() - began
            time.sleep(rest)
            held = resident(process.pid)
    return took, held


def _help() -> float:
    began = time.perf_counter()
    subprocess.run([*WATCHER, "--help"], env=environment(), stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began
