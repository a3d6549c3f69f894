"""The whole, put together: the one module that knows every other.

`assemble` turns a configuration into live parts; `Core` is those parts over one store, and what can be done with them
once. The daemon (`daemon.py`) does it again and again; the commands do it once.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import NamedTuple

import structlog

from watcher import habits, plan
from watcher.config import Config, SourceSettings
from watcher.deliver import Line
from watcher.derive import Origin
from watcher.desk import Bundle, Desk, Place
from watcher.housekeeping import Housekeeper
from watcher.model import Body, Event, Plan, Routed, SourceName, stamp
from watcher.plan import Pace, Stretch
from watcher.poll import Look, Watch, look
from watcher.ports import Clock, Sink
from watcher.privacy import DEFAULTS, Policy, withholder
from watcher.rulebook import RULES, desk_of, digest, renderer
from watcher.rules import Rule
from watcher.sinks import Post, Settings, SinkType, Tools
from watcher.sources import api_types, build_client, build_source
from watcher.sources.http import Client
from watcher.sources.throttle import Throttle
from watcher.store import Store
from watcher.streams import STREAMS
from watcher.streams.dates import PARIS
from watcher.tallies import begin_of, hour_of
from watcher.tick import Bell
from watcher.timers import deadline, streams_of
from watcher.troubles import Troubles
from watcher.veil import keeper

_log = structlog.get_logger("watcher")

MOST_LOGGED = 100
"""Events of one plan that are logged line by line; `watcher events` has all of them."""

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
    desk: Desk
    plans: Mapping[str, Mapping[SourceName, Pace]]

    def route(self, events: Iterable[Event], now: datetime) -> Routed:
        """Say who is owed what, by this configuration's rules."""
        return self.desk.take(events, now)

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
    key = await store.privacy_key()  # these two first: what fails after the clients are made leaves them open
    desk = await load_desk(config, types, store, clock())
    clients = {
        name: build_client(name, account, budget=store, clock=clock, luck=luck)
        for name, account in config.accounts.items()
    }
    planned = plans(config)
    dated = tuple(rule for rule in desk.rules if rule.timer and rule.timer.of)
    handling = {
        name: Handling(withholder(policy(config, name), key), keeper(stream, key)) for name, stream in STREAMS.items()
    }
    watches = {
        str(s.name): _watch(
            config, s, clients[s.name.account], planned[s.name.account][s.name], handling[s.name.stream], dated
        )
        for s in config.sources
    }
    render, post = renderer(config, clock), poster(clients)
    tools = Tools(render, clock, config.state_directory, post, config.language, config.timezone)
    sinks = {name: types[settings.type].build(name, settings, tools) for name, settings in config.sinks.items()}
    return Assembly(config, clients, watches, sinks, desk, planned)


def poster(clients: Mapping[str, Client]) -> Post:
    """What posts to the accounts, each in turn with its polls and within its budget."""

    async def post(account: str, path: str, document: bytes, seconds: float) -> bytes:
        return (await clients[account].post(path, document, timeout=seconds)).body()

    return post


async def load_desk(config: Config, types: Mapping[str, SinkType], store: Store, now: datetime) -> Desk:
    """The desk of a configuration as the store knows it: what waits, what went lately, what is silenced."""
    desk = desk_of(config, types)
    desk.silences = {silence.number: silence for silence in await store.silences(now)}
    await store.heal(now)
    for one in await store.bundles():
        desk.bundles[Place(one.sink, one.rule, one.bundle)] = Bundle(one.due_at, one.why, one.count)
    for rule, sink, at in await store.recent(now - desk.memory()):
        desk.count(Place(sink, rule, ""), at)
    return desk


def plans(config: Config) -> dict[str, dict[SourceName, Pace]]:
    """How often each source of each account is polled: as configured, else as planned from the account's budget."""
    return {
        name: plan.paces(
            [plan.Need(s.name, s.every, s.reconcile) for s in config.sources if s.name.account == name],
            account.budget,
            account.max_rate,
        )
        for name, account in config.accounts.items()
    }


