"""When people are there: opening hours in the zone of the agency, with its public holidays and clock changes.

Clocks are not to be trusted twice a year: one night an hour is missing, another night an hour comes twice. One rule
settles both: a time of day is **the first moment at which the clocks show it or later**. 02:30 in the night that has
none is when the clocks jump to 03:00, and 02:30 in the night that has two is the first one. Open time is time that
really passes, so 01:00-04:00 lasts two hours in the one night and four in the other.
"""

from __future__ import annotations

import re
import warnings
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from difflib import get_close_matches
from functools import lru_cache
from itertools import islice
from zoneinfo import ZoneInfo

_NAMES = (
    ("Monday", "lundi"), ("Tuesday", "mardi"), ("Wednesday", "mercredi"), ("Thursday", "jeudi"),
    ("Friday", "vendredi"), ("Saturday", "samedi"), ("Sunday", "dimanche"),
)  # fmt: skip
_WHOLE = {name.lower(): day for day, names in enumerate(_NAMES) for name in names}
_DAYS = {name[:size]: day for name, day in _WHOLE.items() for size in range(3, len(name) + 1)}
"""Every beginning of a day's name from three letters on: mon, tues, thursday, lun, mercredi."""

_EXAMPLE = "Mon-Sat 09:00-19:00"
_NAME = r"[^\W\d_]+"
_CLOCK = r"[0-9]{1,2}:[0-9]{2}"
_GROUP = re.compile(
    rf"(?:(?P<days>{_NAME}(?:-{_NAME})?(?:,{_NAME}(?:-{_NAME})?)*) )?"
    rf"(?P<ranges>{_CLOCK}-{_CLOCK}(?:,{_CLOCK}-{_CLOCK})*)"
)

_HOUR = re.compile(r"(?<![\d:])(\d{1,2})(?: ?[hH.] ?(\d\d)?)?(?![\d:])")
"""An hour as people write it too: 9, 9h, 9h30, 9.30."""
_HABITS = (
    (re.compile(r"\s*[\u2012-\u2015]\s*|\s+(?:to|until|à|au)\s+", re.IGNORECASE), "-"),
    (re.compile(r"(?<=[^\W\d_])\s*:\s*(?=\d)"), " "),
    (re.compile(r"(?<=\d)\s*,\s*(?=[^\W\d_])"), "; "),
)
"""What else people write, and what is meant: a long dash, `Mon to Fri`, `Mon: 09:00`, `19:00, Sat`."""

_DAY = timedelta(days=1)
_CENTURY = 36525
"""So many days ahead an opening is looked for: nobody waits longer, and no search goes on for ever."""

_Range = tuple[timedelta, timedelta]


