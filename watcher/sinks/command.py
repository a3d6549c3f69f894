"""A program of one's own: it gets the event as JSON on its standard input, and says by its exit what becomes of it.

No shell is involved. Nothing of the daemon's environment is handed on but where programs are (`PATH`), and nothing that
the program started is left running once it has ended, or when its time is up.
"""

from __future__ import annotations

import asyncio
import errno
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import msgspec

from watcher.errors import Permanent, Transient
from watcher.messages.text import plain
from watcher.model import Delivery
from watcher.privacy import shown_envelope
from watcher.sinks.kit import Settings, Tools

LATER = 75
"""EX_TEMPFAIL of sysexits.h: try again later."""

CANNOT_RUN = (126, 127)
"""What a shell says of a program that it cannot run or find."""

MOST_KEPT, MOST_REASON = 2048, 200
"""Bytes of each output that are kept, and characters of its first line that are repeated."""

GRACE = 2.0
"""Seconds that a program has to end by itself once its time is up."""

_BUSY = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ETXTBSY, errno.EIO, errno.EINTR})
"""Why a program is not started just now; any other reason stays until somebody mends it."""


class Config(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[sinks.NAME]` with `type = "command"`. A program without a slash is looked for in `PATH`, as a shell does."""

    command: Annotated[list[str], msgspec.Meta(min_length=1)]

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.command[0].strip():
            raise ValueError('command: must begin with a program; write ["/usr/local/bin/tell", "argument"]')
        if any("\0" in word for word in self.command):
            raise ValueError("command: must not have a NUL in it")


class Command:
    """Runs the program once for each event."""

    def __init__(self, name: str, config: Config, tools: Tools) -> None:
        self.name = name
        self._config = config
        self._directory = tools.directory

    async def send(self, delivery: Delivery) -> str:
        """Return the beginning of its output when it ended with 0; otherwise raise Transient or Permanent."""
        document = msgspec.json.encode(shown_envelope(delivery.event, self._config.personal))
        environment = surroundings(self.name, delivery)
        code, out, err = await run(self._config.command, document, environment, self._directory, self._config.timeout)
        if code == 0:
            return out
        raise _error(code, err or out)

    async def close(self) -> None:
        """Nothing is held open: there is a program for each event."""


def surroundings(sink: str, delivery: Delivery) -> dict[str, str]:
    """All of the program's environment. Nothing in it is secret, nor personal."""
    return {
        "PATH": os.environ.get("PATH") or os.defpath,
        "LANG": "C.UTF-8",
        "WATCHER_EVENT_ID": plain(delivery.event.id, 100),
        "WATCHER_EVENT_TYPE": plain(delivery.event.type, 100),
        "WATCHER_SINK": sink,
        "WATCHER_ATTEMPT": str(delivery.attempts + 1),
    }


def _error(code: int, said: str) -> Transient | Permanent:
    """What an exit means: negative is the number of the signal that ended it."""
    if code < 0:  # it did not decide that itself: the machine is short of memory, or going down
        return Transient(f"ended by {_signal(-code)}", unanswered=True)
    text = f"exit {code}" + (f": {said}" if (said := said[:MOST_REASON]) else "")
    if code == LATER:
        return Transient(text)
    return Permanent(text, refused=code in CANNOT_RUN)


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


# ------------------------------------------------------------------------------------------------------ one process


async def run(
    command: list[str], document: bytes, environment: Mapping[str, str], directory: Path, timeout: timedelta
) -> tuple[int, str, str]:
    """Run a program; return its exit code, the beginning of its output, and the first line of its errors.

    Raises Transient when its time was up, Transient or Permanent when it cannot be started. However this ends, also
    when it is cancelled, no process of its group and no pipe is left.
    """
    out, err = _Output(), _Output()
    try:
        with _input(document) as stdin:
            process = await _started(command, stdin, await out.open(), await err.open(), environment, directory)
        out.begun()
        err.begun()
        try:
            async with asyncio.timeout(timeout.total_seconds()):
                code = await process.wait()
        except TimeoutError:
            raise Transient(f"not done within {timeout.total_seconds():g} s", unanswered=True) from None
        finally:
            await _finish(process)
        with suppress(TimeoutError):  # only one that left the group can hold a pipe still: it is not waited for
            async with asyncio.timeout(GRACE):
                await out.ended.wait()
                await err.ended.wait()
        return code, out.text(), err.first_line()
    finally:
        out.close()
        err.close()


async def _started(
    command: list[str], stdin: int, stdout: int, stderr: int, environment: Mapping[str, str], directory: Path
) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env=environment,
            cwd=directory,
            start_new_session=True,  # a group of its own, which is ended as a whole
        )
    except OSError as error:  # its text may have the path
        why = os.strerror(error.errno or 0)
        if error.errno in _BUSY or not directory.is_dir():
            raise Transient(f"not started: {why}") from None
        raise Permanent(f"cannot be run: {why}: check the command", refused=True) from None


async def _finish(process: asyncio.subprocess.Process) -> None:
    """End what still runs of the group: asked first, then not asked any more; also while being cancelled."""
    ending = asyncio.ensure_future(process.wait())
    try:
        if process.returncode is None:
            _end(process.pid, signal.SIGTERM)
            await asyncio.wait([ending], timeout=GRACE)
    finally:
        _end(process.pid, signal.SIGKILL)
        await asyncio.wait([ending], timeout=GRACE)


def _end(group: int, how: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, how)


@contextmanager
def _input(document: bytes) -> Iterator[int]:
    """A file in memory to read from: it never makes anybody wait, as a pipe would whose reader does not read."""
    descriptor = os.memfd_create("event", os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(document)
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)


class _Output(asyncio.Protocol):
    """One output of a program: its beginning is kept, the rest is read and forgotten, so that it never has to wait."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()
        self._kept = bytearray()
        self._writer = -1
        self._transport: asyncio.BaseTransport | None = None

    async def open(self) -> int:
        """Make the pipe; return the end to write to."""
        reader, self._writer = os.pipe2(os.O_CLOEXEC)
        file = os.fdopen(reader, "rb", buffering=0)
        try:
            self._transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: self, file)
        except BaseException:
            file.close()
            raise
        return self._writer

    def begun(self) -> None:
        """Let go of the end to write to: the program has it."""
        writer, self._writer = self._writer, -1
        if writer >= 0:
            os.close(writer)

    def data_received(self, data: bytes) -> None:
        self._kept += data[: MOST_KEPT - len(self._kept)]

    def connection_lost(self, _error: Exception | None) -> None:
        self.ended.set()

    def text(self) -> str:
        """What is kept, as one line that may be shown."""
        return plain(self._kept.decode(errors="replace"), MOST_KEPT)

    def first_line(self) -> str:
        """The first line that says something, as it may be shown."""
        lines = (plain(line, MOST_REASON) for line in self._kept.decode(errors="replace").splitlines())
        return next(filter(None, lines), "")

    def close(self) -> None:
        """Let go of both ends."""
        self.begun()
        if self._transport:
            self._transport.close()
