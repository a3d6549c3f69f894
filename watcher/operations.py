"""What an operator may ask for: each a function over the `Core`, the same through the daemon's socket and without it.

They take and return plain JSON values; what is wrong with a request is a `Refused`.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from watcher.app import Core, load_desk, poster
from watcher.derive import derive
from watcher.desk import RELEASE, SILENCE, SUMMARY
from watcher.diff import GONE, removals
from watcher.erasure import Traces, Wanted
from watcher.errors import Permanent, Transient, WatcherError
from watcher.housekeeping import turns
from watcher.kinds import Id
from watcher.model import Alarm, Delivered, Delivery, Event, Plan, envelope, stamp
from watcher.poll import Watch
from watcher.privacy import hashed
from watcher.probe import places_of, survey
from watcher.silences import LABELS
from watcher.sinks import apimo_lead, sink_types
from watcher.store.erase import Person
from watcher.streams.canonical import shown
from watcher.toml import absent, nearest
from watcher.troubles import HELD, SINK_FAILING, Troubles

LEAD_WITHIN = 30.0
"""Seconds that Apimo has to answer to a new lead."""

BEYOND = (
    "what sinks have taken, mails, files of sinks and messages among them, is with those who got it",
    "copies of the store from before have the person still: `watcher erase` again after one is put back",
    "the vendor's system has the person still, unless it was erased there",
)
"""What an erasure cannot reach."""

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
        "owed": [
            {"event": one.event_id, "sink": one.sink, "rule": one.rule, "fate": one.fate, "why": one.why}
            for one in seen.plan.owed
        ],
    }


async def resync(core: Core, *, source: str) -> dict[str, Any]:
    """Have the next poll of a source read everything, and do it now."""
    watch = _watch(core, source)
    async with core.turn(source):
        state = await core.store.state(watch.name)
        await core.commit(Plan(core.clock(), watch.name, replace(state, next_full_at=None)))
    return await poll(core, source=source)


async def baseline(core: Core, *, source: str) -> dict[str, Any]:
    """Have a source read now, and in full, as if for the first time: what differs is taken in and, mostly, not told."""
    watch = _watch(core, source)
    async with core.turn(source):
        state = await core.store.state(watch.name)
        await core.commit(Plan(core.clock(), watch.name, replace(state, baselined_at=None, next_full_at=None)))
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


# ------------------------------------------------------------------------------------------------- pauses and silences


async def pause(core: Core, *, name: str, reason: str = "") -> dict[str, Any]:
    """Poll a source, or try a sink, no more until it is resumed; what a sink is owed waits. It outlives restarts."""
    why, now = reason or "an operator paused it", core.clock()
    match _kind(core, name):
        case "source":
            await core.store.pause_source(name, why, now)
            core.resting.add(name)
        case "sink":
            await core.store.pause(name, why, now, asked=True)
    return {"paused": name, "reason": why}


async def resume(core: Core, *, name: str) -> dict[str, Any]:
    """Poll that source again, at once, or try that sink again."""
    if _kind(core, name) == "source":
        resumed = await core.store.resume_source(name)
        core.resting.discard(name)
        return {"resumed": resumed, **(await poll(core, source=name) if resumed else {})}
    resumed = await core.store.resume(name)
    if name in core.lines:
        core.lines[name].bell.set()
    return {"resumed": resumed}


def _kind(core: Core, name: str) -> str:
    if name in core.parts.watches:
        return "source"
    if name in core.parts.sinks:
        return "sink"
    names = (*core.parts.watches, *core.parts.sinks)
    raise Refused(f"there is no source or sink {name!r}" + (nearest(name, names) or f"; there are {', '.join(names)}"))


async def silence(core: Core, *, matchers: dict[str, str], author: str, comment: str, seconds: float) -> dict[str, Any]:
    """Tell nothing that every one of the matchers matches, for so many seconds; what was not told is listed then."""
    if not matchers or not set(matchers) <= set(LABELS):
        raise Refused(f"a silence needs a matcher at least, LABEL=GLOB; there are {', '.join(LABELS)}")
    if seconds <= 0:
        raise Refused("a silence needs some time; write for example --for 2h")
    now = core.clock()
    made = await core.store.add_silence(matchers, author, comment, now, now + timedelta(seconds=seconds))
    core.parts.desk.silences[made.number] = made
    core.wake(Plan(now, armed=(Alarm(SILENCE, "", str(made.number), "", made.until),)))  # the tick sets its watch
    return {"number": made.number, "until": stamp(made.until)}


async def end_silence(core: Core, *, number: int) -> dict[str, Any]:
    """End a silence now: what it took is listed at once."""
    ended = await core.store.end_silence(number, core.clock())
    if ended is None:
        raise Refused(f"there is no silence {number} in force; `watcher silence list` has them")
    core.parts.desk.silences[number] = ended
    await core.ring()
    return {"number": number, "ended": True}


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


# ------------------------------------------------------------------------------------------------------------- privacy


async def erase(
    core: Core, *, email: str | None = None, phone: str | None = None, record: str | None = None, dry: bool = False
) -> dict[str, Any]:
    """Erase a person, found by an address, a number or a record; `dry` only says what there is, and what is in it."""
    given = [text for text in (email, phone, record) if text]
    if len(given) != 1:
        raise Refused("say who: an e-mail address, a telephone number, or a record")
    key, by = await core.store.privacy_key(), "email" if email else "phone" if phone else "record"
    asked = {"hash": hashed(given[0].strip().casefold(), key)[1:], "by": by}
    async with turns(core.turn, core.parts.watches):
        found = await _meant(core, key, email, phone, record)
        known = [(person, await core.store.known_of(person)) for person in found]
        fields = [(name, value) for _, forms in known for form in forms for name, value in form.items()]
        traces = Traces.of([*fields, *([("email", email)] if email else []), *([("phone", phone)] if phone else [])])
        told = [(person, one) for person in found for one in await core.store.told_of(person)]
        now = core.clock()
        changed = await core.store.erase(found, traces, now, dry=dry)
        receipt = {
            "asked": asked,
            "records": [{"record": f"{one.source}/{one.key}", "whose": sorted(one.whose or ())} for one in found],
            "rows": {name: count for name, count in changed.items() if name != "dropped"},
            "dropped": changed["dropped"],
            "told": [
                {"record": f"{person.source}/{person.key}", "sink": one.sink, "messages": one.messages,
                 "first": one.first and stamp(one.first), "last": one.last and stamp(one.last)}
                for person, one in told
            ],
            "beyond": BEYOND,
        }  # fmt: skip
        if dry:
            return {**receipt, "dry": True, "known": [shown(list(forms)) for _, forms in known]}
        number = await core.store.keep_receipt(now, asked["hash"], receipt)
        core.parts.desk = await load_desk(core.parts.config, sink_types(), core.store, now)
        emptied = await core.store.make_anew()
    core.wake_all()
    return {"number": number, "at": stamp(now), **receipt, "log_emptied": emptied, "dry": False}


async def _meant(core: Core, key: bytes, email: str | None, phone: str | None, record: str | None) -> list[Person]:
    if record is None:
        try:
            return await core.store.find_person(Wanted.of(key, email_as=email, phone_as=phone))
        except ValueError as error:
            raise Refused(str(error)) from None
    where, _, name = record.strip("/").rpartition("/")
    found = await core.store.find_record(where, name)
    if not found:
        raise Refused(f"no record {record} has been seen; write stream/id or source/id, e.g. apimo.leads/7")
    if len(found) > 1:
        names = ", ".join(f"{one.source}/{one.key}" for one in found)
        raise Refused(f"{record} is the name of {len(found)} records; say which: {names}")
    return found


# -------------------------------------------------------------------------------------------------------------- leads


async def lead_create(
    core: Core, *, account: str, agency: str, fields: dict[str, str], dry: bool = False
) -> dict[str, Any]:
    """Create a lead in Apimo, in turn with the account's polls and within its budget; `dry` only says what it would be.

    Without a reference of its own it gets a new one.
    """
    accounts = core.parts.config.accounts
    if account not in accounts:
        raise Refused(absent("account", account, accounts))
    if (api := accounts[account].api) != "apimo":
        raise Refused(f"{account} is an account of {api}, and leads are created in Apimo")
    try:
        agency = str(Id.parse(agency))
    except ValueError as error:
        raise Refused(f"agency: {error}") from None
    if wrong := list(apimo_lead.mistakes(fields)):
        raise Refused("; ".join(wrong))
    lead = apimo_lead.document(fields, fields.get(apimo_lead.REFERENCE) or str(uuid.uuid4()), core.clock())
    asked = {"account": account, "agency": agency, "lead": lead}
    if dry:
        return {**asked, "created": False, "dry": True}
    try:
        number = await apimo_lead.create(poster(core.parts.clients), account, agency, lead, LEAD_WITHIN)
    except (Transient, Permanent) as error:
        later = isinstance(error, Transient)
        unanswered = isinstance(error, Transient) and error.unanswered
        return {**asked, "created": False, "reason": error.reason, "later": later, "unanswered": unanswered}
    return {**asked, "created": True, "id": number}


# ------------------------------------------------------------------------------------------------------------- probing


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


# ------------------------------------------------------------------------------------------------------- a sink's test


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
    "baseline": baseline,
    "confirm": confirm,
    "redrive": redrive,
    "resend": resend,
    "drop": drop,
    "sink-test": sink_test,
    "pause": pause,
    "resume": resume,
    "silence": silence,
    "end-silence": end_silence,
    "replay": replay,
    "erase": erase,
    "lead-create": lead_create,
    "probe": probe,
}
