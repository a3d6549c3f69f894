"""The spine: one source, read once, from its answer to what is committed.

    read -> decode -> diff -> derive -> route -> commit

Everything between the two awaits at its ends is pure and lives in the module of that name. What an answer says is
committed whole, with its events and what is owed for them, or it will be seen again: cursor and snapshot move only in
that commit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from watcher import remember, tallies, timers
from watcher.backoff import poll_wait
from watcher.decode import decode
from watcher.derive import Derived, Origin, derive
from watcher.diff import Missing, diff, missing, removals
from watcher.errors import Drifted, Permanent, Transient, Unreadable
from watcher.model import (
    Batch,
    Body,
    Change,
    Kind,
    Known,
    Plan,
    Reading,
    Record,
    Slice,
    SourceName,
    SourceState,
    Unread,
    Version,
)
from watcher.ports import Clock, Route, Snapshots, Source
from watcher.rules import Rule
from watcher.streams.dates import begins
from watcher.troubles import DRIFTED, FAILING, Troubles, Turn
from watcher.veil import discreet, erased

SILENT_BASELINE, EMIT = "silent", "emit"

RE_READS = 20
"""So many records are looked up one by one in a poll before they are called removed; the others wait."""

_BREATH = 250
"""Records decoded, or changes derived, before the loop may do something else."""


@dataclass(frozen=True, slots=True)
class Watch:
    """One source and how it is to be polled.

    `reconcile` is how often it is read in full; None where every read is full. `baseline` is `silent`, `emit`, or the
    first day whose records are told. `withhold` takes out of a body what is not to be kept; `keep`, given a record's
    last form too, what was let go of since. `deadlines` are the rules with `before`.
    """

    source: Source
    origin: Origin
    every: timedelta
    reconcile: timedelta | None = None
    baseline: str = SILENT_BASELINE
    silent_after: timedelta = timedelta(minutes=15)
    withhold: Callable[[Body], Body] = lambda body: body
    keep: Callable[[Body, Body], Body] = lambda _last, body: body
    deadlines: tuple[Rule, ...] = ()

    @property
    def name(self) -> SourceName:
        """Which source it is."""
        return self.source.name


@dataclass(frozen=True, slots=True)
class Look:
    """What one poll came to: the plan to commit, and when to poll again. `error` is empty when the read was good."""

    plan: Plan
    wait: timedelta
    fresh: int = 0
    changes: int = 0
    complete: bool = False
    doubt: str = ""
    error: str = ""
    failed_rules: Mapping[str, str] | None = None


async def look(watch: Watch, store: Snapshots, route: Route, clock: Clock, luck: float) -> Look:
    """Read a source once and say what is to be written; nothing is written yet."""
    state = await store.state(watch.name)
    troubles = Troubles(await store.conditions(str(watch.name)))
    known = await store.known(watch.name)
    try:
        reading = await watch.source.read(known, _since(watch, state, clock()))
        records, unread = await _decode(watch, reading)
    except (Transient, Permanent) as error:
        return _failed(watch, state, troubles, error, route, clock(), luck)
    batch = Batch(records, reading.present, reading.full, reading.complete and not unread)
    absent = missing(known, batch)
    gone, there = await _gone(watch, absent)
    before = await _before(watch, store, [*(record.key for record in records), *gone])
    batch = replace(batch, records=_kept(watch, records, before))
    now = clock()
    compared = diff(watch.origin.stream, before, batch, len(known.fingerprints), state.drifted)
    changed = tuple(discreet(watch.origin.stream, change) for change in compared.changes)
    derived = await _derived(watch, state, (*changed, *removals(before, gone)), now)
    after = remember.after_read(state, reading, batch, absent, watch.reconcile, now)
    after = remember.oddities(after, watch.origin.stream, batch, compared, unread)
    versions = tuple(d.version for d in derived if _is_new(d.version, before))
    turn = remember.turn(watch.name, after, troubles, absent, gone, now, news=bool(versions))
    events = (*(event for item in derived for event in item.events), *turn.events)
    routed = route(events, now)
    dates = timers.deadlines(watch.deadlines, watch.origin, before, [item.version for item in derived], now)
    plan = Plan(
        at=now,
        source=watch.name,
        state=after,
        versions=versions,
        refreshed=tuple(d.version for d in derived if not _is_new(d.version, before)),
        absences=_moved(known, {**absent.absences, **there}, gone),
        erased=tuple((one.key, whose) for one in changed for whose in sorted(erased(watch.origin.stream, one))),
        unread=unread,
        events=events,
        owed=routed.owed,
        armed=(*(alarm for item in derived for alarm in item.armed), *dates.armed, *routed.armed),
        disarmed=(*(alarm for item in derived for alarm in item.disarmed), *dates.disarmed),
        entered=turn.entered,
        left=turn.left,
        pages={} if unread else reading.pages,  # a page with a record set aside has more to say
    )
    plan = tallies.good(plan, reading, known, before, state.read_at)
    changes = sum(1 for change in compared.changes if change.fields or change.kind is Kind.CREATE) + len(gone)
    wait = watch.every
    return Look(plan, wait, len(records), changes, batch.complete, reading.doubt, "", routed.failed)


# --------------------------------------------------------------------------------------------------------- reading


def _since(watch: Watch, state: SourceState, now: datetime) -> int | None:
    """Where to read from: None for everything."""
    if watch.reconcile is None or state.baselined_at is None or state.cursor is None:
        return None
    if state.next_full_at is None or state.next_full_at <= now:
        return None
    return state.cursor


async def _decode(watch: Watch, reading: Reading) -> tuple[tuple[Record, ...], tuple[Unread, ...]]:
    """Decode what is new, letting the loop breathe; a record that cannot be read is set aside, the others go on."""
    records: list[Record] = []
    unread = list(reading.unread)
    for number, piece in enumerate(reading.fresh, 1):
        try:
            record = decode(watch.origin.stream, piece)
            body = watch.withhold(record.body)
            records.append(record if body is record.body else replace(record, body=body))
        except Unreadable as error:
            unread.append(Unread(piece.fingerprint, piece.key, str(error)))
        if number % _BREATH == 0:
            await asyncio.sleep(0)
    if unread and not records and len(unread) >= _answered(reading):
        raise Transient(f"none of {len(unread)} records can be read: {unread[0].reason}")
    return tuple(records), tuple(unread)


async def _before(watch: Watch, store: Snapshots, keys: list[str]) -> Mapping[str, Version]:
    """The last versions of those records, in the form that today's policy of privacy gives them."""
    found = await store.versions(watch.name, keys) if keys else {}
    return {key: replace(version, body=watch.withhold(version.body)) for key, version in found.items()}


