"""Jobs that come round, and sources in the order in which they fall due."""

import asyncio
from types import SimpleNamespace

import pytest

from watcher.errors import StoreError
from watcher.supervise import Again, Rota, _next, every


async def nothing(_error):
    """Nobody to tell."""


def source(name):
    """As much of a watch as a rota looks at."""
    return SimpleNamespace(name=name)


async def test_a_job_that_fails_is_done_again():
    """Whatever a job raises, it is tried again; the failing store is reported to whoever answers for it."""
    stop, failures, runs = asyncio.Event(), [], []

    async def failed(error):
        failures.append(str(error))

    async def job():
        runs.append(1)
        if len(runs) == 1:
            raise StoreError("disk full")
        stop.set()
        return 0.0

    async with asyncio.timeout(10):
        await every("job", job, stop, failed)
    assert failures == ["disk full"]
    assert len(runs) == 2


async def test_the_bell_brings_a_job_forward():
    """A job that wants to sleep for an hour is done at once when its bell rings."""
    stop, bell, runs = asyncio.Event(), asyncio.Event(), []

    async def job():
        runs.append(1)
        if len(runs) == 2:
            stop.set()
        else:
            asyncio.get_running_loop().call_soon(bell.set)
        return 3600.0

    async with asyncio.timeout(5):
        await every("job", job, stop, nothing, bell)
    assert len(runs) == 2


async def test_stop_ends_a_sleeping_job():
    """A job that sleeps for an hour ends with the stop, not after it."""
    stop = asyncio.Event()

    async def job():
        asyncio.get_running_loop().call_soon(stop.set)
        return 3600.0

    async with asyncio.timeout(5):
        await every("job", job, stop, nothing)


async def test_sources_are_taken_in_the_order_in_which_they_fall_due():
    """The earliest first, whatever the order in which they were put; ties in the order in which they came."""
    rota = Rota()
    for name, wait in (("late", 0.03), ("soon", 0.01), ("now", 0), ("now too", 0)):
        rota.put(source(name), wait)
    async with asyncio.timeout(5):
        taken = [(await rota.take())[0].name for _ in range(4)]
    assert taken == ["now", "now too", "soon", "late"]


async def test_a_source_put_earlier_overtakes_one_that_is_waited_for():
    """A waiter that sleeps for an hour wakes for a source that is put before it."""
    rota = Rota()
    rota.put(source("in an hour"), 3600)
    waiter = asyncio.create_task(rota.take())
    await asyncio.sleep(0)
    rota.put(source("now"), 0)
    async with asyncio.timeout(5):
        assert (await waiter)[0].name == "now"


@pytest.mark.parametrize(
    ("late", "again", "expected"),
    [
        (0.0, Again(60, steady=True), 60),
        (7.0, Again(60, steady=True), 60),
        (29.0, Again(60, steady=True), 60),
        (45.0, Again(60, steady=True), 75),
        (500.0, Again(60, steady=True), 530),
        (7.0, Again(60), 67),
    ],
    ids=["at once", "late", "just in time", "very late", "ages late", "as the vendor asked"],
)
def test_a_source_keeps_its_beat(late, again, expected):
    """It comes round after its interval, not that and the time of its poll; yet not at once; a lull is from now on."""
    assert _next(1000.0, again, 1000.0 + late) == 1000.0 + expected


async def test_sources_that_were_late_together_part_again():
    """Ten sources due a tenth of a second apart, all polled a second late: they fall due a tenth apart again."""
    rota, loop = Rota(), asyncio.get_running_loop()
    began = loop.time()
    for number in range(10):
        rota.put(source(str(number)), -1 + number / 10)

    async def poll(watch):
        if watch.name == "9":
            rota.close()
        return Again(100.0, steady=True)

    async with asyncio.timeout(5):
        await rota.work(poll, nothing)
    due = sorted(due - began for due, _, _ in rota._heap)
    assert due == pytest.approx([99 + number / 10 for number in range(10)], abs=0.05)


async def test_a_closed_rota_sends_everybody_home():
    """Workers that wait end when the rota closes; what is under way ends by itself."""
    rota = Rota()
    rota.put(source("in an hour"), 3600)
    began, go = asyncio.Event(), asyncio.Event()

    async def poll(_watch):
        began.set()
        await go.wait()
        return Again(60.0)

    rota.put(source("now"), 0)
    workers = [asyncio.create_task(rota.work(poll, nothing)) for _ in range(3)]
    async with asyncio.timeout(5):
        await began.wait()
        rota.close()
        done, _ = await asyncio.wait(workers, timeout=1)
        assert len(done) == 2
        go.set()
        await asyncio.gather(*workers)


async def test_a_poll_that_breaks_comes_round_again():
    """A bug in a poll is not the end of its source, nor of its worker."""
    rota = Rota()
    runs = []

    async def poll(_watch):
        runs.append(1)
        if len(runs) == 1:
            raise StoreError("locked")
        rota.close()
        return Again(60.0)

    rota.put(source("a"), 0)
    async with asyncio.timeout(10):
        await rota.work(poll, nothing)
    assert len(runs) == 2
