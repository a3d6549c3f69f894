"""A source that answers what it is told to, over a real store."""

import json
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from watcher.derive import Origin
from watcher.desk import Desk
from watcher.errors import Transient
from watcher.model import Reading, Slice, SourceName
from watcher.poll import Watch, look
from watcher.rules import Rule
from watcher.store import Store
from watcher.streams import STREAMS
from watcher.streams.dates import PARIS
from watcher.tick import Bell

sys.path.insert(0, str(Path(__file__).parent))

START = datetime(2026, 11, 21, 12, tzinfo=UTC)


class FakeSource:
    """Answers `records` (id -> upstream body); what is wrong with the answer is set from outside."""

    def __init__(self, name, *, by_cursor):
        self.name = name
        self.records = {}
        self.error = None
        self.complete = True
        self.cursor = 100 if by_cursor else None
        self.detail = {}
        self.asked = []
        self.raw = {}

    async def read(self, known, since):
        """Answer the whole list, or with a cursor what is named in `changed`."""
        self.asked.append(since)
        if self.error:
            raise self.error
        pieces = [self._piece(key, body) for key, body in self.records.items()]
        fresh = tuple(piece for piece in pieces if piece.fingerprint not in known.fingerprints)
        full = since is None
        return Reading(
            fresh,
            frozenset(self.records),
            full,
            full and self.complete,
            self.cursor,
            "" if self.complete else "it does not add up",
        )

    def _piece(self, key, body):
        raw = self.raw.get(key) or json.dumps({"id": key, **body}).encode()
        return Slice(key, raw[:4] + str(hash(raw)).encode(), raw)

    async def show(self, key):
        """The detail of one record: gone unless told otherwise."""
        if isinstance(self.detail.get(key), Exception):
            raise self.detail[key]
        return self.detail.get(key)


class World:
    """One source, one store, one rule to one sink, and a clock that is moved by hand."""

    def __init__(self, store, stream, **watch):
        self.store = store
        self.now = START
        self.name = SourceName("acc", stream, "1")
        self.source = FakeSource(self.name, by_cursor=stream.startswith("apimo"))
        origin = Origin(STREAMS[stream], self.name, lambda _: None)
        reconcile = timedelta(hours=24) if stream.startswith("apimo") else None
        self.watch = Watch(self.source, origin, timedelta(minutes=1), reconcile, **watch)
        self.desk = Desk([Rule("all", ("*",), ("sales",))], PARIS)

    def rules(self, *rules, **watch):
        """Have other rules from now on."""
        self.desk = replace(self.desk, rules=rules)
        self.watch = replace(self.watch, deadlines=tuple(rule for rule in rules if rule.timer and rule.timer.of))

    def route(self, events, now):
        """What the desk says; by one rule, unless there are others: everything to everybody."""
        return self.desk.take(events, now)

    def clock(self):
        """The time, as moved."""
        return self.now

    async def poll(self, minutes=1, **records):
        """Let time pass, answer these records, poll, commit; return (type, subject) of what was told."""
        self.now += timedelta(minutes=minutes)
        if records:
            self.source.records = {key.removeprefix("r"): body for key, body in records.items()}
        self.seen = await look(self.watch, self.store, self.route, self.clock, 0.0)
        await self.store.commit(self.seen.plan)
        return [(event.type, event.subject) for event in self.seen.plan.events]

    async def fails(self, error=None, minutes=1):
        """Poll a source that raises."""
        self.source.error = error or Transient("HTTP 500")
        told = await self.poll(minutes)
        self.source.error = None
        return told

    async def pass_time(self, **delta):
        """Let time pass and its alarms ring."""
        self.now += timedelta(**delta)
        plans = []

        async def commit(plan):
            plans.append(plan)
            await self.store.commit(plan)

        self.told, watches = plans, {str(self.name): self.watch}
        await Bell(self.store, watches, self.desk, commit, self.clock, _nobody_else).ring()
        return [(event.type, event.subject) for plan in plans for event in plan.events]

    async def state(self):
        """What the store remembers of the source."""
        return await self.store.state(self.name)


class _Nobody:
    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        return None


def _nobody_else(_source):
    return _Nobody()


@pytest.fixture
async def store(tmp_path):
    """A real store."""
    async with await Store.open(tmp_path / "watcher.db") as opened:
        yield opened


@pytest.fixture
def purchases(store):
    """A world of Adlead purchases: every read is full."""
    return World(store, "adlead.purchases")


@pytest.fixture
def leads(store):
    """A world of Apimo leads: read by cursor, in full once a day."""
    return World(store, "apimo.leads")


@pytest.fixture
def world(store):
    """A world of one's own making."""
    return lambda stream, **watch: World(store, stream, **watch)
