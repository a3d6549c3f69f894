"""`explain`, `plan` and `show --at`: why, how often, and how it was."""

from cli_site import SOURCES, call_json


def test_a_record_is_explained_version_by_version(call):
    """The baseline's silence, the change, the events that spoke for it, and when its source was last read."""
    explained = call_json(call, "explain", "adlead.purchases/4")
    assert explained["record"] == f"{SOURCES[2]}/4"
    first, second = explained["versions"]
    assert first["what"] == "first seen"
    assert "silent" in first["notes"][0]
    assert "status" in second["changes"]
    assert "purchase-canceled" in [event["type"] for event in second["events"]]
    assert any("last read" in note for note in explained["now"])
    assert "not told: it was there at the first read" in call("explain", "adlead.purchases/4").output


def test_an_event_is_explained_by_its_rules_and_deliveries(call):
    """Each rule of today with its reason, each delivery with its attempts."""
    (event,) = [e for e in call_json(call, "events") if e["type"] == "new-lead" and e["subject"] == "3"]
    explained = call_json(call, "explain", event["id"])
    assert explained["type"] == "new-lead"
    assert {rule["rule"]: rule["taken"] for rule in explained["rules"]}["everything"] is True
    assert {"log", "crm"} <= {delivery["sink"] for delivery in explained["deliveries"]}
    assert all(delivery["attempts"] for delivery in explained["deliveries"])
    assert "took it: everything" in call("explain", event["id"]).output


def test_an_event_that_is_not_there(call):
    """An id that nobody knows is said, with exit code 1."""
    answer = call("explain", "00000000-0000-5000-8000-000000000000")
    assert answer.exit_code == 1
    assert "no event" in answer.output


def test_a_record_as_it_was(call):
    """--at shows the version of then; before it was seen there is none."""
    now = call_json(call, "show", "adlead.purchases/4")
    history = call_json(call, "history", "adlead.purchases/4")
    then = call_json(call, "show", "adlead.purchases/4", "--at", history[0]["seen_at"])
    assert (then["version"], now["version"]) == (1, 2)
    assert then["record"]["status"] != now["record"]["status"]
    before = call("show", "adlead.purchases/4", "--at", "2020-01-01")
    assert before.exit_code == 1
    assert "had not been seen yet" in before.output


def test_the_plan_says_what_polling_costs(call):
    """Requests a day and delays for each source, the sum for each account, and whether it fits."""
    planned = call_json(call, "plan")
    assert {source["name"] for source in planned["sources"]} == set(SOURCES)
    assert all(account["fits"] for account in planned["accounts"])
    leads = next(source for source in planned["sources"] if source["name"] == SOURCES[0])
    assert (leads["every"], leads["worst_delay"], leads["expected_delay"]) == (3600, 3600, 1800)
    assert "requests a day" in call("plan").output


async def test_a_promise_that_the_budget_cannot_keep_is_refused(site):
    """More requests than the budget has: exit code 1, and what to do."""
    site.write(every="10s", budget='"1000/day"')
    ended = await site.run("plan")
    assert ended.code == 1
    assert "more than it may" in ended.out
