"""The status pages, for probes, Prometheus and people.

    /healthz  it lives      /readyz  it sees and speaks      /metrics      /status  the JSON of `watcher status`

They only show, so they need no token: nothing changes state here, and nothing here is personal, secret or an address.
Events are left out for that reason. Whoever asks can slow down the pages at most, never what watcher is there for:
connections, requests, their time and their answers are all bounded.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import re
import socket
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec
import structlog
from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client.aiohttp import make_aiohttp_handler

from watcher.daemon import Daemon
from watcher.errors import StoreError, WatcherError
from watcher.metrics import BLIND, NEW, Metrics, facts, state_of
from watcher.model import Condition, stamp
from watcher.ping import Ping
from watcher.standing import Standing
from watcher.supervise import every
from watcher.troubles import SINK_FAILING
from watcher.units import Secret

_log = structlog.get_logger("watcher")

_mute = logging.getLogger("watcher.status")  # aiohttp's own: anybody could fill the log with what is no request
_mute.disabled = True

T = TypeVar("T")

UNSERVED = "status-failing"
"""The trouble of having no status pages. It is shown, not told: nobody is to be woken for it."""

PATIENCE = 5.0
"""Seconds for an answer."""

LIFETIME = 15.0
"""Seconds after which a connection has to make room for another, whatever it is doing."""

CONNECTIONS, AT_ONCE = 32, 8
"""Connections open, and requests under way, together; whoever comes on top is turned away."""

LARGEST = 8 << 20
"""Bytes of an answer."""

FRESH = 1.0
"""Seconds for which what was seen is shown again without another look."""

RETRY = 30.0
"""Seconds between two attempts at an address that is taken."""

_CALM = 3600.0  # seconds; a reload rings
_REASONS = 100
_ADDRESS = re.compile(r"\S*://\S*|\S+@\S+")


class Shared(Generic[T]):
    """One look at a time: whoever asks while it is under way, or a moment later, gets the same."""

    def __init__(self, look: Callable[[], Awaitable[T]], fresh: float = FRESH) -> None:
        self._look = look
        self._fresh = fresh
        self._at = 0.0
        self._task: asyncio.Future[T] | None = None

    async def get(self) -> T:
        """What the look returns, or raises. A caller that does not want to wait leaves, and the look goes on."""
        now = asyncio.get_running_loop().time()
        if self._task is None or (self._task.done() and now >= self._at + self._fresh):
            self._at, self._task = now, asyncio.ensure_future(self._look())
            self._task.add_done_callback(lambda task: task.cancelled() or task.exception())  # seen, if nobody waits
        return await asyncio.shield(self._task)


class Pages:
    """The pages of one daemon, wherever its configuration wants them. `look` sees how everything fares."""

    def __init__(self, daemon: Daemon, look: Callable[[], Awaitable[Standing]]) -> None:
        self.daemon = daemon
        self.metrics = Metrics()
        self.address = ""
        self._standing = Shared(look)
        self._exposition = make_aiohttp_handler(self.metrics.registry)
        self._busy = 0
        self._since: dict[web.RequestHandler, float] = {}
        self._served = ""
        self._hosts: frozenset[str] | None = frozenset()
        self._server: asyncio.AbstractServer | None = None
        app = web.Application(middlewares=[self._guard], client_max_size=1)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/status", self._status)
        self._runner = web.AppRunner(
            app, access_log=None, logger=_mute, handle_signals=False, shutdown_timeout=1.0, lingering_time=0.0
        )

    # --------------------------------------------------------------------------------------------- where it is served

    async def setup(self) -> None:
        """Get ready, and listen if that can be had; what cannot be had is tried again by `tend`."""
        await self._runner.setup()
        await self.tend()

    async def tend(self) -> float:
        """Listen where the configuration in force wants it; return in how many seconds to look again.

        An address that cannot be had does not stop the daemon: it is there to tell people, and it tells them just as
        well without these pages. It is said in the log and by `status`, and tried again until it can be had.
        """
        wanted = str(self.daemon.core.parts.config.status_listen)
        if wanted == self._served and self.daemon.unserved is None:
            return _CALM
        self._close()
        self._served = wanted
        if not wanted:
            self.daemon.unserved = None
            return _CALM
        try:
            await self._listen(wanted)
        except OSError as error:
            self._not_served(wanted, error)
            return RETRY
        self.daemon.unserved = None
        _log.info("status pages are served", listen=self.address)
        return _CALM

    async def _listen(self, wanted: str) -> None:
        loop = asyncio.get_running_loop()
        if wanted.startswith("unix:"):
            listener = owners_socket(Path(wanted.removeprefix("unix:")))
            self._hosts, self.address = None, wanted
            self._server = await loop.create_unix_server(self._connection, sock=listener)
            return
        host, _, port = wanted.rpartition(":")
        server = await loop.create_server(self._connection, host.strip("[]"), int(port))
        number = server.sockets[0].getsockname()[1]
        self._hosts, self.address = hosts(host, number), f"{host}:{number}"
        self._server = server

    def _not_served(self, wanted: str, error: OSError) -> None:
        number = error.errno or 0
        why = os.strerror(number) if number > 0 else str(error)  # below are the resolver's own numbers
        detail = f"the status pages are not served: {why}; free it, or change [status] listen"
        if self.daemon.unserved is None or self.daemon.unserved.subject != wanted:
            self.daemon.unserved = Condition(UNSERVED, wanted, self.daemon.core.clock(), detail)
            _log.warning("the status pages are not served; the daemon goes on without them", listen=wanted, why=why)

    def _connection(self) -> asyncio.BaseProtocol:
        """Take one more connection, if there is room once those that have been there for too long are cut."""
        server, now = self._runner.server, asyncio.get_running_loop().time()
        there = server.connections if server else []
        self._since = {one: self._since.get(one, now) for one in there}
        old = [one for one, since in self._since.items() if now > since + LIFETIME]
        for one in old:
            one.force_close()
        if server is None or len(there) - len(old) >= CONNECTIONS:
            return _TurnedAway()
        return server()

    def _close(self) -> None:
        if self._server:
            self._server.close()
            if self._served.startswith("unix:"):
                Path(self._served.removeprefix("unix:")).unlink(missing_ok=True)
        self._server, self.address = None, ""

    async def close(self) -> None:
        """Stop listening, and end what is under way."""
        self._close()
        await self._runner.cleanup()

    # ------------------------------------------------------------------------------------------------------ the pages

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let through only what may be asked, and not too much of it; every answer is the last of its connection."""
        if self._hosts is not None and not self._hosts.issuperset(_hosts_of(request)):
            answer: web.StreamResponse = _text(421, "no such host here; ask for the address in [status] listen")
        elif request.method not in ("GET", "HEAD"):
            answer = _text(405, "nothing can be changed here: GET or HEAD", Allow="GET, HEAD")
        elif self._busy >= AT_ONCE:
            answer = _text(503, "too many requests at once", **{"Retry-After": "1"})
        else:
            self._busy += 1
            try:
                answer = await _bounded(request, handler)
            finally:
                self._busy -= 1
        answer.headers["Server"] = "watcher"
        answer.headers["Cache-Control"] = "no-store"
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.force_close()
        return answer

    async def _healthz(self, _: web.Request) -> web.Response:
        return _verdict(await self.unwell())

    async def _readyz(self, _: web.Request) -> web.Response:
        return _verdict(await self.blind())

    async def unwell(self) -> list[str]:
        """Why it does not live: a loop has ended, the store does not answer. One that says no (a full disk) lives."""
        reasons = self.daemon.stuck()
        try:
            async with asyncio.timeout(PATIENCE / 2):
                await self.daemon.core.store.ping()
        except TimeoutError:
            reasons.append("the store does not answer")
        except StoreError:
            reasons.append("the store is closed")
        return reasons

    async def blind(self) -> list[str]:
        """Why it does not see or speak."""
        try:
            standing = await self._standing.get()
        except WatcherError:
            return ["the store cannot be read"]
        found = [*unready(standing, broken=bool(self.daemon.trouble)), *self.daemon.held_up()]
        if not self.daemon.current:
            found = [*found, "the configuration on disk is not the one in force"]
        return found

    async def _metrics(self, request: web.Request) -> web.StreamResponse:
        standing = None
        with suppress(WatcherError, TimeoutError):  # what is not in the store is worth showing all the more then
            async with asyncio.timeout(PATIENCE / 2):
                standing = await self._standing.get()
        self.metrics.facts = facts(self.daemon, standing, asyncio.get_running_loop().time())
        return await self._exposition(request)

    async def _status(self, _: web.Request) -> web.Response:
        try:
            standing = await self._standing.get()
        except WatcherError:
            return _text(503, "the store cannot be read")
        body = await asyncio.to_thread(
            lambda: msgspec.json.encode(shown(standing))
        )  # thousands of sources take a while
        return web.Response(body=body, content_type="application/json")


