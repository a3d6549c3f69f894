"""Killed between any two steps: at the next start everything owed is delivered, with the same ids, in order."""

import asyncio
import json
import os
import shutil
import sqlite3
import sys
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from canaries import discreet

from watcher.simulator import Simulator

HERE = Path(__file__).parent

STEPS = ["read", "decode", "diff", "derive", "route", "before commit", "after commit", "due", "before send", "after send",
         "before settle", "after settle"]  # fmt: skip

DELIVERING = {"due", "before send", "after send", "before settle", "after settle"}
"""The steps at which messages may be under way: taken and not yet settled, they come again, with the same id."""

AT_ONCE = 4
"""Messages under way together in one sink."""

ONE_A_SOURCE = {"read", "diff", "route", "before commit", "after commit"}
"""The steps that come once a source, of which there are two."""


class Site:
    """The vendors, a webhook, and a store after its baseline, to be copied for each crash."""

    def __init__(self, directory, sim):
        self.directory, self.sim, self.told = directory, sim, []

    async def take(self, request):
        """The webhook."""
        self.told.append(json.loads(await request.read()))
        return web.Response()

    async def run(self, place, step="none", number=1):
        """Run once, perhaps into a trap; return the exit code."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(HERE / "child.py"), step, str(number), "run", "--once",
            cwd=place, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "TOKEN": "simulated-token", "KEY": "simulated-key", "PYTHONPATH": str(HERE.parents[1])},
        )  # fmt: skip
        async with asyncio.timeout(60):
            _, errors = await process.communicate()
        self.errors = discreet(errors.decode())
        return process.returncode

    def change(self):
        """What happens upstream: several records, several events of one change, two sources."""
        world = self.sim.world
        for key in (1, 2, 3):
            world.patch("leads", "101", key, {"step": "2", "message": "Bonjour"})
        world.put("leads", "101", {"id": 9, "type": "1", "step": "1"})
        world.patch("purchases", "1", 1, {"status": "signed", "sale_deed_signed_at": "2026-11-01T09:00:00.000000Z",
                                          "booking_contract_signed_at": "2026-10-01T09:00:00.000000Z"})  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory):
    """The site, its baseline taken, its changes made, and what an undisturbed run tells."""
    async with Simulator(life=False, apimo_rate=None, apimo_daily=None, adlead_rate=None) as sim:
        found = Site(tmp_path_factory.mktemp("site"), sim)
        app = web.Application()
        app.router.add_post("/hook", found.take)
        runner = web.AppRunner(app)
        await runner.setup()
        listener = web.TCPSite(runner, "127.0.0.1", 0)
        await listener.start()
        port = listener._server.sockets[0].getsockname()[1]
        (found.directory / "config.toml").write_text(f"""
accounts.a = {{ api = "apimo", base_url = "{sim.url}", provider = "9999", token = {{ env = "TOKEN" }}, budget = false }}
accounts.b = {{ api = "adlead", base_url = "{sim.url}/v1", tenant = "client-a", key = {{ env = "KEY" }} }}
sinks.hook = {{ type = "webhook", url = "http://127.0.0.1:{port}/hook" }}
sinks.log = {{ type = "file", path = "events.jsonl" }}
[[sources]]
account = "a"
stream = "leads"
agencies = [101]
[[sources]]
account = "b"
stream = "purchases"
programs = [1]
[[rules]]
name = "all"
on = ["*"]
to = ["hook", "log"]
""")
        for key in range(1, 6):
            sim.world.put("leads", "101", {"id": key, "type": "1", "step": "1", "message": None})
            sim.world.put("purchases", "1", {"id": key, "status": "pre-booked", "lead_id": 8, "sale_deed_signed_at": None,
                                             "booking_contract_signed_at": None})  # fmt: skip
        assert await found.run(found.directory) == 0, found.errors
        found.change()
        calm = found.directory.parent / "calm"
        shutil.copytree(found.directory, calm)
        assert await found.run(calm) == 0, found.errors
        found.expected = sorted((event["id"], event["type"]) for event in found.told)
        yield found
        await runner.cleanup()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "number"), [(step, number) for step in STEPS for number in ((1, 2) if step in ONE_A_SOURCE else (1, 4))]
)
@pytest.mark.asyncio(loop_scope="module")
async def test_killed_between_two_steps_nothing_is_lost(site, tmp_path, step, number):
    """SIGKILL at a step: after the next start each event is told with the id of an undisturbed run, and in order."""
    assert len(site.expected) == 9
    place = tmp_path / "crashed"
    shutil.copytree(site.directory, place)
    site.told.clear()
    assert await site.run(place, step, number) == -9, site.errors
    assert await site.run(place) == 0, site.errors
    lines = [json.loads(line) for line in (place / "events.jsonl").read_text().splitlines()]
    for events in (site.told, lines):
        assert sorted({(event["id"], event["type"]) for event in events}) == site.expected
        twice = len(events) - len(site.expected)
        assert twice <= (AT_ONCE if step in DELIVERING else 0)
        for record in {(event["source"], event["subject"]) for event in events}:
            sequence = [event["sequence"] for event in events if (event["source"], event["subject"]) == record]
            assert sequence == sorted(sequence)
    with sqlite3.connect(place / "watcher.db") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()
