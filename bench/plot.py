"""The history as a picture: one small chart a goal, run by run, with the goal as a line. The same lines, the same bytes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from bench.goals import GOALS, Goal

WIDTH, HEIGHT, COLUMNS, PAD = 300, 110, 3, 12
GOOD, BAD, LINE, INK = "#2e7d32", "#c62828", "#1565c0", "#37474f"


def plot(history: Sequence[Mapping[str, Any]]) -> str:
    """The picture as SVG; a chart for every goal that was ever measured."""
    charts = [
        (goal, [run["figures"].get(name) for run in history])
        for name, goal in GOALS.items()
        if any(name in run["figures"] for run in history)
    ]
    rows = -(-len(charts) // COLUMNS)
    inside = "".join(
        f'<g transform="translate({number % COLUMNS * WIDTH},{number // COLUMNS * HEIGHT})">{_chart(goal, values)}</g>'
        for number, (goal, values) in enumerate(charts)
    )
    size = f'width="{COLUMNS * WIDTH}" height="{rows * HEIGHT}" viewBox="0 0 {COLUMNS * WIDTH} {rows * HEIGHT}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="10" fill="{INK}">'
    return f'{head}<rect width="100%" height="100%" fill="white"/>{inside}</svg>\n'


def _chart(goal: Goal, values: Sequence[float | None]) -> str:
    """One goal: the figure of each run over the goal, both on a scale of powers."""
    known = [(number, goal.badness(value)) for number, value in enumerate(values) if value is not None and value > 0]
    levels = [max(badness, 0.01) for _, badness in known]
    low, high = math.log10(min([*levels, 0.5])), math.log10(max([*levels, 2.0]))

    def place(number: int, badness: float) -> tuple[float, float]:
        across = PAD + number * (WIDTH - 3 * PAD) / max(1, len(values) - 1)
        share = (math.log10(max(badness, 0.01)) - low) / (high - low)
        return round(across, 1), round(HEIGHT - PAD - share * (HEIGHT - 5 * PAD), 1)

    dots = [(*place(number, badness), badness) for number, badness in known]
    _, limit = place(0, 1.0)
    line = " ".join(f"{x},{y}" for x, y, _ in dots)
    last = next((value for value in reversed(values) if value is not None), 0.0)
    marks = "".join(f'<circle cx="{x}" cy="{y}" r="2.5" fill="{GOOD if b <= 1 else BAD}"/>' for x, y, b in dots)
    return (
        f'<text x="{PAD}" y="14" font-weight="bold">{escape(goal.figure)}</text>'
        f'<text x="{PAD}" y="27">{last:.3g}, goal {escape(str(goal))}</text>'
        f'<line x1="{PAD}" x2="{WIDTH - PAD}" y1="{limit}" y2="{limit}" stroke="{BAD}" stroke-dasharray="4 3"/>'
        f'<polyline points="{line}" fill="none" stroke="{LINE}"/>{marks}'
    )
