"""A script over one store, each step acknowledged on standard output once it is done: `told N`, `settled N`, `copied N`.

power_child.py DIRECTORY      makes, opens, closes and opens again DIRECTORY/watcher.db, copies it twice to copy.db
"""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

from watcher.model import Delivered, Event, Owed, Plan, RetryAt, SourceName, SourceState, Version
from watcher.store import Store
from watcher.store.backup import backup

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
LEADS = SourceName("azur", "apimo.leads", "101")
LIVES, STEPS, COPIED_AT = 3, 40, 20


def acknowledge(what):
    """Say that it is done; what comes after this may not be lost."""
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def told(number):
    """A plan with a record, an event about it and a message owed."""
    name = f"n{number}"
    body = {"id": name, "text": "x" * (number * 37 % 6000)}
    return Plan(
        NOON,
        LEADS,
        SourceState(cursor=number),
        versions=(Version(name, 1, body, NOON, name.encode()),),
        events=(Event(name, "new-lead", f"/{LEADS}", name, NOON, NOON, {"record": body}),),
        owed=(Owed(name, "crm", "r"),),
    )


async def live(place, life):
    """One life of the store: open it, commit and settle, close it in good order."""
    async with await Store.open(place / "watcher.db") as store:
        if life:  # the log goes over into the store, and begins anew, every few commits
            await store._look(lambda db: db.execute("PRAGMA wal_autocheckpoint = 30").fetchone())
        for step in range(STEPS):
            number = life * STEPS + step
            await store.commit(told(number))
            acknowledge(f"told {number}")
            if step % 3 == 2:
                (delivery,) = await store.due("crm", NOON, 1)
                done = step % 2 == 0
                await store.settle(delivery, Delivered("ok", "thread") if done else RetryAt(NOON, "no"), NOON)
                if done:
                    acknowledge(f"settled {delivery.number}")
            if step == COPIED_AT and life:
                await asyncio.to_thread(backup, place / "watcher.db", place / "copy.db", force=life > 1)
                acknowledge(f"copied {number}")


async def main(place):
    """All lives, one after the other."""
    for life in range(LIVES):
        await live(place, life)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
