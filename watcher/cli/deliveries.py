"""`deliveries` and `dead`: what was sent, what is owed, and what was given up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click

from watcher.app import utc_now
from watcher.cli import examples
from watcher.cli.common import config_option, json_option, moment_of, perform, reading
from watcher.cli.glance import Glance, glance
from watcher.cli.output import Cell, ahead, brief, count, print_json, say, table
from watcher.operations import Refused
from watcher.store.read import DeliveryRow

MOST = 1_000_000

_STYLES = {
    "owed": "warn",
    "delivered": "ok",
    "dead": "bad",
    "held": "warn",
    "silenced": "dim",
    "summed": "ok",
    "dropped": "dim",
}

sink_option = click.option("--sink", metavar="NAME", help="Only those of one sink.")
limit_option = click.option(
    "--limit", type=click.IntRange(0), default=50, show_default=True, help="So many, the newest."
)


@click.command(epilog=examples("watcher deliveries --state owed", "watcher deliveries --sink crm --limit 10 --json"))
@sink_option
@click.option("--state", type=click.Choice(list(_STYLES)), help="Only those in that state.")
@limit_option
@json_option
@config_option
def deliveries(path: str | None, sink: str | None, state: str | None, limit: int, as_json: bool) -> None:
    """List deliveries, newest last."""
    _list(glance(path), sink, state, limit, as_json)


def _list(view: Glance, sink: str | None, state: str | None, limit: int, as_json: bool) -> None:
    with reading(view.state_path) as reader:
        found = reader.deliveries(sink, state, limit)[::-1]
    if as_json:
        print_json(found)
    else:
        delivery_table(found, view)


def delivery_table(found: Sequence[DeliveryRow], view: Glance, *, indent: int = 0) -> None:
    """Deliveries for people."""
    now = utc_now()
    heads = ("number", "state", "when", "sink", "rule", "event", "record", "tries", "")
    table(heads, [_row(delivery, view, now) for delivery in found], indent=indent)


def _row(delivery: DeliveryRow, view: Glance, now: datetime) -> tuple[Cell, ...]:
    owed = delivery.state == "owed"
    when = ahead(delivery.due_at, now) if owed else brief(delivery.settled_at, view.timezone, now)
    return (
        f"#{delivery.number}",
        (delivery.state, _STYLES[delivery.state]),
        (when, "dim"),
        delivery.sink,
        delivery.rule,
        delivery.type,
        delivery.record.strip("/").replace("#", "/"),
        str(delivery.attempts),
        delivery.reason,
    )


# ------------------------------------------------------------------------------------------------------- dead letters


@click.group(epilog=examples("watcher dead list", "watcher dead redrive --sink crm"))
def dead() -> None:
    """List what was given up, owe it again, or drop it."""


@dead.command("list", epilog=examples("watcher dead list --sink crm"))
@sink_option
@limit_option
@json_option
@config_option
def list_(path: str | None, sink: str | None, limit: int, as_json: bool) -> None:
    """List the dead letters, newest last."""
    _list(glance(path), sink, "dead", limit, as_json)


numbers_argument = click.argument("numbers", metavar="[NUMBER]...", nargs=-1, type=click.IntRange(1))
since_option = click.option("--since", metavar="TIME", help="Only those given up since then: 2026-11-21, or 2h.")
all_option = click.option("--all", "every", is_flag=True, help="All of them.")


@dead.command(
    epilog=examples(
        "watcher dead redrive 12 13", "watcher dead redrive --sink crm --since 2h", "watcher dead redrive --all"
    )
)
@numbers_argument
@sink_option
@since_option
@all_option
@json_option
@config_option
def redrive(
    path: str | None, numbers: tuple[int, ...], sink: str | None, since: str | None, every: bool, as_json: bool
) -> None:
    """Owe dead letters again: some by their numbers, those of a sink, those since a time, or all."""
    _again("redrive", path, numbers, sink, since, every, as_json)


@dead.command(epilog=examples("watcher dead drop 12", "watcher dead drop --sink old-crm"))
@numbers_argument
@sink_option
@since_option
@all_option
@json_option
@config_option
def drop(
    path: str | None, numbers: tuple[int, ...], sink: str | None, since: str | None, every: bool, as_json: bool
) -> None:
    """Drop dead letters: they stay in the history, and are not sent."""
    _again("drop", path, numbers, sink, since, every, as_json)


def _again(
    what: str,
    path: str | None,
    numbers: tuple[int, ...],
    sink: str | None,
    since: str | None,
    every: bool,
    as_json: bool,
) -> None:
    """Choose dead letters, and have that done to them."""
    if every == bool(numbers or sink or since):
        raise click.UsageError("say which: numbers, --sink or --since; or --all, alone")
    view = glance(path)
    chosen = _chosen(view, numbers, sink, moment_of(view.timezone, utc_now())(since) if since else None)
    answer: dict[str, Any] = perform(path, what, {"numbers": chosen, "sink": sink})
    done = next(iter(answer.values()))
    if as_json:
        print_json(answer)
    else:
        say(f"{count(done, 'dead letter')} {'owed again' if what == 'redrive' else 'dropped'}")


def _chosen(view: Glance, numbers: tuple[int, ...], sink: str | None, since: datetime | None) -> list[int] | None:
    """The numbers of the dead letters that are meant, None for all; raises Refused for one that is none."""
    with reading(view.state_path) as reader:
        if not numbers and since is None:
            return None
        letters = reader.deliveries(sink, "dead", MOST)
    wrong = [f"#{number}" for number in numbers if number not in {letter.number for letter in letters}]
    if wrong:
        raise Refused(f"no such dead letter{f' of {sink}' if sink else ''}: {', '.join(wrong)}")
    return [
        letter.number
        for letter in letters
        if (not numbers or letter.number in numbers)
        and (since is None or (letter.settled_at or letter.owed_at) >= since)
    ]
