"""Silences: what is not to be told for a while. One that is over stays, as part of the history."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import datetime

from watcher.model import Alarm, Silence
from watcher.store import alarms, forms
from watcher.store.forms import json, micros

_ADD = "INSERT INTO silences (matchers, author, comment, since, until) VALUES (?, ?, ?, ?, ?) RETURNING number"
_SILENCES = "SELECT number, matchers, author, comment, since, until FROM silences"
_END = """
UPDATE silences SET until = ?2 WHERE number = ?1 AND until > ?2
RETURNING number, matchers, author, comment, since, until
"""


def add(
    db: sqlite3.Connection, matchers: Mapping[str, str], author: str, comment: str, since: datetime, until: datetime
) -> Silence:
    """Write it down, and arm the alarm of its end."""
    ((number,),) = db.execute(_ADD, (json(matchers), author, comment, micros(since), micros(until))).fetchall()
    alarms.arm(db, [_alarm(number, until)])
    return Silence(number, dict(matchers), author, comment, since, until)


def listed(db: sqlite3.Connection, now: datetime | None) -> list[Silence]:
    """Those that are active at that time, or all of them, by number."""
    if now is None:
        rows = db.execute(f"{_SILENCES} ORDER BY number")
    else:
        rows = db.execute(f"{_SILENCES} WHERE until > ?1 AND since <= ?1 ORDER BY number", (micros(now),))
    return list(map(forms.silence, rows))


def end(db: sqlite3.Connection, number: int, now: datetime) -> Silence | None:
    """End it before its time, its alarm due now; None when there is none of that number or it is over."""
    rows = db.execute(_END, (number, micros(now))).fetchall()
    if not rows:
        return None
    alarms.arm(db, [_alarm(number, now)])
    return forms.silence(rows[0])


def _alarm(number: int, due_at: datetime) -> Alarm:
    return Alarm("silence", "", str(number), "", due_at)
