"""The store's files while it is open: what others do to them is noticed, and the log does not grow without need."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from small_disk import mounted, pragma, read_only
from store_samples import LEADS, NOON, baseline, owing, version

from watcher.errors import StoreError, StoreRuined
from watcher.model import Plan
from watcher.store import StoreBusy, files, guard
from watcher.store.read import Reader
from watcher.store.sqlite import Store

USES: dict[str, Callable[[Store], Coroutine[Any, Any, Any]]] = {
    "ping": lambda store: store.ping(),
    "due": lambda store: store.due("crm", NOON, 1),
    "commit": lambda store: store.commit(owing(("b", "2"))),
    "spend": lambda store: store.spend("azur", "2026-11-21", 3),
}


def log_of(path: Path) -> Path:
    """The log beside a store."""
    return path.with_name(f"{path.name}-wal")


# ------------------------------------------------------------------------------------------- what others do to the files


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("which", [Path, log_of])
async def test_nothing_is_written_into_a_file_that_was_deleted(
    store: Store, path: Path, which: Callable[[Path], Path], use: str
):
    """Deleted or moved away under it, the store or its log is said to be gone at each use; moved back, it goes on."""
    await store.commit(owing(("a", "1")))
    file = which(path)
    aside = file.rename(path.with_name("aside"))
    for _ in range(2):
        with pytest.raises(StoreError, match=f"{file} is gone: move it back"):
            await USES[use](store)
    aside.rename(file)
    await USES[use](store)
    assert [d.event.id for d in await store.due("crm", NOON, 9)] == ["a", "b"][: 1 + (use == "commit")]


@pytest.mark.parametrize("which", [Path, log_of])
async def test_what_goes_while_the_store_is_in_use_is_noticed_too(
    store: Store, path: Path, which: Callable[[Path], Path]
):
    """A file that goes, or that is replaced, in the middle of a use of the store is seen at the next one."""
    file, aside = which(path), path.with_name("aside")
    await store._look(lambda db: file.rename(aside))
    for _ in range(2):
        with pytest.raises(StoreError, match="is gone"):
            await store.ping()
    aside.rename(file)
    await store._look(lambda db: shutil.copy(file, aside) and aside.rename(file))
    for _ in range(2):
        with pytest.raises(StoreError, match="is another file"):
            await store.ping()


@pytest.mark.parametrize("use", USES)
async def test_nothing_is_written_beside_a_file_that_was_replaced(store: Store, path: Path, use: str):
    """Another file in its place is not taken for it: the store says so until it is opened anew, and has what that has."""
    await store.commit(owing(("a", "1")))
    await pragma(store, "wal_checkpoint(TRUNCATE)")
    copy = path.with_name("copy.db")
    shutil.copy(path, copy)
    await store.commit(owing(("late", "2")))
    copy.rename(path)
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another file than the one that was opened: restart watcher"):
        await USES[use](store)
    log_of(path).unlink()  # as one does who puts back a copy
    await store.close()
    assert path.read_bytes() == before
    async with await Store.open(path) as again:
        assert [d.event.id for d in await again.due("crm", NOON, 9)] == ["a"]


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("which", [Path, log_of])
async def test_a_file_that_was_cut_short_is_noticed(store: Store, path: Path, which: Callable[[Path], Path], use: str):
    """A store or a log of which the end, or everything, was cut off while it was open is not written to any more."""
    await store.commit(baseline())
    file = which(path)
    with file.open("rb+") as opened:
        opened.truncate(0 if use != "due" else file.stat().st_size - 1)
    for _ in range(2):
        with pytest.raises(StoreError, match=f"{file} was cut short"):
            await USES[use](store)


async def test_a_store_cut_to_nothing_is_refused_at_the_next_start(store: Store, path: Path):
    """What is left of a store that was emptied while it was open is no store: it is refused, not begun anew."""
    await store.commit(baseline())
    await pragma(store, "wal_checkpoint(TRUNCATE)")
    await store.commit(owing(("a", "1")))
    with path.open("wb"):
        pass
    with pytest.raises(StoreError, match="cut short"):
        await store.ping()
    await store.close()
    with pytest.raises(StoreRuined):
        await Store.open(path)


async def test_looking_at_the_files_takes_next_to_nothing(store: Store, path: Path, monkeypatch: pytest.MonkeyPatch):
    """A use of the store looks at each of its two files once before and once after it, and at nothing else."""
    seen: list[str] = []
    stat = guard.os.stat

    def counted(file: Path) -> Any:
        seen.append(Path(file).name)
        return stat(file)

    monkeypatch.setattr(guard.os, "stat", counted)
    await store.ping()
    monkeypatch.undo()
    assert seen == ["watcher.db", "watcher.db-wal"] * 2


# --------------------------------------------------------------------------------------------------------- other programs


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that waits a twentieth of a second for a lock."""
    monkeypatch.setattr(files, "_PATIENCE", 0.05)


@pytest.mark.usefixtures("impatient")
async def test_locked_by_another_program_it_is_opened_later(path: Path):
    """A program that writes to the store keeps it from being opened for a bounded time; then it is, and has all."""
    async with await Store.open(path) as store:
        await store.commit(baseline())
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked by another program"):
            await Store.open(path)
        db.execute("ROLLBACK")
    async with await Store.open(path) as store:
        assert (await store.state(LEADS)).cursor == 1


