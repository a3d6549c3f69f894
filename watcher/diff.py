"""Batch against snapshot -> changes, and what is missing.

Pure. Two laws keep it quiet (docs/events.md): a field that is absent keeps its last known value, and a field
that a record first carries later is a change only if its value is a date after the record's last version was seen
(vendors leave out what is empty: `opened` appears when the lead is opened). Anything else that appears was there
before and merely became visible: a right was granted, a page was extended.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from watcher.model import Batch, Change, Delta, Kind, Known, Record, Version
from watcher.streams.canonical import Differences, differences, merged
from watcher.streams.dates import ends_after
from watcher.streams.stream import Stream, root

MANY = 20
"""More than so many, and more than so large a share, is not the work of people."""

SHARE = 0.2

SLACK = timedelta(minutes=5)
"""By so much a vendor's clock may be behind ours: its dates are held against our looks."""

_NOTHING: tuple[Any, ...] = (None, [])

_NONE = Differences()
"""How a record differs that was never seen, or is as it was."""

GONE = 2
"""So many complete reads in a row must lack a record before it is called removed."""


def many(count: int, among: int) -> bool:
    """Say whether so many of so many is more than people do between two polls."""
    return count > MANY and count > among * SHARE


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a batch changes, and what is odd about it: fields that `vanished` from many records, or are in `doubt`."""

    changes: tuple[Change, ...]
    vanished: Mapping[str, int]
    doubts: Mapping[str, str]


def diff(
    stream: Stream, before: Mapping[str, Version], batch: Batch, size: int, doubtful: Collection[str] = ()
) -> Comparison:
    """Compare the records of a batch with their last versions; `size` is how many the snapshot has.

    `doubtful` are the fields that are in doubt already: one of them that is empty is hidden from us, not gone. A change
    with empty `fields` tells nothing but moves the stored state: unwatched fields, new bytes.
    """
    compared: list[tuple[Record, Version | None, Differences]] = []
    gained: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    emptied: Counter[str] = Counter()
    for record in batch.records:
        last = before.get(record.key)
        if last is None or last.body == record.body:  # at once: field by field takes fifty times as long
            compared.append((record, last, _NONE))
            continue
        found = differences(stream.record, last.body, record.body)
        compared.append((record, last, found))
        gained.update({root(path) for path in found.gained})
        lost.update({root(path) for path in found.lost if "[" not in path} - {root(path) for path in record.doubts})
        emptied.update(_emptied(stream, record, last))
    # Empty in so many at once, it is not that nobody has it any more, but that we are not shown it.
    hidden = {name: count for name, count in emptied.items() if many(count, size)}
    unseen = {*hidden, *doubtful}
    granted = {name for name, count in gained.items() if many(count, size)}
    known = sum(1 for _, last, _ in compared if last)
    return Comparison(
        tuple(
            _change(stream, record, last, _without(found, unseen & _emptied(stream, record, last)), granted)
            if last
            else Change(Kind.CREATE, record.key, None, {}, record.body, {}, record.fingerprint)
            for record, last, found in compared
        ),
        {name: count for name, count in lost.items() if _vanished(count, known, full=batch.full)} | hidden,
        {path: why for record in batch.records for path, why in record.doubts.items()},
    )


def _emptied(stream: Stream, record: Record, last: Version) -> set[str]:
    """The watched fields that a record had a value of and has none of now."""
    empty = {name for name, value in record.body.items() if value in _NOTHING and name in stream.record.fields}
    return {name for name in empty if last.body.get(name) not in _NOTHING}


def _without(found: Differences, hidden: Collection[str]) -> Differences:
    """The differences but for the fields that are hidden: they are as if absent."""
    if not hidden:
        return found
    shown = {path: delta for path, delta in found.changed.items() if root(path) not in hidden}
    return replace(found, changed=shown, lost=[*found.lost, *hidden])


def _vanished(count: int, known: int, *, full: bool) -> bool:
    return many(count, known) or (full and count == known >= 3)  # noqa: PLR2004 - one or two may be people's work


def _change(stream: Stream, record: Record, last: Version, found: Differences, granted: set[str]) -> Change:
    if found is _NONE:
        kind = Kind.REAPPEAR if last.removed else Kind.UPDATE
        return Change(kind, record.key, last, last.body, last.body, {}, record.fingerprint)
    told = {
        path: Delta(None, value)
        for path, value in found.gained.items()
        if root(path) not in granted and _dated_after(value, last)
    }
    base = {**last.body, **{path: value for path, value in found.gained.items() if _is_root(path) and path not in told}}
    kind = Kind.REAPPEAR if last.removed else Kind.UPDATE
    body = merged(stream.record, last.body, record.body)
    body |= {path: last.body[path] for path in found.lost if _is_root(path)}
    return Change(kind, record.key, last, base, body, {**found.changed, **told}, record.fingerprint)


def _is_root(path: str) -> bool:
    return root(path) == path


def _dated_after(value: Any, last: Version) -> bool:
    day = value.get("date") if isinstance(value, dict) else value
    if not isinstance(day, str):
        return False
    try:
        return ends_after(day, last.seen_at - SLACK)
    except ValueError:
        return False


# ------------------------------------------------------------------------------------------------- what is missing


@dataclass(frozen=True, slots=True)
class Missing:
    """What a read says of records that are not in it.

    `absences` are the counts that move (0: is back); `gone` are the ids missing often enough to be called removed,
    `held` says that they are too many at once to believe it; `first` that some are missing for the first time.
    """

    absences: Mapping[str, int]
    gone: tuple[str, ...] = ()
    held: bool = False
    first: bool = False


def missing(known: Known, batch: Batch) -> Missing:
    """Compare what is present in a read with what the snapshot has.

    Only a complete read of everything says that a record is missing; any read says that one is back.
    """
    back = {key: 0 for key in known.absent if key in batch.present}
    if not (batch.full and batch.complete):
        return Missing(back)
    size = len(known.fingerprints)
    if not batch.records and len(batch.present) == size:  # what is present is known: so many of so many are all
        return Missing(back)
    lacking = [key for key in known.fingerprints.values() if key not in batch.present]
    counts = {key: min(known.absent.get(key, 0) + 1, GONE) for key in lacking}
    moved = {key: count for key, count in counts.items() if count != known.absent.get(key, 0)}
    gone = tuple(sorted(key for key, count in counts.items() if count >= GONE))
    held = bool(gone) and (many(len(lacking), size) or len(lacking) == size)
    return Missing({**back, **moved}, gone, held, first=1 in moved.values())


def removals(before: Mapping[str, Version], keys: Collection[str]) -> tuple[Change, ...]:
    """Turn records that are called removed into changes."""
    return tuple(_removal(before[key]) for key in _present(before, keys))


def _present(before: Mapping[str, Version], keys: Iterable[str]) -> Iterable[str]:
    return (key for key in keys if key in before and not before[key].removed)


def _removal(last: Version) -> Change:
    return Change(Kind.REMOVE, last.key, last, last.body, last.body, {}, last.fingerprint)
