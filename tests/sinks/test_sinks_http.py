"""What every sink over HTTP does with what its peer says, or does not say."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from sink_peers import Send, endless, hang_up, nonsense, peer, reply, silence, unfinished

from watcher.errors import Permanent, Transient
from watcher.ports import Sink
from watcher.sinks import SINKS, Tools
from watcher.units import Secret

KEY = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="
SETTINGS: dict[str, dict[str, Any]] = {"webhook": {"secret": Secret(KEY)}, "slack": {}}

Open = Callable[..., Any]


@pytest.fixture(params=sorted(SETTINGS))
def open_sink(request: pytest.FixtureRequest, tools: Tools) -> Open:
    """Open a sink of each type over HTTP to an address."""

    @asynccontextmanager
    async def opened(url: str, **settings: Any) -> AsyncIterator[Sink]:
        kind = SINKS[request.param]
        config = kind.settings(type=request.param, url=Secret(url), **SETTINGS[request.param], **settings)
        sink = kind.build("sink", config, tools)
        try:
            yield sink
        finally:
            await sink.close()

    return opened


async def failure(sending: Awaitable[str]) -> Transient | Permanent:
    """The error that a send ends in; neither it nor what led to it tells the address or the secret."""
    with pytest.raises((Transient, Permanent)) as caught:
        await sending
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + caught.value.reason
    assert "CANARY" not in told
    assert KEY not in told
    assert "127.0.0.1" not in caught.value.reason
    return caught.value


@pytest.mark.parametrize("status", [200, 201, 202, 204, 226])
async def test_success_is_taken(open_sink: Open, delivery: Send, status: int) -> None:
    """Any 2xx; what the peer said is kept."""
    async with peer(reply(status, b"" if status == 204 else b"ok")) as there, open_sink(there.url) as sink:
        assert await sink.send(delivery()) == ("" if status == 204 else "ok")
        assert len(there.requests) == 1


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
async def test_what_may_work_later_is_transient(open_sink: Open, delivery: Send, status: int) -> None:
    """And the peer has answered, so it is known not to have been taken."""
    async with peer(reply(status)) as there, open_sink(there.url) as sink:
        error = await failure(sink.send(delivery()))
    assert isinstance(error, Transient)
    assert (error.reason, error.unanswered, error.retry_after) == (f"HTTP {status}", False, None)


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308, 400, 402, 405, 406, 409, 413, 415, 422, 451])
async def test_what_will_not_work_is_permanent(open_sink: Open, delivery: Send, status: int) -> None:
    """Only that message is refused: the next may pass."""
    async with peer(reply(status, b"")) as there, open_sink(there.url) as sink:
        error = await failure(sink.send(delivery()))
    assert isinstance(error, Permanent)
    assert not error.refused
    assert str(status) in error.reason


@pytest.mark.parametrize("status", [401, 403, 404, 410])
async def test_being_turned_away_is_said(open_sink: Open, delivery: Send, status: int) -> None:
    """Nothing else will pass either, until somebody mends it."""
    async with peer(reply(status)) as there, open_sink(there.url) as sink:
        error = await failure(sink.send(delivery()))
    assert isinstance(error, Permanent)
    assert error.refused


async def test_an_error_code_of_the_peer_is_repeated_and_nothing_else(open_sink: Open, delivery: Send) -> None:
    """`invalid_payload` helps; a page may have anything in it."""
    async with peer(reply(400, b"invalid_payload\n")) as there, open_sink(there.url) as sink:
        assert (await failure(sink.send(delivery()))).reason == "HTTP 400 invalid_payload"
        there.answer = reply(400, b"no such customer: marc.frin@example.fr CANARY")
        assert (await failure(sink.send(delivery()))).reason == "HTTP 400"


# ----------------------------------------------------------------------------------------------------- Retry-After


async def test_the_peers_word_for_when_is_passed_on(open_sink: Open, delivery: Send) -> None:
    """With any status that may work later."""
    for status in (429, 503, 500):
        async with peer(reply(status, retry_after="120")) as there, open_sink(there.url) as sink:
            error = await failure(sink.send(delivery()))
        assert isinstance(error, Transient)
        assert error.retry_after == 120


# --------------------------------------------------------------------------------------------------- what peers do


async def test_a_redirect_is_not_followed(open_sink: Open, delivery: Send) -> None:
    """The other host sees nothing: neither the body nor the address."""
    async with peer(reply(200)) as other, peer(reply(307, Location=other.url)) as there, open_sink(there.url) as sink:
        assert isinstance(await failure(sink.send(delivery())), Permanent)
        assert len(there.requests) == 1
        assert not other.requests


@pytest.mark.parametrize("status", [200, 500])
async def test_an_answer_without_end_is_cut(open_sink: Open, delivery: Send, status: int) -> None:
    """Of 100 MB no more is read than the line holds anyway, and 2 KiB are kept."""
    answer = endless(status)
    async with peer(answer) as there, open_sink(there.url) as sink:
        if status == 200:
            assert len(await sink.send(delivery())) <= 2048
        else:
            assert isinstance(await failure(sink.send(delivery())), Transient)
    assert answer.sent < 20_000_000  # type: ignore[attr-defined]


async def test_a_compressed_answer_does_not_grow(open_sink: Open, delivery: Send) -> None:
    """It is not asked for, and not unpacked."""
    async with peer(reply(200, b"\x1f\x8b" * 1000, Content_Encoding="gzip")) as there, open_sink(there.url) as sink:
        assert len(await sink.send(delivery())) <= 2048
        assert there.requests[0][1]["accept-encoding"] == "identity"


async def test_the_answer_that_is_kept_is_one_clean_line_without_the_address(open_sink: Open, delivery: Send) -> None:
    """An echoing peer does not bring the address into the store, nor escape sequences onto a terminal."""
    async with peer(reply(200)) as there, open_sink(there.url) as sink:
        there.answer = reply(200, f"posted\n\x1b[31m to {there.url}".encode())
        assert await sink.send(delivery()) == "posted [31m to ***"


async def test_silence_is_an_answer_that_never_came(open_sink: Open, delivery: Send) -> None:
    """Within the sink's own time; the peer may have taken it all the same."""
    async with peer(silence) as there, open_sink(there.url, timeout=timedelta(seconds=0.2)) as sink:
        error = await asyncio.wait_for(failure(sink.send(delivery())), 5)
    assert isinstance(error, Transient)
    assert error.unanswered


