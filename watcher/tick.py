"""Time passing is a source too: dates have come, what was to happen has not, what waited may go, sources are silent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from watcher import timers
from watcher.derive import MILESTONE, fall_due
from watcher.desk import RELEASE, SILENCE, Desk
from watcher.model import Alarm, Event, Plan, SourceName, SourceState, Version, stamp
from watcher.plan import Stretch
from watcher.poll import Watch
from watcher.ports import Alarms, Clock, Commit
from watcher.rules import OVERDUE, Rule
from watcher.timers import DEADLINE, WATCHER
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


@dataclass(frozen=True, slots=True)
class Bell:
    """What answers alarms.

    `in_turn` is the lock of a source: a poll of it must not come between the look at a record and the commit.
    """

    store: Alarms
    watches: Mapping[str, Watch]
    desk: Desk
    commit: Commit
    clock: Clock
    in_turn: InTurn

    async def ring(self) -> int:
        """Answer the alarms that are due, all of one record in one plan; return how many there were."""
        now = self.clock()
        alarms = await self.store.ringing(now, BATCH)
        for source, key in dict.fromkeys((alarm.source, alarm.key) for alarm in alarms):
            mine = [alarm for alarm in alarms if (alarm.source, alarm.key) == (source, key)]
            async with self.in_turn(source):
                for plan in await self._answer(mine, now):
                    await self.commit(plan)
        return len(alarms)

    async def _answer(self, alarms: list[Alarm], now: datetime) -> list[Plan]:
        plans = [await self._release(alarm, now) for alarm in alarms if alarm.kind == RELEASE]
        plans += [await self._expire(alarm, now) for alarm in alarms if alarm.kind == SILENCE]
        if others := [alarm for alarm in alarms if alarm.kind not in (RELEASE, SILENCE)]:
            about_watcher = others[0].source == WATCHER
            plans.append(await (self._of_watcher(others, now) if about_watcher else self._of_record(others, now)))
        return plans

    async def _release(self, alarm: Alarm, now: datetime) -> Plan:
        held = await self.store.held(alarm.source, alarm.name, alarm.key)
        return self.desk.release(alarm, held, now)

    async def _expire(self, alarm: Alarm, now: datetime) -> Plan:
        return self.desk.expire(alarm, await self.store.silenced(f"{SILENCE} {alarm.key}"), now)

    async def _of_watcher(self, alarms: list[Alarm], now: datetime) -> Plan:
        """Troubles of watcher's own that may still last."""
        events = []
        for alarm in alarms:
            rule, about = await self._heard(alarm)
            if rule and about and timers.lasts(about, await self.store.conditions(about.subject)):
                events.append(timers.overdue(rule, alarm, about, None, None, now))
        return self._told(Plan(now, disarmed=tuple(alarms)), events, now)

    async def _of_record(self, alarms: list[Alarm], now: datetime) -> Plan:
        """A record whose dates have come, or of which something was to have happened by now."""
        watch = self.watches.get(alarms[0].source)
        if watch is None:
            return Plan(now, armed=tuple(replace(alarm, due_at=now + LONG_STOP) for alarm in alarms))
        version = (await self.store.versions(watch.name, [alarms[0].key])).get(alarms[0].key)
        plan = Plan(now, watch.name, disarmed=tuple(alarms))
        if version is None or version.removed:
            return plan
        events: list[Event] = []
        if any(alarm.kind == MILESTONE for alarm in alarms):
            derived = fall_due(watch.origin, version, now)
            version, events = derived.version, [*derived.events]
            plan = replace(
                plan,
                refreshed=(version,),
                armed=derived.armed,
                disarmed=(*plan.disarmed, *derived.disarmed),
            )
        armed: list[Alarm] = []
        for alarm in alarms:
            told = await self._timed(alarm, watch, version, now)
            if isinstance(told, Alarm):
                armed.append(told)
            elif told:
                events.append(told)
        return self._told(replace(plan, armed=(*plan.armed, *armed)), events, now)

    async def _timed(self, alarm: Alarm, watch: Watch, version: Version, now: datetime) -> Event | Alarm | None:
        """What a timer that came due tells of its record: an event, an alarm for later, or nothing."""
        told: Event | Alarm | None = None
        if alarm.kind == OVERDUE:
            rule, about = await self._heard(alarm)
            if rule and about:
                event = timers.overdue(rule, alarm, about, version, watch.origin.link(version.body), now)
                told = event if timers.unmet(rule, event) else None
        elif alarm.kind == DEADLINE and (rule := self.desk.rule(alarm.name)):
            told = timers.near(rule, alarm, watch.origin, version, now)
            if isinstance(told, Event) and rule.when and not timers.agrees(rule.when, told):
                told = None
        if isinstance(told, Event) and await self.store.event(told.id):
            return None  # told before: the date went away and came back
        return told

    async def _heard(self, alarm: Alarm) -> tuple[Rule | None, Event | None]:
        """The rule that set a timer, if it is still one of that kind, and the event that it heard."""
        rule = self.desk.rule(str(alarm.data.get("rule")))
        still = rule if rule and rule.timer and rule.timer.after is not None else None
        return still, await self.store.event(str(alarm.data.get("event"))) if still else None

    def _told(self, plan: Plan, events: list[Event], now: datetime) -> Plan:
        routed = self.desk.take(events, now)
        armed = (*plan.armed, *routed.armed)
        return replace(plan, events=tuple(events), owed=routed.owed, armed=armed)


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
        read_at = state.read_at
        heard = read_at if read_at and started < read_at <= now else started  # the clock may have been ahead
        if now - heard > watch.silent_after:
            turn += _silence(watch.name, state, troubles, heard, now)
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


def _silence(name: SourceName, state: SourceState, troubles: Troubles, heard: datetime, now: datetime) -> Turn:
    subject = str(name)
    if troubles.find(FAILING, subject) or troubles.find(SILENT, subject):
        return Turn()  # a good read ends it, in its own commit
    why = f": {state.last_error}" if state.last_error else ""
    return troubles.turn(SILENT, subject, f"not read since {stamp(heard)}{why}", now)
