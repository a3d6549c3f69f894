"""Apimo, as a client sees it."""

from datetime import timedelta
from email.utils import parsedate_to_datetime

import pytest


@pytest.mark.parametrize("login", ["9999:wrong", "1:simulated-token", "", "9999"])
async def test_a_wrong_login_is_401(client, login):
    """Whoever is not the provider with the token gets 401 and a message."""
    reply = await client.apimo("/agencies/101/leads", login=login)
    assert reply.status == 401
    assert list(reply.json) == ["message"]
    assert reply.headers["WWW-Authenticate"].startswith("Basic")


async def test_no_login_is_401(client):
    """Without credentials there is nothing."""
    assert (await client.ask("GET", "/agencies")).status == 401


@pytest.mark.parametrize(
    "path", ["/agencies/103/leads", "/agencies/103/contracts", "/nothing", "/catalogs/contract_step"]
)
async def test_unknown_is_404(client, path):
    """An agency, a catalog or a path that is not there is 404 with a message."""
    reply = await client.apimo(path)
    assert reply.status == 404
    assert list(reply.json) == ["message"]


async def test_a_method_that_is_not_there_is_405(client):
    """A contract cannot be posted."""
    assert (await client.apimo("/agencies/101/contracts", method="POST")).status == 405


async def test_a_list_has_the_sample_s_shape(client, sample):
    """A list of leads has the keys of the documented one, and its timestamp is the newest updated_at."""
    documented = sample("apimo-leads")
    client.sim.world.put("leads", 101, documented["leads"][0])
    body = (await client.apimo("/agencies/101/leads")).json
    assert body == documented | {"total_items": 1}


async def test_contracts_have_their_key(client, serve):
    """Contracts come under `contracts`, or under what the simulator was told."""
    assert list((await client.apimo("/agencies/101/contracts")).json) == ["contracts", "total_items", "timestamp"]
    other = await serve(contracts_key="requests")
    assert list((await other.apimo("/agencies/101/contracts")).json) == ["requests", "total_items", "timestamp"]


async def test_pages_by_limit_and_offset(client):
    """A list is cut by limit and offset; total_items counts it all, the timestamp is the page's."""
    for n in range(5):
        client.sim.world.put("leads", 101, {"id": n + 1, "updated_at": f"2026-11-21 10:00:0{5 - n}"})
    page = (await client.apimo("/agencies/101/leads", limit=2, offset=2)).json
    first = (await client.apimo("/agencies/101/leads", limit=1)).json
    assert [lead["id"] for lead in page["leads"]] == [3, 4]
    assert page["total_items"] == 5
    assert first["timestamp"] - page["timestamp"] == 2


@pytest.mark.parametrize(
    ("query", "count"), [({"offset": 9}, 0), ({"limit": 0}, 5), ({"limit": "x"}, 5), ({"offset": -3}, 5)]
)
async def test_odd_pages(client, query, count):
    """Beyond the end is empty; what is no number is the default."""
    for _ in range(5):
        client.sim.world.make("leads", 101)
    body = (await client.apimo("/agencies/101/leads", **query)).json
    assert len(body["leads"]) == count
    assert body["total_items"] == 5


async def test_a_list_ends_at_ten_thousand(client):
    """No list is longer than 10000, whatever is asked for."""
    for n in range(10_002):
        client.sim.world.put("leads", 101, {"id": n + 1})
    body = (await client.apimo("/agencies/101/leads", limit=20_000)).json
    assert len(body["leads"]) == 10_000
    assert body["total_items"] == 10_002


async def test_the_cursor_is_inclusive(client):
    """`timestamp` brings what was updated at that second of Paris or later."""
    world = client.sim.world
    for n in range(3):
        world.put("leads", 101, {"id": n + 1})
        world.advance(timedelta(seconds=1))
    newest = (await client.apimo("/agencies/101/leads")).json["timestamp"]
    body = (await client.apimo("/agencies/101/leads", timestamp=newest - 1)).json
    assert [lead["id"] for lead in body["leads"]] == [2, 3]
    assert body["total_items"] == 2
    world.patch("leads", 101, 1, {"step": "2"})
    body = (await client.apimo("/agencies/101/leads", timestamp=newest + 1)).json
    assert [lead["id"] for lead in body["leads"]] == [1]


async def test_an_untouched_change_escapes_the_cursor(client):
    """A change that does not bump updated_at is seen in a full list only."""
    client.sim.world.put("leads", 101, {"id": 1, "updated_at": "2026-11-20 10:00:00"})
    client.sim.world.patch("leads", 101, 1, {"step": "2"}, touch=False)
    assert (await client.apimo("/agencies/101/leads", timestamp=1_763_700_000 + 86_400 * 365)).json["leads"] == []
    assert (await client.apimo("/agencies/101/leads")).json["leads"][0]["step"] == "2"


