"""What waits to be written together is written in one transaction, and stands or falls by itself all the same."""

import asyncio
import threading
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from store_samples import NOON, owing

from watcher.errors import StoreError
from watcher.model import Owed
from watcher.store.handle import TOGETHER
from watcher.store.sqlite import Store


@asynccontextmanager
async def held_up(store):
    """Keep the store's thread busy for the block; yields the transactions that were committed from then on."""
    free, committed = threading.Event(), []

    def wait(db):
        db.set_trace_callback(lambda said: committed.append(said) if said == "COMMIT" else None)
        free.wait(20)

    busy = asyncio.ensure_future(store._look(wait))
    await asyncio.sleep(0)  # it is posted by then
    try:
        yield committed
    finally:
        free.set()
        await busy


async def together(store, work):
    """Have all of that wait until all of it waits; return what came of each, and how many transactions it took."""
    async with held_up(store) as committed:
        asked = [asyncio.ensure_future(one) for one in work]
        await asyncio.sleep(0)  # each is posted by then
    return await asyncio.gather(*asked, return_exceptions=True), len(committed)


NAMES = [f"e{number}" for number in range(50)]


def plans(names):
    """A plan for each, with one event about a record of its own, owed to one sink."""
    return [owing((name, name)) for name in names]


async def owed(store):
    """What that sink is owed, in order."""
    return [one.event.id for one in await store.due("crm", NOON, 999)]


async def test_fifty_plans_are_one_transaction(store):
    """And all of them are there afterwards, in the order in which they were asked for."""
    done, transactions = await together(store, map(store.commit, plans(NAMES)))
    assert (set(done), transactions) == ({None}, 1)
    assert await owed(store) == NAMES


async def test_a_transaction_has_an_end(store):
    """However much waits, no more than so much is written at once: whoever waits for a look gets his turn."""
    _, transactions = await together(store, map(store.commit, plans(f"e{n}" for n in range(2 * TOGETHER))))
    assert transactions == 2


async def test_what_cannot_be_written_takes_nobody_with_it(store):
    """One plan does not fit: it alone fails, with its own error, and nothing of it is there."""
    *good, first = plans(NAMES[:5])
    bad = replace(first, owed=(Owed("nobody", "crm", "r"),))
    done, _ = await together(store, map(store.commit, (*good[:2], bad, *good[2:])))
    assert [one if one is None else type(one) for one in done] == [None, None, StoreError, None, None]
    assert await owed(store) == NAMES[:4]
    assert await store.event(NAMES[4]) is None


async def committed(store, monkeypatch, answers, afterwards):
    """Have two plans wait while the store's files answer so, turn by turn; return what came of each."""
    guard, turns = store._guard.around, iter(answers)

    def around(work, db):
        if not next(turns, afterwards):
            raise StoreError("its files are gone")
        return guard(work, db)

    async with held_up(store):
        monkeypatch.setattr(store._guard, "around", around)
        asked = [asyncio.ensure_future(store.commit(one)) for one in plans(NAMES[:2])]
        await asyncio.sleep(0)
    done = await asyncio.gather(*asked, return_exceptions=True)
    monkeypatch.undo()
    return [type(one) for one in done]


async def test_what_was_refused_is_not_written_with_another(store, monkeypatch):
    """The files were not there for both, nor for the first by itself: who asked heard so, and nobody else writes it."""
    assert await committed(store, monkeypatch, [False, False], True) == [StoreError, type(None)]
    assert await owed(store) == NAMES[1:2]


async def test_what_was_written_with_another_is_not_refused_afterwards(store, monkeypatch):
    """It is there, so whoever asked is told so, whatever has become of the files since."""
    assert await committed(store, monkeypatch, [True], False) == [type(None), type(None)]
    assert await owed(store) == NAMES[:2]


async def test_each_gets_its_own_answer(store):
    """What is asked for together is answered one by one."""
    answers, transactions = await together(store, (store.spend("azur", "2026-11-22", 3) for _ in range(5)))
    assert (answers, transactions) == ([2, 1, 0, -1, -1], 1)


async def test_closing_waits_for_all_that_was_asked_for(path):
    """More waits than goes into one transaction when the store is closed: all of it is written, nobody is refused."""
    names = [f"e{number}" for number in range(3 * TOGETHER)]
    store = await Store.open(path)
    async with held_up(store):
        asked = [asyncio.ensure_future(store.commit(one)) for one in plans(names)]
        await asyncio.sleep(0)
        closing = asyncio.ensure_future(store.close())
        await asyncio.sleep(0)
    await closing
    assert await asyncio.gather(*asked) == [None] * len(names)
    async with await Store.open(path) as store:
        assert await owed(store) == names


async def test_a_thread_that_has_ended_refuses(path):
    """Whoever asks for something when there is no thread any more is told so, and does not wait for ever."""
    store = await Store.open(path)
    await store._worker.stop_and_join()
    store._lock.release()
    for _ in range(2):
        with pytest.raises(StoreError, match="closed"):
            await asyncio.wait_for(store.commit(plans(["e"])[0]), 10)


async def test_what_follows_one_does_not_keep_the_others_from_hearing(store):
    """A fault in what is done after one is written is heard by whoever asked for that, and by nobody else."""

    def broken(_):
        raise RuntimeError("broken")

    steps = [store._write(lambda _: 1, broken), store._write(lambda _: 2), store._write(lambda _: 3)]
    done = await asyncio.wait_for(asyncio.gather(*steps, return_exceptions=True), 10)
    assert [type(one) if isinstance(one, Exception) else one for one in done] == [RuntimeError, 2, 3]
