"""`audit`: the books of a day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import click
import msgspec

from watcher.app import patience, plans, utc_now
from watcher.audit import Books, Setting
from watcher.cli import examples
from watcher.cli.common import config_option, configured, json_option, moment_of
from watcher.cli.output import count, lapse, local, print_json, say, table, written
from watcher.config import Config
from watcher.model import SourceName, Tally
from watcher.operations import Refused
from watcher.rulebook import RULES, digest, rule_of
from watcher.store.audited import Ledger
from watcher.streams.dates import PARIS
from watcher.tallies import Polls, of_polls, of_totals

UNPACED = timedelta(minutes=15)
"""What counts as a gap of a source that is not configured any more."""


@dataclass(frozen=True, slots=True)
class Requests:
    """The requests of an account on one of the vendor's days; `budget` None: it has none, and they are not counted."""

    account: str
    day: str
    spent: int
    budget: int | None


@dataclass(frozen=True, slots=True)
class Account:
    """All of it."""

    since: datetime
    until: datetime
    every: Mapping[str, float]
    polls: tuple[Polls, ...]
    requests: tuple[Requests, ...]
    books: Books


@click.command(
    epilog=examples(
        "watcher audit", "watcher audit --day 2026-11-21", "watcher audit --since 2026-11-21T08:00 --until 2h --json"
    )
)
@click.option("--day", metavar="YYYY-MM-DD", help="Which day, in the configured time zone (default: yesterday).")
@click.option("--since", metavar="TIME", help="Instead: from then on, 2026-11-21T08:00, or for how long ago, 2h.")
@click.option("--until", metavar="TIME", help="With --since: to then (default: now).")
@json_option
@config_option
def audit(path: str | None, day: str | None, since: str | None, until: str | None, as_json: bool) -> int:
    """Account for a day: each poll, each change, its events, and what became of each message.

    Of each source: its polls, how many records the vendor counted and how many are ours, and when nothing was read. Of
    each event: who was told, or why nobody was. It only reads, also beside a running daemon, and ends with what cannot
    be explained: exit 0 when that is nothing, else 1.
    """
    if day and (since or until):
        raise click.UsageError("--day goes without --since and --until")
    if until and not since:
        raise click.UsageError("--until goes with --since")
    config = configured(path, spare_secrets=True)
    now = utc_now()
    begin, end = _span(config.timezone, now, day, since, until)
    if not config.state_path.exists():
        raise Refused(f"nothing has been polled yet: there is no {config.state_path}; `watcher run` makes it")
    with Ledger.open(config.state_path) as ledger:
        found = account_for(config, ledger, begin, end, now)
    if as_json:
        print_json(_plain(found))
    else:
        _print(found, config)
    return 1 if found.books.unexplained else 0


def _span(
    zone: ZoneInfo, now: datetime, day: str | None, since: str | None, until: str | None
) -> tuple[datetime, datetime]:
    if since:
        begin = moment_of(zone, now, "--since")(since)
        end = moment_of(zone, now, "--until")(until) if until else now
        if begin >= end:
            raise click.UsageError("--until has to be later than --since")
        return begin.astimezone(UTC), end.astimezone(UTC)
    try:
        date = datetime.fromisoformat(day).date() if day else now.astimezone(zone).date() - timedelta(days=1)
    except ValueError:
        raise click.BadParameter(f"{day!r} is no day; write 2026-11-21", param_hint="--day") from None
    begin, end = (datetime.combine(each, time(), zone) for each in (date, date + timedelta(days=1)))
    return begin.astimezone(UTC), end.astimezone(UTC)


# --------------------------------------------------------------------------------------------------------- the books


def account_for(config: Config, ledger: Ledger, since: datetime, until: datetime, now: datetime) -> Account:
    """Go through all that the store has of that span, row after row."""
    rows = {row.name: row.state for row in ledger.sources()}
    baselined = {name: state.baselined_at for name, state in rows.items() if state.baselined_at}
    setting, books = _setting(config, ledger, baselined), Books()
    books.enter_changes(ledger.written(since, until), setting)
    books.enter_events(ledger.told(since, until), setting)
    books.blame(f"event number {number} was written, and is not there" for number in ledger.lost_events(since, until))
    books.blame(f"message {number} was owed, and is not there" for number in ledger.lost_messages())
    limits = _limits(config)
    tallies = {name: ledger.tallies(name, since, until) for name in rows}
    for name, hours in tallies.items():
        books.blame(of_totals(name, hours))
        books.enter_hours(name, hours, since, until)
        books.blame(_snapshot(ledger, name, hours))
    return Account(
        since=since,
        until=until,
        every={
            str(name): pace.busy.total_seconds() for planned in plans(config).values() for name, pace in planned.items()
        },
        polls=tuple(
            of_polls(name, hours, since, min(until, now), limits.get(name, UNPACED)) for name, hours in tallies.items()
        ),
        requests=tuple(_requests(config, ledger, since, until)),
        books=books,
    )


