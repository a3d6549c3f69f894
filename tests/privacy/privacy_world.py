"""One source whose answers are set by hand, one sink, a real store, a clock; and a person to look for."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from watcher.derive import Origin
from watcher.desk import Desk
from watcher.housekeeping import Housekeeper
from watcher.model import Body, Delivered, Event, Known, Outcome, Reading, Slice, SourceName, Version
from watcher.poll import Watch, look
from watcher.privacy import DEFAULTS, Policy, withholder
from watcher.retention import Retention
from watcher.rules import Rule
from watcher.store import Store
from watcher.streams import STREAMS
from watcher.streams.dates import PARIS
from watcher.veil import keeper

START = datetime(2026, 11, 21, 12, tzinfo=UTC)

PERSON = {
    "lastname": "Quenouillet",
    "firstname": "Zéphyrine",
    "email": "Zephyrine.Quenouillet@canari.example",
    "phone": "06 98 76 54 32",
    "message": "Bonjour, je cherche un cabanon bleu près du phare.",
}
"""Nobody else has any of this."""

NEEDLES = ("quenouillet", "phyrine", "canari.example", "98 76 54 32", "98765432", "cabanon bleu")
"""What gives the person away, in small letters."""

OTHER = {"lastname": "FRIN", "firstname": "Marc", "email": "marc@autre.example", "phone": "0611111111", "message": "?"}


@dataclass
class FakeSource:
    """Answers what is in `records`, all of it."""

    name: SourceName
    records: Mapping[str, Body] = field(default_factory=dict)

    async def read(self, known: Known, since: int | None) -> Reading:
        """The whole list; what the snapshot does not know is fresh."""
        pieces = [self._piece(key, body) for key, body in self.records.items()]
        fresh = tuple(piece for piece in pieces if piece.fingerprint not in known.fingerprints)
        return Reading(fresh, frozenset(self.records), since is None, since is None)

    def _piece(self, key: str, body: Body) -> Slice:
        raw = json.dumps({"id": key, **body}).encode()
        return Slice(key, hashlib.blake2b(raw, digest_size=16).digest(), raw)

    async def show(self, key: str) -> Body | None:
        """There is nothing else."""
        return self.records.get(key)


@dataclass
class World:
    """A source, a sink `crm` that is told everything, the clock."""

    store: Store
    source: FakeSource
    watch: Watch
    key: bytes
    now: datetime = START
    desk: Desk = field(default_factory=lambda: Desk([Rule("all", ("*",), ("crm",))], PARIS))
    locks: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    @classmethod
    async def of(cls, store: Store, stream: str) -> Self:
        """A world of that stream."""
        name, key = SourceName("acc", stream, "1"), await store.privacy_key()
        source, kind = FakeSource(name), STREAMS[stream]
        watch = Watch(
            source,
            Origin(kind, name, lambda _: None),
            timedelta(minutes=1),
            withhold=withholder(DEFAULTS.get(stream, Policy()), key),
            keep=keeper(kind, key),
        )
        return cls(store, source, watch, key)

    async def poll(self, minutes: float = 1, **records: Mapping[str, Any]) -> list[Event]:
        """Let time pass, answer these records, poll, commit; return what was told."""
        self.now += timedelta(minutes=minutes)
        if records:
            self.source.records = {name.removeprefix("r"): body for name, body in records.items()}
        seen = await look(self.watch, self.store, self.desk.take, lambda: self.now, random.random())
        assert not seen.error
        await self.store.commit(seen.plan)
        return list(seen.plan.events)

    async def deliver(self, outcome: Outcome | None = None) -> int:
        """Have the sink take all that is due, or do what it does; return how much it was."""
        due = await self.store.due("crm", self.now, 100)
        for delivery in due:
            await self.store.settle(delivery, outcome or Delivered("taken"), self.now)
        return len(due) + (await self.deliver(outcome) if due else 0)

    async def keep_house(self, retention: Retention | None = None, policy: Policy | None = None, **later: float) -> Any:
        """Let time pass and do the daily job."""
        self.now += timedelta(**later)
        stream = self.source.name.stream
        policies = {stream: policy or DEFAULTS.get(stream, Policy())}
        housekeeper = Housekeeper(self.store, policies, retention or Retention(), self.locks.__getitem__)
        return await housekeeper.keep_house(self.now)

    async def record(self, key: str = "1") -> Version:
        """The record as it is stored."""
        return (await self.store.versions(self.source.name, [key]))[key]

    async def events(self) -> list[Event]:
        """All stored events, in order."""
        return await self.store.events_since(START)


def gives_away(value: object) -> list[str]:
    """What of the person is in a value."""
    text = (value if isinstance(value, bytes) else repr(value).encode()).decode("utf-8", "replace").lower()
    return [needle for needle in NEEDLES if needle in text]
