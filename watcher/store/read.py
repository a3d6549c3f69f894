"""What the command line reads from the store, while a daemon writes to it or none runs."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from watcher.errors import StoreRuined
from watcher.model import Alarm, Condition, Event, Silence, SourceName, SourceState, Unread, Version
from watcher.store import erase, events, files, forms, history, holding, migrations, outbox, silences, snapshots
from watcher.store.forms import Row, moment
from watcher.store.holding import Waiting
from watcher.store.outbox import Counts, Pause
from watcher.store.worker import translated

T = TypeVar("T")

_SOURCES = """
SELECT account, stream, partition, state,
  (SELECT count(*) FROM records WHERE source = s.id),
  (SELECT count(*) FROM records WHERE source = s.id AND removed = 1)
FROM sources s ORDER BY account, stream, partition
"""
_RECORDS = """
SELECT s.account, s.stream, s.partition,
  r.key, r.version, r.seen_at, r.fingerprint, r.reached, r.removed, r.absences, r.body
FROM sources s CROSS JOIN records r ON r.source = s.id
"""
_DELIVERIES = """
SELECT d.number, e.sequence, e.id, e.type, d.record, d.sink, d.rule, d.state,
  (SELECT count(*) FROM attempts WHERE delivery = d.number), d.unanswered,
  d.due_at, d.owed_at, d.released_at, d.settled_at, d.reason, d.answer, d.bundle, d.told_in
