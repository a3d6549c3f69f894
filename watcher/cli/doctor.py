"""`doctor`: whether this machine, the configuration and the network are as watcher needs them."""

from __future__ import annotations

import asyncio
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from watcher import __version__
from watcher.app import utc_now
from watcher.cli import examples
from watcher.cli.common import config_option, configured, json_option
from watcher.cli.exits import code_of
from watcher.cli.glance import Glance, glance
from watcher.cli.install import UNIT, shipped
from watcher.cli.output import Cell, count, lapse, print_json, say, table
from watcher.config import Config
from watcher.control import NotRunning, ask
from watcher.credentials import Secrets
from watcher.doctor import clock, credentials, network, places, service, storage, versions
from watcher.doctor.finding import Finding, ok, sound, trouble
from watcher.errors import ConfigError, WatcherError
from watcher.streams.dates import PARIS
from watcher.toml import Document, read

_ANSWER_WITHIN = 5.0
"""Seconds for the daemon's answer, and for systemd's."""

_STYLES = {"ok": "ok", "warning": "warn", "trouble": "bad"}


@dataclass(frozen=True, slots=True)
class Patient:
    """What could be made out of the configuration: all of it, or the little that there is.

    `view` and `document` are None without a file that can be read, `config` when there are mistakes in it; `code` is
    the exit code of that.
    """

    view: Glance | None
    document: Document | None
    config: Config | None
    findings: tuple[Finding, ...]
    code: int

    @property
    def data(self) -> Mapping[str, Any]:
        """The configuration as it is written."""
        return self.document.data if self.document else {}

    @property
    def config_directory(self) -> Path:
        """Where the configuration is."""
        return self.view.path.parent if self.view else Path()

    @property
    def directory(self) -> Path:
        """Where the store is."""
        return self.view.state_path.parent.absolute() if self.view else Path()


@dataclass(frozen=True, slots=True)
class Group:
    """The findings of one kind."""

    title: str
    findings: tuple[Finding, ...]


@click.command(epilog=examples("watcher doctor", "watcher doctor --offline --json"))
@click.option("--offline", is_flag=True, help="Leave the network alone.")
@click.option(
    "--patience",
    type=click.FloatRange(min=0),
    default=20.0,
    show_default=True,
    metavar="SECONDS",
    help="How long the store may be read; a large one takes longer.",
)
@json_option
@config_option
def doctor(path: str | None, offline: bool, patience: float, as_json: bool) -> int:
    """Say whether all that watcher needs is as it should be; exit 1 when something is in trouble.

    Versions, files and their rights, the store, the clock, the hosts and their certificates, the secrets, the service.
    It works whether or not the daemon runs, changes nothing, and sends neither a secret nor a message. With a broken
    configuration all is checked that does not need it, and the exit code is that of `watcher check`.
    """
    patient = examine(path)
    groups = asyncio.run(_groups(patient, patience, offline=offline))
    every = [finding for group in groups for finding in group.findings]
    if as_json:
        print_json({"well": sound(every), "checks": [_fact(group, one) for group in groups for one in group.findings]})
    else:
        _print(groups, every)
    return patient.code or (0 if sound(every) else 1)


def _fact(group: Group, finding: Finding) -> dict[str, str]:
    return {
        "group": group.title,
        "check": finding.check,
        "level": finding.level,
        "found": finding.found,
        "remedy": finding.remedy,
    }


def _print(groups: Iterable[Group], every: Sequence[Finding]) -> None:
    for group in groups:
        say(group.title, "head")
        table(("", "", ""), (row for finding in group.findings for row in _rows(finding)), indent=2)
        say()
    bad, odd = (sum(one.level == level for one in every) for level in ("trouble", "warning"))
    if bad:
        say(f"{count(bad, 'check')} in trouble, {count(odd, 'warning')}", "bad")
    else:
        say(f"nothing is in trouble, {count(odd, 'warning')}", "warn" if odd else "ok")


def _rows(finding: Finding) -> Iterator[tuple[Cell, Cell, Cell]]:
    yield (finding.level, _STYLES[finding.level]), finding.check, finding.found
    if finding.remedy:
        yield "", "", (f"-> {finding.remedy}", _STYLES[finding.level])


# ------------------------------------------------------------------------------------------------- the configuration


def examine(path: str | None) -> Patient:
    """Read as much of the configuration as can be read; what is wrong with it is a finding, not an error."""
    try:
        view = glance(path)
        document = read(view.path)
    except ConfigError as error:
        return Patient(None, None, None, tuple(_complaints(error)), code_of(error))
    try:
        config = configured(path, spare_secrets=True)  # those that are missing are looked for one by one
    except ConfigError as error:
        return Patient(view, document, None, tuple(_complaints(error)), code_of(error))
    said = f"{config.path} is good" + (f", {count(len(config.warnings), 'warning')}" if config.warnings else "")
    return Patient(view, document, config, (ok("configuration", said),), 0)


def _complaints(error: ConfigError) -> Iterator[Finding]:
    for text in error.complaints:
        found, _, remedy = text.rpartition("; ")
        yield trouble(
            "configuration", found or text, remedy if found else "mend it; `watcher check` tells when it is good"
        )


