"""Adlead: page numbers, one purchase afresh, and the ways of Laravel."""

from __future__ import annotations

import re
from typing import Any

import pytest
from aioresponses import CallbackResult, aioresponses
from peers import BASE, NOTHING, Direct, Query, adlead, remembered

from watcher.errors import Permanent, Transient
from watcher.model import SourceName
from watcher.sources.adlead import AdleadSource
from watcher.sources.http import Client

NAME = SourceName("riviera", "adlead.purchases", "1")
PURCHASES = [{"id": number, "status": "booked"} for number in range(1, 251)]


def purchases(client: Any, tenant: str = "client-a", program: str = "1") -> AdleadSource:
    """The purchases of a programme."""
    return AdleadSource(NAME, client, tenant, program)


async def test_every_page_is_asked_for_by_its_number(answers: aioresponses, client: Client) -> None:
    """All pages are read at a hundred records each, below our own base URL, wherever the answer's links point."""
    asked: list[tuple[str, Query]] = []

    def answer(url: Any, **_: Any) -> CallbackResult:
        asked.append((url.path, dict(url.query)))
        return CallbackResult(payload=adlead(PURCHASES, url.query))

    answers.get(re.compile(f"{BASE}/.*"), callback=answer, repeat=True)
    reading = await purchases(client).read(NOTHING, 1461594712)
    path = "/v1/client-a/programs/1/purchases"
    assert asked == [(path, {"page": str(number), "per_page": "100"}) for number in (1, 2, 3)]
    assert (reading.full, reading.complete, reading.cursor) == (True, True, None)
    assert len(reading.present) == 250


async def test_per_page_may_be_ignored() -> None:
    """A server that gives fifty whatever it is asked for is read to the last page it names."""
    client = Direct(lambda query: adlead(PURCHASES, query, per_page=50))
    reading = await purchases(client).read(NOTHING, None)
    assert (reading.complete, len(reading.present), reading.requests) == (True, 250, 5)


async def test_the_page_may_be_ignored() -> None:
    """A server that gives its first page for ever is found out by the second request, and not believed."""
    client = Direct(lambda query: adlead(PURCHASES, {**query, "page": "1"}))
    reading = await purchases(client).read(NOTHING, None)
    assert (reading.complete, reading.doubt) == (False, "another page came than the one asked for")
    assert (reading.requests, reading.pages) == (4, {})


async def test_an_empty_programme_is_complete() -> None:
    """Laravel says one page of nothing."""
    reading = await purchases(Direct(lambda query: adlead([], query))).read(NOTHING, None)
    assert (reading.complete, reading.present, reading.requests) == (True, set(), 1)


async def test_one_page_without_numbers_is_read_but_not_complete() -> None:
    """Without `meta` the records count, the absences do not."""
    client = Direct(lambda query: {"success": True, "data": PURCHASES[:3]})
    reading = await purchases(client).read(NOTHING, None)
    assert (reading.present, reading.complete) == ({"1", "2", "3"}, False)
    assert reading.doubt == "the answer has no total"


async def test_a_list_that_ends_sooner_than_it_said() -> None:
    """Pages beyond the last are empty; the walk ends there, in doubt."""
    client = Direct(lambda query: adlead(PURCHASES[:100], query) | {"meta": {"last_page": 9, "total": 900}})
    reading = await purchases(client).read(NOTHING, None)
    assert (reading.complete, reading.doubt, reading.requests) == (False, "the total is 900, and 100 came", 4)


async def test_five_hundred_pages_are_enough() -> None:
    """A programme that has no end is cut, and incomplete."""
    client = Direct(lambda query: adlead([{"id": n} for n in range(600)], query, per_page=1))
    reading = await purchases(client).read(NOTHING, None)
    assert (reading.requests, reading.doubt) == (500, "there are more than 500 pages")


async def test_a_shuffled_list_is_no_news() -> None:
    """Records in another order, with the same bytes, are neither fresh nor missing."""
    order = list(PURCHASES[:90])
    client = Direct(lambda query: adlead(order, query))
    known = remembered(await purchases(client).read(NOTHING, None))
    order.reverse()
    reading = await purchases(client).read(known, None)
    assert (reading.complete, reading.fresh, len(reading.present)) == (True, (), 90)


async def test_a_failure_in_the_answer_fails_the_read() -> None:
    """`success: false` on any page is no reading at all."""
    client = Direct(lambda query: adlead(PURCHASES, query) if query["page"] == "1" else {"success": False, "data": []})
    with pytest.raises(Transient, match="says that it failed"):
        await purchases(client).read(NOTHING, None)


# ----------------------------------------------------------------------------------------------------- one afresh


async def test_one_purchase_afresh(answers: aioresponses, client: Client) -> None:
    """The detail is the record under `data`, asked for without any query."""
    answers.get(f"{BASE}/client-a/programs/1/purchases/4", payload={"success": True, "data": {"id": 4, "lots": []}})
    assert await purchases(client).show("4") == {"id": 4, "lots": []}


async def test_a_404_says_that_there_is_none(answers: aioresponses, client: Client) -> None:
    """Of a purchase that is gone there is nothing to show; every other error is an error."""
    url = f"{BASE}/client-a/programs/1/purchases/4"
    answers.get(url, status=404, payload={"message": "No query results for model [App\\Models\\Purchase] 4"})
    answers.get(url, status=403, payload={"message": "403 Forbidden"})
    answers.get(url, status=500)
    assert await purchases(client).show("4") is None
    with pytest.raises(Permanent, match="HTTP 403"):
        await purchases(client).show("4")
    with pytest.raises(Transient, match="HTTP 500"):
        await purchases(client).show("4")


async def test_nothing_in_a_name_or_an_id_leaves_its_place() -> None:
    """Tenants, programmes and ids are quoted into their part of the path; an id of dots is refused."""
    client = Direct(lambda query: {"success": True, "data": {}})
    source = purchases(client, tenant="a b", program="1/../2?x=1")
    await source.show("../leads#4")
    assert client.paths == ["a%20b/programs/1%2F..%2F2%3Fx%3D1/purchases/..%2Fleads%234"]
    with pytest.raises(Permanent):
        await source.show("..")
