"""What watcher runs on: Python, the libraries, SQLite."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

from watcher.doctor.finding import Finding, ok, trouble, warning

PYTHON = (3, 11)

AIOHTTP_WHY = "older ones carry a HIGH advisory in the parser of answers"

LIBRARIES: Mapping[str, tuple[str, str]] = {
    "aiohttp": ("3.14.3", AIOHTTP_WHY),
    "aiosqlite": ("0.22", ""),
    "msgspec": ("0.20", ""),
    "jinja2": ("3.1.6", "older ones let templates out of their sandbox"),
    "aiosmtplib": ("5.1.3", ""),
    "asyncio-throttle": ("1.0.2", ""),
    "structlog": ("25.1", ""),
    "prometheus-client": ("0.22", ""),
    "click": ("8.2", ""),
    "rich": ("14", ""),
    "holidays": ("0.90", "older ones do not know the next public holidays"),
    "pyyaml": ("6.0", ""),
    "tzdata": ("2025.2", "older ones do not know when clocks change"),
    "xxhash": ("3.5", ""),
}
"""Each library that watcher needs: the oldest version, as pyproject.toml has it, and what is wrong with older ones."""

_UPGRADE = "upgrade watcher's virtual environment: pip install -U watcher"


def numbers(text: str) -> tuple[int, ...]:
    """The leading numbers of a version: `3.14.3rc1` is (3, 14, 3)."""
    match = re.match(r"\d+(\.\d+)*", text)
    return tuple(map(int, match[0].split("."))) if match else ()


def installed(name: str) -> str | None:
    """The version of an installed package; None when it is not there."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def python(found: tuple[int, ...]) -> Finding:
    """Whether this Python will do."""
    text = ".".join(map(str, found))
    if found < PYTHON:
        return trouble("Python", f"{text} is too old", f"use Python {'.'.join(map(str, PYTHON))} or newer")
    return ok("Python", text)


def libraries(look_up: Callable[[str], str | None]) -> Iterator[Finding]:
    """Whether each library is there, and new enough; `look_up` gives the version of a package."""
    good = []
    for name, (oldest, why) in LIBRARIES.items():
        found = look_up(name)
        if found is None:
            yield trouble(name, "is not installed", _UPGRADE)
        elif numbers(found) < numbers(oldest):
            reason = f": {why}" if why else ""
            yield trouble(name, f"{found} is older than {oldest}{reason}", _UPGRADE)
        else:
            good.append(f"{name} {found}")
    if good:
        yield ok("libraries", ", ".join(good))


# ------------------------------------------------------------------------------------------------------------- SQLite


class Fault(NamedTuple):
    """A known fault of SQLite: since when it is there, in which versions it is mended, and what it means to watcher.

    `mended` are the first good version of each series that got the repair; later series have it, too.
    """

    name: str
    since: tuple[int, ...]
    mended: tuple[tuple[int, ...], ...]
    means: str

    def afflicts(self, found: tuple[int, ...]) -> bool:
        """Whether that version has it."""
        if found < self.since or found >= max(self.mended):
            return False
        return not any(found[:2] == good[:2] and found >= good for good in self.mended)


FAULTS = (
    Fault(
        "the WAL-reset fault",  # https://sqlite.org/wal.html#walresetbug
        (3, 7, 0),
        ((3, 44, 6), (3, 50, 7), (3, 51, 3)),
        "it takes two connections that write or checkpoint at once, and watcher has one: let no other program write to "
        "the store, and copy it with `watcher backup` only",
    ),
)
WITHDRAWN = {(3, 52, 0): "its makers have withdrawn it"}
OLDEST_SQLITE = (3, 37)
"""The first with STRICT tables; RETURNING (3.35) and JSON functions that are always there (3.38) are tried besides."""

_NEEDS = {
    "STRICT tables": "CREATE TABLE temp.strict_table (a INTEGER PRIMARY KEY) STRICT",
    "RETURNING": "INSERT INTO temp.plain_table VALUES (1) RETURNING a",
    "JSON functions": "SELECT value FROM json_each('[1]')",
}


def sqlite(found: tuple[int, ...], lacks: tuple[str, ...] = (), *, threads: bool = True) -> Iterator[Finding]:
    """Whether that version of SQLite will do, and which of its known faults matter here."""
    text = ".".join(map(str, found))
    upgrade = "use a newer SQLite: that of a newer Debian, or of a newer Python"
    if found < OLDEST_SQLITE:
        yield trouble("SQLite", f"{text} is too old: watcher needs 3.37 or newer", upgrade)
    elif lacks:
        yield trouble("SQLite", f"{text} was built without {', '.join(lacks)}", upgrade)
    elif not threads:
        yield trouble("SQLite", f"{text} was built without support for threads", upgrade)
    elif found in WITHDRAWN:
        yield warning("SQLite", f"{text}: {WITHDRAWN[found]}", upgrade)
    else:
        yield ok("SQLite", text)
    for fault in FAULTS:
        if fault.afflicts(found):
            # No warning: nobody can do anything about it on a Debian, and here it cannot come about.
            yield ok("SQLite's faults", f"{text} has {fault.name}: {fault.means}")


def lacking() -> tuple[str, ...]:
    """What watcher needs of this machine's SQLite and does not get; tried in memory."""
    missing = []
    db = sqlite3.connect(":memory:")
    try:
        db.execute("CREATE TABLE temp.plain_table (a)")
        for name, statement in _NEEDS.items():
            try:
                db.execute(statement).fetchall()
            except sqlite3.Error:
                missing.append(name)
    finally:
        db.close()
    return tuple(missing)


def this_sqlite() -> tuple[int, ...]:
    """The version of SQLite that this Python has."""
    return sqlite3.sqlite_version_info


def threadsafe() -> bool:
    """Whether SQLite may be used from another thread than the one that opened it."""
    return sqlite3.threadsafety > 0
