"""What every source promises, tried against a server on loopback that does all that vendors' do, and worse."""

# ruff: noqa: S101, PLR2004 - these are tests: they assert, and the numbers are HTTP's

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, ClassVar, NamedTuple
from zlib import compressobj

import pytest

from watcher.errors import Permanent, Transient
from watcher.model import Known, Reading
from watcher.ports import Clock, Source
from watcher.sources import Client, Login, build_client
from watcher.sources.answers import Answer
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
    Script,
    dripping,
    flooding,
    nobody,
    reply,
    saying,
    stopping,
)
from watcher.testing.samples import CANARY, NOON

TIME = 30.0
"""Seconds that a request is given that is not to run out of them."""

LITTLE_TIME = 0.2
"""Seconds that one is given that is."""

DAY = 86_400
"""Seconds: as long as anybody may ask us to wait."""

NOTHING = Known({}, {}, {})

_MEGABYTE = 1_000_000
_ENDLESS, _TAKEN_OF_IT = 250 * _MEGABYTE, 120 * _MEGABYTE
_JSON = {"Content-Type": "application/json"}


class Entry(NamedTuple):
    """A record of a list: its id (`""`: it has none), and what makes its bytes other ones."""

    key: str
    mark: str = "a"


THREE = (Entry("1"), Entry("2"), Entry("3"))
LONG = tuple(Entry(str(number)) for number in range(1, 251))

