"""The files: who may read and write them, and how much room there is."""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from watcher.doctor.finding import Finding, ok, trouble, warning

LEAST = 128 << 20
"""Bytes that have to be free: the store's log alone may take half of it."""

DAYS = 30
"""So many days of growth there should be room for."""

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Place:
    """A file or directory as it is: its mode, its owner, what is wrong with looking at it (then the rest is zero)."""

    path: Path
    mode: int = 0
    owner: int = 0
    size: int = 0
    error: str = ""

    @classmethod
    def look(cls, path: Path) -> Place | None:
        """Look at it; None when there is nothing."""
        try:
            found = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            return cls(path, error=error.strerror or "cannot be looked at")
        return cls(path, found.st_mode, found.st_uid, found.st_size)

    @property
    def rights(self) -> str:
        """The mode as `chmod` has it."""
        return f"{stat.S_IMODE(self.mode):04o}"


def store_files(store: Path) -> tuple[Path, ...]:
    """The store's file, and those that stand beside it while it is used."""
    return (store, *(Path(f"{store}{end}") for end in ("-wal", "-shm", ".lock")))


def state(directory: Place | None, files: Iterable[Place], me: int) -> Iterator[Finding]:
    """Whether the store's directory and files are their owner's alone, and that owner's one and the same."""
    if directory is None:
        yield trouble("state directory", "is not there", "make it, mode 0700, for the user that runs watcher")
        return
    if directory.error:
        yield _unseen("state directory", directory)
        return
    if not stat.S_ISDIR(directory.mode):
        yield trouble("state directory", f"{directory.path} is no directory", "name another place in [state] path")
        return
    yield from _directory(directory, me)
    mine = me in (0, directory.owner)
    there = [place for place in files if mine or not place.error]  # whoever cannot look has been told so
    bad = [finding for place in there for finding in _own(place, directory.owner)]
    yield from bad
    if there and not bad:
        yield ok("store files", f"{len(there)}, all of {user(directory.owner)} alone")


def _directory(place: Place, me: int) -> Iterator[Finding]:
    who = f"{place.path}, {place.rights}, of {user(place.owner)}"
    if place.mode & stat.S_IWOTH and not place.mode & stat.S_ISVTX:
        yield trouble("state directory", f"{who}: anybody may replace the store", f"chmod 700 {place.path}")
    elif place.mode & (stat.S_IWGRP | stat.S_IWOTH):
        yield warning("state directory", f"{who}: others may put files there", f"chmod 700 {place.path}")
    elif me not in (0, place.owner):
        remedy = "run this as root, or as its owner, to see all of it"
        yield warning("state directory", f"{who}, and you are {user(me)}", remedy)
    else:
        yield ok("state directory", who)


def _own(place: Place, owner: int) -> Iterator[Finding]:
    """Whether a file of the store is its owner's alone."""
    name = place.path.name
    if place.error:
        yield _unseen(name, place)
    elif not stat.S_ISREG(place.mode):
        yield trouble(name, "is no ordinary file", "move it away, and put back a copy of the store")
    elif place.mode & 0o077:
        yield trouble(name, f"{place.rights}: others may read personal data", f"chmod 600 {place.path}")
    elif place.owner != owner:
        found = f"belongs to {user(place.owner)}, the directory to {user(owner)}"
        yield trouble(name, found, f"chown {user(owner)} {place.path}: watcher cannot open it otherwise")


def configuration(files: Iterable[Place]) -> Iterator[Finding]:
    """Whether somebody else could change what watcher does."""
    for place in files:
        if place.error:
            yield _unseen(str(place.path), place)
        elif place.mode & 0o022:
            yield trouble(str(place.path), f"{place.rights}: others may change it", f"chmod go-w {place.path}")
        else:
            yield ok(str(place.path), f"{place.rights}, of {user(place.owner)}")


def secret(check: str, place: Place) -> Finding | None:
    """What is wrong with the file of a secret; None when it is its owner's alone."""
    if place.error:
        return _unseen(check, place)
    if place.mode & 0o077:
        return trouble(check, f"{place.path} is {place.rights}: others may read it", f"chmod 600 {place.path}")
    return None


def _unseen(check: str, place: Place) -> Finding:
    return warning(check, f"{place.path} cannot be looked at: {place.error}", "run this as root, or as watcher's user")


def user(number: int) -> str:
    """The name of a user, or the number of one without."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


# --------------------------------------------------------------------------------------------------------------- room


@dataclass(frozen=True, slots=True)
class Room:
    """What is free on a disk: bytes, and files that may still be made (None where that has no limit)."""

    free: int
    files: int | None = None

    @classmethod
    def look(cls, directory: Path) -> Room:
        """Ask the disk of a directory. Raises OSError."""
        disk = os.statvfs(directory)
        return cls(disk.f_bavail * disk.f_frsize, disk.f_favail if disk.f_files else None)


def room(found: Room, size: int, days: float | None) -> Finding:
    """Whether there is room for the store to grow; it has `size` bytes after so many days (if that is known)."""
    free = f"{found.free // _MIB} MiB free"
    a_day = size / days if days and days >= 1 else None
    if found.free < LEAST:
        return trouble(
            "disk",
            free,
            f"make room: watcher stops reading and telling when there is none; {LEAST // _MIB} MiB at least",
        )
    if found.files == 0:
        return trouble("disk", "no file can be made any more (no inodes)", "remove files, or make a larger file system")
    if found.free < size:
        return warning("disk", f"{free}, and the store has {size // _MIB} MiB", "make room for a copy of it")
    if a_day and found.free < a_day * DAYS:
        left = round(found.free / a_day)
        return warning("disk", f"{free}: {left} days, as the store has grown so far", "make room, or a larger disk")
    grows = f", the store grows {a_day / _MIB:.1f} MiB a day" if a_day else ""
    return ok("disk", free + grows)
