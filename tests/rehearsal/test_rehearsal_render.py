"""`watcher render`: the messages of an event as each sink would have them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from rehearsal_site import LEADS, OPTIONS, UNANSWERED, decoded

from watcher.derive import Origin
from watcher.desk import SUMMARY
from watcher.model import SourceName
from watcher.poll import Watch
from watcher.rehearsal.examples import example
from watcher.rehearsal.stage import Scripted
from watcher.rules import DEADLINE_NEAR, OVERDUE
from watcher.streams import OPERATIONAL, STREAMS, catalogue

ALL = """
[[rules]]
name = "everything"
on   = ["*"]
to   = ["direction", "crm"]
"""
NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")


def watches():
    """A source of each stream."""
    names = [SourceName("acc", stream, "1") for stream in STREAMS]
    return [Watch(Scripted(name), Origin(STREAMS[name.stream], name, lambda _: None), every=None) for name in names]


@pytest.mark.parametrize("kind", [*catalogue(), OVERDUE, DEADLINE_NEAR, SUMMARY])
def test_every_type_of_event_has_an_example(kind):
    """Of every type an event is made up as it might come, by the very tables that derive it."""
    event = example(kind, watches(), (), NOW, PARIS)
    assert event
    assert event.type == kind
    if kind in OPERATIONAL:
        assert event.data["detail"]
    elif kind in {*catalogue()} - {"record-reappeared"} and not kind.endswith("-removed"):
        assert event.data["changes"]


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("lead-assigned", {"user"}),
        ("purchase-canceled", {"canceled_at"}),
        ("contract-amount-changed", {"currency"}),
        ("purchase-lots-changed", {"lots[42]"}),
    ],
)
def test_an_example_speaks_for_its_fields(kind, fields):
    """An example carries the change that tells it."""
    assert set(example(kind, watches(), (), NOW, PARIS).data["changes"]) == fields


def test_what_no_source_tells_has_no_example():
    """With leads only, nothing tells of purchases."""
    assert example("purchase-booked", watches()[:1], (), NOW, PARIS) is None


def test_each_sink_that_is_told_is_shown_with_its_rule(site, call):
    """People's sinks as they read, machines' as JSON; the first matching rule is named."""
    site.write(LEADS.replace(" and record.lastname", ""), ALL)
    out = call("render", "new-lead").stdout
    assert 'sales (slack), by "hot leads": at once\n\n  New lead: Marc FRIN (agency 101)\n' in out
    assert 'direction (email), by "everything": at once' in out
    assert '  "type": "new-lead",' in out[out.index("crm (webhook)") :]


def test_what_a_silence_of_hours_does_is_said(site, call):
    """A message that would wait says for what."""
    site.write(LEADS.replace('to   = ["sales"]', 'to = ["sales"]\ndigest = "18:30"'))
    assert 'by "hot leads": held, digest' in call("render", "new-lead").stdout


def test_a_sink_that_no_rule_tells_is_shown_when_it_is_named(site, call):
    """With --sink the message is there, and why nobody would send it."""
    out = call("render", "lead-updated", "--sink", "sales").stdout
    assert out.startswith("sales (slack): no rule that tells sales is about lead-updated\n")
    assert "Marc FRIN" in out


def test_nobody_told_is_said_with_the_reasons(site, call):
    """Without --sink an event that no rule takes is refused, with the reasons."""
    done = call("render", "lead-updated")
    assert done.exit_code == 1
    assert "no rule that tells sales is about lead-updated" in done.stderr


def test_a_rules_own_words_are_shown(site, call):
    """The title of a rule is used, also when the rule is named for an event that it does not hear."""
    site.write(LEADS.replace('to   = ["sales"]', 'to = ["sales"]\ntitle = "Call {{ record.lastname }} now"'))
    assert "  Call FRIN now\n" in call("render", "new-lead").stdout
    assert "  Call FRIN now\n" in call("render", "lead-updated", "--rule", "hot leads").stdout


def test_the_messages_of_timers_are_those_of_their_rules(site, call):
    """What `after` and `before` tell, under the names that rules give it."""
    site.write(UNANSWERED.replace("unless", 'emit = "lead-cold"\nunless'), OPTIONS)
    assert 'sales (slack), by "unanswered"' in call("render", "lead-cold").stdout
    assert 'sales (slack), by "options"' in call("render", "deadline-near").stdout


def test_out_has_a_file_for_each_form(site, call):
    """HTML and text of an e-mail, text and blocks of Slack, the envelope of a webhook."""
    site.write(LEADS.replace('"sales"', '"sales", "direction"'), ALL)
    assert call("render", "new-lead", "--out", "out/here").exit_code == 0
    out = site.directory / "out" / "here"
    assert {path.name for path in out.iterdir()} == {
        "sales.txt", "sales.json", "direction.txt", "direction.html", "crm.json"
    }  # fmt: skip
    assert decoded((out / "sales.json").read_text())["blocks"][0]["type"] == "header"
    assert decoded((out / "crm.json").read_text())["specversion"] == "1.0"
    assert (out / "direction.html").read_text().startswith("<!DOCTYPE html>")
    assert "Marc FRIN" in (out / "direction.txt").read_text()


def test_what_is_withheld_is_not_in_an_example(site, call):
    """The buyers' addresses, which are kept as a hash, are shown as one would see them: not at all."""
    site.write(ALL)
    (crm,) = decoded(call("render", "purchase-buyers-changed", "--sink", "crm", "--json").stdout)
    contact = crm["payload"]["data"]["record"]["contacts"][0]
    assert contact["email1"] == "***"
    assert "birthdate" not in contact


