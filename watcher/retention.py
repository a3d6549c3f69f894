"""For how long what is personal is kept, and what has had its time.

Pure. Time counts for the current state of a record once it is finished or removed, from its last change; for all that
came before it, and for events, from when they were seen. What nobody has touched for the ceiling goes in any case.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from watcher.streams.canonical import EXPIRED, GONE, WITHHELD
from watcher.veil import Act, expirer

USUAL = timedelta(days=365)
"""How long the personal data of a stream's records is kept, where nothing else is said."""

USUAL_SINK = timedelta(days=90)
"""How long what a sink said of a message is kept."""

CEILING = timedelta(days=3 * 365)
"""How long anything personal is kept at most: so long after the last contact, says the CNIL of prospects."""

SHORTER: Mapping[str, timedelta] = {"adlead.purchases": timedelta(days=90)}
"""Once a buyer has signed or canceled, nothing more is to come."""


@dataclass(frozen=True, slots=True)
class Retention:
    """`[retention]`: how long, by stream and by sink; `ceiling` is the most."""

    streams: Mapping[str, timedelta] = field(default_factory=dict)
    sinks: Mapping[str, timedelta] = field(default_factory=dict)
    ceiling: timedelta = CEILING

    def of(self, stream: str) -> timedelta:
        """How long the personal data of a stream's records is kept."""
        return min(self.streams.get(stream, SHORTER.get(stream, USUAL)), self.ceiling)

    def of_sink(self, sink: str) -> timedelta:
        """How long is kept what a sink said."""
        return min(self.sinks.get(sink, USUAL_SINK), self.ceiling)

    def over(self, stream: str, now: datetime) -> datetime:
        """From before when the personal data of a stream's records has had its time."""
        return now - self.of(stream)


def stepper(key: bytes) -> Act:
    """What becomes of a value that has had its time: a hash, and nothing of one that was kept as a hash only."""
    expired = expirer(key)

    def step(value: Any) -> Any:
        hashed = isinstance(value, str) and value.startswith(WITHHELD) and not value.startswith(EXPIRED)
        return GONE if hashed else expired(value)

    return step
