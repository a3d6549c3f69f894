"""dlt, urlwatch and webchanges on the same bytes from the same server, each in a virtual environment of its own.

The environments are made once, under the user's cache directory; a peer that cannot be installed is left out with a
word. Compared is the processor time of one poll: dlt in its own process, warm; the two watchers a process a poll, which
is how they are run.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.figure import Figure, Took, awaited
from bench.processes import environment, running
from bench.rig import Setting, rigged
from bench.scope import Scope, say
from bench.story import Story

PINNED = {"dlt": "dlt[sqlalchemy]==1.31.0", "urlwatch": "urlwatch==2.29", "webchanges": "webchanges==3.37.0"}

PATIENCE = 180.0
"""Seconds; a peer that takes longer over one poll is left out with a word."""

TURNS = ("first", "unchanged", "unchanged", "unchanged", "few", "first", "few")
"""What is served, poll by poll: the first is the baseline, the last three are each 1 % changed."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A peer: the environment that it lives in, and how one poll of it is done."""

    name: str
    package: str
    poll: Callable[[Path, Path, str, ExitStack], Callable[[], Took]]


def measure(scope: Scope) -> list[Figure]:
    """How many times less watcher takes than each peer that can be had."""
    story = Story.of("leads", 10_000)
    ours = asyncio.run(_ours(scope, story))
    figures = [
        Figure(f"peers.watcher-{step}", took.cpu * 1000, "ms", f"watcher, {step}: processor time of a poll")
        for step, took in ours.items()
    ]
    for peer in PEERS:
        say(f"  {peer.name}")
        try:
            python = _environment(peer.package)
            with ExitStack() as stack:
                poll = peer.poll(python, scope.place(peer.name), scope.vendor.url, stack)
                theirs = _steps([(step, _turn(scope, story, step, poll)) for step in TURNS])
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            say(f"  {peer.name} cannot be installed or run here and is left out: {error}")
            continue
        for step, took in theirs.items():
            figures.append(
                Figure(
                    f"peers.{peer.name}-{step}",
                    took.cpu / ours[step].cpu,
                    "times less",
                    f"{peer.name}, {step}: {took.cpu * 1000:,.0f} ms of processor ({PINNED[peer.package]})",
                    ms=took.wall * 1000,
                )
            )
    return figures


def _turn(scope: Scope, story: Story, step: str, poll: Callable[[], Took]) -> Took:
    scope.vendor.put("leads", (story.few if step == "few" else story.first).wires)
    return poll()


def _steps(turns: list[tuple[str, Took]]) -> dict[str, Took]:
    """The medians of an unchanged poll and of one at 1 % changed."""
    groups = {"unchanged": turns[1:4], "few": turns[4:]}
    return {
        name: Took(statistics.median(took.wall for _, took in some), statistics.median(took.cpu for _, took in some))
        for name, some in groups.items()
    }


async def _ours(scope: Scope, story: Story) -> dict[str, Took]:
    turns = []
    async with rigged(scope.place("peers"), Setting(), scope.vendor.url) as rig:
        for step in TURNS:
            scope.vendor.put("leads", (story.few if step == "few" else story.first).wires)
            turns.append((step, (await awaited(rig.poll))[1]))
    return _steps(turns)


# ----------------------------------------------------------------------------------------------------- how each is run


def _dlt(mode: str) -> Callable[[Path, Path, str, ExitStack], Callable[[], Took]]:
    def start(python: Path, directory: Path, url: str, stack: ExitStack) -> Callable[[], Took]:
        script = str(Path(__file__).with_name("peer_dlt.py"))
        with (directory / "log").open("wb") as log:
            process = stack.enter_context(
                running(
                    [str(python), script, url, str(directory), mode],
                    env=environment(RUNTIME__DLTHUB_TELEMETRY="false", RUNTIME__LOG_LEVEL="ERROR"),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    cwd=directory,
                )
            )
        talk, hear = process.stdin, process.stdout

        def poll() -> Took:
            talk.write(b"poll\n")  # type: ignore[union-attr]
            talk.flush()  # type: ignore[union-attr]
            answer = json.loads(hear.readline())  # type: ignore[union-attr]
            return Took(answer["wall"], answer["cpu"])

        return poll

    return start


_JOB = r"""
name: leads
url: URL/agencies/101/leads?offset=0
filter:
  - re.sub:
      pattern: '\},\{"id":'
      repl: "},\n{\"id\":"
"""
"""A record a line: what a difference of texts needs to name records, and what it is quickest at."""


def _watching(program: str) -> Callable[[Path, Path, str, ExitStack], Callable[[], Took]]:
    """For urlwatch or webchanges, which are alike in this: a process a poll, a record a line."""

    def start(python: Path, directory: Path, url: str, _stack: ExitStack) -> Callable[[], Took]:
        jobs = directory / "jobs.yaml"
        jobs.write_text(_JOB.replace("URL", url))
        store = {"urlwatch": "--cache", "webchanges": "--database"}[program]
        config = directory / "config.yaml"
        config.write_text("report:\n  stdout:\n    enabled: true\n")
        what = {"urlwatch": "--urls", "webchanges": "--jobs"}[program]
        command = [
            str(python.with_name(program)),
            what,
            str(jobs),
            "--config",
            str(config),
            store,
            str(directory / "seen.db"),
        ]

        def poll() -> Took:
            before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
            with (directory / "log").open("ab") as log:
                subprocess.run(
                    command,
                    stdout=log,
                    stderr=log,
                    cwd=directory,
                    check=True,
                    env=environment(PYTHONPATH=""),
                    timeout=PATIENCE,
                )
            wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
            return Took(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)

        return poll

    return start


PEERS = (
    Peer("dlt-incremental", "dlt", _dlt("incremental")),
    Peer("dlt-scd2", "dlt", _dlt("scd2")),
    Peer("urlwatch", "urlwatch", _watching("urlwatch")),
    Peer("webchanges", "webchanges", _watching("webchanges")),
)


def _environment(package: str) -> Path:
    """The Python of a peer's own environment, made if it is not there. Raises OSError or SubprocessError."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    place = cache / "watcher-bench" / PINNED[package].replace("[", "-").replace("]", "")
    python = place / "bin" / "python"
    if not (place / "installed").exists():
        say(f"  installing {PINNED[package]} into {place}")
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(place)], check=True, capture_output=True)
        install = [str(python), "-m", "pip", "install", "--quiet", PINNED[package]]
        subprocess.run(install, check=True, capture_output=True, timeout=600)
        (place / "installed").touch()
    return python
