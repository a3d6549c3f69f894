"""The run that is killed: the daemon's own loops over the real store, its sources and its clock by a script.

sweep_child.py      forks one run for each line of standard input, `DIRECTORY PORT TRACED`, and says how each ended

Everything is imported before the first fork, so that a run costs milliseconds. A run begins at the step that the one
before it in that directory had come to: the vendors' time does not go back because watcher was killed.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import mmap
import os
import random
import socket
import struct
import sys
import time
import traceback
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from watcher import app, daemon, deliver, logs, supervise
from watcher.app import Core, assemble
from watcher.cli.common import configured
from watcher.cli.exits import report
from watcher.daemon import Daemon
from watcher.errors import StoreError, Transient
from watcher.model import Reading, Slice, SourceName, envelope
from watcher.sinks import SINKS
from watcher.sinks.kit import Settings, SinkType
from watcher.store import Store
from watcher.systemd import Notifier

START = datetime(2026, 11, 21, 9, tzinfo=UTC)
STEP = Path("step")
"""Which step a run has come to and when it was told to stop: memory that outlives the process, and no call to trace."""

BREAK_OFF = 20.0
"""Seconds after which a run that does not come to its end says so and dies."""


@dataclass(frozen=True)
class Step:
    """What is upstream from a moment on, and whether the configuration is a new one from then on."""

    minutes: int
    leads: dict[str, dict]
    purchases: dict[str, dict]
    reloaded: bool = False


def lead(step="1"):
    """A lead, as Apimo has them."""
    return {"type": "1", "step": step, "created_at": "2026-11-21 10:00:00"}


def purchase(status):
    """A purchase, as Adlead has them."""
    return {"status": status}


SCRIPT = (
    Step(0, {"1": lead()}, {"1": purchase("booked"), "2": purchase("booked")}),  # the baseline
    # Two new leads that wait in a group, one of them with a timer.
    Step(1, {"1": lead("2"), "3": lead(), "4": lead("2")}, {"1": purchase("signed"), "2": purchase("booked")}),
    # Both fall due under a new configuration; a purchase is gone, ...
    Step(20, {"1": lead("3"), "3": lead(), "4": lead("2")}, {"1": purchase("signed")}, reloaded=True),
    # ... and once more, so that it is believed.
    Step(21, {"1": lead("3"), "3": lead(), "4": lead("2")}, {"1": purchase("canceled")}, reloaded=True),
)


class Scripted:
    """A source that answers what the script says is there."""

    def __init__(self, name: SourceName) -> None:
        self.name = name
        self.records: dict[str, dict] = {}

    async def read(self, known, since):
        """Answer all that is there."""
        raw = {key: json.dumps({"id": key, **body}).encode() for key, body in self.records.items()}
        pieces = [Slice(key, hashlib.sha256(text).digest()[:16], text) for key, text in raw.items()]
        fresh = tuple(piece for piece in pieces if piece.fingerprint not in known.fingerprints)
        cursor = 100 if self.name.account == "azur" else None
        return Reading(fresh, frozenset(raw), since is None, since is None, cursor)

    async def show(self, key):
        """There is no record but those of the list."""
        return


class Desk:
    """A sink over loopback that writes down what it is told, in the order in which it is told."""

    def __init__(self, address) -> None:
        self.address = address

    async def send(self, delivery):
        """One message a connection, in one call: `sendmsg` is used for nothing else here."""
        loop = asyncio.get_running_loop()
        with socket.socket() as channel:
            channel.setblocking(False)
            try:
                await loop.sock_connect(channel, self.address)
                channel.sendmsg([msgspec.json.encode(envelope(delivery.event)) + b"\n"])
                return (await loop.sock_recv(channel, 10)).decode()
            except OSError as error:
                raise Transient(f"no answer: {os.strerror(error.errno or 0)}", unanswered=True) from None

    async def close(self):
        """Nothing is kept open."""


class Progress:
    """The step that the run has come to, and since when it is on its way out (0.0: it is not)."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(16))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), 16)
        self.leave(0.0)

    @property
    def step(self) -> int:
        """The step that was reached."""
        return struct.unpack_from("q", self._memory)[0]

    def reach(self, number: int) -> None:
        """Note the step."""
        struct.pack_into("q", self._memory, 0, number)

    def leave(self, at: float) -> None:
        """Note that the run ends now."""
        struct.pack_into("d", self._memory, 8, at)


