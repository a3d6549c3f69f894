"""When people are there: what a rule's `hours` and `digest` mean, through clock changes, nights and holidays."""

import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from watcher.hours import Hours, check_holidays, next_time, time_of_day

PARIS = ZoneInfo("Europe/Paris")
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
SHOP = Hours.parse("Mon-Sat 09:00-19:00")
FRENCH = Hours.parse("Mon-Sat 09:00-19:00", "FR")


def paris(text):
    """What the clocks of Paris show, in UTC; a `'` behind it means the second time in the night that has it twice."""
    return datetime.fromisoformat(text.rstrip("'")).replace(tzinfo=PARIS, fold=text.endswith("'")).astimezone(UTC)


def hours_open(hours, day, zone=PARIS):
    """The stretches of a local day in which it is open, as UTC clock times, looked for every five minutes."""
    first = datetime.combine(day, time(), zone).astimezone(UTC)
    last = datetime.combine(day + DAY, time(), zone).astimezone(UTC)
    looks = [first + n * 5 * MINUTE for n in range((last - first) // MINUTE // 5)]
    states = [False, *(hours.is_open(at, zone) for at in looks), False]
    edges = [f"{at:%H:%M}" for at, (was, now) in zip([*looks, last], pairwise(states), strict=True) if was != now]
    return [f"{opens}-{closes}" for opens, closes in zip(edges[::2], edges[1::2], strict=True)]


# Monday 2026-01-05 is an ordinary winter week in Paris: UTC + 1 h.


@pytest.mark.parametrize(
    ("text", "monday", "saturday", "sunday"),
    [
        ("Mon-Sat 09:00-19:00", ["08:00-18:00"], ["08:00-18:00"], []),
        ("Mon-Fri 09:00-12:30,14:00-19:00", ["08:00-11:30", "13:00-18:00"], [], []),
        ("Mon-Fri 09:00-19:00; Sat 10:00-18:00", ["08:00-18:00"], ["09:00-17:00"], []),
        ("Mon,Wed,Sun 09:00-18:00", ["08:00-17:00"], [], ["08:00-17:00"]),
        ("Tue,Sat-Mon 09:00-18:00", ["08:00-17:00"], ["08:00-17:00"], ["08:00-17:00"]),
        ("08:00-20:00", ["07:00-19:00"], ["07:00-19:00"], ["07:00-19:00"]),
        ("Sat 18:00-24:00", [], ["17:00-23:00"], []),
        ("Sat 18:00-00:00", [], ["17:00-23:00"], []),
        ("00:00-24:00", ["23:00-23:00"], ["23:00-23:00"], ["23:00-23:00"]),
        ("Sat 22:00-06:00", [], ["21:00-23:00"], ["23:00-05:00"]),
        ("Sun 22:00-06:00", ["23:00-05:00"], [], ["21:00-23:00"]),
        ("Mon 09:00-12:00,11:00-15:00; Mon 10:00-11:00; Mon 15:00-16:00", ["08:00-15:00"], [], []),
        ("Fri 20:00-10:00; Sat 08:00-12:00", [], ["23:00-11:00"], []),
        ("Fri 20:00-10:00; Sat 02:00-04:00,09:00-12:00", [], ["23:00-11:00"], []),
    ],
)
def test_the_hours_are_those_that_were_written(text, monday, saturday, sunday):
    """Days, lists, ranges that go round, breaks, nights and overlaps mean what they say."""
    hours = Hours.parse(text)
    found = [hours_open(hours, date(2026, 1, day)) for day in (5, 10, 11)]
    assert found == [monday, saturday, sunday]


@pytest.mark.parametrize(
    "text",
    [
        "mon-sat 9:00-19:00",
        "MONDAY-SATURDAY 09:00-19:00",
        "lun-sam 09:00-19:00",
        "Lundi - Samedi 09:00 - 19:00",
        "  Mon,Tues , Wed,thurs-Sat   09:00-19:00 ;",
        "mar,mer,jeu,ven 09:00-19:00;Mon,sam 09:00-19:00",
        "Mon-Sat 09:00-13:00,13:00-19:00",
    ],
)
def test_there_are_many_ways_to_write_the_same(text):
    """Case, spaces, English or French and the order of days make no difference."""
    hours = Hours.parse(text)
    week = [date(2026, 1, 5) + n * DAY for n in range(7)]
    assert [hours_open(hours, day) for day in week] == [["08:00-18:00"]] * 6 + [[]]


def test_hours_are_shown_as_they_were_written():
    """A message about hours shows the user's own words."""
    assert str(Hours.parse("lun-sam  9:00-19:00", "FR")) == "lun-sam  9:00-19:00"


def test_equal_hours_are_equal():
    """Hours that are read again at a reload are the same as before."""
    assert Hours.parse("Mon 09:00-19:00", "FR") == Hours.parse("Mon 09:00-19:00", "FR")
    assert Hours.parse("Mon 09:00-19:00", "FR") != Hours.parse("Mon 09:00-19:00")


# Mistakes


EXAMPLE = 'write "Mon-Sat 09:00-19:00"'
MISTAKES = {
    "": f"'' is no opening hours: {EXAMPLE}",
    ";": f"';' is no opening hours: {EXAMPLE}",
    "Mon-Sat": f"'Mon-Sat' is no opening hours: {EXAMPLE}",
    "Mon 09:00": f"'Mon 09:00' is no opening hours: {EXAMPLE}",
    "always": f"'always' is no opening hours: {EXAMPLE}",
    "Mon-Wed-Fri 09:00-18:00": f"'Mon-Wed-Fri 09:00-18:00' is no opening hours: {EXAMPLE}",
    "Mon 09:00-10:00;; Tue 09:00-10:00": f"'Mon 09:00-10:00;; Tue 09:00-10:00' is no opening hours: {EXAMPLE}",
    "Mon 09:00-10:00,": f"'Mon 09:00-10:00,' is no opening hours: {EXAMPLE}",
    "Mon-Fri 9am-5pm": f"'Mon-Fri 9am-5pm' is no opening hours: {EXAMPLE}",
    "Mon 99h-19h": f"'Mon 99h-19h' is no opening hours: {EXAMPLE}",
    "Mon-Sat 9h-19h": "'Mon-Sat 9h-19h' is no opening hours: write \"Mon-Sat 09:00-19:00\"",
    "Tue 9-12,14-18": "'Tue 9-12,14-18' is no opening hours: write \"Tue 09:00-12:00,14:00-18:00\"",
    "Tue 9.30-12.15": "'Tue 9.30-12.15' is no opening hours: write \"Tue 09:30-12:15\"",
    "mardi À jeudi 9h30\u201318 h": "'mardi À jeudi 9h30\u201318 h' is no opening hours: write \"mardi-jeudi 09:30-18:00\"",
    "Tue to Fri: 09:00-18:00": "'Tue to Fri: 09:00-18:00' is no opening hours: write \"Tue-Fri 09:00-18:00\"",
    "Fri 09:00-19:00, Sat 10:00-18:00": (
        "'Fri 09:00-19:00, Sat 10:00-18:00' is no opening hours: write \"Fri 09:00-19:00; Sat 10:00-18:00\""
    ),
    "Mondey 09:00-19:00": "there is no day 'Mondey'; did you mean 'Monday'?",
    "Mon-Thy 09:00-19:00": "there is no day 'Thy'; did you mean 'Thu'?",
    "mecredi 09:00-19:00": "there is no day 'mecredi'; did you mean 'Mercredi'?",
    "Mo-Fr 09:00-19:00": "there is no day 'Mo'; did you mean 'Mon'?",
    "XYZ 09:00-19:00": "there is no day 'XYZ'; write Mon, Tue, Wed, Thu, Fri, Sat or Sun",
    "Mon-Monday 09:00-19:00": (
        '\'Mon-Monday\' goes round to where it begins: write "Mon" for the day, "Mon-Sun" for all'
    ),
    "Mon 09:00-09:00": "'09:00-09:00' is never open: write \"00:00-24:00\" for the whole day",
    "Mon 24:00-06:00": "'24:00-06:00' begins when its day is over: write \"00:00-06:00\" for the day after",
    "Mon 09:00-25:00": "there is no 25:00 in a day: write 00:00 to 23:59, or 24:00 for its end",
    "Mon 09:00-24:30": "there is no 24:30 in a day: write 00:00 to 23:59, or 24:00 for its end",
    "Mon 09:60-19:00": "there is no 09:60 in a day: write 00:00 to 23:59, or 24:00 for its end",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_mistakes_come_with_the_remedy(text):
    """Whoever writes hours wrong is told what to write."""
    with pytest.raises(ValueError) as error:
        Hours.parse(text)
    assert str(error.value) == MISTAKES[text]


PARTS = "57, 6AE, 971"
HOLIDAY_MISTAKES = {
    "XX": "there are no public holidays of 'XX': write the two letters of a country, like \"FR\"",
    "France": "there are no public holidays of 'France': write the two letters of a country, like \"FR\"",
    "HolidayBase": "there are no public holidays of 'HolidayBase': write the two letters of a country, like \"FR\"",
    "fr": "there are no public holidays of 'fr': write \"FR\"",
    "fr-57": "there are no public holidays of 'fr-57': write \"FR-57\"",
    "MC-1": "there are no public holidays of 'MC-1': write \"MC\"",
    "FR-": f"there are no public holidays of 'FR-': write \"FR\" for the whole, or one of its parts: {PARTS}",
    "FR-99": f"there are no public holidays of 'FR-99': write \"FR\" for the whole, or one of its parts: {PARTS}",
    "FR-moselle": (
        "there are no public holidays of 'FR-moselle': "
        f'write "FR-Moselle", or "FR" for the whole, or one of its parts: {PARTS}'
    ),
}


@pytest.mark.parametrize("code", HOLIDAY_MISTAKES)
def test_mistaken_holidays_come_with_the_remedy(code):
    """A country or a part of it that nobody knows is refused, alone and with its hours."""
    with pytest.raises(ValueError) as error:
        Hours.parse("Mon-Sat 09:00-19:00", code)
    assert str(error.value).startswith(HOLIDAY_MISTAKES[code])
    with pytest.raises(ValueError) as alone:
        check_holidays(code)
    assert str(alone.value) == str(error.value)


@pytest.mark.parametrize(
    ("text", "clock"), [("08:30", time(8, 30)), (" 8:30 ", time(8, 30)), ("00:00", time()), ("23:59", time(23, 59))]
)
def test_a_time_of_day_is_read(text, clock):
    """`digest` takes hours and minutes."""
    assert time_of_day(text) == clock


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("", "'' is no time of day: write \"08:30\""),
        ("noon", "'noon' is no time of day: write \"08:30\""),
        ("8h30am", "'8h30am' is no time of day: write \"08:30\""),
        ("99", "'99' is no time of day: write \"08:30\""),
        ("7h15", "'7h15' is no time of day: write \"07:15\""),
        ("7", "'7' is no time of day: write \"07:00\""),
        ("24:00", "'24:00' is no time of day: write \"00:00\""),
        ("25:00", "there is no 25:00 in a day: write 00:00 to 23:59, or 24:00 for its end"),
        ("12:60", "there is no 12:60 in a day: write 00:00 to 23:59, or 24:00 for its end"),
    ],
)
def test_a_mistaken_time_of_day_comes_with_the_remedy(text, mistake):
    """Whoever writes a time of day wrong is told what to write."""
    with pytest.raises(ValueError) as error:
        time_of_day(text)
    assert str(error.value) == mistake


# Edges, nights, Sundays, holidays


def test_the_opening_is_open_and_the_closing_is_not():
    """09:00 is inside, 19:00 is outside, to the microsecond."""
    instant = timedelta(microseconds=1)
    opening, closing = paris("2026-01-05 09:00"), paris("2026-01-05 19:00")
    assert [SHOP.is_open(at, PARIS) for at in (opening - instant, opening, closing - instant, closing)] == [
        False, True, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        ("2026-01-05 08:59", "2026-01-05 09:00"),
        ("2026-01-05 12:34", "2026-01-05 12:34"),
        ("2026-01-05 19:00", "2026-01-06 09:00"),
        ("2026-01-10 19:00", "2026-01-12 09:00"),  # Saturday evening
        ("2026-01-11 12:00", "2026-01-12 09:00"),  # Sunday
        ("2026-04-04 19:00", "2026-04-07 09:00"),  # Saturday before Easter
        ("2026-12-24 19:00", "2026-12-26 09:00"),
    ],
)
def test_it_opens_at_the_next_opening(at, opens):
    """Evenings, Sundays and holidays are waited for; while it is open nothing is."""
    found = FRENCH.opens(paris(at), PARIS)
    assert found == paris(opens)


