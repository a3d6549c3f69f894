"""The loops' loop: jobs that come round, polls in the order in which they fall due, and what follows a failure."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeVar

import structlog

from watcher.errors import StoreError
from watcher.poll import Watch

_log = structlog.get_logger("watcher.supervise")

Item = TypeVar("Item")

FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
"""Seconds after a job's failure before it is tried again: doubling, between these."""

Failed = Callable[[StoreError], Awaitable[None]]


async def every(
    name: str,
    job: Callable[[], Awaitable[float]],
    stop: asyncio.Event,
    failed: Failed,
    bell: asyncio.Event | None = None,
) -> None:
    """Do a job again and again until `stop`; it returns in how many seconds it wants to be done next.

    A job that fails is tried again, later and later up to 30 s, and never given up. The bell brings it forward.
    """
    failures = 0
    while not stop.is_set():
        if bell:
            bell.clear()
        try:
            wait = await job()
            failures = 0
        except StoreError as error:
            await failed(error)
            wait, failures = _wait(failures), failures + 1
        except (Exception, asyncio.CancelledError):  # the named place for what nobody foresaw: said, and tried again
            if called_off():
                raise
            _log.exception("a job failed", job=name)
            wait, failures = _wait(failures), failures + 1
        await first(stop, bell, timeout=wait)


def called_off() -> bool:
    """Whether this task was told to end. If not, a cancellation is a library's, that gave up a task not its own."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _wait(failures: int) -> float:
    return min(FIRST_WAIT * (1 << min(failures, 10)), LONGEST_WAIT)


async def first(*events: asyncio.Event | None, timeout: float | None) -> None:
    """Wait until one of the events is set, `timeout` seconds at most (None: for as long as it takes)."""
    waiters = [asyncio.ensure_future(event.wait()) for event in events if event]
    try:
        await asyncio.wait(waiters, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for waiter in waiters:
            waiter.cancel()


class Again(NamedTuple):
    """In how many seconds a source is to be polled next, counted from now.

    `steady`: counted from when it fell due this time, so that what comes between is not added to its interval.
    """

    seconds: float
    steady: bool = False


class Rota:
    """Sources in the order in which they fall due: one heap, any number of workers.

    Measured against a task a source: the tail of the lag is a fifth and an idle source costs a third. Sources that keep
    their beat stay apart as they began; counted from the end of each poll, those that were late together once would
    fall due together ever after.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Watch]] = []
        self._count = itertools.count()
        self._turn = asyncio.Lock()
        self._moved = asyncio.Event()
        self._closed = False

    def close(self) -> None:
        """Have nothing more polled; what is under way goes on."""
        self._closed = True
        self._moved.set()

    def put(self, watch: Watch, wait: float) -> None:
        """Have a source polled in so many seconds."""
        self._put(watch, asyncio.get_running_loop().time() + wait)

    def _put(self, watch: Watch, due: float) -> None:
        item = (due, next(self._count), watch)
        heapq.heappush(self._heap, item)
        if self._heap[0] is item:  # else whoever waits need not wake: what it waits for is still the first
            self._moved.set()

    async def take(self) -> tuple[Watch, float] | None:
        """The source that falls due first, once it is due, and when that was; None when the rota is closed."""
        loop = asyncio.get_running_loop()
        async with self._turn:
            while not self._closed:
                self._moved.clear()
                wait = self._heap[0][0] - loop.time() if self._heap else None
                if wait is not None and wait <= 0:
                    due, _, watch = heapq.heappop(self._heap)
                    return watch, due
                try:
                    await asyncio.wait_for(self._moved.wait(), wait)
                except TimeoutError:
                    continue
        return None

    async def work(self, poll: Callable[[Watch], Awaitable[Again]], failed: Failed) -> None:
        """Poll whatever falls due until the rota closes; a poll returns when it wants to be next."""
        failures: dict[str, int] = {}
        while taken := await self.take():
            watch, due = taken
            name = str(watch.name)
            again = Again(LONGEST_WAIT)
            try:
                again = await poll(watch)
                failures.pop(name, None)
            except StoreError as error:
                await failed(error)
                again = Again(_wait(failures.setdefault(name, 0)))
                failures[name] += 1
            except (Exception, asyncio.CancelledError):  # as in `every`
                if called_off():
                    raise
                _log.exception("a poll failed", source=name)
            finally:
                self._put(watch, _next(due, again, asyncio.get_running_loop().time()))


def _next(due: float, again: Again, now: float) -> float:
    """When a source falls due next; never sooner than after half of its interval, however late it was."""
    if again.steady:
        return max(due + again.seconds, now + again.seconds / 2)
    return now + again.seconds
