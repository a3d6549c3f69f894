#!/usr/bin/env python3
# ruff: noqa: T201 - it prints what it found
"""What only a real systemd can show of the service. Needs no more than Python: it runs beside watcher, not with it.

configuration   the shipped configuration (standard input), pointed at a simulator on loopback
secret NAME     the secret of that name
prove           everything, in the booted system; exits 1 with what did not hold
"""

import json
import os
import re
import subprocess
import sys
import time
import traceback
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

UNIT = "watcher.service"
PROGRAM = "/opt/watcher/bin/watcher"
CONFIG = Path("/etc/watcher/config.toml")
STORE, RUNTIME, CREDSTORE = Path("/var/lib/watcher"), Path("/run/watcher"), Path("/etc/credstore")
PAGES = "http://127.0.0.1:9417"
SIMULATOR = "http://127.0.0.1:8420"
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--")
GOALS = {"start to ready": 2.0, "kill -9 to serving": 3.0, "stop": 2.0}
"""Seconds; a machine that has other things to do may take twice as long."""

SECRETS = {
    "apimo-token": "demo-token",  # what the simulator takes
    "adlead-key": "demo-key",
    "slack-webhook": "https://127.0.0.1:1/services/canary-slack",
    "smtp-password": "canary-smtp-password",
    "crm-secret": "whsec_Y2FuYXJ5LW9mLXRoZS1jcm0tc2VjcmV0",
}

README = Path("/root/readme")
"""The README's commands, where the package is to be installed by them."""

MINE = f"""
[accounts.azur]
api      = "apimo"
base_url = "{SIMULATOR}"
provider = "9999"
token    = {{ credential = "apimo-token" }}

[[sources]]
account  = "azur"
stream   = "leads"
agencies = [101]

[sinks.log]
type = "file"
path = "events.jsonl"

[[rules]]
name = "everything"
on   = ["*"]
to   = ["log"]
"""

BROKEN = '\n[[rules]]\nname = "broken"\non = ["no-such-event"]\nto = ["nobody"]\n'
GOOD = '\n[[rules]]\nname = "one more"\non = ["new-lead"]\nto = ["log"]\n'


def configuration(text: str) -> str:
    """The shipped configuration with everything outside of this machine replaced by loopback."""
    changes = {
        r'(api\s*= "apimo")': rf'\1\nbase_url = "{SIMULATOR}"',
        r'(api\s*= "adlead")': rf'\1\nbase_url = "{SIMULATOR}/v1"',
        r"(?m)^key\s*=.*$": 'key = { credential = "adlead-key" }',
        r"(?m)^provider\s*=.*$": 'provider = "9999"',
        r"smtp\.example\.fr": "127.0.0.1",
        r"https://crm\.example\.fr": "http://127.0.0.1:1",
    }
    for pattern, by in changes.items():
        text, count = re.subn(pattern, by, text)
        assert count == 1, f"{pattern}: {count} times in the configuration"
    return text


# ---------------------------------------------------------------------------------------------------- the tools of it


def run(*command: str, text: str = "") -> "subprocess.CompletedProcess[str]":
    """Run a command to its end."""
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, input=text)


def show(*names: str) -> dict[str, str]:
    """Properties of the unit."""
    said = run("systemctl", "show", UNIT, *(f"-p{name}" for name in names)).stdout
    return dict(line.split("=", 1) for line in said.splitlines())


def pid() -> int:
    """The daemon's process; 0 when there is none."""
    return int(show("MainPID")["MainPID"])


def journal(since: int, unit: str = UNIT) -> str:
    """What was logged of the unit since that many lines of it."""
    run("journalctl", "--sync")
    lines = run("journalctl", "-b", "-u", unit, "-o", "cat", "-q", "--no-pager").stdout.splitlines()
    return "\n".join(lines[since:])


def lines() -> int:
    """How many lines are logged of the unit."""
    return len(journal(0).splitlines())


def page(path: str) -> str:
    """A status page; raises OSError when it is not there, or says that all is not well."""
    with urllib.request.urlopen(PAGES + path, timeout=2) as answer:
        return str(answer.read().decode())


