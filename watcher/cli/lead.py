"""`lead create`: a lead in Apimo, by hand or from a script."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from watcher.cli import examples, names
from watcher.cli.common import config_option, json_option, perform
from watcher.cli.exits import LATER
from watcher.cli.output import print_json, say


@click.group(epilog=examples("watcher lead create azur --agency 101 --field lastname=MARTIN"))
def lead() -> None:
    """Create a lead in Apimo."""


def _fields(_context: click.Context, _parameter: click.Parameter, words: tuple[str, ...]) -> dict[str, str]:
    """The fields as they are written: NAME=VALUE, each name once."""
    fields: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"{word!r} is no field; write NAME=VALUE, such as lastname=MARTIN")
        if name in fields:
            raise click.BadParameter(f"{name} is there twice; keep one")
        fields[name] = value
    return fields


@lead.command(
    epilog=examples(
        "watcher lead create azur --agency 101 --field lastname=MARTIN --field phone='+33 6 12 34 56 78'",
        "watcher lead create azur --agency 101 --field lastname=MARTIN --field message='Rappelez-moi' --dry-run",
    )
)
@click.argument("account", metavar="ACCOUNT", shell_complete=names.accounts)
@click.option("--agency", required=True, metavar="NUMBER", help="The agency that gets the lead.")
@click.option(
    "--field",
    "fields",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_fields,
    help="What the lead says; docs/sinks.md has the names. Give it once a field.",
)
@click.option("--dry-run", "dry", is_flag=True, help="Say what would be sent, and send nothing.")
@json_option
@config_option
def create(path: str | None, account: str, agency: str, fields: dict[str, str], dry: bool, as_json: bool) -> int:
    """Create a lead in an agency of Apimo; it is counted in the account's budget.

    The exit is 1 when Apimo refuses it, 75 when it may work later. Whoever tries again after no answer came should give
    the same --field reference=..., by which Apimo's people can tell that two leads are one.
    """
    arguments = {"account": account, "agency": agency, "fields": fields, "dry": dry}
    answer = perform(path, "lead-create", arguments)
    if as_json:
        print_json(answer)
    else:
        _say(answer)
    return 0 if answer["created"] or dry else LATER if answer["later"] else 1


def _say(answer: Mapping[str, Any]) -> None:
    reference = answer["lead"]["reference"]
    if answer["created"]:
        say(f"lead {answer['id'] or '(Apimo does not say its number)'} is created; reference {reference}", "ok")
    elif answer.get("dry"):
        say(f"to agency {answer['agency']} with account {answer['account']}:", "head")
        for name, value in answer["lead"].items():
            say(f"  {name}: {value}")
    else:
        perhaps = "; it may be there all the same" if answer["unanswered"] else ""
        say(f"not created: {answer['reason']}{perhaps}; reference {reference}", "bad")
