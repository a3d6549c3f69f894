"""One sink's line over a real store: order, outcomes, and what they mean for the sink."""

import asyncio
from datetime import timedelta

import pytest

from watcher.deliver import Line
from watcher.errors import Permanent, StoreError, Transient
from watcher.model import Plan
from watcher.rules import Rule


class FakeSink:
    """Takes messages, or does with them what it is told to by event type."""

    def __init__(self):
        self.taken, self.tries, self.errors, self.hold = [], [], {}, None
        self.tried = asyncio.Event()

    async def send(self, delivery):
        """Take one."""
        self.tries.append((delivery.event.subject, delivery.event.type))
        self.tried.set()
        if self.hold:
            await self.hold.wait()
        if error := self.errors.get(delivery.event.subject):
            raise error
        self.taken.append((delivery.event.subject, delivery.event.type))
        return "ok"

    async def close(self):
        """Nothing to close."""


class Open:
    """A gate that is open."""

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        return None


@pytest.fixture
def line(purchases):
    """The line of the sink `sales`, over the store of a world of purchases."""
    return Line("sales", FakeSink(), purchases.store, purchases.route, purchases.clock, lambda: 0.0, 4, Open())


async def drain(line, world):
    """Attempt all that is due, as long as anything is."""
    while due := await line.ledger.due(line.name, world.clock(), line.at_once):
        await asyncio.gather(*(line.attempt(delivery) for delivery in due))


async def owe(world, **records):
    """Have changes of these records owed to the sink."""
    if not (await world.state()).baselined_at:
        await world.poll(**{key: {"status": "pre-booked"} for key in ("r1", "r2", "r3")})
    await world.poll(**{key: {"status": status} for key, status in records.items()})


async def test_what_is_taken_is_settled(line, purchases):
    """A delivered message is not sent again."""
    await owe(purchases, r1="booked", r2="booked", r3="booked")
    await drain(line, purchases)
    await drain(line, purchases)
    assert sorted(line.sink.taken) == [(key, "purchase-booked") for key in "123"]


async def test_a_failing_record_holds_back_only_its_own(line, purchases):
    """While one record's message fails, its later ones wait and the other records' go through, in order."""
    line.sink.errors["1"] = Transient("HTTP 503")
    await owe(purchases, r1="booked", r2="booked", r3="booked")
    await owe(purchases, r1="signed", r2="signed", r3="booked")
    await drain(line, purchases)
    assert [kind for key, kind in line.sink.taken if key == "2"] == ["purchase-booked", "purchase-signed"]
    assert [kind for key, kind in line.sink.tries if key == "1"] == ["purchase-booked"]
    line.sink.errors.clear()
    purchases.now += timedelta(seconds=5)
    await drain(line, purchases)
    assert [kind for key, kind in line.sink.taken if key == "1"] == ["purchase-booked", "purchase-signed"]


async def test_a_message_refused_is_dead_and_the_next_goes_on(line, purchases):
    """A permanent refusal of one message buries it with its reason; the record's next message is sent."""
    line.sink.errors["1"] = Permanent("HTTP 400: invalid_payload")
    await owe(purchases, r1="booked", r2="pre-booked", r3="pre-booked")
    await drain(line, purchases)
    counts = await purchases.store.owed_counts()
    assert (counts["sales"].owed, counts["sales"].dead) == (0, 1)
    line.sink.errors.clear()
    await owe(purchases, r1="signed", r2="pre-booked", r3="pre-booked")
    await drain(line, purchases)
    assert line.sink.taken == [("1", "purchase-signed")]


async def test_a_sink_that_refuses_us_is_paused_and_the_operator_hears_through_another(line, purchases):
    """403 buries the message, pauses the sink, and owes the operator one event of it in the same transaction."""
    purchases.rules(*purchases.desk.rules, Rule("ops", ("sink-*",), ("boss",)))
    line.sink.errors["1"] = Permanent("HTTP 403", refused=True)
    await owe(purchases, r1="booked", r2="pre-booked", r3="pre-booked")
    await drain(line, purchases)
    await owe(purchases, r1="booked", r2="booked", r3="booked")
    assert await line.ledger.due("sales", purchases.clock(), 9) == []
    assert "sales" in await purchases.store.paused()
    (told,) = await line.ledger.due("boss", purchases.clock(), 9)
    assert told.event.type == "sink-failing"
    assert "HTTP 403" in told.event.data["detail"]
    await purchases.store.resume("sales")
    line.sink.errors.clear()
    await drain(line, purchases)
    assert sorted(line.sink.taken)[:2] == [("2", "purchase-booked"), ("3", "purchase-booked")]
    assert not await purchases.store.conditions("sales")


