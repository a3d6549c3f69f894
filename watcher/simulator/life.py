"""A plausible life of leads, contracts and purchases: the same seed gives the same happenings."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from watcher.simulator.records import chance, contract, lead, purchase
from watcher.simulator.stages import LIFE, STAGES, Stage, ripe
from watcher.simulator.times import iso, paris
from watcher.simulator.world import STREAMS, World

ARRIVALS = {"leads": "lead-arrived", "contracts": "contract-created", "purchases": "purchase-created"}
DUPLICATE = "lead-duplicated"

# How often what happens, of a hundred happenings.
WEIGHTS = {
    "lead-arrived": 24,
    "lead-duplicated": 2,
    "lead-opened": 17,
    "lead-assigned": 12,
    "lead-closed": 9,
    "contract-created": 3,
    "contract-offer-made": 3,
    "contract-committed": 3,
    "contract-scheduled": 2,
    "contract-rescheduled": 1,
    "contract-signed": 2,
    "contract-collected": 2,
    "contract-amount-revised": 1,
    "purchase-created": 4,
    "purchase-pre-booked": 3,
    "purchase-booked": 3,
    "purchase-withdrawal-started": 2,
    "purchase-awaiting-funding": 2,
    "purchase-notary-to-schedule": 1,
    "purchase-notary-scheduled": 1,
    "purchase-notary-rescheduled": 1,
    "purchase-price-revised": 1,
    "purchase-signed": 1,
    "purchase-canceled": 1,
}

# The first happenings of a life with an opening: what a short demonstration must not miss.
OPENING = (
    "lead-opened",
    "lead-arrived",
    "lead-assigned",
    "contract-signed",
    "lead-arrived",
    "purchase-canceled",
)
PAST = {"leads": timedelta(days=45), "contracts": timedelta(days=150), "purchases": timedelta(days=150)}
WRITTEN = 0.8  # of leads: the others are bare calls
CANCELED = 0.05  # of purchases, at each stage of a history


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened: `what` befell the record `id`."""

    at: datetime
    stream: str
    partition: str
    id: str
    what: str


