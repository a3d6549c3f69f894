"""The one who asks: through an account's own client, in turn and within the day's budget, no more than was said."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from watcher.errors import Permanent, Transient, WatcherError
from watcher.sources.answers import Answer

WITHIN = 80.0
"""Seconds for all questions together; whoever waits for the answers waits little longer."""

OK, NOT_MODIFIED, NOT_FOUND, UNPROCESSABLE, TOO_MANY = 200, 304, 404, 422, 429
REFUSED = (401, 403)


class Stopped(WatcherError):
    """Nothing more is to be asked; the text says why."""

    def __init__(self, why: str, *, later: bool = False) -> None:
        super().__init__(why)
        self.why, self.later = why, later


class Unanswered(WatcherError):
    """The question has no answer; the text says why. Others may have."""


class Looks(Protocol):
    """A client, as far as is asked here."""

    async def look(
        self, path: str, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Return whatever is answered."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An answer. `body` is what its JSON says, None where there is none; `sizes` are bytes on the wire and inflated."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: Any = field(repr=False)
    encoding: str = ""
    sizes: tuple[int, int] = (0, 0)


@dataclass(slots=True)
class Asker:
    """Asks at most `most` requests of a client. `seen` are the answers so far, in their order."""

    client: Looks
    most: int
    seen: list[Seen] = field(default_factory=list)
    made: int = 0
    until: float = field(default_factory=lambda: asyncio.get_running_loop().time() + WITHIN)

    async def ask(
        self,
        path: str,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        also: tuple[int, ...] = (),
    ) -> Seen:
        """Ask for a path; statuses other than 200 are an answer where they are among `also`.

        Raises Unanswered, or Stopped after a 401, 403 or 429 that nobody expected, and when the requests, the day's
        budget or the time are used up.
        """
        if self.made >= self.most:
            raise Stopped(f"the {self.most} requests are made")
        if asyncio.get_running_loop().time() > self.until:
            raise Stopped(f"it took more than {WITHIN:.0f} s", later=True)
        params = {name: str(value) for name, value in (query or {}).items()}
        try:
            answer = await self.client.look(path, params, headers)
        except (Transient, Permanent) as error:
            waits = isinstance(error, Transient) and error.retry_after is not None
            self.made += not waits  # the budget or the gate let nothing through
            if waits:
                raise Stopped(error.reason, later=True) from None
            raise Unanswered(error.reason) from None
        self.made += 1
        self.seen.append(seen := _seen(answer))
        return _judged(seen, also)


def _judged(seen: Seen, also: tuple[int, ...]) -> Seen:
    if seen.status in (OK, *also):
        return seen
    if seen.status == TOO_MANY or seen.status in REFUSED:
        raise Stopped(f"it answered HTTP {seen.status}", later=seen.status == TOO_MANY)
    raise Unanswered(f"HTTP {seen.status}")


def _seen(answer: Answer) -> Seen:
    try:
        body = answer.body()
    except WatcherError:
        body = b""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = None
    return Seen(answer.status, answer.headers, value, answer.encoding, (len(answer.wire), len(body)))
