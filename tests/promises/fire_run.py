"""`watcher run` with its waits shortened, and with a sink that misbehaves as a file tells it to.

FIRE is a JSON object of the constants to change, by their dotted names: {"watcher.daemon.GRACE": 0.5}.
"""

import asyncio
import importlib
import json
import os
import sys
import time
from pathlib import Path

from watcher.__main__ import main
from watcher.sinks import SINKS
from watcher.sinks.kit import Settings, SinkType


class Doom(BaseException):
    """What nobody may catch."""


def stand_still(mood):
    """Hold up the whole process, its event loop too, until the mood is another one."""
    while mood.read_text() == "block":
        time.sleep(0.02)


def take(line):
    """Write down what was taken."""
    with Path("odd.txt").open("a") as file:
        file.write(line)


class Odd:
    """Appends the ids that it takes to `odd.txt`; `mood.txt` says what it does instead."""

    async def send(self, delivery):
        """Take it, or raise, block the whole process, or give up the task that it is sent in."""
        mood = Path("mood.txt")
        match mood.read_text() if mood.exists() else "":
            case "error":
                raise RuntimeError("nobody foresaw this")
            case "cancel":
                raise asyncio.CancelledError
            case "doom":
                raise Doom("and nobody caught it")
            case "block":
                stand_still(mood)
        take(f"{delivery.event.id} {delivery.event.type}\n")
        return "taken"

    async def close(self):
        """Nothing to close."""


SINKS["odd"] = SinkType(Settings, lambda *_: Odd(), people=False)

for name, value in json.loads(os.environ.get("FIRE", "{}")).items():
    module, _, constant = name.rpartition(".")
    assert hasattr(importlib.import_module(module), constant), f"there is no {name}"
    setattr(sys.modules[module], constant, value)

sys.argv = ["watcher", "run"]
main()
