"""What systemd is told, and what its unit says. What only a real systemd can show is in `systemd_guest`."""

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import tomllib
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from structlog.testing import capture_logs

sys.path.insert(0, str(Path(__file__).parents[1] / "cli"))

from cli_site import SECRETS, Site, ended, populate, simulated, until

from watcher.cli import USAGE, exits
from watcher.cli.common import configured, opened
from watcher.cli.install import secrets_of
from watcher.daemon import Daemon
from watcher.sinks import sink_types
from watcher.systemd import Notifier

UNITS = Path(__file__).parents[2] / "systemd"
UNIT = (UNITS / "watcher.service").read_text()


class Systemd:
    """A socket in systemd's place."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.listener.bind(self.path)
        self.listener.settimeout(5)

    def recv(self) -> str:
        """The next message."""
        return self.listener.recv(4096).decode()

    def all(self) -> list[str]:
        """Every message that is there."""
        found = []
        self.listener.setblocking(False)
        try:
            while True:
                found.append(self.recv())
        except BlockingIOError:
            return found
        finally:
            self.listener.settimeout(5)

    async def told(self, what: str) -> str:
        """Wait for a message that begins so; those before it are dropped."""
        self.listener.setblocking(False)
        async with asyncio.timeout(30):
            while True:
                message = (await asyncio.get_running_loop().sock_recv(self.listener, 4096)).decode()
                if message.startswith(what):
                    return message


@pytest.fixture
def systemd(tmp_path):
    """A socket in systemd's place."""
    made = Systemd(tmp_path / "notify")
    yield made
    made.listener.close()


