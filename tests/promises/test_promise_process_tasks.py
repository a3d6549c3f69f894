"""A task that dies: it is said, with its traceback, and what it did is done again; nobody else notices."""

import asyncio

import pytest


class Flaky:
    """Raises an error for the first so many calls of a coroutine function, then does what that does."""

    def __init__(self, function, error, times=3):
        self.function, self.error, self.left = function, error, times

    async def __call__(self, *args, **more):
        """Fail, or do it."""
        if self.left:
            self.left -= 1
            raise self.error
        return await self.function(*args, **more)


ERRORS = pytest.mark.parametrize(
    "error", [RuntimeError("nobody foresaw this"), asyncio.CancelledError()], ids=["error", "cancel"]
)
"""A bug, and a library that gives up the task that it is called in."""


@ERRORS
async def test_a_poll_that_dies_comes_round_again(inside, error):
    """The source is polled on, by as many workers as before, and what happened meanwhile is told."""
    await inside.start()
    inside.vendor.read = Flaky(inside.vendor.read, error)
    inside.vendor.records["1"] = {"status": "signed"}
    await inside.until(lambda: inside.boxes["box"].kinds() == [("purchase-signed", "1")])
    assert inside.log.getvalue().count("a poll failed") == 3
    assert inside.daemon.stuck() == []


@pytest.mark.parametrize("method", ["next_ring", "conditions", "due"])
@ERRORS
async def test_a_loop_that_dies_comes_round_again(inside, monkeypatch, method, error):
    """Whatever the tick, the health check or a sink's line trips over: they come round again, and messages are told."""
    await inside.start()
    flaky = Flaky(getattr(inside.store, method), error)
    monkeypatch.setattr(inside.store, method, flaky)
    inside.daemon.bell.set()
    inside.daemon.core.wake_all()
    await inside.until(lambda: not flaky.left)
    inside.vendor.records["1"] = {"status": "signed"}
    await inside.until(lambda: inside.boxes["box"].kinds() == [("purchase-signed", "1")])
    assert "failed" in inside.log.getvalue()
    assert inside.daemon.stuck() == []


async def test_a_tick_that_hangs_is_said(inside, monkeypatch):
    """It waits for something that does not come: the process lives, and says that nothing due by the clock is told."""
    monkeypatch.setattr("watcher.daemon.HELD_UP", 0.3)
    await inside.start()
    assert inside.daemon.held_up() == []
    free = asyncio.Event()

    async def hang():
        await free.wait()

    monkeypatch.setattr(inside.store, "next_ring", hang)
    await inside.until(inside.daemon.held_up)
    assert inside.daemon.stuck() == []
    free.set()


async def test_a_loop_that_hangs_does_not_keep_it_from_ending(inside, monkeypatch):
    """Told to stop, it waits for its loops for a while, and ends without the one that hangs."""
    monkeypatch.setattr("watcher.daemon.GRACE", 0.1)
    await inside.start()
    hangs = asyncio.Event()

    async def hang():
        hangs.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(inside.store, "next_ring", hang)
    await inside.until(hangs.is_set)
    await inside.stop()


async def test_a_hundred_reloads_leave_no_task_behind(inside):
    """One generation ends whole before the next begins."""
    await inside.start()
    await inside.daemon.reloaded()
    await inside.polled()
    tasks = len(asyncio.all_tasks())
    for _ in range(100):
        inside.daemon.reload.set()
        await asyncio.sleep(0)
    for _ in range(20):
        await inside.daemon.reloaded()
    await inside.polled()
    await inside.until(lambda: len(asyncio.all_tasks()) <= tasks)
    assert inside.daemon.generation >= 22


async def test_a_long_housekeeping_is_cut_off_by_the_stop(inside, monkeypatch):
    """It goes in slices, for an hour if need be, and goes on where it was at the next start: nobody waits for it."""
    begun = asyncio.Event()

    async def keep(_core):
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr("watcher.app.Core.keep_house", keep)
    await inside.start()
    await inside.until(begun.is_set)
    await inside.stop()
    assert "failed" not in inside.log.getvalue()
