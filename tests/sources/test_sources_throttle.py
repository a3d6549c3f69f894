"""The gate: never too many, in order, asleep while waiting, shut when we are asked to wait."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peers import FakeTimeLoop

from watcher.errors import Transient
from watcher.sources.throttle import Throttle


def run(loop: FakeTimeLoop, coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run it in the loop in which time costs nothing."""
    return loop.run_until_complete(coroutine)


async def through(gate: Throttle, opened: list[tuple[int, float]], number: int) -> None:
    """Go through the gate and note who did and when."""
    async with gate:
        opened.append((number, asyncio.get_running_loop().time()))


def never_over(moments: list[float], count: int, seconds: float) -> bool:
    """Say that no window of so many seconds, wherever it begins, has more than `count` of the moments."""
    return all(later - first >= seconds - 1e-6 for first, later in zip(moments, moments[count:], strict=False))


@given(
    count=st.integers(1, 7),
    seconds=st.floats(0.1, 100),
    gaps=st.lists(st.floats(0, 40), min_size=1, max_size=60),
)
def test_the_rate_is_kept_in_every_window_and_in_order(count: int, seconds: float, gaps: list[float]) -> None:
    """However waiters come, no window of the period has more than the rate, and they pass in the order they came."""
    opened: list[tuple[int, float]] = []

    async def story() -> None:
        gate = Throttle(count, seconds)
        waiting = []
        for number, gap in enumerate(gaps):
            await asyncio.sleep(gap)
            waiting.append(asyncio.create_task(through(gate, opened, number)))
        await asyncio.gather(*waiting)

    loop = FakeTimeLoop()
    run(loop, story())
    loop.close()
    assert [number for number, _ in opened] == list(range(len(gaps)))
    assert never_over([moment for _, moment in opened], count, seconds)


def test_what_fits_does_not_wait(timeless: FakeTimeLoop) -> None:
    """As many as the rate allows pass at once; the next one waits for the whole period, not longer."""
    opened: list[tuple[int, float]] = []

    async def story() -> None:
        gate = Throttle(3, 60.0)
        for number in range(4):
            await through(gate, opened, number)

    start = timeless.time()
    run(timeless, story())
    assert [moment - start for _, moment in opened] == pytest.approx([0, 0, 0, 60.0])


def test_a_thousand_waiters_sleep(timeless: FakeTimeLoop) -> None:
    """The loop wakes up about once for each opening that has to be waited for, however many wait."""
    opened: list[tuple[int, float]] = []

    async def story() -> None:
        gate = Throttle(10, 1.0)
        await asyncio.gather(*(through(gate, opened, number) for number in range(1000)))

    run(timeless, story())
    assert len(opened) == 1000
    assert timeless.selector.wakes < 250  # the class beneath would wake 10,000,000 waiters


def test_one_that_is_cancelled_loses_nobody_a_place(timeless: FakeTimeLoop) -> None:
    """Waiters that give up, asleep or in line, take no place in the rate and leave the order of the others as it was."""
    opened: list[tuple[int, float]] = []

    async def story() -> None:
        gate = Throttle(1, 10.0)
        tasks = [asyncio.create_task(through(gate, opened, number)) for number in range(6)]
        await asyncio.sleep(5)  # 0 is through, 1 sleeps, the others are in line
        tasks[1].cancel()
        tasks[3].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    start = timeless.time()
    run(timeless, story())
    assert [number for number, _ in opened] == [0, 2, 4, 5]
    assert [moment - start for _, moment in opened] == pytest.approx([0, 10, 20, 30])


def test_a_pause_shuts_the_gate_for_all(timeless: FakeTimeLoop) -> None:
    """Nobody passes during a pause, those who came before it included; a shorter one does not shorten it."""
    opened: list[tuple[int, float]] = []

    async def story() -> None:
        gate = Throttle(1, 10.0)
        tasks = [asyncio.create_task(through(gate, opened, number)) for number in range(3)]
        await asyncio.sleep(5)
        gate.pause(40)
        gate.pause(1)
        await asyncio.gather(*tasks)

    start = timeless.time()
    run(timeless, story())
    assert [moment - start for _, moment in opened] == pytest.approx([0, 45, 55])


def test_a_long_pause_sends_away(timeless: FakeTimeLoop) -> None:
    """Nobody waits for hours: waiters hear when to come back, and the gate opens again when the pause is over."""

    async def story() -> tuple[Transient, list[tuple[int, float]]]:
        gate = Throttle(1, 10.0)
        opened: list[tuple[int, float]] = []
        gate.pause(7200)
        with pytest.raises(Transient) as sent:
            await gate.acquire()
        await asyncio.sleep(7200)
        await through(gate, opened, 1)
        return sent.value, opened

    sent, opened = run(timeless, story())
    assert sent.retry_after == pytest.approx(7200)
    assert len(opened) == 1
