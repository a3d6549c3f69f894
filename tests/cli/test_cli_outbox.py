"""What an operator does about the outbox: send again, see what is parked, what may have come twice, what is paused."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from cli_site import CRM, happen, until

FILE = '[sinks.crm]\ntype = "file"\npath = "crm.jsonl"\n'
NOWHERE = CRM.format(url="http://127.0.0.1:9/")


@asynccontextmanager
async def alone(_site):
    """No daemon: the command takes the lock itself."""
    yield


@asynccontextmanager
async def accompanied(site):
    """A daemon has the store: the command asks it."""
    async with site.daemon():
        yield


@pytest.fixture(params=[alone, accompanied])
def company(request):
    """With a daemon and without one, commands do the same."""
    return request.param


async def delivered(site, sink="log"):
    """What a sink took, by number."""
    return (await site.run("deliveries", "--sink", sink, "--state", "delivered", "--json")).json


async def tell(site):
    """Have something told."""
    await site.run("run", "--once")
    happen(site)
    await site.run("run", "--once")
    return await delivered(site)


# ---------------------------------------------------------------------------------------------------------- sent again


async def test_a_delivered_message_is_sent_again_with_its_id(site, company):
    """By its number, also when it was delivered; the others are left alone."""
    row, *others = await tell(site)
    async with company(site):
        done = await site.run("resend", str(row["number"]), "--json")
        assert done.json == {"resent": 1, "hastened": 0}
    await site.run("run", "--once")
    ids = [event["id"] for event in site.told()]
    assert ids.count(row["event_id"]) == 2
    assert {ids.count(other["event_id"]) for other in others} == {1}


async def test_all_that_a_sink_took_since_a_time_is_sent_again(site):
    """For a sink that lost it: what went there since then, and nothing of what went before."""
    rows = await tell(site)
    assert (await site.run("resend", "--sink", "log", "--since", "2099-01-01", "--json")).json["resent"] == 0
    said = (await site.run("resend", "--sink", "log", "--since", "1h")).out
    assert said == f"{len(rows)} messages to be sent again, 0 owed and to be tried now\n"
    await site.run("run", "--once")
    assert len(site.told()) == 2 * len(rows)


async def test_what_waits_for_its_next_attempt_is_tried_now_when_asked(site):
    """The sink works again, and nobody wants to wait for the schedule."""
    site.write(NOWHERE)
    await tell(site)
    site.write(FILE)
    assert (await site.run("resend", "--sink", "crm", "--owed", "--json")).json == {"resent": 0, "hastened": 1}
    await site.run("run", "--once")
    assert len(await delivered(site, "crm")) == 1


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--sink", "crm"],
        ["--since", "2h"],
        ["--owed"],
        ["12", "--owed"],
        ["12", "--since", "2h"],
        ["--sink", "crm", "--since", "2h", "--owed"],
    ],
)
def test_what_is_to_be_sent_again_is_said_or_it_is_a_usage_error(call, words):
    """Nothing is sent again by mistake."""
    done = call("resend", *words)
    assert done.exit_code == 64
    assert "say which" in done.output


async def test_an_unknown_number_is_1(site):
    """It is named, and nothing is sent."""
    (row, *_) = await tell(site)
    done = await site.run("resend", str(row["number"]), "99999")
    assert (done.code, done.err) == (1, "watcher: no such delivery: #99999\n")
    done = await site.run("resend", str(row["number"]), "--sink", "crm")
    assert (done.code, done.err) == (1, f"watcher: no such delivery of crm: #{row['number']}\n")
    assert {each["state"] for each in (await site.run("deliveries", "--json")).json} == {"delivered"}


# -------------------------------------------------------------------------------------------------------------- parked


async def park(site):
    """A message owed to a sink that is then taken out of the configuration."""
    site.write(NOWHERE)
    await tell(site)
    site.write()


async def test_what_is_owed_to_a_sink_that_is_gone_is_listed_as_parked(site):
    """With what to do about it, in `deliveries` and in `status`; --parked lists those alone."""
    await park(site)
    (row,) = (await site.run("deliveries", "--parked", "--json")).json
    assert (row["sink"], row["state"], row["parked"]) == ("crm", "owed", True)
    every = (await site.run("deliveries", "--json")).json
    assert [each["parked"] for each in every].count(True) == 1
    listed = (await site.run("deliveries", "--parked")).out
    assert "parked" in listed.splitlines()[1]
    assert "1 message parked: no sink crm is configured" in listed
    assert "`watcher dead drop --parked --sink crm`" in listed
    assert "parked" in (await site.run("status")).out
    assert (await site.run("deliveries", "--parked", "--sink", "log", "--json")).json == []
    assert (await site.run("deliveries", "--parked", "--state", "dead")).code == 64


async def test_parked_messages_are_sent_when_the_sink_is_back(site):
    """Under its name, by a reload of the daemon, whatever type it is then."""
    await park(site)
    async with site.daemon():
        site.write(FILE)
        assert (await site.run("reload")).code == 0
        await site.run("resend", "--sink", "crm", "--owed")
        await until((site.directory / "crm.jsonl").exists)
    assert len((site.directory / "crm.jsonl").read_text().splitlines()) == 1
    assert (await site.run("deliveries", "--parked", "--json")).json == []


async def test_parked_messages_are_dropped_only_when_asked(site):
    """`dead drop` as such does not touch them, nor may it be a sink that is there; dropped, they stay in the history."""
    await park(site)
    async with site.daemon():
        assert (await site.run("dead", "drop", "--all", "--json")).json == {"dropped": 0}
        done = await site.run("dead", "drop", "--parked", "--sink", "log")
        assert (done.code, done.out) == (1, "")
        assert "is configured" in done.err
        assert (await site.run("dead", "drop", "--parked", "--sink", "other", "--json")).json == {"dropped": 0}
        assert (await site.run("dead", "drop", "--parked", "--all")).code == 64
        assert (await site.run("dead", "drop", "--parked")).out == "1 parked message dropped\n"
    (row,) = (await site.run("deliveries", "--sink", "crm", "--json")).json
    assert (row["state"], row["reason"]) == ("dropped", "its sink is not configured any more")


# --------------------------------------------------------------------------------------------------------- maybe twice


@asynccontextmanager
async def forgetful():
    """A webhook that takes the first message and hangs up without a word; then it answers. Yields its address."""
    taken = []

    async def serve(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        size = next(
            int(line.split(b":")[1]) for line in head.lower().splitlines() if line.startswith(b"content-length")
        )
        taken.append(await reader.readexactly(size))
        if len(taken) > 1:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", taken


async def test_a_message_whose_answer_was_lost_is_shown_as_maybe_told_twice(site):
    """It was taken and not answered, then taken again: the list says so, and how many of them a sink has."""
    async with forgetful() as (url, taken):
        site.write(CRM.format(url=url))
        await tell(site)
        await site.run("resend", "--sink", "crm", "--owed")
        await site.run("run", "--once")
        assert len(taken) == 2
    (row,) = await delivered(site, "crm")
    assert (row["maybe_duplicate"], row["unanswered"], row["attempts"]) == (True, 1, 2)
    assert not any(each["maybe_duplicate"] for each in await delivered(site))
    listed = (await site.run("deliveries")).out
    assert listed.count("maybe told twice: an answer was lost") == 2
    assert "1 message of crm maybe told twice" in listed
    assert "maybe told twice" not in (await site.run("deliveries", "--sink", "log")).out


# -------------------------------------------------------------------------------------------------------------- paused


async def test_once_leaves_a_sink_alone_that_refused_us(site):
    """Run by cron it must not bury a message each time: the sink stays paused, which is said, until somebody acts."""
    site.write(CRM.format(url=f"{site.simulator.url}/nobody/takes/this"))
    await tell(site)
    for number in range(20, 23):
        site.world.make("leads", 101, {"id": number})
    for _ in range(2):
        done = await site.run("run", "--once")
        assert done.code == 1
        assert "3 left owed to crm; it is paused" in done.out
    rows = (await site.run("deliveries", "--sink", "crm", "--json")).json
    assert sorted(row["state"] for row in rows) == ["dead", "owed", "owed", "owed"]


async def test_redriving_one_sinks_letters_leaves_another_one_paused(site):
    """That the letters of a sink are asked for again says nothing of other sinks."""
    refusing = CRM.format(url=f"{site.simulator.url}/nobody/takes/this")
    site.write(refusing, refusing.replace("crm", "erp").replace("new leads", "more"))
    await tell(site)
    (letter, _) = (await site.run("dead", "list", "--json")).json
    await site.run("dead", "redrive", str(letter["number"]))
    sinks = {sink["name"]: sink["paused"] for sink in (await site.run("status", "--json")).json["sinks"]}
    assert sinks[letter["sink"]] is None
    assert sum(pause is not None for pause in sinks.values()) == 1