@pytest.mark.usefixtures("impatient")
async def test_kept_by_another_program_alone_it_can_be_read_later(path: Path):
    """A program that keeps the store for itself keeps readers out for a bounded time, too, and no lock is left behind."""
    async with await Store.open(path) as store:
        await store.commit(baseline())
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("BEGIN IMMEDIATE")
        for opening in (lambda: Reader.open(path), lambda: files.connect(path)):
            with pytest.raises(StoreError, match="locked by another program"):
                opening()
    with Reader.open(path) as reader:
        assert len(reader.sources()) == 1


async def test_two_at_once_are_one(path: Path):
    """Of two that open a store at the same time one has it, and the other is told that it is in use."""
    store = await Store.open(path)
    with pytest.raises(StoreBusy):
        await Store.open(path)
    await store.close()
    await (await Store.open(path)).close()


async def test_on_a_disk_that_cannot_be_written_it_is_not_opened(tmp_path: Path):
    """On a read-only disk the store is not opened, and why is said; writable again, it is, with all that it had."""
    place = tmp_path / "disk"
    place.mkdir()
    with mounted(place):
        path = place / "watcher.db"
        async with await Store.open(path) as store:
            await store.commit(baseline())
        if place.is_mount():
            with read_only(place), pytest.raises(StoreError, match="Read-only file system"):
                await Store.open(path)
            with read_only(place), pytest.raises(StoreError, match="Read-only file system"):
                files.connect(path)
        async with await Store.open(path) as store:
            await pragma(store, "query_only = 1")  # what SQLite then says is what it says of such a disk
            with pytest.raises(StoreError, match=r"cannot be opened or written \(attempt to write a readonly"):
                await store.commit(owing(("a", "1")))
            await pragma(store, "query_only = 0")
            await store.commit(owing(("a", "1")))
            assert (await store.state(LEADS)).cursor == 1


# ----------------------------------------------------------------------------------------------------------------- the log


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A log that is to be no longer than so many bytes."""
    size = 256 << 10
    monkeypatch.setattr(guard, "LOG_LIMIT", size)
    monkeypatch.setattr(guard, "_LOG_STEP", size // 4)
    monkeypatch.setattr(guard, "_LOG_PATIENCE", 1)
    settings = [line for line in files._SETTINGS if "journal_size_limit" not in line]
    monkeypatch.setattr(files, "_SETTINGS", (*settings, f"PRAGMA journal_size_limit = {size}"))
    return size


def reader(path: Path) -> sqlite3.Connection:
    """Somebody who reads, and is in the middle of it."""
    db = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None)
    db.execute("BEGIN")
    db.execute("SELECT count(*) FROM records").fetchall()
    return db


async def grow(store: Store, number: int) -> int:
    """Commit some ten kilobytes, and return the size of the log."""
    await store.commit(Plan(NOON, LEADS, versions=(version(str(number), body={"id": str(number), "x": "x" * 8000}),)))
    return log_of(store._lock.store).stat().st_size


@contextmanager
def taking_turns(path: Path) -> Iterator[None]:
    """Two who read, each until the other one has begun: at any time somebody does, and nobody for long."""
    over = threading.Event()
    begun = threading.Semaphore(0), threading.Semaphore(0)

    def read(mine: threading.Semaphore, other: threading.Semaphore) -> None:
        while not over.is_set():
            with closing(reader(path)):
                mine.release()
                while not other.acquire(timeout=0.1):
                    if over.is_set():
                        return

    threads = [threading.Thread(target=read, args=pair) for pair in (begun, begun[::-1])]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


async def test_readers_one_after_the_other_do_not_make_the_log_grow(
    path: Path, limit: int, monkeypatch: pytest.MonkeyPatch
):
    """Where somebody always reads, but nobody for long, the log is emptied all the same."""
    monkeypatch.setattr(guard, "_LOG_PATIENCE", 5000)
    async with await Store.open(path) as store:
        await pragma(store, "wal_autocheckpoint = 20")
        with taking_turns(path):
            sizes = [await grow(store, number) for number in range(200)]
        assert max(sizes) < 2 * limit
        assert len((await store.known(LEADS)).fingerprints) == 200


async def test_a_long_reader_makes_the_log_grow_only_while_it_reads(path: Path, limit: int):
    """While somebody reads on and on the log has what is written meanwhile; with the next commit afterwards it is empty."""
    async with await Store.open(path) as store:
        with closing(reader(path)) as db:
            sizes = [await grow(store, number) for number in range(100)]
            assert db.execute("SELECT count(*) FROM records").fetchone() == (0,)
        assert sizes[-1] > 2 * limit
        await grow(store, 100)
        assert await grow(store, 101) <= limit
        assert store._guard._log_limit == limit  # from where it is emptied again, as before
        assert len((await store.known(LEADS)).fingerprints) == 102


async def test_a_reader_holds_up_the_emptying_not_the_store(path: Path, limit: int, monkeypatch: pytest.MonkeyPatch):
    """While somebody reads on and on, emptying the log is tried once for so much that it has grown, not at each commit."""
    tried: list[int] = []
    empty = guard.Guard._empty_log

    def counted(self: guard.Guard, db: sqlite3.Connection, size: int) -> None:
        tried.append(size)
        empty(self, db, size)

    monkeypatch.setattr(guard.Guard, "_empty_log", counted)
    async with await Store.open(path) as store:
        with closing(reader(path)):
            for number in range(100):
                await grow(store, number)
        assert 2 < len(tried) < 60
        assert all(after - before >= limit // 4 for before, after in pairwise(tried))
        assert await pragma(store, "busy_timeout") == (5000,)
