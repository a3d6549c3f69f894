"""The dead man's switch: a GET now and then to an address that raises the alarm when none comes.

It is sent while watcher sees and speaks, and not otherwise: silence is the signal. So it also tells of what nobody here
could tell any more: a machine that is off, a network that is cut.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from watcher.errors import Permanent, Transient
from watcher.ports import Clock
from watcher.sinks.http import Poster
from watcher.units import Secret

_log = structlog.get_logger("watcher.ping")

SENT, FAILED, WITHHELD = "sent", "failed", "withheld"
"""What a turn came to: taken by the other side, not taken, or not sent since something is wrong here."""

TIMEOUT = timedelta(seconds=15)

IDLE = 3600.0
"""Seconds to the next look where nothing is to be sent; a reload brings it forward."""

LOOK = 5.0
"""Seconds to the next look while something is wrong here: once it is mended, nobody is to be alarmed any longer."""

Settings = Callable[[], tuple[Secret | None, timedelta]]
"""The address in force, if any, and the time between two pings."""


class Ping:
    """Sends pings to the address in force while there are no `reasons` against it; `counted` is told of each turn."""

    def __init__(
        self,
        settings: Settings,
        reasons: Callable[[], Awaitable[list[str]]],
        counted: Callable[[str], None],
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._reasons = reasons
        self._counted = counted
        self._clock = clock
        self._url: Secret | None = None
        self._poster: Poster | None = None
        self._last = SENT

    async def turn(self) -> float:
        """Send one, or do not; return in how many seconds the next one is due."""
        url, interval = self._settings()
        if url != self._url or self._poster is None:
            await self.close()
            self._url = url
            self._poster = Poster(url, TIMEOUT, self._clock) if url else None
        if self._poster is None:
            return IDLE
        outcome, why = await self._send(self._poster)
        self._counted(outcome)
        self._say(outcome, why)
        return min(interval.total_seconds(), LOOK) if outcome == WITHHELD else interval.total_seconds()

    async def close(self) -> None:
        """Let go of the connection."""
        poster, self._poster = self._poster, None
        if poster:
            await poster.close()

    async def _send(self, poster: Poster) -> tuple[str, str]:
        if reasons := await self._reasons():
            return WITHHELD, reasons[0]
        try:
            reply = await poster.exchange(b"", {}, "GET")
        except (Transient, Permanent) as error:
            return FAILED, error.reason
        return (SENT, "") if reply.taken else (FAILED, reply.error().reason)

    def _say(self, outcome: str, why: str) -> None:
        """Log what is other than it was, once."""
        last, self._last = self._last, outcome
        if outcome == last:
            return
        if outcome == SENT:
            _log.info("pings are taken again")
        elif outcome == FAILED:
            _log.warning("the ping was not taken", reason=why)
        else:
            _log.info("no ping is sent while this lasts", reason=why)
