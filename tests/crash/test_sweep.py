"""A fault at every single write and sync call of a run: nothing is lost, nothing invented, nothing out of order.

The faults are strace's: the process is killed on its way into the call, or the call does nothing and says that the disk
is full or broken. Each call is struck in a run of its own, from an empty directory to the end of the script.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

import pytest
from figures import about
from sweep import Bench, Call, Told, stored

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

IN_FLIGHT = 4
"""Messages under way together in one sink: its `at_once`."""

LASTS = 3
"""Calls for which a disk stays full or broken."""

ALMOST = 0.85
"""Two runs write some pages more or less, by what waits to be written together: so many of the calls are in each."""

FILES = ("write", "pwrite64", "fsync", "fdatasync", "ftruncate")
"""The calls that a disk can refuse, of those that a run makes."""

SQLITE_S = Call("fdatasync", "@")
"""SQLite makes nothing of a directory that cannot be synced (unixSync in os_unix.c): some file systems cannot do it."""

OURS = ("@/step", "@/log.jsonl")
"""Files of the test's own: what is refused there is not said anywhere."""


@dataclass
class Sweep:
    """What the runs with one kind of fault came to."""

    points: int = 0
    twice: Counter = field(default_factory=Counter)
    unsaid: Counter = field(default_factory=Counter)
    restarts: int = 0


@pytest.fixture(scope="module")
def benches():
    """A bench for each processor, on a file system in memory where there is one: it is the calls that count, not the disk."""
    memory = Path("/dev/shm")
    root = Path(tempfile.mkdtemp(prefix="sweep-", dir=memory if memory.is_dir() else None))
    assert shutil.which("strace"), "strace is not here: install it, this promise cannot be shown without"
    processors = os.sched_getaffinity(0)
    made = [Bench(root / str(number), number) for number in sorted(processors)]
    yield made
    for bench in made:
        bench.close()
    os.sched_setaffinity(0, processors)  # the calm run was in this thread
    shutil.rmtree(root)


@pytest.fixture(scope="module")
def calm(benches):
    """The calls of an undisturbed run, and what it tells."""
    calls, told = benches[0].calls("calm")
    sound, events, left = stored(benches[0].root / "calm")
    assert (sound, left) == (True, [])
    assert {one.id for found in told.values() for one in found} == events
    assert {one.type for one in told["desk"]} >= {"summary", "overdue", "purchase-removed"}
    return Counter({call: count for call, count in calls.items() if call.path != "@/step"}), told


def swept(benches, calls, strike):
    """Strike each call once, and go on behind the last one until a run ends by itself; return how many were struck."""
    free = SimpleQueue()
    for bench in benches:
        free.put(bench)

    @contextmanager
    def one():
        bench = free.get()
        try:
            yield bench
        finally:
            free.put(bench)

    def at(call, number):
        with one() as bench:
            return strike(bench, call, number)

    def behind(call, count):
        """Runs differ a little; so there may be more calls than in the first one."""
        struck = 0
        while at(call, count + 1 + struck):
            struck += 1
        return struck

    with ThreadPoolExecutor(len(benches)) as pool:
        points = [pool.submit(at, call, number) for call, count in calls.items() for number in range(1, count + 1)]
        more = [pool.submit(behind, call, count) for call, count in calls.items()]
        return sum(done.result() for done in (*points, *more))


def compare(told: list[Told], expected: list[Told]) -> int:
    """Raise unless this is what was expected, in its order record by record; return how many came twice."""
    assert {one.id for one in expected} <= {one.id for one in told}, "lost"
    assert set(told) <= set(expected), "invented"
    for record in {one.record for one in expected}:
        order = [one.id for one in expected if one.record == record]
        places = [order.index(one.id) for one in told if one.record == record]
        assert places == sorted(places), f"out of order: {record}"
    return len(told) - len(expected)


def judged(bench, place, expected, found):
    """Hold what the runs in a place told and stored against the undisturbed run, and count what came twice."""
    for sink, events in bench.told(place).items():
        twice = compare(events, expected[sink])
        assert twice <= IN_FLIGHT, f"{twice} messages twice to {sink}"
        found.twice[sink] += twice
    sound, events, left = stored(place)
    assert sound, "the store is damaged"
    assert events == {one.id for told in expected.values() for one in told}
    assert left == []


def test_killed_at_every_call_nothing_is_lost(benches, calm):
    """SIGKILL on the way into each call: the next run tells what is missing, with the same ids, and in order."""
    calls, expected = calm
    found = Sweep()

    def strike(bench, call, number):
        place = bench.place(f"{call.name}-{Path(call.path or 'socket').name}-{number}")
        inject = ("-e", f"trace={call.name}", "-e", f"inject={call.name}:signal=SIGKILL:when={number}")
        killed = bench.run(place, *inject, call=call).code
        assert killed in (-signal.SIGKILL, 0), bench.said(place)
        if killed:
            again = bench.run(place)
            assert again.code == 0, bench.said(place)
        judged(bench, place, expected, found)
        bench.forget(place)
        return bool(killed)

    found.points = swept(benches, calls, strike)
    assert found.points >= ALMOST * calls.total()
    about("crashes")["killed at every write and sync call"] = (
        f"{found.points} points, 0 lost, 0 invented, {found.twice.total()} told twice with the same id"
    )


@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
def test_refused_at_every_call_the_process_lives_says_so_and_recovers(benches, calm, error):
    """A disk that refuses three calls in a row from each one on: it is said, nothing is lost, and it goes on by itself.

    A daemon that cannot open its store yet ends with 74, and is started again, as systemd does.
    """
    calls, expected = calm
    of_the_disk = Counter({call: n for call, n in calls.items() if call.name in FILES and call.path not in OURS})
    found = Sweep()

    def strike(bench, call, number):
        place = bench.place(f"{error}-{call.name}-{Path(call.path).name}-{number}")
        when = f"{number}..{number + LASTS - 1}"
        inject = ("-e", f"trace={call.name}", "-e", f"inject={call.name}:error={error}:when={when}")
        ended = bench.run(place, *inject, call=call, strikes=LASTS)
        if ended.code:
            assert ended.code == 74, bench.said(place)
            assert '"started"' not in bench.said(place), bench.said(place)
            found.restarts += 1
            assert bench.run(place).code == 0, bench.said(place)
        if ended.struck and not said(bench, place) and not bench.left(place) < ended.first:
            found.unsaid[call] += 1
        judged(bench, place, expected, found)
        bench.forget(place)
        return bool(ended.struck)

    found.points = swept(benches, of_the_disk, strike)
    assert found.points >= ALMOST * of_the_disk.total()
    about("crashes")[f"{error} at every write and sync call"] = (
        f"{found.points} points, 0 lost, 0 invented, {found.twice.total()} told twice with the same id, "
        f"{found.restarts} at the opening of the store"
    )
    assert found.unsaid.keys() <= {SQLITE_S}


def said(bench, place):
    """Whether the runs in a place said that something went wrong."""
    text = bench.said(place)
    return any(words in text for words in ("the store fails", "to be tried again", "not settled", "watcher: "))
