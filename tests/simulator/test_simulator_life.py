"""A plausible life."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest

from watcher.simulator import Life, World
from watcher.simulator.life import WEIGHTS
from watcher.simulator.times import read

NOON = datetime(2026, 11, 21, 11, 0, tzinfo=UTC)


def lived(seed: int, steps: int, **settings):
    """Return a world after so many happenings, and what happened."""
    world = World(seed, NOON)
    life = Life(world, Random(seed), **settings)
    life.prefill(leads=30, contracts=20, purchases=30)
    return world, [life.step() for _ in range(steps)]


def everything(world: World):
    """Return all records."""
    return [
        world.records(stream, partition)
        for stream in ("leads", "contracts", "purchases")
        for partition in world.partitions(stream)
    ]


def test_a_seed_is_a_life():
    """The same seed gives the same happenings and the same world, another seed another."""
    (first, happened), (second, again), (_, other) = lived(3, 200), lived(3, 200), lived(4, 200)
    assert happened == again
    assert everything(first) == everything(second)
    assert happened != other


@pytest.mark.parametrize("seed", range(8))
def test_the_opening_shows_the_three_happenings(seed):
    """Within six happenings come a new lead, a signed contract and a canceled purchase, in that order."""
    world = World(seed, NOON)
    life = Life(world, Random(seed), opening=True)
    before = everything(world)
    happened = [life.step() for _ in range(6)]
    shown = [one for one in happened if one.what in ("lead-arrived", "contract-signed", "purchase-canceled")]
    firsts = list({one.what: one for one in reversed(shown)}.values())[::-1]
    assert [one.what for one in sorted(firsts, key=lambda one: one.at)] == [
        "lead-arrived",
        "contract-signed",
        "purchase-canceled",
    ]
    records = {one.what: world.get(one.stream, one.partition, one.id) for one in firsts}
    assert read(records["contract-signed"]["contract_at"]) <= world.now
    assert records["purchase-canceled"]["status"] == "canceled"
    assert records["purchase-canceled"]["cancellation_type"] == "funding-refused"
    assert not any(records["lead-arrived"] in rows for rows in before)


def test_what_the_opening_changes_was_there_before():
    """The contract to be signed and the purchase to be canceled are in the world before the first happening."""
    world = World(1, NOON)
    life = Life(world, Random(1), opening=True)
    ids = {str(row["id"]) for rows in everything(world) for row in rows}
    happened = [life.step() for _ in range(6)]
    assert {one.id for one in happened if one.what in ("contract-signed", "purchase-canceled")} <= ids


def test_the_opening_comes_evenly():
    """The opening's happenings come at even distances, so that it takes a known time."""
    life = Life(World(1, NOON), Random(1), opening=True, activity=3600)
    assert [life.step().at - NOON for _ in range(6)] == [timedelta(seconds=n) for n in range(1, 7)]


def test_an_opening_fits_the_world():
    """A world of programmes alone has an opening of purchases alone."""
    world = World(1, NOON, agencies=())
    life = Life(world, Random(1), opening=True)
    assert life.step().what == "purchase-canceled"


def test_the_pace_is_the_activity():
    """So many happenings come in an hour as the activity says, at random distances."""
    _, happened = lived(1, 2000, activity=500)
    hours = (happened[-1].at - NOON) / timedelta(hours=1)
    assert 2000 / hours == pytest.approx(500, rel=0.1)
    distances = {b.at - a.at for a, b in pairwise(happened)}
    assert len(distances) > 1900


def test_everything_happens():
    """In a long life each thing happens, and each record tells of it."""
    world, happened = lived(1, 3000)
    assert {one.what for one in happened} == set(WEIGHTS)
    for one in happened:
        record = world.get(one.stream, one.partition, one.id)
        assert record is not None
        assert read(record["updated_at"]) >= one.at.replace(microsecond=0)


def test_leads_live():
    """Leads are opened, then assigned, then closed; one in seven never is; duplicates have a parent."""
    world, _ = lived(1, 3000)
    leads = [row for agency in (101, 102) for row in world.records("leads", agency)]
    for row in leads:
        assert ("closed" in row) <= ("assigned" in row) <= ("opened" in row)
        assert all(row[name].keys() == {"date", "user"} for name in ("opened", "assigned", "closed") if name in row)
        assert row["id"] % 7 or "opened" not in row
    assert any("closed" in row for row in leads)
    parents = [row["parent"] for row in leads if row["parent"]]
    assert parents
    assert set(parents) <= {row["id"] for row in leads}


