"""The alarms: armed, disarmed, and asked for by the tick."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import datetime

from watcher.model import Alarm
from watcher.store import forms
from watcher.store.forms import json, micros

_ARM = """
INSERT INTO alarms (kind, source, key, name, due_at, data) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (kind, source, key, name) DO UPDATE SET due_at = excluded.due_at, data = excluded.data
"""
# Somebody may have put another one into the bundle since it was decided what is released of it: that one would wait
# for ever.
_DISARM = """
DELETE FROM alarms WHERE kind = ?1 AND source = ?2 AND key = ?3 AND name = ?4 AND NOT (
  kind = 'release'
  AND EXISTS (SELECT 1 FROM deliveries WHERE state = 'held' AND sink = ?2 AND bundle = ?3 AND rule = ?4)
)
"""
# Of the columns that are not grouped by, SQLite takes the row that `min` found.
_HEAL = """
INSERT INTO alarms (kind, source, key, name, due_at, data)
SELECT 'release', sink, bundle, rule, ?, json_object('why', reason) FROM (
  SELECT sink, rule, bundle, reason, min(number) FROM deliveries WHERE state = 'held' GROUP BY sink, rule, bundle
) WHERE true
ON CONFLICT DO NOTHING
"""
_RINGING = """
SELECT kind, source, key, name, due_at, data FROM alarms
WHERE due_at <= ? ORDER BY due_at, kind, source, key, name LIMIT ?
"""


def arm(db: sqlite3.Connection, alarms: Iterable[Alarm]) -> None:
    """Arm them; one that is armed already is moved."""
    db.executemany(
        _ARM,
        ((alarm.kind, alarm.source, alarm.key, alarm.name, micros(alarm.due_at), json(alarm.data)) for alarm in alarms),
    )


def disarm(db: sqlite3.Connection, alarms: Iterable[Alarm]) -> None:
    """Disarm them; one of kind `release` only when nothing waits for it."""
    db.executemany(_DISARM, ((alarm.kind, alarm.source, alarm.key, alarm.name) for alarm in alarms))


def heal(db: sqlite3.Connection, now: datetime) -> int:
    """Arm a release, due now, for each bundle that has something held and none armed; return how many.

    Its data has the reason for which the first one of the bundle is held, as `why`.
    """
    return db.execute(_HEAL, (micros(now),)).rowcount


def ringing(db: sqlite3.Connection, now: datetime, limit: int) -> list[Alarm]:
    """Alarms that are due, earliest first."""
    return list(map(forms.alarm, db.execute(_RINGING, (micros(now), limit))))


def next_ring(db: sqlite3.Connection) -> datetime | None:
    """When the next alarm falls due; None when none is armed."""
    (due_at,) = db.execute("SELECT min(due_at) FROM alarms").fetchone()
    return None if due_at is None else forms.moment(due_at)
