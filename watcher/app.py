"""The whole, put together: the one module that knows every other.

`assemble` turns a configuration into live parts; `Core` is those parts over one store, and what can be done with them
once. The daemon (`daemon.py`) does it again and again; the commands do it once.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Literal
from zoneinfo import ZoneInfo

import structlog

from watcher import messages
from watcher.config import AdleadAccount, Config, SourceSettings
from watcher.deliver import Line
from watcher.derive import Origin
from watcher.expressions import Condition
from watcher.model import Body, Event, Message, Plan
from watcher.plan import Need, intervals
from watcher.poll import Look, Watch, look
from watcher.ports import Clock, Sink
from watcher.privacy import DEFAULTS, Policy, withholder
from watcher.rules import Routed, Rule, route
from watcher.sinks import Settings, SinkType, Tools
from watcher.sources import build_client, build_source
from watcher.sources.http import Client
from watcher.sources.throttle import Throttle
from watcher.store import Store
from watcher.streams import STREAMS
from watcher.streams.dates import PARIS
from watcher.tick import ring

_log = structlog.get_logger("watcher")

SILENT_AFTER = 10
"""A source is silent when it was not read for so many of its intervals ..."""

SILENT_AT_LEAST = timedelta(minutes=15)
"""... and at least so long, unless the configuration says otherwise."""


def utc_now() -> datetime:
    """The time now."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Assembly:
    """The live parts of one configuration."""

    config: Config
    clients: Mapping[str, Client]
    watches: Mapping[str, Watch]
    sinks: Mapping[str, Sink]
    rules: tuple[Rule, ...]

    def route(self, events: Iterable[Event]) -> Routed:
        """Say who is owed what, by this configuration's rules."""
        return route(events, self.rules, self.config.operator)

    async def close(self) -> None:
        """Let go of every connection and file."""
        for sink in self.sinks.values():
            await sink.close()
        for client in self.clients.values():
            await client.close()


async def assemble(
    config: Config, store: Store, types: Mapping[str, SinkType], clock: Clock, luck: Callable[[], float]
) -> Assembly:
    """Build the parts that a configuration asks for."""
    clients = {
        name: build_client(name, account, budget=store, clock=clock, luck=luck)
        for name, account in config.accounts.items()
    }
    every = paces(config)
    key = await store.privacy_key()
    watches = {str(s.name): _watch(config, s, clients[s.name.account], every[str(s.name)], key) for s in config.sources}
    tools = Tools(partial(_compose, config.language, config.timezone, clock), clock, config.state_directory)
    sinks = {name: types[settings.type].build(name, settings, tools) for name, settings in config.sinks.items()}
    rules = tuple(Rule(r.name, r.on, r.to, Condition(r.when) if r.when else None) for r in config.rules)
    return Assembly(config, clients, watches, sinks, rules)


def _compose(language: Literal["fr", "en"], zone: ZoneInfo, clock: Clock, event: Event) -> Message:
    return messages.compose(event, language=language, zone=zone, now=clock())


def paces(config: Config) -> dict[str, timedelta]:
    """How often each source is polled: as it is configured, else as it is planned from its account's budget."""
    found: dict[str, timedelta] = {}
    for name, account in config.accounts.items():
        needs = [Need(s.name, s.every, s.reconcile) for s in config.sources if s.name.account == name]
        planned = intervals(needs, account.budget, account.max_rate)
        found |= {str(source): every for source, every in planned.items()}
    return found


def _watch(config: Config, settings: SourceSettings, client: Client, every: timedelta, key: bytes) -> Watch:
    stream = STREAMS[settings.name.stream]
    account = config.accounts[settings.name.account]
    tenant = account.tenant if isinstance(account, AdleadAccount) else ""

    def link(body: Body) -> str | None:
        return stream.link(tenant, settings.name.partition, body)

    return Watch(
        source=build_source(settings.name, client, account, list_keys=stream.list_keys, lookback=settings.lookback),
        origin=Origin(stream, settings.name, link),
        every=every,
        reconcile=settings.reconcile,
        baseline=str(settings.baseline),
        silent_after=settings.silent_after or max(SILENT_AFTER * every, SILENT_AT_LEAST),
        withhold=withholder(_policy(config, stream.name), key),
    )


