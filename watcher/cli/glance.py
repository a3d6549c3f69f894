"""The little that is needed of a configuration to look at what is there, or to ask the daemon.

It need not be whole for that: a rule may be half written, and its secrets may be the daemon's own (credentials, its
environment), which nobody else has.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from watcher.config import find, state_directory
from watcher.control import place
from watcher.shapes import State, Top
from watcher.sources import api_types
from watcher.toml import read


@dataclass(frozen=True, slots=True)
class Glance:
    """Where the store and the daemon's socket are, and how times and messages are shown."""

    path: Path
    state_path: Path
    socket: Path
    timezone: ZoneInfo
    language: Literal["fr", "en"]


def glance(named: str | None, environ: Mapping[str, str] = os.environ) -> Glance:
    """Look at the configuration that is named, or at that of the default places.

    Raises ConfigMissing when there is none, ConfigError when it is no TOML; what is odd in it counts as left out.
    """
    path = find(named)
    api_types()  # whoever looks at records knows all streams
    data = read(path).data
    usual = Top()
    state = data.get("state")
    name = state.get("path") if isinstance(state, dict) else None
    store = state_directory(path, environ) / (name if isinstance(name, str) else State().path)
    language = data.get("language")
    return Glance(
        path=path,
        state_path=store,
        socket=place(store, environ),
        timezone=_zone(data.get("timezone"), usual.timezone),
        language=language if language in {"fr", "en"} else usual.language,
    )


def _zone(name: Any, usual: ZoneInfo) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (TypeError, ValueError, OSError, KeyError):
        return usual
