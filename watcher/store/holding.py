"""Deliveries that are held back: those that wait in a bundle, those that a silence took, and their release.

A bundle is named by sink, rule and a name of its own. What waits in it is in nobody's way; released it takes the place
in the order that its number gives it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from watcher.model import Held, Release
from watcher.store.forms import Row, json, mapping, micros, moment
from watcher.store.outbox import rehead

_HELD = """
SELECT d.number, d.sink, d.rule, e.id, e.type, d.owed_at FROM deliveries d CROSS JOIN events e ON e.sequence = d.event
WHERE d.state = 'held' AND d.sink = ? AND d.rule = ? AND d.bundle = ? ORDER BY d.number
"""
_SILENCED = """
SELECT d.number, d.sink, d.rule, e.id, e.type, d.owed_at FROM deliveries d CROSS JOIN events e ON e.sequence = d.event
WHERE d.state = 'silenced' AND d.bundle = ? AND d.told_in = '' ORDER BY d.number
"""
# Of the columns that are not grouped by, SQLite takes the row that `min` found.
_WAITING = """
SELECT sink, rule, bundle, count(*), owed_at, reason, min(number) FROM deliveries WHERE state = 'held'
GROUP BY sink, rule, bundle ORDER BY sink, rule, bundle
"""
_BUNDLES = """
SELECT source, name, key, due_at, data, (
  SELECT count(*) FROM deliveries WHERE state = 'held' AND sink = a.source AND rule = a.name AND bundle = a.key
) FROM alarms a WHERE kind = 'release' ORDER BY source, name, key
"""
_RECENT = """
SELECT rule, sink, released_at FROM deliveries
WHERE released_at >= ? AND state IN ('owed', 'delivered', 'dead') ORDER BY released_at, number
"""

_OWE = """
UPDATE deliveries SET state = 'owed', due_at = ?2, released_at = ?2, reason = ''
WHERE number IN (SELECT value FROM json_each(?1)) AND state = 'held'
RETURNING sink, record
"""
# Told in an event that is not there gives null, which the table refuses.
_FOLD = """
UPDATE deliveries SET state = 'summed', settled_at = ?2, told_in = (SELECT id FROM events WHERE id = ?3)
WHERE number IN (SELECT value FROM json_each(?1)) AND state = 'held'
"""
_TELL = """
UPDATE deliveries SET told_in = (SELECT id FROM events WHERE id = ?2)
WHERE number IN (SELECT value FROM json_each(?1)) AND state = 'silenced' AND told_in = ''
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A bundle that has deliveries held: how many, since when the first of them, and why it is."""

    sink: str
    rule: str
    bundle: str
    count: int
    since: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle whose release is armed: until when and why it waits (the alarm's `why`), how many are held in it now."""

    sink: str
    rule: str
    bundle: str
    due_at: datetime
    why: str
    count: int


class Recent(NamedTuple):
    """A message that was sent, or is to be, and since when it may be."""

    rule: str
    sink: str
    at: datetime


def held(db: sqlite3.Connection, sink: str, rule: str, bundle: str) -> list[Held]:
    """What waits in a bundle, by number."""
    return list(map(_held, db.execute(_HELD, (sink, rule, bundle))))


def silenced(db: sqlite3.Connection, bundle: str) -> list[Held]:
    """What a silence took and no summary has told yet, by number."""
    return list(map(_held, db.execute(_SILENCED, (bundle,))))


def _held(row: Row) -> Held:
    number, sink, rule, event_id, kind, owed_at = row
    return Held(number, sink, rule, event_id, kind, moment(owed_at))


def waiting(db: sqlite3.Connection) -> list[Waiting]:
    """The bundles that have something held, by name."""
    return [
        Waiting(sink, rule, bundle, count, moment(since), why)
        for sink, rule, bundle, count, since, why, _ in db.execute(_WAITING)
    ]


def bundles(db: sqlite3.Connection) -> list[Bundle]:
    """The bundles whose release is armed, by name, also those that nothing waits in yet."""
    return [
        Bundle(sink, rule, bundle, moment(due_at), str(mapping(data).get("why", "")), count)
        for sink, rule, bundle, due_at, data, count in db.execute(_BUNDLES)
    ]


def recent(db: sqlite3.Connection, since: datetime) -> list[Recent]:
    """The messages that may be sent since then or later, earliest first; those that may not be are left out."""
    return [Recent(rule, sink, moment(at)) for rule, sink, at in db.execute(_RECENT, (micros(since),))]


def release(db: sqlite3.Connection, releases: Iterable[Release], at: datetime) -> None:
    """Owe what waited, or write down in which summary it was told; numbers that do not wait are passed over."""
    now = micros(at)
    for numbers, told_in in ((json(sorted(release.numbers)), release.told_in) for release in releases):
        if told_in:
            db.execute(_FOLD, (numbers, now, told_in))
            db.execute(_TELL, (numbers, told_in))
        else:
            rehead(db, set(db.execute(_OWE, (numbers, now)).fetchall()))
