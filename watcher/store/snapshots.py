"""Reading back what is known of the sources."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence

from watcher.model import Condition, SourceName, SourceState, Version
from watcher.store import forms
from watcher.store.known import Memory

_STATE = "SELECT state FROM sources WHERE account = ? AND stream = ? AND partition = ?"

_PRESENT = """
SELECT r.fingerprint, r.key, r.absences
FROM sources s JOIN records r ON r.source = s.id
WHERE s.account = ? AND s.stream = ? AND s.partition = ? AND r.removed = 0
"""

_VERSIONS = """
SELECT r.key, r.version, r.seen_at, r.fingerprint, r.reached, r.removed, r.absences, r.body
FROM sources s JOIN records r ON r.source = s.id
WHERE s.account = ? AND s.stream = ? AND s.partition = ? AND r.key IN
"""

# A date may be kept with who set it: as an object, of which `date` counts.
_DATED = """
SELECT s.account, s.stream, s.partition,
  r.key, r.version, r.seen_at, r.fingerprint, r.reached, r.removed, r.absences, r.body
FROM sources s CROSS JOIN records r ON r.source = s.id
WHERE s.stream = ?1 AND r.removed = 0
  AND json_extract(r.body, iif(json_type(r.body, ?2) = 'object', ?2 || '.date', ?2)) IS NOT NULL
"""
_FIELD = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*")

_CONDITIONS = """
SELECT type, subject, since, detail FROM conditions WHERE ?1 IS NULL OR subject = ?1 ORDER BY since, type, subject
"""

_AT_ONCE = 500
"""Ids asked for in one statement; SQLite takes at least 999 values in one."""


def state(db: sqlite3.Connection, source: SourceName) -> SourceState:
    """What is remembered of a source; the empty state for one never polled."""
    row = db.execute(_STATE, (source.account, source.stream, source.partition)).fetchone()
    return forms.state(row[0]) if row else SourceState()


def present(db: sqlite3.Connection, source: SourceName) -> Memory:
    """What is kept in memory of a source."""
    return Memory(db.execute(_PRESENT, (source.account, source.stream, source.partition)))


def versions(db: sqlite3.Connection, source: SourceName, keys: Sequence[str]) -> dict[str, Version]:
    """The last versions of those records, by id."""
    return {found.key: found for found in _versions(db, source, keys)}


def _versions(db: sqlite3.Connection, source: SourceName, keys: Sequence[str]) -> Iterator[Version]:
    for start in range(0, len(keys), _AT_ONCE):
        some = keys[start : start + _AT_ONCE]
        marks = ", ".join("?" * len(some))
        rows = db.execute(f"{_VERSIONS} ({marks})", (source.account, source.stream, source.partition, *some))
        yield from map(forms.version, rows)


def path(field: str) -> str:
    """The path of a field as SQLite writes it; raises ValueError for what is no plain path of names."""
    if not _FIELD.fullmatch(field):
        raise ValueError(f"{field!r} is no field: write a name, or names with dots between, e.g. assigned.date")
    return f"$.{field}"


def dated(db: sqlite3.Connection, stream: str, path: str) -> dict[SourceName, list[Version]]:
    """The present records of a stream that have something at that path, by source."""
    found: dict[SourceName, list[Version]] = {}
    for row in db.execute(_DATED, (stream, path)):
        found.setdefault(SourceName(*row[:3]), []).append(forms.version(row[3:]))
    return found


def conditions(db: sqlite3.Connection, subject: str | None) -> tuple[Condition, ...]:
    """The troubles that last, of one subject or of all, longest first."""
    return tuple(map(forms.condition, db.execute(_CONDITIONS, (subject,))))
