"""What was seen over time, for looking back: every version of a record, and everything as it was or as it came."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import datetime

from watcher.model import SourceName, Version
from watcher.store import forms
from watcher.store.forms import Row, micros

_OF_RECORD = """
SELECT v.key, v.version, v.seen_at, v.fingerprint, v.reached, v.removed, v.absences, v.body
FROM sources s CROSS JOIN versions v ON v.source = s.id
WHERE s.account = ? AND s.stream = ? AND s.partition = ? AND v.key = ? ORDER BY v.version
"""
# By time and then as they were written: read off the index, so that nothing is sorted, in memory or in a file.
_SINCE = """
SELECT s.account, s.stream, s.partition,
  v.key, v.version, v.seen_at, v.fingerprint, v.reached, v.removed, v.absences, v.body
FROM versions v CROSS JOIN sources s ON s.id = v.source
WHERE v.seen_at >= ? ORDER BY v.seen_at, v.rowid
"""
# From each record's newest version back to the first that is old enough: of the others no body is read.
_BEFORE = """
SELECT s.account, s.stream, s.partition,
  v.key, v.version, v.seen_at, v.fingerprint, v.reached, v.removed, v.absences, v.body
FROM sources s CROSS JOIN records r ON r.source = s.id
CROSS JOIN versions v ON v.source = r.source AND v.key = r.key AND v.version = (
  SELECT w.version FROM versions w WHERE w.source = r.source AND w.key = r.key AND w.seen_at < ?
  ORDER BY w.version DESC LIMIT 1
)
"""


def of_record(db: sqlite3.Connection, source: SourceName, key: str) -> list[Version]:
    """Every version of a record, from the first."""
    return list(map(forms.version, db.execute(_OF_RECORD, (source.account, source.stream, source.partition, key))))


def since(db: sqlite3.Connection, moment: datetime) -> Iterator[tuple[SourceName, Version]]:
    """The versions that were first seen then or later, in that order, one after the other as they are asked for."""
    return map(_sourced, db.execute(_SINCE, (micros(moment),)))


def before(db: sqlite3.Connection, moment: datetime) -> Iterator[tuple[SourceName, Version]]:
    """The last version of each record that was seen before then, removed ones too."""
    return map(_sourced, db.execute(_BEFORE, (micros(moment),)))


def _sourced(row: Row) -> tuple[SourceName, Version]:
    return SourceName(*row[:3]), forms.version(row[3:])
