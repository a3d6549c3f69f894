"""What the audit of a span of time reads, all of it from one moment of the store, row after row."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from watcher.audit import Sent, Told, Written
from watcher.model import Event, SourceName, Tally
from watcher.store import forms, notes, polls
from watcher.store.forms import Row, micros, moment
from watcher.store.read import Reader
from watcher.tallies import hour_of

# In the order in which they were written: read off the index, so that nothing is sorted.
_VERSIONS = """
SELECT s.account, s.stream, s.partition,
  v.key, v.version, v.seen_at, v.fingerprint, v.reached, v.removed, v.absences, v.body,
  p.key, p.version, p.seen_at, p.fingerprint, p.reached, p.removed, p.absences, p.body
FROM versions v CROSS JOIN sources s ON s.id = v.source
LEFT JOIN versions p ON p.source = v.source AND p.key = v.key AND p.version = v.version - 1
WHERE v.seen_at >= ? AND v.seen_at < ? ORDER BY v.seen_at, v.rowid
"""
_OF_VERSION = """
SELECT sequence, id, type, source, subject, time, recorded_at, data FROM events
WHERE source = ? AND subject = ? AND recorded_at = ? AND json_extract(data, '$.version') = ?
  AND json_extract(data, '$.rule') IS NULL ORDER BY sequence
"""
_EVENTS = """
SELECT sequence, id, type, source, subject, time, recorded_at, data FROM events
WHERE recorded_at >= ? AND recorded_at < ? ORDER BY recorded_at, sequence
"""
_SENT = """
SELECT number, sink, rule, state, attempts, unanswered, owed_at, settled_at, reason, bundle, told_in,
  told_in = '' OR EXISTS (SELECT 1 FROM events WHERE id = d.told_in)
FROM deliveries d WHERE event = ? ORDER BY number
"""
_KNOWN = """
SELECT 1 FROM sources s CROSS JOIN versions v ON v.source = s.id
WHERE s.account = ? AND s.stream = ? AND s.partition = ? AND v.key = ? AND v.version = ?
"""
_SOURCE = "SELECT id FROM sources WHERE account = ? AND stream = ? AND partition = ?"
# Each record by the last version that was there then.
_RECORDS = """
SELECT count(*) FROM records r WHERE r.source = ?1 AND 0 = (
  SELECT v.removed FROM versions v WHERE v.source = r.source AND v.key = r.key AND v.seen_at <= ?2
  ORDER BY v.version DESC LIMIT 1
)
"""
_SPENT = "SELECT account, day, spent FROM budgets WHERE day >= ? AND day <= ? ORDER BY account, day"
_RELEASES = "SELECT source, name, key, due_at FROM alarms WHERE kind = 'release'"
_VEILED = "SELECT stream, until FROM expired WHERE what = 'events'"

# From the last number before the span to the first one after it, or to the last that was ever given if there is none.
_BEFORE = "SELECT sequence FROM events WHERE recorded_at < ? ORDER BY recorded_at DESC, sequence DESC LIMIT 1"
_AFTER = "SELECT sequence FROM events WHERE recorded_at >= ? ORDER BY recorded_at, sequence LIMIT 1"
_GIVEN = "SELECT seq + 1 FROM sqlite_sequence WHERE name = 'events'"
_MESSAGES_BETWEEN = """
SELECT coalesce((SELECT max(number) FROM deliveries WHERE number < ?1), 0),
  coalesce((SELECT min(number) FROM deliveries WHERE number > ?2),
    (SELECT seq + 1 FROM sqlite_sequence WHERE name = 'deliveries'))
