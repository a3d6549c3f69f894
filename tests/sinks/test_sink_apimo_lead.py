"""A lead in Apimo for each event: its fields by templates, in turn and within the account's budget."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import traceback
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from message_samples import news, summary, trouble
from sink_peers import HOSTILE, Peer, delivery_of, hang_up, peer, rendered, reply, silence

from watcher.app import poster
from watcher.errors import Permanent, StoreError, Transient
from watcher.simulator import Simulator
from watcher.sinks import SINKS, Tools
from watcher.sinks.apimo_lead import FIELDS, ApimoLead, Config, create, document
from watcher.sources import build_client
from watcher.units import Rate, Secret

TOKEN = "CANARY-token"
MADE = json.dumps({"id": 188699, "created_at": "2016-04-29 16:17:23", "updated_at": "2016-04-29 16:17:23"}).encode()
"""The vendor's own example."""

FIELDS_OF_BUYER = {
    "lastname": "{{ record.contacts[0].name }}",
    "firstname": "{{ record.contacts[0].firstname }}",
    "message": "Achat n° {{ event.subject }}\n{% if record.status %}Statut : {{ record.status }}{% endif %}",
}
BUYER = {"id": "111", "name": "MARTIN", "firstname": "Jean"}
PURCHASE = news("new-purchase", "adlead.purchases", contacts=[BUYER], status="booked")


class Budget:
    """The day's requests, in memory; broken when the store is."""

    def __init__(self) -> None:
        self.spent = 0
        self.broken = False

    async def spend(self, account: str, day: str, limit: int) -> int:
        """Count one."""
        if self.broken:
            raise StoreError("disk full")
        if self.spent >= limit:
            return -1
        self.spent += 1
        return limit - self.spent


class Login:
    """An account of Apimo."""

    api = "apimo"
    provider = "9999"
    token = Secret(TOKEN)
    max_rate = Rate(1000, 1.0)

    def __init__(self, port: int, daily: int = 1000) -> None:
        self.base_url = f"http://127.0.0.1:{port}"
        self.budget = Rate(daily, 86400.0)


@pytest.fixture
def budget() -> Budget:
    """What is left of the day."""
    return Budget()


@pytest.fixture
def leads(budget: Budget, tmp_path: Path) -> Any:
    """Open the sink that creates leads at a peer, by a client as the polls have it."""

    @asynccontextmanager
    async def opened(there: Peer, daily: int = 1000, **settings: Any) -> AsyncIterator[ApimoLead]:
        clock = lambda: datetime.now(UTC)  # noqa: E731 - the real one
        client = build_client("azur", Login(there.port, daily), budget=budget, clock=clock, luck=lambda: 0.5)
        tools = Tools(rendered, clock, tmp_path, poster({"azur": client}))
        given = {"account": "azur", "agency": "101", "fields": FIELDS_OF_BUYER, **settings}
        sink = ApimoLead("agency", Config(type="apimo_lead", **given), tools)
        try:
            yield sink
        finally:
            await sink.close()
            await client.close()

    return opened


def sent(there: Peer) -> dict[str, str]:
    """The lead that Apimo was given last."""
    lead = json.loads(there.requests[-1][2])
    assert all(isinstance(value, str) for value in lead.values())
    return lead  # type: ignore[no-any-return]


async def failure(sending: Awaitable[Any]) -> Transient | Permanent:
    """The error that a send ends in; it tells neither the token nor the address."""
    with pytest.raises((Transient, Permanent)) as caught:
        await asyncio.wait_for(sending, 30)
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert "CANARY" not in told
    assert "127.0.0.1" not in caught.value.reason
    return caught.value


# ------------------------------------------------------------------------------------------------------ what is sent


