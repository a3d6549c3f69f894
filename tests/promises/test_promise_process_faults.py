"""What is taken away from a running process, and what goes wrong inside it: it says so, lives, and recovers."""

import asyncio
import os
import resource
import signal

import pytest
from fire_daemon import until

from watcher.simulator import Fault

pytestmark = pytest.mark.slow

QUICK = {"supervise__FIRST_WAIT": 0.1, "supervise__LONGEST_WAIT": 0.2, "AGAIN": 0.1, "HEALTH": 0.2, "WATCH_FILES": 0.2}


# -------------------------------------------------------------------------------------------------- out of descriptors


async def test_without_a_file_descriptor_left_it_lives_and_recovers(burning):
    """Polls and sends fail for now, nothing is given up, and when there are descriptors again all is told once."""
    await burning.watched(4.0, **QUICK)  # what it cannot say to systemd is no reason to end either
    limits = resource.prlimit(burning.process.pid, resource.RLIMIT_NOFILE)
    # Three for the standard streams: whatever is open stays open, and nothing more can be opened.
    resource.prlimit(burning.process.pid, resource.RLIMIT_NOFILE, (3, limits[1]))
    burning.lead(2)
    burning.signal(signal.SIGHUP)  # a new generation has to connect anew
    await until(lambda: len(burning.logged("to be tried again")) >= 3, burning.said)
    burning.sim.faults.add(Fault("reset", times=1))  # the connection is gone, and there can be no other one
    burning.lead(3)
    await until(lambda: burning.logged("not polled"), burning.said)
    assert burning.process.returncode is None
    resource.prlimit(burning.process.pid, resource.RLIMIT_NOFILE, limits)
    burning.systemd.listen()
    await burning.told(2, 3)
    await until(lambda: "WATCHDOG=1" in burning.systemd.listen(), burning.said)
    assert not burning.logged("given up")
    assert await burning.stopped() == 0, burning.said()
    for place in (burning.hook.told, burning.lines()):
        assert len({name for name, _, _ in place}) == len(place)


async def test_a_file_saved_while_no_descriptor_is_left_is_taken_up_afterwards(burning):
    """A configuration that cannot be read for now is not a broken one: it is read again."""
    await burning.up(**QUICK)
    limits = resource.prlimit(burning.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(burning.process.pid, resource.RLIMIT_NOFILE, (3, limits[1]))
    burning.write(more='[[rules]]\nname = "late"\non = ["new-lead"]\nafter = "1s"\nto = ["log"]\n')
    await until(lambda: "not reloaded" in burning.said(), burning.said)
    resource.prlimit(burning.process.pid, resource.RLIMIT_NOFILE, limits)
    await until(lambda: burning.logged("reloaded"), burning.said)
    assert burning.logged("reloaded")[0]["rules"] == 2


# ----------------------------------------------------------------------------------------------------- nobody to talk to


async def test_a_systemd_that_does_not_listen_holds_up_nothing(burning):
    """What systemd does not take in is not waited for: polls and messages go on."""
    await burning.watched(0.1, **QUICK)
    burning.lead(2)
    await burning.told(2)
    await until(burning.systemd.full, burning.said)
    asked = len(burning.sim.requests)
    await until(lambda: len(burning.sim.requests) > asked + 10, burning.said)
    burning.lead(3)
    await burning.told(3)
    burning.systemd.listen()
    await until(lambda: "WATCHDOG=1" in burning.systemd.listen(), burning.said)
    assert await burning.stopped() == 0


async def test_with_nobody_at_its_standard_output_and_error_it_lives(burning):
    """A log that nobody takes is lost, and nothing else: it polls, tells, and ends with 0."""
    reading, writing = os.pipe()
    try:
        await burning.start(out=writing)
    finally:
        os.close(writing)
    said = b""
    while said.count(b'"polled"') < 2:
        said += await asyncio.to_thread(os.read, reading, 1000)
    os.close(reading)
    burning.lead(2)
    await until(lambda: burning.hook.told or burning.process.returncode is not None)
    burning.lead(3)
    await burning.told(2, 3)
    assert burning.process.returncode is None
    assert await burning.stopped() == 0


async def test_without_standard_output_and_error_it_lives(burning):
    """Started with both closed, it does not mistake the store for one of them, and ends with 0."""
    await burning.start(shell=">&- 2>&-")
    asked = len(burning.sim.requests)
    await until(lambda: len(burning.sim.requests) >= asked + 4 or burning.process.returncode is not None)
    burning.lead(2)
    await burning.told(2)
    assert await burning.stopped() == 0


# -------------------------------------------------------------------------------------------------------- what goes wrong


async def test_a_sink_that_blocks_the_loop_starves_the_watchdog_and_harms_nobody_else(burning):
    """While the loop stands still systemd is not told that all is well; freed, everybody is told what was missed."""
    await burning.watched(1.0)
    await until(lambda: "WATCHDOG=1" in burning.systemd.listen(), burning.said)
    burning.mood("block")
    burning.lead(2)
    await until(lambda: standstill(burning.process), burning.said)
    burning.lead(3)
    burning.systemd.listen()
    await asyncio.sleep(1.0)  # a whole period of the watchdog without a word
    assert "WATCHDOG=1" not in burning.systemd.listen()
    burning.mood("")
    await burning.told(2, 3)
    await until(lambda: "WATCHDOG=1" in burning.systemd.listen(), burning.said)
    await until(lambda: burning.odd().count("new-lead") == 2, burning.said)
    assert await burning.stopped() == 0


def standstill(process):
    """Whether the process waits in a sleep of its own, as the blocking sink does, and not for its sockets."""
    with open(f"/proc/{process.pid}/wchan") as file:  # noqa: PTH123 - not a file that pathlib would mind
        return "nanosleep" in file.read()


@pytest.mark.parametrize("mood", ["error", "cancel"])
async def test_an_attempt_that_dies_of_what_nobody_foresaw_is_tried_again(burning, mood):
    """A bug in a sink, even one that gives up the task it runs in, ends in another try; nobody else notices."""
    await burning.up(backoff__SCHEDULE=[], **QUICK)
    burning.mood(mood)
    burning.lead(2)
    await burning.told(2)
    await until(lambda: burning.logged("given up"), burning.said)
    burning.mood("")
    burning.lead(3)
    await burning.told(3)
    await until(lambda: burning.odd().count("new-lead") == 1, burning.said)
    assert await burning.stopped() == 0


async def test_what_nobody_may_catch_ends_the_process_with_its_traceback(burning):
    """A BaseException is not lived with: the exit code says that it was no good end, so that systemd starts it anew."""
    await burning.up()
    burning.mood("doom")
    burning.lead(2)
    assert await burning.ended() not in (0, -signal.SIGTERM)
    assert "Doom: and nobody caught it" in burning.said()
    burning.mood("")
    await burning.start()
    await burning.told(2)
    await until(lambda: burning.odd() == ["new-lead"], burning.said)
