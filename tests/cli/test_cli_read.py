"""The commands that read: what they print, for people and as JSON."""

import json

import pytest
from cli_site import SECRETS, SOURCES, call_json


def test_events_are_listed_newest_last(call):
    """One line an event: when, what, which record, its title."""
    lines = call("events").output.splitlines()
    assert lines[0].split() == ["SEEN", "EVENT", "RECORD", "TITLE"]
    assert any("new-lead" in line and "azur/apimo.leads/101/3" in line and "Anne PETIT" in line for line in lines)
    sequences = [event["sequence"] for event in call_json(call, "events")]
    assert sequences == sorted(sequences)


def test_events_as_json_are_cloudevents(call):
    """An array of envelopes."""
    events = call_json(call, "events")
    assert {"contract-signed", "new-lead", "purchase-canceled", "sink-failing"} <= {event["type"] for event in events}
    assert all(event["specversion"] == "1.0" and {"id", "time", "data"} <= event.keys() for event in events)


def test_events_can_be_narrowed_by_type(call):
    """Globs, of which one has to match."""
    types = {event["type"] for event in call_json(call, "events", "--type", "purchase-*", "--type", "new-lead")}
    assert {"new-lead", "purchase-canceled"} <= types
    assert all(kind == "new-lead" or kind.startswith("purchase-") for kind in types)


def test_events_can_be_narrowed_to_the_newest(call):
    """--limit takes the newest."""
    assert call_json(call, "events", "--limit", "2") == call_json(call, "events")[-2:]


@pytest.mark.parametrize("name", ["apimo.leads/3", "azur/apimo.leads/101/3", "/azur/apimo.leads/101/3"])
def test_events_can_be_narrowed_to_a_record(call, name):
    """A record is named by stream/id or by source/id."""
    assert [event["type"] for event in call_json(call, "events", "--record", name)] == ["new-lead"]


def test_times_are_shown_in_the_configured_zone(call):
    """Ten o'clock in Paris is shown as ten, not as nine in UTC."""
    assert "2026-11-20 10:00:00" in call("show", "apimo.contracts/2").output


def test_show_has_the_record_its_events_and_their_deliveries(call):
    """All that is known of one record."""
    shown = call("show", "apimo.leads/3").output
    assert "azur/apimo.leads/101/3\nversion 1, seen " in shown
    for part in ("PETIT", "Last events", "new-lead", "Their deliveries", "delivered", "dead"):
        assert part in shown


def test_show_as_json(call):
    """One object of the documented shape."""
    shown = call_json(call, "show", "adlead.purchases/4")
    assert (shown["source"], shown["id"], shown["version"], shown["removed"]) == (SOURCES[2], "4", 2, False)
    assert shown["record"]["status"] == "canceled"
    assert "purchase-canceled" in shown["reached"]
    assert "purchase-canceled" in [event["type"] for event in shown["events"]]
    assert {delivery["sink"] for delivery in shown["deliveries"]} == {"log"}


def test_show_says_when_nothing_was_told(call):
    """A record of the first read has no events."""
    assert "Nothing has been told of it" in call("show", "apimo.leads/1").output


def test_history_has_what_differed(call):
    """Each version, when it was seen, what changed and what was told of it."""
    first, second = call_json(call, "history", "adlead.purchases/4")
    assert (first["version"], first["changes"], first["events"]) == (1, {}, [])
    assert second["changes"]["status"] == {"from": "awaiting-funding", "to": "canceled"}
    assert "purchase-canceled" in [event["type"] for event in second["events"]]
    shown = call("history", "adlead.purchases/4").output
    assert "awaiting-funding  ->  canceled" in shown


@pytest.mark.parametrize("command", ["show", "history"])
@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("adlead.purchases/404", 1, "no record adlead.purchases/404 has been seen"),
        ("adlead.purchasse/4", 1, "adlead.purchases"),
        ("azur/apimo.leads/102/3", 1, "has been seen"),
        ("4", 64, "stream/id"),
        ("a/b/4", 64, "stream/id"),
    ],
)
def test_a_record_that_is_not_there_is_said(call, command, name, code, said):
    """An unknown record is a no, a name of another form a usage error."""
    done = call(command, name)
    assert (done.exit_code, done.stdout) == (code, "")
    assert said in done.stderr


