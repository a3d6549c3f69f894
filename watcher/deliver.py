"""One sink's line: what it is owed, sent in order per record, and settled.

Each sink has a line of its own, so one that is slow or down delays no other. An attempt ends in an outcome, and what
has ended by the time that the store is free is written down in one transaction, with what it means for the sink (a
pause, a trouble entered or left). A record's next message is tried only after that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import structlog

from watcher import backoff
from watcher.errors import StoreError, Transient
from watcher.model import Dead, Delivered, Delivery, Outcome, Plan, RetryAt
from watcher.ports import Clock, Outbox, Route, Sink
from watcher.supervise import called_off
from watcher.troubles import SINK_FAILING, Troubles, Turn

_log = structlog.get_logger("watcher.deliver")

LONGEST_WAIT = 60.0
"""Seconds after which a line looks again, whatever it believes: a clock may have been set."""

STORE_WAIT = 2.0
"""Seconds between two attempts to settle when the store does not answer; the message itself is not sent again."""

STALE = 0.1
"""Seconds of waiting for its turn after which a message is looked at again before it is sent."""

IN_A_ROW = 2
"""So many failed attempts in a row, whatever the record, and the sink is said to be failing."""

_ABOUT_SINKS = frozenset({SINK_FAILING, "sink-recovered"})

Ended = tuple[Delivery, Outcome]
"""An attempt and what came of it."""


class Ledger(Outbox, Protocol):
    """What a line asks of the store: the outbox, and how its sink fares."""

    async def settle_all(self, outcomes: Collection[Ended], now: datetime, plan: Plan | None = None) -> None:
        """Write down what became of several attempts, and in the same transaction what it means for the sink."""

    async def may_try(self, number: int) -> bool:
        """Whether that delivery may be tried: it is the first one owed of its record, and the sink is not paused."""

    async def hasten(self, now: datetime, *, sink: str) -> int:
        """Have those of a sink that wait for their next attempt tried now; that attempt does not count."""

    async def paused(self) -> Collection[str]:
        """The sinks that are paused."""

    async def troubles(self, subject: str) -> Troubles:
        """The troubles of one sink that last."""


@dataclass(slots=True)
class Line:
    """The line of one sink. `bell` is rung when something new is owed, `luck` draws from [0, 1).

    `settled` is called with each attempt, once what became of it is written down. `sent` has the numbers of those that
    the sink has in hand, or had and are not settled; `ended` the latter, which wait for the store.
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
    sent: set[int] = field(default_factory=set)
    ended: dict[int, Ended] = field(default_factory=dict)
    settling: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self, stop: asyncio.Event, grace: float = 5.0) -> None:
        """Deliver what is owed until `stop`; then let what was sent end, for `grace` seconds at most."""
        busy: dict[int, asyncio.Task[None]] = {}
        try:
            while not stop.is_set():
                self.bell.clear()
                await self._start(busy)
                await self._pause(busy, stop)
                for number in [number for number, task in busy.items() if task.done()]:
                    busy.pop(number).result()
            for number, task in busy.items():
                if number not in self.sent:  # it waits for its turn yet
                    task.cancel()
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
        """Try once, as soon as the sink's rate allows it, and write down what became of it."""
        loop = asyncio.get_running_loop()
        asked = loop.time()
        try:
            async with self.gate:
                if loop.time() - asked > STALE and not await self.ledger.may_try(delivery.number):
                    return  # while it waited the sink was paused, or an older one of its record was asked for again
                self.sent.add(delivery.number)
                outcome = await self._send(delivery)
            await self._settle(delivery, outcome)
        finally:
            self.sent.discard(delivery.number)

    async def _send(self, delivery: Delivery) -> Outcome:
        try:
            taken = await self.sink.send(delivery)
            return taken if isinstance(taken, Delivered) else Delivered(taken)
        except asyncio.CancelledError:
            if called_off():
                raise
            given_up = Transient("the sink gave up by itself", unanswered=True)
            return backoff.after(delivery, given_up, self.clock(), self.luck())
        except Exception as error:  # a sink's bug must end in the dead letters, not here
            return backoff.after(delivery, error, self.clock(), self.luck())

    # ------------------------------------------------------------------------------------------------ what became of it

    async def _settle(self, delivery: Delivery, outcome: Outcome) -> None:
        """Return when it is written down: by us, with all that has ended by then, or by one who was before us."""
        self.ended[delivery.number] = (delivery, outcome)
        async with self.settling:
            if delivery.number in self.ended:
                ended = tuple(self.ended.values())
                self.ended.clear()
                await self._write(ended)

    async def _write(self, ended: Sequence[Ended]) -> None:
        for _, outcome in ended:
            self._count(outcome)
        while True:
            now = self.clock()
            try:
                plan = await self._consequence(ended, now)
                await self.ledger.settle_all(ended, now, plan)
                if plan and plan.left:  # it works again: what failed meanwhile need not wait for its next turn
                    await self.ledger.hasten(now, sink=self.name)
                    self.bell.set()
                break
            except StoreError as error:
                # They have been sent: sending them again because the disk is full would tell them twice.
                numbers = [delivery.number for delivery, _ in ended]
                _log.warning("not settled", sink=self.name, deliveries=numbers, error=str(error))
                await asyncio.sleep(STORE_WAIT)
        if plan:
            self.rung(plan)
        for delivery, outcome in ended:
            self.settled(delivery, outcome, now)
            _report(self.name, delivery, outcome)

    def _count(self, outcome: Outcome) -> None:
        if isinstance(outcome, Delivered):
            self.failures = 0
        elif isinstance(outcome, RetryAt):
            self.failures += 1

    async def _consequence(self, ended: Sequence[Ended], now: datetime) -> Plan | None:
        """What outcomes mean for the sink as a whole: a trouble entered or left."""
        troubles = await self.ledger.troubles(self.name)
        lasting = troubles.find(SINK_FAILING, self.name)
        refusal = next((outcome.reason for _, outcome in ended if isinstance(outcome, Dead) and outcome.refused), None)
        failure = next((outcome.reason for _, outcome in reversed(ended) if isinstance(outcome, RetryAt)), None)
        turn = Turn()
        if refusal is not None:
            detail = f"paused: {refusal}; mend it, then `watcher sink test {self.name}`"
            if lasting is None or lasting.detail != detail:  # it takes a hand now: told also of one known to fail
                turn = Troubles().turn(SINK_FAILING, self.name, detail, now)
        elif self.failures >= IN_A_ROW:
            if failure is not None and not lasting:
                turn = troubles.turn(SINK_FAILING, self.name, failure, now)
        elif lasting and any(map(_recovers, ended)) and self.name not in await self.ledger.paused():
            turn = troubles.turn(SINK_FAILING, self.name, "", now)  # not while paused: what was under way ends so
        return turn.plan(self.route, now) if turn.entered or turn.left else None


def _recovers(ended: Ended) -> bool:
    """Whether an attempt shows that the sink works again.

    What tells of another sink's trouble does not count: two that come and go would tell each other of it for ever.
    """
    delivery, outcome = ended
    return isinstance(outcome, Delivered) and delivery.event.type not in _ABOUT_SINKS


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
