"""What is owed is delivered in order per record, and what became of it is written down."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_samples import MINUTE, NOON, dump, event, holding, owing

from watcher.errors import StoreError
from watcher.model import Condition, Dead, Delivered, Delivery, Outcome, Owed, Plan, Release, RetryAt
from watcher.store.outbox import Counts, Pause
from watcher.store.read import Reader
from watcher.store.sqlite import Store

LATER = NOON + 10 * MINUTE


async def due(store: Store, now: datetime = LATER, limit: int = 10, busy: tuple[int, ...] = ()) -> list[str]:
    """The ids of the events that are due at one sink."""
    return [delivery.event.id for delivery in await store.due("crm", now, limit, busy)]


async def settle(store: Store, outcome: Outcome, now: datetime = LATER) -> Delivery:
    """Settle the first one that is due."""
    (first, *_) = await store.due("crm", now, 1)
    await store.settle(first, outcome, now)
    return first


async def test_what_is_owed_is_due_at_once(store: Store):
    """A message is due from the moment of its plan, not before, and carries its event whole."""
    await store.commit(owing(("a", "1"), at=NOON))
    assert await store.due("crm", NOON - MINUTE, 10) == []
    (delivery,) = await store.due("crm", NOON, 10)
    assert delivery == Delivery(1, event("a", "1", sequence=1), "crm", "r", 0, NOON, NOON)
    assert await store.due("sales", NOON, 10) == []


async def test_one_message_a_record_at_a_time(store: Store):
    """Of each record only the first message owed is due; the next one is when that one is settled."""
    await store.commit(owing(("a1", "1"), ("a2", "1"), ("b1", "2"), ("a3", "1")))
    assert await due(store) == ["a1", "b1"]
    await settle(store, Delivered("ok"))
    assert await due(store) == ["a2", "b1"]
    await settle(store, Dead("no"))
    await settle(store, Delivered())
    assert await due(store) == ["a3"]


async def test_sinks_do_not_wait_for_each_other(store: Store):
    """The order is kept per sink: what one has not taken holds back nothing of another."""
    await store.commit(
        replace(owing(("a", "1"), ("b", "1")), owed=(Owed("a", "x", "r"), Owed("b", "x", "r"), Owed("b", "crm", "r")))
    )
    assert await due(store) == ["b"]


async def test_a_failing_record_holds_back_only_itself(store: Store):
    """While one record's message waits to be tried again, its later ones wait behind it and the others pass."""
    await store.commit(owing(("a1", "1"), ("a2", "1"), ("b1", "2"), ("b2", "2")))
    await settle(store, RetryAt(LATER + MINUTE, "HTTP 500"))
    await settle(store, Delivered())
    assert await due(store) == ["b2"]
    assert await due(store, LATER + MINUTE) == ["b2", "a1"]


async def test_busy_ones_hold_back_their_record(store: Store):
    """A message that is under way is not given out again, nor is the next one of its record."""
    await store.commit(owing(("a1", "1"), ("a2", "1"), ("b1", "2")))
    first = (await store.due("crm", LATER, 10))[0]
    assert await due(store, busy=(first.number,)) == ["b1"]
    assert await due(store, limit=1, busy=(first.number,)) == ["b1"]
    assert await due(store, limit=0) == []


async def test_next_due(store: Store):
    """The next time is that of the first message that may be tried: not of busy ones, nor of those behind another."""
    assert await store.next_due("crm") is None
    await store.commit(owing(("a1", "1"), at=NOON))
    await store.commit(owing(("a2", "1"), ("b1", "2"), at=NOON + MINUTE))
    assert await store.next_due("crm") == NOON
    assert await store.next_due("crm", [1]) == NOON + MINUTE
    await settle(store, RetryAt(LATER, "HTTP 500"))
    assert await store.next_due("crm") == NOON + MINUTE
    assert await store.next_due("crm", (1, 3)) is None
    await settle(store, Delivered())
    assert await store.next_due("crm") == LATER


