"""All metrics with all their labels, as Prometheus gets them; run as a program it prints them, for `promtool check metrics`.

With `rules` as its argument it prints the dashboard's queries as rules, for `promtool check rules`.
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from prometheus_client.exposition import generate_latest

from watcher.metrics import FREE, LOG_SIZE, SIZE, Facts, Metrics
from watcher.model import Condition, Delivered, Delivery, Plan, SourceName
from watcher.ping import SENT
from watcher.poll import Look
from watcher.standing import AccountStanding, Process, SinkStanding, SourceStanding, Standing
from watcher.store.outbox import Pause
from watcher.troubles import FAILING, tell

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
SOURCE = SourceName("azur", "apimo.leads", "101")
OPERATIONS = Path(__file__).parents[2] / "docs" / "operations"


def source(name="azur/apimo.leads/101", *, read=NOON, troubles=(), paused=None, every=60.0):
    """A source that was read then."""
    return SourceStanding(name, every, read, read, read, None, 7, 0, 0, None, "", troubles, paused)


def sink(name="sales", *, owed=0, oldest=None, dead=0, paused=None, troubles=(), held=0):
    """A sink that is configured."""
    return SinkStanding(name, "slack", owed, oldest, dead, paused, troubles, held)


def standing(sources=(), sinks=(), accounts=(), troubles=()):
    """How everything fares, for a daemon that runs."""
    return Standing(Process(running=True, generation=1), tuple(sources), tuple(sinks), tuple(accounts), tuple(troubles))


def facts(**known):
    """What is, an hour after the start."""
    return Facts(**{"at": NOON, "started": NOON - timedelta(hours=1), "taken_up": NOON - timedelta(hours=1), **known})


def everything():
    """Metrics with something in each of them."""
    metrics = Metrics()
    failing = Condition(FAILING, str(SOURCE), NOON, "HTTP 500")
    event = tell(failing, NOON)
    metrics.polled(SOURCE, Look(Plan(NOON), timedelta(seconds=60)), 0.2)
    metrics.heard(Plan(NOON, events=(event,)))
    metrics.settled(Delivery(1, event, "sales", "operator", 0, NOON, NOON), Delivered(), NOON)
    metrics.detection.labels("azur", "apimo.leads").observe(30)
    metrics.pinged(SENT)
    metrics.facts = facts(
        standing=standing(
            [source(troubles=(failing,))],
            [sink(owed=1, oldest=NOON, dead=1, held=1, paused=Pause(NOON, "HTTP 403"))],
            [AccountStanding("azur", 1000, 400)],
            [failing],
        ),
        silent_after={str(SOURCE): timedelta(minutes=15)},
        failures={"hot leads": 1},
        turns={"tick": NOON},
        sizes={SIZE: 4096, LOG_SIZE: 0, FREE: 1 << 30},
    )
    return metrics


def queries():
    """The dashboard's queries, with values in the place of its variables."""
    panels = json.loads((OPERATIONS / "dashboard.json").read_text())["panels"]
    found = [target["expr"] for panel in panels for target in panel.get("targets", ())]
    return [query.replace("$__rate_interval", "5m").replace("$instance", ".*") for query in found]


def rules():
    """The queries in the form of a file of rules; JSON is YAML, too."""
    recorded = [{"record": f"panel:query{number}", "expr": query} for number, query in enumerate(queries())]
    return json.dumps({"groups": [{"name": "dashboard", "rules": recorded}]})


if __name__ == "__main__":
    sys.stdout.write(rules() if sys.argv[1:] == ["rules"] else generate_latest(everything().registry).decode())