@pytest.mark.parametrize("value", [None, 0, 5])
async def test_the_timestamp_of_an_empty_list_can_be_chosen(serve, value):
    """Nobody knows what Apimo says of an empty list, so all can be tried."""
    client = await serve(empty_timestamp=value)
    assert (await client.apimo("/agencies/101/leads")).json == {"leads": [], "total_items": 0, "timestamp": value}


async def test_a_posted_lead_appears(client, sample):
    """A posted lead is answered with id and stamps, and then stands in the list with its reference."""
    sent = sample("apimo-lead-to-post")
    reply = await client.post_lead(sent)
    assert reply.status == 200
    assert reply.json.keys() == sample("apimo-lead-posted").keys()
    lead = (await client.apimo("/agencies/101/leads")).json["leads"][0]
    assert lead["id"] == reply.json["id"]
    assert lead.keys() <= set(sample("apimo-lead-fields"))
    same = ("reference", "date", "type", "step", "lastname", "firstname", "phone", "email", "language", "message")
    assert {name: lead[name] for name in same} == {name: sent[name] for name in same}
    assert lead["criteria"]["price"] == {"min": "400000", "max": "450000", "currency": "EUR"}


async def test_a_posted_lead_needs_only_a_reference(client, sample):
    """A lead of a reference alone has the sample's fields, step 1, the date of now."""
    await client.post_lead({"reference": "R1"})
    lead = (await client.apimo("/agencies/101/leads")).json["leads"][0]
    assert lead.keys() == sample("apimo-leads")["leads"][0].keys()
    assert (lead["step"], lead["date"], lead["reference"]) == ("1", "2026-11-21 12:00:00", "R1")


@pytest.mark.parametrize("body", [{}, {"reference": ""}, {"reference": None, "lastname": "MARTIN"}])
async def test_a_lead_without_reference_is_422(client, body):
    """A lead without its reference is refused with the field's name, and not kept."""
    reply = await client.post_lead(body)
    assert reply.status == 422
    assert list(reply.json) == ["message", "errors"]
    assert list(reply.json["errors"]) == ["reference"]
    assert client.sim.world.records("leads", 101) == []


async def test_a_lead_that_is_no_object_is_400(client):
    """What is no JSON object is refused."""
    assert [(await client.post_lead(body)).status for body in (b"{", b"[]", b"")] == [400] * 3


async def test_a_lead_for_an_unknown_agency_is_404(client):
    """The agency is looked at first."""
    assert (await client.post_lead({}, agency=999)).status == 404


async def test_ten_requests_a_second(serve, clock):
    """The eleventh request of a second is 429, and the next second begins anew."""
    client = await serve(apimo_rate=10, clock=clock)
    statuses = [(await client.apimo("/agencies")).status for _ in range(11)]
    clock.now += 1
    assert statuses == [200] * 10 + [429]
    assert (await client.apimo("/agencies")).status == 200


async def test_a_day_s_quota(serve, clock):
    """After a day's quota all is 429 until midnight, at most a day later."""
    client = await serve(apimo_daily=3, clock=clock)
    statuses = [(await client.apimo("/agencies")).status for _ in range(4)]
    clock.now += 25 * 3600
    assert statuses == [200] * 3 + [429]
    assert (await client.apimo("/agencies")).status == 200


async def test_a_wrong_login_does_not_use_up_the_quota(serve, clock):
    """Only who is let in is counted."""
    client = await serve(apimo_daily=1, clock=clock)
    await client.apimo("/agencies", login="x:y")
    assert (await client.apimo("/agencies")).status == 200


async def test_agencies_are_listed(client):
    """The agencies that the provider may see are listed with their ids."""
    assert [agency["id"] for agency in (await client.apimo("/agencies")).json["agencies"]] == [101, 102]


@pytest.mark.parametrize("name", ["lead_step", "lead_type"])
async def test_catalogs_have_labels(client, name):
    """A catalog is a bare list of id, culture and names, and is itself listed."""
    entries = (await client.apimo(f"/catalogs/{name}", culture="fr")).json
    assert all(list(entry) == ["id", "culture", "name", "name_plurial"] for entry in entries)
    assert name in [catalog["name"] for catalog in (await client.apimo("/catalogs")).json]


async def test_headers_are_apimo_s(client):
    """The Date header is of Paris, as documented, and of the world's time."""
    headers = (await client.apimo("/agencies")).headers
    assert headers["Server"] == "nginx"
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert headers["Date"].endswith("+0100")
    assert parsedate_to_datetime(headers["Date"]) == client.sim.world.now


async def test_answers_are_compressed_on_demand(client):
    """An answer is gzip for whoever accepts it, and plain for others."""
    packed = await client.apimo("/agencies")
    plain = await client.ask("GET", "/agencies", headers={"Accept-Encoding": "identity"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
