"""Faults at a run's calls, one after the other: which calls there are, a run with a fault at one of them, what it told."""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import socket
import sqlite3
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
DEADLINE = 60.0

CALLS = (
    "write,writev,pwrite64,pwritev,pwritev2,fsync,fdatasync,sync_file_range,msync,ftruncate,truncate,fallocate,"
    "rename,renameat,renameat2,unlink,unlinkat,link,linkat,sendmsg"
)
"""What changes a file or reaches a peer. (`sendto` only wakes the loop here; nobody outside sees it.)"""

CONFIG = """
language = "en"
[state]
path = "watcher.db"
[status]
listen = ""
[operator]
to = ["desk"]
[accounts.azur]
api = "apimo"
provider = "9999"
token = {{ env = "SWEEP" }}
budget = false
[accounts.riviera]
api = "adlead"
tenant = "client-a"
key = {{ env = "SWEEP" }}
[[sources]]
account = "azur"
stream = "leads"
agencies = [101]
every = "100ms"
silent_after = "30d"
[[sources]]
account = "riviera"
stream = "purchases"
programs = [1]
every = "100ms"
silent_after = "30d"
[sinks.log]
type = "file"
path = "told/events.jsonl"
[sinks.desk]
type = "desk"
[[rules]]
name = "grouped"
on = ["new-lead"]
group = {{ by = ["source"], wait = "30s", every = "5m" }}
to = ["desk"]
[[rules]]
name = "unanswered"
on = ["new-lead"]
after = "5m"
when = "record.step == '1'"
unless = "record.opened"
to = ["desk"]
[[rules]]
name = "all"
on = [{on}]
to = ["log", "desk"]
"""

LATER = """
[[rules]]
name = "options"
on = ["purchases"]
before = "24h"
of = "option_expires_at"
to = ["desk"]
"""
"""A rule that is new at the reload, so that the reload itself writes."""


@dataclass(frozen=True, order=True)
class Call:
    """One kind of call on one file (None: on a socket): its calls are counted from 1, in the order in which they come."""

    name: str
    path: str | None


@dataclass(frozen=True)
class Told:
    """What one message said, less what depends on when it was said."""

    id: str
    type: str
    record: str
    changes: str

    @classmethod
    def of(cls, event):
        """From the event as it was sent."""
        changes = json.dumps(event["data"].get("changes"), sort_keys=True)
        return cls(event["id"], event["type"], f"{event['source']}#{event['subject']}", changes)

    @property
    def operational(self):
        """Whether it is about watcher itself."""
        return self.record.startswith("/watcher#") and self.type != "summary"


