"""What a connection can do to us, on real ones: hang, drip, break off, explode, point elsewhere."""

from __future__ import annotations

import asyncio
import gzip
import socket
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web
from peers import speaking

from watcher.errors import Permanent, Transient
from watcher.sources.answers import LIMIT, Answer
from watcher.sources.http import Client, segment

Serve = Callable[[Callable[[web.Request], Any]], Any]
Connect = Callable[..., Client]


async def test_the_request_is_as_it_should_be(serve: Serve, connect: Connect) -> None:
    """Credential, Accept, gzip and our name are sent; path and query arrive below the base URL, as they were meant."""
    seen: list[web.Request] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request)
        return web.json_response({})

    client = connect(await serve(handler) + "/v1/", headers={"X-API-Key": "tok3n"})
    await client.get(f"programs/{segment('a/b?c=../d e%2F')}/purchases", {"page": "1", "per_page": "100"})
    assert seen[0].raw_path == "/v1/programs/a%2Fb%3Fc=..%2Fd%20e%252F/purchases?page=1&per_page=100"
    sent = seen[0].headers
    assert sent["X-API-Key"] == "tok3n"
    assert sent["Accept"] == "application/json"
    assert sent["Accept-Encoding"] == "gzip"
    assert sent["User-Agent"].startswith("watcher/")


@pytest.mark.parametrize("text", [".", ".."])
def test_a_path_cannot_be_left(text: str) -> None:
    """An id of dots is refused: no quoting keeps it in its place."""
    with pytest.raises(Permanent):
        segment(text)


async def test_the_credential_goes_nowhere_else(serve: Serve, connect: Connect) -> None:
    """The host that a redirect points to does not hear from us."""
    heard: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        heard.append(request.path)
        return web.json_response({})

    other = await serve(elsewhere)

    async def moved(request: web.Request) -> web.Response:
        raise web.HTTPFound(f"{other}/steal")

    client = connect(await serve(moved))
    with pytest.raises(Permanent, match="redirected"):
        await client.get("leads")
    assert heard == []


async def test_gzip_is_kept_as_it_came(serve: Serve, connect: Connect) -> None:
    """The bytes of the wire are what is hashed; the body is what was packed in them, without its byte order mark."""
    packed = gzip.compress(b"\xef\xbb\xbf" + b'{"leads": []}')

    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=packed, headers={"Content-Encoding": "GZIP"})

    answer = await connect(await serve(handler)).get("leads")
    assert answer.wire == packed
    assert answer.body() == b'{"leads": []}'
    assert answer.digest() == Answer(200, {}, packed, "gzip").digest()
    assert answer.digest() != Answer(200, {}, packed, "").digest()


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say nothing, until the other side gives up."""
    await reader.read()


async def hang_in_the_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Begin an answer and stop."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    await reader.read()


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send a letter at a time, for ever, never silent for long."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while not writer.transport.is_closing():
        writer.write(b" ")
        await asyncio.sleep(0.005)


@pytest.mark.parametrize("speak", [hang, hang_in_the_body, drip])
async def test_the_time_is_bounded_in_all(connect: Connect, speak: Any) -> None:
    """Whether nothing comes, or half, or a little all the time: after the time-out it is over."""
    async with speaking(speak) as address:
        with pytest.raises(Transient, match=r"^no answer: time-out$"):
            await connect(address).get("leads", timeout=0.1)


async def test_an_error_that_hangs_is_still_that_error(connect: Connect) -> None:
    """The status of an error counts, also when its body does not come."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\n{")
        await reader.read()

    async with speaking(speak) as address:
        with pytest.raises(Permanent, match=r"^HTTP 403$"):
            await connect(address).get("leads", timeout=0.1)


async def test_an_endless_error_is_not_read_to_its_end(connect: Connect) -> None:
    """Of an error page no more than the beginning is read."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 500 No\r\nContent-Length: 99999999999\r\n\r\n")
        while not writer.transport.is_closing():
            writer.write(b" " * 65536)
            await writer.drain()

    async with speaking(speak) as address:
        with pytest.raises(Transient, match=r"^HTTP 500$"):
            await connect(address).get("leads", timeout=10)


def reset(writer: asyncio.StreamWriter) -> None:
    """Close the connection as a crash does."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say less than was announced."""
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"leads": []}')


async def cut_in_chunks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Never send the last chunk."""
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{    \r\n")


async def reset_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reset before a word."""
    reset(writer)


async def reset_in_the_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reset after the headers."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    await writer.drain()
    reset(writer)


