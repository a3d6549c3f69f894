"""What systemd is told."""

import os
import socket

import pytest

from watcher.systemd import Notifier


@pytest.fixture
def systemd(tmp_path):
    """A socket in systemd's place."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(5)
        yield listener


def test_it_tells_of_each_turn(systemd):
    """Ready with a line for people, reloading with the time that systemd compares, stopping, alive."""
    notifier = Notifier({"NOTIFY_SOCKET": systemd.getsockname()})
    notifier.ready("2 sources")
    assert systemd.recv(4096) == b"READY=1\nSTATUS=2 sources"
    notifier.reloading()
    assert systemd.recv(4096).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
    notifier.alive()
    assert systemd.recv(4096) == b"WATCHDOG=1"
    notifier.stopping()
    assert systemd.recv(4096) == b"STOPPING=1"


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
