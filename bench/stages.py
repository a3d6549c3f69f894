"""What each stage of a poll costs at 1 % changed, one by one, on the same page; and detection as a whole."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from bench.figure import Figure, Rounds, Took, awaited, clocked, exactly
from bench.rig import NOON, Rig, Setting, rigged
from bench.scope import Scope
from bench.story import Story
from watcher.decode import decode
from watcher.derive import derive
from watcher.diff import Comparison, diff, missing
from watcher.model import Batch, Known, Plan, Version
from watcher.poll import Watch
from watcher.sources.answers import Answer
from watcher.sources.apimo import ApimoSource
from watcher.sources.pages import Sheet, Sifted, sift, split_apimo
from watcher.store import Store
from watcher.streams import LEADS

STAGES = {
    "wire": "the request, until all bytes are here",
    "digest": "digest of the wire bytes",
    "inflate": "inflating",
    "split": "splitting into records",
    "fingerprint": "a fingerprint a record, looked up",
    "decode": "decoding what is new",
    "read": "its last versions out of the store",
    "diff": "comparing, and what is missing",
    "derive": "events, versions, alarms",
    "route": "rules",
    "commit": "one transaction, synchronous=FULL",
    "detection": "detection: bytes (inflated) to field differences",
}


class Canned:
    """A client without a network: one inflated body, answered at once."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def clock(self) -> datetime:
        """A fixed noon."""
        return datetime(2026, 11, 23, 11, tzinfo=UTC)

    async def get(self, _path: str, _params: Mapping[str, str] | None = None, *, timeout: float = 30.0) -> Answer:
        """The body."""
        return Answer(200, {}, self.body)


def measure(scope: Scope, story: Story) -> list[Figure]:
    """One figure a stage, in the order of the path."""
    rounds = Rounds()
    asyncio.run(_rounds(scope, story, rounds))
    return [rounds.figure(f"stage.{name}", words) for name, words in STAGES.items()]


async def _rounds(scope: Scope, story: Story, rounds: Rounds) -> None:
    async with rigged(scope.place("stages"), Setting(), scope.vendor.url) as rig:
        scope.vendor.put("leads", story.first.wires)
        await rig.poll()
        scope.vendor.put("leads", story.few.wires)
        for number in range(scope.pick(5, 9)):
            await _path(rig, story, rounds, number)
            await _detection(rig, story, rounds)
        known = await rig.core.store.known(rig.watches[0].name)
        exactly(len(known.fingerprints), story.count, "records kept")


async def _path(rig: Rig, story: Story, rounds: Rounds, number: int) -> None:
    """Each stage once; nothing of it changes the snapshot."""
    watch, store = rig.watches[0], rig.core.store
    yard = story.few.yard()

    def note(name: str, took: Took) -> None:
        rounds.add(f"stage.{name}", took, yard)

    client = rig.core.parts.clients["azur0"]
    answer, took = await awaited(lambda: client.get("agencies/101/leads", {"limit": "10000", "offset": "0"}))
    note("wire", took)
    note("digest", clocked(answer.digest)[1])
    body, took = clocked(answer.body)
    note("inflate", took)
    sheet, took = clocked(lambda: split_apimo(body, ("leads",)))
    note("split", took)
    known = await store.known(watch.name)
    meant = dict(watch.source._meant)  # what the polls before have remembered
    sifted, took = clocked(lambda: _sifted(sheet, known, meant))
    note("fingerprint", took)
    records, took = clocked(lambda: _decoded(watch, sifted.fresh.values()))
    note("decode", took)
    before, took = await awaited(lambda: store.versions(watch.name, [record.key for record in records]))
    note("read", took)
    batch = Batch(records, set(sifted.keys), full=True, complete=True)
    compared, took = clocked(lambda: _compared(known, before, batch))
    note("diff", took)
    derived, took = clocked(lambda: [derive(watch.origin, change, NOON) for change in compared.changes])
    note("derive", took)
    events = [event for item in derived for event in item.events]
    routed, took = clocked(lambda: rig.core.parts.route(events, NOON))
    note("route", took)
    versions = tuple(item.version for item in derived)
    plan = Plan(NOON, watch.name, versions=versions, events=tuple(events), owed=routed.owed)
    note("commit", await _committed(store, plan, number))


async def _committed(store: Store, plan: Plan, number: int) -> Took:
    """Commit a plan as one of another source: what the polled one knows stays as it is."""
    assert plan.source is not None
    plan = replace(
        plan,
        source=replace(plan.source, partition=f"bench{number}"),
        events=tuple(replace(event, id=f"{event.id}-{number}") for event in plan.events),
        owed=tuple(replace(owed, event_id=f"{owed.event_id}-{number}") for owed in plan.owed),
    )
    return (await awaited(lambda: store.commit(plan)))[1]


def _sifted(sheet: Sheet, known: Known, meant: dict[bytes, bytes]) -> Sifted:
    found = Sifted()
    sift(sheet.items, known.fingerprints, found, meant)
    return found


def _decoded(watch: Watch, fresh: Any) -> tuple[Any, ...]:
    records = (decode(watch.origin.stream, piece) for piece in fresh)
    return tuple(replace(record, body=watch.withhold(record.body)) for record in records)


def _compared(known: Known, before: Mapping[str, Version], batch: Batch) -> Comparison:
    missing(known, batch)
    return diff(LEADS, before, batch, len(known.fingerprints))


async def detect(watch: Watch, store: Store) -> tuple[Comparison, set[str]]:
    """Bytes to field differences, and the ids that are missing."""
    known = await store.known(watch.name)
    reading = await watch.source.read(known, None)
    records = _decoded(watch, reading.fresh)
    batch = Batch(records, reading.present, reading.full, reading.complete)
    gone = set(missing(known, batch).absences)
    before = await store.versions(watch.name, [record.key for record in records])
    return diff(LEADS, before, batch, len(known.fingerprints)), gone


async def _detection(rig: Rig, story: Story, rounds: Rounds) -> None:
    """All of it in one go, from a page that is here; the ids have to be right."""
    source = ApimoSource(rig.watches[0].name, Canned(story.few.page), ("leads",))  # type: ignore[arg-type]
    source._meant.update(rig.watches[0].source._meant)  # what the polls before have remembered
    watch = replace(rig.watches[0], source=source)
    yard = story.few.yard()
    (compared, gone), took = await awaited(lambda: detect(watch, rig.core.store))
    rounds.add("stage.detection", took, yard)
    exactly({one.key for one in compared.changes if one.before is None}, set(story.one.new), "detected as new")
    changed = {one.key for one in compared.changes if one.before and one.fields}
    exactly(changed, set(story.one.changed), "detected as changed")
    exactly(gone, set(story.one.removed), "detected as missing")
