"""Apimo: offsets, totals, cursors, and a poll that brings nothing new."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from aioresponses import CallbackResult, aioresponses
from peers import BASE, NOON, NOTHING, Direct, Query, apimo, lead, remembered

from watcher.errors import Drifted, Transient
from watcher.model import Known, SourceName
from watcher.sources import apimo as apimo_source
from watcher.sources import pages
from watcher.sources.answers import Answer
from watcher.sources.apimo import ApimoSource
from watcher.sources.http import Client

NAME = SourceName("azur", "apimo.leads", "101")


def leads(client: Any, **settings: Any) -> ApimoSource:
    """The leads of an agency."""
    return ApimoSource(NAME, client, ("leads",), **settings)


async def test_what_is_asked_for(answers: aioresponses, client: Client) -> None:
    """A full read asks for everything; a read by cursor for what changed since a while before it."""
    asked: list[tuple[str, Query]] = []

    def answer(url: Any, **_: Any) -> CallbackResult:
        asked.append((url.path, dict(url.query)))
        return CallbackResult(payload=apimo([lead(1)], url.query))

    answers.get(re.compile(f"{BASE}/.*"), callback=answer, repeat=True)
    await leads(client).read(NOTHING, None)
    await leads(client, lookback=60, page_limit=50).read(NOTHING, 1461594712)
    assert asked == [
        ("/v1/agencies/101/leads", {"limit": "10000", "offset": "0"}),
        ("/v1/agencies/101/leads", {"limit": "50", "offset": "0", "timestamp": "1461594652"}),
    ]


async def test_a_page_beyond_128_kib(answers: aioresponses, client: Client) -> None:
    """A large page is one request, and all its records are there with their bytes."""
    answers.get(
        re.compile(".*"),
        payload=apimo([lead(n, message="x" * 500) for n in range(1000)], {"offset": "0", "limit": "9999"}),
    )
    reading = await leads(client).read(NOTHING, None)
    assert reading.complete
    assert reading.present == {str(n) for n in range(1000)}
    assert all(json.loads(piece.raw)["id"] == int(piece.key) for piece in reading.fresh)


@pytest.mark.parametrize("clamp", [1, 7, 100, 250, 10_000])
async def test_the_server_may_give_less_than_asked(clamp: int) -> None:
    """However few records a server gives at once, all are read, by what came and not by what was asked for."""
    records = [lead(n) for n in range(40)]
    client = Direct(lambda query: apimo(records, query, clamp=clamp))
    reading = await leads(client).read(NOTHING, None)
    assert reading.complete
    assert len(reading.present) == 40
    assert reading.requests == len(client.queries) == -(-40 // clamp)


async def test_an_empty_agency_is_complete() -> None:
    """No records and a total of none is a whole answer, without a cursor."""
    client = Direct(lambda query: apimo([], query, timestamp=None))
    reading = await leads(client).read(NOTHING, None)
    assert (reading.complete, reading.present, reading.cursor, reading.requests) == (True, set(), None, 1)


async def test_an_empty_list_with_a_total_is_not() -> None:
    """Nothing where there should be ten thousand is a doubt, and nothing is missing by it."""
    client = Direct(lambda query: apimo([], query, total_items=10_000))
    reading = await leads(client).read(NOTHING, None)
    assert not reading.complete
    assert reading.doubt == "the total is 10000, and 0 came"
    assert reading.requests == 2


async def test_a_total_that_never_comes_true_ends_all_the_same() -> None:
    """One lead and a total of 63, as in the vendor's sample: two walks of two requests, then a doubt."""
    client = Direct(lambda query: apimo([lead(170384)], query, total_items=63))
    reading = await leads(client).read(NOTHING, None)
    assert not reading.complete
    assert reading.doubt == "the total is 63, and 1 came"
    assert (reading.requests, reading.present, reading.cursor) == (4, {"170384"}, 1461594712)


