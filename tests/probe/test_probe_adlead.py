"""Adlead is asked: whatever it really does is what the report says."""

from __future__ import annotations

import pytest
from probed import KEY, TOKEN, deaf, heard_as, probe

from watcher.simulator.faults import Fault

KEYS = {"token": TOKEN, "key": KEY}


async def test_an_honest_adlead_is_described(simulate, store):
    """Pages, their size, the detail, the tenant, the rate: as they are."""
    sim = await simulate(adlead_rate=60, **KEYS)
    sim.world.patch("purchases", 1, 901, {"status": "canceled"})
    found = await probe(sim, store, "purchases", wrong_key=True)
    assert {name: found[name] for name in (
        "key of the list", "per_page of 100", "a small per_page", "page", "total", "per_page of 1000",
        "a page beyond the last", "order of the list", "detail", "canceled purchases", "conditional GET",
    )} == {
        "key of the list": "data",
        "per_page of 100": "honoured",
        "a small per_page": "honoured",
        "page": "honoured, pages do not overlap",
        "total": "that of the whole list",
        "per_page of 1000": "clamped to 100",
        "a page beyond the last": "0 records",
        "order of the list": "id, ascending",
        "detail": "equals the list's item",
        "canceled purchases": "stay in the list",
        "conditional GET": "cannot be asked: no ETag, no Last-Modified",
    }  # fmt: skip
    assert found["rate headers"].startswith("X-RateLimit-Limit: 60, X-RateLimit-Remaining: ")
    assert found["a wrong key"].startswith("HTTP 403, an object with data (null), errors (null)")
    assert found["the tenant's own page"].startswith("an object with data (object), data.name (text)")
    assert found.report["limit"] == 60


async def test_without_rate_headers_none_are_told(simulate, store):
    """What a vendor does not say is not made up."""
    found = await probe(await simulate(**KEYS), store, "purchases")
    assert found["rate headers"] == "none"
    assert found.report["limit"] is None


@pytest.mark.parametrize(
    ("name", "question", "said"),
    [
        ("per_page", "a small per_page", "gave 12"),
        ("per_page", "per_page of 100", "became 50"),
        ("page", "page", "ignored: the same page came"),
    ],
)
async def test_a_parameter_that_is_ignored_is_seen(simulate, store, name, question, said):
    """By what comes all the same."""
    sim = await simulate(**KEYS)
    heard_as(sim, "adlead", deaf(name))
    assert (await probe(sim, store, "purchases"))[question] == said


async def test_a_detail_that_says_more_is_seen(simulate, store):
    """By how many fields, not by which values."""
    sim = await simulate(**KEYS)
    sim.faults.add(Fault("partial", args={"fields": ["lots", "status"]}, path="*page=*"))
    found = await probe(sim, store, "purchases")
    assert found["detail"] == "differs: 2 fields more, 0 less, 0 with another value"


async def test_midnights_fields_and_codes_are_counted(simulate, store):
    """Dates that come as midnights of Paris, fields nobody has described, described ones that never came."""
    sim = await simulate(records=4, **KEYS)
    for key in (900, 901, 902):
        sim.world.patch("purchases", 1, key, {"sale_deed_signed_at": "2024-02-08T23:00:00.000000Z"})
    sim.world.patch("purchases", 1, 903, {"sale_deed_signed_at": "2024-02-09T10:30:00.000000Z"})
    sim.world.patch("purchases", 1, 900, {"primpromo": {"id": 7}, "status": "signed"}, drop=["vat_rate"])
    for key in (901, 902, 903):
        sim.world.patch("purchases", 1, key, {}, drop=["vat_rate"])
    found = await probe(sim, store, "purchases")
    assert found.stream["midnights"]["sale_deed_signed_at"] == [3, 4]
    assert (found.stream["unknown"], found.stream["never"]) == (["primpromo"], ["vat_rate"])
    assert found.stream["enumerations"]["status"] == {"pending-pre-booking": 3, "signed": 1}
    fields = {one["path"]: one for one in found.stream["fields"]}
    assert fields["primpromo"] == {
        "path": "primpromo",
        "present": 0.25,
        "null": 0.0,
        "types": {"object": 1},
        "forms": {},
    }
    assert fields["contacts[].birthdate"]["forms"].keys() == {"date"}