def _kept(watch: Watch, records: Iterable[Record], before: Mapping[str, Version]) -> tuple[Record, ...]:
    """The records without what was let go of in their last versions."""
    return tuple(
        replace(record, body=watch.keep(last.body, record.body)) if (last := before.get(record.key)) else record
        for record in records
    )


def _answered(reading: Reading) -> int:
    return len(reading.present | _keys(reading.fresh)) + sum(1 for item in reading.unread if item.key is None)


def _keys(pieces: Iterable[Slice]) -> set[str]:
    return {piece.key for piece in pieces}


async def _gone(watch: Watch, absent: Missing) -> tuple[tuple[str, ...], dict[str, int]]:
    """Which of the missing records are gone, and which turn out to be there after all (with a count of 0)."""
    if absent.held:
        return (), {}
    gone: list[str] = []
    there: dict[str, int] = {}
    for key in absent.gone[:RE_READS]:
        try:
            if await watch.source.show(key) is None:
                gone.append(key)
            else:
                there[key] = 0
        except NotImplementedError:  # no read of one record: the list has the last word
            return absent.gone, {}
        except (Transient, Permanent):
            continue  # asked again at the next poll
    return tuple(gone), there


# -------------------------------------------------------------------------------------------------------- deriving


async def _derived(watch: Watch, state: SourceState, changes: Iterable[Change], now: datetime) -> list[Derived]:
    first = state.baselined_at is None
    derived: list[Derived] = []
    for number, change in enumerate(changes, 1):
        silent = first and not _told_at_baseline(watch.baseline, change)
        derived.append(derive(watch.origin, change, now, silent=silent))
        if number % _BREATH == 0:
            await asyncio.sleep(0)
    return derived


def _told_at_baseline(baseline: str, change: Change) -> bool:
    """Say whether a record of the first poll is told: none, all, or those created (else updated) since a day."""
    if baseline == SILENT_BASELINE or change.kind is not Kind.CREATE:
        return False
    if baseline == EMIT:
        return True
    born = change.body.get("created_at") or change.body.get("updated_at")
    return born is not None and begins(born) >= begins(baseline)


def _is_new(version: Version, before: Mapping[str, Version]) -> bool:
    last = before.get(version.key)
    return last is None or last.version != version.version


def _moved(known: Known, absences: Mapping[str, int], gone: Iterable[str]) -> dict[str, int]:
    """The counts of absence that differ from what the store has; a removed record has none."""
    left = set(gone)
    return {key: n for key, n in absences.items() if key not in left and known.absent.get(key, 0) != n}


# ---------------------------------------------------------------------------------------------------- a failed read


def _failed(
    watch: Watch,
    state: SourceState,
    troubles: Troubles,
    error: Transient | Permanent,
    route: Route,
    now: datetime,
    luck: float,
) -> Look:
    """What a failed read comes to: snapshot and cursor as they were, one more failure, perhaps a trouble."""
    failures = state.failures + 1
    after = replace(state, failures=failures, failing_since=state.failing_since or now, last_error=error.reason)
    name = str(watch.name)
    refused = isinstance(error, Permanent) and error.refused
    turn = Turn()
    if isinstance(error, Drifted):
        after = replace(after, drifted={**state.drifted, "": error.reason})
        turn = troubles.turn(DRIFTED, name, error.reason, now)
    elif refused or failures >= 2:  # noqa: PLR2004 - once may be an accident
        turn = troubles.turn(FAILING, name, error.reason, now)
    plan = tallies.failed(replace(turn.plan(route, now), source=watch.name, state=after), error.reason)
    return Look(plan, poll_wait(watch.every, failures, error, luck), error=error.reason)
