"""What a source is never without, and when it is news that it brings nothing."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.habits import LEAST, RARE, WEEKS, Habit, asked, chance, expected, habit, kin, turn
from watcher.model import Condition, SourceName
from watcher.tallies import begin_of, hour_of
from watcher.troubles import FAILING, QUIET, SILENT, Troubles

PARIS = ZoneInfo("Europe/Paris")
TUESDAY = datetime(2026, 10, 13, 10, 20, tzinfo=PARIS)  # the hour from 9 to 10 is judged
SOURCE, OTHER = SourceName("azur", "apimo.leads", "101"), SourceName("azur", "apimo.leads", "102")
COUNTS = st.lists(st.integers(1, 60), min_size=2, max_size=WEEKS)


def counted(now: datetime, *weeks: int, this: int = 0, last: int = 0) -> dict[int, int]:
    """The counts of this hour, of the one before, and of its kind in the weeks before, the latest first."""
    hour = hour_of(now)
    return {hour: this, hour - 1: last, **dict(zip(kin(hour - 1, PARIS), weeks, strict=False))}


def told(now: datetime, counts: dict[int, int], *lasting: Condition) -> list[tuple[str, str]]:
    """The events that one source's silence comes to: type and state."""
    found = turn([SOURCE], {SOURCE: counts}, Troubles(lasting), PARIS, now)
    return [(event.type, event.data["state"]) for event in found.events]


@pytest.mark.parametrize(
    ("counts", "never"),
    [
        ([8] * 8, True),
        ([7] * 8, False),  # an empty one would come once in 800
        ([8, 7, 8, 7, 8, 7], True),
        ([7, 7, 8, 7, 8, 7], False),
        ([100] * 5, False),  # too few weeks
        ([100] * 7 + [0], False),  # it was empty once
        ([1, 1, 1, 1, 1, 1, 1, 400], False),  # one burst says little of the others
        ([4, 11, 6, 9, 8, 10, 7, 9], True),
    ],
)
def test_what_is_never_silent(counts: list[int], never: bool) -> None:
    """Six weeks at least, none of them empty, and an empty hour rarer than one in a thousand."""
    assert habit(counts) == (Habit(len(counts), min(counts), max(counts)) if never else None)


@given(COUNTS)
def test_the_chance_is_one(counts: list[int]) -> None:
    """It lies between what as many Poisson hours of the least and of the most certain rate would give."""
    found = chance(counts)
    assert 0 < found < 1
    assert found >= (len(counts) / (len(counts) + 1)) ** (sum(counts) + 0.5) * (1 - 1e-9)


@given(COUNTS, st.integers(1, 30))
def test_more_of_the_same_is_surer(counts: list[int], more: int) -> None:
    """Where every hour had so many more, an empty one is less likely."""
    assert chance([count + more for count in counts]) < chance(counts)


@given(st.lists(st.integers(1, 200), min_size=LEAST, max_size=WEEKS))
def test_a_habit_is_what_it_says(counts: list[int]) -> None:
    """What is learned is never rarer evidence than it takes, and the bounds are those of the counts."""
    found = habit(counts)
    assert (found is not None) == (chance(counts) < RARE)
    assert found is None or (found.least, found.most, found.hours) == (min(counts), max(counts), len(counts))


@given(st.integers(480_000, 520_000), st.sampled_from(["Europe/Paris", "Indian/Reunion", "America/Guadeloupe"]))
def test_hours_of_a_kind_show_the_same_clock(hour: int, name: str) -> None:
    """The weeks before have the same day and time on the clocks, also across the changes of the clocks."""
    zone = ZoneInfo(name)
    shown = begin_of(hour).astimezone(zone)
    hours = kin(hour, zone)
    assert len(set(hours)) == WEEKS
    for week, other in enumerate(hours, 1):
        then = begin_of(other).astimezone(zone)
        assert then.date() == shown.date() - timedelta(weeks=week)
        if then.utcoffset() == shown.utcoffset() or shown.hour >= 4:
            assert (then.hour, then.minute) == (shown.hour, shown.minute)


def test_only_what_is_needed_is_asked_for() -> None:
    """Hours asked for: this one, the one before and its kind: ten hours, however long the history is."""
    assert len(asked(TUESDAY.astimezone(UTC), PARIS)) == 2 + WEEKS


def test_an_empty_hour_that_never_is_one_is_told_with_what_was_expected() -> None:
    """The event is `source-silent`, its cause is told apart, and the detail says what usually comes."""
    counts = counted(TUESDAY, 9, 4, 11, 8, 9, 7, 8, 9)
    (event,) = turn([SOURCE], {SOURCE: counts}, Troubles(), PARIS, TUESDAY).events
    assert (event.type, event.subject, event.data["condition"]) == ("source-silent", str(SOURCE), QUIET)
    said = "nothing came between 09:00 and 10:00; on the 8 Tuesdays before, 4 to 11 changes did"
    assert event.data["detail"] == said