def paces(config: Config) -> dict[str, timedelta]:
    """The interval of each source in office hours."""
    return {str(source): pace.busy for planned in plans(config).values() for source, pace in planned.items()}


def patience(settings: SourceSettings, pace: Pace) -> timedelta:
    """How long a source may go unread before it is said."""
    return settings.silent_after or max(SILENT_AFTER * pace.busy, 2 * pace.quiet, SILENT_AT_LEAST)


class Handling(NamedTuple):
    """What a stream's records go through before they are kept: one for all its sources, of which there may be many."""

    withhold: Callable[[Body], Body]
    keep: Callable[[Body, Body], Body]


def _watch(
    config: Config,
    settings: SourceSettings,
    client: Client,
    pace: Pace,
    handling: Handling,
    dated: tuple[Rule, ...],
) -> Watch:
    stream = STREAMS[settings.name.stream]
    account = config.accounts[settings.name.account]
    link = partial(stream.link, api_types()[account.api].whose(account), settings.name.partition)
    return Watch(
        source=build_source(settings.name, client, account, list_keys=stream.list_keys, lookback=settings.lookback),
        origin=Origin(stream, settings.name, link),
        every=pace.busy,
        reconcile=settings.reconcile,
        baseline=str(settings.baseline),
        silent_after=patience(settings, pace),
        withhold=handling.withhold,
        keep=handling.keep,
        deadlines=tuple(rule for rule in dated if rule.timer and stream.name in rule.timer.streams),
    )


def policy(config: Config, stream: str) -> Policy:
    """What is withheld of a stream: what always is, and what the configuration adds."""
    added = config.privacy.get(stream)
    return DEFAULTS.get(stream, Policy()) + (Policy(added.drop, added.hash) if added else Policy())


