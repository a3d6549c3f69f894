"""Whether a walk through a list that moves can be trusted, under any movement and any order of the server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from peers import NOTHING, Direct, Query, adlead, apimo

from watcher.model import Known, Page, Reading, SourceName
from watcher.ports import Source
from watcher.sources.adlead import AdleadSource
from watcher.sources.apimo import ApimoSource

ORDERS: Mapping[str, Callable[[dict[str, Any]], int]] = {
    "id asc": lambda row: row["id"],
    "id desc": lambda row: -row["id"],
    "updated_at asc": lambda row: row["updated"],
    "updated_at desc": lambda row: -row["updated"],
}
A_PAGE = 3

Step = tuple[str, int]
steps = st.lists(st.tuples(st.sampled_from(["insert", "delete", "update"]), st.integers(0, 40)), max_size=4)


class Moving:
    """A vendor's list that changes a little before each request."""

    def __init__(self, size: int, order: str, movement: list[list[Step]]) -> None:
        self.rows = [{"id": number, "updated": number} for number in range(1, size + 1)]
        self.clock = size
        self.order = ORDERS[order]
        self.movement = list(movement)
        self.gone: set[int] = set()

    def answer(self, page: Callable[..., Any], **more: Any) -> Callable[[Query], Any]:
        """Answer requests as a vendor pages, and move before each but the first."""

        def answer(query: Query) -> Any:
            if self.movement:
                self._move(self.movement.pop(0))
            return page(sorted(self.rows, key=self.order), query, **more)

        return answer

    def _move(self, steps: list[Step]) -> None:
        for what, where in steps:
            self.clock += 1
            if what == "insert":
                self.rows.append({"id": self.clock + 1000, "updated": self.clock})
            elif self.rows and what == "delete":
                self.gone.add(self.rows.pop(where % len(self.rows))["id"])
            elif self.rows:
                self.rows[where % len(self.rows)] |= {"updated": self.clock}


def source(api: str, upstream: Moving) -> Source:
    """A source that reads the list as that API gives it, three records a page."""
    if api == "apimo":
        client: Any = Direct(upstream.answer(apimo, clamp=A_PAGE))
        return ApimoSource(SourceName("azur", "apimo.leads", "1"), client, ("leads",))
    client = Direct(upstream.answer(adlead, per_page=A_PAGE))
    return AdleadSource(SourceName("riviera", "adlead.purchases", "1"), client, "client-a", "1")


class Snapshot:
    """What is known of a source: the bytes of each record, and the pages that said nothing new."""

    def __init__(self) -> None:
        self.records: dict[str, bytes] = {}
        self.raw: dict[str, bytes] = {}
        self.pages: Mapping[bytes, Page] = {}

    def take(self, reading: Reading) -> None:
        """Take a reading in, as a commit does."""
        self.records |= {piece.key: piece.fingerprint for piece in reading.fresh}
        self.raw |= {piece.key: piece.raw for piece in reading.fresh}
        self.pages = reading.pages

    @property
    def known(self) -> Known:
        """What the next read is told."""
        return Known({fingerprint: key for key, fingerprint in self.records.items()}, {}, self.pages)


@pytest.mark.parametrize("api", ["apimo", "adlead"])
@pytest.mark.parametrize("order", ORDERS)
@settings(max_examples=150)
@given(size=st.integers(0, 14), movement=st.lists(steps, max_size=14))
def test_a_complete_walk_lacks_nothing_that_was_there(
    api: str, order: str, size: int, movement: list[list[Step]]
) -> None:
    """However the list moves between pages, a complete reading has every known record that was there all along.

    And what was seen is right: after one more read, at rest, each record is known as it is, pages passed over or not.
    """
    upstream = Moving(size, order, [])
    reads = source(api, upstream)
    before = [row["id"] for row in upstream.rows]
    snapshot = Snapshot()
    first = asyncio.run(reads.read(NOTHING, None))
    assert first.complete
    snapshot.take(first)

    upstream.movement = [[], *movement]
    reading = asyncio.run(reads.read(snapshot.known, None))
    stayed = {str(number) for number in before if number not in upstream.gone}
    event(f"complete: {reading.complete}")
    if reading.complete:
        assert stayed <= reading.present
    assert (reading.doubt == "") is reading.complete
    snapshot.take(reading)

    upstream.movement = []
    at_rest = asyncio.run(reads.read(snapshot.known, None))
    snapshot.take(at_rest)
    assert at_rest.complete
    assert at_rest.present == {str(row["id"]) for row in upstream.rows}
    for row in upstream.rows:
        assert f'"updated":{row["updated"]}}}'.encode() in snapshot.raw[str(row["id"])]


def moving_between(size: int, *movement: list[Step]) -> tuple[Direct, AdleadSource]:
    """A programme at three purchases a page that moves as told, before the second request, the third, and so on."""
    upstream = Moving(size, "id asc", [[], *movement])
    client: Any = Direct(upstream.answer(adlead, per_page=A_PAGE))
    return client, AdleadSource(SourceName("riviera", "adlead.purchases", "1"), client, "client-a", "1")


