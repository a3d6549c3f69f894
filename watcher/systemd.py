"""What systemd is told (sd_notify): a datagram to `$NOTIFY_SOCKET`, as the man page's own example does."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

PATIENCE = 60.0
"""Seconds that are asked for at a time while something takes long; asked again every quarter of it."""


class Notifier:
    """Tells systemd how the service fares; says nothing when it was not started by systemd."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        microseconds = environ.get("WATCHDOG_USEC", "")
        mine = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self.watchdog = int(microseconds) / 1e6 if microseconds.isdigit() and mine else None
        """Seconds within which systemd wants to hear of us; None when it does not."""

    def ready(self, status: str) -> None:
        """The service serves."""
        self._send(f"READY=1\nSTATUS={status}")

    def reloading(self) -> None:
        """A reload begins; `ready` ends it."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}\nSTATUS=taking up the configuration")

    def stopping(self) -> None:
        """The service is on its way out."""
        self._send("STOPPING=1\nSTATUS=ending what is under way")

    def status(self, text: str) -> None:
        """One line for people, shown by `systemctl status`."""
        self._send(f"STATUS={text}")

    def alive(self) -> None:
        """Feed the watchdog."""
        self._send("WATCHDOG=1")

    @asynccontextmanager
    async def patience(self, status: str, span: float = PATIENCE) -> AsyncIterator[None]:
        """Say what takes long, and ask for `span` seconds more again and again, while the body runs.

        It asks from the event loop: a process that hangs asks for nothing, and systemd's own limit ends it.
        """

        async def ask() -> None:
            while True:
                self._send(f"EXTEND_TIMEOUT_USEC={round(span * 1e6)}\nSTATUS={status}")
                await asyncio.sleep(span / 4)

        asking = asyncio.create_task(ask())
        try:
            yield
        finally:
            asking.cancel()

    def _send(self, message: str) -> None:
        if not self._address:
            return
        # A leading @ is systemd's way to write the NUL of an abstract socket.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        # Not waited for, since all else would wait as well: systemd is gone, or is restarting and will ask again, or it
        # does not read what it is sent; or there is no file descriptor left for this.
        kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        with suppress(OSError), socket.socket(socket.AF_UNIX, kind) as channel:
            channel.connect(address)
            channel.sendall(message.encode())