def test_every_answer_is_in_utc():
    """Whatever zone a moment comes in, what is computed from it is in UTC."""
    at = datetime(2026, 1, 5, 12, tzinfo=PARIS)
    assert {SHOP.opens(at, PARIS).tzinfo, SHOP.after(at, DAY, PARIS).tzinfo, next_time(time(8), at, PARIS).tzinfo} == {
        UTC
    }


@pytest.mark.parametrize(
    ("start", "minutes", "end"),
    [
        ("2026-01-05 10:00", 15, "2026-01-05 10:15"),
        ("2026-01-05 08:00", 15, "2026-01-05 09:15"),
        ("2026-01-05 18:45", 15, "2026-01-05 19:00"),  # the very moment of closing
        ("2026-01-05 18:45", 16, "2026-01-06 09:01"),
        ("2026-01-05 19:00", 15, "2026-01-06 09:15"),
        ("2026-01-10 18:55", 15, "2026-01-12 09:10"),  # over a Sunday
        ("2026-04-04 18:55", 15, "2026-04-07 09:10"),  # over Easter, Monday included
        ("2026-01-05 09:00", 6 * 600, "2026-01-10 19:00"),  # a whole week
        ("2026-01-05 09:00", 6 * 600 + 1, "2026-01-12 09:01"),
        ("2026-01-11 12:00", 0, "2026-01-12 09:00"),
    ],
)
def test_only_open_time_counts(start, minutes, end):
    """A lead of Saturday 18:55 that may wait a quarter of an hour is late on Monday at 09:10."""
    assert FRENCH.after(paris(start), minutes * MINUTE, PARIS) == paris(end)