class Life:
    """Makes things happen in a world, `activity` of them an hour of virtual time, at random moments.

    With `opening`, the first six come evenly and show a new lead, a signed contract and a canceled purchase in
    that order; the records that this needs are put into the world at once.
    """

    def __init__(self, world: World, random: Random, *, activity: float = 720.0, opening: bool = False) -> None:
        """Take a world as it is; `due` is when the next thing happens in it."""
        if activity <= 0:
            raise ValueError("activity is happenings an hour, more than 0; a life that rests takes no steps")
        self.world = world
        self.activity = activity
        self._random = random
        self._script = [what for what in OPENING if self._possible(what)] if opening else []
        if opening:
            self._prepare()
        self.due = world.now + self._pause()

    def step(self) -> Happening:
        """Do the next happening; virtual time moves on to when it is due."""
        self.world.advance(max(timedelta(0), self.due - self.world.now))
        what = self._script.pop(0) if self._script else self._draw()
        happening = self._arrive(what) if what not in STAGES else self._proceed(STAGES[what])
        self.due = self.world.now + self._pause()
        return happening

    def rest(self) -> None:
        """Put the next happening off, counted from now: nothing is made up for."""
        self.due = self.world.now + self._pause()

    def prefill(self, *, leads: int = 0, contracts: int = 0, purchases: int = 0) -> None:
        """Make a history: so many records in all, begun in the months before now, each as far as it came."""
        for stream, count in (("leads", leads), ("contracts", contracts), ("purchases", purchases)):
            if count and not self.world.partitions(stream):
                raise ValueError(f"{count} {stream} asked for, but this world has nowhere to keep them")
            for age in sorted((self._random.random() for _ in range(count)), reverse=True):
                self._grow(stream, self.world.now - PAST[stream] * age)

    def _possible(self, what: str) -> bool:
        return bool(self.world.partitions(_stream(what)))

    def _pause(self) -> timedelta:
        mean = 3600 / self.activity
        return timedelta(seconds=mean if self._script else self._random.expovariate(1 / mean))

    def _draw(self) -> str:
        possible = [what for what in WEIGHTS if self._possible(what)]
        if not possible:
            raise LookupError("nothing can happen in a world without agencies and programmes")
        return self._random.choices(possible, [WEIGHTS[what] for what in possible])[0]

    def _proceed(self, stage: Stage) -> Happening:
        """Let a record reach the stage, one that waited its time if there is one; else let one arrive."""
        world, stream = self.world, stage.stream
        ready = [
            (partition, row)
            for partition in world.partitions(stream)
            for row in world.rows(stream, partition)
            if stage.ready(row)
        ]
        if not ready:
            return self._arrive(ARRIVALS[stream])
        waited = [(partition, row) for partition, row in ready if ripe(stage, row, world.now)]
        partition, row = self._random.choice(waited or ready)
        world.patch(stream, partition, str(row["id"]), stage.change(self._random, row, world.now))
        return Happening(world.now, stream, partition, str(row["id"]), stage.what)

    def _arrive(self, what: str) -> Happening:
        stream = _stream(what)
        partition = self._random.choice(self.world.partitions(stream))
        first = self._first_of(partition) if what == DUPLICATE else None
        record_id = self._begin(stream, partition, self.world.now, first)
        return Happening(
            self.world.now, stream, partition, record_id, what if first or what != DUPLICATE else "lead-arrived"
        )

    def _first_of(self, agency: str) -> dict[str, object] | None:
        """Return a recent lead that somebody might well send twice."""
        originals = [row for row in self.world.rows("leads", agency)[-20:] if not row.get("parent")]
        return dict(self._random.choice(originals)) if originals else None

    def _begin(self, stream: str, partition: str, at: datetime, first: dict[str, object] | None = None) -> str:
        """Put a new record of `at` into the world and return its id; with `first`, a lead that repeats it."""
        match stream:
            case "leads":
                record = lead(self._random, at, provider=self.world.provider, details=chance(self._random, WRITTEN))
                same = ("lastname", "firstname", "email", "phone", "mobile", "contact")
                record |= {name: first[name] for name in same if name in first} if first else {}
                record["parent"] = first["id"] if first else None
            case "contracts":
                record = contract(self._random, at, agency=partition)
            case _:
                record = purchase(self._random, at)
        return str(self.world.put(stream, partition, record)["id"])

    def _grow(self, stream: str, at: datetime, until: str | None = None) -> None:
        """Begin a record in the past and let it go as far as its time allows, or exactly to `until`."""
        partition = self._random.choice(self.world.partitions(stream))
        record_id = self._begin(stream, partition, at)
        for usual in LIFE[stream]:
            row = self.world.get(stream, partition, record_id) or {}
            canceled = stream == "purchases" and not until and chance(self._random, CANCELED)
            stage = STAGES["purchase-canceled"] if canceled else usual
            at += stage.wait if until else stage.wait * self._random.expovariate(1.0)
            if not stage.ready(row) or at >= self.world.now:
                return
            stamp = iso(at) if stream == "purchases" else paris(at)
            fields = stage.change(self._random, row, at) | {"updated_at": stamp}
            self.world.patch(stream, partition, record_id, fields)
            if stage.what == until:
                return

    def _prepare(self) -> None:
        """See to it that the opening finds a lead to open, a contract to sign and a purchase to cancel."""
        now, days = self.world.now, timedelta(days=1)
        if self._possible("lead-opened"):
            self._grow("leads", now - timedelta(minutes=15), until="none")
            self._grow("contracts", now - 90 * days, until="contract-scheduled")
        if self._possible("purchase-canceled"):
            self._grow("purchases", now - 25 * days, until="purchase-awaiting-funding")


def _stream(what: str) -> str:
    return next(stream for stream in STREAMS if what.startswith(stream.removesuffix("s")))
