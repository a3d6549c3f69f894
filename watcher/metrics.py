"""The figures that Prometheus reads. What happens is counted as it happens; what is, is looked up when it is asked for.

Few labels: a source is known by its account and stream, never by its partition, so that a network of a thousand
agencies has as many series as one agency. Which of them is the matter is what `/readyz` and `watcher sources` say.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from prometheus_client import CollectorRegistry, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client import Counter as Count
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from watcher import __version__
from watcher.daemon import Daemon
from watcher.model import Dead, Delivered, Delivery, Outcome, Plan, RetryAt, SourceName
from watcher.ping import FAILED as UNSENT
from watcher.ping import SENT, WITHHELD
from watcher.poll import Look
from watcher.standing import SourceStanding, Standing
from watcher.streams import catalogue
from watcher.troubles import BUDGET_LOW, DRIFTED, FAILING, HELD, QUIET, SILENT, SINK_FAILING, STORE_FAILING

TROUBLES = (FAILING, SILENT, QUIET, DRIFTED, HELD, BUDGET_LOW, SINK_FAILING, STORE_FAILING)
"""The types of trouble that are there, at zero, also while none lasts: a rule cannot compare what is missing."""

OK, INCOMPLETE, FAILED = "ok", "incomplete", "failed"
"""What a poll came to: everything read, an answer that did not add up, none that could be used."""

DELIVERED, RETRIED, DEAD = "delivered", "retried", "dead"
"""What an attempt came to."""

NEW, WELL, BLIND, PAUSED = "new", "ok", "failing", "paused"
"""How a source is: not read yet, read, failing or silent, left alone by an operator."""

SIZE, LOG_SIZE, FREE = "store_size_bytes", "store_wal_size_bytes", "store_free_bytes"

_SIZES = {
    SIZE: "The size of the store's file.",
    LOG_SIZE: "The size of the store's write-ahead log.",
    FREE: "The space left where the store is.",
}
_POLL = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_DETECTION = (5, 15, 30, 60, 120, 300, 600, 1800, 3600, 6 * 3600, 24 * 3600)
_DELIVERY = (0.1, 0.5, 1, 2.5, 5, 15, 60, 300, 900, 3600, 6 * 3600, 24 * 3600)
_LAG = (0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)

_STREAM, _SINK = ("account", "stream"), ("sink",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is, at one moment; `figures` makes metrics of it.

    `standing` is None when the store could not be read. `silent_after` is by source, `failures` counts by rule the
    conditions that failed since the configuration was `taken_up`. `turns` has when each loop came round last, `sizes`
    what `sizes_of` said.
    """

    at: datetime
    started: datetime
    taken_up: datetime
    reload_well: bool = True
    writable: bool = True
    standing: Standing | None = None
    silent_after: Mapping[str, timedelta] = field(default_factory=dict)
    failures: Mapping[str, int] = field(default_factory=dict)
    turns: Mapping[str, datetime] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)