async def test_without_a_total_nothing_is_complete() -> None:
    """Where the vendor does not say how many there are, all is read, once, and nothing can be missing."""
    records = [lead(n) for n in range(5)]
    client = Direct(lambda query: apimo(records, query, clamp=2, total_items=None))
    reading = await leads(client).read(NOTHING, None)
    assert len(reading.present) == 5
    assert (reading.complete, reading.doubt, reading.requests) == (False, "the answer has no total", 4)


async def test_a_record_without_an_id_makes_it_incomplete() -> None:
    """What cannot be read is reported, what can is read, and nothing is missing; its page is looked at again."""
    records = [lead(1), {"id": None}, lead(2)]
    client = Direct(lambda query: apimo(records, query))
    reading = await leads(client).read(NOTHING, None)
    assert reading.present == {"1", "2"}
    assert (len(reading.unread), reading.unread[0].reason) == (1, "has no id")
    assert (reading.complete, reading.requests, reading.pages) == (False, 1, {})


async def test_an_endless_list_is_cut() -> None:
    """After fifty pages it stops: incomplete, and without a cursor, for the last page was not read."""
    client = Direct(lambda query: apimo([lead(n) for n in range(1000)], query, clamp=1))
    reading = await leads(client).read(NOTHING, None)
    assert (len(reading.present), reading.requests) == (50, 50)
    assert (reading.complete, reading.doubt, reading.cursor) == (False, "there are more than 50 pages", None)
    assert (await leads(client).read(NOTHING, 1)).cursor is None


async def test_an_agency_cannot_be_read_when_its_list_is_gone() -> None:
    """An answer without the list is drift."""
    with pytest.raises(Drifted, match="no list of leads"):
        await leads(Direct(lambda query: {"items": []})).read(NOTHING, None)


async def test_there_is_no_read_of_one_record() -> None:
    """Apimo has no such thing, and we say so."""
    with pytest.raises(NotImplementedError):
        await leads(Direct(lambda query: {})).show("1")


# -------------------------------------------------------------------------------------------------------- cursors


async def test_a_cursor_read_is_walked_once_and_never_complete() -> None:
    """A read by cursor says what came, not what is missing, whatever its total."""
    client = Direct(lambda query: apimo([lead(1), lead(2)], query, total_items=4000))
    reading = await leads(client).read(NOTHING, 1461594000)
    assert (reading.full, reading.complete, reading.doubt) == (False, False, "")
    assert (reading.present, reading.requests, reading.cursor) == ({"1", "2"}, 2, 1461594712)


DAY = 86_400
NOW = int(NOON.timestamp())


@pytest.mark.parametrize(
    ("told", "cursor"),
    [
        (1461594712, 1461594712),
        ("1461594712", 1461594712),
        (1461594712.0, 1461594712),
        (NOW + DAY, NOW + DAY),
        (NOW + DAY + 1, None),
        (0, None),
        ("0", None),
        (None, None),
        ("", None),
        ("soon", None),
        (-5, None),
        (True, None),
        ({}, None),
    ],
)
async def test_what_is_believed_of_a_timestamp(told: Any, cursor: int | None) -> None:
    """Unix seconds up to a day ahead of us are the cursor; nothing, zero and nonsense are none."""
    client = Direct(lambda query: apimo([lead(1)], query, timestamp=told))
    assert (await leads(client).read(NOTHING, None)).cursor == cursor


async def test_a_missing_timestamp_is_none() -> None:
    """An answer without the field moves no cursor."""
    client = Direct(lambda query: {"leads": [], "total_items": 0})
    assert (await leads(client).read(NOTHING, 1461594712)).cursor is None


async def test_the_cursor_never_goes_back() -> None:
    """An answer older than the cursor leaves it where it is."""
    client = Direct(lambda query: apimo([lead(1)], query, timestamp=1000))
    assert (await leads(client).read(NOTHING, 1461594712)).cursor == 1461594712