def unready(standing: Standing, *, broken: bool) -> list[str]:
    """Why it does not see or speak, a line each; what an operator paused is meant so."""
    reasons = ["the store cannot be written"] if broken else []
    for source in standing.sources:
        state = state_of(source) if source.every is not None else ""
        if state == NEW:
            reasons.append(f"source {source.name} has not been read yet")
        elif state == BLIND:
            since = source.read_at and f"; last read {stamp(source.read_at)}"
            reasons.append(f"source {source.name} is failing{since or ''}")
    for sink in standing.sinks:
        if sink.paused and not sink.paused.asked:
            reasons.append(f"sink {sink.name} refused us and is paused since {stamp(sink.paused.since)}")
        elif sink.type is not None and any(trouble.type == SINK_FAILING for trouble in sink.troubles):
            reasons.append(f"sink {sink.name} is failing")
    return reasons


def shown(standing: Standing) -> dict[str, Any]:
    """The JSON of `watcher status`, less what people wrote: anybody on this machine may read it here."""
    found: dict[str, Any] = inert(msgspec.to_builtins(standing))
    for one in (*found["sources"], *found["sinks"]):
        if one["paused"] and one["paused"][-1]:
            one["paused"][1] = "an operator paused it"
    silences = [{"number": one.number, "since": one.since, "until": one.until} for one in standing.silences]
    return {"well": standing.well, **found, "silences": silences}


