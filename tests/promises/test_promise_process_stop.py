"""Told to stop, at whatever it is: it ends in bounded time with exit 0, and what is owed is kept."""

import contextlib
import signal

import pytest
from fire_daemon import lock_held, until

from watcher.simulator import Fault

SHORT = {"GRACE": 0.5, "store__files___PATIENCE": 0.3}
"""Waits that take five seconds each otherwise."""

MORE_SOURCES = """
[[sources]]
account = "azur"
stream = "contracts"
agencies = [101, 102]
every = "100ms"
[[sources]]
account = "riviera"
stream = "purchases"
programs = [2]
every = "100ms"
[[sources]]
account = "azur"
stream = "leads"
agencies = [102]
every = "100ms"
"""

PATIENCE_OF_SYSTEMD = 20.0
"""Seconds after which the unit has systemd kill it (TimeoutStopSec)."""


async def test_idle_it_ends_with_0(burning):
    """With nothing under way it ends, says so last, and leaves the store closed in good order."""
    await burning.up()
    assert await burning.stopped() == 0
    assert len(burning.logged("stopped")) == 1
    assert not (burning.directory / "watcher.db-wal").exists()


async def test_in_a_poll_it_ends_with_0_and_the_change_is_seen_again(burning):
    """A vendor that hangs does not hold up the end; what it would have said is read at the next start."""
    await burning.up(**SHORT)
    burning.sim.faults.add(Fault("hang", "apimo"))
    burning.lead(2)
    asked = len(burning.sim.requests)
    await until(lambda: any(one.api == "apimo" for one in burning.sim.requests[asked:]))
    await burning.stopped()
    burning.sim.faults.clear()
    assert burning.process.returncode == 0, burning.said()
    await burning.start()
    await burning.told(2)


async def test_in_a_send_it_ends_with_0_and_sends_it_again_with_the_same_id(burning):
    """A sink that hangs does not hold up the end; what was under way is sent at the next start, with its id."""
    await burning.up(**SHORT)
    burning.hook.free.clear()
    burning.lead(2)
    await until(lambda: burning.hook.asked and burning.heard_of(2, burning.lines()))
    assert await burning.stopped() == 0, burning.said()
    burning.hook.free.set()
    await burning.start()
    await burning.told(2)
    assert {name for name, _, _ in burning.hook.told} == {name for name, _, _ in burning.lines()}


async def test_in_a_commit_it_ends_with_0_and_nothing_is_lost(burning):
    """A store that somebody else has locked does not hold up the end; what could not be written is seen again."""
    await burning.up(**SHORT)
    with lock_held(burning.directory / "watcher.db"):
        burning.lead(2)
        await until(lambda: burning.logged("the store fails; polling and deliveries wait for it"), burning.said)
        assert await burning.stopped() == 0, burning.said()
    assert not burning.lines()
    await burning.start()
    await burning.told(2)


@pytest.mark.slow
async def test_everything_hangs_and_it_still_ends_before_systemd_kills_it(burning):
    """A vendor, a sink and the store hang together, and many wait for the store: it ends with 0, and loses nothing."""
    burning.write(more=MORE_SOURCES)
    await burning.up()
    burning.hook.free.clear()
    burning.lead(2)
    await until(lambda: burning.hook.asked)
    burning.lead(3)
    await until(lambda: burning.heard_of(3, burning.lines()))
    with lock_held(burning.directory / "watcher.db"):
        burning.sim.faults.add(Fault("hang", "apimo", "*101*"))
        burning.world.patch("purchases", "1", 1, {"status": "canceled"})
        asked = len(burning.sim.requests)
        await until(lambda: len({one.path for one in burning.sim.requests[asked:]}) == 6)  # each of them, once more
        assert await burning.stopped(PATIENCE_OF_SYSTEMD) == 0, burning.said()
    burning.sim.faults.clear()
    burning.hook.free.set()
    await burning.start()
    await burning.told(2, 3)
    await until(lambda: "purchase-canceled" in {kind for _, kind, _ in burning.hook.told}, burning.said)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_told_twice_it_ends_at_once(burning, number):
    """The second signal ends it as a crash would, without waiting for anything, and what is owed is kept."""
    await burning.up(GRACE=3600.0)
    burning.hook.free.clear()
    burning.lead(2)
    await until(lambda: burning.hook.asked and burning.heard_of(2, burning.lines()))
    burning.signal(number)

    def again():
        with contextlib.suppress(ProcessLookupError):
            burning.signal(number)  # two of a kind that come together are one to the kernel
        return burning.process.returncode is not None

    await until(again, burning.said)
    assert burning.process.returncode == -number
    burning.hook.free.set()
    await burning.start()
    await burning.told(2)
    assert {name for name, _, _ in burning.hook.told} == {name for name, _, _ in burning.lines()}
