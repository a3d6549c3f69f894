"""What is held back is in nobody's way, is not lost, and is told once: on its own, in a summary, or by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from store_samples import MINUTE, NOON, dump, event, holding, owing, summary

from watcher.errors import StoreError
from watcher.model import Alarm, Dead, Delivered, Fate, Held, Owed, Plan, Release, RetryAt
from watcher.store.holding import Bundle, Recent, Waiting
from watcher.store.outbox import MEMBERS, Counts
from watcher.store.read import DeliveryRow, Reader
from watcher.store.sqlite import Store

LATER = NOON + 10 * MINUTE
BELL = Alarm("release", "crm", "b", "r", NOON)


async def due(store: Store, now: datetime = LATER, sink: str = "crm") -> list[str]:
    """The ids of the events that are due at a sink."""
    return [delivery.event.id for delivery in await store.due(sink, now, 99)]


async def release(store: Store, *numbers: int, told_in: str = "", at: datetime = LATER) -> None:
    """Release deliveries."""
    await store.commit(Plan(at, released=(Release(numbers, told_in),)))


def row(path: Path, number: int) -> DeliveryRow:
    """What is written of a delivery."""
    with Reader.open(path) as reader:
        return next(row for row in reader.deliveries(limit=999) if row.number == number)


# ---------------------------------------------------------------------------------------------------- what is not sent


@pytest.mark.parametrize(
    ("owed", "settled_at"),
    [
        (Owed("a", "crm", "r", Fate.HELD, "b", "outside hours"), None),
        (Owed("a", "crm", "r", Fate.SILENCED, "silence 3", "silence 3"), NOON),
        (Owed("a", "crm", "r", Fate.DROPPED, why="outside hours"), NOON),
    ],
)
async def test_what_is_not_sent_is_kept_with_its_reason(
    store: Store, path: Path, owed: Owed, settled_at: datetime | None
):
    """Held, silenced or dropped, it is written down with why, is never due, and nobody is paid for it twice."""
    await store.commit(replace(owing(("a", "1")), owed=(owed,)))
    assert await due(store) == []
    assert await store.next_due("crm") is None
    found = row(path, 1)
    assert (found.state, found.reason, found.bundle, found.settled_at) == (owed.fate, owed.why, owed.bundle, settled_at)
    await store.commit(replace(owing(("a", "1")), owed=(Owed("a", "crm", "again"),)))
    assert row(path, 1) == found
    assert await due(store) == []


async def test_the_first_word_on_an_event_and_a_sink_is_law(store: Store, path: Path):
    """Of two rules that match one event for one sink the first says what becomes of it, also when that is to hold it."""
    both = (Owed("a", "crm", "r", Fate.HELD, "b", "group"), Owed("a", "crm", "late"), Owed("a", "sales", "late"))
    await store.commit(replace(owing(("a", "1")), owed=both))
    assert (await due(store), await due(store, sink="sales")) == ([], ["a"])
    assert row(path, 1).rule == "r"


async def test_what_waits_holds_back_nobody(store: Store):
    """Messages about the same record are sent while an older one is held."""
    await store.commit(holding(("a", "1")))
    await store.commit(owing(("b", "1"), ("c", "1")))
    assert await due(store) == ["b"]


# ------------------------------------------------------------------------------------------------------------ releases


async def test_released_it_is_due_and_in_its_old_place(store: Store, path: Path):
    """Released on its own it is due from then on, before newer ones of its record that are not sent yet."""
    await store.commit(holding(("a", "1"), ("x", "2")))
    await store.commit(owing(("b", "1"), ("c", "1")))
    await release(store, 1)
    assert (await due(store, LATER - MINUTE), await due(store)) == ([], ["a"])
    found = row(path, 1)
    assert (found.state, found.due_at, found.owed_at, found.released_at) == ("owed", LATER, NOON, LATER)
    assert (found.reason, found.bundle, found.settled_at) == ("", "b", None)
    (first,) = await store.due("crm", LATER, 9)
    await store.settle(first, Delivered(), LATER)
    assert await due(store) == ["b"]


async def test_what_was_sent_meanwhile_is_not_sent_again(store: Store):
    """Released behind newer ones that were sent, it is sent after them; one that is released late takes its number's place."""
    await store.commit(holding(("a", "1"), ("b", "1"), ("c", "1")))
    await release(store, 2)
    assert await due(store) == ["b"]
    await release(store, 3, 1)
    assert await due(store) == ["a"]


