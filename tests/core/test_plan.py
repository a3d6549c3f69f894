"""How often sources are polled, and how a budget lasts the day."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.model import SourceName
from watcher.plan import FASTEST, LONGEST, SLOWEST, Need, Pace, Stretch, in_office, paces, stretch
from watcher.units import Rate

PARIS = ZoneInfo("Europe/Paris")
APIMO, ADLEAD = Rate(10, 1), Rate(50, 60)
FREE = Rate(1000, 86400)
RECONCILE = timedelta(hours=24)


def apimo(agencies):
    """Leads and contracts of so many agencies, with no interval given."""
    return [
        Need(SourceName("azur", f"apimo.{stream}", str(n)), None, RECONCILE)
        for n in range(agencies)
        for stream in ("leads", "contracts")
    ]


def test_one_agency_within_the_free_budget():
    """Leads every minute in office hours and every quarter of an hour at night, contracts less: within 1,000 a day."""
    found = paces(apimo(1), FREE, APIMO)
    leads, contracts = (found[need.name] for need in apimo(1))
    assert leads.busy == FASTEST
    assert timedelta(minutes=10) < leads.quiet < timedelta(minutes=20)
    assert contracts.busy < timedelta(minutes=15)
    assert sum(pace.daily for pace in found.values()) + 4 <= 1000


@given(agencies=st.integers(1, 40), budget=st.integers(200, 20000))
def test_a_plan_keeps_within_its_budget(agencies, budget):
    """Whatever the agencies and the budget, what is planned fits, unless everything is at its slowest already."""
    found = paces(apimo(agencies), Rate(budget, 86400), APIMO)
    asked = sum(pace.daily for pace in found.values()) + 4 * agencies
    assert asked <= budget or any(pace.quiet == SLOWEST for pace in found.values())


def test_what_is_given_is_taken_and_the_others_share_the_rest():
    """A source with an interval keeps it; the planned ones get what it leaves."""
    given_, *rest = apimo(2)
    needs = [Need(given_.name, timedelta(minutes=2), RECONCILE), *rest]
    found = paces(needs, FREE, APIMO)
    assert found[given_.name] == Pace(timedelta(minutes=2), timedelta(minutes=2))
    assert sum(pace.daily for pace in found.values()) + 8 <= 1000


def test_without_a_budget_half_the_rate_is_used():
    """Adlead's programmes are read once a minute, and less often only when they are so many that the rate forbids it."""
    programs = [Need(SourceName("r", "adlead.purchases", str(n)), None, None) for n in range(100)]
    assert {pace.busy for pace in paces(programs[:20], None, ADLEAD).values()} == {FASTEST}
    assert {pace.busy for pace in paces(programs, None, ADLEAD).values()} == {timedelta(minutes=4)}


@pytest.mark.parametrize(
    ("moment", "open_"),
    [
        ("2026-11-21T07:00", True),  # a Saturday, 8:00 in Paris
        ("2026-11-21T06:59", False),
        ("2026-11-21T19:00", False),
        ("2026-11-22T12:00", False),  # a Sunday
        ("2026-07-20T06:00", True),  # summer: 8:00
    ],
)
def test_office_hours_are_those_of_the_zone(moment, open_):
    """Monday to Saturday, eight to twenty, summer and winter."""
    assert in_office(datetime.fromisoformat(moment).replace(tzinfo=UTC), PARIS) is open_


def test_requests_are_counted_over_both_paces():
    """Polls between two moments, over the turn from one pace to the other, also on a day of 25 hours."""
    pace = Pace(timedelta(minutes=1), timedelta(minutes=10))
    evening = datetime(2026, 11, 20, 18, tzinfo=UTC)  # 19:00 in Paris, a Friday
    assert pace.requests(evening, evening + timedelta(hours=2), PARIS) == pytest.approx(60 + 6)
    autumn = datetime(2026, 10, 24, 22, tzinfo=UTC)  # midnight, before the day that has 25 hours, a Sunday
    assert pace.requests(autumn, autumn + timedelta(hours=25), PARIS) == pytest.approx(25 * 6)


def test_a_long_wait_ends_when_the_office_opens():
    """A source at its slow pace is polled when office hours begin, not two hours into them."""
    pace = Pace(timedelta(minutes=1), timedelta(hours=2))
    early = datetime(2026, 11, 20, 6, 50, tzinfo=UTC)  # 7:50 in Paris
    assert pace.wait(early, PARIS) == timedelta(minutes=10)
    assert pace.wait(early - timedelta(hours=4), PARIS) == timedelta(hours=2)
    assert pace.wait(early + timedelta(hours=1), PARIS) == timedelta(minutes=1)
    assert pace.wait(early + timedelta(hours=1), PARIS, 3.0) == timedelta(minutes=3)
    assert pace.wait(early + timedelta(hours=1), PARIS, LONGEST) == timedelta(days=1)


LEAD, SALE = SourceName("a", "apimo.leads", "1"), SourceName("a", "apimo.contracts", "1")
NOON = datetime(2026, 11, 20, 11, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 20, 23, tzinfo=UTC)
MINUTELY = {LEAD: Pace(FASTEST, FASTEST), SALE: Pace(FASTEST, FASTEST)}


def test_enough_is_not_stretched():
    """With requests to spare, every interval is as planned."""
    assert stretch(MINUTELY, 1440, NOON, MIDNIGHT, PARIS) == Stretch()


def test_leads_get_what_there_is_first():
    """With enough for the leads alone, the others wait."""
    found = stretch(MINUTELY, 900, NOON, MIDNIGHT, PARIS)
    assert found.leads == 1.0
    assert found.others == pytest.approx(720 / 180)


def test_too_little_for_the_leads_leaves_the_others_a_pittance():
    """With too little for the leads alone, they are stretched too, and the others are not forgotten."""
    found = stretch(MINUTELY, 400, NOON, MIDNIGHT, PARIS)
    assert (found.leads, found.others) == (pytest.approx(2.0), pytest.approx(18.0))


def test_the_last_requests_are_the_leads():
    """When hardly any are left, only leads are polled; when none is, nobody."""
    assert stretch(MINUTELY, 30, NOON, MIDNIGHT, PARIS) == Stretch(24.0, LONGEST)
    assert stretch(MINUTELY, 0, NOON, MIDNIGHT, PARIS) == Stretch(LONGEST, LONGEST)


@given(left=st.integers(0, 3000), hours=st.floats(0.5, 12))
def test_a_stretched_day_lasts(left, hours):
    """Polled at their stretched intervals, sources never ask for more than is left."""
    end = NOON + timedelta(hours=hours)
    found = stretch(MINUTELY, left, NOON, end, PARIS)
    asked = sum(pace.requests(NOON, end, PARIS) / found.of(name) for name, pace in MINUTELY.items())
    assert asked <= left + 0.01
