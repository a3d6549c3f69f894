"""The outbox as a whole: order under any failures, rates, pauses, sinks that tell of each other, all over a real store."""

import asyncio
import itertools
import random
import tempfile
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watcher import backoff
from watcher.deliver import Line
from watcher.errors import Permanent, Transient
from watcher.model import Event, Owed, Plan
from watcher.rules import match
from watcher.sources.throttle import Throttle
from watcher.store import Store
from watcher.store.read import Reader

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
DEADLINE = 30.0

ERRORS = {
    "retry": Transient("HTTP 503"),
    "lost": Transient("no answer", unanswered=True),
    "bug": ZeroDivisionError(),
    "dead": Permanent("HTTP 400"),
    "refused": Permanent("HTTP 403", refused=True),
}
FINAL = {"ok", "dead", "refused"}


class Open:
    """A gate that is open."""

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        return None


class Turnstile(Open):
    """A gate that lets one through each time that it is told to."""

    def __init__(self):
        self.permits, self.waiting = asyncio.Semaphore(0), 0

    async def __aenter__(self):
        self.waiting += 1
        await self.permits.acquire()
        self.waiting -= 1


class Scripted:
    """A sink that does with each message what its script says, one word a try; unscripted ones are taken."""

    def __init__(self, scripts=None, turns=None):
        self.scripts = {name: iter(words) for name, words in (scripts or {}).items()}
        self.turns = turns or (lambda: 0)
        self.tries, self.under_way, self.clashes, self.most = [], [], [], 0
        self.hold = None
        self.times = []

    async def send(self, delivery):
        """Try one; `under_way` has the records of those in hand."""
        event = delivery.event
        self.clashes += [event.id] if event.record in self.under_way else []
        self.under_way.append(event.record)
        self.most = max(self.most, len(self.under_way))
        self.times.append(asyncio.get_running_loop().time())
        word = next(self.scripts.get(event.id, iter(())), "ok")
        self.tries.append((event.record, event.id, word))
        try:
            for _ in range(self.turns()):
                await asyncio.sleep(0)
            if self.hold:
                await self.hold.wait()
        finally:
            self.under_way.remove(event.record)
        if word != "ok":
            raise ERRORS[word]
        return "ok"

    async def close(self):
        """Nothing to close."""

    def of(self, record):
        """What was tried about a record, in order."""
        return [(name, word) for about, name, word in self.tries if about == f"/a/apimo.leads/1#{record}"]


def event(name, record="1", kind="lead-updated"):
    """An event about a lead."""
    return Event(name, kind, "/a/apimo.leads/1", str(record), NOON, NOON, {"version": 1, "changes": {}})


def owing(*pairs, sink="crm", at=NOON):
    """A plan that owes the sink each of these events, given as id and record."""
    events = tuple(event(name, record) for name, record in pairs)
    return Plan(at, events=events, owed=tuple(Owed(one.id, sink, "r") for one in events))


class Hall:
    """Lines over one store, with a clock that is moved by hand, and an operator who is told by all sinks."""

    def __init__(self, store):
        self.store, self.now, self.lines, self.told = store, NOON, {}, []
        self.operator, self.rules = (), ()

    def clock(self):
        """The time, as moved."""
        return self.now

    def route(self, events, now):
        """What rules and operator ask for."""
        self.told += events
        matched = match(events, self.rules, self.operator)
        return Plan(now, owed=tuple(Owed(one.event.id, one.sink, one.rule) for one in matched.matches))

    def line(self, sink=None, name="crm", at_once=4, gate=None):
        """The line of a sink."""
        line = Line(name, sink or Scripted(), self.store, self.route, self.clock, lambda: 0.0, at_once, gate or Open())
        line.rung = self.rung
        self.lines[name] = line
        self.operator = tuple(self.lines)
        return line

    def rung(self, plan):
        """Wake the lines that are owed something."""
        for owed in plan.owed:
            self.lines[owed.sink].bell.set()

    async def pass_by(self, line):
        """Attempt all that is due at a sink, as long as anything is."""
        while due := await self.store.due(line.name, self.now, line.at_once):
            await asyncio.gather(*(line.attempt(delivery) for delivery in due))

    async def live(self, **delta):
        """Let time pass as the lines see it, from one moment that something is due to the next."""
        end = self.now + timedelta(**delta)
        while moments := [at for at in [await self.store.next_due(name) for name in self.lines] if at and at <= end]:
            self.now = max(self.now, min(moments))
            for line in self.lines.values():
                await self.pass_by(line)
        self.now = end


