"""Logs: one line an outcome, with ids, never with personal data, secrets or addresses.

JSON under systemd (or wherever standard error is no terminal), with the journal's priority in front; readable on a
terminal. Tracebacks never show local variables: they hold secrets.
"""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from typing import TextIO, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_PRIORITY = {"debug": 7, "info": 6, "warning": 4, "error": 3, "exception": 3, "critical": 2}
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_LONGEST = 500
_STANDARD_ERROR = 2


def setup(level: str = "info", stream: TextIO | None = None) -> None:
    """Send logs to a stream (standard error by default): for people on a terminal, as JSON elsewhere.

    A line that is not taken is lost, for whoever reads the log may leave, and its disk be full.
    """
    out = _Lasting(stream or sys.stderr)
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _clean,
    ]
    if out.isatty():
        traceback = structlog.dev.RichTracebackFormatter(show_locals=False)
        last: list[Processor] = [structlog.dev.ConsoleRenderer(exception_formatter=traceback)]
    else:
        frames = structlog.processors.ExceptionRenderer(
            structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        )
        last = [frames, structlog.processors.JSONRenderer()]
        if os.environ.get("JOURNAL_STREAM"):
            last.append(_prioritised)
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", out)),
        cache_logger_on_first_use=False,
    )


class _Lasting:
    """A stream that never fails. It is written to without a buffer: what was not taken must not come up at the exit."""

    def __init__(self, out: TextIO | None) -> None:
        self._out = out
        self._number: int | None = None
        with suppress(OSError, AttributeError):  # there is none, or it is in memory
            self._number = out.fileno() if out else None

    def isatty(self) -> bool:
        """Whether people read it as it comes."""
        return self._out is not None and self._out.isatty()

    def write(self, text: str) -> None:
        """Write as much as is taken."""
        if self._number is None:
            if self._out:
                self._out.write(text)
            return
        data = text.encode(errors="backslashreplace")
        with suppress(OSError):
            while data:
                data = data[os.write(self._number, data) :]

    def flush(self) -> None:
        """Nothing is kept back."""


def hold_standard_streams() -> None:
    """Have something under the numbers of the standard streams, lest a file of ours be opened under one of them."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STANDARD_ERROR:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: PTH123, SIM115 - until the end
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: PTH123, SIM115 - until the end


def _clean(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Make values inert: no control characters (a log is read on terminals), no endless texts."""
    return {key: _inert(value) if isinstance(value, str) else value for key, value in event.items()}


def _inert(text: str) -> str:
    short = text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
    return "".join(char if char.isprintable() else " " for char in short)


def _prioritised(_logger: WrappedLogger, method: str, line: EventDict) -> str:
    """Put the priority in front, which the journal reads and takes off (sd-daemon(3))."""
    return f"<{_PRIORITY.get(method, 6)}>{line}"
