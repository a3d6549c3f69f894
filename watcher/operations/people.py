"""What is asked about a person: to be erased, or shown."""

from __future__ import annotations

from typing import Any

from watcher.app import Core, load_desk
from watcher.erasure import Traces, Wanted
from watcher.housekeeping import turns
from watcher.model import stamp
from watcher.operations.kit import Refused
from watcher.privacy import hashed
from watcher.sinks import sink_types
from watcher.store.erase import Person
from watcher.streams.canonical import shown

BEYOND = (
    "what sinks have taken, mails, files of sinks and messages among them, is with those who got it",
    "copies of the store from before have the person still: `watcher erase` again after one is put back",
    "the vendor's system has the person still, unless it was erased there",
)
"""What an erasure cannot reach."""


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
