"""What is remembered of a source after a good read: its state, its oddities, and the troubles that begin or end.

Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from watcher.diff import Comparison, Missing
from watcher.model import Batch, Reading, Record, SourceName, SourceState, Unread
from watcher.streams.stream import Stream, root
from watcher.troubles import DRIFTED, FAILING, HELD, QUIET, SILENT, Troubles, Turn

PATIENCE = 3
"""After so many full reads that were not complete, a baseline is taken as it is: some lists never add up."""

SECOND_LOOK = timedelta(minutes=5)
"""A record missing from a daily full read is looked for again after so long, not a day later."""

MOST_NOTED = 100
"""Fields without a description that are remembered of a source."""

_RECORD = "record "
"""What the name of a record among the oddities begins with; fields have no spaces."""


def after_read(
    state: SourceState, reading: Reading, batch: Batch, absent: Missing, reconcile: timedelta | None, now: datetime
) -> SourceState:
    """The source's state after a good read. A baseline is done when it is complete, or after `PATIENCE`."""
    doubtful = state.doubtful if not batch.full else 0 if batch.complete else state.doubtful + 1
    settled = batch.complete or doubtful >= PATIENCE or not batch.full
    cursors = [cursor for cursor in (state.cursor, reading.cursor) if cursor is not None]
    after = replace(
        state,
        # A walk that does not add up may have missed a record: the cursor stays where it will be seen from.
        cursor=max(cursors, default=None) if settled else state.cursor,
        baselined_at=state.baselined_at or (now if settled else None),
        read_at=now,
        failures=0,
        failing_since=None,
        last_error="",
        doubtful=doubtful,
    )
    if not batch.full:
        return after
    following = now + reconcile if reconcile else None
    if following and (absent.first or not batch.complete) and doubtful < PATIENCE:
        following = min(following, now + SECOND_LOOK)
    return replace(after, full_at=now, next_full_at=following)


def oddities(
    state: SourceState, stream: Stream, batch: Batch, compared: Comparison, unread: Collection[Unread]
) -> SourceState:
    """Note what is no longer as we know it, and which fields nobody has described."""
    return replace(
        state,
        drifted=_drifted(state, batch, compared, unread),
        undescribed=_undescribed(state, stream, batch.records),
    )


def _drifted(state: SourceState, batch: Batch, compared: Comparison, unread: Iterable[Unread]) -> dict[str, str]:
    """What it was, less what is seen to be well again, and what is new."""
    still = {
        name: why
        for name, why in state.drifted.items()
        if name  # the list itself is where it was
        and not (batch.full and name.startswith(_RECORD))
        and all(record.body.get(name) in (None, []) for record in batch.records)
    }
    doubts = {root(path): why for path, why in compared.doubts.items()}
    vanished = {name: f"is missing from {count} records at once, or empty" for name, count in compared.vanished.items()}
    records = {f"{_RECORD}{item.key or 'without id'}": item.reason for item in unread}
    return {**still, **vanished, **doubts, **records}


def _undescribed(state: SourceState, stream: Stream, records: Iterable[Record]) -> tuple[str, ...]:
    """The fields that came without a description: noted, kept, shown, and never a change."""
    known = stream.record.fields.keys() | stream.record.unwatched.keys() | set(state.undescribed)
    new = {name for name in set().union(*(record.body for record in records)) - known if not name.endswith("_display")}
    return (*state.undescribed, *sorted(new))[:MOST_NOTED] if new else state.undescribed


def turn(
    source: SourceName,
    state: SourceState,
    troubles: Troubles,
    absent: Missing,
    gone: Collection[str],
    now: datetime,
    *,
    news: bool,
) -> Turn:
    """The troubles that a good read ends, and those that it shows; `news`: it brought something new."""
    name = str(source)
    drift = "; ".join(f"{what or 'the list'} {why}" for what, why in sorted(state.drifted.items())[:5])
    found = troubles.turn(FAILING, name, "", now) + troubles.turn(SILENT, name, "", now)
    found += troubles.turn(DRIFTED, name, drift, now)
    found += troubles.turn(QUIET, name, "", now) if news else Turn()
    lasting = troubles.find(HELD, name)
    if absent.held:
        held = f"{len(absent.gone)} records are missing at once; `watcher confirm {name}` if they are really gone"
        return found + troubles.turn(HELD, name, held if not lasting else lasting.detail, now)
    over = lasting and not gone and not absent.gone
    return found + (troubles.turn(HELD, name, "", now) if over else Turn())
