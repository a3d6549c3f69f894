"""What a record is and what its changes mean: one pure table a stream."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from watcher.streams.contracts import CONTRACTS
from watcher.streams.leads import LEADS
from watcher.streams.purchases import PURCHASES
from watcher.streams.stream import Detail, Milestone, Stream

_KNOWN = {stream.name: stream for stream in (LEADS, CONTRACTS, PURCHASES)}

STREAMS: Mapping[str, Stream] = MappingProxyType(_KNOWN)
"""Every stream by its name: those that come with watcher, and those that were learned."""


def learn(streams: Iterable[Stream]) -> None:
    """Add streams that another package describes; once, before anything is read (`sources.api_types`)."""
    _KNOWN.update({stream.name: stream for stream in streams})


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
    "learn",
]
