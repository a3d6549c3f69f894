"""`lead create`: a lead in Apimo by hand, through the daemon and without it."""

import json
from contextlib import asynccontextmanager

import pytest
from cli_site import TOKEN

from watcher.simulator import Fault

WORDS = (
    "lead",
    "create",
    "azur",
    "--agency",
    "101",
    "--field",
    "lastname=MARTIN",
    "--field",
    "phone=+33 6 12 34 56 78",
)


@asynccontextmanager
async def alone(_site):
    """No daemon: the command takes the lock itself."""
    yield


@asynccontextmanager
async def accompanied(site):
    """A daemon has the store: the command asks it."""
    async with site.daemon():
        yield


def listed(site):
    """The leads that were created, as Apimo lists them."""
    return [row for row in site.world.rows("leads", "101", "id") if row.get("lastname") == "MARTIN"]


def posted(site):
    """The requests that would create one."""
    return [asked for asked in site.simulator.requests if asked.method == "POST"]


@pytest.mark.parametrize("company", [alone, accompanied])
async def test_a_lead_is_created(site, company):
    """Its number and its reference are said."""
    async with company(site):
        done = await site.run(*WORDS, "--json")
    assert done.code == 0, done.err
    (lead,) = listed(site)
    assert done.json["created"]
    assert done.json["id"] == str(lead["id"])
    assert done.json["lead"]["reference"] == lead["reference"]
    assert lead["phone"] == "+33 6 12 34 56 78"


async def test_it_is_counted_in_the_budget(site):
    """The day's last request can be a lead, and none is made beyond it."""
    site.write(budget='"1/day"')
    assert (await site.run(*WORDS)).code == 0
    done = await site.run(*WORDS)
    assert done.code == 75
    assert "budget of 1 requests is spent" in done.out
    assert len(posted(site)) == len(listed(site)) == 1


@pytest.mark.parametrize("company", [alone, accompanied])
async def test_a_dry_run_says_what_would_be_sent(site, company):
    """And sends nothing."""
    async with company(site):
        done = await site.run(*WORDS, "--field", "reference=R1", "--field", "message=Rappelez-moi", "--dry-run")
    assert done.code == 0
    for line in ("to agency 101 with account azur:", "  reference: R1", "  type: 1", "  message: Rappelez-moi"):
        assert line in done.out.splitlines()
    assert not posted(site)


async def test_a_reference_of_ones_own_is_kept(site):
    """Whoever tries again gives the same."""
    done = await site.run(*WORDS, "--field", "reference=R1")
    assert done.out.endswith("; reference R1\n")
    assert listed(site)[0]["reference"] == "R1"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("lead", "create", "azzur", "--agency", "101", "--field", "city=x"),
            'no account "azzur"; did you mean "azur"?',
        ),
        (("lead", "create", "riviera", "--agency", "101", "--field", "city=x"), "riviera is an account of adlead"),
        (("lead", "create", "azur", "--agency", "1/../2", "--field", "city=x"), "agency: must be a number, or a text"),
        (("lead", "create", "azur", "--agency", "101", "--field", "lastnam=x"), 'did you mean "lastname"?'),
        (("lead", "create", "azur", "--agency", "101"), "fields: must not be empty"),
    ],
)
async def test_what_cannot_be_a_lead_is_1_and_not_sent(site, words, said):
    """With what would be."""
    done = await site.run(*words)
    assert done.code == 1
    assert said in done.err
    assert not posted(site)


@pytest.mark.parametrize("field", ["lastname", "=x"])
async def test_a_field_is_a_name_and_a_value(site, field):
    """Otherwise it is a usage error, as one that is there twice."""
    assert (await site.run("lead", "create", "azur", "--agency", "101", "--field", field)).code == 64
    assert (await site.run(*WORDS, "--field", "lastname=DURAND")).code == 64


async def test_an_agency_that_apimo_does_not_know_is_1(site):
    """What Apimo says is said."""
    done = await site.run("lead", "create", "azur", "--agency", "999", "--field", "lastname=MARTIN", "--json")
    assert done.code == 1
    assert (done.json["created"], done.json["later"]) == (False, False)
    assert done.json["reason"].endswith("check the agency")
    assert TOKEN not in json.dumps(done.json) + done.err


async def test_a_trouble_of_apimos_is_75(site):
    """A script may try again later."""
    site.simulator.faults.add(Fault("status", args={"code": 503}))
    done = await site.run(*WORDS)
    assert done.code == 75
    assert "not created: HTTP 503" in done.out
