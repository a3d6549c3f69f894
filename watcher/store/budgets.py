"""Requests made, counted by account and day."""

from __future__ import annotations

import sqlite3

_SPEND = """
INSERT INTO budgets (account, day, spent) SELECT ?1, ?2, 1 WHERE ?3 > 0
ON CONFLICT (account, day) DO UPDATE SET spent = spent + 1 WHERE spent < ?3
RETURNING spent
"""


def spend(db: sqlite3.Connection, account: str, day: str, limit: int) -> int:
    """Count one request and return how many are left after it; -1, and nothing counted, when there was none left."""
    rows = db.execute(_SPEND, (account, day, limit)).fetchall()
    return limit - int(rows[0][0]) if rows else -1


def spent(db: sqlite3.Connection, account: str, day: str) -> int:
    """How many requests of that day are counted."""
    row = db.execute("SELECT spent FROM budgets WHERE account = ? AND day = ?", (account, day)).fetchone()
    return int(row[0]) if row else 0