FROM deliveries d CROSS JOIN events e ON e.sequence = d.event
"""
_ATTEMPTS = "SELECT n, at, outcome, reason FROM attempts WHERE delivery = ? ORDER BY n"
_BUDGETS = "SELECT account, day, spent FROM budgets ORDER BY account, day"
_ALARMS = "SELECT kind, source, key, name, due_at, data FROM alarms ORDER BY due_at, kind, source, key, name LIMIT ?"
_UNREAD = """
SELECT s.account, s.stream, s.partition, u.fingerprint, u.key, u.reason, u.seen_at
FROM unread u JOIN sources s ON s.id = u.source ORDER BY u.seen_at, s.id, u.fingerprint
"""

# Written out, not bound: only so can the indices of the few that are owed, dead or held back be used.
_IN_STATE = {
    name: f"d.state = '{name}'" for name in ("owed", "delivered", "dead", "dropped", "held", "silenced", "summed")
}


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A source: its state, how many of its records are there, and how many were removed."""

    name: SourceName
    state: SourceState
    present: int
    removed: int


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """A delivery, whatever its state: owed, delivered, dead, dropped, held, silenced or summed.

    `released_at` is since when it may be sent: `owed_at`, or when it was let go or asked for again. `bundle` is what it
    waits or waited with, or the silence that took it; `told_in` the id of the summary that told it. `attempts` counts
    all tries, also those from before a redrive and those that used up nothing of the schedule; `unanswered` those of
    which no answer came: it may have been told so many times more.
    """

    number: int
    sequence: int
    event_id: str
    type: str
    record: str
    sink: str
    rule: str
    state: str
    attempts: int
    unanswered: int
    due_at: datetime
    owed_at: datetime
    released_at: datetime
    settled_at: datetime | None
    reason: str
    answer: str
    bundle: str
    told_in: str


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One try of a delivery: `delivered`, `retry` or `dead`, and why."""

    n: int
    at: datetime
    outcome: str
    reason: str


@dataclass(frozen=True, slots=True)
class BudgetRow:
    """How many requests an account made on a day."""

    account: str
    day: str
    spent: int


@dataclass(frozen=True, slots=True)
class UnreadRow:
    """A record that could not be read, whose it is and when it was first met."""

    source: SourceName
    unread: Unread
    seen_at: datetime


class Reader:
    """The store, read-only; each method sees one moment of it. Use it as a context manager, or close it.

    Every method raises StoreError when the store cannot be read for now, StoreRuined when it is damaged.
    """

    def __init__(self, db: sqlite3.Connection, path: Path) -> None:
        self._db = db
        self._path = path

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open the store at that path, without its lock.

        Raises StoreError when there is none or it cannot be read: reading beside a daemon needs to write the index of
        its log, so it takes the daemon's own user. Raises StoreRuined when it is not ours, or older or newer than this
        program.
        """
        whole = Path(path).resolve()
        db = files.look(whole)
        with translated(str(whole)):
            have = migrations.version(db)
        if have < migrations.NEWEST:
            db.close()
            raise StoreRuined(
                f"{whole} has version {have}, this watcher reads version {migrations.NEWEST}: "
                "start the daemon once, which brings it up to date"
            )
        return cls(db, whole)

    def close(self) -> None:
        """Close the file; again is no error."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read(self, read: Callable[[sqlite3.Connection], T]) -> T:
        with translated(str(self._path)):
            return read(self._db)

    def _stream(self, read: Callable[[sqlite3.Connection], Iterator[T]]) -> Iterator[T]:
        with translated(str(self._path)):
            yield from read(self._db)

    def _rows(self, query: str, *values: Any) -> list[Row]:
        return self._read(lambda db: db.execute(query, values).fetchall())

    def _chosen(self, query: str, clauses: Mapping[str, Any], rest: str, *values: Any) -> list[Row]:
        """Rows that meet every clause; each of these has as many marks as its tuple has values."""
        where = f"WHERE {' AND '.join(clauses)}" if clauses else ""
        return self._rows(f"{query} {where} {rest}", *(value for some in clauses.values() for value in some), *values)

    # -------------------------------------------------------------------------------------- sources and records

    def sources(self) -> list[SourceRow]:
        """All sources, by name."""
        return [
            SourceRow(SourceName(*name), forms.state(state), every - removed, removed)
            for *name, state, every, removed in self._rows(_SOURCES)
        ]

    def record(self, where: str, key: str) -> list[tuple[SourceName, Version]]:
        """The last version of a record, removed or not, in each source that has one of that id.

        `where` is a stream (`apimo.leads`) or a source (`azur/apimo.leads/101`).
        """
        clauses: dict[str, tuple[str, ...]] = {"r.key = ?": (key,)}
        if "/" in where:
            name = SourceName.parse(where)
            clauses["s.stream = ?"] = (name.stream,)
            clauses["s.account = ? AND s.partition = ?"] = (name.account, name.partition)
        else:
            clauses["s.stream = ?"] = (where,)
        rows = self._chosen(_RECORDS, clauses, "ORDER BY s.account, s.partition")
        return [(SourceName(*row[:3]), forms.version(row[3:])) for row in rows]

    def history(self, source: SourceName, key: str) -> list[Version]:
        """Every version of a record, from the first; empty for one that was never seen."""
        return self._read(lambda db: history.of_record(db, source, key))

    def snapshot_at(self, since: datetime) -> Iterator[tuple[SourceName, Version]]:
        """The last version of each record that was seen before then, removed ones too, in no order.

        This and the two that follow are read as they are asked for, each from one moment of the store, which may be
        very much. The daemon's log grows while they are: read on to the end, or drop them.
        """
        return self._stream(lambda db: history.before(db, since))

    def versions_since(self, since: datetime) -> Iterator[tuple[SourceName, Version]]:
        """The versions that were first seen then or later, in the order of that; those of one time as they came."""
        return self._stream(lambda db: history.since(db, since))

    def unread(self) -> list[UnreadRow]:
        """The records that could not be read, in the order in which they were met."""
        return [
            UnreadRow(SourceName(*name), Unread(fingerprint, key, reason), moment(seen_at))
            for *name, fingerprint, key, reason, seen_at in self._rows(_UNREAD)
        ]

    # ------------------------------------------------------------------------------------ events and deliveries

    def events(
        self,
        since_sequence: int = 0,
        limit: int = 100,
        types: Collection[str] = (),
        record: str | None = None,
        *,
        newest: bool = False,
        told_in: str | None = None,
        since: datetime | None = None,
    ) -> list[Event]:
        """Events after that sequence number, in order: the first `limit` of them, or the `newest`.

        `types` are globs, of which one has to match; `record` is an `Event.record`; `told_in` the id of a summary that
        tells of them; `since` when they were recorded, or later.
        """
        clauses = events.clauses(since_sequence, types, record, told_in, since)
        return self._read(lambda db: events.chosen(db, clauses, limit, newest=newest))

    def events_since(self, since: datetime) -> Iterator[Event]:
        """The events that were recorded then or later, in the order of that and of their sequence."""
        return self._stream(lambda db: events.since(db, since))

    def event(self, name: str) -> Event | None:
        """The event of that id."""
        return self._read(lambda db: events.one(db, name))

    def deliveries(
        self,
        sink: str | None = None,
        state: str | None = None,
        limit: int = 100,
        event: str | None = None,
        numbers: Collection[int] | None = None,
    ) -> list[DeliveryRow]:
        """The newest deliveries, newest first, narrowed to a sink, a state (`owed` ...), an event's id and numbers."""
        clauses: dict[str, tuple[str, ...]] = {}
        if state is not None:
            clauses[_IN_STATE[state]] = ()
        if sink is not None:
            clauses["d.sink = ?"] = (sink,)
        if event is not None:
            clauses["d.event = (SELECT sequence FROM events WHERE id = ?)"] = (event,)
        if numbers is not None:
            clauses["d.number IN (SELECT value FROM json_each(?))"] = (forms.json(sorted(numbers)),)
        return list(map(_delivery, self._chosen(_DELIVERIES, clauses, "ORDER BY d.number DESC LIMIT ?", limit)))

    def attempts(self, number: int) -> list[AttemptRow]:
        """Every try of a delivery, from the first."""
        return [AttemptRow(n, moment(at), outcome, why) for n, at, outcome, why in self._rows(_ATTEMPTS, number)]

    def owed_counts(self) -> dict[str, Counts]:
        """How much is owed, dead and held, by sink; sinks with nothing of it are left out."""
        return self._read(outbox.counts)

    def maybe_twice(self, since: datetime | None = None) -> dict[str, int]:
        """How many deliveries each sink took, since then or ever, after an attempt of which no answer came."""
        return self._read(lambda db: outbox.maybe_twice(db, since))

    def paused(self) -> dict[str, Pause]:
        """The paused sinks."""
        return self._read(outbox.paused)

    def waiting(self) -> list[Waiting]:
        """The bundles that have something held, by name."""
        return self._read(holding.waiting)

    def silences(self, now: datetime | None = None) -> list[Silence]:
        """Those that are active at that time, or all there ever were; by number."""
        return self._read(lambda db: silences.listed(db, now))

    def paused_sources(self) -> dict[str, Pause]:
        """The paused sources, by their written names."""
        return self._read(lambda db: outbox.paused(db, "source"))

    # -------------------------------------------------------------------------------------------------- the rest

    def conditions(self) -> tuple[Condition, ...]:
        """The troubles that last, longest first."""
        return self._read(lambda db: snapshots.conditions(db, None))

    def budgets(self) -> list[BudgetRow]:
        """Requests made, by account and day."""
        return [BudgetRow(*row) for row in self._rows(_BUDGETS)]

    def receipts(self) -> list[dict[str, Any]]:
        """The receipts of all erasures, from the first."""
        return self._read(erase.receipts)

    def alarms(self, limit: int = 100) -> list[Alarm]:
        """The alarms that are armed, earliest first."""
        return list(map(forms.alarm, self._rows(_ALARMS, limit)))


def _delivery(row: Row) -> DeliveryRow:
    *first, due_at, owed_at, released_at, settled_at, reason, answer, bundle, told_in = row
    settled = None if settled_at is None else moment(settled_at)
    times = [moment(due_at), moment(owed_at), moment(released_at), settled]
    return DeliveryRow(*[*first, *times, reason, answer, bundle, told_in])
