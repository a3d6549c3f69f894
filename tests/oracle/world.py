"""An upstream that lives, the product that polls it with a store in memory, and the oracle that is shown the same."""

import json
from collections.abc import Coroutine
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from random import Random
from typing import Any

from histories import KEYS, Edit, Step, blank, edited, written
from oracle import Oracle, shown

from watcher.derive import Origin
from watcher.desk import Desk
from watcher.errors import Permanent, Transient
from watcher.model import Known, Reading, Routed, Slice, SourceName, SourceState
from watcher.poll import Watch, look
from watcher.streams import STREAMS
from watcher.streams.dates import PARIS
from watcher.tick import Bell

NAMES = {"leads": "apimo.leads", "contracts": "apimo.contracts", "purchases": "adlead.purchases"}
STARTS = [  # an ordinary day, and those before the clocks change
    datetime(2026, 11, 20, 9, tzinfo=UTC),
    datetime(2026, 10, 23, 22, tzinfo=UTC),
    datetime(2026, 3, 27, 21, tzinfo=UTC),
]


def finish(work: Coroutine[Any, Any, Any]) -> Any:
    """Run what never really waits."""
    while True:
        try:
            work.send(None)
        except StopIteration as done:
            return done.value


@dataclass
class Shelf:
    """A store in memory: what polls and alarms ask of it, and what their plans write."""

    source: dict[str, Any] = field(default_factory=lambda: {"state": SourceState()})
    current: dict[str, Any] = field(default_factory=dict)
    absent: dict[str, int] = field(default_factory=dict)
    alarms: dict[Any, Any] = field(default_factory=dict)
    troubles: dict[tuple[str, str], Any] = field(default_factory=dict)
    events: list[Any] = field(default_factory=list)

    async def state(self, _source: SourceName) -> SourceState:
        """What is remembered of the source."""
        return self.source["state"]

    async def known(self, _source: SourceName) -> Known:
        """What the snapshot knows."""
        return Known({v.fingerprint: v.key for v in self.current.values() if not v.removed}, dict(self.absent), {})

    async def versions(self, _source: SourceName, keys: Any) -> dict[str, Any]:
        """The last versions of records."""
        return {key: self.current[key] for key in keys if key in self.current}

    async def conditions(self, _subject: str | None = None) -> tuple[Any, ...]:
        """The troubles that last."""
        return tuple(self.troubles.values())

    async def ringing(self, now: datetime, _limit: int) -> list[Any]:
        """The alarms that are due."""
        return sorted((alarm for alarm in self.alarms.values() if alarm.due_at <= now), key=lambda alarm: alarm.due_at)

    async def commit(self, plan: Any) -> None:
        """Write a plan."""
        self.source["state"] = plan.state or self.source["state"]
        for version in plan.versions:
            last = self.current.get(version.key)
            assert version.version == (last.version if last else 0) + 1
            self.current[version.key] = version
        for version in plan.refreshed:
            assert version.version == self.current[version.key].version
            self.current[version.key] = version
        self.absent |= plan.absences
        self.absent = {key: n for key, n in self.absent.items() if n and not self.current[key].removed}
        for alarm in plan.disarmed:
            self.alarms.pop((alarm.key, alarm.name, alarm.due_at), None)
        self.alarms |= {(alarm.key, alarm.name, alarm.due_at): alarm for alarm in plan.armed}
        for trouble in plan.left:
            self.troubles.pop(trouble)
        self.troubles |= {(trouble.type, trouble.subject): trouble for trouble in plan.entered}
        self.events += plan.events


@dataclass
class Answers:
    """A source that answers what it is told to."""

    name: SourceName
    answer: Any = None

    async def read(self, known: Known, since: int | None) -> Reading:
        """Answer, or fail."""
        return self.answer(known, since)

    async def show(self, _key: str) -> Any:
        """There is no such record; Apimo has no such read."""
        if self.name.stream.startswith("apimo"):
            raise NotImplementedError


# --- both, side by side ----------------------------------------------------------------------------------------


