"""What an operator may ask for: each a function over the `Core`, the same through the daemon's socket and without it.

They take and return plain JSON values; what is wrong with a request is a `Refused`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from watcher.app import Core
from watcher.derive import derive
from watcher.diff import GONE, removals
from watcher.errors import Permanent, Transient, WatcherError
from watcher.model import Delivery, Event, Plan, envelope
from watcher.poll import Watch
from watcher.troubles import HELD, Troubles

Operation = Callable[..., Awaitable[dict[str, Any]]]


class Refused(WatcherError):
    """The request cannot be met; the text says why and what would be."""


async def poll(core: Core, *, source: str, dry: bool = False) -> dict[str, Any]:
    """Read one source now; `dry` writes nothing but the budget."""
    seen = await core.poll(_watch(core, source), dry=dry)
    return {
        "source": source,
        "error": seen.error,
        "fresh": seen.fresh,
        "changes": seen.changes,
        "complete": seen.complete,
        "doubt": seen.doubt,
        "events": [envelope(event) for event in seen.plan.events],
        "owed": [{"event": owed.event_id, "sink": owed.sink, "rule": owed.rule} for owed in seen.plan.owed],
    }


async def resync(core: Core, *, source: str) -> dict[str, Any]:
    """Have the next poll of a source read everything, and do it now."""
    watch = _watch(core, source)
    async with core.turn(source):
        state = await core.store.state(watch.name)
        await core.commit(Plan(core.clock(), watch.name, replace(state, next_full_at=None)))
    return await poll(core, source=source)


async def confirm(core: Core, *, source: str) -> dict[str, Any]:
    """Believe the removals that are held now: tell them, and end the trouble."""
    watch = _watch(core, source)
    async with core.turn(source):
        known = await core.store.known(watch.name)
        held = [key for key, count in known.absent.items() if count >= GONE]
        before = await core.store.versions(watch.name, held)
        now = core.clock()
        derived = [derive(watch.origin, change, now) for change in removals(before, sorted(held))]
        turn = Troubles(await core.store.conditions(source)).turn(HELD, source, "", now)
        events = (*(event for item in derived for event in item.events), *turn.events)
        plan = Plan(
            at=now,
            source=watch.name,
            versions=tuple(item.version for item in derived),
            events=events,
            owed=core.parts.route(events).owed,
            disarmed=tuple(alarm for item in derived for alarm in item.disarmed),
            left=turn.left,
        )
        await core.commit(plan)
    return {"source": source, "removed": sorted(held)}


async def redrive(
    core: Core, *, numbers: list[int] | None = None, sink: str | None = None, since: str | None = None
) -> dict[str, Any]:
    """Owe dead letters again: some, those of a sink, those since a time, or all."""
    count = await core.store.redrive(
        core.clock(), numbers=numbers, sink=sink, since=datetime.fromisoformat(since) if since else None
    )
    for name in core.parts.sinks if sink is None else (sink,):
        await core.store.resume(name)  # asking for it again is the word that it is mended
        if name in core.lines:
            core.lines[name].bell.set()
    return {"redriven": count}


async def drop(core: Core, *, numbers: list[int] | None = None, sink: str | None = None) -> dict[str, Any]:
    """Drop dead letters: they are kept in the history, and not sent."""
    return {"dropped": await core.store.drop(core.clock(), numbers=numbers, sink=sink)}


async def sink_test(core: Core, *, name: str) -> dict[str, Any]:
    """Send one message that says it is a test; a sink that takes it and was paused goes on."""
    if name not in core.parts.sinks:
        raise Refused(f"there is no sink {name!r}; there are: {', '.join(core.parts.sinks) or 'none'}")
    now = core.clock()
    delivery = Delivery(0, specimen(now), name, "sink test", 0, now, now)
    try:
        answer = await core.parts.sinks[name].send(delivery)
    except (Transient, Permanent) as error:
        return {"sink": name, "taken": False, "reason": error.reason}
    resumed = await core.store.resume(name)
    if name in core.lines:
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


def _watch(core: Core, source: str) -> Watch:
    watch = core.parts.watches.get(source)
    if watch is None:
        raise Refused(f"there is no source {source!r}; there are: {', '.join(core.parts.watches) or 'none'}")
    return watch


OPERATIONS: Mapping[str, Operation] = {
    "poll": poll,
    "resync": resync,
    "confirm": confirm,
    "redrive": redrive,
    "drop": drop,
    "sink-test": sink_test,
}
