"""`install`: watcher as a service of systemd, and how its secrets are stored."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click

from watcher.cli import examples
from watcher.cli.output import say
from watcher.config import SYSTEM
from watcher.credentials import CREDSTORE
from watcher.operations import Refused
from watcher.schema import config_schema, text
from watcher.sinks import sink_types
from watcher.sources import api_types
from watcher.streams import catalogue
from watcher.toml import read

UNITS = Path("/etc/systemd/system")
UNIT = "watcher.service"
PREFIX = "/opt/watcher"
"""Where the shipped unit has the virtual environment."""

HIDDEN = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108 - named, not used
"""What the unit's sandbox hides: nothing can be run from there."""

STEPS = 254
"""The systemd from which on restarts can be spread out."""

_NAME, _PLACE = re.compile(r"[A-Za-z0-9_.@-]+"), re.compile(r"/[A-Za-z0-9_./+-]+")


class File(NamedTuple):
    """What is put in place, with mode 0644: no secret is in it. What is `own` is the operator's, once it is there."""

    path: Path
    text: str
    own: bool = False


@click.command(
    epilog=examples("watcher install", "watcher install --write", "watcher install --encrypted --write --force")
)
@click.option("--write", is_flag=True, help="Put the files in place instead of printing them.")
@click.option("--force", is_flag=True, help="Overwrite files that are there and differ, but never config.toml.")
@click.option(
    "--root", metavar="DIR", type=click.Path(path_type=Path), default="/", help="Put them under there, for an image."
)
@click.option(
    "--config",
    "--user-config",
    "path",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The configuration whose secrets are meant (default: the one in place, else the shipped one).",
)
@click.option(
    "--prefix", metavar="DIR", default=sys.prefix, help="Where the virtual environment will be (default: this one)."
)
@click.option("--encrypted", is_flag=True, help="Have the unit take its secrets from where they are encrypted.")
def install(write: bool, force: bool, root: Path, path: Path | None, prefix: str, encrypted: bool) -> int:
    """Show, or put in place, what makes watcher a service of systemd.

    The unit, what belongs to it, and a configuration to begin with; then the commands that store the secrets which the
    configuration names, and that start the service. Exit 1 when a file is there that differs: it is kept.
    """
    if not _PLACE.fullmatch(prefix):
        raise Refused(f"a unit cannot name {prefix!r}: install watcher in {PREFIX}")
    found = path or _under(root, SYSTEM)
    secrets = secrets_of(read(found if path or found.exists() else shipped("config.toml")).data)
    files = list(service(prefix, secrets, encrypted=encrypted, systemd=_systemd()))
    kept = [file for file in files if not (_put(root, file, force=force) if write else _show(file))]
    if any(Path(prefix).is_relative_to(place) for place in HIDDEN):
        say(f"{prefix} is hidden from the service: install watcher in {PREFIX}", "warn")
    _next(prefix, secrets, encrypted=encrypted)
    return 1 if kept else 0


def shipped(name: str) -> Path:
    """A file that came with watcher: within the package, or in the checkout that it is run from."""
    package = Path(__file__).parents[1]
    packed = package / "data" / name
    return packed if packed.exists() else package.parent / name


# ------------------------------------------------------------------------------------------------------- what there is


class Secrets(NamedTuple):
    """The names by which a configuration refers to its secrets."""

    credentials: tuple[str, ...]
    variables: tuple[str, ...]


def secrets_of(data: Mapping[str, Any]) -> Secrets:
    """Find the secrets of a configuration, each once, in its order. Raises Refused for a name that systemd refuses."""
    found = tuple(_references(data))
    names = tuple(dict.fromkeys(name for how, name in found if how == "credential"))
    for name in names:
        if not _NAME.fullmatch(name):
            raise Refused(f"a credential cannot be called {name!r}: letters, digits, '_', '.', '@' and '-' only")
    return Secrets(names, tuple(dict.fromkeys(name for how, name in found if how == "env")))


def _references(value: Any) -> Iterator[tuple[str, str]]:
    match value:
        case {"credential": str(name), **rest} if not rest:
            yield "credential", name
        case {"env": str(name), **rest} if not rest:
            yield "env", name
        case dict():
            for one in value.values():
                yield from _references(one)
        case list():
            for one in value:
                yield from _references(one)


