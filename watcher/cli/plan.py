"""`plan`: how often each source is polled, what that costs, and how late news can be."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click

from watcher.app import plans
from watcher.cli import examples
from watcher.cli.common import config_option, configured, json_option
from watcher.cli.output import lapse, print_json, say, table
from watcher.config import Config
from watcher.plan import DAY, Pace


@click.command(epilog=examples("watcher plan", "watcher plan --json"))
@json_option
@config_option
def plan(path: str | None, as_json: bool) -> int:
    """Show how often each source is polled, and what that costs.

    Requests a day, and the expected and the worst delay until news is seen. The exit code is 1 when an account's
    sources ask for more than its budget has: while running, their intervals are then stretched, and leads come first.
    """
    config = configured(path)
    found = described(config)
    if as_json:
        print_json(found)
    else:
        _print(found)
    return 0 if all(account["fits"] for account in found["accounts"]) else 1


def described(config: Config) -> dict[str, Any]:
    """The plan, as JSON; intervals and delays in seconds."""
    accounts, sources = [], []
    for name, planned in plans(config).items():
        budget = config.accounts[name].budget
        full = {s.name: s.reconcile for s in config.sources}
        requests = {source: pace.daily + _reconciles(full[source]) for source, pace in planned.items()}
        total = sum(requests.values())
        fits = budget is None or total <= budget.count
        accounts.append(
            {"name": name, "budget": budget.count if budget else None, "requests": round(total), "fits": fits}
        )
        sources += [_source(str(source), pace, requests[source]) for source, pace in planned.items()]
    return {"accounts": accounts, "sources": sources}


def _reconciles(every: timedelta | None) -> float:
    return DAY / every if every else 0.0


def _source(name: str, pace: Pace, requests: float) -> dict[str, Any]:
    return {
        "name": name,
        "requests": round(requests),
        "every": pace.busy.total_seconds(),
        "every_out_of_hours": pace.quiet.total_seconds(),
        "expected_delay": pace.busy.total_seconds() / 2,
        "worst_delay": pace.busy.total_seconds(),
        "worst_delay_out_of_hours": pace.quiet.total_seconds(),
    }


def _print(found: dict[str, Any]) -> None:
    heads = ("SOURCE", "REQUESTS A DAY", "EVERY", "OUT OF HOURS", "SEEN AFTER", "AT WORST", "AT NIGHT")
    rows = [
        (
            source["name"],
            str(source["requests"]),
            *(lapse(timedelta(seconds=source[key])) for key in ("every", "every_out_of_hours", "expected_delay",
                                                               "worst_delay", "worst_delay_out_of_hours")),
        )
        for source in found["sources"]
    ]  # fmt: skip
    table(heads, rows)
    say()
    for account in found["accounts"]:
        budget = f"of {account['budget']} a day" if account["budget"] else "a day, no budget"
        say(f"{account['name']}: {account['requests']} requests {budget}", "ok" if account["fits"] else "bad")
        if not account["fits"]:
            say("  more than it may: write a longer `every`, or leave it out; while running it is stretched", "warn")
    say("Office hours are Monday to Saturday, 8 to 20. A list of several pages costs a request a page.", "dim")
