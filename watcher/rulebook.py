"""The rules of a configuration as the core knows them: what is heard, when it is told, and in whose words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import structlog

from watcher import messages, privacy
from watcher.config import Config, RuleSettings
from watcher.desk import SUMMARY, Desk
from watcher.expressions import Condition
from watcher.model import Delivery, Event, Message
from watcher.ports import Clock, Render
from watcher.rules import DEADLINE_NEAR, OVERDUE, Grouping, Rule, Timer, Timing
from watcher.sinks import SinkType
from watcher.templates import Template
from watcher.written import streams_called

_log = structlog.get_logger("watcher.rules")

MOST_TITLE, MOST_LINE, MOST_LINES = 200, 1000, 40
"""Bounds of what a rule's own templates make: characters and lines."""


RULES = "rules"
"""The note in the store of which rules are in force, and since when: their digest and a moment."""


def digest(config: Config) -> str:
    """What tells the rules of a configuration from others: who is told of what, and when."""
    rules = [msgspec.structs.replace(rule, file=Path(), line=0) for rule in config.rules]
    return sha256(repr((rules, config.operator, str(config.timezone))).encode()).hexdigest()[:32]


def desk_of(config: Config, types: Mapping[str, SinkType]) -> Desk:
    """The desk of a configuration, with nothing on it."""
    people = frozenset(name for name, settings in config.sinks.items() if types[settings.type].people)
    rules = tuple(rule_of(settings, config.timezone) for settings in config.rules)
    return Desk(rules, config.timezone, config.operator, people)


def rule_of(settings: RuleSettings, zone: ZoneInfo) -> Rule:
    """A rule as the core knows it."""
    group = settings.group
    return Rule(
        name=settings.name,
        on=settings.on,
        to=settings.to,
        when=Condition(settings.when, zone) if settings.when else None,
        timer=_timer_of(settings, zone),
        timing=Timing(
            hours=settings.hours,
            outside=settings.outside,
            group=Grouping(group.by, group.wait, group.every, group.most) if group else None,
            digest=settings.digest,
            throttle=settings.throttle,
            flood=settings.flood,
        ),
    )


def _timer_of(settings: RuleSettings, zone: ZoneInfo) -> Timer | None:
    if settings.after is not None:
        unless = Condition(settings.unless, zone) if settings.unless else None
        return Timer(emit=settings.emit or OVERDUE, after=settings.after, unless=unless)
    if settings.before is not None:
        streams = tuple(dict.fromkeys(stream.name for name in settings.on for stream in streams_called(name)))
        emit = settings.emit or DEADLINE_NEAR
        return Timer(emit=emit, before=settings.before, of=settings.of or "", streams=streams)
    return None


def renderer(config: Config, clock: Clock) -> Render:
    """What composes the messages of a configuration: the shipped words, or a rule's own."""
    own = {
        rule.name: (Template(rule.title) if rule.title else None, Template(rule.body) if rule.body else None)
        for rule in config.rules
        if rule.title or rule.body
    }

    def render(delivery: Delivery, personal: bool | None) -> Message:
        message = messages.compose(
            delivery.event,
            language=config.language,
            zone=config.timezone,
            now=clock(),
            members=delivery.members,
            personal=personal,
        )
        title, body = own.get(delivery.rule, (None, None))
        return _dressed(message, privacy.shown(delivery.event, personal), delivery.rule, title, body, config)

    return render


def _dressed(
    message: Message, event: Event, rule: str, title: Template | None, body: Template | None, config: Config
) -> Message:
    """The message in a rule's own words. Where they fail on this event, the shipped ones are better than none."""
    if event.type == SUMMARY:  # they are written for one event
        return message
    words = partial(Template.render, event=event, language=config.language, zone=config.timezone, rule=rule)
    try:
        titled = _titled(message, words(title)) if title else message
        return _bodied(titled, words(body)) if body else titled
    except ValueError as error:
        _log.warning("a template failed: the shipped message is sent", rule=rule, why=str(error))
        return message


def _titled(message: Message, text: str) -> Message:
    return replace(message, title=messages.plain(text, MOST_TITLE) or message.title)


def _bodied(message: Message, text: str) -> Message:
    lines = tuple(("", messages.plain(line, MOST_LINE)) for line in text.strip().splitlines()[:MOST_LINES])
    return replace(message, lines=lines, advice="")
