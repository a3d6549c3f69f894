"""`check`: what the configuration says, or every mistake in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import click

from watcher.app import plans
from watcher.cli import examples
from watcher.cli.common import config_option, configured, json_option
from watcher.cli.output import lapse, print_json, say, table
from watcher.config import Config
from watcher.rules import DEADLINE_NEAR, OVERDUE, USUAL_FLOOD
from watcher.shapes import RuleSettings
from watcher.sources import Login, api_types
from watcher.streams import catalogue
from watcher.units import Rate
from watcher.written import matching


@click.command(epilog=examples("watcher check", "watcher check --config /etc/watcher/config.toml --json"))
@json_option
@config_option
def check(path: str | None, as_json: bool) -> None:
    """Check the configuration and say what is in it.

    Every mistake is named at once, with its file, line and remedy, and the exit code is 78. Neither the store nor the
    network is touched; the secrets that are referred to have to be there.
    """
    config = configured(path)
    if as_json:
        print_json(described(config))
    else:
        show(config)


def described(config: Config) -> dict[str, Any]:
    """What a configuration says, as JSON; without secrets and addresses."""
    paces = {source: pace for planned in plans(config).values() for source, pace in planned.items()}
    return {
        "path": str(config.path),
        "store": str(config.state_path),
        "timezone": str(config.timezone),
        "language": config.language,
        "accounts": [_account(name, account) for name, account in config.accounts.items()],
        "sources": [
            {
                "name": str(source.name),
                "every": paces[source.name].busy.total_seconds(),
                "every_out_of_hours": paces[source.name].quiet.total_seconds(),
                "planned": source.every is None,
                "reconcile": source.reconcile.total_seconds() if source.reconcile else None,
                "baseline": str(source.baseline),
            }
            for source in config.sources
        ],
        "sinks": [{"name": name, "type": settings.type} for name, settings in config.sinks.items()],
        "operator": list(config.operator),
        "rules": [_rule_facts(rule, config.rules) for rule in config.rules],
        "warnings": list(config.warnings),
        "remarks": list(config.remarks),
    }


def _account(name: str, account: Login) -> dict[str, Any]:
    return {
        "name": name,
        "api": account.api,
        "of": api_types()[account.api].whose(account),
        "max_rate": _rate(account.max_rate),
        "budget": _rate(account.budget) if account.budget else None,
    }


def _rate(rate: Rate | None) -> str | None:
    if rate is None:
        return None
    unit, seconds = next((unit, seconds) for unit, seconds in _PERIODS if not rate.seconds % seconds)
    periods = int(rate.seconds / seconds)
    return f"{rate.count}/{'' if periods == 1 else periods}{unit}"


_PERIODS = (("day", 86400), ("h", 3600), ("min", 60), ("s", 1))


def _seconds(span: timedelta | None) -> float | None:
    return None if span is None else span.total_seconds()


# ------------------------------------------------------------------------------------------------------------ rules


def _rule_facts(rule: RuleSettings, rules: Sequence[RuleSettings]) -> dict[str, Any]:
    own = {told for one in rules if (told := _told(one))}
    named = rule.on if _told(rule) is None else [pattern for pattern in rule.on if "*" not in pattern]
    dates = rule.before is not None
    return {
        "name": rule.name,
        "on": list(rule.on),
        "hears": [] if dates else [*matching(rule.on, catalogue()), *matching(named, sorted(own))],
        "when": rule.when,
        "to": list(rule.to),
        "tells": _told(rule),
        "after": _seconds(rule.after),
        "unless": rule.unless,
        "before": _seconds(rule.before),
        "of": rule.of,
        "hours": {"open": rule.hours.text, "holidays": rule.hours.holidays} if rule.hours else None,
        "outside": rule.outside,
        "group": {
            "by": list(rule.group.by),
            "wait": _seconds(rule.group.wait),
            "every": _seconds(rule.group.every),
            "most": rule.group.most,
        }
        if rule.group
        else None,
        "digest": f"{rule.digest:%H:%M}" if rule.digest else None,
        "throttle": _rate(rule.throttle),
        "flood": _rate(rule.flood),
        "title": rule.title,
        "body": rule.body,
        "timing": list(_timing(rule)),
        "file": str(rule.file),
        "line": rule.line,
    }


def _told(rule: RuleSettings) -> str | None:
    """The type of the event that a rule about time tells."""
    usual = OVERDUE if rule.after else DEADLINE_NEAR if rule.before else None
    return usual and (rule.emit or usual)


def _timing(rule: RuleSettings) -> Iterator[str]:
    """When a rule's messages are sent, in words; nothing when that is at once."""
    if rule.after:
        open_hours = " of open hours" if rule.hours else ""
        unless = f", unless {rule.unless}" if rule.unless else ", in any case"
        yield f"{lapse(rule.after)}{open_hours} later{unless}"
    if rule.before:
        yield f"{lapse(rule.before)} before {rule.of}"
    if _told(rule):
        yield f"as {_told(rule)}"
    if rule.hours:
        closed = f", closed on public holidays ({rule.hours.holidays})" if rule.hours.holidays else ""
        outside = "what comes at another time " + ("waits for the opening" if rule.outside == "wait" else "is dropped")
        yield f"{rule.hours.text}{closed}: {outside}"
    if rule.digest:
        yield f"in one message a day, at {rule.digest:%H:%M}"
    if rule.group:
        by = f" for each {', '.join(rule.group.by)}" if rule.group.by else ""
        wait, every = lapse(rule.group.wait), lapse(rule.group.every)
        yield f"in one message{by}: after {wait}, then {every} apart, or as soon as there are {rule.group.most}"
    if rule.throttle:
        yield f"at most {_rate(rule.throttle)}, what is more later in one message"
    if rule.flood != USUAL_FLOOD and not (rule.group or rule.digest):
        yield f"beyond {_rate(rule.flood)} in one summary for people" if rule.flood else "however many there are"


