"""What is said of an event before it is bounded, and how whatever data may be is read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

Line = tuple[str, str]
"""A label and a value."""


class Told(NamedTuple):
    """What is said of an event: its title, the lines below it, and what to do next."""

    title: str
    lines: tuple[Line, ...] = ()
    advice: str = ""


def mapping(value: Any) -> Mapping[str, Any]:
    """That value if it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def moment(text: Any) -> datetime | None:
    """The moment that a text says, None when it says none, or only a day."""
    try:
        said = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return said if said.tzinfo else None


def spaced(template: str) -> str:
    """French has a space before its colon and semicolon; it must not be where the line breaks."""
    return template.replace(" :", "\u00a0:").replace(" ;", "\u00a0;")
