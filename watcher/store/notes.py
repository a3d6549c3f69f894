"""What the program writes down for itself: short texts by name, beside the store's own."""

from __future__ import annotations

import sqlite3

_REMEMBER = "INSERT INTO meta VALUES ('note/' || ?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"


def remember(db: sqlite3.Connection, key: str, text: str) -> None:
    """Keep the text under that name, in place of the one that was there."""
    db.execute(_REMEMBER, (key, text))


def recall(db: sqlite3.Connection, key: str) -> str | None:
    """What was kept under that name last; None for nothing."""
    row = db.execute("SELECT value FROM meta WHERE key = 'note/' || ?", (key,)).fetchone()
    return str(row[0]) if row else None
