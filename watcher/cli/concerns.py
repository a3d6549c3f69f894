"""What is the matter, worst first, each with what to do: what somebody woken at night has to know.

Pure: from how everything fares to a list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from watcher.cli.output import ago, count, lapse
from watcher.model import Condition
from watcher.standing import AccountStanding, Process, SinkStanding, SourceStanding, Standing
from watcher.troubles import BUDGET_LOW, DRIFTED, FAILING, HELD, SILENT, SINK_FAILING, STORE_FAILING

SCARCE = 0.1
"""The share of the day's requests below which it is said that they run short."""

LATE = 600.0
"""Seconds that a message may be owed before it is said."""

_REFUSED = ("401", "403")

_REMEDIES: Mapping[str, str] = {
    FAILING: "nothing: it is tried again by itself; if it stays, ask the vendor, or `watcher doctor`",
    SILENT: "`watcher doctor` says whether the vendor can be reached; `watcher poll {subject}` tries it now",
    DRIFTED: "ask the vendor what has changed; the last known values are kept",
    HELD: "`watcher confirm {subject}` if they are really gone; else nothing",
    BUDGET_LOW: "leads get the last ones; new ones at midnight in Paris; `watcher plan` shows what asks for them",
    SINK_FAILING: "`watcher sink test {subject}` tries it now; what it is owed is tried again by itself",
    STORE_FAILING: "make room, or mend the disk; it goes on by itself: `watcher doctor`",
}
_MENDED = "mend its address or secret, then `watcher sink test {name}`"
_UNKNOWN = "`watcher doctor` looks for the cause"


@dataclass(frozen=True, slots=True)
class Concern:
    """One matter: whose it is, what it is, and what to do. `bad` is in trouble, `warn` worth a look."""

    level: Literal["bad", "warn"]
    subject: str
    what: str
    remedy: str


def concerns(found: Standing, now: datetime) -> list[Concern]:
    """All there is to worry about, the worst first, and otherwise in the order of the screen."""
    every = [
        *_process(found.process),
        *(one for source in found.sources for one in _source(source, now)),
        *(one for sink in found.sinks for one in _sink(sink, now)),
        *(one for account in found.accounts for one in _account(account)),
        *(_trouble(trouble, now) for trouble in _others(found)),
    ]
    return sorted(every, key=lambda one: one.level != "bad")


def _process(process: Process) -> Iterator[Concern]:
    if not process.running:
        what = "not running: nothing is read and nobody is told"
        yield Concern("bad", "watcher", what, "`systemctl start watcher`, or `watcher run` starts it")
    for complaint in process.reload_error:
        what = f"the new configuration is broken, the old one works on: {complaint}"
        yield Concern("bad", "watcher", what, "mend it; a saved file is taken up by itself")


def _source(source: SourceStanding, now: datetime) -> Iterator[Concern]:
    if source.paused:
        what = f"paused for {lapse(now - source.paused.since)}{_because(source.paused.reason)}"
        yield Concern("warn", source.name, what, f"`watcher resume {source.name}` when that is over")
    elif source.failures:
        yield _failing(source, now)
    for trouble in source.troubles:
        if not (source.failures and trouble.type == FAILING):  # that one has been said
            yield _trouble(trouble, now)
    if source.baselined_at is None and not (source.failures or source.paused or source.troubles):
        yield Concern("warn", source.name, "not read to its end yet", "nothing, unless it stays: `watcher sources`")


def _failing(source: SourceStanding, now: datetime) -> Concern:
    what = "failed once"
    if source.failures > 1:
        since = f" for {lapse(now - source.failing_since)}" if source.failing_since else ""
        what = f"failing{since}, {source.failures} times in a row"
    refused = any(code in source.last_error for code in _REFUSED)
    remedy = f"put in a new key, then `watcher poll {source.name}`" if refused else _REMEDIES[FAILING]
    return Concern("bad", source.name, f"{what}: {source.last_error}", remedy)


def _sink(sink: SinkStanding, now: datetime) -> Iterator[Concern]:
    waiting = f"{count(sink.owed, 'message')} waiting" if sink.owed else "nothing is waiting"
    if sink.parked:
        what = f"{count(sink.parked, 'message')} parked: no such sink is configured"
        yield Concern("bad", sink.name, what, f"put it back, or `watcher dead drop --parked --sink {sink.name}`")
    elif sink.paused and sink.paused.asked:
        what = f"paused for {lapse(now - sink.paused.since)}, {waiting}{_because(sink.paused.reason)}"
        yield Concern("warn", sink.name, what, f"`watcher resume {sink.name}` when that is over")
    elif sink.paused:
        since, why = lapse(now - sink.paused.since), _because(sink.paused.reason)
        what = f"refused us and is paused for {since}, {waiting}{why}"
        yield Concern("bad", sink.name, what, _MENDED.format(name=sink.name))
    elif sink.oldest and (now - sink.oldest).total_seconds() > LATE and not sink.troubles:
        what = f"{count(sink.owed, 'message')} owed, the oldest since {lapse(now - sink.oldest)}"
        yield Concern("warn", sink.name, what, f"`watcher deliveries --sink {sink.name} --state owed` says why")
    for trouble in sink.troubles:
        if not (sink.paused and trouble.type == SINK_FAILING):
            yield _trouble(trouble, now)
    if sink.dead:
        see, again = (f"`watcher dead {word} --sink {sink.name}`" for word in ("list", "redrive"))
        yield Concern(
            "bad", sink.name, f"{count(sink.dead, 'message')} given up", f"{see} says why, {again} sends again"
        )
    if sink.maybe_twice:
        what = f"{count(sink.maybe_twice, 'message')} maybe told twice since yesterday: an answer was lost"
        yield Concern("warn", sink.name, what, f"nothing; `watcher deliveries --sink {sink.name}` says which")


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""


def _account(account: AccountStanding) -> Iterator[Concern]:
    if account.budget and account.left is not None and account.left < account.budget * SCARCE:
        what = f"{account.left} of {account.budget} requests left today"
        yield Concern("warn" if account.left else "bad", account.name, what, _REMEDIES[BUDGET_LOW])


def _others(found: Standing) -> Iterator[Condition]:
    """The troubles that have not been said with their source, sink or account."""
    said = {source.name for source in found.sources} | {sink.name for sink in found.sinks}
    short = {account.name for account in found.accounts if list(_account(account))}
    for trouble in found.troubles:
        if trouble.subject not in said and not (trouble.type == BUDGET_LOW and trouble.subject in short):
            yield trouble


def _trouble(trouble: Condition, now: datetime) -> Concern:
    remedy = _REMEDIES.get(trouble.type, _UNKNOWN).format(subject=trouble.subject)
    return Concern("bad", trouble.subject, f"{trouble.type}, {ago(trouble.since, now)}: {trouble.detail}", remedy)
