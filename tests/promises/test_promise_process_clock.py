"""The wall clock set forward or back by a day: polls go on, nothing is told twice, nothing waits for the day to pass."""

from datetime import timedelta

import pytest
from fire_inside import EVERYTHING

from watcher.errors import Transient

DAY = timedelta(days=1)

GROUPED = """
[[rules]]
name = "grouped"
on = ["purchase-*"]
group = { by = ["source"], wait = "1s", every = "10m" }
to = ["box"]
"""

THROTTLED = """
[[rules]]
name = "throttled"
on = ["purchase-*"]
throttle = "1/1m"
to = ["box"]
"""


async def in_trouble(inside):
    """Have a message turned away, so that it waits to be tried again."""
    await inside.start()
    inside.down.add("1")
    inside.vendor.records["1"] = {"status": "signed"}
    await inside.until(lambda: inside.boxes["box"].tried == ["1"])
    inside.down.clear()


@pytest.mark.parametrize("by", [DAY, -DAY], ids=["forward", "back"])
async def test_polls_go_on_and_what_happens_is_told_once(inside, by):
    """Intervals are of another clock: sources are polled on, a change is told at once, and nobody is called silent."""
    await inside.start()
    inside.ahead += by
    await inside.polled()
    inside.vendor.records["1"] = {"status": "signed"}
    await inside.until(lambda: inside.boxes["box"].told)
    inside.ahead -= by
    await inside.polled()
    inside.vendor.records["1"] = {"status": "canceled"}
    await inside.until(lambda: len(inside.boxes["box"].told) == 2)
    await inside.polled(10)
    assert inside.boxes["box"].kinds() == [("purchase-signed", "1"), ("purchase-canceled", "1")]
    assert inside.boxes["ops"].kinds() == []


@pytest.mark.parametrize("by", [DAY, -DAY], ids=["forward", "back"])
async def test_what_was_to_be_tried_again_is_not_put_off_by_a_day(inside, by):
    """A message that waits for its next try is tried soon, whichever way the clock goes; those after it follow."""
    await in_trouble(inside)
    inside.ahead += by
    inside.vendor.records["1"] = {"status": "canceled"}
    await inside.until(lambda: len(inside.boxes["box"].told) == 2)
    assert inside.boxes["box"].kinds() == [("purchase-signed", "1"), ("purchase-canceled", "1")]


async def test_set_back_while_it_was_stopped_it_does_not_put_off_what_is_owed(inside):
    """The clock may have been set back between two runs: what is owed from the future is owed now."""
    await in_trouble(inside)
    await inside.stop()
    inside.ahead -= DAY
    await inside.start()
    await inside.until(lambda: inside.boxes["box"].told)
    assert inside.boxes["box"].kinds() == [("purchase-signed", "1")]


async def test_set_back_what_waits_in_a_group_is_not_put_off_by_a_day(inside):
    """A group that was to be told in a moment is told in a moment, and those after it wait no longer than they should."""
    inside.write(GROUPED)
    await inside.start()
    inside.vendor.records["1"] = {"status": "signed"}
    await inside.until(lambda: inside.daemon.core.parts.desk.bundles)
    inside.ahead -= DAY
    await inside.until(lambda: inside.boxes["box"].told)
    inside.ahead -= DAY  # its bundle holds back the next ones for ten minutes
    inside.vendor.records["1"] = {"status": "canceled"}
    await inside.until(lambda: len(inside.boxes["box"].told) == 2)


async def test_set_back_what_went_tomorrow_counts_against_no_limit(inside):
    """A limit of one a minute does not hold back a day's messages because of one that went, by that clock, tomorrow."""
    inside.write(THROTTLED)
    await inside.start()
    inside.vendor.records["1"] = {"status": "signed"}
    await inside.until(lambda: inside.boxes["box"].told)
    inside.ahead -= DAY
    inside.vendor.records["1"] = {"status": "canceled"}
    await inside.until(lambda: len(inside.boxes["box"].told) == 2)


async def test_a_timer_that_the_clock_jumped_over_rings_once_and_says_that_it_is_late(inside):
    """Set forward past the moment of a timer: told at once, marked late; set back and reached again: not told again."""
    inside.write(EVERYTHING + '[[rules]]\nname = "slow"\non = ["purchase-signed"]\nafter = "1h"\nto = ["box"]\n')
    await inside.start()
    inside.vendor.records["1"] = {"status": "signed"}
    await inside.until(lambda: inside.boxes["box"].told)
    inside.ahead += DAY
    await inside.until(lambda: len(inside.boxes["box"].told) == 2)
    inside.ahead -= DAY
    await inside.polled()
    inside.ahead += DAY
    await inside.polled(10)
    assert inside.boxes["box"].kinds() == [("purchase-signed", "1"), ("overdue", "1")]
    assert inside.boxes["box"].told[1].data["late"] is True


async def test_a_source_that_hangs_after_the_clock_was_set_back_is_called_silent_all_the_same(inside, monkeypatch):
    """What was read "tomorrow" is no sign of life today."""
    config = (inside.directory / "config.toml").read_text()
    (inside.directory / "config.toml").write_text(
        config.replace('every = "100ms"', 'every = "100ms"\nsilent_after = "1s"')
    )
    await inside.start()
    inside.ahead -= DAY

    async def hang(known, since):
        await inside.daemon.stop.wait()
        raise Transient("no answer")

    monkeypatch.setattr(inside.vendor, "read", hang)
    await inside.until(lambda: ("source-silent", "riviera/adlead.purchases/1") in inside.boxes["ops"].kinds())