def service(prefix: str, secrets: Secrets, *, encrypted: bool, systemd: int) -> Iterator[File]:
    """All that makes the service, for that virtual environment and that version of systemd."""
    for name in (UNIT, "watcher-failure@.service"):
        yield File(UNITS / name, shipped(f"systemd/{name}").read_text("utf-8").replace(PREFIX, prefix))
    if systemd >= STEPS:
        name = f"{UNIT}.d/{STEPS}.conf"
        yield File(UNITS / name, shipped(f"systemd/{name}").read_text("utf-8"))
    if lines := _credential_lines(secrets.credentials, encrypted=encrypted):
        head = "# The secrets that config.toml names, by `watcher install`."
        yield File(UNITS / f"{UNIT}.d/credentials.conf", "\n".join((head, "[Service]", *lines, "")))
    yield File(SYSTEM, shipped("config.toml").read_text("utf-8"), own=True)
    # Made, not shipped: what installed packages offer is in it too.
    api_types()
    yield File(SYSTEM.with_name("config.schema.json"), text(config_schema(sink_types(), catalogue())))


def _credential_lines(names: Sequence[str], *, encrypted: bool) -> list[str]:
    """What the unit has to be told beyond what it says itself."""
    if encrypted:
        return [f"LoadCredentialEncrypted={name}" for name in names]
    said = re.findall(r"^LoadCredential=(.+)$", shipped(f"systemd/{UNIT}").read_text("utf-8"), re.MULTILINE)
    return [f"LoadCredential={name}" for name in names if name not in said]


def _systemd() -> int:
    """The version of this machine's systemd; 0 where there is none."""
    program = shutil.which("systemctl")
    if not program:
        return 0
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    version = re.match(r"systemd (\d+)", said)
    return int(version[1]) if version else 0


# ----------------------------------------------------------------------------------------------------- putting it there


def _under(root: Path, path: Path) -> Path:
    return root / path.relative_to("/")


def _show(file: File) -> bool:
    say(f"# ---- {file.path} (0644)", "head")
    say(file.text if file.path.suffix != ".json" else "# what `watcher schema` prints\n")
    return True


def _put(root: Path, file: File, *, force: bool) -> bool:
    """Put a file in place, whole or not at all; false when another one is there and stays."""
    path = _under(root, file.path)
    there = path.read_text("utf-8", "replace") if path.exists() else None
    if there == file.text:
        say(f"unchanged  {path}", "dim")
    elif there is not None and file.own:
        say(f"yours      {path}", "dim")
    elif there is not None and not force:
        say(f"kept       {path}: it differs from what would be written; see `watcher install`, or use --force", "warn")
        return False
    else:
        _directory(path.parent)
        _replace(path, file.text)
        say(f"written    {path}", "ok")
    return True


def _directory(path: Path) -> None:
    """Make a directory that the service can enter, whatever the umask says."""
    if not path.is_dir():
        _directory(path.parent)
        path.mkdir()
        path.chmod(0o755)


def _replace(path: Path, content: str) -> None:
    new = path.with_name(f".{path.name}.new")
    try:
        with new.open("w", encoding="utf-8") as out:
            os.fchmod(out.fileno(), 0o644)
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


# ------------------------------------------------------------------------------------------------------- what is to do


def _next(prefix: str, secrets: Secrets, *, encrypted: bool) -> None:
    """Say what remains to be done: nothing here starts or restarts anything."""
    say()
    say("No user has to be made (sysusers.d): systemd makes one for as long as the service runs, DynamicUser=.")
    say("Then, as root:")
    for line in commands(prefix, secrets, encrypted=encrypted):
        say(f"  {line}" if line else "", "dim" if line.startswith("#") else "")


def commands(prefix: str, secrets: Secrets, *, encrypted: bool) -> Iterator[str]:
    """The commands that store the secrets and start the service, with remarks."""
    yield f"editor {SYSTEM}"
    if secrets.credentials:
        yield ""
        yield "# each secret that it names, as you type it; a new one later wants `systemctl restart watcher`"
        yield from (_encrypted if encrypted else _plain)(secrets.credentials)
        if not encrypted:
            yield ""
            yield f"# or encrypted, for this machine only, with `{prefix}/bin/watcher install --encrypted --write`"
            yield from _encrypted(secrets.credentials)
    if secrets.variables:
        yield ""
        yield f"# lines NAME=value for {', '.join(secrets.variables)}; what is a credential stands in no environment"
        yield f"install -m 0600 /dev/stdin {SYSTEM.with_name('environment')}"
    yield ""
    yield f"{prefix}/bin/watcher check"
    yield "systemctl daemon-reload"
    yield "systemctl enable --now watcher"
    yield f"{prefix}/bin/watcher status"


def _plain(names: Sequence[str]) -> Iterator[str]:
    yield f"install -d -m 0700 {CREDSTORE}"
    for name in names:
        yield f"systemd-ask-password {name}: | install -m 0600 /dev/stdin {CREDSTORE}/{name}"


def _encrypted(names: Sequence[str]) -> Iterator[str]:
    yield f"install -d -m 0700 {CREDSTORE}.encrypted"
    for name in names:
        yield f"systemd-ask-password {name}: | systemd-creds encrypt --name={name} - {CREDSTORE}.encrypted/{name}"
