"""A program that commits, and tries once more when that fails; run under a tracer that makes system calls fail.

faulty.py STORE COUNT      prints `done N` for each commit and `failed TEXT` for each failure; exit 74 if it cannot open
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from store_samples import LEADS, NOON, event, version

from watcher.errors import StoreError
from watcher.model import Owed, Plan
from watcher.store.sqlite import Store


def say(line: str) -> None:
    """Print it at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def told(number: int) -> Plan:
    """A plan with a record, an event about it and a message owed."""
    name = f"n{number}"
    return Plan(NOON, LEADS, versions=(version(name),), events=(event(name, name),), owed=(Owed(name, "crm", "r"),))


async def main(path: Path, count: int) -> None:
    """Commit so many plans, with a log that is emptied often."""
    try:
        store = await Store.open(path)
    except StoreError as error:
        say(f"failed {error}")
        sys.exit(74)
    async with store:
        await store._look(lambda db: db.execute("PRAGMA wal_autocheckpoint = 16").fetchone())
        for number in range(count):
            for last in (False, True):
                try:
                    await store.commit(told(number))
                except StoreError as error:
                    say(f"failed {error}")
                    if last:
                        raise
                else:
                    break
            say(f"done {number}")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
