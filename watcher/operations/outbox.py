"""What is asked of the outbox: to send again, to try at once, to drop, to test a sink, to tell what was never told."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from watcher.app import Core
from watcher.desk import RELEASE, SUMMARY
from watcher.errors import Permanent, Transient
from watcher.model import Delivered, Delivery, Event, Plan
from watcher.operations.kit import Refused
from watcher.troubles import SINK_FAILING, Troubles


async def redrive(
    core: Core, *, numbers: list[int] | None = None, sink: str | None = None, since: str | None = None
) -> dict[str, Any]:
    """Owe dead letters again: some, those of a sink, those since a time, or all; a sink that refused us goes on."""
    before = await core.store.owed_counts()
    count = await core.store.redrive(core.clock(), numbers=numbers, sink=sink, since=_moment(since))
    after = await core.store.owed_counts()
    revived = {name for name, counts in before.items() if name in after and counts.dead > after[name].dead}
    for name in revived | ({sink} if sink else set()):
        await core.store.resume(name, asked_too=False)  # asking for it again is the word that it is mended
    core.wake_all()
    return {"redriven": count}


async def resend(core: Core, *, numbers: list[int] | None = None, sink: str | None = None) -> dict[str, Any]:
    """Send deliveries again, whatever became of them, with the same ids; without numbers, what a sink is owed.

    What is owed, and waits for its next attempt, is tried now. A paused sink stays paused: it is sent them later.
    """
    if numbers is None and sink is None:
        raise Refused("say which: numbers, or a sink")
    now = core.clock()
    hastened = await core.store.hasten(now, numbers=numbers, sink=sink)
    resent = await core.store.resend(numbers or (), now)
    core.wake_all()
    return {"resent": resent, "hastened": hastened}


async def drop(
    core: Core,
    *,
    numbers: list[int] | None = None,
    sink: str | None = None,
    since: str | None = None,
    parked: bool = False,
) -> dict[str, Any]:
    """Drop dead letters: they are kept in the history, and not sent.

    With `parked` it is what is owed to sinks that are not configured any more, of all of them or of that one.
    """
    now = core.clock()
    if not parked:
        return {"dropped": await core.store.drop(now, numbers=numbers, sink=sink, since=_moment(since))}
    if numbers or since:
        raise Refused("what is parked is dropped by its sink, not by number or time")
    if sink in core.parts.sinks:
        raise Refused(f"the sink {sink!r} is configured: nothing of it is parked; what it is owed will be sent")
    gone = [name for name in await core.store.parked(core.parts.sinks) if sink in (None, name)]
    return {"dropped": await core.store.abandon(gone, "its sink is not configured any more", now)}


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


async def replay(core: Core, *, since: str, again: bool = False, dry: bool = False) -> dict[str, Any]:
    """Put stored events through today's rules: whoever was never told of one is told now; with `again`, all are.

    It sets no timers: those of then have rung, or wait still.
    """
    now = core.clock()
    events = [e for e in await core.store.events_since(datetime.fromisoformat(since)) if e.type != SUMMARY]
    told = await core.store.told([event.id for event in events])
    desk = core.parts.desk.trial() if dry else core.parts.desk
    routed = desk.take(events, now, told=told.keys())
    repeated = [number for pair, number in told.items() if again and pair in desk.pairs(events)]
    if not dry:
        alarms = tuple(alarm for alarm in routed.armed if alarm.kind == RELEASE)
        await core.commit(Plan(now, owed=routed.owed, armed=alarms))
        await core.store.resend(repeated, now)
        core.wake_all()
    owed = [{"event": one.event_id, "sink": one.sink, "rule": one.rule, "fate": one.fate} for one in routed.owed]
    return {"events": len(events), "owed": owed, "again": len(repeated)}


async def sink_test(core: Core, *, name: str) -> dict[str, Any]:
    """Send one message that says it is a test; a sink that takes it works: it goes on, and its trouble is over."""
    if name not in core.parts.sinks:
        raise Refused(f"there is no sink {name!r}; there are: {', '.join(core.parts.sinks) or 'none'}")
    now = core.clock()
    delivery = Delivery(0, specimen(now), name, "sink test", 0, now, now)
    try:
        taken = await core.parts.sinks[name].send(delivery)
        answer = taken.answer if isinstance(taken, Delivered) else taken
    except (Transient, Permanent) as error:
        return {"sink": name, "taken": False, "reason": error.reason}
    resumed = await core.store.resume(name, asked_too=False)
    turn = Troubles(await core.store.conditions(name)).turn(SINK_FAILING, name, "", now)
    await core.commit(turn.plan(core.parts.route, now))
    await core.store.hasten(now, sink=name)
    if name in core.lines:
        core.lines[name].failures = 0
        core.lines[name].bell.set()
    return {"sink": name, "taken": True, "answer": answer, "resumed": resumed}


def specimen(now: datetime) -> Event:
    """The event of `watcher sink test`: a lead that nobody can take for a real one."""
    record = {
        "id": "0",
        "lastname": "TEST",
        "firstname": "watcher",
        "message": "This is a test of the sink; nothing has happened.",
    }
    return Event(
        id=f"test-{int(now.timestamp())}",
        type="new-lead",
        source="/watcher/apimo.leads/test",
        subject="0",
        time=now,
        recorded_at=now,
        data={
            "account": "watcher",
            "stream": "apimo.leads",
            "partition": "test",
            "version": 1,
            "changes": {},
            "record": record,
        },
    )
