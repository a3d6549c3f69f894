"""A disk that can be full or read-only: a real one, small, where one can be mounted."""

from __future__ import annotations

import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from figures import about

from watcher.store.sqlite import Store

"""How the disks of this run were made full, for the end of the run."""


class Disk(Protocol):
    """A disk; `complaint` is what is said when it is full."""

    place: Path
    complaint: str

    def fill(self, longest: str = "watcher.db-wal", room: int = 0) -> None:
        """Have so many bytes left; where lengths are limited, no file can be longer than that one by more."""

    def free(self) -> None:
        """Have room again."""


class Mounted:
    """A file system of eight megabytes."""

    complaint = "no space on the disk of .*/watcher.db: make room"

    def __init__(self, place: Path) -> None:
        self.place = place

    def fill(self, longest: str = "", room: int = 0) -> None:
        """Write a file until nothing more can be written, and give back the room."""
        with (self.place / "ballast").open("ab", buffering=0) as ballast:
            with suppress(OSError):
                while True:
                    ballast.write(bytes(4096))
            ballast.truncate(ballast.tell() - room)

    def free(self) -> None:
        """Remove that file."""
        (self.place / "ballast").unlink()


class Limited:
    """Any directory: no file of this process can be written beyond a length."""

    complaint = "the disk of .*/watcher.db does not read or write"

    def __init__(self, place: Path) -> None:
        self.place = place
        self._before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(self, longest: str = "watcher.db-wal", room: int = 0) -> None:
        """Let no file be longer than that one by more; it counts as empty if it is not there."""
        file = self.place / longest
        size = file.stat().st_size if file.exists() else 0
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + room, self._before[1]))

    def free(self) -> None:
        """Let them grow again."""
        resource.setrlimit(resource.RLIMIT_FSIZE, self._before)


@contextmanager
def mounted(place: Path, size: str = "8m") -> Iterator[bool]:
    """Mount a small file system there; False where that is not allowed."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "watcher-test", str(place)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        done = False
    try:
        yield done
    finally:
        if done:
            subprocess.run(["umount", "-l", str(place)], check=True)


@contextmanager
def small_disk(kind: str, place: Path) -> Iterator[Disk]:
    """A disk at that place: `mounted`, or `limited`, which is also what is had where none can be mounted."""
    place.mkdir()
    if kind == "limited":
        disk = Limited(place)
        try:
            yield disk
        finally:
            disk.free()
        return
    with mounted(place) as done:
        about("store")["disks that are full"] = (
            "a full file system (tmpfs)" if done else "no file system can be mounted here: RLIMIT_FSIZE instead"
        )
        yield Mounted(place) if done else Limited(place)


async def pragma(store: Store, sql: str) -> object:
    """What a PRAGMA gives on the store's own connection."""
    return await store._look(lambda db: db.execute(f"PRAGMA {sql}").fetchone())


@contextmanager
def read_only(place: Path) -> Iterator[None]:
    """Have a mounted disk read-only for a while; where it is a plain directory, nobody may write into it."""
    if place.is_mount():
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
    else:
        place.chmod(0o500)
    try:
        yield
    finally:
        if place.is_mount():
            subprocess.run(["mount", "-o", "remount,rw", str(place)], check=True)
        place.chmod(0o700)