@dataclass(slots=True)
class Core:
    """The parts over one store, and what can be done with them once.

    `heard` are called with each plan after it is committed. A source's polls, ticks and operator's commands take
    turns by its lock: each of them reads versions and then writes on the strength of them. `resting` are the sources
    that an operator paused, `listened` is the hour in which it was last asked who is silent.
    """

    store: Store
    parts: Assembly
    clock: Clock = utc_now
    luck: Callable[[], float] = random.random
    lines: dict[str, Line] = field(default_factory=dict)
    heard: list[Callable[[Plan], None]] = field(default_factory=list)
    locks: dict[str, asyncio.Lock] = field(default_factory=dict)
    stretches: dict[str, Stretch] = field(default_factory=dict)
    resting: set[str] = field(default_factory=set)
    listened: int = 0

    async def commit(self, plan: Plan) -> None:
        """Write a plan, then wake the lines of the sinks that it owes something."""
        await self.store.commit(plan)
        self.wake(plan)

    def wake(self, plan: Plan) -> None:
        """Tell whoever listens that a plan is written."""
        _report(plan)
        if plan.released:
            self.wake_all()
        for sink in {owed.sink for owed in plan.owed}:
            if sink in self.lines:
                self.lines[sink].bell.set()
        for listener in self.heard:
            listener(plan)

    def wake_all(self) -> None:
        """Have every line look at what it owes."""
        for line in self.lines.values():
            line.bell.set()

    def turn(self, source: str) -> asyncio.Lock:
        """The lock of one source."""
        return self.locks.setdefault(source, asyncio.Lock())

    async def poll(self, watch: Watch, *, dry: bool = False) -> Look:
        """Read one source once, and commit what it says unless it is a dry run."""
        name = str(watch.name)
        began = asyncio.get_running_loop().time()
        async with self.turn(name):
            route = self.parts.desk.trial().take if dry else self.parts.route
            seen = await look(watch, self.store, route, self.clock, self.luck())
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
        return seen if seen.error else replace(seen, wait=self.wait(watch.name))

    def wait(self, source: SourceName) -> timedelta:
        """How long to leave a source alone after a good poll: its pace, stretched where today's budget runs short."""
        now, zone = self.clock(), self.parts.config.timezone
        factor = self.stretches.get(source.account, Stretch()).of(source)
        wait = self.parts.plans[source.account][source].wait(now, zone, factor)
        return wait if factor == 1.0 else min(wait, _tomorrow(now) - now)  # tomorrow has a budget of its own

    async def pace_out(self) -> None:
        """See how far each account's budget goes, and stretch the intervals of those that run short."""
        zone, now = self.parts.config.timezone, self.clock()
        for name, account in self.parts.config.accounts.items():
            if account.budget:
                left = await self.left_today(name)
                self.stretches[name] = plan.stretch(self.parts.plans[name], left, now, _tomorrow(now), zone)

    async def left_today(self, account: str) -> int:
        """How many requests an account with a budget may still make today; the vendors' days are those of Paris."""
        budget = self.parts.config.accounts[account].budget
        spent = await self.store.spent(account, self.clock().astimezone(PARIS).date().isoformat())
        return max(0, (budget.count if budget else 0) - spent)

    async def ring(self) -> int:
        """Answer the alarms that are due."""
        return await Bell(self.store, self.parts.watches, self.parts.desk, self.commit, self.clock, self.turn).ring()

    async def listen(self) -> None:
        """Once an hour, when the one before has settled: say which sources were silent in it though they never are."""
        now, zone = self.clock(), self.parts.config.timezone
        hour = hour_of(now)
        if hour == self.listened or now < begin_of(hour) + habits.SETTLED:
            return
        awake = [watch.name for name, watch in self.parts.watches.items() if name not in self.resting]
        counts = await self.store.changes(habits.asked(now, zone))
        found = habits.turn(awake, counts, Troubles(await self.store.conditions()), zone, now)
        if found.entered or found.left:
            await self.commit(found.plan(self.parts.route, now))
        self.listened = hour

    async def note_rules(self) -> None:
        """Write down since when these rules are in force: whoever accounts for a day later has to know."""
        mark = digest(self.parts.config)
        if (await self.store.recall(RULES) or "").partition(" ")[0] != mark:
            await self.store.remember(RULES, f"{mark} {stamp(self.clock())}")

    async def arm_deadlines(self) -> None:
        """Arm the deadlines of rules that are new or changed, for the records that are there already."""
        rules = [rule for watch in self.parts.watches.values() for rule in watch.deadlines]
        for rule, stream, path in dict.fromkeys(streams_of(rules)):
            note, asked = f"deadline {rule.name} {stream}", f"{path} {rule.timer and rule.timer.before}"
            if await self.store.recall(note) == asked:
                continue
            for source, versions in (await self.store.dated(stream, path)).items():
                if watch := self.parts.watches.get(str(source)):
                    found = (deadline(rule, watch.origin, version, self.clock()) for version in versions)
                    await self.commit(Plan(self.clock(), armed=tuple(filter(None, found))))
            await self.store.remember(note, asked)

    async def keep_house(self) -> None:
        """Throw away what only grows, and let go of what is personal and had its time or is withheld now."""
        config = self.parts.config
        housekeeper = Housekeeper(
            self.store,
            {stream: policy(config, stream) for stream in STREAMS},
            config.retention,
            self.turn,
        )
        changed = await housekeeper.keep_house(self.clock())
        if changed:
            _log.info("house kept", **changed)

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


def _tomorrow(now: datetime) -> datetime:
    """When the vendors' next day begins: they count their days in Paris."""
    return datetime.combine(now.astimezone(PARIS).date() + plan.DAY, time(0), PARIS).astimezone(UTC)


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


def _report(plan: Plan) -> None:
    """Log what was seen, by the ids that its deliveries are logged with."""
    told: dict[str, list[str]] = {}
    for owed in plan.owed:
        told.setdefault(owed.event_id, []).append(owed.sink)
    for event in plan.events[:MOST_LOGGED]:
        facts = {"event_id": event.id, "type": event.type, "source": event.source.lstrip("/"), "subject": event.subject}
        _log.info("seen", **facts, to=told.get(event.id, []))
    if len(plan.events) > MOST_LOGGED:
        _log.info("more were seen", events=len(plan.events) - MOST_LOGGED)
