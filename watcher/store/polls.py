"""What the polls came to, hour by hour: what `watcher audit` accounts for, and what habits are learned from."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from watcher.model import SourceName, SourceState, Tally
from watcher.store import forms
from watcher.store.forms import Row, json, mapping, micros, moment
from watcher.tallies import hour_of

KEPT = timedelta(days=100)
"""How long hours are kept: 2,400 rows of some 70 bytes for each source."""

# The clock may be set back into an hour that is kept already: what was counted then counts on.
_KEEP = """
INSERT INTO polls
  (source, hour, polls, failed, full, incomplete, requests, changes, total, ours, absent, total_at, last_at, gap,
  gap_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (source, hour) DO UPDATE SET
  polls = polls + excluded.polls, failed = json_patch(failed, excluded.failed), full = full + excluded.full,
  incomplete = incomplete + excluded.incomplete, requests = requests + excluded.requests,
  changes = changes + excluded.changes, total = excluded.total, ours = excluded.ours, absent = excluded.absent,
  total_at = excluded.total_at, last_at = excluded.last_at, gap = excluded.gap, gap_at = excluded.gap_at
"""
_TALLIES = """
SELECT hour, polls, failed, full, incomplete, requests, changes, total, ours, absent, total_at, last_at, gap, gap_at
FROM polls WHERE source = ? AND hour BETWEEN ? AND ? ORDER BY hour
"""
_CHANGES = """
SELECT s.account, s.stream, s.partition, p.hour, p.changes, p.polls, p.failed
FROM sources s CROSS JOIN polls p ON p.source = s.id AND p.hour IN (SELECT value FROM json_each(?))
"""
_STATES = "SELECT account, stream, partition, state FROM sources"
_OLD = "DELETE FROM polls WHERE hour < ?"


def keep(db: sqlite3.Connection, source: int, tally: Tally) -> None:
    """Keep an hour that is over."""
    counts = (tally.full, tally.incomplete, tally.requests, tally.changes, tally.total, tally.ours, tally.absent)
    times = (_micros(tally.total_at), _micros(tally.last_at), tally.gap, _micros(tally.gap_at))
    db.execute(_KEEP, (source, tally.hour, tally.polls, json(tally.failed), *counts, *times))


def tallies(db: sqlite3.Connection, source: int, first: int, last: int) -> Iterator[Tally]:
    """The hours of a source that are kept, from the first to the last, in order; the one under way is in its state."""
    return map(_tally, db.execute(_TALLIES, (source, first, last)))


def changes(db: sqlite3.Connection, hours: Collection[int]) -> dict[SourceName, dict[int, int]]:
    """How many changes each source brought in each of those hours in which it was read, the hour under way too.

    Hours up to its baseline are left out.
    """
    found: dict[SourceName, dict[int, int]] = {}
    for *name, hour, count, polls, failed in db.execute(_CHANGES, (json(sorted(hours)),)):
        if polls > sum(mapping(failed).values()):
            found.setdefault(SourceName(*name), {})[hour] = count
    states = db.execute(_STATES).fetchall()
    names = ((SourceName(*name), forms.state(text)) for *name, text in states)
    return {name: _known(state, found.get(name, {}), hours) for name, state in names}


def _known(state: SourceState, counts: dict[int, int], hours: Collection[int]) -> dict[int, int]:
    """The counts with those of the hour under way, without what came before all was known."""
    tally = state.tally
    if tally and tally.good and tally.hour in hours:
        counts[tally.hour] = counts.get(tally.hour, 0) + tally.changes
    first = hour_of(state.baselined_at) if state.baselined_at else max(hours, default=0)
    return {hour: count for hour, count in counts.items() if hour > first}


def tidy(db: sqlite3.Connection, now: datetime) -> int:
    """Throw away the hours of long ago; return how many."""
    return db.execute(_OLD, (hour_of(now - KEPT),)).rowcount


def _tally(row: Row) -> Tally:
    hour, polls, failed, full, incomplete, requests, count, total, ours, absent, total_at, last_at, gap, gap_at = row
    return Tally(
        hour=hour,
        polls=polls,
        failed=_failures(mapping(failed)),
        full=full,
        incomplete=incomplete,
        requests=requests,
        changes=count,
        total=total,
        ours=ours,
        absent=absent,
        total_at=_moment(total_at),
        last_at=_moment(last_at),
        gap=gap,
        gap_at=_moment(gap_at),
    )


def _failures(found: Mapping[str, Any]) -> dict[str, int]:
    return {kind: int(count) for kind, count in found.items()}


def _micros(at: datetime | None) -> int | None:
    return None if at is None else micros(at)


def _moment(count: int | None) -> datetime | None:
    return None if count is None else moment(count)
