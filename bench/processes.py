"""Processes of our own: the vendor, and the children in which memory and starts are measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def environment(**more: str) -> dict[str, str]:
    """What a child is started with: this tree to import from, the same hash seed each time."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0", **more}


@dataclass(frozen=True, slots=True)
class Server:
    """The vendor that runs in another process."""

    url: str

    def put(self, stream: str, wires: Mapping[str, bytes], encoding: str = "gzip") -> None:
        """Have these answered from now on: wire bytes by offset or page number."""
        for place, wire in wires.items():
            self._call("PUT", f"/pages/{stream}/{place}", wire, {"Content-Encoding": encoding})

    def hooks(self) -> list[tuple[float, str, str, int]]:
        """What the webhook was told: when (monotonic), type, subject and sequence of each event."""
        return [tuple(row) for row in json.loads(self._call("GET", "/hooks"))]  # type: ignore[misc]

    def hooked(self) -> int:
        """How many events the webhook was told."""
        return int(self._call("GET", "/hooks/count"))

    def arrivals(self) -> list[float]:
        """When it was asked for a list, by the machine's monotonic clock."""
        return list(json.loads(self._call("GET", "/arrivals")))

    def forget(self) -> None:
        """Empty what was noted."""
        self._call("DELETE", "/hooks")

    def _call(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Any:
        request = urllib.request.Request(f"{self.url}{path}", body, dict(headers or {}), method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read()


@contextmanager
def serving() -> Iterator[Server]:
    """The vendor, for as long as the block lasts."""
    with running([sys.executable, "-m", "bench.vendor"], stdout=subprocess.PIPE) as process:
        yield Server(f"http://127.0.0.1:{int(process.stdout.readline())}")  # type: ignore[union-attr]


@contextmanager
def running(command: list[str], **how: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is ended with the block."""
    how.setdefault("env", environment())
    with subprocess.Popen(command, **how) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def child(module: str, *arguments: object, prefix: tuple[str, ...] = ()) -> dict[str, Any]:
    """Run a module of the bench to its end; return the JSON object that it prints."""
    command = [*prefix, sys.executable, "-m", f"bench.{module}", *map(str, arguments)]
    done = subprocess.run(command, env=environment(), capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.decode(errors='replace')[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def resident(pid: int) -> float:
    """The memory that a process holds now, in MiB."""
    return _status(pid, "VmRSS")


def resident_at_most(pid: int | str = "self") -> float:
    """The most that a process has held, in MiB."""
    return _status(pid, "VmHWM")


def _status(pid: int | str, key: str) -> float:
    line = next(row for row in Path(f"/proc/{pid}/status").read_text().splitlines() if row.startswith(key))
    return int(line.split()[1]) / 1024


def until(condition: Any, seconds: float, what: str) -> float:
    """Wait until a condition holds and return the time then; raises TimeoutError."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.002)
    return time.monotonic()
