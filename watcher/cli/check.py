"""`check`: what the configuration says, or every mistake in it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click

from watcher.app import plans
from watcher.cli import examples
from watcher.cli.common import config_option, configured, json_option
from watcher.cli.output import lapse, print_json, say, table
from watcher.config import Config
from watcher.rules import Rule
from watcher.shapes import Account, AdleadAccount
from watcher.streams import catalogue
from watcher.units import Rate


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
        _print(config, described(config))


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
        "rules": [
            {
                "name": rule.name,
                "on": list(rule.on),
                "hears": [event for event in catalogue() if Rule(rule.name, rule.on, rule.to).hears(event)],
                "when": rule.when,
                "to": list(rule.to),
                "file": str(rule.file),
                "line": rule.line,
            }
            for rule in config.rules
        ],
        "warnings": list(config.warnings),
    }


def _account(name: str, account: Account) -> dict[str, Any]:
    whose = account.tenant if isinstance(account, AdleadAccount) else account.provider
    return {
        "name": name,
        "api": account.api,
        "of": str(whose),
        "max_rate": _rate(account.max_rate),
        "budget": _rate(account.budget) if account.budget else None,
    }


def _rate(rate: Rate) -> str:
    periods = {1: "s", 60: "min", 3600: "h", 86400: "day"}
    return f"{rate.count}/{periods.get(int(rate.seconds)) or f'{rate.seconds:g}s'}"


def _print(config: Config, facts: dict[str, Any]) -> None:
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
    if facts["warnings"]:
        _section("Warnings", "warn")
        for warning in facts["warnings"]:
            say(f"  {warning}", "warn")


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
    every = len(rule["hears"]) == len(catalogue())
    say(f"     on {'every event' if every else ', '.join(rule['hears'])}", "dim")
    if rule["when"]:
        say(f"     when {rule['when']}", "dim")
