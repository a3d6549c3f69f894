"""What an evaluation may cost: the work of it is counted, never its time.

So an expression that is too much for one machine is too much for all.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time, timedelta
from typing import Any

from jinja2 import Undefined
from jinja2.runtime import Context

LONGEST_SOURCE = 10_000
LONGEST_READ, LONGEST_BUILT, MOST_STEPS = 10_000, 50_000, 20_000
BIGGEST = 10**30
_CHARACTERS_A_STEP = 1000

STEPS = " steps"
"""Where the steps of an evaluation are counted; no name that can be written."""


class Steps:
    """The steps that an evaluation has left."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MOST_STEPS


def spend(context: Context, through: Any) -> None:
    """Take a step, and more for going through a long list or text; OverflowError when there is none left."""
    size = 0
    if isinstance(through, str):
        size = len(through) // _CHARACTERS_A_STEP
    elif isinstance(through, (list, tuple, dict)):
        size = len(through)
    steps: Steps = context.vars[STEPS]
    steps.left -= 1 + size
    if steps.left < 0:
        raise OverflowError(f"it takes more than {MOST_STEPS:,} steps")


def written(value: Any) -> str:
    """A plain value as text, none as nothing; TypeError for a list or an object."""
    if value is None:
        return ""
    if isinstance(value, (str, int, float, date, time, timedelta, Undefined)):
        return str(value)  # of what is undefined it fails, and names it
    raise TypeError(f"{_KINDS.get(type(value), 'this')} is no text: name a field of it, or go through it with 'for'")


_KINDS: Mapping[type, str] = {dict: "an object", list: "a list", tuple: "a list"}


def readable(value: Any) -> Any:
    """A value as far as it is read."""
    return value[:LONGEST_READ] if isinstance(value, str) and len(value) > LONGEST_READ else value


def built(parts: tuple[str, ...]) -> str:
    """Texts one after the other."""
    if sum(map(len, parts)) > LONGEST_BUILT:
        raise OverflowError(f"a text is longer than {LONGEST_BUILT:,} characters")
    return "".join(parts)


def nothing(value: Any) -> bool:
    """Say whether there is no value."""
    return value is None or isinstance(value, Undefined)
