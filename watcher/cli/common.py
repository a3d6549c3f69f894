"""What most commands share: the configuration, the store to read from, and the way to have something done."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from watcher import logs
from watcher.app import Core, assemble, utc_now
from watcher.cli.glance import glance
from watcher.config import Config, find, load
from watcher.control import NotRunning, ask
from watcher.expressions import check, constant
from watcher.model import SourceName, Version
from watcher.operations import OPERATIONS, Refused
from watcher.sinks import SinkType, sink_types
from watcher.sources import api_types
from watcher.store import Store
from watcher.store.read import Reader
from watcher.streams import STREAMS, catalogue
from watcher.templates import check_template
from watcher.toml import nearest
from watcher.units import duration

PARTS_OF_RECORD = "stream/id or source/id, e.g. adlead.purchases/4 or riviera/adlead.purchases/1/4"

config_option = click.option(
    "--config",
    "path",
    metavar="FILE",
    help="The configuration (default: config.toml, then /etc/watcher/config.toml).",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def configured(path: str | None, types: Mapping[str, SinkType] | None = None, *, spare_secrets: bool = False) -> Config:
    """The configuration of that path, or of the default places; for trying rules its secrets need not be here."""
    api_types()  # before the catalogue: it has the events of their streams
    return load(
        find(path),
        sink_types=sink_types() if types is None else types,
        event_types=catalogue(),
        check_condition=check,
        check_template=check_template,
        constant=constant,
        spare_secrets=spare_secrets,
    )


@contextmanager
def reading(store: Path) -> Iterator[Reader]:
    """The store to read from, whether or not a daemon runs. Raises Refused when there is none yet."""
    if not store.exists():
        raise Refused(f"nothing has been polled yet: there is no {store}; `watcher run` makes it")
    with Reader.open(store) as reader:
        yield reader


@asynccontextmanager
async def opened(config: Config, types: Mapping[str, SinkType] | None = None) -> AsyncIterator[Core]:
    """The store with its lock, and the parts of the configuration over it."""
    async with await Store.open(config.state_path) as store:
        parts = await assemble(config, store, sink_types() if types is None else types, utc_now, random.random)
        core = Core(store, parts, resting=set(await store.paused_sources()))
        try:
            yield core
        finally:
            await core.parts.close()


def perform(path: str | None, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Have the running daemon do an operation; when none runs, take the lock and do it here."""
    return asyncio.run(_perform(path, name, arguments))


async def _perform(path: str | None, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    logs.setup("error")  # what comes of it is printed
    try:
        return await ask(glance(path).socket, name, arguments)
    except NotRunning:
        async with opened(configured(path)) as core:
            return await OPERATIONS[name](core, **arguments)


def the_record(reader: Reader, text: str) -> tuple[SourceName, Version]:
    """The one record that RECORD names. Raises Refused when there is none, or more than one."""
    where, _, key = text.strip("/").rpartition("/")
    if not key or not where or where.count("/") not in (0, 2):
        raise click.BadParameter(f"{text!r} is no record; write {PARTS_OF_RECORD}", param_hint="RECORD")
    stream = where.split("/")[1] if "/" in where else where
    if stream not in STREAMS:
        remedy = nearest(stream, STREAMS) or f"; there are {', '.join(STREAMS)}"
        raise Refused(f"there is no stream {stream!r}{remedy}")
    found = reader.record(where, key)
    if not found:
        raise Refused(f"no record {text} has been seen")
    if len(found) > 1:
        names = ", ".join(f"{source}/{key}" for source, _ in found)
        raise Refused(f"{text} is the name of {len(found)} records; say which: {names}")
    return found[0]


def moment_of(zone: ZoneInfo, now: datetime, option: str = "--since") -> Callable[[str], datetime]:
    """A reader of moments as people write them: a time, in the configured zone, or how long ago."""

    def moment(text: str) -> datetime:
        try:
            return now - duration(text)
        except ValueError:
            pass
        try:
            written = datetime.fromisoformat(text)
        except ValueError:
            hint = "write 2026-11-21, 2026-11-21T10:00 or, for how long ago, 2h"
            raise click.BadParameter(f"{text!r} is no time; {hint}", param_hint=option) from None
        return written if written.tzinfo else written.replace(tzinfo=zone)

    return moment
