"""Rules as they are written, those of all files together: who hears what, and what it stands on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

from watcher.rules import DEADLINE_NEAR, OVERDUE
from watcher.shapes import Opening, RuleSettings
from watcher.streams import STREAMS, Stream
from watcher.toml import Document, KeyPath


def streams_called(name: str) -> tuple[Stream, ...]:
    """The streams that a rule means by a name, short or whole: `leads` or `apimo.leads`."""
    return tuple(stream for known, stream in STREAMS.items() if name in (known, known.partition(".")[2]))


def short_names() -> tuple[str, ...]:
    """What rules may call the streams, without their APIs."""
    return tuple(dict.fromkeys(name.partition(".")[2] for name in STREAMS))


@dataclass(frozen=True, eq=False)
class Written:
    """One rule: where it stands, the keys that were written, and the values of those that could be read."""

    document: Document
    path: KeyPath
    table: Mapping[str, Any]
    values: Mapping[str, Any]

    @property
    def name(self) -> str:
        """What it is called; empty when that is among its mistakes."""
        return str(self.values.get("name", ""))

    @property
    def on(self) -> tuple[str, ...]:
        """What it hears: types of event, by name or glob, or, with `before`, streams."""
        return tuple(text for _, text in texts(self.table.get("on")))

    @property
    def timed(self) -> bool:
        """Whether it tells an event of its own, later."""
        return not self.table.keys().isdisjoint(("after", "before"))

    @property
    def emits(self) -> str:
        """The type of the event that it tells of its own; empty when it is not about time."""
        usual = DEADLINE_NEAR if "before" in self.table else OVERDUE
        return str(self.values.get("emit", usual)) if self.timed else ""

    @property
    def streams(self) -> tuple[Stream, ...]:
        """Those whose dates it is about; empty without `before`."""
        return tuple(stream for name in self.on for stream in streams_called(name)) if "before" in self.table else ()

    def where(self, *key: str) -> str:
        """FILE:LINE of the rule, or of one of its keys."""
        return f"{self.document.path}:{self.document.line((*self.path, *key))}"

    def settings(self) -> RuleSettings:
        """The rule, once there is no mistake in it."""
        hours = self.values.get("hours")
        read = {**self.values, "hours": hours.hours() if isinstance(hours, Opening) else hours}
        return RuleSettings(**read, file=self.document.path, line=self.document.line(self.path))


@dataclass(frozen=True, eq=False)
class Book:
    """The rules of all files, in the order in which they are tried, and the event types of the catalogue."""

    rules: tuple[Written, ...]
    event_types: Sequence[str]

    @cached_property
    def tellers(self) -> Mapping[str, list[Written]]:
        """The rules that tell an event of their own, by its type."""
        found: dict[str, list[Written]] = {OVERDUE: [], DEADLINE_NEAR: []}
        for rule in self.rules:
            if rule.timed:
                found.setdefault(rule.emits, []).append(rule)
        return found

    @cached_property
    def named(self) -> Mapping[str, Written]:
        """The first rule of each name."""
        return {rule.name: rule for rule in reversed(self.rules) if rule.name}

    def hears(self, rule: Written) -> tuple[str, ...]:
        """The types of event that reach the rule; none when it is about dates."""
        if "before" in rule.table:
            return ()
        told = self.waits_for(rule.on) if rule.timed else set(matching(rule.on, self.tellers))
        return (*matching(rule.on, self.event_types), *sorted(told))

    def waits_for(self, patterns: Iterable[str]) -> set[str]:
        """The events of timers that a rule with `after` hears: with `*` it would hear its own, so that names none."""
        return set(matching([pattern for pattern in patterns if "*" not in pattern], self.tellers))

    def about(self, rule: Written) -> tuple[str, ...]:
        """The catalogue's types that the rule's messages stand on, also by way of other rules' timers."""
        return tuple(sorted(self._about(rule, set())))

    def _about(self, rule: Written, seen: set[str]) -> set[str]:
        if "before" in rule.table:
            return {event for stream in rule.streams for event in stream.event_types()}
        heard = set(self.hears(rule))
        told = (heard & self.tellers.keys()) - seen
        seen |= told
        stood = (self._about(teller, seen) for name in sorted(told) for teller in self.tellers[name])
        return (heard & set(self.event_types)).union(*stood)


def texts(written: Any) -> Iterator[tuple[int, str]]:
    """The texts of a list and where they are in it, whatever else was written."""
    return ((at, text) for at, text in enumerate(written if isinstance(written, list) else ()) if isinstance(text, str))


def matching(patterns: Iterable[str], names: Iterable[str]) -> tuple[str, ...]:
    """The names that one of the patterns matches."""
    patterns = tuple(patterns)
    return tuple(name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns))
