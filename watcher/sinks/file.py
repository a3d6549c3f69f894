"""The events as they are, one JSON object a line, appended to a file or written to standard output."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import msgspec

from watcher.errors import Transient
from watcher.model import Delivery
from watcher.privacy import shown_envelope
from watcher.sinks.kit import Settings, Tools

_STANDARD_OUTPUT = 1


class Config(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[sinks.NAME]` with `type = "file"`. `path = "-"` is standard output."""

    path: Path


class File:
    """Appends each event as a line, on the disk before it is called taken.

    The file is opened anew for each line: so it is the right one after logrotate, whichever way that rotates.
    """

    def __init__(self, name: str, config: Config, tools: Tools) -> None:
        self.name = name
        self._personal = config.personal
        self._path = None if str(config.path) == "-" else tools.directory / config.path
        self._timeout = config.timeout.total_seconds()
        self._torn = False
        # A thread of its own keeps the lines apart, and a disk that hangs holds up nobody else's.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"sink-{name}")

    async def send(self, delivery: Delivery) -> str:
        """Return when the line is on the disk; otherwise raise Transient."""
        line = msgspec.json.encode(shown_envelope(delivery.event, self._personal)) + b"\n"
        try:
            async with asyncio.timeout(self._timeout):
                await asyncio.get_running_loop().run_in_executor(self._thread, self._write, line)
        except TimeoutError:
            raise Transient("the disk, or who reads standard output, does not answer", unanswered=True) from None
        except OSError as error:  # its text would have the path
            raise Transient(f"not written: {os.strerror(error.errno or 0)}") from None
        return ""

    async def close(self) -> None:
        """Let go of the thread; what it is writing, it still writes."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _write(self, line: bytes) -> None:
        if self._path is None and sys.__stdout__ is None:
            # It was closed when we were started, so that the number is by now that of another file: the store, say.
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        descriptor = _STANDARD_OUTPUT if self._path is None else _opened(self._path)
        try:
            if self._path is not None and stat.S_ISREG(os.fstat(descriptor).st_mode):
                append(self._path, descriptor, line)
            else:  # a pipe or a terminal: what it was given cannot be taken back
                line, self._torn = b"\n" * self._torn + line, True
                _write_all(descriptor, line)
                self._torn = False
        finally:
            if self._path is not None:
                os.close(descriptor)


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


def append(path: Path, descriptor: int, line: bytes) -> None:
    """Append a line to a file, all of it or none, and wait for the disk.

    A part of a line that a crash left behind is ended first, so that it does not spoil the new one.
    """
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        line = b"\n" + line
    written = os.write(descriptor, line)
    try:
        _settle(descriptor, len(line) - written)
    except OSError:
        # From the end as it is now: logrotate may have emptied the file in between, and a hole is no line either.
        with suppress(OSError):
            os.ftruncate(descriptor, max(0, os.fstat(descriptor).st_size - written))
        raise
    if not size:  # the file may be new: its name must be on the disk as well
        _sync_directory(path.parent)


def _settle(descriptor: int, missing: int) -> None:
    """Wait until what was written is on the disk; raises OSError when that was not all, or it does not get there."""
    if missing:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.fsync(descriptor)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, line: bytes) -> None:
    """Write to something that may take less than it is given at once."""
    while line:
        line = line[os.write(descriptor, line) :]