@pytest.fixture
async def site(tmp_path, monkeypatch):
    """A configuration with simulated vendors."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    async with simulated() as simulator:
        here = Site(tmp_path, simulator)
        populate(here)
        here.write()
        yield here


# ------------------------------------------------------------------------------------------------------- the protocol


def test_it_tells_of_each_turn(systemd):
    """Ready with a line for people, reloading with the time that systemd compares, stopping, alive."""
    notifier = Notifier({"NOTIFY_SOCKET": systemd.path})
    notifier.ready("2 sources")
    assert systemd.recv() == "READY=1\nSTATUS=2 sources"
    notifier.reloading()
    assert re.match(r"RELOADING=1\nMONOTONIC_USEC=\d+\n", systemd.recv())
    notifier.alive()
    assert systemd.recv() == "WATCHDOG=1"
    notifier.stopping()
    assert systemd.recv().startswith("STOPPING=1\n")


def test_it_says_nothing_where_nobody_listens(tmp_path):
    """Started by hand, or with systemd gone, nothing happens."""
    Notifier({}).ready("x")
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready("x")


def test_the_watchdog_is_ours_only_when_it_says_so():
    """The watchdog's interval counts if it is for this process."""
    mine = {"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}
    assert Notifier(mine).watchdog == 60.0
    assert Notifier({**mine, "WATCHDOG_PID": "1"}).watchdog is None
    assert Notifier({}).watchdog is None


async def test_it_asks_for_more_time_while_something_takes_long(systemd):
    """More time is asked for at once and again and again, with what takes so long, and no more once it is done."""
    notifier = Notifier({"NOTIFY_SOCKET": systemd.path})
    async with notifier.patience("opening the store", span=0.04):
        for _ in range(3):
            assert await systemd.told("EXTEND") == "EXTEND_TIMEOUT_USEC=40000\nSTATUS=opening the store"
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


# --------------------------------------------------------------------------------------------------------- the daemon


@asynccontextmanager
async def started(site, **environ):
    """A daemon in a process of its own, that is told to stop in the end."""
    daemon = await site.start("run", **environ)
    try:
        yield daemon
    finally:
        daemon.send_signal(signal.SIGTERM)
        await ended(daemon)


async def test_the_daemon_tells_systemd_how_it_fares(site, systemd):
    """Opening, ready with a line that people can use, alive, reloading and ready again, stopping: in that order."""
    async with started(site, NOTIFY_SOCKET=systemd.path, WATCHDOG_USEC="400000") as daemon:
        assert (await systemd.told("")).endswith("STATUS=opening the store")
        assert await systemd.told("READY=1") == "READY=1\nSTATUS=3 sources, 1 sinks, 1 rules; all is well"
        assert (site.directory / "watcher.sock").exists()
        await systemd.told("WATCHDOG=1")
        daemon.send_signal(signal.SIGHUP)
        await systemd.told("RELOADING=1")
        await systemd.told("READY=1")
        site.config.write_text(site.config.read_text() + "\n[nonsense]\n")
        await systemd.told("RELOADING=1")
        assert "the old one works on" in await systemd.told("READY=1")
    await systemd.told("STOPPING=1")
    assert daemon.returncode == 0


async def test_what_is_wrong_stands_in_the_line(site, systemd):
    """A source that refuses is named in the status line."""
    async with started(site, NOTIFY_SOCKET=systemd.path, APIMO_TOKEN="wrong"), asyncio.timeout(30):
        while "source-failing azur/apimo.leads/101" not in await systemd.told("STATUS="):
            pass


@asynccontextmanager
async def running(site, notifier):
    """A daemon in this process."""
    types = sink_types()
    load = partial(configured, str(site.config), types)
    async with opened(load(), types) as core:
        daemon = Daemon(core, load, types, notifier)
        task = asyncio.create_task(daemon.run())
        try:
            yield daemon
        finally:
            daemon.stop.set()
            await task


async def test_the_watchdog_is_fed_only_while_the_store_answers(site, systemd):
    """A store that hangs starves the watchdog; when it answers again, it is fed again."""
    notifier = Notifier({"NOTIFY_SOCKET": systemd.path, "WATCHDOG_USEC": "200000"})
    with capture_logs() as logs:
        unfed = lambda: sum(line["event"] == "the watchdog is not fed" for line in logs)  # noqa: E731
        async with running(site, notifier) as daemon:
            await systemd.told("WATCHDOG=1")
            go_on = threading.Event()
            hanging = asyncio.create_task(daemon.core.store._look(lambda _: go_on.wait(30)))
            try:
                await until(unfed)
                systemd.all()
                before = unfed()
                await until(lambda: unfed() > before + 1)
                assert "WATCHDOG=1" not in systemd.all()
            finally:
                go_on.set()
                await hanging
            await systemd.told("WATCHDOG=1")


async def test_the_watchdog_is_not_fed_once_a_loop_is_stuck(site, systemd):
    """A loop that has not come round for too long starves the watchdog, and the log says which."""
    notifier = Notifier({"NOTIFY_SOCKET": systemd.path, "WATCHDOG_USEC": "200000"})
    with capture_logs() as logs:
        async with running(site, notifier) as daemon:
            await systemd.told("WATCHDOG=1")
            daemon.turns["health"] = asyncio.get_running_loop().time() - 121
            await until(lambda: any("'health' is stuck" in line.get("why", "") for line in logs))


# ----------------------------------------------------------------------------------------------------------- the unit


def values(key: str, text: str = UNIT) -> list[str]:
    """What a unit says of a key."""
    return re.findall(rf"^{key}=(.*)$", text, re.MULTILINE)


def test_the_unit_hands_over_every_secret_of_the_shipped_configuration():
    """Whoever fills in the shipped configuration need not touch the unit."""
    shipped = tomllib.loads((UNITS.parent / "config.toml").read_text())
    assert set(secrets_of(shipped).credentials) <= set(values("LoadCredential"))


def test_the_unit_does_not_try_again_what_a_restart_does_not_mend():
    """The exit codes that need somebody end in `failed`, and somebody is told; the others are tried again."""
    (codes,) = values("RestartPreventExitStatus")
    assert set(map(int, codes.split())) == {USAGE, exits.DATA, exits.MISSING, exits.DENIED, exits.CONFIG}
    assert values("OnFailure") == ["watcher-failure@%N.service"]
    assert (UNITS / "watcher-failure@.service").exists()


def test_what_older_systemds_do_not_know_is_in_the_drop_in():
    """The unit itself is for systemd 252; what 254 brought stands apart."""
    newer = {"RestartSteps", "RestartMaxDelaySec"}
    assert newer <= set(re.findall(r"^(\w+)=", (UNITS / "watcher.service.d" / "254.conf").read_text(), re.MULTILINE))
    assert not newer & set(re.findall(r"^(\w+)=", UNIT, re.MULTILINE))


if shutil.which("systemd-analyze"):  # elsewhere it cannot be asked

    def test_systemd_has_no_complaint_and_little_exposure(tmp_path):
        """Systemd itself finds nothing odd in the units, and an exposure of 1.3 at most."""
        program = shutil.which("true")
        for name in ("watcher.service", "watcher-failure@.service"):
            text = (UNITS / name).read_text().replace("/opt/watcher/bin/watcher", program)
            (tmp_path / name).write_text(text)
        for name in ("watcher.service", "watcher-failure@watcher.service"):
            command = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(tmp_path / name)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert (done.returncode, done.stderr) == (0, "")
        command = ["systemd-analyze", "security", "--offline=true", str(tmp_path / "watcher.service")]
        said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        assert float(re.search(r"exposure level for \S+ ([\d.]+)", said)[1]) <= 1.3
