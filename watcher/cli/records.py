"""`show` and `history`: one record, as it is known and as it came to be so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import click

from watcher.app import utc_now
from watcher.cli import examples, names
from watcher.cli.common import config_option, json_option, moment_of, reading, the_record
from watcher.cli.deliveries import delivery_table
from watcher.cli.glance import Glance, glance
from watcher.cli.output import (
    EVENT_HEADS,
    ago,
    envelopes,
    event_row,
    flat,
    local,
    message,
    print_json,
    say,
    shown,
    table,
    written,
)
from watcher.model import Delta, Event, SourceName, Version
from watcher.operations import Refused
from watcher.store.read import DeliveryRow, Reader
from watcher.streams import STREAMS
from watcher.streams.canonical import differences
from watcher.streams.canonical import shown as unhashed

LAST = 10
"""Events shown of a record."""

ALL = 1_000_000

record_argument = click.argument("record", metavar="RECORD", shell_complete=names.records)


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known of a record. `events` are the newest of it, in order, with their deliveries."""

    source: SourceName
    version: Version
    events: list[Event]
    deliveries: list[DeliveryRow]

    @property
    def name(self) -> str:
        """What the commands call it."""
        return f"{self.source}/{self.version.key}"


def _events(reader: Reader, source: SourceName, key: str, limit: int) -> list[Event]:
    return reader.events(limit=limit, record=f"/{source}#{key}", newest=True)


# --------------------------------------------------------------------------------------------------------------- show


@click.command(epilog=examples("watcher show adlead.purchases/4", "watcher show azur/apimo.leads/101/170384 --at 2d"))
@record_argument
@click.option("--at", "at", metavar="T", help="As it was known then: a time, or how long ago (2026-11-21T10:00, 2h).")
@json_option
@config_option
def show(path: str | None, record: str, at: str | None, as_json: bool) -> None:
    """Show a record as it is known, its last events and their deliveries.

    RECORD is stream/id or source/id.
    """
    view = glance(path)
    moment = moment_of(view.timezone, utc_now(), "--at")(at) if at else utc_now()
    with reading(view.state_path) as reader:
        source, version = the_record(reader, record)
        if at:
            version = _known_at(reader.history(source, version.key), moment, record)
        events = [e for e in _events(reader, source, version.key, ALL) if e.recorded_at <= moment][-LAST:]
        rows = [row for event in events for row in reader.deliveries(event=event.id)[::-1]]
    known = Known(source, version, events, rows)
    if as_json:
        print_json(_document(known))
    else:
        _print(known, view)


def _known_at(versions: list[Version], moment: datetime, record: str) -> Version:
    """The version that was the last one at a moment."""
    then = [version for version in versions if version.seen_at <= moment]
    if not then:
        raise Refused(f"{record} had not been seen yet; it was first seen {written(versions[0].seen_at)}")
    return then[-1]


def _document(known: Known) -> dict[str, Any]:
    version = known.version
    return {
        "source": str(known.source),
        "id": version.key,
        "version": version.version,
        "seen_at": written(version.seen_at),
        "removed": version.removed,
        "absences": version.absences,
        "reached": sorted(version.reached),
        "record": unhashed(version.body),
        "events": envelopes(known.events),
        "deliveries": known.deliveries,
    }


def _print(known: Known, view: Glance) -> None:
    version, now = known.version, utc_now()
    say(known.name, "head")
    seen = f"version {version.version}, seen {local(version.seen_at, view.timezone)} ({ago(version.seen_at, now)})"
    say(f"{seen}; it is gone upstream" if version.removed else seen, "warn" if version.removed else "dim")
    if known.events and (link := message(known.events[-1], view, utc_now).link):
        say(link, "dim")
    say()
    table(
        ("field", "value"),
        [((path, "dim"), shown(value, view.timezone)) for path, value in flat(unhashed(version.body))],
    )
    say()
    if not known.events:
        say("Nothing has been told of it: it was there at the first read of its source.", "dim")
        return
    say("Last events", "head")
    table(EVENT_HEADS, [event_row(event, view, utc_now) for event in known.events], indent=2)
    say()
    if known.deliveries:
        say("Their deliveries", "head")
        delivery_table(known.deliveries, view, indent=2)
    else:
        say("No rule sends them anywhere.", "dim")


# ------------------------------------------------------------------------------------------------------------ history


@click.command(
    epilog=examples("watcher history adlead.purchases/4", "watcher history riviera/adlead.purchases/1/4 --json")
)
@record_argument
@json_option
@config_option
def history(path: str | None, record: str, as_json: bool) -> None:
    """Show each version of a record and what differed from the one before.

    RECORD is stream/id or source/id.
    """
    view = glance(path)
    with reading(view.state_path) as reader:
        source, version = the_record(reader, record)
        versions = reader.history(source, version.key)
        events = _events(reader, source, version.key, ALL)
    steps = [
        {
            "version": after.version,
            "seen_at": written(after.seen_at),
            "removed": after.removed,
            "changes": {
                path: {"from": delta.was, "to": delta.now} for path, delta in changes(source, before, after).items()
            },
            "events": [{"id": e.id, "type": e.type, "time": written(e.time)} for e in events if _of(e, after)],
        }
        for before, after in zip([None, *versions], versions, strict=False)
    ]
    if as_json:
        print_json(steps)
        return
    say(f"{source}/{version.key}", "head")
    for after, step in zip(versions, steps, strict=True):
        _step(after, step, view)


def changes(source: SourceName, before: Version | None, after: Version) -> Mapping[str, Delta]:
    """What differs between two versions, by path; of the first one nothing: it is all new."""
    if before is None:
        return {}
    found = differences(STREAMS[source.stream].record, before.body, after.body)
    deltas = {**found.changed, **{path: Delta(None, value) for path, value in found.gained.items()}}
    return {path: Delta(unhashed(delta.was), unhashed(delta.now)) for path, delta in deltas.items()}


def _of(event: Event, version: Version) -> bool:
    return bool(event.data.get("version") == version.version)


def _step(version: Version, step: dict[str, Any], view: Glance) -> None:
    what = "first seen" if version.version == 1 else "gone" if version.removed else "changed"
    told = ", ".join(event["type"] for event in step["events"]) or "nothing told"
    say()
    say(f"version {version.version}  {local(version.seen_at, view.timezone)}  {what}: {told}", "head")
    zone = view.timezone
    rows = [
        ((path, "dim"), shown(change["from"], zone), "->", shown(change["to"], zone))
        for path, change in step["changes"].items()
    ]
    if rows:
        table(("", "", "", ""), rows, indent=2)
