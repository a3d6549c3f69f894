"""What records are made of, without what they say: names of fields, types, forms, counts. Pure.

Values are looked at and never returned, but for those of enumerations, which are counted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from watcher.streams.canonical import Keyed, Kind, Object, Stamp
from watcher.streams.dates import PARIS, begins, moment
from watcher.streams.stream import Stream

ENUMERATIONS = ("step", "type", "status", "cancellation_type")
"""The fields whose values are told, as counts: they are the vendor's words, not people's."""

OTHER = "(another)"
"""What stands for a name or a code that does not look like one."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")
_CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LONGEST_CODE, _MOST_CODES, _MOST_FIELDS = 40, 30, 100

_FORMS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("empty", re.compile("")),
    ("zero date", re.compile(r"0000-00-00( 00:00:00)?")),
    ("date", re.compile(r"\d{4}-\d\d-\d\d")),
    ("naive datetime", re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?(\.\d+)?")),
    ("datetime in UTC", re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?(\.\d+)?Z")),
    ("datetime with an offset", re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?(\.\d+)?[+-]\d\d:?\d\d")),
    ("whole number", re.compile(r"-?\d{1,15}")),
    ("number", re.compile(r"-?\d{1,15}[.,]\d+")),
)
_IN_UTC = "datetime in UTC"


@dataclass(slots=True)
class Shape:
    """What is known of one field: how often it could have been there, was, and was null; its types and forms."""

    path: str
    chances: int = 0
    present: int = 0
    null: int = 0
    types: Counter[str] = field(default_factory=Counter)
    forms: Counter[str] = field(default_factory=Counter)

    def plain(self) -> dict[str, Any]:
        """The same as JSON."""
        return {
            "path": self.path,
            "present": round(self.present / self.chances, 3),
            "null": round(self.null / self.present, 3) if self.present else 0.0,
            "types": dict(self.types.most_common()),
            "forms": dict(self.forms.most_common()),
        }


def shapes(records: Iterable[Mapping[str, Any]]) -> list[Shape]:
    """What each field of the records is like, by path: `lots[].status`."""
    found: dict[str, Shape] = {}
    parents: Counter[str] = Counter()
    for record in records:
        for parent, path, value in _values(record):
            if path == parent:
                parents[parent] += 1
                continue
            shape = found.setdefault(path, Shape(path))
            shape.present += 1
            shape.null += value is None
            shape.types[_type(value)] += 1
            if isinstance(value, str):
                shape.forms[form(value)] += 1
    for shape in found.values():
        shape.chances = parents[shape.path.rpartition(".")[0]]
    return sorted(found.values(), key=lambda shape: shape.path)


def _values(value: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str, Any]]:
    """Every field with the path of what holds it; that of each object itself, once."""
    yield path, path, None
    many = len(value) > _MOST_FIELDS  # a map with keys of somebody's own, and no object with fields
    for name, inner in value.items():
        plain = name if _NAME.fullmatch(name) and not many else OTHER
        place = f"{path}.{plain}" if path else plain
        yield path, place, inner
        if isinstance(inner, dict):
            yield from _values(inner, place)
        elif isinstance(inner, list):
            for member in inner:
                if isinstance(member, dict):
                    yield from _values(member, f"{place}[]")


def _type(value: Any) -> str:
    names = {dict: "object", list: "list", str: "text", bool: "boolean", int: "integer", float: "fraction"}
    return "null" if value is None else names[type(value)]


def form(text: str) -> str:
    """What a text looks like, and nothing of what it says."""
    return next((name for name, pattern in _FORMS if pattern.fullmatch(text)), "words")


# ----------------------------------------------------------------------------------------- enumerations, unknown fields


def enumerations(records: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """How often each value of each enumeration came, by path."""
    found: dict[str, Counter[str]] = {}
    for record in records:
        for _, path, value in _values(record):
            if path.rpartition(".")[2] in ENUMERATIONS and isinstance(value, (str, int)):
                counter = found.setdefault(path, Counter())
                code = str(value)
                fits = _CODE.fullmatch(code) and len(code) <= _LONGEST_CODE
                counter[code if fits and (code in counter or len(counter) < _MOST_CODES) else OTHER] += 1
    return {path: dict(counter.most_common()) for path, counter in sorted(found.items())}


def described(kind: Kind, path: str = "") -> Iterator[tuple[str, bool]]:
    """The paths that a description has, and whether anything may lie below each."""
    if isinstance(kind, Object):
        for name, inner in {**kind.fields, **kind.unwatched}.items():
            place = f"{path}.{name}" if path else name
            yield place, not isinstance(inner, Object | Keyed)
            yield from described(inner, place)
    elif isinstance(kind, Keyed):
        yield f"{path}[].id", False
        yield from described(kind.item, f"{path}[]")
    elif isinstance(kind, Stamp):
        yield from ((f"{path}.{name}", False) for name in ("date", "user"))


def unknown(stream: Stream, found: Sequence[Shape]) -> list[str]:
    """The fields that came and that nobody has described, without those below them and the vendor's labels."""
    known = dict(described(stream.record))
    strange: list[str] = []
    for shape in found:
        above = [shape.path[: cut.start()] for cut in re.finditer(r"\[\]\.|\.", shape.path)]
        covered = any(known.get(one) or one in strange for one in above)
        if shape.path not in known and not covered and not shape.path.endswith("_display"):
            strange.append(shape.path)
    return strange


def never(stream: Stream, found: Sequence[Shape]) -> list[str]:
    """The fields that are described and never came, where what holds them did."""
    came = {shape.path for shape in found}
    holders = {"", *(path.rpartition(".")[0] for path in came)}
    paths = (path for path, _ in described(stream.record) if path.rpartition(".")[0] in holders)
    return [path for path in paths if path not in came and not path.endswith("[].id")]


# --------------------------------------------------------------------------------------------------------- order, dates


def order(records: Sequence[Mapping[str, Any]]) -> str:
    """What a list is sorted by, as far as it can be told: `id, ascending`; `nothing` where it is none of these."""
    for name in ("id", "updated_at", "created_at"):
        values = [_sortable(record.get(name)) for record in records]
        keys = [value for value in values if value is not None]
        if len(keys) < len(values) or len(set(keys)) < 2:  # noqa: PLR2004 - one value is in any order
            continue
        if keys == sorted(keys):
            return f"{name}, ascending"
        if keys == sorted(keys, reverse=True):
            return f"{name}, descending"
    return "nothing"


def _sortable(value: Any) -> tuple[int, float, str] | None:
    if isinstance(value, (int, str)) and re.fullmatch(r"\d{1,15}", str(value)):
        return 0, float(value), ""
    if (at := instant(value)) is not None:
        return 1, at, ""
    return (2, 0.0, value) if isinstance(value, str) and value else None


def instant(value: Any) -> float | None:
    """A date or moment as Unix seconds, naive ones as Paris has them; None for what is neither."""
    try:
        kept = moment(value)
    except ValueError:
        return None
    return begins(kept).timestamp() if kept else None


def newest(records: Iterable[Mapping[str, Any]]) -> tuple[float, float] | None:
    """The latest `updated_at` in Unix seconds, read as Paris and read as UTC has it; None where there is none."""
    found = [record["updated_at"] for record in records if instant(record.get("updated_at")) is not None]
    if not found:
        return None
    in_utc = (_as_utc(value) for value in found)
    return max(filter(None, map(instant, found))), max(in_utc)


def _as_utc(value: str) -> float:
    written = datetime.fromisoformat(value)
    return (written if written.tzinfo else written.replace(tzinfo=UTC)).timestamp()


def midnights(records: Iterable[Mapping[str, Any]]) -> dict[str, tuple[int, int]]:
    """How many of each field's moments in UTC are midnights in Paris, dates in truth, and how many there are."""
    found: dict[str, tuple[int, int]] = {}
    for record in records:
        for _, path, value in _values(record):
            if isinstance(value, str) and form(value) == _IN_UTC and (at := instant(value)) is not None:
                local = datetime.fromtimestamp(at, PARIS)
                midnight = (local.hour, local.minute, local.second) == (0, 0, 0)
                hits, all_of = found.get(path, (0, 0))
                found[path] = hits + midnight, all_of + 1
    return dict(sorted(found.items()))
