"""The store as a file: made whole, refused when in doubt, one process at a time, nobody else's to read."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from store_samples import LEADS, NOON, baseline, copied, dump, owing, version

from watcher.errors import StoreError, StoreRuined
from watcher.model import Plan
from watcher.store import StoreBusy, files, migrations
from watcher.store.sqlite import Store


async def filled(path: Path) -> bytes:
    """Make a store with some hundred records at that path, close it in good order, and return its bytes."""
    async with await Store.open(path) as store:
        await store.commit(Plan(NOON, LEADS, versions=tuple(version(str(i)) for i in range(300))))
    return path.read_bytes()


async def asked(store: Store, sql: str) -> Any:
    """The first value that a statement gives, on the store's own connection."""
    return (await store._worker.run(lambda db: db.execute(sql).fetchone()))[0]


# ------------------------------------------------------------------------------------------------------------- the lock


async def test_a_second_one_is_told_who_has_the_store(store: Store, path: Path):
    """A store that is open is refused with the process that has it; by another name of the file too."""
    link = path.with_name("link.db")
    link.symlink_to(path)
    for name in (path, str(path), link):
        with pytest.raises(StoreBusy, match=f"process {os.getpid()}"):
            await Store.open(name)
    await store.commit(baseline())


async def test_the_lock_is_free_again(path: Path):
    """A lock file that was left behind locks nobody out, nor does an open that failed."""
    path.with_name("watcher.db.lock").write_text("4194304999999999999999\n")
    path.write_bytes(b"")
    with pytest.raises(StoreRuined):
        await Store.open(path)
    path.unlink()
    for _ in range(2):
        async with await Store.open(path) as store:
            await store.ping()


async def test_children_do_not_inherit_the_lock(store: Store):
    """A program that a sink starts does not keep the lock of a daemon that has ended."""
    assert not os.get_inheritable(store._lock._descriptor)


# ------------------------------------------------------------------------------------------------ what is refused, and why
# Each ruins the store at the path in its own way, and returns what the refusal says.


def empty(path: Path) -> str:
    """A file without a byte."""
    path.write_bytes(b"")
    return "empty"


def text(path: Path) -> str:
    """A file of another kind."""
    path.write_text("[state]\npath = 'watcher.db'\n" * 40)
    return "no store at all"


def other(path: Path) -> str:
    """Somebody else's database."""
    with closing(sqlite3.connect(path)) as db:
        db.executescript("PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1);")
    return "not a store of watcher"


def truncated(path: Path) -> str:
    """A store that lost its end."""
    path.write_bytes(path.read_bytes()[:-5000])
    return "damaged"


def headless(path: Path) -> str:
    """A head without a body."""
    path.write_bytes(b"SQLite format 3\0" + bytes(1000))
    return "no store at all"


def newer(path: Path) -> str:
    """A store from a later version."""
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {migrations.NEWEST + 2}")
    return f"version {migrations.NEWEST + 2}.*up to {migrations.NEWEST}"


@pytest.mark.parametrize("ruin", [empty, text, other, truncated, headless, newer])
async def test_what_is_no_sound_store_is_left_as_it_is(path: Path, ruin: Callable[[Path], str]):
    """An empty, foreign, truncated or newer file is refused with the reason, and not a byte of it changed."""
    await filled(path)
    if ruin is other:
        path.unlink()
    words = ruin(path)
    before = path.read_bytes()
    for _ in range(2):
        with pytest.raises(StoreRuined, match=words) as refusal:
            await Store.open(path)
        assert path.read_bytes() == before
        assert "watcher" in str(refusal.value)
    assert not path.with_name("watcher.db.new").exists()


async def test_damage_is_looked_for_after_an_unclean_end(path: Path, tmp_path: Path):
    """A store that was not closed in good order is checked: sound, it is opened; damaged, it is refused as it is."""
    async with await Store.open(path) as store:
        await store.commit(Plan(NOON, LEADS, versions=tuple(version(str(i)) for i in range(300))))
        await asked(store, "PRAGMA wal_checkpoint(TRUNCATE)")
        sound, damaged = tmp_path / "sound.db", tmp_path / "damaged.db"
        shutil.copy(path, sound)
        shutil.copy(path, damaged)
    async with await Store.open(sound) as store:
        assert len((await store.known(LEADS)).fingerprints) == 300
    content = damaged.read_bytes()[:-4096] + b"\xff" * 4096  # nothing that opening it would come by
    damaged.write_bytes(content)
    with pytest.raises(StoreRuined, match="damaged"):
        await Store.open(damaged)
    assert damaged.read_bytes() == content


async def test_damage_met_while_working_is_said(path: Path):
    """A page that turns out to be damaged is StoreRuined, not StoreError: waiting does not help."""
    content = await filled(path)
    sound = len(content) // 4096 * 3 // 4 * 4096
    path.write_bytes(content[:sound] + b"\xff" * (len(content) - sound))
    async with await Store.open(path) as store:
        with pytest.raises(StoreRuined, match="damaged"):
            await store.versions(LEADS, [str(i) for i in range(300)])


async def test_a_log_without_its_store_is_not_taken_for_another(path: Path):
    """Where the store is gone but its log is there, none is made: the log would be read into it."""
    log = path.with_name("watcher.db-wal")
    log.write_bytes(b"frames")
    with pytest.raises(StoreRuined, match="is gone"):
        await Store.open(path)
    assert (path.exists(), log.read_bytes()) == (False, b"frames")


