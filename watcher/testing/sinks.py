"""What every sink promises, tried against a peer on loopback that does all that peers do, and worse."""

# ruff: noqa: S101, PLR2004 - these are tests: they assert, and the numbers are HTTP's

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, Protocol
from zlib import compressobj

import pytest

from watcher import backoff
from watcher.errors import Permanent, Transient
from watcher.model import Delivered, Delivery, RetryAt
from watcher.ports import Sink
from watcher.privacy import personal_of
from watcher.sinks.kit import Settings, SinkType, Tools
from watcher.testing.contract import Contract, promise
from watcher.testing.leaks import (
    belongings,
    cancelled_everywhere,
    nothing_but,
    nothing_left,
    overheard,
    told_by,
    until,
    within_memory,
)
from watcher.testing.peer import (
    RESET,
    RESET_AT_ONCE,
    Call,
    Peer,
    Request,
    Script,
    dripping,
    flooding,
    nobody,
    reply,
    saying,
    stopping,
)
from watcher.testing.samples import CANARY, NAUGHTY, NOON, PERSON, delivery, event, rendered, stuffed, summary

MOST_KEPT = 2048
"""Characters of an answer that are kept."""

_SECRET_PATH = f"/hooks/{CANARY}-in-the-path?key={CANARY}-in-the-query"
_MANY = 12
_MEGABYTE = 1_000_000
_ENDLESS = 100 * _MEGABYTE


@dataclass(frozen=True, slots=True)
class Received:
    """One message as it came.

    `shape` is what no value in it may change (HTTP: the request line and the names of the headers), `text` all that it
    says, decoded, `body` its bytes, which are JSON if `is_json`.
    """

    shape: tuple[str, ...]
    text: str
    body: bytes
    is_json: bool = False


class Place(Protocol):
    """Where the messages of a sink arrive, as the suite sees it."""

    @property
    def address(self) -> str:
        """What `settings` is given to find it by."""

    def received(self) -> list[Received]:
        """The messages that came, in that order."""

    def silence(self) -> None:
        """Take what comes from now on, and never answer."""

    def reached(self) -> bool:
        """Whether something has come since then."""


