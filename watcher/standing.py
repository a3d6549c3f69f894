"""How everything fares, as the configuration and the store tell it: what `status`, `/status` and the metrics show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from watcher.app import plans
from watcher.model import Condition, Silence, SourceState
from watcher.shapes import Config
from watcher.store.outbox import Counts, Pause
from watcher.store.read import Reader, SourceRow
from watcher.streams.dates import PARIS

LATELY = timedelta(days=1)
"""How long it is shown that somebody may have been told twice."""


@dataclass(frozen=True, slots=True)
class SourceStanding:
    """A source: how it is read, how the last read of it went, and its troubles.

    `every` is the interval at this time of the day, in seconds; None for a source that is not configured any more.
    """

    name: str
    every: float | None
    baselined_at: datetime | None
    read_at: datetime | None
    full_at: datetime | None
    next_full_at: datetime | None
    records: int
    removed: int
    failures: int
    failing_since: datetime | None
    last_error: str
    troubles: tuple[Condition, ...]
    paused: Pause | None = None

    @property
    def well(self) -> bool:
        """Whether its last read was good and nothing is the matter; that an operator paused it is no trouble."""
        return not self.failures and not self.troubles


@dataclass(frozen=True, slots=True)
class SinkStanding:
    """A sink: what it is owed and since when, what was given up, and whether it is paused. `type` None: parked.

    `held` wait by their rules: for an opening, a group, a digest, the end of a flood. `maybe_twice` were taken lately
    after an attempt of which no answer came: they may have been told twice.
    """

    name: str
    type: str | None
    owed: int
    oldest: datetime | None
    dead: int
    paused: Pause | None
    troubles: tuple[Condition, ...]
    held: int = 0
    maybe_twice: int = 0

    @property
    def parked(self) -> int:
        """How much waits for a sink that is not configured any more."""
        return self.owed + self.held if self.type is None else 0

    @property
    def well(self) -> bool:
        """Whether it takes what it is sent, and nothing of it was given up or has nowhere to go."""
        refused = self.paused and not self.paused.asked
        return not (self.dead or refused or self.troubles or self.parked)


@dataclass(frozen=True, slots=True)
class AccountStanding:
    """An account: its requests of today, counted where it has a budget."""

    name: str
    budget: int | None
    spent: int

    @property
    def left(self) -> int | None:
        """How many requests it may still make today."""
        return None if self.budget is None else max(0, self.budget - self.spent)


@dataclass(frozen=True, slots=True)
class Process:
    """What only a running daemon knows of itself.

    `uptime` is in seconds, `generation` counts the configurations taken up, `reload_error` is what is wrong with the
    one that it would not take up.
    """

    running: bool = False
    uptime: float = 0.0
    generation: int = 0
    reload_error: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """All of it; `troubles` has every trouble that lasts, those of sources and sinks too."""

    process: Process
    sources: tuple[SourceStanding, ...]
    sinks: tuple[SinkStanding, ...]
    accounts: tuple[AccountStanding, ...]
    troubles: tuple[Condition, ...]
    silences: tuple[Silence, ...] = ()

    @property
    def well(self) -> bool:
        """Whether nothing is in trouble."""
        sources, sinks = all(source.well for source in self.sources), all(sink.well for sink in self.sinks)
        return sources and sinks and not self.troubles and self.process.running and not self.process.reload_error


def standing(config: Config, reader: Reader, now: datetime, process: Process) -> Standing:
    """Put together what the configuration wants and what the store knows."""
    troubles = reader.conditions()
    rows = {str(row.name): row for row in reader.sources()}
    every = {
        str(source): pace.at(now, config.timezone).total_seconds()
        for planned in plans(config).values()
        for source, pace in planned.items()
    }
    counts, paused, resting = reader.owed_counts(), reader.paused(), reader.paused_sources()
    twice = reader.maybe_twice(now - LATELY)
    today = now.astimezone(PARIS).date().isoformat()
    spent = {row.account: row.spent for row in reader.budgets() if row.day == today}
    return Standing(
        process=process,
        sources=tuple(
            _source(name, every.get(name), rows.get(name), _of(troubles, name), resting.get(name))
            for name in dict.fromkeys((*every, *rows))
        ),
        sinks=tuple(
            _sink(name, config, counts.get(name), paused.get(name), _of(troubles, name), twice.get(name, 0))
            for name in dict.fromkeys((*config.sinks, *counts))
        ),
        accounts=tuple(
            AccountStanding(name, account.budget.count if account.budget else None, spent.get(name, 0))
            for name, account in config.accounts.items()
        ),
        troubles=troubles,
        silences=tuple(reader.silences(now)),
    )


def _of(troubles: tuple[Condition, ...], subject: str) -> tuple[Condition, ...]:
    return tuple(trouble for trouble in troubles if trouble.subject == subject)


def _source(
    name: str, every: float | None, row: SourceRow | None, troubles: tuple[Condition, ...], paused: Pause | None
) -> SourceStanding:
    state = row.state if row else SourceState()
    return SourceStanding(
        name=name,
        every=every,
        baselined_at=state.baselined_at,
        read_at=state.read_at,
        full_at=state.full_at,
        next_full_at=state.next_full_at,
        records=row.present if row else 0,
        removed=row.removed if row else 0,
        failures=state.failures,
        failing_since=state.failing_since,
        last_error=state.last_error,
        troubles=troubles,
        paused=paused,
    )


def _sink(
    name: str, config: Config, counts: Counts | None, pause: Pause | None, troubles: tuple[Condition, ...], twice: int
) -> SinkStanding:
    settings = config.sinks.get(name)
    owed, dead, oldest, held = counts or Counts(0, 0, None)
    return SinkStanding(name, settings.type if settings else None, owed, oldest, dead, pause, troubles, held, twice)