async def test_an_event_becomes_a_lead(leads: Any, budget: Budget) -> None:
    """Its reference is the event's id, its date the event's in Paris; it is counted as a poll is."""
    async with peer(reply(200, MADE)) as there, leads(there) as sink:
        assert await sink.send(delivery_of(PURCHASE)) == "lead 188699"
    line, headers, _ = there.requests[0]
    assert line == "POST /agencies/101/leads HTTP/1.1"
    assert headers["content-type"] == "application/json"
    assert headers["authorization"].startswith("Basic ")
    paris = PURCHASE.time.astimezone(ZoneInfo("Europe/Paris"))
    assert sent(there) == {
        "reference": PURCHASE.id,
        "date": paris.strftime("%Y-%m-%d %H:%M:%S"),
        "type": "1",
        "lastname": "MARTIN",
        "firstname": "Jean",
        "message": f"Achat n° {PURCHASE.subject}\nStatut : booked",
    }
    assert budget.spent == 1


async def test_apimo_takes_it_and_lists_it() -> None:
    """As the simulated Apimo does, with the reference by which a second one would be known."""
    async with Simulator(life=False, token=TOKEN, provider="9999", apimo_rate=None, apimo_daily=None) as simulator:
        simulator.world.make("leads", 101, {"id": 1})
        clock = lambda: datetime.now(UTC)  # noqa: E731 - the real one
        login = Login(0)
        login.base_url = simulator.url
        client = build_client("azur", login, budget=Budget(), clock=clock, luck=lambda: 0.5)
        lead = document({"lastname": "MARTIN", "phone": "+33 6 12 34 56 78"}, "an-id", PURCHASE.time)
        number = await create(poster({"azur": client}), "azur", "101", lead, 10)
        await client.close()
        listed = {str(row["id"]): row for row in simulator.world.rows("leads", "101", "id")}
    assert listed[number]["reference"] == "an-id"
    assert listed[number]["phone"] == "+33 6 12 34 56 78"


async def test_a_resend_has_the_same_reference_and_body(leads: Any) -> None:
    """By it a lead that came twice can be known."""
    async with peer(reply(500)) as there, leads(there) as sink:
        await failure(sink.send(delivery_of(PURCHASE)))
        there.answer = reply(200, MADE)
        await sink.send(delivery_of(PURCHASE))
    first, second = (body for _, _, body in there.requests)
    assert first == second


async def test_fields_that_come_to_nothing_are_left_out(leads: Any) -> None:
    """Apimo would take an empty text for a value; what is withheld is no value either."""
    fields = {"lastname": "{{ record.contacts[0].name }}", "city": "  ", "email": "{{ record.contacts[0].email1 }}"}
    withheld = news("new-purchase", "adlead.purchases", contacts=[{**BUYER, "email1": "***"}])
    async with peer(reply(200, MADE)) as there, leads(there, fields=fields) as sink:
        await sink.send(delivery_of(withheld))
    assert set(sent(there)) == {"reference", "date", "type", "lastname"}


async def test_hostile_values_are_only_text(leads: Any) -> None:
    """A JSON text on one line, in the field that it was meant for; a message keeps its lines."""
    event = news("new-purchase", "adlead.purchases", contacts=[{**BUYER, "name": HOSTILE, "firstname": '", "x": "'}])
    fields = {**FIELDS_OF_BUYER, "message": "{{ record.contacts[0].name }}\n\nfin"}
    async with peer(reply(200, MADE)) as there, leads(there, fields=fields) as sink:
        await sink.send(delivery_of(event))
    lead = sent(there)
    assert set(lead) == {"reference", "date", "type", "lastname", "firstname", "message"}
    assert lead["firstname"] == '", "x": "'
    assert not re.search(r"[\r\n\0\u202e]", lead["lastname"])
    assert lead["message"].endswith("\n\nfin")
    assert there.requests[0][0] == "POST /agencies/101/leads HTTP/1.1"


