"""`replay`: stored events through today's rules."""

from __future__ import annotations

from collections import Counter

import click

from watcher.app import utc_now
from watcher.cli import examples
from watcher.cli.common import config_option, json_option, moment_of, perform
from watcher.cli.glance import glance
from watcher.cli.output import count, print_json, say, table
from watcher.model import stamp


@click.command(epilog=examples("watcher replay --since 2h --dry-run", "watcher replay --since 2026-11-20T18:00"))
@click.option("--since", required=True, metavar="TIME", help="Events seen since then: 2h, or 2026-11-21T10:00.")
@click.option("--again", is_flag=True, help="Also what was told already; it carries the same id.")
@click.option("--dry-run", "dry", is_flag=True, help="Say what would be told, and tell nobody.")
@json_option
@config_option
def replay(path: str | None, since: str, again: bool, dry: bool, as_json: bool) -> None:
    """Put stored events through today's rules, and tell what was never told.

    For a rule or a sink that came too late: whoever was told of an event already is left alone, unless --again.
    """
    start = moment_of(glance(path).timezone, utc_now())(since)
    answer = perform(path, "replay", {"since": stamp(start), "again": again, "dry": dry})
    if as_json:
        print_json(answer)
        return
    would = "would be " if dry else ""
    say(f"{count(answer['events'], 'event')}, {count(len(answer['owed']), 'message')} {would}owed")
    if answer["again"]:
        say(f"{count(answer['again'], 'message')} {would}sent again")
    tally = Counter((one["sink"], one["rule"], one["fate"]) for one in answer["owed"])
    if tally:
        table(("sink", "rule", "", "messages"), [(*key, str(number)) for key, number in tally.items()], indent=2)
