"""What the operations share."""

from __future__ import annotations

from watcher.app import Core
from watcher.errors import WatcherError
from watcher.poll import Watch


class Refused(WatcherError):
    """The request cannot be met; the text says why and what would be."""


def watch_of(core: Core, source: str) -> Watch:
    """The source of that name; raises Refused, with those that there are."""
    watch = core.parts.watches.get(source)
    if watch is None:
        raise Refused(f"there is no source {source!r}; there are: {', '.join(core.parts.watches) or 'none'}")
    return watch
