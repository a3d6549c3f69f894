"""The daemon: the loops over one store, from one configuration to the next, until it is told to stop.

sources by their rota -> poll      sinks, a line each -> deliver      tick      health      watchdog      reload
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import signal
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from watcher.app import Assembly, Core, assemble, load_desk
from watcher.config import Config, matching
from watcher.errors import ConfigError, Permanent, StoreError, Transient
from watcher.model import Condition, Delivery, Event, Outcome, Plan, SourceName
from watcher.poll import Look, Watch
from watcher.sinks import SinkType
from watcher.supervise import Again, Rota, every, first
from watcher.systemd import Notifier
from watcher.tick import Account, health
from watcher.troubles import STORE_FAILING, Troubles, Turn, tell

_log = structlog.get_logger("watcher")

WORKERS = 32
"""Polls under way together, over all accounts."""

TICK = 30.0
"""Seconds between two looks at the alarms when none is due before."""

HOUSE = 24 * 3600.0
"""Seconds between two rounds of what is done once a day; a start and a reload begin with one."""

HEALTH = 5.0
"""Seconds between two looks at what has gone silent or runs short."""

SAVE = 5.0
"""Seconds after which it is written down when sources were read that had nothing new."""

SAVE_MORE = 0.1
"""Seconds until more of it is written, where it is too much for one short transaction."""

WATCH_FILES = 2.0
"""Seconds between two looks at the configuration's files: a saved file is taken up within five."""

BREATH, PAUSE = 500, 0.01
"""Sources looked at before the loop may do something else, and for how many seconds."""

GRACE = 5.0
"""Seconds for what is under way when the daemon stops or reloads; what is cut off then is done again later."""

AGAIN = 2.0
"""Seconds after which a start of the loops or a reload that the store or the machine refused is tried again."""

SPREAD = 0.05
"""Seconds between the first polls of two sources, so that they do not all start at once."""

LEAP = timedelta(minutes=1)
"""Between two looks at the wall clock no more time passes, unless it was set or the process stood still."""

STUCK = 120.0
"""Seconds after which a loop that comes round every few of them is said to be stuck."""

HELD_UP = 900.0
"""Seconds after which a tick that still waits for its turn is too late for those whom it has to tell."""

Load = Callable[[], Config]


