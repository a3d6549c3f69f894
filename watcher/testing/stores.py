"""What every store promises: the real one, and whatever stands in for it."""

# ruff: noqa: S101, PLR2004 - these are tests: they assert, and the numbers are few

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar, Protocol

import pytest

from watcher.errors import StoreError
from watcher.model import (
    Alarm,
    Condition,
    Dead,
    Delivered,
    Delivery,
    Event,
    Fate,
    Outcome,
    Owed,
    Page,
    Plan,
    Release,
    RetryAt,
    SourceName,
    SourceState,
    Version,
)
from watcher.ports import Alarms, Budget, Outbox, Snapshots
from watcher.testing.contract import Contract, promise
from watcher.testing.leaks import belongings, cancelled_everywhere, nothing_but
from watcher.testing.samples import NOON

MINUTE = timedelta(minutes=1)
LATER = NOON + 10 * MINUTE
LEADS = SourceName("azur", "apimo.leads", "101")
OTHER = SourceName("riviera", "adlead.purchases", "1")
SINK = "crm"
BELL = Alarm("release", SINK, "b", "r", NOON)


class AnyStore(Snapshots, Outbox, Alarms, Budget, Protocol):
    """All that the loops ask of a store."""

    async def told(self, names: Collection[str]) -> Mapping[tuple[str, str], int]:
        """The number of each delivery of events of those ids, by event id and sink, whatever became of it."""


def version(key: str, number: int = 1, **more: Any) -> Version:
    """A version of a record."""
    values = {
        "body": {"id": key, "step": str(number)},
        "seen_at": NOON,
        "fingerprint": f"{key}/{number}".encode(),
        **more,
    }
    return Version(key, number, **values)


def event(name: str, key: str) -> Event:
    """An event about a record."""
    return Event(name, "new-lead", f"/{LEADS}", key, NOON - MINUTE, NOON, {"version": 1, "changes": {}})


def owing(*pairs: tuple[str, str], fate: Fate = Fate.OWED, bundle: str = "") -> Plan:
    """A plan that owes each of these events, given as id and record; or holds it back, in that bundle."""
    why = "group" if bundle else ""
    owed = tuple(Owed(name, SINK, "r", fate, bundle, why) for name, _ in pairs)
    return Plan(NOON, events=tuple(event(*pair) for pair in pairs), owed=owed)


def summing(name: str, *numbers: int) -> Plan:
    """A plan that tells those deliveries in one message."""
    told = Event(name, "summary", "/watcher", "r", LATER, LATER, {"count": len(numbers)})
    return Plan(LATER, events=(told,), owed=(Owed(name, SINK, "r"),), released=(Release(numbers, name),))


async def due(store: AnyStore) -> list[str]:
    """The ids of the events that are due, in the order in which they are."""
    return [delivery.event.id for delivery in await store.due(SINK, LATER, 99)]


async def settle(store: AnyStore, outcome: Outcome) -> Delivery:
    """Settle the first that is due; say which it was."""
    first, *_ = await store.due(SINK, LATER, 1)
    await store.settle(first, outcome, LATER)
    return first


async def picture(store: AnyStore) -> tuple[Any, ...]:
    """All that can be seen of a store from outside."""
    known = await store.known(LEADS)
    names = [*"abcdefgs", *(f"e{n}" for n in range(9))]
    return (
        await store.state(LEADS),
        (dict(known.fingerprints), dict(known.absent), dict(known.pages)),
        dict(await store.versions(LEADS, ["1", "2", "3", "4"])),
        await store.conditions(),
        await store.due(SINK, LATER, 99),
        await store.next_due(SINK),
        await store.held(SINK, "r", "b"),
        await store.silenced("b"),
        await store.ringing(LATER, 99),
        await store.next_ring(),
        dict(await store.told(names)),
        [await store.event(name) for name in names],
    )


def everything() -> Plan:
    """A plan that has something of everything."""
    return Plan(
        NOON,
        LEADS,
        SourceState(cursor=7, baselined_at=NOON),
        versions=(version("1"), version("2", absences=1)),
        events=(event("a", "1"), event("b", "2"), event("c", "1")),
        owed=(Owed("a", SINK, "r"), Owed("b", SINK, "r"), Owed("c", SINK, "r", Fate.HELD, "b", "group")),
        armed=(BELL, Alarm("after", "/a", "1", "r", NOON, {"event": "a"})),
        entered=(Condition("source-failing", str(LEADS), NOON, "it fails"),),
        pages={b"page": Page(frozenset(("1", "2")), total=2)},
    )


