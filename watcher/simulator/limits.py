"""How often one may ask: fixed windows, as both vendors count them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from watcher.simulator.times import PARIS


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a window says of one request; `wait` is until it opens again, in whole seconds."""

    allowed: bool
    limit: int
    remaining: int
    wait: int


class Window:
    """A number of requests a window, which begins with the first of them; a refused one is not counted."""

    def __init__(self, limit: int | None, length: Callable[[], float], clock: Callable[[], float]) -> None:
        """Allow `limit` requests (None: any number); `length` says how long a window that begins now lasts."""
        self.limit = limit
        self._length = length
        self._clock = clock
        self._used = 0
        self._ends = float("-inf")

    def ask(self) -> Verdict | None:
        """Count one request; None when there is no limit."""
        if self.limit is None:
            return None
        now = self._clock()
        if now >= self._ends:
            self._used, self._ends = 0, now + self._length()
        allowed = self._used < self.limit
        self._used += allowed
        return Verdict(allowed, self.limit, self.limit - self._used, max(1, ceil(self._ends - now)))


def until_midnight() -> float:
    """Return the seconds to the next midnight in Paris, when Apimo's daily quota begins anew."""
    now = datetime.now(PARIS)
    tomorrow = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    # Two times of one zone are subtracted by the wall clock, which is wrong on two nights a year.
    return tomorrow.timestamp() - now.timestamp()
