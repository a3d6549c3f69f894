"""What every sink is made with: the shape of its settings, what it may use, and how it is put in the table."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import msgspec

from watcher.model import Event
from watcher.ports import Clock, Render, Sink
from watcher.units import Rate, Secret


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What `[sinks.NAME]` takes for every type of sink.

    `max_rate` bounds the attempts, `at_once` how many may be under way together, `timeout` one attempt in all.
    `personal` says whose personal data goes there: with False nobody's. Otherwise people are shown that of leads, and
    with True that of the people behind contracts and purchases too; machines get the events as they are.
    """

    type: str
    max_rate: Rate | None = None
    at_once: Annotated[int, msgspec.Meta(ge=1)] = 4
    timeout: timedelta = timedelta(seconds=15)
    personal: bool | None = None

    def __post_init__(self) -> None:
        if not self.timeout:
            raise ValueError('timeout: must leave some time; write "15s"')


@dataclass(frozen=True, slots=True)
class Tools:
    """What a sink may use: the renderer of messages, the clock, and the directory that relative paths start from.

    A sink that people read sends what `render(delivery, settings.personal)` says, one that machines read sends
    `privacy.shown_envelope(delivery.event, settings.personal)`.
    """

    render: Render
    clock: Clock
    directory: Path


@dataclass(frozen=True, slots=True)
class SinkType:
    """A type of sink: the shape of its settings, how it is built, and whether people read it (else machines do)."""

    settings: type[Settings]
    build: Callable[[str, Any, Tools], Sink]
    people: bool


def loopback(host: str) -> bool:
    """Say whether that host is this very machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def revealed(value: str | Secret) -> str:
    """A value that may be a secret, for the one request that needs it."""
    return value.reveal() if isinstance(value, Secret) else value


def record_name(event: Event) -> str:
    """What the commands call the record that an event is about: `azur/apimo.leads/101/170384`."""
    source = event.source.strip("/")
    return event.subject if source == "watcher" else f"{source}/{event.subject}"
