"""What a source does at this hour of the week, learned from the weeks before, and when it is news that nothing comes.

Pure. An hour of UTC is of the same kind as another when the clocks of the people show the same time on the same day of
the week. It is **never silent** when, in the eight weeks before it, at least six such hours count, none of them was
empty, and an empty one would be rarer than one in a thousand. An hour counts when the source was read in it and it lies
in office hours and on no public holiday.

How rare: after n hours with S changes in all, the chance that the next one is empty is (n / (n + 1)) ** (S / d + 1/2):
the negative binomial that follows from Poisson counts of an unknown rate (Jeffreys' prior). d is their variance by
their mean, 1 at least: changes that come in bursts say less than their number. Six even hours need 45 changes, eight
59: over seven an hour.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from statistics import fmean, variance
from zoneinfo import ZoneInfo

from watcher.hours import Hours
from watcher.model import SourceName
from watcher.plan import CLOSING, OPENING
from watcher.tallies import HOUR, begin_of, hour_of
from watcher.troubles import FAILING, QUIET, SILENT, Troubles, Turn

WEEKS, LEAST = 8, 6
"""So many weeks are looked back on, and so many hours of a kind have to count."""

RARE = 1 / 1000
"""An empty hour is news when it is rarer than that."""

SETTLED = timedelta(minutes=15)
"""So long into an hour the one before is judged: sources read less often are not judged at all."""

Counts = Mapping[int, int]
"""How many changes came, by the hour, of the hours in which a source was read."""


@dataclass(frozen=True, slots=True)
class Habit:
    """A kind of hour that is never silent: from how many such hours that was learned, their least and most changes."""

    hours: int
    least: int
    most: int


def habit(counts: Sequence[int]) -> Habit | None:
    """Learn from the changes of several hours of a kind; None when they may well be followed by an empty one."""
    if len(counts) < LEAST or not all(counts) or chance(counts) >= RARE:
        return None
    return Habit(len(counts), min(counts), max(counts))


def chance(counts: Sequence[int]) -> float:
    """How likely it is that the next hour is empty, from two hours on."""
    number, mean = len(counts), fmean(counts)
    spread = max(1.0, variance(counts, mean) / mean) if mean else 1.0
    return float((number / (number + 1)) ** (sum(counts) / spread + 0.5))


def kin(hour: int, zone: ZoneInfo) -> tuple[int, ...]:
    """The hours of the same kind in the weeks before, the latest first."""
    shown = begin_of(hour).astimezone(zone)
    return tuple(hour_of(shown - timedelta(weeks=week)) for week in range(1, WEEKS + 1))


def asked(now: datetime, zone: ZoneInfo) -> tuple[int, ...]:
    """The hours whose counts are needed to judge the hour before this one."""
    hour = hour_of(now)
    return (hour, hour - 1, *kin(hour - 1, zone))


def expected(hour: int, counts: Counts, zone: ZoneInfo) -> Habit | None:
    """What that hour is never without; None when it may be silent, nobody is there, or too little is known."""
    known = [other for other in kin(hour, zone) if other in counts]
    if sum(1 for other in known if counts[other]) < LEAST or not _open(hour, zone):
        return None
    return habit([counts[other] for other in known if _open(other, zone)])


def _open(hour: int, zone: ZoneInfo) -> bool:
    return _office().is_open(begin_of(hour), zone)


@cache
def _office() -> Hours:
    return Hours.parse(f"Mon-Sat {OPENING:%H:%M}-{CLOSING:%H:%M}", "FR")


# --------------------------------------------------------------------------------------------------- what is told


def turn(
    awake: Collection[SourceName],
    counts: Mapping[SourceName, Counts],
    troubles: Troubles,
    zone: ZoneInfo,
    now: datetime,
) -> Turn:
    """The silences that begin or end, judged by the hour before this one; `awake` are the sources that are polled.

    Where all the sources of an account and stream together are silent, that is told, and not of each of them.
    """
    found, together = Turn(), set[str]()
    for name, members in _groups(awake).items():
        pooled = _pooled([counts.get(member, {}) for member in members])
        found += _judged(name, pooled, troubles, zone, now)
        if _silent(name, found, troubles):
            together.add(name)
    for source in awake:
        name, group = str(source), _group(source)
        hidden = group in together and not troubles.find(QUIET, name)
        found += Turn() if hidden else _judged(name, counts.get(source, {}), troubles, zone, now)
    names = {str(source) for source in awake} | _groups(awake).keys()
    over = (lasting for lasting in troubles.active if lasting.type == QUIET and lasting.subject not in names)
    return sum((troubles.turn(QUIET, lasting.subject, "", now) for lasting in over), found)


def _judged(name: str, counts: Counts, troubles: Troubles, zone: ZoneInfo, now: datetime) -> Turn:
    this = hour_of(now)
    lasting = troubles.find(QUIET, name)
    if troubles.find(FAILING, name) or troubles.find(SILENT, name) or not {this, this - 1} <= counts.keys():
        return Turn()  # nobody has looked: whether it was silent is not known
    came = counts[this] or counts[this - 1]
    usual = None if came else expected(this - 1, counts, zone)
    if usual is None:
        return troubles.turn(QUIET, name, "", now)
    return Turn() if lasting else troubles.turn(QUIET, name, _said(this - 1, usual, zone), now)


def _said(hour: int, usual: Habit, zone: ZoneInfo) -> str:
    begin = begin_of(hour).astimezone(zone)
    end = (begin_of(hour) + HOUR).astimezone(zone)
    before = f"on the {usual.hours} {_DAYS[begin.weekday()]} before, {usual.least} to {usual.most} changes did"
    return f"nothing came between {begin:%H:%M} and {end:%H:%M}; {before}"


_DAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")


def _silent(name: str, found: Turn, troubles: Troubles) -> bool:
    """Whether a silence lasts after that turn."""
    if any(one.subject == name for one in found.entered):
        return True
    return troubles.find(QUIET, name) is not None and (QUIET, name) not in found.left


def _group(source: SourceName) -> str:
    return f"{source.account}/{source.stream}"


def _groups(sources: Iterable[SourceName]) -> dict[str, list[SourceName]]:
    """The sources of each account and stream that has several."""
    found: dict[str, list[SourceName]] = {}
    for source in sources:
        found.setdefault(_group(source), []).append(source)
    return {name: members for name, members in found.items() if len(members) > 1}


def _pooled(members: Sequence[Counts]) -> dict[int, int]:
    """The changes of several sources together, of the hours in which every one of them was read."""
    return dict(_sums(members)) if members else {}


def _sums(members: Sequence[Counts]) -> Iterator[tuple[int, int]]:
    first, *others = members
    for hour in first:
        if all(hour in other for other in others):
            yield hour, sum(member[hour] for member in members)
