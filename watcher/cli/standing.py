"""How everything fares, asked of the daemon, or read where none runs."""

from __future__ import annotations

import asyncio

import msgspec

from watcher.app import utc_now
from watcher.cli.common import configured, reading
from watcher.cli.glance import glance
from watcher.control import NotRunning, ask
from watcher.standing import Process, Standing, standing


def fares(path: str | None) -> Standing:
    """How everything fares: the daemon is asked, and when none runs, the configuration and the store."""
    try:
        return msgspec.convert(asyncio.run(ask(glance(path).socket, "status", {})), Standing)
    except NotRunning:
        config = configured(path)
        with reading(config.state_path) as reader:
            return standing(config, reader, utc_now(), Process())
