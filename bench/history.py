"""`bench/history.jsonl`: one line a recorded run, so that what became slower can be seen."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.figure import Figure
from bench.processes import ROOT

PATH = Path(__file__).with_name("history.jsonl")


def entry(figures: Iterable[Figure], about: Mapping[str, Any], when: datetime, commit: str) -> dict[str, Any]:
    """A run as a line."""
    return {
        "at": when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "commit": commit,
        **about,
        "figures": {figure.name: round(figure.value, 4) for figure in figures},
    }


def append(line: Mapping[str, Any], path: Path = PATH) -> None:
    """Add a line."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")


def read(path: Path = PATH) -> list[dict[str, Any]]:
    """All lines, oldest first; none where there is no file. Raises ValueError with the number of a line that is none."""
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines() if path.exists() else (), 1):
        try:
            found.append(json.loads(line))
        except ValueError as error:
            raise ValueError(f"{path}:{number}: {error}") from None
    return found


def commit() -> str:
    """Which state of the tree it is; empty outside of git."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()