def standing() -> Any:
    """How everything fares, by the command as root types it."""
    done = run(PROGRAM, "status", "--json")
    assert done.returncode in {0, 1}, done.stderr
    return json.loads(done.stdout)


def until(holds: Callable[[], object], what: str, limit: float = 20.0) -> float:
    """Wait until it holds; return how many seconds that took."""
    began = time.monotonic()
    while time.monotonic() - began < limit:
        try:
            if holds():
                return time.monotonic() - began
        except OSError:
            pass
        time.sleep(0.01)
    raise AssertionError(f"{what}: not within {limit:g} s\n{journal(0)[-3000:]}")


def serving(old: int) -> bool:
    """Whether another process than that one is ready, healthy and reached by the commands."""
    now = show("MainPID", "SubState")
    return now["SubState"] == "running" and int(now["MainPID"]) not in {0, old} and page("/healthz") == "ok\n"


def systemctl(*words: str) -> "subprocess.CompletedProcess[str]":
    """Have systemd do it; it has to work."""
    done = run("systemctl", *words)
    assert done.returncode == 0, f"systemctl {' '.join(words)}: {done.stderr}\n{journal(0)[-3000:]}"
    return done


def timed(*words: str) -> float:
    """Have systemd do it, and return how many seconds that took."""
    began = time.monotonic()
    systemctl(*words)
    return time.monotonic() - began


FIGURES: dict[str, str] = {}


def figure(name: str, seconds: float, *, more: str = "") -> None:
    """Write a figure down; one that has a goal fails when it takes twice as long."""
    goal = GOALS.get(name)
    FIGURES[name] = f"{seconds:6.2f} s{f'   (goal {goal:g} s)' if goal else ''}{more}"
    assert goal is None or seconds <= 2 * goal, f"{name} took {seconds:.2f} s, more than twice {goal:g} s"


# -------------------------------------------------------------------------------------------------- what has to hold


def starts_and_stops() -> None:
    """It is ready when it serves, says so in a line, and stops in good order."""
    for _ in range(3):  # the last one counts: the first reads everything from the disk
        started = timed("start", UNIT)
        assert page("/healthz") == "ok\n", "ready before it serves"
        assert show("StatusText")["StatusText"].startswith("6 sources, 4 sinks, "), show("StatusText")
        stopped = timed("stop", UNIT)
        assert show("Result") == {"Result": "success"}
    figure("start to ready", started)
    figure("stop", stopped)


def keeps_to_itself() -> None:
    """The state is 0700 and 0600, the socket 0600, and no other user sees a secret."""
    systemctl("start", UNIT)
    owner = Path(f"/proc/{pid()}").stat().st_uid
    assert owner >= 61184, f"a user of systemd's making was expected, not {owner}"
    for place, mode in ((STORE.resolve(), 0o700), (RUNTIME.resolve(), 0o700)):
        assert (place.stat().st_mode & 0o7777, place.stat().st_uid) == (mode, owner), place
        names = [path for path in place.rglob("*") if not path.is_dir()]
        assert names, f"{place} is empty"
        for path in names:
            assert (path.stat().st_mode & 0o777, path.stat().st_uid) == (0o600, owner), path
    handed = Path(f"/run/credentials/{UNIT}")
    assert {path.name for path in handed.iterdir()} == set(SECRETS)
    seen = b"".join(Path(f"/proc/{pid()}/{name}").read_bytes() for name in ("environ", "cmdline")).decode()
    for name, secret in SECRETS.items():
        assert (handed / name).read_text().strip() == secret
        assert secret not in seen, f"{name} stands in the environment or on the command line"
        for path in (handed / name, CREDSTORE / name):
            assert run(*NOBODY, "cat", str(path)).returncode != 0, f"anybody reads {path}"
    for path in (STORE / "watcher.db", RUNTIME / "watcher.sock", Path(f"/proc/{pid()}/environ")):
        assert run(*NOBODY, "cat", str(path)).returncode != 0, f"anybody reads {path}"
    assert not [name for name, secret in SECRETS.items() if secret in journal(0)], "a secret is in the journal"


