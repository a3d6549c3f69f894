"""The units that people write in configuration: durations, rates, secrets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PERIODS = {"s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "hour": 3600.0, "d": 86400.0, "day": 86400.0}


def duration(text: str) -> timedelta:
    """Read `300ms`, `30s`, `15m`, `2h` or `7d`; raises ValueError with the remedy."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", text.strip())
    if not match or len(text) > 20:  # noqa: PLR2004 - no honest duration is longer
        raise ValueError(f"{text!r} is no duration: write 300ms, 30s, 15m, 2h or 7d")
    return timedelta(seconds=float(match[1]) * _UNITS[match[2]])


@dataclass(frozen=True, slots=True)
class Rate:
    """So many in a period of so many seconds."""

    count: int
    seconds: float

    @classmethod
    def parse(cls, text: str) -> Rate:
        """Read `5/s`, `50/min`, `20/5m` or `1000/day`; raises ValueError with the remedy."""
        match = re.fullmatch(r"(\d{1,9})/(\d{0,4})([a-z]+)", text.strip())
        if not match or match[3] not in _PERIODS or not int(match[1]) or match[2] == "0":
            raise ValueError(f"{text!r} is no rate: write 5/s, 50/min, 20/5m or 1000/day")
        return cls(int(match[1]), int(match[2] or 1) * _PERIODS[match[3]])


class Secret:
    """A value that shows itself to nobody who does not ask for it by name."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value, for the one request that needs it."""
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__
