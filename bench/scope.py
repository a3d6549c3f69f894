"""What every family is given."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.figure import Figure
from bench.processes import Server


@dataclass(frozen=True, slots=True)
class Scope:
    """How far to go, where to put files, and the vendor in the other process."""

    quick: bool
    directory: Path
    vendor: Server

    def place(self, name: str) -> Path:
        """A directory of that name, made."""
        path = self.directory / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def pick(self, quick: int, full: int) -> int:
        """The one for this run."""
        return quick if self.quick else full


Family = Callable[[Scope], list[Figure]]
"""Measures its figures; raises InexactError when what was measured gave a wrong answer."""


def say(text: str) -> None:
    """Tell whoever waits how far it is."""
    print(text, file=sys.stderr, flush=True)
