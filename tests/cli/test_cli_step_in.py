"""The commands that change something, with a daemon and without one."""

import asyncio
from datetime import UTC, datetime

import pytest
from cli_site import CRM, happen

from watcher.operations import Refused

PURCHASES = "riviera/adlead.purchases/1"


async def test_poll_reads_a_source_and_says_what_came_of_it(site, company):
    """The events and who is owed them are printed; they are committed."""
    await site.run("run", "--once")
    happen(site)
    async with company(site):
        answer = (await site.run("poll", PURCHASES, "--json")).json
        assert answer["error"] == ""
        assert "purchase-canceled" in [event["type"] for event in answer["events"]]
        assert {(one["sink"], one["rule"]) for one in answer["owed"]} == {("log", "everything")}
        assert "0 changes" in (await site.run("poll", PURCHASES)).out
        assert "purchase-canceled" in (await site.run("events")).out


async def test_what_was_polled_by_hand_is_read_just_now(site, company):
    """Whoever polls a source and then looks at it sees that it was read, also when it had nothing new to say."""
    await site.run("run", "--once")
    async with company(site):
        await site.run("poll", PURCHASES)  # the daemon's own first poll is over
        before = datetime.now(UTC)
        await site.run("poll", PURCHASES)
        (source,) = [one for one in (await site.run("sources", "--json")).json if one["name"] == PURCHASES]
    assert datetime.fromisoformat(source["read_at"]) >= before


async def test_a_dry_poll_changes_nothing(site, company):
    """--dry-run says what would be told, as often as it is asked."""
    await site.run("run", "--once")
    happen(site)
    async with company(site):
        first, second = [(await site.run("poll", PURCHASES, "--dry-run")).out for _ in range(2)]
        assert "purchase-canceled" in first
        assert "WOULD BE OWED" in first
        assert first == second
        assert (await site.run("events", "--json")).json == []


async def test_a_poll_that_fails_is_1(site):
    """Who cannot be read is said."""
    site.environ = {**site.environ, "ADLEAD_API_KEY": "another-key"}
    done = await site.run("poll", PURCHASES)
    assert done.code == 1
    assert "not read" in done.out
    assert "403" in done.out


@pytest.mark.parametrize("command", ["poll", "resync", "confirm"])
async def test_an_unknown_source_is_1(site, company, command):
    """The sources that there are are named."""
    async with company(site):
        done = await site.run(command, "azur/apimo.leads/999")
        assert done.code == 1
        assert "azur/apimo.leads/101" in done.err


async def test_a_resync_reads_in_full(site, company):
    """Also what is read by cursor otherwise."""
    await site.run("run", "--once")
    site.simulator.journal.clear()
    async with company(site):
        done = await site.run("resync", "azur/apimo.leads/101")
        assert done.code == 0
    (asked,) = [asked for asked in site.simulator.requests if asked.path.endswith("/leads")]
    assert "timestamp" not in asked.query


async def test_confirm_believes_the_removals_that_are_held(site, company):
    """Many gone at once are held back until somebody says that it is true."""
    for number in range(10, 40):
        site.world.make("purchases", 1, {"id": number})
    await site.run("run", "--once")
    for number in range(10, 40):
        site.world.remove("purchases", 1, number)
    async with company(site):
        for _ in range(2):
            await site.run("resync", PURCHASES)
        assert "removals-held" in (await site.run("status")).out
        assert len((await site.run("confirm", PURCHASES, "--json")).json["removed"]) == 30
        assert "nothing is held back" in (await site.run("confirm", PURCHASES)).out
        removed = (await site.run("events", "--type", "purchase-removed", "--limit", "100", "--json")).json
        assert len(removed) == 30


# ------------------------------------------------------------------------------------------------------- dead letters


async def die(site):
    """Three dead letters: a sink that turns everything away, each time anew."""
    site.write(CRM.format(url=f"{site.simulator.url}/nobody/takes/this"))
    await site.run("run", "--once")
    for number in (11, 12, 13):
        site.world.make("leads", 101, {"id": number})
    await site.run("run", "--once")
    return [letter["number"] for letter in (await site.run("dead", "list", "--json")).json]


async def mend(site):
    """Have the sink taken by somebody: a file in its place."""
    site.write('[sinks.crm]\ntype = "file"\npath = "crm.jsonl"\n')


@pytest.mark.parametrize("command", ["redrive", "drop"])
async def test_dead_letters_are_chosen_or_it_is_a_usage_error(site, command):
    """Nothing is done to all of them by mistake."""
    for words in ([], ["--all", "--sink", "crm"], ["--all", "12"]):
        done = await site.run("dead", command, *words)
        assert done.code == 64
        assert "say which" in done.err


