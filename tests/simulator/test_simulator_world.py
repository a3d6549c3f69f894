"""The state of both systems."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from watcher.simulator.times import iso, midnight, paris, read, unix
from watcher.simulator.world import UnknownPartition, World, contract, lead, purchase

NOON = datetime(2026, 11, 21, 11, 0, tzinfo=UTC)


def test_a_lead_has_the_sample_s_fields(world, sample):
    """A lead that was a bare call has exactly the fields of Apimo's sample, in its order."""
    made = world.put("leads", 101, lead(Random(1), NOON, details=False))
    assert list(made) == list(sample("apimo-leads")["leads"][0])


def test_a_lead_has_only_documented_fields(world, sample):
    """What a lead has beyond the sample is documented, and never empty."""
    made = world.put("leads", 101, lead(Random(1), NOON))
    extra = made.keys() - sample("apimo-leads")["leads"][0].keys()
    assert extra
    assert extra <= set(sample("apimo-lead-fields"))
    assert all(made[name] for name in extra)


def test_a_lead_has_the_sample_s_types(world, sample):
    """Ids are numbers, codes and contacts are strings, what is empty is a string too."""
    made = world.put("leads", 101, lead(Random(1), NOON, details=False))
    documented = sample("apimo-leads")["leads"][0]
    assert {name: type(value) for name, value in made.items()} == {
        name: type(value) for name, value in documented.items()
    }


def test_a_contract_has_only_documented_fields(world, sample):
    """A new contract has documented fields only, and no date that is still to come."""
    made = world.put("contracts", 101, contract(Random(1), NOON))
    assert made.keys() <= set(sample("apimo-contract-fields"))
    assert not {"offer_at", "commitment_at", "contract_at", "collected_at"} & made.keys()


def test_a_purchase_has_the_sample_s_and_the_model_s_fields(world, sample):
    """A purchase has the fields of Adlead's sample and of its model, its parts those of the sample."""
    made = world.put("purchases", 1, purchase(Random(1), NOON))
    documented = sample("adlead-purchases")["data"][0]
    assert made.keys() == documented.keys() | {"vat_rate", "option_expires_at", "pre_booking_confirmed_at"}
    assert made.keys() == set(sample("adlead-purchase-fields"))
    assert made["owner"].keys() == documented["owner"].keys()
    for part in ("contacts", "lots"):
        assert [list(one) for one in made[part]] == [list(documented[part][0])] * len(made[part])


def test_factories_repeat_themselves():
    """The same luck makes the same record."""
    for make in (lead, contract, purchase):
        assert make(Random(7), NOON) == make(Random(7), NOON)


def test_put_gives_ids(world):
    """Records without an id get one that was never used, also after a record that brought its own."""
    first = world.put("leads", 101, {"reference": "A"})
    own = world.put("leads", 102, {"id": first["id"] + 10, "reference": "B"})
    after = world.put("leads", 101, {"reference": "C"})
    assert own["id"] == first["id"] + 10
    assert after["id"] == own["id"] + 1


def test_put_adds_only_what_the_system_adds(world):
    """A record that is put is kept as it is, but for its id and stamps, in the vendor's notation."""
    assert world.put("leads", 101, {"id": 5, "step": 2}) == {
        "id": 5,
        "step": 2,
        "created_at": "2026-11-21 12:00:00",
        "updated_at": "2026-11-21 12:00:00",
    }
    assert world.put("purchases", 1, {"id": 4}) == {"id": 4, "updated_at": "2026-11-21T11:00:00.000000Z"}


def test_put_replaces(world):
    """A record put again takes the place of the first."""
    world.put("purchases", 1, {"id": 4, "status": "booked", "canceled_at": None})
    world.put("purchases", 1, {"id": "4", "status": "signed"})
    assert [row["status"] for row in world.records("purchases", 1)] == ["signed"]
    assert "canceled_at" not in world.records("purchases", 1)[0]


def test_make_lays_fields_over_a_plausible_record(world):
    """A made record is whole, with what was asked for."""
    made = world.make("purchases", 2, {"status": "booked"})
    assert made["status"] == "booked"
    assert made["contacts"]
    assert made["lots"]


def test_patch_merges_objects_and_touches(world):
    """A patch goes into objects, replaces lists, and bumps updated_at."""
    world.put("purchases", 1, {"id": 4, "owner": {"id": 1, "email": "a@example.com"}, "lots": [1, 2]})
    world.advance(timedelta(minutes=5))
    patched = world.patch("purchases", 1, 4, {"owner": {"email": None}, "lots": [3]})
    assert patched == {
        "id": 4,
        "owner": {"id": 1, "email": None},
        "lots": [3],
        "updated_at": "2026-11-21T11:05:00.000000Z",
    }


