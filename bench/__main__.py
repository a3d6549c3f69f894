"""`python -m bench`: what watcher costs, as ratios that travel from one machine to another.

python -m bench --quick                under two minutes
python -m bench --only poll,scale      some families
python -m bench --quick --gate         exit 1 when a figure is more than twice as bad as its goal
python -m bench --record --document    into bench/history.jsonl and docs/performance.md
python -m bench plot                   bench/history.jsonl as docs/performance.svg
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from bench import document, history, plot
from bench.figure import Figure, InexactError
from bench.goals import GOALS, failures
from bench.machine import load, machine
from bench.processes import ROOT, serving
from bench.scope import Scope, say
from watcher import logs

QUICK = ("poll", "commits", "scale", "sources", "latency", "outbox", "throttle", "start")
FULL = (*QUICK, "instructions", "peers")

PICTURE = ROOT / "docs" / "performance.svg"
BUG = 70


def measured(families: Sequence[str], *, quick: bool) -> list[Figure]:
    """The figures of some families, each in a directory and with a vendor of its own."""
    figures: list[Figure] = []
    for name in families:
        say(f"{name} ...")
        began = time.perf_counter()
        with tempfile.TemporaryDirectory(prefix="watcher-bench-") as directory, serving() as vendor:
            figures += import_module(f"bench.{name}").measure(Scope(quick, Path(directory), vendor))
        gc.unfreeze()
        gc.collect()
        say(f"{name}: {time.perf_counter() - began:.0f} s")
    return figures


def table(figures: Sequence[Figure]) -> str:
    """The figures for people, each with its goal where it has one."""
    lines = []
    for figure in figures:
        goal = GOALS.get(figure.name)
        mark = "" if goal is None else f"{'ok' if goal.reached(figure.value) else 'OVER':<5}{goal}"
        wall = "" if figure.ms is None else f"{figure.ms:,.2f} ms"
        lines.append(f"{figure.name:<32}{figure.value:>10.3f} {figure.unit:<11}{wall:>14}  {mark:<28} {figure.what}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and do what else was asked; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("action", nargs="?", choices=("run", "plot"), default="run", help="run (the default), or plot")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, smaller sizes, no peers, no instructions")
    parser.add_argument("--only", metavar="FAMILIES", help=f"some of {', '.join(FULL)}, with commas between")
    parser.add_argument("--json", action="store_true", help="print JSON; the table goes to standard error")
    parser.add_argument(
        "--gate", action="store_true", help="exit 1 when a figure is more than twice as bad as its goal"
    )
    parser.add_argument("--record", action="store_true", help="add the figures to bench/history.jsonl")
    parser.add_argument("--document", action="store_true", help="write docs/performance.md anew")
    options = parser.parse_args(arguments)
    if options.action == "plot":
        PICTURE.write_text(plot.plot(history.read()), encoding="utf-8")
        return 0
    families = options.only.split(",") if options.only else QUICK if options.quick else FULL
    if unknown := set(families) - set(FULL):
        parser.error(f"no such family: {', '.join(sorted(unknown))}; there are {', '.join(FULL)}")
    logs.setup("error")
    try:
        figures = measured(families, quick=options.quick)
    except InexactError as error:
        say(f"wrong: {error}")
        return BUG
    return _report(figures, options)


def _report(figures: list[Figure], options: argparse.Namespace) -> int:
    """Print, remember, judge."""
    about = machine()
    print(table(figures), file=sys.stderr if options.json else sys.stdout)
    say(", ".join(f"{name} {value}" for name, value in about.items()) + f"; load {load()}")
    if options.json:
        print(json.dumps({"machine": about, "quick": options.quick, "figures": [one.plain() for one in figures]}))
    if options.record:
        more = {"machine": about, "load": load(), "quick": options.quick}
        history.append(history.entry(figures, more, datetime.now(UTC), history.commit()))
    if options.document:
        document.write(figures, about)
    failed = failures(figures)
    for line in failed:
        say(line)
    return 1 if options.gate and failed else 0


if __name__ == "__main__":
    sys.exit(main())
