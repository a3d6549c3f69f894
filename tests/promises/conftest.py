"""What the promises' tests share."""

import io
import sys
from pathlib import Path

import pytest
import structlog
from figures import about

sys.path.insert(0, str(Path(__file__).parent))

from fire_daemon import Burning, Hook
from fire_inside import Inside

from watcher import logs
from watcher.simulator import Simulator


@pytest.fixture
def figures():
    """Where a test puts what it has measured, by what it is of: a line each at the end of the run."""
    return about("promises")


@pytest.fixture
async def burning(tmp_path):
    """The daemon's directory with vendors and a webhook; the daemon is ended at the end whatever happened."""
    async with Simulator(life=False, apimo_rate=None, apimo_daily=None, adlead_rate=None) as sim:
        hook = Hook()
        await hook.start()
        made = Burning(tmp_path, sim, hook)
        sim.world.put("leads", "101", {"id": 1, "type": "1", "step": "1"})
        sim.world.put("purchases", "1", {"id": 1, "status": "booked"})
        made.write()
        yield made
        await made.put_out()
        await hook.stop()


@pytest.fixture
async def inside(tmp_path, monkeypatch):
    """A daemon that looks around more often than it would, running."""
    for name, seconds in (("daemon.HEALTH", 0.05), ("daemon.TICK", 0.1), ("deliver.LONGEST_WAIT", 0.1),
                          ("supervise.FIRST_WAIT", 0.01), ("supervise.LONGEST_WAIT", 0.02)):  # fmt: skip
        monkeypatch.setattr(f"watcher.{name}", seconds)
    log = io.StringIO()
    logs.setup(stream=log)
    made = Inside(tmp_path, monkeypatch, log)
    made.write()
    yield made
    try:
        await made.stop()
    finally:
        structlog.reset_defaults()
