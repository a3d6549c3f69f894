"""So many requests in a while, in the order in which they were asked for."""

from __future__ import annotations

import asyncio
from collections import deque

from asyncio_throttle.throttler import Throttler

from watcher.errors import Transient

PATIENCE = 90.0
"""Seconds; the vendors' own windows are of a minute.

A pause that lasts longer is not waited for: whoever comes to the gate meanwhile is sent away.
"""


class Throttle(Throttler):
    """A gate that opens at most `count` times in any window of `seconds`, first come, first served.

    The class beneath lets each that waits look a hundred times a second whether there is room, and whoever looks first
    gets in. Here the first in line sleeps until its turn, and the others until theirs has come to be first. One that is
    cancelled leaves its place to the next.
    """

    def __init__(self, count: int, seconds: float, *, patience: float = PATIENCE) -> None:
        super().__init__(count, seconds)
        self._seconds = seconds
        self._openings: deque[float] = deque(maxlen=count)
        self._line = asyncio.Lock()
        self._shut_until = float("-inf")
        self._patience = patience

    async def acquire(self) -> None:
        """Return when it is our turn; raises Transient when the gate is shut for longer than anybody should wait."""
        async with self._line:
            while (wait := self._wait()) > 0:  # noqa: ASYNC110 - it is time that is waited for, and a pause may add to it
                await asyncio.sleep(wait)
            self._openings.append(asyncio.get_running_loop().time())

    def pause(self, seconds: float) -> None:
        """Shut the gate for so long from now on, for all; a longer pause is not shortened."""
        self._shut_until = max(self._shut_until, asyncio.get_running_loop().time() + seconds)

    def _wait(self) -> float:
        now = asyncio.get_running_loop().time()
        shut = self._shut_until - now
        if shut > self._patience:
            raise Transient("the vendor asked us to wait", retry_after=shut)
        if len(self._openings) < self.rate_limit:
            return shut
        return max(shut, self._openings[0] + self._seconds - now)
