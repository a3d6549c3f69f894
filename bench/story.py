"""What a list becomes from poll to poll, as bytes: made once, told again and again."""

from __future__ import annotations

import gc
from dataclasses import dataclass, replace
from pathlib import Path

import orjson

from bench.figure import Took, clocked
from bench.payloads import Record, Turn, other_bytes, pages, records, squeezed, turned


@dataclass(frozen=True, slots=True)
class Answer:
    """One state of the list: its bodies by offset or page number, and the same as they go over the wire."""

    bodies: dict[str, bytes]
    wires: dict[str, bytes]

    @classmethod
    def of(cls, stream: str, some: list[Record]) -> Answer:
        """Of these records."""
        bodies = pages(stream, some)
        return cls(bodies, {place: squeezed(body) for place, body in bodies.items()})

    def yard(self) -> Took:
        """What `orjson.loads` of it takes, without what Python's collector adds to it, which differs from time to time.

        What it made is let go of after the clock has stopped.
        """
        gc.disable()
        try:
            return clocked(lambda: [orjson.loads(body) for body in self.bodies.values()])[1]
        finally:
            gc.enable()

    @property
    def size(self) -> int:
        """Bytes, not on the wire."""
        return sum(map(len, self.bodies.values()))

    @property
    def page(self) -> bytes:
        """The first body."""
        return next(iter(self.bodies.values()))

    def save(self, directory: Path) -> Path:
        """Write the wire bytes into a directory, for children."""
        directory.mkdir(parents=True, exist_ok=True)
        for place, wire in self.wires.items():
            (directory / place).write_bytes(wire)
        return directory


def loaded(directory: Path) -> dict[str, bytes]:
    """The wire bytes that `save` wrote."""
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@dataclass(frozen=True, slots=True)
class Story:
    """The list at first, in another order, 1 % otherwise, 10 % more of it otherwise, and that in other bytes."""

    stream: str
    count: int
    first: Answer
    order: Answer
    few: Answer
    many: Answer
    rewritten: Answer
    one: Turn
    ten: Turn

    @property
    def left(self) -> int:
        """How many records the snapshot has after the first 1 %: what is gone is kept until it is missing twice."""
        return self.count + len(self.one.new)

    @classmethod
    def of(cls, stream: str, count: int) -> Story:
        """The story of so many records of a stream: of the changes a quarter are new ones, a quarter removals."""
        start = records(stream, count)
        quarter, half = count // 400, count // 200
        one = turned(stream, start, new=quarter, changed=half, removed=quarter)
        ten = turned(stream, one.records, new=quarter * 10, changed=half * 10, removed=quarter * 10)
        story = cls(
            stream,
            count,
            Answer.of(stream, start),
            Answer.of(stream, start[::-1]),
            Answer.of(stream, one.records),
            Answer.of(stream, ten.records),
            Answer.of(stream, other_bytes(ten.records)),
            replace(one, records=[]),
            replace(ten, records=[]),
        )
        del start, one, ten
        gc.collect()
        gc.freeze()  # what the bench keeps is not to be walked through by each collection of what is measured
        return story

    @property
    def hot(self) -> str:
        """The id of a record that changes, by which a rule takes one event."""
        return min(self.one.changed)
