"""The store as a file: made whole or not at all, looked at before it is believed, and opened.

The file is only ever read through SQLite. Opening and closing it any other way in a process that has a connection to it
would drop the locks of that connection (sqlite.org/howtocorrupt.html, 2.2).
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from watcher.errors import StoreError, StoreRuined
from watcher.store import migrations
from watcher.store.guard import LOG_LIMIT
from watcher.store.worker import translated

APPLICATION = int.from_bytes(b"watc", "big")
"""What `PRAGMA application_id` says of a file that is ours."""

_PATIENCE = 5.0
"""Seconds to wait for a lock that somebody else's look at the file holds."""

_UNWRITABLE = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}

_SETTINGS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # in WAL mode NORMAL would lose the last commits with the power
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",  # what was erased is overwritten
    "PRAGMA trusted_schema = OFF",
    "PRAGMA temp_store = MEMORY",  # no personal data in temporary files
    f"PRAGMA journal_size_limit = {LOG_LIMIT}",
)


def connect(path: Path) -> sqlite3.Connection:
    """Open the store for writing, made or brought up to date where needed, and mark it as in use.

    Raises StoreError, or StoreRuined for a file that is not a sound store of ours; such a file is left as it was.
    """
    if sqlite3.sqlite_version_info < (3, 37):
        raise StoreError(f"SQLite {sqlite3.sqlite_version} is too old: watcher needs 3.37 or newer")
    try:
        return _connect(path)
    except StoreRuined:
        return _connect(path)  # a disk that did not read it is called damage, too, and may do so now


def _connect(path: Path) -> sqlite3.Connection:
    with translated(str(path)):
        try:
            if not path.exists():
                _create(path)
            with closing(look(path)) as db:
                _doubt(db, path)
            _shut_out(path)
        except OSError as error:
            raise StoreError(f"cannot use {path}: {error.strerror}") from error
        db = sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=_PATIENCE, isolation_level=None)
        try:
            for setting in _SETTINGS:
                db.execute(setting)
            migrations.migrate(db)
            mark(db, clean=False)
        except BaseException:
            db.close()
            raise
    return db


def look(path: Path) -> sqlite3.Connection:
    """Open the store for reading only; it changes nothing and works while another process writes.

    Raises StoreError when there is none or it cannot be read, StoreRuined when it is not ours or is too new.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from error
    if not size:
        raise StoreRuined(
            f"{path} is empty, and an empty file is no store: put back a copy of it, "
            "or remove the file to begin anew, with silent first polls and nothing owed"
        )
    with translated(str(path)):
        db = _open_to_read(path)
        try:
            _refuse_foreign(db, path)
            migrations.refuse_newer(migrations.version(db))
        except BaseException:
            db.close()
            raise
    return db


def mark(db: sqlite3.Connection, *, clean: bool) -> None:
    """Write down whether the store was closed in good order."""
    db.execute("UPDATE meta SET value = ? WHERE key = 'clean'", (str(int(clean)),))


def _open_to_read(path: Path) -> sqlite3.Connection:
    uri = f"{path.as_uri()}?mode=ro"
    db = sqlite3.connect(uri, uri=True, timeout=_PATIENCE, isolation_level=None)
    try:
        db.execute("SELECT 1 FROM sqlite_schema").fetchone()
    except sqlite3.OperationalError as error:
        db.close()
        # Reading in WAL mode needs to write the index of the log beside it. Where that is not possible (a read-only
        # disk) a store that was closed in good order, so that it has no log, can be read as the plain file it is.
        if error.sqlite_errorcode & 0xFF not in _UNWRITABLE or _has_log(path):
            raise
        return sqlite3.connect(f"{uri}&immutable=1", uri=True, isolation_level=None)
    except BaseException:
        db.close()
        raise
    return db


def _refuse_foreign(db: sqlite3.Connection, path: Path) -> None:
    if db.execute("PRAGMA application_id").fetchone() != (APPLICATION,):
        raise StoreRuined(f"{path} is not a store of watcher: name another file in [state] path")


def _shut_out(path: Path) -> None:
    """Leave reading the store to its owner; SQLite gives what it makes beside the file the mode of the file."""
    for name in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        with suppress(FileNotFoundError):
            name.chmod(0o600)


def _doubt(db: sqlite3.Connection, path: Path) -> None:
    # Only after an unclean end, because it takes a while: it reads the whole file.
    if db.execute("SELECT value FROM meta WHERE key = 'clean'").fetchone() == ("1",):
        return
    (complaint,) = db.execute("PRAGMA quick_check(1)").fetchone()
    if complaint != "ok":
        raise StoreRuined(f"{path} is damaged ({complaint}): put back a copy of it")


def _create(path: Path) -> None:
    """Make an empty store under another name, safe on disk, and then give it its own name.

    So there is never half a store under that name: a crash on the way leaves at most the other file, which is made anew
    the next time.
    """
    if _has_log(path):
        raise StoreRuined(
            f"{path} is gone, but its log {path.name}-wal is still there: put the store back, "
            "or remove the log to begin anew, with silent first polls and nothing owed"
        )
    draft = Path(f"{path}.new")
    with suppress(FileNotFoundError):
        draft.unlink()
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with closing(sqlite3.connect(draft, isolation_level=None)) as db:
            db.execute("PRAGMA journal_mode = MEMORY")  # nothing beside the draft to leave behind
            db.execute(f"PRAGMA application_id = {APPLICATION}")
            migrations.migrate(db)
        sync(draft)
        draft.rename(path)
    except BaseException:
        draft.unlink(missing_ok=True)  # where there is no room it takes none
        raise
    sync(path.parent)


def _has_log(path: Path) -> bool:
    log = Path(f"{path}-wal")
    return log.exists() and log.stat().st_size > 0


def sync(path: Path) -> None:
    """Have a file, or what a directory lists, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