class Run:
    """One run of the daemon, and the script's hand on it."""

    def __init__(self, core: Core, sources: dict[str, Scripted], progress: Progress) -> None:
        self.core, self.sources, self.progress = core, sources, progress
        self.now = START + timedelta(minutes=SCRIPT[progress.step].minutes)
        self.written: list = []
        self.news = asyncio.Event()
        core.clock = lambda: self.now
        core.resting = {str(source.name) for source in sources.values()}  # until the script lets them be polled
        core.heard.append(self._heard)
        self.daemon = Daemon(core, lambda: configuration(progress.step), types(None), Notifier({}))
        self.daemon.settled.append(lambda *_: self.news.set())

    def _heard(self, plan):
        if plan.source and plan.state and not plan.state.failures:
            self.core.resting.add(str(plan.source))
        self.news.set()

    async def play(self) -> None:
        """Play the script from the step that was reached to its end, then have the daemon stop."""
        async with asyncio.timeout(BREAK_OFF):
            for number, step in list(enumerate(SCRIPT))[self.progress.step :]:
                await self._step(number, step)
        self.progress.leave(time.time())
        self.daemon.stop.set()

    async def _step(self, number: int, step: Step) -> None:
        new = step.reloaded and not SCRIPT[self.progress.step].reloaded
        self.progress.reach(number)
        self.now = max(self.now, START + timedelta(minutes=step.minutes))
        if new:
            await self.daemon.reloaded()
        await self._quiet()  # what fell due meanwhile comes before what is seen next
        self.sources["azur"].records, self.sources["riviera"].records = step.leads, step.purchases
        self.core.resting.clear()
        while len(self.core.resting) < len(self.sources):
            await self._news()
        await self._quiet()

    async def _quiet(self) -> None:
        """Wait until nothing is due; what is to be tried again later is tried then, and not in real time."""
        while not await self._is_quiet():
            await self._news()

    async def _is_quiet(self) -> bool:
        store, sinks = self.core.store, self.core.parts.sinks
        try:
            ring = await store.next_ring()
            if ring and ring <= self.now:
                self.daemon.bell.set()
                return False
            owed = await store.owed_counts()
            later = [await store.next_due(name) for name in sinks if name in owed and owed[name].owed]
        except StoreError:
            return False
        if due := min(filter(None, later), default=None):
            self.now = max(self.now, due)
            self.core.wake_all()
        return not due and not self.daemon.trouble

    async def _news(self) -> None:
        """Wait until something was written; what comes with it is let come."""
        self.news.clear()
        try:
            await asyncio.wait_for(self.news.wait(), 0.02)
        except TimeoutError:
            return
        await asyncio.sleep(0.01)


def types(port):
    """The types of sink, with the one of this run."""
    return {**SINKS, "desk": SinkType(Settings, lambda *_: Desk(("127.0.0.1", port)), people=False)}


def configuration(step: int):
    """The configuration in force at a step."""
    return configured("later.toml" if SCRIPT[step].reloaded else "config.toml", types(None))


async def run(port: int) -> None:
    """Run from the step that was reached to the end of the script."""
    progress = Progress(STEP)
    sources = {
        "azur": Scripted(SourceName("azur", "apimo.leads", "101")),
        "riviera": Scripted(SourceName("riviera", "adlead.purchases", "1")),
    }
    app.build_source = lambda name, *_args, **_more: sources[name.account]
    kinds = types(port)
    config = configuration(progress.step)
    async with await Store.open(config.state_path) as store:
        parts = await assemble(config, store, kinds, lambda: START, lambda: 0.0)
        core = Core(store, parts, luck=lambda: 0.0)
        played = Run(core, sources, progress)
        played.daemon.types = kinds
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(played.play())
                group.create_task(played.daemon.run())
        finally:
            await core.parts.close()


def child(directory: str, port: int, traced: bool) -> int:
    """What a fork does; return its exit code."""
    os.chdir(directory)
    logs.setup(stream=Path("log.jsonl").open("a", buffering=1))  # noqa: SIM115 - until the end
    if traced:
        Path("go").open("rb").close()  # held until the tracer is there
    try:
        asyncio.run(run(port))
    except Exception as error:
        sys.stdout = sys.stderr = Path("said.txt").open("a", buffering=1)  # noqa: SIM115 - until the end
        if not isinstance(error, StoreError):
            traceback.print_exc()
        return report(error)
    return 0


def hasten() -> None:
    """Have what waits after a failure wait for less: the disk of this script is well again after a few calls."""
    supervise.FIRST_WAIT, supervise.LONGEST_WAIT = 0.005, 0.05
    deliver.STORE_WAIT = 0.005
    daemon.HEALTH = 0.05
    Core.wait = lambda *_: timedelta(milliseconds=20)  # the script says when a source is to be polled
    random.seed(0)
    sys.setswitchinterval(1.0)  # what the threads do, they do in a few instructions: traced, each hand-over is dear


def say(number: int) -> None:
    """Answer whoever asked for the run."""
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def serve() -> None:
    """Fork a run for each line, and answer with its process and then with how it ended."""
    hasten()
    for line in sys.stdin:
        directory, port, traced = line.split()
        process = os.fork()
        if not process:
            code = 70
            try:
                code = child(directory, int(port), traced == "1")
            finally:
                os._exit(code)
        say(process)
        _, status = os.waitpid(process, 0)
        say(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    serve()
