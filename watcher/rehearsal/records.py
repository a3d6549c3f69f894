"""Records as people write them in a case: a fresh one of each stream, and what is wrong with one.

Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from watcher.model import Body
from watcher.streams.canonical import MOMENT, Keyed, Kind, Object, Stamp, canonical
from watcher.streams.samples import samples_of
from watcher.streams.stream import Stream
from watcher.toml import KeyPath, nearest, quoted

_LATER = {"apimo.leads": ("parent",)}
"""What else a fresh record does not have: a lead with a parent repeats one that was told."""


def fresh(stream: Stream) -> dict[str, Any]:
    """A plausible record to which nothing has happened yet: nothing reached, no dates, the first status of its life."""
    kinds = {**stream.record.fields, **stream.record.unwatched}
    later = {name for m in stream.milestones for name in (*m.evidence, *m.also)} | set(_LATER.get(stream.name, ()))
    empty = {name for name, kind in kinds.items() if kind is MOMENT or isinstance(kind, Stamp) or name in later}
    body = {name: None if name in empty else value for name, value in samples_of(stream)[0].items()}
    if stream.life:
        body |= {"status": stream.life[0]}
        body.pop("status_display", None)
    return body


def described(stream: Stream) -> Mapping[str, Kind]:
    """The fields of a stream's records."""
    return {**stream.record.fields, **stream.record.unwatched}


def plain(value: Any) -> Any:
    """A value of TOML or YAML as JSON has it: dates as text, the names of fields as text."""
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, datetime):
        return value.isoformat(" ") if value.tzinfo is None else value.isoformat()
    return value.isoformat() if isinstance(value, date) else value


def mistakes(stream: Stream, body: Body, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    """What is wrong with a record, which may be a part of one, as it is written at that path."""
    if not isinstance(body.get("id"), str | int):
        yield (*path, "id"), 'missing; write id = "1"' if "id" not in body else "must be a number or a text"
    yield from _unknown(stream.record, body, path, stream.name)
    doubts: dict[str, str] = {}
    canonical(stream.record, dict(body), doubts)
    for place, why in doubts.items():
        yield (*path, *place.partition("[")[0].split(".")), f"{why}, so it would be left out as not understood"


def unknown(stream: Stream, body: Body) -> int:
    """How many fields of a record its stream does not have."""
    return sum(1 for _ in _unknown(stream.record, body, (), stream.name))


def _unknown(kind: Kind | None, value: Any, path: KeyPath, whole: str) -> Iterator[tuple[KeyPath, str]]:
    """The names that nobody has described, and the numbers that JSON cannot have."""
    if isinstance(value, float) and not math.isfinite(value):
        yield path, "is no number that a record can have"
    if isinstance(kind, Keyed) and isinstance(value, list):
        for index, member in enumerate(value):
            yield from _unknown(kind.item, member, (*path, index), whole)
    if not isinstance(value, Mapping) or not isinstance(kind, Object | Stamp):
        return
    known: dict[str, Kind | None] = {"date": None, "user": None}
    if isinstance(kind, Object):
        known = {**kind.fields, **kind.unwatched}
    for name, inner in value.items():
        if name in known:
            yield from _unknown(known[name], inner, (*path, name), whole)
        elif not name.endswith("_display"):
            yield (*path, name), f"{whole} has no {quoted(name)} here{nearest(name, known)}"
