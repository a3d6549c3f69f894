"""Read one source once, in a process of its own, and say what came of it and how much memory it took at most.

attack_child.py KIND URL
"""

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from attack import KINDS

from watcher.errors import WatcherError
from watcher.model import Known, SourceName
from watcher.sources import build_client, build_source
from watcher.streams import STREAMS


async def read(kind, url):
    """Read it as the first poll does; return what went wrong, or how many records came."""
    login = kind.login(url)
    client = build_client("acc", login, budget=None, clock=lambda: datetime.now(UTC), luck=lambda: 0.0)
    name = SourceName("acc", kind.stream, kind.partition)
    source = build_source(name, client, login, list_keys=STREAMS[kind.stream].list_keys)
    try:
        return f"{len((await source.read(Known({}, {}, {}), None)).fresh)} records"
    except WatcherError as error:
        return str(error)
    finally:
        await client.close()


def peak():
    """MiB of memory at most. Not `getrusage`, which counts what the parent had when it made this process, too."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    before = peak()
    said = asyncio.run(read(KINDS[sys.argv[1]], sys.argv[2]))
    sys.stdout.write(json.dumps({"said": said, "before": before, "peak": peak()}))
