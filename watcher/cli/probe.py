"""`probe`: ask the real API what its documentation leaves open."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from watcher.cli import examples
from watcher.cli.common import config_option, configured, json_option, perform, reading
from watcher.cli.exits import LATER, NO
from watcher.cli.glance import glance
from watcher.cli.output import count, print_json, say
from watcher.probe import plain
from watcher.probe.report import lines, suggested
from watcher.probe.stored import findings
from watcher.toml import read

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@click.command(epilog=examples("watcher probe azur", "watcher probe riviera --partition 2 --output probe.json --yes"))
@click.argument("account", metavar="ACCOUNT")
@click.option("--stream", metavar="STREAM", help="Look at that one only (default: all that the account reads).")
@click.option("--partition", metavar="NUMBER", help="The agency or programme (default: the first one configured).")
@click.option("--requests", type=click.IntRange(1, 200), default=40, show_default=True, help="At most so many.")
@click.option("--with-a-wrong-key", "wrong_key", is_flag=True, help="Also ask once with a key that is none.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write the report there, as JSON.")
@click.option("--yes", is_flag=True, help="Do not ask whether to begin.")
@json_option
@config_option
def probe(
    path: str | None,
    account: str,
    *,
    stream: str | None,
    partition: str | None,
    requests: int,
    wrong_key: bool,
    output: Path | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Ask the API of an account what its documentation leaves open; suggest settings.

    Limits, order, paging, the cursor, headers, what fields there are and of what kind. The requests keep to the
    account's rate and count in its day's budget. The report has names of fields, types and counts: nobody's data and no
    secret. After a 401, 403 or 429 it stops with what it has; exit 1 then, or 75 when it may work later.
    """
    wanted = {
        "account": account,
        "stream": stream,
        "partition": partition,
        "requests": requests,
        "wrong_key": wrong_key,
    }
    _announced(perform(path, "probe", {**wanted, "dry": True}), ask=not yes and sys.stdin.isatty())
    report = perform(path, "probe", wanted)
    report |= {"stored": _stored(path, account), "config": None if report["stopped"] else _suggested(path, report)}
    if output:
        _written(output, report)
    if as_json:
        print_json(report)
    else:
        _say(report, output)
    return (LATER if report["later"] else NO) if report["stopped"] else 0


def _announced(plan: dict[str, Any], *, ask: bool) -> None:
    """Say what it will cost, on standard error, and have it agreed to."""
    left = "" if plan["left"] is None else f" of the {plan['left']} that are left today"
    said = f"{plan['account']}: {count(plan['most'], 'request')} at most{left}, about {', '.join(plan['of'])}"
    click.echo(said, err=True)
    if ask:
        click.confirm("Begin?", abort=True, err=True)


def _stored(path: str | None, account: str) -> list[dict[str, str]]:
    store = glance(path).state_path
    if not store.exists():
        return []
    with reading(store) as reader:
        return plain(findings(account, reader.versions_since(_BEGINNING)))


def _suggested(path: str | None, report: dict[str, Any]) -> str:
    """The account's tables as they are written, with what is suggested laid over them."""
    data = read(glance(path).path).data
    login = configured(path, spare_secrets=True).accounts[report["account"]]
    sources = [one for one in data.get("sources", []) if one.get("account") == report["account"]]
    return suggested(report, data["accounts"][report["account"]], sources, login.max_rate, login.budget)


def _written(output: Path, report: dict[str, Any]) -> None:
    """Write the report for its owner alone, whole or not at all."""
    made = output.with_name(f".{output.name}.new")
    made.unlink(missing_ok=True)
    handle = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    made.replace(output)


def _say(report: dict[str, Any], output: Path | None) -> None:
    for line, style in lines(report):
        say(line, style)
    if report["config"]:
        say()
        say("settings that this suggests, for config.toml", "head")
        for line in report["config"].splitlines():
            say(f"  {line}" if line else "")
    if output:
        say()
        say(f"the report is in {output}", "ok")
