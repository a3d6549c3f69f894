"""How often each source is polled, so that its account's budget lasts the day.

Pure. Where the configuration gives no `every`, it is planned: leads come first (a lead answered within minutes is worth
many answered later), and office hours first (nobody answers at night). When a day's requests run short all the same,
the intervals are stretched, and leads get the last requests.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from watcher.model import SourceName
from watcher.units import Rate

DAY = timedelta(days=1)

FASTEST = timedelta(seconds=60)
"""Nobody gains from polling faster by default: people do not answer faster."""

SLOWEST = timedelta(hours=2)
"""However small the budget's share, a source is not planned to be read less often than that."""

RESERVE = 0.13
"""The share of a day's budget that is not planned: for retries, second looks and the operator."""

OPENING, CLOSING = time(8), time(20)
"""Office hours, Monday to Saturday, in the configured time zone."""

_OPEN_DAYS = 6
_OPEN_SHARE = (CLOSING.hour - OPENING.hour) / 24


@dataclass(frozen=True, slots=True)
class Taste:
    """How much more often a stream is polled than the others, and what share of it falls in office hours."""

    weight: float
    office: float


LEADS = Taste(weight=8.0, office=0.94)
OTHERS = Taste(weight=1.0, office=0.85)


def first_to_be_served(source: SourceName) -> bool:
    """Say whether a source gets the last requests of a budget."""
    return source.stream.endswith(".leads")


@dataclass(frozen=True, slots=True)
class Pace:
    """How often one source is polled: in office hours, and outside of them."""

    busy: timedelta
    quiet: timedelta

    def at(self, now: datetime, zone: ZoneInfo) -> timedelta:
        """The interval at a moment."""
        return self.busy if in_office(now, zone) else self.quiet

    def wait(self, now: datetime, zone: ZoneInfo, factor: float = 1.0) -> timedelta:
        """How long to wait after a poll: the interval, stretched by a factor, but not past the next opening."""
        wait = min(self.at(now, zone) * min(factor, LONGEST), DAY)
        turns = (since for since, _ in _stretches(now, now + wait, zone) if since > now)
        opening = next((turn for turn in turns if in_office(turn, zone) and not in_office(now, zone)), None)
        return opening - now if opening else wait

    def requests(self, start: datetime, end: datetime, zone: ZoneInfo) -> float:
        """How many polls fall between two moments."""
        return sum((until - since) / self.at(since, zone) for since, until in _stretches(start, end, zone))

    @property
    def daily(self) -> float:
        """How many polls fall on a working day."""
        return _OPEN_SHARE * (DAY / self.busy) + (1 - _OPEN_SHARE) * (DAY / self.quiet)


def in_office(now: datetime, zone: ZoneInfo) -> bool:
    """Say whether a moment falls in office hours."""
    local = now.astimezone(zone)
    return local.weekday() < _OPEN_DAYS and OPENING <= local.time() < CLOSING


def _stretches(start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    """The time between two moments, cut where office hours begin and end."""
    while start < end:
        day = start.astimezone(zone).date()
        turns = [datetime.combine(day, turn, zone).astimezone(UTC) for turn in (OPENING, CLOSING)]
        turns.append(datetime.combine(day + DAY, time(0), zone).astimezone(UTC))
        until = min(end, next(turn for turn in turns if turn > start))
        yield start, until
        start = until


@dataclass(frozen=True, slots=True)
class Need:
    """One source: its interval where the configuration gives one, and how often it is read in full besides."""

    name: SourceName
    every: timedelta | None
    reconcile: timedelta | None


def paces(needs: Sequence[Need], budget: Rate | None, max_rate: Rate) -> dict[SourceName, Pace]:
    """The pace of each source of one account.

    What the configuration gives is taken as it is; the others share what is left of the day's budget (or of half the
    rate, where there is no budget) by their weights, and none is polled faster than once a minute.
    """
    daily = budget.count * (1 - RESERVE) if budget else max_rate.count / max_rate.seconds * DAY.total_seconds() / 2
    taken = sum(2 * DAY / need.reconcile for need in needs if need.reconcile)  # each may be walked twice
    taken += sum(DAY / need.every for need in needs if need.every)
    open_ = [need.name for need in needs if not need.every]
    total = sum(_taste(name).weight for name in open_)
    found = {need.name: Pace(need.every, need.every) for need in needs if need.every}
    for name in open_:
        share = max(daily - taken, 0.0) * _taste(name).weight / total
        found[name] = _planned(share, _taste(name).office) if budget else Pace(*(_interval(share, 1.0),) * 2)
    return found


def _taste(source: SourceName) -> Taste:
    return LEADS if first_to_be_served(source) else OTHERS


def _planned(requests: float, office: float) -> Pace:
    return Pace(_interval(requests * office, _OPEN_SHARE), _interval(requests * (1 - office), 1 - _OPEN_SHARE))


def _interval(requests: float, part: float) -> timedelta:
    """The interval that spreads so many requests over a part of the day, in whole seconds."""
    if requests * SLOWEST < DAY * part:
        return SLOWEST
    return max(FASTEST, timedelta(seconds=round(DAY.total_seconds() * part / requests)))


# ----------------------------------------------------------------------------------------------- when it runs short


@dataclass(frozen=True, slots=True)
class Stretch:
    """By how much intervals are lengthened for the rest of the day: those of leads, and the others'."""

    leads: float = 1.0
    others: float = 1.0

    def of(self, source: SourceName) -> float:
        """By how much one source's is."""
        return self.leads if first_to_be_served(source) else self.others


PITTANCE = 0.1
"""What the others keep of a budget that is too short for the leads alone ..."""

LAST = 30
"""... as long as more than so many requests are left."""

LONGEST = 1e6
"""A stretch that means: not today."""


def stretch(planned: Mapping[SourceName, Pace], left: int, now: datetime, end: datetime, zone: ZoneInfo) -> Stretch:
    """By how much to lengthen the intervals of an account so that what is left of its budget lasts until `end`."""
    wanted = {name: pace.requests(now, end, zone) for name, pace in planned.items()}
    leads = sum(count for name, count in wanted.items() if first_to_be_served(name))
    others = sum(wanted.values()) - leads
    if leads + others <= left:
        return Stretch()
    pittance = min(others, left * PITTANCE) if left > LAST else 0.0
    for_leads = min(leads, left - pittance)
    for_others = left - for_leads
    return Stretch(_factor(leads, for_leads), _factor(others, for_others))


def _factor(wanted: float, given: float) -> float:
    if wanted <= given:
        return 1.0
    return min(wanted / given, LONGEST) if given > 0 else LONGEST
