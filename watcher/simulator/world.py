"""The state of both vendors' systems, in virtual time: pure, no clock, no network."""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from watcher.simulator.records import Record, contract, lead, purchase
from watcher.simulator.times import iso, paris, unix

__all__ = ["ORDERS", "STREAMS", "UnknownPartition", "World", "checked_order", "contract", "lead", "purchase"]

STREAMS = ("leads", "contracts", "purchases")
ORDERS = ("id", "-id", "updated_at", "-updated_at")
FIRST_ID = {"leads": 170_384, "contracts": 20_001, "purchases": 4}


class UnknownPartition(KeyError):
    """A stream, agency or programme that this world does not have."""

    def __str__(self) -> str:
        """Say which, without the quotes of a KeyError."""
        return str(self.args[0])


class World:
    """What Apimo's agencies and Adlead's programmes hold at `now`, a virtual time in UTC.

    Records are the vendors' own JSON objects. They go in and come out as copies, except from `rows`.
    """

    def __init__(
        self,
        seed: int = 1,
        start: datetime | None = None,
        *,
        agencies: Iterable[int | str] = (101, 102),
        programs: Iterable[int | str] = (1, 2),
        provider: str = "9999",
    ) -> None:
        """Begin empty, at `start` (aware; left out: the present)."""
        now = start or datetime.now(UTC)
        if now.tzinfo is None:
            raise ValueError("a world begins at an aware datetime, e.g. datetime(2026, 11, 21, 9, tzinfo=UTC)")
        self.now = now.astimezone(UTC)
        self.provider = provider
        self._random = Random(f"world {seed}")  # noqa: S311 - repeatable, not secret
        self._next_id = dict(FIRST_ID)
        self._rows: dict[str, dict[str, dict[str, Record]]] = {stream: {} for stream in STREAMS}
        for agency in agencies:
            self.open_agency(agency)
        for program in programs:
            self.open_program(program)

    def open_agency(self, agency: int | str) -> None:
        """Give Apimo one more agency, without leads or contracts."""
        self._rows["leads"].setdefault(str(agency), {})
        self._rows["contracts"].setdefault(str(agency), {})

    def open_program(self, program: int | str) -> None:
        """Give Adlead one more programme, without purchases."""
        self._rows["purchases"].setdefault(str(program), {})

    def partitions(self, stream: str) -> tuple[str, ...]:
        """Return the ids of the agencies or programmes that hold this stream."""
        if stream not in self._rows:
            raise UnknownPartition(f"no stream {stream!r}; there are {', '.join(STREAMS)}")
        return tuple(self._rows[stream])

    def put(self, stream: str, partition: int | str, record: Mapping[str, Any]) -> Record:
        """Create or replace a record; what it lacks of id, created_at and updated_at is filled in."""
        rows = self._partition(stream, partition)
        new = deepcopy(dict(record))
        given = new.pop("id", None)
        record_id = self._next_id[stream] if given is None else given
        if str(record_id).isdecimal():
            self._next_id[stream] = max(self._next_id[stream], int(record_id) + 1)
        new = {"id": record_id, **new}
        if stream != "purchases":
            new.setdefault("created_at", paris(self.now))
        new.setdefault("updated_at", self._stamp(stream))
        rows[str(record_id)] = new
        return deepcopy(new)

    def make(self, stream: str, partition: int | str, fields: Mapping[str, Any] | None = None) -> Record:
        """Create a plausible record of now, with these fields laid over it."""
        self._partition(stream, partition)
        match stream:
            case "leads":
                record = lead(self._random, self.now, provider=self.provider)
            case "contracts":
                record = contract(self._random, self.now, agency=str(partition))
            case _:
                record = purchase(self._random, self.now)
        return self.put(stream, partition, record | dict(fields or {}))

    def patch(
        self,
        stream: str,
        partition: int | str,
        record_id: int | str,
        fields: Mapping[str, Any],
        *,
        touch: bool = True,
        drop: Iterable[str] = (),
    ) -> Record:
        """Lay `fields` over a record, objects into objects, and take out those named in `drop`.

        `updated_at` becomes now, unless the fields say it or `touch` is False. KeyError when there is none.
        """
        rows = self._partition(stream, partition)
        if str(fields.get("id", record_id)) != str(record_id):
            raise ValueError("a record keeps its id; remove it and put another")
        new = _merged(rows[str(record_id)], fields)
        for name in drop:
            new.pop(name, None)
        if touch and "updated_at" not in fields:
            new["updated_at"] = self._stamp(stream)
        rows[str(record_id)] = new
        return deepcopy(new)

    def remove(self, stream: str, partition: int | str, record_id: int | str) -> Record:
        """Take a record out and return it. KeyError when there is none."""
        return self._partition(stream, partition).pop(str(record_id))

    def get(self, stream: str, partition: int | str, record_id: int | str) -> Record | None:
        """Return a record, or None."""
        return deepcopy(self._partition(stream, partition).get(str(record_id)))

    def records(self, stream: str, partition: int | str) -> list[Record]:
        """Return all records of a partition, by id."""
        return deepcopy([dict(row) for row in self.rows(stream, partition)])

    def rows(self, stream: str, partition: int | str, order: str = "id") -> Sequence[Mapping[str, Any]]:
        """Return the records themselves, to be read and never changed, in one of `ORDERS`."""
        checked_order(order)
        rows = sorted(self._partition(stream, partition).values(), key=_by_id)
        if order.endswith("updated_at"):
            rows.sort(key=lambda row: unix(row.get("updated_at")))
        return rows[::-1] if order.startswith("-") else rows

    def advance(self, delta: timedelta) -> None:
        """Let virtual time pass; it never runs backwards."""
        if delta < timedelta(0):
            raise ValueError("virtual time does not run backwards")
        self.now += delta

    def freeze(self) -> "World":
        """Return this world as it is now; later changes of either do not reach the other."""
        frozen = World(0, self.now, agencies=(), programs=(), provider=self.provider)
        frozen._next_id = dict(self._next_id)
        # A record is replaced and never changed in place, so the two worlds may share them.
        frozen._rows = {
            stream: {partition: dict(rows) for partition, rows in partitions.items()}
            for stream, partitions in self._rows.items()
        }
        return frozen

    def _partition(self, stream: str, partition: int | str) -> dict[str, Record]:
        known = self.partitions(stream)
        if str(partition) not in known:
            raise UnknownPartition(f"no partition {partition} of {stream}; there are {', '.join(known) or 'none'}")
        return self._rows[stream][str(partition)]

    def _stamp(self, stream: str) -> str:
        return iso(self.now) if stream == "purchases" else paris(self.now)


def checked_order(order: str) -> str:
    """Return the order if it is one of `ORDERS`."""
    if order not in ORDERS:
        raise ValueError(f"no order {order!r}; there are {', '.join(ORDERS)}")
    return order


def _merged(old: Mapping[str, Any], fields: Mapping[str, Any]) -> Record:
    new = dict(old)
    for name, value in fields.items():
        both = isinstance(value, Mapping) and isinstance(new.get(name), Mapping)
        new[name] = _merged(new[name], value) if both else deepcopy(value)
    return new


def _by_id(row: Mapping[str, Any]) -> tuple[bool, int, str]:
    text = str(row["id"])
    return (True, int(text), "") if text.isdecimal() else (False, 0, text)
