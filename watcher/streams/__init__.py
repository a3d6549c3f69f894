"""What a record is and what its changes mean: one pure table a stream."""

from collections.abc import Mapping

from watcher.streams.contracts import CONTRACTS
from watcher.streams.leads import LEADS
from watcher.streams.purchases import PURCHASES
from watcher.streams.stream import Detail, Milestone, Stream

STREAMS: Mapping[str, Stream] = {stream.name: stream for stream in (LEADS, CONTRACTS, PURCHASES)}

REAPPEARED = "record-reappeared"
"""The event of any stream's record that is back after it was removed."""

OPERATIONAL = (
    "source-failing",
    "source-recovered",
    "source-silent",
    "source-drifted",
    "removals-held",
    "budget-low",
    "sink-failing",
    "sink-recovered",
    "store-failing",
)
"""The events that watcher tells of itself (docs/events.md)."""


def catalogue() -> tuple[str, ...]:
    """Every event type there is, in the order of docs/events.md."""
    told = (event for stream in STREAMS.values() for event in stream.event_types())
    return (*told, REAPPEARED, *OPERATIONAL)


__all__ = [
    "CONTRACTS",
    "LEADS",
    "OPERATIONAL",
    "PURCHASES",
    "REAPPEARED",
    "STREAMS",
    "Detail",
    "Milestone",
    "Stream",
    "catalogue",
]