async def test_a_delivered_message_keeps_the_answer(store: Store, path: Path):
    """Delivered: the answer, the time, the number of tries; nothing more is owed."""
    await store.commit(owing(("a", "1")))
    await settle(store, RetryAt(NOON, "timed out", unanswered=True))
    await settle(store, Delivered("202 accepted"))
    assert await due(store) == []
    with Reader.open(path) as reader:
        (row,) = reader.deliveries()
        assert (row.state, row.answer, row.settled_at, row.attempts) == ("delivered", "202 accepted", LATER, 2)
        assert (row.unanswered, row.reason) == (1, "")
        tries = [(t.n, t.at, t.outcome, t.reason) for t in reader.attempts(row.number)]
        assert tries == [(1, LATER, "retry", "timed out"), (2, LATER, "delivered", "")]


async def test_a_message_to_be_tried_again_counts_its_tries(store: Store):
    """RetryAt: the new time and one more try."""
    await store.commit(owing(("a", "1")))
    await settle(store, RetryAt(LATER, "HTTP 500"))
    await settle(store, RetryAt(LATER + MINUTE, "HTTP 500"))
    (delivery,) = await store.due("crm", LATER + MINUTE, 1)
    assert (delivery.attempts, delivery.due_at, delivery.owed_at) == (2, LATER + MINUTE, NOON)


async def test_a_dead_message_lets_the_next_pass(store: Store):
    """Dead: kept with its reason, and the next one of its record is due."""
    await store.commit(owing(("a", "1"), ("b", "1")))
    await settle(store, Dead("HTTP 400"))
    assert await due(store) == ["b"]
    assert await store.owed_counts() == {"crm": Counts(1, 1, NOON)}
    assert await store.paused() == {}


async def test_a_refusal_pauses_the_sink(store: Store):
    """A sink that turned us away is paused with the reason, and tried no more until it is resumed."""
    await store.commit(owing(("a", "1"), ("b", "2")))
    await settle(store, Dead("HTTP 401", refused=True))
    assert await store.paused() == {"crm": Pause(LATER, "HTTP 401")}
    assert await due(store) == []
    assert await store.next_due("crm") is None
    assert await store.resume("crm")
    assert not await store.resume("crm")
    assert await due(store) == ["b"]


async def test_a_pause_lasts_from_when_it_began(store: Store, path: Path):
    """Pausing again keeps since when, takes the new reason, and outlasts a restart; others go on."""
    await store.commit(owing(("a", "1"), sink="other"))
    await store.pause("crm", "by hand", NOON)
    await store.pause("crm", "HTTP 403", LATER)
    await store.close()
    async with await Store.open(path) as again:
        assert await again.paused() == {"crm": Pause(NOON, "HTTP 403")}
        assert len(await again.due("other", LATER, 10)) == 1


async def test_an_outcome_and_what_it_means_are_one(store: Store, path: Path):
    """The plan given with an outcome is written with it, or neither is."""
    await store.commit(owing(("a", "1")))
    (delivery,) = await store.due("crm", LATER, 1)
    before = dump(path)
    trouble = Condition("sink-failing", "crm", LATER, "HTTP 401")
    refused = Dead("HTTP 401", refused=True)
    with pytest.raises(StoreError):
        await store.settle(delivery, refused, LATER, Plan(LATER, owed=(Owed("none", "x", "r"),), entered=(trouble,)))
    assert dump(path) == before
    await store.settle(delivery, refused, LATER, Plan(LATER, events=(event("b"),), entered=(trouble,)))
    assert (await store.troubles("crm")).active == (trouble,)
    assert (await store.troubles("other")).active == ()
    assert set(await store.paused()) == {"crm"}


async def test_several_are_settled_at_once(store: Store):
    """Outcomes settled together are written in one transaction, each as if alone."""
    await store.commit(owing(("a1", "1"), ("b1", "2"), ("a2", "1"), ("c1", "3")))
    one, two, three = await store.due("crm", LATER, 10)
    await store.settle_all([(one, Delivered()), (two, Dead("no")), (three, RetryAt(LATER + MINUTE, "later"))], LATER)
    assert await due(store) == ["a2"]
    assert await store.owed_counts() == {"crm": Counts(2, 1, NOON)}


async def test_settling_what_is_not_owed_changes_nothing(store: Store, path: Path):
    """An outcome of a delivery that is settled already, or gone, leaves no trace."""
    await store.commit(owing(("a", "1")))
    first = await settle(store, Delivered("one"))
    before = dump(path)
    await store.settle(first, Delivered("two"), LATER)
    await store.settle(replace(first, number=99), RetryAt(LATER, "no"), LATER)
    assert dump(path) == before


