"""The seams: what the loops ask of the outside, each written for its one consumer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import Literal, Protocol

from watcher.model import (
    Alarm,
    Body,
    Condition,
    Delivered,
    Delivery,
    Event,
    Held,
    Known,
    Message,
    Outcome,
    Plan,
    Reading,
    Routed,
    SourceName,
    SourceState,
    Version,
)

Clock = Callable[[], datetime]
"""The time now, aware, in UTC."""

Render = Callable[[Delivery, bool | None], Message]
"""Compose what people read of a delivery, in the configured language and time zone, with its age as of now.

The second is a sink's `personal`: whether what is personal may be shown (None: of leads only).
"""

Route = Callable[[Iterable[Event], datetime], Routed]
"""Say who is owed what of some events, as of now."""

Commit = Callable[[Plan], Awaitable[None]]
"""Write a plan whole, or raise StoreError and leave everything as it was."""


class Source(Protocol):
    """One stream of one partition of one account."""

    @property
    def name(self) -> SourceName:
        """Which it is."""

    async def read(self, known: Known, since: int | None) -> Reading:
        """Read what changed since that cursor, or everything when it is None. Raises Transient or Permanent."""

    async def show(self, key: str) -> Body | None:
        """Read one record afresh, as the vendor has it; None when the vendor says there is none.

        Raises Transient or Permanent; NotImplementedError where the API has no such read.
        """


class Sink(Protocol):
    """One place to tell people things."""

    async def send(self, delivery: Delivery) -> str | Delivered:
        """Return what the peer answered when it took it (at most 2 KiB), as a Delivered where it has a thread.

        Otherwise raise Transient or Permanent.
        """

    async def close(self) -> None:
        """Let go of connections and files."""


class Snapshots(Protocol):
    """What polling asks of the store."""

    async def state(self, source: SourceName) -> SourceState:
        """What is remembered of a source; the empty state for one never polled."""

    async def known(self, source: SourceName) -> Known:
        """What the snapshot knows of it; not to be changed by the caller."""

    async def versions(self, source: SourceName, keys: Collection[str]) -> Mapping[str, Version]:
        """The last versions of those records, removed ones too; ids that were never seen are left out."""

    async def conditions(self, subject: str | None = None) -> tuple[Condition, ...]:
        """The troubles that last, of one subject or of all."""

    async def commit(self, plan: Plan) -> None:
        """Write the plan whole or not at all."""


class Outbox(Protocol):
    """What delivering asks of the store."""

    async def due(self, sink: str, now: datetime, limit: int, busy: Collection[int] = ()) -> list[Delivery]:
        """Deliveries owed to a sink and due, oldest first, at most one a record: the first one it is owed.

        A record whose first owed delivery is not due yet, or is in `busy`, has none.
        """

    async def next_due(self, sink: str, busy: Collection[int] = ()) -> datetime | None:
        """When the next of them falls due; None when nothing is owed (or all that is owed is busy)."""

    async def settle(self, delivery: Delivery, outcome: Outcome, now: datetime, plan: Plan | None = None) -> None:
        """Write down what became of one attempt, and in the same transaction what it means for the sink."""


class Alarms(Protocol):
    """What the tick asks of the store."""

    async def ringing(self, now: datetime, limit: int) -> list[Alarm]:
        """Alarms that are due, earliest first."""

    async def next_ring(self) -> datetime | None:
        """When the next alarm falls due."""

    async def versions(self, source: SourceName, keys: Collection[str]) -> Mapping[str, Version]:
        """The last versions of those records."""

    async def event(self, name: str) -> Event | None:
        """The event of that id."""

    async def conditions(self, subject: str | None = None) -> tuple[Condition, ...]:
        """The troubles that last, of one subject or of all."""

    async def held(self, sink: str, rule: str, bundle: str) -> list[Held]:
        """What waits in a bundle, longest first."""

    async def silenced(self, bundle: str) -> list[Held]:
        """What a silence took and nobody was told of since, longest first."""

    async def commit(self, plan: Plan) -> None:
        """Write the plan whole or not at all."""


class Budget(Protocol):
    """Requests an account may still make today, counted across restarts."""

    async def spend(self, account: str, day: str, limit: int) -> int:
        """Count one request of that day, durably, before it is made; return how many are left after it.

        Returns -1 and counts nothing when the day's requests are all made.
        """


class Passed(Protocol):
    """What going through a slice came to: how many rows changed, whether there are more, and from where on."""

    @property
    def changed(self) -> int:
        """How many rows are no longer what they were."""

    @property
    def more(self) -> bool:
        """Whether there is another slice."""

    @property
    def place(self) -> int:
        """Where that one begins, if the store does not remember it."""


class Tidied(Protocol):
    """How much was thrown away that only grew."""

    @property
    def unread(self) -> int:
        """Records that could not be read, and that a later full read did not bring."""

    @property
    def budgets(self) -> int:
        """Days whose requests were counted."""


class Keeping(Protocol):
    """What the daily job asks of the store."""

    async def tidy(self, now: datetime) -> Tidied:
        """Throw away what only grows."""

    async def privacy_key(self) -> bytes:
        """The key of the store's hashes."""

    async def sources_in(self, table: Literal["records", "versions"], stream: str, place: int) -> list[SourceName]:
        """Whose records a slice of `secure` goes through."""

    async def secure(
        self, table: Literal["records", "versions", "events"], stream: str, place: int, withhold: Callable[[Body], Body]
    ) -> Passed:
        """Withhold from what is stored of a stream's records, in a slice of that table from after that row."""

    async def expiring(self, stream: str, before: datetime, *, ceiling: bool = False) -> list[SourceName]:
        """Whose records the next slice of `expire_versions` goes through."""

    async def expire_versions(self, stream: str, before: datetime, *, ceiling: bool = False) -> Passed:
        """Let go of what is personal in versions seen before then."""

    async def expire_events(self, stream: str, before: datetime) -> Passed:
        """Let go of what is personal in events recorded before then."""

    async def expire_lingering(self, place: int) -> Passed:
        """The same of events that somebody was to be told of when their time came, from after that one."""

    async def expire_said(self, sink: str, before: datetime) -> Passed:
        """Let go of what a sink said of messages that were settled before then."""

    async def saying(self) -> Collection[str]:
        """The sinks that said something which is still kept."""

    async def remember(self, key: str, text: str) -> None:
        """Keep a short text under that name."""

    async def recall(self, key: str) -> str | None:
        """What was kept under that name last."""