@asynccontextmanager
async def running(line, grace=5.0):
    """A line that runs, and its stop; no longer than the deadline."""
    stop = asyncio.Event()
    async with asyncio.timeout(DEADLINE), asyncio.TaskGroup() as group:
        group.create_task(line.run(stop, grace))
        yield stop
        stop.set()


async def soon(condition):
    """Wait for a condition, with a deadline."""
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110 - a thread has to go on meanwhile
            await asyncio.sleep(0)


@pytest.fixture
async def hall(tmp_path):
    """Lines to be made over a real store."""
    async with await Store.open(tmp_path / "watcher.db") as store:
        yield Hall(store)


# -------------------------------------------------------------------------------------------------------------- order


def script():
    """What becomes of one message: any failures, then its end."""
    failures = st.lists(st.sampled_from(["retry", "lost", "bug"]), max_size=3)
    return st.tuples(failures, st.sampled_from([*["ok"] * 6, "dead", "refused"])).map(lambda pair: [*pair[0], pair[1]])


@given(
    st.lists(st.tuples(st.integers(0, 7), script()), max_size=40),
    st.integers(1, 6),
    st.integers(0, 99),
)
@settings(max_examples=60)
async def test_each_record_is_told_as_if_it_were_alone(messages, at_once, seed):
    """Whatever fails, however often, however many at once: each record's tries are its messages', one after the other."""
    scripts = {f"e{number}": words for number, (_, words) in enumerate(messages)}
    sink = Scripted(scripts, turns=partial(random.Random(seed).randrange, 4))
    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(backoff, "SCHEDULE", (timedelta(0),) * 12)
        async with await Store.open(Path(directory) / "watcher.db") as store:
            line = Hall(store).line(sink, at_once=at_once)
            settled = []
            line.settled = lambda delivery, outcome, now: settled.append(delivery.number)
            async with running(line):
                for first in range(0, len(messages), 5):  # some come while others are under way
                    pairs = [(f"e{n}", messages[n][0]) for n in range(first, min(first + 5, len(messages)))]
                    await store.commit(owing(*pairs))
                    line.bell.set()
                while any(counts.owed for counts in (await store.owed_counts()).values()):
                    if await store.resume("crm"):  # whoever refused us is mended at once
                        line.bell.set()
                    await asyncio.sleep(0)
    for record in range(8):
        mine = [number for number, (about, _) in enumerate(messages) if about == record]
        assert sink.of(record) == [(f"e{number}", word) for number in mine for word in scripts[f"e{number}"]]
    assert sink.most <= at_once
    assert not sink.clashes
    assert len(settled) == len(sink.tries)


async def test_what_ends_while_the_store_is_busy_is_written_together(hall, monkeypatch):
    """Many attempts that end at once take fewer transactions than there are, and none is left out."""
    line = hall.line(at_once=16)
    await hall.store.commit(owing(*((f"e{n}", n) for n in range(16))))
    settle, batches = hall.store.settle_all, []

    async def counted(outcomes, *rest):
        batches.append(len(outcomes))
        await settle(outcomes, *rest)

    monkeypatch.setattr(hall.store, "settle_all", counted)
    await hall.pass_by(line)
    assert sum(batches) == 16
    assert len(batches) <= 2  # the first to end, and all the others behind it
    assert await hall.store.owed_counts() == {}


async def test_a_message_is_written_down_before_the_next_of_its_record_is_tried(hall, monkeypatch):
    """While the outcome of a record's message is not in the store, its next one is not sent."""
    line = hall.line()
    await hall.store.commit(owing(("a1", 1), ("a2", 1), ("b1", 2)))
    settle, go = hall.store.settle_all, asyncio.Event()

    async def slow(outcomes, *rest):
        await go.wait()
        await settle(outcomes, *rest)

    monkeypatch.setattr(hall.store, "settle_all", slow)
    async with running(line):
        await soon(lambda: len(line.sink.tries) == 2)
        for _ in range(20):
            line.bell.set()
            await hall.store.ping()
        assert [name for _, name, _ in line.sink.tries] == ["a1", "b1"]
        go.set()
        await soon(lambda: len(line.sink.tries) == 3)