_LOOKS: Mapping[str, Callable[[AnyStore], Coroutine[Any, Any, Any]]] = {
    "state": lambda store: store.state(LEADS),
    "known": lambda store: store.known(OTHER),
    "versions": lambda store: store.versions(LEADS, ["1"]),
    "conditions": lambda store: store.conditions(),
    "due": lambda store: store.due(SINK, LATER, 9),
    "next_due": lambda store: store.next_due(SINK),
    "ringing": lambda store: store.ringing(LATER, 9),
    "next_ring": lambda store: store.next_ring(),
    "event": lambda store: store.event("a"),
    "held": lambda store: store.held(SINK, "r", "b"),
    "silenced": lambda store: store.silenced("b"),
    "told": lambda store: store.told(["a"]),
    "spend": lambda store: store.spend("azur", "2026-11-21", 1000),
}


class StoreContract(Contract):
    """What every store promises. Give `open`."""

    parts: ClassVar[Mapping[str, str]] = {
        "plans": "what is written, whole or not at all",
        "snapshots": "what is remembered of sources",
        "outbox": "what is owed, in its order",
        "holding": "what is held back",
        "alarms": "what is to be looked at again",
        "budget": "requests counted",
        "conduct": "cancelling",
    }

    def open(self) -> AbstractAsyncContextManager[AnyStore]:
        """An empty store, closed at the end of the block."""
        raise NotImplementedError("say how a store is opened")

    # ------------------------------------------------------------------------------------------------------------ plans

    @promise("plans")
    async def test_a_plan_is_written_whole(self) -> None:
        """Everything that a plan has is there when `commit` returns."""
        async with self.open() as store:
            await store.commit(everything())
            assert await store.state(LEADS) == SourceState(cursor=7, baselined_at=NOON)
            assert await store.versions(LEADS, ["1", "2", "9"]) == {"1": version("1"), "2": version("2", absences=1)}
            assert [condition.type for condition in await store.conditions()] == ["source-failing"]
            assert await due(store) == ["a", "b"]
            assert [held.event_id for held in await store.held(SINK, "r", "b")] == ["c"]
            assert len(await store.ringing(NOON, 9)) == 2

    @pytest.mark.parametrize(
        "wrong",
        [
            {"owed": (Owed("nowhere", SINK, "r"),)},
            {"versions": (version("4"), version("1"))},
            {"released": (Release((3,), "nowhere"),)},
        ],
        ids=["owed for no event", "a version that is there", "told in no event"],
    )
    @promise("plans")
    async def test_a_plan_that_does_not_fit_changes_nothing(self, wrong: Mapping[str, Any]) -> None:
        """Something in it cannot be written: StoreError, and everything is as it was."""
        async with self.open() as store:
            await store.commit(everything())
            before = await picture(store)
            more = Plan(
                LATER,
                LEADS,
                SourceState(cursor=8),
                versions=(version("1", 2),),
                events=(event("d", "3"), event("e", "1")),
                owed=(Owed("d", SINK, "r"),),
                armed=(Alarm("after", "/a", "2", "r", NOON),),
                disarmed=(Alarm("after", "/a", "1", "r", NOON),),
                left=(("source-failing", str(LEADS)),),
            )
            with pytest.raises(StoreError):
                await store.commit(replace(more, **wrong))
            assert await picture(store) == before
            await store.commit(more)
            assert await picture(store) != before

    @promise("plans")
    async def test_an_event_is_written_once(self) -> None:
        """Committed again after a crash, neither it nor what is owed for it is there twice; no number is used up."""
        async with self.open() as store:
            for _ in range(3):
                await store.commit(owing(("a", "1"), ("b", "2")))
            await store.commit(owing(("c", "3")))
            assert await due(store) == ["a", "b", "c"]
            found = [await store.event(name) for name in "abc"]
            assert [one and one.sequence for one in found] == [1, 2, 3]
            assert await store.event("d") is None

    @promise("plans")
    async def test_a_sink_is_owed_an_event_once(self) -> None:
        """The first rule that matched has it; what became of it is seen by event and sink."""
        async with self.open() as store:
            await store.commit(owing(("a", "1")))
            again = (Owed("a", SINK, "another"), Owed("a", "sales", "another"))
            await store.commit(Plan(NOON, owed=again))
            (one,) = await store.due(SINK, NOON, 9)
            assert one.rule == "r"
            assert (await store.told(["a", "x"])).keys() == {("a", SINK), ("a", "sales")}
            await store.settle(one, Delivered(), NOON)
            await store.commit(Plan(NOON, owed=again))
            assert await due(store) == []
            assert ("a", SINK) in await store.told(["a"])

    # -------------------------------------------------------------------------------------------------------- snapshots

    @promise("snapshots")
    async def test_of_a_source_never_polled_nothing_is_known(self) -> None:
        """Its state is the empty one; nothing is known, nor is anything of another source."""
        async with self.open() as store:
            await store.commit(everything())
            assert await store.state(OTHER) == SourceState()
            known = await store.known(OTHER)
            assert not any((known.fingerprints, known.absent, known.pages))
            assert await store.versions(OTHER, ["1"]) == {}

    @promise("snapshots")
    async def test_what_is_known_is_what_is_present(self) -> None:
        """New bytes replace the old ones; what is removed is not known any more, and its last version is."""
        async with self.open() as store:
            await store.known(LEADS)
            await store.commit(everything())
            known = await store.known(LEADS)
            assert known.fingerprints == {b"1/1": "1", b"2/1": "2"}
            assert known.absent == {"2": 1}
            removed = version("2", 2, removed=True)
            await store.commit(Plan(LATER, LEADS, versions=(version("1", 2), removed)))
            known = await store.known(LEADS)
            assert (known.fingerprints, known.absent) == ({b"1/2": "1"}, {})
            assert await store.versions(LEADS, ["1", "2"]) == {"1": version("1", 2), "2": removed}

    @promise("snapshots")
    async def test_absences_are_counted_and_forgotten(self) -> None:
        """As the plan says; 0 is for one that is back."""
        async with self.open() as store:
            await store.commit(everything())
            await store.commit(Plan(LATER, LEADS, absences={"1": 1, "2": 0}))
            assert (await store.known(LEADS)).absent == {"1": 1}

    @promise("snapshots")
    async def test_pages_are_passed_over_only_while_the_snapshot_stands(self) -> None:
        """A page that said nothing new is known until a record moves."""
        async with self.open() as store:
            await store.known(LEADS)
            await store.commit(everything())
            assert (await store.known(LEADS)).pages.keys() == {b"page"}
            await store.commit(Plan(LATER, LEADS, pages={b"more": Page(frozenset(("1",)))}))
            assert (await store.known(LEADS)).pages.keys() == {b"page", b"more"}
            await store.commit(Plan(LATER, LEADS, versions=(version("1", 2),)))
            assert not (await store.known(LEADS)).pages

    @promise("snapshots")
    async def test_a_trouble_lasts_until_it_is_left(self) -> None:
        """By type and subject; one that is entered again keeps its beginning."""
        one = Condition("source-failing", str(LEADS), NOON, "HTTP 500")
        two = Condition("sink-failing", SINK, LATER, "no answer")
        async with self.open() as store:
            await store.commit(Plan(NOON, entered=(one, two)))
            assert await store.conditions() == (one, two)
            assert await store.conditions(SINK) == (two,)
            await store.commit(Plan(LATER, entered=(replace(one, since=LATER, detail="HTTP 503"),)))
            assert await store.conditions(str(LEADS)) == (replace(one, detail="HTTP 503"),)
            await store.commit(Plan(LATER, left=((one.type, one.subject),)))
            assert await store.conditions() == (two,)

    # ----------------------------------------------------------------------------------------------------------- outbox

    @promise("outbox")
    async def test_of_a_record_only_the_first_is_due(self) -> None:
        """The next comes when the one before it is settled for good; other records do not wait for it."""
        async with self.open() as store:
            await store.commit(owing(("a", "1"), ("b", "1"), ("c", "2"), ("d", "1")))
            assert await due(store) == ["a", "c"]
            await settle(store, Delivered())
            assert await due(store) == ["c", "b"] or await due(store) == ["b", "c"]
            for delivery in await store.due(SINK, LATER, 9):
                await store.settle(delivery, Dead("no"), LATER)
            assert await due(store) == ["d"]

    @promise("outbox")
    async def test_a_failing_record_holds_back_only_itself(self) -> None:
        """What is to be tried later is not due before, and nor is what follows it about the same record."""
        async with self.open() as store:
            await store.commit(owing(("a", "1"), ("b", "1"), ("c", "2")))
            await settle(store, RetryAt(LATER + MINUTE, "HTTP 500"))
            assert await due(store) == ["c"]
            await settle(store, Delivered())
            assert (await due(store), await store.next_due(SINK)) == ([], LATER + MINUTE)
            (again,) = await store.due(SINK, LATER + MINUTE, 9)
            assert (again.event.id, again.attempts) == ("a", 1)

    @promise("outbox")
    async def test_the_longest_due_comes_first(self) -> None:
        """At most so many; those that are busy, and what follows them, are left out."""
        async with self.open() as store:
            await store.commit(owing(("a", "1"), ("b", "2"), ("c", "3"), ("d", "1")))
            first, second, third = await store.due(SINK, NOON, 9)
            assert [one.event.id for one in await store.due(SINK, NOON, 2)] == ["a", "b"]
            assert await store.due(SINK, NOON - MINUTE, 9) == []
            assert [one.event.id for one in await store.due(SINK, NOON, 9, (first.number,))] == ["b", "c"]
            assert await store.next_due(SINK, (first.number, second.number, third.number)) is None
            await store.settle(first, RetryAt(LATER, "no"), NOON)
            assert [one.event.id for one in await store.due(SINK, LATER, 9)] == ["b", "c", "a"]
            assert await store.next_due(SINK) == NOON
            assert await store.due("another", LATER, 9) == []
            assert await store.next_due("another") is None

    @promise("outbox")
    async def test_an_attempt_is_settled_once(self) -> None:
        """What is settled for good stays so, whatever is said of it later."""
        async with self.open() as store:
            await store.commit(owing(("a", "1")))
            one = await settle(store, Delivered())
            for outcome in (RetryAt(LATER, "no"), Dead("no"), Delivered()):
                await store.settle(one, outcome, LATER)
                assert await due(store) == []

    @promise("outbox")
    async def test_being_turned_away_pauses_the_sink(self) -> None:
        """Nothing of it is due any more; nothing is lost, and other sinks go on."""
        async with self.open() as store:
            await store.commit(owing(("a", "1"), ("b", "2")))
            await store.commit(Plan(NOON, owed=(Owed("a", "sales", "r"),)))
            await settle(store, Dead("HTTP 401", refused=True))
            assert (await due(store), await store.next_due(SINK)) == ([], None)
            assert len(await store.due("sales", LATER, 9)) == 1
            assert ("b", SINK) in await store.told(["b"])

    @promise("outbox")
    async def test_an_outcome_and_what_it_means_are_written_together(self) -> None:
        """With a plan that does not fit, the attempt is not settled either."""
        async with self.open() as store:
            await store.commit(owing(("a", "1")))
            (one,) = await store.due(SINK, LATER, 9)
            with pytest.raises(StoreError):
                await store.settle(one, Delivered(), LATER, Plan(LATER, owed=(Owed("nowhere", SINK, "r"),)))
            assert await store.due(SINK, LATER, 9) == [one]
            trouble = Condition("sink-failing", SINK, LATER, "HTTP 500")
            await store.settle(one, RetryAt(LATER, "HTTP 500"), LATER, Plan(LATER, entered=(trouble,)))
            assert await store.conditions(SINK) == (trouble,)
            assert [again.attempts for again in await store.due(SINK, LATER, 9)] == [1]

    @promise("outbox")
    async def test_what_a_sink_notes_comes_back_at_the_next_attempt(self) -> None:
        """The latest that it noted; an attempt that had nothing to note (no connection) does not make it unsaid."""
        async with self.open() as store:
            await store.commit(owing(("a", "1"), ("b", "2")))
            await settle(store, RetryAt(LATER, "no", note="250=0"))
            notes = {one.event.id: one.note for one in await store.due(SINK, LATER, 9)}
            assert notes == {"a": "250=0", "b": ""}
            await self._retry(store, "a", "250=0,2")
            await self._retry(store, "a", "")
            assert {one.event.id: one.note for one in await store.due(SINK, LATER, 9)} == {"a": "250=0,2", "b": ""}

    async def _retry(self, store: AnyStore, name: str, note: str) -> None:
        (one,) = (one for one in await store.due(SINK, LATER, 9) if one.event.id == name)
        await store.settle(one, RetryAt(LATER, "no", note=note), LATER)

    @promise("outbox")
    async def test_the_messages_of_a_record_are_put_under_the_first(self) -> None:
        """The thread that a sink made for it comes with each later one about the same record, and no other."""
        async with self.open() as store:
            await store.commit(owing(("a", "1"), ("b", "1"), ("c", "2"), ("d", "1")))
            assert (await settle(store, Delivered("ok", thread="1.0"))).thread == ""
            threads = {one.event.id: one.thread for one in await store.due(SINK, LATER, 9)}
            assert threads == {"b": "1.0", "c": ""}
            for one in await store.due(SINK, LATER, 9):
                await store.settle(one, Delivered("ok", thread=one.thread), LATER)
            assert [one.thread for one in await store.due(SINK, LATER, 9)] == ["1.0"]

    @promise("outbox")
    async def test_a_thread_that_is_gone_is_left(self) -> None:
        """A message that was to go into it and went into another: the later ones follow that one."""
        async with self.open() as store:
            await store.commit(owing(("a", "1"), ("b", "1"), ("c", "1")))
            await settle(store, Delivered("ok", thread="1.0"))
            assert (await settle(store, Delivered("ok", thread="2.0"))).thread == "1.0"
            assert [one.thread for one in await store.due(SINK, LATER, 9)] == ["2.0"]

    # ---------------------------------------------------------------------------------------------------------- holding

    @pytest.mark.parametrize("fate", [Fate.HELD, Fate.SILENCED, Fate.DROPPED])
    @promise("holding")
    async def test_what_is_kept_back_is_not_due(self, fate: Fate) -> None:
        """Held, silenced or dropped, it is in nobody's way, and its sink is not owed it again."""
        async with self.open() as store:
            await store.commit(owing(("a", "1"), fate=fate, bundle="b"))
            await store.commit(owing(("b", "1")))
            assert await due(store) == ["b"]
            await store.commit(owing(("a", "1")))
            assert await due(store) == ["b"]
            held, silenced = await store.held(SINK, "r", "b"), await store.silenced("b")
            assert ([one.event_id for one in held], [one.event_id for one in silenced]) == (
                ["a"] if fate is Fate.HELD else [],
                ["a"] if fate is Fate.SILENCED else [],
            )

    @promise("holding")
    async def test_what_is_released_takes_its_old_place(self) -> None:
        """Due from then on, and before younger ones about the same record."""
        async with self.open() as store:
            await store.commit(owing(("a", "1"), ("x", "2"), fate=Fate.HELD, bundle="b"))
            await store.commit(owing(("b", "1")))
            first, _ = await store.held(SINK, "r", "b")
            await store.commit(Plan(LATER, released=(Release((first.number,)),)))
            assert await store.due(SINK, LATER - MINUTE, 9) == []
            assert await due(store) == ["a"]
            await settle(store, Delivered())
            assert await due(store) == ["b"]
            assert [one.event_id for one in await store.held(SINK, "r", "b")] == ["x"]

    @promise("holding")
    async def test_what_is_told_in_a_summary_comes_with_it(self) -> None:
        """The summary is due, and brings its first events; they are not sent themselves, now or later."""
        async with self.open() as store:
            await store.commit(owing(("a", "1"), ("b", "2"), ("c", "3"), fate=Fate.HELD, bundle="b"))
            numbers = [one.number for one in await store.held(SINK, "r", "b")]
            await store.commit(summing("s", numbers[0], numbers[2]))
            (told,) = await store.due(SINK, LATER, 9)
            assert (told.event.id, [one.id for one in told.members]) == ("s", ["a", "c"])
            await store.commit(Plan(LATER, released=(Release(tuple(numbers)),)))
            assert sorted(await due(store)) == ["b", "s"]

    @promise("holding")
    async def test_a_silence_is_told_of_once(self) -> None:
        """What it took is listed until a summary has told it."""
        async with self.open() as store:
            await store.commit(owing(("a", "1"), ("b", "2"), fate=Fate.SILENCED, bundle="b"))
            first, second = await store.silenced("b")
            await store.commit(summing("s", first.number))
            assert await store.silenced("b") == [second]

    # ----------------------------------------------------------------------------------------------------------- alarms

    @promise("alarms")
    async def test_alarms_ring_when_they_are_due(self) -> None:
        """Earliest first, at most so many; one that is armed again is moved, one that is disarmed does not ring."""
        alarms = [Alarm("after", "/a", str(n), "r", NOON + n * MINUTE, {"event": "a"}) for n in (3, 1, 2)]
        async with self.open() as store:
            assert (await store.ringing(LATER, 9), await store.next_ring()) == ([], None)
            await store.commit(Plan(NOON, armed=tuple(alarms)))
            assert [alarm.key for alarm in await store.ringing(LATER, 9)] == ["1", "2", "3"]
            assert [alarm.key for alarm in await store.ringing(LATER, 2)] == ["1", "2"]
            assert [alarm.key for alarm in await store.ringing(NOON + MINUTE, 9)] == ["1"]
            assert await store.next_ring() == NOON + MINUTE
            moved = replace(alarms[1], due_at=LATER, data={})
            await store.commit(Plan(NOON, armed=(moved,), disarmed=(alarms[1], alarms[2])))
            assert await store.ringing(LATER, 9) == [alarms[0], moved]

    @promise("alarms")
    async def test_a_release_is_not_disarmed_while_something_waits_for_it(self) -> None:
        """What was put into a bundle after its release was decided is not forgotten."""
        decided = Plan(LATER, released=(Release((1,)),), disarmed=(BELL,))
        async with self.open() as store:
            await store.commit(replace(owing(("a", "1"), fate=Fate.HELD, bundle="b"), armed=(BELL,)))
            await store.commit(owing(("b", "2"), fate=Fate.HELD, bundle="b"))
            await store.commit(decided)
            assert await store.ringing(LATER, 9) == [BELL]
            await store.commit(replace(decided, released=(Release((2,)),)))
            assert await store.ringing(LATER, 9) == []

    @promise("budget")
    async def test_no_more_is_spent_than_there_is(self) -> None:
        """By account and day; what is not left is not counted."""
        async with self.open() as store:
            left = [await store.spend("azur", "2026-11-21", 3) for _ in range(5)]
            assert left == [2, 1, 0, -1, -1]
            assert await store.spend("azur", "2026-11-22", 3) == 2
            assert await store.spend("riviera", "2026-11-21", 0) == -1
            assert await store.spend("azur", "2026-11-21", 4) == 0

    # ---------------------------------------------------------------------------------------------------------- conduct

    @promise("conduct")
    async def test_a_commit_cancelled_anywhere_is_whole_or_not_there(self) -> None:
        """At whichever await: the event, what is owed for it, and the record, or nothing of it."""
        async with self.open() as store:
            await store.known(LEADS)
            count, before = 0, belongings()

            def commit() -> Coroutine[Any, Any, None]:
                nonlocal count
                count += 1
                name = f"n{count}"
                owed = owing((name, name))
                return store.commit(replace(owed, source=LEADS, versions=(version(name),)))

            async for _ in cancelled_everywhere(commit):
                name = f"n{count}"
                there = await store.event(name) is not None
                assert there == (name in await store.versions(LEADS, [name]))
                assert there == (name in (await store.known(LEADS)).fingerprints.values())
                assert there == ((name, SINK) in await store.told([name]))
                await nothing_but(before)
            assert await store.event(f"n{count}")

    @promise("conduct")
    async def test_a_settlement_cancelled_anywhere_is_whole_or_not_there(self) -> None:
        """At whichever await: the outcome and what it means, or neither."""
        async with self.open() as store:
            await store.commit(owing(("a", "1")))
            tries = 0

            async def retry() -> None:
                nonlocal tries
                (one,) = await store.due(SINK, LATER, 1)
                tries += 1
                plan = Plan(LATER, entered=(Condition("sink-failing", str(tries), LATER, "no"),))
                await store.settle(one, RetryAt(NOON, "no"), LATER, plan)

            async for _ in cancelled_everywhere(retry):
                (one,) = await store.due(SINK, LATER, 1)
                assert len(await store.conditions()) == one.attempts
            (one,) = await store.due(SINK, LATER, 1)
            assert one.attempts >= 1

    @pytest.mark.parametrize("name", _LOOKS)
    @promise("conduct")
    async def test_whoever_is_cancelled_leaves_the_store_as_it_was(self, name: str) -> None:
        """At whichever await of a look: the next one sees the same."""
        async with self.open() as store:
            await store.commit(everything())
            before, open_before = await picture(store), belongings()
            async for _ in cancelled_everywhere(lambda: _LOOKS[name](store)):
                assert await picture(store) == before
                await nothing_but(open_before)
            assert await picture(store) == before