def test_a_sink_without_personal_data_shows_none(site, call):
    """What a sink may not have is not in its message."""
    site.write(ALL.replace("[[rules]]", '[sinks.screen]\ntype = "file"\npath = "x"\npersonal = false\n[[rules]]'))
    (screen,) = decoded(call("render", "new-lead", "--sink", "screen", "--json").stdout)
    assert screen["payload"]["data"]["record"]["lastname"] == "***"


def test_a_stored_event_is_rendered(site, call):
    """An event of the store, by its id."""
    site.live(("2026-11-21 12:00", "azur/apimo.leads/101", {"1": {"lastname": "ROUX"}}))
    (message,) = decoded(call("backtest", "--since", "2026-11-01", "--until", "2026-12-01", "--json").stdout)[
        "messages"
    ]
    (event,) = [one for one in decoded(call("events", "--json").stdout) if one["type"] == message["event"]]
    (sales,) = decoded(call("render", event["id"], "--json").stdout)
    assert (sales["sink"], sales["rule"]) == ("sales", "hot leads")
    assert "ROUX" in sales["text"]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("nwe-lead",), 'did you mean "new-lead"?'),
        (("5f72b0ec-b601-5263-b7a3-60314a93f798",), "nothing has been polled yet"),
        (("new-lead", "--sink", "sale"), "there is no sink 'sale'; did you mean \"sales\"?"),
        (("new-lead", "--rule", "hot"), "there is no rule 'hot'"),
    ],
)
def test_what_is_not_there_is_named(site, call, args, said):
    """A type, an event, a sink, a rule that do not exist."""
    done = call("render", *args)
    assert done.exit_code == 1
    assert said in done.stderr


def test_an_event_that_is_not_stored_is_named(site, call):
    """An id that the store does not have."""
    site.live(("2026-11-21 12:00", "azur/apimo.leads/101", {"1": {}}))
    done = call("render", "5f72b0ec-b601-5263-b7a3-60314a93f798")
    assert (done.exit_code, "is stored" in done.stderr) == (1, True)


def test_a_summary_that_was_told_lists_what_it_tells(site, call):
    """A stored summary goes to the sink that it was for, with its members."""
    site.write(LEADS.replace('to   = ["sales"]', 'to = ["sales"]\ndigest = "18:30"'))
    site.live(("2026-11-21 12:00", "azur/apimo.leads/101", {"1": {"lastname": "ROUX"}, "2": {"lastname": "BLANC"}}))
    (event,) = [one for one in decoded(call("events", "--json").stdout) if one["type"] == "summary"]
    (sales,) = decoded(call("render", event["id"], "--json").stdout)
    assert sales["sink"] == "sales"
    assert "ROUX" in sales["text"]
    assert "BLANC" in sales["text"]
