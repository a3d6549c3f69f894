"""When faults strike, and which are refused."""

import asyncio
import json
from contextlib import suppress

import aiohttp
import pytest

from watcher.simulator import Fault
from watcher.simulator.faults import KINDS

LEADS = "/agencies/101/leads"
CONTRACTS = "/agencies/101/contracts"
TESTED_ALONE = ("per-page-ignored", "clamp-limit", "page-ignored", "stale", "hang")


def on(client, kind: str, **more) -> int:
    """Switch a fault on."""
    return client.sim.faults.add(Fault(kind, **more))


async def test_a_fault_strikes_so_many_times(full):
    """`skip` requests are spared, `times` are struck, the rest go well."""
    on(full, "status", args={"code": 503}, skip=1, times=2)
    assert [(await full.apimo(LEADS)).status for _ in range(4)] == [200, 503, 503, 200]


async def test_a_fault_strikes_one_api(full):
    """A fault of one API leaves the other alone."""
    on(full, "status", api="adlead")
    assert (await full.apimo(LEADS)).status == 200
    assert (await full.purchases()).status == 500


async def test_a_fault_strikes_by_path_and_query(full):
    """The glob is of the path, or of the path with its query."""
    on(full, "status", path="/agencies/*/contracts")
    on(full, "status", path="*[?]page=2*")
    assert (await full.apimo(LEADS)).status == 200
    assert (await full.apimo(CONTRACTS)).status == 500
    assert [(await full.purchases(page=n, per_page=2)).status for n in (1, 2, 3)] == [200, 500, 200]


async def test_a_fault_strikes_by_method(full):
    """A fault of posting leaves reading alone."""
    on(full, "status", method="POST", args={"code": 503})
    assert (await full.apimo(LEADS)).status == 200
    assert (await full.post_lead({"reference": "R1"})).status == 503


async def test_faults_add_up(full):
    """Several faults strike one answer, in the order in which they were switched on."""
    on(full, "partial", args={"fields": ["status"]})
    on(full, "duplicate-in-page")
    on(full, "total-lies", args={"total": 6})
    body = (await full.purchases()).json
    assert (len(body["data"]), body["meta"]["total"]) == (6, 6)
    assert not any("status" in row for row in body["data"])


@pytest.mark.parametrize(
    ("kind", "args", "taken"),
    [("status", {}, 0), ("html", {}, 1), ("reset", {"processed": True}, 1), ("hang", {"seconds": 0}, 1)],
)
async def test_whether_a_lead_was_taken(client, kind, args, taken):
    """A refused lead is not kept, one whose answer was lost is; `processed` decides otherwise."""
    on(client, kind, args=args)
    with suppress(aiohttp.ClientError):
        await client.post_lead({"reference": "R1"})
    assert len(client.sim.world.records("leads", 101)) == taken


async def test_an_error_stays_an_error(full):
    """A fault of lists does not touch an answer that has none."""
    for kind in ("partial", "rename-list-key", "empty-list", "total-lies", "shuffle", "list-as-object"):
        on(full, kind)
    assert (await full.purchases(key="wrong")).status == 403


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in TESTED_ALONE])
async def test_a_cleared_fault_is_gone(full, kind):
    """Every fault changes what is seen, and clearing it brings the right answer back."""

    async def seen() -> object:
        reader, writer = await full.raw("/v1/client-a/programs/1/purchases" if kind != "timestamp-lies" else LEADS)
        try:
            async with asyncio.timeout(5):
                body = await reader.read(1 << 20 if kind == "endless" else -1)
            return [line for line in body.splitlines() if not line.startswith(b"Date")]
        except ConnectionResetError as error:
            return type(error)
        finally:
            writer.close()

    right = await seen()
    fault = on(full, kind, args={"every": 0, "bytes": 512} if kind == "drip" else {})
    wrong = await seen()
    full.sim.faults.clear(fault)
    assert await seen() == right
    assert (wrong != right) or kind == "drip"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"kind": "earthquake"}, "no fault 'earthquake'"),
        ({}, "a fault is an object"),
        ([], "a fault is an object"),
        ({"kind": "html", "when": 1}, "has no when"),
        ({"kind": "html", "api": "other"}, "no api"),
        ({"kind": "html", "path": 1}, "path is a glob"),
        ({"kind": "html", "args": []}, "args is an object"),
        ({"kind": "html", "times": 0}, "times is a whole number"),
        ({"kind": "html", "skip": -1}, "skip is a whole number"),
        ({"kind": "status", "args": {"status": 500}}, "no argument 'status'"),
        ({"kind": "status", "args": {"code": "500"}}, "code cannot be"),
        ({"kind": "status", "args": {"code": True}}, "code cannot be"),
        ({"kind": "retry-after", "args": {"form": "x"}}, "form is one of"),
        ({"kind": "raw-body", "args": {"base64": "é"}}, "base64"),
        ({"kind": "raw-body", "args": {"base64": "abc"}}, "base64"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(value, words):
    """What is wrong with a fault is said when it is made, not when it strikes."""
    with pytest.raises(ValueError, match=words):
        Fault.from_json(value)


def test_a_fault_survives_its_json_form():
    """A fault read from its JSON form is the same fault."""
    fault = Fault("partial", "adlead", "/v1/*", 3, {"fields": ["status"]}, "GET", 1)
    assert Fault.from_json(json.loads(json.dumps(fault.to_json()))) == fault