async def test_told_in_a_summary(store: Store, path: Path):
    """Folded, they are settled with the id of their summary, which is stored by the same plan and brings them along."""
    await store.commit(holding(("a", "1"), ("b", "2"), ("c", "3")))
    await store.commit(summary("s", numbers=(1, 3), at=LATER))
    (told,) = await store.due("crm", LATER, 9)
    assert (told.event.id, [one.id for one in told.members]) == ("s", ["a", "c"])
    assert told.members[0] == event("a", "1", sequence=1)
    for number in (1, 3):
        found = row(path, number)
        assert (found.state, found.told_in, found.settled_at, found.reason) == ("summed", "s", LATER, "group")
    assert [held.number for held in await store.held("crm", "r", "b")] == [2]


async def test_members_are_those_told_to_that_sink(store: Store):
    """One summary for two sinks brings each what was folded for it; an event of another type brings nothing."""
    await store.commit(holding(("a", "1"), ("b", "2")))
    await store.commit(holding(("a", "1"), ("c", "3"), sink="sales"))
    both = summary("s", numbers=(1, 2, 3, 4))
    await store.commit(replace(both, owed=(Owed("s", "crm", "r"), Owed("s", "sales", "r"))))
    await store.commit(holding(("d", "4")))
    await store.commit(replace(owing(("o", "9")), released=(Release((6,), "o"),)))
    found = {sink: await store.due(sink, LATER, 9) for sink in ("crm", "sales")}
    assert [[one.id for one in told.members] for told in found["crm"]] == [["a", "b"], []]
    assert [[one.id for one in told.members] for told in found["sales"]] == [["a", "c"]]


async def test_a_summary_of_very_many_brings_the_first(store: Store, path: Path):
    """Of a long summary the first events come along, by sequence; all can be listed."""
    names = [(f"e{number:03}", str(number)) for number in range(3 * MEMBERS)]
    await store.commit(holding(*names))
    await store.commit(summary("s", numbers=tuple(range(3 * MEMBERS, 0, -1))))
    (told,) = await store.due("crm", LATER, 9)
    assert [one.id for one in told.members] == [name for name, _ in names[:MEMBERS]]
    with Reader.open(path) as reader:
        assert [one.id for one in reader.events(told_in="s")] == [name for name, _ in names]
        assert [one.id for one in reader.events(told_in="s", limit=2, newest=True)] == [name for name, _ in names[-2:]]
        assert reader.events(told_in="none") == []


async def test_a_silenced_one_can_be_told_once(store: Store, path: Path):
    """Told in a summary a silenced one stays silenced, with the id of the first summary; on its own it is not released."""
    silenced = (Owed("a", "crm", "r", Fate.SILENCED, "silence 3"), Owed("b", "sales", "q", Fate.SILENCED, "silence 3"))
    await store.commit(replace(owing(("a", "1"), ("b", "2")), owed=silenced))
    assert await store.silenced("silence 3") == [
        Held(1, "crm", "r", "a", "new-lead", NOON),
        Held(2, "sales", "q", "b", "new-lead", NOON),
    ]
    assert await store.silenced("silence 4") == []
    await release(store, 1, 2)
    assert (await due(store), row(path, 1).state) == ([], "silenced")
    await store.commit(summary("s", "chief", numbers=(1,), at=LATER))
    assert [one.number for one in await store.silenced("silence 3")] == [2]
    await store.commit(summary("t", "chief", numbers=(1, 2), at=LATER))
    assert [(row(path, n).state, row(path, n).told_in) for n in (1, 2)] == [("silenced", "s"), ("silenced", "t")]
    assert await store.silenced("silence 3") == []


async def test_numbers_that_do_not_wait_are_passed_over(store: Store, path: Path):
    """Owed, delivered, dead, dropped and summed ones, and numbers that are none, are left as they are by a release."""
    await store.commit(owing(("a", "1"), ("b", "2"), ("c", "3")))
    one, two, _ = await store.due("crm", NOON, 9)
    await store.settle_all([(one, Delivered()), (two, Dead("no"))], NOON)
    await store.commit(replace(holding(("d", "4")), owed=(Owed("d", "crm", "r", Fate.DROPPED),)))
    await store.commit(holding(("e", "5")))
    await store.commit(summary("s", numbers=(5,)))
    before = dump(path)
    await release(store, 1, 2, 3, 4, 5, 6, 99)
    await release(store, 1, 2, 3, 4, 5, 6, 99, told_in="s")
    assert dump(path) == before


async def test_a_summary_that_is_not_there_folds_nothing(store: Store, path: Path):
    """Told in an event that is not stored, the whole plan is refused: nothing would tell of them any more."""
    await store.commit(holding(("a", "1")))
    await store.commit(replace(owing(("b", "2")), owed=(Owed("b", "crm", "r", Fate.SILENCED, "silence 1"),)))
    before = dump(path)
    for number in (1, 2):
        with pytest.raises(StoreError, match="does not fit"):
            await release(store, number, told_in="nowhere")
    assert dump(path) == before


