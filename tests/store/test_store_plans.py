"""A plan is written whole or not at all."""

from __future__ import annotations

import itertools
import sqlite3
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from store_samples import LEADS, MINUTE, NOON, OTHER, agrees, baseline, copied, dump, event, owing, rich, version

from watcher.errors import StoreError
from watcher.model import Alarm, Condition, Owed, Plan, SourceState
from watcher.store.read import Reader
from watcher.store.sqlite import Store


async def test_all_that_a_plan_says_can_be_read_back(store: Store, path: Path):
    """What was committed is there: the state, versions and refreshed records, events, owed messages, alarms, troubles."""
    plan = rich()
    await store.commit(baseline())
    await store.commit(plan)
    assert await store.state(LEADS) == plan.state
    last = await store.versions(LEADS, ["1", "2", "3", "4", "never"])
    assert last == {
        "1": replace(plan.versions[0], absences=1),
        "2": plan.versions[1],
        "3": plan.refreshed[0],
        "4": plan.versions[2],
    }
    assert [d.event for d in await store.due("sales", plan.at, 10)] == [replace(plan.events[0], sequence=1)]
    assert [(d.number, d.event.id) for d in await store.due("team", plan.at, 10)] == [(6, "e2")]
    assert [held.number for held in await store.held("night", "all", "n")] == [9]
    assert await store.ringing(NOON + MINUTE, 10) == [plan.armed[1], plan.armed[0]]
    assert await store.conditions() == plan.entered
    with Reader.open(path) as reader:
        states = [(row.number, row.state, row.told_in) for row in reader.deliveries() if row.sink in ("team", "night")]
        assert states == [
            (9, "held", ""),
            (8, "dropped", ""),
            (7, "silenced", "e3"),
            (6, "owed", ""),
            (5, "summed", "e3"),
        ]
        assert [row.unread for row in reader.unread()] == list(plan.unread)
        assert reader.history(LEADS, "1") == [version("1"), plan.versions[0]]
        assert reader.history(LEADS, "3") == [version("3", absences=1)]


async def test_a_plan_cut_off_at_any_instruction_leaves_everything_as_it_was(store: Store, path: Path):
    """Stopped at whichever instruction of SQLite, a plan leaves tables and memory alone and the store usable."""
    await store.commit(baseline())
    await store.known(LEADS)
    before, known = dump(path), copied(await store.known(LEADS))
    db = store._worker._connection
    for last in itertools.count():
        once = itertools.chain([False] * last, [True], itertools.repeat(False))
        # Only inside the transaction: the handler is asked once more when COMMIT has done its work, and can undo nothing.
        await store._worker.set_progress_handler(lambda once=once: db.in_transaction and next(once), 1)
        try:
            await store.commit(rich())
        except StoreError:
            await store._worker.set_progress_handler(None, 1)
            assert not store._worker.in_transaction
            assert (dump(path), copied(await store.known(LEADS))) == (before, known)
        else:
            break
    await store._worker.set_progress_handler(None, 1)
    assert last > 700
    assert await agrees(store)
    assert dump(path) != before


class Failing:
    """A connection that fails at its nth statement, before or after having run it."""

    def __init__(self, db: sqlite3.Connection, at: int, *, after: bool) -> None:
        self._db, self._left, self._after = db, at, after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)

    def execute(self, sql: str, *values: Any) -> Any:
        """Run a statement, or fail."""
        return self._run(self._db.execute, sql, *values)

    def executemany(self, sql: str, *values: Any) -> Any:
        """Run a statement for each row, or fail."""
        return self._run(self._db.executemany, sql, *values)

    def _run(self, run: Any, sql: str, *values: Any) -> Any:
        self._left -= 1
        if self._left == 0 and not (self._after and sql == "COMMIT"):
            if self._after:
                run(sql, *values)
            raise sqlite3.OperationalError("disk I/O error")
        return run(sql, *values)


@pytest.mark.parametrize("after", [False, True])
async def test_a_plan_that_fails_at_any_statement_leaves_everything_as_it_was(store: Store, path: Path, after: bool):
    """An error of any one statement, COMMIT too, leaves tables and memory alone and the store usable."""
    await store.commit(baseline())
    await store.known(LEADS)
    before, known = dump(path), copied(await store.known(LEADS))
    db = store._worker._connection
    for at in itertools.count(1):
        failing = Failing(db, at, after=after)
        store._worker._connection = failing
        try:
            await store.commit(rich())
        except StoreError:
            assert not db.in_transaction
            assert (dump(path), copied(await store.known(LEADS))) == (before, known)
        if failing._left > 0 or (after and failing._left == 0):
            break
    store._worker._connection = db
    assert at > 15
    assert await agrees(store)
    assert dump(path) != before


