"""The events, looked up by their ids, by the summary that told them, by what they are about."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any

from watcher.model import Event
from watcher.store import forms
from watcher.store.forms import json, micros

_EVENTS = "SELECT e.sequence, e.id, e.type, e.source, e.subject, e.time, e.recorded_at, e.data FROM events e"
_THOSE = """
SELECT e.sequence, e.id, e.type, e.source, e.subject, e.time, e.recorded_at, e.data FROM events e
WHERE e.id IN (SELECT value FROM json_each(?)) ORDER BY e.sequence
"""
_SINCE = f"{_EVENTS} WHERE e.recorded_at >= ? ORDER BY e.recorded_at, e.sequence"
_MEMBERS = """
SELECT e.sequence, e.id, e.type, e.source, e.subject, e.time, e.recorded_at, e.data
FROM deliveries d CROSS JOIN events e ON e.sequence = d.event
WHERE d.told_in <> '' AND d.told_in = ? AND d.sink = ? ORDER BY d.event LIMIT ?
"""

# The times are looked at in their index, which says with which number they begin; the clock may have been set back, so
# each time is looked at as well. The pluses keep SQLite from going through the numbers from the first one on instead.
_FROM = """
e.sequence >= (SELECT min(+sequence) FROM events WHERE recorded_at >= ?) AND e.recorded_at >= ? AND +e.sequence > ?
"""


def one(db: sqlite3.Connection, name: str) -> Event | None:
    """The event of that id."""
    row = db.execute(f"{_EVENTS} WHERE e.id = ?", (name,)).fetchone()
    return forms.event(row) if row else None


def some(db: sqlite3.Connection, names: Collection[str]) -> list[Event]:
    """The events of those ids, by sequence; ids that are not there are left out."""
    return list(map(forms.event, db.execute(_THOSE, (json(list(names)),))))


def members(db: sqlite3.Connection, summary: str, sink: str, limit: int) -> tuple[Event, ...]:
    """The first of the events that a summary told that sink of."""
    return tuple(map(forms.event, db.execute(_MEMBERS, (summary, sink, limit))))


def since(db: sqlite3.Connection, moment: datetime) -> Iterator[Event]:
    """All that were recorded since then, in the order of that, one after the other as they are asked for."""
    return map(forms.event, db.execute(_SINCE, (micros(moment),)))


def chosen(db: sqlite3.Connection, clauses: Mapping[str, tuple[Any, ...]], limit: int, *, newest: bool) -> list[Event]:
    """The first events that meet every clause (see below), or the newest; in order either way."""
    order = f"ORDER BY e.sequence {'DESC' if newest else 'ASC'} LIMIT ?"
    values = [value for some in clauses.values() for value in some]
    found = list(map(forms.event, db.execute(f"{_EVENTS} WHERE {' AND '.join(clauses)} {order}", (*values, limit))))
    return found[::-1] if newest else found


def clauses(
    since_sequence: int, types: Collection[str], record: str | None, told_in: str | None, moment: datetime | None
) -> dict[str, tuple[Any, ...]]:
    """What events are narrowed by, with the values of its marks."""
    found: dict[str, tuple[Any, ...]] = {}
    if moment is None:
        found["e.sequence > ?"] = (since_sequence,)
    else:
        found[_FROM] = (micros(moment), micros(moment), since_sequence)
    if types:
        found["EXISTS (SELECT 1 FROM json_each(?) WHERE e.type GLOB value)"] = (json(list(types)),)
    if record is not None:
        source, _, subject = record.partition("#")
        found["e.source = ? AND e.subject = ?"] = (source, subject)
    if told_in is not None:
        found["e.sequence IN (SELECT event FROM deliveries WHERE told_in <> '' AND told_in = ?)"] = (told_in,)
    return found
