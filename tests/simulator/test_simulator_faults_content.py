"""Faults in what an answer says, as a client sees them."""

from watcher.simulator import Fault

LEADS = "/agencies/101/leads"
CONTRACTS = "/agencies/101/contracts"


def on(client, kind: str, **more) -> int:
    """Switch a fault on."""
    return client.sim.faults.add(Fault(kind, **more))


# The right answer, with something wrong in it.


async def test_partial(full):
    """The named fields are missing from every record, in the list and in the detail."""
    on(full, "partial", args={"fields": ["status", "lots"]})
    rows = (await full.purchases()).json["data"]
    detail = (await full.adlead(f"/programs/1/purchases/{rows[0]['id']}")).json["data"]
    assert len(rows) == 5
    assert not any({"status", "lots"} & row.keys() for row in [*rows, detail])


async def test_rename_list_key(full):
    """The list stands under another key: contracts under Apimo's documented `requests`."""
    on(full, "rename-list-key")
    assert list((await full.apimo(CONTRACTS)).json) == ["requests", "total_items", "timestamp"]
    assert "items" in (await full.purchases()).json


async def test_empty_list(full):
    """A 200 says that there is nothing, and is consistent about it."""
    on(full, "empty-list")
    apimo, adlead = (await full.apimo(LEADS)).json, (await full.purchases()).json
    assert (apimo["leads"], apimo["total_items"]) == ([], 0)
    assert adlead["data"] == []
    assert {name: adlead["meta"][name] for name in ("total", "from", "to", "last_page")} == {
        "total": 0,
        "from": None,
        "to": None,
        "last_page": 1,
    }


async def test_empty_list_with_its_total(full):
    """The list is empty and the total is not."""
    on(full, "empty-list", args={"keep_total": True})
    assert (await full.purchases()).json["meta"]["total"] == 5


async def test_total_lies(full):
    """The total is another than the number of records, by so many or altogether."""
    on(full, "total-lies", api="adlead", args={"by": -1})
    on(full, "total-lies", api="apimo", args={"total": 63})
    assert (await full.purchases()).json["meta"]["total"] == 4
    assert (await full.apimo(LEADS)).json["total_items"] == 63


async def test_timestamp_lies(full):
    """Apimo's timestamp can be anything."""
    on(full, "timestamp-lies", args={"value": 4_102_444_800}, times=1)
    assert (await full.apimo(LEADS)).json["timestamp"] == 4_102_444_800
    on(full, "timestamp-lies", args={"value": None})
    assert (await full.apimo(LEADS)).json["timestamp"] is None


async def test_duplicate_in_page(full):
    """One record comes twice in a page."""
    on(full, "duplicate-in-page")
    ids = [row["id"] for row in (await full.purchases()).json["data"]]
    assert (len(ids), len(set(ids))) == (6, 5)


async def test_shuffle(full):
    """The lists are in another order, the records the same."""
    before = (await full.purchases()).json["data"]
    on(full, "shuffle")
    after = (await full.purchases()).json["data"]
    assert [row["id"] for row in after] != [row["id"] for row in before]
    assert {row["id"] for row in after} == {row["id"] for row in before}


async def test_shuffle_reaches_inside(full):
    """The lists inside a record are shuffled too."""
    full.sim.world.put("purchases", 2, {"id": 900, "lots": [{"id": 1}, {"id": 2}]})
    on(full, "shuffle")
    assert (await full.purchases(2)).json["data"][0]["lots"] == [{"id": 2}, {"id": 1}]


async def test_retype(full):
    """Numbers become strings, and codes that were strings become numbers; texts stay."""
    full.sim.world.put("leads", 102, {"id": 7, "step": "1", "contact": "4942871", "phone": "0199001234", "user": "007"})
    on(full, "retype")
    lead = (await full.apimo("/agencies/102/leads")).json["leads"][0]
    assert (lead["id"], lead["step"], lead["contact"]) == ("7", 1, 4942871)
    assert (lead["phone"], lead["user"]) == ("0199001234", "007")
    assert (await full.purchases()).json["data"][0]["lots"][0]["vat_rate"] == "20"


async def test_list_as_object(full):
    """The list comes as an object whose values are the records."""
    on(full, "list-as-object")
    body = (await full.apimo(LEADS)).json["leads"]
    assert list(body) == ["0", "2", "4", "6", "8"]


# Another question answered than the one that was asked.


async def test_per_page_ignored(full):
    """Adlead answers by 50, whatever was asked."""
    on(full, "per-page-ignored")
    assert (await full.purchases(per_page=2)).json["meta"]["per_page"] == 50


async def test_page_ignored(full):
    """Every page is the first, in both APIs."""
    on(full, "page-ignored")
    assert (await full.purchases(page=3, per_page=2)).json["meta"]["current_page"] == 1
    assert len((await full.apimo(LEADS, offset=4)).json["leads"]) == 5


async def test_clamp_limit(full):
    """A list is cut shorter than was asked, or than its default, and the total says so."""
    on(full, "clamp-limit", args={"limit": 2})
    asked, default = (await full.apimo(LEADS, limit=10_000)).json, (await full.apimo(LEADS)).json
    assert (len(asked["leads"]), len(default["leads"]), asked["total_items"]) == (2, 2, 5)
    assert (await full.purchases(per_page=100)).json["meta"]["per_page"] == 2


async def test_stale(full):
    """The answers are those of the moment it was switched on, until it is cleared."""
    fault = on(full, "stale")
    full.sim.world.make("leads", 101)
    assert len((await full.apimo(LEADS)).json["leads"]) == 5
    full.sim.faults.clear(fault)
    assert len((await full.apimo(LEADS)).json["leads"]) == 6