async def test_a_full_disk_changes_nothing_and_passes(store: Store, path: Path):
    """A full disk is a StoreError that names it; with room again the same plan is written."""
    await store.commit(baseline())
    await store.known(LEADS)
    before = dump(path)
    big = Plan(NOON, LEADS, versions=tuple(version(f"n{i}", body={"text": "x" * 1000}) for i in range(200)))
    pages = (await store._worker.run(lambda db: db.execute("PRAGMA page_count").fetchone()))[0]
    await store._worker.run(lambda db: db.execute(f"PRAGMA max_page_count = {pages + 5}").fetchone())
    with pytest.raises(StoreError, match="full"):
        await store.commit(big)
    assert dump(path) == before
    assert await agrees(store)
    await store._worker.run(lambda db: db.execute("PRAGMA max_page_count = 1000000").fetchone())
    await store.commit(big)
    assert len((await store.known(LEADS)).fingerprints) == 203


async def test_a_value_that_cannot_be_written_changes_nothing(store: Store, path: Path):
    """A programming error inside a plan (a naive time) rolls it back too."""
    before = dump(path)
    broken = Plan(NOON, LEADS, versions=(version("1"), version("2", seen_at=datetime(2026, 11, 21))))  # noqa: DTZ001
    with pytest.raises(TypeError):
        await store.commit(broken)
    assert dump(path) == before
    await store.commit(baseline())


async def test_an_event_is_not_written_twice(store: Store, path: Path):
    """An event id that is there already makes no second event and no second message to its sink."""
    await store.commit(owing(("e1", "4")))
    await store.commit(owing(("e1", "4"), ("e2", "5"), ("e2", "5")))
    with Reader.open(path) as reader:
        assert [e.id for e in reader.events()] == ["e1", "e2"]
        assert len(reader.deliveries()) == 2


async def test_a_stored_event_can_be_owed_to_another_sink(store: Store):
    """A message about an event that was stored before is owed to a sink that was not owed it, in a plan of its own."""
    await store.commit(owing(("e1", "4")))
    await store.commit(Plan(NOON, owed=(Owed("e1", "crm", "again"), Owed("e1", "sales", "replay"))))
    assert [d.rule for d in await store.due("crm", NOON, 10)] == ["r"]
    assert [d.rule for d in await store.due("sales", NOON, 10)] == ["replay"]


async def test_a_message_about_an_unknown_event_is_refused(store: Store, path: Path):
    """Owing an event that is not stored fails the whole plan instead of owing nothing."""
    before = dump(path)
    with pytest.raises(StoreError):
        await store.commit(replace(owing(("e1", "4")), owed=(Owed("e0", "crm", "r"),)))
    assert dump(path) == before


async def test_the_sequence_grows_by_one(store: Store, path: Path):
    """Neither events that are there already nor plans that failed leave a gap in the sequence."""
    await store.commit(owing(("a", "1"), ("b", "2")))
    await store.commit(owing(("b", "2"), ("a", "1")))
    with pytest.raises(StoreError):
        await store.commit(replace(owing(("c", "3"), ("d", "4")), owed=(Owed("nothing", "crm", "r"),)))
    await store.commit(owing(("a", "1"), ("e", "5"), ("f", "5")))
    with Reader.open(path) as reader:
        assert [(e.id, e.sequence) for e in reader.events()] == [("a", 1), ("b", 2), ("e", 3), ("f", 4)]


async def test_a_plan_from_an_older_state_is_refused(store: Store, path: Path):
    """Of two plans made from the same version of a record the second is refused whole, and told apart by nobody else."""
    await store.commit(Plan(NOON, LEADS, versions=(version("1"), version("2"))))
    await store.commit(Plan(NOON, LEADS, versions=(version("1", 2),)))
    before = dump(path)
    late = [
        Plan(NOON, LEADS, versions=(version("1", 2, "other"),), events=(event("late"),)),
        Plan(NOON, LEADS, refreshed=(version("1", 1, "other"),), events=(event("late"),)),
    ]
    for plan in late:
        with pytest.raises(StoreError, match="does not fit"):
            await store.commit(plan)
        assert dump(path) == before


async def test_a_plan_that_writes_of_no_source_is_a_mistake(store: Store):
    """Records without a source are refused as the programming error that they are."""
    with pytest.raises(ValueError, match="name it"):
        await store.commit(Plan(NOON, versions=(version("1"),)))


async def test_a_removed_record_keeps_its_last_version(store: Store, path: Path):
    """A removed record can be looked up as such, is in the history, and may come back with the next number."""
    await store.commit(Plan(NOON, LEADS, versions=(version("1"),)))
    await store.commit(Plan(NOON, LEADS, versions=(version("1", 2, removed=True, absences=2),)))
    assert (await store.versions(LEADS, ["1"]))["1"].removed
    await store.commit(Plan(NOON, LEADS, versions=(version("1", 3),)))
    assert (await store.known(LEADS)).fingerprints == {b"1/3/": "1"}
    with Reader.open(path) as reader:
        assert [(v.version, v.removed) for v in reader.history(LEADS, "1")] == [(1, False), (2, True), (3, False)]