@pytest.mark.parametrize(
    "day",
    ["2026-01-01", "2026-04-06", "2026-05-01", "2026-05-14", "2026-05-25", "2026-07-14", "2026-11-11", "2026-12-25"],
)
def test_french_holidays_are_closed_all_day(day):
    """New Year, Easter Monday, the first of May, Ascension, Whit Monday, 14 July, 11 November and Christmas."""
    always = Hours.parse("00:00-24:00", "FR")
    holiday = date.fromisoformat(day)
    assert hours_open(always, holiday) == []
    assert hours_open(FRENCH, holiday) == []
    assert always.opens(paris(f"{day} 00:00"), PARIS) == paris(f"{holiday + DAY} 00:00")
    assert always.is_open(paris(f"{day} 00:00") - MINUTE, PARIS)


def test_each_year_has_its_own_easter():
    """Easter Monday is 2026-04-06 and 2027-03-29: neither is one in the other year."""
    closed = [date(2026, 4, 6), date(2027, 3, 29)]
    opened = [date(2026, 3, 30), date(2027, 4, 5)]
    assert [bool(hours_open(FRENCH, day)) for day in (*closed, *opened)] == [False, False, True, True]


def test_without_holidays_every_day_counts():
    """A rule that says nothing of holidays knows none."""
    assert hours_open(SHOP, date(2026, 5, 1)) == ["07:00-17:00"]


