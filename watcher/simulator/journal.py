"""What was asked of the simulated APIs: a bounded log without credentials."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from watcher.simulator.answers import Api, Call


@dataclass(frozen=True, slots=True)
class Asked:
    """One request and the status it got (None: no answer); `time` is monotonic, `n` counts from 1."""

    n: int
    time: float
    api: Api
    method: str
    path: str
    query: str
    status: int | None


class Journal:
    """The last requests, oldest first."""

    def __init__(self, clock: Callable[[], float], most: int = 5000) -> None:
        """Keep `most` of them."""
        self._clock = clock
        self._asked: deque[Asked] = deque(maxlen=most)
        self._count = 0

    def note(self, call: Call, query: str, status: int | None) -> Asked:
        """Add one and return it."""
        self._count += 1
        asked = Asked(self._count, self._clock(), call.api, call.method, call.path, query, status)
        self._asked.append(asked)
        return asked

    def since(self, n: int = 0) -> list[Asked]:
        """Return those after the nth."""
        return [asked for asked in self._asked if asked.n > n]

    def clear(self) -> None:
        """Forget all of them; the count goes on."""
        self._asked.clear()
