"""`render`: what the messages of an event look like."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from watcher import logs
from watcher.app import utc_now
from watcher.cli import examples, names
from watcher.cli.common import config_option, configured, json_option, reading
from watcher.cli.output import print_json, say
from watcher.config import Config
from watcher.desk import SUMMARY
from watcher.model import Delivery, Event, Fate, Message
from watcher.operations import Refused
from watcher.privacy import shown_envelope
from watcher.rehearsal.examples import example, members_of
from watcher.rehearsal.reasons import untaken
from watcher.rehearsal.stage import Cast
from watcher.rules import DEADLINE_NEAR, OVERDUE, Rule
from watcher.sinks import Settings, sink_types
from watcher.sinks.kit import record_name
from watcher.sinks.letter import as_html, as_text
from watcher.sinks.slack import payload
from watcher.store.outbox import MEMBERS
from watcher.streams import catalogue
from watcher.toml import nearest

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Rendered:
    """One sink's message: the rule that sends it, what becomes of it, and how it reads; `html` is an e-mail's."""

    sink: str
    type: str
    rule: str
    fate: str
    title: str
    text: str
    payload: Any = None
    html: str = ""

    @property
    def files(self) -> Iterator[tuple[str, str]]:
        """The files that it is written to, by the ends of their names."""
        if self.payload is not None:
            yield "json", msgspec.json.format(msgspec.json.encode(self.payload), indent=2).decode()
        if self.html:
            yield "html", self.html
        if self.text:
            yield "txt", self.text


@click.command(
    epilog=examples(
        "watcher render new-lead",
        "watcher render purchase-canceled --sink direction --out /tmp/messages",
        "watcher render 5f72b0ec-b601-5263-b7a3-60314a93f798 --json",
    )
)
@click.argument("what", metavar="EVENT", shell_complete=names.events)
@click.option(
    "--sink", metavar="NAME", shell_complete=names.sinks, help="Only for that sink, whether or not a rule tells it."
)
@click.option(
    "--rule", metavar="NAME", shell_complete=names.rules, help="As if that rule sent it, to each of its sinks."
)
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write SINK.html, SINK.txt and SINK.json there.",
)
@json_option
@config_option
def render(path: str | None, what: str, sink: str | None, rule: str | None, out: Path | None, as_json: bool) -> None:
    """Show what the messages of an event look like, for each sink that is told of it.

    EVENT is the id of a stored event, or a type of event, of which an example is made up. Sinks are not contacted, and
    secrets are not needed.
    """
    logs.setup("error")
    config = configured(path, spare_secrets=True)
    _known(sink, config.sinks, "sink")
    _known(rule, [one.name for one in config.rules], "rule")
    found = asyncio.run(_render(what, config, sink, rule))
    if out:
        _write(found, out)
    if as_json:
        print_json([_json(one) for one in found])
        return
    for number, one in enumerate(found):
        if number:
            say()
        by = f', by "{one.rule}"' if one.rule else ""
        say(f"{one.sink} ({one.type}){by}: {one.fate}", "head")
        say()
        for line in (one.text or next(text for end, text in one.files if end == "json")).rstrip().splitlines():
            say(f"  {line}".rstrip())
    if out:
        say()
        say(f"written to {out}", "dim")


def _known(name: str | None, names: Iterable[str], what: str) -> None:
    names = list(names)
    if name is not None and name not in names:
        raise Refused(f"there is no {what} {name!r}" + (nearest(name, names) or f"; there are {', '.join(names)}"))


async def _render(what: str, config: Config, sink: str | None, rule: str | None) -> list[Rendered]:
    now = utc_now()
    async with await Cast.of(config, sink_types()) as cast:
        event, members = _event(what, cast, now)
        cast.clock.now = max(now, event.recorded_at)
        if event.type == SUMMARY:
            mine = str(event.data.get("sink") or "")  # an example is of none
            sinks = [sink] if sink else [mine] if mine in config.sinks else list(config.sinks)
            wanted = dict.fromkeys(sinks, (rule or event.subject, "at once"))
        elif rule:
            told = next(one.to for one in config.rules if one.name == rule)
            wanted = dict.fromkeys([sink] if sink else told, (rule, "at once"))
        else:
            wanted = _told(event, cast, sink)
        return [_dressed(name, *how, event, members, cast) for name, how in wanted.items()]


def _told(event: Event, cast: Cast, sink: str | None) -> dict[str, tuple[str, str]]:
    """Which sinks are told of an event, each with the rule and with what becomes of the message now."""
    routed = cast.parts.desk.trial().take([event], cast.clock())
    found = {
        one.sink: (one.rule, "at once" if one.fate is Fate.OWED else f"{one.fate}, {one.why}")
        for one in routed.owed
        if sink in (None, one.sink)
    }
    if sink and not found:
        return {sink: ("", untaken(event, sink, None, cast.parts.desk.rules))}
    if not found:
        said = "; ".join(untaken(event, name, None, cast.parts.desk.rules) for name in cast.config.sinks)
        raise Refused(f"nobody is told of {event.type}: {said}; name a --sink to see it all the same")
    return found


def _event(what: str, cast: Cast, now: datetime) -> tuple[Event, tuple[Event, ...]]:
    """The event that is meant, and those that it sums up."""
    if _ID.fullmatch(what):
        with reading(cast.config.state_path) as reader:
            event = reader.event(what)
            if event is None:
                raise Refused(f"no event {what} is stored")
            return event, tuple(reader.events(limit=MEMBERS, told_in=what)) if event.type == SUMMARY else ()
    watches, rules = list(cast.parts.watches.values()), cast.parts.desk.rules
    made = example(what, watches, rules, now, cast.config.timezone)
    if made is None:
        known = {*catalogue(), OVERDUE, DEADLINE_NEAR, SUMMARY, *_emitted(rules)}
        remedy = nearest(what, known)
        if what in known:
            raise Refused(f"none of the configured sources tells {what}")
        raise Refused(f"{what!r} is neither the id of an event nor a type of one{remedy}")
    return made, members_of(made, watches, now)


def _emitted(rules: Iterable[Rule]) -> set[str]:
    return {rule.timer.emit for rule in rules if rule.timer}


# ------------------------------------------------------------------------------------------------------------- dressing


def _dressed(name: str, rule: str, fate: str, event: Event, members: tuple[Event, ...], cast: Cast) -> Rendered:
    """The message as that sink would have it."""
    settings, now = cast.config.sinks[name], cast.clock()
    message = cast.render(Delivery(0, event, name, rule, 0, now, now, members), settings.personal)
    if not cast.types[settings.type].people:
        json = shown_envelope(event, settings.personal)
        return Rendered(name, settings.type, rule, fate, message.title, "", json)
    footer = " · ".join(filter(None, (message.age, record_name(event))))
    return Rendered(
        sink=name,
        type=settings.type,
        rule=rule,
        fate=fate,
        title=message.title,
        text=as_text(message, footer),
        payload=_payload(settings, message, event),
        html=as_html(message, footer) if settings.type == "email" else "",
    )


def _payload(settings: Settings, message: Message, event: Event) -> Any:
    return payload(message, record_name(event)) if settings.type == "slack" else None


def _write(found: list[Rendered], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for one in found:
        for end, text in one.files:
            (out / f"{one.sink}.{end}").write_text(text, encoding="utf-8")


def _json(one: Rendered) -> dict[str, Any]:
    return {
        "sink": one.sink,
        "type": one.type,
        "rule": one.rule,
        "fate": one.fate,
        "title": one.title,
        "text": one.text,
        "payload": one.payload,
        "html": one.html,
    }
