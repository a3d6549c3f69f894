"""What the questions about one stream share: where its list is, and what came of it so far."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from watcher.probe.asker import Asker, Seen, Unanswered
from watcher.streams.stream import Stream

Row = Mapping[str, Any]


class Finding(NamedTuple):
    """What was asked, what the answer is, and what it stands on."""

    question: str
    answer: str
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A list as it was asked for and answered: under which key, its records, and what else its object has."""

    key: str
    rows: Sequence[Row]
    body: Mapping[str, Any]
    seen: Seen
    query: Mapping[str, object] = field(default_factory=dict)

    @property
    def ids(self) -> list[str]:
        """The ids of its records, in their order."""
        return [str(row.get("id")) for row in self.rows]


@dataclass(slots=True)
class Scene:
    """One stream of one partition; `facts` are what suggestions are drawn from."""

    ask: Asker
    stream: Stream
    path: str
    whole: Page | None = None
    small: Page | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    def all(self) -> Page:
        """The list as it was first read; raises Unanswered when it could not be."""
        if self.whole is None:
            raise Unanswered("the list could not be read")
        return self.whole

    def some(self, least: int) -> Page:
        """The same, when it has so many records; raises Unanswered when that is too few to tell anything."""
        page = self.all()
        if len(page.rows) < least:
            raise Unanswered(f"with {counted(len(page.rows), 'record')} nobody can tell")
        return page

    async def read(self, query: Mapping[str, object]) -> Page:
        """Ask for a page of the list."""
        return page_of(await self.ask.ask(self.path, query), self.stream.list_keys, query)


class Question(NamedTuple):
    """A question, how many requests it takes at most, and what asks it."""

    name: str
    most: int
    ask: Callable[[Scene], Awaitable[Collection[Finding]]]


def page_of(seen: Seen, keys: Collection[str], query: Mapping[str, object]) -> Page:
    """The page in an answer; raises Unanswered when there is no list under one of the keys."""
    body = seen.body if isinstance(seen.body, dict) else {}
    for key in keys:
        found = body.get(key)
        members = list(found.values()) if isinstance(found, dict) else found
        if isinstance(members, list):
            return Page(key, [row for row in members if isinstance(row, dict)], body, seen, query)
    raise Unanswered(f"there is no list under {' or '.join(keys)}")


def whole_number(value: Any) -> int | None:
    """A whole number as PHP may write it; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, str, float)):
        return None
    try:
        return int(float(value))
    except (ValueError, OverflowError):
        return None


def counted(number: int, noun: str) -> str:
    """So many of something."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def once(page: Page) -> str:
    """The evidence of one request."""
    return f"asked once, {counted(len(page.rows), 'record')}"
