"""Why a rule tells of an event, or does not. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from watcher.model import Event
from watcher.rules import Rule, judge


def reason(rule: Rule, event: Event) -> str:
    """What a rule says of an event, with the part of its condition that decides."""
    verdict = judge(rule, event)
    if verdict.failed or rule.when is None or not rule.hears(event) or rule.tells(event):
        said = verdict.why
    else:
        said = str(rule.when.why(event))
    return f"{said}; it only sets its timer" if verdict.arms else said


def untaken(event: Event, sink: str, rule: str | None, rules: Iterable[Rule]) -> str:
    """Why a sink is not told of an event that no rule tells it: what that rule says of it, or each that tells it."""
    asked = [one for one in rules if sink in one.to and rule in (None, one.name)]
    if rule is not None:
        return reason(asked[0], event) if asked else f"{rule!r} does not tell {sink}"
    heard = [one for one in asked if one.hears(event)]
    if not heard:
        return f"no rule that tells {sink} is about {event.type}"
    return f"no rule takes it: {'; '.join(f'{one.name}: {reason(one, event)}' for one in heard)}"
