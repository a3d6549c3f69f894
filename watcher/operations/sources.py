"""What is asked of sources: to be read now, in full, or as if for the first time; to be believed; to be probed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from watcher.app import Core
from watcher.derive import derive
from watcher.diff import GONE, removals
from watcher.model import Plan, envelope
from watcher.operations.kit import Refused, watch_of
from watcher.probe import places_of, survey
from watcher.toml import absent
from watcher.troubles import HELD, Troubles


async def poll(core: Core, *, source: str, dry: bool = False) -> dict[str, Any]:
    """Read one source now; `dry` writes nothing but the budget."""
    watch = watch_of(core, source)
    seen = await core.poll(watch, dry=dry)
    await core.store.save([watch.name])  # whoever asked looks at it next
    return {
        "source": source,
        "error": seen.error,
        "fresh": seen.fresh,
        "changes": seen.changes,
        "complete": seen.complete,
        "doubt": seen.doubt,
        "events": [envelope(event) for event in seen.plan.events],
        "owed": [
            {"event": one.event_id, "sink": one.sink, "rule": one.rule, "fate": one.fate, "why": one.why}
            for one in seen.plan.owed
        ],
    }


async def resync(core: Core, *, source: str) -> dict[str, Any]:
    """Have the next poll of a source read everything, and do it now."""
    watch = watch_of(core, source)
    async with core.turn(source):
        state = await core.store.state(watch.name)
        await core.commit(Plan(core.clock(), watch.name, replace(state, next_full_at=None)))
    return await poll(core, source=source)


async def baseline(core: Core, *, source: str) -> dict[str, Any]:
    """Have a source read now, and in full, as if for the first time: what differs is taken in and, mostly, not told."""
    watch = watch_of(core, source)
    async with core.turn(source):
        state = await core.store.state(watch.name)
        await core.commit(Plan(core.clock(), watch.name, replace(state, baselined_at=None, next_full_at=None)))
    return await poll(core, source=source)


async def confirm(core: Core, *, source: str) -> dict[str, Any]:
    """Believe the removals that are held now: tell them, and end the trouble."""
    watch = watch_of(core, source)
    async with core.turn(source):
        known = await core.store.known(watch.name)
        held = [key for key, count in known.absent.items() if count >= GONE]
        before = await core.store.versions(watch.name, held)
        now = core.clock()
        derived = [derive(watch.origin, change, now) for change in removals(before, sorted(held))]
        turn = Troubles(await core.store.conditions(source)).turn(HELD, source, "", now)
        events = (*(event for item in derived for event in item.events), *turn.events)
        routed = core.parts.route(events, now)
        plan = Plan(
            at=now,
            source=watch.name,
            versions=tuple(item.version for item in derived),
            events=events,
            owed=routed.owed,
            armed=routed.armed,
            disarmed=tuple(alarm for item in derived for alarm in item.disarmed),
            left=turn.left,
        )
        await core.commit(plan)
    return {"source": source, "removed": sorted(held)}


async def probe(
    core: Core,
    *,
    account: str,
    stream: str | None = None,
    partition: str | None = None,
    requests: int = 40,
    wrong_key: bool = False,
    dry: bool = False,
) -> dict[str, Any]:
    """Ask an account's API what its documentation leaves open; `dry` only says how many requests that takes at most."""
    accounts = core.parts.config.accounts
    if account not in accounts:
        raise Refused(absent("account", account, accounts))
    login = accounts[account]
    try:
        sources = [source.name for source in core.parts.config.sources]
        places = places_of(account, login, sources, stream, partition, wrong_key=wrong_key)
    except ValueError as error:
        raise Refused(str(error)) from None
    left = await core.left_today(account) if login.budget else None
    most = min(requests, places.most(), *(() if left is None else (left,)))
    streams = [f"{stream.name}/{partition}" for stream, partition in places.streams]
    asked = {"account": account, "api": login.api, "of": streams, "most": most, "left": left}
    if dry:
        return asked
    if not most:
        raise Refused(f"the day's budget of {account} is spent; ask again tomorrow")
    return {**asked, **await survey(core.parts.clients[account], places, most)}
