"""Both vendors on one loopback port."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from ipaddress import ip_address
from random import Random
from types import TracebackType
from typing import Self

from aiohttp import web

from watcher.simulator.adlead import Adlead
from watcher.simulator.answers import Answer, Call
from watcher.simulator.apimo import Apimo
from watcher.simulator.control import Control
from watcher.simulator.distort import asked, told
from watcher.simulator.faults import Active, Faults
from watcher.simulator.journal import Asked, Journal
from watcher.simulator.life import Happening, Life
from watcher.simulator.pace import Pace
from watcher.simulator.wire import send
from watcher.simulator.world import World, checked_order

LARGEST_BODY = 64 << 20
UNANSWERED = ("reset", "hang")


class Simulator:
    """A simulated Apimo (at `url`) and Adlead (at `url` + "/v1"), with the control API under `url` + "/_sim".

    - `start` is where virtual time begins (None: now); once started, it runs `speed` times as fast as real time.
    - `life` makes things happen, `activity` of them an hour of virtual time; with `opening`, the first six show
      a new lead, a signed contract and a canceled purchase.
    - `prefill` is a history to begin with, e.g. `{"leads": 40, "contracts": 15, "purchases": 25}`.
    - `apimo_rate` is a second, `apimo_daily` a day, `adlead_rate` a minute; None is no limit.
    - `order` is that of every list: id, -id, updated_at or -updated_at.
    - `on_answer` is called when an answer is made and not yet sent, `on_happening` when something has happened.
      The first may change the world.
    """

    def __init__(  # noqa: PLR0913 - every one is a setting by name, with a default
        self,
        seed: int = 1,
        *,
        agencies: Sequence[int | str] = (101, 102),
        programs: Sequence[int | str] = (1, 2),
        provider: str = "9999",
        token: str = "simulated-token",  # noqa: S107 - of a simulation
        tenant: str = "client-a",
        key: str = "simulated-key",
        start: datetime | None = None,
        speed: float = 1.0,
        life: bool = True,
        activity: float = 720.0,
        opening: bool = False,
        prefill: Mapping[str, int] | None = None,
        apimo_rate: int | None = 10,
        apimo_daily: int | None = 1000,
        adlead_rate: int | None = 60,
        contracts_key: str = "contracts",
        empty_timestamp: int | None = None,
        order: str = "id",
        clock: Callable[[], float] = time.monotonic,
        on_answer: Callable[[Asked], None] | None = None,
        on_happening: Callable[[Happening], None] | None = None,
    ) -> None:
        """Build both systems; nothing is served before `start()`."""
        checked_order(order)
        self.world = World(seed, start, agencies=agencies, programs=programs, provider=provider)
        luck = Random(f"life {seed}")  # noqa: S311 - repeatable, not secret
        self.life = Life(self.world, luck, activity=activity, opening=opening)
        self.life.prefill(**(prefill or {}))
        self.pace = Pace(self.world, self.life, clock=clock, speed=speed, running=life)
        self.pace.listener, self.on_answer = on_happening, on_answer
        self.faults = Faults(self.world)
        self.journal = Journal(clock)
        self.apimo = Apimo(provider, token, clock=clock, rate=apimo_rate, daily=apimo_daily, order=order)
        self.apimo.contracts_key, self.apimo.empty_timestamp = contracts_key, empty_timestamp
        self.adlead = Adlead(tenant, key, clock=clock, rate=adlead_rate, order=order)
        self._runner: web.AppRunner | None = None
        self._task: asyncio.Task[None] | None = None
        self._url = ""

    @property
    def url(self) -> str:
        """Apimo's base URL; Adlead's is this with /v1."""
        if not self._url:
            raise RuntimeError("the simulator has no address before it is started")
        return self._url

    @property
    def requests(self) -> list[Asked]:
        """What was asked lately, oldest first."""
        return self.journal.since()

    @property
    def happenings(self) -> list[Happening]:
        """What happened lately, oldest first."""
        return list(self.pace.happenings)

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Serve on a loopback address; port 0 takes a free one."""
        host = _loopback(host)
        if self._runner:
            raise RuntimeError("the simulator is started already")
        app = web.Application(client_max_size=LARGEST_BODY)
        app.add_routes(Control(self.world, self.faults, self.pace, self.journal).routes())
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.5)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self.pace.begin()
        self._url = f"http://{f'[{host}]' if ':' in host else host}:{runner.addresses[0][1]}"
        self._task = asyncio.create_task(self.pace.run(), name="simulator-pace")

    async def stop(self) -> None:
        """Serve no more; what still hangs is let go."""
        task, runner, self._task, self._runner, self._url = self._task, self._runner, None, None, ""
        self.faults.clear()
        if task:
            task.cancel()
            await asyncio.wait([task])
        if runner:
            await runner.cleanup()
        if task and not task.cancelled():
            task.result()  # a life that ended by itself ended in an error, which is not kept quiet

    async def __aenter__(self) -> Self:
        """Start on a free port of 127.0.0.1."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        await self.stop()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.pace.sync()
        headers = {name.lower(): value for name, value in request.headers.items()}
        call = Call(request.method, request.path, dict(request.query), headers, await request.read())
        struck = self.faults.strike(call)
        answer = self._made(call, struck)
        silent = any(one.fault.kind in UNANSWERED and not one.fault.processed for one in struck)
        entry = self.journal.note(call, request.query_string, None if silent else answer.status)
        if self.on_answer:
            self.on_answer(entry)
        return await send(request, answer, struck)

    def _made(self, call: Call, struck: list[Active]) -> Answer:
        """Answer out of the world as the faults let it be asked, and change the answer as they do."""
        then = next((one.then for one in struck if one.then and call.method == "GET"), None)
        for one in struck:
            call = asked(call, one.fault.kind, one.fault.args)
        answer = Answer(call.api)
        if all(one.fault.processed for one in struck):
            api = self.apimo if call.api == "apimo" else self.adlead
            answer = api.answer(call, then or self.world)
        for one in struck:
            answer = told(answer, one.fault.kind, one.fault.args, one.random)
        return answer


def _loopback(host: str) -> str:
    """Return the address to bind; anything but loopback is refused: the control API asks nobody who they are."""
    if host == "localhost":
        return "127.0.0.1"
    try:
        fits = ip_address(host).is_loopback
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"the simulator serves this machine alone: {host} is not a loopback address, 127.0.0.1 is")
    return host