async def test_sources_do_not_mix(store: Store):
    """The same id in two sources is two records."""
    await store.commit(Plan(NOON, LEADS, SourceState(cursor=1), versions=(version("1"),)))
    await store.commit(Plan(NOON, OTHER, SourceState(cursor=2), versions=(version("1", 1, "theirs"),)))
    assert (await store.known(LEADS)).fingerprints == {b"1/1/": "1"}
    assert (await store.known(OTHER)).fingerprints == {b"1/1/theirs": "1"}
    assert ((await store.state(LEADS)).cursor, (await store.state(OTHER)).cursor) == (1, 2)


async def test_a_source_never_polled_has_the_empty_state(store: Store):
    """Nothing is known of a source that was never polled, and asking is no error."""
    assert await store.state(LEADS) == SourceState()
    assert await store.versions(LEADS, ["1"]) == {}
    assert copied(await store.known(LEADS)) == ({}, {}, {})


async def test_a_state_comes_back_as_it_was(store: Store, path: Path):
    """Every field of a source's state survives, to the microsecond."""
    fine = NOON.replace(microsecond=123456)
    state = SourceState(5, fine, fine, NOON, fine + MINUTE, 3, fine, "HTTP 500: désolé", 2, {"price": "gone"})
    await store.commit(Plan(NOON, LEADS, state))
    await store.commit(Plan(NOON, LEADS, versions=(version("1"),)))  # None leaves the state as it is
    await store.close()
    async with await Store.open(path) as again:
        assert await again.state(LEADS) == state


async def test_many_versions_at_once(store: Store):
    """More ids than SQLite takes in one statement can be asked for."""
    await store.commit(Plan(NOON, LEADS, versions=tuple(version(str(i)) for i in range(1300))))
    asked = [str(i) for i in range(0, 2600, 2)]
    assert set(await store.versions(LEADS, asked)) == {str(i) for i in range(0, 1300, 2)}


async def test_any_id_is_found_again(store: Store):
    """Ids are any text: quotes, nothing, null characters, all of Unicode."""
    keys = ["", "'", "a\0b", "a", "é\U0001f600", "100%_"]
    await store.commit(Plan(NOON, LEADS, versions=tuple(version(key) for key in keys)))
    assert set(await store.versions(LEADS, keys)) == set(keys)


async def test_an_alarm_is_armed_once_and_moved(store: Store):
    """Arming an alarm that is armed moves it; disarming goes by its identity; both in one plan move it too."""
    first = Alarm("after", "/a", "1", "r", NOON, MappingProxyType({"n": 1}))
    moved = replace(first, due_at=NOON + MINUTE, data={"n": 2})
    await store.commit(Plan(NOON, armed=(first, replace(first, key="2"))))
    await store.commit(Plan(NOON, armed=(moved,), disarmed=(replace(first, due_at=NOON + 9 * MINUTE),)))
    assert await store.next_ring() == NOON
    assert await store.ringing(NOON, 10) == [replace(first, key="2")]
    await store.commit(Plan(NOON, disarmed=(replace(first, key="2"),)))
    assert await store.next_ring() == NOON + MINUTE
    assert await store.ringing(NOON, 10) == []
    assert await store.ringing(NOON + MINUTE, 10) == [moved]
    assert await store.ringing(NOON + MINUTE, 0) == []


async def test_a_trouble_lasts_from_when_it_was_entered(store: Store):
    """Entering a trouble again keeps since when it lasts and takes the new detail; left, it is gone."""
    first = Condition("source-failing", "a", NOON, "one")
    await store.commit(Plan(NOON, entered=(first, Condition("budget-low", "b", NOON + MINUTE, "low"))))
    await store.commit(Plan(NOON, entered=(replace(first, since=NOON + MINUTE, detail="two"),)))
    assert await store.conditions("a") == (replace(first, detail="two"),)
    assert len(await store.conditions()) == 2
    await store.commit(Plan(NOON, left=(("source-failing", "a"), ("never", "entered"))))
    assert [c.type for c in await store.conditions()] == ["budget-low"]


async def test_an_unreadable_record_is_written_down_once(store: Store, path: Path):
    """The same bytes met again keep the time at which they were first met."""
    await store.commit(replace(rich(), refreshed=(), disarmed=()))
    await store.commit(Plan(NOON + 9 * MINUTE, LEADS, unread=rich().unread))
    with Reader.open(path) as reader:
        assert [row.seen_at for row in reader.unread()] == [NOON + MINUTE] * 2


async def test_a_budget_is_counted_across_restarts(store: Store, path: Path):
    """Each request is counted before it is made, up to the limit, by account and day, and stays counted."""
    assert [await store.spend("azur", "2026-11-21", 3) for _ in range(2)] == [2, 1]
    await store.close()
    async with await Store.open(path) as again:
        assert [await again.spend("azur", "2026-11-21", 3) for _ in range(3)] == [0, -1, -1]
        assert await again.spend("azur", "2026-11-22", 1) == 0
        assert await again.spend("azur", "2026-11-23", 0) == -1
        assert await again.spend("azur", "2026-11-21", 2) == -1
    with Reader.open(path) as reader:
        assert [(row.day, row.spent) for row in reader.budgets()] == [("2026-11-21", 3), ("2026-11-22", 1)]