"""
_SEQUENCES = "SELECT sequence FROM events WHERE sequence > ? AND sequence < ? ORDER BY sequence"
_NUMBERS = "SELECT number FROM deliveries WHERE number > ? AND number < ? ORDER BY number"


_INSTANT = timedelta(microseconds=1)


class Ledger(Reader):
    """The store as it is when this is opened, whatever is written to it meanwhile."""

    def __init__(self, db: sqlite3.Connection, path: Path) -> None:
        super().__init__(db, path)
        self._first = self._last = 0

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open the store at that path, as `Reader.open` does, and stay at this moment of it."""
        ledger = super().open(path)
        ledger._db.execute("BEGIN")
        return ledger

    # -------------------------------------------------------------------------------------------- row after row

    def written(self, since: datetime, until: datetime) -> Iterator[Written]:
        """The versions first seen in that span, each with the one before it and the events written with it."""
        return self._stream(lambda db: (_written(db, row) for row in db.execute(_VERSIONS, _span(since, until))))

    def told(self, since: datetime, until: datetime) -> Iterator[Told]:
        """The events recorded in that span, each with its messages."""
        self._first = self._last = 0
        return self._stream(
            lambda db: (self._told(db, row, since, until) for row in db.execute(_EVENTS, _span(since, until)))
        )

    def _told(self, db: sqlite3.Connection, row: Row, since: datetime, until: datetime) -> Told:
        event, sent = forms.event(row), [_sent(found) for found in db.execute(_SENT, (row[0],))]
        for one in sent:
            if since <= one.owed_at < until:
                self._first = min(self._first or one.number, one.number)
                self._last = max(self._last, one.number)
        return Told(event, sent, _known(db, event))

    # ------------------------------------------------------------------------------------------------ what is gone

    def lost_events(self, since: datetime, until: datetime) -> Iterator[int]:
        """The sequence numbers that were given around that span, and whose events are gone."""
        begin, end = _span(since, until)
        before = self._rows(_BEFORE, begin)
        after = self._rows(_AFTER, end) or self._rows(_GIVEN)
        if not after:
            return iter(())
        return self._stream(lambda db: _holes(db, _SEQUENCES, before[0][0] if before else 0, after[0][0]))

    def lost_messages(self) -> Iterator[int]:
        """The numbers that were given around the messages that `told` went through, and whose messages are gone."""
        if not self._first:
            return iter(())
        ((before, after),) = self._rows(_MESSAGES_BETWEEN, self._first, self._last)
        return self._stream(lambda db: _holes(db, _NUMBERS, before, after))

    # --------------------------------------------------------------------------------------------------- the polls

    def tallies(self, source: SourceName, since: datetime, until: datetime) -> list[Tally]:
        """What the polls of a source came to in the hours of that span, the one under way too."""
        first, last = hour_of(since), hour_of(until - _INSTANT)
        number = self._number(source)
        kept = self._read(lambda db: list(polls.tallies(db, number, first, last)))
        now = next((row.state.tally for row in self.sources() if row.name == source), None)
        return [*kept, now] if now and first <= now.hour <= last else kept

    def records_at(self, source: SourceName, at: datetime) -> int:
        """How many records of a source were there then, by their versions."""
        ((count,),) = self._rows(_RECORDS, self._number(source), micros(at))
        return int(count)

    def _number(self, source: SourceName) -> int:
        ((number,),) = self._rows(_SOURCE, source.account, source.stream, source.partition)
        return int(number)

    # ---------------------------------------------------------------------------------------------------- the rest

    def spent(self, first: str, last: str) -> list[tuple[str, str, int]]:
        """The requests counted from one day to another: account, day, how many."""
        return [(account, day, int(spent)) for account, day, spent in self._rows(_SPENT, first, last)]

    def releases(self) -> dict[tuple[str, str, str], datetime]:
        """Until when each bundle waits: by sink, rule and name."""
        return {(sink, rule, bundle): moment(due_at) for sink, rule, bundle, due_at in self._rows(_RELEASES)}

    def veiled(self) -> dict[str, datetime]:
        """Until when the events of each stream have lost what is personal in them."""
        return {stream: moment(until) for stream, until in self._rows(_VEILED)}

    def note(self, key: str) -> str:
        """What was noted under that name; empty for nothing."""
        return self._read(lambda db: notes.recall(db, key)) or ""


def _span(since: datetime, until: datetime) -> tuple[int, int]:
    return micros(since), micros(until)


def _written(db: sqlite3.Connection, row: Row) -> Written:
    source, version = SourceName(*row[:3]), forms.version(row[3:11])
    before = forms.version(row[11:]) if row[11] is not None else None
    asked = (f"/{source}", version.key, row[5], version.version)
    return Written(source, version, before, [forms.event(found) for found in db.execute(_OF_VERSION, asked)])


def _known(db: sqlite3.Connection, event: Event) -> bool:
    """Whether the version that an event tells of is there; true for one that tells of none."""
    version = event.data.get("version")
    name = event.source.strip("/").split("/")
    if version is None or len(name) != 3:  # noqa: PLR2004 - the three of a source's name
        return True
    return db.execute(_KNOWN, (*name, event.subject, version)).fetchone() is not None


def _sent(row: Row) -> Sent:
    number, sink, rule, state, attempts, unanswered, owed_at, settled_at, reason, bundle, told_in, there = row
    settled = None if settled_at is None else moment(settled_at)
    owed = moment(owed_at)
    return Sent(number, sink, rule, state, attempts, unanswered, owed, settled, reason, bundle, told_in, bool(there))


def _holes(db: sqlite3.Connection, query: str, before: int, after: int) -> Iterator[int]:
    """The numbers between those two that no row has."""
    expected = before + 1
    for (number,) in db.execute(query, (before, after)):
        yield from range(expected, number)
        expected = number + 1
    yield from range(expected, after)