def show(config: Config) -> None:
    """Print what a configuration says, for people."""
    facts = described(config)
    say(f"{config.path} is good.", "ok")
    _section("Accounts")
    table(
        ("name", "api", "login", "rate", "budget"),
        [
            (one["name"], one["api"], one["of"], one["max_rate"], one["budget"] or "no limit")
            for one in facts["accounts"]
        ],
        indent=2,
    )
    _section("Sources")
    table(
        ("name", "every", "in full every", "first read"),
        [
            (
                one["name"],
                _every(one),
                lapse(timedelta(seconds=one["reconcile"])) if one["reconcile"] else "read",
                one["baseline"],
            )
            for one in facts["sources"]
        ],
        indent=2,
    )
    _section("Sinks")
    table(
        ("name", "type", ""),
        [
            (one["name"], one["type"], "hears of watcher's own troubles" if one["name"] in config.operator else "")
            for one in facts["sinks"]
        ],
        indent=2,
    )
    _rules(facts)


def _rules(facts: dict[str, Any]) -> None:
    _section("Rules, in the order in which they are tried")
    for number, rule in enumerate(facts["rules"], 1):
        _rule(number, rule)
    for key, style in (("warnings", "warn"), ("remarks", "dim")):
        if facts[key]:
            _section(key.capitalize(), style)
        for text in facts[key]:
            say(f"  {text}", style)


def _every(source: dict[str, Any]) -> str:
    busy, quiet = (lapse(timedelta(seconds=source[key])) for key in ("every", "every_out_of_hours"))
    if not source["planned"]:
        return busy
    return f"{busy} (planned)" if busy == quiet else f"{busy}, out of hours {quiet} (planned)"


def _section(title: str, style: str = "head") -> None:
    say()
    say(title, style)


def _rule(number: int, rule: dict[str, Any]) -> None:
    say(f"  {number}. {rule['name']} -> {', '.join(rule['to'])}")
    every = set(catalogue()).issubset(rule["hears"])
    heard = "every event" if every else ", ".join(rule["hears"]) or f"dates of {', '.join(rule['on'])}"
    own = " and ".join(key for key in ("title", "body") if rule[key])
    for line in (
        f"on {heard}",
        rule["when"] and f"when {rule['when']}",
        *rule["timing"],
        own and f"with its own {own}",
    ):
        if line:
            say(f"     {line}", "dim")
