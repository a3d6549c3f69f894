"""The store: that it can be read, is whole, and of which size."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from watcher.doctor.finding import Finding, ok, trouble, warning
from watcher.errors import StoreError
from watcher.store import files, migrations
from watcher.store.forms import moment
from watcher.store.guard import LOG_LIMIT
from watcher.store.worker import translated

STEPS = 100_000
"""Of SQLite's machine between two looks at the time."""

_MIB = 1 << 20
_RESTORE = "stop watcher, put back a copy of the store (`watcher backup --help`), start it"


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen in the store. `whole` is None when there was no time to read all of it; `fault` is what is broken.

    `version` is that of its schema, `oldest` the time of the first event in it.
    """

    version: int
    whole: bool | None
    fault: str = ""
    oldest: datetime | None = None


def look(path: Path, out_of_time: Callable[[], bool]) -> Look:
    """Read the store, without its lock and without writing anything, and check it for as long as there is time.

    Raises StoreError when it cannot be read, StoreRuined when it is none of ours.
    """
    with translated(str(path)), closing(_open(path)) as db:
        oldest = db.execute("SELECT recorded_at FROM events ORDER BY sequence LIMIT 1").fetchone()
        found = Look(migrations.version(db), None, oldest=moment(oldest[0]) if oldest else None)
        db.set_progress_handler(out_of_time, STEPS)
        try:
            (said,) = db.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                return found
            raise
    return Look(found.version, said == "ok", "" if said == "ok" else said, found.oldest)


def _open(path: Path) -> sqlite3.Connection:
    """The store to read from; as a plain file where no log says that somebody writes to it.

    Reading in WAL mode makes files beside the store, and this is to leave nothing behind.
    """
    if Path(f"{path}-wal").exists() or not path.exists() or not path.stat().st_size:
        return files.look(path)
    db = sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None)
    try:
        if db.execute("PRAGMA application_id").fetchone() != (files.APPLICATION,):
            db.close()
            return files.look(path)  # which says what it is instead
    except BaseException:
        db.close()
        raise
    return db


def store(
    path: Path, out_of_time: Callable[[], bool], now: datetime | None = None
) -> tuple[list[Finding], float | None]:
    """What is to be said of the store at that path, and for how many days it has been filled."""
    path = path.absolute()
    try:
        path.lstat()
        seen = look(path, out_of_time)
        size = path.stat().st_size
    except PermissionError:
        return [warning("store", f"{path} is not for you to read", "run this as root, or as watcher's user")], None
    except FileNotFoundError:
        return [_none(path)], None
    except (StoreError, OSError) as error:
        return [trouble("store", str(error), f"if it is not a matter of rights, {_RESTORE}")], None
    days = ((now or datetime.now(UTC)) - seen.oldest).total_seconds() / 86400 if seen.oldest else None
    return [*_judged(path, seen), *sizes(size, _size(Path(f"{path}-wal")))], days


def _none(path: Path) -> Finding:
    if not path.parent.is_dir():
        return trouble("store", f"there is no {path.parent}", "make it, mode 0700, for the user that runs watcher")
    return warning("store", f"there is no {path} yet", "`watcher run` makes it; if there was one, put it back")


def _judged(path: Path, seen: Look) -> Iterator[Finding]:
    if seen.version > migrations.NEWEST:
        found = f"version {seen.version}, and this watcher knows {migrations.NEWEST}"
        yield trouble("schema", found, "install the watcher that wrote it, or put back a copy from before")
    elif seen.version < migrations.NEWEST:
        found = f"version {seen.version}; this watcher writes {migrations.NEWEST}"
        yield warning("schema", found, "start the daemon, which brings it up to date")
    else:
        yield ok("schema", f"version {seen.version}")
    if seen.whole is None:
        yield warning("store", f"{path} opens; it is too large to check in this time", "give it longer: --patience 600")
    elif seen.whole:
        yield ok("store", f"{path} opens and is whole (quick_check)")
    else:
        yield trouble("store", f"{path} is damaged: {seen.fault}", _RESTORE)


def sizes(store_bytes: int, log_bytes: int) -> Iterator[Finding]:
    """How large the store and its log are."""
    yield ok("size", f"{store_bytes / _MIB:.1f} MiB")
    log = f"{log_bytes / _MIB:.1f} MiB"
    if log_bytes > 2 * LOG_LIMIT:
        remedy = "end the programs that read the store for long; it shrinks when nobody reads"
        yield warning("log (WAL)", f"{log}, over twice its limit of {LOG_LIMIT // _MIB} MiB", remedy)
    else:
        yield ok("log (WAL)", log)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
