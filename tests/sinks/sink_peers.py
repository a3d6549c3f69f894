"""Deliveries for sinks to make, and peers on loopback that say what a test wants, also what no honest peer would say."""

from __future__ import annotations

import asyncio
import email
import email.policy
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from zoneinfo import ZoneInfo

from message_samples import members

from watcher.messages import compose
from watcher.model import Delivery, Event, Message

HOSTILE = (
    "A\r\nBcc: x@y.fr\0<!channel> <@U123> <script>alert(1)</script> *b* _i_ ~s~ `c` \u202egnp.exe & =?utf-8?q?=0a?="
)
"""A value that tries everything."""

Send = Callable[..., Delivery]


def delivery_of(event: Event) -> Delivery:
    """One attempt to tell of an event."""
    return Delivery(1, event, "sink", "rule", 0, event.recorded_at, event.recorded_at, members(event))


def render(event: Event) -> Message:
    """What people read of it."""
    return rendered(delivery_of(event))


def rendered(delivery: Delivery, personal: bool | None = None) -> Message:
    """What people read of a delivery."""
    event, zone = delivery.event, ZoneInfo("Europe/Paris")
    members = delivery.members
    return compose(event, language="fr", zone=zone, now=event.recorded_at, members=members, personal=personal)


Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Peer:
    """An HTTP server that records what it gets and answers what it is told to."""

    answer: Answer
    port: int = 0
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    sent: int = 0
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}/hooks/CANARY-in-the-path?key=CANARY-in-the-query"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take requests until the other side has had enough."""
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                self.requests.append((head[0], headers, body))
                self.reached.set()
                await self.answer(writer)
        writer.close()


@asynccontextmanager
async def peer(answer: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    """Serve for the time of a test."""
    listening = Peer(answer)
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        tasks.add(task)
        await listening.serve(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    listening.port = server.sockets[0].getsockname()[1]
    try:
        yield listening
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def reply(status: int, body: bytes = b"ok", **headers: str) -> Answer:
    """Answer with a status, headers (`retry_after` is Retry-After) and a body."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    head = "\r\n".join([f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *lines, "", ""])

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(head.encode() + body)
        await writer.drain()

    return answer


def endless(status: int) -> Answer:
    """Answer with a body that goes on for as long as anybody reads, to 100 MB; `answer.sent` counts what went out."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: 100000000\r\n\r\n".encode())
        for _ in range(1000):
            writer.write(b"x" * 100_000)
            await writer.drain()
            answer.sent += 100_000  # type: ignore[attr-defined]

    answer.sent = 0  # type: ignore[attr-defined]
    return answer


def unfinished(status: int) -> Answer:
    """Answer with a status and the beginning of a body whose rest never comes."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: 100\r\n\r\nok".encode())
        await silence(writer)

    return answer


async def silence(writer: asyncio.StreamWriter) -> None:
    """Never answer."""
    await asyncio.Event().wait()


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """Close instead of answering."""
    writer.close()
    raise ConnectionResetError


async def nonsense(writer: asyncio.StreamWriter) -> None:
    """Answer something that is no HTTP."""
    writer.write(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")
    await hang_up(writer)


# ------------------------------------------------------------------------------------------------------------- SMTP


@dataclass
class Post:
    """A mail server that answers each command with what it is told to; None is never to answer, "" to hang up."""

    replies: dict[str, str | None] = field(default_factory=dict)
    port: int = 0
    commands: list[str] = field(default_factory=list)
    mails: list[bytes] = field(default_factory=list)
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One session."""
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await self._say(writer, "GREETING", "220 ready")
            while line := (await reader.readline()).decode().strip():
                self.commands.append(line)
                verb = line.split(" ", maxsplit=1)[0].upper()
                if verb == "DATA":
                    await self._say(writer, "DATA", "354 go on")
                    self.mails.append(await reader.readuntil(b"\r\n.\r\n"))
                    self.reached.set()
                    await self._say(writer, "END", "250 queued as 1")
                    continue
                await self._say(writer, line.upper() if line.upper() in self.replies else verb, self._usual(verb))
        writer.close()

    @staticmethod
    def _usual(verb: str) -> str:
        return {"EHLO": "250-post\r\n250 SIZE 1000000", "QUIT": "221 bye"}.get(verb, "250 ok")

    async def _say(self, writer: asyncio.StreamWriter, when: str, usual: str) -> None:
        said = self.replies.get(when, usual)
        if said is None:
            self.reached.set()
            await asyncio.Event().wait()
        if said == "":
            raise ConnectionResetError
        writer.write(f"{said}\r\n".encode())
        await writer.drain()


@asynccontextmanager
async def post(tls: ssl.SSLContext | None = None, **replies: str | None) -> AsyncIterator[Post]:
    """Serve for the time of a test."""
    listening = Post({name.replace("_", " "): said for name, said in replies.items()})
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        tasks.add(task)
        await listening.serve(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    listening.port = server.sockets[0].getsockname()[1]
    try:
        yield listening
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def parsed(mail: bytes) -> EmailMessage:
    """The mail as a library reads it, dots undone."""
    read = email.message_from_bytes(mail.removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n."), policy=email.policy.SMTP)
    assert isinstance(read, EmailMessage)
    return read


def body(mail: EmailMessage, kind: str) -> str:
    """One of its two bodies."""
    part = mail.get_body((kind,))
    assert part
    return str(part.get_content())
