"""Answers as bytes on a connection, and the faults that only a connection can have."""

import asyncio
import gzip
import json
import socket
import struct
import zlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache

from aiohttp import web

from watcher.simulator.answers import JSON_TYPES, Answer
from watcher.simulator.faults import Active

MIB = 1 << 20
BOMB = 512 * MIB
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER of no seconds: close() sends RST


async def send(request: web.Request, answer: Answer, struck: list[Active]) -> web.StreamResponse:
    """Send an answer, in the way of the first fault that has one of its own."""
    body = encoded(answer)
    for active in struck:
        way = WAYS.get(active.fault.kind)
        if way:
            return await way(request, answer, body, active)
    return _plain(request, answer, body)


def encoded(answer: Answer) -> bytes:
    """Return the body as PHP would write it: ASCII, with slashes escaped."""
    if answer.raw is not None:
        return answer.raw
    return json.dumps(answer.body, separators=(",", ":")).replace("/", "\\/").encode()


def _plain(request: web.Request, answer: Answer, body: bytes) -> web.Response:
    headers, body = _headers(request, answer, body)
    return web.Response(status=answer.status, body=body, headers=headers)


def _headers(request: web.Request, answer: Answer, body: bytes) -> tuple[dict[str, str], bytes]:
    """Return headers and body, compressed when the client takes that."""
    headers = {**_common(answer), "Vary": "Accept-Encoding"}
    named = {name.lower() for name in answer.headers}
    if body and "gzip" in request.headers.get("Accept-Encoding", "") and "content-encoding" not in named:
        return headers | {"Content-Encoding": "gzip"}, gzip.compress(body, 1, mtime=0)
    return headers, body


def _common(answer: Answer) -> dict[str, str]:
    content_type = answer.content_type or JSON_TYPES[answer.api]
    return {"Server": "nginx", "Content-Type": content_type, **answer.headers}


async def _opened(
    request: web.Request, status: int, headers: Mapping[str, str], length: int | None
) -> web.StreamResponse:
    """Begin an answer that is written piece by piece, on a connection that ends with it."""
    response = web.StreamResponse(status=status, headers=headers)
    response.force_close()
    if length is None:
        response.enable_chunked_encoding()
    else:
        response.content_length = length
    await response.prepare(request)
    return response


async def _truncated(request: web.Request, answer: Answer, body: bytes, active: Active) -> web.StreamResponse:
    headers, body = _headers(request, answer, body)
    kept = body[: int(len(body) * active.fault.args.get("keep", 0.5))]
    response = await _opened(request, answer.status, headers, max(len(body), len(kept) + 1))
    await response.write(kept)
    return response


async def _reset(request: web.Request, _answer: Answer, _body: bytes, _active: Active) -> web.StreamResponse:
    if request.transport is not None:
        connection = request.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        request.transport.abort()
    return web.Response(status=503)


async def _hang(request: web.Request, answer: Answer, body: bytes, active: Active) -> web.StreamResponse:
    with suppress(TimeoutError):
        await asyncio.wait_for(active.over.wait(), active.fault.args.get("seconds"))
    if active.fault.processed:
        return _plain(request, answer, body)
    return await _reset(request, answer, body, active)


async def _drip(request: web.Request, answer: Answer, body: bytes, active: Active) -> web.StreamResponse:
    headers, body = _headers(request, answer, body)
    step, every = max(1, active.fault.args.get("bytes", 1)), active.fault.args.get("every", 0.05)
    response = await _opened(request, answer.status, headers, len(body))
    for start in range(0, len(body), step):
        await response.write(body[start : start + step])
        with suppress(TimeoutError):
            await asyncio.wait_for(active.over.wait(), every)
        if active.over.is_set():
            await response.write(body[start + step :])
            break
    return response


async def _bomb(request: web.Request, answer: Answer, body: bytes, active: Active) -> web.StreamResponse:
    size = active.fault.args.get("bytes", BOMB)
    pieces = await asyncio.to_thread(lambda: list(bomb(size, body)))
    headers = {**_common(answer), "Content-Encoding": "gzip"}
    response = await _opened(request, answer.status, headers, sum(map(len, pieces)))
    for piece in pieces:
        await response.write(piece)
    return response


async def _endless(request: web.Request, answer: Answer, _body: bytes, active: Active) -> web.StreamResponse:
    response = await _opened(request, answer.status, _common(answer), None)
    spaces = b" " * (MIB // 16)
    while not active.over.is_set():
        await response.write(spaces)
        await asyncio.sleep(0)  # a client that reads as fast as this writes must not starve the others
    return response


def bomb(size: int, tail: bytes) -> Iterator[bytes]:
    """Yield a valid gzip of `size` spaces and then `tail`, about a thousandth of that long."""
    whole, rest = divmod(size, MIB)
    yield b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
    # A full flush makes a block that stands for itself, so one of them can be repeated.
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = packer.compress(b" " * MIB) + packer.flush(zlib.Z_FULL_FLUSH)
    for _ in range(whole):
        yield block
    end = b" " * rest + tail
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    yield packer.compress(end) + packer.flush()
    yield struct.pack("<II", zlib.crc32(end, _crc_of_spaces(whole)), (size + len(tail)) & 0xFFFFFFFF)


@lru_cache(maxsize=4)
def _crc_of_spaces(mib: int) -> int:
    spaces, crc = b" " * MIB, 0
    for _ in range(mib):
        crc = zlib.crc32(spaces, crc)
    return crc


Way = Callable[[web.Request, Answer, bytes, Active], Awaitable[web.StreamResponse]]
WAYS: Mapping[str, Way] = {
    "truncated": _truncated,
    "reset": _reset,
    "hang": _hang,
    "drip": _drip,
    "gzip-bomb": _bomb,
    "endless": _endless,
}