# ------------------------------------------------------------------------------------------- the alarm of what waits


async def test_an_alarm_is_not_disarmed_while_something_waits_for_it(store: Store):
    """One that was added after its release was decided keeps the alarm; released too, it lets it go."""
    await store.commit(replace(holding(("a", "1")), armed=(BELL,)))
    decided = Plan(LATER, released=(Release((1,)),), disarmed=(BELL,))
    await store.commit(holding(("b", "2"), at=LATER))  # comes between the look and the commit
    await store.commit(decided)
    assert await store.ringing(LATER, 9) == [BELL]
    await store.commit(replace(decided, released=(Release((2,)),)))
    assert await store.ringing(LATER, 9) == []


async def test_that_law_is_of_one_bundle_and_of_releases(store: Store):
    """What waits in another bundle, for another sink or rule, keeps no alarm; nor does it keep one of another kind."""
    await store.commit(holding(("a", "1")))
    others = [replace(BELL, **other) for other in ({"source": "x"}, {"key": "x"}, {"name": "x"}, {"kind": "overdue"})]
    await store.commit(Plan(NOON, armed=(BELL, *others)))
    await store.commit(Plan(NOON, disarmed=(BELL, *others)))
    assert await store.ringing(LATER, 9) == [BELL]


async def test_a_bundle_without_an_alarm_gets_one(store: Store):
    """Healing arms a release, due now, for each bundle that would wait for ever, and leaves the others as they are."""
    await store.commit(replace(holding(("a", "1"), ("b", "2")), armed=(replace(BELL, due_at=LATER),)))
    await store.commit(holding(("c", "3"), ("d", "4"), bundle="", sink="sales"))
    await store.commit(replace(owing(("e", "5")), owed=(Owed("e", "crm", "q", Fate.SILENCED, "silence 1"),)))
    assert await store.heal(NOON + MINUTE) == 1
    assert await store.ringing(LATER, 9) == [
        Alarm("release", "sales", "", "r", NOON + MINUTE, {"why": "group"}),
        replace(BELL, due_at=LATER),
    ]
    assert await store.heal(LATER) == 0


async def test_what_bundles_there_are(store: Store):
    """Each bundle whose release is armed, with why and until when it waits; also one that the next message waits in."""
    await store.commit(replace(holding(("a", "1"), ("b", "2")), armed=(replace(BELL, data={"why": "digest"}),)))
    await store.commit(Plan(NOON, armed=(replace(BELL, key="n", due_at=LATER), replace(BELL, kind="overdue"))))
    assert await store.bundles() == [Bundle("crm", "r", "b", NOON, "digest", 2), Bundle("crm", "r", "n", LATER, "", 0)]


async def test_who_was_told_of_an_event(store: Store):
    """The number of each delivery of some events, by event and sink, whether it was sent, waits or was dropped."""
    owed = (Owed("a", "crm", "r"), Owed("a", "sales", "r", Fate.HELD, "b"), Owed("b", "crm", "r", Fate.DROPPED))
    await store.commit(replace(owing(("a", "1"), ("b", "2"), ("c", "3")), owed=(*owed, Owed("c", "crm", "r"))))
    assert await store.told(["a", "b", "none"]) == {("a", "crm"): 1, ("a", "sales"): 2, ("b", "crm"): 3}
    assert await store.told([]) == {}


# -------------------------------------------------------------------------------------------------------------- looks


async def test_what_waits_is_listed_by_bundle(store: Store, path: Path):
    """Each bundle with how many wait in it, since when and why the first does; those that are empty are left out."""
    await store.commit(holding(("a", "1"), ("b", "2")))
    await store.commit(holding(("c", "3"), at=LATER))
    await store.commit(holding(("d", "4"), bundle="n", at=LATER))
    await store.commit(holding(("a", "1"), bundle="n", sink="sales", at=LATER))
    await release(store, 4)
    assert [(held.number, held.event_id, held.owed_at) for held in await store.held("crm", "r", "b")] == [
        (1, "a", NOON),
        (2, "b", NOON),
        (3, "c", LATER),
    ]
    assert await store.held("crm", "q", "b") == []
    expected = [Waiting("crm", "r", "b", 3, NOON, "group"), Waiting("sales", "r", "n", 1, LATER, "group")]
    assert await store.waiting() == expected
    assert await store.owed_counts() == {"crm": Counts(1, 0, LATER, 3), "sales": Counts(0, 0, None, 1)}
    assert await store.parked(["crm"]) == {"sales": 1}
    with Reader.open(path) as reader:
        assert reader.waiting() == expected
        assert reader.owed_counts() == await store.owed_counts()
        assert [row.number for row in reader.deliveries(state="held", sink="crm")] == [3, 2, 1]
        assert [row.bundle for row in reader.deliveries(state="held", sink="sales")] == ["n"]
        assert [reader.deliveries(state=state) for state in ("silenced", "summed")] == [[], []]


