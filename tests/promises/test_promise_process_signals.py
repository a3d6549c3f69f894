"""SIGHUP a hundred times, SIGSTOP for a while: one generation after the other, no burst afterwards, nothing lost."""

import asyncio
import signal
import time
from pathlib import Path

import pytest
from fire_daemon import lock_held, until

from watcher.simulator import Fault

pytestmark = pytest.mark.slow

CONNECTIONS = 8
"""Connections that are kept open for a while after what was under way together: they come and go."""

TIMED = """
[[rules]]
name = "unanswered"
on = ["new-lead"]
after = "1s"
to = ["log"]
"""


def held(process, what):
    """How many open files (`fd`) or threads (`task`) a process has."""
    return sum(1 for _ in Path(f"/proc/{process.pid}/{what}").iterdir())


async def test_a_hundred_reloads_in_a_second_lose_nothing_and_leave_nothing_behind(burning):
    """While changes flow: each reload ends before the next begins, all is told once, no file or thread is left over."""
    await burning.up()
    burning.signal(signal.SIGHUP)
    await until(lambda: len(burning.logged("reloaded")) == 1, burning.said)
    burning.lead(2)
    await burning.told(2)
    files, threads = held(burning.process, "fd"), held(burning.process, "task")
    for number in range(100):
        burning.signal(signal.SIGHUP)
        burning.lead(3 + number)
        await asyncio.sleep(0.01)
    await burning.told(*range(3, 103))
    generations = [line["generation"] for line in burning.logged("reloaded")]
    assert generations == list(range(2, len(generations) + 2))
    burning.signal(signal.SIGHUP)  # what the hundred were about is in force, too
    await until(lambda: burning.logged("reloaded")[-1]["generation"] > generations[-1], burning.said)
    burning.lead(200)
    await burning.told(200)
    await until(lambda: held(burning.process, "fd") <= files + CONNECTIONS, burning.said)
    await until(lambda: held(burning.process, "task") <= threads, burning.said)
    assert await burning.stopped() == 0, burning.said()
    for place in (burning.hook.told, burning.lines()):
        assert len({name for name, _, _ in place}) == len(place) == 102


async def test_a_reload_while_everything_hangs_ends_and_sends_again_with_the_same_id(burning):
    """A vendor and a sink that hang hold up a reload for no longer than its grace."""
    await burning.up(GRACE=0.3)
    burning.hook.free.clear()
    burning.lead(2)
    await until(lambda: burning.hook.asked and burning.heard_of(2, burning.lines()))
    burning.sim.faults.add(Fault("hang"))
    asked = len(burning.sim.requests)
    await until(lambda: len(burning.sim.requests) > asked)
    burning.signal(signal.SIGHUP)
    await until(lambda: burning.logged("reloaded"), burning.said)
    burning.sim.faults.clear()
    burning.hook.free.set()
    await burning.told(2)
    assert {name for name, _, _ in burning.hook.told} == {name for name, _, _ in burning.lines()}


async def test_a_reload_while_the_store_is_locked_waits_for_it(burning):
    """Somebody else holds the store when a reload comes: the daemon lives, says so, and then takes up the new file."""
    await burning.up(store__files___PATIENCE=0.2, AGAIN=0.1)
    with lock_held(burning.directory / "watcher.db"):
        burning.write(more=TIMED)
        burning.signal(signal.SIGHUP)
        await until(lambda: burning.logged("not reloaded yet: it is tried again") or burning.process.returncode)
        assert burning.process.returncode is None, burning.said()
    await until(lambda: burning.logged("reloaded"), burning.said)
    burning.lead(2)
    await until(lambda: "overdue" in {kind for _, kind, _ in burning.lines()}, burning.said)
    assert await burning.stopped() == 0, burning.said()


async def test_stopped_for_a_while_it_goes_on_as_if_it_had_been_short(burning):
    """SIGSTOP over many intervals, SIGCONT: one poll a source and then by the interval; a timer rings late, and once."""
    burning.write(every="500ms", more=TIMED)
    await burning.up(SPREAD=0.0)
    burning.lead(2)
    await until(lambda: burning.heard_of(2, burning.lines()))
    burning.signal(signal.SIGSTOP)
    burning.lead(3)
    await asyncio.sleep(4)  # it is the process that has to miss this time, by the kernel's clock
    asked = len(burning.sim.requests)
    burning.signal(signal.SIGCONT)
    went_on = time.monotonic()
    polls = 6

    def of_leads():
        return [one for one in burning.sim.requests[asked:] if one.api == "apimo"]

    await until(lambda: len(of_leads()) >= polls, burning.said)
    # The first may come at once, and one may have been on its way; the others keep their distance.
    assert time.monotonic() - went_on >= (polls - 2) * 0.5
    await burning.told(3)
    await until(lambda: [s for _, kind, s in burning.lines() if kind == "overdue"] == ["2", "3"], burning.said)
    assert burning.trouble() == []
    assert await burning.stopped() == 0
    assert len({name for name, _, _ in burning.lines()}) == len(burning.lines())
