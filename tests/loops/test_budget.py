"""A short day, end to end: real sources, a real store, a clock moved by hand."""

from datetime import UTC, date, datetime, time, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from watcher.app import Core
from watcher.model import SourceName
from watcher.plan import Pace
from watcher.store import Store
from watcher.units import Rate

PARIS = ZoneInfo("Europe/Paris")
LEADS, SALES = SourceName("azur", "apimo.leads", "101"), SourceName("azur", "apimo.contracts", "101")
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def core(tmp_path):
    """A core with one account of 1,000 requests a day, whose two sources would like 2,880."""
    account = SimpleNamespace(budget=Rate(1000, 86400))
    config = SimpleNamespace(timezone=PARIS, accounts={"azur": account})
    plans = {"azur": {LEADS: Pace(MINUTE, MINUTE), SALES: Pace(MINUTE, MINUTE)}}
    async with await Store.open(tmp_path / "watcher.db") as store:
        yield Core(store, SimpleNamespace(config=config, plans=plans))


async def live_through(core, start, end):
    """Spend requests as the sources would be polled; return how many each made, and when each made its last."""
    day = start.astimezone(PARIS).date().isoformat()
    due, made, last = {LEADS: start, SALES: start}, {LEADS: 0, SALES: 0}, {}
    while min(due.values()) < end:
        source = min(due, key=due.get)
        now = due[source]
        core.clock = lambda now=now: now
        await core.pace_out()
        if await core.store.spend("azur", day, 1000) >= 0:
            made[source] += 1
            last[source] = now
        due[source] = now + core.wait(source)
    return made, last


def midnight(day):
    """When a day begins in Paris."""
    return datetime.combine(day, time(0), PARIS).astimezone(UTC)


@pytest.mark.parametrize("day", [date(2026, 11, 20), date(2026, 3, 29), date(2026, 10, 25)])
async def test_a_budget_lasts_its_day_and_leads_come_first(core, day):
    """From midnight to midnight in Paris, also on the days of 23 and 25 hours: never beyond, leads polled to the end."""
    end = midnight(day + timedelta(days=1))
    made, last = await live_through(core, midnight(day), end)
    assert sum(made.values()) <= 1000
    assert made[LEADS] > 5 * made[SALES] > 0
    assert end - last[LEADS] < timedelta(minutes=15)


async def test_a_new_day_has_a_new_budget(core):
    """Spent by the evening, the sources wait for midnight in Paris and no longer."""
    evening = datetime(2026, 11, 20, 21, tzinfo=UTC)
    for _ in range(1000):
        await core.store.spend("azur", "2026-11-20", 1000)
    core.clock = lambda: evening
    await core.pace_out()
    assert core.wait(LEADS) == timedelta(hours=2)
    core.clock = lambda: evening + timedelta(hours=2)
    await core.pace_out()
    assert core.wait(LEADS) < timedelta(minutes=5)