def test_a_part_of_a_country_has_its_own_holidays():
    """26 December is closed in Moselle, open in Paris."""
    moselle = Hours.parse("09:00-19:00", "FR-57")
    assert hours_open(moselle, date(2026, 12, 26)) == []
    assert hours_open(FRENCH, date(2026, 12, 26)) == ["08:00-18:00"]


def test_a_night_ends_where_a_holiday_begins_and_none_begins_on_it():
    """22:00-06:00 around the first of May: the night before ends at midnight, the night of it does not begin."""
    night = Hours.parse("22:00-06:00", "FR")
    eve, holiday, day_after = (hours_open(night, date(2026, 4, 30) + n * DAY) for n in range(3))
    assert eve == ["22:00-04:00", "20:00-22:00"]
    assert holiday == []
    assert day_after == ["20:00-22:00"]
    assert night.after(paris("2026-04-30 23:00"), 61 * MINUTE, PARIS) == paris("2026-05-02 22:01")


def test_midnight_is_no_border_for_a_night():
    """Open time goes on over midnight, and a night belongs to the day on which it begins."""
    friday_night = Hours.parse("Fri 22:00-06:00")
    assert friday_night.after(paris("2026-01-09 23:30"), timedelta(hours=2), PARIS) == paris("2026-01-10 01:30")
    assert friday_night.opens(paris("2026-01-09 03:00"), PARIS) == paris("2026-01-09 22:00")
    assert friday_night.opens(paris("2026-01-10 06:00"), PARIS) == paris("2026-01-16 22:00")


