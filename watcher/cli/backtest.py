"""`backtest`: what the rules, or others, would have sent on the stored history."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from watcher import logs
from watcher.app import utc_now
from watcher.cli import examples
from watcher.cli.common import config_option, configured, json_option, moment_of, reading
from watcher.cli.output import count, local, print_json, say, table, written
from watcher.config import Config, load_rules
from watcher.expressions import check
from watcher.rehearsal.backtest import Replayed, Sent, differences, replay, unknowns
from watcher.rehearsal.stage import Cast
from watcher.sinks import sink_types
from watcher.store.read import Reader
from watcher.streams import catalogue
from watcher.templates import check_template
from watcher.toml import read


@click.command(
    epilog=examples(
        "watcher backtest --since 30d",
        "watcher backtest --since 30d --compare rules/new.toml",
        "watcher backtest --since 2026-11-01 --until 2026-11-08 --compare other/config.toml --json",
    )
)
@click.option("--since", required=True, metavar="WHEN", help="From when: 30d ago, or 2026-11-01.")
@click.option("--until", metavar="WHEN", help="Until when (default: now).")
@click.option(
    "--compare",
    "new",
    metavar="NEW",
    type=click.Path(path_type=Path),
    help="Another configuration, or a file of rules in place of all of today's.",
)
@click.option("--limit", type=click.IntRange(0), default=40, show_default=True, help="So many messages are listed.")
@json_option
@config_option
def backtest(path: str | None, since: str, until: str | None, new: Path | None, limit: int, as_json: bool) -> None:
    """Say what the rules would have sent on the stored history.

    The stored events go through the rules at the times at which they came, with timers, hours, groups and limits as
    they would have been; with --compare, also through others. Nobody is told anything, and the store is only read.
    """
    logs.setup("error")
    config, now = configured(path, spare_secrets=True), utc_now()
    other = _other(new, config) if new else None
    start = moment_of(config.timezone, now)(since).astimezone(UTC)
    end = moment_of(config.timezone, now, "--until")(until).astimezone(UTC) if until else now
    if end <= start:
        raise click.BadParameter("must be after --since", param_hint="--until")
    answer = asyncio.run(_backtest(config, other, start, end, limit))
    if as_json:
        print_json(answer)
    else:
        _print_backtest(answer, config)


def _other(path: Path, config: Config) -> Config:
    """The configuration to compare with: a whole one, or today's with the rules of a file in place of its own."""
    if not read(path).data.keys() <= {"rules"}:
        return configured(str(path), spare_secrets=True)
    return load_rules(
        path,
        config,
        sink_types=sink_types(),
        event_types=catalogue(),
        check_condition=check,
        check_template=check_template,
    )


async def _backtest(
    config: Config, other: Config | None, since: datetime, until: datetime, limit: int
) -> dict[str, Any]:
    with reading(config.state_path) as history:
        today = await _replayed(config, history, since, until)
        new = await _replayed(other, history, since, until) if other else None
        counts, news = today.counts(), new.counts() if new else Counter[tuple[str, str]]()
        answer: dict[str, Any] = {
            "since": written(since),
            "until": written(until),
            "events": today.events,
            "unknown": list(unknowns(today.cast, history, since)),
            "rules": [
                {"sink": sink, "rule": rule, "messages": counts[sink, rule]}
                | ({"new": news[sink, rule]} if new else {})
                for sink, rule in sorted(counts.keys() | news.keys())
            ],
        }
        if new:
            found = differences(today, new)
            signs = Counter(one.sign for one in found)
            shown = [await _line(one.sent, new if one.sign == "+" else today, one.sign) for one in found[:limit]]
            return {
                **answer,
                "more": signs["+"],
                "fewer": signs["-"],
                "messages": shown,
                "left_out": len(found) - len(shown),
            }
        total = sum(counts.values())
        last = deque(today.sent(), maxlen=limit)
        return {**answer, "messages": [await _line(one, today) for one in last], "left_out": total - len(last)}


async def _replayed(config: Config, history: Reader, since: datetime, until: datetime) -> Replayed:
    async with await Cast.of(config, sink_types()) as cast:
        return await replay(cast, history, since, until)


async def _line(sent: Sent, replayed: Replayed, sign: str = "") -> dict[str, Any]:
    line = {
        "at": written(sent.at),
        "sink": sent.sink,
        "rule": sent.rule,
        "event": sent.type,
        "title": await replayed.title(sent),
    }
    return {"sign": sign, **line} if sign else line


def _print_backtest(answer: dict[str, Any], config: Config) -> None:
    since, until = (local(datetime.fromisoformat(answer[key]), config.timezone) for key in ("since", "until"))
    say(f"{count(answer['events'], 'event')} from {since} to {until}", "head")
    for text in answer["unknown"]:
        say(f"  {text}", "warn")
    say()
    compared = "more" in answer
    heads = ("sink", "rule", "messages", "new", "") if compared else ("sink", "rule", "messages")
    table(heads, [_row(one) for one in answer["rules"]])
    if compared:
        say()
        say(f"{answer['more']} more, {answer['fewer']} fewer", "head")
    elif answer["messages"]:
        say()
    table(
        ("",) * (5 if compared else 4),
        [
            (
                *([one["sign"]] if compared else []),
                local(datetime.fromisoformat(one["at"]), config.timezone),
                one["sink"],
                one["rule"],
                (one["title"], {"+": "ok", "-": "bad"}.get(one.get("sign", ""), "")),
            )
            for one in answer["messages"]
        ],
    )
    if answer["left_out"]:
        say(f"and {answer['left_out']} {'more of them' if compared else 'before these'} (--limit)", "dim")


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    if "new" not in one:
        return one["sink"], one["rule"], str(one["messages"])
    return one["sink"], one["rule"], str(one["messages"]), str(one["new"]), f"{one['new'] - one['messages']:+d}"
