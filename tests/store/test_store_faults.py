"""A disk that fails once, anywhere: what could not be done is said, done at the next try, and nothing is lost or half."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

pytestmark = pytest.mark.slow  # it takes strace, too

COUNT = 12
CHILD = Path(__file__).parent / "faulty.py"


class Fault(NamedTuple):
    """A system call on a file of the store that fails: its name, the file's ending, the error, the how manieth call."""

    call: str
    ending: str
    error: str
    when: int


def ended(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a program of these tests to its end."""
    places = os.pathsep.join([str(CHILD.parent), str(CHILD.parents[2])])
    return subprocess.run(
        command, capture_output=True, text=True, timeout=100, check=False, env={**os.environ, "PYTHONPATH": places}
    )


def run(path: Path, fault: Fault) -> list[str]:
    """Commit under that fault, again without it if the store could not be opened; return what was printed."""
    tracer = ["strace", "-f", "-o", f"{path}.trace", "-P", f"{path}{fault.ending}"]
    inject = ["-e", f"trace={fault.call}", "-e", f"inject={fault.call}:error={fault.error}:when={fault.when}"]
    command = [sys.executable, str(CHILD), str(path), str(COUNT)]
    done = ended([*tracer, *inject, *command])
    printed = done.stdout.splitlines()
    if done.returncode == 74:
        done = ended(command)
        printed += done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    return printed


def failed(path: Path, fault: Fault) -> list[str]:
    """Commit under that fault; see that it came, that everything is there, and return the failures."""
    printed = run(path, fault)
    assert Path(f"{path}.trace").read_text().count("(INJECTED)") == 1
    assert [line for line in printed if line.startswith("done")] == [f"done {number}" for number in range(COUNT)]
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        names = [f"n{number}" for number in range(COUNT)]
        assert [name for (name,) in db.execute("SELECT id FROM events ORDER BY sequence")] == names
        assert [key for (key,) in db.execute("SELECT key FROM versions ORDER BY rowid")] == names
        assert db.execute("SELECT count(*) FROM deliveries").fetchone() == (COUNT,)
    return [line for line in printed if line.startswith("failed")]


FAILING = [
    Fault("pwrite64", "-wal", "EIO", 20),
    Fault("pwrite64", "-wal", "ENOSPC", 21),
    Fault("pwrite64", "-wal", "EDQUOT", 30),
    Fault("pwrite64", "-wal", "EROFS", 31),
    Fault("fdatasync", "-wal", "EIO", 2),
    Fault("fdatasync", "-wal", "EIO", 7),
    Fault("pread64", "", "EIO", 1),
]


@pytest.mark.parametrize("fault", FAILING, ids=lambda fault: "-".join(map(str, fault)))
def test_what_fails_is_said_and_done_at_the_next_try(tmp_path: Path, fault: Fault):
    """A commit (or the opening) that meets the fault is a StoreError in plain words, the next try in the same place works."""
    (text,) = failed(tmp_path / "watcher.db", fault)
    words = "no space on the disk of" if fault.error == "ENOSPC" else "the disk of .* does not read or write"
    assert re.match(f"failed {words}", text)


QUIET = [
    Fault("pwrite64", "", "EIO", 1),
    Fault("pwrite64", "", "ENOSPC", 3),
    Fault("fdatasync", "", "EIO", 2),
    Fault("ftruncate", "", "EIO", 2),
    Fault("pread64", "", "EIO", 30),
    Fault("pread64", "-wal", "EIO", 4),
]


@pytest.mark.parametrize("fault", QUIET, ids=lambda fault: "-".join(map(str, fault)))
def test_what_can_be_done_again_fails_nothing(tmp_path: Path, fault: Fault):
    """A page that is not read at once, and a log that does not go over into the store, fail no commit: it is done again."""
    assert failed(tmp_path / "watcher.db", fault) == []


@pytest.mark.parametrize(
    ("call", "ending", "error", "step"),
    [
        ("fdatasync", "", "EIO", 1),
        ("fdatasync", "-wal", "EIO", 1),
        ("pread64", "", "EIO", 5),
        ("pread64", "-wal", "EIO", 3),
        ("pwrite64", "", "EIO", 5),
        ("pwrite64", "", "ENOSPC", 7),
        ("pwrite64", "-wal", "EIO", 11),
        ("pwrite64", "-wal", "ENOSPC", 13),
    ],
)
def test_wherever_it_fails(tmp_path: Path, call: str, ending: str, error: str, step: int):
    """The fault at any write, sync and read: no call leaves the store other than whole, or needs more than one more try."""
    probe = tmp_path / "probe.db"
    run(probe, Fault(call, ending, error, 65_000))
    calls = Path(f"{probe}.trace").read_text().count(f"{call}(")
    assert calls > step
    for when in range(1, calls, step):
        fault = Fault(call, ending, error, when)
        assert len(failed(tmp_path / f"{when}.db", fault)) <= 1, fault
