"""End to end: each event type of the catalogue provoked once, and received by a webhook, Slack, SMTP and a file."""

import json
import re
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from running import SECRET, until
from standardwebhooks import Webhook

from watcher.simulator import Fault
from watcher.streams import OPERATIONAL, catalogue

LEADS, CONTRACTS, PURCHASES = ("leads", "101"), ("contracts", "101"), ("purchases", "1")
NOW = datetime.now(UTC)


def day(days):
    """A day from today, as Apimo writes it."""
    return (NOW + timedelta(days=days)).strftime("%Y-%m-%d %H:%M:%S")


def moment(days):
    """A moment from now, as Adlead writes it."""
    return (NOW + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%S.000000Z")


class Stage:
    """Does one thing upstream after another, each when the last one's event has come."""

    def __init__(self, daemon):
        self.daemon, self.world, self.receivers = daemon, daemon.sim.world, daemon.receivers

    async def told(self, event_type, subject=None, state=None):
        """Wait until the webhook has been told that."""

        def come():
            for _, body in self.receivers.webhook:
                event = json.loads(body)
                named = (event["type"], subject or event["subject"], state or event["data"].get("state"))
                if named == (event_type, event["subject"], event["data"].get("state")):
                    return event
            return None

        return await until(
            come, lambda: f"{event_type} {subject}; told {self.receivers.types()}; {self.daemon.tail()}", 60
        )

    async def does(self, place, key, event_type, **fields):
        """Change a record upstream and wait for what that is called."""
        self.world.patch(*place, key, fields)
        return await self.told(event_type, str(key))

    async def makes(self, place, event_type, **fields):
        """Make a record upstream and wait for its event."""
        record = self.world.put(*place, fields)
        return await self.told(event_type, str(record["id"]))


async def leads(stage):
    """A lead's life, and one that goes and comes back."""
    await stage.makes(LEADS, "new-lead", id=50, type="1", step="1", lastname="FRIN", created_at=day(0))
    await stage.does(LEADS, 1, "lead-opened", opened={"date": day(0), "user": "5"})
    await stage.does(LEADS, 1, "lead-assigned", assigned={"date": day(0), "user": "5"}, user="5")
    await stage.does(LEADS, 1, "lead-reassigned", assigned={"date": day(0), "user": "6"}, user="6")
    await stage.does(LEADS, 1, "lead-closed", closed={"date": day(0), "user": "6"})
    await stage.does(LEADS, 1, "lead-reopened", closed=None)
    await stage.does(LEADS, 1, "lead-step-changed", step="2")
    await stage.does(LEADS, 1, "lead-updated", message="Bonjour")
    stage.world.remove(*LEADS, 2)
    await stage.told("lead-removed", "2")
    await stage.makes(LEADS, "record-reappeared", id=2, type="1", step="1", lastname="B")


async def contracts(stage):
    """A contract's life."""
    await stage.makes(CONTRACTS, "new-contract", id=60, step="1", price="350000.00", created_at=day(0))
    await stage.does(CONTRACTS, 1, "contract-offer-made", offer_at=day(-5))
    await stage.does(CONTRACTS, 1, "contract-committed", commitment_at=day(-4))
    await stage.does(CONTRACTS, 1, "contract-condition-dated", condition_precedent_at=day(30))
    await stage.does(CONTRACTS, 1, "contract-scheduled", contract_scheduled_at=day(20))
    await stage.does(CONTRACTS, 1, "contract-rescheduled", contract_scheduled_at=day(25))
    await stage.does(CONTRACTS, 1, "contract-signed", contract_at=day(-1))
    await stage.does(CONTRACTS, 1, "contract-collected", collected_at=day(-1))
    await stage.does(CONTRACTS, 1, "contract-reverted", collected_at="")
    await stage.does(CONTRACTS, 1, "contract-amount-changed", price=340000)
    await stage.does(CONTRACTS, 1, "contract-step-changed", step=4)
    await stage.does(CONTRACTS, 1, "contract-updated", comment="revu")
    stage.world.remove(*CONTRACTS, 2)
    await stage.told("contract-removed", "2")


async def purchases(stage):
    """A purchase's life, to the deed and back, and a cancellation."""
    await stage.makes(PURCHASES, "new-purchase", id=70, status="pending-pre-booking", lead_id=88)
    await stage.does(PURCHASES, 1, "purchase-pre-booked", status="pre-booked")
    await stage.does(PURCHASES, 1, "purchase-booked", status="booked", booking_contract_signed_at=moment(-3))
    await stage.does(PURCHASES, 1, "purchase-withdrawal-started", status="withdrawal-period")
    await stage.does(PURCHASES, 1, "purchase-awaiting-funding", status="awaiting-funding")
    await stage.does(PURCHASES, 1, "purchase-notary-to-schedule", status="notary-appointment-to-be-set")
    await stage.does(
        PURCHASES, 1, "purchase-notary-scheduled", status="notary-appointment-set", notary_appointment_set_at=moment(9)
    )
    await stage.does(PURCHASES, 1, "purchase-notary-rescheduled", notary_appointment_set_at=moment(12))
    await stage.does(PURCHASES, 1, "purchase-signed", status="signed", sale_deed_signed_at=moment(-1))
    await stage.does(PURCHASES, 1, "purchase-reverted", status="notary-appointment-set", sale_deed_signed_at=None)
    await stage.does(PURCHASES, 2, "purchase-option-dated", option_expires_at=moment(2))
    await stage.does(PURCHASES, 2, "purchase-price-changed", price_including_vat=199000)
    await stage.does(PURCHASES, 2, "purchase-lots-changed", lots=[{"id": 41, "status": "sold"}])
    await stage.does(PURCHASES, 2, "purchase-buyers-changed", contacts=[{"id": 111, "city": "Nice"}])
    await stage.does(PURCHASES, 2, "purchase-status-changed", status="under-review")
    await stage.does(PURCHASES, 2, "purchase-updated", lead_id=89)
    await stage.does(PURCHASES, 2, "purchase-canceled", status="canceled", cancellation_type="funding-refused")
    stage.world.remove(*PURCHASES, 3)
    await stage.told("purchase-removed", "3")


async def troubles(stage):
    """Each of watcher's own troubles, entered and left."""
    faults = stage.daemon.sim.faults
    source = "azur/apimo.contracts/101"
    fault = faults.add(Fault("status", path="*/contracts", args={"code": 500}))
    await stage.told("source-failing", source)
    faults.clear(fault)
    await stage.told("source-recovered", source)
    fault = faults.add(Fault("rename-list-key", path="*/programs/1/*", args={"to": "items"}))
    await stage.told("source-drifted", "riviera/adlead.purchases/1")
    faults.clear(fault)
    await stage.told("source-recovered", "riviera/adlead.purchases/1")
    fault = faults.add(Fault("empty-list", path="*/programs/2/*"))
    await stage.told("removals-held", "riviera/adlead.purchases/2", "entered")
    faults.clear(fault)
    await stage.told("removals-held", "riviera/adlead.purchases/2", "left")
    fault = faults.add(Fault("hang", path="*/102/leads"))
    await stage.told("source-silent", "azur/apimo.leads/102")
    faults.clear(fault)
    await stage.told("budget-low", "poor", "entered")
    stage.receivers.status["flaky"] = 503
    stage.world.patch(*LEADS, 3, {"step": "7"})
    stage.world.patch(*LEADS, 4, {"step": "7"})
    await stage.told("sink-failing", "flaky")
    stage.receivers.status["flaky"] = 200
    stage.world.patch(*LEADS, 5, {"step": "7"})
    await stage.told("sink-recovered", "flaky")


async def broken_store(stage):
    """Somebody holds the store's lock for longer than anybody should: told past the store, and told to be over."""
    with sqlite3.connect(stage.daemon.directory / "watcher.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        await stage.told("store-failing", "store", "entered")
        other.execute("ROLLBACK")
    other.close()
    await stage.told("store-failing", "store", "left")


def world_before(world):
    """What is there at the baseline."""
    for key in range(1, 9):
        world.put(*LEADS, {"id": key, "type": "1", "step": "1", "lastname": "B", "opened": None, "closed": None,
                           "assigned": None, "user": None, "message": None, "created_at": day(-9)})  # fmt: skip
        world.put("leads", "102", {"id": key, "type": "1", "step": "1"})
        world.put(*CONTRACTS, {"id": key, "step": "1", "price": 1, "comment": "", "offer_at": "", "commitment_at": "",
                               "condition_precedent_at": None, "contract_scheduled_at": None, "contract_at": "0000-00-00",
                               "collected_at": None, "entries": [], "contacts": []})  # fmt: skip
        for program in ("1", "2"):
            world.put("purchases", program, {
                "id": key, "lead_id": 88, "status": "pending-pre-booking", "price_including_vat": 200000,
                "option_expires_at": None, "pre_booking_confirmed_at": None, "booking_contract_signed_at": None,
                "withdrawal_period_expires_at": None, "notary_appointment_set_at": None, "sale_deed_signed_at": None,
                "canceled_at": None, "cancellation_type": None, "lots": [{"id": 41, "status": "booked"}],
                "contacts": [{"id": 111, "city": "Lyon"}],
            })  # fmt: skip


@pytest.mark.slow
async def test_every_event_type_reaches_every_kind_of_sink(daemon, sim, receivers):
    """The baseline is silent; each type of the catalogue, provoked once, reaches webhook, Slack, SMTP and file."""
    world_before(sim.world)
    daemon.configure(
        accounts=f"""
[accounts.poor]
api = "apimo"
base_url = "{sim.url}"
provider = "9999"
token = {{ env = "APIMO_TOKEN" }}
max_rate = "1000/s"
budget = "60/day"
""",
        sources="""
[[sources]]
account = "riviera"
stream = "purchases"
programs = [2]
every = "300ms"
[[sources]]
account = "azur"
stream = "leads"
agencies = [102]
every = "1s"
silent_after = "2s"
[[sources]]
account = "poor"
stream = "contracts"
agencies = [102]
every = "400ms"
""",
        sinks=f"""
[sinks.flaky]
type = "webhook"
url = "{receivers.url}/flaky"
""",
        rules="""
[[rules]]
name = "flaky"
on = ["lead-step-changed"]
to = ["flaky"]
""",
    )
    await daemon.start()
    await daemon.baselined("azur/apimo.leads/101", "azur/apimo.contracts/101", "riviera/adlead.purchases/1",
                           "riviera/adlead.purchases/2", "azur/apimo.leads/102")  # fmt: skip
    assert set(receivers.types()) <= {"budget-low"}  # the account that is too poor for its intervals
    stage = Stage(daemon)
    for act in (leads, contracts, purchases, troubles, broken_store):
        await act(stage)
    everybody = {
        "webhook": lambda: {json.loads(body)["type"] for _, body in receivers.webhook},
        "file": lambda: {event["type"] for event in daemon.lines()},
    }
    for name, types in everybody.items():
        await until(
            lambda types=types: set(catalogue()) <= types(), lambda n=name, t=types: f"{n}: {set(catalogue()) - t()}"
        )
    ids = {json.loads(body)["id"] for _, body in receivers.webhook}
    await until(lambda: {letter["X-Watcher-Event"] for letter in receivers.mail} >= ids, "every event by e-mail")
    await until(lambda: len(receivers.slack) >= len(ids), "every event in Slack")
    assert await daemon.stop() == 0
    poor = [asked for asked in sim.requests if asked.path == "/agencies/102/contracts"]
    assert 1 <= len(poor) <= 60  # within its budget, however often its `every` would have it
    _signed(receivers)
    _told_once(receivers, daemon)


def _signed(receivers):
    """Every webhook is a CloudEvent, signed as Standard Webhooks says."""
    for headers, body in receivers.webhook:
        event = from_structured_event(HTTPMessage(headers, body))
        assert Webhook(SECRET).verify(body, {key.lower(): value for key, value in headers.items()})
        assert headers["webhook-id"] == event.get_id()
        assert re.fullmatch(r"\d{20}", json.loads(body)["sequence"])


def _told_once(receivers, daemon):
    """No sink was told anything twice, and records in the order in which they happened."""
    told = [json.loads(body) for _, body in receivers.webhook]
    for events in (told, daemon.lines()):
        ids = [event["id"] for event in events if event["type"] != "store-failing"]  # this one was told past the store
        assert len(ids) == len(set(ids))
        for record in {(event["source"], event["subject"]) for event in events}:
            sequence = [e["sequence"] for e in events if (e["source"], e["subject"]) == record and int(e["sequence"])]
            assert sequence == sorted(sequence)
    assert {event["type"] for event in told} - set(OPERATIONAL) == set(catalogue()) - set(OPERATIONAL)
