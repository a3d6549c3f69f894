"""Writing a plan, inside the transaction that the caller has begun."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import replace

from watcher.model import Plan, SourceName, SourceState, Version
from watcher.store import alarms, expire, holding, polls
from watcher.store.forms import Row, json, micros

_ADD_SOURCE = "INSERT INTO sources (account, stream, partition) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_SOURCE = "SELECT id FROM sources WHERE account = ? AND stream = ? AND partition = ?"
_STATE = "UPDATE sources SET state = ? WHERE id = ?"
_STATE_OF = """
INSERT INTO sources (account, stream, partition, state) VALUES (?, ?, ?, ?)
ON CONFLICT (account, stream, partition) DO UPDATE SET state = excluded.state
"""

# Plain: a second version of one number was made by somebody who did not know of the first, and must not replace it.
_VERSION = """
INSERT INTO versions (source, key, version, seen_at, fingerprint, reached, removed, absences, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_RECORD = """
INSERT INTO records (source, key, version, seen_at, fingerprint, reached, removed, absences, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (source, key) DO UPDATE SET
  version = excluded.version, seen_at = excluded.seen_at, fingerprint = excluded.fingerprint,
  reached = excluded.reached, removed = excluded.removed, absences = excluded.absences, body = excluded.body
"""
_ABSENCES = "UPDATE records SET absences = ? WHERE source = ? AND key = ?"
_UNREAD = """
INSERT INTO unread (source, fingerprint, key, reason, seen_at, met_at) VALUES (?1, ?2, ?3, ?4, ?5, ?5)
ON CONFLICT (source, fingerprint) DO UPDATE SET met_at = excluded.met_at
"""

# Not by ON CONFLICT DO NOTHING: that would use up a number for each event, or message, that is there already.
_EVENT = """
INSERT INTO events (id, type, source, subject, time, recorded_at, data)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE NOT EXISTS (SELECT 1 FROM events WHERE id = ?1)
"""
# The outer join: an unknown event gives null, which the table refuses, where an inner one would silently owe nothing.
_OWED = """
INSERT INTO deliveries
  (event, sink, rule, record, state, head, due_at, owed_at, released_at, settled_at, reason, bundle)
SELECT e.sequence, ?2, ?3, e.source || '#' || e.subject, ?4,
  ?4 = 'owed' AND NOT EXISTS (
    SELECT 1 FROM deliveries d
    WHERE d.sink = ?2 AND d.record = e.source || '#' || e.subject AND d.state = 'owed'
  ),
  ?5, ?5, ?5, iif(?4 IN ('silenced', 'dropped'), ?5, NULL), ?6, ?7
FROM (SELECT 1) LEFT JOIN events e ON e.id = ?1
WHERE NOT EXISTS (SELECT 1 FROM deliveries WHERE event = e.sequence AND sink = ?2)
"""

_LEAVE = "DELETE FROM conditions WHERE type = ? AND subject = ?"
_ENTER = """
INSERT INTO conditions (type, subject, since, detail) VALUES (?, ?, ?, ?)
ON CONFLICT (type, subject) DO UPDATE SET detail = excluded.detail
"""


def write(db: sqlite3.Connection, plan: Plan) -> None:
    """Write all that the plan wants. Raises ValueError for a plan that writes of a source and does not name it."""
    if plan.source is not None:
        _write_source(db, plan, plan.source)
    elif plan.state or plan.versions or plan.refreshed or plan.absences or plan.unread or plan.tally:
        raise ValueError("a plan that writes of a source has to name it")
    _write_events(db, plan)
    if plan.released:
        holding.release(db, plan.released, plan.at)  # after the events: the summary that tells them may be one of these
    if plan.disarmed or plan.armed:
        alarms.disarm(db, plan.disarmed)
        alarms.arm(db, plan.armed)  # after: an alarm in both is one that is moved
    if plan.left or plan.entered:
        _write_conditions(db, plan)


def is_quiet(plan: Plan, last: SourceState | None) -> bool:
    """Whether all that a plan wants written is when its source was read, and that it was counted."""
    if last is None or plan.state is None or plan.tally is not None:
        return False
    now = plan.state
    if last.next_full_at and not now.next_full_at:  # somebody asked for a full read: not to be forgotten
        return False
    if replace(last, read_at=now.read_at, full_at=now.full_at, next_full_at=now.next_full_at, tally=now.tally) != now:
        return False
    source = plan.versions or plan.refreshed or plan.absences or plan.erased or plan.unread
    return not (
        source or plan.events or plan.owed or plan.armed or plan.disarmed or plan.released or plan.entered or plan.left
    )


def write_states(db: sqlite3.Connection, states: Mapping[SourceName, SourceState]) -> None:
    """Write what is remembered of some sources, and nothing else."""
    rows = ((name.account, name.stream, name.partition, json(state)) for name, state in states.items())
    db.executemany(_STATE_OF, rows)


def _write_source(db: sqlite3.Connection, plan: Plan, source: SourceName) -> None:
    name = (source.account, source.stream, source.partition)
    db.execute(_ADD_SOURCE, name)
    (number,) = db.execute(_SOURCE, name).fetchone()
    if plan.state is not None:
        db.execute(_STATE, (json(plan.state), number))
    if plan.tally is not None:
        polls.keep(db, number, plan.tally)
    if plan.versions:
        rows = list(_rows(number, plan.versions))
        db.executemany(_VERSION, rows)
        db.executemany(_RECORD, rows)
    if plan.refreshed:
        db.executemany(_RECORD, _rows(number, plan.refreshed))
    if plan.erased:
        expire.forget(db, source, number, plan.erased)
    if plan.absences:
        db.executemany(_ABSENCES, ((count, number, key) for key, count in plan.absences.items()))
    if plan.unread:
        at = micros(plan.at)
        db.executemany(_UNREAD, ((number, bad.fingerprint, bad.key, bad.reason, at) for bad in plan.unread))


def _rows(source: int, versions: Iterable[Version]) -> Iterable[Row]:
    for version in versions:
        yield (
            source,
            version.key,
            version.version,
            micros(version.seen_at),
            version.fingerprint,
            json(sorted(version.reached)),
            version.removed,
            version.absences,
            json(version.body),
        )


def _write_events(db: sqlite3.Connection, plan: Plan) -> None:
    if not plan.events and not plan.owed:
        return
    db.executemany(
        _EVENT,
        (
            (
                event.id,
                event.type,
                event.source,
                event.subject,
                micros(event.time),
                micros(event.recorded_at),
                json(event.data),
            )
            for event in plan.events
        ),
    )
    at = micros(plan.at)
    db.executemany(
        _OWED,
        ((owed.event_id, owed.sink, owed.rule, owed.fate, at, owed.why, owed.bundle) for owed in plan.owed),
    )


def _write_conditions(db: sqlite3.Connection, plan: Plan) -> None:
    """Leave, then enter: a condition in both is a new one of its kind."""
    db.executemany(_LEAVE, plan.left)
    db.executemany(
        _ENTER,
        ((trouble.type, trouble.subject, micros(trouble.since), trouble.detail) for trouble in plan.entered),
    )
