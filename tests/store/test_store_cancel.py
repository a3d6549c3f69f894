"""Cancelling whoever waits for the store cuts nothing in two, and closing always ends the thread."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from figures import about
from store_samples import LEADS, MINUTE, NOON, agrees, baseline, copied, dump, event, holding, owing, rich, version

from watcher.errors import StoreError
from watcher.model import Dead, Delivered, Delivery, Owed, Plan, Release, RetryAt
from watcher.store import plans
from watcher.store.sqlite import Store

LATER = NOON + 10 * MINUTE
OWED = Delivery(2, event("b", "b"), "erp", "r", 0, NOON, NOON)
"""What `prepared` has owed to a sink."""


@asynccontextmanager
async def held(store: Store) -> AsyncIterator[threading.Event]:
    """Keep the store's thread busy until the event is set or the block ends."""
    go, busy = threading.Event(), threading.Event()

    def hold(db: object) -> None:
        busy.set()
        go.wait(30)

    holding = asyncio.ensure_future(store._worker.run(hold))
    await asyncio.to_thread(busy.wait, 30)
    try:
        yield go
    finally:
        go.set()
        await asyncio.gather(holding, return_exceptions=True)


async def turns(count: int) -> None:
    """Let the loop go round so many times."""
    for _ in range(count):
        await asyncio.sleep(0)


Ask = Callable[[Store], Coroutine[Any, Any, Any]]

LOOKS: tuple[Ask, ...] = (
    lambda store: store.ping(),
    lambda store: store.known(LEADS),
    lambda store: store.due("crm", NOON, 1),
    lambda store: store.next_ring(),
    lambda store: store.held("crm", "r", "b"),
    lambda store: store.silenced("silence 1"),
    lambda store: store.waiting(),
    lambda store: store.bundles(),
    lambda store: store.told(["a"]),
    lambda store: store.events_since(NOON),
    lambda store: store.recent(NOON),
    lambda store: store.silences(NOON),
    lambda store: store.paused(),
    lambda store: store.paused_sources(),
    lambda store: store.owed_counts(),
    lambda store: store.maybe_twice(),
    lambda store: store.event("a"),
    lambda store: store.events_of(["a"]),
    lambda store: store.dated(LEADS.stream, "opened"),
    lambda store: store.recall("key"),
)

# Each leaves the tables other than they were, after what `prepared` wrote.
WRITES: dict[str, Ask] = {
    "commit": lambda store: store.commit(Plan(NOON, released=(Release((1,)),))),
    "add_silence": lambda store: store.add_silence({"type": "*"}, "Anne", "", NOON, LATER),
    "end_silence": lambda store: store.end_silence(1, NOON),
    "heal": lambda store: store.heal(NOON),
    "pause": lambda store: store.pause("crm", "holidays", NOON, asked=True),
    "resume": lambda store: store.resume("sales"),
    "pause_source": lambda store: store.pause_source("other", "holidays", NOON),
    "resume_source": lambda store: store.resume_source(str(LEADS)),
    "resend": lambda store: store.resend([1], NOON),
    "remember": lambda store: store.remember("key", "text"),
    "tidy": lambda store: store.tidy(NOON),
    "spend": lambda store: store.spend("azur", "2026-11-21", 3),
    "settle": lambda store: store.settle(OWED, Delivered("ok"), NOON),
    "settle_all": lambda store: store.settle_all([(OWED, Dead("HTTP 410", refused=True))], NOON),
    "hasten": lambda store: store.hasten(NOON, sink="mail"),
    "redrive": lambda store: store.redrive(NOON),
    "drop": lambda store: store.drop(NOON),
    "abandon": lambda store: store.abandon(["erp"], "it is gone", NOON),
    "keep_receipt": lambda store: store.keep_receipt(NOON, "somebody", {"records": []}),
}