# --------------------------------------------------------------------------------------------------- rate, concurrency


async def test_failed_attempts_count_in_the_rate_too(hall, monkeypatch):
    """In no window of its rate does a sink get more than it may, whatever became of the attempts."""
    monkeypatch.setattr(backoff, "SCHEDULE", (timedelta(0),) * 12)
    sink = Scripted({f"e{n}": ["retry", "ok"] for n in range(0, 12, 2)})
    line = hall.line(sink, gate=Throttle(5, 0.1, patience=float("inf")))
    await hall.store.commit(owing(*((f"e{n}", n) for n in range(12))))
    async with running(line):
        await soon(lambda: len(sink.times) == 18 and not line.sent)
    assert all(later - sooner >= 0.0999 for sooner, later in zip(sink.times, sink.times[5:], strict=False))
    assert await hall.store.owed_counts() == {}


async def test_a_slow_record_takes_one_place_only(hall):
    """With one message that hangs, the others of the sink go on."""
    line = hall.line(Scripted(), at_once=2)
    await hall.store.commit(owing(("slow", 1)))
    line.sink.hold = asyncio.Event()
    async with running(line):
        await soon(lambda: line.sink.under_way)
        hung, line.sink.hold = line.sink.hold, None
        await hall.store.commit(owing(*((f"e{n}", 2 + n % 3) for n in range(9)), ("behind", 1)))
        line.bell.set()
        await soon(lambda: len(line.sink.tries) == 10)
        assert ("behind", "ok") not in line.sink.of(1)
        hung.set()
        await soon(lambda: ("behind", "ok") in line.sink.of(1))


async def test_the_stop_does_not_wait_for_turns(hall):
    """What waits for its turn at a slow rate when the stop comes is not sent, and still owed; the stop is at once."""
    gate = Turnstile()
    line = hall.line(gate=gate)
    await hall.store.commit(owing(("a", 1), ("b", 2)))
    async with running(line, grace=DEADLINE * 9) as stop:
        await soon(lambda: gate.waiting == 2)
        stop.set()
    assert line.sink.tries == []
    assert (await hall.store.owed_counts())["crm"].owed == 2


# -------------------------------------------------------------------------------------------------------------- pauses


@pytest.fixture
def stale(monkeypatch):
    """Whoever waits for a turn has waited for long."""
    monkeypatch.setattr("watcher.deliver.STALE", -1.0)


async def test_a_pause_stops_what_waits_for_its_turn(hall, stale):
    """Paused by an operator, nothing more is sent, though it was in hand; what was being sent ends and is settled."""
    gate = Turnstile()
    line = hall.line(gate=gate)
    line.sink.hold = asyncio.Event()
    await hall.store.commit(owing(*((f"e{n}", n) for n in range(3))))
    async with running(line):
        await soon(lambda: gate.waiting == 3)
        gate.permits.release()
        await soon(lambda: len(line.sink.tries) == 1)
        await hall.store.pause("crm", "the channel is being moved", NOON, asked=True)
        for _ in range(9):
            gate.permits.release()
        line.sink.hold.set()
        await soon(lambda: not gate.waiting and not line.sent)
        assert len(line.sink.tries) == 1
        assert (await hall.store.owed_counts())["crm"].owed == 2
        await hall.store.resume("crm")
        line.bell.set()
        await soon(lambda: len(line.sink.tries) == 3 and not line.sent)


async def test_a_refusal_buries_what_it_refused_and_not_what_waits_for_its_turn(hall, stale):
    """Behind a gate, one refusal is one dead letter: the others in hand are still owed."""
    gate = Turnstile()
    line = hall.line(Scripted({key: ["refused"] for key in ("e0", "e1", "e2", "e3")}), gate=gate)
    await hall.store.commit(owing(*((f"e{n}", n) for n in range(4))))
    async with running(line):
        await soon(lambda: gate.waiting == 4)
        gate.permits.release()
        await soon(lambda: len(line.sink.tries) == 1 and not line.sent)
        for _ in range(9):
            gate.permits.release()
        await soon(lambda: not gate.waiting)
    counts = (await hall.store.owed_counts())["crm"]
    assert (counts.owed, counts.dead) == (3, 1)


