"""Dates and moments, as the vendors write them and as we keep them."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.streams.dates import _closely, _quickly, begins, day_begins, ends_after, moment


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("2016-04-25 16:31:52", "2016-04-25T14:31:52Z"),  # Apimo: naive, Paris, summer
        ("2016-03-10 15:49:50", "2016-03-10T14:49:50Z"),  # winter
        ("2020-08-15T04:00:00.000000Z", "2020-08-15T04:00:00Z"),  # Adlead
        ("2020-08-15T04:00:00.123456Z", "2020-08-15T04:00:00Z"),
        ("2020-08-15T06:00:00+02:00", "2020-08-15T04:00:00Z"),
        ("2024-02-08T23:00:00.000000Z", "2024-02-09"),  # midnight in Paris
        ("2024-07-08T22:00:00Z", "2024-07-09"),
        ("2024-05-02", "2024-05-02"),
        ("2024-05-02 00:00:00", "2024-05-02"),
        ("2024-05-02T00:00", "2024-05-02"),
        ("2026-10-25 02:30:00", "2026-10-25T00:30:00Z"),  # the hour that comes twice: the first
        ("2026-03-29 02:30:00", "2026-03-29T01:30:00Z"),  # the hour that does not exist: on it moves
        (" 2024-05-02 ", "2024-05-02"),
    ],
)
def test_a_date_has_one_kept_form(written, kept):
    """However a date or a moment is written, it is kept in one form, and that form is kept as it is."""
    assert moment(written) == kept
    assert moment(kept) == kept


@pytest.mark.parametrize(
    "empty",
    [None, "", "0", 0, False, "0000-00-00", "0000-00-00 00:00:00", "2020-00-00", "2020-05-00", "-0001-11-30 00:00:00"],
)
def test_an_empty_date_is_null(empty):
    """All that means "none" in MySQL, PHP and JSON is null."""
    assert moment(empty) is None


@pytest.mark.parametrize(
    "wrong", ["soon", "2024-13-01", "2024-02-30", "12/05/2024", 1461594712, True, [], {}, "1e9999"]
)
def test_what_is_no_date_is_refused_without_its_value(wrong):
    """A value that is no date raises, and the complaint does not repeat it."""
    with pytest.raises(ValueError) as refused:
        moment(wrong)
    assert "soon" not in str(refused.value)


def test_a_date_begins_at_midnight_in_paris():
    """A date is a Paris day: it begins at 23:00 or 22:00 UTC the evening before."""
    assert begins("2026-11-22") == datetime(2026, 11, 21, 23, tzinfo=UTC)
    assert begins("2026-07-22") == datetime(2026, 7, 21, 22, tzinfo=UTC)
    assert day_begins("2026-11-22T10:00:00Z") == datetime(2026, 11, 21, 23, tzinfo=UTC)
    assert day_begins("2026-11-21T23:30:00Z") == datetime(2026, 11, 21, 23, tzinfo=UTC)


def test_a_bare_date_is_after_until_its_day_ends():
    """A date of today is after this morning; the one of yesterday is not."""
    morning = datetime(2026, 11, 22, 9, tzinfo=UTC)
    assert ends_after("2026-11-22", morning)
    assert not ends_after("2026-11-21", morning)
    assert ends_after("2026-11-22T09:00:01Z", morning)
    assert not ends_after("2026-11-22T09:00:00Z", morning)


clocks = st.one_of(
    st.times().map(lambda clock: clock.isoformat()[:8]),
    st.times().map(lambda clock: clock.isoformat()[:5]),
    st.sampled_from(["00:00:00", "23:00:00", "22:00:00", "01:00", "24:00", "12:60", "12:00:61", "1\u0661:00"]),
)
days = st.one_of(
    st.dates(date(1850, 1, 1), date(2100, 1, 1)),
    st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    st.sampled_from([date(2026, 3, 29), date(2026, 10, 25), date(2026, 3, 28), date(2026, 10, 26), date.max, date.min]),
).map(date.isoformat)


@given(days | st.sampled_from(["2026-02-30", "2026-13-01"]), clocks, st.sampled_from([None, "Z", "+02:00", "+05:30"]))
def test_what_is_read_by_its_letters_is_what_the_zone_says(day, clock, zone):
    """The quick way agrees with the library of zones on every moment that it takes, and takes none that is not one."""
    quick = _quickly(day, clock, zone)
    if quick is not None:
        assert quick == _closely(day, clock, zone)


def test_most_moments_are_read_by_their_letters():
    """All hours but midnight of all days but the two on which the clocks are changed: else it would not be quick."""
    slow = [
        (day, hour)
        for day in (date(2026, 1, 1) + timedelta(days=n) for n in range(365))
        for hour in range(24)
        if _quickly(day.isoformat(), f"{hour:02d}:30:00", None) is None
    ]
    assert {day.isoformat() for day, _ in slow} == {"2026-03-29", "2026-10-25"}
