"""One sink down for three days, in its own process: `outage_child.py DIRECTORY HOURS_DOWN`; prints its figures as JSON.

100,000 messages about 500 records flow to the sink `crm` over 72 hours, 5,000 of them to the sink `sales` as well. The
lines, the store and the rates are the real ones; hours are simulated, the sinks' answers too. After `HOURS_DOWN` the sink
works again, what it is owed is asked for at once, and is drained. With 0 there is no outage.
"""

import asyncio
import json
import random
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from virtual_time import VirtualLoop, WatchedStore

from watcher.deliver import Line
from watcher.errors import Transient
from watcher.model import Event, Owed, Plan
from watcher.rules import match
from watcher.sources.throttle import Throttle

START = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR = 3600.0
FLOW, RECORDS, MESSAGES, STEP = 72 * HOUR, 500, 100_000, 100
RATE, SECONDS = 200, 1.0
TIMEOUT, ANSWER = 15.0, 0.02


class Sink:
    """A sink that answers after a while; while it is down it refuses the connection, or lets us wait in vain."""

    def __init__(self, down=0.0, varies=0.0):
        self.down, self.varies = down, varies
        self.taken, self.attempts = [], []

    async def send(self, delivery):
        """Try one."""
        now, event = asyncio.get_running_loop().time(), delivery.event
        luck = random.Random(f"{event.id} {delivery.attempts}").random()
        self.attempts.append(now)
        if now < self.down:
            if luck < 0.5:
                raise Transient("no connection")
            await asyncio.sleep(TIMEOUT)
            raise Transient("no answer", unanswered=True)
        await asyncio.sleep(ANSWER + self.varies * luck)
        if event.id.isdigit():  # not what the sinks are told of each other
            self.taken.append((int(event.subject), int(event.id)))
        return "ok"

    async def close(self):
        """Nothing to close."""


class Run:
    """The flow of events, the two lines and what became of it."""

    def __init__(self, store, down):
        self.store, self.down = store, down
        self.sinks = {"crm": Sink(down), "sales": Sink(varies=ANSWER)}
        self.committed, self.delays, self.waits = {}, [], []
        dice = random.Random(3)
        self.records = [dice.randrange(RECORDS) for _ in range(MESSAGES)]
        self.lines = {
            "crm": self.line("crm", 16, Throttle(RATE, SECONDS, patience=float("inf"))),
            "sales": self.line("sales", 4, Throttle(1000, 1.0, patience=float("inf"))),
        }
        self.lines["sales"].settled = self.told

    def clock(self):
        """The simulated time."""
        return START + timedelta(seconds=asyncio.get_running_loop().time())

    def line(self, name, at_once, gate):
        """The line of a sink; operators are told by both."""
        line = Line(name, self.sinks[name], self.store, self.route, self.clock, random.Random(4).random, at_once, gate)
        line.rung = self.wake
        return line

    def route(self, events, now):
        """Troubles go to the operator's sinks."""
        matched = match(events, (), tuple(self.sinks))
        return Plan(now, owed=tuple(Owed(one.event.id, one.sink, one.rule) for one in matched.matches))

    def wake(self, plan):
        """Ring at whom is owed something."""
        for sink in {owed.sink for owed in plan.owed}:
            self.lines[sink].bell.set()

    def told(self, delivery, _outcome, now):
        """How long a message to `sales` took from its commit to its settlement, in simulated and in real seconds."""
        if delivery.event.id in self.committed:
            self.delays.append((now - delivery.owed_at).total_seconds())
            self.waits.append(time.perf_counter() - self.committed.pop(delivery.event.id))

    async def flow(self):
        """What happens upstream in three days."""
        for first in range(0, MESSAGES, STEP):
            numbers = range(first, first + STEP)
            now = self.clock()
            events = tuple(self.event(number, now) for number in numbers)
            owed = [Owed(str(number), "crm", "all") for number in numbers]
            both = [Owed(str(number), "sales", "some") for number in numbers[::20]]
            for one in both:
                self.committed[one.event_id] = time.perf_counter()
            plan = Plan(now, events=events, owed=(*owed, *both))
            await self.store.commit(plan)
            self.wake(plan)
            await asyncio.sleep(FLOW / MESSAGES * STEP)

    def event(self, number, now):
        """One event of about a kilobyte."""
        record = {"id": str(self.records[number]), "comment": "x" * 700, "step": str(number)}
        data = {"version": number, "changes": {"step": {"from": "1", "to": "2"}}, "record": record}
        return Event(str(number), "lead-updated", "/a/apimo.leads/1", record["id"], now, now, data)

    def in_order(self):
        """Whether the sink took the messages about each record in the order in which they happened."""
        taken, happened = {}, {}
        for record, number in self.sinks["crm"].taken:
            taken.setdefault(record, []).append(number)
        for number, record in enumerate(self.records):
            happened.setdefault(record, []).append(number)
        return taken == happened

    async def drained(self):
        """Return when nothing is owed."""
        while any(counts.owed for counts in (await self.store.owed_counts()).values()):  # noqa: ASYNC110 - of simulated time
            await asyncio.sleep(60.0)


def spread(times):
    """The median and the worst."""
    ordered = sorted(times)
    return [ordered[len(ordered) // 2], ordered[-1]]


def busiest(times, width):
    """The most that began in any window of that width."""
    first, most = 0, 0
    for number, at in enumerate(times):
        while at - times[first] >= width:
            first += 1
        most = max(most, number - first + 1)
    return most


def memory():
    """The most that this process has held, in MiB (`ru_maxrss` would count what its parent held when it was made)."""
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024


async def main(directory, hours):
    """Run it and return the figures."""
    began = time.perf_counter()
    async with await WatchedStore.open(directory / "watcher.db") as store:
        run = Run(store, hours * HOUR)
        stop = asyncio.Event()
        lines = [asyncio.create_task(line.run(stop)) for line in run.lines.values()]
        await run.flow()
        before = await store.owed_counts()
        recovered = asyncio.get_running_loop().time()
        if hours:
            await store.hasten(run.clock(), sink="crm")  # as `watcher resend --sink crm --owed` does
            run.lines["crm"].bell.set()
        await run.drained()
        stop.set()
        await asyncio.gather(*lines)
        after = await store.owed_counts()
    crm = run.sinks["crm"]
    return {
        "owed": before["crm"].owed if "crm" in before else 0,
        "lost": MESSAGES - len({number for _, number in crm.taken}),
        "twice": len(crm.taken) - len({number for _, number in crm.taken}),
        "in_order": run.in_order(),
        "dead": sum(counts.dead for counts in (*before.values(), *after.values())),
        "attempts": len(crm.attempts),
        "busiest": busiest(crm.attempts, SECONDS * 0.999),
        "drained_in": crm.attempts[-1] - recovered,
        "told": len(run.delays),
        "delays": spread(run.delays),
        "real": spread(run.waits),
        "took": time.perf_counter() - began,
        "rss": memory(),
    }


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    loop = VirtualLoop()
    sys.stdout.write(json.dumps(loop.run_until_complete(main(Path(sys.argv[1]), float(sys.argv[2])))))
    loop.close()
