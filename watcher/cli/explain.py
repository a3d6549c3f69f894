"""`explain`: why something was told, or was not."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import click

from watcher.cli import examples
from watcher.cli.common import config_option, configured, json_option, reading, the_record
from watcher.cli.glance import Glance, glance
from watcher.cli.output import local, print_json, say, shown, written
from watcher.config import Config
from watcher.errors import ConfigError
from watcher.explain import Step, standing, steps, verdicts
from watcher.expressions import Condition
from watcher.model import Event
from watcher.operations import Refused
from watcher.rules import Rule, Verdict
from watcher.store.read import Reader
from watcher.streams import STREAMS

ALL = 1_000_000


@click.command(
    epilog=examples("watcher explain adlead.purchases/4", "watcher explain 5f72b0ec-b601-5263-b7a3-60314a93f798")
)
@click.argument("what", metavar="RECORD|EVENT")
@json_option
@config_option
def explain(path: str | None, what: str, as_json: bool) -> None:
    """Say why something was told, or was not.

    Of a RECORD (stream/id or source/id): each version, what differed, what it meant and what was not told, and what is
    waited for. Of an EVENT (its id): what each rule said of it, and what became of each delivery.
    """
    view = glance(path)
    with reading(view.state_path) as reader:
        if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", what):
            answer = _of_event(reader, what, path)
        else:
            answer = _of_record(reader, what)
    if as_json:
        print_json(answer)
    elif "event" in answer:
        _print_event(answer, view)
    else:
        _print_record(answer, view)


# ---------------------------------------------------------------------------------------------------------- a record


def _of_record(reader: Reader, text: str) -> dict[str, Any]:
    source, version = the_record(reader, text)
    rows = {row.name: row.state for row in reader.sources()}
    events = reader.events(limit=ALL, record=f"/{source}#{version.key}")
    alarms = [a for a in reader.alarms(ALL) if (a.source, a.key) == (str(source), version.key)]
    troubles = [c for c in reader.conditions() if c.subject == str(source)]
    story = steps(STREAMS[source.stream], reader.history(source, version.key), events, rows[source])
    return {
        "record": f"{source}/{version.key}",
        "versions": [_written(step) for step in story],
        "now": list(standing(version, alarms, troubles, rows[source]).notes),
    }


def _written(step: Step) -> dict[str, Any]:
    return {
        "version": step.version,
        "seen_at": written(step.seen_at),
        "what": step.what,
        "changes": step.changes,
        "events": [{"id": e.id, "type": e.type, "changes": sorted(e.data.get("changes", {}))} for e in step.events],
        "notes": list(step.notes),
    }


def _print_record(answer: dict[str, Any], view: Glance) -> None:
    say(answer["record"], "head")
    for step in answer["versions"]:
        say()
        say(f"version {step['version']}: {step['what']}, {_when(step['seen_at'], view)}", "head")
        for path, change in step["changes"].items():
            say(f"  {path}: {shown(change['from'], view.timezone)} -> {shown(change['to'], view.timezone)}")
        for event in step["events"]:
            fields = f" (speaks for {', '.join(event['changes'])})" if event["changes"] else ""
            say(f"  told {event['type']}{fields}  {event['id']}", "ok")
        for note in step["notes"]:
            say(f"  not told: {note}", "dim")
    say()
    say("now", "head")
    for note in answer["now"]:
        say(f"  {note}")


def _when(moment: str, view: Glance) -> str:
    return local(datetime.fromisoformat(moment), view.timezone)


# ---------------------------------------------------------------------------------------------------------- an event


def _of_event(reader: Reader, event_id: str, path: str | None) -> dict[str, Any]:
    event = reader.event(event_id)
    if event is None:
        raise Refused(f"no event {event_id} is stored")
    rules, why = _rules(path)
    return {
        "event": event.id,
        "type": event.type,
        "record": event.record.lstrip("/").replace("#", "/"),
        "time": written(event.time),
        "seen_at": written(event.recorded_at),
        "changes": event.data.get("changes", {}),
        "rules": [_verdict(verdict) for verdict in verdicts(event, rules)],
        "rules_unknown": why,
        "deliveries": _deliveries(reader, event),
    }


def _rules(path: str | None) -> tuple[Iterable[Rule], str]:
    """Today's rules, or why they cannot be had: the secrets of a configuration may be the daemon's own."""
    try:
        config: Config = configured(path)
    except ConfigError as error:
        return (), f"the configuration cannot be loaded here: {error.complaints[0]}"
    return [Rule(r.name, r.on, r.to, Condition(r.when) if r.when else None) for r in config.rules], ""


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {"rule": verdict.rule, "taken": verdict.taken, "why": verdict.why}


def _deliveries(reader: Reader, event: Event) -> list[dict[str, Any]]:
    return [
        {
            "number": row.number,
            "sink": row.sink,
            "rule": row.rule,
            "state": row.state,
            "reason": row.reason,
            "answer": row.answer,
            "attempts": [
                {"n": attempt.n, "at": written(attempt.at), "outcome": attempt.outcome, "reason": attempt.reason}
                for attempt in reader.attempts(row.number)
            ],
        }
        for row in reader.deliveries(event=event.id)
    ]


def _print_event(answer: dict[str, Any], view: Glance) -> None:
    say(f"{answer['type']}  {answer['event']}", "head")
    say(f"of {answer['record']}, happened {_when(answer['time'], view)}, seen {_when(answer['seen_at'], view)}", "dim")
    for path, change in answer["changes"].items():
        say(f"  {path}: {shown(change['from'], view.timezone)} -> {shown(change['to'], view.timezone)}")
    say()
    say("rules, as they are today", "head")
    if answer["rules_unknown"]:
        say(f"  {answer['rules_unknown']}", "warn")
    for verdict in answer["rules"]:
        say(
            f"  {'took' if verdict['taken'] else 'left'} it: {verdict['rule']}: {verdict['why']}",
            "" if verdict["taken"] else "dim",
        )
    say()
    say("deliveries", "head")
    for row in answer["deliveries"]:
        reason = f": {row['reason']}" if row["reason"] else ""
        say(f"  {row['number']} to {row['sink']} by {row['rule']!r}: {row['state']}{reason}")
        for attempt in row["attempts"]:
            say(
                f"    {attempt['n']}. {_when(attempt['at'], view)} {attempt['outcome']} {attempt['reason']}".rstrip(),
                "dim",
            )
    if not answer["deliveries"]:
        say("  it is owed to nobody", "dim")
