"""The daemon as a process, to be set on fire: vendors and a webhook on loopback, a file, and a sink that misbehaves."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sqlite3
import sys
import time
from pathlib import Path

from aiohttp import web
from canaries import discreet

HERE = Path(__file__).parent
DEADLINE = 30.0

CONFIG = """
language = "en"
[status]
listen = ""
[operator]
to = ["log"]
[accounts.azur]
api = "apimo"
base_url = "{url}"
provider = "9999"
token = {{ env = "TOKEN" }}
max_rate = "1000/s"
budget = false
[accounts.riviera]
api = "adlead"
base_url = "{url}/v1"
tenant = "client-a"
key = {{ env = "KEY" }}
max_rate = "1000/s"
[[sources]]
account = "azur"
stream = "leads"
agencies = [101]
every = "{every}"
[[sources]]
account = "riviera"
stream = "purchases"
programs = [1]
every = "{every}"
[sinks.hook]
type = "webhook"
url = "{hook}"
[sinks.log]
type = "file"
path = "events.jsonl"
[sinks.odd]
type = "odd"
{more}
[[rules]]
name = "all"
on = ["*"]
to = ["hook", "log", "odd"]
"""

SOURCES = 2


async def until(condition, what="it", deadline=DEADLINE):
    """Wait until a condition holds; say what was waited for when it does not."""
    end = time.monotonic() + deadline
    while not (found := condition()):
        assert time.monotonic() < end, f"not within {deadline:.0f} s: {what() if callable(what) else what}"
        await asyncio.sleep(0.01)
    return found


@contextlib.contextmanager
def lock_held(store):
    """Somebody else writes to the store, and does not come to an end."""
    db = sqlite3.connect(store, isolation_level=None)
    try:
        db.execute("BEGIN IMMEDIATE")
        yield
        db.execute("ROLLBACK")
    finally:
        db.close()


class Hook:
    """A webhook that can be made to hang."""

    def __init__(self):
        self.told, self.asked = [], 0
        self.free = asyncio.Event()
        self.free.set()

    async def start(self):
        """Listen on loopback."""
        app = web.Application()
        app.router.add_post("/hook", self._take)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/hook"

    async def stop(self):
        """Hang up."""
        self.free.set()
        await self._runner.cleanup()

    async def _take(self, request):
        event = json.loads(await request.read())
        self.asked += 1
        await self.free.wait()
        self.told.append((event["id"], event["type"], event["subject"]))
        return web.Response()


class Systemd:
    """A socket in systemd's place, and what was said to it."""

    def __init__(self, directory):
        self.path = str(directory / "notify.sock")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)
        self._socket.setblocking(False)

    def listen(self):
        """What was said since the last time, a line each."""
        said = []
        with contextlib.suppress(BlockingIOError):
            while True:
                said += self._socket.recv(4096).decode().splitlines()
        return said

    def full(self):
        """Whether nothing more can be said to it before it listens."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as another:
            try:
                another.connect(self.path)
                another.sendall(b"STATUS=from somebody else")
            except BlockingIOError:
                return True
        return False

    def close(self):
        """Hang up."""
        self._socket.close()


class Burning:
    """`watcher run` in a directory of its own, one process after the other."""

    def __init__(self, directory, sim, hook):
        self.directory, self.sim, self.hook = directory, sim, hook
        self.process = None
        self.systemd = None

    @property
    def world(self):
        """What is upstream."""
        return self.sim.world

    def write(self, every="100ms", more=""):
        """Write the configuration."""
        text = CONFIG.format(url=self.sim.url, hook=self.hook.url, every=every, more=more)
        (self.directory / "config.toml").write_text(text)

    def mood(self, text):
        """Have the odd sink misbehave like that."""
        (self.directory / "mood.new").write_text(text)
        (self.directory / "mood.new").replace(self.directory / "mood.txt")

    async def start(self, *, out=None, shell="", environ=None, **shortened):
        """Start it; `shortened` are constants of `watcher.daemon` or, with `__` for dots, of others."""
        fire = {
            "watcher." + (name.replace("__", ".") if "__" in name else f"daemon.{name}"): value
            for name, value in shortened.items()
        }
        command = [sys.executable, str(HERE / "fire_run.py")]
        if shell:
            command = ["sh", "-c", f'exec "$0" "$@" {shell}', *command]
        with (self.directory / "said.txt").open("ab") as said:
            self.process = await asyncio.create_subprocess_exec(
                *command, cwd=self.directory, stdout=out or said, stderr=out or said,
                env={**os.environ, "TOKEN": "simulated-token", "KEY": "simulated-key", "FIRE": json.dumps(fire),
                     "PYTHONPATH": str(HERE.parents[1]), **(environ or {})},
            )  # fmt: skip
        return self.process

    async def up(self, **more):
        """Start it for the first time, and wait until it has read every source."""
        await self.start(**more)
        await until(lambda: self.said().count('"polled"') >= SOURCES, self.said)

    async def watched(self, seconds, **more):
        """The same under something like systemd, with a watchdog of so many seconds."""
        self.systemd = Systemd(self.directory)
        await self.up(environ={"NOTIFY_SOCKET": self.systemd.path, "WATCHDOG_USEC": str(int(seconds * 1e6))}, **more)
        assert "READY=1" in self.systemd.listen()

    def signal(self, number):
        """Send it a signal."""
        self.process.send_signal(number)

    async def ended(self, deadline=DEADLINE):
        """Wait for its end; return the exit code."""
        try:
            async with asyncio.timeout(deadline):
                return await self.process.wait()
        except TimeoutError:
            raise AssertionError(f"it did not end within {deadline:.0f} s: {self.said()}") from None

    async def stopped(self, deadline=DEADLINE):
        """Have it stop; return the exit code."""
        self.signal(signal.SIGTERM)
        return await self.ended(deadline)

    async def put_out(self):
        """End it, whatever it does."""
        if self.process and self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()
            discreet(self.said())
        if self.systemd:
            self.systemd.close()

    def said(self):
        """What it said."""
        path = self.directory / "said.txt"
        return path.read_text() if path.exists() else ""

    def logged(self, event):
        """The lines of its log with that event."""
        lines = [json.loads(line) for line in self.said().splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event]

    def lines(self):
        """What the file sink has: (id, type, subject) of what is not about watcher itself."""
        path = self.directory / "events.jsonl"
        events = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [(event["id"], event["type"], event["subject"]) for event in events if event["source"] != "/watcher"]

    def trouble(self):
        """What the file sink has of what is about watcher itself."""
        path = self.directory / "events.jsonl"
        events = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [(event["type"], event["subject"]) for event in events if event["source"] == "/watcher"]

    def odd(self):
        """The event types that the odd sink took."""
        path = self.directory / "odd.txt"
        return [line.split()[1] for line in path.read_text().splitlines()] if path.exists() else []

    def lead(self, key):
        """A new lead upstream."""
        self.world.put("leads", "101", {"id": key, "type": "1", "step": "1"})

    def heard_of(self, key, *places):
        """Whether each of those (the webhook, the file) was told of that lead."""
        return all(any((kind, subject) == ("new-lead", str(key)) for _, kind, subject in place) for place in places)

    async def told(self, *keys):
        """Wait until the webhook and the file have been told of those leads."""
        for key in keys:
            await until(lambda key=key: self.heard_of(key, self.hook.told, self.lines()), self.said)
