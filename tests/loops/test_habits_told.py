"""A source that is never silent in this hour, and is: told once, ended once, over a real store."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from watcher.app import Assembly, Core
from watcher.model import Plan, Tally
from watcher.store import Store
from watcher.store.read import Reader
from watcher.streams.dates import PARIS
from watcher.tallies import hour_of

HOUR, WEEK = timedelta(hours=1), timedelta(weeks=1)
TUESDAY = datetime(2026, 10, 13, 9, tzinfo=PARIS).astimezone(UTC)


class Town:
    """One agency in a moved clock, its history, and what the daemon does with it; `world` is of the other loops' tests."""

    def __init__(self, world: Any, path: Path) -> None:
        self.world, self.path = world, path
        self.restart()

    def restart(self) -> None:
        """Begin anew with what the store knows."""
        config: Any = type("Config", (), {"timezone": PARIS})
        watches = {str(self.world.name): self.world.watch}
        self.core = Core(self.world.store, Assembly(config, {}, watches, {}, self.world.desk, {}), self.world.clock)

    async def history(self, weeks: int, changes: int = 9, hour: datetime = TUESDAY) -> None:
        """Have a history: so many changes in that hour of each of the weeks before."""
        self.world.now = hour - (weeks + 1) * WEEK
        await self.world.poll(0, r1={"lastname": "A"})
        for week in range(weeks, 0, -1):
            tally = Tally(hour_of(hour - week * WEEK), polls=60, changes=changes)
            await self.world.store.commit(Plan(self.world.now, self.world.name, tally=tally))

    async def read(self, at: datetime, **records: Any) -> None:
        """Read at that time; what comes, comes then."""
        self.world.source.records |= {key[1:]: body for key, body in records.items()}
        self.world.source.cursor += 1
        self.world.now = at
        await self.world.poll(0)

    async def hour(self, begin: datetime = TUESDAY, **records: Any) -> list[tuple[str, str]]:
        """Read once in an hour and once in the next; listen a quarter past; return what is told."""
        await self.read(begin + timedelta(minutes=10), **records)
        await self.read(begin + timedelta(minutes=70))
        return await self.listen()

    async def listen(self, minutes: float = 6) -> list[tuple[str, str]]:
        """Let time pass, do what the tick does, and return what is told of silence from then on."""
        self.world.now += timedelta(minutes=minutes)
        before = len(self.told())
        await self.core.listen()
        return self.told()[before:]

    def told(self) -> list[tuple[str, str]]:
        """The events about silence so far: type and state."""
        with Reader.open(self.path) as reader:
            events = reader.events(types=("source-*",))
        return [(event.type, event.data["state"]) for event in events if event.data["condition"] == "source-quiet"]


@pytest.fixture
def town(world: Callable[[str], Any], store: Store, tmp_path: Path) -> Town:
    """An agency whose leads are read."""
    return Town(world("apimo.leads"), tmp_path / "watcher.db")


async def test_a_silent_hour_is_told_once_and_ended_once(town: Town) -> None:
    """Told at a quarter past, not again in that hour or the next, nor after a restart; what comes ends it at once."""
    await town.history(8)
    assert await town.hour() == [("source-silent", "entered")]
    assert await town.listen() == []
    town.restart()
    assert await town.listen() == []
    await town.read(town.world.now, r7={"lastname": "B"})
    assert town.told()[-1] == ("source-recovered", "left")
    town.restart()
    assert await town.listen() == []


async def test_the_message_is_committed_with_it(town: Town) -> None:
    """Whoever is told of operational events is owed it, and the detail says what was expected."""
    await town.history(8)
    await town.hour()
    (owed,) = [
        one for one in await town.world.store.due("sales", town.world.now, 9) if one.event.type == "source-silent"
    ]
    assert "nothing came between 09:00 and 10:00; on the 8 Tuesdays before, 9 to 9" in owed.event.data["detail"]


async def test_it_is_not_judged_before_the_hour_has_settled(town: Town) -> None:
    """At ten past nothing is said: what came in the last minutes may not have been read."""
    await town.history(8)
    await town.read(TUESDAY + timedelta(minutes=10))
    await town.read(TUESDAY + timedelta(minutes=65))
    assert await town.listen(minutes=5) == []
    assert await town.listen(minutes=5) == [("source-silent", "entered")]


async def test_it_ends_with_the_hours_that_are_never_silent(town: Town) -> None:
    """When the next hour is one that may well be empty, the silence is over, once."""
    await town.history(8)
    assert await town.hour() == [("source-silent", "entered")]
    assert await town.hour(TUESDAY + HOUR) == [("source-recovered", "left")]
    assert await town.hour(TUESDAY + 2 * HOUR) == []


async def test_two_weeks_are_no_habit(town: Town) -> None:
    """With two weeks of history nothing is told, whatever came in them."""
    await town.history(2, changes=500)
    assert await town.hour() == []


async def test_an_hour_in_which_something_came_is_no_news(town: Town) -> None:
    """One change is enough."""
    await town.history(8)
    assert await town.hour(r5={"lastname": "E"}) == []


@pytest.mark.parametrize(
    "begin",
    [datetime(2026, 7, 14, 9, tzinfo=PARIS), datetime(2026, 10, 13, 2, tzinfo=PARIS)],
    ids=["14 July", "night"],
)
async def test_a_closed_hour_is_no_news(town: Town, begin: datetime) -> None:
    """On 14 July and at night nothing is told, though there were changes in each of the weeks before."""
    hour = begin.astimezone(UTC)
    await town.history(8, changes=50, hour=hour)
    assert await town.hour(hour) == []


async def test_a_source_that_fails_is_not_called_quiet(town: Town) -> None:
    """Where nobody could look, that is what is told, and not that nothing came."""
    await town.history(8)
    await town.read(TUESDAY + timedelta(minutes=10))
    town.world.now = TUESDAY + timedelta(minutes=65)
    await town.world.fails()
    await town.world.fails()
    assert await town.listen(minutes=10) == []
