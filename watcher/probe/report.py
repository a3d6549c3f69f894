"""What came of the questions, for people to read, and the settings that it suggests. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any

from watcher.plan import RESERVE
from watcher.probe.scene import counted
from watcher.units import Rate

_DAY, _LEAST = 86_400, 60
_ROUND = 5
_SHARE = 3
"""Of a rate without a budget no more than a third is planned: the rest is for second looks, and for others."""

Table = Mapping[str, Any]


# --------------------------------------------------------------------------------------------------------- suggestions


def suggested(report: Table, account: Table, sources: Sequence[Table], rate: Rate, budget: Rate | None) -> str:
    """Settings for that account, as a config.toml of their own.

    `account` and `sources` are its tables as they are written, with the references to its secrets; what is suggested
    is laid over them. `rate` and `budget` are those in force.
    """
    facts = {about["stream"].partition(".")[2]: about["facts"] for about in report["streams"]}
    rate = _rate(rate, report["limit"])
    read = [len(_partitions(source)) * _pages(facts.get(str(source.get("stream")), {})) for source in sources]
    every = _every(sum(read), rate, budget)
    limits = {"max_rate": written(rate), "budget": written(budget) if budget else False}
    lines = [f"[accounts.{report['account']}]", *_keys({**account, **limits})]
    for source in sources:
        more = {"every": f"{every}s"}
        if "cursor" in facts.get(str(source.get("stream")), {}):
            more |= {"reconcile": "24h", "lookback": "300s"}
        lines += ["", "[[sources]]", *_keys({**source, **more})]
    return "\n".join((*lines, ""))


def _rate(rate: Rate, limit: int | None) -> Rate:
    """The rate in force, or less where the vendor allows no more a minute: of that, something is left to others."""
    if limit is None:
        return rate
    return min(rate, Rate(max(1, limit * 5 // 6), 60), key=lambda one: one.count / one.seconds)


def _pages(facts: Table) -> int:
    """How many requests one whole read takes."""
    total, page = facts.get("total"), facts.get("page")
    return max(1, math.ceil(total / page)) if total and page else 1


def _every(requests: int, rate: Rate, budget: Rate | None) -> int:
    """Seconds between reads, so that all of them keep within the day's budget, or within a part of the rate."""
    if budget:
        seconds = requests * _DAY / (budget.count * (1 - RESERVE))
    else:
        seconds = requests * _SHARE * rate.seconds / rate.count
    return max(_LEAST, math.ceil(seconds / _ROUND) * _ROUND)


def _partitions(source: Table) -> Sequence[Any]:
    lists = [value for value in source.values() if isinstance(value, list)]
    return lists[0] if lists else [None]


def written(rate: Rate) -> str:
    """A rate as it is configured."""
    periods = {1: "s", 60: "min", 3600: "h", _DAY: "day"}
    return f"{rate.count}/{periods.get(int(rate.seconds)) or f'{int(rate.seconds)}s'}"


def _keys(table: Table) -> Iterator[str]:
    return (f"{name} = {_toml(value)}" for name, value in table.items())


def _toml(value: Any) -> str:
    match value:
        case dict():
            return "{ " + ", ".join(f"{name} = {_toml(inner)}" for name, inner in value.items()) + " }"
        case list():
            return "[" + ", ".join(map(_toml, value)) + "]"
        case date() | datetime() | time():
            return value.isoformat()
    return json.dumps(value, ensure_ascii=False)


# --------------------------------------------------------------------------------------------------------------- people


def lines(report: Table) -> Iterator[tuple[str, str]]:
    """The report as lines of text, each with a style."""
    requests = report["requests"]
    made = f"{counted(requests['made'], 'request')} made, {requests['most']} announced"
    yield f"{report['account']} ({report['api']}): {made}", "head"
    if report["stopped"]:
        yield f"stopped early: {report['stopped']}", "bad"
    for about in report["streams"]:
        yield "", ""
        yield f"{about['stream']}, {about['partition']}", "head"
        yield from _findings(about["findings"])
        yield from _records(about)
    yield "", ""
    yield "the account", "head"
    yield from _findings(report["account_findings"])
    if report["headers"]:
        named = ", ".join(f"{name}: {value}" for name, value in report["headers"].items())
        yield f"  headers: {named}", "dim"
    if report["stored"]:
        yield "", ""
        yield "what is stored says", "head"
        yield from _findings(report["stored"])


def _findings(findings: Sequence[Table]) -> Iterator[tuple[str, str]]:
    width = max((len(one["question"]) for one in findings), default=0)
    for one in findings:
        evidence = f" ({one['evidence']})" if one["evidence"] else ""
        yield f"  {one['question']:{width}}  {one['answer']}{evidence}", ""


def _records(about: Table) -> Iterator[tuple[str, str]]:
    for path, counts in about["enumerations"].items():
        yield f"  {path}: " + ", ".join(f"{value} {count}" for value, count in counts.items()), ""
    for path, (hits, of) in about["midnights"].items():
        if hits:
            yield f"  {path}: {hits} of {of} are midnights in Paris, dates in truth", ""
    for title, names in (("not described", about["unknown"]), ("never came", about["never"])):
        if names:
            yield f"  {title}: {', '.join(names)}", "warn"
    for one in about["fields"]:
        kinds = ", ".join(one["types"])
        forms = f" ({', '.join(one['forms'])})" if one["forms"] else ""
        share = f"in {one['present']:.0%}, null in {one['null']:.0%}"
        yield f"  {one['path']}: {kinds}{forms}; {share}", "dim"
