"""`python -m bench [--records N] [--rounds N]`: the cost of a poll, as a ratio to `json.loads` of the same page.

The whole of `poll.look` and its commit, against a real store, on made leads; medians of interleaved rounds, each ratio
to a yardstick of the same round, since only ratios travel from one machine to another. Prints a table and, with
`--json`, the figures.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from watcher.derive import Origin
from watcher.desk import Desk
from watcher.model import SourceName
from watcher.poll import Watch, look
from watcher.rules import Rule
from watcher.sources.answers import Answer
from watcher.sources.apimo import ApimoSource
from watcher.store import Store
from watcher.streams import LEADS
from watcher.streams.dates import PARIS

NAME = SourceName("azur", "apimo.leads", "101")
RULES = (Rule("all", ("*",), ("crm",)),)


def leads(count: int, changed: Iterable[int] = ()) -> list[dict[str, Any]]:
    """Leads as Apimo's sample has them, some with another message."""
    luck = random.Random(1)
    other = set(changed)
    return [
        {
            "id": 170000 + n, "parent": None, "provider": 9999, "type": "1", "step": "1", "date": "2026-01-10 15:49:00",
            "reference": f"XYZ{n:06}", "lastname": luck.choice(["FRIN", "MARTIN", "DUPONT"]), "firstname": "Marc",
            "email": f"lead{n}@example.com", "phone": "+33600000000", "fax": "", "mobile": "", "contact": str(4942871 + n),
            "request": None, "user": "5", "language": "fr", "property": str(luck.randrange(10**6)),
            "opened": None, "assigned": None, "closed": None, "criteria": {"price": {"min": "400000", "max": "450000"}},
            "message": f"Bonjour, puis-je visiter ? {'x' * luck.randrange(200)}{' merci' if n in other else ''}",
            "created_at": "2026-03-10 15:49:50", "updated_at": "2026-04-25 16:31:52",
        }
        for n in range(count)
    ]  # fmt: skip


class Vendor:
    """Apimo with one page, without a network: what is measured is ours."""

    def __init__(self) -> None:
        self.page = b""

    def clock(self) -> datetime:
        """A fixed noon."""
        return datetime(2026, 11, 22, 11, tzinfo=UTC)

    async def get(self, _path: str, _params: Mapping[str, str] | None = None, *, timeout: float = 30.0) -> Answer:
        """The page."""
        return Answer(200, {}, self.page)

    def serve(self, records: list[dict[str, Any]]) -> None:
        """Answer these from now on."""
        body = {"leads": records, "total_items": len(records), "timestamp": 1777127512}
        self.page = json.dumps(body, separators=(",", ":")).encode()


class Bench:
    """One store, one source."""

    def __init__(self, store: Store) -> None:
        self.store, self.vendor, self.now = store, Vendor(), datetime(2026, 11, 22, 11, tzinfo=UTC)
        source = ApimoSource(NAME, self.vendor, ("leads",))  # type: ignore[arg-type]
        self.desk = Desk(RULES, PARIS)
        self.watch = Watch(source, Origin(LEADS, NAME, lambda _: None), timedelta(minutes=1), reconcile=None)

    async def poll(self) -> float:
        """Poll once; return the seconds it took."""
        began = time.perf_counter()
        seen = await look(self.watch, self.store, self.desk.take, lambda: self.now, 0.0)
        await self.store.commit(seen.plan)
        self.events = len(seen.plan.events)
        return time.perf_counter() - began


async def measure(count: int, rounds: int, directory: Path) -> dict[str, list[float]]:
    """Seconds of each figure, round by round; every round checks that what was found is right."""
    found: dict[str, list[float]] = {}
    few = range(0, count, 100)
    for number in range(rounds):
        async with await Store.open(directory / f"round{number}.db") as store:
            bench = Bench(store)
            bench.vendor.serve(leads(count))
            yardstick = _timed(lambda page=bench.vendor.page: json.loads(page))
            steps = {"json.loads of the page (the yardstick)": yardstick, "baseline: all new": await bench.poll()}
            await bench.poll()
            steps["unchanged, same bytes"] = await bench.poll()
            bench.vendor.serve(list(reversed(leads(count))))
            steps["same records, another order"] = await bench.poll()
            assert bench.events == 0
            bench.vendor.serve(leads(count, few))
            steps["1 % changed"] = await bench.poll()
            assert bench.events == len(few)
        for name, seconds in steps.items():
            found.setdefault(name, []).append(seconds)
    return found


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        found = asyncio.run(measure(options.records, options.rounds, Path(directory)))
    yard, *_ = found.values()
    figures = {
        name: {
            "ms": round(statistics.median(seconds) * 1000, 2),
            "ratio": round(statistics.median(s / y for s, y in zip(seconds, yard, strict=True)), 3),
        }
        for name, seconds in found.items()
    }
    machine = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {platform.machine()}"
    if options.json:
        print(json.dumps({"machine": machine, "records": options.records, "figures": figures}))
        return
    print(f"{options.records} leads, medians of {options.rounds} rounds; {machine}")
    for name, figure in figures.items():
        print(f"  {name:<42}{figure['ms']:>10.2f} ms {figure['ratio']:>8.3f} x")


if __name__ == "__main__":
    main()
