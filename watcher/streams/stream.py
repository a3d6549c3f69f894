"""How a stream is described: its record, the milestones it passes, and which event speaks for which field.

These are tables to be read (`leads.py`, `contracts.py`, `purchases.py`); `derive.py` is what follows them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from watcher.model import Body, Delta
from watcher.streams.canonical import Object

Fields = Mapping[str, Delta]


@dataclass(frozen=True, slots=True)
class Milestone:
    """Something a record passes once, told when it is reached, however its evidence trickles in.

    It is reached when the record's status is `status` (or past it, see `Stream.life`) or when one of the `evidence`
    fields is set: dates count from their Paris day on, unless they are `planned` (an appointment counts when it is
    made). Its event speaks for the evidence, for `also`, and for the status if that is exactly its own. `undone` is
    the event that is told when it is no longer reached; empty when that is a mere detail.
    """

    event: str
    evidence: tuple[str, ...] = ()
    status: str | None = None
    also: tuple[str, ...] = ()
    planned: bool = False
    undone: str = ""


@dataclass(frozen=True, slots=True)
class Detail:
    """An event that speaks for some fields (by glob over the field's name) whenever they differ, if `when` agrees."""

    event: str
    fields: tuple[str, ...]
    when: Callable[[Fields], bool] = lambda _: True

    def speaks_for(self, path: str) -> bool:
        """Say whether a path (`lots[41].status`) belongs to one of its fields."""
        return any(fnmatchcase(root(path), pattern) for pattern in self.fields)


@dataclass(frozen=True, slots=True)
class Stream:
    """A kind of record: where it comes from, what it is made of, and what its changes mean.

    `life` is the order of its statuses, empty where it has none; a status outside it says nothing of the others.
    `reverted` is told when the status goes back in that order, and speaks for `reverted_also` too. `status_changed`
    is told for a status that no milestone has. A record that has reached one of `finished` waits for no more deadlines.
    `list_keys` are what the list may be called in an answer. `personal` names the personal data: whole fields, or
    (`[]`) all of a list's members but their ids. `link` gives the vendor's own screen of a record, from whose account
    it is, partition and body, where one is known.
    """

    name: str
    noun: str
    record: Object
    milestones: tuple[Milestone, ...]
    details: tuple[Detail, ...]
    life: tuple[str, ...] = ()
    last: str = ""
    reverted: str = ""
    reverted_also: tuple[str, ...] = ()
    status_changed: str = ""
    finished: frozenset[str] = frozenset()
    list_keys: tuple[str, ...] = ()
    personal: tuple[str, ...] = ()
    link: Callable[[str, str, Body], str | None] = lambda _tenant, _partition, _body: None

    @property
    def created(self) -> str:
        """The event of a record first seen."""
        return f"new-{self.noun}"

    @property
    def updated(self) -> str:
        """The event that speaks for what no other speaks for."""
        return f"{self.noun}-updated"

    @property
    def removed(self) -> str:
        """The event of a record that is gone."""
        return f"{self.noun}-removed"

    def rank(self, status: object) -> int | None:
        """How far along its life a status is; the `last` one is past all; None for one that says nothing of it."""
        if status is not None and status == self.last:
            return len(self.life)
        return self.life.index(status) if status in self.life else None

    def event_types(self) -> tuple[str, ...]:
        """Every event type that this stream can tell, in the order of the catalogue."""
        undone = (milestone.undone for milestone in self.milestones)
        named = (
            self.created,
            *(milestone.event for milestone in self.milestones),
            *(detail.event for detail in self.details),
            self.status_changed,
            self.reverted,
            *undone,
            self.updated,
            self.removed,
        )
        return tuple(dict.fromkeys(event for event in named if event))


def root(path: str) -> str:
    """The field that a path begins with: `lots` of `lots[41].status`."""
    return path.partition(".")[0].partition("[")[0]


def moved(*paths: str) -> Callable[[Fields], bool]:
    """When one of the paths went from one value to another."""
    return lambda fields: any(_was(fields, path) and fields[path].now is not None for path in paths)


def left(path: str) -> Callable[[Fields], bool]:
    """When the path moved to another value or was emptied."""
    return lambda fields: _was(fields, path)


def _was(fields: Fields, path: str) -> bool:
    return path in fields and fields[path].was is not None