async def prepared(store: Store) -> None:
    """Deliveries held, owed, dead and to be tried again; one silence; one sink and one source paused."""
    await store.commit(holding(("a", "1")))
    await store.add_silence({"type": "*"}, "Anne", "", NOON, LATER)
    await store.pause("sales", "HTTP 401", NOON)
    await store.pause_source(str(LEADS), "they migrate", NOON)
    await store.spend("azur", "2020-11-21", 3)
    for name, sink in (("b", "erp"), ("c", "old"), ("d", "mail")):
        await store.commit(owing((name, name), sink=sink))
    (lost,), (late,) = await store.due("old", NOON, 1), await store.due("mail", NOON, 1)
    await store.settle(lost, Dead("HTTP 400"), NOON)
    await store.settle(late, RetryAt(LATER, "HTTP 503"), NOON)


@pytest.mark.parametrize("times", [1, 3])
async def test_cancelled_while_it_waits_a_plan_is_written_all_the_same(store: Store, times: int):
    """Cancelled behind other work, however often, the plan is written and followed before the cancellation goes on."""
    await store.commit(baseline())
    await store.known(LEADS)
    async with held(store) as go:
        task = asyncio.create_task(store.commit(rich()))
        for _ in range(times):
            await turns(3)
            task.cancel()
        await turns(5)
        assert not task.done()
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert not store._worker.in_transaction
    assert (await store.known(LEADS)).fingerprints[b"4/1/"] == "4"
    assert await agrees(store)


@pytest.mark.parametrize("name", WRITES)
async def test_cancelled_while_it_waits_what_was_asked_for_is_written(store: Store, path: Path, name: str):
    """A silence, a pause, a release, whatever is written: once begun it is, though whoever asked for it has gone."""
    await prepared(store)
    before = dump(path)
    async with held(store) as go:
        task = asyncio.create_task(WRITES[name](store))
        await turns(3)
        task.cancel()
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert not store._worker.in_transaction
    assert dump(path) != before


@pytest.mark.parametrize("name", WRITES)
async def test_cut_off_at_any_instruction_nothing_of_it_is_written(store: Store, path: Path, name: str):
    """Stopped at whichever instruction of SQLite, what an operator asked for is not there by half."""
    await prepared(store)
    before = dump(path)
    db = store._worker._connection
    for last in itertools.count():
        once = itertools.chain([False] * last, [True], itertools.repeat(False))
        await store._worker.set_progress_handler(lambda once=once: db.in_transaction and next(once), 1)
        try:
            await WRITES[name](store)
        except StoreError:
            assert not store._worker.in_transaction
            assert dump(path) == before
        else:
            break
    await store._worker.set_progress_handler(None, 1)
    about("store").add(instructions_at_which_a_write_was_cut_off=last)
    assert last > 5
    assert dump(path) != before


async def test_cancelled_inside_the_transaction_it_goes_on_to_its_end(store: Store, monkeypatch: pytest.MonkeyPatch):
    """Cancelled when half of it is written, the plan is written whole and memory follows."""
    await store.commit(baseline())
    await store.known(LEADS)
    inside, go = threading.Event(), threading.Event()
    write = plans.write

    def slow(db: object, plan: Plan) -> None:
        write(db, plan)
        inside.set()
        go.wait(30)

    monkeypatch.setattr(plans, "write", slow)
    task = asyncio.create_task(store.commit(rich()))
    await asyncio.to_thread(inside.wait, 30)
    task.cancel()
    await turns(5)
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not store._worker.in_transaction
    assert len(await store.versions(LEADS, ["1", "2", "3", "4"])) == 4
    assert await agrees(store)


async def test_cancelled_at_any_turn_of_the_loop(store: Store):
    """Wherever the cancellation finds it, a plan is written and followed, or neither."""
    await store.known(LEADS)
    for count in range(40):
        task = asyncio.create_task(store.commit(Plan(NOON, LEADS, versions=(version(f"n{count}"),))))
        await turns(count)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert not store._worker.in_transaction
        assert await agrees(store)
        about("store").add(turns_of_the_loop_at_which_a_commit_was_cancelled=1)
    assert len((await store.known(LEADS)).fingerprints) >= 38  # the first was never begun, perhaps


