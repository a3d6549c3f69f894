"""The daemon's loops in the test's own event loop, over a real store: its sources, its sinks and its clock in hand."""

from __future__ import annotations

import asyncio
import hashlib
import json
from datetime import UTC, datetime, timedelta

from watcher import app
from watcher.app import Core, assemble
from watcher.cli.common import configured
from watcher.daemon import Daemon
from watcher.errors import Transient
from watcher.model import Reading, Slice
from watcher.sinks import SINKS
from watcher.sinks.kit import Settings, SinkType
from watcher.store import Store
from watcher.systemd import Notifier

CONFIG = """
language = "en"
timezone = "UTC"
[status]
listen = ""
[operator]
to = ["ops"]
[accounts.riviera]
api = "adlead"
tenant = "client-a"
key = { env = "KEY" }
[[sources]]
account = "riviera"
stream = "purchases"
programs = [1]
every = "100ms"
[sinks.box]
type = "box"
[sinks.ops]
type = "box"
"""

PATIENCE = 10.0

EVERYTHING = """
[[rules]]
name = "all"
on = ["*"]
to = ["box"]
"""


class Vendor:
    """A source: answers `records`, or raises `error`."""

    def __init__(self, name):
        self.name, self.records, self.error, self.reads = name, {"1": {"status": "booked"}}, None, 0

    async def read(self, known, since):
        """Answer everything."""
        self.reads += 1
        if self.error:
            raise self.error
        raw = {key: json.dumps({"id": key, **body}).encode() for key, body in self.records.items()}
        pieces = [Slice(key, hashlib.sha256(text).digest()[:16], text) for key, text in raw.items()]
        fresh = tuple(piece for piece in pieces if piece.fingerprint not in known.fingerprints)
        return Reading(fresh, frozenset(raw), full=True, complete=True)

    async def show(self, key):
        """There is no record but those of the list."""
        return


class Box:
    """A sink: keeps what it takes, and turns away the records in `down`."""

    def __init__(self, down):
        self.told, self.tried, self.down = [], [], down

    async def send(self, delivery):
        """Take it, or not now."""
        self.tried.append(delivery.event.subject)
        if delivery.event.subject in self.down:
            raise Transient("HTTP 503")
        self.told.append(delivery.event)
        return "ok"

    async def close(self):
        """Nothing to close."""

    def kinds(self):
        """(type, subject) of what it has taken."""
        return [(event.type, event.subject) for event in self.told]


class Inside:
    """A running daemon. `ahead` is by how much its clock goes wrong."""

    def __init__(self, directory, monkeypatch, log):
        self.log = log
        self.directory, self.ahead, self.down = directory, timedelta(0), set()
        self.boxes, self.vendor = {}, None
        monkeypatch.setenv("KEY", "simulated-key")
        monkeypatch.chdir(directory)
        monkeypatch.setattr(app, "build_source", self._source)
        self.types = {**SINKS, "box": SinkType(Settings, self._sink, people=False)}

    def _source(self, name, *_args, **_more):
        self.vendor = self.vendor or Vendor(name)
        return self.vendor

    def _sink(self, name, *_):
        return self.boxes.setdefault(name, Box(self.down))

    def clock(self):
        """The time, as wrong as it is."""
        return datetime.now(UTC) + self.ahead

    def write(self, rules=EVERYTHING):
        """Write the configuration."""
        (self.directory / "config.toml").write_text(CONFIG + rules)

    async def run(self):
        """Run until `stop` is set."""
        async with await Store.open(self.directory / "watcher.db") as self.store:
            config = configured(None, self.types)
            parts = await assemble(config, self.store, self.types, self.clock, lambda: 0.0)
            core = Core(self.store, parts, self.clock, lambda: 0.0)
            self.daemon = Daemon(core, lambda: configured(None, self.types), self.types, Notifier({}))
            try:
                await self.daemon.run()
            finally:
                await core.parts.close()

    async def start(self):
        """Start it in a task, and wait until it has polled once."""
        reads = self.vendor.reads if self.vendor else 0
        self.task = asyncio.create_task(self.run())
        await self.until(lambda: self.vendor and self.vendor.reads > reads + 1)

    async def stop(self):
        """Have it stop."""
        self.daemon.stop.set()
        async with asyncio.timeout(PATIENCE):
            await self.task

    async def until(self, condition):
        """Wait until a condition holds, while it runs."""
        async with asyncio.timeout(PATIENCE):
            while not condition():
                if getattr(self, "task", None) and self.task.done():
                    self.task.result()
                    raise AssertionError("it has ended")
                await asyncio.sleep(0.005)

    async def polled(self, times=3):
        """Wait until it has been polled some times more."""
        reads = self.vendor.reads
        await self.until(lambda: self.vendor.reads >= reads + times)
