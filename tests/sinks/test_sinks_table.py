"""The table of sink types, and those that other packages add to it."""

from __future__ import annotations

from datetime import timedelta
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import pytest

import watcher.sinks
from watcher.errors import ConfigError
from watcher.sinks import SINKS, Settings, SinkType, Tools, sink_types


class Pigeon:
    """Another's sink."""

    def __init__(self, name: str, config: Settings, tools: Tools) -> None: ...

    async def send(self, delivery: Any) -> str:
        """Fly."""
        return "coo"

    async def close(self) -> None:
        """Land."""


PIGEON = SinkType(Settings, Pigeon, people=True)
NO_SINK = "a text"


def installed(monkeypatch: pytest.MonkeyPatch, **points: str) -> None:
    """Have packages installed that offer these."""
    offered = EntryPoints(EntryPoint(name, value, watcher.sinks.GROUP) for name, value in points.items())
    monkeypatch.setattr(watcher.sinks, "entry_points", lambda group: offered.select(group=group))


def test_other_packages_add_types_and_do_not_replace_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """A type under a new name is there; one under a name of ours is not even loaded."""
    installed(monkeypatch, pigeon=f"{__name__}:PIGEON", slack="no.such.module:SLACK")
    types = sink_types()
    assert types["pigeon"] is PIGEON
    assert {name: types[name] for name in SINKS} == dict(SINKS)


@pytest.mark.parametrize("value", ["no.such.module:SINK", f"{__name__}:NOT_THERE", f"{__name__}:NO_SINK"])
def test_a_broken_one_is_called_by_name(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """So that it is known what to uninstall."""
    installed(monkeypatch, pigeon=value)
    with pytest.raises(ConfigError, match=r"'pigeon'.*mend or uninstall it") as caught:
        sink_types()
    assert value in str(caught.value)


@pytest.mark.parametrize("name", sorted(SINKS))
def test_every_type_has_its_own_strict_settings(name: str) -> None:
    """They are frozen, know their bounds by themselves, and show no secret."""
    shape = SINKS[name].settings
    assert shape is not Settings
    assert issubclass(shape, Settings)
    assert shape.__struct_config__.frozen
    assert shape.__struct_config__.forbid_unknown_fields


RIGHT: dict[str, dict[str, Any]] = {
    "webhook": {"url": "https://crm.example.fr/"},
    "slack": {"url": "https://hooks.example.fr/"},
    "email": {"host": "smtp.example.fr", "from_": "a@example.fr", "to": ["b@example.fr"]},
    "file": {"path": Path("-")},
    "command": {"command": ["true"]},
    "apprise": {"url": "jsons://notify.example.fr/"},
    "apimo_lead": {"account": "azur", "agency": "101", "fields": {"lastname": "x"}},
}


@pytest.mark.parametrize("name", sorted(SINKS))
def test_an_attempt_must_have_some_time(name: str) -> None:
    """None at all would fail every message."""
    assert SINKS[name].settings(type=name, **RIGHT[name])
    with pytest.raises(ValueError, match="timeout: must leave some time"):
        SINKS[name].settings(type=name, timeout=timedelta(0), **RIGHT[name])


def test_a_file_is_the_least_that_a_sink_needs(tmp_path: Path, tools: Tools) -> None:
    """Settings, a name and tools build a sink that can be closed unused."""
    kind = SINKS["file"]
    assert kind.build("log", kind.settings(type="file", path=tmp_path / "x"), tools)  # type: ignore[call-arg]