async def test_a_directory_that_is_not_there_is_said(tmp_path: Path):
    """The directory has to be there; it is not made."""
    with pytest.raises(StoreError, match="No such file"):
        await Store.open(tmp_path / "none" / "watcher.db")


async def test_a_sqlite_that_is_too_old_is_said(path: Path, monkeypatch: pytest.MonkeyPatch):
    """A SQLite without STRICT tables is refused by its version, not by a syntax error."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    with pytest.raises(StoreError, match="too old"):
        await Store.open(path)


# --------------------------------------------------------------------------------------------------- making and opening


@pytest.mark.parametrize("place", ["os.open", "migrations.migrate", "sync", "Path.rename"])
async def test_a_crash_while_it_is_made_leaves_nothing_to_be_refused(
    path: Path, place: str, monkeypatch: pytest.MonkeyPatch
):
    """Whatever making it fails at, there is no store then, and the next try makes one."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(f"watcher.store.files.{place}", fail)
        with pytest.raises(StoreError):
            await Store.open(path)
    assert not path.exists()
    async with await Store.open(path) as store:
        await store.commit(baseline())


async def test_a_draft_that_was_left_behind_is_no_hindrance(path: Path):
    """Half a store under the name of the draft is thrown away."""
    path.with_name("watcher.db.new").write_bytes(b"SQLite format 3\0 and half a page")
    async with await Store.open(path) as store:
        await store.commit(baseline())
    assert sorted(p.name for p in path.parent.iterdir()) == ["watcher.db", "watcher.db.lock"]


@pytest.fixture
def bare() -> Iterator[None]:
    """A umask that takes nothing away."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("bare")
async def test_nobody_else_can_read_it(path: Path):
    """The store, its log, the log's index and the lock are 0600 under any umask; a laxer store is tightened."""
    for _ in range(2):
        async with await Store.open(path) as store:
            await store.commit(baseline() if not await store.versions(LEADS, ["1"]) else owing(("a", "1")))
            modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in path.parent.iterdir()}
        assert modes == dict.fromkeys(["watcher.db", "watcher.db-wal", "watcher.db-shm", "watcher.db.lock"], 0o600)
        path.chmod(0o644)


async def test_it_is_opened_to_lose_nothing(store: Store):
    """A commit is on the disk when it returns, keys are kept, what is erased is overwritten, the schema is not trusted."""
    settings = {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "secure_delete": 1,
        "trusted_schema": 0,
        "busy_timeout": 5000,
        "application_id": files.APPLICATION,
        "user_version": migrations.NEWEST,
    }
    assert {name: await asked(store, f"PRAGMA {name}") for name in settings} == settings


async def test_every_table_is_strict(store: Store):
    """No table takes a value of another type than it says."""
    names = "SELECT group_concat(name) FROM pragma_table_list WHERE type = 'table' AND NOT strict AND name NOT LIKE 'sqlite_%'"
    assert await asked(store, names) is None


async def test_what_was_there_is_there_again(path: Path):
    """Closed and opened, the store has what it had."""
    await filled(path)
    before = dump(path)
    async with await Store.open(path) as store:
        assert len(copied(await store.known(LEADS)).fingerprints) == 300
    assert dump(path) == before


async def test_locked_by_somebody_it_waits_and_says_so(store: Store, path: Path):
    """A lock that somebody else's look at the file holds for too long is a StoreError, and passes."""
    await asked(store, "PRAGMA busy_timeout = 1")
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked"):
            await store.commit(baseline())
    await store.commit(baseline())


# ---------------------------------------------------------------------------------------------------------- migrations

STEPS = ("CREATE TABLE a (x); INSERT INTO a VALUES (1);", "ALTER TABLE a ADD COLUMN y; UPDATE a SET y = x + 1;")


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A plain database."""
    with closing(sqlite3.connect(tmp_path / "plain.db", isolation_level=None)) as opened:
        yield opened


def test_missing_steps_are_taken_once(db: sqlite3.Connection):
    """A store of any earlier version is brought up step by step; one that is up to date is left alone."""
    migrations.migrate(db, STEPS[:1])
    assert migrations.version(db) == 1
    for _ in range(2):
        migrations.migrate(db, STEPS)
        assert (migrations.version(db), db.execute("SELECT x, y FROM a").fetchall()) == (2, [(1, 2)])


def test_a_step_that_fails_is_undone_with_its_number(db: sqlite3.Connection):
    """A step is taken with its number or not at all, and those before it stay."""
    with pytest.raises(sqlite3.OperationalError):
        migrations.migrate(db, (STEPS[0], STEPS[1] + "INSERT INTO nowhere VALUES (1);"))
    assert not db.in_transaction
    assert (migrations.version(db), db.execute("SELECT * FROM a").fetchall()) == (1, [(1,)])
    migrations.migrate(db, STEPS)
    assert migrations.version(db) == 2


def test_a_newer_store_is_refused_with_both_versions(db: sqlite3.Connection):
    """Nothing is done to a store that is newer than the program."""
    migrations.migrate(db, STEPS)
    with pytest.raises(StoreRuined, match=r"version 2.*up to 1"):
        migrations.migrate(db, STEPS[:1])
