"""A copy of the store, taken while a daemon writes to it or while none runs.

It is a moment of the store in one file of its own, without a log. Put in the store's place it goes on from that moment:
what changed since is found again at the next polls and has the ids that it had.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from watcher.errors import StoreError, StoreRuined
from watcher.store import files, migrations
from watcher.store.lock import StoreBusy
from watcher.store.worker import translated

_COUNTS = {
    "sources": "SELECT count(*) FROM sources",
    "records": "SELECT count(*) FROM records",
    "versions": "SELECT count(*) FROM versions",
    "events": "SELECT count(*) FROM events",
    "deliveries": "SELECT count(*) FROM deliveries",
}


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy that was verified: where it is, its bytes, the version of its schema, how many rows it has by table."""

    path: Path
    size: int
    version: int
    rows: Mapping[str, int]


def backup(store: Path, target: Path, *, force: bool = False) -> Copy:
    """Copy the store at `store` to `target`, which then is there whole, readable by its owner only, and on the disk.

    The copy is made beside `target`, as `target.new`, opened, checked and counted, and only then given its name. Raises
    FileExistsError when that is taken and not to be replaced by `force`, or no plain file or the store's own; StoreBusy
    when another copy to the same place is under way; StoreError when the store cannot be read or the copy cannot be
    written; StoreRuined when the store, or what came of it, is no sound store.
    """
    store, target = store.resolve(), target.absolute()
    _refuse(store, target, force=force)
    try:
        with _draft(target) as draft:
            with closing(files.look(store)) as source:
                rows = _copy(source, draft)
            made = _verified(draft, rows)
            files.sync(draft)
            _name(draft, target, force=force)
            files.sync(target.parent)
    except FileExistsError:
        raise
    except OSError as error:
        raise StoreError(f"cannot write {target}: {error.strerror}") from error
    return Copy(target, made.size, made.version, made.rows)


def _refuse(store: Path, target: Path, *, force: bool) -> None:
    own = {store, *(Path(f"{store}{ending}") for ending in ("-wal", "-shm", ".lock"))}
    if target.resolve() in own:
        raise FileExistsError(f"{target} is the store's own")
    if os.path.lexists(target) and not (force and target.is_file() and not target.is_symlink()):
        raise FileExistsError(f"{target} is there already" if target.is_file() else f"{target} is no plain file")


@contextmanager
def _draft(target: Path) -> Iterator[Path]:
    """A file beside the target that nobody else writes to and only its owner reads; gone at the end, if not renamed."""
    draft = Path(f"{target}.new")
    descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        if not _ours(descriptor, draft):
            raise StoreBusy(f"another copy to {target} is under way")
        os.fchmod(descriptor, 0o600)  # one that was left behind may have any
        os.ftruncate(descriptor, 0)
        try:
            yield draft
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
    finally:
        os.close(descriptor)  # after SQLite's own: closing it would drop the locks of that one


def _ours(descriptor: int, draft: Path) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # One that another copy has just finished and renamed is not to be emptied.
        return os.path.samestat(draft.stat(), os.fstat(descriptor))
    except (BlockingIOError, FileNotFoundError):
        return False


def _copy(source: sqlite3.Connection, draft: Path) -> dict[str, int]:
    """Copy all of it as it is at one moment; return how many rows it had then."""
    with closing(sqlite3.connect(draft, isolation_level=None)) as copy, translated(str(draft)):
        # Nobody else sees it, and one that is not finished is thrown away: so it needs neither journal nor locks.
        for setting in ("locking_mode = EXCLUSIVE", "journal_mode = OFF", "synchronous = OFF"):
            copy.execute(f"PRAGMA {setting}")
        source.execute("BEGIN")
        rows = _count(source)
        source.backup(copy)  # all at once: page by page it would begin anew with each commit of the daemon
        source.execute("COMMIT")
        copy.execute("PRAGMA journal_mode = DELETE")  # of what the store's file says: that there is a log
        files.mark(copy, clean=False)  # so that it is looked over when it is put in the store's place
    return rows


def _verified(draft: Path, rows: Mapping[str, int]) -> Copy:
    with closing(files.look(draft)) as copy, translated(str(draft)):
        (complaint,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
        if complaint != "ok" or _count(copy) != rows:
            reason = complaint if complaint != "ok" else "it lacks some of its rows"
            raise StoreRuined(f"the store is damaged, or its copy did not come out whole: {reason}")
        return Copy(draft, draft.stat().st_size, migrations.version(copy), rows)


def _count(db: sqlite3.Connection) -> dict[str, int]:
    return {table: int(db.execute(query).fetchone()[0]) for table, query in _COUNTS.items()}


def _name(draft: Path, target: Path, *, force: bool) -> None:
    """Give the copy its name; without `force` only if nothing has it, not even since a moment ago."""
    if force:
        draft.replace(target)
        return
    try:
        os.link(draft, target)
    except FileExistsError:
        raise FileExistsError(f"{target} is there already") from None
    except OSError:  # a file system without links: nothing had that name a moment ago
        draft.rename(target)
    else:
        draft.unlink()
