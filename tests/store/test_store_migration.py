"""A store of an earlier version comes up whole, or stays what it was."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from store_samples import LEADS, MINUTE, NOON, dump

from watcher.store import files, forms, migrations
from watcher.store.outbox import Counts, Pause
from watcher.store.read import Reader
from watcher.store.sqlite import Store

AT = forms.micros(NOON)
LATER = NOON + MINUTE
STEPS = migrations._shipped()
FIRST = STEPS[0]

# Every table of version 1, with every state; the newest event and delivery are gone, so that the sequences are ahead.
CONTENT = f"""
INSERT INTO sources VALUES (1, 'azur', 'apimo.leads', '101', '{{"cursor": 5}}'), (2, 'riviera', 'adlead.purchases', '1', '{{}}');
INSERT INTO records VALUES
  (1, '4', 2, {AT}, x'01', '["lead-opened"]', 0, 0, '{{"id": "4"}}'), (1, '5', 1, {AT}, x'02', '[]', 1, 2, '{{}}');
INSERT INTO versions VALUES
  (1, '4', 1, {AT - 5}, x'00', '[]', 0, 0, '{{}}'), (1, '4', 2, {AT}, x'01', '["lead-opened"]', 0, 0, '{{"id": "4"}}');
INSERT INTO unread VALUES (1, x'ff', NULL, 'no object', {AT});
INSERT INTO events VALUES
  (1, 'e1', 'new-lead', '/{LEADS}', '4', {AT}, {AT}, '{{}}'), (2, 'e2', 'lead-opened', '/{LEADS}', '4', {AT}, {AT}, '{{}}'),
  (3, 'e3', 'new-lead', '/{LEADS}', '5', {AT}, {AT}, '{{}}'), (4, 'e4', 'new-lead', '/{LEADS}', '6', {AT}, {AT}, '{{}}'),
  (9, 'e9', 'new-lead', '/{LEADS}', '9', {AT}, {AT}, '{{}}');
INSERT INTO deliveries VALUES
  (1, 1, 'crm', 'r', '/{LEADS}#4', 'delivered', 0, 2, 1, {AT}, {AT}, {AT + 1}, '', '202'),
  (2, 1, 'sales', 'r', '/{LEADS}#4', 'owed', 1, 1, 0, {AT + 9}, {AT}, NULL, 'HTTP 500', ''),
  (3, 2, 'sales', 'r', '/{LEADS}#4', 'owed', 0, 0, 0, {AT + 1}, {AT + 1}, NULL, '', ''),
  (4, 3, 'crm', 'r', '/{LEADS}#5', 'dead', 0, 1, 0, {AT}, {AT}, {AT + 2}, 'HTTP 400', ''),
  (5, 4, 'crm', 'r', '/{LEADS}#6', 'dropped', 0, 1, 0, {AT}, {AT}, {AT + 3}, 'HTTP 400', ''),
  (8, 9, 'crm', 'r', '/{LEADS}#9', 'owed', 1, 0, 0, {AT}, {AT}, NULL, '', '');
INSERT INTO attempts VALUES
  (1, 1, {AT}, 'retry', 'timed out'), (1, 2, {AT + 1}, 'delivered', ''), (2, 1, {AT}, 'retry', 'HTTP 500'),
  (4, 1, {AT + 2}, 'dead', 'HTTP 400'), (8, 1, {AT}, 'retry', 'no');
INSERT INTO paused VALUES ('gone', {AT}, 'HTTP 401');
INSERT INTO alarms VALUES ('after', '/a', '1', 'r', {AT}, '{{}}');
INSERT INTO conditions VALUES ('source-failing', 'x', {AT}, 'it fails');
INSERT INTO budgets VALUES ('azur', '2026-11-21', 3);
DELETE FROM deliveries WHERE number = 8;
DELETE FROM events WHERE sequence = 9;
"""

# What came with version 2.
SECOND = f"""
UPDATE deliveries SET state = 'held', head = 0, bundle = 'b', reason = 'group' WHERE number = 3;
UPDATE deliveries SET state = 'summed', bundle = 'b', told_in = 'e1' WHERE number = 4;
UPDATE deliveries SET state = 'silenced', bundle = 'silence 1' WHERE number = 5;
INSERT INTO silences VALUES (1, '{{"type": "*"}}', 'Anne', 'moving', {AT}, {AT + 5});
INSERT INTO paused VALUES ('source', '{LEADS}', {AT}, 'holidays', 1);
"""


@pytest.fixture
def old(path: Path) -> Path:
    """A store of version 1 that was closed in good order, with something in every table."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(f"PRAGMA application_id = {files.APPLICATION}")
        db.execute("PRAGMA foreign_keys = ON")
        migrations.migrate(db, [FIRST])
        db.executescript(CONTENT)
    assert all(dump(path).values())
    return path


@pytest.fixture(params=["ON", "OFF"])
def db(old: Path, request: pytest.FixtureRequest) -> Iterator[sqlite3.Connection]:
    """That store, opened with foreign keys enforced and without: a store is made without and opened with."""
    with closing(sqlite3.connect(old, isolation_level=None)) as opened:
        opened.execute(f"PRAGMA foreign_keys = {request.param}")
        yield opened


def test_a_released_step_stays_as_it_is():
    """The steps before the last are, byte for byte, those that stores out there were made with."""
    assert [hashlib.sha256(step.encode()).hexdigest() for step in STEPS[:3]] == [
        "86d97a86fdc66e975c17b8501ca26d03f3b4f96a9eb01f5765e73cf3d5e94079",
        "5989e0942cef1983277e07de4bfdae5553f1634e8006f4d739a0feb20ad07de2",
        "f95318a35ebf251017a29bf46367657e913c6a937e8b076f9658d73d1e1639d3",
    ]