class World:
    """An upstream, the product that polls it, and the oracle that is shown the same."""

    def __init__(self, stream: str, start: datetime) -> None:
        self.stream, self.now = stream, start
        self.apimo = stream != "purchases"
        self.truth: dict[str, dict[str, Any]] = {"0": {}}  # one that is always there: an empty list is another story
        self.left: dict[str, dict[str, Any]] = {}
        self.oracle, self.shelf = Oracle(stream), Shelf()
        name = SourceName("acc", NAMES[stream], "1")
        self.source = Answers(name)
        origin = Origin(STREAMS[NAMES[stream]], name, lambda _: None)
        self.watch = Watch(self.source, origin, timedelta(minutes=1), timedelta(hours=24) if self.apimo else None)

    def live(self, life: list[Step]) -> None:
        """Let one thing after another happen."""
        for name, arguments in life:
            getattr(self, name)(**arguments)

    def change(self, number: int, happened: list[Edit]) -> None:
        """Something happens to a record."""
        key = sorted(self.truth)[number % len(self.truth)]
        for edit in happened:
            self.truth[key] = edited(self.truth[key], edit, self.now)

    @property
    def events(self) -> list[Any]:
        """The events told of records so far."""
        return [event for event in self.shelf.events if event.source != "/watcher"]

    def be_seen(self, number: int, happened: list[Edit]) -> None:
        """Something happens to a record and is seen."""
        self.change(number, happened)
        self.poll()

    def come(self, happened: list[Edit], *, bare: bool) -> None:
        """A record appears, or is back; a bare one has only the fields to which something happened."""
        new = {} if bare else blank(self.stream)
        key = next((key for key in KEYS if key not in self.truth), KEYS[0])
        self.truth[key] = self.truth.get(key) or self.left.pop(key, new)
        self.change(sorted(self.truth).index(key), happened)
        self.poll()

    def go(self, number: int, looks: int, *, on_time: bool, returns: bool, happened: list[Edit]) -> None:
        """A record is deleted, looked for so many times, and back perhaps."""
        key = KEYS[number % len(KEYS)]
        if key in self.truth:
            self.left[key] = self.truth.pop(key)
        for _ in range(looks):
            self.passes(24 * 60 + 5, on_time=on_time)
            self.poll()
        if returns:
            self.come(happened, bare=False)

    def passes(self, minutes: int, *, on_time: bool) -> None:
        """Time passes, and the alarms ring on time, or do not."""
        until = self.now + timedelta(minutes=minutes)
        while on_time and (due := min((a.due_at for a in self.shelf.alarms.values()), default=until)) < until:
            self.now = max(self.now, due)
            self.ring()
        self.now = until

    def ring(self) -> None:
        """Answer the alarms that are due."""
        before = len(self.shelf.events)
        watches = {str(self.watch.name): self.watch}
        in_turn: Any = lambda _: nullcontext()  # noqa: E731 - nobody else is there
        bell = Bell(self.shelf, watches, Desk((), PARIS), self.shelf.commit, lambda: self.now, in_turn)
        finish(bell.ring())
        self._agree(self.oracle.ring(self.now), before)

    def poll(self, how: str = "good", seed: int = 0, some: frozenset[str] = frozenset(["0", *KEYS])) -> None:
        """Poll: a good read, an incomplete one or a cursor's (of `some`), one with a garbled record, or none at all."""
        before = len(self.shelf.events)
        luck = Random(seed) if seed else None
        whole = how != "partial" and self._reads_in_full()
        served = [key for key in sorted(self.truth) if whole or key in some or not self.shelf.current]
        garbled = {key for key in served if how == "garbled" and key in some - {"0"}} if self.shelf.current else set()
        raws = {key: written({"id": int(key), **self.truth[key]}, self.apimo, luck) for key in served}
        pieces = {key: piece(key, None if key in garbled else raw) for key, raw in raws.items()}

        def answer(known: Known, since: int | None) -> Reading:
            if how in ("failed", "refused"):
                raise Transient("HTTP 500") if how == "failed" else Permanent("HTTP 401", refused=True)
            fresh = tuple(p for p in pieces.values() if p.fingerprint not in known.fingerprints)
            return Reading(fresh, set(pieces), since is None, whole or since is not None or not known.fingerprints, 1)

        self.source.answer = answer
        looked, again = (finish(look(self.watch, self.shelf, unrouted, lambda: self.now, 0.5)) for _ in range(2))
        assert [event.id for event in again.plan.events] == [event.id for event in looked.plan.events]
        finish(self.shelf.commit(looked.plan))
        expected: dict[str, list[Any]] = {}
        if how not in ("failed", "refused"):
            readable = [raw for key, raw in raws.items() if key not in garbled]
            expected = self.oracle.poll(readable, self.now, complete=whole and not garbled, present=frozenset(garbled))
        self._agree(expected, before)

    def _reads_in_full(self) -> bool:
        state = self.shelf.source["state"]
        return not self.apimo or state.next_full_at is None or state.next_full_at <= self.now

    def _agree(self, expected: dict[str, list[Any]], before: int) -> None:
        """Hold what the product told in this step against the oracle."""
        told: dict[str, list[Any]] = {}
        for event in self.shelf.events[before:]:
            if event.source != "/watcher":
                changes = {p: (shown(p, c["from"]), shown(p, c["to"])) for p, c in event.data["changes"].items()}
                told.setdefault(event.subject, []).append((event.type, changes))
        wanted = {key: [tuple(each) for each in events] for key, events in expected.items()}
        assert told == wanted, f"told {told}\nwanted {wanted}"
        versions = {key: version.version for key, version in self.shelf.current.items()}
        assert versions == {key: record.version for key, record in self.oracle.known.items()}


def unrouted(_events: Any, _now: datetime) -> Routed:
    """Nobody is owed anything."""
    return Routed()


def piece(key: str, raw: Any) -> Slice:
    """A record's bytes as a page has them; None is a record that cannot be read."""
    text = json.dumps(raw).encode()
    return Slice(key, blake2b(text + key.encode(), digest_size=16).digest(), text)
