"""`explain`: why something was told, or was not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Any

import click

from watcher.app import utc_now
from watcher.cli import examples, names
from watcher.cli.common import config_option, configured, json_option, moment_of, reading, the_record
from watcher.cli.glance import Glance, glance
from watcher.cli.output import local, print_json, say, shown, written
from watcher.desk import RELEASE
from watcher.errors import ConfigError
from watcher.explain import Step, standing, steps, verdicts
from watcher.model import Event
from watcher.operations import Refused
from watcher.rulebook import rule_of
from watcher.rules import Rule, Verdict, timed
from watcher.store.read import Reader
from watcher.streams import STREAMS

ALL = 1_000_000


@click.command(
    epilog=examples("watcher explain adlead.purchases/4", "watcher explain 5f72b0ec-b601-5263-b7a3-60314a93f798")
)
@click.argument("what", metavar="RECORD|EVENT", shell_complete=names.records_and_events)
@click.option("--at", "moment", metavar="TIME", help="A record as it was then: 2026-11-21T10:00, or 2h ago.")
@json_option
@config_option
def explain(path: str | None, what: str, moment: str | None, as_json: bool) -> None:
    """Say why something was told, or was not.

    Of a RECORD (stream/id or source/id): each version, what differed, what it meant, what became of each message and
    what was not told, and what is waited for; with --at, the version that was known then, and what each rule said of
    its events. Of an EVENT (its id): what each rule said of it, and what became of each delivery.
    """
    view = glance(path)
    at = moment_of(view.timezone, utc_now(), "--at")(moment) if moment else None
    with reading(view.state_path) as reader:
        if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", what):
            answer = _of_event(reader, _stored(reader, what), path=path)
        else:
            answer = _of_record(reader, what, path, at)
    if as_json:
        print_json(answer)
    elif "event" in answer:
        _print_event(answer, view)
    else:
        _print_record(answer, view)


# ---------------------------------------------------------------------------------------------------------- a record


def _of_record(reader: Reader, text: str, path: str | None, at: datetime | None) -> dict[str, Any]:
    source, version = the_record(reader, text)
    rows = {row.name: row.state for row in reader.sources()}
    events = reader.events(limit=ALL, record=f"/{source}#{version.key}")
    alarms = [a for a in reader.alarms(ALL) if (a.source, a.key) == (str(source), version.key)]
    troubles = [c for c in reader.conditions() if c.subject == str(source)]
    story = steps(STREAMS[source.stream], reader.history(source, version.key), events, rows[source])
    timed_events = [event for event in events if timed(event)]
    if at is not None:
        known = [step for step in story if step.seen_at <= at]
        if not known:
            raise Refused(f"{text} was first seen at {written(story[0].seen_at)}, not by then")
        story = known[-1:]
        timed_events = [event for event in timed_events if event.data.get("version") == story[0].version]
    detail = partial(_of_event, reader, path=path) if at else partial(_brief, reader)
    return {
        "record": f"{source}/{version.key}",
        "versions": [_written(step, detail) for step in story],
        "timed": [detail(event) for event in timed_events],
        "now": list(standing(version, alarms, troubles, rows[source]).notes),
    }


def _brief(reader: Reader, event: Event) -> dict[str, Any]:
    """An event and what became of its messages."""
    changes = sorted(event.data.get("changes", {}))
    return {"id": event.id, "type": event.type, "changes": changes, "deliveries": _deliveries(reader, event)}


def _written(step: Step, detail: Callable[[Event], dict[str, Any]]) -> dict[str, Any]:
    return {
        "version": step.version,
        "seen_at": written(step.seen_at),
        "what": step.what,
        "changes": step.changes,
        "events": [detail(event) for event in step.events if not timed(event)],
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
            _print_told(event, view)
        for note in step["notes"]:
            say(f"  not told: {note}", "dim")
    if answer["timed"]:
        say()
        say("as time went by", "head")
        for event in answer["timed"]:
            _print_told(event, view)
    say()
    say("now", "head")
    for note in answer["now"]:
        say(f"  {note}")


def _print_told(event: dict[str, Any], view: Glance) -> None:
    """An event of a record: what it speaks for, what the rules said of it where that was asked, who was told."""
    fields = f" (speaks for {', '.join(event['changes'])})" if event["changes"] else ""
    say(f"  event {event['type']}{fields}  {event['id']}", "ok")
    for verdict in event.get("rules", ()):
        _print_verdict(verdict, indent=4)
    for row in event["deliveries"]:
        say(f"    to {row['sink']} by {row['rule']!r}: {_fate(row, view)}")
    if not event["deliveries"]:
        say("    owed to nobody", "dim")


def _print_verdict(verdict: dict[str, Any], *, indent: int) -> None:
    did = "took" if verdict["taken"] else "waits on" if verdict["arms"] else "left"
    say(f"{' ' * indent}{did} it: {verdict['rule']}: {verdict['why']}", "" if did != "left" else "dim")


def _when(moment: str, view: Glance) -> str:
    return local(datetime.fromisoformat(moment), view.timezone)


# ---------------------------------------------------------------------------------------------------------- an event


def _stored(reader: Reader, event_id: str) -> Event:
    event = reader.event(event_id)
    if event is None:
        raise Refused(f"no event {event_id} is stored")
    return event


def _of_event(reader: Reader, event: Event, *, path: str | None) -> dict[str, Any]:
    rules, why = _rules(path)
    return {
        "event": event.id,
        "id": event.id,
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
        config = configured(path)
    except ConfigError as error:
        return (), f"the configuration cannot be loaded here: {error.complaints[0]}"
    return [rule_of(settings, config.timezone) for settings in config.rules], ""


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {"rule": verdict.rule, "taken": verdict.taken, "arms": verdict.arms, "why": verdict.why}


def _deliveries(reader: Reader, event: Event) -> list[dict[str, Any]]:
    """Each message of an event: sent, owed, held and until when, silenced, told in a summary, and each attempt."""
    releases = (alarm for alarm in reader.alarms(ALL) if alarm.kind == RELEASE)
    until = {(alarm.source, alarm.name, alarm.key): written(alarm.due_at) for alarm in releases}
    return [
        {
            "number": row.number,
            "sink": row.sink,
            "rule": row.rule,
            "state": row.state,
            "reason": row.reason,
            "maybe_duplicate": row.state == "delivered" and row.unanswered > 0,
            "waits_with": row.bundle,
            "until": until.get((row.sink, row.rule, row.bundle)) if row.state == "held" else None,
            "told_in": row.told_in,
            "answer": row.answer,
            "attempts": [
                {"n": attempt.n, "at": written(attempt.at), "outcome": attempt.outcome, "reason": attempt.reason}
                for attempt in reader.attempts(row.number)
            ],
        }
        for row in reader.deliveries(event=event.id)
    ]


def _fate(row: dict[str, Any], view: Glance) -> str:
    """What became of a message, in words."""
    reason = f": {row['reason']}" if row["reason"] else ""
    match row["state"]:
        case "held":
            until = f" until {_when(row['until'], view)}" if row["until"] else ""
            return f"held{until}{reason}"
        case "summed":
            return f"told in the summary {row['told_in']}"
        case "silenced":
            listed = f", listed in {row['told_in']}" if row["told_in"] else ""
            return f"silenced{reason}{listed}"
        case "delivered" if row["maybe_duplicate"]:
            return "delivered, maybe told twice: an answer was lost"
        case state:
            return f"{state}{reason}"


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
        _print_verdict(verdict, indent=2)
    say()
    say("deliveries", "head")
    for row in answer["deliveries"]:
        say(f"  {row['number']} to {row['sink']} by {row['rule']!r}: {_fate(row, view)}")
        for attempt in row["attempts"]:
            say(
                f"    {attempt['n']}. {_when(attempt['at'], view)} {attempt['outcome']} {attempt['reason']}".rstrip(),
                "dim",
            )
    if not answer["deliveries"]:
        say("  it is owed to nobody", "dim")
