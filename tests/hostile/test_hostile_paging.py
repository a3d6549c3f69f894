"""Full walks through lists that move while they are read, in every order a server may have, by the whole path over HTTP."""

from dataclasses import replace
from random import Random

import pytest
from attack import CONTRACTS, FIGURES, MINUTE, PURCHASES, Scene, run, simulator

from watcher.simulator import Fault
from watcher.simulator.world import ORDERS
from watcher.store import Store

A_PAGE, WALKS = 20, 10
AT_FIRST = 70
"""Purchases of a programme, in four pages or so."""

OFTEN = 0.5
"""How often something happens between two pages."""


class Fire:
    """Things that happen to one programme each time that a page of it has been answered."""

    def __init__(self, scene, seed):
        self.scene, self.random, self.burning, self.changes = scene, Random(f"fire {seed}"), False, 1000
        self.deleted = 0

    def __call__(self, asked):
        """A page was answered: now something may happen before the next one is."""
        if self.burning and asked.path.endswith(self.scene.kind.rows) and self.random.random() < OFTEN:
            self.strike()

    def strike(self):
        """Insert, delete or update; an update may leave `updated_at` alone."""
        world, kind, ids = self.scene.sim.world, self.scene.kind, self.scene.ids
        self.changes += 1
        what = self.random.random()
        if what < 0.35:
            world.make(kind.rows, kind.partition, {kind.field: str(self.changes)})
        elif what < 0.5 and self.deleted < 15:  # not so many that they would be held
            self.deleted += 1
            world.remove(kind.rows, kind.partition, self.random.choice(ids))
        else:
            self.scene.patch(self.random.choice(ids), {kind.field: str(self.changes)}, touch=self.random.random() < 0.8)

    def now(self):
        """What is upstream: the value of each record by its id."""
        world, kind = self.scene.sim.world, self.scene.kind
        return {str(row["id"]): str(row[kind.field]) for row in world.rows(kind.rows, kind.partition)}


class Told:
    """What somebody knows who has heard every event from the beginning on, and what is wrong with what was told."""

    def __init__(self, kind, known):
        self.kind, self.known, self.gone = kind, dict(known), set()
        self.missed = {}

    def hear(self, events, upstream):
        """Take in the events of a poll; whatever is false or told twice fails."""
        noun = self.kind.rows.removesuffix("s")
        for event in events:
            key, change = event.subject, event.data.get("changes", {}).get(self.kind.field, {})
            if event.type == f"new-{noun}":
                assert key not in self.known, "told as new, and was known"
                self.known[key] = str(change["to"])
            elif event.type == self.kind.told:
                assert self.known[key] == str(change["from"]), "told from another value than was known"
                self.known[key] = str(change["to"])
            else:
                assert event.type == f"{noun}-removed"
                FIGURES.add(false_removals=key in upstream)
                assert key not in upstream, "told as removed, and is there"
                del self.known[key]
                self.gone.add(key)

    def compare(self, before, after, present):
        """Count, for each record that rested from before a poll until after it, how many polls have missed it now.

        It is missed while it was not answered, or while it is not known as it is.
        """
        resting = {key for key, value in before.items() if after.get(key) == value}
        missed = {key for key in resting if key not in present or self.known.get(key) != before[key]}
        self.missed = {key: self.missed.get(key, 0) + 1 for key in missed}
        return max(self.missed.values(), default=0)


class Witness:
    """A source that is read as it is, and remembers what it read."""

    def __init__(self, source):
        self.name, self.show, self._source = source.name, source.show, source

    async def read(self, known, since):
        """Read it, and remember."""
        self.reading = await self._source.read(known, since)
        return self.reading


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("kind", [PURCHASES, CONTRACTS], ids=lambda kind: kind.name)
def test_what_moves_between_pages_is_told_and_nothing_else(kind, order, place):
    """Twenty walks an order under fire: nothing is missed twice in a row, called gone wrongly, or told twice."""
    run(_burn(kind, order, place, 2))


@pytest.mark.slow
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("kind", "partitions"), [(PURCHASES, 25), (CONTRACTS, 10)], ids=["purchases", "contracts"])
def test_a_thousand_walks_under_fire(kind, partitions, order, place):
    """The same, 250 walks of purchases an order and, where nobody can be asked about one record, 100 of contracts."""
    run(_burn(kind, order, place, partitions))


async def _burn(kind, order, directory, partitions):
    names = range(1, partitions + 1)
    async with (
        simulator(order=order, programs=names, agencies=names) as sim,
        await Store.open(directory / "watcher.db") as store,
    ):
        sim.faults.add(Fault("clamp-limit", args={"limit": A_PAGE}))
        for name in names:
            one = replace(kind, partition=str(name))
            for _ in range(AT_FIRST):
                sim.world.make(one.rows, one.partition)
                sim.world.advance(MINUTE)
            scene = Scene(one, sim, store, directory / "watcher.db", sim.world.now)
            try:
                await _history(scene, Fire(scene, f"{order} {name}"))
            finally:
                await scene.close()


async def _history(scene, fire):
    """A baseline, some walks under fire, and then rest until all is told."""
    assert await scene.poll() == []
    told, witness = Told(scene.kind, fire.now()), Witness(scene.watch.source)
    scene.watch = replace(scene.watch, source=witness)
    scene.sim.on_answer = fire
    fire.burning = True
    complete = 0
    for _ in range(WALKS):
        for _ in range(fire.random.randrange(8)):
            fire.strike()
        before = fire.now()
        await scene.poll()
        after = fire.now()
        told.hear(scene.seen.plan.events, after)
        longest = told.compare(before, after, witness.reading.present)
        complete += scene.seen.complete
        assert not scene.seen.complete or before.keys() & after.keys() <= witness.reading.present, "it was not complete"
        FIGURES.top(longest_time_a_record_was_missed_in_polls=longest)
        assert longest <= 1
    fire.burning = False
    for _ in range(3):  # one that may begin in doubt, and two that lack what is gone
        await scene.poll()
        told.hear(scene.seen.plan.events, fire.now())
    FIGURES.add(
        walks_under_fire=WALKS,
        walks_that_were_complete=complete,
        changes_under_fire=fire.changes - 1000,
        real_removals_told=len(told.gone),
        false_removals=0,
    )
    assert told.known == fire.now()
    assert len(told.gone) <= fire.deleted
    assert await scene.store.conditions() == ()