class Metrics(Collector):
    """A registry of our own: the counters and histograms, and the figures of the `facts` that were set last."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a third more series, and `expect` makes them useless
        self.registry = CollectorRegistry()
        self.facts: Facts | None = None
        self.polls = self._counter("polls", "Polls by the schedule, by what they came to.", (*_STREAM, "outcome"))
        self.changes = self._counter("changes", "Changes of records that polls found.", _STREAM)
        self.events = self._counter("events", "Events committed, by type.", ("type",))
        self.deliveries = self._counter("deliveries", "Attempts to deliver, by what they came to.", (*_SINK, "outcome"))
        self.pings = self._counter("pings", "Pings to `[status] ping`, by what they came to.", ("outcome",))
        self.poll = self._histogram("poll_duration", "How long a poll took, all its pages.", _POLL, _STREAM)
        self.detection = self._histogram(
            "detection_delay", "From a change upstream, by the vendor's clock, to its being seen.", _DETECTION, _STREAM
        )
        self.delivery = self._histogram(
            "delivery_delay", "From when a message could be sent to when its sink took it.", _DELIVERY, _SINK
        )
        self.lag = self._histogram("event_loop_lag", "How much later than asked for the event loop woke.", _LAG, ())
        ProcessCollector(registry=self.registry)
        self.registry.register(self)

    def _counter(self, name: str, text: str, labels: tuple[str, ...]) -> Count:
        return Count(f"watcher_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], labels: tuple[str, ...]) -> Histogram:
        return Histogram(f"watcher_{name}_seconds", text, labels, registry=self.registry, buckets=buckets)

    def collect(self) -> Iterator[Metric]:
        """The figures of the facts that were set last."""
        return figures(self.facts) if self.facts else iter(())

    def expect(self, daemon: Daemon) -> None:
        """Have a series at zero for everything configured: the first failure of all is an increase, too."""
        config = daemon.core.parts.config
        for kind in catalogue():
            self.events.labels(kind)
        for account, stream in dict.fromkeys((source.name.account, source.name.stream) for source in config.sources):
            for outcome in (OK, INCOMPLETE, FAILED):
                self.polls.labels(account, stream, outcome)
            for instrument in (self.changes, self.poll, self.detection):
                instrument.labels(account, stream)
        for outcome in (SENT, UNSENT, WITHHELD) if config.ping else ():
            self.pings.labels(outcome)
        for sink in config.sinks:
            for outcome in (DELIVERED, RETRIED, DEAD):
                self.deliveries.labels(sink, outcome)
            self.delivery.labels(sink)

    # ------------------------------------------------------------------------------------------------ what happens

    def pinged(self, outcome: str) -> None:
        """Count a ping, sent or not."""
        self.pings.labels(outcome).inc()

    def polled(self, source: SourceName, seen: Look, seconds: float) -> None:
        """Count a poll."""
        labels = (source.account, source.stream)
        self.polls.labels(*labels, FAILED if seen.error else INCOMPLETE if seen.doubt else OK).inc()
        self.poll.labels(*labels).observe(seconds)
        self.changes.labels(*labels).inc(seen.changes)
        for seconds_late in delays(seen.plan):
            self.detection.labels(*labels).observe(seconds_late)

    def heard(self, plan: Plan) -> None:
        """Count the events of a plan that was committed."""
        for event in plan.events:
            self.events.labels(event.type).inc()

    def settled(self, delivery: Delivery, outcome: Outcome, now: datetime) -> None:
        """Count an attempt."""
        match outcome:
            case Delivered():
                name = DELIVERED
                # What was held back on purpose (hours, digests) was not late: before a first attempt, `due_at` is
                # when it was let go.
                since = delivery.owed_at if delivery.attempts else delivery.due_at
                self.delivery.labels(delivery.sink).observe(max(0.0, (now - since).total_seconds()))
            case RetryAt():
                name = RETRIED
            case Dead():
                name = DEAD
        self.deliveries.labels(delivery.sink, name).inc()


def delays(plan: Plan) -> Iterator[float]:
    """Seconds from each change upstream to its being seen, once a change, where the vendor says when it was.

    The records of a first read have been there for years: they say nothing of how quick we are.
    """
    if plan.state is None or plan.state.baselined_at == plan.at:
        return
    told = set()
    for event in plan.events:
        change = event.data.get("change")
        if change and change not in told and event.data["changes"] and event.time != event.recorded_at:
            told.add(change)
            yield max(0.0, (event.recorded_at - event.time).total_seconds())  # the vendor's clock may be ahead


# -------------------------------------------------------------------------------------------------------- what is


def sizes_of(store: Path) -> dict[str, int]:
    """Bytes of the store's file, of its log, and those free where they are; what cannot be had is left out."""
    sizes = {}
    for name, path in ((SIZE, store), (LOG_SIZE, store.with_name(f"{store.name}-wal"))):
        with suppress(OSError):
            sizes[name] = path.stat().st_size
    with suppress(OSError):
        sizes[FREE] = shutil.disk_usage(store.parent).free
    return sizes


def facts(daemon: Daemon, standing: Standing | None, now: float) -> Facts:
    """What the daemon knows of itself, and what the store says; `now` is the event loop's time."""
    core = daemon.core
    at, desk = core.clock(), core.parts.desk
    conditional = [rule.name for rule in desk.rules if rule.when or rule.timer]
    return Facts(
        at=at,
        started=daemon.started,
        taken_up=daemon.taken_up,
        reload_well=not daemon.reload_error,
        writable=daemon.trouble is None,
        standing=standing,
        silent_after={name: watch.silent_after for name, watch in core.parts.watches.items()},
        failures={**dict.fromkeys(conditional, 0), **desk.failures},
        turns={name: at - timedelta(seconds=now - turn) for name, turn in daemon.turns.items()},
        sizes=sizes_of(core.parts.config.state_path),
    )