# The two days a year


def test_the_shop_opens_by_the_clock_on_both_sides_of_a_change():
    """09:00 is 08:00 UTC in winter and 07:00 UTC in summer, on the very days of the changes too."""
    daily = Hours.parse("09:00-19:00")
    days = [(3, 28), (3, 29), (10, 24), (10, 25)]
    assert [hours_open(daily, date(2026, *day)) for day in days] == [
        ["08:00-18:00"], ["07:00-17:00"], ["07:00-17:00"], ["08:00-18:00"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "march", "october"),
    [
        ("01:00-04:00", ["00:00-02:00"], ["23:00-03:00"]),
        ("02:00-03:00", [], ["00:00-02:00"]),
        ("02:15-02:45", [], ["00:15-00:45"]),
        ("02:30-04:00", ["01:00-02:00"], ["00:30-03:00"]),
        ("01:00-02:30", ["00:00-01:00"], ["23:00-00:30"]),
        ("01:00-02:00,03:00-04:00", ["00:00-02:00"], ["23:00-00:00", "02:00-03:00"]),
    ],
)
def test_an_edge_is_the_first_moment_at_which_the_clocks_show_it_or_later(text, march, october):
    """What does not exist moves on to when the clocks jump; of what comes twice the first counts."""
    hours = Hours.parse(text)
    assert hours_open(hours, date(2026, 3, 29)) == march
    assert hours_open(hours, date(2026, 10, 25)) == october


@pytest.mark.parametrize(("day", "hours"), [("2026-03-28", 23), ("2026-03-30", 24), ("2026-10-24", 25)])
def test_open_time_is_time_that_passes(day, hours):
    """From noon to noon it is 23 hours over the change of March, and 25 over that of October."""
    noon = datetime.fromisoformat(f"{day} 12:00").replace(tzinfo=PARIS)
    always = Hours.parse("00:00-24:00")
    assert always.after(noon, timedelta(hours=hours), PARIS) == noon + DAY


def test_a_quarter_of_an_hour_in_the_night_of_a_change():
    """15 minutes are 15 minutes, whether the clocks jump, or show the same hour again."""
    night = Hours.parse("22:00-06:00")
    assert night.after(paris("2026-03-29 01:50"), 15 * MINUTE, PARIS) == paris("2026-03-29 03:05")
    assert night.after(paris("2026-10-25 02:50"), 15 * MINUTE, PARIS) == paris("2026-10-25 02:05'")


