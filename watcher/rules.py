"""Events x rules -> which rule tells which sink of which event.

Pure. Rules are tried in order and every matching rule applies, but one event reaches one sink at most once: by the
first rule that sends it there. Operational events go to the operator's sinks as well, never to the one that is broken.

A rule with `after` or `before` is about time: what it hears only sets a timer (`timers`), and when that comes due it
tells an event of its own, which goes to its sinks before any other rule is asked. What is told when (hours, groups,
limits, silences) is decided by the `desk`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time, timedelta
from fnmatch import fnmatchcase
from typing import Literal

from watcher.expressions import Condition
from watcher.hours import Hours
from watcher.model import Event
from watcher.streams import OPERATIONAL
from watcher.units import Rate

OPERATOR = "operator"
"""The name under which `[operator]` owes its messages."""

OVERDUE, DEADLINE_NEAR = "overdue", "deadline-near"
"""The events of timers, unless a rule's `emit` names them otherwise."""

USUAL_FLOOD = Rate(20, 300)
"""How many messages a rule may send to a sink for people before they become a summary."""


GLOB = frozenset("*?[")
"""What makes a pattern of a name."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """`group`: which events go into one message (`by`, labels), and when it is sent.

    It is sent `wait` after its first event, at least `every` after the one before, and at once when `most` events wait.
    """

    by: tuple[str, ...] = ()
    wait: timedelta = timedelta(seconds=30)
    every: timedelta = timedelta(minutes=5)
    most: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """When a rule's messages are sent, other than at once (docs/rules.md)."""

    hours: Hours | None = None
    outside: Literal["wait", "drop"] = "wait"
    group: Grouping | None = None
    digest: time | None = None
    throttle: Rate | None = None
    flood: Rate | None = USUAL_FLOOD


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """What makes a rule one about time: `after` an event, unless something happened, or `before` a date of a record.

    `streams` are those whose records have the date `of`; empty for `after`. `emit` is the type of the event told.
    """

    emit: str
    after: timedelta | None = None
    unless: Condition | None = None
    before: timedelta = timedelta(0)
    of: str = ""
    streams: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """`[[rules]]`: which events go to which sinks, under which condition, and when."""

    name: str
    on: tuple[str, ...]
    to: tuple[str, ...]
    when: Condition | None = None
    timer: Timer | None = None
    timing: Timing = field(default_factory=Timing)

    def hears(self, event: Event) -> bool:
        """Say whether the rule is about that event.

        A timer hears no event of a timer unless it names it: `on = ["*"]` would wait for its own for ever.
        """
        if self.timer and self.timer.after is None:
            return False
        patterns = [p for p in self.on if not GLOB.intersection(p)] if self.timer and timed(event) else self.on
        return any(fnmatchcase(event.type, pattern) for pattern in patterns)

    def tells(self, event: Event) -> bool:
        """Say whether the event is of the rule's own timer."""
        return self.timer is not None and timed(event) and event.data["rule"] == self.name


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule said of one event, and why; `failed` when its condition could not be worked out.

    `arms`: it was heard by a timer, which looks again later.
    """

    rule: str
    taken: bool
    why: str
    failed: bool = False
    arms: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """A rule tells a sink of an event."""

    event: Event
    sink: str
    rule: str


@dataclass(frozen=True, slots=True)
class Matched:
    """Who is told of what, which timers were heard, and the conditions that failed (rule -> what happened)."""

    matches: tuple[Match, ...]
    timers: tuple[tuple[Rule, Event], ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)


def timed(event: Event) -> bool:
    """Say whether an event is of a timer; only those carry the name of their rule and what they stand on."""
    return "of" in event.data and "rule" in event.data


def judge(rule: Rule, event: Event) -> Verdict:
    """Ask one rule of one event. A condition that fails at run time does not match, and is said."""
    if rule.tells(event):
        return Verdict(rule.name, taken=True, why="its own timer came due")
    if not rule.hears(event):
        return Verdict(rule.name, taken=False, why=f"is not about {event.type}")
    if rule.when is None:
        return _heard(rule, "has no condition")
    try:
        holds = rule.when.holds(event)
    except ValueError as error:
        return Verdict(rule.name, taken=False, why=f"its condition failed: {error}", failed=True)
    if holds:
        return _heard(rule, f"{rule.when.source!r} is true")
    return Verdict(rule.name, taken=False, why=f"{rule.when.source!r} is false")


def _heard(rule: Rule, why: str) -> Verdict:
    return Verdict(rule.name, taken=rule.timer is None, why=why, arms=rule.timer is not None)


def match(events: Iterable[Event], rules: Sequence[Rule], operator: Sequence[str] = ()) -> Matched:
    """Say which rule tells which sink of each event, each sink at most once an event."""
    matches: list[Match] = []
    timers: list[tuple[Rule, Event]] = []
    failed: dict[str, str] = {}
    for event in events:
        sinks: dict[str, str] = {}
        for rule, verdict in _verdicts(rules, event):
            if verdict.failed:
                failed[rule.name] = verdict.why
            if verdict.arms:
                timers.append((rule, event))
            if verdict.taken:
                for sink in rule.to:
                    sinks.setdefault(sink, rule.name)
        if event.type in OPERATIONAL:
            for sink in operator:
                sinks.setdefault(sink, OPERATOR)
            if event.type.startswith("sink-failing"):  # telling the broken one of itself helps nobody
                sinks.pop(event.subject, None)
        matches += (Match(event, sink, rule) for sink, rule in sinks.items())
    return Matched(tuple(matches), tuple(timers), failed)


def _verdicts(rules: Sequence[Rule], event: Event) -> Iterator[tuple[Rule, Verdict]]:
    """What the rules say, in their order; the rule of the event's own timer first."""
    ordered = sorted(rules, key=lambda rule: not rule.tells(event)) if timed(event) else rules
    return ((rule, judge(rule, event)) for rule in ordered)
