"""A desk to try configurations on: a directory with a configuration in it, and an environment."""

from __future__ import annotations

from pathlib import Path

import pytest
from sink_shapes import SINK_TYPES

from watcher.config import Config, load
from watcher.errors import ConfigError
from watcher.expressions import check, constant
from watcher.streams import catalogue
from watcher.templates import check_template


class Desk:
    """A directory with a configuration in it, and the environment it is loaded in."""

    types = SINK_TYPES

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.environ = {"CREDENTIALS_DIRECTORY": str(directory / "credentials"), "KEY": "k3y"}
        self.write("credentials/token", "t0ken\n")

    def write(self, name: str, content: str | bytes) -> Path:
        """Write a file; return its path."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def load(self, text: str | None = None, path: str = "config.toml", *, spare_secrets: bool = False) -> Config:
        """Load a configuration, by a path from the directory."""
        if text is not None:
            self.write(path, text)
        return load(
            Path(path),
            sink_types=self.types,
            event_types=catalogue(),
            check_condition=check,
            check_template=check_template,
            constant=constant,
            environ=self.environ,
            spare_secrets=spare_secrets,
        )

    def complaints(self, text: str | None = None, path: str = "config.toml") -> list[str]:
        """What is said of a configuration that is refused."""
        with pytest.raises(ConfigError) as refusal:
            self.load(text, path)
        return list(refusal.value.complaints)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """An empty desk, and the working directory."""
    monkeypatch.chdir(tmp_path)
    return Desk(tmp_path)