def test_deliveries_are_listed_newest_last(call):
    """One row a delivery, narrowed by sink and state."""
    every = call_json(call, "deliveries")
    assert [delivery["number"] for delivery in every] == sorted(delivery["number"] for delivery in every)
    assert {delivery["state"] for delivery in every} == {"delivered", "dead"}
    (dead,) = call_json(call, "deliveries", "--sink", "crm")
    assert (dead["state"], dead["type"], dead["rule"]) == ("dead", "new-lead", "new leads")
    assert call_json(call, "dead", "list") == [dead]
    assert call_json(call, "deliveries", "--state", "owed") == []
    assert f"#{dead['number']}" in call("dead", "list").output


def test_sources_are_listed(call):
    """How each is read, and how the last read went."""
    sources = call_json(call, "sources")
    assert tuple(source["name"] for source in sources) == SOURCES
    assert [(source["every"], source["records"], source["failures"]) for source in sources] == [
        (3600.0, 2, 0),
        (3600.0, 1, 0),
        (3600.0, 1, 0),
    ]
    assert all(source["read_at"].endswith("Z") for source in sources)
    assert all(line.endswith("ok") for line in call("sources").output.splitlines()[1:])


def test_status_is_one_screen_and_says_what_is_wrong(call):
    """No daemon, a paused sink, a dead letter: exit 1, each said."""
    done = call("status")
    assert done.exit_code == 1
    for part in (
        "not running",
        "3 of 3 ok",
        "crm: refused us and is paused",
        "-> mend its address or secret, then `watcher sink test crm`",
        "Requests left today",
        "996 of 1000",
        "new-lead",
    ):
        assert part in done.output, part


def test_status_as_json(call):
    """One object, with all that the screen shows."""
    status = call_json(call, "status", code=1)
    assert (status["well"], status["process"]["running"]) == (False, False)
    assert [trouble["type"] for trouble in status["troubles"]] == ["sink-failing"]
    assert [(sink["name"], sink["owed"], sink["dead"]) for sink in status["sinks"]] == [("log", 0, 0), ("crm", 0, 1)]
    assert [(account["name"], account["budget"]) for account in status["accounts"]] == [
        ("azur", 1000),
        ("riviera", None),
    ]
    assert len(status["events"]) == 4


def test_check_says_what_the_configuration_holds(call):
    """Accounts, sources with their interval, sinks, rules in order with what each hears, warnings."""
    shown = call("check")
    assert shown.exit_code == 0
    for part in ("azur", *SOURCES, "1 h", "webhook", "1. everything -> log", "on every event", "on new-lead"):
        assert part in shown.output, part


def test_check_as_json(call):
    """One object of the documented shape."""
    checked = call_json(call, "check")
    assert [account["name"] for account in checked["accounts"]] == ["azur", "riviera"]
    assert [source["every"] for source in checked["sources"]] == [3600.0] * 3
    assert [(rule["name"], rule["hears"]) for rule in checked["rules"]][1] == ("new leads", ["new-lead"])
    assert checked["operator"] == ["log"]
    assert checked["warnings"] == []


def test_check_warns_of_what_is_hardly_meant(call, tmp_path, story):
    """What can be used but cannot be kept is said, and the exit is 0."""
    odd = tmp_path / "config.toml"
    odd.write_text(story.config.read_text().replace('every    = "1h"', 'every    = "30s"'))
    shown = call("check", "--config", str(odd))
    assert shown.exit_code == 0
    assert "Warnings" in shown.output
    assert "budget" in shown.output
    assert call_json(call, "check", "--config", str(odd))["warnings"]


@pytest.mark.parametrize("command", ["check", "status", "sources", "events", "show apimo.leads/3", "deliveries"])
@pytest.mark.parametrize("form", [[], ["--json"]], ids=["people", "json"])
def test_no_output_has_a_secret_or_a_colour(call, command, form):
    """Not a terminal: no escapes; and never a secret."""
    shown = call(*command.split(), *form).output
    assert "\x1b" not in shown
    assert not any(secret in shown for secret in SECRETS.values())
    if form:
        json.loads(shown)
