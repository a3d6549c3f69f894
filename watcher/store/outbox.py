"""The deliveries owed, and what became of them.

Of the deliveries that a sink is owed about one record only the first is its `head`, and only heads are tried: that
keeps the order. Whatever ends or revives a delivery moves the flag, so what is due is read off the front of one index.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Literal, NamedTuple, assert_never

from watcher.model import Dead, Delivered, Delivery, Outcome, RetryAt
from watcher.store import events
from watcher.store.forms import Row, event, json, micros, moment

_SUMMARY = "summary"

MEMBERS = 20
"""How many of the events that it tells of come with a summary."""

NOTE = 2048
"""Bytes kept of a sink's note."""

_DUE = """
SELECT d.number, d.rule, d.attempts, d.due_at, d.owed_at, d.note,
  coalesce((SELECT thread FROM threads WHERE sink = ?1 AND record = d.record), ''),
  e.sequence, e.id, e.type, e.source, e.subject, e.time, e.recorded_at, e.data
FROM deliveries d CROSS JOIN events e ON e.sequence = d.event
WHERE d.head = 1 AND d.sink = ?1 AND d.due_at <= ?2
  AND NOT EXISTS (SELECT 1 FROM paused WHERE kind = 'sink' AND name = ?1)
ORDER BY d.due_at, d.number LIMIT ?3
"""
_NEXT = """
SELECT number, due_at FROM deliveries
WHERE head = 1 AND sink = ?1 AND NOT EXISTS (SELECT 1 FROM paused WHERE kind = 'sink' AND name = ?1)
ORDER BY due_at, number LIMIT ?2
"""

_MAY_TRY = """
SELECT 1 FROM deliveries d
WHERE number = ? AND head = 1 AND NOT EXISTS (SELECT 1 FROM paused WHERE kind = 'sink' AND name = d.sink)
"""

_DELIVERED = """
UPDATE deliveries SET state = 'delivered', head = 0, attempts = attempts + 1, settled_at = ?, reason = '', answer = ?,
  note = ''
WHERE number = ? AND state = 'owed'
"""
# An attempt that had nothing to note (no connection) does not make the one before it unsaid.
_RETRY = """
UPDATE deliveries SET attempts = attempts + 1, unanswered = unanswered + ?, due_at = ?, reason = ?,
  note = coalesce(nullif(?, ''), note)
WHERE number = ? AND state = 'owed'
"""
_DEAD = """
UPDATE deliveries SET state = 'dead', head = 0, attempts = attempts + 1, settled_at = ?, reason = ?
WHERE number = ? AND state = 'owed'
"""
# The first thread of a record counts, unless the message was to go into it and went into another: then it was gone.
_THREAD = """
INSERT INTO threads (sink, record, thread) VALUES (?1, ?2, ?3)
ON CONFLICT (sink, record) DO UPDATE SET thread = excluded.thread WHERE thread = ?4
"""
_ATTEMPT = """
INSERT INTO attempts (delivery, n, at, outcome, reason)
SELECT ?1, 1 + coalesce((SELECT max(n) FROM attempts WHERE delivery = ?1), 0), ?2, ?3, ?4
"""

_HEAD = """
UPDATE deliveries SET head = 1
WHERE number = (SELECT min(number) FROM deliveries WHERE sink = ? AND record = ? AND state = 'owed') AND head = 0
"""
_UNHEAD = "UPDATE deliveries SET head = 0 WHERE sink = ? AND record = ? AND state = 'owed' AND head = 1"

# What an operator asked for stays as he asked for it when the sink turns us away after that.
_PAUSE = """
INSERT INTO paused (kind, name, since, reason, asked) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (kind, name) DO UPDATE SET reason = excluded.reason, asked = excluded.asked
WHERE excluded.asked = 1 OR asked = 0
"""
_RESUME = "DELETE FROM paused WHERE kind = ? AND name = ? AND asked <= ?"
_PAUSED = "SELECT name, since, reason, asked FROM paused WHERE kind = ? ORDER BY name"

