"""A poll that brought nothing new is written some seconds later; nothing else ever waits, and nothing overtakes."""

from __future__ import annotations

import asyncio
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from store_samples import LEADS, MINUTE, NOON, OTHER, baseline, dump, rich, version

from watcher.errors import StoreError
from watcher.model import Plan, SourceName, SourceState, Tally, Version
from watcher.store import plans
from watcher.store.read import Reader
from watcher.store.sources import SAVED_TOGETHER
from watcher.store.sqlite import Store

FIRST = SourceState(cursor=1, baselined_at=NOON)


def again(minutes: int = 1, source: SourceName = LEADS, **more: Any) -> Plan:
    """What a poll comes to that finds all as it was, so many minutes after noon."""
    at = NOON + minutes * MINUTE
    return Plan(at, source, replace(FIRST, read_at=at, full_at=at, tally=Tally(7, polls=minutes)), **more)


def written(path: Path, source: SourceName = LEADS) -> SourceState | None:
    """The state of a source in the file."""
    with Reader.open(path) as reader:
        return next((row.state for row in reader.sources() if row.name == source), None)


async def test_it_is_in_memory_at_once_and_in_the_file_when_it_is_saved(store: Store, path: Path):
    """Polls that bring nothing do not touch the file; the store answers with them all the same."""
    await store.commit(baseline())
    before = dump(path)
    await store.commit(again(1))
    await store.commit(again(2))
    assert (await store.state(LEADS), dump(path)) == (again(2).state, before)
    await store.save()
    assert written(path) == again(2).state


async def test_it_is_saved_once(store: Store, path: Path):
    """What is saved is not written again until there is something to say."""
    await store.commit(baseline())
    await store.commit(again(1))
    await store.save()
    store._worker.run = None  # type: ignore[assignment, method-assign] - nobody is to ask for anything
    await store.save()
    del store._worker.run


async def test_closing_saves(path: Path):
    """A stop in good order loses nothing of it."""
    async with await Store.open(path) as store:
        await store.commit(baseline())
        await store.commit(again(1))
    assert written(path) == again(1).state


def test_all_that_a_plan_can_say_is_written_at_once():
    """Whatever else a plan has, it is not quiet: every field of it, those of its state too, but for the few named here."""
    something = {field.name: getattr(rich(), field.name) or ("x",) for field in fields(Plan)} | {"tally": Tally(7)}
    silent = {"at", "source", "state", "pages"}
    assert plans.is_quiet(again(), FIRST)
    loud = {name for name, value in something.items() if not plans.is_quiet(replace(again(), **{name: value}), FIRST)}
    assert loud == something.keys() - silent | {"state"}
    other = {field.name: (field.name,) for field in fields(SourceState)}
    moved = {name for name, value in other.items() if not plans.is_quiet(_with(name, value), FIRST)}
    assert moved == other.keys() - {"read_at", "full_at", "next_full_at", "tally"}
    assert not plans.is_quiet(_with("next_full_at", None), replace(FIRST, next_full_at=NOON))


def _with(name: str, value: Any) -> Plan:
    """A quiet plan but for that field of its state."""
    plan = again()
    assert plan.state
    return replace(plan, state=replace(plan.state, **{name: value}))


async def test_the_first_that_is_heard_of_a_source_is_written_at_once(store: Store, path: Path):
    """A source that the store was never asked of is not taken for one without news."""
    await store.commit(again(1))
    assert written(path) == again(1).state


async def test_what_is_saved_never_overtakes_news(store: Store, path: Path):
    """Saved while a poll with news is on its way to the disk, the state from before stays out of the file."""
    await store.commit(baseline())
    await store.commit(again(1))
    await asyncio.gather(store.commit(rich()), store.save())
    assert written(path) == rich().state == await store.state(LEADS)
    await store.save()
    assert written(path) == rich().state


async def test_news_that_follow_what_is_being_saved_stay(store: Store, path: Path):
    """The other way round: what is saved first is overwritten by the news."""
    await store.commit(baseline())
    await store.commit(again(1))
    await asyncio.gather(store.save(), store.commit(rich()))
    assert written(path) == rich().state


async def test_a_poll_that_crosses_one_with_news_does_not_undo_it(store: Store, path: Path):
    """Two polls of one source at once, made from the same state: what the one with news says stays."""
    await store.commit(baseline())
    await asyncio.gather(store.commit(rich()), store.commit(again(1)))
    await store.save()
    assert written(path) == rich().state == await store.state(LEADS)


async def test_news_that_could_not_be_written_leave_it_to_be_saved(store: Store, path: Path):
    """A plan that is refused takes nothing with it."""
    await store.commit(baseline())
    await store.commit(again(1))
    with pytest.raises(StoreError):
        await store.commit(again(2, versions=(version("1"),)))  # a second one of that number
    await store.save()
    assert written(path) == again(1).state


async def test_what_could_not_be_saved_is_saved_the_next_time(store: Store, path: Path, monkeypatch):
    """A disk that fails to take it keeps nothing from being saved later."""
    await store.commit(baseline())
    await store.commit(again(1))
    with monkeypatch.context() as patch:
        patch.setattr(plans, "write_states", _refused)
        with pytest.raises(StoreError):
            await store.save()
    await store.save()
    assert written(path) == again(1).state


def _refused(*_: object, **__: object) -> None:
    raise StoreError("the disk is full")


async def test_very_many_are_saved_in_pieces(store: Store, path: Path):
    """More sources than go into one transaction are all written."""
    names = [SourceName("azur", "apimo.leads", str(number)) for number in range(2 * SAVED_TOGETHER + 1)]
    for name in names:
        await store.commit(Plan(NOON, name, FIRST))
        await store.commit(again(1, name))
    await store.save()
    with Reader.open(path) as reader:
        assert {row.name: row.state for row in reader.sources()} == dict.fromkeys(names, again(1).state)


async def test_a_source_that_is_forgotten_in_memory_keeps_what_is_not_saved(store: Store):
    """Forgetting lets go of what the file has; what it has not is kept."""
    await store.commit(baseline())
    await store.commit(again(1))
    store.forget(LEADS)
    assert await store.state(LEADS) == again(1).state


async def test_what_counts_polls_counts_those_that_are_not_saved(store: Store):
    """The hour under way is asked for with all its polls."""
    await store.commit(baseline())
    state = replace(FIRST, baselined_at=NOON - 60 * MINUTE, tally=Tally(HOUR, polls=1, changes=2))
    await store.commit(Plan(NOON, LEADS, state))
    more = replace(state, read_at=NOON, tally=Tally(HOUR, polls=2, changes=3))
    await store.commit(Plan(NOON, LEADS, more))
    assert await store.changes([HOUR]) == {LEADS: {HOUR: 3}}


HOUR = int(NOON.timestamp()) // 3600


async def test_a_source_of_another_is_left_alone(store: Store, path: Path):
    """What is saved of one source says nothing of another one."""
    await store.commit(baseline())
    await store.commit(Plan(NOON, OTHER, FIRST, versions=(Version("4", 1, {}, NOON, b"4"),)))
    await store.commit(again(1))
    await store.save()
    assert written(path, OTHER) == FIRST
