"""The daemon killed again and again while changes flow: all of it is told, in order, and hardly anything twice.

WATCHER_KILL_ROUNDS says how often (100 by default), WATCHER_KILL_SEED at which moments.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path
from random import Random

import pytest
from aiohttp import web
from figures import about

from watcher.simulator import Simulator

ROUNDS = int(os.environ.get("WATCHER_KILL_ROUNDS", "100"))
SEED = int(os.environ.get("WATCHER_KILL_SEED", "1"))

IN_FLIGHT = 4
"""Messages under way together in one sink: its `at_once`."""

EARLY = 0.25
"""The part of the kills that find the daemon on its way up; the others come when it tells."""

DEADLINE = 60.0

CONFIG = """
language = "en"
[status]
listen = ""
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
every = "100ms"
[[sources]]
account = "riviera"
stream = "purchases"
programs = [1]
every = "100ms"
[sinks.hook]
type = "webhook"
url = "{hook}"
[sinks.log]
type = "file"
path = "events.jsonl"
[[rules]]
name = "all"
on = ["*"]
to = ["hook", "log"]
"""


class Traffic:
    """Changes upstream, one after the other: leads that come and move on, purchases whose price goes up."""

    def __init__(self, world, random):
        self.world, self.random = world, random
        self.leads = dict.fromkeys(range(1, 9), 1)
        self.prices = dict.fromkeys(range(1, 9), 100_000)
        self.changes = 0
        for key in self.leads:
            world.put("leads", "101", {"id": key, "type": "1", "step": "1"})
        for key, price in self.prices.items():
            world.put("purchases", "1", {"id": key, "status": "pre-booked", "price_including_vat": price})

    async def flow(self):
        """Let something happen about sixty times a second, until cancelled."""
        while True:
            await asyncio.sleep(self.random.uniform(0.005, 0.03))
            self.happen()

    def happen(self):
        """One change."""
        self.changes += 1
        what = self.random.random()
        if what < 0.1:
            key = max(self.leads) + 1
            self.leads[key] = 1
            self.world.put("leads", "101", {"id": key, "type": "1", "step": "1"})
        elif what < 0.6:
            key = self.random.choice(list(self.leads))
            self.leads[key] += 1
            self.world.patch("leads", "101", key, {"step": str(self.leads[key])})
        else:
            key = self.random.choice(list(self.prices))
            self.prices[key] += 1000
            self.world.patch("purchases", "1", key, {"price_including_vat": self.prices[key]})

    def state(self):
        """What each record has come to, as its events say it."""
        leads = {("azur/apimo.leads/101", str(key)): str(step) for key, step in self.leads.items()}
        return leads | {("riviera/adlead.purchases/1", str(key)): price for key, price in self.prices.items()}


class Ledger:
    """What one sink was told, in order, and in which life of the daemon; held against what happened."""

    def __init__(self):
        self.told = []

    def add(self, event, life):
        """One message."""
        self.told.append((event, life))

    def follow(self, begin):
        """Where each record is by what was told of it; raises AssertionError at a gap, a repetition or a jump back."""
        state, seen, last = dict(begin), set(), defaultdict(int)
        for event, _ in self.told:
            record = (event["source"].strip("/"), event["subject"])
            place = int(event["sequence"])
            assert place >= last[record], f"out of order: {record}"
            assert (place == last[record]) == (event["id"] in seen), f"two ids for one change: {record}"
            if event["id"] in seen:
                continue
            seen.add(event["id"])
            last[record] = place
            ((name, delta),) = [
                (n, d) for n, d in event["data"]["changes"].items() if n in ("step", "price_including_vat")
            ]
            assert delta["from"] == state.get(record), f"a gap before {event['type']} of {record}: {delta}, {name}"
            state[record] = delta["to"]
        return state

    def repeated(self):
        """How many messages of each life were told once more in a later one; never twice in one life."""
        lives = defaultdict(list)
        for event, life in self.told:
            lives[event["id"]].append(life)
        assert all(len(set(each)) == len(each) for each in lives.values()), "told twice in one life"
        return Counter(life for each in lives.values() for life in each[:-1])


class Site:
    """The daemon's directory, who is told, and the life that the daemon is in."""

    def __init__(self, directory):
        self.directory = directory
        self.life = 0
        self.hook, self.log = Ledger(), Ledger()
        self._read = 0

    async def take(self, request):
        """The webhook."""
        self.hook.add(json.loads(await request.read()), self.life)
        return web.Response()

    def collect(self):
        """Take in what was appended to the file sink since the last time."""
        path = self.directory / "events.jsonl"
        text = path.read_bytes()[self._read :] if path.exists() else b""
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            self.log.add(json.loads(line), self.life)

    async def start(self):
        """Start the daemon."""
        self.life += 1
        with (self.directory / "said.txt").open("ab") as said:
            return await asyncio.create_subprocess_exec(
                sys.executable, "-m", "watcher", "run", cwd=self.directory, stdout=said, stderr=said,
                env={**os.environ, "TOKEN": "simulated-token", "KEY": "simulated-key", "PYTHONPATH": str(Path(__file__).parents[2])},
            )  # fmt: skip

    def tail(self):
        """The end of what it said, for a failure's message."""
        return (self.directory / "said.txt").read_text()[-2000:]


