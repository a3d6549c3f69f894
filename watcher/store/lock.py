"""The lock file: one process has the store, the others are told who."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from watcher.errors import StoreError, WatcherError


class StoreBusy(WatcherError):
    """Another process has the store. The text names it by the number it wrote into the lock file."""


class Lock:
    """The right to write to one store, held until `release` or the end of the process.

    The lock is on the open file, not on its name or content, so a file that a killed process left behind locks nobody
    out; it is left in place, because removing it would let two processes lock two files of one name.
    """

    def __init__(self, store: Path, descriptor: int) -> None:
        self.store = store
        self._descriptor = descriptor

    @classmethod
    def take(cls, path: str | Path) -> Lock:
        """Take the lock of the store at that path. Raises StoreBusy, or StoreError when no lock file can be made.

        `store` is where the store really is: two names of one store have one lock.
        """
        store = Path(path).resolve()
        name = f"{store}.lock"
        try:
            descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(f"cannot open {name}: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
            os.close(descriptor)
            raise StoreBusy(f"{store} is in use by another watcher, process {holder or 'unknown'}") from error
        except OSError as error:
            os.close(descriptor)
            raise StoreError(f"cannot lock {name}: {error.strerror}") from error
        return cls(store, descriptor)

    def release(self) -> None:
        """Let go of it; again is no error."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
