"""Where the messages of our sinks arrive that do not arrive over HTTP: a mail server, a file, a program."""

from __future__ import annotations

import array
import email
import email.policy
import fcntl
import os
import stat
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from tempfile import TemporaryDirectory

from watcher.testing import Peer, Received, Script
from watcher.testing.peer import Call


class MailServer:
    """A mail server that takes everybody's mail, once they have logged in."""

    def __init__(self) -> None:
        self.peer = Peer(Script(self._session, early=True))
        self._mails: list[Received] = []
        self._silent = self._reached = False

    @property
    def address(self) -> str:
        """Where it listens."""
        return self.peer.address

    def received(self) -> list[Received]:
        """The mails, each with the commands that brought it."""
        return list(self._mails)

    def silence(self) -> None:
        """Take mails from now on without a word."""
        self._silent = True

    def reached(self) -> bool:
        """Whether one has come."""
        return self._reached

    async def _session(self, call: Call) -> None:
        commands: list[str] = []
        await call.say(b"220 ready\r\n")
        while line := await call.line():
            command = line.decode().strip()
            commands.append(command)
            if command.upper() == "DATA":
                await call.say(b"354 go on\r\n")
                await self._take(call, commands)
            elif command.upper().startswith("EHLO"):
                await call.say(b"250-mail\r\n250-AUTH PLAIN\r\n250 SIZE 100000000\r\n")
            elif command.upper().startswith("AUTH"):
                await call.say(b"235 welcome\r\n")
            else:
                await call.say(b"221 bye\r\n" if command.upper() == "QUIT" else b"250 ok\r\n")

    async def _take(self, call: Call, commands: list[str]) -> None:
        lines = []
        while (line := await call.line()) != b".\r\n":
            if not line:
                call.hang_up()
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        if self._silent:
            self._reached = True
            while await call.hear():
                pass
            call.hang_up()
        self._mails.append(_mail(tuple(commands), b"".join(lines)))
        await call.say(b"250 queued\r\n")


def _mail(commands: tuple[str, ...], raw: bytes) -> Received:
    mail = email.message_from_bytes(raw, policy=email.policy.SMTP)
    assert isinstance(mail, EmailMessage)
    parts = [part.get_content() for part in mail.walk() if part.get_content_maintype() == "text"]
    return Received((*commands, *mail.keys()), "\n".join([*map(str, mail.values()), *map(str, parts)]), raw)


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """Serve for the time of a test."""
    server = MailServer()
    with server.peer:
        yield server


class LogFile:
    """A file of lines; silenced, a pipe that nobody reads."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "events.jsonl"
        self._pipe = -1

    @property
    def address(self) -> str:
        """Its path."""
        return str(self._path)

    def received(self) -> list[Received]:
        """A line is a message."""
        lines = self._path.read_bytes().splitlines() if self._path.exists() else []
        mode = oct(stat.S_IMODE(self._path.stat().st_mode)) if lines else ""
        return [Received((mode,), line.decode(), line, is_json=True) for line in lines]

    def silence(self) -> None:
        """Put a pipe in its place."""
        self._path.unlink(missing_ok=True)
        os.mkfifo(self._path)
        self._pipe = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK)

    def reached(self) -> bool:
        """Whether there is something in the pipe."""
        waiting = array.array("i", [0])
        fcntl.ioctl(self._pipe, termios.FIONREAD, waiting)
        return waiting[0] > 0

    def close(self) -> None:
        """Let go of the pipe, once whoever writes into it has come to an end."""
        if self._pipe >= 0:
            os.set_blocking(self._pipe, True)
            begun, text = self.reached(), b""
            while begun and not text.endswith(b"\n"):
                text = os.read(self._pipe, 1 << 20)
            os.close(self._pipe)


@contextmanager
def log_file() -> Iterator[LogFile]:
    """A file for the time of a test."""
    with TemporaryDirectory() as directory:
        file = LogFile(Path(directory))
        try:
            yield file
        finally:
            file.close()


_PROGRAM = """#!/bin/sh
cd '{directory}' || exit 1
if [ -e silent ]; then cat >/dev/null; : >reached; exec sleep 1000; fi
{{ echo "$#"; env | sort; echo; cat; }} >"new.$$" && mv "new.$$" "came.$$" && echo taken
"""


class Program:
    """A program that keeps what it is given: how many arguments, the environment, the standard input."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._program = directory / "tell"
        self._program.write_text(_PROGRAM.format(directory=directory))
        self._program.chmod(0o700)

    @property
    def address(self) -> str:
        """Its path."""
        return str(self._program)

    def received(self) -> list[Received]:
        """A run is a message."""
        came = sorted(self._directory.glob("came.*"), key=lambda path: path.stat().st_mtime_ns)
        return [_run(path.read_bytes()) for path in came]

    def silence(self) -> None:
        """Read from now on, and then sleep."""
        (self._directory / "silent").touch()

    def reached(self) -> bool:
        """Whether it has read something since then."""
        return (self._directory / "reached").exists()


def _run(raw: bytes) -> Received:
    head, _, document = raw.partition(b"\n\n")
    lines = head.decode().splitlines()
    names = tuple(line.partition("=")[0] for line in lines)
    return Received(names, raw.decode(), document, is_json=True)


@contextmanager
def program() -> Iterator[Program]:
    """A program for the time of a test."""
    with TemporaryDirectory() as directory:
        yield Program(Path(directory))
