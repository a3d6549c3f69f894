"""The figures, and that alerts, dashboard and documentation speak of figures that there are."""

import json
import re
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

sys.path.insert(0, str(Path(__file__).parent))

from exposition import NOON, OPERATIONS, SOURCE, everything, facts, queries, rules, sink, source, standing

from watcher.metrics import Metrics, delays
from watcher.model import Condition, Dead, Delivered, Delivery, Event, Plan, RetryAt, SourceState
from watcher.poll import Look
from watcher.store.outbox import Pause
from watcher.troubles import FAILING, SILENT, tell

LABELS = {"account", "stream", "sink", "rule", "type", "outcome", "state", "loop", "version", "le"}
BARE = {
    "watcher_build", "watcher_polls", "watcher_changes", "watcher_events", "watcher_deliveries", "watcher_sources",
    "watcher_outbox_owed", "watcher_outbox_held", "watcher_dead_letters", "watcher_sink_paused", "watcher_troubles",
    "watcher_config_last_reload_successful", "watcher_rule_condition_failures", "watcher_store_up", "watcher_pings",
}  # fmt: skip
"""What counts things or says yes or no, and so has no unit."""


def families():
    """Every metric, by name."""
    return {family.name: family for family in everything().registry.collect()}


def value(metrics, name, **labels):
    """The value of one series."""
    return metrics.registry.get_sample_value(name, labels)


def of(**known):
    """The figures of some facts, as a registry's."""
    metrics = Metrics()
    metrics.facts = facts(**known)
    return metrics


def change(number, seconds=0.0, **fields):
    """An event of a change that happened so many seconds before it was seen at noon."""
    data = {"change": str(number), "changes": {"step": {"from": "1", "to": "2"}}, **fields}
    return Event(f"e{number}", "lead-updated", f"/{SOURCE}", "1", NOON - timedelta(seconds=seconds), NOON, data)


def plan(*events, baselined=NOON - timedelta(days=1)):
    """A poll's plan with these events."""
    return Plan(NOON, SOURCE, SourceState(baselined_at=baselined, read_at=NOON), events=events)


def delivery(attempts=0, *, owed=0.0, due=0.0):
    """A delivery that was owed, and fell due, so many seconds before noon."""
    before = [NOON - timedelta(seconds=seconds) for seconds in (due, owed)]
    return Delivery(1, change(1), "sales", "hot leads", attempts, *before)


# ------------------------------------------------------------------------------------------------------ their form


def test_names_units_labels_and_help_are_of_the_field():
    """Each has our prefix, a base unit at its end unless it counts, few labels, and a sentence that says what it is."""
    for name, family in families().items():
        assert re.fullmatch(r"(watcher|process)_[a-z_]+[a-z]", name)
        assert re.fullmatch(r"[A-Z0-9].*\.", family.documentation)
        assert {label for sample in family.samples for label in sample.labels} <= LABELS
        if name.startswith("watcher"):
            assert (name in BARE) != name.endswith(("_seconds", "_bytes", "_ratio", "_requests")), name
    assert set(families()) >= BARE


def test_both_forms_are_well_formed():
    """Strict readers of OpenMetrics and of the older text form read all of it, and read the same."""
    metrics = everything()
    new = {family.name for family in read_openmetrics(openmetrics.generate_latest(metrics.registry).decode())}
    old = {family.name for family in read_text(generate_latest(metrics.registry).decode())}
    assert new == set(families())
    assert {name.removesuffix("_info") for name in old} == new


def test_every_metric_is_documented():
    """The list in the documentation has each metric with its labels and its sentence, and no other."""
    rows = re.findall(r"^\| `(\w+)` \| (.*) \| (.*) \|$", (OPERATIONS / "metrics.md").read_text(), re.MULTILINE)
    endings = {"counter": "_total", "info": "_info"}
    expected = {
        (
            family.name + endings.get(family.type, ""),
            ", ".join(sorted({label for sample in family.samples for label in sample.labels} - {"le"})),
            family.documentation,
        )
        for family in families().values()
    }
    assert {(name, labels.strip(), text) for name, labels, text in rows} == expected


# --------------------------------------------------------------------------------------------- alerts and dashboard


def samples():
    """The names of all series."""
    return {sample.name for family in families().values() for sample in family.samples}


def named(query):
    """The metrics that a query names."""
    return set(re.findall(r"\b(?:watcher|process)_\w+", query))


def alerts():
    """The alert rules: name and text."""
    parts = (OPERATIONS / "alerts.yml").read_text().split("- alert: ")[1:]
    return {part.split("\n")[0]: part for part in parts}


