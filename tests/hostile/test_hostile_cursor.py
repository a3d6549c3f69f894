"""Leads read by cursor while writes share seconds, show late and move between pages; and cursors that lie."""

from collections import Counter
from datetime import timedelta
from heapq import heappop, heappush
from random import Random

import pytest
from attack import DAY, FIGURES, HOUR, LEADS, MINUTE, Scene, run
from attack_table import faults

from watcher.simulator import Fault
from watcher.simulator.times import paris

LEADS_UPSTREAM = 300
LATEST = 30
"""Seconds after which a write shows at the latest: its transaction took so long."""


class Writers:
    """People who update leads at all times: each update has a number, and shows some time after its `updated_at`.

    A lead is not updated again before its last update was told, so that each is told by itself.
    """

    def __init__(self, scene, updates, seed):
        self.scene, self.random = scene, Random(f"writers {seed}")
        self.free, self.busy = set(scene.ids), {}
        self.left, self.number, self.waiting = updates, 1000, []  # no step that a lead begins with
        self.shown_at = {}
        self.polls = 0

    def write(self, seconds):
        """What is written in the next seconds: about one write in six of them, a fifth in the second of the one before."""
        second = 0
        for _ in range(seconds // 6):
            if not self.left or not self.free:
                return
            if self.random.random() > 0.2:
                second = self.random.randrange(seconds)
            written = self.scene.now + timedelta(seconds=second)
            late = self.random.choice((0, 0, 1, self.random.randrange(LATEST + 1), LATEST))
            key = self.random.choice(sorted(self.free))
            self.free.discard(key)
            self.left, self.number = self.left - 1, self.number + 1
            heappush(self.waiting, (written + timedelta(seconds=late), self.number, key, written))

    def show(self, until, *, midway=False):
        """What shows until then becomes visible, with the time at which it was written; `midway` through a poll."""
        while self.waiting and self.waiting[0][0] <= until:
            _, number, key, written = heappop(self.waiting)
            self.busy[key] = number
            self.shown_at[number] = self.polls + midway
            self.scene.patch(key, {"step": str(number), "updated_at": paris(written)})

    def told(self, events):
        """The numbers that a poll told; their leads may be updated again."""
        for event in events:
            assert event.type == "lead-step-changed", event.type
            self.free.add(event.subject)
            number = int(event.data["changes"]["step"]["to"])
            FIGURES.top(longest_time_an_update_was_missed_in_polls=max(0, self.polls - self.shown_at[number]))
            yield number


@pytest.mark.parametrize(("updates", "pages"), [(1_000, None), (400, 4)], ids=["one page", "pages of four"])
def test_no_update_is_missed_or_told_twice(updates, pages, place):
    """Updates that share seconds, show up to 30 s late or between two pages: each is told once, by cursor alone."""
    run(_fuzz(place, updates, pages))


@pytest.mark.slow
@pytest.mark.parametrize(("updates", "pages"), [(10_000, None), (2_000, 4)], ids=["one page", "pages of four"])
def test_none_of_ten_thousand_updates_is_missed_or_told_twice(updates, pages, place):
    """The same with ten thousand, polled every minute for the better part of a day."""
    run(_fuzz(place, updates, pages))


async def _fuzz(directory, updates, pages):
    async with Scene.open(LEADS, directory, LEADS_UPSTREAM, order="updated_at") as scene:
        if pages:
            scene.sim.faults.add(Fault("clamp-limit", args={"limit": pages}))
        writers = Writers(scene, updates, pages)
        times = Counter()
        # What is due while a poll reads shows between its pages.
        scene.sim.on_answer = lambda _: writers.show(scene.now + timedelta(seconds=2), midway=True)
        full = (await scene.store.state(scene.name)).full_at
        idle = 0
        while idle < 10:  # the lookback, and then some
            writers.write(60)
            writers.show(scene.now + MINUTE)
            await scene.poll(MINUTE)
            writers.polls += 1
            news = list(writers.told(scene.seen.plan.events))
            times.update(news)
            idle = 0 if news or writers.left or writers.waiting else idle + 1
        missed = updates - len(times)
        twice = sum(times.values()) - len(times)
        FIGURES.add(
            updates_fuzzed=updates, updates_missed=missed, updates_told_twice=twice, polls_by_cursor=writers.polls
        )
        assert (missed, twice) == (0, 0)
        assert (await scene.store.state(scene.name)).full_at == full, "it was read in full, and proves nothing"
        assert scene.snapshot() == scene.upstream()


# ------------------------------------------------------------------------------------------------- cursors that lie


async def _after_an_outage(scene, hours=1):
    """The source fails for some time, in which a lead changes early on; return what is to be told of it."""
    told = scene.change(scene.ids[3])
    scene.sim.faults.add(Fault("status"))
    for _ in range(4 * hours):
        await scene.poll()
    scene.patch(scene.ids[5], {})  # the newest one, long after
    scene.sim.faults.clear()
    scene.pass_time(15 * 60)
    return told


def test_a_list_of_nothing_moves_no_cursor(place):
    """After an outage comes an empty list with a new `timestamp`: what changed meanwhile is told by the next good answer."""
    run(_emptied(place))


async def _emptied(directory):
    async with Scene.open(LEADS, directory, 8) as scene:
        told = await _after_an_outage(scene)
        async with faults(Fault("empty-list"))(scene):
            assert await scene.poll(MINUTE) == [("source-recovered", str(scene.name))]
        assert await scene.poll() == [told]


def test_a_part_that_comes_again_moves_no_cursor(place):
    """After an outage `offset` is ignored, so half of what changed never comes: it is told by the next good answer."""
    run(_first_part_only(place))


async def _first_part_only(directory):
    async with Scene.open(LEADS, directory, 40, order="-updated_at") as scene:
        changed = []
        scene.sim.faults.add(Fault("status"))
        for number in range(8):
            changed.append(scene.change(scene.ids[number]))
            await scene.poll()
        scene.sim.faults.clear()
        half = faults(Fault("clamp-limit", args={"limit": 4}), Fault("page-ignored"))
        async with half(scene):
            seen = await scene.poll()
        seen += await scene.poll()
        assert sorted(one for one in seen if one in changed) == sorted(changed)


@pytest.mark.parametrize(("ahead", "polls"), [(2 * DAY, 1), (DAY + 2 * MINUTE, 1)])
def test_a_cursor_more_than_a_day_ahead_hides_nothing(ahead, polls, place):
    """A `timestamp` more than a day ahead is not believed: what changes next is told at the next poll."""
    run(_ahead(place, ahead, polls))


def test_a_cursor_less_than_a_day_ahead_hides_nothing_for_longer_than_a_day(place):
    """One that is believed hides what changes, until the day's full read at the latest."""
    run(_ahead(place, 23 * HOUR, None))


async def _ahead(directory, ahead, polls):
    async with Scene.open(LEADS, directory, 8) as scene:
        moment = int((scene.now + ahead).timestamp())
        async with faults(Fault("timestamp-lies", args={"value": moment}))(scene):
            assert await scene.poll() == []
        changed, told = scene.change(scene.ids[3]), []
        count = 0
        while changed not in told:
            told += await scene.poll(MINUTE if polls else HOUR)
            count += 1
            assert count <= (polls or 25)
        assert told == [changed]
        assert await scene.poll() == []


def test_a_lead_that_could_not_be_read_is_told_within_a_day(place):
    """A lead is unreadable for an hour in which others change, and then well again without a new `updated_at`."""
    run(_well_again(place))


async def _well_again(directory):
    async with Scene.open(LEADS, directory, 8) as scene:
        name, ill = str(scene.name), scene.ids[3]
        changed = scene.change(ill)
        well = scene.sim.world.get("leads", "101", ill)
        scene.patch(ill, {"score": 10**40}, touch=False)
        assert await scene.poll() == [("source-drifted", name)]
        for _ in range(6):
            other = scene.change(scene.ids[5])
            assert await scene.poll(HOUR / 6) == [other]
        scene.sim.world.put("leads", "101", well)
        told = []
        for _ in range(25):
            told += await scene.poll(HOUR)
        assert sorted(told) == sorted([changed, ("source-recovered", name)])