def test_patch_leaves_the_stamp_alone_when_told(world):
    """Without `touch`, and with an updated_at of its own, a patch does not stamp."""
    world.put("leads", 101, {"id": 5})
    world.advance(timedelta(minutes=5))
    assert world.patch("leads", 101, 5, {"step": "2"}, touch=False)["updated_at"] == "2026-11-21 12:00:00"
    stamp = "2026-11-21 12:01:00"
    assert world.patch("leads", 101, 5, {"updated_at": stamp})["updated_at"] == stamp


def test_patch_drops_fields(world):
    """A patch can take fields out."""
    world.put("leads", 101, {"id": 5, "user": "301"})
    assert "user" not in world.patch("leads", 101, 5, {}, drop=["user", "unknown"])


def test_patch_keeps_the_id(world):
    """A patch may rewrite an id's type but not the id."""
    world.put("leads", 101, {"id": 5})
    assert world.patch("leads", 101, 5, {"id": "5"})["id"] == "5"
    with pytest.raises(ValueError, match="keeps its id"):
        world.patch("leads", 101, 5, {"id": 6})


def test_remove_takes_out(world):
    """A removed record is gone, and removing it again says so."""
    world.put("leads", 101, {"id": 5})
    assert world.remove("leads", "101", "5")["id"] == 5
    assert world.get("leads", 101, 5) is None
    with pytest.raises(KeyError):
        world.remove("leads", 101, 5)


def test_what_comes_out_is_a_copy(world):
    """Changing what was put in or taken out does not change the world."""
    given = {"id": 5, "criteria": {"area": 80}}
    world.put("leads", 101, given)
    given["criteria"]["area"] = 1
    world.get("leads", 101, 5)["criteria"]["area"] = 2
    world.records("leads", 101)[0]["criteria"]["area"] = 3
    assert world.get("leads", 101, 5)["criteria"]["area"] == 80


@pytest.mark.parametrize(
    ("order", "ids"),
    [("id", [9, 10, 11]), ("-id", [11, 10, 9]), ("updated_at", [10, 9, 11]), ("-updated_at", [11, 9, 10])],
)
def test_rows_come_in_order(world, order, ids):
    """Rows come by id as numbers or by updated_at, either way round."""
    for number in (11, 9, 10):
        world.put("leads", 101, {"id": number})
    world.advance(timedelta(seconds=1))
    world.patch("leads", 101, 9, {})
    world.advance(timedelta(seconds=1))
    world.patch("leads", 101, 11, {})
    assert [row["id"] for row in world.rows("leads", 101, order)] == ids


def test_a_frozen_world_stands_still(world):
    """What happens after the freeze does not reach the frozen world, nor the other way round."""
    world.put("leads", 101, {"id": 5, "step": "1"})
    frozen = world.freeze()
    world.patch("leads", 101, 5, {"step": "2"})
    frozen.put("leads", 101, {"id": 6})
    assert frozen.get("leads", 101, 5)["step"] == "1"
    assert world.get("leads", 101, 6) is None


@pytest.mark.parametrize(("stream", "partition"), [("leads", 103), ("purchases", 3), ("visits", 101)])
def test_unknown_places_are_named(world, stream, partition):
    """A stream or partition that is not there is refused with those that are."""
    with pytest.raises(UnknownPartition, match="there are"):
        world.put(stream, partition, {})


def test_agencies_and_programmes_open(world):
    """An agency or programme that opens later holds records too."""
    world.open_agency(103)
    world.open_program("x")
    assert world.put("contracts", "103", {})["id"]
    assert world.put("purchases", "x", {})["id"]


def test_time_goes_forwards_only(world):
    """Virtual time advances, never back, and is aware."""
    world.advance(timedelta(hours=1))
    assert world.now == NOON + timedelta(hours=1)
    with pytest.raises(ValueError, match="backwards"):
        world.advance(timedelta(seconds=-1))
    with pytest.raises(ValueError, match="aware"):
        World(1, datetime(2026, 11, 21, 9))  # noqa: DTZ001


def test_moments_are_written_as_the_vendors_do(sample):
    """Apimo writes Paris wall time, Adlead UTC with six decimals; both read back."""
    documented = sample("apimo-leads")
    assert unix(documented["leads"][0]["updated_at"]) == documented["timestamp"]
    summer = datetime(2026, 7, 1, 22, 30, 5, 999, tzinfo=UTC)
    assert paris(summer) == "2026-07-02 00:30:05"
    assert iso(summer) == "2026-07-01T22:30:05.000000Z"
    assert read(iso(summer)) == read(paris(summer)) == summer.replace(microsecond=0)
    assert iso(midnight(summer)) == "2026-07-01T22:00:00.000000Z"
    assert [read(text) for text in ("", None, "0000-00-00 00:00:00", "soon", 5)] == [None] * 5
