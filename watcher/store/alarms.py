"""The alarms, as the tick asks for them."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from watcher.model import Alarm
from watcher.store import forms

_RINGING = """
SELECT kind, source, key, name, due_at, data FROM alarms
WHERE due_at <= ? ORDER BY due_at, kind, source, key, name LIMIT ?
"""


def ringing(db: sqlite3.Connection, now: datetime, limit: int) -> list[Alarm]:
    """Alarms that are due, earliest first."""
    return list(map(forms.alarm, db.execute(_RINGING, (forms.micros(now), limit))))


def next_ring(db: sqlite3.Connection) -> datetime | None:
    """When the next alarm falls due; None when none is armed."""
    (due_at,) = db.execute("SELECT min(due_at) FROM alarms").fetchone()
    return None if due_at is None else forms.moment(due_at)
