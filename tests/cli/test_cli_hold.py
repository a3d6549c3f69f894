"""Holding back and trying again: `silence`, `pause`, `resume`, `replay`, and what `explain` says of it."""

import pytest
from cli_site import happen, until

PURCHASES = "riviera/adlead.purchases/1"
LEADS = "azur/apimo.leads/101"

MORE = """
[sinks.digest]
type = "file"
path = "digest.jsonl"

[[rules]]
name   = "every morning"
on     = ["purchase-*"]
to     = ["digest"]
digest = "08:30"

[[rules]]
name = "large sales"
on   = ["purchase-canceled"]
when = "record.status == 'canceled' and record.price_including_vat > 99000000"
to   = ["digest"]

[[rules]]
name   = "nobody answers"
on     = ["new-lead"]
after  = "15m"
unless = "record.opened"
to     = ["digest"]
"""

LATER = """
[sinks.later]
type = "file"
path = "later.jsonl"

[[rules]]
name = "came later"
on   = ["new-lead"]
to   = ["later"]
"""


async def test_a_silence_takes_and_lists(site, company):
    """What it takes is kept; when it is ended, one summary says what that was; then messages go again."""
    await site.run("run", "--once")
    async with company(site):
        made = await site.run("silence", "add", "sink=log", "type=purchase-*", "--for", "2h", "--comment", "we move")
        assert "silence 1 lasts until" in made.out
        (listed,) = (await site.run("silence", "list", "--json")).json
        assert listed["matchers"] == {"sink": "log", "type": "purchase-*"}
        happen(site)
        answer = (await site.run("poll", PURCHASES, "--json")).json
        assert {(one["fate"], one["why"]) for one in answer["owed"]} == {("silenced", "silence 1")}
        kept = (await site.run("deliveries", "--state", "silenced", "--json")).json
        assert len(kept) == len(answer["owed"])
        assert "we move" in (await site.run("status")).out
        assert "is over" in (await site.run("silence", "end", "1")).out
        assert (await site.run("silence", "list", "--json")).json == []
        (summary,) = (await site.run("events", "--type", "summary", "--json")).json
        assert summary["data"]["silence"]["comment"] == "we move"
        members = (await site.run("events", "--in", summary["id"], "--json")).json
        assert [member["id"] for member in members] == summary["data"]["events"]
    await site.run("run", "--once")
    assert [event["type"] for event in site.told() if event["type"].startswith(("purchase", "summary"))] == ["summary"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["sink"], "write LABEL=GLOB"),
        (["snik=log"], "did you mean"),
        (["sink=log", "--for", "2h", "--until", "2030-01-01"], "say how long"),
        (["sink=log", "--until", "2020-01-01"], "later than now"),
        (["sink=log", "--for", "2 hours"], "is no duration"),
    ],
)
async def test_a_silence_that_makes_no_sense_is_64(site, words, said):
    """What is wrong with it is said, and nothing is silenced."""
    done = await site.run("silence", "add", *words, "--comment", "x", *([] if len(words) > 1 else ["--for", "1h"]))
    assert (done.code, said in done.err) == (64, True), done.err


async def test_a_silence_that_is_over_cannot_be_ended(site, company):
    """The number is named, and where to look."""
    async with company(site):
        done = await site.run("silence", "end", "7")
        assert done.code == 1
        assert "silence list" in done.err


async def test_a_paused_source_is_not_read(site):
    """The daemon leaves it alone, also after a restart, and says so; resumed, it is read at once."""
    site.write(every="200ms")
    await site.run("run", "--once")
    async with site.daemon():
        assert "is paused" in (await site.run("pause", LEADS, "--reason", "the vendor asked")).out
        site.simulator.journal.clear()
    async with site.daemon():
        await until(lambda: [asked for asked in site.simulator.journal.since() if "purchases" in asked.path])
        assert not [asked for asked in site.simulator.journal.since() if "leads" in asked.path]
        shown = (await site.run("status")).out
        assert "the vendor asked" in shown
        happen(site)
        assert "goes on" in (await site.run("resume", LEADS)).out
        assert "new-lead" in (await site.run("events")).out
    assert "is not paused" in (await site.run("resume", LEADS)).out