@dataclass(frozen=True, slots=True)
class Hours:
    """When people are there: weekly opening hours, perhaps without public holidays.

    `week` holds the ranges of each day, Monday first, as times since midnight by the clock; one that ends after 24:00
    goes on into the next day. A public holiday is closed from midnight to midnight: what would begin on it does not
    open, not even after its midnight, and what began the evening before ends at midnight.
    """

    text: str
    holidays: str
    week: tuple[tuple[_Range, ...], ...]

    @classmethod
    def parse(cls, text: str, holidays: str = "") -> Hours:
        """Read `Mon-Fri 09:00-12:30,14:00-19:00; Sat 10:00-18:00`, with the public holidays of `FR` or `FR-57`, if any.

        Without days it is every day; the names of days may be English or French, and ranges of days or hours may
        go round (`Sat-Mon`, `22:00-06:00`). Raises ValueError with the remedy.
        """
        if holidays:
            check_holidays(holidays)
        return cls(text, holidays, _week(text))

    def is_open(self, at: datetime, zone: ZoneInfo) -> bool:
        """Say whether people are there; at the very moment of closing they are gone."""
        return any(begin == at for begin, _ in islice(self._stretches(at, zone), 1))

    def opens(self, at: datetime, zone: ZoneInfo) -> datetime:
        """Return that moment itself when it is open, else the next opening, in UTC."""
        return self.after(at, timedelta(), zone)

    def after(self, start: datetime, span: timedelta, zone: ZoneInfo) -> datetime:
        """Return when so much open time has passed since the start, in UTC.

        That can be the very moment of closing: a quarter of an hour from 18:45 on is over at 19:00. Raises ValueError
        when it takes more than a century.
        """
        left = span
        for begin, end in self._stretches(start, zone):
            if left <= end - begin:
                return begin + left
            left -= end - begin
        raise ValueError(f"{span} of {self.text!r} take more than a century: wait less, or write more hours")

    def __str__(self) -> str:
        return self.text

    def _stretches(self, at: datetime, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
        """What is open from that moment on, one stretch after the other; none is empty, and none overlap."""
        with suppress(OverflowError):  # the calendar ends with the year 9999
            reached = at.astimezone(UTC)
            day = at.astimezone(zone).date() - _DAY  # what began on the day before may go on after midnight
            for _ in range(_CENTURY):
                for opens, closes in self._ranges(day):
                    begin, end = max(_moment(day, opens, zone), reached), _moment(day, closes, zone)
                    if begin < end:
                        yield begin, end
                        reached = end
                day += _DAY

    def _ranges(self, day: date) -> Iterator[_Range]:
        """The ranges that begin on that day."""
        if not self._closed(day):
            for opens, closes in self.week[day.weekday()]:
                yield opens, _DAY if closes > _DAY and self._closed(day + _DAY) else closes

    def _closed(self, day: date) -> bool:
        return bool(self.holidays) and day in _public_holidays(self.holidays, day.year)


def time_of_day(text: str) -> time:
    """Read `08:30`; raises ValueError with the remedy."""
    clock = text.strip()
    if not re.fullmatch(_CLOCK, clock):
        usual, remedy = _HOUR.sub(_usual, clock), "08:30"
        with suppress(ValueError):
            remedy = f"{time.fromisoformat(usual):%H:%M}"
        raise ValueError(f'{text!r} is no time of day: write "{remedy}"')
    if (since_midnight := _since_midnight(clock)) == _DAY:
        raise ValueError(f'{text!r} is no time of day: write "00:00"')
    return time(*divmod(since_midnight // timedelta(minutes=1), 60))


def next_time(clock: time, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the next moment, strictly after that one, at which the zone's clocks show the time of day, in UTC.

    It comes once a day, also on the days when the clocks change.
    """
    since_midnight = timedelta(hours=clock.hour, minutes=clock.minute, seconds=clock.second)
    day = after.astimezone(zone).date()
    while (found := _moment(day, since_midnight, zone)) <= after:
        day += _DAY
    return found


def check_holidays(code: str) -> None:
    """Raise ValueError with the remedy when nobody knows the public holidays of that country, or of that part of it."""
    # 0.1 s and 10 MB, and as much again for the first country: only those pay who ask for holidays.
    from holidays import country_holidays, list_supported_countries  # noqa: PLC0415

    country, dash, part = code.partition("-")
    countries = list_supported_countries()
    if country not in countries:
        right = country.upper()
        remedy = f'"{right}{dash}{part}"' if right in countries else 'the two letters of a country, like "FR"'
        raise ValueError(f"there are no public holidays of {code!r}: write {remedy}")
    calendar = country_holidays(country)
    parts = (*calendar.subdivisions, *calendar.subdivisions_aliases)
    if dash and part not in parts:
        spelled = {known.lower(): known for known in parts}
        near = get_close_matches(part.lower(), spelled, n=1)
        remedy = f'"{country}-{spelled[near[0]]}", or ' if near else ""
        choice = f" for the whole, or one of its parts: {', '.join(calendar.subdivisions)}" if parts else ""
        raise ValueError(f'there are no public holidays of {code!r}: write {remedy}"{country}"{choice}')


def _moment(day: date, since_midnight: timedelta, zone: ZoneInfo) -> datetime:
    """The first moment, in UTC, at which the zone's clocks show that or later."""
    shown = datetime.combine(day, time()) + since_midnight
    first, second = shown.replace(tzinfo=zone), shown.replace(tzinfo=zone, fold=1)
    if first.utcoffset() == second.utcoffset():
        return first.astimezone(UTC)
    earlier, later = sorted((first.astimezone(UTC), second.astimezone(UTC)))
    if earlier.astimezone(zone).replace(tzinfo=None) == shown:
        return earlier  # it comes twice
    # It does not exist: the clocks jump over it somewhere between the two readings that `fold` gives.
    seconds = range(int((later - earlier).total_seconds()))
    jump = bisect_left(
        seconds, True, key=lambda s: (earlier + timedelta(seconds=s)).astimezone(zone).replace(tzinfo=None) >= shown
    )
    return earlier + timedelta(seconds=jump)


def _week(text: str) -> tuple[tuple[_Range, ...], ...]:
    """The ranges of each day of the week, in the order in which they begin."""
    groups = _groups(text)
    if groups is None:
        raise ValueError(f'{text!r} is no opening hours: write "{_meant(text)}"')
    week: list[set[_Range]] = [set() for _ in _NAMES]
    for days, ranges in groups:
        for day in _days(days):
            week[day].update(_range(each) for each in ranges.split(","))
    return tuple(tuple(sorted(ranges)) for ranges in week)


def _groups(text: str) -> list[tuple[str, str]] | None:
    """The days and the ranges of each group, or None where that is no opening hours."""
    tidy = re.sub(r"\s*([,;-])\s*", r"\1", " ".join(text.split())).strip(";")
    found = [_GROUP.fullmatch(group) for group in tidy.split(";")]
    return [(match["days"] or "", match["ranges"]) for match in found if match] if all(found) else None


def _meant(text: str) -> str:
    """What somebody wrote in their own way, in ours; an example where that cannot be told."""
    usual = text
    for habit, meaning in _HABITS:
        usual = habit.sub(meaning, usual)
    usual = _HOUR.sub(_usual, usual)
    with suppress(ValueError):
        return usual if _groups(usual) and _week(usual) else _EXAMPLE
    return _EXAMPLE


def _days(text: str) -> list[int]:
    """Read `Mon-Wed,Sat`, Monday being 0; none written means all."""
    days: list[int] = []
    for each in text.split(",") if text else ():
        first, _, last = each.partition("-")
        begin, end = _day(first), _day(last or first)
        if last and begin == end:
            raise ValueError(f'{each!r} goes round to where it begins: write "{first}" for the day, "Mon-Sun" for all')
        days += [day % 7 for day in range(begin, begin + (end - begin) % 7 + 1)]
    return days if text else list(range(7))


def _day(name: str) -> int:
    if name.lower() not in _DAYS:
        near = get_close_matches(name.lower(), [*_WHOLE, *(whole[:3] for whole in _WHOLE)], n=1)
        remedy = f"did you mean {near[0].capitalize()!r}?" if near else "write Mon, Tue, Wed, Thu, Fri, Sat or Sun"
        raise ValueError(f"there is no day {name!r}; {remedy}")
    return _DAYS[name.lower()]


def _range(text: str) -> _Range:
    """Read `09:00-19:00`; what ends before it begins goes on into the next day."""
    opens, closes = map(_since_midnight, text.split("-"))
    if opens == closes:
        raise ValueError(f'{text!r} is never open: write "00:00-24:00" for the whole day')
    if opens == _DAY:
        remedy = text.replace("24:00", "00:00", 1)
        raise ValueError(f'{text!r} begins when its day is over: write "{remedy}" for the day after')
    return opens, closes if opens < closes else closes + _DAY


def _since_midnight(text: str) -> timedelta:
    hours, minutes = map(int, text.split(":"))
    found = timedelta(hours=hours, minutes=minutes)
    if found > _DAY or minutes >= 60:  # noqa: PLR2004 - minutes of an hour
        raise ValueError(f"there is no {text} in a day: write 00:00 to 23:59, or 24:00 for its end")
    return found


def _usual(hour: re.Match[str]) -> str:
    return f"{int(hour[1]):02}:{hour[2] or '00'}"


@lru_cache(maxsize=1024)
def _public_holidays(code: str, year: int) -> frozenset[date]:
    """The public holidays of that year, none where the calendar does not reach so far."""
    from holidays import country_holidays  # noqa: PLC0415 - see above

    country, _, part = code.partition("-")
    with warnings.catch_warnings():  # some calendars warn of the years that they do not reach
        warnings.simplefilter("ignore")
        return frozenset(country_holidays(country, subdiv=part or None, years=year))