class _Http:
    """A place that is reached over HTTP."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._before = 0

    @property
    def address(self) -> str:
        return self._peer.address + _SECRET_PATH

    def received(self) -> list[Received]:
        return list(map(_received, self._peer.requests))

    def silence(self) -> None:
        self._before = len(self._peer.requests)
        self._peer.script = stopping()

    def reached(self) -> bool:
        return len(self._peer.requests) > self._before


def _received(request: Request) -> Received:
    body = request.body.decode(errors="replace")
    return Received(
        (request.line, *sorted(request.headers)),
        "\n".join([request.line, *request.headers.values(), body]),
        request.body,
        "json" in request.headers.get("content-type", ""),
    )


async def failure(sending: Awaitable[str | Delivered]) -> Transient | Permanent:
    """The error that an attempt ends in, which has to be one of the two that a sink may raise."""
    try:
        taken = await sending
    except (Transient, Permanent) as error:
        return error
    raise AssertionError(f"taken for delivered: {taken!r}")


def answer_of(taken: str | Delivered) -> str:
    """What the peer answered when it took a message."""
    assert isinstance(taken, str | Delivered), f"a sink returns a text or Delivered, not {taken!r}"
    return taken.answer if isinstance(taken, Delivered) else taken


async def _ended(sending: Awaitable[str | Delivered]) -> str | Transient | Permanent:
    """What an attempt ends in, either way."""
    try:
        return answer_of(await sending)
    except (Transient, Permanent) as error:
        return error


_LATER = (408, 425, 429, 500, 501, 502, 503, 504, 507, 511, 599)
_NEVER = (300, 301, 302, 303, 304, 305, 307, 308, 400, 402, 405, 406, 409, 411, 413, 414, 415, 418, 422, 431, 451, 499)
_TURNED_AWAY = (401, 403, 404, 410)
_REDIRECTS = (301, 302, 303, 307, 308)

_SOONEST = int(backoff.SCHEDULE[0].total_seconds())
_WAITS = {
    "120": 120,
    "0": _SOONEST,
    "Sat, 21 Nov 2026 12:01:30 GMT": 90,
    "Saturday, 21-Nov-26 12:01:30 GMT": 90,
    "Sat, 21 Nov 2026 11:00:00 GMT": _SOONEST,
    "999999999": 86_400,
    "Tue, 21 Nov 2028 12:00:00 GMT": 86_400,
}
"""What a peer may say in Retry-After, and the seconds until the next attempt: never more than a day."""

_NO_WAITS = ("Sat, 99 Nov 2026 99:99:99 GMT", "-5", "soon", "inf", "nan", "1e400", "9" * 400, "")

_LOST_AT_ONCE = {
    "reset": RESET_AT_ONCE,
    "closed": saying(early=True),
    "another protocol": saying(b"SSH-2.0-OpenSSH_9.9\r\n\r\n", early=True),
    "noise": saying(bytes(range(256)) * 100, early=True),
    "endless noise": flooding(b"", _ENDLESS, b"\xff" * 100_000, early=True),
}
_LOST_LATER = {
    "reset": RESET,
    "closed": saying(),
    "another protocol": saying(b"SSH-2.0-OpenSSH_9.9\r\n\r\n"),
    "half a header": saying(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "a header without end": flooding(b"HTTP/1.1 200 OK\r\nX: ", _ENDLESS, b"x" * 100_000),
    "headers without end": flooding(b"HTTP/1.1 200 OK\r\n", _ENDLESS, b"X: x\r\n" * 10_000),
}
_HANGS_AT_ONCE = {
    "silence": stopping(early=True),
    "half a word": stopping(b"HT", early=True),
}
_HANGS_LATER = {
    "half a header": stopping(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "headers that drip": dripping(b"HTTP/1.1 200 OK\r\n", b"X: x\r\n"),
}
_HANGS_IN_THE_BODY = {
    "half a body": stopping(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\no"),
    "a body that drips": dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b" "),
}
_NO_ANSWERS = {**{f"{name} at once": script for name, script in _LOST_AT_ONCE.items()}, **_LOST_LATER}


async def _echo(call: Call) -> None:
    """Answer with what was asked, as peers that are being set up do."""
    request = call.request
    said = "\n".join([f"http://{request.headers.get('host')}{request.target}", request.line, *request.headers.values()])
    await reply(200, said.encode()).play(call)


async def _complaint(call: Call) -> None:
    """Refuse, and repeat all that was sent."""
    said = [call.request.line, *call.request.headers.values(), call.request.body.decode()]
    await reply(422, "\n".join(said).encode()).play(call)


class SinkContract(Contract):
    """What every sink promises.

    Give `kind` and `settings`. Where the messages go anywhere but to an HTTP address, give `place` too, and leave out
    (`without`) the parts that do not apply. `answer` is what the peer says when it takes a message, with each status of
    `successes`; `secrets` are texts of the settings that may be repeated nowhere, as the path and the query of the
    address may not; `naughty` are values that try something.
    """

    parts: ClassVar[Mapping[str, str]] = {
        "messages": "what is sent",
        "summaries": "several events told in one",
        "ids": "the id by which a resend is known again",
        "personal": "personal data kept back where it is not allowed",
        "conduct": "time, cancelling, closing: nothing is left open and nobody held up",
        "secrets": "what is repeated nowhere",
        "network": "connections that fail, to any TCP port",
        "tls": "nothing said to anybody whom nobody vouches for",
        "certificates": "a certificate that is no good, which stays so",
        "statuses": "what HTTP's statuses mean, and Retry-After",
        "redirects": "redirects that are not followed",
        "answers": "HTTP answers that are broken, endless, or repeat what was sent",
    }

    kind: ClassVar[SinkType]
    answer: ClassVar[bytes] = b"ok"
    successes: ClassVar[tuple[int, ...]] = (200, 201, 202, 226)
    secrets: ClassVar[tuple[str, ...]] = ()
    naughty: ClassVar[tuple[str, ...]] = NAUGHTY
    most_held: ClassVar[int] = 20 * _MEGABYTE
    """Bytes of an answer that may be read, or held in memory, before it is given up."""

    time: ClassVar[timedelta] = timedelta(seconds=30)
    """What a sink is given for an attempt that is not to run out of it."""

    little_time: ClassVar[timedelta] = timedelta(seconds=0.2)
    """What a sink is given for an attempt that is to run out of it."""

    # ----------------------------------------------------------------------------------- what a subclass says of itself

    def settings(self, address: str) -> Mapping[str, Any]:
        """The settings, by their names in Python, of a sink that sends to that address."""
        raise NotImplementedError("say which settings have the sink send to that address")

    def make(self, address: str, tools: Tools, **common: Any) -> Sink:
        """Build the sink; `common` are settings that every sink has."""
        return self.kind.build("sink", self.configured(address, **common), tools)

    def configured(self, address: str, **common: Any) -> Settings:
        """The settings as a configuration has them."""
        return self.kind.settings(**{"type": "sink", **common, **self.settings(address)})

    @contextmanager
    def _over_http(self) -> Iterator[Place]:
        with Peer(self.taking()) as peer:
            yield _Http(peer)

    def place(self) -> AbstractContextManager[Place]:
        """Where the messages arrive; an HTTP server on loopback, unless this is another one."""
        return self._over_http()

    def check(self, received: Received, delivery: Delivery) -> None:  # noqa: ARG002 - for who overrides it
        """Fail when a message that came is not in order; what is said to be JSON has to be."""
        if received.is_json:
            json.loads(received.body)

    # ----------------------------------------------------------------------------------------------- what the tests use

    def taking(self, status: int = 200) -> Script:
        """Take every message."""
        return reply(status, self.answer)

    @asynccontextmanager
    async def opened(self, address: str, **common: Any) -> AsyncIterator[Sink]:
        """A sink that sends to that address, to its end."""
        with TemporaryDirectory() as directory:
            sink = self.make(
                address, Tools(rendered, lambda: NOON, Path(directory)), **{"timeout": self.time, **common}
            )
            try:
                yield sink
            finally:
                await sink.close()

    @asynccontextmanager
    async def against(self, script: Script, **common: Any) -> AsyncIterator[tuple[Peer, Sink]]:
        """A sink and a peer that does that."""
        with Peer(script) as peer:
            async with self.opened(peer.address + _SECRET_PATH, **common) as sink:
                yield peer, sink

    async def _failing(self, script: Script, **common: Any) -> Transient | Permanent:
        async with self.against(script, **common) as (_, sink):
            return await failure(sink.send(delivery()))

    def _keeps(self, text: str) -> None:
        """Fail when something is repeated that may not be."""
        for secret in (CANARY, PERSON, *self.secrets):
            assert secret not in text, f"{secret!r} is repeated: {text[:500]}"

    # --------------------------------------------------------------------------------------------------------- messages

    @promise("messages")
    async def test_a_message_that_is_taken_came_once(self) -> None:
        """One delivery is one message; what the peer says of it is returned, at most 2 KiB."""
        with self.place() as place:
            async with self.opened(place.address) as sink:
                answer = answer_of(await sink.send(delivery()))
            (received,) = place.received()
        self.check(received, delivery())
        assert len(answer) <= MOST_KEPT

    @promise("messages")
    async def test_many_at_once_come_once_each(self) -> None:
        """Messages that are sent together do not get mixed up."""
        names = [f"Nom{number:02}x" for number in range(_MANY)]
        with self.place() as place:
            async with self.opened(place.address) as sink:
                sent = [delivery(event(f"9{n:02}", lastname=name), number=n) for n, name in enumerate(names)]
                await asyncio.gather(*map(sink.send, sent))
            texts = [received.text for received in place.received()]
        assert len(texts) == _MANY
        assert [sum(name in text for text in texts) for name in names] == [1] * _MANY

    @promise("messages")
    async def test_a_value_is_only_a_value(self) -> None:
        """Whatever a record has in it, the message is one message, of the same shape, and in order."""
        with self.place() as place:
            async with self.opened(place.address) as sink:
                await sink.send(delivery())
                for count, value in enumerate(self.naughty, 1):
                    sent = delivery(stuffed(value))
                    await sink.send(sent)
                    harmless, *others = place.received()
                    assert len(others) == count, f"{len(others) - count + 1} messages for one with {value!r}"
                    assert others[-1].shape == harmless.shape, f"{value!r} changes the message"
                    self.check(others[-1], sent)

    @promise("messages")
    async def test_a_long_text_is_sent(self) -> None:
        """A megabyte in a field is cut or sent, and delays no other message."""
        long = delivery(event(lastname="é" * _MEGABYTE, message="x " * _MEGABYTE))
        with self.place() as place:
            async with self.opened(place.address) as sink:
                await asyncio.gather(sink.send(long), sink.send(delivery()))
            assert len(place.received()) == 2
            for received in place.received():
                self.check(received, long)

    @promise("summaries")
    async def test_a_summary_is_a_message(self) -> None:
        """Several events told in one are one message, with or without the first of them."""
        members = tuple(event(f"{n}", lastname=f"Nom{n}") for n in range(3))
        with self.place() as place:
            async with self.opened(place.address) as sink:
                for some in (members, ()):
                    await sink.send(delivery(summary(members), members=some))
            assert len(place.received()) == 2

    @promise("ids")
    async def test_a_resend_carries_the_same_id(self) -> None:
        """Sent again, by the same sink or by one that was made after a restart, it has the event's id; no other has."""
        first, other = delivery(), delivery(event("2"))
        with self.place() as place:
            async with self.opened(place.address) as sink:
                await sink.send(first)
                await sink.send(other)
            async with self.opened(place.address) as sink:
                await sink.send(delivery(attempts=3))
            texts = [received.text for received in place.received()]
        assert [first.event.id in text for text in texts] == [True, False, True], (
            "a message has another id than its event"
        )

    @promise("personal")
    async def test_nothing_personal_is_sent_where_it_may_not_be(self) -> None:
        """With `personal = false` nobody's name, address or words are in what is sent."""
        lead = event(**{name: f"{PERSON}{name}" for name in personal_of("apimo.leads")})
        buyers = [
            {"id": "111", "name": f"{PERSON}name", "firstname": f"{PERSON}first", "email1": f"{PERSON}@example.fr"}
        ]
        purchase = event(kind="new-purchase", stream="adlead.purchases", contacts=buyers)
        with self.place() as place:
            async with self.opened(place.address, personal=False) as sink:
                for told in (delivery(lead), delivery(purchase), delivery(summary([lead]), members=[lead])):
                    with suppress(Permanent):  # it need not be told of everything
                        await sink.send(told)
            texts = [received.text for received in place.received()]
        assert texts
        assert not [text for text in texts if PERSON in text], "personal data is sent"

    # ---------------------------------------------------------------------------------------------------------- conduct

    @promise("conduct")
    async def test_silence_costs_the_attempt_its_time(self) -> None:
        """A peer that takes a message and never answers: Transient within `timeout`, and it may have been taken."""
        with self.place() as place:
            place.silence()
            async with self.opened(place.address, timeout=self.little_time * 5) as sink:
                error = await failure(sink.send(delivery(event(message="x" * _MEGABYTE))))
        assert isinstance(error, Transient)
        assert error.unanswered, "it may have been taken: say so (Transient(unanswered=True))"

    @promise("conduct")
    async def test_who_waits_for_an_answer_holds_up_nobody(self) -> None:
        """While a peer is silent the event loop goes on: polls, other sinks, the watchdog."""
        with self.place() as place:
            place.silence()
            async with self.opened(place.address, timeout=self.little_time * 10) as sink:
                sending = asyncio.create_task(sink.send(delivery(event(message="x" * _MEGABYTE))))
                await until(place.reached, "the message came")
                held_up = sending.done()
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
        assert not held_up, "nothing else ran until the attempt had ended"

    @promise("conduct")
    async def test_cancelled_at_any_await_it_leaves_nothing_behind(self) -> None:
        """Wherever it is cancelled, it ends; nothing stays open; the next message gets through."""
        with self.place() as place:
            async with self.opened(place.address) as sink:
                await sink.send(delivery())  # what is made once and kept, is
            before = belongings()
            async with self.opened(place.address) as sink:
                before_sending = belongings(connections=False)

                async def send() -> None:
                    count = len(place.received())
                    await sink.send(delivery())
                    assert len(place.received()) > count, "said to be delivered, and nothing came"

                async for _ in cancelled_everywhere(send):
                    await nothing_but(before_sending, connections=False)
                    await send()
            await nothing_but(before)

    @promise("conduct")
    async def test_cancelled_in_silence_it_lets_go(self) -> None:
        """Cancelled while the peer is silent, nothing of the attempt goes on."""
        with self.place() as place:
            async with self.opened(place.address) as sink:
                await sink.send(delivery())
                before = belongings(connections=False)
                place.silence()
                sending = asyncio.create_task(sink.send(delivery(event(message="x" * _MEGABYTE))))
                await until(place.reached, "the message came")
                sending.cancel()
                await asyncio.wait([sending])
                assert sending.cancelled(), "the cancellation was swallowed"
                await nothing_but(before, connections=False)

    @promise("conduct")
    async def test_closed_it_has_let_go_of_everything(self) -> None:
        """No task, connection, file, thread or process is left, nor is anything lost sight of."""
        with self.place() as place:
            async with self.opened(place.address) as sink:
                await sink.send(delivery())  # what is made once and kept, is
            async with nothing_left():
                async with self.opened(place.address) as sink:
                    await asyncio.gather(*(sink.send(delivery(event(f"{n}"), number=n)) for n in range(3)))
                del sink

    @promise("conduct")
    async def test_closing_is_never_an_error(self) -> None:
        """Not of a sink that was never used, and not a second time."""
        with self.place() as place:
            async with self.opened(place.address) as sink:
                await sink.close()
                await sink.close()
            async with self.opened(place.address) as sink:
                await sink.send(delivery())
                await sink.close()

    # ---------------------------------------------------------------------------------------------------------- secrets

    @promise("secrets")
    async def test_a_sink_shows_no_secret(self) -> None:
        """Neither its `repr` nor that of its settings, nor those of what it holds."""
        with self.place() as place:
            async with self.opened(place.address) as sink:
                await sink.send(delivery())
                held = getattr(sink, "__dict__", {}).values()
            settings = self.configured(place.address)
        self._keeps("\n".join([repr(settings), repr(sink), str(sink), *map(repr, held)]))

    @promise("secrets")
    async def test_nothing_secret_is_said_of_a_message_that_is_taken(self) -> None:
        """Not in what is logged or printed, nor in the answer that is kept."""
        with self.place() as place, overheard() as said:
            async with self.opened(place.address) as sink:
                answer = answer_of(await sink.send(delivery(event(lastname=f"{PERSON}name"))))
        self._keeps("\n".join([answer, *said()]))

    @promise("secrets")
    async def test_nothing_secret_is_said_when_nobody_answers(self) -> None:
        """Not in the error, what led to it, or what is logged; personal data neither."""
        with self.place() as place, overheard() as said:
            place.silence()
            async with self.opened(place.address, timeout=self.little_time) as sink:
                error = await failure(sink.send(delivery(event(lastname=f"{PERSON}name", message="x" * _MEGABYTE))))
        self._keeps("\n".join([told_by(error), *said()]))

    @pytest.mark.parametrize("fault", [None, *_LOST_AT_ONCE])
    @promise("network")
    async def test_nothing_secret_is_said_of_a_connection_that_fails(self, fault: str | None) -> None:
        """Not in the error, what led to it, or what is logged; personal data neither."""
        with overheard() as said, Peer(_LOST_AT_ONCE[fault] if fault else reply(200)) as peer:
            address = peer.address if fault else nobody()
            async with self.opened(address + _SECRET_PATH) as sink:
                error = await failure(sink.send(delivery(event(lastname=f"{PERSON}name"))))
        self._keeps("\n".join([told_by(error), *said()]))

    @pytest.mark.parametrize("status", [301, 400, 401, 404, 429, 500, *_LOST_LATER])
    @promise("answers")
    async def test_nothing_secret_is_said_of_an_attempt_that_fails(self, status: int | str) -> None:
        """Not in the error, what led to it, or what is logged; also when the peer repeats it."""
        said_by_peer = f"no such customer: {PERSON}name at {_SECRET_PATH}".encode()
        script = reply(status, said_by_peer) if isinstance(status, int) else _LOST_LATER[status]
        with overheard() as said:
            async with self.against(script) as (_, sink):
                error = await failure(sink.send(delivery(event(lastname=f"{PERSON}name"))))
        self._keeps("\n".join([told_by(error), *said()]))

    @promise("answers")
    async def test_a_peer_that_repeats_everything_brings_out_no_secret(self) -> None:
        """What it says of the address or of a credential is neither kept nor logged."""
        for play in (_echo, _complaint):
            with overheard() as said:
                async with self.against(Script(play)) as (_, sink):
                    ended = await _ended(sink.send(delivery()))
                told = ended if isinstance(ended, str) else told_by(ended)
            self._keeps("\n".join([told, *said()]))

    # ---------------------------------------------------------------------------------------------------------- network

    @promise("network")
    async def test_a_refused_connection_is_tried_again(self) -> None:
        """Nobody there: Transient, and it certainly was not taken."""
        async with self.opened(nobody() + _SECRET_PATH) as sink:
            error = await failure(sink.send(delivery()))
        assert isinstance(error, Transient)
        assert not error.unanswered, "nobody has it: it needs not be called a possible duplicate"

    @pytest.mark.parametrize("fault", _LOST_AT_ONCE)
    @promise("network")
    async def test_a_lost_connection_is_tried_again(self, fault: str) -> None:
        """Closed, reset, or not what it should be: Transient, and read no further than needed."""
        async with self.against(_LOST_AT_ONCE[fault]) as (peer, sink):
            assert isinstance(await failure(sink.send(delivery())), Transient)
            assert peer.sent < self.most_held, "it reads whatever comes, without end"

    @pytest.mark.parametrize("fault", _HANGS_AT_ONCE)
    @promise("network")
    async def test_a_connection_that_hangs_is_given_up_in_time(self, fault: str) -> None:
        """Accepted and then nothing: Transient within `timeout`."""
        assert isinstance(await self._failing(_HANGS_AT_ONCE[fault], timeout=self.little_time), Transient)

    async def _untrusted(self) -> Transient | Permanent:
        with Peer(self.taking(), tls=True) as peer:
            async with self.opened(peer.address + _SECRET_PATH) as sink:
                error = await failure(sink.send(delivery()))
            assert not peer.requests, "it told somebody whom nobody vouches for"
        return error

    @promise("tls")
    async def test_nothing_is_said_to_a_peer_that_nobody_vouches_for(self) -> None:
        """A certificate that nobody signed: no message."""
        with overheard() as said:
            error = await self._untrusted()
        self._keeps("\n".join([told_by(error), *said()]))

    @promise("certificates")
    async def test_a_certificate_that_is_no_good_is_not_tried_again(self) -> None:
        """Permanent: somebody has to look."""
        assert isinstance(await self._untrusted(), Permanent)

    @promise("tls")
    async def test_in_the_clear_where_it_should_be_encrypted_nothing_is_said(self) -> None:
        """A peer that speaks no TLS gets no message."""
        heard: list[bytes] = []

        async def play(call: Call) -> None:
            heard.append(await call.hear())
            await reply(400, b"this port speaks HTTP").play(call)
            call.hang_up()

        with Peer(Script(play, early=True)) as peer:
            async with self.opened(peer.address.replace("http:", "https:") + _SECRET_PATH) as sink:
                await failure(sink.send(delivery()))
        self._keeps(repr(heard))

    # ------------------------------------------------------------------------------------------------------------- http

    @promise("statuses")
    async def test_each_status_of_success_is_taken(self) -> None:
        """Also after an interim answer (103), which is none."""
        for status in self.successes:
            async with self.against(self.taking(status)) as (peer, sink):
                answer_of(await sink.send(delivery()))
                assert len(peer.requests) == 1
        taken = f"HTTP/1.1 {self.successes[0]} OK\r\nContent-Length: {len(self.answer)}\r\n\r\n".encode() + self.answer
        async with self.against(saying(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + taken)) as (_, sink):
            answer_of(await sink.send(delivery()))

    @pytest.mark.parametrize("status", _LATER)
    @promise("statuses")
    async def test_what_may_work_later_is_tried_again(self, status: int) -> None:
        """408, 425, 429, 5xx: Transient; the peer has answered, so that it is known not to have been taken."""
        error = await self._failing(reply(status, b"no"))
        assert isinstance(error, Transient)
        assert not error.unanswered

    @pytest.mark.parametrize("status", _NEVER)
    @promise("statuses")
    async def test_what_will_not_work_is_not_tried_again(self, status: int) -> None:
        """Other 3xx and 4xx: Permanent, of this message only."""
        error = await self._failing(reply(status, b"no"))
        assert isinstance(error, Permanent)
        assert not error.refused, "only this message is refused: the next may pass"

    @pytest.mark.parametrize("status", _TURNED_AWAY)
    @promise("statuses")
    async def test_being_turned_away_is_said(self, status: int) -> None:
        """401, 403, 404, 410: Permanent and refused, so that the sink is paused until somebody mends it."""
        error = await self._failing(reply(status, b"no"))
        assert isinstance(error, Permanent)
        assert error.refused, "nothing else will pass either: say so (Permanent(refused=True))"

    @pytest.mark.parametrize("status", [0, 101, 600, 999])
    @promise("statuses")
    async def test_a_status_that_is_none_is_no_success(self, status: int) -> None:
        """Whatever it is taken for, nothing is called delivered."""
        await self._failing(reply(status, self.answer), timeout=self.little_time * 5)

    async def _waited(self, status: int, headers: Mapping[str, str]) -> float:
        """The seconds until the next attempt after an answer."""
        outcome = backoff.after(delivery(), await self._failing(reply(status, b"no", headers)), NOON, 0.0)
        assert isinstance(outcome, RetryAt)
        return (outcome.due_at - NOON).total_seconds()

    @pytest.mark.parametrize("said", _WAITS)
    @promise("statuses")
    async def test_retry_after_is_heeded(self, said: str) -> None:
        """Seconds or a date, a day at the most."""
        for status in (429, 503):
            assert await self._waited(status, {"Retry-After": said}) == _WAITS[said]

    @pytest.mark.parametrize("said", _NO_WAITS)
    @promise("statuses")
    async def test_a_retry_after_that_makes_no_sense_counts_for_nothing(self, said: str) -> None:
        """What is neither seconds nor a date is as if it were not there."""
        for status in (429, 503):
            assert await self._waited(status, {"Retry-After": said}) == await self._waited(status, {})

    @pytest.mark.parametrize("status", _REDIRECTS)
    @promise("redirects")
    async def test_no_redirect_is_followed(self, status: int) -> None:
        """Whoever it points to gets nothing: neither the message nor a credential."""
        with Peer(self.taking()) as other:
            elsewhere = f"{other.address}/elsewhere"
            async with self.against(reply(status, b"", {"Location": elsewhere})) as (peer, sink):
                await failure(sink.send(delivery()))
                assert len(peer.requests) == 1
            assert not other.connections, "it went where the redirect pointed"

    @pytest.mark.parametrize("fault", _LOST_LATER)
    @promise("answers")
    async def test_no_answer_that_can_be_read_is_none(self, fault: str) -> None:
        """After the request: Transient, and it may have been taken; read no further than needed."""
        async with self.against(_LOST_LATER[fault]) as (peer, sink):
            error = await failure(sink.send(delivery()))
            assert peer.sent < self.most_held, "it reads whatever comes, without end"
        assert isinstance(error, Transient)
        assert error.unanswered, "it may have been taken: say so (Transient(unanswered=True))"

    @pytest.mark.parametrize("fault", _HANGS_LATER)
    @promise("answers")
    async def test_half_an_answer_is_given_up_in_time(self, fault: str) -> None:
        """However much comes, if it is no answer: Transient within `timeout`, and it may have been taken."""
        error = await self._failing(_HANGS_LATER[fault], timeout=self.little_time)
        assert isinstance(error, Transient)
        assert error.unanswered, "it may have been taken: say so (Transient(unanswered=True))"

    @pytest.mark.parametrize("fault", _HANGS_IN_THE_BODY)
    @promise("answers")
    async def test_a_body_that_never_ends_ends_the_attempt_in_time(self, fault: str) -> None:
        """Taken, if the status says all there is to know; else Transient, and it may have been taken."""
        async with self.against(_HANGS_IN_THE_BODY[fault], timeout=self.little_time) as (_, sink):
            ended = await _ended(sink.send(delivery()))
        assert not isinstance(ended, Permanent)
        if isinstance(ended, Transient):
            assert ended.unanswered, "it may have been taken: say so (Transient(unanswered=True))"

    @pytest.mark.parametrize("status", [200, 500])
    @promise("answers")
    async def test_of_an_answer_without_end_only_the_beginning_is_read(self, status: int) -> None:
        """The attempt ends, with an error that the status allows or taken; what is kept has at most 2 KiB."""
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {_ENDLESS * 10}\r\n\r\n".encode()
        async with self.against(flooding(head + self.answer, _ENDLESS)) as (peer, sink):
            ended = await _ended(sink.send(delivery()))
            assert status == 200 or isinstance(ended, Transient)
            assert not isinstance(ended, str) or len(ended) <= MOST_KEPT
            assert peer.sent < self.most_held, "it reads whatever comes, without end"

    @promise("answers")
    async def test_a_packed_answer_does_not_grow(self) -> None:
        """A few bytes that unpack to very many take no memory."""
        packer = compressobj(wbits=31)
        pieces = 3 * self.most_held // _MEGABYTE
        packed = b"".join([*(packer.compress(b" " * _MEGABYTE) for _ in range(pieces)), packer.flush()])
        async with self.against(reply(200, packed, {"Content-Encoding": "gzip"})) as (_, sink):
            with within_memory(self.most_held):
                ended = await _ended(sink.send(delivery()))  # an error is right too: it was not asked for
        assert not isinstance(ended, str) or len(ended) <= MOST_KEPT

    @promise("answers")
    async def test_an_attempt_is_one_request(self) -> None:
        """A connection that is lost, new or kept open, is an error and not another request that nobody counts."""
        async with self.against(self.taking()) as (peer, sink):
            await sink.send(delivery())
            peer.script = RESET
            assert isinstance(await failure(sink.send(delivery())), Transient)
            assert len(peer.requests) == 2

    @promise("answers")
    async def test_after_a_failure_the_next_one_gets_through(self) -> None:
        """Whatever the peer did, once it works again so does the sink."""
        for script in (reply(500), reply(401), RESET, saying(b"SSH-2.0\r\n"), saying(b"HTTP/1.1 200 OK\r\nConte")):
            async with self.against(script) as (peer, sink):
                await failure(sink.send(delivery()))
                peer.script = self.taking()
                answer_of(await sink.send(delivery()))
