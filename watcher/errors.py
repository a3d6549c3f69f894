"""Errors, sorted by what to do next.

The adapters translate whatever a library raises into one of these at their edge, once, and keep secrets, addresses
and personal data out of the text: it goes into logs, the store and messages.
"""

from __future__ import annotations


class WatcherError(Exception):
    """Anything that watcher itself says went wrong."""


class ConfigError(WatcherError):
    """The configuration cannot be used. `complaints` has every mistake, each with its place and remedy."""

    def __init__(self, complaints: tuple[str, ...]) -> None:
        super().__init__("\n".join(complaints))
        self.complaints = complaints


class Transient(WatcherError):
    """It may work later. `retry_after` is the peer's own word for when, in seconds from now, if it gave one.

    `unanswered` says that the request went out and no answer came: the peer may have taken it all the same. `note` is
    what a sink wants to know at its next attempt; it outlives a restart.
    """

    def __init__(
        self, reason: str, *, retry_after: float | None = None, unanswered: bool = False, note: str = ""
    ) -> None:
        super().__init__(reason)
        self.note = note
        self.reason = reason
        self.retry_after = retry_after
        self.unanswered = unanswered


class Permanent(WatcherError):
    """It will not work by trying again.

    `refused` says that the peer turned us away as a whole (a credential or an address that is no good, HTTP 401, 403,
    404, 410), so that nothing else will pass either until somebody mends it.
    """

    def __init__(self, reason: str, *, refused: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.refused = refused


class Drifted(Permanent):
    """A source answered in good order, but no longer in the shape that we know: its list is not where it was."""


class Unreadable(WatcherError):
    """One record cannot be read; the others may be. The text says which part and why, without its value."""


class StoreError(WatcherError):
    """The store cannot be used for now (disk full, input/output error, locked); the state is as it was."""


class StoreRuined(StoreError):
    """The store is not one of ours, damaged or from a newer version: it does not pass by itself; look at it."""
