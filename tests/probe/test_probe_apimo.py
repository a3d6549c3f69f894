"""Apimo is asked: whatever it really does is what the report says."""

from __future__ import annotations

import pytest
from probed import KEY, TOKEN, deaf, exclusive, heard_as, probe, spread, validating

from watcher.simulator.faults import Fault

LEADS = {"token": TOKEN, "key": KEY}


async def test_an_honest_apimo_is_described(simulate, store):
    """Limits, paging, totals, the cursor, catalogues: as they are."""
    sim = await simulate(**LEADS)
    spread(sim, "leads", 101)
    found = await probe(sim, store, "leads")
    assert {name: found[name] for name in (
        "key of the list", "limit of 10000", "a small limit", "total_items", "offset", "order of the list",
        "zone of updated_at", "timestamp", "total_items beside timestamp", "conditional GET", "rate headers",
        "catalogue lead_step", "catalogue contract_step",
    )} == {
        "key of the list": "leads",
        "limit of 10000": "no clamp seen: all 12 there are came",
        "a small limit": "honoured",
        "total_items": "that of the whole list",
        "offset": "honoured, pages do not overlap",
        "order of the list": "id, ascending",
        "zone of updated_at": "Europe/Paris: the newest one is the timestamp of the list",
        "timestamp": "inclusive",
        "total_items beside timestamp": "that of the answer",
        "conditional GET": "cannot be asked: no ETag, no Last-Modified",
        "rate headers": "none",
        "catalogue lead_step": "1 Nouveau, 2 En cours, 3 Clôturé",
        "catalogue contract_step": "there is none",
    }  # fmt: skip
    assert found["compression"].startswith("gzip, to ")
    assert not found.report["stopped"]


@pytest.mark.parametrize(
    ("heard", "said"),
    [(exclusive, "exclusive"), (deaf("timestamp"), "ignored")],
)
async def test_how_the_cursor_is_read_is_seen(simulate, store, heard, said):
    """A record of the very second that is asked for comes, or does not; one that is ignored brings everything."""
    sim = await simulate(**LEADS)
    spread(sim, "leads", 101)
    heard_as(sim, "apimo", heard)
    found = await probe(sim, store, "leads")
    assert found["timestamp"] == said
    assert found.stream["facts"]["cursor"] == said


@pytest.mark.parametrize(("value", "said"), [(None, "null"), (0, "0"), (12345, "another")])
async def test_the_timestamp_of_an_empty_answer_is_said(simulate, store, value, said):
    """Whatever stands there when nothing has changed."""
    sim = await simulate(empty_timestamp=value, **LEADS)
    spread(sim, "leads", 101)
    assert (await probe(sim, store, "leads"))["timestamp of an empty answer"] == said


async def test_a_clamped_limit_is_seen(simulate, store):
    """A server that gives fewer than are asked for says so by its total."""
    sim = await simulate(**LEADS)
    sim.faults.add(Fault("clamp-limit", args={"limit": 5}))
    found = await probe(sim, store, "leads")
    assert (found["limit of 10000"], found["a small limit"]) == ("clamped to 5", "honoured")
    assert found.stream["facts"]["page"] == 5


@pytest.mark.parametrize(
    ("name", "question", "said"),
    [("limit", "a small limit", "ignored"), ("offset", "offset", "ignored: the same page came")],
)
async def test_a_parameter_that_is_ignored_is_seen(simulate, store, name, question, said):
    """By what comes all the same."""
    sim = await simulate(**LEADS)
    heard_as(sim, "apimo", deaf(name))
    assert (await probe(sim, store, "leads"))[question] == said


@pytest.mark.parametrize("key", ["contracts", "requests"])
async def test_either_key_of_the_contracts_is_said(simulate, store, key):
    """The documentation has the wrong one, perhaps."""
    sim = await simulate(contracts_key=key, **LEADS)
    assert (await probe(sim, store, "contracts"))["key of the list"] == key


async def test_a_list_under_another_key_is_no_list(simulate, store):
    """It is said for what it is, and what stands on it is not asked."""
    sim = await simulate(**LEADS)
    sim.faults.add(Fault("rename-list-key", args={"to": "items"}))
    found = await probe(sim, store, "leads")
    assert found["whole"] == "not answered: there is no list under leads"
    assert found["order"] == "not answered: the list could not be read"
    assert found["catalogue lead_type"].startswith("1 Demande de contact")


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ("id", "id, ascending"),
        ("-id", "id, descending"),
        ("updated_at", "updated_at, ascending"),
        ("-updated_at", "updated_at, descending"),
    ],
)
async def test_the_order_is_named(simulate, store, order, said):
    """By the field that it goes by, where ids and times go different ways."""
    sim = await simulate(order=order, **LEADS)
    for number, record in enumerate(sim.world.records("leads", 101)):
        minute = 7 * number % 12
        sim.world.patch("leads", 101, record["id"], {"updated_at": f"2026-11-20 10:{minute:02d}:00"})
    assert (await probe(sim, store, "leads"))["order of the list"] == said


async def test_no_order_is_none(simulate, store):
    """A list that is shuffled is sorted by nothing."""
    sim = await simulate(**LEADS)
    sim.faults.add(Fault("shuffle"))
    assert (await probe(sim, store, "leads"))["order of the list"] == "nothing"


@pytest.mark.parametrize(("honours", "said"), [(True, "honoured"), (False, "ignored")])
async def test_a_conditional_get_is_tried_where_it_can_be(simulate, store, honours, said):
    """With the validator of the answer before; it is not repeated in the report. Every announced request is made."""
    sim = await simulate(**LEADS)
    validating(sim, "apimo", honours=honours)
    found = await probe(sim, store, "leads", wrong_key=True)
    assert found["conditional GET"] == said
    assert "CANARY" not in found.everything
    assert found.asked == found.most == found.report["requests"]["made"]


async def test_too_few_records_are_said_and_cost_nothing(simulate, store):
    """An agency without leads answers less, and is asked less."""
    sim = await simulate(records=0, **LEADS)
    found = await probe(sim, store, "leads")
    assert found["limit"] == "not answered: with 0 records nobody can tell"
    assert found.asked < found.most


async def test_a_wrong_key_is_asked_with_once_and_only_when_wanted(simulate, store):
    """An account must not be locked by asking."""
    sim = await simulate(**LEADS)
    found = await probe(sim, store, "leads", wrong_key=True)
    assert found["a wrong key"] == "HTTP 401, an object with message (text); says WWW-Authenticate"
    await probe(sim, store, "leads")
    assert [asked.status for asked in sim.requests].count(401) == 1
