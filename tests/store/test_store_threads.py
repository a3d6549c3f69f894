"""What a sink wants remembered: the thread of a record, and a note for its next attempt; and what it may have told twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from store_samples import MINUTE, NOON, dump, owing

from watcher.model import Dead, Delivered, Delivery, Outcome, RetryAt
from watcher.store import outbox
from watcher.store.read import Reader
from watcher.store.sqlite import Store

LATER = NOON + 10 * MINUTE


async def settle(store: Store, outcome: Outcome, sink: str = "crm", now: datetime = LATER) -> Delivery:
    """Settle the first one that is due at a sink, and return it as it was given out."""
    (first, *_) = await store.due(sink, now, 1)
    await store.settle(first, outcome, now)
    return first


# ------------------------------------------------------------------------------------------------------------- threads


async def test_the_first_thread_of_a_record_goes_with_its_later_messages(store: Store):
    """What a sink calls the first message about a record comes with every later one about it; of others there is none."""
    await store.commit(owing(("a1", "1"), ("a2", "1"), ("a3", "1"), ("b1", "2")))
    assert (await settle(store, Delivered("ok", thread="first"))).thread == ""
    assert [(d.event.id, d.thread) for d in await store.due("crm", LATER, 9)] == [("a2", "first"), ("b1", "")]
    await settle(store, Delivered("ok"))
    assert (await settle(store, Delivered("ok"))).event.id == "a3"


async def test_the_first_one_counts(store: Store):
    """Of two messages that each made a thread, neither knowing of the other, the first one's stays."""
    await store.commit(owing(("a1", "1"), ("a2", "1"), ("a3", "1")))
    (first,) = await store.due("crm", LATER, 9)
    await store.settle(first, Delivered(thread="first"), LATER)
    (second,) = await store.due("crm", LATER, 9)
    await store.settle(replace(second, thread=""), Delivered(thread="second"), LATER)
    assert [d.thread for d in await store.due("crm", LATER, 9)] == ["first"]


async def test_a_thread_that_was_gone_is_replaced(store: Store):
    """A message that was to go into a thread and made another one found it gone: the others follow it."""
    await store.commit(owing(("a1", "1"), ("a2", "1"), ("a3", "1")))
    await settle(store, Delivered(thread="first"))
    assert (await settle(store, Delivered(thread="second"))).thread == "first"
    assert [d.thread for d in await store.due("crm", LATER, 9)] == ["second"]


async def test_threads_are_a_sinks_own_and_outlast_a_restart(store: Store, path: Path):
    """A thread of one sink is nothing to another; it is there when the store is opened again."""
    for sink in ("crm", "sales"):
        await store.commit(owing((f"{sink}1", "1"), (f"{sink}2", "1"), sink=sink))
    await settle(store, Delivered(thread="of crm"))
    await settle(store, Delivered(), "sales")
    await store.close()
    async with await Store.open(path) as again:
        assert [d.thread for sink in ("crm", "sales") for d in await again.due(sink, LATER, 9)] == ["of crm", ""]


async def test_what_is_not_owed_makes_no_thread(store: Store, path: Path):
    """An outcome of a delivery that is settled already leaves no thread."""
    await store.commit(owing(("a1", "1")))
    first = await settle(store, Delivered())
    before = dump(path)
    await store.settle(first, Delivered(thread="late"), LATER)
    assert dump(path) == before


# --------------------------------------------------------------------------------------------------------------- notes


@pytest.fixture
async def noted(store: Store) -> Store:
    """A store in which the first attempt of a delivery left a note."""
    await store.commit(owing(("a1", "1"), ("b1", "2")))
    assert (await settle(store, RetryAt(LATER, "one of two", note="anne has it"))).note == ""
    return store


async def test_a_note_comes_with_the_next_attempt(noted: Store, path: Path):
    """What a sink noted at an attempt is there at the next, after a restart too; others have none."""
    await noted.close()
    async with await Store.open(path) as again:
        notes = {d.event.id: d.note for d in await again.due("crm", LATER, 9)}
        assert notes == {"a1": "anne has it", "b1": ""}


@pytest.mark.parametrize(("note", "kept"), [("both have it", "both have it"), ("", "anne has it")])
async def test_an_attempt_that_noted_nothing_keeps_the_note(noted: Store, note: str, kept: str):
    """A note replaces the one before; an attempt that came to nothing does not make it unsaid."""
    await settle(noted, Delivered())  # the other one is due earlier
    await settle(noted, RetryAt(LATER, "no connection", note=note))
    assert [d.note for d in await noted.due("crm", LATER, 9)] == [kept]


async def test_a_note_outlasts_the_dead_letters_and_ends_with_the_delivery(noted: Store):
    """Redriven, it still knows who has it; taken and sent once more, it begins anew."""
    await settle(noted, Delivered())
    await settle(noted, Dead("HTTP 400"))
    assert await noted.redrive(LATER) == 1
    assert (await settle(noted, Delivered())).note == "anne has it"
    assert await noted.resend([1], LATER) == 1
    assert [d.note for d in await noted.due("crm", LATER, 9)] == [""]


@pytest.mark.parametrize("note", ["x" * 5000, "é" * 5000, "x" + "\N{HOUSE BUILDING}" * 5000, "\ud800" * 5000])
async def test_a_note_is_bounded(store: Store, note: str):
    """Of a note that is too long the first 2 KiB are kept, no character cut in two."""
    await store.commit(owing(("a1", "1")))
    await settle(store, RetryAt(LATER, "", note=note))
    (delivery,) = await store.due("crm", LATER, 1)
    assert 2048 - 4 < len(delivery.note.encode()) <= 2048
    assert note.replace("\ud800", "?").startswith(delivery.note)


# ---------------------------------------------------------------------------------------------------------- maybe twice


async def test_what_may_have_been_told_twice_is_counted(store: Store, path: Path):
    """A delivery is counted once it is taken after an attempt without an answer, since a time or ever; others are not."""
    await store.commit(owing(("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")))
    await store.commit(owing(("e", "1"), sink="sales"))
    lost = RetryAt(LATER, "no answer", unanswered=True)
    for sink, outcome in (("crm", lost), ("crm", RetryAt(LATER, "HTTP 500")), ("crm", lost), ("sales", lost)):
        await settle(store, outcome, sink)
    assert await store.maybe_twice() == {}
    numbers = {d.event.id: d for d in await store.due("crm", LATER, 9)}
    for name in ("a", "b", "d"):
        await store.settle(numbers[name], Delivered(), LATER)
    await store.settle(numbers["c"], Dead("no"), LATER)
    await settle(store, Delivered(), "sales", LATER + MINUTE)
    assert await store.maybe_twice() == {"crm": 1, "sales": 1}
    with Reader.open(path) as reader:
        assert reader.maybe_twice(LATER + MINUTE) == {"sales": 1}
        assert {row.event_id: row.unanswered for row in reader.deliveries("crm")} == {"a": 1, "b": 0, "c": 1, "d": 0}


async def test_a_glance_at_them_reads_nothing_else(store: Store):
    """They are counted off an index of their own, which has only them."""
    query = f"EXPLAIN QUERY PLAN {outbox._MAYBE_TWICE}"
    plan = await store._look(lambda db: db.execute(query, (None,)).fetchall())
    assert ["deliveries_maybe_twice" in row[3] for row in plan] == [True]
