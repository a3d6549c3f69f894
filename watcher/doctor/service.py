"""The service: its unit, the daemon that answers, and what the machine lets it have."""

from __future__ import annotations

import re
import resource
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence

from watcher.doctor.finding import Finding, ok, trouble, warning
from watcher.doctor.places import Place

Run = Callable[[Sequence[str]], str | None]
"""Runs a program and gives its standard output; None where it is not there or fails."""

SPARE = 64
"""File descriptors for what is not a connection to a source or a sink: the store, logs, pages, commands."""

_NOT_HARDENING = {"Restart", "Type", "NotifyAccess", "WatchdogSignal", "DynamicUser"}
_WORDS = r"yes|strict|invisible|pid|closed|private|native"
_INSTALL = "put the unit in place: watcher install --write"


def wanted(unit: str) -> dict[str, str]:
    """What the shipped unit says of its sandbox: the settings of one word, by name."""
    found = re.findall(rf"^(\w+)=({_WORDS})$", unit, re.MULTILINE)
    return {name: word for name, word in found if name not in _NOT_HARDENING}


def properties(name: str, hardening: Mapping[str, str], run: Run) -> dict[str, str]:
    """What systemd says of a unit; empty where there is no systemd."""
    asked = ("LoadState", "ActiveState", "SubState", "Result", "NRestarts", "WatchdogUSec", "LimitNOFILESoft")
    said = run(("systemctl", "show", name, "--property", ",".join((*asked, "UnitFileState", *hardening))))
    pairs = (line.partition("=") for line in (said or "").splitlines())
    return {key: value for key, _, value in pairs if key}


def systemd(unit: Mapping[str, str], hardening: Mapping[str, str]) -> Iterator[Finding]:
    """Whether the unit is there, how it fares, and whether it is as shut in as the shipped one."""
    state = unit.get("LoadState")
    if not state:
        yield ok("systemd", "does not run this machine: whatever starts watcher has to start it again")
        return
    if state == "not-found":
        yield warning("systemd", "has no unit watcher.service: nobody starts watcher again", _INSTALL)
        return
    if state != "loaded":
        yield trouble("systemd", f"cannot use watcher.service ({state})", "systemctl status watcher says why")
        return
    yield _state(unit)
    if unit.get("UnitFileState") in {"disabled", ""}:
        yield warning("start", "watcher.service is not started with the machine", "systemctl enable watcher")
    yield _watchdog(unit.get("WatchdogUSec", ""))
    weak = [f"{name}={word}" for name, word in hardening.items() if not _holds(unit.get(name), word)]
    if weak:
        found = f"the unit lacks {', '.join(weak)}"
        yield warning("hardening", found, f"`systemctl cat watcher` shows what undoes it; or {_INSTALL} --force")
    else:
        yield ok("hardening", f"all {len(hardening)} settings of the shipped unit are in force")


def _state(unit: Mapping[str, str]) -> Finding:
    active, result = unit.get("ActiveState", ""), unit.get("Result", "")
    said = f"watcher.service is {active} ({unit.get('SubState', '')})"
    again = int(unit.get("NRestarts", "") or 0)
    if active == "failed":
        return trouble(
            "systemd", f"{said}: {result}", "journalctl -u watcher -n 50 says why; systemctl restart watcher"
        )
    if active != "active":
        return warning("systemd", said, "systemctl start watcher")
    if again:
        return warning("systemd", f"{said}, and was started again {again} times", "journalctl -u watcher says why")
    return ok("systemd", said)


def _watchdog(spoken: str) -> Finding:
    if spoken in {"", "0", "infinity"}:
        return warning("watchdog", "a daemon that hangs is not started again", f"{_INSTALL} (WatchdogSec=)")
    return ok("watchdog", f"a daemon that hangs for {spoken} is started again")


def _holds(found: str | None, word: str) -> bool:
    """Whether a setting is in force; one that this systemd does not know cannot be."""
    if found is None:
        return True
    return found not in {"no", ""} if word == "yes" else found == word


# --------------------------------------------------------------------------------------------------------- the daemon


def daemon(socket: Place | None, answers: str | None, unit: Mapping[str, str]) -> Iterator[Finding]:
    """Whether the daemon answers at its socket: `answers` is how it does (empty: not at all), None a refusal to us."""
    if socket and socket.mode and stat.S_IMODE(socket.mode) & 0o077:
        found = f"{socket.path} is {socket.rights}: others may command watcher"
        yield trouble("socket", found, "restart watcher, which makes it anew")
    if answers:
        yield ok("daemon", answers)
    elif answers is None:
        yield warning("daemon", "its socket is for its own user", "run this as root, or as watcher's user")
    elif unit.get("ActiveState") == "active":
        found = "systemd says that it runs, and it does not answer here"
        yield trouble("daemon", found, "name its configuration with --config; else systemctl restart watcher")
    else:
        start = "systemctl start watcher" if unit.get("LoadState") == "loaded" else "`watcher run` starts it"
        yield warning("daemon", "none runs on this configuration", start)


def limit(unit: Mapping[str, str]) -> int:
    """How many files the service may have open; this very process, where there is no service."""
    said = unit.get("LimitNOFILESoft", "")
    if unit.get("LoadState") == "loaded" and said.isdigit():
        return int(said)
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1 << 30 if soft == resource.RLIM_INFINITY else soft


def descriptors(allowed: int, sources: int, sendings: int) -> Finding:
    """Whether it may have as many files open as it has sources, and messages under way together."""
    needed = SPARE + sources + sendings
    said = f"{allowed} allowed, up to {needed} used by {sources} sources and {sendings} messages at once"
    if allowed < needed:
        return trouble("open files", said, f"LimitNOFILE={max(4096, 2 * needed)} in the unit, or ulimit -n")
    return ok("open files", said)
