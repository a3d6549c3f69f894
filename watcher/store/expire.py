"""Letting go of what is personal: of one record's rows, and of whatever has had its time, a slice at a time.

A slice is one short transaction. It begins where the one before ended, which the store remembers, so each row is gone
through once. Ids, codes, dates and amounts stay.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple

from watcher.model import SourceName
from watcher.privacy import STARS
from watcher.store.forms import json, mapping, micros
from watcher.streams import STREAMS
from watcher.streams.stream import Stream
from watcher.veil import Act, Whose, gone, veiled, veiled_event

AT_ONCE = 200
"""Rows gone through in one slice."""

Change = Callable[[dict[str, Any]], Mapping[str, Any]]

Table = Literal["records", "versions", "events"]

_THEIR_RECORDS = "source IN (SELECT id FROM sources WHERE stream = ?)"
_NAMES = "SELECT account, stream, partition FROM sources WHERE stream = ? AND id IN"
_THEIR_EVENTS = "instr(source, '/' || ? || '/') > 0"
_OLDER = "SELECT rowid, body FROM versions WHERE source = ? AND key = ? AND version <= ?"
_BODY = "SELECT rowid, body FROM records WHERE source = ? AND key = ? AND version <= ?"
_OF_RECORD = "SELECT sequence, data FROM events WHERE source = ? AND subject = ?"

_TOLD_OF = """
SELECT d.number FROM events e CROSS JOIN deliveries d ON d.event = e.sequence
WHERE e.source = ? AND e.subject = ? AND (
  d.answer <> '' OR d.note <> '' OR (d.attempts > 0 AND d.reason NOT IN ('', 'expired'))
  OR instr(d.bundle, 'record.') > 0
  OR EXISTS (SELECT 1 FROM attempts WHERE delivery = d.number AND reason <> '')
)
"""

_UNTIL = "SELECT until, number FROM expired WHERE what = ? AND stream = ?"
_MOVE = (
    "INSERT INTO expired VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET until = excluded.until, number = excluded.number"
)
_VERSIONS = """
SELECT v.seen_at, v.rowid, s.stream, v.source, v.key, v.version, r.version, r.removed, r.reached
FROM versions v CROSS JOIN sources s ON s.id = v.source CROSS JOIN records r ON r.source = v.source AND r.key = v.key
WHERE (v.seen_at, v.rowid) > (?, ?) AND v.seen_at < ? ORDER BY v.seen_at, v.rowid LIMIT ?
"""
_EVENTS = """
SELECT recorded_at, sequence, source, type FROM events
WHERE (recorded_at, sequence) > (?, ?) AND recorded_at < ? ORDER BY recorded_at, sequence LIMIT ?
"""
# To be told yet: itself, or in a summary.
_PENDING = """
SELECT 1 FROM deliveries d WHERE d.event = ? AND (
  d.state IN ('owed', 'held') OR (d.told_in <> '' AND EXISTS (
    SELECT 1 FROM events e JOIN deliveries s ON s.event = e.sequence AND s.sink = d.sink
    WHERE e.id = d.told_in AND s.state IN ('owed', 'held')
  ))
) LIMIT 1
"""
_LINGER = "INSERT INTO lingering VALUES (?) ON CONFLICT DO NOTHING"
_LINGERING = """
SELECT e.sequence, e.source, e.type FROM lingering l JOIN events e ON e.sequence = l.event WHERE l.event > ?
ORDER BY l.event LIMIT ?
"""
_SAID = """
SELECT number, record FROM deliveries WHERE sink = ? AND settled_at < ? AND settled_at IS NOT NULL AND (
  answer <> '' OR note <> '' OR (attempts > 0 AND reason NOT IN ('', 'expired')) OR instr(bundle, 'record.') > 0
) LIMIT ?
"""
_SAYING = """
SELECT DISTINCT sink FROM deliveries WHERE settled_at IS NOT NULL AND (
  answer <> '' OR note <> '' OR (attempts > 0 AND reason NOT IN ('', 'expired')) OR instr(bundle, 'record.') > 0
)
"""
_HUSH = """
UPDATE deliveries SET answer = '', note = '', reason = iif(attempts > 0 AND reason <> '', 'expired', reason),
  bundle = iif(instr(bundle, 'record.') > 0, '***', bundle) WHERE number = ?