def fired(clock, first, days, zone=PARIS):
    """Every time of a daily clock within so many days, each asked for from the one before."""
    at, found = first, []
    while (at := next_time(clock, at, zone)) < first + days * DAY:
        found.append(at)
    return found


@pytest.mark.parametrize(
    ("first", "on_that_day"),
    [("2026-03-27 12:00", "2026-03-29 03:00"), ("2026-10-23 12:00", "2026-10-25 02:30")],
)
def test_a_daily_clock_fires_once_on_the_days_of_the_changes(first, on_that_day):
    """02:30 is at 03:00 on the day that has none, and the first of two on the day that has two."""
    day = date.fromisoformat(on_that_day[:10])
    expected = [paris(f"{day - DAY} 02:30"), paris(on_that_day), paris(f"{day + DAY} 02:30")]
    assert fired(time(2, 30), paris(first), 4)[:3] == expected


def test_the_second_half_past_two_is_over():
    """Asked between the first and the second 02:30, or at the second, the next one is tomorrow's."""
    tomorrow = paris("2026-10-26 02:30")
    for at in ("2026-10-25 02:30", "2026-10-25 02:10'", "2026-10-25 02:30'"):
        assert next_time(time(2, 30), paris(at), PARIS) == tomorrow


def test_the_next_time_is_strictly_later():
    """At 08:30 sharp the next 08:30 is tomorrow's; a microsecond before, it is now."""
    at = paris("2026-01-05 08:30")
    assert next_time(time(8, 30), at, PARIS) == at + DAY
    assert next_time(time(8, 30), at - timedelta(microseconds=1), PARIS) == at
    assert next_time(time(), paris("2026-01-05 00:00"), PARIS) == paris("2026-01-06 00:00")


def test_a_midnight_that_does_not_exist_is_when_the_clocks_jump():
    """In Santiago the day of 2026-09-06 begins at 01:00, in Lord Howe the clocks jump by half an hour."""
    santiago, lord_howe = ZoneInfo("America/Santiago"), ZoneInfo("Australia/Lord_Howe")
    jump = datetime(2026, 9, 6, 4, tzinfo=UTC)
    assert hours_open(Hours.parse("Sun 00:00-02:00"), date(2026, 9, 6), santiago) == ["04:00-05:00"]
    assert fired(time(), jump - DAY, 2, santiago) == [jump, jump + DAY - timedelta(hours=1)]
    assert next_time(time(2, 10), datetime(2026, 10, 3, 12, tzinfo=UTC), lord_howe) == datetime(
        2026, 10, 3, 15, 30, tzinfo=UTC
    )


def test_the_day_is_that_of_the_zone():
    """Where it is still Monday evening while UTC has Tuesday, Monday's clock is meant, and Sunday's long night."""
    santiago = ZoneInfo("America/Santiago")
    monday_evening = datetime(2026, 1, 5, 20, 30, tzinfo=santiago).astimezone(UTC)
    assert monday_evening.date() == date(2026, 1, 5)
    assert next_time(time(23), monday_evening + timedelta(hours=1), santiago) == datetime(2026, 1, 6, 2, tzinfo=UTC)
    assert Hours.parse("Sun 22:00-21:30").is_open(monday_evening + timedelta(minutes=45), santiago)


# Far away


def test_years_far_away_do_not_fail():
    """Dates that nobody means, like those of the year 9999, are answered, by a ValueError at worst."""
    for year in (1, 1700, 2101, 9998):
        at = datetime(year, 6, 15, 12, tzinfo=UTC)
        assert FRENCH.opens(at, PARIS) < at + 3 * DAY
    assert not FRENCH.is_open(datetime.max.replace(tzinfo=UTC), PARIS)
    assert not FRENCH.is_open(datetime.min.replace(tzinfo=UTC), PARIS)
    with pytest.raises(ValueError, match="more than a century"):
        FRENCH.opens(datetime.max.replace(tzinfo=UTC), PARIS)


