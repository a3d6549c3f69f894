"""Faults in the place of an answer or on its way, as a client sees them."""

import asyncio
import gzip
import time
import zlib
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import aiohttp
import pytest

from watcher.simulator import Fault
from watcher.simulator.wire import bomb

LEADS = "/agencies/101/leads"


def on(client, kind: str, **more) -> int:
    """Switch a fault on."""
    return client.sim.faults.add(Fault(kind, **more))


# Another answer in the place of the right one.


@pytest.mark.parametrize("code", [401, 403, 404, 422, 429, 500, 503])
async def test_status(full, code):
    """Any status comes with the body that its vendor would send."""
    on(full, "status", args={"code": code})
    apimo, adlead = await full.apimo(LEADS), await full.purchases()
    assert (apimo.status, adlead.status) == (code, code)
    assert apimo.json.keys() == ({"message", "errors"} if code == 422 else {"message"})
    assert adlead.json.keys() == {"success", "message", "data", "errors"}
    assert adlead.json["success"] is False
    assert all(reply.json["message"] for reply in (apimo, adlead))


async def test_status_with_words(full):
    """A status can have its own message and headers, as Adlead's for a key without the scope."""
    on(full, "status", api="adlead", args={"code": 403, "message": "403 Forbidden", "headers": {"Refresh": "5"}})
    reply = await full.purchases()
    assert reply.json["message"] == "403 Forbidden"
    assert reply.headers["Refresh"] == "5"


async def test_retry_after_in_seconds(full):
    """The wait is in the header, in seconds; the default is a 429."""
    on(full, "retry-after", args={"seconds": 7})
    reply = await full.purchases()
    assert (reply.status, reply.headers["Retry-After"]) == (429, "7")


async def test_retry_after_as_a_date(full):
    """The wait is in the header, as an HTTP date."""
    on(full, "retry-after", args={"form": "date", "seconds": 60, "code": 503})
    reply = await full.apimo(LEADS)
    until = parsedate_to_datetime(reply.headers["Retry-After"])
    assert reply.status == 503
    assert timedelta(seconds=50) < until - datetime.now(UTC) <= timedelta(seconds=60)


async def test_retry_after_in_words(full):
    """The wait is in the French text alone."""
    on(full, "retry-after", args={"form": "text", "seconds": 12})
    reply = await full.purchases()
    assert "Retry-After" not in reply.headers
    assert "dans 12 seconde(s)" in reply.json["message"]


async def test_retry_after_that_says_nothing(full):
    """The header is garbage, or there is none and no number in the text."""
    on(full, "retry-after", api="apimo", args={"form": "garbage"})
    on(full, "retry-after", api="adlead", args={"form": "absent"})
    garbage, absent = await full.apimo(LEADS), await full.purchases()
    assert not garbage.headers["Retry-After"].isdigit()
    assert "Retry-After" not in absent.headers
    assert not any(letter.isdigit() for letter in absent.json["message"])


async def test_html(full):
    """A 200 can be a web page."""
    on(full, "html")
    reply = await full.purchases()
    assert reply.status == 200
    assert reply.headers["Content-Type"].startswith("text/html")
    assert reply.body.startswith(b"<!doctype html>")


@pytest.mark.parametrize(("kind", "body"), [("empty-body", b""), ("null-body", b"null")])
async def test_nothing_in_a_200(full, kind, body):
    """A 200 can be empty, or null."""
    on(full, kind)
    reply = await full.apimo(LEADS)
    assert (reply.status, reply.body) == (200, body)


async def test_raw_body(full):
    """Any bytes can be a body, with any status, type and headers."""
    full.sim.faults.add(Fault.raw(b'{"a":NaN,"a":"\xed\xa0\x80"}', api="apimo", times=1))
    assert (await full.apimo(LEADS)).body == b'{"a":NaN,"a":"\xed\xa0\x80"}'
    on(full, "raw-body", args={"base64": "aGk=", "code": 418, "content_type": "text/plain", "headers": {"X-A": "b"}})
    reply = await full.apimo(LEADS)
    assert (reply.status, reply.body, reply.headers["Content-Type"], reply.headers["X-A"]) == (
        418,
        b"hi",
        "text/plain",
        "b",
    )


