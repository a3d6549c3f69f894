"""How often each source is polled when the configuration does not say: planned from its account's budget.

Pure. Leads come first: a lead answered within minutes is worth many answered later, so they get four times the
requests of contracts. A fifth of a day's budget is left for retries, full reads and the operator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from watcher.model import SourceName
from watcher.units import Rate

DAY = timedelta(days=1)

FASTEST = timedelta(seconds=60)
"""Nobody gains from polling faster by default: people do not answer faster."""

RESERVE = 0.2
"""The share of a day's budget that is not planned."""

WEIGHTS: Mapping[str, float] = {"apimo.leads": 4.0}
"""How much more often a stream is polled than the others (1)."""


@dataclass(frozen=True, slots=True)
class Need:
    """One source: its interval where the configuration gives one, and how often it is read in full besides."""

    name: SourceName
    every: timedelta | None
    reconcile: timedelta | None


def intervals(needs: Sequence[Need], budget: Rate | None, max_rate: Rate) -> dict[SourceName, timedelta]:
    """The interval of each source of one account.

    What the configuration gives is taken as it is; the others share what is left of the day's budget (or of half the
    rate, where there is no budget) by their weights, and none is polled faster than once a minute.
    """
    given = {need.name: need.every for need in needs if need.every}
    open_ = [need.name for need in needs if not need.every]
    daily = budget.count * (1 - RESERVE) if budget else max_rate.count / max_rate.seconds * DAY.total_seconds() / 2
    left = max(daily - sum(DAY / every for every in given.values()), 1.0)
    weights = {name: WEIGHTS.get(name.stream, 1.0) for name in open_}
    total = sum(weights.values())
    planned = {name: max(FASTEST, DAY / (left * weight / total)) for name, weight in weights.items()}
    return {need.name: given.get(need.name) or planned[need.name] for need in needs}
