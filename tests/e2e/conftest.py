"""The daemon, the vendors and everybody who is told, started and stopped."""

import contextlib
import sys
from pathlib import Path

import pytest

from watcher.simulator import Simulator

sys.path.insert(0, str(Path(__file__).parent))

from running import Daemon, Receivers


@pytest.fixture
async def sim():
    """Both vendors, without limits and without a life of their own."""
    async with Simulator(life=False, apimo_rate=None, apimo_daily=None, adlead_rate=None) as running:
        yield running


@pytest.fixture
async def receivers():
    """Everybody who is told."""
    listening = Receivers()
    await listening.start()
    yield listening
    await listening.stop()


@pytest.fixture
async def daemon(tmp_path, sim, receivers):
    """The daemon, stopped at the end whatever happened."""
    made = Daemon(tmp_path, sim, receivers)
    yield made
    if made.process and made.process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            made.process.kill()
        await made.process.wait()
    if made.process:
        made.log.close()
