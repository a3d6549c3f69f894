"""A figure: one thing measured, as it is printed, judged and remembered."""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")

YARD = "x orjson"
"""The unit of what is held against `orjson.loads` of the same page, measured in the same round."""


class InexactError(Exception):
    """What was measured gave a wrong answer, so its time says nothing."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing measured.

    `name` is `family.what` (goals go by it), `value` is in `unit`. `ms` is the wall time beneath a ratio, `cpu` the same
    ratio in processor time: where the two part, it waited, or others had the machine.
    """

    name: str
    value: float
    unit: str
    what: str
    ms: float | None = None
    cpu: float | None = None

    def plain(self) -> dict[str, Any]:
        """The figure as JSON values, without what it has not."""
        return {key: value for key, value in asdict(self).items() if value is not None}


class Took(NamedTuple):
    """Seconds: on the wall, and of the processors (all threads of this process)."""

    wall: float
    cpu: float


def clocked(work: Callable[[], T]) -> tuple[T, Took]:
    """Do it; return what it returned and what it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, Took(time.perf_counter() - wall, time.process_time() - cpu)


async def awaited(work: Callable[[], Awaitable[T]]) -> tuple[T, Took]:
    """Do it on the running loop; return what it returned and what it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = await work()
    return result, Took(time.perf_counter() - wall, time.process_time() - cpu)


@dataclass(slots=True)
class Rounds:
    """Times of several steps, each with the yardstick that was measured beside it; medians over the rounds."""

    found: dict[str, list[tuple[Took, Took]]] = field(default_factory=dict)

    def add(self, name: str, took: Took, yard: Took) -> None:
        """Note one time of one step."""
        self.found.setdefault(name, []).append((took, yard))

    def figure(self, name: str, what: str, unit: str = YARD) -> Figure:
        """The median of a step's ratios."""
        times = self.found[name]
        return Figure(
            name,
            statistics.median(took.wall / yard.wall for took, yard in times),
            unit,
            what,
            ms=statistics.median(took.wall for took, _ in times) * 1000,
            cpu=statistics.median(took.cpu / yard.cpu for took, yard in times),
        )


def exactly(found: object, wanted: object, what: str) -> None:
    """Raise InexactError unless they are equal."""
    if found != wanted:
        raise InexactError(f"{what}: {_short(found)} instead of {_short(wanted)}")


def _short(value: object) -> str:
    text = repr(sorted(value) if isinstance(value, (set, frozenset)) else value)
    return text if len(text) < 200 else f"{text[:200]}..."


def quantile(values: list[float], share: float) -> float:
    """The smallest value that so large a share of them does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
