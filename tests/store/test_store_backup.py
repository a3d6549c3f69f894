"""A copy of the store: one moment of it, whole, its owner's only, verified, and put back it goes on from there."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from small_disk import mounted
from store_samples import LEADS, NOON, baseline, dump, event, owing, rich, version

from watcher.cli import watcher
from watcher.errors import StoreError, StoreRuined
from watcher.model import Owed, Plan
from watcher.store import StoreBusy, migrations
from watcher.store import backup as backups
from watcher.store.backup import backup
from watcher.store.read import Reader
from watcher.store.sqlite import Store


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Where the copy goes."""
    (tmp_path / "copies").mkdir()
    return tmp_path / "copies" / "copy.db"


@pytest.fixture
async def filled(store: Store) -> Store:
    """A store that is open and has something of everything."""
    await store.commit(baseline())
    await store.commit(rich())
    return store


def without_mark(tables: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """All rows but the one that says whether the store was closed in good order."""
    return {**tables, "meta": [row for row in tables["meta"] if row[0] != "clean"]}


# ------------------------------------------------------------------------------------------------------- what is copied


@pytest.mark.parametrize("open_", [True, False])
async def test_a_copy_has_every_row(filled: Store, path: Path, target: Path, open_: bool):
    """The copy has what the store has, whether or not somebody has it open; nothing else is left beside it."""
    if not open_:
        await filled.close()
    made = backup(path, target)
    assert without_mark(dump(target)) == without_mark(dump(path))
    assert (made.path, made.size, made.version) == (target, target.stat().st_size, migrations.NEWEST)
    assert made.rows == {"sources": 1, "records": 4, "versions": 6, "events": 3, "deliveries": 9}
    assert [file.name for file in target.parent.iterdir()] == ["copy.db"]
    assert target.read_bytes()[18:20] == b"\1\1"  # whole without a log beside it


async def test_a_copy_put_back_goes_on(filled: Store, path: Path, target: Path, tmp_path: Path):
    """A copy in the place of a store is opened as that one would be, and owes what it owed."""
    owed = await filled.due("crm", NOON.replace(hour=20), 9)
    backup(path, target)
    place = tmp_path / "elsewhere.db"
    shutil.copy(target, place)
    async with await Store.open(place) as store:
        assert owed
        assert await store.due("crm", NOON.replace(hour=20), 9) == owed
        await store.commit(owing(("later", "1")))


async def test_a_copy_that_rotted_is_refused(filled: Store, path: Path, target: Path):
    """A copy is looked over when it is first opened: one that has lost something since it was made is not believed."""
    await filled.commit(Plan(NOON, LEADS, versions=tuple(version(f"n{number}") for number in range(300))))
    made = backup(path, target)
    with target.open("rb+") as file:
        file.seek(made.size - 4096)
        file.write(b"\xff" * 4096)
    with pytest.raises(StoreRuined, match="damaged"):
        await Store.open(target)


async def test_while_the_daemon_writes_a_copy_is_one_moment(store: Store, path: Path, target: Path):
    """Copied while commits go on, each copy has all of a commit or nothing, up to one of them, and no commit waits for it."""
    await store.commit(Plan(NOON, LEADS, versions=tuple(version(f"k{n}", body={"x": "x" * 900}) for n in range(3000))))
    for turn in range(5):
        copying = asyncio.ensure_future(asyncio.to_thread(backup, path, target, force=True))
        first, number = 10_000 * turn, 0
        while not copying.done():
            name = str(first + number)
            plan = Plan(
                NOON, LEADS, versions=(version(name),), events=(event(name, name),), owed=(Owed(name, "crm", "r"),)
            )
            await store.commit(plan)
            number += 1
        made = await copying
        assert number > 1
        with closing(sqlite3.connect(target)) as db:
            (keys,) = db.execute("SELECT count(*) FROM records WHERE key NOT LIKE 'k%'").fetchone()
            assert (keys, keys) == (made.rows["events"], made.rows["deliveries"])
            assert db.execute("SELECT max(sequence) FROM events").fetchone()[0] in (keys, None)


async def test_a_store_of_an_earlier_version_is_copied_as_it_is(path: Path, target: Path):
    """Before a new version takes up the store a copy can be made of it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(f"PRAGMA application_id = {backups.files.APPLICATION}")
        migrations.migrate(db, migrations._shipped()[:1])
    assert backup(path, target).version == 1
    async with await Store.open(target) as store:
        await store.commit(baseline())


# -------------------------------------------------------------------------------------------------------- where it goes


@pytest.fixture
def bare() -> Iterator[None]:
    """A umask that takes nothing away."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("bare", "filled")
@pytest.mark.parametrize("left_behind", [False, True])
def test_nobody_else_can_read_it_at_any_time(
    path: Path, target: Path, left_behind: bool, monkeypatch: pytest.MonkeyPatch
):
    """The copy is 0600 before its first byte is written, under any umask, where half of one was left behind too."""
    draft = target.with_name("copy.db.new")
    if left_behind:
        draft.write_bytes(b"half a copy")
        draft.chmod(0o644)
    seen: list[tuple[int, int]] = []
    connect = sqlite3.connect

    def watched(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        if args[0] == draft:
            seen.append((stat.S_IMODE(draft.stat().st_mode), draft.stat().st_size))
        return connect(*args, **kwargs)

    monkeypatch.setattr(backups.sqlite3, "connect", watched)
    backup(path, target)
    assert seen == [(0o600, 0)]
    assert [(file.name, stat.S_IMODE(file.stat().st_mode)) for file in target.parent.iterdir()] == [("copy.db", 0o600)]


@pytest.mark.usefixtures("filled")
def test_what_is_there_is_replaced_only_by_force(path: Path, target: Path):
    """A file of that name stays as it is unless it is to be replaced; then it is, whole."""
    target.write_text("precious")
    with pytest.raises(FileExistsError, match="is there already"):
        backup(path, target)
    assert target.read_text() == "precious"
    backup(path, target, force=True)
    backup(path, target, force=True)
    assert without_mark(dump(target)) == without_mark(dump(path))


@pytest.mark.usefixtures("filled")
def test_what_came_in_the_meantime_is_not_replaced(path: Path, target: Path, monkeypatch: pytest.MonkeyPatch):
    """A file that comes while the copy is made is seen at the end, and stays as it is."""
    verified = backups._verified

    def slow(*args: Any) -> Any:
        target.write_text("precious")
        return verified(*args)

    monkeypatch.setattr(backups, "_verified", slow)
    with pytest.raises(FileExistsError):
        backup(path, target)
    assert [(file.name, file.read_text()) for file in target.parent.iterdir()] == [("copy.db", "precious")]


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("force", [False, True])
def test_what_is_no_place_for_a_copy_is_left_alone(path: Path, target: Path, force: bool):
    """Neither the store itself, by any name, nor what is beside it, nor a directory, a link or a device is replaced."""
    link, directory, pipe = target.with_name("link"), target.with_name("directory"), target.with_name("pipe")
    link.symlink_to(path)
    directory.mkdir()
    os.mkfifo(pipe)
    own = [path, *(path.with_name(f"watcher.db{end}") for end in ("-wal", "-shm", ".lock"))]
    for place in (*own, link, directory, pipe):
        with pytest.raises(FileExistsError):
            backup(path, place, force=force)
    assert not list(target.parent.glob("*.new"))
    with Reader.open(path) as reader:
        assert len(reader.sources()) == 1


@pytest.mark.usefixtures("filled")
def test_two_copies_to_one_place_do_not_mix(path: Path, target: Path):
    """While a copy is written another one to the same place is refused, and the first one's file is left alone."""
    draft = target.with_name("copy.db.new")
    with draft.open("wb") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        first.write(b"the first one's")
        first.flush()
        with pytest.raises(StoreBusy, match="under way"):
            backup(path, target)
        assert draft.read_bytes() == b"the first one's"
    backup(path, target)


# ---------------------------------------------------------------------------------------------------- what goes wrong


async def test_no_room_for_it_leaves_what_was_there(filled: Store, path: Path, tmp_path: Path):
    """Where there is no room the copy before stays, nothing is left of the new one, and the daemon does not notice."""
    await filled.commit(Plan(NOON, LEADS, versions=tuple(version(f"n{n}", body={"x": "x" * 900}) for n in range(3000))))
    place = tmp_path / "disk"
    place.mkdir()
    with mounted(place, "1m") as done:
        if not done:
            (place / "copy.db.new").mkdir()  # it cannot be written for another reason, then
        (place / "copy.db").write_text("the one before")
        words = "no space on the disk of" if done else "cannot write .*/copy.db: Is a directory"
        with pytest.raises(StoreError, match=words):
            backup(path, place / "copy.db", force=True)
        assert (place / "copy.db").read_text() == "the one before"
        assert not (place / "copy.db.new").is_file()
    await filled.commit(owing(("a", "1")))


async def test_of_a_damaged_store_no_copy_is_made(path: Path, target: Path):
    """A store that is damaged where nobody looked is found out by its copy, and the copy is not kept."""
    async with await Store.open(path) as store:
        await store.commit(Plan(NOON, LEADS, versions=tuple(version(str(number)) for number in range(300))))
    with path.open("rb+") as file:
        file.seek(path.stat().st_size - 4096)
        file.write(b"\xff" * 4096)
    with pytest.raises(StoreRuined, match="damaged"):
        backup(path, target)
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("place", ["_copy", "_verified", "files.sync", "_name"])
@pytest.mark.usefixtures("filled")
def test_wherever_it_fails_nothing_is_left(path: Path, target: Path, place: str, monkeypatch: pytest.MonkeyPatch):
    """A copy that does not come to its end leaves neither itself nor half of it."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(f"watcher.store.backup.{place}", fail)
        with pytest.raises(StoreError, match=r"cannot write .*copy.db: Input/output error"):
            backup(path, target)
    assert list(target.parent.iterdir()) == []


# ------------------------------------------------------------------------------------------------------- the command


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a configuration, which one is in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").write_text('language = "en"\n')
    return tmp_path


def call(*words: str) -> Result:
    """Run `watcher backup`."""
    return CliRunner().invoke(watcher, ["backup", *words], prog_name="watcher")


@pytest.mark.usefixtures("filled", "site")
def test_the_command_says_what_it_wrote():
    """It prints what is in the copy, for people and as JSON."""
    done = call("copy.db")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "verified copy of" in done.stdout
    assert "1 source, 4 records, 6 versions, 3 events" in done.stdout
    assert Path("copy.db").stat().st_size > 0
    assert '"deliveries":9' in call("other.db", "--json").stdout


@pytest.mark.usefixtures("filled", "site")
def test_the_command_does_not_overwrite():
    """A file that is there is left alone, exit 1 and how to replace it; replaced where that is asked for."""
    Path("copy.db").write_text("precious")
    done = call("copy.db")
    assert (done.exit_code, Path("copy.db").read_text()) == (1, "precious")
    assert "--force replaces it" in done.stderr
    assert call("copy.db", "--force").exit_code == 0
    assert call("watcher.db", "--force").exit_code == 1


@pytest.mark.usefixtures("filled", "site")
def test_the_command_says_when_it_cannot_write():
    """A copy that cannot be written is exit 74."""
    done = call("nowhere/copy.db")
    assert done.exit_code == 74
    assert "No such file or directory" in done.stderr


@pytest.mark.usefixtures("site")
def test_the_command_says_when_there_is_nothing():
    """Without a store there is nothing to copy: exit 1. What is no store of ours is exit 65."""
    assert call("copy.db").exit_code == 1
    Path("watcher.db").write_text("nonsense" * 100)
    assert call("copy.db").exit_code == 65
    assert not Path("copy.db").exists()
