"""Types of sink with every kind of setting, in a module of their own: hints are looked up by the module's name."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, field

from watcher.sinks import Settings, SinkType
from watcher.units import Rate, Secret


class Chat(Settings, frozen=True, kw_only=True):
    """Two secrets that belong together, checked together."""

    url: Secret | None = None
    token: Secret | None = None
    channel: str = ""

    def __post_init__(self) -> None:
        if not self.url and not self.token:
            raise ValueError("needs url, or token and channel; write one of them")
        if self.token and not self.channel:
            raise ValueError('channel: goes with token; write channel = "C0123"')


class Mail(Settings, frozen=True, kw_only=True):
    """A key that is no Python name, a choice, bounds."""

    host: str
    from_: str = field(name="from")
    to: Annotated[tuple[str, ...], Meta(min_length=1)]
    port: Annotated[int, Meta(ge=1, le=65535)] = 587
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    password: Secret | None = None


class Hook(Settings, frozen=True, kw_only=True):
    """A text that may be secret, a secret that may be several, a table of texts."""

    url: str | Secret
    secret: Secret | list[Secret] | None = None
    retries: int = 3
    headers: dict[str, str] = field(default_factory=dict)


class Lines(Settings, frozen=True, kw_only=True):
    """A path, a duration, a fraction, a yes or no."""

    path: Path
    flush: timedelta = timedelta(0)
    share: float = 0.5
    append: bool = True
    flood: Rate | None = Rate(20, 300)


class Form(Settings, frozen=True, kw_only=True):
    """One that writes to an account."""

    account: str
    agency: int | str


def _build(name: str, settings: Any, tools: Any) -> Any:
    raise NotImplementedError


SINK_TYPES = {
    name: SinkType(shape, _build, people=False)
    for name, shape in {"chat": Chat, "mail": Mail, "hook": Hook, "lines": Lines, "form": Form}.items()
}