@pytest.mark.parametrize(
    "counts",
    [
        counted(TUESDAY, *[9] * 8, last=1),
        counted(TUESDAY, *[9] * 8, this=1),
        counted(TUESDAY, 9, 9),
        counted(TUESDAY, *[9] * 7, 0),
        {hour_of(TUESDAY): 0, **dict.fromkeys(kin(hour_of(TUESDAY) - 1, PARIS), 9)},
        {hour: count for hour, count in counted(TUESDAY, *[9] * 8).items() if hour != hour_of(TUESDAY)},
    ],
    ids=["something came", "came since", "two weeks", "empty once", "not read then", "not read since"],
)
def test_other_silences_are_not_told(counts: dict[int, int]) -> None:
    """Where something came, too little is known, or nobody looked, nothing is told."""
    assert told(TUESDAY, counts) == []


@pytest.mark.parametrize(
    "now",
    [
        datetime(2026, 7, 14, 10, 20, tzinfo=PARIS),  # a Tuesday
        datetime(2026, 10, 13, 3, 20, tzinfo=PARIS),
        datetime(2026, 10, 13, 8, 20, tzinfo=PARIS),
        datetime(2026, 10, 13, 21, 20, tzinfo=PARIS),
        datetime(2026, 10, 11, 10, 20, tzinfo=PARIS),  # a Sunday
    ],
)
def test_a_closed_hour_is_never_news(now: datetime) -> None:
    """On a public holiday, at night and on Sundays nothing is expected, whatever came before."""
    assert told(now, counted(now, *[50] * 8)) == []


def test_a_holiday_among_the_weeks_does_not_count() -> None:
    """The empty hour of 14 July neither spoils the habit nor is it part of it."""
    now = datetime(2026, 8, 4, 10, 20, tzinfo=PARIS)
    counts = counted(now, 9, 9, 0, 9, 9, 9, 9, 9)
    assert expected(hour_of(now) - 1, counts, PARIS) == Habit(7, 9, 9)


def quiet(subject: object = SOURCE) -> Condition:
    """A silence that lasts."""
    return Condition(QUIET, str(subject), TUESDAY - timedelta(hours=1), "nothing came")


def test_a_silence_is_told_once_and_ends_with_what_comes() -> None:
    """While it lasts nothing more is told; it ends when something comes, or with the hours that are never silent."""
    empty = counted(TUESDAY, *[9] * 8)
    assert told(TUESDAY, empty) == [("source-silent", "entered")]
    assert told(TUESDAY, empty, quiet()) == []
    assert told(TUESDAY, counted(TUESDAY, *[9] * 8, this=2), quiet()) == [("source-recovered", "left")]
    assert told(TUESDAY, counted(TUESDAY, *[1] * 8), quiet()) == [("source-recovered", "left")]


@pytest.mark.parametrize("kind", [FAILING, SILENT])
def test_a_source_that_cannot_be_read_is_not_called_quiet(kind: str) -> None:
    """What is wrong with it has been told already."""
    assert told(TUESDAY, counted(TUESDAY, *[9] * 8), Condition(kind, str(SOURCE), TUESDAY, "x")) == []


def test_small_sources_are_judged_together() -> None:
    """Two agencies of which each may well be silent are news when both are; and that is one message, not three."""
    few, many = counted(TUESDAY, *[4] * 8), counted(TUESDAY, *[9] * 8)
    found = turn([SOURCE, OTHER], {SOURCE: few, OTHER: few}, Troubles(), PARIS, TUESDAY)
    assert [event.subject for event in found.events] == ["azur/apimo.leads"]
    found = turn([SOURCE, OTHER], {SOURCE: many, OTHER: many}, Troubles(), PARIS, TUESDAY)
    assert [event.subject for event in found.events] == ["azur/apimo.leads"]
    found = turn([SOURCE, OTHER], {SOURCE: many, OTHER: counted(TUESDAY, *[9] * 8, last=3)}, Troubles(), PARIS, TUESDAY)
    assert [event.subject for event in found.events] == [str(SOURCE)]


def test_a_source_that_is_not_polled_any_more_is_not_waited_for() -> None:
    """Its silence ends with it."""
    found = turn([OTHER], {OTHER: {}}, Troubles([quiet()]), PARIS, TUESDAY)
    assert found.left == ((QUIET, str(SOURCE)),)


def test_the_rule_is_the_predictive_one() -> None:
    """For even counts the chance is that of the negative binomial, worked out another way."""
    assert math.isclose(chance([9] * 8), math.exp((8 * 9 + 0.5) * (math.log(8) - math.log(9))))