_LATER = (408, 425, 500, 502, 503, 504, 599)
_NEVER = (300, 301, 302, 303, 307, 308, 400, 404, 405, 410, 422)
_WAITS = {
    "120": 120,
    "Sat, 21 Nov 2026 12:01:30 GMT": 90,
    "Sat, 21 Nov 2026 11:00:00 GMT": 0,
    "999999999": DAY,
    "Tue, 21 Nov 2028 12:00:00 GMT": DAY,
}
_NO_WAITS = ("-5", "soon", "inf", "nan", "1e400", "Sat, 99 Nov 2026 99:99:99 GMT", "")
_LOST = {
    "reset at once": RESET_AT_ONCE,
    "closed at once": saying(early=True),
    "noise at once": saying(bytes(range(256)) * 100, early=True),
    "reset": RESET,
    "closed": saying(),
    "another protocol": saying(b"SSH-2.0-OpenSSH_9.9\r\n\r\n"),
    "half a header": saying(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "half a body": saying(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"),
    "a chunk too few": saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{    \r\n"),
    "a header without end": flooding(b"HTTP/1.1 200 OK\r\nX: ", _ENDLESS, b"x" * 100_000),
}
_HANGS = {
    "silence at once": stopping(early=True),
    "silence": stopping(),
    "half a header": stopping(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "half a body": stopping(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"),
    "a body that drips": dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b" "),
}
_NO_LISTS = {
    "nothing": b"",
    "white space": b" \n",
    "null": b"null",
    "a list": b"[]",
    "a text": b'"x"',
    "a number": b"1",
    "an object without a list": b"{}",
    "half an object": b'{"a": [',
    "two objects": b"{}{}",
    "a page": b"<!DOCTYPE html><title>Maintenance</title>",
    "noise": bytes(range(256)),
    "deep nesting": b"[" * 100_000,
    "deep nesting in an object": b'{"a": ' + b"[" * 100_000,
}


class _Unlimited:
    """A budget of any number of requests."""

    async def spend(self, account: str, day: str, limit: int) -> int:  # noqa: ARG002 - the port has them
        """Always enough."""
        return limit


async def failure(reading: Awaitable[Any]) -> Transient | Permanent:
    """The error that it ends in, which has to be one of the two that a source may raise."""
    try:
        came = await reading
    except (Transient, Permanent) as error:
        return error
    raise AssertionError(f"it passes for an answer: {came!r}")


def known(reading: Reading) -> Known:
    """What the snapshot knows after a reading was committed."""
    return Known({piece.fingerprint: piece.key for piece in reading.fresh}, {}, reading.pages)


def fresh(reading: Reading) -> list[str]:
    """The ids of what is new."""
    return [piece.key for piece in reading.fresh]


class SourceContract(Contract):
    """What every source promises.

    Give `make`, `page` and, where the API can be asked for one record, `one`. `secrets` are texts of the settings that
    may be repeated nowhere.
    """

    parts: ClassVar[Mapping[str, str]] = {
        "reading": "what a read brings, and whether it is all there is",
        "totals": "a list whose own count does not fit",
        "cursor": "reading only what changed",
        "show": "reading one record",
        "errors": "what statuses and headers mean",
        "answers": "answers that are no list",
        "network": "connections that fail",
        "conduct": "cancelling, closing: nothing is left open and nobody held up",
        "secrets": "what is repeated nowhere",
    }

    secrets: ClassVar[tuple[str, ...]] = ()

    # ----------------------------------------------------------------------------------- what a subclass says of itself

    def make(self, address: str, clock: Clock, seconds: float) -> AbstractAsyncContextManager[Source]:
        """The source of one partition at that address, open; each request has so many seconds."""
        raise NotImplementedError("say how the source is made")

    def page(self, entries: Sequence[Entry], target: str, total: int) -> bytes:
        """What the vendor answers to a request (path and query) of a list that has these records and that total."""
        raise NotImplementedError("say what the vendor answers")

    def one(self, entry: Entry) -> bytes:
        """What the vendor answers when it is asked for that record."""
        raise NotImplementedError("say what the vendor answers")

    # ----------------------------------------------------------------------------------------------- what the tests use

    def listing(self, entries: Sequence[Entry], *, more: int = 0) -> Script:
        """Answer as the vendor does of a list; `more` is by how many its total is wrong."""

        async def play(call: Call) -> None:
            body = self.page(entries, call.request.target, len(entries) + more)
            await reply(200, body, _JSON).play(call)

        return Script(play)

    @asynccontextmanager
    async def against(self, script: Script, seconds: float = TIME) -> AsyncIterator[tuple[Peer, Source]]:
        """A source and a server that does that."""
        with Peer(script) as peer:
            async with self.make(peer.address, lambda: NOON, seconds) as source:
                yield peer, source

    @asynccontextmanager
    async def connected(self, login: Login, clock: Clock, seconds: float) -> AsyncIterator[Client]:
        """A client of that account, to make a source with: each of its requests has at most so many seconds."""
        client = build_client("azur", login, budget=_Unlimited(), clock=clock, luck=lambda: 0.5)
        get = client.get

        async def hurried(path: str, params: Mapping[str, str] | None = None, *, timeout: float = TIME) -> Answer:
            return await get(path, params, timeout=min(timeout, seconds))

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(client, "get", hurried)
            try:
                yield client
            finally:
                await client.close()

    async def read(self, script: Script, since: int | None = None, before: Known = NOTHING) -> Reading:
        """One read of a server that does that, by a source that was just made."""
        async with self.against(script) as (_, source):
            return await source.read(before, since)

    async def failing(self, script: Script, seconds: float = TIME) -> Transient | Permanent:
        """The error of one read of a server that does that."""
        async with self.against(script, seconds) as (_, source):
            return await failure(source.read(NOTHING, None))

    def _keeps(self, text: str) -> None:
        for secret in self.secrets:
            assert secret not in text, f"{secret!r} is repeated: {text[:500]}"

    # ---------------------------------------------------------------------------------------------------------- reading

    @promise("reading")
    async def test_everything_there_is_is_read(self) -> None:
        """Asked for all, a source brings every record, each with its id and its bytes, and says that it is all."""
        reading = await self.read(self.listing(THREE))
        assert (reading.full, reading.complete, reading.doubt) == (True, True, "")
        assert (set(reading.present), sorted(fresh(reading))) == ({"1", "2", "3"}, ["1", "2", "3"])
        assert len({piece.fingerprint for piece in reading.fresh}) == 3
        assert all(piece.raw for piece in reading.fresh)
        assert reading.requests >= 1
        assert not reading.unread

    @promise("reading")
    async def test_bytes_that_are_known_are_no_news(self) -> None:
        """Read again, by a source that was made after a restart too, nothing is fresh and all is present."""
        first = await self.read(self.listing(THREE))
        for before in (known(first), known(first)._replace(pages={})):
            again = await self.read(self.listing(THREE), before=before)
            assert (fresh(again), set(again.present), again.complete) == ([], {"1", "2", "3"}, True)

    @promise("reading")
    async def test_a_record_that_changed_is_fresh_alone(self) -> None:
        """The others are present, and not told again."""
        before = known(await self.read(self.listing(THREE)))
        again = await self.read(self.listing((Entry("1"), Entry("2", "b"), Entry("3"))), before=before)
        assert (fresh(again), set(again.present)) == (["2"], {"1", "2", "3"})

    @promise("reading")
    async def test_what_is_gone_is_not_present(self) -> None:
        """A complete reading lacks it; so does an empty one, which is complete too."""
        before = known(await self.read(self.listing(THREE)))
        for left in ((Entry("1"), Entry("3")), ()):
            again = await self.read(self.listing(left), before=before)
            assert (set(again.present), again.complete, fresh(again)) == ({entry.key for entry in left}, True, [])

    @promise("reading")
    async def test_a_long_list_is_read_to_its_end(self) -> None:
        """Page by page, none twice, none left out."""
        reading = await self.read(self.listing(LONG))
        assert reading.present == {entry.key for entry in LONG}
        assert sorted(fresh(reading), key=int) == [entry.key for entry in LONG]
        assert reading.complete

    @promise("reading")
    async def test_a_record_that_came_twice_leaves_a_doubt(self) -> None:
        """The list moved while it was read: what came counts, and nothing may be called gone."""
        reading = await self.read(self.listing((*THREE, Entry("2", "b"))))
        assert (reading.complete, set(reading.present)) == (False, {"1", "2", "3"})
        assert reading.doubt

    @promise("reading")
    async def test_a_record_without_an_id_hides_no_other(self) -> None:
        """It is set apart, with the reason; the others come, and nothing may be called gone."""
        reading = await self.read(self.listing((Entry("1"), Entry(""), Entry("3"))))
        assert (set(reading.present), reading.complete) == ({"1", "3"}, False)
        assert [bool(unread.reason) for unread in reading.unread] == [True]

    @promise("totals")
    async def test_a_total_that_does_not_fit_leaves_a_doubt(self) -> None:
        """Half a list is not the list: what came counts, and nothing may be called gone."""
        for more in (1, 1000):
            reading = await self.read(self.listing(THREE, more=more))
            assert (reading.complete, set(reading.present)) == (False, {"1", "2", "3"})
            assert reading.doubt

    @promise("cursor")
    async def test_what_changed_says_nothing_of_what_is_gone(self) -> None:
        """Read from a cursor, it is neither full nor complete; its own cursor is where the next read begins."""
        first = await self.read(self.listing(THREE))
        assert first.cursor is not None
        reading = await self.read(self.listing(THREE[:1]), since=first.cursor)
        assert (reading.full, reading.complete, set(reading.present)) == (False, False, {"1"})

    @promise("cursor")
    async def test_a_cursor_is_asked_for(self) -> None:
        """The server is told from when on, which is not what it is told when all is read."""
        async with self.against(self.listing(THREE)) as (peer, source):
            await source.read(NOTHING, None)
            await source.read(NOTHING, 1_790_000_000)
        assert len({request.target for request in peer.requests}) > 1

    @promise("show")
    async def test_one_record_is_shown(self) -> None:
        """As the vendor has it; None when the vendor says that there is none; errors as of a read."""
        async with self.against(reply(200, self.one(Entry("2")), _JSON)) as (peer, source):
            body = await source.show("2")
            assert body
            assert str(body["id"]) == "2"
            peer.script = reply(404, b"{}", _JSON)
            assert await source.show("2") is None
            peer.script = reply(500, b"{}", _JSON)
            assert isinstance(await failure(source.show("2")), Transient)
        async with self.against(reply(403, b"{}", _JSON)) as (_, source):
            assert isinstance(await failure(source.show("2")), Permanent)

    @promise("show")
    async def test_a_hostile_id_stays_in_its_place(self) -> None:
        """Whatever an id has in it, it is one part of a path: it reaches neither another one nor the query."""
        async with self.against(reply(200, self.one(Entry("2")), _JSON)) as (peer, source):
            await source.show("2")
            for key in ("../2", "a/b", "2?x=1", "2#x", "2 HTTP/1.1\r\nX: y", "%2e%2e%2f", ".."):
                try:
                    await source.show(key)
                except (Transient, Permanent):
                    continue  # it need not be asked for at all
            plain, *others = (request.target for request in peer.requests)
        base = plain.rpartition("/")[0] + "/"
        for target in others:
            part = target.removeprefix(base)
            assert part != target, f"it asks for {target}"
            assert not set("/?# \r\n") & set(part), f"it asks for {target}"
            assert part not in ("..", ".")

    @promise("reading")
    async def test_what_an_api_cannot_show_is_said(self) -> None:
        """Where one record cannot be asked for, `show` raises NotImplementedError."""
        if "show" in self.without:
            async with self.against(self.listing(THREE)) as (_, source):
                with pytest.raises(NotImplementedError):
                    await source.show("2")

    # ----------------------------------------------------------------------------------------------------------- errors

    @pytest.mark.parametrize("status", _LATER)
    @promise("errors")
    async def test_trouble_on_their_side_passes(self, status: int) -> None:
        """408, 425, 5xx: Transient; Retry-After is handed on."""
        error = await self.failing(reply(status, b'{"message": "no"}', {**_JSON, "Retry-After": "120"}))
        assert isinstance(error, Transient)
        assert error.retry_after == 120

    @pytest.mark.parametrize("status", [401, 403])
    @promise("errors")
    async def test_being_turned_away_is_said(self, status: int) -> None:
        """401, 403: Permanent and refused, so that the operator is told at once."""
        error = await self.failing(reply(status, b'{"message": "no"}', _JSON))
        assert isinstance(error, Permanent)
        assert error.refused

    @pytest.mark.parametrize("status", _NEVER)
    @promise("errors")
    async def test_other_refusals_are_permanent(self, status: int) -> None:
        """Other 3xx and 4xx: Permanent, and the credential is not called wrong."""
        error = await self.failing(reply(status, b'{"message": "no"}', _JSON))
        assert isinstance(error, Permanent)
        assert not error.refused

    @pytest.mark.parametrize("said", _WAITS)
    @promise("errors")
    async def test_a_429_says_how_long_to_wait(self, said: str) -> None:
        """Seconds or a date, a day at the most."""
        error = await self.failing(reply(429, b"{}", {**_JSON, "Retry-After": said}))
        assert isinstance(error, Transient)
        assert error.retry_after == _WAITS[said]

    @pytest.mark.parametrize("said", _NO_WAITS)
    @promise("errors")
    async def test_a_429_that_makes_no_sense_is_waited_for_all_the_same(self, said: str) -> None:
        """What is neither seconds nor a date counts for nothing: the wait is the source's own."""
        error = await self.failing(reply(429, b"{}", {**_JSON, "Retry-After": said}))
        assert isinstance(error, Transient)
        assert error.retry_after is None or 0 <= error.retry_after <= DAY

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    @promise("errors")
    async def test_no_redirect_is_followed(self, status: int) -> None:
        """Whoever it points to gets nothing, least of all the credential."""
        with Peer(self.listing(THREE)) as other:
            error = await self.failing(reply(status, b"", {"Location": f"{other.address}/elsewhere"}))
            assert not other.connections, "it went where the redirect pointed"
        assert isinstance(error, Permanent)

    # ---------------------------------------------------------------------------------------------------------- answers

    @pytest.mark.parametrize("body", _NO_LISTS)
    @promise("answers")
    async def test_an_answer_that_is_no_list_is_a_failure(self, body: str) -> None:
        """A page, half an object, nothing, noise: an error, and never an empty list."""
        await self.failing(reply(200, _NO_LISTS[body], _JSON))

    @promise("answers")
    async def test_a_key_that_is_given_twice_is_a_failure(self) -> None:
        """There is no telling which one is meant."""
        async with self.against(self.listing(THREE)) as (peer, source):
            await source.read(NOTHING, None)
            target = peer.requests[0].target
        page = self.page(THREE, target, len(THREE))
        for key in json.loads(page):
            twice = page.rstrip()[:-1] + b", " + json.dumps({key: json.loads(page)[key]}).encode()[1:]
            await self.failing(reply(200, twice, _JSON))

    @promise("answers")
    async def test_an_answer_without_end_is_given_up(self) -> None:
        """Of a body that goes on for ever no more is read than any honest one has."""
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
        async with self.against(flooding(head, _ENDLESS)) as (peer, source):
            await failure(source.read(NOTHING, None))
            assert peer.sent < _TAKEN_OF_IT, "it reads whatever comes, without end"

    @promise("answers")
    async def test_a_packed_answer_is_unpacked_within_bounds(self) -> None:
        """A few bytes that unpack to very many are an error, in bounded memory."""
        packer, piece = compressobj(wbits=31), b" " * _MEGABYTE
        packed = b"".join([*(packer.compress(piece) for _ in range(_ENDLESS // _MEGABYTE)), packer.flush()])
        with within_memory(_TAKEN_OF_IT):
            await self.failing(reply(200, packed, {**_JSON, "Content-Encoding": "gzip"}))

    # ---------------------------------------------------------------------------------------------------------- network

    @promise("network")
    async def test_nobody_there_passes(self) -> None:
        """A refused connection: Transient."""
        async with self.make(nobody(), lambda: NOON, TIME) as source:
            assert isinstance(await failure(source.read(NOTHING, None)), Transient)

    @pytest.mark.parametrize("fault", _LOST)
    @promise("network")
    async def test_half_an_answer_is_none(self, fault: str) -> None:
        """A connection that is lost, anywhere: Transient, after one request."""
        async with self.against(_LOST[fault]) as (peer, source):
            assert isinstance(await failure(source.read(NOTHING, None)), Transient)
            assert len(peer.requests) <= 1, "it asked again by itself"
            assert peer.sent < _TAKEN_OF_IT, "it reads whatever comes, without end"

    @pytest.mark.parametrize("fault", _HANGS)
    @promise("network")
    async def test_an_answer_that_does_not_come_is_given_up_in_time(self, fault: str) -> None:
        """Whether nothing comes, or half, or a little all the time: Transient."""
        assert isinstance(await self.failing(_HANGS[fault], LITTLE_TIME), Transient)

    @promise("network")
    async def test_a_certificate_that_nobody_signed_is_refused(self) -> None:
        """Nothing is said to whoever has it."""
        with Peer(self.listing(THREE), tls=True) as peer:
            async with self.make(peer.address, lambda: NOON, TIME) as source:
                await failure(source.read(NOTHING, None))
            assert not peer.requests, "it told somebody whom nobody vouches for"

    # ---------------------------------------------------------------------------------------------------------- conduct

    @promise("conduct")
    async def test_who_waits_for_an_answer_holds_up_nobody(self) -> None:
        """While a server is silent the event loop goes on."""
        async with self.against(stopping(), LITTLE_TIME * 10) as (peer, source):
            reading = asyncio.create_task(source.read(NOTHING, None))
            await until(lambda: bool(peer.requests), "the request came")
            held_up = reading.done()
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        assert not held_up, "nothing else ran until the read had ended"

    @promise("conduct")
    async def test_cancelled_at_any_await_it_leaves_nothing_behind(self) -> None:
        """Wherever it is cancelled, it ends; nothing stays open; the next read works."""
        await self.read(self.listing(THREE))  # what is made once and kept, is
        with Peer(self.listing(THREE)) as peer:
            before = belongings()
            async with self.make(peer.address, lambda: NOON, TIME) as source:
                tasks = belongings(connections=False)
                async for _ in cancelled_everywhere(lambda: source.read(NOTHING, None)):
                    await nothing_but(tasks, connections=False)
                    assert (await source.read(NOTHING, None)).complete
            await nothing_but(before)

    @promise("conduct")
    async def test_closed_it_has_let_go_of_everything(self) -> None:
        """No task, connection, file, thread or process is left, nor is anything lost sight of."""
        await self.read(self.listing(THREE))  # what is made once and kept, is
        with Peer(self.listing(THREE)) as peer:
            async with nothing_left():
                async with self.make(peer.address, lambda: NOON, TIME) as source:
                    await asyncio.gather(*(source.read(NOTHING, None) for _ in range(3)))
                del source

    # ---------------------------------------------------------------------------------------------------------- secrets

    @pytest.mark.parametrize("fault", [200, 301, 400, 401, 404, 429, 500, *_LOST])
    @promise("secrets")
    async def test_nothing_secret_is_said(self, fault: int | str) -> None:
        """Not in the error, what led to it, or what is logged; also when the server repeats it."""

        async def play(call: Call) -> None:
            said = " ".join([CANARY, *self.secrets, *call.request.headers.values()])
            assert isinstance(fault, int)
            await reply(fault, json.dumps({"message": said, "success": False}).encode(), _JSON).play(call)

        with overheard() as said:
            script = Script(play) if isinstance(fault, int) else _LOST[fault]
            async with self.against(script) as (_, source):
                told = told_by(await failure(source.read(NOTHING, None)))
                shown = [repr(source), *map(repr, getattr(source, "__dict__", {}).values())]
        self._keeps("\n".join([told, *shown, *said()]))
