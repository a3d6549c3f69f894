"""`demo`: the whole of it at work, on this machine and without any configuration."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal
from zoneinfo import ZoneInfo

import click

from watcher.cli import examples
from watcher.cli.demo_stage import staged
from watcher.cli.demo_story import Story
from watcher.cli.demo_view import Lines, Screen, View, curtain
from watcher.cli.output import on_terminal
from watcher.daemon import Daemon
from watcher.messages import compose
from watcher.model import Event, Message
from watcher.simulator import Simulator
from watcher.simulator.life import OPENING as OPENING_ACTS

ZONE = ZoneInfo("Europe/Paris")

OPENING = 6000.0
"""Happenings an hour while the opening goes on, whose six show what a short demonstration must not miss."""

ACTIVITY = 2400.0
"""Happenings an hour after it: one can read along."""

SEED = 52
"""One whose life is even: no lull of more than four seconds in its first minute, and things of many kinds."""

FRAME = 0.1
"""Seconds between two pictures."""

BASELINE, LAST = 15.0, 3.0
"""Seconds at most for the first reads, and for what is under way at the end."""


@click.command(
    epilog=examples("watcher demo", "watcher demo --seconds 30 --speed 3", "watcher demo --seconds 10 | cat")
)
@click.option("--seconds", type=click.FloatRange(1), metavar="N", help="End by itself after so long.")
@click.option("--speed", type=click.FloatRange(0.1, 20), default=1.0, metavar="F", help="How fast things happen.")
@click.option("--seed", type=int, default=SEED, metavar="N", help="The same seed makes the same things happen.")
def demo(seconds: float | None, speed: float, seed: int) -> None:
    """Watch it work: simulated systems, a live view, no configuration.

    An Apimo with two agencies and an Adlead with two programmes are simulated on this machine, where things happen all
    the time. watcher reads them every second and tells a webhook, which checks each signature. Ctrl-C ends it.
    """
    with contextlib.suppress(KeyboardInterrupt):  # before the daemon runs, and has Ctrl-C for itself
        asyncio.run(_demo(seconds, speed, seed))


async def _demo(seconds: float | None, speed: float, seed: int) -> None:
    loop = asyncio.get_running_loop()
    language = _language()

    def read(event: Event) -> Message:
        return compose(event, language=language, zone=ZONE, now=datetime.now(UTC))

    story = Story(loop.time, lambda: datetime.now(ZONE), lambda event: read(event).title)
    view: View = Screen(story, read) if on_terminal() else Lines(story)
    async with staged(seed, story, language) as (daemon, simulator), asyncio.TaskGroup() as group:
        with view:
            director = group.create_task(_direct(daemon, simulator, story, seconds, speed))
            painter = group.create_task(_paint(view))
            await daemon.run()
            director.cancel()
            painter.cancel()
            view.paint()
    curtain(story)


async def _paint(view: View) -> None:
    while True:
        view.paint()
        await asyncio.sleep(FRAME)


async def _direct(daemon: Daemon, simulator: Simulator, story: Story, seconds: float | None, speed: float) -> None:
    """Let things happen once the first reads are done: first the opening, then as they come, until the end."""
    sources = len(daemon.core.parts.watches)
    await _until(lambda: len(story.known) == sources, BASELINE)
    began = asyncio.get_running_loop().time()
    simulator.pace.set(running=True, activity=OPENING * speed)
    await _until(lambda: story.happened >= len(OPENING_ACTS), seconds)
    simulator.pace.set(activity=ACTIVITY * speed)
    if seconds is None:
        return
    await asyncio.sleep(began + seconds - asyncio.get_running_loop().time())
    simulator.pace.set(running=False)
    await _until(lambda: story.settled, LAST)
    daemon.stop.set()


async def _until(condition: Callable[[], bool], most: float | None) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(most):
            while not condition():  # noqa: ASYNC110 - several things may bring it about, none of which rings a bell
                await asyncio.sleep(FRAME / 2)


def _language() -> Literal["fr", "en"]:
    """The language of the messages: French where the terminal speaks it."""
    spoken = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "fr" if spoken.startswith("fr") else "en"