async def test_dead_letters_are_redriven(site, company):
    """They are owed again, and delivered once the sink is mended."""
    numbers = await die(site)
    assert numbers
    await mend(site)
    async with company(site):
        done = await site.run("dead", "redrive", "--sink", "crm", "--json")
        assert done.json == {"redriven": len(numbers)}
    await site.run("run", "--once")
    assert (await site.run("dead", "list", "--json")).json == []
    assert len((site.directory / "crm.jsonl").read_text().splitlines()) == 3


async def test_dead_letters_are_dropped_by_number_and_since(site):
    """Those that are named, and those of lately; a wrong number is said, and nothing is done."""
    first, *others = await die(site)
    wrong = await site.run("dead", "drop", str(first), "99999")
    assert (wrong.code, wrong.err) == (1, "watcher: no such dead letter: #99999\n")
    assert (await site.run("dead", "drop", str(first))).out == "1 dead letter dropped\n"
    assert (await site.run("dead", "drop", "--since", "2099-01-01", "--json")).json == {"dropped": 0}
    assert (await site.run("dead", "drop", "--since", "1h", "--json")).json == {"dropped": len(others)}
    assert (await site.run("dead", "drop", "--since", "yesterday")).code == 64
    states = {row["state"] for row in (await site.run("deliveries", "--sink", "crm", "--json")).json}
    assert "dropped" in states
    assert "dead" not in states


async def test_redrive_since(site):
    """A time of the past, or how long ago."""
    numbers = await die(site)
    assert (await site.run("dead", "redrive", "--since", "2099-01-01T10:00", "--json")).json == {"redriven": 0}
    assert (await site.run("dead", "redrive", "--since", "2h", "--json")).json == {"redriven": len(numbers)}


async def test_a_baseline_takes_in_and_tells_nothing(site, company):
    """New, changed and gone records are known afterwards, nobody heard of them, and the audit knows why."""
    await site.run("run", "--once")
    site.world.make("purchases", 1, {"id": 5, "status": "booked"})
    site.world.patch("purchases", 1, 4, {"status": "signed"})
    async with company(site):
        done = (await site.run("baseline", PURCHASES, "--json")).json
        assert (done["changes"], done["events"], done["owed"]) == (2, [], [])
    assert "signed" in (await site.run("show", "adlead.purchases/4")).out
    assert (await site.run("poll", PURCHASES, "--json")).json["events"] == []
    audited = await site.run("audit", "--since", "1h")
    assert (audited.code, "0 unexplained" in audited.out) == (0, True), audited.out


# -------------------------------------------------------------------------------------------------------------- sinks


async def test_a_sink_is_tested(site, company):
    """The message is marked as a test, and nobody can take it for a real one."""
    async with company(site):
        done = await site.run("sink", "test", "log")
        assert (done.code, done.out) == (0, "log took it\n")
    (told,) = site.told()
    assert told["id"].startswith("test-")
    assert told["data"]["record"]["lastname"] == "TEST"


async def test_a_sink_that_refuses_is_1(site):
    """The reason is said, without the address."""
    site.write(CRM.format(url=f"{site.simulator.url}/nobody/takes/this"))
    done = await site.run("sink", "test", "crm")
    assert done.code == 1
    assert done.out.startswith("crm did not take it: HTTP 40")
    assert (await site.run("sink", "test", "nobody")).code == 1


async def test_a_sink_that_was_paused_goes_on_after_a_test(site):
    """What waited for it is delivered, and its trouble is over."""
    await die(site)
    await mend(site)
    done = await site.run("sink", "test", "crm")
    assert (done.code, done.out) == (0, "crm took it; it was paused and goes on\n")
    assert "sink-failing" not in {trouble["type"] for trouble in (await site.run("status", "--json")).json["troubles"]}


async def test_two_commands_at_once_take_turns(site):
    """Without a daemon the second is told to come later, and does no harm."""
    await site.run("run", "--once")
    ended = await asyncio.gather(*(site.run("poll", PURCHASES) for _ in range(3)))
    assert {done.code for done in ended} <= {0, 75}
    assert 0 in {done.code for done in ended}


async def test_the_daemon_knows_only_its_operations(site):
    """What another version asks for is refused, not guessed at."""
    async with site.daemon():
        with pytest.raises(Refused, match="does not know 'explode'"):
            await site.ask("explode")