async def test_redriven_ones_go_before_what_came_after(store: Store, path: Path):
    """Dead letters that are redriven are due at once, with no tries made, and before later ones of their record."""
    await store.commit(owing(("a1", "1"), ("a2", "1")))
    await settle(store, Dead("HTTP 400"))
    assert await due(store) == ["a2"]
    assert await store.redrive(LATER, numbers=[1, 2, 99]) == 1  # 2 is owed, 99 is none
    assert await due(store) == ["a1"]
    (delivery,) = await store.due("crm", LATER, 10)
    assert (delivery.attempts, delivery.due_at) == (0, LATER)
    await settle(store, Delivered())
    assert await due(store) == ["a2"]
    with Reader.open(path) as reader:
        assert [(t.n, t.outcome) for t in reader.attempts(1)] == [(1, "dead"), (2, "delivered")]


async def test_redriving_is_narrowed(store: Store):
    """Dead letters are redriven by number, by sink, by when they died, or all."""
    for number, sink in enumerate(["crm", "crm", "sales"]):
        await store.commit(owing((f"e{number}", str(number)), sink=sink))
    for sink, now in (("crm", LATER), ("crm", LATER + MINUTE), ("sales", LATER + MINUTE)):
        (delivery, *_) = await store.due(sink, now, 1)
        await store.settle(delivery, Dead("no"), now)
    assert await store.redrive(LATER, numbers=[]) == 0
    assert await store.redrive(LATER, sink="crm", since=LATER + MINUTE) == 1
    assert await due(store) == ["e1"]
    assert await store.redrive(LATER, sink="sales") == 1
    assert await store.redrive(LATER) == 1
    assert await store.redrive(LATER) == 0


async def test_dropped_ones_are_not_sent(store: Store, path: Path):
    """Dropped dead letters stay in the history as dropped, and are not redriven."""
    await store.commit(owing(("a", "1"), ("b", "2"), ("c", "3")))
    await settle(store, Dead("no"))
    await settle(store, Dead("no"))
    assert await store.drop(LATER, numbers=[1, 3]) == 1
    assert await store.drop(LATER, sink="other") == 0
    assert await store.drop(LATER, sink="crm") == 1
    assert await store.redrive(LATER) == 0
    assert await due(store) == ["c"]
    with Reader.open(path) as reader:
        assert [row.number for row in reader.deliveries(state="dropped")] == [2, 1]


async def test_a_settled_delivery_can_be_sent_again(store: Store):
    """A delivered message can be owed once more, under its number and with the same event id."""
    await store.commit(owing(("a", "1"), ("b", "1")))
    await settle(store, Delivered())
    assert await store.resend([1, 2], LATER) == 1
    assert await due(store) == ["a"]


async def test_deliveries_of_sinks_that_are_gone_are_parked(store: Store):
    """What is owed to sinks that are not configured is counted, and kept."""
    await store.commit(owing(("a", "1"), ("b", "2")))
    await store.commit(owing(("c", "1"), sink="sales", at=LATER))
    assert await store.parked(["sales"]) == {"crm": 2}
    assert await store.parked(["sales", "crm"]) == {}
    await settle(store, Dead("no"))
    await settle(store, Dead("no"))
    assert await store.owed_counts() == {"crm": Counts(0, 2, None), "sales": Counts(1, 0, LATER)}
    assert await store.parked([]) == {"sales": 1}


async def test_asking_what_is_due_costs_the_same_however_much_is_owed(store: Store):
    """What waits behind others and what is not due yet is not looked at: neither due nor next_due grows with it."""
    costs = []
    for size in (400, 20_000):
        names = [(f"{size}/{number}", f"r{number % (size // 4)}") for number in range(size)]
        await store.commit(owing(*names, sink=f"s{size}"))
        heads = await store.due(f"s{size}", LATER, size)
        assert len(heads) == size // 4
        rest = [(head, RetryAt(LATER + 99 * MINUTE, "no")) for head in heads[:-60]]
        await store.settle_all(rest, LATER)
        costs.append((await steps(store, f"s{size}", LATER), await steps(store, f"s{size}", NOON - MINUTE)))
    assert costs[1] == costs[0]