async def until(condition, process, site):
    """Wait until a condition holds while the daemon runs."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert process.returncode is None, f"it ended by itself: {site.tail()}"
        assert time.monotonic() < deadline, f"not within {DEADLINE:.0f} s: {site.tail()}"
        await asyncio.sleep(0.01)


@pytest.fixture
async def site(tmp_path):
    """A directory with a configuration, vendors, and a webhook."""
    async with Simulator(life=False, apimo_rate=None, apimo_daily=None, adlead_rate=None) as sim:
        made = Site(tmp_path)
        made.sim = sim
        app = web.Application()
        app.router.add_post("/hook", made.take)
        runner = web.AppRunner(app)
        await runner.setup()
        listener = web.TCPSite(runner, "127.0.0.1", 0)
        await listener.start()
        hook = f"http://127.0.0.1:{listener._server.sockets[0].getsockname()[1]}/hook"
        (tmp_path / "config.toml").write_text(CONFIG.format(url=sim.url, hook=hook))
        yield made
        await runner.cleanup()


async def live_and_die(site, random):
    """One life of the daemon: up, and killed at a random moment."""
    process = await site.start()
    try:
        if random.random() < EARLY:
            await asyncio.sleep(random.uniform(0.0, 0.8))
        else:
            before = len(site.hook.told)
            await until(lambda: len(site.hook.told) > before, process, site)
            await asyncio.sleep(random.uniform(0.0, 0.4))
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        assert await process.wait() == -signal.SIGKILL, site.tail()
    site.collect()


@pytest.mark.slow
@pytest.mark.timeout(60 + 10 * ROUNDS)
async def test_killed_again_and_again_while_changes_flow_nothing_is_lost(site):
    """After so many kills at random moments every change is told, in order; twice only what was under way, by its id."""
    random = Random(SEED)
    traffic = Traffic(site.sim.world, random)
    begin = traffic.state()
    process = await site.start()
    await until(lambda: site.tail().count('"polled"') == 2, process, site)  # both baselines
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0
    flowing = asyncio.create_task(traffic.flow())
    try:
        for _ in range(ROUNDS):
            await live_and_die(site, Random(random.random()))
    finally:
        flowing.cancel()
    process = await site.start()
    try:
        await until(lambda: caught_up(site, begin, traffic.state()), process, site)
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0, site.tail()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    site.collect()
    judge(site, begin, traffic)


def caught_up(site, begin, end):
    """Whether both sinks were told of everything."""
    site.collect()
    return all(ledger.follow(begin) == end for ledger in (site.hook, site.log))


def judge(site, begin, traffic):
    """Hold what was told against what happened, and what is stored against what was told."""
    ids = {}
    for name, ledger in (("hook", site.hook), ("log", site.log)):
        assert ledger.follow(begin) == traffic.state()
        assert all(count <= IN_FLIGHT for count in ledger.repeated().values()), ledger.repeated()
        ids[name] = {event["id"] for event, _ in ledger.told}
    with contextlib.closing(sqlite3.connect(site.directory / "watcher.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        stored = {name for (name,) in db.execute("SELECT id FROM events")}
        assert db.execute("SELECT count(*) FROM deliveries WHERE state <> 'delivered'").fetchone() == (0,)
    assert ids["hook"] == ids["log"] == stored
    twice = site.hook.repeated().total() + site.log.repeated().total()
    about("crashes")[f"kill -9 in {ROUNDS} rounds (seed {SEED})"] = (
        f"{traffic.changes} changes, {len(stored)} events to 2 sinks, 0 lost, {twice} told twice with the same id, "
        f"at most {max([*site.hook.repeated().values(), *site.log.repeated().values(), 0])} a kill and sink"
    )
