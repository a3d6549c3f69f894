"""A disk that is full, fails or cannot be written: said plainly, nothing lost, nothing half, and it goes on by itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from small_disk import Disk, pragma, small_disk
from store_samples import LEADS, MINUTE, NOON, agrees, baseline, dump, event, owing, rich, version

from watcher.errors import StoreError
from watcher.model import Delivered, Owed, Plan
from watcher.store.sqlite import Store

LATER = NOON + MINUTE


@pytest.fixture(params=["mounted", "limited"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    """A small disk with room, until it is filled."""
    with small_disk(request.param, tmp_path / "disk") as made:
        yield made


@pytest.fixture
def path(disk: Disk) -> Path:
    """Where the store of a test is."""
    return disk.place / "watcher.db"


def told(number: int, size: int = 3000) -> Plan:
    """A plan of some kilobytes: a record, an event about it and a message owed."""
    name = f"n{number}"
    body = {"id": name, "text": "x" * size}
    return Plan(
        NOON, LEADS, versions=(version(name, body=body),), events=(event(name, name),), owed=(Owed(name, "crm", "r"),)
    )


async def fill_up(store: Store, disk: Disk, longest: str = "watcher.db-wal", room: int = 0, most: int = 2000) -> int:
    """Fill the disk and commit until a commit fails; return how many did not."""
    disk.fill(longest, room)
    for number in range(most):
        try:
            await store.commit(told(number))
        except StoreError:
            return number
    raise AssertionError("the disk does not get full")


def sound(path: Path) -> list[str]:
    """Whether SQLite finds the file in order; the ids of the events, each of which has its record and its message."""
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        events = [name for (name,) in db.execute("SELECT id FROM events ORDER BY sequence")]
        keys = [key for (key,) in db.execute("SELECT key FROM versions WHERE key LIKE 'n%' ORDER BY rowid")]
        owed = [name for (name,) in db.execute("SELECT id FROM deliveries JOIN events ON sequence = event ORDER BY 1")]
    assert (events, sorted(events)) == (keys, owed)
    return events


# ------------------------------------------------------------------------------------------------------------ in use


async def _settle(store: Store) -> None:
    (first, *_) = await store.due("crm", LATER, 1)
    await store.settle(first, Delivered("ok", thread="t"), LATER, Plan(LATER, left=(("source-failing", str(LEADS)),)))


WRITES: dict[str, Callable[[Store], Coroutine[Any, Any, Any]]] = {
    "commit": lambda store: store.commit(rich()),
    "settle": _settle,
    "spend": lambda store: store.spend("azur", "2026-11-21", 9),
    "pause": lambda store: store.pause("crm", "HTTP 401", NOON),
    "resend": lambda store: store.resend([2], NOON),
    "silence": lambda store: store.add_silence({"type": "*"}, "Anne", "", NOON, LATER),
    "remember": lambda store: store.remember("key", "text"),
    "tidy": lambda store: store.tidy(LATER.replace(year=2030)),
}


@pytest.mark.parametrize("name", WRITES)
async def test_what_cannot_be_written_changes_nothing_and_can_be_written_later(disk: Disk, path: Path, name: str):
    """On a full disk a write is a StoreError that names the remedy, with all as it was; with room the next one is done."""
    async with await Store.open(path) as store:
        await store.commit(baseline())
        await store.commit(owing(("a", "1"), ("b", "2")))
        (_, second) = await store.due("crm", NOON, 2)
        await store.settle(second, Delivered(), NOON)
        await store.spend("azur", "2026-11-21", 9)
        await store.known(LEADS)
        before = dump(path)
        disk.fill()
        for _ in range(3):
            with pytest.raises(StoreError, match=disk.complaint):
                await WRITES[name](store)
            assert dump(path) == before
            assert await agrees(store)
        disk.free()
        await WRITES[name](store)
        assert dump(path) != before
        assert await agrees(store)


async def test_what_was_acknowledged_before_the_disk_was_full_is_there(disk: Disk, path: Path):
    """The log grows until there is no room: all that returned is there, and nothing of what did not; with room it goes on."""
    async with await Store.open(path) as store:
        await pragma(store, "wal_autocheckpoint = 0")
        for number in range(40):
            await store.commit(told(100_000 + number))
        done = await fill_up(store, disk, room=500_000)
        assert done > 3
        for _ in range(3):
            with pytest.raises(StoreError, match=disk.complaint):
                await store.commit(told(done))
        disk.free()
        await store.commit(told(done))
        assert len(await store.due("crm", LATER, 5000)) == 40 + done + 1
        assert await agrees(store)
    assert len(sound(path)) == 40 + done + 1


async def test_no_room_for_what_the_log_has_fails_no_commit(disk: Disk, path: Path):
    """While the log can be written and the store behind it cannot grow, commits are good; later it all goes over."""
    async with await Store.open(path) as store:
        await store.commit(Plan(NOON, LEADS, versions=tuple(version(f"k{i}") for i in range(50))))
        await pragma(store, "wal_autocheckpoint = 0")
        for number in range(60):  # a long log that says little: there is room in it afterwards, and none beside it
            await store.remember("key", "x" * number)
        await pragma(store, "wal_checkpoint(RESTART)")
        await pragma(store, "wal_autocheckpoint = 10")
        size = path.stat().st_size
        done = await fill_up(store, disk, path.name)
        assert (done > 2, path.stat().st_size) == (True, size)
        disk.free()
        await store.commit(told(done))
        await store.commit(told(done + 1))
        assert path.stat().st_size > size
    assert len(sound(path)) == done + 2


async def test_an_emptying_of_the_log_that_fails_loses_nothing(disk: Disk, path: Path):
    """A checkpoint that finds no room is an error of its own, and everything can still be read, and written later."""
    async with await Store.open(path) as store:
        await pragma(store, "wal_autocheckpoint = 0")
        for number in range(20):
            await store.commit(told(number))
        before = dump(path)
        disk.fill(path.name)
        with pytest.raises(StoreError, match=disk.complaint):
            await pragma(store, "wal_checkpoint(TRUNCATE)")
        assert dump(path) == before
        assert len(await store.due("crm", LATER, 50)) == 20
        disk.free()
        await store.commit(told(20))
        assert await pragma(store, "wal_checkpoint(TRUNCATE)") == (0, 0, 0)
    assert len(sound(path)) == 21


# ----------------------------------------------------------------------------------------------- opening and closing


@pytest.mark.parametrize("room", [0, 20 << 10, 60 << 10])
async def test_no_store_is_made_where_there_is_no_room(disk: Disk, path: Path, room: int):
    """Without room no store is made, nor half of one left behind; with room it is."""
    disk.fill(room=room)
    for _ in range(2):
        with pytest.raises(StoreError):
            await Store.open(path)
        assert not path.exists()
        assert not path.with_name("watcher.db.new").exists()
    disk.free()
    async with await Store.open(path) as store:
        await store.commit(baseline())


async def test_a_store_that_cannot_be_opened_for_want_of_room_is_left_as_it_is(disk: Disk, path: Path):
    """Opening a store without room is a StoreError and not a word about damage; with room all is there."""
    async with await Store.open(path) as store:
        for number in range(60):
            await store.commit(told(number))
    before = path.read_bytes()
    disk.fill()
    with pytest.raises(StoreError, match=f"{disk.complaint}|File too large"):
        await Store.open(path)
    assert path.read_bytes() == before
    disk.free()
    async with await Store.open(path) as store:
        assert len(await store.due("crm", LATER, 99)) == 60


async def test_closed_on_a_full_disk_nothing_is_lost(disk: Disk, path: Path):
    """Closing without room ends in good order; what was committed is there when it is opened with room again."""
    async with await Store.open(path) as store:
        done = await fill_up(store, disk)
    disk.free()
    async with await Store.open(path) as store:
        assert len(await store.due("crm", LATER, 5000)) == done
        await store.commit(told(done))
    assert len(sound(path)) == done + 1
