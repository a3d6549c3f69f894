"""From a change upstream to the webhook: the simulator and the daemon as processes of their own."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import time
import urllib.request
from functools import partial

from bench.figure import Figure, exactly, quantile
from bench.payloads import pages, records, squeezed
from bench.processes import environment, running, until
from bench.rig import Setting, written
from bench.scope import Scope, say

EVERY = 0.5
"""Seconds between two polls of the source that changes."""


_ADDRESS = re.compile(r"http://[0-9.]+:\d+")


def measure(scope: Scope) -> list[Figure]:
    """What is beyond the poll interval, alone and among 1,000 sources that poll."""
    body = pages("leads", records("leads", 1))
    scope.vendor.put("leads", {place: squeezed(page) for place, page in body.items()})
    figures = []
    for others in (0, 1_000):
        say(f"  among {others:,} other sources")
        took = _latencies(scope, others, scope.pick(8, 60))
        words = f"among {others:,} sources every 10 s: change to webhook (median {quantile(took, 0.5) * 1000:.0f} ms)"
        beyond = (quantile(took, 0.95) - EVERY) * 1000
        less = f"p95 less the interval of {EVERY * 1000:.0f} ms"
        figures.append(Figure(f"latency.beyond-{others}", beyond, "ms", f"{less}, {words}"))
    return figures


def _latencies(scope: Scope, others: int, changes: int) -> list[float]:
    directory = scope.place(f"latency{others}")
    simulate = [sys.executable, "-m", "watcher", "simulate", "--port", "0", "--no-life"]
    with running(simulate, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as simulator:
        address = next(found[0] for line in simulator.stdout or () if (found := _ADDRESS.findall(line.decode())))
        setting = Setting(agencies=max(others, 1), accounts=10 if others else 1, every="10s", reconcile="1h")
        path = written(directory, setting, scope.vendor.url)
        path.write_text(path.read_text() + _simulated(address))
        scope.vendor.forget()
        with (directory / "log").open("wb") as log:
            command = [sys.executable, "-m", "watcher", "run", "--config", str(path)]
            env = environment(SIM_TOKEN="demo-token")
            with running(command, env=env, cwd=directory, stdout=log, stderr=log):
                first = json.dumps({"step": "1"}).encode()
                until(partial(_all_read, scope, address, others), 60, f"the first polls; {directory / 'log'}")
                return [_once(scope, address, first, number) for number in range(changes)]


def _all_read(scope: Scope, address: str, others: int) -> bool:
    """Whether every source was read, that of the simulator twice: its baseline is committed."""
    with urllib.request.urlopen(f"{address}/_sim/requests", timeout=10) as answer:
        return len(json.load(answer)) > 1 and len(scope.vendor.arrivals()) >= others


def _simulated(address: str) -> str:
    return f"""
[accounts.sim]
api = "apimo"
base_url = "{address}"
provider = "9999"
token = {{ env = "SIM_TOKEN" }}
max_rate = "1000/s"
budget = false
[[sources]]
account = "sim"
stream = "leads"
agencies = [101]
every = "{EVERY:g}s"
"""


def _once(scope: Scope, address: str, body: bytes, number: int) -> float:
    """Make a lead at a moment that has nothing to do with the polls; return the seconds until the webhook had it."""
    time.sleep(random.Random(number).random() * EVERY)
    request = urllib.request.Request(
        f"{address}/_sim/records/leads/101", body, {"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        lead = json.load(answer)
    made = time.monotonic()
    until(lambda: scope.vendor.hooked() > number, 30, f"the webhook of lead {number}")
    at, kind, subject, _ = scope.vendor.hooks()[number]
    exactly((kind, subject), ("new-lead", str(lead["id"])), "what the webhook was told")
    return at - made