_GIVEN_UP = """
SELECT number, sink, record FROM deliveries
WHERE state = 'dead' AND (?1 IS NULL OR number IN (SELECT value FROM json_each(?1)))
  AND (?2 IS NULL OR sink = ?2) AND (?3 IS NULL OR settled_at >= ?3)
"""
_SETTLED = """
SELECT number, sink, record FROM deliveries
WHERE number IN (SELECT value FROM json_each(?)) AND state <> 'owed'
"""
# The reason of a last try is kept; why it waited or was not to be sent is no longer so.
_REVIVE = """
UPDATE deliveries SET state = 'owed', attempts = 0, due_at = ?1, released_at = ?1, settled_at = NULL,
  reason = iif(attempts > 0, reason, '')
WHERE number = ?2
"""
_HASTEN = """
UPDATE deliveries SET due_at = ?3, attempts = max(attempts - 1, 0)
WHERE head = 1 AND due_at > ?3 AND sink = coalesce(?2, sink)
  AND (?1 IS NULL OR number IN (SELECT value FROM json_each(?1)))
"""
_DROP = "UPDATE deliveries SET state = 'dropped', settled_at = ? WHERE number = ?"
_ABANDON = """
UPDATE deliveries SET state = 'dropped', head = 0, settled_at = ?, reason = ?
WHERE sink = ? AND state IN ('owed', 'held')
"""

_COUNTS = """
SELECT sink, sum(owed), sum(dead), min(oldest), sum(held) FROM (
  SELECT sink, count(*) AS owed, 0 AS dead, min(owed_at) AS oldest, 0 AS held
  FROM deliveries WHERE state = 'owed' GROUP BY sink
  UNION ALL
  SELECT sink, 0, count(*), NULL, 0 FROM deliveries WHERE state = 'dead' GROUP BY sink
  UNION ALL
  SELECT sink, 0, 0, NULL, count(*) FROM deliveries WHERE state = 'held' GROUP BY sink
) GROUP BY sink ORDER BY sink
"""

_MAYBE_TWICE = """
SELECT sink, count(*) FROM deliveries
WHERE state = 'delivered' AND unanswered > 0 AND (?1 IS NULL OR settled_at >= ?1) GROUP BY sink
"""

_TOLD = """
SELECT e.id, d.sink, d.number FROM events e CROSS JOIN deliveries d ON d.event = e.sequence
WHERE e.id IN (SELECT value FROM json_each(?)) ORDER BY d.number
"""

Kind = Literal["sink", "source"]
"""What can be paused."""


class Pause(NamedTuple):
    """Since when a sink or a source is left alone, and why. `asked`: an operator did it, else the sink refused us."""

    since: datetime
    reason: str
    asked: bool = False


class Counts(NamedTuple):
    """How many deliveries a sink is owed, has given up and has held back.

    `oldest` is since when the oldest one is owed; None: none is.
    """

    owed: int
    dead: int
    oldest: datetime | None
    held: int = 0


def due(db: sqlite3.Connection, sink: str, now: datetime, limit: int, busy: Collection[int]) -> list[Delivery]:
    """The heads that are due and not busy, longest due first; none of a paused sink."""
    rows = db.execute(_DUE, (sink, micros(now), limit + len(busy)))
    free = [row for row in rows if row[0] not in busy]
    return [_delivery(db, sink, row) for row in free[:limit]]


def _delivery(db: sqlite3.Connection, sink: str, row: Row) -> Delivery:
    number, rule, attempts, due_at, owed_at, note, thread, *rest = row
    what = event(rest)
    members = events.members(db, what.id, sink, MEMBERS) if what.type == _SUMMARY else ()
    return Delivery(number, what, sink, rule, attempts, moment(due_at), moment(owed_at), members, note, thread)


def next_due(db: sqlite3.Connection, sink: str, busy: Collection[int]) -> datetime | None:
    """When the next head that is not busy falls due; None when there is none or the sink is paused."""
    rows = db.execute(_NEXT, (sink, len(busy) + 1))
    return next((moment(due_at) for number, due_at in rows if number not in busy), None)


def may_try(db: sqlite3.Connection, number: int) -> bool:
    """Whether that delivery is a head, and its sink not paused."""
    return db.execute(_MAY_TRY, (number,)).fetchone() is not None


def settle(db: sqlite3.Connection, outcomes: Iterable[tuple[Delivery, Outcome]], now: datetime) -> None:
    """Write down what became of attempts; of one that is not owed any more, nothing."""
    at = micros(now)
    for delivery, outcome in outcomes:
        match outcome:
            case Delivered(answer, thread):
                name, reason = "delivered", ""
                done = db.execute(_DELIVERED, (at, answer, delivery.number))
                if thread and done.rowcount:
                    db.execute(_THREAD, (delivery.sink, delivery.event.record, thread, delivery.thread))
            case RetryAt(due_at, reason, unanswered, note):
                name = "retry"
                done = db.execute(_RETRY, (unanswered, micros(due_at), reason, _bounded(note), delivery.number))
            case Dead(reason, refused):
                name = "dead"
                done = db.execute(_DEAD, (at, reason, delivery.number))
                if refused:
                    pause(db, delivery.sink, reason, now)
            case _:
                assert_never(outcome)
        if done.rowcount:
            db.execute(_ATTEMPT, (delivery.number, at, name, reason))
            db.execute(_HEAD, (delivery.sink, delivery.event.record))


