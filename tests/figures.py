"""What the tests measure and count: printed at the end of the run, whichever process has found it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

SUBJECTS: dict[str, Figures] = {}
"""All there are, by title."""


@dataclass
class Figures:
    """The figures of one subject: counts, which are added up, heights, of which the highest stands, and texts."""

    counts: Counter[str] = field(default_factory=Counter)
    heights: dict[str, int] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)

    def add(self, **counts: int) -> None:
        """Count."""
        self.counts.update(counts)

    def top(self, **heights: int) -> None:
        """Keep the highest."""
        for name, height in heights.items():
            self.heights[name] = max(height, self.heights.get(name, height))

    def __setitem__(self, what: str, text: str) -> None:
        """Say what came of something."""
        self.texts[what] = text

    def take(self, counts: dict[str, int], heights: dict[str, int], texts: dict[str, str]) -> None:
        """Take what another process has found."""
        self.add(**counts)
        self.top(**heights)
        self.texts |= texts

    def lines(self) -> Iterator[str]:
        """One a figure."""
        for name, value in {**self.counts, **self.heights, **self.texts}.items():
            yield f"{name.replace('_', ' ')}: {value}"


def about(title: str) -> Figures:
    """The figures of that subject."""
    return SUBJECTS.setdefault(title, Figures())


def found() -> dict[str, Any]:
    """All figures of this process, for another one to `take`."""
    return {title: (dict(figures.counts), figures.heights, figures.texts) for title, figures in SUBJECTS.items()}
