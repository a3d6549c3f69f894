"""Plans, versions and events for the tests of the store, and ways to look at it from outside."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from watcher.model import (
    Alarm,
    Condition,
    Event,
    Fate,
    Known,
    Owed,
    Page,
    Plan,
    Release,
    SourceName,
    SourceState,
    Unread,
    Version,
)
from watcher.store.sqlite import Store

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LEADS = SourceName("azur", "apimo.leads", "101")
OTHER = SourceName("riviera", "adlead.purchases", "1")


def version(key: str, number: int = 1, mark: str = "", **more: Any) -> Version:
    """A version of a lead; `mark` makes its bytes other ones."""
    values = {
        "body": {"id": key, "step": str(number), "price": 12.5, "tags": ["a", None]},
        "seen_at": NOON,
        "fingerprint": f"{key}/{number}/{mark}".encode(),
        **more,
    }
    return Version(key, number, **values)


def event(name: str, key: str = "4", **more: Any) -> Event:
    """An event about a lead."""
    values = {"time": NOON - MINUTE, "recorded_at": NOON, "data": {"version": 1, "changes": {}}, **more}
    return Event(name, "new-lead", f"/{LEADS}", key, **values)


def owing(*pairs: tuple[str, str], sink: str = "crm", at: datetime = NOON) -> Plan:
    """A plan that owes the sink each of these events, given as id and record."""
    return Plan(
        at, events=tuple(event(name, key) for name, key in pairs), owed=tuple(Owed(n, sink, "r") for n, _ in pairs)
    )


def holding(*pairs: tuple[str, str], bundle: str = "b", sink: str = "crm", at: datetime = NOON) -> Plan:
    """A plan that holds each of these events back in a bundle, given as id and record."""
    plan = owing(*pairs, sink=sink, at=at)
    return replace(plan, owed=tuple(replace(one, fate=Fate.HELD, bundle=bundle, why="group") for one in plan.owed))


def summary(name: str, sink: str = "crm", numbers: tuple[int, ...] = (), at: datetime = NOON) -> Plan:
    """A plan that tells those deliveries in one message."""
    told = Event(name, "summary", "/watcher", "r", at, at, {"count": len(numbers)})
    return Plan(at, events=(told,), owed=(Owed(name, sink, "r"),), released=(Release(numbers, name),))


def baseline() -> Plan:
    """The first poll of a source: three records, no events."""
    return Plan(
        NOON,
        LEADS,
        SourceState(cursor=1, baselined_at=NOON),
        versions=(version("1"), version("2"), version("3", absences=1)),
        armed=(Alarm("after", "/a", "1", "r", NOON), Alarm("after", "/a", "2", "r", NOON)),
        entered=(Condition("source-failing", str(LEADS), NOON, "it fails"),),
    )


def rich() -> Plan:
    """A plan that has something of everything, to follow `baseline`."""
    return Plan(
        NOON + MINUTE,
        LEADS,
        SourceState(cursor=2, baselined_at=NOON, read_at=NOON + MINUTE),
        versions=(
            version("1", 2, reached=frozenset({"signed", "booked"})),
            version("2", 2, removed=True),
            version("4"),
        ),
        refreshed=(version("3", 1, "other bytes"),),
        absences={"1": 1},
        unread=(Unread(b"bad", "9", "no id"), Unread(b"worse", None, "not an object")),
        events=(event("e1", "1"), event("e2", "2"), event("e3", "1")),
        owed=(
            Owed("e1", "crm", "all"),
            Owed("e1", "sales", "hot"),
            Owed("e2", "crm", "all"),
            Owed("e3", "crm", "all"),
            Owed("e1", "team", "all", Fate.HELD, "b", "group"),
            Owed("e2", "team", "all", Fate.HELD, "b", "group"),
            Owed("e3", "team", "all", Fate.SILENCED, "silence 1", "silence 1"),
            Owed("e1", "night", "all", Fate.DROPPED, why="outside hours"),
            Owed("e2", "night", "all", Fate.HELD, "n", "outside hours"),
        ),
        released=(Release((5, 7), "e3"), Release((6,))),
        armed=(Alarm("after", "/a", "1", "r", NOON + MINUTE, {"event": "e1"}), Alarm("before", "/a", "4", "r", NOON)),
        disarmed=(Alarm("after", "/a", "2", "r", NOON), Alarm("release", "night", "n", "all", NOON)),
        entered=(Condition("budget-low", "azur", NOON, "little is left"),),
        left=(("source-failing", str(LEADS)),),
        pages={b"page": Page(frozenset(("1", "3", "4")), total=3)},
    )


def dump(path: Path) -> dict[str, list[Any]]:
    """Every row of every table, read by another connection."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
        return {name: sorted(db.execute(f"SELECT * FROM {name}"), key=repr) for name in tables}


def copied(known: Known) -> Known:
    """What is known now, as plain mappings that stay as they are."""
    return Known(dict(known.fingerprints), dict(known.absent), dict(known.pages))


async def reread(store: Store, source: SourceName = LEADS) -> Known:
    """What is known according to the tables alone."""
    before = store._memories.pop(source, None)
    known = copied(await store.known(source))
    store.forget(source)
    if before is not None:
        store._memories[source] = before
    return known


async def agrees(store: Store, source: SourceName = LEADS) -> bool:
    """Whether what is kept in memory is what the tables say."""
    return copied(await store.known(source))[:2] == (await reread(store, source))[:2]
