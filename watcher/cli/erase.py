"""`erase`: one person, everywhere in the store, with a receipt; or, with --dry-run, all that is stored of him."""

from __future__ import annotations

import sys
from typing import Any

import click

from watcher.cli import examples
from watcher.cli.common import config_option, json_option, perform, reading
from watcher.cli.glance import glance
from watcher.cli.output import count, print_json, say, table


@click.command(
    epilog=examples(
        "watcher erase --email jean.petit@example.fr --dry-run --json",
        "watcher erase --phone '06 12 34 56 78'",
        "watcher erase --record apimo.leads/7 --yes",
        "watcher erase --receipts",
    )
)
@click.option("--email", metavar="ADDRESS", help="Whoever has this address, large or small.")
@click.option("--phone", metavar="NUMBER", help="Whoever has this number, in whatever spelling.")
@click.option("--record", metavar="RECORD", help="Everybody in this record: stream/id or source/id.")
@click.option("--dry-run", "dry", is_flag=True, help="Only show what is stored of the person; with --json all of it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--receipts", "past", is_flag=True, help="List the receipts of all erasures.")
@json_option
@config_option
def erase(
    path: str | None,
    email: str | None,
    phone: str | None,
    record: str | None,
    dry: bool,
    yes: bool,
    past: bool,
    as_json: bool,
) -> int:
    """Erase a person from the store, with a receipt; or show all that is stored of one.

    Found also where only a hash is kept. Erased are the personal data in records, their versions, events and dead
    letters, what sinks said, and any other trace; what is still owed about the person is dropped. Codes, dates and
    amounts stay. What the vendor still has of the record is not stored again, so nothing is told of it. What sinks have
    taken already and copies of the store cannot be reached: the receipt says which sinks were told, and when.
    """
    chosen = [one for one in (email, phone, record) if one]
    if len(chosen) != (0 if past else 1):
        raise click.UsageError("say who: --email, --phone or --record, one of them; or --receipts")
    if past:
        with reading(glance(path).state_path) as reader:
            print_json(reader.receipts()) if as_json else _list(reader.receipts())
        return 0
    wanted = {"email": email, "phone": phone, "record": record}
    if not dry and not yes and not _agreed(path, wanted):
        return 1
    receipt = perform(path, "erase", {**wanted, "dry": dry})
    print_json(receipt) if as_json else _print(receipt)
    return 0


def _agreed(path: str | None, wanted: dict[str, Any]) -> bool:
    """Show what it comes to, and ask; where nobody can be asked, --yes has to be said."""
    if not sys.stdin.isatty():
        raise click.UsageError("this cannot be undone: say --yes, or --dry-run to see what it comes to")
    _print(perform(path, "erase", {**wanted, "dry": True}))
    return click.confirm("Erase it? This cannot be undone", default=False, err=True)


def _print(receipt: dict[str, Any]) -> None:
    """A receipt, or what one would be, without the person's data."""
    if not receipt["records"] and not receipt["rows"]:
        say("Nothing is stored of that person.", "ok")
        return
    head = "It would be erased" if receipt["dry"] else f"Erased, receipt {receipt['number']}, {receipt['at']}"
    say(head, "head")
    table(("", ""), [(one["record"], ", ".join(filter(None, one["whose"]))) for one in receipt["records"]], indent=2)
    table(("", ""), [(name, count(rows, "row")) for name, rows in receipt["rows"].items()], indent=2)
    if receipt["dropped"]:
        say(f"{count(receipt['dropped'], 'message')} owed about the person: dropped, with the reason `erased`")
    for one in receipt["told"]:
        say(
            f"{one['sink']} was told of {one['record']}: {count(one['messages'], 'message')}, last {one['last']}",
            "warn",
        )
    for text in receipt["beyond"]:
        say(f"Beyond reach: {text}.", "dim")
    if receipt.get("log_emptied") is False:
        say("Somebody reads the store: what was erased is in its log until that ends; ask again then.", "warn")


def _list(receipts: list[dict[str, Any]]) -> None:
    heads = ("receipt", "at", "by", "records", "dropped")
    rows = [(str(r["number"]), r["at"], r["asked"]["by"], str(len(r["records"])), str(r["dropped"])) for r in receipts]
    table(heads, rows)