async def test_the_cursor_is_the_newest_of_all_pages() -> None:
    """Each page tells the time of the newest record in itself; the newest counts, if it can be believed."""
    stamps = iter([1461594712, 1461599999, NOW + 10 * DAY, 1461590000])
    client = Direct(lambda query: apimo([lead(n) for n in range(4)], query, clamp=1, timestamp=next(stamps)))
    assert (await leads(client).read(NOTHING, None)).cursor == 1461599999


async def test_a_walk_that_fails_tells_nothing() -> None:
    """An error on a later page fails the whole read: no cursor moves by half a list."""

    def answer(query: Query) -> Any:
        if query["offset"] != "0":
            raise Transient("HTTP 500")
        return apimo([lead(n) for n in range(4)], query, clamp=2)

    with pytest.raises(Transient):
        await leads(Direct(answer)).read(NOTHING, 1461594712)


# --------------------------------------------------------------------------------------------- little to do, mostly


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often what a read spends its time on was done since it was cleared."""
    done: Counter[str] = Counter()

    def count(place: Any, name: str) -> None:
        real = getattr(place, name)

        def counting(*args: Any, **named: Any) -> Any:
            done[name] += 1
            return real(*args, **named)

        monkeypatch.setattr(place, name, counting)

    count(Answer, "pieces")
    count(apimo_source, "split_apimo")
    count(pages, "xxh3_128_digest")
    count(pages, "_key")
    count(pages, "said")
    return done


async def test_a_page_that_is_known_is_not_even_inflated(work: Counter[str]) -> None:
    """Ten thousand leads as they were: nothing is inflated, split or looked at, and the reading is whole."""
    client = Direct(lambda query: apimo([lead(n) for n in range(10_000)], query))
    source = leads(client)
    first = await source.read(NOTHING, None)
    work.clear()
    again = await source.read(remembered(first), None)
    assert not work
    assert again.complete
    assert (again.present, again.fresh, again.cursor) == (first.present, (), first.cursor)
    assert again.pages == first.pages


async def test_one_change_in_ten_thousand_costs_one_id(work: Counter[str]) -> None:
    """With one record changed the page is inflated and split once, and one record is looked into, whatever its bytes."""
    records = [lead(n) for n in range(10_000)]
    client = Direct(lambda query: apimo(records, query))
    source = leads(client)
    known = remembered(await source.read(NOTHING, None))
    work.clear()
    records[4711] = lead(4711, step="2")
    reading = await source.read(known, None)
    assert work == {"pieces": 1, "split_apimo": 1, "xxh3_128_digest": 10_002, "_key": 1, "said": 1}
    assert [piece.key for piece in reading.fresh] == ["4711"]
    assert json.loads(reading.fresh[0].raw)["step"] == "2"
    assert len(reading.present) == 10_000
    assert reading.complete


async def test_known_pages_still_count_for_the_guard() -> None:
    """A list of which some pages are known is judged as if all had been split."""
    records = [lead(n) for n in range(6)]
    client = Direct(lambda query: apimo(records, query, clamp=2))
    source = leads(client)
    known = remembered(await source.read(NOTHING, None))
    del records[5]
    records.append(lead(4))
    reading = await source.read(known, None)
    assert (reading.complete, reading.doubt) == (False, "a record came twice")


async def test_the_first_read_has_more_time() -> None:
    """A source of which nothing is known is given a minute a request, any other half of one."""
    client = Direct(lambda query: apimo([lead(1)], query))
    first = await leads(client).read(NOTHING, None)
    await leads(client).read(remembered(first), None)
    assert client.timeouts == [60.0, 30.0]


async def test_the_clock_is_the_clients(answers: aioresponses, client: Client, clock: Any) -> None:
    """What is a day ahead is judged by the clock that was given."""
    clock.now = NOON - timedelta(days=30)
    answers.get(re.compile(".*"), payload=apimo([lead(1)], {"offset": "0", "limit": "1"}, timestamp=NOW))
    assert (await leads(client).read(Known({}, {}, {}), None)).cursor is None