async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say something that is not HTTP."""
    writer.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")


@pytest.mark.parametrize("speak", [cut, cut_in_chunks, reset_at_once, reset_in_the_body, babble])
async def test_half_an_answer_is_none(connect: Connect, speak: Any) -> None:
    """A body that is shorter than announced, a reset, or no HTTP: no answer, in words that do not name the host."""
    async with speaking(speak) as address:
        with pytest.raises(Transient, match=r"^no answer: [a-zA-Z ]+$"):
            await connect(address).get("leads", timeout=10)


@pytest.mark.parametrize("kept", [False, True])
async def test_a_request_is_made_once(connect: Connect, kept: bool) -> None:
    """A connection that is lost, new or kept open, is an error and not another request that nobody counts."""
    heard = 0

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal heard
        heard += 1
        if kept and heard == 1:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            await reader.readuntil(b"\r\n\r\n")
            heard += 1

    async with speaking(speak) as address:
        client = connect(address)
        if kept:
            await client.get("leads")
        with pytest.raises(Transient, match=r"^no answer: the connection was closed$"):
            await client.get("leads")
    assert heard == 1 + kept


async def test_nobody_there(connect: Connect, unused_tcp_port: int) -> None:
    """A port where nobody listens is a refused connection."""
    with pytest.raises(Transient, match=r"^no answer: connection refused$"):
        await connect(f"http://127.0.0.1:{unused_tcp_port}").get("leads")


async def test_an_endless_answer_is_bounded(connect: Connect) -> None:
    """No more than 32 MiB is read, whatever comes."""
    sent = 0

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        while not writer.transport.is_closing():
            writer.write(b" " * (1 << 20))
            sent += 1 << 20
            await writer.drain()

    async with speaking(speak) as address:
        with pytest.raises(Permanent, match="over 32 MiB"):
            await connect(address).get("leads")
    assert sent < 2 * LIMIT


def test_a_bomb_is_defused() -> None:
    """A gzip of 256 MiB is refused, with memory for no more than a page."""
    packer = zlib.compressobj(wbits=31)
    mib = b" " * (1 << 20)
    wire = b"".join([*(packer.compress(mib) for _ in range(256)), packer.flush()])
    tracemalloc.start()
    with pytest.raises(Permanent, match="over 32 MiB"):
        Answer(200, {}, wire, "gzip").body()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2.5 * LIMIT


WHOLE = gzip.compress(b'{"leads": []}' * 100)


BROKEN = {"no end": WHOLE[:-1], "half": WHOLE[:40], "not gzip": b"not gzip", "a wrong sum": WHOLE[:-6] + b"123456",
          "more behind it": WHOLE + b"x", "twice": WHOLE * 2}  # fmt: skip


@pytest.mark.parametrize("wire", BROKEN.values(), ids=BROKEN)
def test_broken_gzip_is_unreadable(wire: bytes) -> None:
    """Gzip that is cut short, corrupt or followed by something is a failed answer."""
    with pytest.raises(Transient, match="unreadable answer"):
        Answer(200, {}, wire, "gzip").body()


def test_encodings() -> None:
    """Plain and gzip are read, an empty body too; what was not asked for is refused."""
    assert Answer(200, {}, b"{}", "identity").body() == b"{}"
    assert Answer(200, {}, gzip.compress(b"{}"), "x-gzip").body() == b"{}"
    assert Answer(200, {}, b"", "gzip").body() == b""
    with pytest.raises(Permanent, match="Content-Encoding"):
        Answer(200, {}, b"{}", "br").body()


async def test_no_more_at_once_than_allowed(serve: Serve, connect: Connect) -> None:
    """An account with two slots never has three requests under way."""
    under_way, most = 0, 0
    released = asyncio.Event()

    async def handler(request: web.Request) -> web.Response:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        if under_way == 2:
            released.set()
        await released.wait()
        under_way -= 1
        return web.json_response({})

    client = connect(await serve(handler), at_once=2)
    await asyncio.gather(*(client.get("leads") for _ in range(12)))
    assert most == 2


async def test_a_cancelled_request_gives_its_slot_back(serve: Serve, connect: Connect) -> None:
    """Whoever is cancelled in the middle of a request leaves no slot taken."""
    arrived = asyncio.Event()

    async def handler(request: web.Request) -> web.Response:
        if not arrived.is_set():
            arrived.set()
            await asyncio.Event().wait()
        return web.json_response({})

    client = connect(await serve(handler), at_once=1)
    task = asyncio.create_task(client.get("leads"))
    await arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await client.get("leads")).status == 200
