"""The outbox: deliveries a second to a webhook on loopback, their order, and memory with 100,000 owed."""

from __future__ import annotations

from bench.figure import Figure, exactly
from bench.processes import child
from bench.scope import Scope

OWED, RECORDS = 100_000, 500


def measure(scope: Scope) -> list[Figure]:
    """Owe 100,000, then deliver for some seconds from another process."""
    directory = scope.place("outbox")
    child("drain", directory, scope.vendor.url, "owe", OWED)
    scope.vendor.forget()
    found = child("drain", directory, scope.vendor.url, "drain", scope.pick(4, 20))
    told = scope.vendor.hooks()
    seconds = told[-1][0] - told[0][0]
    last: dict[str, int] = {}
    for _, _, subject, sequence in told:
        exactly(sequence > last.get(subject, 0), True, f"the order of record {subject}")
        last[subject] = sequence
    sequences = [sequence for *_, sequence in told]
    exactly(len(set(sequences)), len(sequences), "deliveries, none twice")
    return [
        Figure(
            "outbox.rate", (len(told) - 1) / seconds, "a second", "deliveries to one webhook on loopback, at_once = 32"
        ),
        Figure("outbox.core", found["cpu"] / len(told) * 1000, "ms", "processor time of a delivery"),
        Figure("outbox.rss", found["rss"], "MiB", f"the most that a process held with {OWED:,} owed"),
    ]