def test_a_duplicate_is_the_same_person():
    """A duplicate repeats the person of its parent, in the same agency."""
    world, happened = lived(1, 3000)
    for one in [one for one in happened if one.what == "lead-duplicated"]:
        again = world.get("leads", one.partition, one.id)
        first = world.get("leads", one.partition, again["parent"])
        assert [again[name] for name in ("lastname", "firstname", "email")] == [
            first[name] for name in ("lastname", "firstname", "email")
        ]


def test_contracts_live(sample):
    """A contract's dates come in their order, and a collected one has every documented field."""
    world, _ = lived(1, 3000)
    dates = ("project_at", "offer_at", "commitment_at", "contract_scheduled_at", "contract_at", "collected_at")
    contracts = [row for agency in (101, 102) for row in world.records("contracts", agency)]
    for row in contracts:
        assert [name in row for name in dates] == sorted((name in row for name in dates), reverse=True)
    done = [row for row in contracts if "collected_at" in row]
    assert done
    assert all(row.keys() == set(sample("apimo-contract-fields")) and row["step"] == "4" for row in done)


def test_purchases_live(sample):
    """Purchases have documented statuses and reasons only, and the dates that go with them."""
    world, happened = lived(1, 3000)
    purchases = [row for program in (1, 2) for row in world.records("purchases", program)]
    statuses = {one["key"] for one in sample("adlead-statuses")}
    reasons = {one["key"] for one in sample("adlead-cancellation-types")}
    assert {row["status"] for row in purchases} <= statuses
    for row in purchases:
        assert (row["status"] == "canceled") == bool(row["canceled_at"]) == bool(row["cancellation_type"])
        assert row["cancellation_type"] in reasons | {None}
        assert (row["status"] == "signed") == bool(row["sale_deed_signed_at"])
        assert row["lots"][0]["status"] == {"canceled": "available", "signed": "sold"}.get(
            row["status"], row["lots"][0]["status"]
        )
    assert {one.what for one in happened} >= {"purchase-signed", "purchase-canceled"}


def test_a_history_is_past():
    """A history has as many records as asked for, all changed in the past, at every stage."""
    world = World(1, NOON)
    Life(world, Random(1)).prefill(leads=50, contracts=40, purchases=60)
    counts = [
        sum(len(world.records(stream, part)) for part in world.partitions(stream))
        for stream in ("leads", "contracts", "purchases")
    ]
    assert counts == [50, 40, 60]
    assert all(read(row["updated_at"]) <= NOON for rows in everything(world) for row in rows)
    statuses = {row["status"] for program in (1, 2) for row in world.records("purchases", program)}
    assert {"signed", "canceled", "pending-pre-booking"} <= statuses
    assert world.now == NOON


def test_rest_makes_up_for_nothing():
    """After a rest the next happening is in the future, however long it was."""
    world = World(1, NOON)
    life = Life(world, Random(1))
    world.advance(timedelta(days=1))
    life.rest()
    assert life.due > world.now


def test_a_life_survives_what_others_put():
    """Records that make no sense do not stop the life around them."""
    world = World(1, NOON)
    life = Life(world, Random(1))
    for n in range(20):
        world.put("contracts", 101, {"id": n, "offer_at": "soon", "price": "a lot", "updated_at": 5})
        world.put("purchases", 1, {"id": n, "status": "booked", "lots": {"a": 1}, "price_including_vat": None})
        world.put("leads", 101, {"id": f"x{n}", "opened": "yesterday"})
    assert len([life.step() for _ in range(500)]) == 500


def test_nothing_happens_nowhere():
    """A world without agencies and programmes has no life, and no activity is no life either."""
    nowhere = World(1, NOON, agencies=(), programs=())
    with pytest.raises(LookupError, match="nothing can happen"):
        Life(nowhere, Random(1)).step()
    with pytest.raises(ValueError, match="nowhere to keep"):
        Life(nowhere, Random(1)).prefill(leads=1)
    with pytest.raises(ValueError, match="activity"):
        Life(World(1, NOON), Random(1), activity=0)
