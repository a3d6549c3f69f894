"""`deliveries`, `dead` and `resend`: what was sent, what is owed, what was given up, and what is sent again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import click
import msgspec

from watcher.app import utc_now
from watcher.cli import examples, names
from watcher.cli.common import config_option, json_option, moment_of, perform, reading
from watcher.cli.glance import Glance, glance
from watcher.cli.output import Cell, ahead, brief, count, print_json, say, table
from watcher.model import stamp
from watcher.operations import Refused
from watcher.store.read import DeliveryRow, Reader
from watcher.toml import read

MOST = 1_000_000

TWICE = "maybe told twice: an answer was lost"

_STYLES = {
    "owed": "warn",
    "parked": "warn",
    "delivered": "ok",
    "dead": "bad",
    "held": "warn",
    "silenced": "dim",
    "summed": "ok",
    "dropped": "dim",
}
_STATES = [state for state in _STYLES if state != "parked"]

sink_option = click.option("--sink", metavar="NAME", shell_complete=names.sinks, help="Only those of one sink.")
limit_option = click.option(
    "--limit", type=click.IntRange(0), default=50, show_default=True, help="So many, the newest."
)


@click.command(
    epilog=examples(
        "watcher deliveries --state owed",
        "watcher deliveries --sink crm --limit 10 --json",
        "watcher deliveries --parked",
    )
)
@sink_option
@click.option("--state", type=click.Choice(_STATES), help="Only those in that state.")
@click.option("--parked", is_flag=True, help="Only what is owed to sinks that are not configured any more.")
@limit_option
@json_option
@config_option
def deliveries(path: str | None, sink: str | None, state: str | None, parked: bool, limit: int, as_json: bool) -> None:
    """List deliveries, newest last.

    What is owed to a sink that is not configured any more is parked: it is kept, and sent when a sink of that name is
    back; `watcher dead drop --parked` drops it.
    """
    if parked and state:
        raise click.UsageError("--parked is a state of its own: leave out --state")
    view = glance(path)
    sinks = _configured(view)
    with reading(view.state_path) as reader:
        found = _parked(reader, sinks, sink, limit) if parked else reader.deliveries(sink, state, limit)[::-1]
        twice = {name: many for name, many in reader.maybe_twice().items() if sink in (None, name)}
        waiting = {name: many for name, many in _all_parked(reader, sinks).items() if sink in (None, name)}
    if as_json:
        print_json([_plain(row, sinks) for row in found])
        return
    delivery_table(found, view, sinks=sinks)
    for name, many in waiting.items():
        say(
            f"{count(many, 'message')} parked: no sink {name} is configured; sent when it is back, "
            f"dropped by `watcher dead drop --parked --sink {name}`",
            "warn",
        )
    for name, many in twice.items():
        say(f"{count(many, 'message')} of {name} {TWICE}", "warn")


def _configured(view: Glance) -> Collection[str] | None:
    """The names of the sinks that are configured; None when that cannot be read there."""
    sinks = read(view.path).data.get("sinks", {})
    return sinks if isinstance(sinks, dict) else None


def _all_parked(reader: Reader, sinks: Collection[str] | None) -> dict[str, int]:
    """How much is owed to, or held for, each sink that is not configured."""
    if sinks is None:
        return {}
    counts = {name: each.owed + each.held for name, each in reader.owed_counts().items() if name not in sinks}
    return {name: many for name, many in counts.items() if many}


def _parked(reader: Reader, sinks: Collection[str] | None, sink: str | None, limit: int) -> list[DeliveryRow]:
    names = [name for name in _all_parked(reader, sinks) if sink in (None, name)]
    rows = [row for name in names for state in ("owed", "held") for row in reader.deliveries(name, state, limit)]
    return sorted(rows, key=lambda row: row.number)[-limit:] if limit else []


def _is_parked(row: DeliveryRow, sinks: Collection[str] | None) -> bool:
    return row.state in ("owed", "held") and sinks is not None and row.sink not in sinks


def maybe_twice(row: DeliveryRow) -> bool:
    """Whether its sink may have taken it twice: it took it, after an attempt of which no answer came."""
    return row.state == "delivered" and row.unanswered > 0


def _plain(row: DeliveryRow, sinks: Collection[str] | None = None) -> dict[str, Any]:
    facts: dict[str, Any] = msgspec.to_builtins(row)
    return {**facts, "parked": _is_parked(row, sinks), "maybe_duplicate": maybe_twice(row)}


def delivery_table(
    found: Sequence[DeliveryRow], view: Glance, *, indent: int = 0, sinks: Collection[str] | None = None
) -> None:
    """Deliveries for people; with the `sinks` that are configured, it is said which ones are parked."""
    now = utc_now()
    heads = ("number", "state", "when", "sink", "rule", "event", "record", "tries", "")
    table(heads, [_row(delivery, view, now, sinks) for delivery in found], indent=indent)


def _row(delivery: DeliveryRow, view: Glance, now: datetime, sinks: Collection[str] | None) -> tuple[Cell, ...]:
    state = "parked" if _is_parked(delivery, sinks) else delivery.state
    when = ahead(delivery.due_at, now) if state == "owed" else brief(delivery.settled_at, view.timezone, now)
    return (
        f"#{delivery.number}",
        (state, _STYLES[state]),
        (when, "dim"),
        delivery.sink,
        delivery.rule,
        delivery.type,
        delivery.record.strip("/").replace("#", "/"),
        str(delivery.attempts),
        TWICE if maybe_twice(delivery) else delivery.reason,
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
    view = glance(path)
    with reading(view.state_path) as reader:
        found = reader.deliveries(sink, "dead", limit)[::-1]
    if as_json:
        print_json([_plain(row) for row in found])
    else:
        delivery_table(found, view)


numbers_argument = click.argument(
    "numbers", metavar="[NUMBER]...", nargs=-1, type=click.IntRange(1), shell_complete=names.deliveries
)
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
    """Owe dead letters again: some by their numbers, those of a sink, those since a time, or all.

    A sink that was paused because it refused us goes on.
    """
    _which(numbers, sink, since, every=every)
    chosen = _chosen(path, numbers, sink, since)
    _done(perform(path, "redrive", chosen), "dead letter", "owed again", as_json=as_json)


@dead.command(
    epilog=examples("watcher dead drop 12", "watcher dead drop --sink crm", "watcher dead drop --parked --sink old-crm")
)
@numbers_argument
@sink_option
@since_option
@all_option
@click.option("--parked", is_flag=True, help="Instead: what is owed to sinks that are not configured any more.")
@json_option
@config_option
def drop(
    path: str | None,
    numbers: tuple[int, ...],
    sink: str | None,
    since: str | None,
    every: bool,
    parked: bool,
    as_json: bool,
) -> None:
    """Drop dead letters: they stay in the history, and are not sent.

    With --parked, what is owed to sinks that are not configured any more is dropped, of all of them or of one.
    """
    if parked and (numbers or since or every):
        raise click.UsageError("--parked goes with --sink, or alone")
    if parked:
        _done(perform(path, "drop", {"sink": sink, "parked": True}), "parked message", "dropped", as_json=as_json)
        return
    _which(numbers, sink, since, every=every)
    _done(perform(path, "drop", _chosen(path, numbers, sink, since)), "dead letter", "dropped", as_json=as_json)


def _which(numbers: tuple[int, ...], sink: str | None, since: str | None, *, every: bool) -> None:
    if every == bool(numbers or sink or since):
        raise click.UsageError("say which: numbers, --sink or --since; or --all, alone")


def _chosen(path: str | None, numbers: tuple[int, ...], sink: str | None, since: str | None) -> dict[str, Any]:
    """The dead letters that are meant, as the operations take it; raises Refused for a number of none."""
    view = glance(path)
    with reading(view.state_path) as reader:
        letters = reader.deliveries(sink, "dead", len(numbers), numbers=numbers) if numbers else []
    _known(numbers, letters, _noun("dead letter", sink))
    start = moment_of(view.timezone, utc_now())(since) if since else None
    return {"numbers": list(numbers) or None, "sink": sink, "since": stamp(start) if start else None}


def _known(numbers: Collection[int], found: Collection[DeliveryRow], noun: str) -> None:
    unknown = set(numbers) - {row.number for row in found}
    if unknown:
        raise Refused(f"no such {noun}: {', '.join(f'#{number}' for number in sorted(unknown))}")


def _noun(noun: str, sink: str | None) -> str:
    return f"{noun} of {sink}" if sink else noun


def _done(answer: dict[str, Any], noun: str, what: str, *, as_json: bool) -> None:
    if as_json:
        print_json(answer)
    else:
        say(f"{count(next(iter(answer.values())), noun)} {what}")


# -------------------------------------------------------------------------------------------------------------- again


@click.command(
    epilog=examples("watcher resend 12 13", "watcher resend --sink crm --since 2h", "watcher resend --sink crm --owed")
)
@numbers_argument
@sink_option
@click.option("--since", metavar="TIME", help="With --sink: all that it took since then: 2026-11-21, or 2h.")
@click.option("--owed", is_flag=True, help="With --sink: all that it is owed, now and not at the next attempt.")
@json_option
@config_option
def resend(
    path: str | None, numbers: tuple[int, ...], sink: str | None, since: str | None, owed: bool, as_json: bool
) -> None:
    """Send deliveries again, also delivered ones; they carry the same ids.

    Some by their numbers, whatever became of them; all that a sink took since a time (it lost them); or what it is
    owed (it works again, and the next attempt is hours away). A paused sink stays paused: it is sent them later.
    """
    if [bool(numbers), bool(since), owed].count(True) != 1 or (sink is None and not numbers):
        raise click.UsageError("say which: numbers, --sink with --since, or --sink with --owed")
    chosen = None if owed else _sent(path, numbers, sink, since or "")
    answer = perform(path, "resend", {"numbers": chosen, "sink": sink})
    if as_json:
        print_json(answer)
    else:
        say(f"{count(answer['resent'], 'message')} to be sent again, {answer['hastened']} owed and to be tried now")


def _sent(path: str | None, numbers: tuple[int, ...], sink: str | None, since: str) -> list[int]:
    """The numbers of the deliveries that are meant; raises Refused for a number of none."""
    view = glance(path)
    with reading(view.state_path) as reader:
        if numbers:
            _known(numbers, reader.deliveries(sink, None, len(numbers), numbers=numbers), _noun("delivery", sink))
            return list(numbers)
        start = moment_of(view.timezone, utc_now())(since)
        taken = reader.deliveries(sink, "delivered", MOST)
        return [row.number for row in taken if row.settled_at and row.settled_at >= start]
