"""One sink's line: what it is owed, sent in order per record, and settled.

Each sink has a line of its own, so one that is slow or down delays no other. An attempt ends in an outcome, and the
outcome is written down in one transaction with what it means for the sink (a pause, a trouble entered or left).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import structlog

from watcher import backoff
from watcher.errors import StoreError
from watcher.model import Dead, Delivered, Delivery, Outcome, Plan, RetryAt
from watcher.ports import Clock, Outbox, Route, Sink
from watcher.troubles import SINK_FAILING, Troubles

_log = structlog.get_logger("watcher.deliver")

LONGEST_WAIT = 60.0
"""Seconds after which a line looks again, whatever it believes: a clock may have been set."""

STORE_WAIT = 2.0
"""Seconds between two attempts to settle when the store does not answer; the message itself is not sent again."""

IN_A_ROW = 2
"""So many failed attempts in a row, whatever the record, and the sink is said to be failing."""


class Ledger(Outbox, Protocol):
    """What a line asks of the store: the outbox, and the troubles of its sink."""

    async def troubles(self, subject: str) -> Troubles:
        """The troubles of one sink that last."""


@dataclass(slots=True)
class Line:
    """The line of one sink. `bell` is rung when something new is owed, `luck` draws from [0, 1).

    `settled` is called with each attempt, once what became of it is written down.
    """

    name: str
    sink: Sink
    ledger: Ledger
    route: Route
    clock: Clock
    luck: Callable[[], float]
    at_once: int
    gate: AbstractAsyncContextManager[object]
    rung: Callable[[Plan], None] = lambda _plan: None
    settled: Callable[[Delivery, Outcome, datetime], None] = lambda _delivery, _outcome, _now: None
    bell: asyncio.Event = field(default_factory=asyncio.Event)
    failures: int = 0
    settling: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self, stop: asyncio.Event, grace: float = 5.0) -> None:
        """Deliver what is owed until `stop`; then let what is under way end, for `grace` seconds at most."""
        busy: dict[int, asyncio.Task[None]] = {}
        try:
            while not stop.is_set():
                self.bell.clear()
                await self._start(busy)
                await self._pause(busy, stop)
                for number in [number for number, task in busy.items() if task.done()]:
                    busy.pop(number).result()
            if busy:
                await asyncio.wait(busy.values(), timeout=grace)
        finally:
            for task in busy.values():
                task.cancel()
            await asyncio.gather(*busy.values(), return_exceptions=True)

    async def _start(self, busy: dict[int, asyncio.Task[None]]) -> None:
        room = self.at_once - len(busy)
        if room <= 0:
            return
        for delivery in await self.ledger.due(self.name, self.clock(), room, tuple(busy)):
            busy[delivery.number] = asyncio.create_task(self.attempt(delivery))

    async def _pause(self, busy: dict[int, asyncio.Task[None]], stop: asyncio.Event) -> None:
        """Wait for the bell, for an attempt to end, for the next one to fall due, or for the stop."""
        following = await self.ledger.next_due(self.name, tuple(busy)) if len(busy) < self.at_once else None
        timeout = LONGEST_WAIT
        if following is not None:
            timeout = min(timeout, max(0.0, (following - self.clock()).total_seconds()))
        waiters = [asyncio.ensure_future(self.bell.wait()), asyncio.ensure_future(stop.wait())]
        try:
            await asyncio.wait([*waiters, *busy.values()], timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiter in waiters:
                waiter.cancel()

    async def attempt(self, delivery: Delivery) -> None:
        """Try once, and write down what became of it."""
        async with self.gate:
            outcome = await self._send(delivery)
        await self._settle(delivery, outcome)

    async def _send(self, delivery: Delivery) -> Outcome:
        try:
            taken = await self.sink.send(delivery)
            return taken if isinstance(taken, Delivered) else Delivered(taken)
        except Exception as error:  # a sink's bug must end in the dead letters, not here
            return backoff.after(delivery, error, self.clock(), self.luck())

    async def _settle(self, delivery: Delivery, outcome: Outcome) -> None:
        self._count(outcome)
        while True:
            now = self.clock()
            try:
                async with self.settling:  # attempts that end together must not each enter the same trouble
                    plan = await self._consequence(outcome, now)
                    await self.ledger.settle(delivery, outcome, now, plan)
                break
            except StoreError as error:
                # It has been sent: sending it again because the disk is full would tell it twice.
                _log.warning("not settled", sink=self.name, delivery=delivery.number, error=str(error))
                await asyncio.sleep(STORE_WAIT)
        if plan:
            self.rung(plan)
        self.settled(delivery, outcome, now)
        _report(self.name, delivery, outcome)

    def _count(self, outcome: Outcome) -> None:
        if isinstance(outcome, Delivered):
            self.failures = 0
        elif isinstance(outcome, RetryAt):
            self.failures += 1

    async def _consequence(self, outcome: Outcome, now: datetime) -> Plan | None:
        """What an outcome means for the sink as a whole: a trouble entered or left."""
        troubles = await self.ledger.troubles(self.name)
        lasting = troubles.find(SINK_FAILING, self.name)
        refused = isinstance(outcome, Dead) and outcome.refused
        if isinstance(outcome, Delivered):
            detail = ""
        elif refused or (self.failures >= IN_A_ROW and not lasting):
            reason = outcome.reason
            detail = f"paused: {reason}; mend it, then `watcher sink test {self.name}`" if refused else reason
        else:
            return None
        turn = troubles.turn(SINK_FAILING, self.name, detail, now)
        return turn.plan(self.route, now) if turn.entered or turn.left else None


def _report(sink: str, delivery: Delivery, outcome: Outcome) -> None:
    facts = {
        "sink": sink,
        "delivery": delivery.number,
        "event_id": delivery.event.id,
        "type": delivery.event.type,
        "attempt": delivery.attempts + 1,
    }
    match outcome:
        case Delivered():
            _log.info("delivered", **facts)
        case RetryAt(due_at, reason):
            _log.warning("to be tried again", **facts, due_at=due_at.isoformat(timespec="seconds"), reason=reason)
        case Dead(reason):
            _log.error("given up", **facts, reason=reason)