def test_a_calendar_that_does_not_reach_so_far_is_silent():
    """India's calendar warns of the years that it does not know; a daemon's log is not the place for it."""
    assert Hours.parse("09:00-19:00", "IN").is_open(datetime(2090, 6, 15, 6, tzinfo=UTC), ZoneInfo("Asia/Kolkata"))


def test_a_span_that_never_passes_is_refused():
    """One hour a week does not make 300 days in a century, and nothing searches for ever."""
    with pytest.raises(ValueError) as error:
        Hours.parse("Sun 09:00-10:00").after(paris("2026-01-01 00:00"), 300 * DAY, PARIS)
    assert str(error.value) == (
        "300 days, 0:00:00 of 'Sun 09:00-10:00' take more than a century: wait less, or write more hours"
    )


def test_long_spans_come_out_exactly():
    """A thousand whole weeks of 60 open hours are a thousand weeks by the clock."""
    start = datetime(2026, 1, 5, 9, tzinfo=PARIS)
    assert SHOP.after(start, timedelta(hours=60_000) + MINUTE, PARIS) == start + timedelta(weeks=1000) + MINUTE


def test_the_calendars_are_loaded_only_for_those_who_ask():
    """Hours without holidays do not pay for the library of holidays."""
    code = (
        "import sys; from watcher.hours import Hours; Hours.parse('09:00-19:00'); "
        "was = 'holidays' in sys.modules; Hours.parse('09:00-19:00', 'FR'); print(was, 'holidays' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "False True\n"


# The oracle: a clock on a wall that is looked at each minute. It knows a range to have begun, or ended, once the clock
# has shown that time of that day or a later one; it never asks a zone for the moment of a time.

DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
FRENCH_CLOSED = {date(2026, 4, 6), date(2026, 11, 1)}
WINDOWS = {"march": datetime(2026, 3, 24, tzinfo=UTC), "october": datetime(2026, 10, 21, tzinfo=UTC)}
LENGTH = 15 * 1440


LONG_AGO = datetime.min  # noqa: DTZ901 - a clock on a wall knows no zone


@cache
def looked(window):
    """The latest time that the clock has shown by each minute of a window, the two days before included."""
    latest, found = LONG_AGO, []
    for minute in range(-2 * 1440, LENGTH):
        shown = (WINDOWS[window] + minute * MINUTE).astimezone(PARIS).replace(tzinfo=None)
        latest = max(latest, shown)
        found.append(latest)
    return found[2 * 1440 :]


def oracle(window, groups, holidays):
    """Whether it is open, at each minute of the window."""
    stretches = []
    for n in range(-2, LENGTH // 1440 + 2):
        midnight = datetime.combine(WINDOWS[window].date(), time()) + n * DAY
        for days, opens, closes in groups:
            if midnight.weekday() in days and not (holidays and midnight.date() in FRENCH_CLOSED):
                end = closes if closes > opens else closes + 1440
                if holidays and (midnight + DAY).date() in FRENCH_CLOSED:
                    end = min(end, 1440)
                stretches.append((midnight + opens * MINUTE, midnight + end * MINUTE))
    stretches.sort()
    flags, running, reached = [], 0, LONG_AGO
    for shown in looked(window):
        while running < len(stretches) and stretches[running][0] <= shown:
            reached = max(reached, stretches[running][1])
            running += 1
        flags.append(shown < reached)
    return flags


@st.composite
def written(draw):
    """Groups of (days, opens, closes), in minutes since midnight; the edges like the hour of the change."""
    edge = st.one_of(st.integers(0, 1439), st.sampled_from([0, 60, 119, 120, 121, 150, 179, 180, 181, 1439]))
    groups = []
    for _ in range(draw(st.integers(1, 4))):
        days = draw(st.sets(st.integers(0, 6), min_size=1))
        opens = draw(edge)
        closes = draw(st.one_of(edge, st.just(1440)).filter(lambda minute, opens=opens: minute != opens))
        groups.append((days, opens, closes))
    return groups


def read(groups, holidays=""):
    """The hours that say the same as those groups."""
    return Hours.parse(
        "; ".join(
            f"{','.join(DAY_NAMES[day] for day in days)} {a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}"
            for days, a, b in groups
        ),
        holidays,
    )


EVERY = set(range(7))


@settings(max_examples=40)
@given(st.sampled_from(list(WINDOWS)), written(), st.booleans(), st.integers(0, LENGTH - 1), st.integers(1, 6000))
@example("march", [(EVERY, 150, 240)], True, 1440, 600)
@example("october", [(EVERY, 60, 150), (EVERY, 170, 200)], True, 1440, 600)
@example("march", [(EVERY, 1320, 360)], True, 12 * 1440, 700)
def test_hours_agree_with_a_clock_on_the_wall(window, groups, holidays, start, span):
    """Open, next opening and elapsed open time are what one counts who looks at the clock each minute."""
    flags = oracle(window, groups, holidays)
    hours = read(groups, "FR" if holidays else "")
    at = WINDOWS[window] + start * MINUTE
    opened = [minute for minute in range(start, LENGTH) if flags[minute]]
    horizon = WINDOWS[window] + LENGTH * MINUTE

    assert hours.is_open(at, PARIS) == flags[start]
    opens, after = hours.opens(at, PARIS), hours.after(at, span * MINUTE, PARIS)
    assert opens == WINDOWS[window] + opened[0] * MINUTE if opened else opens >= horizon
    assert after == WINDOWS[window] + (opened[span - 1] + 1) * MINUTE if len(opened) >= span else after > horizon


@settings(max_examples=12)
@given(st.sampled_from(list(WINDOWS)), written(), st.booleans())
def test_every_minute_agrees_with_a_clock_on_the_wall(window, groups, holidays):
    """Around both changes not one minute is taken for open that is closed, nor the other way round."""
    hours, first = read(groups, "FR" if holidays else ""), WINDOWS[window]
    change = 4 * 1440
    minutes = [*range(change - 300, change + 2000), *range(0, LENGTH, 97)]
    flags = oracle(window, groups, holidays)
    assert [minute for minute in minutes if hours.is_open(first + minute * MINUTE, PARIS) != flags[minute]] == []


@settings(max_examples=60)
@given(st.sampled_from(list(WINDOWS)), st.integers(0, LENGTH - 2 * 1440), st.integers(0, 1439))
@example("march", 4 * 1440, 150)
@example("october", 3 * 1440, 150)
def test_the_next_time_agrees_with_a_clock_on_the_wall(window, start, clock):
    """The next 02:30 is when the clock on the wall first shows 02:30 of a day, or later."""
    shown = looked(window)
    expected = next(
        minute
        for minute in range(start + 1, LENGTH)
        for midnight in [datetime.combine(shown[minute].date(), time())]
        if shown[minute - 1] < midnight + clock * MINUTE <= shown[minute]
    )
    found = next_time(time(*divmod(clock, 60)), WINDOWS[window] + start * MINUTE, PARIS)
    assert found == WINDOWS[window] + expected * MINUTE


MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants it so
SPANS = st.timedeltas(timedelta(microseconds=1), timedelta(hours=3))  # years, for a minute a week


@settings(max_examples=40)
@given(written(), st.sampled_from(["", "FR"]), MOMENTS, SPANS, SPANS)
def test_waiting_twice_is_waiting_once(groups, holidays, at, first, second):
    """Open time adds up, to the microsecond, wherever a wait is interrupted."""
    hours = read(groups, holidays)
    assert hours.after(hours.after(at, first, PARIS), second, PARIS) == hours.after(at, first + second, PARIS)


@settings(max_examples=60)
@given(written(), st.sampled_from(["", "FR"]), MOMENTS)
def test_what_opens_is_open_and_not_before(groups, holidays, at):
    """The next opening is an open moment, never in the past, and that very moment when it is open."""
    hours = read(groups, holidays)
    opens = hours.opens(at, PARIS)
    assert opens >= at
    assert hours.is_open(opens, PARIS)
    assert (opens == at) == hours.is_open(at, PARIS)
