"""What is asked for peace: sources and sinks paused, messages silenced."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from watcher.app import Core
from watcher.desk import SILENCE
from watcher.model import Alarm, Plan, stamp
from watcher.operations.kit import Refused
from watcher.operations.sources import poll
from watcher.silences import LABELS
from watcher.toml import nearest


async def pause(core: Core, *, name: str, reason: str = "") -> dict[str, Any]:
    """Poll a source, or try a sink, no more until it is resumed; what a sink is owed waits. It outlives restarts."""
    why, now = reason or "an operator paused it", core.clock()
    match _kind(core, name):
        case "source":
            await core.store.pause_source(name, why, now)
            core.resting.add(name)
        case "sink":
            await core.store.pause(name, why, now, asked=True)
    return {"paused": name, "reason": why}


async def resume(core: Core, *, name: str) -> dict[str, Any]:
    """Poll that source again, at once, or try that sink again."""
    if _kind(core, name) == "source":
        resumed = await core.store.resume_source(name)
        core.resting.discard(name)
        return {"resumed": resumed, **(await poll(core, source=name) if resumed else {})}
    resumed = await core.store.resume(name)
    if name in core.lines:
        core.lines[name].bell.set()
    return {"resumed": resumed}


def _kind(core: Core, name: str) -> str:
    if name in core.parts.watches:
        return "source"
    if name in core.parts.sinks:
        return "sink"
    names = (*core.parts.watches, *core.parts.sinks)
    raise Refused(f"there is no source or sink {name!r}" + (nearest(name, names) or f"; there are {', '.join(names)}"))


async def silence(core: Core, *, matchers: dict[str, str], author: str, comment: str, seconds: float) -> dict[str, Any]:
    """Tell nothing that every one of the matchers matches, for so many seconds; what was not told is listed then."""
    if not matchers or not set(matchers) <= set(LABELS):
        raise Refused(f"a silence needs a matcher at least, LABEL=GLOB; there are {', '.join(LABELS)}")
    if seconds <= 0:
        raise Refused("a silence needs some time; write for example --for 2h")
    now = core.clock()
    made = await core.store.add_silence(matchers, author, comment, now, now + timedelta(seconds=seconds))
    core.parts.desk.silences[made.number] = made
    core.wake(Plan(now, armed=(Alarm(SILENCE, "", str(made.number), "", made.until),)))  # the tick sets its watch
    return {"number": made.number, "until": stamp(made.until)}


async def end_silence(core: Core, *, number: int) -> dict[str, Any]:
    """End a silence now: what it took is listed at once."""
    ended = await core.store.end_silence(number, core.clock())
    if ended is None:
        raise Refused(f"there is no silence {number} in force; `watcher silence list` has them")
    core.parts.desk.silences[number] = ended
    await core.ring()
    return {"number": number, "ended": True}
