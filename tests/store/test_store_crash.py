"""What was acknowledged is there after the process is killed, wherever that finds it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from store_samples import LEADS, NOON, agrees

import watcher
from watcher.store.sqlite import Store

PROGRAM = """
import asyncio, os, signal, sys
sys.path[:0] = [{tests!r}, {root!r}]
from store_samples import LEADS, NOON, baseline, event, rich, version
from watcher.model import Owed, Plan
from watcher.store import plans
from watcher.store.known import Memory
from watcher.store.sqlite import Store

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

async def main(path, where):
    store = await Store.open(path)
    await store.commit(baseline())
    await store.known(LEADS)
    write = plans.write
    if where == "inside":
        plans.write = lambda db, plan: (write(db, plan), die())
    if where == "after":
        Memory.apply = die
    if where in ("inside", "after"):
        await store.commit(rich())
    for number in range(1_000_000):
        name = str(number)
        plan = Plan(NOON, LEADS, versions=(version("n" + name),), events=(event(name, name),), owed=(Owed(name, "crm", "r"),))
        await store.commit(plan)
        print(number, flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


def command(path: Path, where: str) -> list[str]:
    """A program that commits to the store at that path and dies where it is told to."""
    program = PROGRAM.format(tests=str(Path(__file__).parent), root=str(Path(watcher.__file__).parents[1]))
    return [sys.executable, "-c", program, str(path), where]


def ended(path: Path, where: str) -> int:
    """Run it to its end, and return how it ended."""
    return subprocess.run(command(path, where), timeout=60, check=False, stdout=subprocess.DEVNULL).returncode


def acknowledged(path: Path) -> int:
    """Run it, kill it while it commits one plan after the other, and return the number of the last that returned."""
    with subprocess.Popen(command(path, "anywhere"), stdout=subprocess.PIPE, text=True) as process:
        lines = [process.stdout.readline() for _ in range(30)]
        process.kill()
        lines += process.stdout.readlines()
    return max(int(line) for line in lines if line.endswith("\n"))


@pytest.mark.parametrize(("where", "last"), [("inside", 1), ("after", 2)])
async def test_killed_around_the_commit_it_is_whole_or_not_there(path: Path, where: str, last: int):
    """Killed before COMMIT nothing of the plan is there; killed between COMMIT and the return, all of it is."""
    assert ended(path, where) == -signal.SIGKILL
    async with await Store.open(path) as store:
        assert (await store.versions(LEADS, ["1"]))["1"].version == last
        assert len(await store.due("crm", NOON.replace(hour=20), 10)) == (2 if where == "after" else 0)
        assert len(await store.held("night", "all", "n")) == (where == "after")
        assert len(await store.due("team", NOON.replace(hour=20), 10)) == (where == "after")
        assert ((await store.state(LEADS)).cursor, await agrees(store)) == (last, True)


async def test_killed_at_any_time_nothing_acknowledged_is_lost(path: Path):
    """Every commit that returned before the kill is there, with its event and what it owes, and no half one after it."""
    last = acknowledged(path)
    async with await Store.open(path) as store:
        owed = [delivery.event for delivery in await store.due("crm", NOON, 1_000_000)]
        assert [event.sequence for event in owed] == list(range(1, len(owed) + 1))
        assert len(owed) - 1 in (last, last + 1)
        keys = {key for key in (await store.known(LEADS)).fingerprints.values() if key.startswith("n")}
        assert keys == {f"n{event.id}" for event in owed}


@pytest.mark.parametrize(
    ("body", "code"),
    [("async with await Store.open({path!r}): raise SystemExit(7)", 7), ("store = await Store.open({path!r})", 0)],
)
def test_a_program_ends_whether_it_closes_the_store_or_not(path: Path, body: str, code: int):
    """Neither an exception inside the block nor a store that nobody closes keeps a process from ending."""
    program = f"""
import asyncio, sys
sys.path.insert(0, {str(Path(watcher.__file__).parents[1])!r})
from watcher.store import Store
async def main():
    {body.format(path=str(path))}
asyncio.run(main())
"""
    assert subprocess.run([sys.executable, "-c", program], timeout=60, check=False).returncode == code
