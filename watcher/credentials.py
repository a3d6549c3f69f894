"""Secrets are references, never literals: this is where they are looked up.

No complaint repeats what was found, nor what was written where a reference belongs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from watcher.toml import quoted
from watcher.units import Secret

_FORMS = '{ credential = "NAME" }, { env = "NAME" } or { file = "PATH" }'
CREDSTORE = Path("/etc/credstore")
"""Where systemd takes credentials from; whoever may read it (root) needs no systemd in between."""

_MOST = 1 << 16  # bytes; a file that is no secret at all is not worth reading to its end


class Absent(ValueError):
    """The reference is well written, and there is nothing where it points."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """Where secrets are found: in the environment, in systemd's credentials, in files; `files` are those read.

    With `spare`, what is not there is no mistake: for commands that try a configuration and use no secret of it.
    """

    environ: Mapping[str, str]
    files: list[Path] = field(default_factory=list)
    spare: bool = False

    def find(self, reference: Any, directory: Path) -> Secret:
        """The secret that is referred to; raises ValueError, which names what was looked for and never what it held."""
        if not isinstance(reference, dict):
            raise ValueError(f"a secret is never written here; write {_FORMS}")
        if len(reference) != 1:
            raise ValueError(f"a secret is found in one place; write {_FORMS}")
        (how, name), *_ = reference.items()
        if how not in {"credential", "env", "file"}:
            raise ValueError(f"a secret is one of {_FORMS}; {quoted(how)} is none of them")
        if not isinstance(name, str) or not name or not name.isprintable():
            raise ValueError(f"{how} must be a name in quotes; write {_FORMS}")
        match how:
            case "env":
                what, text = self._variable(name)
            case "file":
                what, text = self._text(directory / name, f"file {quoted(name)}")
            case _:
                what, text = self._credential(name)
        text = text.removesuffix("\n").removesuffix("\r")
        if not text.strip():
            raise ValueError(f"{what} is empty; put the secret in it")
        if re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", text):
            raise ValueError(f"{what} holds more than one line, or a control character; keep the secret only")
        return Secret(text)

    def _variable(self, name: str) -> tuple[str, str]:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise ValueError('env is the name of a variable, not its value; write { env = "NAME" }')
        if name not in self.environ:
            raise Absent(f"the environment has no {name}; set it where watcher is started")
        return f"the environment's {name}", self.environ[name]

    def _credential(self, name: str) -> tuple[str, str]:
        if "/" in name or name in {".", ".."}:
            raise ValueError('credential is the name of a file, not a path; write { file = "PATH" } for those')
        stored = os.access(CREDSTORE / name, os.R_OK)
        directory = self.environ.get("CREDENTIALS_DIRECTORY") or (CREDSTORE if stored else None)
        if not directory:
            raise Absent(
                f"no credential {quoted(name)}: $CREDENTIALS_DIRECTORY is not set; give it with systemd's "
                f"LoadCredential={name}:PATH, or point the variable at a directory"
            )
        remedy = "store it as `watcher install` says"
        return self._text(Path(directory, name), f"credential {quoted(name)}", remedy)

    def _text(self, path: Path, what: str, remedy: str = "put the secret there") -> tuple[str, str]:
        try:
            with path.open("rb") as file:
                text = file.read(_MOST).decode()
        except OSError as error:
            raise Absent(f"{what} cannot be read: {path}: {error.strerror}; {remedy}") from None
        except UnicodeDecodeError:  # its text would quote the secret
            raise ValueError(f"{what} is not UTF-8 text; save it as UTF-8") from None
        self.files.append(path)
        return what, text
