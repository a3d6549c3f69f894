"""The power is cut anywhere: what was acknowledged is there, what is there is whole, and the store opens by itself."""

from __future__ import annotations

import os
import random
import sqlite3
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import power
import pytest
from figures import about
from power_child import LEADS, NOON, STEPS, told

from watcher.errors import WatcherError
from watcher.store import Store
from watcher.store.backup import backup

pytestmark = pytest.mark.slow

CUTS = int(os.environ.get("POWER_CUTS", "300"))
SEED = int(os.environ.get("POWER_SEED", "20261121"))
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def steps(tmp_path_factory):
    """What the script does to its disk, and what it acknowledges."""
    place = tmp_path_factory.mktemp("power")
    command = [sys.executable, str(ROOT / "tests" / "crash" / "power_child.py"), str(place)]
    trace = tmp_path_factory.mktemp("trace") / "trace"
    found = power.record(command, place, trace, {**os.environ, "PYTHONPATH": str(ROOT)})
    trace.unlink()
    return found


def written(content, place, luck):
    """Put what is left of the disk into a directory; the index of the log, which nobody syncs, may be anything."""
    for path, data in content.items():
        (place / Path(path).name).write_bytes(data)
    index = place / "watcher.db-shm"
    index.unlink(missing_ok=True)
    if luck.random() < 0.5:
        index.write_bytes(luck.randbytes(32768))


async def opened(place, acknowledged):
    """Open the store and see that all is there that was acknowledged, that what is there is whole, and that it goes on."""
    counts = Counter(line.split()[0] for line in acknowledged)
    async with await Store.open(place / "watcher.db") as store:
        with closing(sqlite3.connect(place / "watcher.db")) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            events = [name for (name,) in db.execute("SELECT id FROM events ORDER BY sequence")]
            keys = [key for (key,) in db.execute("SELECT key FROM versions ORDER BY rowid")]
            states = dict(db.execute("SELECT number, state FROM deliveries"))
        assert events == keys == [f"n{number}" for number in range(len(events))]
        assert len(states) == len(events)
        assert counts["told"] <= len(events) <= counts["told"] + 1
        settled = {int(line.split()[1]) for line in acknowledged if line.startswith("settled")}
        assert settled <= {number for number, state in states.items() if state == "delivered"}
        assert (await store.state(LEADS)).cursor == (len(events) - 1 if events else None)
        await store.commit(told(len(events)))
        assert len((await store.known(LEADS)).fingerprints) == len(events) + 1
        owed = await store.due("crm", NOON, 1000)
        assert len(owed) == 1 + sum(state == "owed" for state in states.values())


async def copied(place, acknowledged):
    """See that a copy that has its name is whole, and that one that was acknowledged has its name; say if there is one."""
    numbers = [int(line.split()[1]) for line in acknowledged if line.startswith("copied")]
    copy = place / "copy.db"
    assert copy.exists() or not numbers
    if copy.exists():
        made = backup(copy, place / "verified.db")
        assert made.rows["events"] >= (numbers[-1] + 1 if numbers else 1)
    return copy.exists()


def cuts(steps, count, luck):
    """Cut the power so many times; give the step, what was acknowledged by then, what is left, and what was under way."""
    disk, done = power.Disk(), 0
    for point in sorted(luck.choices(range(1, len(steps) + 1), k=count)):
        for step in steps[done:point]:
            disk.do(step)
        done = point
        under_way = any(file.pending for path, file in disk.names.items() if not path.endswith((".lock", "-shm")))
        yield point, disk.acknowledged, disk.cut(luck), under_way


async def test_the_power_is_cut_anywhere(steps, tmp_path):
    """Whatever of the unsynced writes came through, whole, torn or not at all, nothing acknowledged is lost or half."""
    luck, found = random.Random(SEED), Counter()
    for point, acknowledged, content, under_way in cuts(steps, CUTS, luck):
        place = tmp_path / str(found["cuts"])
        place.mkdir()
        written(content, place, luck)
        try:
            await opened(place, acknowledged)
            found["copies"] += await copied(place, acknowledged)
        except Exception as error:
            raise AssertionError(f"seed {SEED}, cut {found['cuts']} after step {point} of {len(steps)}") from error
        found.update(cuts=1, under_way=under_way, acknowledged=len(acknowledged))
    assert found["under_way"] > CUTS / 2
    assert found["copies"] > CUTS / 10
    about("crashes")["power cut"] = (
        f"{found['cuts']} cuts among {len(steps)} writes, syncs and renames ({found['under_way']} with writes under way, "
        f"{found['copies']} with a copy there): 0 of {found['acknowledged']} acknowledged steps lost, none half, "
        "integrity_check ok, opened by itself"
    )


async def test_the_cuts_would_find_a_commit_that_was_not_synced(steps, tmp_path):
    """The same cuts of a program that does not wait for the log find that acknowledged transactions are lost."""
    luck, lost = random.Random(SEED), 0
    careless = [step for step in steps if step.what != "sync" or not step.path.endswith("-wal")]
    for number, (_, acknowledged, content, _) in enumerate(cuts(careless, 30, luck)):
        place = tmp_path / str(number)
        place.mkdir()
        written(content, place, luck)
        try:
            await opened(place, acknowledged)
        except (AssertionError, WatcherError, sqlite3.DatabaseError):
            lost += 1
    assert lost > 3


def test_a_commit_is_on_the_disk_when_it_returns(steps):
    """From one acknowledged commit to the next the log is synced, and synced once; nothing else is."""
    syncs = []
    for step in steps:
        if step.what == "sync":
            syncs.append(Path(step.path).name)
        elif step.what == "acknowledge" and step.data == b"told 0\n":
            syncs.clear()
        elif step.what == "acknowledge" and step.data == f"told {STEPS - 1}\n".encode():
            break
    commits = STEPS - 1 + len([step for step in range(STEPS) if step % 3 == 2])
    assert syncs == ["watcher.db-wal"] * commits
    about("crashes")["syncs a commit"] = f"1, of the log ({len(syncs)} for {commits} commits)"
