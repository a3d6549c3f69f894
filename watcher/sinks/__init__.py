"""The places to tell: one file a sink, one line in the table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from watcher.ports import Clock, Render, Sink
from watcher.units import Rate


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What `[sinks.NAME]` takes for every type of sink.

    `max_rate` bounds the attempts, `at_once` how many may be under way together, `timeout` one attempt in all.
    """

    type: str
    max_rate: Rate | None = None
    at_once: int = 4
    timeout: timedelta = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Tools:
    """What a sink may use: the renderer of messages, the clock, and the directory that relative paths start from."""

    render: Render
    clock: Clock
    directory: Path


@dataclass(frozen=True, slots=True)
class SinkType:
    """A type of sink: the shape of its settings, how it is built, and whether people read it (else machines do)."""

    settings: type[Settings]
    build: Callable[[str, Any, Tools], Sink]
    people: bool
