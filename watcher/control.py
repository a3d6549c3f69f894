"""The daemon's socket: how commands that change something reach it. HTTP with JSON over a Unix socket, mode 0600.

`watcher.sock` is in `$RUNTIME_DIRECTORY`, else beside the store; the service's is in /run/watcher. Whoever may open it
may use it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from aiohttp import web

from watcher.config import RUNTIME, STATE
from watcher.errors import ConfigError, StoreError, WatcherError
from watcher.operations import Refused

Handler = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]

PATIENCE = 120.0
"""Seconds for a command's answer: a poll of a slow source takes its time."""

_LONGEST = 100  # bytes of a Unix socket's path, less a little: the kernel takes 107


class NotRunning(WatcherError):
    """No daemon answers at the socket."""


def place(state_path: Path, environ: Mapping[str, str] = os.environ) -> Path:
    """Where the socket is, for that store."""
    if runtime := environ.get("RUNTIME_DIRECTORY", "").split(":")[0]:
        return Path(runtime) / "watcher.sock"
    return (RUNTIME if state_path.is_relative_to(STATE) else state_path.parent) / "watcher.sock"


@contextlib.asynccontextmanager
async def serving(path: Path, handle: Handler) -> AsyncIterator[None]:
    """Answer commands at that socket while the body runs. The lock on the store is held: an old socket is dead."""

    async def answer(request: web.Request) -> web.Response:
        return await _answer(request, handle)

    app = web.Application(client_max_size=1 << 20)
    app.router.add_post("/{name}", answer)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    made = path.with_name(f"{path.name}.new")
    made.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _short(made) as name:
            mask = os.umask(0o177)
            try:
                listener.bind(name)
            finally:
                os.umask(mask)
        listener.listen()
        made.replace(path)  # whoever sees the socket is heard: before it listens, it has another name
        await web.SockSite(runner, listener).start()
        yield
    finally:
        await runner.cleanup()
        listener.close()
        path.unlink(missing_ok=True)


async def _answer(request: web.Request, handle: Handler) -> web.Response:
    try:
        arguments = msgspec.json.decode(await request.read() or b"{}", type=dict[str, Any])
        answer, status = await handle(request.match_info["name"], arguments), 200
    except Refused as error:
        answer, status = {"error": str(error)}, 409
    except ConfigError as error:
        answer, status = {"error": "the configuration is broken", "complaints": list(error.complaints)}, 422
    except StoreError as error:
        answer, status = {"error": str(error)}, 503
    except (msgspec.DecodeError, msgspec.ValidationError, TypeError, ValueError) as error:
        answer, status = {"error": f"the request cannot be read: {error}"}, 400
    return web.Response(body=msgspec.json.encode(answer), status=status, content_type="application/json")


async def ask(path: Path, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Ask the running daemon. Raises NotRunning, Refused, ConfigError or StoreError."""
    if not path.exists():
        raise NotRunning(f"no daemon at {path}")
    with _short(path) as short:
        timeout = aiohttp.ClientTimeout(total=PATIENCE)
        async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(path=short), timeout=timeout) as session:
            try:
                async with session.post(f"http://watcher/{name}", data=msgspec.json.encode(arguments)) as response:
                    if response.content_type != "application/json":
                        raise WatcherError(f"the daemon failed at it (HTTP {response.status}); its log says why")
                    answer = msgspec.json.decode(await response.read(), type=dict[str, Any])
                    return _understood(response.status, answer)
            except (aiohttp.ClientConnectorError, aiohttp.ServerDisconnectedError) as error:
                if isinstance(error, OSError) and error.errno == errno.EACCES:
                    raise PermissionError(errno.EACCES, "the daemon's socket is for its own user", str(path)) from None
                raise NotRunning(f"no daemon at {path}") from None
            except TimeoutError:
                raise StoreError(f"the daemon did not answer within {PATIENCE:.0f} s") from None


def _understood(status: int, answer: dict[str, Any]) -> dict[str, Any]:
    match status:
        case 200:
            return answer
        case 422:
            raise ConfigError(tuple(answer.get("complaints", ())))
        case 503:
            raise StoreError(str(answer.get("error")))
        case _:
            raise Refused(str(answer.get("error")))


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """A name for a socket's path that fits: through /proc where the path itself is too long for the kernel."""
    if len(os.fsencode(path)) <= _LONGEST:
        yield str(path)
        return
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)