async def test_an_older_message_asked_for_again_goes_before_one_that_waits_for_its_turn(hall, stale):
    """Redriven while the record's next message waited at the gate, the older one is sent first."""
    gate = Turnstile()
    line = hall.line(Scripted({"a1": ["dead", "ok"]}), gate=gate, at_once=1)
    await hall.store.commit(owing(("a1", 1), ("a2", 1)))
    async with running(line):
        await soon(lambda: gate.waiting)
        gate.permits.release()
        await soon(lambda: line.sink.tries and gate.waiting)
        await hall.store.redrive(NOON)
        for _ in range(3):
            gate.permits.release()
        await soon(lambda: len(line.sink.tries) == 3)
    assert line.sink.of(1) == [("a1", "dead"), ("a1", "ok"), ("a2", "ok")]


async def test_an_operators_pause_is_not_undone_by_a_refusal_or_a_success(hall):
    """Whatever becomes of what was under way, the operator's reason stands and the sink rests."""
    for word in ("refused", "ok", "retry"):
        line = hall.line(Scripted({word: [word]}))
        line.sink.hold = asyncio.Event()
        await hall.store.commit(owing((word, 1)))
        (delivery,) = await hall.store.due("crm", NOON, 1)
        attempt = asyncio.create_task(line.attempt(delivery))
        await soon(lambda line=line: line.sink.tries)
        await hall.store.pause("crm", "holidays", NOON, asked=True)
        line.sink.hold.set()
        await attempt
        pause = (await hall.store.paused())["crm"]
        assert (pause.reason, pause.asked) == ("holidays", True)
        assert await hall.store.next_due("crm") is None
        await hall.store.resume("crm")
        await hall.store.settle_all([(d, backoff.after(d, Permanent("x"), NOON, 0.0)) for d in await rest(hall)], NOON)


async def rest(hall):
    """What the sink is still owed, due or not."""
    return await hall.store.due("crm", NOON + timedelta(days=9), 99)


# ---------------------------------------------------------------------------------------- troubles, and who is told of them


async def test_a_refusal_of_a_sink_that_was_failing_is_told(hall):
    """It failed for a while and is then refused: that takes a hand, so the operator hears of it once more, once."""
    line = hall.line(Scripted({"a": ["retry"] * 3 + ["refused"], "b": ["refused"]}))
    hall.line(name="boss")
    await hall.store.commit(owing(("a", 1)))
    await hall.live(minutes=1)
    assert [event.data["detail"] for event in hall.told] == ["HTTP 503"]
    await hall.store.commit(owing(("b", 2), at=hall.now))
    await hall.live(minutes=10)
    assert [event.type for event in hall.told] == ["sink-failing"] * 2
    assert "paused: HTTP 403" in hall.told[-1].data["detail"]
    boss = hall.lines["boss"].sink
    assert len(boss.tries) == 2
    assert [condition.subject for condition in await hall.store.conditions()] == ["crm"]
    assert line.sink.of(1)[-1] == ("a", "retry")  # paused: it waits


async def test_a_paused_sink_has_not_recovered(hall):
    """What was under way when it refused us and is taken after that does not end the trouble: it is still paused."""
    line = hall.line(Scripted({"a": ["refused"]}))
    await hall.store.commit(owing(("a", 1), ("b", 2), ("c", 3)))
    due = await hall.store.due("crm", NOON, 3)
    for delivery in due[:2]:
        await line.attempt(delivery)
    assert [event.type for event in hall.told] == ["sink-failing"]
    assert await hall.store.conditions("crm")
    await hall.store.resume("crm")
    await line.attempt(due[2])
    assert [event.type for event in hall.told] == ["sink-failing", "sink-recovered"]
    assert not await hall.store.conditions("crm")


async def test_the_only_operator_sink_being_broken_is_kept_and_told_afterwards(hall):
    """Nobody can be told: the trouble is in the store for `status`, and the sink hears of it when it works again."""
    line = hall.line(Scripted({"a": ["retry"] * 4}))
    await hall.store.commit(owing(("a", 1)))
    await hall.live(minutes=1)
    assert [event.type for event in hall.told] == ["sink-failing"]
    assert [condition.type for condition in await hall.store.conditions("crm")] == ["sink-failing"]
    assert await hall.store.told([hall.told[0].id]) == {}
    await hall.live(hours=1)
    assert [word for _, word in line.sink.of(1)] == ["retry"] * 4 + ["ok"]
    (_, recovered) = hall.told
    assert [name for _, name, _ in line.sink.tries][-1] == recovered.id
    assert not await hall.store.conditions()


