"""A server on loopback that says what a test wants, also what no honest server would say.

It has a thread and an event loop of its own: so nothing of it is in the loop that is tested, and whoever blocks that
one is found out.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import threading
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

_UNTRUSTED = Path(__file__).with_name("untrusted.pem")
_STARTED_WITHIN = 10.0
_LONGEST_LINE = 16 << 20


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request as it came; the names of its headers are in small letters."""

    line: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def target(self) -> str:
        """What was asked for: the path and the query."""
        return self.line.split(" ")[1]


class Call:
    """One connection, as a script sees it; `request` is the last one that came over it, and empty before the first."""

    def __init__(self, peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.request = Request("", {}, b"")
        self._peer = peer
        self._reader = reader
        self._writer = writer

    async def say(self, said: bytes) -> None:
        """Send bytes, and wait until there is room for more."""
        self._writer.write(said)
        self._peer.sent += len(said)
        await self._writer.drain()

    async def hear(self) -> bytes:
        """Whatever comes next; nothing at the end."""
        return await self._reader.read(1 << 16)

    async def line(self) -> bytes:
        """The next line, with its end; nothing at the end."""
        return await self._reader.readline()

    def hang_up(self) -> None:
        """Close in good order."""
        raise ConnectionResetError

    def reset(self) -> None:
        """Close as a crash does."""
        linger = struct.pack("ii", 1, 0)
        self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._writer.transport.abort()
        raise ConnectionResetError

    async def next_request(self) -> Request:
        """Read one request; raises IncompleteReadError when there is none any more."""
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = await self._chunks()
        else:
            body = await self._reader.readexactly(int(headers.get("content-length", "0")))
        self.request = Request(head[0], headers, body)
        return self.request

    async def _chunks(self) -> bytes:
        body = b""
        while size := int((await self._reader.readuntil(b"\r\n")).split(b";")[0], 16):
            body += await self._reader.readexactly(size)
            await self._reader.readexactly(2)
        await self._reader.readuntil(b"\r\n")
        return body


@dataclass(frozen=True, slots=True)
class Script:
    """What a peer does with a request that has come, or, if `early`, with a connection before anything is read."""

    play: Callable[[Call], Awaitable[None]]
    early: bool = False


class Peer:
    """A server on loopback, from `with` to its end. `script` may be changed while it runs.

    `requests` are those that came whole, `connections` how many were made, `sent` the bytes that went out.
    """

    def __init__(self, script: Script, *, tls: bool = False) -> None:
        self.script = script
        self.requests: list[Request] = []
        self.connections = 0
        self.sent = 0
        self.port = 0
        self._tls = tls
        self._writers: set[asyncio.StreamWriter] = set()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="peer", daemon=True)

    @property
    def address(self) -> str:
        """Where it listens, without a path."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(_STARTED_WITHIN):
            raise RuntimeError("the peer did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_STARTED_WITHIN)

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(
            self._answer, "127.0.0.1", 0, ssl=_untrusted() if self._tls else None, limit=_LONGEST_LINE
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        mine = asyncio.all_tasks() - {asyncio.current_task()}
        for task in mine:
            task.cancel()
        for writer in self._writers:
            writer.transport.abort()  # what is not sent by now is not waited for
        await asyncio.gather(*mine, return_exceptions=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        call = Call(self, reader, writer)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
                if self.script.early:
                    await self.script.play(call)
                else:
                    while True:
                        self.requests.append(await call.next_request())
                        await self.script.play(call)
        finally:
            self._writers.discard(writer)
            writer.close()


def _untrusted() -> ssl.SSLContext:
    """The TLS of a server on localhost whose certificate nobody has signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_UNTRUSTED)
    return context


def nobody() -> str:
    """An address on loopback where nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{unused.getsockname()[1]}"


# -------------------------------------------------------------------------------------------------------- scripts


def reply(status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Script:
    """Answer with a status, a body and headers, in pieces."""
    lines = [f"{name}: {value}" for name, value in (headers or {}).items()]
    if status in (101, 204, 304):  # which have none
        body = b""
    length = [] if status in (101, 204) else [f"Content-Length: {len(body)}"]
    head = "\r\n".join([f"HTTP/1.1 {status:03} X", *length, *lines, "", ""]).encode("utf-8")

    async def play(call: Call) -> None:
        for piece in (head[:5], head[5:], body[:1], body[1:]):
            await call.say(piece)
            await asyncio.sleep(0)

    return Script(play)


def saying(*pieces: bytes, early: bool = False) -> Script:
    """Say that and hang up."""

    async def play(call: Call) -> None:
        for piece in pieces:
            await call.say(piece)
        call.hang_up()

    return Script(play, early)


def stopping(said: bytes = b"", *, early: bool = False) -> Script:
    """Say that, and then nothing more, for as long as the other side is there."""

    async def play(call: Call) -> None:
        if said:
            await call.say(said)
        while await call.hear():
            pass
        call.hang_up()

    return Script(play, early)


def dripping(said: bytes, drop: bytes, *, early: bool = False) -> Script:
    """Say that, and then a little more all the time, for ever."""

    async def play(call: Call) -> None:
        await call.say(said)
        while True:
            await call.say(drop)
            await asyncio.sleep(0.01)

    return Script(play, early)


def flooding(said: bytes, most: int, piece: bytes = b" " * 100_000, *, early: bool = False) -> Script:
    """Say that, and then as much as anybody takes, up to so many bytes."""

    async def play(call: Call) -> None:
        await call.say(said)
        for _ in range(most // len(piece)):
            await call.say(piece)
        call.hang_up()

    return Script(play, early)


async def _reset(call: Call) -> None:
    call.reset()


RESET_AT_ONCE, RESET = Script(_reset, early=True), Script(_reset)