def knowing(*keys: int) -> Known:
    """A snapshot that knows those records by other bytes."""
    return Known({str(key).encode(): str(key) for key in keys}, {}, {})


async def test_a_deletion_between_pages_is_walked_again() -> None:
    """A record that goes while we read draws others out of sight; the second walk sees them."""
    client, reads = moving_between(7, [("delete", 0)])
    reading = await reads.read(NOTHING, None)
    assert reading.complete
    assert {"4", "5", "6", "7"} <= reading.present
    assert reading.requests == len(client.queries) == 2 + 2


async def test_a_list_that_never_rests_is_not_complete() -> None:
    """If the second walk moves as well, all that was seen is kept, nothing is called gone, and the poll ends."""
    client, reads = moving_between(7, [("delete", 0)], [("delete", 0)], [("delete", 0)], [("insert", 0)])
    reading = await reads.read(knowing(*range(1, 8)), None)
    assert not reading.complete
    assert "total" in reading.doubt
    assert len(client.queries) == reading.requests
    assert {"1", "2", "3"} <= reading.present  # seen by the first walk, gone since


async def test_one_that_goes_while_another_comes_is_not_overlooked() -> None:
    """The total is the same then, as many ids come as it says and none twice; yet one that is known did not come."""
    _, reads = moving_between(6, [("delete", 0), ("insert", 0)])
    reading = await reads.read(knowing(*range(1, 7)), None)
    assert "4" in reading.present  # the first walk skipped it
    assert "1" in reading.present  # it was there when the first walk began; the next read will miss it
    assert reading.complete
    assert reading.requests == 4


async def test_a_record_that_is_gone_takes_one_more_walk() -> None:
    """Of a list of several pages a record is called missing by two walks that agree; then by one."""
    _, reads = moving_between(6)
    reading = await reads.read(knowing(*range(1, 8)), None)
    assert reading.complete
    assert reading.requests == 4
    again = await reads.read(Known(knowing(*range(1, 8)).fingerprints, {"7": 1}, {}), None)
    assert again.complete
    assert again.requests == 2


async def test_one_page_cannot_move() -> None:
    """What is read in one request is complete, whatever is missing from it."""
    _, reads = moving_between(3)
    reading = await reads.read(knowing(*range(1, 30)), None)
    assert reading.complete
    assert reading.requests == 1


def saying(*pages: tuple[list[dict[str, Any]], int, int]) -> AdleadSource:
    """A programme whose pages are told one after the other: records, total, number of the last page."""
    script = list(pages)

    def answer(query: Query) -> Any:
        records, total, last = script.pop(0)
        meta = {"current_page": int(query["page"]), "last_page": last, "total": total}
        return {"success": True, "data": records, "meta": meta}

    client: Any = Direct(answer)
    return AdleadSource(SourceName("riviera", "adlead.purchases", "1"), client, "client-a", "1")


def row(number: int, version: int = 1) -> dict[str, Any]:
    """A record in one of its versions."""
    return {"id": number, "version": version}


async def test_two_walks_that_disagree_call_nothing_missing() -> None:
    """If a known record came in neither walk, and one of the first is not in the second, the list was moving."""
    reads = saying(
        ([row(1), row(2)], 4, 2), ([row(5), row(6)], 4, 2), ([row(2), row(5)], 4, 2), ([row(6), row(7)], 4, 2)
    )
    reading = await reads.read(knowing(1, 2, 4, 5, 6), None)
    assert not reading.complete
    assert reading.doubt == "records went while it was read"
    assert reading.present == {"1", "2", "5", "6", "7"}


async def test_what_came_later_counts() -> None:
    """Of a record that came twice the later bytes count, also when they are the ones that are known."""
    old = await saying(([row(5), row(6)], 2, 1)).read(NOTHING, None)
    twice = (([row(5, 2), row(7)], 4, 2), ([row(5, 1), row(6)], 4, 2))
    reading = await saying(*twice, *twice).read(Known({s.fingerprint: s.key for s in old.fresh}, {}, {}), None)
    assert [piece.key for piece in reading.fresh] == ["7"]
    assert not reading.complete
    assert reading.doubt == "a record came twice"


async def test_pages_that_were_overtaken_are_not_remembered() -> None:
    """A page that shows a record as it no longer was at the end of the walk is read again when it comes back."""
    one, two = ([row(5, 1), row(6)], 4, 2), ([row(5, 2), row(7)], 4, 2)
    reading = await saying(one, two, one, two).read(NOTHING, None)
    snapshot = Snapshot()
    snapshot.take(reading)
    assert snapshot.raw["5"] == b'{"id":5,"version":2}'
    back = await saying(one, ([row(7)], 4, 2), one, ([row(7)], 4, 2)).read(snapshot.known, None)
    assert [piece.raw for piece in back.fresh] == [b'{"id":5,"version":1}']
