"""Events x rules -> who is owed what.

Pure. Rules are tried in order and every matching rule applies, but one event reaches one sink at most once: by the
first rule that sends it there. Operational events go to the operator's sinks as well, never to the one that is broken.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from watcher.expressions import Condition
from watcher.model import Event, Owed
from watcher.streams import OPERATIONAL

OPERATOR = "operator"
"""The name under which `[operator]` owes its messages."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`[[rules]]`: which events go to which sinks, under which condition."""

    name: str
    on: tuple[str, ...]
    to: tuple[str, ...]
    when: Condition | None = None

    def hears(self, event_type: str) -> bool:
        """Say whether the rule is about events of that type."""
        return any(fnmatchcase(event_type, pattern) for pattern in self.on)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule said of one event, and why; `failed` when its condition could not be worked out."""

    rule: str
    taken: bool
    why: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Routed:
    """Who is owed what, and the conditions that failed at run time (rule name -> what happened)."""

    owed: tuple[Owed, ...]
    failed: Mapping[str, str] = field(default_factory=dict)


def judge(rule: Rule, event: Event) -> Verdict:
    """Ask one rule of one event. A condition that fails at run time does not match, and is said."""
    if not rule.hears(event.type):
        return Verdict(rule.name, taken=False, why=f"is not about {event.type}")
    if rule.when is None:
        return Verdict(rule.name, taken=True, why="has no condition")
    try:
        holds = rule.when.holds(event)
    except ValueError as error:
        return Verdict(rule.name, taken=False, why=f"its condition failed: {error}", failed=True)
    return Verdict(rule.name, taken=holds, why=f"{rule.when.source!r} is {'true' if holds else 'false'}")


def route(events: Iterable[Event], rules: Sequence[Rule], operator: Sequence[str] = ()) -> Routed:
    """Say who is owed a message of each event, each sink at most once an event."""
    owed: list[Owed] = []
    failed: dict[str, str] = {}
    for event in events:
        sinks: dict[str, str] = {}
        for rule in rules:
            verdict = judge(rule, event)
            if verdict.failed:
                failed[rule.name] = verdict.why
            if verdict.taken:
                for sink in rule.to:
                    sinks.setdefault(sink, rule.name)
        if event.type in OPERATIONAL:
            for sink in operator:
                sinks.setdefault(sink, OPERATOR)
            if event.type.startswith("sink-failing"):  # telling the broken one of itself helps nobody
                sinks.pop(event.subject, None)
        owed += (Owed(event.id, sink, rule) for sink, rule in sinks.items())
    return Routed(tuple(owed), failed)