"""
_UNTHREAD = """
DELETE FROM threads WHERE sink = ?1 AND record = ?2 AND NOT EXISTS (
  SELECT 1 FROM events e CROSS JOIN deliveries d ON d.event = e.sequence AND d.sink = ?1
  WHERE e.source = ?3 AND e.subject = ?4 AND (d.settled_at IS NULL OR d.settled_at >= ?5)
)
"""


class Slice(NamedTuple):
    """How many rows were changed, and whether there are more to go through. `place` is where the next one begins."""

    changed: int
    more: bool
    place: int = 0


# ------------------------------------------------------------------------------------------------ one record's rows


def rewrite(db: sqlite3.Connection, table: str, column: str, rows: Iterable[tuple[int, str]], change: Change) -> int:
    """Change the JSON of some rows, given as rowid and text; return how many are no longer what they were."""
    changed = 0
    for number, text in list(rows):
        new = json(change(mapping(text)))
        if new != text:
            db.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (new, number))  # noqa: S608 - our own names
            changed += 1
    return changed


def veil_versions(
    db: sqlite3.Connection, source: int, key: str, until: int, stream: Stream, act: Act, whose: Whose = None
) -> Counter[str]:
    """Do so to the personal data in a record's versions up to that number, and in the record if it has one of these."""

    def change(body: dict[str, Any]) -> Mapping[str, Any]:
        return veiled(stream, body, act, whose)

    place = (source, key, until)
    return Counter(
        records=rewrite(db, "records", "body", db.execute(_BODY, place), change),
        versions=rewrite(db, "versions", "body", db.execute(_OLDER, place), change),
    )


def veil_events(db: sqlite3.Connection, source: SourceName, key: str, stream: Stream, whose: Whose = None) -> int:
    """Show the personal data in the events about a record as `***`; return in how many there was some."""
    rows = db.execute(_OF_RECORD, (f"/{source}", key))
    return rewrite(db, "events", "data", rows, lambda data: veiled_event(stream, data, whose))


def forget(db: sqlite3.Connection, source: SourceName, number: int, persons: Iterable[tuple[str, str]]) -> None:
    """Let go of what earlier versions and events have of persons whom the vendor has erased."""
    stream = STREAMS[source.stream]
    for key, whose in persons:
        (last,) = db.execute("SELECT version FROM records WHERE source = ? AND key = ?", (number, key)).fetchone()
        veil_versions(db, number, key, last - 1, stream, gone, {whose})
        veil_events(db, source, key, stream, {whose})
        hush_record(db, source, key)


def hush_record(db: sqlite3.Connection, source: SourceName, key: str) -> Counter[str]:
    """Let go of what sinks said of the messages about a record; of how many, and at how many attempts."""
    rows = db.execute(_TOLD_OF, (f"/{source}", key)).fetchall()
    return Counter(deliveries=len(rows), attempts=sum(_hush(db, number) for (number,) in rows))


def _hush(db: sqlite3.Connection, number: int) -> int:
    db.execute(_HUSH, (number,))
    return db.execute("UPDATE attempts SET reason = '' WHERE delivery = ? AND reason <> ''", (number,)).rowcount


# ------------------------------------------------------------------------------------------- a policy that is new


def sources_in(db: sqlite3.Connection, table: Table, stream: str, place: int) -> list[SourceName]:
    """Whose records `secure` would go through in that slice."""
    query = f"SELECT DISTINCT source FROM {table} WHERE rowid > ? AND rowid <= ?"  # noqa: S608 - our own names
    rows = db.execute(f"{_NAMES} ({query})", (stream, place, place + AT_ONCE))
    return [SourceName(*row) for row in rows]


def secure(db: sqlite3.Connection, table: Table, stream: str, place: int, withhold: Callable[[Any], Any]) -> Slice:
    """Do so to what is stored of a stream's records in that table, from after that row."""
    column, mine = ("data", _THEIR_EVENTS) if table == "events" else ("body", _THEIR_RECORDS)
    (last,) = db.execute(f"SELECT coalesce(max(rowid), 0) FROM {table}").fetchone()  # noqa: S608 - our own names
    query = f"SELECT rowid, {column} FROM {table} WHERE rowid > ? AND rowid <= ? AND {mine}"  # noqa: S608
    changed = rewrite(db, table, column, db.execute(query, (place, place + AT_ONCE, stream)), withhold)
    return Slice(changed, place + AT_ONCE < last, place + AT_ONCE)