async def test_two_broken_sinks_tell_each_other_once(hall):
    """Both down for a day: one event each, owed to the other; both are told when they work again."""
    down = itertools.repeat("retry")
    crm, sales = hall.line(Scripted(), "crm"), hall.line(Scripted(), "sales")
    await hall.store.commit(owing(("a", 1), sink="crm"))
    await hall.store.commit(owing(("b", 1), sink="sales"))
    for line in (crm, sales):
        line.sink.scripts = dict.fromkeys(("a", "b"), down)
        line.sink.scripts = Always(down)
    await hall.live(hours=24)
    assert sorted((event.type, event.subject) for event in hall.told) == [
        ("sink-failing", "crm"),
        ("sink-failing", "sales"),
    ]
    for line in (crm, sales):
        line.sink.scripts = {}
    await hall.live(hours=48)
    assert len(hall.told) == 4
    assert (await hall.store.owed_counts()) == {}
    assert not await hall.store.conditions()


class Always(dict):
    """One script for every message."""

    def __init__(self, words):
        super().__init__()
        self.words = words

    def get(self, _name, _default=None):
        """The script."""
        return self.words


async def test_two_sinks_that_come_and_go_do_not_keep_each_other_busy(hall):
    """Every message of both fails twice, then passes: what they tell of each other ends, and is a handful."""
    flaky = [hall.line(Scripted(), name) for name in ("crm", "sales")]
    for line in flaky:
        line.sink.scripts = Flaky()
    await hall.store.commit(owing(("a", 1), sink="crm"))
    await hall.store.commit(owing(("b", 1), sink="sales"))
    await hall.live(hours=2)
    told = len(hall.told)
    assert told <= 6
    await hall.live(hours=48)
    assert len(hall.told) == told
    assert (await hall.store.owed_counts()) == {}


class Flaky(dict):
    """Every message fails twice and is then taken."""

    def get(self, name, _default=None):
        """The script of one message, made when it is first tried."""
        return self.setdefault(name, iter(["retry", "retry", "ok"]))


# ------------------------------------------------------------------------------------------------- again, and never more


async def test_redriven_by_one_by_sink_and_by_time(hall):
    """Dead letters are owed again as they are asked for, each with the id that it had."""
    names = {"crm": ("a", "b"), "sales": ("c",)}
    for sink, some in names.items():
        line = hall.line(Scripted({name: ["dead"] for name in some}), sink)
        await hall.store.commit(owing(*((name, name) for name in some), sink=sink))
        await hall.pass_by(line)
        hall.now += timedelta(hours=1)
    assert await hall.store.redrive(hall.now, numbers=[1]) == 1
    await hall.live(minutes=1)
    assert hall.lines["crm"].sink.of("a") == [("a", "dead"), ("a", "ok")]
    assert await hall.store.redrive(hall.now, since=hall.now - timedelta(hours=1, minutes=1)) == 1
    await hall.live(minutes=1)
    assert hall.lines["sales"].sink.of("c") == [("c", "dead"), ("c", "ok")]
    assert await hall.store.redrive(hall.now, sink="crm") == 1
    await hall.live(minutes=1)
    assert hall.lines["crm"].sink.of("b") == [("b", "dead"), ("b", "ok")]


async def test_a_lost_answer_is_counted_as_maybe_twice(hall, tmp_path):
    """Taken after a try of which no answer came: counted for its sink, with the same id; one that was not taken is not."""
    line = hall.line(Scripted({"a": ["lost", "lost", "ok"], "b": ["retry", "ok"], "c": ["lost", "dead"]}))
    await hall.store.commit(owing(("a", 1), ("b", 2), ("c", 3)))
    await hall.live(minutes=5)
    assert [name for name, _ in line.sink.of(1)] == ["a"] * 3
    assert await hall.store.maybe_twice() == {"crm": 1}
    with Reader.open(tmp_path / "watcher.db") as reader:
        assert {row.event_id for row in reader.deliveries() if row.unanswered and row.state == "delivered"} == {"a"}


