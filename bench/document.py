"""`docs/performance.md`: each goal with its figure, made by the full run; what people wrote below the mark is kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from bench.figure import Figure
from bench.goals import GOALS, Goal
from bench.processes import ROOT

PATH = ROOT / "docs" / "performance.md"
MARK = "<!-- below this line people write; `python -m bench --document` keeps it -->"

HEAD = """# What it costs

Made by `python -m bench --document`; do not edit above the mark. Ratios travel from one machine to another, times do not: most
figures are held against `orjson.loads` of the same page, measured in the same round.

To see it on your machine, in a clone: `python3 -m venv .venv && .venv/bin/pip install -e '.[bench]'`, then
`.venv/bin/python -m bench --quick` (two minutes) or `.venv/bin/python -m bench` (eleven minutes; it makes environments
for the peers under `~/.cache/watcher-bench`). `--only poll,scale` measures some families, `--json` prints the figures as
JSON, `--record` adds them to `bench/history.jsonl`, of which `python -m bench plot` makes the picture below. No service is
needed; everything runs on loopback. What was measured is checked as well: a poll that finds a wrong set of new, changed or
removed records, back-dated edits among them, ends the run.
"""


def document(figures: Sequence[Figure], about: Mapping[str, str], before: str) -> str:
    """The page, with what people wrote of the page as it was `before`."""
    kept = before.partition(MARK)[2] or "\n"
    known = {figure.name: figure for figure in figures}
    facts = ", ".join(f"{name} {value}" for name, value in about.items())
    goals = "\n".join(_judged(goal, known.get(name)) for name, goal in GOALS.items())
    all_ = "\n".join(map(_row, figures))
    return f"""{HEAD}
Measured on: {facts}.

## The goals

| what | goal | measured | |
|---|---|---|---|
{goals}

![history](performance.svg)

## Every figure

| figure | | wall | in processor time | what |
|---|---|---|---|---|
{all_}

{MARK}{kept}"""


def _judged(goal: Goal, figure: Figure | None) -> str:
    if figure is None:
        return f"| {goal.words} | {goal} | not measured here | |"
    word = "reached" if goal.reached(figure.value) else "**not reached**"
    return f"| {goal.words} | {goal} | {_short(figure.value)} {figure.unit} | {word} |"


def _row(figure: Figure) -> str:
    wall = "" if figure.ms is None else f"{figure.ms:,.2f} ms"
    cpu = "" if figure.cpu is None else f"{figure.cpu:.3g}"
    return f"| `{figure.name}` | {_short(figure.value)} {figure.unit} | {wall} | {cpu} | {figure.what} |"


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def write(figures: Iterable[Figure], about: Mapping[str, str], path: Path = PATH) -> None:
    """Write the page anew."""
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    path.write_text(document(list(figures), about, before), encoding="utf-8")
