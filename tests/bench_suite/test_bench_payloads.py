"""The made answers: the same bytes each time, exactly the shares that were asked for."""

import json

import pytest

from bench.payloads import other_bytes, pages, records, squeezed, turned
from watcher.decode import decode
from watcher.model import Slice
from watcher.streams import CONTRACTS, LEADS, PURCHASES

STREAMS = {"leads": LEADS, "contracts": CONTRACTS, "purchases": PURCHASES}


@pytest.mark.parametrize("stream", STREAMS)
def test_the_same_arguments_make_the_same_wire_bytes(stream):
    """A payload is a function of its arguments: two runs measure the same work."""
    made = [[squeezed(page) for page in pages(stream, records(stream, 300)).values()] for _ in range(2)]
    assert made[0] == made[1]
    assert pages(stream, records(stream, 300, seed=2)) != pages(stream, records(stream, 300))


@pytest.mark.parametrize("stream", STREAMS)
def test_shares_are_exact(stream):
    """New, changed and removed are as many as asked for, where the answer says they are, and nothing else moved."""
    before = records(stream, 1000)
    turn = turned(stream, before, new=7, changed=40, removed=13, reordered=True)
    old, now = ({str(one["id"]): one for one in some} for some in (before, turn.records))
    assert turn.new == now.keys() - old.keys()
    assert len(turn.new) == 7
    assert turn.removed == old.keys() - now.keys()
    assert len(turn.removed) == 13
    assert turn.changed == {key for key in old.keys() & now.keys() if old[key] != now[key]}
    assert len(turn.changed) == 40
    assert [key for key in now if key in old] != [key for key in old if key in now]


def test_every_second_change_is_back_dated():
    """Half of the changes leave `updated_at` as it was: who goes by it misses them."""
    before = records("leads", 100)
    turn = turned("leads", before, changed=10)
    same = sum(
        1
        for old, now in zip(before, turn.records, strict=True)
        if old != now and old["updated_at"] == now["updated_at"]
    )
    assert same == 5


def test_more_changes_than_records_are_refused():
    """A share that cannot be had is not silently another one."""
    with pytest.raises(ValueError, match="5 of 3"):
        turned("leads", records("leads", 3), changed=5)


@pytest.mark.parametrize("stream", STREAMS)
def test_records_are_understood_whole(stream):
    """What is made is read by its stream without a doubt, and means the same in other bytes."""
    some = records(stream, 3)
    for one, other in zip(some, other_bytes(some), strict=True):
        first, second = (decode(STREAMS[stream], Slice("1", b"", json.dumps(each).encode())) for each in (one, other))
        assert not first.doubts
        assert first.body == second.body
        assert list(one) != list(other)


def test_pages_hold_every_record_once():
    """Apimo's list comes 10,000 a page by offset, Adlead's 100 a page by number, each with the total."""
    leads = pages("leads", records("leads", 10_001))
    assert {place: len(json.loads(body)["leads"]) for place, body in leads.items()} == {"0": 10_000, "10000": 1}
    purchases = pages("purchases", records("purchases", 101))
    assert {place: len(json.loads(body)["data"]) for place, body in purchases.items()} == {"1": 100, "2": 1}
    assert json.loads(purchases["2"])["meta"] == {"current_page": 2, "last_page": 2, "per_page": 100, "total": 101}
