"""What is left open, what was said aloud, and cancelling at each await: what the promises about conduct look at."""

# ruff: noqa: S101 - these are parts of tests: they assert

from __future__ import annotations

import asyncio
import contextlib
import gc
import io
import itertools
import logging
import os
import threading
import traceback
import tracemalloc
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

T = TypeVar("T")

SOON = 10.0
"""Seconds within which something has to come true that takes a moment."""

MOST_AWAITS = 5000
"""More of them than any one call has."""


async def until(true: Callable[[], bool], what: str) -> None:
    """Wait until that is so; fails, saying what was waited for, when it does not come to be."""
    try:
        async with asyncio.timeout(SOON):
            while not true():  # noqa: ASYNC110 - it is another thread, or the kernel, that makes it so
                await asyncio.sleep(0.002)
    except TimeoutError:
        raise AssertionError(f"waited in vain until {what}") from None


# ----------------------------------------------------------------------------------------------------- what is open


def _open_files() -> Iterator[str]:
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - only its names, so that nothing is open meanwhile
        with suppress(OSError):  # the one that listed them is gone again
            yield f"file descriptor {name} ({os.readlink(f'/proc/self/fd/{name}')})"  # noqa: PTH115


def _children() -> Iterator[str]:
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with suppress(OSError):
                name, _, rest = Path(entry.path, "stat").read_text().rpartition(")")
                if int(rest.split()[1]) == os.getpid():
                    yield f"child process {name})"


def _threads() -> Iterator[str]:
    # The event loop's own pool stays until the loop ends; whoever uses it leaves nothing behind.
    return (f"thread {thread.name}" for thread in threading.enumerate() if not thread.name.startswith("asyncio_"))


def _tasks() -> Iterator[str]:
    return (f"task {task.get_coro()}" for task in asyncio.all_tasks())


def belongings(*, connections: bool = True) -> set[str]:
    """All that is open now: tasks, child processes, and, unless connections may stay, file descriptors and threads."""
    lasting = (*_open_files(), *_threads()) if connections else ()
    return {*_tasks(), *_children(), *lasting}


async def nothing_but(before: set[str], *, connections: bool = True) -> None:
    """Wait until nothing is open that was not open before; fails with what is."""
    left: set[str] = set()

    def gone() -> bool:
        left.clear()
        left.update(belongings(connections=connections) - before)
        return not left

    try:
        await until(gone, "nothing is left open")
    except AssertionError:
        raise AssertionError(f"left open: {', '.join(sorted(left))}") from None


@asynccontextmanager
async def nothing_left() -> AsyncIterator[None]:
    """Fail when more is open after the block than before it, or when the loop complains of what was thrown away."""
    gc.collect()
    before = belongings()
    with overheard() as said:
        yield
        gc.collect()
        await nothing_but(before)
        complaints = [text for text in said() if "nclosed" in text or "destroyed" in text or "never " in text]
    assert not complaints, f"the event loop complains: {complaints[0]}"


# ------------------------------------------------------------------------------------------------------ what is said


@contextmanager
def overheard() -> Iterator[Callable[[], list[str]]]:
    """Hear all that is logged or printed in the block, and what the event loop complains of."""
    heard: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(logging.Formatter("%(name)s %(message)s").format(record))

    def complaint(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        heard.append(str(context) + ("".join(traceback.format_exception(error)) if error else ""))

    root, ear, loop, printed = logging.getLogger(), Ear(), asyncio.get_running_loop(), io.StringIO()
    level = root.level
    root.addHandler(ear)
    root.setLevel(logging.DEBUG)
    loop.set_exception_handler(complaint)
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            yield lambda: [*heard, printed.getvalue()]
    finally:
        root.removeHandler(ear)
        root.setLevel(level)
        loop.set_exception_handler(None)


def told_by(error: BaseException) -> str:
    """All that an error, and whatever led to it, would say in a log."""
    values = [repr(value) for value in vars(error).values()]
    return "\n".join([*traceback.format_exception(error), repr(error), *values])


@contextmanager
def within_memory(most: int) -> Iterator[None]:
    """Fail when more than so many bytes are held at once, beyond what was held before."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - before < most, f"{(peak - before) >> 20} MiB were held at once"


# ------------------------------------------------------------------------------------------------------- cancelling


class _Cut(Generic[T]):
    """A coroutine that is awaited as it is, but that the n-th of its awaits has its task cancelled."""

    def __init__(self, work: Coroutine[Any, Any, T], place: int) -> None:
        self.reached = False
        self._work = work
        self._place = place

    def __await__(self) -> Generator[Any, Any, T]:
        task = asyncio.current_task()
        assert task
        step: Callable[[], Any] = partial(self._work.send, None)
        for number in itertools.count(1):
            try:
                waited_for = step()
            except StopIteration as end:
                result: T = end.value
                return result
            if number == self._place:
                self.reached = True
                asyncio.get_running_loop().call_soon(task.cancel)  # by then the task waits for that future
            try:
                step = partial(self._work.send, (yield waited_for))
            except BaseException as error:  # handed on to whom it is for
                step = partial(self._work.throw, error)
        raise AssertionError("unreachable")


async def cancelled(work: Coroutine[Any, Any, T], place: int) -> bool:
    """Run it and cancel it at that await, counted from 1; false when it ended before.

    Fails when the cancellation is turned into an error. It may come too late: `asyncio.wait_for`, before Python 3.12,
    forgets one that comes together with what was waited for.
    """
    cut = _Cut(work, place)

    async def run() -> T:
        return await cut

    task = asyncio.create_task(run())
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()
    return cut.reached


async def cancelled_everywhere(work: Callable[[], Coroutine[Any, Any, Any]]) -> AsyncIterator[int]:
    """Run such work again and again, each time cancelled one await later, until it runs to its end; say where."""
    for place in range(1, MOST_AWAITS):
        if not await cancelled(work(), place):
            return
        yield place
    raise AssertionError(f"no end of it after {MOST_AWAITS} awaits")