def test_alerts_and_dashboard_ask_for_metrics_that_exist():
    """A query for a metric that is not there would be silent for ever."""
    asked = [named(query) for query in (*queries(), *alerts().values())]
    assert set().union(*asked) - samples() == set()
    assert all(asked[: len(queries())])
    assert all(names for name, names in zip(alerts(), asked[len(queries()) :], strict=True) if name != "WatcherDown")


def test_the_dashboard_shows_every_metric_of_ours():
    """What is measured is shown, but for what is known of the process besides."""
    shown = {re.sub("_bucket$", "", name) for query in queries() for name in named(query)}
    ours = {name for name in samples() if name.startswith("watcher")}
    assert {re.sub("_(bucket|sum|count)$", "", name) for name in ours} - shown == set()


def test_the_dashboard_as_rules_is_json_with_all_queries():
    """What promtool is given to check has each query, its variables filled in."""
    expressions = [rule["expr"] for rule in json.loads(rules())["groups"][0]["rules"]]
    assert len(expressions) == len(queries()) > 30
    assert not any("$" in expression for expression in expressions)


def test_every_alert_says_what_to_do_and_is_tried():
    """Each has a severity, a summary and a description, and fires in its tests."""
    tried = (OPERATIONS / "alerts_test.yml").read_text()
    assert len(alerts()) >= 8
    for name, text in alerts().items():
        assert re.search(r"severity: (warning|critical)", text), name
        assert "summary:" in text, name
        assert "description:" in text, name
        fires = re.search(rf'alertname: {name}\n +exp_alerts|alertname="{name}"', tried)
        assert fires, f"{name} never fires in alerts_test.yml"


# ---------------------------------------------------------------------------------------------------- what happens


@pytest.mark.parametrize(
    ("seen", "outcome"),
    [
        (Look(plan(), timedelta(), changes=3), "ok"),
        (Look(plan(), timedelta(), doubt="the total changed"), "incomplete"),
        (Look(plan(), timedelta(), error="HTTP 500"), "failed"),
    ],
)
def test_a_poll_is_counted_by_what_it_came_to(seen, outcome):
    """One poll, one outcome, its time and its changes, under its account and stream."""
    metrics, labels = Metrics(), {"account": "azur", "stream": "apimo.leads"}
    metrics.polled(SOURCE, seen, 0.25)
    assert value(metrics, "watcher_polls_total", **labels, outcome=outcome) == 1
    assert value(metrics, "watcher_poll_duration_seconds_sum", **labels) == 0.25
    assert value(metrics, "watcher_changes_total", **labels) == seen.changes


def test_detection_is_measured_once_a_change():
    """The events of one change are one sample; those of another, another."""
    assert list(delays(plan(change(1, 30), change(1, 30), change(2, 90)))) == [30, 90]


@pytest.mark.parametrize(
    ("told", "found"),
    [
        (plan(change(1, 30), baselined=NOON), []),
        (plan(change(1, 0)), []),
        (plan(change(1, 30, changes={})), []),
        (plan(tell(Condition(FAILING, str(SOURCE), NOON, "x"), NOON)), []),
        (Plan(NOON, events=(change(1, 30),)), []),
        (plan(change(1, -7)), [0.0]),
    ],
    ids=["first read", "vendor gave no time", "a date has come", "our own trouble", "no poll", "vendor's clock ahead"],
)
def test_what_says_nothing_of_our_quickness_is_no_sample(told, found):
    """Only changes whose time the vendor gives count, and a clock that is ahead of ours counts as no delay."""
    assert list(delays(told)) == found


@pytest.mark.parametrize(
    ("attempt", "outcome", "name", "delay"),
    [
        (delivery(), Delivered(), "delivered", 0.0),
        (delivery(owed=40_000, due=3), Delivered(), "delivered", 3.0),
        (delivery(2, owed=160, due=1), Delivered(), "delivered", 160.0),
        (delivery(), RetryAt(NOON, "HTTP 503"), "retried", None),
        (delivery(12), Dead("HTTP 404"), "dead", None),
    ],
    ids=["at once", "held back on purpose", "after two that failed", "to be tried again", "given up"],
)
def test_an_attempt_is_counted_and_what_was_taken_is_timed(attempt, outcome, name, delay):
    """The delay runs from when the message could be sent: waiting for the opening hours is not being late."""
    metrics = Metrics()
    metrics.settled(attempt, outcome, NOON)
    assert value(metrics, "watcher_deliveries_total", sink="sales", outcome=name) == 1
    assert value(metrics, "watcher_delivery_delay_seconds_sum", sink="sales") == delay


