"""Asking costs no more than was said, stops when it is told to, and repeats nothing that is anybody's."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from probed import KEY, NOON, TOKEN, login_of, probe, validating

from watcher.model import SourceName, Version
from watcher.probe import places_of
from watcher.probe.report import suggested
from watcher.probe.stored import findings
from watcher.simulator.faults import Fault
from watcher.units import Rate

KEYS = {"token": TOKEN, "key": KEY}
DAY = "2026-11-21"


@pytest.mark.parametrize("stream", ["leads", "contracts", "purchases"])
async def test_each_request_counts_in_the_day_s_budget(simulate, store, stream):
    """As every poll does; and there are no more of them than was announced."""
    sim = await simulate(**KEYS)
    found = await probe(sim, store, stream, budget=1000)
    assert await store.spent("azur", DAY) == found.asked == found.report["requests"]["made"] <= found.most


@pytest.mark.parametrize("most", [1, 4])
async def test_it_asks_no_more_than_it_may(simulate, store, most):
    """And says that this is why it ends, with what it has."""
    sim = await simulate(**KEYS)
    found = await probe(sim, store, "leads", most=most)
    assert found.asked == most
    assert found.report["stopped"] == f"the {most} requests are made"
    assert found["key of the list"] == "leads"


async def test_it_ends_with_the_day_s_budget(simulate, store):
    """What is left is spent, and nothing beyond."""
    sim = await simulate(**KEYS)
    found = await probe(sim, store, "leads", budget=3)
    assert (found.asked, found.report["later"]) == (3, True)
    assert found.report["stopped"] == "the day's budget of 3 requests is spent"
    assert found["a small limit"] == "honoured"


@pytest.mark.parametrize(("code", "later"), [(401, False), (403, False), (429, True)])
@pytest.mark.parametrize("stream", ["leads", "purchases"])
async def test_it_stops_when_it_is_turned_away(simulate, store, stream, code, later):
    """At once, with what it has until then."""
    sim = await simulate(**KEYS)
    sim.faults.add(Fault("status", args={"code": code}, skip=2))
    found = await probe(sim, store, stream)
    assert found.asked == 3
    assert (found.report["stopped"], found.report["later"]) == (f"it answered HTTP {code}", later)
    assert found["key of the list"] in ("leads", "data")


async def test_one_answer_that_fails_leaves_the_others(simulate, store):
    """A 500 is that question's alone."""
    sim = await simulate(**KEYS)
    sim.faults.add(Fault("status", args={"code": 500}, skip=1, times=1))
    found = await probe(sim, store, "leads")
    assert found["limit"] == "not answered: HTTP 500"
    assert found["order of the list"] == "id, ascending"


CANARIES = {
    "leads": {
        "lastname": "CANARYname", "email": "canary@example.fr", "message": "CANARY message", "reference": "canary-ref",
        "opened": {"date": "2026-11-20 10:00:00", "user": "CANARYuser"}, "type": "CANARY type", "step": "x@canary.fr",
        "CANARY odd name": 1, "canary@example.fr": {"a": 1}, "contact": "4242424242",
    },
    "contracts": {"comment": "CANARY comment", "contacts": [{"contact": "4242424242", "type": "canary.fr/x"}]},
    "purchases": {
        "owner": {"id": 4242424242, "fullname": "CANARYowner", "email": "canary@example.fr"},
        "contacts": [{"id": 4242424242, "name": "CANARYbuyer", "email1": "canary@example.fr", "city": "canaryville"}],
    },
}  # fmt: skip


@pytest.mark.parametrize("stream", CANARIES)
async def test_nothing_that_is_anybody_s_is_repeated(simulate, store, stream):
    """No name, address, message, person's id or secret, in JSON or text; names of fields only where they are names."""
    sim = await simulate(records=3, adlead_rate=60, **KEYS)
    validating(sim, "adlead" if stream == "purchases" else "apimo", honours=False)
    partition, first = (1, 900) if stream == "purchases" else (101, 500 if stream == "leads" else 700)
    sim.world.patch(stream, partition, first, CANARIES[stream])
    said = (await probe(sim, store, stream, wrong_key=True)).everything
    assert "canary" not in said.lower()
    assert "4242424242" not in said
    assert sim.url not in said


async def test_a_broken_answer_is_not_repeated(simulate, store):
    """An error page, whatever it says."""
    sim = await simulate(**KEYS)
    sim.faults.add(Fault("status", args={"code": 500, "message": "CANARY of the server"}))
    found = await probe(sim, store, "leads")
    assert "CANARY" not in found.everything
    assert found["whole"] == "not answered: HTTP 500"


