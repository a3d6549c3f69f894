"""Time passing is a source too: dates that were to come have come, sources have gone silent, budgets run short."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from watcher.derive import fall_due
from watcher.model import Alarm, Plan, SourceName, SourceState, stamp
from watcher.plan import Stretch
from watcher.poll import Route, Watch
from watcher.ports import Alarms, Clock, Commit
from watcher.troubles import BUDGET_LOW, FAILING, SILENT, Troubles, Turn

InTurn = Callable[[str], AbstractAsyncContextManager[object]]

BATCH = 200
"""Alarms looked at in one go."""

LONG_STOP = timedelta(days=1)
"""An alarm of a source that is not configured now is looked at again after so long, in case it comes back."""

HARDLY_EVER = 100.0
"""Stretched by more than that, a source is as good as left alone until midnight."""

SHORT = 1.1
"""A budget runs short when intervals have to be stretched by more than that; it is over when none has to be."""


async def ring(
    store: Alarms, watches: Mapping[str, Watch], route: Route, commit: Commit, clock: Clock, in_turn: InTurn
) -> int:
    """Answer the alarms that are due, each record in a plan of its own; return how many there were.

    `in_turn` is the lock of a source: a poll of it must not come between the look at a record and the commit.
    """
    now = clock()
    alarms = await store.ringing(now, BATCH)
    for place in dict.fromkeys((alarm.source, alarm.key) for alarm in alarms):
        mine = tuple(alarm for alarm in alarms if (alarm.source, alarm.key) == place)
        async with in_turn(place[0]):
            await commit(await _answer(store, watches.get(place[0]), mine, route, now))
    return len(alarms)


async def _answer(store: Alarms, watch: Watch | None, alarms: tuple[Alarm, ...], route: Route, now: datetime) -> Plan:
    if watch is None:
        return Plan(now, armed=tuple(replace(alarm, due_at=now + LONG_STOP) for alarm in alarms))
    key = alarms[0].key
    version = (await store.versions(watch.name, [key])).get(key)
    if version is None or version.removed:
        return Plan(now, disarmed=alarms)
    derived = fall_due(watch.origin, version, now)
    return Plan(
        at=now,
        source=watch.name,
        refreshed=(derived.version,),
        events=derived.events,
        owed=route(derived.events).owed,
        armed=derived.armed,
        disarmed=(*alarms, *derived.disarmed),
    )


@dataclass(frozen=True, slots=True)
class Account:
    """What an account may spend a day, what is left of it, and by how much its intervals are stretched for it."""

    name: str
    limit: int
    left: int
    stretch: Stretch


def health(
    watches: Iterable[tuple[Watch, SourceState]],
    accounts: Iterable[Account],
    troubles: Troubles,
    started: datetime,
    now: datetime,
) -> Turn:
    """Say which sources have not been read for too long, and which budgets run short."""
    turn = Turn()
    for watch, state in watches:
        turn += _silence(watch.name, state, watch.silent_after, troubles, max(started, state.read_at or started), now)
    for account in accounts:
        turn += _shortage(account, troubles, now)
    return turn


def _shortage(account: Account, troubles: Troubles, now: datetime) -> Turn:
    lasting = troubles.find(BUDGET_LOW, account.name)
    worst = max(account.stretch.leads, account.stretch.others)
    if worst <= (1.0 if lasting else SHORT):
        return troubles.turn(BUDGET_LOW, account.name, "", now)
    detail = (
        f"{account.left} of {account.limit} requests are left until midnight in Paris, too few for the intervals: "
        f"leads wait {_times(account.stretch.leads)}, the others {_times(account.stretch.others)}; see `watcher plan`"
    )
    return troubles.turn(BUDGET_LOW, account.name, lasting.detail if lasting else detail, now)


def _times(factor: float) -> str:
    if factor <= 1.0:
        return "as long as usual"
    return "until then" if factor >= HARDLY_EVER else f"{factor:.1f} times as long"


def _silence(
    name: SourceName, state: SourceState, limit: timedelta, troubles: Troubles, heard: datetime, now: datetime
) -> Turn:
    subject = str(name)
    if now - heard <= limit or troubles.find(FAILING, subject) or troubles.find(SILENT, subject):
        return Turn()  # a good read ends it, in its own commit
    why = f": {state.last_error}" if state.last_error else ""
    return troubles.turn(SILENT, subject, f"not read since {stamp(heard)}{why}", now)