async def test_redirect(full):
    """A 302 points where it was told to."""
    on(full, "redirect", args={"to": "http://127.0.0.1:1/stolen"})
    reply = await full.purchases()
    assert (reply.status, reply.headers["Location"]) == (302, "http://127.0.0.1:1/stolen")


async def test_success_false(full):
    """A 200 can say that it failed."""
    on(full, "success-false")
    reply = await full.purchases()
    assert (reply.status, reply.json["success"], reply.json["data"]) == (200, False, None)


# The right answer, sent wrongly.


async def test_truncated(full):
    """Content-Length promises more than comes before the connection ends."""
    on(full, "truncated", args={"keep": 0.5})
    reader, writer = await full.raw(LEADS)
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    assert length // 2 - 1 <= len(body) < length
    with pytest.raises(aiohttp.ClientPayloadError):
        await full.apimo(LEADS)


async def test_reset(full):
    """The connection is reset without an answer, and the request is logged without a status."""
    on(full, "reset")
    reader, writer = await full.raw(LEADS)
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()
    assert full.sim.requests[-1].status is None


async def test_hang(full, until):
    """Nothing comes until the fault is cleared, and then the connection ends."""
    fault = on(full, "hang", times=1)
    reader, writer = await full.raw(LEADS)
    pending = asyncio.create_task(reader.read())
    await until(lambda: bool(full.sim.requests))
    assert (await full.purchases()).status == 200
    assert not pending.done()
    full.sim.faults.clear(fault)
    with pytest.raises(ConnectionResetError):
        await pending
    writer.close()


async def test_hang_for_a_while(full):
    """With `seconds` the right answer comes, late."""
    on(full, "hang", args={"seconds": 0.05})
    began = time.monotonic()
    assert len((await full.apimo(LEADS)).json["leads"]) == 5
    assert time.monotonic() - began >= 0.05


async def test_a_client_that_leaves_frees_what_hangs(full, until):
    """A client that gives up leaves nothing behind, so stopping does not wait for it."""
    on(full, "hang")
    pending = asyncio.create_task(full.apimo(LEADS))
    await until(lambda: bool(full.sim.requests))
    pending.cancel()
    began = time.monotonic()
    await full.sim.stop()
    assert time.monotonic() - began < 5


async def test_drip(full, until):
    """The answer comes a byte at a time; once cleared, the rest at once and complete."""
    fault = on(full, "drip", args={"every": 0.001})
    reader, writer = await full.raw(LEADS)
    await reader.readuntil(b"\r\n\r\n")
    assert len(await reader.read(100_000)) < 100
    full.sim.faults.clear(fault)
    rest = await reader.read()
    writer.close()
    assert rest.endswith(b"}")


async def test_drip_is_the_right_answer(full):
    """What drips is complete in the end."""
    on(full, "drip", args={"every": 0, "bytes": 64})
    assert len((await full.apimo(LEADS)).json["leads"]) == 5


async def test_gzip_bomb(full):
    """Half a megabyte unpacks to more than 512 MiB, and is gzip also for whoever did not ask for it."""
    on(full, "gzip-bomb")
    reader, writer = await full.raw(LEADS)
    head = await reader.readuntil(b"\r\n\r\n")
    packed = await reader.read()
    writer.close()
    assert b"Content-Encoding: gzip" in head
    assert 400_000 < len(packed) < 700_000
    unpacked, inflate = 0, zlib.decompressobj(zlib.MAX_WBITS | 16)
    while not inflate.eof:
        unpacked += len(inflate.decompress(packed, 1 << 24))
        packed = inflate.unconsumed_tail
    assert unpacked > 512 << 20


def test_a_bomb_is_valid_gzip():
    """A bomb ends in the right answer and a right checksum: only a limit keeps a reader from harm."""
    packed = b"".join(bomb(3_000_000, b'{"leads":[]}'))
    assert gzip.decompress(packed) == b" " * 3_000_000 + b'{"leads":[]}'


async def test_endless(full, until):
    """The answer never ends, until the client leaves."""
    on(full, "endless", times=1)
    reader, writer = await full.raw(LEADS)
    read = 0
    while read < 10_000_000:
        read += len(await reader.read(1 << 20))
    writer.close()
    assert (await full.apimo(LEADS)).status == 200
