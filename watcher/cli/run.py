"""`run` and `reload`: the daemon."""

from __future__ import annotations

import asyncio
import faulthandler
import gc
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from typing import Any

import click
import msgspec

from watcher import logs, status
from watcher.app import Core
from watcher.cli import examples
from watcher.cli.common import config_option, configured, json_option, opened, reading
from watcher.cli.glance import glance
from watcher.cli.output import print_json, say
from watcher.config import Config
from watcher.control import Handler, NotRunning, ask, place, serving
from watcher.daemon import Daemon
from watcher.operations import OPERATIONS, Refused
from watcher.poll import Watch
from watcher.sinks import SinkType, sink_types
from watcher.standing import Process, Standing, standing
from watcher.store.outbox import Pause
from watcher.systemd import Notifier

GARBAGE = (50_000, 20, 50)
"""When Python looks for rings of garbage: a page makes a hundred thousand objects that are none. Measured: a seventh of
a first poll's time, and the longest stalls."""

AT_ONCE = 8
"""Sources read together by `run --once`; each account keeps its own rate besides."""


@click.command(epilog=examples("watcher run", "watcher run --once --config /etc/watcher/config.toml"))
@click.option("--once", is_flag=True, help="Read each source once, attempt what is owed and due, and end.")
@click.option("--json", "as_json", is_flag=True, help="With --once: print what is left owed as JSON.")
@config_option
def run(path: str | None, once: bool, as_json: bool) -> int:
    """Run the daemon.

    It polls and tells until SIGTERM or Ctrl-C. SIGHUP, `watcher reload` and a saved configuration reload it. With
    --once, for cron, the exit code is 0 when nothing is left owed, else 1.
    """
    if as_json and not once:
        raise click.UsageError("--json goes with --once: the daemon's log says what it does")
    logs.hold_standard_streams()
    faulthandler.enable()
    types = sink_types()
    config = configured(path, types)
    logs.setup()
    return asyncio.run(_once(config, types, as_json=as_json) if once else _run(path, config, types))


async def _run(path: str | None, config: Config, types: Mapping[str, SinkType]) -> int:
    notifier = Notifier()
    async with AsyncExitStack() as stack:
        async with notifier.patience("opening the store"):  # to check a large one, or to migrate it, takes long
            core = await stack.enter_async_context(opened(config, types))
        daemon = Daemon(core, partial(configured, path, types), types, notifier)
        gc.freeze()  # what is there by now lasts to the end: it need not be gone through again and again
        gc.set_threshold(*GARBAGE)
        pages, commands = status.serving(daemon, partial(_standing, daemon)), place(config.state_path)
        async with pages, serving(commands, handler(daemon)):
            await daemon.run()
    return 0


def handler(daemon: Daemon) -> Handler:
    """What the daemon answers at its socket: the operations, `reload` and `status`."""

    async def handle(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        match name:
            case "reload":
                if arguments.get("wait", True):
                    return {"generation": await daemon.reloaded()}
                daemon.reload.set()
                return {"generation": daemon.generation}
            case "status":
                return await _status(daemon)
        if name not in OPERATIONS:
            raise Refused(f"this daemon does not know {name!r}")
        return await OPERATIONS[name](daemon.core, **arguments)

    return handle


async def _status(daemon: Daemon) -> dict[str, Any]:
    """How everything fares, as the command `status` shows it."""
    facts: dict[str, Any] = msgspec.to_builtins(await _standing(daemon))
    return facts


async def _standing(daemon: Daemon) -> Standing:
    """How everything fares, read beside the store's own thread, with the troubles that the store cannot know."""
    core = daemon.core
    config, now = core.parts.config, core.clock()
    process = Process(
        running=True,
        uptime=(now - daemon.started).total_seconds(),
        generation=daemon.generation,
        reload_error=daemon.reload_error,
    )
    own = tuple(filter(None, (daemon.trouble, daemon.unserved)))

    def look() -> Standing:
        with reading(config.state_path) as reader:
            found = standing(config, reader, now, process)
        return replace(found, troubles=(*found.troubles, *own))

    return await asyncio.to_thread(look)


# ------------------------------------------------------------------------------------------------------------- once


async def _once(config: Config, types: Mapping[str, SinkType], *, as_json: bool) -> int:
    async with opened(config, types) as core:
        await core.note_rules()
        at_once = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*(_poll(core, watch, at_once) for watch in core.parts.watches.values()))
        while await core.ring():
            pass
        await asyncio.gather(*(_deliver(core, name) for name in config.sinks))
        await core.keep_house()
        return await _left(core, as_json=as_json)


async def _poll(core: Core, watch: Watch, at_once: asyncio.Semaphore) -> None:
    async with at_once:
        await core.poll(watch)


async def _deliver(core: Core, name: str) -> None:
    """Attempt each delivery that is owed to a sink and due, once."""
    line = core.line(name)
    tried: set[int] = set()
    while batch := await core.store.due(name, core.clock(), line.at_once, tried):
        tried.update(delivery.number for delivery in batch)
        await asyncio.gather(*(line.attempt(delivery) for delivery in batch))


def _why_not(sink: str, pause: Pause | None) -> str:
    """What keeps a sink from being tried, and what to do."""
    if pause is None:
        return ""
    ends = f"`watcher resume {sink}`" if pause.asked else f"mend it, then `watcher sink test {sink}`"
    return f"; it is paused: {ends}"


async def _left(core: Core, *, as_json: bool) -> int:
    """Say what is left owed, and return the exit code."""
    paused = await core.store.paused()
    owed = {name: counts.owed for name, counts in (await core.store.owed_counts()).items()}
    left = {sink: many for sink, many in owed.items() if many and sink in core.parts.sinks}
    if as_json:
        print_json({"left": left})
        return 1 if left else 0
    for sink, many in left.items():
        say(f"{many} left owed to {sink}{_why_not(sink, paused.get(sink))}", "warn")
    return 1 if left else 0


# ----------------------------------------------------------------------------------------------------------- reload


@click.command(epilog=examples("watcher reload", "watcher reload --config /etc/watcher/config.toml"))
@click.option("--wait/--no-wait", default=True, help="Wait for the answer (the default).")
@json_option
@config_option
def reload(path: str | None, wait: bool, as_json: bool) -> None:
    """Have the running daemon take up its configuration anew.

    A broken configuration leaves the old one working; its mistakes are printed, and the exit code is 78.
    """
    try:
        answer = asyncio.run(ask(glance(path).socket, "reload", {"wait": wait}))
    except NotRunning:
        configured(path)  # a broken file is worth saying all the same
        raise Refused("no daemon runs; `watcher run` starts one") from None
    if as_json:
        print_json(answer)
        return
    say(f"reloaded: generation {answer['generation']}" if wait else "the daemon will reload", "ok")