async def test_cancelled_before_it_began_nothing_is_written(store: Store, path: Path):
    """A commit that never got its turn writes nothing."""
    before = dump(path)
    task = asyncio.create_task(store.commit(baseline()))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert dump(path) == before


async def test_when_everything_is_cancelled_memory_still_follows(store: Store):
    """Even when every task there is gets cancelled, what is committed is followed in memory."""
    await store.known(LEADS)
    mine = asyncio.current_task()
    async with held(store) as go:
        task = asyncio.create_task(store.commit(baseline()))
        await turns(3)
        for other in asyncio.all_tasks() - {mine}:
            other.cancel()
        await turns(3)
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await task
    await store.ping()
    assert len((await store.known(LEADS)).fingerprints) == 3
    assert await agrees(store)


async def test_cancelled_and_failed_changes_nothing(store: Store, path: Path):
    """A plan that fails after its caller was cancelled is rolled back, and the cancellation goes on."""
    before = dump(path)
    async with held(store) as go:
        task = asyncio.create_task(
            store.commit(Plan(NOON, LEADS, versions=(version("1"),), owed=(Owed("no", "x", "r"),)))
        )
        await turns(3)
        task.cancel()
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert not store._worker.in_transaction
    assert dump(path) == before


async def test_out_of_time_is_no_half_plan(store: Store):
    """A time limit around a commit ends in TimeoutError, with the plan written."""
    async with held(store) as go:
        asyncio.get_running_loop().call_later(0.01, go.set)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await store.commit(owing(("a", "1")))
    assert len(await store.due("crm", NOON, 10)) == 1


async def test_a_look_can_be_left_at_once(store: Store):
    """Whoever only looks is let go the moment he is cancelled, and the store goes on."""
    await store.commit(baseline())
    async with held(store):
        for look in LOOKS:
            task = asyncio.create_task(look(store))
            await turns(2)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
    assert len((await store.known(LEADS)).fingerprints) == 3
    assert await agrees(store)


async def test_two_first_looks_and_a_commit_between_agree(store: Store):
    """What is asked for while it is being read and written ends up in memory as it is in the tables."""
    await store.commit(baseline())
    async with held(store):
        work = [store.known(LEADS), store.commit(rich()), store.known(LEADS)]
        tasks = [asyncio.create_task(one) for one in work]
        await turns(3)
    first, _, second = await asyncio.gather(*tasks)
    assert copied(first) == copied(second) == copied(await store.known(LEADS))
    assert await agrees(store)


async def test_closing_ends_the_thread_though_cancelled(path: Path):
    """A close that is cancelled closes all the same: the thread ends, the lock is free, what was asked for is done."""
    for count in range(12):
        store = await Store.open(path)
        waiting = asyncio.create_task(store.commit(owing((f"e{count}", "1"))))
        await turns(2)
        task = asyncio.create_task(store.close())
        await turns(count)
        task.cancel()
        await asyncio.gather(task, waiting, return_exceptions=True)
        await store.close()
        assert not store._worker._thread.is_alive()
    async with await Store.open(path) as store:
        assert (await store.owed_counts())["crm"].owed == 12


async def test_opening_can_be_cancelled(path: Path):
    """An open that is cancelled leaves no thread, no lock and no half store."""
    threads = threading.active_count()
    for count in range(12):
        task = asyncio.create_task(Store.open(path))
        await turns(count)
        task.cancel()
        (opened,) = await asyncio.gather(task, return_exceptions=True)
        if isinstance(opened, Store):
            await opened.close()
        assert threading.active_count() == threads
    async with await Store.open(path) as store:
        await store.commit(baseline())


async def test_closed_it_says_so(path: Path):
    """After closing, which may be done twice, everything asked for is a StoreError."""
    store = await Store.open(path)
    await asyncio.gather(store.close(), store.close())
    await store.close()
    for ask in (*LOOKS, *WRITES.values()):
        with pytest.raises(StoreError, match="closed"):
            await ask(store)
