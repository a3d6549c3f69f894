"""A vendor with records, a store that follows it, and the copy of that store that is put back."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from watcher.derive import Origin
from watcher.desk import Desk
from watcher.model import Delivered, Delivery, Event, Known, Reading, Slice, SourceName
from watcher.poll import Look, Watch, look
from watcher.rules import Rule
from watcher.store import Store
from watcher.store.backup import backup
from watcher.streams import STREAMS
from watcher.streams.dates import PARIS

START = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Vendor:
    """One list of a vendor: `records` is id -> record, as it is there now."""

    def __init__(self, stream: str) -> None:
        self.name = SourceName("acc", stream, "1")
        self.records: dict[str, dict[str, Any]] = {}

    async def read(self, known: Known, since: int | None) -> Reading:
        """The whole list, as new as the store does not know it yet."""
        raw = {key: json.dumps({"id": int(key), **record}).encode() for key, record in self.records.items()}
        fresh = tuple(Slice(key, data, data) for key, data in raw.items() if data not in known.fingerprints)
        full = since is None
        return Reading(fresh, frozenset(raw), full, full, cursor=100 if self.name.stream.startswith("apimo") else None)

    async def show(self, key: str) -> dict[str, Any] | None:
        """One record."""
        return self.records.get(key)


@dataclass
class Town:
    """Two lists and the store that follows them, one minute a round; everything is owed to the sinks `crm` and `log`."""

    directory: Path
    store: Store
    now: datetime = START
    leads: Vendor = field(default_factory=lambda: Vendor("apimo.leads"))
    purchases: Vendor = field(default_factory=lambda: Vendor("adlead.purchases"))
    desk: Desk = field(default_factory=lambda: Desk([Rule("all", ("*",), ("crm", "log"))], PARIS))

    @classmethod
    async def found(cls, directory: Path) -> Town:
        """A town with an empty store."""
        return cls(directory, await Store.open(directory / "watcher.db"))

    async def poll(self, rounds: int = 1) -> list[Event]:
        """Read both lists so many times; return what was told."""
        told: list[Event] = []
        for _ in range(rounds):
            self.now += timedelta(minutes=1)
            for vendor in (self.leads, self.purchases):
                seen = await self._look(vendor)
                await self.store.commit(seen.plan)
                told += seen.plan.events
        return told

    async def _look(self, vendor: Vendor) -> Look:
        origin = Origin(STREAMS[vendor.name.stream], vendor.name, lambda _: None)
        daily = timedelta(minutes=2) if vendor is self.leads else None  # often enough to see what was removed
        return await look(Watch(vendor, origin, timedelta(minutes=1), daily), self.store, self.desk.take, self.clock, 0)

    def clock(self) -> datetime:
        """The time, as moved."""
        return self.now

    async def deliver(self, sink: str, most: int = 1000) -> list[Delivery]:
        """Have a sink take what it is owed, one after the other, so many at the most."""
        taken: list[Delivery] = []
        while len(taken) < most and (due := await self.store.due(sink, self.now, 1)):
            await self.store.settle(due[0], Delivered("ok"), self.now)
            taken += due
        return taken

    def copy(self) -> Path:
        """Copy the store while it is in use."""
        return backup(self.directory / "watcher.db", self.directory / "copy.db", force=True).path

    async def lose(self) -> None:
        """Lose the store, with all that is beside it, and put the copy in its place."""
        await self.store.close()
        for file in self.directory.glob("watcher.db*"):
            file.unlink()
        shutil.copy(self.directory / "copy.db", self.directory / "watcher.db")
        self.store = await Store.open(self.directory / "watcher.db")
