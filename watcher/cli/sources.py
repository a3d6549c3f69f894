"""`sources`, `poll`, `resync`, `baseline`, `confirm`: what is read, and having it read."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import click

from watcher.app import utc_now
from watcher.cli import examples, names
from watcher.cli.common import config_option, json_option, perform
from watcher.cli.output import Cell, ago, ahead, count, lapse, print_json, say, table
from watcher.cli.standing import fares
from watcher.standing import SourceStanding

source_argument = click.argument("source", metavar="SOURCE", shell_complete=names.sources)


@click.command(epilog=examples("watcher sources", "watcher sources --json"))
@json_option
@config_option
def sources(path: str | None, as_json: bool) -> None:
    """List the sources and how the last read of each went."""
    found = fares(path).sources
    if as_json:
        print_json(found)
        return
    heads = ("source", "every", "last read", "records", "next in full", "state")
    now = utc_now()
    table(heads, [_row(source, now) for source in found])


def _row(source: SourceStanding, now: datetime) -> tuple[Cell, ...]:
    every = lapse(timedelta(seconds=source.every)) if source.every else "not configured"
    full = ahead(source.next_full_at, now, "always")
    return source.name, every, ago(source.read_at, now), str(source.records), full, how_it_fares(source)


def how_it_fares(source: SourceStanding) -> Cell:
    """What is the matter with a source, in a line."""
    if source.paused:
        return f"paused: {source.paused.reason}", "warn"
    if source.failures:
        times = "once" if source.failures == 1 else f"{source.failures} times in a row"
        return f"failed {times}: {source.last_error}", "bad" if source.troubles else "warn"
    if source.troubles:
        return "; ".join(f"{trouble.type}: {trouble.detail}" for trouble in source.troubles), "bad"
    if source.baselined_at is None:
        return "not read to its end yet", "warn"
    return "ok", "ok"


# ------------------------------------------------------------------------------------------------------- reading now


@click.command(
    epilog=examples("watcher poll azur/apimo.leads/101", "watcher poll riviera/adlead.purchases/1 --dry-run --json")
)
@source_argument
@click.option("--dry-run", "dry", is_flag=True, help="Write nothing, tell nobody; the request counts in the budget.")
@json_option
@config_option
def poll(path: str | None, source: str, dry: bool, as_json: bool) -> int:
    """Read one source now.

    What came of it is printed; exit 1 when it could not be read.
    """
    answer = perform(path, "poll", {"source": source, "dry": dry})
    return _told(answer, as_json, "would be owed" if dry else "owed")


@click.command(epilog=examples("watcher resync azur/apimo.contracts/101"))
@source_argument
@json_option
@config_option
def resync(path: str | None, source: str, as_json: bool) -> int:
    """Read one source now, and in full.

    What is missing from it is looked for, too. Exit 1 when it could not be read.
    """
    answer = perform(path, "resync", {"source": source})
    return _told(answer, as_json, "owed")


@click.command(epilog=examples("watcher baseline azur/apimo.leads/101"))
@source_argument
@json_option
@config_option
def baseline(path: str | None, source: str, as_json: bool) -> int:
    """Take a source in as it is now, as at its first poll, and tell nobody.

    For after a move of many records, or a long stop, of which nobody wants to hear one by one. Where the source has
    `baseline = "emit"` or a day, what is new is told by that. Exit 1 when it could not be read.
    """
    return _told(perform(path, "baseline", {"source": source}), as_json, "owed")


def _told(answer: dict[str, Any], as_json: bool, owed: str) -> int:
    if as_json:
        print_json(answer)
    elif answer["error"]:
        say(f"{answer['source']}: not read: {answer['error']}", "bad")
    else:
        events = answer["events"]
        say(
            f"{answer['source']}: {count(answer['fresh'], 'new or different record')}, "
            f"{count(answer['changes'], 'change')}, {count(len(events), 'event')}"
        )
        if answer["doubt"]:
            say(f"not believed to be complete: {answer['doubt']}", "warn")
        _events(answer, owed)
    return 1 if answer["error"] else 0


def _events(answer: dict[str, Any], owed: str) -> None:
    if not answer["events"]:
        return
    to = {event["id"]: [one for one in answer["owed"] if one["event"] == event["id"]] for event in answer["events"]}
    table(
        ("event", "record", owed),
        [
            (
                event["type"],
                f"{event['source'].strip('/')}/{event['subject']}",
                ", ".join(map(_owed, to[event["id"]])) or "nobody",
            )
            for event in answer["events"]
        ],
    )


def _owed(one: dict[str, str]) -> str:
    """One message: to whom, by which rule, and what keeps it."""
    kept = "" if one["fate"] == "owed" else f", {one['fate']}: {one['why']}"
    return f"{one['sink']} ({one['rule']}{kept})"


@click.command(epilog=examples("watcher confirm riviera/adlead.purchases/1"))
@source_argument
@json_option
@config_option
def confirm(path: str | None, source: str, as_json: bool) -> None:
    """Believe the removals of a source that are held back.

    They are told, and the trouble that they made is over.
    """
    answer = perform(path, "confirm", {"source": source})
    if as_json:
        print_json(answer)
    elif answer["removed"]:
        say(f"{source}: {count(len(answer['removed']), 'removal')} told: {', '.join(answer['removed'])}")
    else:
        say(f"{source}: nothing is held back")
