"""A wall clock that was ahead and was set back: what it put off until a time that is long to come is due now.

Nobody has to have seen it happen: what was written down at a time still to come says so.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime

from watcher.store.forms import micros

_OWED = """
UPDATE deliveries SET due_at = ?1
WHERE state = 'owed' AND due_at > ?1
  AND (released_at > ?1 OR EXISTS (SELECT 1 FROM attempts WHERE delivery = number AND at > ?1))
"""
# Opening hours and digests are moments of the wall clock itself, and stay.
_WAITING = """
UPDATE alarms SET due_at = ?1
WHERE kind = 'release' AND due_at > ?1 AND json_extract(data, '$.why') IN ('group', 'throttle', 'flood')
  AND EXISTS (SELECT 1 FROM events WHERE recorded_at > ?1)
"""


def call_in(db: sqlite3.Connection, now: datetime) -> int:
    """Have it due now; return how much it was."""
    return sum(db.execute(statement, (micros(now),)).rowcount for statement in (_OWED, _WAITING))