# --------------------------------------------------------------------------------------------------------- the groups


async def _groups(patient: Patient, patience: float, *, offline: bool) -> list[Group]:
    hardening = service.wanted(shipped(f"systemd/{UNIT}").read_text("utf-8"))
    unit = service.properties(UNIT, hardening, _run)
    answers = await _daemon(patient.view)
    met, apart = ([], {}) if offline else await _network(patient)
    stored, days = storage.store(patient.view.state_path, _deadline(patience)) if patient.view else ([], None)
    groups = [
        Group("Versions", tuple(_versions())),
        Group("Configuration", (*patient.findings, *places.configuration(_look(_files(patient))))),
        Group("Credentials", tuple(_credentials(patient, served=bool(answers)))),
        Group("Files", tuple(_places(patient, days))),
        Group("Store", tuple(stored)),
        Group("Clock", tuple(_clock(patient, apart))),
        Group("Network", (*network.proxies(os.environ), *met, *network.unseen(patient.data))),
        Group("Service", tuple(_service(patient, unit, hardening, answers))),
    ]
    return [group for group in groups if group.findings]


def _versions() -> Iterator[Finding]:
    yield ok("watcher", __version__)
    yield versions.python(sys.version_info[:3])
    yield from versions.sqlite(versions.this_sqlite(), versions.lacking(), threads=versions.threadsafe())
    yield from versions.libraries(versions.installed)


def _files(patient: Patient) -> Iterable[Path]:
    if patient.config:
        secrets = set(_secret_files(patient))
        return [path for path in patient.config.files if path not in secrets]
    return [patient.view.path] if patient.view else []


def _secret_files(patient: Patient) -> Iterator[Path]:
    """The files in which secrets are found; they are looked at as such."""
    for reference in credentials.references(patient.data):
        secrets = Secrets(os.environ)
        with suppress(ValueError):
            secrets.find(reference.written, patient.config_directory)
        yield from secrets.files


def _look(paths: Iterable[Path]) -> Iterator[places.Place]:
    return (seen for path in paths if (seen := places.Place.look(path)))


def _credentials(patient: Patient, *, served: bool) -> Iterator[Finding]:
    if patient.document:
        found = list(credentials.references(patient.data))
        where = patient.document.where
        yield from credentials.credentials(found, where, patient.config_directory, os.environ, served=served)


def _places(patient: Patient, days: float | None) -> Iterator[Finding]:
    if not patient.view:
        return
    files = list(_look(places.store_files(patient.view.state_path)))
    yield from places.state(places.Place.look(patient.directory), files, os.geteuid())
    with suppress(OSError):
        size = sum(place.size for place in files)
        yield places.room(places.Room.look(patient.directory), size, days)


def _clock(patient: Patient, apart: Mapping[str, timedelta]) -> Iterator[Finding]:
    yield from clock.clock(clock.synchronised(), apart)
    zones = {"of Apimo": str(PARIS)}
    if patient.view:
        zones["of the people who are told"] = str(patient.view.timezone)
    yield from clock.zones(zones)


def _service(
    patient: Patient, unit: Mapping[str, str], hardening: Mapping[str, str], answers: str | None
) -> Iterator[Finding]:
    yield from service.systemd(unit, hardening)
    if patient.view:
        socket = places.Place.look(patient.view.socket)
        yield from service.daemon(socket, answers, unit)
    if patient.config:
        sendings = sum(sink.at_once for sink in patient.config.sinks.values())
        yield service.descriptors(service.limit(unit), len(patient.config.sources), sendings)


# ---------------------------------------------------------------------------------------------------------- the edges


async def _daemon(view: Glance | None) -> str | None:
    """What to say of the daemon that answers; nothing when none does, None when it is not for us."""
    if view is None:
        return ""
    try:
        async with asyncio.timeout(_ANSWER_WITHIN):
            process = (await ask(view.socket, "status", {}))["process"]
    except PermissionError:
        return None
    except (NotRunning, TimeoutError):
        return ""
    except WatcherError as error:
        return f"answers, and is in trouble: {error}"
    broken = "; its new configuration is broken, the old one works on" if process["reload_error"] else ""
    return f"answers; it has been running for {lapse(timedelta(seconds=process['uptime']))}{broken}"


async def _network(patient: Patient) -> tuple[list[Finding], dict[str, timedelta]]:
    def reveal(reference: Any) -> str | None:
        try:
            return Secrets(os.environ).find(reference, patient.config_directory).reveal()
        except ValueError:  # said where the secrets are
            return None

    wanted = list(network.hosts(patient.data, reveal))
    return await network.reach(wanted, ssl.create_default_context(), utc_now) if patient.document else ([], {})


def _deadline(seconds: float) -> Callable[[], bool]:
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


def _run(command: Sequence[str]) -> str | None:
    """Run a program for what it prints; None where it is not there, fails or hangs."""
    try:
        done = subprocess.run(  # noqa: S603 - ours, without a shell
            command, capture_output=True, text=True, check=False, timeout=_ANSWER_WITHIN
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
