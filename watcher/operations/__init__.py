"""What an operator may ask for: each a function over the `Core`, the same through the daemon's socket and without it.

They take and return plain JSON values; what is wrong with a request is a `Refused`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from watcher.operations.kit import Refused
from watcher.operations.leads import lead_create
from watcher.operations.outbox import drop, redrive, replay, resend, sink_test, specimen
from watcher.operations.people import erase
from watcher.operations.quiet import end_silence, pause, resume, silence
from watcher.operations.sources import baseline, confirm, poll, probe, resync

__all__ = ["OPERATIONS", "Operation", "Refused", "end_silence", "pause", "probe", "silence", "specimen"]

Operation = Callable[..., Awaitable[dict[str, Any]]]

OPERATIONS: Mapping[str, Operation] = {
    "poll": poll,
    "resync": resync,
    "baseline": baseline,
    "confirm": confirm,
    "redrive": redrive,
    "resend": resend,
    "drop": drop,
    "sink-test": sink_test,
    "pause": pause,
    "resume": resume,
    "silence": silence,
    "end-silence": end_silence,
    "replay": replay,
    "erase": erase,
    "lead-create": lead_create,
    "probe": probe,
}