def _bounded(note: str) -> str:
    return note.encode(errors="replace")[:NOTE].decode(errors="ignore")


def pause(
    db: sqlite3.Connection, name: str, reason: str, now: datetime, *, asked: bool = False, kind: Kind = "sink"
) -> None:
    """Leave it alone until it is resumed; one paused already gets the new reason, an `asked` one only if asked."""
    db.execute(_PAUSE, (kind, name, micros(now), reason, asked))


def resume(db: sqlite3.Connection, name: str, *, asked_too: bool = True, kind: Kind = "sink") -> bool:
    """Go on with it; false when it was not paused, or an operator asked for it and `asked_too` is false."""
    return db.execute(_RESUME, (kind, name, asked_too)).rowcount > 0


def paused(db: sqlite3.Connection, kind: Kind = "sink") -> dict[str, Pause]:
    """The paused sinks or sources."""
    rows = db.execute(_PAUSED, (kind,))
    return {name: Pause(moment(since), reason, bool(asked)) for name, since, reason, asked in rows}


def redrive(
    db: sqlite3.Connection, numbers: Collection[int] | None, sink: str | None, since: datetime | None, now: datetime
) -> int:
    """Owe dead deliveries again, narrowed by what is not None; return how many they are."""
    return _revive(db, _given_up(db, numbers, sink, since), now)


def resend(db: sqlite3.Connection, numbers: Collection[int], now: datetime) -> int:
    """Owe those again that are settled, however they were; return how many they are."""
    return _revive(db, db.execute(_SETTLED, (json(sorted(numbers)),)).fetchall(), now)


def hasten(db: sqlite3.Connection, numbers: Collection[int] | None, sink: str | None, now: datetime) -> int:
    """Have those that wait for their next attempt tried now, narrowed by what is not None; return how many they are.

    The attempt does not count: a sink that comes and goes must not use up what the schedule grants.
    """
    wanted = None if numbers is None else json(sorted(numbers))
    return db.execute(_HASTEN, (wanted, sink, micros(now))).rowcount


def drop(
    db: sqlite3.Connection, numbers: Collection[int] | None, sink: str | None, since: datetime | None, now: datetime
) -> int:
    """Drop dead deliveries, narrowed by what is not None; return how many they are."""
    at = micros(now)
    rows = _given_up(db, numbers, sink, since)
    db.executemany(_DROP, ((at, number) for number, _, _ in rows))
    return len(rows)


def abandon(db: sqlite3.Connection, sinks: Collection[str], reason: str, now: datetime) -> int:
    """Drop all that those sinks are owed or that is held for them; return how many they are."""
    return sum(db.execute(_ABANDON, (micros(now), reason, sink)).rowcount for sink in sinks)


def _given_up(
    db: sqlite3.Connection, numbers: Collection[int] | None, sink: str | None, since: datetime | None
) -> list[Row]:
    wanted = None if numbers is None else json(sorted(numbers))
    return db.execute(_GIVEN_UP, (wanted, sink, None if since is None else micros(since))).fetchall()


def _revive(db: sqlite3.Connection, rows: Collection[Row], now: datetime) -> int:
    at = micros(now)
    db.executemany(_REVIVE, ((at, number) for number, _, _ in rows))
    rehead(db, {(sink, record) for _, sink, record in rows})
    return len(rows)


def rehead(db: sqlite3.Connection, records: Collection[tuple[str, str]]) -> None:
    """Put the first one owed at the head of each of these (sink, record).

    What is owed again, or was let go, is older than what is owed by now about the same record, and goes before it.
    """
    db.executemany(_UNHEAD, records)
    db.executemany(_HEAD, records)


def counts(db: sqlite3.Connection) -> dict[str, Counts]:
    """What each sink that has anything owed, dead or held has of it."""
    return {
        sink: Counts(owed, dead, None if oldest is None else moment(oldest), held)
        for sink, owed, dead, oldest, held in db.execute(_COUNTS)
    }


def maybe_twice(db: sqlite3.Connection, since: datetime | None = None) -> dict[str, int]:
    """How many deliveries each sink took, since then or ever, after an attempt of which no answer came."""
    return dict(db.execute(_MAYBE_TWICE, (None if since is None else micros(since),)).fetchall())


def told(db: sqlite3.Connection, names: Collection[str]) -> dict[tuple[str, str], int]:
    """The number of each delivery of events of those ids, by event id and sink, whatever became of it."""
    return {(name, sink): number for name, sink, number in db.execute(_TOLD, (json(list(names)),))}
