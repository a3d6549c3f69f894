"""The store: what was seen, what it meant and what is owed, in one SQLite file."""

from watcher.store.lock import StoreBusy
from watcher.store.sqlite import Store

__all__ = ["Store", "StoreBusy"]