def test_everything_is_there_afterwards(db: sqlite3.Connection, old: Path):
    """Every row of every table is as it was; what is new has the value that says what was."""
    before = dump(old)
    migrations.migrate(db)
    after = dump(old)
    deliveries = [(*row[:11], row[10], *row[11:], "", "", "") for row in before.pop("deliveries")]
    pauses = [("sink", *row, 0) for row in before.pop("paused")]
    unread = [(*row, row[-1]) for row in before.pop("unread")]
    assert (after.pop("deliveries"), after.pop("paused"), after.pop("unread")) == (deliveries, pauses, unread)
    assert (after.pop("silences"), after.pop("threads"), after.pop("polls")) == ([], [], [])
    assert [after.pop(name) for name in ("erasures", "expired", "lingering")] == [[], [], []]
    assert after == before
    assert migrations.version(db) == migrations.NEWEST


def test_what_version_2_added_is_there_afterwards(db: sqlite3.Connection, old: Path):
    """What is held, silenced, summed and paused in a store of version 2 is as it was, with nothing noted and no thread."""
    migrations.migrate(db, STEPS[:2])
    db.executescript(SECOND)
    before = dump(old)
    assert all(before.values())
    migrations.migrate(db)
    after = dump(old)
    assert after.pop("deliveries") == [(*row, "") for row in before.pop("deliveries")]
    assert after.pop("unread") == [(*row, row[-1]) for row in before.pop("unread")]
    assert (after.pop("threads"), after.pop("polls")) == ([], [])
    assert [after.pop(name) for name in ("erasures", "expired", "lingering")] == [[], [], []]
    assert after == before


def test_the_file_is_sound_afterwards(db: sqlite3.Connection, old: Path):
    """References lead somewhere, tries go with their delivery, indices are all there and agree with the tables."""

    def names(kind: str) -> set[str]:
        return {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = ?", (kind,))}

    indices, triggers = names("index"), names("trigger")
    migrations.migrate(db)
    assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert indices <= names("index")
    assert triggers == names("trigger")
    assert not [name for name in names("table") if name.startswith("old")]
    db.execute("PRAGMA foreign_keys = ON")
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        db.execute("UPDATE deliveries SET event = 99 WHERE number = 4")
    db.execute("DELETE FROM deliveries WHERE number = 1")
    assert [row[0] for row in db.execute("SELECT delivery FROM attempts")] == [2, 4]


@pytest.mark.parametrize("emptied", [False, True])
def test_numbers_count_on(db: sqlite3.Connection, emptied: bool):
    """Neither an event's nor a delivery's number is given twice, not even when the newest, or all, are gone."""
    if emptied:
        db.executescript("DELETE FROM attempts; DELETE FROM deliveries; DELETE FROM events;")
    migrations.migrate(db)
    db.execute(
        "INSERT INTO events (id, type, source, subject, time, recorded_at, data) VALUES ('n', '', '', '', 0, 0, '')"
    )
    db.execute(
        "INSERT INTO deliveries (event, sink, rule, record, head, due_at, owed_at, released_at)"
        " SELECT max(sequence), 'crm', 'r', 'n', 1, 0, 0, 0 FROM events"
    )
    assert db.execute("SELECT event, number FROM deliveries WHERE record = 'n'").fetchall() == [(10, 9)]


def test_the_first_delivery_of_an_empty_store_is_the_first(path: Path):
    """Where nothing was ever owed, counting begins at one."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        migrations.migrate(db)
        assert db.execute("SELECT * FROM sqlite_sequence WHERE name LIKE '%deliveries'").fetchall() == []


@pytest.mark.parametrize("number", range(2, len(STEPS) + 1))
def test_cut_off_at_any_instruction_it_stays_what_it_was(db: sqlite3.Connection, old: Path, number: int):
    """Stopped anywhere in a step, the store is a whole one of the version before, and comes up the next time."""
    migrations.migrate(db, STEPS[: number - 1])
    before = dump(old)
    left = 0

    def stop() -> bool:
        nonlocal left
        left -= db.in_transaction  # asked once more after COMMIT has done its work, it could undo nothing
        return left == 0 and db.in_transaction

    db.set_progress_handler(stop, 1)
    stops = 0
    for at in range(1, 1_000_000, {2: 23, 3: 5}.get(number, 1)):
        left = at
        try:
            migrations.migrate(db, STEPS[:number])
        except sqlite3.OperationalError:
            stops += 1
            assert not db.in_transaction
            assert (migrations.version(db), dump(old)) == (number - 1, before)
        else:
            break
    assert stops > 100
    assert migrations.version(db) == number


async def test_a_store_of_before_goes_on(old: Path):
    """Opened, it owes what it owed in the order in which it did, and a sink that refused us is still paused, by refusal."""
    async with await Store.open(old) as store:
        assert [(d.number, d.attempts) for d in await store.due("sales", LATER, 10)] == [(2, 1)]
        assert await store.owed_counts() == {"crm": Counts(0, 1, None), "sales": Counts(2, 0, NOON)}
        assert await store.paused() == {"gone": Pause(NOON, "HTTP 401", asked=False)}
        assert await store.paused_sources() == {}
        assert [(one.rule, one.sink) for one in await store.recent(NOON)] == [
            ("r", "crm"),
            ("r", "sales"),
            ("r", "crm"),
            ("r", "sales"),
        ]
        assert await store.redrive(LATER) == 1
        assert (await store.versions(LEADS, ["4"]))["4"].version == 2
    with Reader.open(old) as reader:
        row: Any = reader.deliveries(event="e3")[0]
        assert (row.number, row.state, row.released_at, row.bundle, row.told_in) == (4, "owed", LATER, "", "")
        assert [t.outcome for t in reader.attempts(1)] == ["retry", "delivered"]