def is_reached_by_commands() -> None:
    """A command that root types finds the service's store, socket and secrets without being told where they are."""
    until(lambda: standing()["process"]["running"], "the first look")
    done = run(PROGRAM, "check")
    assert done.returncode == 0, done.stderr + done.stdout
    done = run(PROGRAM, "poll", "azur/apimo.leads/101")
    assert done.returncode == 0, done.stderr + done.stdout
    assert not (CONFIG.parent / "watcher.db").exists()


def comes_back() -> None:
    """Killed, it serves again; hanging, it is aborted with a traceback and serves again."""
    for _ in range(2):
        old = pid()
        os.kill(old, 9)
        took = until(lambda old=old: serving(old), "kill -9")  # type: ignore[misc]
    figure("kill -9 to serving", took)
    old, seen = pid(), lines()
    os.kill(old, 19)  # SIGSTOP
    took = until(lambda: serving(old), "a hang")
    said = journal(seen)
    assert "Watchdog timeout" in said, said
    assert "most recent call first" in said, f"no traceback: {said}"
    figure("hang to serving", took, more="   (of these 2 s are WatchdogSec= here)")


def reloads() -> None:
    """`systemctl reload` returns when the new configuration is in force; a broken one is refused and changes nothing."""
    text, old = CONFIG.read_text(), pid()
    before = standing()["process"]["generation"]
    CONFIG.write_text(text + GOOD)
    figure("reload, good", timed("reload", UNIT))
    assert standing()["process"]["generation"] > before
    seen = lines()
    CONFIG.write_text(text + BROKEN)
    began = time.monotonic()
    refused = run("systemctl", "reload", UNIT)
    figure("reload, broken", time.monotonic() - began)
    assert refused.returncode != 0, "a broken configuration was taken up"
    assert re.search(r"config\.toml:\d+: .*no-such-event", journal(seen)), journal(seen)
    assert (pid(), show("ActiveState")["ActiveState"]) == (old, "active")
    until(lambda: "the old one works on" in show("StatusText")["StatusText"], "the status line")
    assert page("/healthz") == "ok\n"
    CONFIG.write_text(text)
    systemctl("reload", UNIT)
    assert "broken" not in show("StatusText")["StatusText"]
    assert pid() == old


def fails_at_once(what: str, code: int, complaint: str) -> None:
    """A start that cannot work fails with that code and complaint, is not tried again, and the operator is told."""
    told = Path("/run/told")
    told.unlink(missing_ok=True)
    run("systemctl", "reset-failed", UNIT, "watcher-failure@watcher.service")
    seen, began = lines(), time.monotonic()
    assert run("systemctl", "start", UNIT).returncode != 0, f"{what}: it started"
    figure(what, time.monotonic() - began)
    now = show("ActiveState", "ExecMainStatus", "NRestarts")
    assert now == {"ActiveState": "failed", "ExecMainStatus": str(code), "NRestarts": "0"}, now
    assert complaint in journal(seen), f"{complaint!r} is not in {journal(seen)}"
    until(lambda: told.exists() and complaint in told.read_text(), f"{what}: the operator's program")
    assert told.read_text().startswith("watcher\n")
    alert = run("journalctl", "-b", "-q", "-p", "alert", "-t", "watcher", "-o", "cat").stdout
    assert "stays down until somebody mends it" in alert


