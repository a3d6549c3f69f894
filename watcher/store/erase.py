"""Erasing one person: where he is found, the rows about him, his traces in all others, the receipt, the file.

Each function is one short step in the caller's transaction. What is done to a row twice changes it once, so an erasure
that was cut off is simply asked for again.
"""

from __future__ import annotations

import json as plain_json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, TypeVar

from watcher.erasure import Traces, Wanted, meant, people
from watcher.model import SourceName, stamp
from watcher.store.expire import AT_ONCE, Table, hush_record, rewrite, veil_events, veil_versions
from watcher.store.forms import json, mapping, micros, moment
from watcher.store.worker import Work
from watcher.streams import STREAMS
from watcher.veil import gone

T = TypeVar("T")

_ALL = 2**62
_RULED = frozenset({"rule", "event", "field", "date", "why"})
"""What alarms carry for the program itself."""

_ROWS = """
SELECT s.account, s.stream, s.partition, t.source, t.key, t.body FROM {table} t JOIN sources s ON s.id = t.source
WHERE t.rowid > ? AND t.rowid <= ?
"""
_BODIES = """
SELECT r.body FROM records r WHERE r.source = ?1 AND r.key = ?2
UNION ALL SELECT v.body FROM versions v WHERE v.source = ?1 AND v.key = ?2
"""
_DROP = """
UPDATE deliveries SET state = 'dropped', head = 0, settled_at = ?, reason = 'erased' WHERE state IN ('owed', 'held')
  AND event IN (SELECT sequence FROM events WHERE source = ? AND subject = ?)
"""
_TOLD = """
SELECT d.sink, count(*), min(d.settled_at), max(d.settled_at)
FROM events e CROSS JOIN deliveries d ON d.event = e.sequence
WHERE e.source = ? AND e.subject = ? AND (d.state IN ('delivered', 'summed') OR d.unanswered > 0) GROUP BY d.sink
"""
_WEAK = {
    "conditions": ("detail",),
    "paused": ("reason",),
    "silences": ("matchers", "comment", "author"),
    "sources": ("state",),
    "threads": ("thread",),
    "unread": ("reason",),
}
"""Our own short texts, in which a mere name is taken out too: nothing but a word of an explanation is lost."""

_BY_HAND = (
    "records",
    "versions",
    "events",
    "deliveries",
    "attempts",
    "alarms",
    "meta",
    "erasures",
    "lingering",
    "expired",
)


class Person(NamedTuple):
    """Somebody in a record: the source, its number, the record's id, and his places in it."""

    source: SourceName
    number: int
    key: str
    whose: frozenset[str] | None

    @property
    def alone(self) -> bool:
        """Whether the record itself is about him, so that its messages are."""
        return self.whose is None or "" in self.whose


class Told(NamedTuple):
    """How many messages about somebody a sink took, when the first and when the last."""

    sink: str
    messages: int
    first: datetime | None
    last: datetime | None


def rehearsed(db: sqlite3.Connection, before: Work[Any], work: Work[T]) -> T:
    """What the work would come to, after what goes before it; nothing of either stays."""
    db.execute("SAVEPOINT rehearsal")
    try:
        before(db)
        return work(db)
    finally:
        db.execute("ROLLBACK TO rehearsal")
        db.execute("RELEASE rehearsal")


def last_row(db: sqlite3.Connection, table: str) -> int:
    """The greatest rowid of a table; 0 when it is empty."""
    (last,) = db.execute(f"SELECT coalesce(max(rowid), 0) FROM {table}").fetchone()  # noqa: S608 - our own names
    return int(last)


# --------------------------------------------------------------------------------------------------------- finding


def find(db: sqlite3.Connection, table: Table, place: int, wanted: Wanted) -> list[Person]:
    """Where that person is among the records or versions of a slice."""
    rows = db.execute(_ROWS.format(table=table), (place, place + AT_ONCE))
    found = []
    for account, stream, partition, number, key, body in rows:
        if stream in STREAMS and (whose := meant(STREAMS[stream], mapping(body), wanted)):
            found.append(Person(SourceName(account, stream, partition), number, key, whose))
    return found