def _setting(config: Config, ledger: Ledger, baselined: Mapping[SourceName, datetime]) -> Setting:
    mark, _, since = ledger.note(RULES).partition(" ")
    return Setting(
        rules=[rule_of(settings, config.timezone) for settings in config.rules],
        operator=config.operator,
        rules_since=datetime.fromisoformat(since) if mark == digest(config) else None,
        sinks=config.sinks.keys(),
        paused={name: pause.reason for name, pause in ledger.paused().items()},
        releases=ledger.releases(),
        silences={silence.number: silence for silence in ledger.silences()},
        baselined=baselined,
        veiled=ledger.veiled(),
    )


def _limits(config: Config) -> dict[SourceName, timedelta]:
    """After how long without a good read each source is called silent."""
    paces = {name: pace for planned in plans(config).values() for name, pace in planned.items()}
    return {one.name: patience(one, paces[one.name]) for one in config.sources}


def _snapshot(ledger: Ledger, source: SourceName, tallies: Iterable[Tally]) -> list[str]:
    """Hold our count at the last complete read against the versions that were there then."""
    read = [tally for tally in tallies if tally.total_at]
    if not read or read[-1].total_at is None:
        return []
    have, said = ledger.records_at(source, read[-1].total_at), read[-1].ours
    if have == said:
        return []
    return [
        f"{source}: {count(said, 'record')} were ours at {written(read[-1].total_at)}, and {have} are in the history"
    ]


def _requests(config: Config, ledger: Ledger, since: datetime, until: datetime) -> Iterable[Requests]:
    """What each account spent on the vendor's days of the span, which are those of Paris."""
    first = since.astimezone(PARIS).date().isoformat()
    last = (until - timedelta(microseconds=1)).astimezone(PARIS).date().isoformat()
    for name, day, spent in ledger.spent(first, last):
        known = config.accounts.get(name)
        yield Requests(name, day, spent, known.budget.count if known and known.budget else None)


# ------------------------------------------------------------------------------------------------------- on a screen


def _plain(found: Account) -> dict[str, Any]:
    books = found.books
    facts: dict[str, Any] = msgspec.to_builtins(
        {
            "since": found.since,
            "until": found.until,
            "polls": [{**msgspec.to_builtins(one), "every": found.every.get(one.source)} for one in found.polls],
            "requests": found.requests,
            "changes": books.changes,
            "events": books.events,
            "untold": books.untold,
            "messages": books.messages,
            "unexplained": books.unexplained,
            "faults": books.faults,
        }
    )
    return facts


def _print(found: Account, config: Config) -> None:
    zone, books = config.timezone, found.books
    say(f"{local(found.since, zone)} to {local(found.until, zone)} ({zone})", "head")
    _print_polls(found, zone)
    _section("changes", [(name, _counted(fates)) for name, fates in sorted(books.changes.items())])
    _section("events", [(kind, str(times)) for kind, times in books.events.most_common()])
    _section("told to nobody, or not to all", [(str(times), why) for why, times in books.untold.most_common()])
    _section("messages", [(sink, _counted(fates)) for sink, fates in sorted(books.messages.items())])
    say()
    for fault in books.faults:
        say(fault, "bad")
    if books.unexplained > len(books.faults):
        say(f"and {books.unexplained - len(books.faults)} more", "bad")
    say(f"{books.unexplained} unexplained", "bad" if books.unexplained else "ok")


def _section(title: str, rows: list[tuple[str, str]]) -> None:
    say()
    say(title, "head")
    table(("", ""), rows or [("none", "")], indent=2)


def _counted(fates: Counter[str]) -> str:
    return "; ".join(f"{times} {fate}" for fate, times in fates.most_common())


def _print_polls(found: Account, zone: ZoneInfo) -> None:
    say()
    say("polls", "head")
    heads = (
        "source",
        "polls",
        "failed",
        "full",
        "incomplete",
        "requests",
        "their total",
        "ours",
        "longest gap",
        "every",
    )
    table(heads, [_poll_row(one, found.every) for one in found.polls], indent=2)
    for one in found.polls:
        if not one.polls:
            say(f"  {one.source}: no poll is on record; they are counted by the hour, and kept for 100 days", "dim")
        for kind, times in one.failed.items():
            say(f"  {one.source}: failed {count(times, 'time')}: {kind}", "warn")
        if one.absent:
            missing = f"{count(one.absent, 'record')} of ours missing from their answer, and not called removed yet"
            say(f"  {one.source}: {missing}", "warn")
        for begin, end, why in one.gaps:
            failed = f"failures of these hours: {', '.join(why)}"
            said = failed if why else "nothing was tried: watcher did not run, or it was paused"
            say(f"  {one.source}: not read from {local(begin, zone)} to {local(end, zone)}: {said}", "warn")
    for spent in found.requests:
        budget = f" of {spent.budget}" if spent.budget is not None else ""
        say(f"  {spent.account}: {spent.spent}{budget} requests on {spent.day} (Paris)")


def _poll_row(one: Polls, every: Mapping[str, float]) -> tuple[str, ...]:
    failed = sum(one.failed.values())
    total = "-" if one.total is None else str(one.total)
    ours = "-" if one.total is None else str(one.ours)
    pace = lapse(timedelta(seconds=every[one.source])) if one.source in every else "not configured"
    numbers = (one.polls, failed, one.full, one.incomplete, one.requests)
    return (one.source, *map(str, numbers), total, ours, lapse(timedelta(seconds=one.longest)), pace)
