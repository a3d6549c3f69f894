"""What a case of the corpus is, and the ways in which one attacks."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from attack_peers import lying, of_page, of_record, of_records, speaking

FAILING, DRIFTED, HELD = "source-failing", "source-drifted", "removals-held"
LEFT = {FAILING: "source-recovered", DRIFTED: "source-recovered", HELD: HELD}
NOBODY, OTHERS, ALL = frozenset(), frozenset({"other"}), frozenset({"other", "victim"})


@dataclass(frozen=True)
class Outcome:
    """What has to come of an attack.

    `troubles` are what is told of the source in the first poll of it, the second, and so on. `shows` says whose real
    changes are told while it lasts: those of the record attacked, those of another one; the rest is told at the first
    good answer. `frozen` says that the snapshot and the cursor stay as they are, byte for byte (`absences` may count).
    `waits` are the seconds until the next poll, at least.
    """

    troubles: tuple[str, ...] = ()
    shows: frozenset[str] = NOBODY
    frozen: bool = False
    absences: bool = False
    waits: tuple[int, ...] = ()
    error: bool = False

    def trouble(self, poll):
        """What is told of the source in that poll, counted from 0; empty if nothing."""
        return self.troubles[poll] if poll < len(self.troubles) else ""


FAILS = Outcome(("", FAILING), frozen=True, waits=(120, 240, 480), error=True)
REFUSED = Outcome((FAILING,), frozen=True, waits=(900, 900, 900), error=True)
MOVED = Outcome((DRIFTED,), frozen=True, waits=(120, 240, 480), error=True)
"""The list is not where it was, or no list."""

BLIND = Outcome(frozen=True)
"""A good answer that shows nothing new and proves nothing."""

HARMLESS = Outcome(shows=ALL)
HIDDEN = Outcome(shows=OTHERS)
"""One record does not come; the others do."""

SPOILT = Outcome((DRIFTED,), shows=OTHERS)
"""One record cannot be read; the others can."""

DOUBTED = Outcome((DRIFTED,), shows=ALL)
"""A field is no longer as we know it; the rest of each record is read."""

GONE = Outcome(("", HELD), frozen=True, absences=True)
"""Too many are missing at once to believe it."""


@dataclass(frozen=True)
class Case:
    """One way of misbehaving, why it happens, and what has to come of it.

    `attack` takes the scene and lasts as long as its context does. `by_cursor` is the outcome for a source that is read
    by cursor, where that is another one; None where the case says nothing there. `asks` is how many seconds the vendor
    asks us to wait, `records` how many there are upstream.
    """

    name: str
    why: str
    attack: Callable[[Any], Any]
    outcome: Outcome
    by_cursor: Outcome | str | None = "the same"
    on: tuple[str, ...] = ("leads", "contracts", "purchases")
    asks: int = 0
    records: int = 8

    def outcome_for(self, kind):
        """The outcome for a kind of source; None where the case says nothing."""
        if kind.name not in self.on:
            return None
        return self.outcome if kind.name != "leads" or self.by_cursor == "the same" else self.by_cursor


# ------------------------------------------------------------------------------------------------- ways of attacking


def faults(*wanted):
    """Switch on faults of the simulated vendor."""

    @asynccontextmanager
    async def attack(scene):
        for fault in wanted:
            scene.sim.faults.add(fault)
        try:
            yield
        finally:
            scene.sim.faults.clear()

    return attack


def says(answer):
    """Answer every request with the same bytes, or with those that a function makes of the scene."""

    @asynccontextmanager
    async def attack(scene):
        async def speak(_head, writer):
            writer.write(answer(scene) if callable(answer) else answer)
            await writer.drain()

        async with speaking(speak) as url, scene.elsewhere(url):
            yield

    return attack


def speaks(speak):
    """Answer every request as a coroutine does that takes the scene and the writer."""

    @asynccontextmanager
    async def attack(scene):
        async with speaking(lambda _head, writer: speak(scene, writer)) as url, scene.elsewhere(url):
            yield

    return attack


def lies(make):
    """Stand before the vendor with the lie that `make` makes of the scene."""

    @asynccontextmanager
    async def attack(scene):
        async with lying(scene.sim.url, make(scene)) as url, scene.elsewhere(url):
            yield

    return attack


def at(url):
    """Send us to an address where nobody answers."""

    @asynccontextmanager
    async def attack(scene):
        async with scene.elsewhere(url() if callable(url) else url):
            yield

    return attack


def closed_port():
    """An address of this machine where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


def redirected(status):
    """Send us on to another host, which must not hear a word."""

    @asynccontextmanager
    async def attack(scene):
        heard = []

        async def listen(head, _writer):
            heard.append(head)

        async with speaking(listen) as other:
            answer = (
                f"HTTP/1.1 {status}\r\nLocation: {other}/v1/steal\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
            async with says(answer.encode())(scene):
                yield
        assert heard == [], "the other host heard from us"

    return attack


async def mute(scene, _writer):
    """Say nothing, for longer than anybody waits."""
    scene.pass_time(31)
    await asyncio.Event().wait()


def page(change):
    """Change the JSON of a list's page; `change` takes the scene's kind and the page."""
    return lies(lambda scene: of_page(lambda got: change(scene.kind, got)))


def rows(change):
    """Change the records of a list."""
    return lies(lambda scene: of_records(scene.kind.list_key, change))


def victim(change):
    """Change one record of a list; `change` takes it and gives another one, or its text."""
    return lies(lambda scene: of_record(scene.kind, scene.victim, change))
