"""`status`: one screen that says how everything fares."""

from __future__ import annotations

from datetime import datetime, timedelta

import click
import msgspec

from watcher import __version__
from watcher.app import utc_now
from watcher.cli import examples
from watcher.cli.common import config_option, json_option, reading
from watcher.cli.glance import Glance, glance
from watcher.cli.output import EVENT_HEADS, Cell, ago, ahead, envelopes, event_row, lapse, print_json, say, table
from watcher.cli.sources import how_it_fares
from watcher.cli.standing import fares
from watcher.model import Event, Silence
from watcher.standing import Process, SinkStanding, Standing

LAST = 5
"""Events shown."""


@click.command(epilog=examples("watcher status", "watcher status --json"))
@json_option
@config_option
def status(path: str | None, as_json: bool) -> int:
    """Show how everything fares; exit 1 when something is in trouble.

    In trouble is: no daemon runs, a source that cannot be read, a sink that is paused or was given up on, a broken new
    configuration.
    """
    found, view = fares(path), glance(path)
    with reading(view.state_path) as reader:
        events = reader.events(limit=LAST, newest=True)
    if as_json:
        print_json({"well": found.well, **msgspec.to_builtins(found), "events": envelopes(events)})
    else:
        _print(view, found, events, utc_now())
    return 0 if found.well else 1


def _print(view: Glance, found: Standing, events: list[Event], now: datetime) -> None:
    _head(view, found.process)
    _sources(found)
    if found.troubles:
        say()
        say("Troubles", "bad")
        rows = [(trouble.type, trouble.subject, ago(trouble.since, now), trouble.detail) for trouble in found.troubles]
        table(("", "", "", ""), rows, indent=2)
    say()
    say("Deliveries", "head")
    table(("sink", "owed", "oldest", "held", "dead", ""), [_sink(sink, now) for sink in found.sinks], indent=2)
    budgets = [account for account in found.accounts if account.left is not None]
    if budgets:
        say()
        say("Requests left today", "head")
        table(("", ""), [(account.name, f"{account.left} of {account.budget}") for account in budgets], indent=2)
    if found.silences:
        say()
        say("Silences", "head")
        table(("", "", "", ""), [_silence(one, now) for one in found.silences], indent=2)
    say()
    say("Last events", "head")
    if events:
        table(EVENT_HEADS, [event_row(event, view, utc_now) for event in events], indent=2)
    else:
        say("  none yet", "dim")


def _head(view: Glance, process: Process) -> None:
    if process.running:
        say(f"watcher {__version__} has been running for {lapse(timedelta(seconds=process.uptime))}", "ok")
    else:
        say(f"watcher {__version__} is not running; `watcher run` starts it", "bad")
    say(f"{view.path}, {view.state_path}", "dim")
    if process.reload_error:
        say("the new configuration is broken, the old one works on:", "bad")
        for complaint in process.reload_error:
            say(f"  {complaint}", "bad")


def _sources(found: Standing) -> None:
    say()
    say("Sources", "head")
    ok = sum(source.well and source.baselined_at is not None for source in found.sources)
    say(f"  {ok} of {len(found.sources)} ok", "ok" if ok == len(found.sources) else "warn")
    rows = [(source.name, how_it_fares(source)) for source in found.sources if how_it_fares(source) != ("ok", "ok")]
    if rows:
        table(("", ""), rows, indent=2)


def _sink(sink: SinkStanding, now: datetime) -> tuple[Cell, ...]:
    return (
        sink.name,
        (str(sink.owed), "warn" if sink.owed else ""),
        ago(sink.oldest, now, "-"),
        str(sink.held),
        (str(sink.dead), "bad" if sink.dead else ""),
        _state(sink, now),
    )


def _silence(one: Silence, now: datetime) -> tuple[Cell, ...]:
    matchers = " ".join(f"{label}={glob}" for label, glob in one.matchers.items())
    return str(one.number), (f"ends {ahead(one.until, now)}", "warn"), matchers, f"{one.author}: {one.comment}"


def _state(sink: SinkStanding, now: datetime) -> Cell:
    if sink.type is None:
        drop = f"`watcher dead drop --parked --sink {sink.name}`"
        return f"parked: no such sink is configured; put it back, or {drop}", "warn"
    if sink.paused:
        style = "warn" if sink.paused.asked else "bad"
        return f"paused for {lapse(now - sink.paused.since)}: {sink.paused.reason}", style
    if sink.troubles:
        return sink.troubles[0].detail, "bad"
    return ("ok", "ok") if sink.well else (f"`watcher dead list --sink {sink.name}`", "warn")