async def test_failing_twice_in_a_row_is_told_once_and_so_is_its_end(line, purchases):
    """Two failures in a row, of whatever records, are a failing sink; the first message taken ends it."""
    purchases.rules(*purchases.desk.rules, Rule("ops", ("sink-*",), ("boss",)))
    line.sink.errors = dict.fromkeys("123", Transient("HTTP 503"))
    await owe(purchases, r1="booked", r2="booked", r3="booked")
    await drain(line, purchases)
    line.sink.errors.clear()
    purchases.now += timedelta(seconds=10)
    await drain(line, purchases)
    told = await line.ledger.due("boss", purchases.clock(), 9)
    kinds = [delivery.event.type for delivery in told]
    assert kinds[0] == "sink-failing"
    assert not any(condition.type == "sink-failing" for condition in await purchases.store.conditions())


async def test_failures_at_the_same_moment_are_one_trouble(line, purchases):
    """Four attempts that fail together enter the trouble once, not once each."""
    purchases.rules(*purchases.desk.rules, Rule("ops", ("sink-*",), ("boss",)))
    line.sink.errors = {str(n): Transient("HTTP 503") for n in range(9)}
    await purchases.poll(**{f"r{n}": {"status": "pre-booked"} for n in range(8)})
    await purchases.poll(**{f"r{n}": {"status": "booked"} for n in range(8)})
    await drain(line, purchases)
    told = await line.ledger.due("boss", purchases.clock(), 9)
    assert [delivery.event.type for delivery in told] == ["sink-failing"]


async def test_a_store_that_fails_after_the_send_does_not_send_again(line, purchases, monkeypatch):
    """What was taken is settled as soon as the store works again, without being sent a second time."""
    monkeypatch.setattr("watcher.deliver.STORE_WAIT", 0.01)
    await owe(purchases, r1="booked", r2="pre-booked", r3="pre-booked")
    settle, failures = purchases.store.settle_all, []

    async def broken(*args):
        if len(failures) < 3:
            failures.append(1)
            raise StoreError("disk full")
        await settle(*args)

    monkeypatch.setattr(purchases.store, "settle_all", broken)
    await drain(line, purchases)
    assert line.sink.taken == [("1", "purchase-booked")]
    assert len(failures) == 3


async def test_the_line_waits_for_the_bell_and_ends_with_the_stop(line, purchases):
    """A line with nothing to do sends at once what is owed when its bell rings, and ends when it is told to."""
    stop = asyncio.Event()
    running = asyncio.create_task(line.run(stop))
    await owe(purchases, r1="booked", r2="pre-booked", r3="pre-booked")
    line.bell.set()
    async with asyncio.timeout(10):
        await line.sink.tried.wait()
        stop.set()
        await running
    assert line.sink.taken


async def test_the_stop_lets_what_is_under_way_end(line, purchases):
    """A message under way when the stop comes is finished and settled, not cut off."""
    line.sink.hold = asyncio.Event()
    stop = asyncio.Event()
    await owe(purchases, r1="booked", r2="pre-booked", r3="pre-booked")
    running = asyncio.create_task(line.run(stop))
    async with asyncio.timeout(10):
        await line.sink.tried.wait()
        stop.set()
        await asyncio.sleep(0)
        line.sink.hold.set()
        await running
    assert (await purchases.store.owed_counts()).get("sales") is None


async def test_what_a_line_commits_wakes_the_others(line, purchases):
    """A trouble of one sink, told through another, wakes that other one."""
    plans = []
    line.rung = plans.append
    purchases.rules(*purchases.desk.rules, Rule("ops", ("sink-*",), ("boss",)))
    line.sink.errors["1"] = Permanent("HTTP 410", refused=True)
    await owe(purchases, r1="booked", r2="pre-booked", r3="pre-booked")
    await drain(line, purchases)
    (plan,) = plans
    assert isinstance(plan, Plan)
    assert {owed.sink for owed in plan.owed} == {"boss"}