def named(db: sqlite3.Connection, where: str, key: str) -> list[Person]:
    """The records of that id in a stream or a source, as persons: everybody in them."""
    rows = db.execute(
        "SELECT s.account, s.stream, s.partition, s.id FROM records r JOIN sources s ON s.id = r.source "
        "WHERE r.key = ?",
        (key,),
    )
    sources = [(SourceName(*row[:3]), row[3]) for row in rows]
    return [Person(name, number, key, None) for name, number in sources if where in (str(name), name.stream)]


def known(db: sqlite3.Connection, person: Person) -> list[Mapping[str, Any]]:
    """What is stored of somebody in his record, in each of the forms it had, newest first."""
    stream = STREAMS[person.source.stream]
    forms: list[Mapping[str, Any]] = []
    for (body,) in db.execute(_BODIES, (person.number, person.key)):
        for whose, fields in people(stream, mapping(body)):
            if _is_his(person, whose, fields) and fields not in forms:
                forms.append(fields)
    return forms


def _is_his(person: Person, whose: str, fields: Mapping[str, Any]) -> bool:
    if person.whose is None:
        return whose == "" or "[" in whose
    return whose in person.whose and bool(fields)


# ------------------------------------------------------------------------------------------------ the rows about him


def erase_persons(db: sqlite3.Connection, persons: Iterable[Person], now: datetime) -> Counter[str]:
    """Erase them from their records' rows; how many rows that changed by table, and how many messages were dropped."""
    return sum((_erase(db, person, now) for person in persons), Counter())


def _erase(db: sqlite3.Connection, person: Person, now: datetime) -> Counter[str]:
    source, stream, whose = person.source, STREAMS[person.source.stream], person.whose
    changed = veil_versions(db, person.number, person.key, _ALL, stream, gone, whose)
    changed["events"] += veil_events(db, source, person.key, stream, whose)
    changed += hush_record(db, source, person.key)
    if person.alone:
        changed["dropped"] += db.execute(_DROP, (micros(now), f"/{source}", person.key)).rowcount
        changed["threads"] += db.execute("DELETE FROM threads WHERE record = ?", (f"/{source}#{person.key}",)).rowcount
    return changed


def told(db: sqlite3.Connection, person: Person) -> list[Told]:
    """The sinks that were told of his record, and when."""
    rows = db.execute(_TOLD, (f"/{person.source}", person.key))
    return [Told(sink, count, _moment(first), _moment(last)) for sink, count, first, last in rows]


def _moment(count: int | None) -> datetime | None:
    return None if count is None else moment(count)


# ------------------------------------------------------------------------------------------------ his traces elsewhere


def clean_slice(db: sqlite3.Connection, table: str, place: int, traces: Traces) -> Counter[str]:
    """Take his traces out of a slice of a large table."""
    window = (place, place + AT_ONCE)
    match table:
        case "records" | "versions":
            return Counter({table: _spoil(db, table, window, traces)})
        case "events":
            return Counter(events=_clean_events(db, window, traces))
        case _:
            return _clean_deliveries(db, window, traces)


def _spoil(db: sqlite3.Connection, table: str, window: tuple[int, int], traces: Traces) -> int:
    rows = db.execute(f"SELECT rowid, body FROM {table} WHERE rowid > ? AND rowid <= ?", window)  # noqa: S608
    suspect = [(number, body) for number, body in rows if traces.strong and traces.strong.search(body)]
    return rewrite(db, table, "body", suspect, traces.spoiled)


def _clean_events(db: sqlite3.Connection, window: tuple[int, int], traces: Traces) -> int:
    rows = db.execute("SELECT sequence, data FROM events WHERE sequence > ? AND sequence <= ?", window)
    suspect = [(number, data) for number, data in rows if traces.weak and traces.weak.search(data)]

    def change(data: dict[str, Any]) -> Mapping[str, Any]:
        kept: dict[str, Any] = _cleaned(data, traces)
        if "bundle" in kept:  # made of the values that a group goes by
            kept["bundle"] = traces.clean(str(kept["bundle"]), weak=True)
        return kept

    return rewrite(db, "events", "data", suspect, change)


def _cleaned(value: Any, traces: Traces, *, weak: bool = False) -> Any:
    if isinstance(value, dict):
        return {name: _cleaned(inner, traces, weak=weak) for name, inner in value.items()}
    if isinstance(value, list):
        return [_cleaned(inner, traces, weak=weak) for inner in value]
    return traces.clean(value, weak=weak) if isinstance(value, str) else value


