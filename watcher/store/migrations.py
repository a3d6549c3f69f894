"""Bringing a store up to the newest version of the schema, one step after the other.

Step n leads from version n - 1 to n, which `PRAGMA user_version` counts. A step that has been released is never
changed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from importlib import resources

from watcher.errors import StoreRuined

STEPS = ("schema.sql", "schema2.sql", "schema3.sql", "schema4.sql")

NEWEST = len(STEPS)
"""The version that this program writes."""


def migrate(db: sqlite3.Connection, steps: Sequence[str] | None = None) -> None:
    """Take every step that is missing, each in a transaction of its own together with its number.

    `steps` are the scripts themselves (default: those of this package). Raises StoreRuined for a newer store.
    """
    scripts = _shipped() if steps is None else steps
    have = version(db)
    refuse_newer(have, len(scripts))
    for number, script in enumerate(scripts[have:], have + 1):
        try:
            # In the script, because `executescript` ends a transaction that was begun before it.
            db.executescript(f"BEGIN IMMEDIATE;\n{script}\n;PRAGMA user_version = {number};\nCOMMIT;")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise


def version(db: sqlite3.Connection) -> int:
    """The version of the store's schema; 0 before the first step."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def refuse_newer(have: int, newest: int = NEWEST) -> None:
    """Raise StoreRuined, naming both versions, when the store is newer than the program."""
    if have > newest:
        raise StoreRuined(
            f"the store has version {have}, but this watcher knows versions up to {newest} only: "
            "install the watcher that wrote it, or put back a copy from before"
        )


def _shipped() -> tuple[str, ...]:
    return tuple(resources.files("watcher.store").joinpath(step).read_text("utf-8") for step in STEPS)
