"""The store: a commit of 100 changes against sqlite3 itself, and fifty commits at once against one after the other."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec

from bench.figure import Figure, Rounds, awaited, clocked, exactly
from bench.payloads import records
from bench.rig import NOON
from bench.scope import Scope
from watcher.decode import decode
from watcher.derive import Origin, derive
from watcher.diff import diff
from watcher.model import Batch, Owed, Plan, Slice, SourceName
from watcher.store import Store
from watcher.streams import LEADS

CHANGES, AT_ONCE = 100, 50

_RECORD = "INSERT INTO {} (source, key, version, seen_at, fingerprint, reached, removed, absences, body) VALUES (?,?,?,?,?,?,?,?,?)"
_EVENT = "INSERT INTO events (id, type, source, subject, time, recorded_at, data) VALUES (?,?,?,?,?,?,?)"
_OWED = """
INSERT INTO deliveries (event, sink, rule, record, state, head, due_at, owed_at, released_at, reason, bundle)
VALUES ((SELECT sequence FROM events WHERE id = ?), ?, ?, ?, 'owed', 1, ?, ?, ?, '', '')
"""


def measure(scope: Scope) -> list[Figure]:
    """The two figures."""
    rounds = Rounds()
    for number in range(scope.pick(15, 41)):
        asyncio.run(_hundred(scope.place(f"commit{number}"), rounds))
    for number in range(scope.pick(5, 11)):
        asyncio.run(_group(scope.place(f"group{number}"), rounds))
    return [
        rounds.figure("commit.hundred", f"commit of {CHANGES} new records, events, deliveries", "x sqlite3"),
        rounds.figure("commit.group", f"{AT_ONCE} commits asked for together, against one after the other", "times"),
    ]


def _plan(partition: str, count: int, first: int = 1) -> Plan:
    """A plan of so many new leads, each with its event and a delivery."""
    source = SourceName("azur", "apimo.leads", partition)
    raws = ((str(lead["id"]), msgspec.json.encode(lead)) for lead in records("leads", count, first))
    leads = tuple(decode(LEADS, Slice(key, f"{partition} {key}".encode(), raw)) for key, raw in raws)
    batch = Batch(leads, {lead.key for lead in leads}, full=True, complete=True)
    origin = Origin(LEADS, source, lambda _: None)
    derived = [derive(origin, change, NOON) for change in diff(LEADS, {}, batch, 0).changes]
    events = tuple(event for item in derived for event in item.events if event.type == "new-lead")
    owed = tuple(Owed(event.id, "crm", "all") for event in events)
    return Plan(NOON, source, versions=tuple(item.version for item in derived), events=events, owed=owed)


async def _hundred(directory: Path, rounds: Rounds) -> None:
    plan = _plan("101", CHANGES)
    with closing(await _empty(directory / "direct.db")) as db:
        yard = clocked(lambda: _direct(db, plan))[1]
        exactly(db.execute("SELECT count(*) FROM deliveries WHERE head = 1").fetchone(), (CHANGES,), "written directly")
    async with await Store.open(directory / "watcher.db") as store:
        await store.ping()
        took = (await awaited(lambda: store.commit(plan)))[1]
        exactly((await store.owed_counts())["crm"].owed, CHANGES, "owed after the commit")
    rounds.add("commit.hundred", took, yard)


async def _empty(path: Path) -> sqlite3.Connection:
    """A store of the same tables, opened as anybody would."""
    async with await Store.open(path):
        pass
    db = sqlite3.connect(path, isolation_level=None)
    for setting in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
        db.execute(f"PRAGMA {setting}")
    return db


def _direct(db: sqlite3.Connection, plan: Plan) -> None:
    """The same rows by the plainest program there is: nothing is looked up, nothing checked."""
    at = int(plan.at.timestamp()) * 10**6
    encode = msgspec.json.encode
    rows = [
        (1, v.key, v.version, at, v.fingerprint, encode(sorted(v.reached)).decode(), 0, 0, encode(v.body).decode())
        for v in plan.versions
    ]
    events = [
        (e.id, e.type, e.source, e.subject, int(e.time.timestamp()) * 10**6, at, encode(e.data).decode())
        for e in plan.events
    ]
    owed = [(e.id, "crm", "all", e.record, at, at, at) for e in plan.events]
    db.execute("BEGIN IMMEDIATE")
    db.execute("INSERT INTO sources (id, account, stream, partition) VALUES (1, 'azur', 'apimo.leads', '101')")
    db.executemany(_RECORD.format("versions"), rows)
    db.executemany(_RECORD.format("records"), rows)
    db.executemany(_EVENT, events)
    db.executemany(_OWED, owed)
    db.execute("COMMIT")


async def _group(directory: Path, rounds: Rounds) -> None:
    """Fifty plans of one record each; the figure is how many times faster they are together."""
    plans = [_plan(str(number), 1, number * 10 + 1) for number in range(2 * AT_ONCE)]
    async with await Store.open(directory / "watcher.db") as store:
        await store.ping()
        together = (await awaited(lambda: _together(store, plans[:AT_ONCE])))[1]
        single = (await awaited(lambda: _singly(store, plans[AT_ONCE:])))[1]
        exactly((await store.owed_counts())["crm"].owed, 2 * AT_ONCE, "owed after all commits")
    rounds.add("commit.group", single, together)


async def _together(store: Store, plans: list[Plan]) -> None:
    await asyncio.gather(*(store.commit(plan) for plan in plans))


async def _singly(store: Store, plans: list[Plan]) -> None:
    for plan in plans:
        await store.commit(plan)
