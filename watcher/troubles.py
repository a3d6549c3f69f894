"""Troubles that last: each is told once when it is entered and once when it is left.

Pure. A trouble is a `Condition` in the store; what is told of it is an operational event (docs/events.md), committed
in the same plan that enters or leaves it.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from watcher.model import EVENTS, Condition, Event, Plan, stamp
from watcher.ports import Route

FAILING, SILENT, DRIFTED, HELD = "source-failing", "source-silent", "source-drifted", "removals-held"
BUDGET_LOW, SINK_FAILING, STORE_FAILING = "budget-low", "sink-failing", "store-failing"
QUIET = "source-quiet"
"""It is read, and brings nothing in an hour that is never without news (`habits`). Told as `source-silent`."""

_TOLD = {QUIET: SILENT}
"""The event with which a trouble begins, where it is not its own."""

_LEFT = {FAILING: "source-recovered", SILENT: "source-recovered", DRIFTED: "source-recovered",
         QUIET: "source-recovered", SINK_FAILING: "sink-recovered"}  # fmt: skip
"""The event with which a trouble ends, where it is not its own with the state `left`."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Troubles entered and left in one step, and the events that tell of it."""

    entered: tuple[Condition, ...] = ()
    left: tuple[tuple[str, str], ...] = ()
    events: tuple[Event, ...] = ()

    def __add__(self, other: Turn) -> Turn:
        return Turn(self.entered + other.entered, self.left + other.left, self.events + other.events)

    def plan(self, route: Route, now: datetime) -> Plan:
        """What is to be written of it, and of those who are told."""
        routed = route(self.events, now)
        return Plan(now, events=self.events, owed=routed.owed, armed=routed.armed, entered=self.entered, left=self.left)


@dataclass(frozen=True, slots=True)
class Troubles:
    """The troubles that last now, as the store has them."""

    active: Collection[Condition] = field(default_factory=tuple)

    def find(self, kind: str, subject: str) -> Condition | None:
        """The trouble of that type and subject, if it lasts."""
        return next((c for c in self.active if c.type == kind and c.subject == subject), None)

    def turn(self, kind: str, subject: str, detail: str, now: datetime) -> Turn:
        """Enter a trouble when there is a `detail`, leave it when that is empty; nothing when it is so already."""
        lasting = self.find(kind, subject)
        if detail and not lasting:
            entered = Condition(kind, subject, now, detail)
            return Turn(entered=(entered,), events=(tell(entered, now),))
        if lasting and not detail:
            return Turn(left=((kind, subject),), events=(tell(lasting, now, left=True),))
        if lasting and detail != lasting.detail:  # what is known of it moved on: kept, not told again
            return Turn(entered=(Condition(kind, subject, lasting.since, detail),))
        return Turn()


def tell(condition: Condition, now: datetime, *, left: bool = False) -> Event:
    """The operational event with which a trouble is entered or left."""
    kind = (_LEFT if left else _TOLD).get(condition.type, condition.type)
    state = "left" if left else "entered"
    since = stamp(condition.since)
    name = f"watcher/{condition.subject}@{since}/{condition.type}/{state}"
    return Event(
        id=str(uuid.uuid5(EVENTS, name)),
        type=kind,
        source="/watcher",
        subject=condition.subject,
        time=now,
        recorded_at=now,
        data={"condition": condition.type, "state": state, "since": since, "detail": condition.detail},
    )
