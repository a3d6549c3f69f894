"""Instructions of the two hottest paths: the same from run to run where times are not.

Counted by `perf stat` where the machine lets it, else by valgrind's callgrind. A child does a path a few times and many
times over; the difference is the path's alone.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

from bench.figure import Figure
from bench.processes import ROOT, environment
from bench.scope import Scope, say

RECORDS, FEW, MANY = 1_000, 1, 4

PATHS = {
    "unchanged": f"an unchanged poll of {RECORDS:,} records, without the network",
    "detection": f"detection at 1 % changed of {RECORDS:,} records",
}

_PERF = ["perf", "stat", "-e", "instructions:u", "-x", ","]
_VALGRIND = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]


def measure(scope: Scope) -> list[Figure]:
    """Millions of instructions of each path; nothing, and a word, where they cannot be counted."""
    tool = _tool()
    if tool is None:
        say("  instructions are not counted: neither `perf stat -e instructions:u` nor valgrind works here")
        return []
    figures = []
    for path, words in PATHS.items():
        few, many = (_count(tool, scope, path, times) for times in (FEW, MANY))
        figures.append(
            Figure(f"instructions.{path}", (many - few) / (MANY - FEW) / 1e6, "M instr", f"{words} ({tool[0]})")
        )
    return figures


def _tool() -> list[str] | None:
    for tool in (_PERF, _VALGRIND):
        if shutil.which(tool[0]) and _counted(_run([*tool, "true"])) is not None:
            return tool
    return None


def _count(tool: list[str], scope: Scope, path: str, times: int) -> int:
    where = scope.place(f"instructions-{path}-{times}")
    done = _run([*tool, sys.executable, "-m", "bench.once", str(where), path, str(times), str(RECORDS)])
    found = _counted(done)
    if found is None:
        raise RuntimeError(f"{tool[0]} did not count: {done[-1000:]}")
    return found


def _run(command: list[str]) -> str:
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    return done.stderr


def _counted(said: str) -> int | None:
    """What the tool counted: the first number of perf's line, or of callgrind's `Collected`."""
    found = re.search(r"^(\d+),.*instructions", said, re.MULTILINE) or re.search(r"Collected : (\d+)", said)
    return int(found[1]) if found else None