async def test_a_paused_sink_waits(site):
    """What it is owed waits over a restart, which resumes only what was refused; resumed, it is sent."""
    await site.run("run", "--once")
    await site.run("pause", "log")
    happen(site)
    assert (await site.run("run", "--once")).code == 1
    assert site.told() == []
    async with site.daemon():
        assert "paused" in (await site.run("status")).out
        assert site.told() == []
        await site.run("resume", "log")
        await until(lambda: len(site.told()) >= 3)


async def test_what_cannot_be_paused_is_said(site, company):
    """The nearest right name helps."""
    async with company(site):
        done = await site.run("pause", "lgo")
        assert done.code == 1
        assert "did you mean 'log'" in done.err.replace('"', "'")


async def test_replay_tells_what_was_never_told(site, company):
    """A rule that came later gets its events; who was told already is left alone, unless it is asked for again."""
    await site.run("run", "--once")
    happen(site)
    await site.run("run", "--once")
    told = len(site.told())
    site.write(LATER)
    async with company(site):
        dry = (await site.run("replay", "--since", "1h", "--dry-run", "--json")).json
        assert {(one["sink"], one["rule"]) for one in dry["owed"]} == {("later", "came later")}
        assert "1 message owed" in (await site.run("replay", "--since", "1h")).out
        assert (await site.run("replay", "--since", "1h", "--json")).json["owed"] == []
    await site.run("run", "--once")
    assert len((site.directory / "later.jsonl").read_text().splitlines()) == 1
    assert len(site.told()) == told
    again = (await site.run("replay", "--since", "1h", "--again", "--json")).json
    await site.run("run", "--once")
    ids = [event["id"] for event in site.told()]
    assert again["again"] == told + 1
    assert len(ids) == 2 * told
    assert len(set(ids)) == told


async def test_explain_says_why_a_message_waits_and_why_a_rule_left_it(site):
    """Held until when and for what; the first part of a condition that is false, with its value; timers that wait."""
    site.write(MORE)
    await site.run("run", "--once")
    happen(site)
    await site.run("run", "--once")
    shown = (await site.run("explain", "adlead.purchases/4", "--at", "0s")).out
    assert "held until" in shown
    assert "digest" in shown
    assert "left it: large sales: false: record.price_including_vat > 99000000: record.price_including_vat is" in shown
    lead = (await site.run("explain", "apimo.leads/3")).out
    assert "the rule 'nobody answers' looks again at" in lead
    (event,) = (await site.run("events", "--type", "new-lead", "--json")).json
    verdicts = (await site.run("explain", event["id"], "--json")).json["rules"]
    assert {one["rule"]: (one["taken"], one["arms"]) for one in verdicts}["nobody answers"] == (False, True)


async def test_explain_of_a_time_before_it_was_seen_is_1(site):
    """The first time that it was seen is named."""
    await site.run("run", "--once")
    done = await site.run("explain", "adlead.purchases/4", "--at", "2020-01-01")
    assert done.code == 1
    assert "was first seen" in done.err


async def test_a_timer_outlives_a_reload_and_a_restart(site):
    """What a rule waits for is told once, although the rules are loaded anew and the daemon is started again meanwhile."""
    soon = MORE.replace('"15m"', '"3s"')
    site.write(soon)
    await site.run("run", "--once")
    async with site.daemon():
        happen(site)
        await site.run("poll", LEADS)
        site.write(soon, LATER)
        assert (await site.run("reload")).code == 0
    async with site.daemon():
        await until(lambda: [event for event in site.told() if event["type"] == "overdue"])
    assert len([event for event in site.told() if event["type"] == "overdue"]) == 1