async def test_a_status_decides_even_when_the_body_never_ends(open_sink: Open, delivery: Send) -> None:
    """What was taken is not sent again because the peer did not finish its sentence."""
    short = timedelta(seconds=0.2)
    async with peer(unfinished(200)) as there, open_sink(there.url, timeout=short) as sink:
        assert await asyncio.wait_for(sink.send(delivery()), 5) == "ok"
        there.answer = unfinished(410)
        assert isinstance(await failure(sink.send(delivery())), Permanent)


@pytest.mark.parametrize("answer", [hang_up, nonsense])
async def test_no_answer_that_can_be_read_is_none(open_sink: Open, delivery: Send, answer: Any) -> None:
    """The peer hung up, or speaks something else."""
    async with peer(answer) as there, open_sink(there.url) as sink:
        error = await failure(sink.send(delivery()))
    assert isinstance(error, Transient)
    assert error.unanswered


async def test_a_refused_connection_is_transient(open_sink: Open, delivery: Send) -> None:
    """And it certainly was not taken."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    async with open_sink(f"http://127.0.0.1:{port}/CANARY") as sink:
        error = await failure(sink.send(delivery()))
    assert isinstance(error, Transient)
    assert (error.reason, error.unanswered) == ("no connection: Connection refused", False)


async def test_an_unknown_certificate_is_refused(open_sink: Open, delivery: Send, tls: ssl.SSLContext) -> None:
    """And nothing is said to whoever has it."""
    async with peer(reply(200), tls) as there, open_sink(there.url.replace("http:", "https:")) as sink:
        error = await failure(sink.send(delivery()))
        assert not there.requests
    assert isinstance(error, Permanent)
    assert "certificate" in error.reason


async def test_a_cancelled_send_leaves_the_sink_usable(open_sink: Open, delivery: Send) -> None:
    """The connection is dropped, the next message gets through."""
    async with peer(silence) as there, open_sink(there.url) as sink:
        sending = asyncio.create_task(sink.send(delivery()))
        await asyncio.wait_for(there.reached.wait(), 5)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        there.answer = reply(200)
        assert await sink.send(delivery()) == "ok"


async def test_several_messages_share_one_session(open_sink: Open, delivery: Send) -> None:
    """Also when the first of them are sent together, and closing twice does no harm."""
    async with peer(reply(200)) as there, open_sink(there.url) as sink:
        await asyncio.gather(*(sink.send(delivery()) for _ in range(4)))
        assert len(there.requests) == 4
        await sink.close()


async def test_nothing_secret_is_logged(open_sink: Open, delivery: Send, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever the libraries log, on success and on failure."""
    caplog.set_level(logging.DEBUG)
    async with peer(reply(200)) as there, open_sink(there.url) as sink:
        await sink.send(delivery())
        there.answer = hang_up
        await failure(sink.send(delivery()))
        assert "CANARY" not in repr(sink)
    assert "CANARY" not in caplog.text


async def test_a_host_that_no_dns_can_have_is_said_to_be_none(open_sink: Open, delivery: Send) -> None:
    """It passes for an address, and is none."""
    async with open_sink(f"https://{'a' * 70}.example/CANARY") as sink:
        assert isinstance(await failure(sink.send(delivery())), (Transient, Permanent))
