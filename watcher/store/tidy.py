"""Throwing away what only grows and says nothing any more."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta
from typing import NamedTuple

from watcher.store import forms, polls
from watcher.store.forms import micros

BUDGETS_KEPT = timedelta(days=14)
"""How long the requests of a day stay counted; only those of the vendor's today are ever asked for."""

_DOUBTFUL = "SELECT id, state FROM sources WHERE id IN (SELECT source FROM unread)"
_READ = "DELETE FROM unread WHERE source = ? AND met_at < ?"
_OLD = "DELETE FROM budgets WHERE day < ?"


class Tidied(NamedTuple):
    """How much was thrown away."""

    unread: int
    budgets: int


def tidy(db: sqlite3.Connection, now: datetime) -> Tidied:
    """Throw away the records set aside that the last full read of their source did not bring, and old budgets."""
    unread = 0
    for source, state in db.execute(_DOUBTFUL).fetchall():
        full_at = forms.state(state).full_at
        if full_at is not None:
            unread += db.execute(_READ, (source, micros(full_at))).rowcount
    # By the day before in any zone: whose day it is, the vendor says.
    budgets = db.execute(_OLD, ((now - BUDGETS_KEPT).date().isoformat(),)).rowcount
    polls.tidy(db, now)
    return Tidied(unread, budgets)
