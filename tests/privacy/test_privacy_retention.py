"""What is personal goes when it has had its time, ids and dates stay, and no poll tells it anew."""

import asyncio

import pytest
from privacy_world import OTHER, PERSON, World, gives_away

from watcher.model import Dead, Delivered
from watcher.privacy import Policy
from watcher.retention import Retention
from watcher.store.read import Reader
from watcher.streams.canonical import shown

CLOSED = {**PERSON, "closed": "2026-11-21 13:00:00"}


async def closed(world: World) -> None:
    """A lead that came, was told, and was closed."""
    await world.poll(r9=OTHER)
    await world.poll(r9=OTHER, r1=PERSON)
    await world.poll(r9=OTHER, r1=CLOSED)
    await world.deliver(Delivered("created Zéphyrine Quenouillet", "thread-1"))


def everything(world: World, path) -> object:
    """All that commands could show of the record."""
    with Reader.open(path) as reader:
        versions = reader.history(world.source.name, "1")
        (_, record) = reader.record(str(world.source.name), "1")[0]
        return record.body, [v.body for v in versions], [e.data for e in reader.events()], reader.deliveries()


async def test_a_finished_lead_is_kept_for_its_time_and_then_no_more(leads: World, path):
    """The day before it is all there, the day after nothing of the person is; dates and the other lead stay."""
    await closed(leads)
    await leads.keep_house(days=364)
    assert (await leads.record()).body["email"] == PERSON["email"]
    changed = await leads.keep_house(days=2)
    assert (changed["events"], changed["versions"] > 0) == (2, True)
    assert gives_away(everything(leads, path)) == []
    body = shown((await leads.record()).body)
    assert (body["lastname"], body["closed"]["date"]) == ("***", "2026-11-21T12:00:00Z")
    assert (await leads.record("9")).body["lastname"] == "FRIN"
    assert not {"versions", "events"} & (await leads.keep_house(days=1)).keys()


async def test_what_expired_tells_nothing_at_the_next_poll_and_does_not_come_back(leads: World, path):
    """New bytes of the same person: no event, nothing stored; a real change: told, from *** to ***."""
    await closed(leads)
    await leads.keep_house(days=366)
    assert await leads.poll(r9=OTHER, r1={**CLOSED, "updated_at": "2027-12-01 10:00:00", "note": PERSON["email"]}) == []
    assert gives_away(everything(leads, path)) == []
    (event,) = await leads.poll(r9=OTHER, r1={**CLOSED, "phone": "0698765432"})
    assert event.data["changes"] == {"phone": {"from": "***", "to": "***"}}
    assert gives_away(everything(leads, path)) == []


async def test_what_is_owed_is_told_before_it_goes(leads: World):
    """An event that a sink is still owed keeps the person; once it is told, the next round takes it."""
    await leads.poll(r9=OTHER)
    await leads.poll(r9=OTHER, r1=CLOSED)
    await leads.keep_house(days=400)
    (delivery,) = await leads.store.due("crm", leads.now, 9)  # of two: the first about that record
    assert delivery.event.data["record"]["lastname"] == PERSON["lastname"]
    await leads.deliver()
    assert (await leads.keep_house(days=1))["events"] == 2
    assert gives_away([event.data for event in await leads.events()]) == []


async def test_a_lead_that_is_alive_keeps_its_person_until_the_ceiling(leads: World):
    """A year after its last change an open lead still has a name; three years after, nothing is left, not even a hash."""
    await leads.poll(r1=PERSON)
    await leads.keep_house(days=400)
    assert (await leads.record()).body["lastname"] == PERSON["lastname"]
    await leads.keep_house(days=700)
    assert (await leads.record()).body["lastname"] == "\ue000"
    assert await leads.poll(r1={**PERSON, "lastname": "Autre"}) == []


async def test_the_hashes_of_a_finished_purchase_go(purchases: World):
    """Ninety days after the signature the contact details' hashes are gone and the name is one; nothing is told."""
    buyer = {"id": 11, "name": "Quenouillet", "email1": "a@canari.example"}
    await purchases.poll(r1={"status": "signed", "contacts": [buyer]})
    await purchases.keep_house(days=91)
    (kept,) = (await purchases.record()).body["contacts"]
    assert (kept["id"], kept["email1"], kept["name"][:2]) == ("11", "\ue000", "\ue000-")
    assert await purchases.poll(r1={"status": "signed", "contacts": [{**buyer, "email1": "b@canari.example"}]}) == []
    assert "canari" not in repr((await purchases.record()).body)


async def test_what_sinks_said_goes_sooner_and_each_has_its_own_time(leads: World, path):
    """Answers, reasons and threads go after the sink's time; that it was taken, and when, stays."""
    await closed(leads)
    await leads.poll(r9=OTHER, r1={**CLOSED, "phone": "0100000000"})
    await leads.deliver(Dead("HTTP 400 Quenouillet"))
    await leads.keep_house(Retention(sinks={"crm": leads.now - leads.now.replace(day=11)}), days=11)
    with Reader.open(path) as reader:
        rows = reader.deliveries()
        tries = [attempt.reason for row in rows for attempt in reader.attempts(row.number)]
    assert [(row.state, row.answer, row.reason) for row in rows] == [
        ("dead", "", "expired"), ("delivered", "", ""), ("delivered", "", "")
    ]  # fmt: skip
    assert tries == ["", "", ""]


@pytest.mark.parametrize(
    "policy", [Policy(drop=("email", "phone")), Policy(hash=("email", "phone"))], ids=["drop", "hash"]
)
async def test_a_policy_that_is_new_secures_what_is_stored_and_tells_nothing(leads: World, path, policy):
    """Rows from before get today's form, in records, versions and events; once, and without any event."""
    await leads.keep_house()
    await leads.poll(r9=OTHER)
    await leads.poll(r9=OTHER, r1=PERSON)
    await leads.poll(r9=OTHER, r1={**PERSON, "email": "zq@canari.example"})
    assert (await leads.keep_house(policy=policy))["secured"] == 7
    assert set(gives_away(everything(leads, path))) == {"quenouillet", "phyrine", "cabanon bleu"}
    assert [event.type for event in await leads.events()] == ["new-lead", "lead-updated"]
    assert "secured" not in await leads.keep_house(policy=policy)


SECRETIVE = Policy(drop=("email", "phone"))


async def test_the_others_are_polled_while_a_sources_records_are_secured(leads: World):
    """A slice waits for nobody whose records are not in it: one that hangs in its poll holds up none of the rest."""
    await leads.poll(r1=CLOSED)
    async with leads.locks["acc/apimo.leads/2"]:
        changed = await asyncio.wait_for(leads.keep_house(policy=SECRETIVE, days=500), 10)
    assert changed["secured"] > 0
    assert changed["versions"] > 0


@pytest.mark.parametrize(("policy", "later"), [(SECRETIVE, {}), (None, {"days": 500})], ids=["secured", "expired"])
async def test_a_poll_under_way_is_waited_for(leads: World, policy, later):
    """What a poll has read before it commits is not to come back after it was let go of: the slice waits its turn."""
    await leads.poll(r1=CLOSED)
    lock = leads.locks["acc/apimo.leads/1"]
    await lock.acquire()
    house = asyncio.create_task(leads.keep_house(policy=policy, **later))
    async with asyncio.timeout(10):
        while not lock._waiters:  # noqa: ASYNC110 - a lock has no bell
            await asyncio.sleep(0)
    assert (await leads.record()).body["email"] == PERSON["email"]
    lock.release()
    await house
    assert (await leads.record()).body.get("email") != PERSON["email"]
