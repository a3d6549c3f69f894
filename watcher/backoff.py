"""How long to wait after a failure. Pure: time and luck are arguments."""

from __future__ import annotations

from datetime import datetime, timedelta

from watcher.errors import Permanent, Transient
from watcher.model import Dead, Delivery, Outcome, RetryAt

SCHEDULE = tuple(timedelta(seconds=s) for s in (5, 30, 120, 600, 1800, 3600, 7200, 18000, 36000, 50400, 72000, 86400))
"""The waits after the first attempt and each one after it; when they are used up, the delivery is dead."""

JITTER = 0.1
"""Up to so much of a wait is added by luck, so that what failed together does not come back together."""

LONGEST = timedelta(hours=24)
"""However long a peer asks us to wait."""

POLL_CEILING = timedelta(minutes=15)
"""A failing source is tried again at least this often, for ever."""


def after(delivery: Delivery, error: Exception, now: datetime, luck: float) -> Outcome:
    """Say what follows a failed attempt: another one, or the dead letters. `luck` is in [0, 1)."""
    match error:
        case Permanent():
            return Dead(error.reason, refused=error.refused)
        case Transient():
            reason, asked, unanswered, note = error.reason, error.retry_after, error.unanswered, error.note
        case _:  # a sink's bug: its type says enough, its text may hold anything
            reason, asked, unanswered, note = f"the sink failed: {type(error).__name__}", None, False, delivery.note
    if delivery.attempts >= len(SCHEDULE):
        return Dead(f"{reason} (given up after {delivery.attempts + 1} attempts)")
    wait = SCHEDULE[delivery.attempts] * (1 + JITTER * luck)
    if asked is not None:
        wait = max(wait, _asked(asked))
    return RetryAt(now + wait, reason, unanswered=unanswered, note=note)


def poll_wait(every: timedelta, failures: int, error: Transient | Permanent, luck: float) -> timedelta:
    """Say how long to leave a source alone after so many failures in a row (1 for the first).

    The wait doubles up to 15 minutes, and is that at once when we were refused; the vendor's own word counts if longer.
    """
    ceiling = max(POLL_CEILING, every)
    if isinstance(error, Permanent):
        wait = ceiling if error.refused else min(ceiling, every * (1 << min(failures, 16)))
        return wait * (1 + JITTER * luck)
    wait = min(ceiling, every * (1 << min(failures, 16))) * (1 + JITTER * luck)
    return max(wait, _asked(error.retry_after or 0.0))


def _asked(seconds: float) -> timedelta:
    """A peer's own word for how long to wait, within reason, whatever it says."""
    return timedelta(seconds=min(seconds, LONGEST.total_seconds())) if seconds > 0 else timedelta(0)
