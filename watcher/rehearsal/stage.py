"""The product on a stage: its polls and alarms, with a clock that is set and sources that answer what they are told.

Between two moments every alarm rings at its own due time; while the daemon is `down` they wait, and ring late.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Self

from watcher.app import Assembly, Core, assemble, load_desk
from watcher.config import Config
from watcher.model import Body, Known, Reading, Slice, SourceName
from watcher.poll import SILENT_BASELINE
from watcher.ports import Render
from watcher.rehearsal.memory import MemoryStore
from watcher.rulebook import renderer
from watcher.sinks import SinkType


@dataclass(slots=True)
class VirtualClock:
    """A clock that stands still until it is set."""

    now: datetime = datetime(2000, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The time that it was set to."""
        return self.now


@dataclass(slots=True)
class Scripted:
    """A source that answers `records` (id -> body), always in full; with an `error` it fails."""

    name: SourceName
    records: dict[str, Body] = field(default_factory=dict)
    error: Exception | None = None

    async def read(self, known: Known, since: int | None) -> Reading:  # noqa: ARG002 - all of it, every time
        """Answer everything that is there."""
        if self.error:
            raise self.error
        pieces = [_slice(key, body) for key, body in self.records.items()]
        fresh = tuple(piece for piece in pieces if piece.fingerprint not in known.fingerprints)
        return Reading(fresh, frozenset(self.records), full=True, complete=True)

    async def show(self, key: str) -> Body | None:
        """One record, or None when it is gone."""
        return self.records.get(key)


def _slice(key: str, body: Body) -> Slice:
    raw = json.dumps(body, ensure_ascii=False).encode()
    return Slice(key, hashlib.sha256(raw).digest(), raw)


@dataclass(frozen=True, slots=True)
class Cast:
    """What every rehearsal of a configuration has in common. Its sinks are neither built nor contacted."""

    config: Config
    types: Mapping[str, SinkType]
    parts: Assembly
    clock: VirtualClock
    render: Render

    @classmethod
    async def of(cls, config: Config, types: Mapping[str, SinkType]) -> Self:
        """Put the parts of a configuration together."""
        clock, store = VirtualClock(), MemoryStore()
        parts = await assemble(replace(config, sinks={}), store, types, clock, luck=_no_luck)
        parts = replace(parts, config=config, desk=await load_desk(config, types, store, clock()))
        await store.close()
        return cls(config, types, parts, clock, renderer(config, clock))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.parts.close()


class Stage:
    """One rehearsal, from an empty store on: the parts of a cast, with scripted sources and desks of their own."""

    def __init__(self, cast: Cast, store: MemoryStore | None = None) -> None:
        self.cast = cast
        self.clock = cast.clock
        self.store = store or MemoryStore()
        self.sources = {name: Scripted(watch.name) for name, watch in cast.parts.watches.items()}
        watches = {
            name: replace(watch, source=self.sources[name], baseline=SILENT_BASELINE)
            for name, watch in cast.parts.watches.items()
        }
        parts = replace(cast.parts, watches=watches, desk=cast.parts.desk.trial())
        self.core = Core(self.store, parts, cast.clock, _no_luck)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.store.close()

    async def start(self, now: datetime) -> None:
        """Start the daemon for the first time."""
        self.clock.now = now
        await self.core.arm_deadlines()

    async def restart(self, now: datetime) -> None:
        """Start it again at that moment, knowing only what is stored: what fell due while it was stopped rings late."""
        self.core.parts.desk = await load_desk(self.cast.config, self.cast.types, self.store, now)
        await self.start(now)
        await self.pass_to(now)

    async def pass_to(self, moment: datetime) -> None:
        """Let time pass to that moment, each alarm that falls due until then ringing at its time."""
        while (due := await self.store.next_ring()) is not None and due <= moment:
            self.clock.now = max(self.clock.now, due)
            await self.core.ring()
        self.clock.now = max(self.clock.now, moment)

    async def poll(self, source: SourceName) -> None:
        """Read a source now and commit what it says."""
        await self.core.poll(self.core.parts.watches[str(source)])


def _no_luck() -> float:
    return 0.0