@dataclass(slots=True)
class Daemon:
    """One store, the configuration in force, and the loops. `load` reads the configuration anew.

    `polled` are called after each poll of the rota (its seconds last), `settled` after each attempt, `reloads` after
    each reload that was taken up: for figures and the like, none of them may fail or wait. `unserved` says why the
    status pages are not there. `turns` has when each loop came round last, by the event loop's clock.
    """

    core: Core
    load: Load
    types: Mapping[str, SinkType]
    notifier: Notifier
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    reload: asyncio.Event = field(default_factory=asyncio.Event)
    bell: asyncio.Event = field(default_factory=asyncio.Event)
    generation: int = 1
    reload_error: tuple[str, ...] = ()
    started: datetime = field(init=False)
    awake: datetime = field(init=False)
    seen: datetime = field(init=False)
    set_back: datetime = field(init=False)
    signature: dict[Path, tuple[int, int, int]] = field(init=False)
    trouble: Condition | None = None
    told: set[str] = field(default_factory=set)
    asked: list[asyncio.Future[int]] = field(default_factory=list)
    polled: list[Callable[[SourceName, Look, float], None]] = field(default_factory=list)
    settled: list[Callable[[Delivery, Outcome, datetime], None]] = field(default_factory=list)
    reloads: list[Callable[[], None]] = field(default_factory=list)
    taken_up: datetime = field(init=False)
    unserved: Condition | None = None
    tasks: tuple[asyncio.Task[None], ...] = ()
    turns: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.started = self.taken_up = self.awake = self.seen = self.core.clock()
        self.set_back = self.started  # it may have been, before we came
        self.signature = _signature(self.core.parts.config)
        self.core.heard.append(self._written)

    async def run(self) -> None:
        """Run until `stop` is set. Each reload ends the loops in good order and starts them with the new parts."""
        self._signals()
        config = self.core.parts.config
        _log.info("started", sources=len(config.sources), sinks=len(config.sinks), rules=len(config.rules))
        while not self.stop.is_set():
            try:
                await self._resume_sinks()
                await self._mind_the_clock()
                await self.core.note_rules()
                await self.core.arm_deadlines()
                await self._generation()
            except StoreError as error:  # before a loop has begun: each of them answers for itself
                await self.failed(error)
                await first(self.stop, timeout=AGAIN)
            if self.reload.is_set() and not self.stop.is_set():
                await self._reload()
        self._answer(StoreError("the daemon stops"))
        _log.info("stopped")

    def _signals(self) -> None:
        loop = asyncio.get_running_loop()
        acts = {signal.SIGTERM: self._leave, signal.SIGINT: self._leave, signal.SIGHUP: self.reload.set}
        for number, act in acts.items():
            with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):  # not in the main thread: a test
                loop.add_signal_handler(number, act)

    def _leave(self) -> None:
        """Stop in good order. Told so once more, the process is ended by the kernel: at once, and even if it hangs."""
        self.stop.set()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)

    async def _resume_sinks(self) -> None:
        """A start or a reload is the operator's word that what was refused is mended; what he paused himself stays."""
        for name in await self.core.store.paused():
            await self.core.store.resume(name, asked_too=False)

    # -------------------------------------------------------------------------------------------------- one generation

    async def _generation(self) -> None:
        halt = asyncio.Event()
        parts = self.core.parts
        rota, troubles = await self._rota(parts), await self.core.store.conditions()
        async with asyncio.TaskGroup() as group:
            jobs = {
                **{f"deliver {name}": self._line(name, halt) for name in parts.sinks},
                "tick": self._tick,
                "health": self._health,
                "files": self._files,
                "save": self._save,
            }
            loops = [
                group.create_task(every(name, job, halt, self.failed, self.bell if name == "tick" else None))
                for name, job in jobs.items()
            ]
            workers = [
                group.create_task(rota.work(self._poll, self.failed)) for _ in range(min(WORKERS, len(parts.watches)))
            ]
            house = group.create_task(every("house", self._house, halt, self.failed, None))
            self.tasks = (*loops, *workers, house)
            watchdog = group.create_task(self._watchdog())
            self.notifier.ready(self._status(troubles))
            await first(self.stop, self.reload, timeout=None)
            if self.stop.is_set():
                self.notifier.stopping()
            self.tasks = ()  # they are to end now
            self.turns.clear()
            halt.set()
            rota.close()
            house.cancel()  # it may have an hour to go, in slices, and goes on where it was
            if workers:
                await asyncio.wait(workers, timeout=GRACE)
            _, hung = await asyncio.wait(loops, timeout=2 * GRACE)  # a line lets what it has sent end, for one GRACE
            for task in (watchdog, *workers, *hung):
                task.cancel()
        self.core.lines.clear()

    async def _rota(self, parts: Assembly) -> Rota:
        """Every source's first poll: where it left off, so that a restart costs the vendor nothing."""
        rota = Rota()
        await self.core.pace_out()
        now = self.core.clock()
        for number, watch in enumerate(parts.watches.values()):
            state, wait = await self.core.store.state(watch.name), self.core.wait(watch.name)
            due = (state.read_at + wait - now).total_seconds() if state.read_at else 0.0
            # Over the whole interval at the most, each at a place of its own: those that begin together stay together.
            spread = min(number * SPREAD, wait.total_seconds() * number / len(parts.watches))
            rota.put(watch, min(max(due, spread), wait.total_seconds()))
        return rota

    async def _poll(self, watch: Watch) -> Again:
        if str(watch.name) in self.core.resting:
            return Again(self.core.wait(watch.name).total_seconds(), steady=True)
        loop = asyncio.get_running_loop()
        began = loop.time()
        seen = await self.core.poll(watch)
        for listener in self.polled:
            listener(watch.name, seen, loop.time() - began)
        return Again(seen.wait.total_seconds(), steady=not seen.error)

    def _line(self, name: str, halt: asyncio.Event) -> Callable[[], Awaitable[float]]:
        async def run() -> float:
            line = self.core.line(name)
            line.settled = self._settled
            await line.run(halt, GRACE)
            return 0.0

        return run

    def _settled(self, delivery: Delivery, outcome: Outcome, now: datetime) -> None:
        for listener in self.settled:
            listener(delivery, outcome, now)

    async def _tick(self) -> float:
        self._round("tick")
        await self.core.listen()
        if await self.core.ring():
            return 0.0
        following = await self.core.store.next_ring()
        if following is None:
            return TICK
        return min(TICK, max(0.0, (following - self.core.clock()).total_seconds()))

    async def _health(self) -> float:
        self._round("health")
        if self.trouble:
            await self._recovered(self.trouble)
        core, now = self.core, await self._mind_the_clock()
        await core.pace_out()
        troubles = await core.store.conditions()
        turn = await self._silences(Troubles(troubles), now)
        accounts = [
            Account(name, account.budget.count, await core.left_today(name), core.stretches[name])
            for name, account in core.parts.config.accounts.items()
            if account.budget
        ]
        turn += health((), accounts, Troubles(troubles), self.awake, now)
        if turn.entered or turn.left:
            await core.commit(turn.plan(core.parts.route, now))
        self.notifier.status(self._status(troubles))
        return HEALTH

    async def _silences(self, troubles: Troubles, now: datetime) -> Turn:
        """Which sources have gone silent, some at a time: of ten thousand, polls would wait for it."""
        awake = [watch for name, watch in self.core.parts.watches.items() if name not in self.core.resting]
        turn = Turn()
        for start in range(0, len(awake), BREATH):
            some = awake[start : start + BREATH]
            states = [(watch, await self.core.store.state(watch.name)) for watch in some]
            turn += health(states, (), troubles, self.awake, now)
            await asyncio.sleep(PAUSE if len(some) == BREATH else 0)
        return turn

    async def _save(self) -> float:
        return SAVE_MORE if await self.core.store.save_some() else SAVE

    async def _house(self) -> float:
        await self.core.keep_house()
        return HOUSE

    async def _mind_the_clock(self) -> datetime:
        """Let nothing wait, and nobody be called silent, for time that passed on the wall clock only or without us.

        Return what the clock says.
        """
        core, before, now = self.core, self.seen, self.core.clock()
        self.seen = now
        self.set_back = now if now < before else self.set_back
        # For a while: what was under way when it was set is written by the clock of before.
        if now - self.set_back <= LEAP and await core.store.call_in(now):
            core.parts.desk = await load_desk(core.parts.config, self.types, core.store, now)
            self.bell.set()
        if not timedelta(0) <= now - before <= LEAP:
            self.awake = now
            core.wake_all()
            self.bell.set()
        return now

    def _round(self, name: str) -> None:
        self.turns[name] = asyncio.get_running_loop().time()

    def stuck(self) -> list[str]:
        """What is wrong with the loops, a line each: one has ended, or has not come round for too long."""
        now = asyncio.get_running_loop().time()
        # Not the tick: it waits for its turn behind polls, and the first one of a large source takes its time.
        late = {name: now - self.turns[name] for name in ("health", "files") if name in self.turns}
        ended = ["a loop has ended"] if any(task.done() for task in self.tasks) else []
        return [*ended, *(f"the loop {name!r} is stuck for {age:.0f} s" for name, age in late.items() if age > STUCK)]

    def held_up(self) -> list[str]:
        """What comes too late because a loop waits for something, a line each: alive, it does not do what it is for."""
        age = asyncio.get_running_loop().time() - self.turns.get("tick", math.inf)
        return [f"nothing that is due by the clock is told for {age:.0f} s"] if age > HELD_UP else []

    def _status(self, troubles: Collection[Condition]) -> str:
        """The line that `systemctl status` shows: what is watched, and what is wrong."""
        config = self.core.parts.config
        text = f"{len(config.sources)} sources, {len(config.sinks)} sinks, {len(config.rules)} rules; "
        if self.reload_error:
            text += "the new configuration is broken, the old one works on; "
        if self.trouble:
            return text + f"the store fails: {self.trouble.detail}"
        some = ", ".join(f"{one.type} {one.subject}" for one in sorted(troubles, key=lambda one: one.since)[:3])
        return text + (f"{len(troubles)} in trouble: {some}" if troubles else "all is well")

    async def _watchdog(self) -> None:
        """Feed systemd's watchdog, but only while the store answers and every loop comes round."""
        if not self.notifier.watchdog:
            return
        while True:
            if wrong := await self._unsound(self.notifier.watchdog / 2):
                _log.critical("the watchdog is not fed", why="; ".join(wrong))
            else:
                self.notifier.alive()
            await asyncio.sleep(self.notifier.watchdog / 4)

    async def _unsound(self, patience: float) -> list[str]:
        """What only a restart mends, a line each; a store that says no is not among it: it answers."""
        try:
            async with asyncio.timeout(patience):
                await self.core.store.ping()
        except StoreError:
            pass
        except TimeoutError:
            return [f"the store has not answered for {patience:g} s", *self.stuck()]
        return self.stuck()

    # ------------------------------------------------------------------------------------------------------- reloading

    async def _files(self) -> float:
        """Reload when a file of the configuration is saved, or one that its patterns match comes or goes."""
        self._round("files")
        if _signature(self.core.parts.config) != self.signature:
            self.reload.set()
        return WATCH_FILES

    @property
    def current(self) -> bool:
        """Whether the configuration in force is the one on disk."""
        return not self.reload_error and _signature(self.core.parts.config) == self.signature

    async def reloaded(self) -> int:
        """Reload, and return the number of the new generation; raises ConfigError when the old one works on."""
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.asked.append(answer)
        self.reload.set()
        return await answer

    async def _reload(self) -> None:
        """Take up the new configuration whole; a broken one leaves the old one working and says so."""
        self.notifier.reloading()
        self.reload.clear()  # before the files are read: what is saved or asked for from now on counts anew
        old = self.core.parts
        try:
            config = self._loaded(old.config)
            self.signature = _signature(config)  # at once: a file saved after this is another one
            self.core.parts = await assemble(config, self.core.store, self.types, self.core.clock, self.core.luck)
        except ConfigError as error:
            self.reload_error = error.complaints
            self.signature = _signature(old.config)
            for complaint in error.complaints:
                _log.error("not reloaded: the old configuration works on", complaint=complaint)
            self._answer(error)
            if isinstance(error.__cause__, OSError):  # it could not be read: that says nothing against it
                asyncio.get_running_loop().call_later(AGAIN, self.reload.set)
            return
        except (StoreError, OSError) as error:
            _log.error("not reloaded yet: it is tried again", error=str(error))
            self._answer(StoreError(str(error)))
            asyncio.get_running_loop().call_later(AGAIN, self.reload.set)
            return
        self.reload_error = ()
        self.generation += 1
        self.taken_up = self.core.clock()
        for listener in self.reloads:
            listener()
        self._answer(None)
        await old.close()
        _log.info("reloaded", generation=self.generation, sources=len(config.sources), rules=len(config.rules))

    def _answer(self, error: Exception | None) -> None:
        """Tell whoever asked for the reload what became of it."""
        asked, self.asked = self.asked, []
        for answer in asked:
            if answer.done():  # whoever asked has left
                continue
            if error:
                answer.set_exception(error)
            else:
                answer.set_result(self.generation)

    def _loaded(self, old: Config) -> Config:
        config = self.load()
        if config.state_path != old.state_path:
            raise ConfigError((f"{config.path}: [state] path has changed; restart watcher to use another store",))
        return config

    # --------------------------------------------------------------------------------------------- a store that fails

    def _written(self, plan: Plan) -> None:
        if plan.armed:
            self.bell.set()

    async def _recovered(self, trouble: Condition) -> None:
        """The store works again: write down that it failed and that it is over; raises StoreError when it is not."""
        now = self.core.clock()
        events = (tell(trouble, now), tell(trouble, now, left=True))
        self.core.parts.desk = await load_desk(self.core.parts.config, self.types, self.core.store, now)
        routed = self.core.parts.route(events, now)
        owed = [o for o in routed.owed if o.event_id != events[0].id or o.sink not in self.told]
        await self.core.commit(Plan(now, events=events, owed=tuple(owed), armed=routed.armed))
        self.trouble = None
        _log.info("the store works again")

    async def failed(self, error: StoreError) -> None:
        """The store cannot be used: say so once, past the store, since nothing can be owed in it."""
        if self.trouble:
            return
        self.trouble = Condition(STORE_FAILING, "store", self.core.clock(), str(error))
        _log.critical("the store fails; polling and deliveries wait for it", error=str(error))
        self.told = await self._tell_past_the_store(tell(self.trouble, self.trouble.since))

    async def _tell_past_the_store(self, event: Event) -> set[str]:
        now = self.core.clock()
        told = set()
        for name in self.core.parts.config.operator:
            try:
                await self.core.parts.sinks[name].send(Delivery(0, event, name, "operator", 0, now, now))
                told.add(name)
            except (Transient, Permanent) as error:
                _log.error("the operator was not told", sink=name, reason=error.reason)
        return told


def _signature(config: Config) -> dict[Path, tuple[int, int, int]]:
    """What tells a saved file from the one before: editors replace files, so the inode counts too."""
    directory = config.path.parent
    found = {*config.files, *(path for pattern in config.rule_files for path in matching(directory, pattern))}
    signature = {}
    for path in found:
        with contextlib.suppress(OSError):
            facts = path.stat()
            signature[path] = (facts.st_mtime_ns, facts.st_size, facts.st_ino)
    return signature