def _policy(config: Config, stream: str) -> Policy:
    """What is withheld of a stream: what always is, and what the configuration adds."""
    added = config.privacy.get(stream)
    return DEFAULTS.get(stream, Policy()) + (Policy(added.drop, added.hash) if added else Policy())


@dataclass(slots=True)
class Core:
    """The parts over one store, and what can be done with them once.

    `heard` are called with each plan after it is committed. A source's polls, ticks and operator's commands take
    turns by its lock: each of them reads versions and then writes on the strength of them.
    """

    store: Store
    parts: Assembly
    clock: Clock = utc_now
    luck: Callable[[], float] = random.random
    lines: dict[str, Line] = field(default_factory=dict)
    heard: list[Callable[[Plan], None]] = field(default_factory=list)
    locks: dict[str, asyncio.Lock] = field(default_factory=dict)

    async def commit(self, plan: Plan) -> None:
        """Write a plan, then wake the lines of the sinks that it owes something."""
        await self.store.commit(plan)
        self.wake(plan)

    def wake(self, plan: Plan) -> None:
        """Tell whoever listens that a plan is written."""
        for sink in {owed.sink for owed in plan.owed}:
            if sink in self.lines:
                self.lines[sink].bell.set()
        for listener in self.heard:
            listener(plan)

    def turn(self, source: str) -> asyncio.Lock:
        """The lock of one source."""
        return self.locks.setdefault(source, asyncio.Lock())

    async def poll(self, watch: Watch, *, dry: bool = False) -> Look:
        """Read one source once, and commit what it says unless it is a dry run."""
        name = str(watch.name)
        began = asyncio.get_running_loop().time()
        async with self.turn(name):
            seen = await look(watch, self.store, self.parts.route, self.clock, self.luck())
            if not dry:
                await self.commit(seen.plan)
        took = round(asyncio.get_running_loop().time() - began, 3)
        if seen.error:
            _log.warning(
                "not polled", source=name, error=seen.error, failures=seen.plan.state and seen.plan.state.failures
            )
        else:
            log = _log.info if seen.fresh or seen.plan.events else _log.debug
            events = len(seen.plan.events)
            log("polled", source=name, fresh=seen.fresh, changes=seen.changes, events=events, took=took, dry=dry)
        for rule, why in (seen.failed_rules or {}).items():
            _log.warning("a condition failed", rule=rule, why=why)
        return seen

    async def left_today(self, account: str) -> int:
        """How many requests an account with a budget may still make today; the vendors' days are those of Paris."""
        budget = self.parts.config.accounts[account].budget
        spent = await self.store.spent(account, self.clock().astimezone(PARIS).date().isoformat())
        return max(0, (budget.count if budget else 0) - spent)

    async def ring(self) -> int:
        """Answer the alarms that are due."""
        return await ring(self.store, self.parts.watches, self.parts.route, self.commit, self.clock, self.turn)

    def line(self, name: str) -> Line:
        """The line of one sink, made when it is first asked for."""
        if name not in self.lines:
            settings = self.parts.config.sinks[name]
            self.lines[name] = Line(
                name,
                self.parts.sinks[name],
                self.store,
                self.parts.route,
                self.clock,
                self.luck,
                settings.at_once,
                gate(settings),
                self.wake,
            )
        return self.lines[name]


class _Open:
    """A gate for a sink without a rate: always open."""

    async def __aenter__(self) -> None:
        return

    async def __aexit__(self, *_: object) -> None:
        return


def gate(settings: Settings) -> Throttle | _Open:
    """The gate that keeps a sink's rate."""
    rate = settings.max_rate
    return Throttle(rate.count, rate.seconds, patience=float("inf")) if rate else _Open()
