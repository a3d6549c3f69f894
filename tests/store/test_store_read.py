"""The command line reads the store while the daemon writes to it, and when none runs."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from store_samples import LEADS, MINUTE, NOON, OTHER, baseline, event, owing, rich, version

from watcher.errors import StoreError, StoreRuined
from watcher.model import Condition, Dead, Delivered, Plan, SourceState
from watcher.store import migrations
from watcher.store.outbox import Counts, Pause
from watcher.store.read import Reader
from watcher.store.sqlite import Store


async def test_it_reads_while_the_daemon_writes(store: Store, path: Path):
    """Each look sees what has been committed by then; neither waits for the other, nor is anything changed by looking."""
    with Reader.open(path) as reader:
        for number in range(5):
            await store.commit(owing((f"e{number}", "1")))
            assert len(reader.events()) == number + 1
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader._db.execute("DELETE FROM events")


async def test_in_the_middle_of_a_transaction_it_sees_what_was_before(store: Store, path: Path):
    """Half a plan is seen by nobody."""
    with Reader.open(path) as reader:

        def look(db: sqlite3.Connection) -> int:
            db.execute("BEGIN IMMEDIATE")
            db.execute("INSERT INTO paused VALUES ('sink', 'crm', 0, '', 0)")
            seen = len(reader._db.execute("SELECT * FROM paused").fetchall())
            db.execute("ROLLBACK")
            return seen

        reader.close()
        reader._db = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, check_same_thread=False)
        assert await store._worker.run(look) == 0


async def test_sources(store: Store, path: Path):
    """Each source with its state, how many records it has and how many were removed."""
    await store.commit(baseline())
    await store.commit(rich())
    await store.commit(Plan(NOON, OTHER, SourceState(cursor=7)))
    with Reader.open(path) as reader:
        rows = [(row.name, row.state.cursor, row.present, row.removed) for row in reader.sources()]
    assert rows == [(LEADS, 2, 3, 1), (OTHER, 7, 0, 0)]


async def test_events(store: Store, path: Path):
    """Events by sequence, by type, by record, from the front or the newest."""
    kinds = ["new-lead", "lead-updated", "contract-signed", "new-lead"]
    events = tuple(event(f"e{n}", str(n % 2)) for n in range(4))
    events = tuple(event(e.id, e.subject, sequence=n) for n, e in enumerate(events, 1))
    await store.commit(Plan(NOON, events=events))
    await store._worker.run(
        lambda db: db.executemany(
            "UPDATE events SET type = ? WHERE sequence = ?", [(k, n) for n, k in enumerate(kinds, 1)]
        )
    )
    with Reader.open(path) as reader:

        def ids(**asked: object) -> list[str]:
            return [e.id for e in reader.events(**asked)]

        assert ids() == ["e0", "e1", "e2", "e3"]
        assert reader.events(limit=1) == [events[0]]
        assert ids(since_sequence=2) == ["e2", "e3"]
        assert ids(limit=2) == ["e0", "e1"]
        assert ids(limit=2, newest=True) == ["e2", "e3"]
        assert ids(types=["new-*", "contract-*"]) == ["e0", "e2", "e3"]
        assert ids(types=["lead"]) == []
        assert ids(record=f"/{LEADS}#1", types=["new-lead"]) == ["e3"]
        assert reader.event("e1").sequence == 2
        assert reader.event("none") is None


async def test_records_by_stream_or_source(store: Store, path: Path):
    """A record is found by its stream in every source, or in one source; an unknown one nowhere."""
    nice = type(LEADS)("nice", LEADS.stream, "7")
    for source in (nice, LEADS, OTHER):
        await store.commit(Plan(NOON, source, versions=(version("4"),)))
    with Reader.open(path) as reader:
        assert reader.record("apimo.leads", "4") == [(LEADS, version("4")), (nice, version("4"))]
        assert reader.record(str(OTHER), "4") == [(OTHER, version("4"))]
        assert reader.record("apimo.leads", "5") == []
        assert reader.record("none/none/none", "4") == []


async def test_history(store: Store, path: Path):
    """Every version of a record, removed ones too, with when it was first seen."""
    all_of_them = [version("4"), version("4", 2, seen_at=NOON + MINUTE), version("4", 3, removed=True, absences=2)]
    for one in all_of_them:
        await store.commit(Plan(NOON, LEADS, versions=(one,)))
    with Reader.open(path) as reader:
        assert reader.history(LEADS, "4") == all_of_them
        assert reader.history(OTHER, "4") == []


async def test_deliveries(store: Store, path: Path):
    """Deliveries, newest first, by sink, state and event, with all that is known of them."""
    await store.commit(owing(("a", "1"), ("b", "2"), ("c", "3")))
    await store.commit(owing(("d", "1"), sink="sales"))
    one, two, _ = await store.due("crm", NOON, 10)
    await store.settle_all([(one, Delivered("ok")), (two, Dead("HTTP 400"))], NOON + MINUTE)
    with Reader.open(path) as reader:

        def numbers(**asked: object) -> list[int]:
            return [row.number for row in reader.deliveries(**asked)]

        assert numbers() == [4, 3, 2, 1]
        assert numbers(limit=1) == [4]
        assert numbers(sink="crm") == [3, 2, 1]
        assert numbers(sink="crm", state="owed") == [3]
        assert numbers(state="dead") == [2]
        assert numbers(event="a") == [1]
        with pytest.raises(KeyError):
            reader.deliveries(state="lost")
        (dead,) = reader.deliveries(state="dead")
        assert (dead.sequence, dead.event_id, dead.type, dead.record) == (2, "b", "new-lead", f"/{LEADS}#2")
        assert (dead.sink, dead.rule, dead.attempts, dead.unanswered) == ("crm", "r", 1, 0)
        assert (dead.due_at, dead.owed_at, dead.settled_at) == (NOON, NOON, NOON + MINUTE)
        assert (dead.reason, dead.answer) == ("HTTP 400", "")
        assert [(t.n, t.outcome) for t in reader.attempts(2)] == [(1, "dead")]
        assert reader.owed_counts() == {"crm": Counts(1, 1, NOON), "sales": Counts(1, 0, NOON)}


async def test_the_rest(store: Store, path: Path):
    """Troubles, pauses, budgets and alarms."""
    await store.commit(baseline())
    await store.pause("crm", "by hand", NOON)
    await store.spend("azur", "2026-11-21", 10)
    with Reader.open(path) as reader:
        assert reader.conditions() == (Condition("source-failing", str(LEADS), NOON, "it fails"),)
        assert reader.paused() == {"crm": Pause(NOON, "by hand")}
        assert [(row.account, row.spent) for row in reader.budgets()] == [("azur", 1)]
        assert [alarm.key for alarm in reader.alarms(limit=1)] == ["1"]
        assert reader.unread() == []


async def test_without_a_daemon_it_reads_too(path: Path):
    """A store that was closed can be read, and not a byte of it changes."""
    async with await Store.open(path) as store:
        await store.commit(baseline())
    before = path.read_bytes()
    with Reader.open(str(path)) as reader:
        assert len(reader.sources()) == 1
    assert path.read_bytes() == before


def test_no_store_is_said(path: Path):
    """Where there is no store none is made."""
    with pytest.raises(StoreError, match="No such file"):
        Reader.open(path)
    assert list(path.parent.iterdir()) == []


async def test_what_is_no_store_of_this_version_is_refused(path: Path):
    """Empty, foreign, older and newer files are refused, each with its reason."""
    async with await Store.open(path) as store:
        await store.commit(baseline())
    for number, words in ((migrations.NEWEST + 1, "up to"), (migrations.NEWEST - 1, "start the daemon once")):
        with closing(sqlite3.connect(path)) as db:
            db.execute(f"PRAGMA user_version = {number}")
        with pytest.raises(StoreRuined, match=words):
            Reader.open(path)
    for content in (b"", b"text" * 1000):
        path.write_bytes(content)
        with pytest.raises(StoreRuined):
            Reader.open(path)


@contextmanager
def unwritable(directory: Path) -> Iterator[None]:
    """Be somebody who may read in the directory, but not write there."""
    directory.chmod(0o555)
    if os.geteuid() == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(os.getuid())
        directory.chmod(0o755)


@pytest.fixture
def shelf() -> Iterator[Path]:
    """A directory that everybody may read."""
    directory = Path(tempfile.mkdtemp())
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


async def test_on_a_disk_that_cannot_be_written_a_closed_store_is_read(shelf: Path):
    """Without a log the plain file is read; with one, which could not be read without writing, it is refused."""
    path = shelf / "watcher.db"
    async with await Store.open(path) as store:
        await store.commit(baseline())
        shutil.copy(path, shelf / "live.db")
        shutil.copy(shelf / "watcher.db-wal", shelf / "live.db-wal")
    for file in shelf.iterdir():
        file.chmod(0o644)
    with unwritable(shelf):
        with Reader.open(path) as reader:
            assert len(reader.sources()) == 1
        with pytest.raises(StoreError, match="read-only"):
            Reader.open(shelf / "live.db")
