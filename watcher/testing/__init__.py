"""What every sink, store and source promises, as tests to run against one's own (docs/extending.md). Needs pytest.

from watcher.testing import SinkContract

class TestPigeon(SinkContract):
    kind = PIGEON

    def settings(self, address):
        return {"url": Secret(address)}
"""

import pytest

for _name in ("leaks", "sinks", "sources", "stores"):
    pytest.register_assert_rewrite(f"{__name__}.{_name}")

from watcher.testing.contract import Contract, broken, promise  # noqa: E402 - pytest has to know them first
from watcher.testing.peer import Peer, Request, Script, reply  # noqa: E402
from watcher.testing.sinks import Place, Received, SinkContract  # noqa: E402
from watcher.testing.sources import Entry, SourceContract  # noqa: E402
from watcher.testing.stores import StoreContract  # noqa: E402

__all__ = [
    "Contract",
    "Entry",
    "Peer",
    "Place",
    "Received",
    "Request",
    "Script",
    "SinkContract",
    "SourceContract",
    "StoreContract",
    "broken",
    "promise",
    "reply",
]