# ------------------------------------------------------------------------------------------------------ what is asked


async def test_what_is_looked_at_is_the_first_partition_of_each_stream(simulate):
    """Unless one is named; without any it says what is missing."""
    login = login_of(await simulate(**KEYS), "apimo")
    sources = [SourceName("azur", "apimo.leads", "102"), SourceName("azur", "apimo.leads", "101")]
    assert [(one.name, where) for one, where in places_of("azur", login, sources).streams] == [("apimo.leads", "102")]
    places = places_of("azur", login, [], "contracts", "7")
    assert [(one.name, where) for one, where in places.streams] == [("apimo.contracts", "7")]
    with pytest.raises(ValueError, match="add --stream and --partition"):
        places_of("azur", login, [])
    with pytest.raises(ValueError, match="did you mean"):
        places_of("azur", login, sources, "lead")


# ----------------------------------------------------------------------------------------------------- what it suggests

ACCOUNT = {"api": "apimo", "provider": "9999", "token": {"env": "APIMO_TOKEN"}, "base_url": "http://127.0.0.1:1"}
SOURCES = [{"account": "azur", "stream": "leads", "agencies": [101, 102], "every": "1s"}]


def report(**facts: object) -> dict[str, object]:
    """A report of leads."""
    return {"account": "azur", "limit": None, "streams": [{"stream": "apimo.leads", "facts": facts}]}


def test_the_interval_keeps_within_the_budget():
    """All pages of all partitions, with something left for second looks."""
    usual = report(total=50, page=10_000, cursor="inclusive")
    text = suggested(usual, ACCOUNT, SOURCES, Rate(10, 1), Rate(1000, 86_400))
    assert 'every = "200s"' in text
    assert 'reconcile = "24h"\nlookback = "300s"' in text
    many = report(total=50, page=10, cursor="inclusive")
    assert 'every = "995s"' in suggested(many, ACCOUNT, SOURCES, Rate(10, 1), Rate(1000, 86_400))
    assert 'every = "60s"' in suggested(usual, ACCOUNT, SOURCES, Rate(10, 1), None)


def test_the_rate_is_never_above_the_vendor_s():
    """Of what its headers allow, a sixth is left to others."""
    said = {**report(total=5, page=100), "limit": 30}
    assert 'max_rate = "25/min"' in suggested(said, ACCOUNT, SOURCES, Rate(50, 60), None)
    assert 'max_rate = "50/min"' in suggested({**said, "limit": 600}, ACCOUNT, SOURCES, Rate(50, 60), None)


# ----------------------------------------------------------------------------------------------------- what is stored

LOTS = SourceName("azur", "adlead.purchases", "1")


def versions(*bodies: dict[str, object], removed: bool = False) -> list[tuple[SourceName, Version]]:
    """The versions of one purchase."""
    last = len(bodies)
    return [
        (LOTS, Version("4", n, {"id": "4", **body}, NOON + timedelta(hours=n), b"", removed=removed and n == last))
        for n, body in enumerate(bodies, 1)
    ]


def lot(status: str, updated: str) -> dict[str, object]:
    """A purchase of one lot."""
    return {"lots": [{"id": "41", "status": status}], "updated_at": updated}


@pytest.mark.parametrize(
    ("second", "said"), [("2026-11-21T10:00:00Z", "stays"), ("2026-11-21T11:00:00Z", "moves with its lists")]
)
def test_whether_a_parent_moves_with_its_children_is_read_off_the_store(second, said):
    """From changes that are in the lists alone."""
    history = versions(lot("option", "2026-11-21T10:00:00Z"), lot("booked", second))
    (found,) = findings("azur", history)
    assert (found.question, found.answer, found.evidence) == (
        "updated_at of adlead.purchases",
        said,
        "1 of 1 change" if "moves" in said else "0 of 1 change",
    )
    assert findings("another", history) == []


@pytest.mark.parametrize(("removed", "said"), [(False, "stay listed"), (True, "go")])
def test_whether_canceled_ones_stay_is_read_off_the_store(removed, said):
    """From those that are known, and known to be gone."""
    history = versions({"status": "booked"}, {"status": "canceled"}, {"status": "canceled"}, removed=removed)
    (found,) = findings("azur", history)
    assert (found.question, found.answer) == ("canceled purchases", said)
    assert json.dumps(found)