def _clean_deliveries(db: sqlite3.Connection, window: tuple[int, int], traces: Traces) -> Counter[str]:
    clean = partial(traces.clean, weak=True)
    changed: Counter[str] = Counter()
    rows = db.execute(
        "SELECT number, reason, answer, note, bundle FROM deliveries WHERE number > ? AND number <= ?", window
    )
    for number, *texts in rows.fetchall():
        new = list(map(clean, texts))
        if new != texts:
            db.execute(
                "UPDATE deliveries SET reason = ?, answer = ?, note = ?, bundle = ? WHERE number = ?", (*new, number)
            )
            changed["deliveries"] += 1
    tries = db.execute("SELECT delivery, n, reason FROM attempts WHERE delivery > ? AND delivery <= ?", window)
    for number, n, reason in tries.fetchall():
        if clean(reason) != reason:
            db.execute("UPDATE attempts SET reason = ? WHERE delivery = ? AND n = ?", (clean(reason), number, n))
            changed["attempts"] += 1
    return changed


def clean_rest(db: sqlite3.Connection, traces: Traces) -> Counter[str]:
    """Take his traces out of all other tables, also those that a later version adds: they are small."""
    changed = Counter(alarms=_clean_alarms(db, traces))
    db.create_function("weakly", 1, partial(traces.clean, weak=True), deterministic=True)
    db.create_function("strongly", 1, traces.clean, deterministic=True)
    for table, column in _text_columns(db):
        how = "weakly" if column in _WEAK.get(table, ()) else "strongly"
        query = f"UPDATE {table} SET {column} = {how}({column}) WHERE {column} <> {how}({column})"  # noqa: S608
        changed[table] += db.execute(query).rowcount
    notes = "UPDATE meta SET value = strongly(value) WHERE key GLOB 'note/*' AND value <> strongly(value)"
    changed["notes"] += db.execute(notes).rowcount
    return +changed


def _text_columns(db: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    """The columns that hold text, and are not what a row is known by, of the tables without a way of their own."""
    tables = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB 'sqlite_*'").fetchall()
    for (table,) in tables:
        columns = db.execute(f"PRAGMA table_info({table})").fetchall()
        if table not in _BY_HAND:
            yield from ((table, name) for _, name, kind, _, _, key in columns if kind == "TEXT" and not key)


def _clean_alarms(db: sqlite3.Connection, traces: Traces) -> int:
    changed = 0
    rows = db.execute("SELECT kind, source, key, name, data FROM alarms").fetchall()
    for kind, source, key, name, text in rows:
        data = mapping(text)
        new = {field: value if field in _RULED else _cleaned(value, traces, weak=True) for field, value in data.items()}
        bundle = traces.clean(key, weak=True) if kind == "release" else key  # as their deliveries have it
        if new != data or bundle != key:
            query = (
                "UPDATE OR REPLACE alarms SET key = ?, data = ? WHERE kind = ? AND source = ? AND key = ? AND name = ?"
            )
            db.execute(query, (bundle, json(new), kind, source, key, name))
            changed += 1
    return changed


# ---------------------------------------------------------------------------------------------- the receipt, the file


def write_receipt(db: sqlite3.Connection, now: datetime, asked: str, receipt: Mapping[str, Any]) -> int:
    """Keep a receipt; return its number."""
    query = "INSERT INTO erasures (at, asked, receipt) VALUES (?, ?, ?)"
    return db.execute(query, (micros(now), asked, json(receipt))).lastrowid or 0


def receipts(db: sqlite3.Connection) -> list[dict[str, Any]]:
    """All receipts, from the first."""
    rows = db.execute("SELECT number, at, asked, receipt FROM erasures ORDER BY number")
    return [
        {"number": number, "at": stamp(moment(at)), "asked": asked, **plain_json.loads(receipt)}
        for number, at, asked, receipt in rows
    ]


def made_anew(db: sqlite3.Connection) -> bool:
    """Write the store's file anew, without what was deleted in it, and empty its log; false when somebody reads it.

    What is deleted is overwritten at once, but where SQLite moves rows from page to page it may leave copies behind.
    """
    db.execute("VACUUM")
    ((busy, _, _),) = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return not busy