def refuses_what_cannot_work() -> None:
    """A broken configuration (78), a secret that is missing (78), no configuration (66): at once, and once."""
    systemctl("stop", UNIT)
    hook = CONFIG.with_name("on-failure")
    hook.write_text('#!/bin/sh\n{ echo "$1"; cat; } > /run/told.new && mv /run/told.new /run/told\n')
    hook.chmod(0o755)
    text, token = CONFIG.read_text(), CREDSTORE / "apimo-token"
    CONFIG.write_text(text + BROKEN)
    fails_at_once("bad configuration to failed", 78, "no-such-event")
    CONFIG.write_text(text)
    token.rename(CREDSTORE / "away")
    fails_at_once("missing secret to failed", 78, 'credential "apimo-token" cannot be read')
    (CREDSTORE / "away").rename(token)
    CONFIG.rename(CONFIG.with_suffix(".away"))
    fails_at_once("no configuration to failed", 66, "no such file")
    CONFIG.with_suffix(".away").rename(CONFIG)
    hook.unlink()
    run("systemctl", "reset-failed", UNIT)
    systemctl("start", UNIT)


def takes_encrypted_secrets() -> None:
    """The commands that `watcher install --encrypted` prints give the service its secrets encrypted."""
    systemctl("stop", UNIT)
    done = run(PROGRAM, "install", "--encrypted", "--write")
    assert done.returncode == 0, done.stdout + done.stderr
    commands = [line.strip() for line in done.stdout.splitlines() if "credstore.encrypted" in line]
    assert len(commands) == 1 + len(SECRETS), commands
    for command in commands:
        asked, pipe, rest = command.partition(" | ")
        done = run("sh", "-c", rest if pipe else asked, text=SECRETS[asked.split()[1].rstrip(":")] if pipe else "")
        assert done.returncode == 0, f"{command}: {done.stderr}"
    CREDSTORE.rename("/etc/credstore.away")
    systemctl("daemon-reload")
    systemctl("start", UNIT)
    handed = Path(f"/run/credentials/{UNIT}")
    assert {path.name: path.read_text() for path in handed.iterdir()} == SECRETS
    Path("/etc/credstore.away").rename(CREDSTORE)


def installs_as_the_readme_says() -> None:
    """The README's commands, word for word, in a system that has not seen watcher yet, end with a service that runs."""
    systemctl("stop", UNIT)
    done = run("dpkg", "--purge", "watcher")
    assert done.returncode == 0, done.stderr
    for path in (CREDSTORE, Path(f"{CREDSTORE}.encrypted")):
        run("rm", "-rf", str(path))
    assert not CONFIG.exists()
    assert not STORE.exists()
    (README.parent / "dist").mkdir()
    next(README.parent.glob("watcher_*.deb")).rename(README.parent / "dist" / "watcher_0_all.deb")
    editor = Path("/usr/local/bin/editor")  # in place of the hand that fills in what only the agency knows
    editor.write_text(f"#!/bin/sh\ncat > \"$1\" <<'END'\n{MINE}END\n")
    editor.chmod(0o755)
    script = f"set -euxo pipefail\ncd {README.parent}\n{README.read_text()}"
    done = run("bash", "-c", script)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Active: active (running)" in done.stdout, done.stdout
    assert page("/healthz") == "ok\n"
    assert show("FragmentPath")["FragmentPath"].endswith(f"/lib/systemd/system/{UNIT}"), show("FragmentPath")


PROOFS = (
    starts_and_stops,
    keeps_to_itself,
    is_reached_by_commands,
    comes_back,
    reloads,
    refuses_what_cannot_work,
    takes_encrypted_secrets,
)


def prove() -> int:
    """Try everything; print the figures, and what did not hold."""
    failed = 0
    for proof in (starts_and_stops, keeps_to_itself, installs_as_the_readme_says) if README.exists() else PROOFS:
        try:
            proof()
            print(f"holds  {proof.__doc__}")
        except Exception as error:  # whatever it is, the others are tried too
            where = [frame.lineno for frame in traceback.extract_tb(error.__traceback__)]
            print(f"FAILS  {proof.__doc__}\n       lines {where}: {type(error).__name__}: {error}")
            failed += 1
    for name, said in FIGURES.items():
        print(f"       {name:<28} {said}")
    return 1 if failed else 0


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["configuration"]:
            print(configuration(sys.stdin.read()), end="")
        case ["secret", name]:
            print(SECRETS[name])
        case ["prove"]:
            sys.exit(prove())
        case _:
            sys.exit(__doc__)
