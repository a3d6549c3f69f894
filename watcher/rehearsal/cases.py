"""A case, played: given records over time, what was told to whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from watcher.desk import SUMMARY
from watcher.model import Delivery, Event, Message
from watcher.operations import silence
from watcher.rehearsal.casekeys import Case, Step
from watcher.rehearsal.reasons import reason
from watcher.rehearsal.records import described, fresh
from watcher.rehearsal.stage import Cast, Stage
from watcher.rules import OPERATOR, Rule
from watcher.sinks.letter import as_text
from watcher.store.outbox import MEMBERS
from watcher.store.read import DeliveryRow
from watcher.streams import STREAMS

ALL = 1_000_000

_ANOTHER = "another record"
"""The id of a record that is there all the time: a list that is empty all at once is not believed."""

_BEFORE = timedelta(minutes=1)
"""How long before the first step the source is read for the first time."""


@dataclass(frozen=True, slots=True)
class Told:
    """A message that a sink was sent; `by` is its rule, None for `[operator]` and for what a silence took."""

    at: datetime
    owed_at: datetime
    to: str
    rule: str
    by: Rule | None
    event: Event
    message: Message
    count: int = 1

    @property
    def text(self) -> str:
        """All of it, as it reads without its footer."""
        return as_text(self.message, "").strip()

    @property
    def late(self) -> bool:
        """Whether it is of a timer that rang late."""
        return bool(self.event.data.get("late"))

    @property
    def why(self) -> str:
        """Why it was sent, and why then."""
        if self.event.type == SUMMARY:
            return f"a summary of {self.event.data['count']}: {self.event.data['why']}"
        said = reason(self.by, self.event) if self.by else f"[{OPERATOR}] hears of watcher's own troubles"
        waited = self.at - self.owed_at
        return f"{said}; it waited for {waited}" if waited else said


@dataclass(frozen=True, slots=True)
class Came:
    """All that came of a case: the events in their order, the messages in that of their times, and who was not told."""

    events: tuple[Event, ...]
    told: tuple[Told, ...]
    kept: tuple[DeliveryRow, ...]
    rules: tuple[Rule, ...]


# ----------------------------------------------------------------------------------------------------------- playing


async def play(case: Case, cast: Cast) -> Came:
    """Play a case to its end."""
    async with Stage(cast) as stage:
        await _baseline(case, stage)
        down = False
        for step in case.steps:
            await (stage.restart(step.at) if down else stage.pass_to(step.at))
            await _give(step, case, stage)
            down = step.down
        await stage.pass_to(case.until)
        return _came(stage)


async def _baseline(case: Case, stage: Stage) -> None:
    """The first read, which tells nobody: what is known from the start."""
    began = case.steps[0].at
    await stage.start(began - _BEFORE)
    source = stage.sources[str(case.source)]
    body = fresh(STREAMS[case.source.stream])
    source.records[_ANOTHER] = {**body, "id": _ANOTHER}
    for key, record in case.known.items():
        source.records[key] = {**body, **_dated(case, began - timedelta(days=1), created=True), **record}
    await stage.poll(case.source)


async def _give(step: Step, case: Case, stage: Stage) -> None:
    """One step: a silence comes into force, then the source answers."""
    source = stage.sources[str(case.source)]
    if step.silence:
        matchers, span, comment = step.silence
        await silence(
            stage.core, matchers={**matchers}, author="the case", comment=comment, seconds=span.total_seconds()
        )
    for key, record in step.records.items():
        new = key not in source.records
        last = fresh(STREAMS[case.source.stream]) if new else source.records[key]
        source.records[key] = {**last, **_dated(case, step.at, created=new), **record}
    for key in step.removed:
        source.records.pop(key, None)
    source.error = step.error
    for _ in range(2 if step.removed else 1):  # gone is what two reads lack
        await stage.poll(case.source)
    source.error = None


def _dated(case: Case, at: datetime, *, created: bool) -> dict[str, str]:
    """When the vendor says that a record was made and touched, as far as its records say so."""
    names = ("created_at", "updated_at") if created else ("updated_at",)
    known = described(STREAMS[case.source.stream])
    return {name: at.isoformat() for name in names if name in known}


# ------------------------------------------------------------------------------------------------------- what came


def _came(stage: Stage) -> Came:
    reader = stage.store.reader
    events = {event.id: event for event in reader.events(limit=ALL)}
    rows = reader.deliveries(limit=ALL)[::-1]
    sent = sorted((row for row in rows if row.state == "owed"), key=lambda row: (row.released_at, row.number))
    return Came(
        events=tuple(event for event in events.values() if event.type != SUMMARY),
        told=tuple(_told(row, events, stage) for row in sent),
        kept=tuple(row for row in rows if row.state != "owed"),
        rules=tuple(stage.core.parts.desk.rules),
    )


def _told(row: DeliveryRow, events: dict[str, Event], stage: Stage) -> Told:
    event = events[row.event_id]
    members: tuple[Event, ...] = ()
    if event.type == SUMMARY:
        members = tuple(events[one] for one in event.data["events"][:MEMBERS])
    stage.clock.now = row.released_at
    personal = stage.cast.config.sinks[row.sink].personal
    delivery = Delivery(row.number, event, row.sink, row.rule, 0, row.released_at, row.owed_at, members)
    return Told(
        at=row.released_at,
        owed_at=row.owed_at,
        to=row.sink,
        rule=row.rule,
        by=stage.core.parts.desk.rule(row.rule),
        event=event,
        message=stage.cast.render(delivery, personal),
        count=int(event.data.get("count", 1)) if members else 1,
    )
