"""`status`: one screen that says how everything fares; what is the matter comes first, with what to do."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import click
import msgspec

from watcher import __version__
from watcher.app import utc_now
from watcher.cli import examples
from watcher.cli.common import config_option, json_option, reading
from watcher.cli.concerns import SCARCE, Concern, concerns
from watcher.cli.glance import Glance, glance
from watcher.cli.output import EVENT_HEADS, Cell, ago, ahead, count, envelopes, event_row, lapse, print_json, say, table
from watcher.cli.standing import fares
from watcher.model import Event, Silence
from watcher.standing import AccountStanding, SinkStanding, SourceStanding, Standing

LAST = 5
"""Events shown."""

MOST = 12
"""Matters shown; who has more of them looks at the first ones first."""

BAR = 20
"""Columns of the bar that shows what is left of a budget."""


@click.command(epilog=examples("watcher status", "watcher status --json"))
@json_option
@config_option
def status(path: str | None, as_json: bool) -> int:
    """Show how everything fares; exit 1 when something is in trouble.

    In trouble is: no daemon runs, a source that cannot be read, a sink that is paused or was given up on, a broken new
    configuration. What is the matter comes first, the worst on top, each with what to do.
    """
    found, view = fares(path), glance(path)
    with reading(view.state_path) as reader:
        events = reader.events(limit=LAST, newest=True)
    if as_json:
        print_json({"well": found.well, **msgspec.to_builtins(found), "events": envelopes(events)})
    else:
        show(view, found, events, utc_now())
    return 0 if found.well else 1


def show(view: Glance, found: Standing, events: list[Event], now: datetime) -> None:
    """Print the screen."""
    matters = concerns(found, now)
    _head(view, found, matters)
    _matters(matters)
    _sources(found, now)
    _section("Sinks")
    heads = ("sink", "state", "owed", "oldest", "held", "given up")
    table(heads, [_sink(sink, now) for sink in found.sinks], indent=2)
    _budgets(found)
    if found.silences:
        _section("Silences")
        table(("", "", "", ""), [_silence(one, now) for one in found.silences], indent=2)
    _section("Last events")
    if events:
        table(EVENT_HEADS, [event_row(event, view, utc_now) for event in events], indent=2)
    else:
        say("  none yet", "dim")


def _section(title: str) -> None:
    say()
    say(title, "head")


def _head(view: Glance, found: Standing, matters: list[Concern]) -> None:
    """In one line whether all is well, and in another what this is about."""
    bad, odd = (sum(one.level == level for one in matters) for level in ("bad", "warn"))
    if not found.well:
        # What is not well has a matter of its own; should one be missing, it is in trouble all the same.
        say(f"watcher is in trouble: {count(bad, 'matter')}{f', and {odd} to look at' if odd else ''}", "bad")
    elif matters:
        say(f"watcher works, with {count(odd + bad, 'matter')} to look at", "warn")
    else:
        say("watcher works, and all is well", "ok")
    process = found.process
    running = f"running for {lapse(timedelta(seconds=process.uptime))}" if process.running else "not running"
    say(f"{__version__}, {running}; {view.path}, {view.state_path}", "dim")


def _matters(matters: list[Concern]) -> None:
    if not matters:
        return
    say()
    rows: list[tuple[Cell, Cell]] = []
    for one in matters[:MOST]:
        mark = "!" if one.level == "bad" else "-"
        rows += [((mark, one.level), (f"{one.subject}: {one.what}", one.level)), ("", f"-> {one.remedy}")]
    table(("", ""), rows)
    if len(matters) > MOST:
        say(f"and {len(matters) - MOST} more: `watcher sources`, `watcher deliveries`", "warn")


def _sources(found: Standing, now: datetime) -> None:
    """How many fare how, and those that do not fare well in a line each."""
    _section("Sources")
    tally = Counter(_fares(source) for source in found.sources)
    ok = tally.pop("ok", 0)
    rest = "".join(f", {many} {state}" for state, many in tally.items())
    say(f"  {ok} of {len(found.sources)} ok{rest}{_freshness(found, now)}", "warn" if rest else "ok")


def _fares(source: SourceStanding) -> str:
    """How a source fares, in a word."""
    if source.every is None:
        return "not configured any more"
    if source.paused:
        return "paused"
    if source.failures:
        return "failing"
    if source.troubles:
        return "in trouble"
    return "ok" if source.baselined_at else "not read yet"


def _freshness(found: Standing, now: datetime) -> str:
    """When the one that was read the longest ago was read."""
    times = [source.read_at for source in found.sources if source.every and not source.paused]
    read = [at for at in times if at]
    if not read:
        return ""
    never = len(times) - len(read)
    who = f"{never} never read, the others" if never else "each read"
    return f"; {who} within the last {lapse(now - min(read))}"


def _sink(sink: SinkStanding, now: datetime) -> tuple[Cell, ...]:
    return (
        sink.name,
        _state(sink),
        (str(sink.owed), "warn" if sink.owed else "dim"),
        (ago(sink.oldest, now, "-"), "" if sink.oldest else "dim"),
        (str(sink.held), "" if sink.held else "dim"),
        (str(sink.dead), "bad" if sink.dead else "dim"),
    )


def _state(sink: SinkStanding) -> Cell:
    if sink.type is None:
        return ("parked", "bad") if sink.parked else ("not configured", "dim")
    if sink.paused:
        return ("paused", "warn") if sink.paused.asked else ("refused", "bad")
    if sink.troubles:
        return "failing", "bad"
    return "ok", "ok"


def _budgets(found: Standing) -> None:
    accounts = [account for account in found.accounts if account.budget is not None]
    if accounts:
        _section("Requests left today")
        table(("", "", ""), [_budget(account) for account in accounts], indent=2)


def _budget(account: AccountStanding) -> tuple[Cell, Cell, Cell]:
    left, whole = account.left or 0, account.budget or 1
    full = -(-BAR * left // whole)  # rounded up: some are left
    style = "ok" if left >= whole * SCARCE else "warn" if left else "bad"
    return account.name, ("#" * full + "." * (BAR - full), style), f"{left} of {account.budget}"


def _silence(one: Silence, now: datetime) -> tuple[Cell, ...]:
    matchers = " ".join(f"{label}={glob}" for label, glob in one.matchers.items())
    return str(one.number), (f"ends {ahead(one.until, now)}", "warn"), matchers, f"{one.author}: {one.comment}"
