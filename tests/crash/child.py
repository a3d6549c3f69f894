"""`watcher` with a trap: the process kills itself at one step, without a word, as a power cut would.

child.py STEP NUMBER ARGUMENTS...      dies at the NUMBER-th time that STEP comes (STEP `none`: never)
"""

import os
import signal
import sys
from functools import wraps
from itertools import count

from watcher import app, poll
from watcher.__main__ import main
from watcher.deliver import Line
from watcher.sinks.file import File
from watcher.sinks.webhook import Webhook
from watcher.sources.adlead import AdleadSource
from watcher.sources.apimo import ApimoSource
from watcher.store import Store

STEP, NUMBER = sys.argv[1], int(sys.argv[2])
seen = count(1)


def trap(step):
    """Die here, if this is the step and it is its time."""
    if step == STEP and next(seen) == NUMBER:
        os.kill(os.getpid(), signal.SIGKILL)


def around(owner, name, step, *, before=False):
    """Set a trap before or after a function."""
    inner = getattr(owner, name)
    asynchronous = inner.__code__.co_flags & 0x80

    @wraps(inner)
    async def later(*args, **kwargs):
        if before:
            trap(step)
        result = await inner(*args, **kwargs)
        if not before:
            trap(step)
        return result

    @wraps(inner)
    def now(*args, **kwargs):
        if before:
            trap(step)
        result = inner(*args, **kwargs)
        if not before:
            trap(step)
        return result

    setattr(owner, name, later if asynchronous else now)


for source in (ApimoSource, AdleadSource):
    around(source, "read", "read")
around(poll, "decode", "decode")
around(poll, "diff", "diff")
around(poll, "derive", "derive")
around(app.Assembly, "route", "route")
around(Store, "commit", "before commit", before=True)
around(Store, "commit", "after commit")
around(Store, "due", "due")
for sink in (Webhook, File):
    around(sink, "send", "before send", before=True)
    around(sink, "send", "after send")
around(Line, "_settle", "before settle", before=True)
around(Line, "_settle", "after settle")

sys.argv = ["watcher", *sys.argv[3:]]
main()