async def steps(store: Store, sink: str, now: datetime) -> int:
    """How many instructions SQLite runs to say what is due and when the next is."""
    count = 0

    def counted() -> bool:
        nonlocal count
        count += 1
        return False

    await store._worker.set_progress_handler(counted, 1)
    found = await store.due(sink, now, 50)
    await store.next_due(sink)
    await store._worker.set_progress_handler(None, 1)
    assert len(found) in (0, 50)
    return count


@dataclass
class Row:
    """A delivery as one would keep it in a list."""

    number: int
    record: str
    state: str
    due_at: datetime


RECORDS = st.sampled_from("ab")
MINUTES = st.integers(0, 3)
ACTIONS = st.one_of(
    st.tuples(st.sampled_from(["owe", "hold"]), st.lists(RECORDS, max_size=3)),
    st.tuples(st.sampled_from(["delivered", "dead", "retry"]), MINUTES),
    st.tuples(
        st.sampled_from(["redrive", "resend", "drop", "release", "fold"]), st.lists(st.integers(1, 8), max_size=3)
    ),
    st.tuples(st.just("wait"), MINUTES),
)


@given(st.lists(ACTIONS, max_size=14))
@settings(max_examples=80, deadline=None)
async def test_what_is_due_is_what_a_list_says(actions: list[tuple]):
    """Whatever was owed, held, released, settled, redriven, resent, what is due is the first one owed of each record."""
    with tempfile.TemporaryDirectory() as directory:
        rows: list[Row] = []
        now = NOON
        async with await Store.open(Path(directory) / "watcher.db") as store:
            for action, value in actions:
                if action == "wait":
                    now += value * MINUTE
                else:
                    await act(store, rows, action, value, now)
                ready = expected(rows, now)
                found = await store.due("crm", now, 99)
                assert [(d.number, d.due_at) for d in found] == [(row.number, row.due_at) for row in ready]
                waiting = [row.due_at for row in heads(rows)]
                assert await store.next_due("crm") == min(waiting, default=None)


def heads(rows: list[Row]) -> list[Row]:
    """The first one owed of each record."""
    owed = [row for row in rows if row.state == "owed"]
    return [row for row in owed if row.number == min(other.number for other in owed if other.record == row.record)]


def expected(rows: list[Row], now: datetime) -> list[Row]:
    """Those of them that are due, longest due first."""
    return sorted((row for row in heads(rows) if row.due_at <= now), key=lambda row: (row.due_at, row.number))


async def act(store: Store, rows: list[Row], action: str, value: list | int, now: datetime) -> None:
    """Do the same to the store and to the list."""
    if action in ("owe", "hold"):
        plan, state = (owing, "owed") if action == "owe" else (holding, "held")
        first = len(rows) + 1
        await store.commit(plan(*((f"e{number}", record) for number, record in enumerate(value, first)), at=now))
        rows += [Row(number, record, state, now) for number, record in enumerate(value, first)]
    elif action in ("release", "fold"):
        told_in = "e1" if action == "fold" and rows else ""
        await store.commit(Plan(now, released=(Release(tuple(value), told_in),)))
        for row in rows:
            if row.number in value and row.state == "held":
                row.state, row.due_at = ("summed", row.due_at) if told_in else ("owed", now)
    elif action in ("redrive", "resend", "drop"):
        ask = {
            "redrive": lambda: store.redrive(now, numbers=value),
            "resend": lambda: store.resend(value, now),
            "drop": lambda: store.drop(now, numbers=value),
        }
        chosen = [
            row
            for row in rows
            if row.number in value and (row.state != "owed" if action == "resend" else row.state == "dead")
        ]
        assert await ask[action]() == len(chosen)
        for row in chosen:
            row.state, row.due_at = ("dropped", row.due_at) if action == "drop" else ("owed", now)
    else:
        for row, delivery in list(zip(expected(rows, now), await store.due("crm", now, 1), strict=False)):
            later = now + value * MINUTE
            outcomes = {"delivered": Delivered(), "dead": Dead("no"), "retry": RetryAt(later, "no")}
            await store.settle(delivery, outcomes[action], now)
            row.state, row.due_at = ("owed", later) if action == "retry" else (action, row.due_at)


async def test_what_is_owed_already_uses_up_no_number(store: Store):
    """Numbers have no gaps: one that is missing was deleted, and is looked for by the audit."""
    for names in (("a",), ("a",), ("b",)):
        await store.commit(owing(*((name, name) for name in names)))
    assert [one.number for one in await store.due("crm", LATER, 9)] == [1, 2]