def test_events_are_counted_by_type():
    """Each event that was committed, whatever brought it."""
    metrics = Metrics()
    metrics.heard(Plan(NOON, events=(change(1), change(2))))
    assert value(metrics, "watcher_events_total", type="lead-updated") == 2


# -------------------------------------------------------------------------------------------------------- what is

GROUP = {"account": "azur", "stream": "apimo.leads"}
LIMITS = {"azur/apimo.leads/101": timedelta(minutes=15), "azur/apimo.leads/102": timedelta(minutes=30)}


def test_the_stalest_source_speaks_for_its_stream():
    """Of two sources the one that is closer to its own limit gives the ratio, the one read longest ago the time."""
    early, late = NOON - timedelta(minutes=20), NOON - timedelta(minutes=12)
    found = of(standing=standing([source(read=late), source("azur/apimo.leads/102", read=early)]), silent_after=LIMITS)
    assert value(found, "watcher_source_staleness_ratio", **GROUP) == 12 / 15
    assert value(found, "watcher_source_last_read_timestamp_seconds", **GROUP) == early.timestamp()


def test_while_we_did_not_run_nobody_was_silent():
    """A source that was read before a long stop is as stale as the daemon has been running."""
    old = source(read=NOON - timedelta(days=3))
    found = of(started=NOON - timedelta(minutes=3), standing=standing([old]), silent_after=LIMITS)
    assert value(found, "watcher_source_staleness_ratio", **GROUP) == 3 / 15


def test_a_paused_source_is_not_stale_and_a_forgotten_one_is_not_there():
    """What an operator paused is counted as that; what is not configured any more says nothing."""
    resting = source(read=NOON - timedelta(days=3), paused=Pause(NOON, "moving", True))
    gone = source("azur/apimo.contracts/9", every=None)
    found = of(standing=standing([resting, gone]), silent_after=LIMITS)
    assert value(found, "watcher_sources", **GROUP, state="paused") == 1
    assert value(found, "watcher_source_staleness_ratio", **GROUP) is None
    assert value(found, "watcher_sources", account="azur", stream="apimo.contracts", state="ok") is None


@pytest.mark.parametrize(
    ("one", "state"),
    [
        (source(), "ok"),
        (source(read=None), "new"),
        (source(troubles=(Condition(FAILING, str(SOURCE), NOON, "x"),)), "failing"),
        (source(troubles=(Condition(SILENT, str(SOURCE), NOON, "x"),)), "failing"),
    ],
)
def test_each_source_is_in_one_state(one, state):
    """The states of a stream add up to its sources."""
    found = of(standing=standing([one]), silent_after=LIMITS)
    counts = {name: value(found, "watcher_sources", **GROUP, state=name) for name in ("new", "ok", "failing", "paused")}
    assert counts == {**dict.fromkeys(counts, 0), state: 1}


def test_the_outbox_by_sink():
    """What is owed, since when, what is held back and what was given up."""
    found = of(standing=standing(sinks=[sink(owed=3, oldest=NOON, dead=2, held=5), sink("crm")]))
    assert value(found, "watcher_outbox_owed", sink="sales") == 3
    assert value(found, "watcher_outbox_oldest_timestamp_seconds", sink="sales") == NOON.timestamp()
    assert value(found, "watcher_outbox_held", sink="sales") == 5
    assert value(found, "watcher_dead_letters", sink="sales") == 2
    assert value(found, "watcher_dead_letters", sink="crm") == 0
    assert value(found, "watcher_outbox_oldest_timestamp_seconds", sink="crm") is None


def test_every_type_of_trouble_is_there_before_the_first():
    """At zero, so that a rule can compare; and what lasts is counted."""
    lasting = [Condition(FAILING, f"azur/apimo.leads/{number}", NOON, "x") for number in (1, 2)]
    found = of(standing=standing(troubles=lasting))
    assert value(found, "watcher_troubles", type="source-failing") == 2
    assert value(found, "watcher_troubles", type="store-failing") == 0


def test_without_the_store_the_rest_is_still_said():
    """When the store cannot be read, `watcher_store_up` is 0, and what only the store knows is left out."""
    found = of(reload_well=False)
    assert value(found, "watcher_store_up") == 0
    assert value(found, "watcher_config_last_reload_successful") == 0
    assert value(found, "watcher_troubles", type="store-failing") is None
    assert value(of(standing=standing()), "watcher_store_up") == 1
    assert value(of(standing=standing(), writable=False), "watcher_store_up") == 0
