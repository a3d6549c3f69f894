"""The configuration for commands that try rules: they take none of its secrets, so those need not be here."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from watcher.cli.common import configured
from watcher.config import Config, find
from watcher.toml import read


def configured_to_try(path: str | None) -> Config:
    """The configuration, whether or not its secrets are here: trying rules takes none of them."""
    with _standing_in(read(find(path)).data):
        return configured(path)


STAND_INS = {"url": "https://stand-in.invalid/", "secret": f"whsec_{'A' * 32}"}
"""What stands in for a secret of these keys, which have to look like one."""


@contextmanager
def _standing_in(data: Mapping[str, Any]) -> Iterator[None]:
    """For a while, have each variable and each credential that is referred to, and that nobody gave us, say something.

    What is kept in a file of its own has to be there: its place is not ours to write to.
    """
    wanted = dict(_references(data, ""))
    added = {name: value for (how, name), value in wanted.items() if how == "env" and name not in os.environ}
    credentials = {name: value for (how, name), value in wanted.items() if how == "credential" and "/" not in name}
    given = os.environ.get("CREDENTIALS_DIRECTORY")
    with TemporaryDirectory(prefix="watcher-") as directory:
        if not given or not all(Path(given, name).exists() for name in credentials):
            for name, value in credentials.items():
                Path(directory, name).write_text(value, encoding="utf-8")
            added["CREDENTIALS_DIRECTORY"] = directory
        os.environ.update(added)
        try:
            yield
        finally:
            for name in added:
                del os.environ[name]
            if given:
                os.environ["CREDENTIALS_DIRECTORY"] = given


def _references(value: Any, key: str) -> Iterator[tuple[tuple[str, str], str]]:
    """The secrets that are referred to, each with what may stand in for it."""
    if isinstance(value, list):
        for inner in value:
            yield from _references(inner, key)
    if not isinstance(value, dict):
        return
    for how, name in value.items():
        if how in ("env", "credential") and len(value) == 1 and isinstance(name, str):
            yield (how, name), STAND_INS.get(key, "stand-in")
        else:
            yield from _references(name, how)