# ----------------------------------------------------------------------------------------------- what had its time


def sources_expiring(db: sqlite3.Connection, stream: str, before: datetime, *, old: bool = False) -> list[SourceName]:
    """Whose records `versions` would go through next."""
    rows = _next_versions(db, "old" if old else "versions", stream, before)
    marks = ", ".join(str(number) for number in {row[3] for row in rows})
    return [SourceName(*row) for row in db.execute(f"{_NAMES} ({marks})", (stream,))]


def versions(db: sqlite3.Connection, stream: str, before: datetime, act: Act, *, old: bool = False) -> Slice:
    """Go on through the versions seen before then: those that are not the last, and the last of finished records.

    With `old` that of any record. The current state of a record is as its last version.
    """
    what = "old" if old else "versions"
    rows = _next_versions(db, what, stream, before)
    kind, changed = STREAMS[stream], 0
    for _, _, name, source, key, version, last, removed, reached in rows:
        over = old or version < last or removed or any(f'"{event}"' in reached for event in kind.finished)
        if name == stream and over:
            changed += veil_versions(db, source, key, version, kind, act).total()
    return _moved(db, what, stream, rows, changed)


def _next_versions(db: sqlite3.Connection, what: str, stream: str, before: datetime) -> list[Any]:
    return db.execute(_VERSIONS, (*_place(db, what, stream), micros(before), AT_ONCE)).fetchall()


def events(db: sqlite3.Connection, stream: str, before: datetime) -> Slice:
    """Go on through the events recorded before then; what somebody is still to be told of lingers."""
    rows = db.execute(_EVENTS, (*_place(db, "events", stream), micros(before), AT_ONCE)).fetchall()
    changed = 0
    for _, sequence, source, kind in rows:
        if not (f"/{stream}/" in source or kind == "summary"):
            continue
        if db.execute(_PENDING, (sequence,)).fetchone():
            db.execute(_LINGER, (sequence,))
        else:
            changed += _veil_event(db, sequence, source)
    return _moved(db, "events", stream, rows, changed)


def lingering(db: sqlite3.Connection, place: int) -> Slice:
    """Go through the events that lingered, from after that one: everybody was told of some by now."""
    rows = db.execute(_LINGERING, (place, AT_ONCE)).fetchall()
    changed = 0
    for sequence, source, _ in rows:
        if not db.execute(_PENDING, (sequence,)).fetchone():
            changed += _veil_event(db, sequence, source)
            db.execute("DELETE FROM lingering WHERE event = ?", (sequence,))
    return Slice(changed, len(rows) == AT_ONCE, rows[-1][0] if rows else 0)


def said(db: sqlite3.Connection, sink: str, before: datetime) -> Slice:
    """Let go of what a sink said of messages settled before then, and of threads that nothing came into since."""
    rows = db.execute(_SAID, (sink, micros(before), AT_ONCE)).fetchall()
    for number, record in rows:
        _hush(db, number)
        source, _, subject = record.partition("#")
        db.execute(_UNTHREAD, (sink, record, source, subject, micros(before)))
    return Slice(len(rows), len(rows) == AT_ONCE)


def sinks(db: sqlite3.Connection) -> list[str]:
    """The sinks that said something which is still kept."""
    return [name for (name,) in db.execute(_SAYING)]


def _veil_event(db: sqlite3.Connection, sequence: int, source: str) -> int:
    parts = source.strip("/").split("/")
    stream = STREAMS.get(parts[1]) if len(parts) > 1 else None

    def change(data: dict[str, Any]) -> Mapping[str, Any]:
        kept = veiled_event(stream, data) if stream else data
        return {**kept, "bundle": STARS} if "record." in str(kept.get("bundle")) else kept

    return rewrite(
        db, "events", "data", db.execute("SELECT sequence, data FROM events WHERE sequence = ?", (sequence,)), change
    )


def _place(db: sqlite3.Connection, what: str, stream: str) -> tuple[int, int]:
    found = db.execute(_UNTIL, (what, stream)).fetchone()
    return (found[0], found[1]) if found else (-(2**62), 0)


def _moved(db: sqlite3.Connection, what: str, stream: str, rows: list[Any], changed: int) -> Slice:
    if rows:
        db.execute(_MOVE, (what, stream, *rows[-1][:2]))
    return Slice(changed, len(rows) == AT_ONCE)
