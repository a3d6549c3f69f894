"""What every sink is made with: the shape of its settings, what it may use, and how it is put in the table."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from watcher.errors import Permanent
from watcher.model import Event
from watcher.ports import Clock, Render, Sink
from watcher.streams.dates import PARIS
from watcher.units import Rate, Secret

Post = Callable[[str, str, bytes, float], Awaitable[bytes]]
"""POST a JSON document to an account's API: account, path, document, seconds -> the body of the answer.

It waits for its turn and is counted in the account's budget, as every poll is. The seconds are for all but the waiting.
Raises Transient or Permanent (NotFound for a 404), and StoreError when the budget cannot be counted.
"""


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


async def no_account(account: str, path: str, document: bytes, seconds: float) -> bytes:  # noqa: ARG001 - a `Post`
    """Where there are no accounts to post to."""
    raise Permanent(f"there is no account {account}", refused=True)


@dataclass(frozen=True, slots=True)
class Tools:
    """What a sink may use: the renderer of messages, the clock, and the directory that relative paths start from.

    A sink that people read sends what `render(delivery, settings.personal)` says, one that machines read sends
    `privacy.shown_envelope(delivery.event, settings.personal)`. One that writes to an account's API does so by `post`;
    `language` and `zone` are those of the people, for templates of its own.
    """

    render: Render
    clock: Clock
    directory: Path
    post: Post = no_account
    language: Literal["fr", "en"] = "fr"
    zone: ZoneInfo = PARIS


@dataclass(frozen=True, slots=True)
class SinkType:
    """A type of sink: the shape of its settings, how it is built, and whether people read it (else machines do).

    `api` is the one that its `account` has to be of, for a sink that writes to an account.
    """

    settings: type[Settings]
    build: Callable[[str, Any, Tools], Sink]
    people: bool
    api: str = ""


def loopback(host: str) -> bool:
    """Say whether that host is this very machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def revealed(value: str | Secret) -> str:
    """A value that may be a secret, for the one request that needs it."""
    return value.reveal() if isinstance(value, Secret) else value


def of_record(event: Event) -> bool:
    """Say whether an event is about a record; summaries and troubles of watcher's own are about none."""
    return event.source.strip("/") != "watcher"


def record_name(event: Event) -> str:
    """What the commands call the record that an event is about: `azur/apimo.leads/101/170384`."""
    return f"{event.source.strip('/')}/{event.subject}" if of_record(event) else event.subject