async def test_after_an_outage_what_waits_can_be_tried_at_once(hall):
    """Twenty hours down, the next attempt is fourteen hours away; asked for, everything is tried now, in order."""
    line = hall.line(Scripted())
    line.sink.scripts = Always(itertools.repeat("retry"))
    await hall.store.commit(owing(("a1", 1), ("a2", 1), ("b1", 2)))
    await hall.live(hours=20)
    line.sink.scripts, line.sink.tries = {}, []
    assert (await hall.store.next_due("crm")) - hall.now > timedelta(hours=10)
    assert await hall.store.hasten(hall.now, sink="other") == 0
    assert await hall.store.hasten(hall.now, numbers=[1, 2, 99]) == 1
    assert await hall.store.hasten(hall.now, sink="crm") == 1
    await hall.pass_by(line)
    assert line.sink.of(1) == [("a1", "ok"), ("a2", "ok")]
    assert line.sink.of(2) == [("b1", "ok")]


async def test_when_a_sink_works_again_what_failed_meanwhile_does_not_wait_its_turn(hall):
    """Hours down, then one message is taken: the others are tried at once, and that attempt does not count."""
    line = hall.line(Scripted())
    line.sink.scripts = Always(itertools.repeat("retry"))
    await hall.store.commit(owing(("a1", 1), ("b1", 2)))
    await hall.live(hours=20)
    (before,) = {d.attempts for d in await hall.store.due("crm", hall.now + timedelta(days=2), 9)}
    line.sink.scripts, line.sink.tries = {"b1": iter(["retry"])}, []
    await hall.store.commit(owing(("c1", 3), at=hall.now))
    await hall.pass_by(line)
    assert line.sink.of(3) == [("c1", "ok")]
    assert line.sink.of(1) == [("a1", "ok")]
    assert line.sink.of(2) == [("b1", "retry")]
    (after,) = await hall.store.due("crm", hall.now + timedelta(days=2), 9)
    assert after.attempts == before


async def test_what_was_owed_to_a_sink_that_is_gone_is_dropped_when_asked(hall, tmp_path):
    """Only then, only of that sink, and it stays in the history with the reason."""
    await hall.store.commit(owing(("a", 1), ("b", 1), sink="old"))
    await hall.store.commit(owing(("c", 1), sink="crm"))
    assert await hall.store.parked(["crm"]) == {"old": 2}
    assert await hall.store.abandon(["old"], "its sink is gone", NOON) == 2
    assert await hall.store.parked(["crm"]) == {}
    assert await hall.store.due("old", NOON, 9) == []
    assert len(await hall.store.due("crm", NOON, 9)) == 1
    with Reader.open(tmp_path / "watcher.db") as reader:
        assert [row.reason for row in reader.deliveries(state="dropped")] == ["its sink is gone"] * 2


async def test_a_message_dies_after_thirteen_attempts_at_the_times_of_the_schedule(hall):
    """No sooner and no later, and the next one of its record then begins anew."""
    line = hall.line(Scripted())
    line.sink.scripts = Always(itertools.repeat("retry"))
    times = []
    line.settled = lambda delivery, outcome, now: times.append((delivery.event.id, now - NOON))
    await hall.store.commit(owing(("a", 1), ("b", 1)))
    await hall.live(hours=76)
    assert (await hall.store.owed_counts())["crm"].dead == 0
    await hall.live(hours=1)
    waits = list(itertools.accumulate(backoff.SCHEDULE, initial=timedelta(0)))
    assert [at for name, at in times if name == "a"] == waits
    assert [at for name, at in times if name == "b"][:3] == [waits[-1] + wait for wait in waits[:3]]
    assert (await hall.store.owed_counts())["crm"].dead == 1


async def test_an_outage_of_three_days_kills_nothing(hall):
    """What was owed before and during 72 hours is taken at the schedule's next attempt, in order, and nothing is dead."""
    line = hall.line(Scripted(), at_once=8)
    line.sink.scripts = Always(itertools.repeat("retry"))
    dice = random.Random(5)
    owed = {record: [] for record in range(20)}
    for number in range(200):
        record = dice.randrange(20)
        owed[record].append(f"e{number}")
        await hall.store.commit(owing((f"e{number}", record), at=hall.now))
        await hall.live(minutes=72 * 60 / 200)
    line.sink.scripts, line.sink.tries = {}, []
    await hall.live(hours=25)
    assert (await hall.store.owed_counts()) == {}
    for record, names in owed.items():
        assert [name for name, _ in line.sink.of(record)] == names