async def test_the_limits_count_what_is_sent_when_it_is_let_go(store: Store):
    """A message counts from when it may be sent, however often it is tried; what is not to be sent does not count."""
    await store.commit(owing(("a", "1"), ("b", "2"), ("c", "3")))
    one, two, _ = await store.due("crm", NOON, 9)
    await store.settle_all([(one, Delivered()), (two, Dead("no"))], NOON + MINUTE)
    (three,) = await store.due("crm", NOON, 9)
    await store.settle(three, RetryAt(LATER + MINUTE, "no"), NOON + MINUTE)
    fates = (Fate.HELD, Fate.SILENCED, Fate.DROPPED, Fate.HELD)
    names = [str(number) for number in range(len(fates))]
    owed = tuple(Owed(name, "crm", "q", fate, "b") for name, fate in zip(names, fates, strict=True))
    await store.commit(replace(owing(*((name, name) for name in names), at=NOON + MINUTE), owed=owed))
    assert await store.recent(NOON) == [Recent("r", "crm", NOON)] * 3
    assert await store.recent(NOON + MINUTE) == []
    await release(store, 4)
    assert await store.recent(NOON + MINUTE) == [("q", "crm", LATER)]
    await store.commit(summary("s", numbers=(7,), at=LATER + MINUTE))
    assert await store.recent(LATER) == [("q", "crm", LATER), ("r", "crm", LATER + MINUTE)]
    assert await store.redrive(LATER + 2 * MINUTE) == 1
    assert await store.recent(LATER + 2 * MINUTE) == [("r", "crm", LATER + 2 * MINUTE)]


@pytest.mark.parametrize("fate", [Fate.HELD, Fate.SILENCED, Fate.DROPPED])
async def test_what_was_not_sent_can_be_sent_by_hand(store: Store, path: Path, fate: Fate):
    """Held, silenced or dropped, an operator can have it sent now, and in its place; it waits no more."""
    await store.commit(replace(owing(("a", "1")), owed=(Owed("a", "crm", "r", fate, "b", "because"),)))
    await store.commit(owing(("b", "1")))
    assert await store.resend([1, 2], LATER) == 1
    assert await due(store) == ["a"]
    assert await store.held("crm", "r", "b") == await store.silenced("b") == []
    found = row(path, 1)
    assert (found.state, found.reason, found.released_at, found.settled_at) == ("owed", "", LATER, None)


async def test_what_was_told_in_a_summary_can_be_sent_by_hand(store: Store, path: Path):
    """Sent on its own after all, it is still a member of its summary."""
    await store.commit(holding(("a", "1"), ("b", "2")))
    await store.commit(summary("s", numbers=(1, 2)))
    assert await store.resend([1], LATER) == 1
    assert await due(store) == ["s", "a"]
    with Reader.open(path) as reader:
        assert [one.id for one in reader.events(told_in="s")] == ["a", "b"]


async def test_dead_letters_are_not_what_waits(store: Store):
    """Redriving and dropping are about dead letters: what is held, silenced or summed is left alone."""
    await store.commit(holding(("a", "1"), ("b", "2")))
    await store.commit(summary("s", "sales", numbers=(2,)))
    assert await store.redrive(LATER) == await store.drop(LATER) == await store.redrive(LATER, numbers=[1, 2]) == 0
    assert [held.number for held in await store.held("crm", "r", "b")] == [1]


async def test_what_is_due_costs_the_same_however_much_is_held(store: Store):
    """Asking what is due, and owing one more, costs nothing for what waits, was silenced or was told in summaries."""
    costs = []
    for size in (0, 4000):
        sink = f"s{size}"
        names = [(f"{size}/{number}", f"r{number % 9}") for number in range(size)]
        plan = holding(*names, sink=sink)
        await store.commit(plan)
        fold = tuple(held.number for held in await store.held(sink, "r", "b"))[: size // 2]
        await store.commit(summary(f"sum{size}", "other", numbers=fold))
        await store.commit(owing(*((f"o{size}/{number}", f"r{number}") for number in range(60)), sink=sink))
        costs.append(await steps(store, sink))
    assert costs[0] == costs[1]


async def steps(store: Store, sink: str) -> int:
    """How many instructions SQLite runs to say what is due and when the next is."""
    count = 0

    def counted() -> bool:
        nonlocal count
        count += 1
        return False

    await store._worker.set_progress_handler(counted, 1)
    assert len(await store.due(sink, LATER, 50)) == 50
    await store.next_due(sink)
    await store._worker.set_progress_handler(None, 1)
    return count
