"""The secrets that the configuration refers to: that each is there, and shown to nobody."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from watcher.credentials import Absent, Secrets
from watcher.doctor.finding import Finding, ok, trouble, warning
from watcher.doctor.places import Place, secret
from watcher.toml import KeyPath


class Reference(NamedTuple):
    """Where a configuration refers to a secret, and to which: `way` is credential, env or file."""

    path: KeyPath
    way: str
    name: str

    @property
    def written(self) -> dict[str, str]:
        """As it stands in the configuration."""
        return {self.way: self.name}


def references(value: Any, path: KeyPath = ()) -> Iterator[Reference]:
    """Every reference to a secret in a configuration, whatever else is wrong with it."""
    match value:
        case {"credential": str(name), **rest} if not rest:
            yield Reference(path, "credential", name)
        case {"env": str(name), **rest} if not rest:
            yield Reference(path, "env", name)
        case {"file": str(name), **rest} if not rest:
            yield Reference(path, "file", name)
        case dict():
            for key, inner in value.items():
                yield from references(inner, (*path, key))
        case list():
            for number, inner in enumerate(value):
                yield from references(inner, (*path, number))


def credentials(
    found: list[Reference],
    where: Callable[[KeyPath], str],
    directory: Path,
    environ: Mapping[str, str],
    *,
    served: bool,
) -> Iterator[Finding]:
    """Whether each secret is there, is one, and is its owner's alone; `where` names a place of the configuration.

    `served` says that a daemon runs, which has its secrets: that they cannot be seen from here is no trouble then.
    """
    if not found:
        yield ok("credentials", "the configuration refers to none")
    for reference in found:
        place = where(reference.path)
        name = f"{reference.way} {reference.name}"
        secrets = Secrets(environ)
        try:
            text = secrets.find(reference.written, directory).reveal()
        except Absent as error:
            if served and reference.way != "file":
                yield ok(name, f"{place}: cannot be seen from here; the daemon that runs has it")
            else:
                yield _refused(name, place, error)
        except ValueError as error:
            yield _refused(name, place, error)
        else:
            bad = [finding for path in secrets.files if (finding := _file(name, path))]
            yield from bad or [_content(name, place, text)]


def _refused(name: str, place: str, error: ValueError) -> Finding:
    found, _, remedy = str(error).partition("; ")
    return trouble(name, f"{place}: {found}", remedy or "write the secret anew")


def _file(name: str, path: Path) -> Finding | None:
    seen = Place.look(path)
    return secret(name, seen) if seen else None


def _content(name: str, place: str, text: str) -> Finding:
    """Whether a secret looks as it was meant; it is not repeated."""
    if text != text.strip():
        return warning(name, f"{place}: begins or ends with a blank", "remove it, unless it belongs to the secret")
    if re.search(r"\s", text):
        return warning(name, f"{place}: has a blank in it", "look whether two things were pasted")
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return warning(name, f"{place}: is in quotes, which are taken for a part of it", "remove the quotes")
    return ok(name, f"{place}: is there")