def figures(known: Facts) -> Iterator[Metric]:
    """The metrics of what is, with all that is known of it."""
    yield InfoMetricFamily("watcher_build", "The version that runs.", {"version": __version__})
    yield _one("config_last_reload_successful", "1 when the last configuration was taken up.", known.reload_well)
    yield _one(
        "config_last_reload_success_timestamp_seconds",
        "When the configuration in force was taken up.",
        known.taken_up.timestamp(),
    )
    up = known.writable and known.standing is not None
    yield _one("store_up", "1 when the store can be read and written.", up)
    turns = _gauge("loop_last_turn_timestamp_seconds", "When each of the daemon's loops came round last.", ("loop",))
    for loop, turn in known.turns.items():
        turns.add_metric([loop], turn.timestamp())
    yield turns
    failed = CounterMetricFamily(
        "watcher_rule_condition_failures",
        "Conditions that failed, and so did not match, since the configuration was taken up.",
        labels=("rule",),
    )
    for rule, count in known.failures.items():
        failed.add_metric([rule], count)
    yield failed
    for name, size in known.sizes.items():
        yield _one(name, _SIZES[name], size)
    if known.standing:
        yield from _of_sources(known, known.standing)
        yield from _of_sinks(known.standing)
        yield from _of_accounts(known.standing)
        yield from _of_troubles(known.standing)


def _of_sources(known: Facts, standing: Standing) -> Iterator[Metric]:
    count = _gauge(
        "sources", "Sources by how they are: new, ok, failing (silent ones too), paused.", (*_STREAM, "state")
    )
    last = _gauge(
        "source_last_read_timestamp_seconds",
        "When that source was last read that was not read for longest; paused ones left out.",
        _STREAM,
    )
    stale = _gauge(
        "source_staleness_ratio",
        "The worst time since a source was read, as part of the time after which it is silent; paused ones left out.",
        _STREAM,
    )
    groups: dict[tuple[str, str], list[SourceStanding]] = {}
    for source in standing.sources:
        if source.every is not None:  # else it is not configured any more
            name = SourceName.parse(source.name)
            groups.setdefault((name.account, name.stream), []).append(source)
    for labels, sources in groups.items():
        states = Counter(map(state_of, sources))
        for state in (NEW, WELL, BLIND, PAUSED):
            count.add_metric([*labels, state], states[state])
        awake = [source for source in sources if not source.paused]
        if awake:
            stale.add_metric(labels, max(_staleness(known, source) for source in awake))
        if read := [source.read_at.timestamp() for source in awake if source.read_at]:
            last.add_metric(labels, min(read))
    yield from (count, last, stale)


def state_of(source: SourceStanding) -> str:
    """How a source is."""
    if source.paused:
        return PAUSED
    if any(trouble.type in (FAILING, SILENT) for trouble in source.troubles):
        return BLIND
    return WELL if source.baselined_at else NEW


def _staleness(known: Facts, source: SourceStanding) -> float:
    heard = max(known.started, source.read_at or known.started)  # while we did not run, nobody could be silent
    limit = known.silent_after.get(source.name)
    return max(0.0, (known.at - heard) / limit) if limit else 0.0


def _of_sinks(standing: Standing) -> Iterator[Metric]:
    owed = _gauge("outbox_owed", "Deliveries owed and not taken yet.", _SINK)
    held = _gauge("outbox_held", "Deliveries that wait for hours, digests, groups or limits.", _SINK)
    oldest = _gauge("outbox_oldest_timestamp_seconds", "Since when the oldest delivery is owed.", _SINK)
    dead = _gauge("dead_letters", "Deliveries given up and neither redriven nor dropped.", _SINK)
    paused = _gauge("sink_paused", "1 while a sink is paused, by an operator or because it refused us.", _SINK)
    for sink in standing.sinks:
        label = [sink.name]
        owed.add_metric(label, sink.owed)
        held.add_metric(label, sink.held)
        dead.add_metric(label, sink.dead)
        paused.add_metric(label, sink.paused is not None)
        if sink.oldest:
            oldest.add_metric(label, sink.oldest.timestamp())
    yield from (owed, held, oldest, dead, paused)


def _of_accounts(standing: Standing) -> Iterator[Metric]:
    limit = _gauge("budget_limit_requests", "Requests that an account may make a day.", ("account",))
    left = _gauge("budget_remaining_requests", "Requests that an account may still make today.", ("account",))
    for account in standing.accounts:
        if account.budget is not None and account.left is not None:
            limit.add_metric([account.name], account.budget)
            left.add_metric([account.name], account.left)
    yield from (limit, left)


def _of_troubles(standing: Standing) -> Iterator[Metric]:
    lasting = _gauge("troubles", "Troubles that last, by type.", ("type",))
    counted = Counter(trouble.type for trouble in standing.troubles)
    for kind in dict.fromkeys((*TROUBLES, *counted)):
        lasting.add_metric([kind], counted[kind])
    yield lasting


def _gauge(name: str, text: str, labels: tuple[str, ...]) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"watcher_{name}", text, labels=labels)


def _one(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"watcher_{name}", text, value=value)
