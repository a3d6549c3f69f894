"""`events`: what happened, and what happens."""

from __future__ import annotations

import time
from collections.abc import Iterator

import click

from watcher.app import utc_now
from watcher.cli import examples, names
from watcher.cli.common import PARTS_OF_RECORD, config_option, json_option, reading, the_record
from watcher.cli.glance import Glance, glance
from watcher.cli.output import EVENT_HEADS, envelopes, event_row, print_json, print_line, row, table
from watcher.model import Event, envelope
from watcher.store.read import Reader

EVERY = 0.5
"""Seconds between two looks while following."""

AT_ONCE = 500
"""Events read in one look."""

WIDTHS = (8, 20, 28)
"""Of the columns while following: what comes next is not known."""


@click.command(
    epilog=examples(
        "watcher events --type 'purchase-*' --limit 50",
        "watcher events --follow",
        "watcher events --record adlead.purchases/4 --json",
        "watcher events --in 5f72b0ec-b601-5263-b7a3-60314a93f798",
    )
)
@click.option("--follow", "-f", is_flag=True, help="Go on with new events as they are committed; Ctrl-C ends it.")
@click.option("--type", "types", multiple=True, metavar="GLOB", help="Only these types, e.g. 'purchase-*'.")
@click.option(
    "--record", metavar="RECORD", shell_complete=names.records, help=f"Only those of one record: {PARTS_OF_RECORD}."
)
@click.option("--in", "told_in", metavar="ID", help="Only those that a summary of that id tells of.")
@click.option("--limit", type=click.IntRange(0), default=20, show_default=True, help="So many, the newest.")
@json_option
@config_option
def events(
    path: str | None,
    follow: bool,
    types: tuple[str, ...],
    record: str | None,
    told_in: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List events, newest last, or follow them.

    With --json an array of CloudEvents; with --follow as well, one object a line.
    """
    if follow and told_in:
        raise click.UsageError("a summary is made once: --in has nothing to follow")
    view = glance(path)
    with reading(view.state_path) as reader:
        about = _about(reader, record)
        newest = reader.events(limit=1, newest=True)
        mark = newest[0].sequence if newest else 0
        found = reader.events(limit=limit, types=types, record=about, told_in=told_in, newest=True)
        if not follow:
            _list(found, view, as_json)
            return
        try:
            for event in found:
                if event.sequence <= mark:  # what came since then comes with what follows
                    _one(event, view, as_json)
            for event in _following(reader, mark, types, about):
                _one(event, view, as_json)
        except KeyboardInterrupt:
            return


def _about(reader: Reader, record: str | None) -> str | None:
    if record is None:
        return None
    source, version = the_record(reader, record)
    return f"/{source}#{version.key}"


def _list(found: list[Event], view: Glance, as_json: bool) -> None:
    if as_json:
        print_json(envelopes(found))
    else:
        table(EVENT_HEADS, [event_row(event, view, utc_now) for event in found])


def _one(event: Event, view: Glance, as_json: bool) -> None:
    if as_json:
        print_line(envelope(event))
    else:
        row(event_row(event, view, utc_now), WIDTHS)


def _following(reader: Reader, mark: int, types: tuple[str, ...], about: str | None) -> Iterator[Event]:
    """The events after that sequence number, as they are committed, for ever."""
    while True:
        for event in reader.events(mark, AT_ONCE, types, about):
            mark = event.sequence
            yield event
        time.sleep(EVERY)