@dataclass
class Receiver:
    """The desk's other end: one connection after the other, so that what it has is in the order in which it came."""

    told: list = field(default_factory=list)

    def __post_init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._take, daemon=True)
        self._thread.start()

    def _take(self):
        while True:
            try:
                channel, _ = self._listener.accept()
            except OSError:
                return
            with channel, channel.makefile("rb") as lines:
                try:
                    if line := lines.readline():
                        self.told.append(json.loads(line))
                        channel.sendall(b"ok")
                except ConnectionError:
                    continue  # it was killed while it waited for the answer

    def close(self):
        """Hang up."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


@dataclass
class Ended:
    """A run that has ended, perhaps by a fault: its exit code, how often the fault struck, and when first."""

    code: int
    struck: int = 0
    first: float = 0.0


class Bench:
    """Runs in directories of their own, each by a fork of a process that has everything loaded.

    All of it on one processor: who is traced and who traces take turns, and waking another one takes twice as long.
    """

    def __init__(self, root: Path, processor: int):
        self.root, self.processor = root, processor
        self.receiver = Receiver()
        self.server = subprocess.Popen(
            [sys.executable, str(HERE / "sweep_child.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(HERE.parents[1]), "SWEEP": "a-secret"},
        )  # fmt: skip
        os.sched_setaffinity(self.server.pid, {processor})

    def close(self):
        """End the process and hang up."""
        self.server.stdin.close()
        self.server.wait(DEADLINE)
        self.server.stdout.close()
        self.receiver.close()

    def place(self, name):
        """A directory for a run, without a store."""
        directory = self.root / name
        (directory / "told").mkdir(parents=True)
        (directory / "config.toml").write_text(CONFIG.format(on='"*"'))
        (directory / "later.toml").write_text(CONFIG.format(on='"[!x]*"') + LATER)
        os.mkfifo(directory / "go")
        self.receiver.told.clear()
        return directory

    def run(self, directory, *inject, call=None, strikes=0):
        """Run in a directory, under strace when there is something to do to its calls: until it was done so often."""
        traced = bool(inject)
        self.server.stdin.write(f"{directory} {self.receiver.port} {int(traced)}\n")
        self.server.stdin.flush()
        process = self._answer()
        if not traced:
            return Ended(self._answer())
        os.sched_setaffinity(0, {self.processor})  # of this thread, and so of the tracer
        log = directory / "strace.txt"
        log.unlink(missing_ok=True)
        only = ["-P", call.path.replace("@", str(directory))] if call and call.path else []
        tracer = subprocess.Popen(
            ["strace", "-f", "-ttt", "-y", "-s", "0", "-o", str(log), *only, *inject, "-p", str(process)],
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        with tracer:
            said = tracer.stderr.readline()
            if "attached" not in said:
                os.kill(process, 9)
                raise AssertionError(f"strace cannot trace here, and without it this promise cannot be shown: {said}")
            self._go(directory / "go")
            if strikes:
                while not self._answered() and len(_struck(log)) < strikes:
                    pass
                tracer.terminate()  # what is left of the run it does not have to see
            code = self._answer()
            tracer.communicate(timeout=DEADLINE)
        struck = _struck(log)
        return Ended(code, len(struck), float(struck[0].split()[1]) if struck else 0.0)

    def _answered(self):
        """Whether the run has ended; takes ten milliseconds to say no."""
        return bool(select.select([self.server.stdout], [], [], 0.01)[0])

    def _answer(self):
        line = self.server.stdout.readline()
        assert line, "the process that forks the runs has died"
        return int(line)

    def _go(self, fifo):
        deadline = time.monotonic() + DEADLINE
        while True:
            try:
                os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
            except OSError:  # it does not wait there yet
                assert time.monotonic() < deadline, "the run does not begin"
                time.sleep(0.001)
            else:
                return

    def calls(self, name):
        """Every call of an undisturbed run, by kind and file."""
        directory = self.place(name)
        ended = self.run(directory, "-e", f"trace={CALLS}")
        assert ended.code == 0, self.said(directory)
        lines = (directory / "strace.txt").read_text().splitlines()
        return Counter(filter(None, (_call(line, directory) for line in lines))), self.told(directory)

    def told(self, directory):
        """What each sink was told, in order, less what is about watcher itself."""
        path = directory / "told" / "events.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        events = {"log": [json.loads(line) for line in lines if line], "desk": list(self.receiver.told)}
        told = {sink: [Told.of(event) for event in found] for sink, found in events.items()}
        return {sink: [one for one in found if not one.operational] for sink, found in told.items()}

    def said(self, directory):
        """Everything that the runs in a directory said."""
        return "".join(path.read_text() for path in map(directory.joinpath, ("log.jsonl", "said.txt")) if path.exists())

    def left(self, directory):
        """When the last run in a directory was told to stop; 0 when it was not."""
        return struct.unpack_from("d", (directory / "step").read_bytes(), 8)[0]

    def forget(self, directory):
        """Take a directory away."""
        shutil.rmtree(directory)


def _struck(log):
    """The calls that a fault has struck so far."""
    lines = log.read_text().splitlines() if log.exists() else []
    return [line for line in lines if "(INJECTED)" in line]


def _call(line, directory):
    """The call of a line of strace's; None for one that is not of interest."""
    found = re.match(r'\d+ +[\d.]+ (\w+)\((?:\d+<([^>]*)>|"([^"]*)")', line)
    if not found:
        return None
    name, by_number, by_name = found.groups()
    path = by_number or by_name
    if path.startswith("socket:"):
        return Call(name, None)
    return Call(name, path.replace(str(directory), "@"))


def stored(directory):
    """What the store has: whether it is sound, the ids of its events, and the deliveries that are not delivered."""
    db = sqlite3.connect(directory / "watcher.db")
    try:
        sound = [db.execute("PRAGMA integrity_check").fetchall(), db.execute("PRAGMA foreign_key_check").fetchall()]
        events = db.execute("SELECT id FROM events WHERE source <> '/watcher' OR type = 'summary'").fetchall()
        open_ = db.execute("SELECT number, sink, state, reason FROM deliveries WHERE state IN ('owed', 'dead', 'held')")
        return sound == [[("ok",)], []], {name for (name,) in events}, open_.fetchall()
    finally:
        db.close()
