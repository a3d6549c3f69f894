"""The product tells what the oracle tells: over whole histories, with failing polls, late alarms and both clock changes."""

import uuid

import pytest
from histories import At, Put, blank, edits, lives, steps
from hypothesis import example, given, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from oracle import compared, differing
from world import STARTS, World

STREAMS = ["leads", "contracts", "purchases"]
streams, starts = st.sampled_from(STREAMS), st.sampled_from(STARTS)


def machine(stream):
    """The life of one source of a stream, step by step, each step held against the oracle."""

    class Life(RuleBasedStateMachine):
        """Records come, change and go; time passes; polls and alarms come when they come."""

        @initialize(start=starts, edits=st.lists(edits(stream), max_size=3))
        def begin(self, start, edits):
            """The first poll tells nobody."""
            self.world = begun(stream, start, edits)

    for name, arguments in steps(stream).items():
        setattr(Life, name, rule(**arguments)(step(name)))
    Life.TestCase.settings = settings(max_examples=120, stateful_step_count=30)
    return Life.TestCase


def step(name):
    """What happens in one step of a life."""

    def happens(self, **arguments):
        """One step."""
        note(f"{name} {arguments}")
        getattr(self.world, name)(**arguments)

    return happens


def begun(stream, start, edits):
    """A world whose baseline has been taken, with a record for each of these lists of edits."""
    world = World(stream, start)
    for number, happened in enumerate(edits, 1):
        world.truth[str(number)] = blank(stream)
        world.change(number, happened)
    world.poll()
    assert not world.events
    return world


TestLeads = machine("leads")
TestContracts = machine("contracts")
TestPurchases = machine("purchases")


@pytest.mark.parametrize("stream", STREAMS)
@settings(max_examples=150)
@given(data=st.data(), start=starts)
def test_long_lives(stream, data, start):
    """However a record lives and however it is seen, what is told of it is what the catalogue says, in order."""
    begun(stream, start, []).live(data.draw(lives(stream)))


@settings(max_examples=60)
@given(data=st.data(), stream=streams, start=starts)
def test_ids_are_never_shared_and_stay_the_same(data, stream, start):
    """No two events of a history share an id, and the same history gives the same ids."""
    life = data.draw(lives(stream))
    ids = []
    for _ in range(2):
        world = begun(stream, start, [])
        world.live(life)
        ids.append([event.id for event in world.events])
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == len(ids[0])
    assert all(uuid.UUID(each).version == 5 for each in ids[0])


@settings(max_examples=300)
@given(data=st.data(), stream=streams, start=starts, bare=st.booleans(), gone=st.booleans(), seed=st.integers(0, 2**16))
def test_each_difference_is_told_by_exactly_one_event(data, stream, start, bare, gone, seed):
    """Between any two states of a record the events share out the fields that differ: none twice, none left."""
    world = World(stream, start)
    world.truth["1"] = {} if bare else blank(stream)
    world.change(1, data.draw(edits(stream)))
    world.poll()
    known = world.oracle.known["1"]
    if gone:
        world.go(0, 2, on_time=True, returns=False, happened=[])
    last, before = known.body, len(world.events)
    world.truth["1"] = world.left.pop("1") if gone else world.truth["1"]
    for happened in data.draw(st.lists(edits(stream), min_size=1, max_size=4)):
        world.change(1, happened)
    seen = known.seen
    world.poll(seed=seed)
    told = [path for event in world.events[before:] for path in event.data["changes"]]
    assert len(told) == len(set(told))
    assert set(told) == differing(*compared(last, known.body, seen)).keys()


@settings(max_examples=30)
@given(stream=streams, start=starts, size=st.integers(22, 130), share=st.integers(15, 25))
@example(stream="leads", start=STARTS[0], size=60, share=20)  # 12: not many
@example(stream="leads", start=STARTS[0], size=105, share=20)  # 21, and 20 % exactly
@example(stream="leads", start=STARTS[0], size=104, share=21)  # 21, and more than 20 %
@example(stream="purchases", start=STARTS[0], size=22, share=91)  # 20 of 22
@example(stream="purchases", start=STARTS[0], size=22, share=100)
def test_what_many_gain_at_once_is_silent(stream, start, size, share):
    """A date that a record first carries is news; when over 20 records and over 20 % of them gain it at once, it is not."""
    field, told = {
        "leads": ("opened", "lead-opened"),
        "contracts": ("contract_at", "contract-signed"),
        "purchases": ("sale_deed_signed_at", "purchase-signed"),
    }[stream]
    world = World(stream, start)
    world.truth = {str(number): {} for number in range(size)}
    world.poll()
    world.passes(10, on_time=True)
    gaining = size * share // 100
    for number in range(gaining):
        world.change(number, [Put({field: {"date": At(0, "moment")} if stream == "leads" else At(0, "moment")})])
    world.poll(some=frozenset(world.truth))
    many = gaining > 20 and gaining * 5 > size
    assert [event.type for event in world.events] == ([] if many else [told] * gaining)
