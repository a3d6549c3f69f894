"""A source under attack: the real client, source, poll and store, over a simulated vendor, in time moved by hand."""

import asyncio
import json
import sqlite3
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache

from figures import about

from watcher.decode import decode
from watcher.derive import Origin, digest
from watcher.desk import Desk
from watcher.model import Slice, SourceName
from watcher.poll import Watch, look
from watcher.rules import Rule
from watcher.simulator import Simulator
from watcher.sources import build_client, build_source
from watcher.store import Store
from watcher.streams import STREAMS
from watcher.streams.dates import PARIS
from watcher.units import Rate, Secret

START = datetime(2026, 11, 21, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

FAST = Rate(1_000_000, 1.0)
TOKEN, KEY = "t0ken-of-azur", "k3y-of-riviera"

MANY = 60
"""Records upstream: more than a page of fifty, and more than twice the twenty that people may change at once."""


FIGURES = about("hostile sources")


# ----------------------------------------------------------------------------------------------- time moved by hand


class MovedLoop(asyncio.SelectorEventLoop):
    """An event loop over real sockets whose time can be moved ahead: what was to wait until then is due at once."""

    ahead = 0.0

    def time(self):
        """Seconds, real ones and those that were skipped."""
        return super().time() + self.ahead


def run(scenario):
    """Run a scenario to its end in a loop whose time can be moved."""
    with asyncio.Runner(loop_factory=MovedLoop) as runner:
        return runner.run(scenario)


# --------------------------------------------------------------------------------------------------- the two vendors


@dataclass(frozen=True)
class ApimoLogin:
    """The settings of an Apimo account."""

    base_url: str
    api: str = "apimo"
    provider: str = "9999"
    token: Secret = field(default_factory=lambda: Secret(TOKEN))
    max_rate: Rate = FAST
    budget: Rate | None = None


@dataclass(frozen=True)
class AdleadLogin:
    """The settings of an Adlead account."""

    base_url: str
    api: str = "adlead"
    tenant: str = "client-a"
    key: Secret = field(default_factory=lambda: Secret(KEY))
    max_rate: Rate = FAST
    budget: Rate | None = None


@dataclass(frozen=True)
class Kind:
    """One way in which a source is read: by cursor, in full, and by pages. `change` is told as `told`."""

    name: str
    api: str
    stream: str
    partition: str
    reconcile: timedelta | None
    list_key: str
    field: str
    told: str

    @property
    def rows(self):
        """What the simulated world calls the stream."""
        return self.stream.partition(".")[2]

    def login(self, url):
        """The settings of an account at that address of a vendor."""
        return ApimoLogin(url) if self.api == "apimo" else AdleadLogin(f"{url}/v1")


LEADS = Kind("leads", "apimo", "apimo.leads", "101", DAY, "leads", "step", "lead-step-changed")
CONTRACTS = Kind(
    "contracts", "apimo", "apimo.contracts", "101", MINUTE, "contracts", "step", "contract-step-changed"
)  # fmt: skip
PURCHASES = Kind(
    "purchases", "adlead", "adlead.purchases", "1", None, "data", "deposit_amount", "purchase-price-changed"
)  # fmt: skip
KINDS = {kind.name: kind for kind in (LEADS, CONTRACTS, PURCHASES)}
"""Leads are read by cursor, contracts in full at every poll, purchases in full as Adlead is."""


def simulator(**settings):
    """Both vendors, as they are when nobody attacks: no life of their own, no limits, no time but ours."""
    plain = {"life": False, "apimo_rate": None, "apimo_daily": None, "adlead_rate": None, "clock": lambda: 0.0}
    return Simulator(start=START - MANY * HOUR, token=TOKEN, key=KEY, **{**plain, **settings})


# --------------------------------------------------------------------------------------------------------- the scene


class Scene:
    """One source over a real store: polled by hand, attacked from outside, and compared with what is upstream."""

    def __init__(self, kind, sim, store, path, now=START):
        self.kind, self.sim, self.store, self.path, self.now = kind, sim, store, path, now
        self.name = SourceName("acc", kind.stream, kind.partition)
        self.seen = self.older = None
        self.changes = 0
        self._client = None
        self.connect(sim.url)

    @classmethod
    @asynccontextmanager
    async def open(cls, kind, directory, records=MANY, **settings):
        """Start the vendor with its records, and a store; the baseline is taken, and one good poll."""
        path = directory / "watcher.db"
        async with simulator(**settings) as sim, await Store.open(path) as store:
            for _ in range(records):
                sim.world.make(kind.rows, kind.partition)
                sim.world.advance(MANY * HOUR / records)
            sim.world.advance(START - sim.world.now)
            scene = cls(kind, sim, store, path)
            try:
                assert await scene.poll() == []
                assert await scene.poll() == []
                assert scene.seen.complete or not scene.seen.doubt
                yield scene
            finally:
                await scene.close()

    def connect(self, url):
        """Read from that address from now on, by a new client; return the old one, to be closed."""
        login = self.kind.login(url)
        old, self.url = self._client, url
        self._client = build_client("acc", login, budget=self.store, clock=self.clock, luck=lambda: 0.0)
        stream = STREAMS[self.kind.stream]
        source = build_source(self.name, self._client, login, list_keys=stream.list_keys)
        self.watch = Watch(source, Origin(stream, self.name, lambda _: None), MINUTE, self.kind.reconcile)
        return old

    @asynccontextmanager
    async def elsewhere(self, url):
        """Read from another address for a while."""
        home, watch = self.url, self.watch
        kept = self.connect(url)
        try:
            yield
        finally:
            await self._client.close()
            self._client, self.url, self.watch = kept, home, watch

    async def close(self):
        """Let go of the connections."""
        await self._client.close()

    def clock(self):
        """The time, as moved."""
        return self.now

    def pass_time(self, seconds):
        """Let time pass: on our clock, in the loop and at the vendor's."""
        asyncio.get_running_loop().ahead += seconds
        self.now += timedelta(seconds=seconds)
        self.sim.world.advance(timedelta(seconds=seconds))

    async def poll(self, wait=None):
        """Wait as long as the last poll said, poll, commit; return (type, subject) of what was told."""
        wait = wait or (self.seen.wait if self.seen else MINUTE)
        self.pass_time(wait.total_seconds())
        if wait >= HOUR:  # the vendor's server closes what was idle for an hour, at the moment in which we would use it
            await self.connect(self.url).close()
        self.seen = await look(self.watch, self.store, _to_all, self.clock, 0.0)
        await self.store.commit(self.seen.plan)
        assert TOKEN not in repr(self.seen)
        assert KEY not in repr(self.seen)
        assert "://" not in self.seen.error
        return [(event.type, event.subject) for event in self.seen.plan.events]

    # ------------------------------------------------------------------------------------------------- the vendor

    @property
    def ids(self):
        """The ids of what is upstream, oldest first."""
        return [str(row["id"]) for row in self.sim.world.rows(self.kind.rows, self.kind.partition)]

    @property
    def victim(self):
        """The record that attacks on one record are about: the newest, so that reads by cursor have it."""
        return self.ids[-1]

    def patch(self, key, fields, **more):
        """Change a record upstream."""
        return self.sim.world.patch(self.kind.rows, self.kind.partition, key, fields, **more)

    def change(self, key):
        """Change a record in a way that is told, once."""
        self.changes += 1
        self.patch(key, {self.kind.field: str(10 + self.changes) if self.kind.field == "step" else 10 + self.changes})
        return (self.kind.told, key)

    def upstream(self):
        """What is upstream, by id: the digest of each record's watched fields."""
        rows = self.sim.world.rows(self.kind.rows, self.kind.partition)
        return {str(row["id"]): _meant(self.kind.stream, json.dumps(row)) for row in rows}

    # -------------------------------------------------------------------------------------------------- the store

    def image(self):
        """The snapshot as it lies in the store: records by id without their absences, those, versions, cursor."""
        with _reading(self.path) as db:
            rows = db.execute(
                "SELECT r.key, r.version, r.seen_at, r.fingerprint, r.reached, r.removed, r.body, r.absences"
                " FROM records r JOIN sources s ON s.id = r.source WHERE s.partition = ? ORDER BY r.key",
                (self.kind.partition,),
            ).fetchall()
            versions = db.execute("SELECT * FROM versions ORDER BY source, key, version").fetchall()
            (state,) = db.execute("SELECT state FROM sources WHERE partition = ?", (self.kind.partition,)).fetchone()
        state = json.loads(state)
        records = {row[0]: row[1:-1] for row in rows}
        return Image(records, {row[0]: row[-1] for row in rows}, versions, state["cursor"], state["baselined_at"])

    def snapshot(self):
        """What the store holds to be upstream, by id: the digest of each record's watched fields."""
        records = self.image().records
        return {key: _held(self.kind.stream, row[-1]) for key, row in records.items() if not row[-2]}

    def stored(self, query):
        """Ask the store's file."""
        with _reading(self.path) as db:
            return db.execute(query).fetchall()


@dataclass(frozen=True)
class Image:
    """The snapshot at one moment."""

    records: dict
    absences: dict
    versions: list
    cursor: int | None
    baselined_at: str

    def without(self, *keys):
        """The same, less some records; their versions and the cursor, which moves with them, are left out too."""
        records = {key: row for key, row in self.records.items() if key not in keys}
        return replace(self, records=records, versions=[row for row in self.versions if row[1] not in keys], cursor=0)


@cache
def _meant(stream, text):
    """The digest of what an upstream record says."""
    return digest(STREAMS[stream], decode(STREAMS[stream], Slice("", b"", text.encode())).body)


@cache
def _held(stream, text):
    """The digest of what a stored body says."""
    return digest(STREAMS[stream], json.loads(text))


def _to_all(events, now):
    return Desk([Rule("all", ("*",), ("everybody",))], PARIS).take(events, now)


def _reading(path):
    """A connection that only reads, closed at the end."""
    return closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True))
