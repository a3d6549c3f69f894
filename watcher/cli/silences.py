"""`silence`: have something not told for a while."""

from __future__ import annotations

import getpass
from contextlib import suppress
from datetime import datetime, timedelta

import click

from watcher.app import utc_now
from watcher.cli import examples, names
from watcher.cli.common import config_option, json_option, moment_of, perform, reading
from watcher.cli.glance import glance
from watcher.cli.output import Cell, ahead, brief, local, print_json, say, table
from watcher.model import Silence
from watcher.silences import LABELS
from watcher.toml import nearest
from watcher.units import duration


@click.group(epilog=examples("watcher silence add sink=sales --for 2h --comment 'moving the office'"))
def silence() -> None:
    """Have something not told for a while; it is listed when that is over."""


def _whoever() -> str:
    with suppress(OSError, KeyError):
        return getpass.getuser()
    return "nobody known"


@silence.command(
    epilog=examples(
        "watcher silence add sink=sales --for 2h --comment 'moving the office'",
        "watcher silence add type='purchase-*' partition=7 --until 2026-12-01 --comment 'prices are being redone'",
    )
)
@click.argument("matchers", metavar="LABEL=GLOB...", nargs=-1, required=True)
@click.option("--for", "lasting", metavar="DURATION", help="For so long: 30m, 2h, 7d.")
@click.option("--until", metavar="TIME", help="Until then: 2026-12-01, 2026-11-21T18:00.")
@click.option("--comment", required=True, help="Why; it is shown when the silence is over.")
@click.option("--author", default=_whoever, show_default="you", help="Who wants it.")
@json_option
@config_option
def add(
    path: str | None,
    matchers: tuple[str, ...],
    lasting: str | None,
    until: str | None,
    comment: str,
    author: str,
    as_json: bool,
) -> None:
    """Tell nothing that all of these match, for a while.

    The labels are type, source, account, stream, partition, record, rule and sink. What is not told is kept; when the
    silence is over, each sink is told in one message what that was.
    """
    now = utc_now()
    wanted = dict(map(_matcher, matchers))
    span = _span(lasting, until, path, now)
    answer = perform(
        path,
        "silence",
        {"matchers": wanted, "author": author, "comment": comment, "seconds": span.total_seconds()},
    )
    if as_json:
        print_json(answer)
    else:
        end = datetime.fromisoformat(answer["until"])
        say(f"silence {answer['number']} lasts until {local(end, glance(path).timezone)}", "ok")


def _matcher(text: str) -> tuple[str, str]:
    label, sign, glob = text.partition("=")
    if not sign or not glob:
        raise click.BadParameter(f"{text!r} is no matcher; write LABEL=GLOB, e.g. sink=sales", param_hint="LABEL=GLOB")
    if label not in LABELS:
        remedy = nearest(label, LABELS) or f"; there are {', '.join(LABELS)}"
        raise click.BadParameter(f"no label {label!r}{remedy}", param_hint="LABEL=GLOB")
    return label, glob


def _span(lasting: str | None, until: str | None, path: str | None, now: datetime) -> timedelta:
    if bool(lasting) == bool(until):
        raise click.UsageError("say how long: --for 2h, or --until 2026-12-01")
    if until:
        span = moment_of(glance(path).timezone, now, "--until")(until) - now
    else:
        try:
            span = duration(lasting or "")
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--for") from None
    if span <= timedelta(0):
        raise click.UsageError("a silence has to end later than now")
    return span


@silence.command("list", epilog=examples("watcher silence list", "watcher silence list --all --json"))
@click.option("--all", "every", is_flag=True, help="Those that are over, too.")
@json_option
@config_option
def list_(path: str | None, every: bool, as_json: bool) -> None:
    """List the silences in force."""
    view, now = glance(path), utc_now()
    with reading(view.state_path) as reader:
        found = [one for one in reader.silences() if every or one.until > now]
    if as_json:
        print_json(found)
        return

    def row(one: Silence) -> tuple[Cell, ...]:
        matchers = " ".join(f"{label}={glob}" for label, glob in one.matchers.items())
        ends = ahead(one.until, now) if one.until > now else "over"
        return str(one.number), ends, brief(one.since, view.timezone, now), one.author, matchers, one.comment

    table(("number", "ends", "since", "author", "matchers", "comment"), map(row, found))


@silence.command(epilog=examples("watcher silence end 3"))
@click.argument("number", type=click.IntRange(1), shell_complete=names.silences)
@json_option
@config_option
def end(path: str | None, number: int, as_json: bool) -> None:
    """End a silence now; what it took is listed at once."""
    answer = perform(path, "end-silence", {"number": number})
    if as_json:
        print_json(answer)
    else:
        say(f"silence {number} is over", "ok")