def inert(value: Any) -> Any:
    """The same without addresses, whoever wrote them: what peers and configurations say is shown, too."""
    match value:
        case str():
            return _ADDRESS.sub("***", value)
        case dict():
            return {key: inert(one) for key, one in value.items()}
        case list() | tuple():
            return [inert(one) for one in value]
        case _:
            return value


def hosts(host: str, port: int) -> frozenset[str]:
    """The Host headers that are meant for us.

    A page on the web may have its own name lead to 127.0.0.1 and then read what is served there: the browser lets it,
    but says its name.
    """
    names = {host.lower(), "localhost", "127.0.0.1", "[::1]"}
    return frozenset({*(f"{name}:{port}" for name in names), *(names if port == 80 else ())})  # noqa: PLR2004 - HTTP's


def _hosts_of(request: web.Request) -> list[str]:
    return [host.lower() for host in request.headers.getall("Host", [""])]


def _verdict(reasons: list[str]) -> web.Response:
    if not reasons:
        return _text(200, "ok")
    more = [f"and {len(reasons) - _REASONS} more"] if len(reasons) > _REASONS else []
    return _text(503, "\n".join([*islice(reasons, _REASONS), *more]))


def _text(status: int, text: str, **headers: str) -> web.Response:
    return web.Response(status=status, text=f"{text}\n", headers=headers)


async def _bounded(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        async with asyncio.timeout(PATIENCE):
            answer = await handler(request)
    except TimeoutError:
        return _text(503, "it takes too long")
    except web.HTTPException as error:
        return _text(error.status, f"{error.reason}: there are /healthz, /readyz, /metrics and /status")
    except Exception:  # a bug here is said in the log as any other, and is nobody else's business
        _log.exception("a status page failed", page=request.path)
        return _text(500, "this is a bug; the log says more")
    if isinstance(answer, web.Response) and isinstance(answer.body, bytes) and len(answer.body) > LARGEST:
        return _text(503, f"it is over {LARGEST >> 20} MiB; `watcher status --json` has it")
    return answer


class _TurnedAway(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


def owners_socket(path: Path) -> socket.socket:
    """Listen at that path, mode 0600, in the place of a socket that nobody listens at.

    Raises OSError when somebody does, or when there is something else.
    """
    if path.exists() and not stat.S_ISSOCK(path.stat().st_mode):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.settimeout(1.0)
        if caller.connect_ex(str(path)) == 0:
            raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    made = path.with_name(f"{path.name}.new")
    made.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        os.fchmod(listener.fileno(), 0o600)  # what is bound gets this mode, from its first moment
        listener.bind(str(made))
        listener.listen()
        made.replace(path)  # whoever sees it is heard
    except BaseException:
        listener.close()
        made.unlink(missing_ok=True)
        raise
    return listener


# ------------------------------------------------------------------------------------------------------------ serving


@asynccontextmanager
async def serving(daemon: Daemon, look: Callable[[], Awaitable[Standing]]) -> AsyncIterator[Pages]:
    """Serve the status pages of a daemon while the body runs, and count what it does."""
    pages, stop, bell = Pages(daemon, look), asyncio.Event(), asyncio.Event()
    metrics = pages.metrics

    pinging = asyncio.Event()

    def reloaded() -> None:
        metrics.expect(daemon)
        bell.set()
        pinging.set()

    def settings() -> tuple[Secret | None, timedelta]:
        config = daemon.core.parts.config
        return config.ping, config.ping_every

    async def reasons() -> list[str]:
        return [*await pages.unwell(), *await pages.blind()]

    metrics.expect(daemon)
    daemon.core.heard.append(metrics.heard)
    daemon.polled.append(metrics.polled)
    daemon.settled.append(metrics.settled)
    daemon.reloads.append(reloaded)
    await pages.setup()
    tending = asyncio.create_task(every("status pages", pages.tend, stop, daemon.failed, bell))
    ping = Ping(settings, reasons, metrics.pinged, daemon.core.clock)
    pings = asyncio.create_task(every("ping", ping.turn, stop, daemon.failed, pinging))
    with _measured(metrics):
        try:
            yield pages
        finally:
            stop.set()
            pings.cancel()  # the other side may take its time
            await asyncio.wait((tending, pings))
            await ping.close()
            await pages.close()


@contextmanager
def _measured(metrics: Metrics, interval: float = 1.0) -> Iterator[None]:
    """Measure how late the event loop wakes, a few microseconds a second."""
    loop = asyncio.get_running_loop()
    handle: asyncio.TimerHandle | None = None

    def wake(due: float) -> None:
        nonlocal handle
        now = loop.time()
        metrics.lag.observe(max(0.0, now - due))
        handle = loop.call_at(now + interval, wake, now + interval)

    wake(loop.time())
    try:
        yield
    finally:
        if handle:
            handle.cancel()