async def test_personal_data_is_held_back_where_it_is_asked(leads: Any) -> None:
    """With `personal = false` no buyer is named to the agency."""
    event = news(
        "new-purchase", "adlead.purchases", contacts=[{**BUYER, "name": "CANARYname", "firstname": "CANARYfirst"}]
    )
    async with peer(reply(200, MADE)) as there:
        async with leads(there, personal=False) as sink:
            await sink.send(delivery_of(event))
            assert "CANARY" not in json.dumps(sent(there))
            assert "message" in sent(there)
        async with leads(there) as sink:
            await sink.send(delivery_of(event))
            assert sent(there)["lastname"] == "CANARYname"


# --------------------------------------------------------------------------------------------------- what is no lead


async def test_what_is_about_no_single_record_is_no_lead(leads: Any) -> None:
    """A summary or a trouble is refused with what to do, and nothing is asked of Apimo."""
    several = summary("digest", {"new-purchase": 2}, [PURCHASE])
    async with peer(reply(200, MADE)) as there, leads(there) as sink:
        for event, words in ((several, "group, digest"), (trouble("source-failing", "s", "x"), "[operator]")):
            error = await failure(sink.send(delivery_of(event)))
            assert isinstance(error, Permanent)
            assert not error.refused
            assert words in error.reason
        assert not there.requests


async def test_a_template_that_fails_is_about_that_event(leads: Any) -> None:
    """It is named, without the values it failed on."""
    fields = {"city": "{{ record.contacts[0].name }}", "price_min": "{{ 100 / record.price_including_vat }}"}
    free = news("new-purchase", "adlead.purchases", contacts=[{**BUYER, "name": "CANARY"}], price_including_vat=0)
    async with peer(reply(200, MADE)) as there, leads(there, fields=fields) as sink:
        error = await failure(sink.send(delivery_of(free)))
        assert isinstance(error, Permanent)
        assert (error.refused, error.reason[:18]) == (False, "fields.price_min: ")
        assert not there.requests


async def test_a_lead_that_says_nothing_is_not_made(leads: Any) -> None:
    """A number and a date help nobody."""
    async with peer(reply(200, MADE)) as there, leads(there, fields={"city": "{{ record.contacts[0].city }}"}) as sink:
        assert isinstance(await failure(sink.send(delivery_of(PURCHASE))), Permanent)
        assert not there.requests


# ------------------------------------------------------------------------------------------------- what Apimo answers


@pytest.mark.parametrize(
    ("status", "kind", "refused"),
    [(400, Permanent, False), (422, Permanent, False), (302, Permanent, False), (401, Permanent, True),
     (403, Permanent, True), (404, Permanent, True), (429, Transient, False), (500, Transient, False),
     (503, Transient, False)],
)  # fmt: skip
async def test_answers_are_sorted(leads: Any, status: int, kind: type, refused: bool) -> None:
    """A credential or an agency that is no good turns every lead away; another refusal is about this one."""
    async with peer(reply(status, b"{}")) as there, leads(there) as sink:
        error = await failure(sink.send(delivery_of(PURCHASE)))
        assert len(there.requests) == 1
    assert isinstance(error, kind)
    assert getattr(error, "refused", False) is refused
    assert f"HTTP {status}" in error.reason


async def test_the_vendors_word_for_when_is_passed_on(leads: Any) -> None:
    """As with polls."""
    async with peer(reply(429, retry_after="120")) as there, leads(there) as sink:
        error = await failure(sink.send(delivery_of(PURCHASE)))
    assert isinstance(error, Transient)
    assert error.retry_after == 120


@pytest.mark.parametrize("answer", [hang_up, silence, reply(200, b"<html>maintenance</html>"), reply(200, b"[1]")])
async def test_an_answer_that_is_lost_leaves_open_whether_it_was_taken(leads: Any, answer: Any) -> None:
    """It is tried again, under the same reference, and once only by each attempt."""
    async with peer(answer) as there, leads(there, timeout=timedelta(seconds=0.5)) as sink:
        error = await failure(sink.send(delivery_of(PURCHASE)))
        assert len(there.requests) == 1
    assert isinstance(error, Transient)
    assert error.unanswered


