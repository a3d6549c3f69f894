"""What each poll came to, counted by the hour: what `watcher audit` accounts for, and what habits are learned from.

Pure. The hour under way is counted in the source's state, beside when it was read; the hour that is over is handed to
the plan, once an hour.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from watcher.model import Known, Plan, Reading, SourceName, SourceState, Tally, Version, stamp

HOUR = timedelta(hours=1)

OTHER = "something else"
"""Under which failures are counted when there are too many kinds of them."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KINDS = 8
_LONGEST = 80


def hour_of(moment: datetime) -> int:
    """The hour of UTC that a moment is in, counted from 1970."""
    return (moment - _EPOCH) // HOUR


def begin_of(hour: int) -> datetime:
    """When that hour begins."""
    return _EPOCH + hour * HOUR


def good(plan: Plan, reading: Reading, known: Known, before: Mapping[str, Version], last: datetime | None) -> Plan:
    """Count a good read into the plan that it came to; `before` are the last versions, `last` the good read before."""
    if plan.state is None:
        return plan
    tally, over = _under_way(plan.state, plan.at)
    gap = (plan.at - last).total_seconds() if last else -1.0
    longest = gap >= tally.gap
    incomplete = reading.full and not (reading.complete and not plan.unread)
    tally = replace(
        tally,
        full=tally.full + reading.full,
        incomplete=tally.incomplete + incomplete,
        requests=tally.requests + reading.requests,
        changes=tally.changes + len(plan.versions),
        last_at=plan.at,
        gap=gap if longest else tally.gap,
        gap_at=plan.at if longest else tally.gap_at,
    )
    if reading.full and not incomplete and reading.total is not None:
        gone = {version.key for version in plan.versions if version.removed}
        tally = replace(
            tally,
            total=reading.total,
            ours=len(known.fingerprints) + _come((*plan.versions, *plan.refreshed), before) - len(gone),
            absent=_absent(known, plan.absences, gone),
            total_at=plan.at,
        )
    return replace(plan, state=replace(plan.state, tally=tally), tally=over)


def failed(plan: Plan, reason: str) -> Plan:
    """Count a read without a good answer into the plan that it came to."""
    if plan.state is None:
        return plan
    tally, over = _under_way(plan.state, plan.at)
    kind = reason.partition(": ")[0][:_LONGEST]  # what follows may be the vendor's own words
    if kind not in tally.failed and len(tally.failed) >= _KINDS:
        kind = OTHER
    tally = replace(tally, failed={**tally.failed, kind: tally.failed.get(kind, 0) + 1})
    return replace(plan, state=replace(plan.state, tally=tally), tally=over)


def _under_way(state: SourceState, now: datetime) -> tuple[Tally, Tally | None]:
    """The tally of this hour with one more poll in it, and that of the hour before if this one is new."""
    hour, last = hour_of(now), state.tally
    if last is None or last.hour != hour:
        return Tally(hour, polls=1), last
    return replace(last, polls=last.polls + 1), None


def _come(versions: Collection[Version], before: Mapping[str, Version]) -> int:
    """How many records are there whose bytes were not known: new ones, those that are back, those to be read again."""
    return sum(1 for version in versions if not version.removed and _unknown(before.get(version.key)))


def _unknown(last: Version | None) -> bool:
    return last is None or last.removed or not last.fingerprint


def _absent(known: Known, moved: Mapping[str, int], gone: Collection[str]) -> int:
    """How many records of ours the read lacked, without those that it calls removed."""
    still = len(known.absent) - sum(1 for key in moved if key in known.absent)
    return still + sum(1 for count in moved.values() if count) - sum(1 for key in gone if key in known.absent)


# ------------------------------------------------------------------------------------------------------- adding it up


@dataclass(frozen=True, slots=True)
class Polls:
    """What the polls of one source came to over a span of time.

    `total`, `ours` and `absent` are of the last complete read. `gaps` are the times over `limit` without a good one,
    with the kinds of failures meanwhile (none: nothing was tried). `longest` is in seconds.
    """

    source: str
    polls: int
    failed: Mapping[str, int]
    full: int
    incomplete: int
    requests: int
    total: int | None
    ours: int
    absent: int
    total_at: datetime | None
    longest: float
    gaps: tuple[tuple[datetime, datetime, tuple[str, ...]], ...]


def of_polls(source: SourceName, tallies: Sequence[Tally], since: datetime, until: datetime, limit: timedelta) -> Polls:
    """Add up the hours of a source."""
    read = [
        tally for tally in tallies if tally.total is not None and tally.total_at and since <= tally.total_at < until
    ]
    last = read[-1] if read else Tally(0)
    spans = list(_spans(tallies, since, until))
    return Polls(
        source=str(source),
        polls=sum(tally.polls for tally in tallies),
        failed=dict(sum((Counter(tally.failed) for tally in tallies), Counter[str]())),
        full=sum(tally.full for tally in tallies),
        incomplete=sum(tally.incomplete for tally in tallies),
        requests=sum(tally.requests for tally in tallies),
        total=last.total,
        ours=last.ours,
        absent=last.absent,
        total_at=last.total_at,
        longest=max(((end - begin).total_seconds() for begin, end in spans), default=0.0),
        gaps=tuple((begin, end, _why(tallies, begin, end)) for begin, end in spans if end - begin > limit),
    )


def _spans(tallies: Sequence[Tally], since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The longest time without a good read that each hour ended, and what is open at the end; within the span."""
    for tally in tallies:
        if tally.gap_at is not None:
            begin, end = max(tally.gap_at - timedelta(seconds=tally.gap), since), min(tally.gap_at, until)
            if begin < end:
                yield begin, end
    last = max((tally.last_at for tally in tallies if tally.last_at), default=None)
    if tallies and (last is None or last < until):
        yield max(last or since, since), until


def _why(tallies: Sequence[Tally], begin: datetime, end: datetime) -> tuple[str, ...]:
    meanwhile = (tally for tally in tallies if hour_of(begin) <= tally.hour <= hour_of(end))
    return tuple(sorted({kind for tally in meanwhile for kind in tally.failed}))


def of_totals(source: SourceName, tallies: Iterable[Tally]) -> Iterator[str]:
    """The complete reads at which our records were not those that the vendor counted."""
    for tally in tallies:
        if tally.total is not None and tally.ours - tally.absent != tally.total:
            at = stamp(tally.total_at) if tally.total_at else "an unknown time"
            ours = f"{tally.ours} were ours, {tally.absent} of them not in its answer"
            yield f"{source}: at {at} the vendor counted {tally.total} records, and {ours}"
