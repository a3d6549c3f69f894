"""Looking back: records as they were, versions and events as they came, records that have a date."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from store_samples import LEADS, MINUTE, NOON, OTHER, event, version

from watcher.errors import StoreError
from watcher.model import Plan, SourceName
from watcher.store.read import Reader
from watcher.store.sqlite import Store

LATER = NOON + 10 * MINUTE


async def lived(store: Store) -> None:
    """Two sources whose records changed at several times."""
    for source, minute, key, number, more in (
        (LEADS, 0, "1", 1, {}),
        (OTHER, 0, "1", 1, {}),
        (LEADS, 1, "2", 1, {}),
        (LEADS, 2, "1", 2, {}),
        (LEADS, 3, "2", 2, {"removed": True, "absences": 2}),
        (LEADS, 4, "1", 3, {}),
    ):
        await store.commit(Plan(NOON, source, versions=(version(key, number, seen_at=NOON + minute * MINUTE, **more),)))


async def test_the_snapshot_as_it_was(store: Store, path: Path):
    """Of each record the last version before that time: removed ones as such, those that came later not at all."""
    await lived(store)
    with Reader.open(path) as reader:

        def at(minute: int) -> set[tuple[str, str, int, bool]]:
            found = reader.snapshot_at(NOON + minute * MINUTE)
            return {(source.account, one.key, one.version, one.removed) for source, one in found}

        assert at(0) == set()
        assert at(1) == {("azur", "1", 1, False), ("riviera", "1", 1, False)}
        assert at(3) == {("azur", "1", 2, False), ("azur", "2", 1, False), ("riviera", "1", 1, False)}
        assert at(9) == {("azur", "1", 3, False), ("azur", "2", 2, True), ("riviera", "1", 1, False)}
        ((source, last),) = [found for found in reader.snapshot_at(NOON + MINUTE) if found[0] == LEADS]
        assert (source, last) == (LEADS, version("1"))


async def test_versions_as_they_came(store: Store, path: Path):
    """Every version seen since, by time, and those of one time in the order in which they were written."""
    await lived(store)
    await store.commit(Plan(NOON, LEADS, versions=tuple(version(key, seen_at=LATER) for key in ("b", "a"))))
    with Reader.open(path) as reader:
        found = [(source, one.key, one.version) for source, one in reader.versions_since(NOON + 2 * MINUTE)]
        assert found == [(LEADS, "1", 2), (LEADS, "2", 2), (LEADS, "1", 3), (LEADS, "b", 1), (LEADS, "a", 1)]
        assert next(reader.versions_since(NOON)) == (LEADS, version("1"))
        assert len(list(reader.versions_since(NOON))) == 8


async def test_snapshot_and_versions_are_the_whole_history(store: Store, path: Path):
    """Wherever one cuts it, what was before and what came since end at the records as they are."""
    await lived(store)
    with Reader.open(path) as reader:
        for minute in range(6):
            cut = NOON + minute * MINUTE
            records = {(source, one.key): one for source, one in reader.snapshot_at(cut)}
            records |= {(source, one.key): one for source, one in reader.versions_since(cut)}
            assert records == {
                (source, key): one
                for stream in (LEADS.stream, OTHER.stream)
                for key in "12"
                for source, one in reader.record(stream, key)
            }


async def test_events_as_they_were_recorded(store: Store, path: Path):
    """Events since a time, by when they were recorded and then by sequence, also where the clock was set back."""
    times = (5, 1, 5, 0, 9)
    events = tuple(event(str(n), recorded_at=NOON + minute * MINUTE) for n, minute in enumerate(times))
    await store.commit(Plan(NOON, events=events))
    with Reader.open(path) as reader:
        assert [one.id for one in reader.events_since(NOON + MINUTE)] == ["1", "0", "2", "4"]
        assert [one.id for one in reader.events(since=NOON + MINUTE)] == ["0", "1", "2", "4"]
        assert [one.id for one in reader.events(since=NOON + MINUTE, limit=2, newest=True)] == ["2", "4"]
        assert [one.id for one in reader.events(2, since=NOON + MINUTE)] == ["2", "4"]
        assert reader.events(since=LATER) == list(reader.events_since(LATER)) == []
        assert next(reader.events_since(NOON)) == replace(events[3], sequence=4)
        assert await store.events_since(NOON + MINUTE) == list(reader.events_since(NOON + MINUTE))


async def test_events_of_lately_cost_the_same_however_many_came_before(store: Store, path: Path):
    """Asked for since a time, the events before it are not gone through."""
    costs = []
    for size in (0, 5000):
        old = tuple(event(f"old{number}", recorded_at=NOON) for number in range(size))
        await store.commit(Plan(NOON, events=(*old, event(f"new{size}", recorded_at=LATER + size * MINUTE))))
        with Reader.open(path) as reader:
            count = 0

            def counted() -> bool:
                nonlocal count
                count += 1
                return False

            reader._db.set_progress_handler(counted, 1)
            assert [one.id for one in reader.events(since=LATER + size * MINUTE)] == [f"new{size}"]
            costs.append(count)
    assert costs[0] == costs[1]


async def test_it_is_read_as_it_is_asked_for(store: Store, path: Path):
    """A long history is read bit by bit and from one moment: what is committed meanwhile is not in it."""
    await store.commit(Plan(NOON, LEADS, versions=tuple(version(str(number)) for number in range(500))))
    with Reader.open(path) as reader:
        found = reader.versions_since(NOON)
        first = list(islice(found, 3))
        await store.commit(Plan(NOON, LEADS, versions=(version("late", seen_at=LATER),)))
        assert len(first) + len(list(found)) == 500
        assert len(list(reader.versions_since(NOON))) == 501


async def test_a_history_that_cannot_be_read_is_said(store: Store, path: Path):
    """What goes wrong in the middle of it is a StoreError, as everywhere."""
    await lived(store)
    with Reader.open(path) as reader:
        found = reader.versions_since(NOON)
        next(found)
        reader._db.set_progress_handler(lambda: True, 1)
        with pytest.raises(StoreError):
            list(found)


async def test_events_by_their_ids(store: Store):
    """One event or several, by sequence whatever was asked first; those that are not there are left out."""
    events = tuple(event(name) for name in ("a", "b", "c"))
    await store.commit(Plan(NOON, events=events))
    assert await store.event("b") == replace(events[1], sequence=2)
    assert await store.event("none") is None
    assert await store.events_of(["c", "none", "a", "a"]) == [
        replace(events[0], sequence=1),
        replace(events[2], sequence=3),
    ]
    assert await store.events_of([]) == []


# ------------------------------------------------------------------------------------------------- records with a date


async def dated(store: Store, stream: str, field: str) -> set[tuple[str, str]]:
    """Partition and id of the records that have something in the field."""
    found = await store.dated(stream, field)
    return {(source.partition, one.key) for source, versions in found.items() for one in versions}


async def test_records_with_a_date_are_found(store: Store):
    """Those of the stream, in every source, that are there and have it; null, absent and removed ones are not found."""
    second = SourceName("nice", LEADS.stream, "7")
    bodies: dict[str, dict[str, Any]] = {
        "date": {"opened": "2026-11-21"},
        "null": {"opened": None},
        "absent": {},
        "stamp": {"opened": {"date": "2026-11-21", "user": "1"}},
        "who": {"opened": {"date": None, "user": "1"}},
    }
    for source in (LEADS, second):
        await store.commit(Plan(NOON, source, versions=tuple(version(k, body=b) for k, b in bodies.items())))
    await store.commit(Plan(NOON, second, versions=(version("date", 2, body=bodies["date"], removed=True),)))
    await store.commit(Plan(NOON, OTHER, versions=(version("date", body=bodies["date"]),)))
    assert await dated(store, LEADS.stream, "opened") == {("101", "date"), ("101", "stamp"), ("7", "stamp")}
    assert await dated(store, LEADS.stream, "opened.date") == {("101", "stamp"), ("7", "stamp")}
    assert await dated(store, LEADS.stream, "opened.user") == {(p, k) for p in ("101", "7") for k in ("stamp", "who")}
    assert await dated(store, "apimo.none", "opened") == await dated(store, LEADS.stream, "none") == set()
    found = await store.dated(LEADS.stream, "opened")
    assert found[second] == [version("stamp", body=bodies["stamp"])]


@pytest.mark.parametrize("field", ["", ".", "a..b", ".a", "a.", "A", "a b", "lots[0].x", "a')--", "$.a", "a\n", "é"])
async def test_what_is_no_field_is_refused(store: Store, field: str):
    """Anything but names with dots between is a mistake of the caller, and never reaches SQLite."""
    with pytest.raises(ValueError, match="is no field"):
        await store.dated(LEADS.stream, field)