@pytest.mark.parametrize("body", [b"", b" \n", b"{}"])
async def test_apimo_need_not_say_which_lead_it_made(leads: Any, body: bytes) -> None:
    """Its pages say that there is no answer, and show one."""
    async with peer(reply(200, body)) as there, leads(there) as sink:
        assert await sink.send(delivery_of(PURCHASE)) == "taken"


async def test_a_budget_that_is_spent_waits_for_the_next_day(leads: Any, budget: Budget) -> None:
    """Nothing is asked of Apimo beyond it."""
    async with peer(reply(200, MADE)) as there, leads(there, daily=1) as sink:
        await sink.send(delivery_of(PURCHASE))
        error = await failure(sink.send(delivery_of(PURCHASE)))
        assert len(there.requests) == 1
    assert isinstance(error, Transient)
    assert error.retry_after
    assert "budget" in error.reason


async def test_what_cannot_be_counted_is_not_asked(leads: Any, budget: Budget) -> None:
    """A full disk is no reason to give a lead up."""
    budget.broken = True
    async with peer(reply(200, MADE)) as there, leads(there) as sink:
        assert isinstance(await failure(sink.send(delivery_of(PURCHASE))), Transient)
        assert not there.requests


async def test_an_account_that_is_not_there_turns_the_sink_away(tools: Tools) -> None:
    """The configuration would not have it; it is no crash all the same."""
    sink = ApimoLead("agency", Config(type="apimo_lead", account="azur", agency="101", fields={"city": "x"}), tools)
    error = await failure(sink.send(delivery_of(PURCHASE)))
    assert isinstance(error, Permanent)
    assert error.refused


async def test_the_token_is_told_to_nobody(leads: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Neither in a log nor when the sink is shown, even if Apimo repeats it."""
    caplog.set_level(logging.DEBUG)
    async with peer(reply(422, json.dumps({"message": f"bad {TOKEN}"}).encode())) as there, leads(there) as sink:
        await failure(sink.send(delivery_of(PURCHASE)))
        assert "CANARY" not in repr(sink) + repr(sink._config)
    assert "CANARY" not in caplog.text


async def test_a_cancelled_send_leaves_the_account_usable(leads: Any) -> None:
    """For the polls too: it is one connection's end, and no more."""
    async with peer(silence) as there, leads(there) as sink:
        sending = asyncio.create_task(sink.send(delivery_of(PURCHASE)))
        await asyncio.wait_for(there.reached.wait(), 5)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        there.answer = reply(200, MADE)
        assert await sink.send(delivery_of(PURCHASE)) == "lead 188699"


# --------------------------------------------------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({}, "fields: must not be empty"),
        ({"lastnam": "x"}, 'fields.lastnam: Apimo\'s leads have no such field; did you mean "lastname"?'),
        ({"reference": "x", "city": "y"}, "fields.reference: is always the event's id; leave it out"),
        ({"city": "{{ record.contactz }}"}, "fields.city: record has no 'contactz'; did you mean 'contact'?"),
        ({"city": "{{ "}, "fields.city: is no template: "),
        ({"city": "{{ nothing }}"}, "fields.city: 'nothing' is unknown"),
    ],
)
def test_fields_are_checked_before_anything_is_sent(fields: dict[str, str], complaint: str) -> None:
    """Their names are Apimo's, their templates are tried on samples."""
    with pytest.raises(ValueError, match=re.escape(complaint)):
        Config(type="apimo_lead", account="azur", agency="101", fields=fields)


def test_every_field_that_apimo_documents_can_be_given() -> None:
    """Each once, and the reference is ours."""
    assert len(FIELDS) == len(set(FIELDS)) == 45
    assert Config(type="apimo_lead", account="azur", agency="101", fields=dict.fromkeys(FIELDS, "x"))


def test_machines_read_it() -> None:
    """So it gets every event of a flood; and its account is one of Apimo."""
    assert (SINKS["apimo_lead"].people, SINKS["apimo_lead"].api) == (False, "apimo")
