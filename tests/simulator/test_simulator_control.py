"""The control API."""

import json

import pytest

from watcher.simulator import Fault


async def test_records_go_in_and_out(client):
    """A record is put, read, changed and removed through the control API, and the vendor's API shows it."""
    put = await client.control("PUT", "/records/purchases/1", {"id": 4, "status": "booked"})
    assert (put.status, put.json["id"]) == (200, 4)
    await client.control("PATCH", "/records/purchases/1/4", {"fields": {"status": "signed"}, "drop": ["lots"]})
    assert (await client.purchases()).json["data"][0]["status"] == "signed"
    assert (await client.control("GET", "/records/purchases/1")).json == (await client.purchases()).json["data"]
    assert (await client.control("GET", "/records/purchases/1/4")).json["status"] == "signed"
    assert (await client.control("DELETE", "/records/purchases/1/4")).status == 200
    assert (await client.adlead("/programs/1/purchases/4")).status == 404


async def test_a_patch_without_touch(client):
    """A patch can leave updated_at alone."""
    await client.control("PUT", "/records/leads/101", {"id": 5, "updated_at": "2026-01-01 00:00:00"})
    reply = await client.control("PATCH", "/records/leads/101/5", {"fields": {"step": "2"}, "touch": False})
    assert reply.json["updated_at"] == "2026-01-01 00:00:00"


async def test_a_plausible_record_can_be_had(client):
    """POST makes a whole record with the fields that were sent."""
    reply = await client.control("POST", "/records/leads/102", {"lastname": "DURAND"})
    lead = (await client.apimo("/agencies/102/leads")).json["leads"][0]
    assert lead == reply.json
    assert lead["lastname"] == "DURAND"
    assert lead["reference"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PUT", "/records/leads/999", {}, 404),
        ("PUT", "/records/visits/101", {}, 404),
        ("GET", "/records/leads/101/5", None, 404),
        ("PATCH", "/records/leads/101/5", {"fields": {}}, 404),
        ("DELETE", "/records/leads/101/5", None, 404),
        ("DELETE", "/faults/7", None, 404),
        ("GET", "/nothing", None, 404),
        ("PATCH", "/records/leads/101/5", {"fields": []}, 400),
        ("PATCH", "/records/leads/101/5", {"status": "x"}, 400),
        ("PUT", "/records/leads/101", [], 400),
        ("POST", "/faults", {"kind": "earthquake"}, 400),
        ("DELETE", "/faults/x", None, 400),
        ("POST", "/life", {"speed": -1}, 400),
        ("POST", "/life", {"speed": "fast"}, 400),
        ("POST", "/life", {"running": 1}, 400),
        ("POST", "/life", {"activity": 0}, 400),
        ("POST", "/life", {"sped": 1}, 400),
        ("POST", "/advance", {"seconds": -1}, 400),
        ("POST", "/advance", {}, 400),
    ],
)
async def test_what_makes_no_sense_is_told(client, method, path, body, status):
    """A mistake is answered with what is wrong."""
    reply = await client.control(method, path, body)
    assert reply.status == status
    assert reply.json["error"]


async def test_a_body_that_is_no_json_is_told(client):
    """Not even JSON is no reason to fall over."""
    assert (await client.ask("POST", "/_sim/faults", data=b"{")).status == 400


async def test_faults_are_switched_on_and_off(client):
    """Faults are added by their JSON form, listed, and cleared one by one or all."""
    one = (await client.control("POST", "/faults", {"kind": "html", "api": "apimo", "times": 2})).json["id"]
    await client.control("POST", "/faults", {"kind": "status", "args": {"code": 503}})
    assert (await client.apimo("/agencies")).status == 503
    listed = (await client.control("GET", "/faults")).json
    assert [(fault["kind"], fault["left"]) for fault in listed] == [("html", 1), ("status", None)]
    await client.control("DELETE", f"/faults/{one}")
    assert [fault["kind"] for fault in (await client.control("GET", "/faults")).json] == ["status"]
    await client.control("DELETE", "/faults")
    assert (await client.apimo("/agencies")).status == 200


async def test_faults_do_not_strike_the_control_api(client):
    """Whatever is on, it can be switched off."""
    client.sim.faults.add(Fault("hang"))
    assert (await client.control("DELETE", "/faults")).status == 200


async def test_requests_are_logged_without_credentials(client):
    """The log has what was asked and what it got, and no secret; the control API is not in it."""
    await client.apimo("/agencies/101/leads", limit=5)
    await client.purchases(key="wrong")
    entries = (await client.control("GET", "/requests")).json
    assert [(entry["method"], entry["api"], entry["path"], entry["query"], entry["status"]) for entry in entries] == [
        ("GET", "apimo", "/agencies/101/leads", "limit=5", 200),
        ("GET", "adlead", "/v1/client-a/programs/1/purchases", "", 403),
    ]
    assert entries[0]["time"] <= entries[1]["time"]
    assert not any(secret in json.dumps(entries) for secret in ("simulated-token", "wrong", "simulated-key", "Basic"))


async def test_the_log_can_be_read_from_where_one_was(client):
    """`since` brings what came after, and clearing keeps the count."""
    for _ in range(3):
        await client.apimo("/agencies")
    assert [entry["n"] for entry in (await client.control("GET", "/requests?since=2")).json] == [3]
    await client.control("DELETE", "/requests")
    await client.apimo("/agencies")
    assert [entry["n"] for entry in (await client.control("GET", "/requests")).json] == [4]


async def test_time_advances(client):
    """Virtual time jumps, and what is put afterwards bears the new time."""
    state = (await client.control("POST", "/advance", {"seconds": 3600})).json
    assert state["now"] == "2026-11-21T12:00:00.000000Z"
    put = await client.control("PUT", "/records/leads/101", {})
    assert put.json["created_at"] == "2026-11-21 13:00:00"


async def test_life_is_lived_when_time_advances(serve):
    """With life running, a day that passes at once is a day in which things happen, at their times."""
    client = await serve(life=True, speed=0, activity=10)
    await client.control("POST", "/advance", {"seconds": 24 * 3600})
    happened = (await client.control("GET", "/happenings")).json
    assert 150 < len(happened) < 350
    assert happened == sorted(happened, key=lambda one: one["at"])
    assert happened[0].keys() == {"at", "stream", "partition", "id", "what"}
    assert happened[-1]["at"] <= "2026-11-22T11:00:00.000000Z"


async def test_life_can_be_halted_and_resumed(serve):
    """A halted life lets time pass without a happening, and makes up for nothing afterwards."""
    client = await serve(life=True, speed=0)
    state = (await client.control("POST", "/life", {"running": False, "speed": 0, "activity": 60})).json
    assert (state["running"], state["speed"], state["activity"], state["due"]) == (False, 0, 60, None)
    await client.control("POST", "/advance", {"seconds": 3600})
    state = (await client.control("POST", "/life", {"running": True})).json
    assert state["due"] > state["now"]
    assert (await client.control("GET", "/happenings")).json == []
    assert (await client.control("GET", "/life")).json == state


async def test_a_life_nowhere_is_refused(serve):
    """A world without agencies and programmes cannot be brought to life."""
    client = await serve(agencies=(), programs=())
    assert (await client.control("POST", "/life", {"running": True})).status == 400
