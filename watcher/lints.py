"""What can be used as it is, but is hardly meant: rules that can never match, that another one leaves nothing to.

A lint is said only where it is certain, from the rules and from what the configured sources can tell.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import time, timedelta
from functools import cached_property

from watcher.hours import Hours
from watcher.mistakes import Constant
from watcher.streams import OPERATIONAL, REAPPEARED, STREAMS
from watcher.toml import Document, KeyPath, quoted
from watcher.units import Rate
from watcher.written import Book, Written

_MOST_NAMED = 6

_CHANGES = re.compile(r"\b(?:changed|increased|decreased)\s*\(|\bchanges\s*[.\[]|\bin\s+changes\b")
"""What a condition asks of the changes of an event."""

At = Iterator[tuple[KeyPath, str]]


@dataclass(frozen=True, slots=True)
class Lint:
    """Something to look at, and where; a `remark` may well be meant as it is."""

    document: Document
    path: KeyPath
    text: str
    remark: bool = False

    def __str__(self) -> str:
        return f"{self.document.where(self.path)}: {self.text}"


@dataclass(frozen=True)
class Reach:
    """What can happen at all: the rules, and the streams that are read (full names; with none, nothing is certain)."""

    book: Book
    streams: Collection[str]

    @cached_property
    def told(self) -> tuple[str, ...]:
        """The types of event that the sources can tell of their records, in the order of the catalogue."""
        mine = [event for name, stream in STREAMS.items() if name in self.streams for event in stream.event_types()]
        return (*mine, REAPPEARED) if mine else ()

    @cached_property
    def alive(self) -> frozenset[str]:
        """Every type of event that can come, those of timers too."""
        if not self.streams:
            return frozenset(self.book.event_types).union(self.book.tellers)
        alive = {*self.told, *OPERATIONAL}
        timers = [rule for rule in self.book.rules if rule.timed]
        while fresh := {rule.emits for rule in timers if rule.emits not in alive and self._can(rule, alive)}:
            alive |= fresh
        return frozenset(alive)

    def can_match(self, rule: Written) -> bool:
        """Whether something can come that the rule is about."""
        return self._can(rule, self.alive)

    def _can(self, rule: Written, alive: Collection[str]) -> bool:
        if "before" in rule.table:
            return not self.streams or any(stream.name in self.streams for stream in rule.streams)
        return any(event in alive for event in self.book.hears(rule))

    def heard(self, rule: Written) -> frozenset[str]:
        """What can come that the rule hears."""
        return self.alive.intersection(self.book.hears(rule))


def lints(book: Book, streams: Collection[str], constant: Constant) -> Iterator[Lint]:
    """What to look at in the rules of a good configuration, given the streams that its sources read."""
    reach = Reach(book, streams)
    for index, rule in enumerate(book.rules):
        said = (
            *_never(rule, reach),
            *_conditions(rule, reach, constant),
            *_shadowed(rule, book.rules[:index], reach),
            *_limits(rule),
        )
        yield from (Lint(rule.document, (*rule.path, *key), text) for key, text in said)
        # A trouble of watcher's own is told of later only while it lasts: that is its `unless`.
        if "after" in rule.table and "unless" not in rule.table and not set(OPERATIONAL).issuperset(book.about(rule)):
            yield Lint(rule.document, (*rule.path, "after"), "is told in any case: there is no unless", remark=True)
    yield from _unheard(reach)


def _never(rule: Written, reach: Reach) -> At:
    if reach.can_match(rule):
        return
    about = set(reach.book.about(rule))
    missing = [name for name, stream in STREAMS.items() if not about.isdisjoint(stream.event_types())]
    if missing:
        yield ("on",), f"can never match: no [[sources]] reads {' or '.join(missing)}"
    else:
        names = " or ".join(map(quoted, reach.book.hears(rule)))
        yield ("on",), f"can never match: no rule with after or before tells {names}"


def _conditions(rule: Written, reach: Reach, constant: Constant) -> At:
    """What is always true or always false, and what asks for changes where there are none."""
    for key, always, never in (
        ("when", "is always true; leave it out", "can never match: this is always false"),
        ("unless", "never tells anything: this is always true", "is always false; leave it out"),
    ):
        text = rule.values.get(key)
        if not text:
            continue
        later = key == "unless" or "before" in rule.table
        known = constant(text, (rule.emits,) if later else reach.book.hears(rule))
        if known is not None:
            yield (key,), always if known else never
        elif later and _CHANGES.search(text):
            yield (key,), "asks for changes, and there are none at that time; ask for the record's fields"


def _shadowed(rule: Written, earlier: Sequence[Written], reach: Reach) -> At:
    """The sinks that an earlier rule tells of all that this one would tell them of."""
    heard = reach.heard(rule)
    if rule.timed or not heard:
        return
    takers = [one for one in earlier if not one.timed and "when" not in one.table and heard <= reach.heard(one)]
    for at, sink in enumerate(rule.values["to"]):
        if first := next((one for one in takers if sink in one.values["to"]), None):
            taken = f"{quoted(first.name)} ({first.where()}) takes all its events first"
            yield ("to", at), f"{quoted(rule.name)} never tells {sink}: {taken}"


def _limits(rule: Written) -> At:
    """Limits that never come to pass, and a digest for which nobody is there."""
    flood, throttle, digest = (rule.values.get(key) for key in ("flood", "throttle", "digest"))
    gathers = next((key for key in ("digest", "group") if key in rule.table), None)
    if isinstance(flood, Rate) and gathers:
        yield ("flood",), f"never comes to pass: {gathers} makes one message of many; leave it out"
    elif isinstance(flood, Rate) and throttle and throttle.count <= flood.count and throttle.seconds >= flood.seconds:
        yield ("flood",), "never comes to pass: throttle lets through less; leave it out"
    hours = rule.settings().hours
    if digest and hours and not _ever_open(hours, digest):
        yield ("digest",), f"waits for the opening: nobody is there at {digest:%H:%M} on any day"


def _ever_open(hours: Hours, clock: time) -> bool:
    at = timedelta(hours=clock.hour, minutes=clock.minute, seconds=clock.second)
    ranges = [each for day in hours.week for each in day]
    return any(opens <= at < closes or opens <= at + timedelta(days=1) < closes for opens, closes in ranges)


def _unheard(reach: Reach) -> Iterator[Lint]:
    """The types of event that the sources can tell and no rule hears, in one line."""
    heard = {event for rule in reach.book.rules for event in reach.book.hears(rule)}
    unheard = [event for event in reach.told if event not in heard]
    if reach.book.rules and unheard:
        more = f" and {len(unheard) - _MOST_NAMED} more" if len(unheard) > _MOST_NAMED else ""
        document = reach.book.rules[0].document
        yield Lint(document, ("rules",), f"nobody hears {', '.join(unheard[:_MOST_NAMED])}{more}", remark=True)
