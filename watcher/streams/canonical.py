"""What the fields of a record are, how each is read into its one canonical form, and how two forms differ.

A stream describes its record as an `Object` of kinds. Four functions walk that description:

- `canonical` reads an upstream value: whatever means the same becomes equal (`"1"`/`1`/`1.0`, `""`/null/zero dates).
- `merged` lays a new form over the last one: what is absent now keeps its last known value.
- `differences` compares two forms, watched fields only, and gives paths such as `status` or `lots[41].price`.
- `watched` strips a form to what is watched, for its digest.

Fields that nobody has described are kept as they came and never compared.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

import msgspec

from watcher.model import Delta
from watcher.streams.dates import moment

MISSING: Any = object()
"""A field that is not there, which is not the same as one that is null."""

WITHHELD = "\ue000"
"""What a value begins with that is kept as a keyed hash only; a private character, so that no vendor's value does."""

EXPIRED = f"{WITHHELD}-"
"""What the hash begins with of a value that was kept for its time."""

GONE = WITHHELD
"""What stands for a value of which nothing is kept."""

_PRIVATE = WITHHELD.encode()

_CENT = Decimal("0.01")
_MOST = Decimal("1e15")


# ------------------------------------------------------------------------------------------------------ the kinds


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value, read by a function that raises ValueError for what it does not understand."""

    read: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Object:
    """An object: `fields` are watched, `unwatched` are read into form but never compared."""

    fields: Mapping[str, Kind]
    unwatched: Mapping[str, Kind] = field(default_factory=dict)
    readers: Mapping[str, Callable[[Any], Any]] = field(init=False, repr=False, compare=False)
    plain: tuple[str, ...] = field(init=False, repr=False, compare=False)
    nested: Mapping[str, Kind] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Look up once how fields without objects in them are read, and which of the watched ones have some.

        A first poll of ten thousand records asks it of all their fields.
        """
        nested = {name: kind for name, kind in self.fields.items() if not isinstance(kind, Scalar)}
        kinds = {**self.unwatched, **self.fields}
        readers = {name: _stamp if isinstance(kind, Stamp) else kind.read for name, kind in kinds.items()
                   if isinstance(kind, (Scalar, Stamp))}  # fmt: skip
        object.__setattr__(self, "readers", readers)
        object.__setattr__(self, "plain", tuple(name for name in self.fields if name not in nested))
        object.__setattr__(self, "nested", nested)


@dataclass(frozen=True, slots=True)
class Stamp:
    """A date, or an object `{date, user}`, or null (Apimo's `opened`, `assigned`, `closed`): kept as the object."""


@dataclass(frozen=True, slots=True)
class Keyed:
    """A list of objects, each known by its `id`, else its `contact`; order says nothing. PHP may send an object."""

    item: Object


@dataclass(frozen=True, slots=True)
class Values:
    """A list of plain values: a set, kept sorted."""

    read: Callable[[Any], Any]


Kind = Scalar | Object | Stamp | Keyed | Values


# ---------------------------------------------------------------------------------------------- readers of scalars


def text(value: Any) -> str | None:
    """Free text; empty is null."""
    if isinstance(value, str):
        return value or None
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError("is no text")
    return _plain_number(value)


def code(value: Any) -> str | None:
    """An id or a code, always text: `1`, `"1"` and `1.0` are `"1"`. PHP's false is null."""
    if isinstance(value, str):
        return value.strip() or None
    if value is None or value is False:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError("is no id or code")
    return _plain_number(value)


def number(value: Any) -> int | float | None:
    """An amount or a rate, to the cent: `20`, `20.0` and `"20.00"` are 20. PHP's false is null."""
    if value is None or value is False or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError("is no number")
    if isinstance(value, int) and abs(value) <= _MOST:
        return value
    try:
        exact = Decimal(str(value).strip())
        if not exact.is_finite() or abs(exact) > _MOST:
            raise ValueError("is no number that can be meant")
        cents = exact.quantize(_CENT, ROUND_HALF_UP)
    except InvalidOperation:
        raise ValueError("is no number") from None
    return int(cents) if cents == cents.to_integral_value() else float(cents)


def flag(value: Any) -> bool | None:
    """Yes or no: true, 1 and `"1"` are true."""
    if value is None or value == "":
        return None
    if value in (True, "1", "true"):
        return True
    if value in (False, "0", "false"):
        return False
    raise ValueError("is neither yes nor no")


def _plain_number(value: float) -> str:
    if not math.isfinite(value):
        raise ValueError("is no number")
    return str(int(value)) if value == int(value) else repr(value)


TEXT, CODE, NUMBER, FLAG, MOMENT, STAMP = (
    Scalar(text),
    Scalar(code),
    Scalar(number),
    Scalar(flag),
    Scalar(moment),
    Stamp(),
)


# ---------------------------------------------------------------------------------------------------------- reading


def canonical(kind: Kind, value: Any, doubts: dict[str, str], path: str = "") -> Any:
    """Read an upstream value into its canonical form.

    A part that is not understood is left out, as if it were absent, and named in `doubts` (path -> why).
    """
    try:
        match kind:
            case Scalar(read):
                return read(value)
            case Stamp():
                return _stamp(value)
            case Values(read):
                return sorted({member for member in map(read, _members(value)) if member is not None})
            case Object():
                return _object(kind, value, doubts, path)
            case Keyed(item):
                # One member that is no object puts the whole list in doubt: left out alone, it would seem removed.
                forms = [_object(item, member, doubts, f"{path}[]") for member in _members(value)]
                return [form for _, form in _keyed(forms)]
    except ValueError as why:
        doubts[path] = str(why)
        return MISSING


def _object(kind: Object, value: Any, doubts: dict[str, str], path: str) -> dict[str, Any] | None:
    if not value and (value is None or value is False or value in ("", [], {})):  # PHP writes an empty object as []
        return None
    if not isinstance(value, dict):
        raise ValueError("is no object")
    form: dict[str, Any] = {}
    for name, member in value.items():
        if read := kind.readers.get(name):
            try:
                form[name] = read(member)
            except ValueError as why:
                doubts[_inside(path, name)] = str(why)
        elif inner := kind.fields.get(name) or kind.unwatched.get(name):
            if (found := canonical(inner, member, doubts, _inside(path, name))) is not MISSING:
                form[name] = found
        else:
            form[name] = member
    if not form:  # nothing in it is understood: that is in doubt, not empty
        raise ValueError("is not understood")
    return form


def _inside(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _stamp(value: Any) -> dict[str, Any] | None:
    if not isinstance(value, dict):
        day = moment(value) if value != [] else None
        return {"date": day} if day else None
    form = {name: read(value[name]) for name, read in (("date", moment), ("user", code)) if name in value}
    return form if any(form.values()) else None


def _members(value: Any) -> list[Any]:
    """The members of a list, also when PHP wrote an array with gaps as an object."""
    if value is None or value == "" or value is False:
        return []
    if isinstance(value, dict):
        return list(value.values())
    if not isinstance(value, list):
        raise ValueError("is no list")
    return value


def _keyed(forms: list[dict[str, Any] | None]) -> list[tuple[str, dict[str, Any]]]:
    """The members of a list of objects with their keys, in the order of the keys; twins are numbered `5#2`."""
    members = [form for form in forms if form]
    named = sorted(((_name(member), _dump(member), member) for member in members), key=lambda row: (row[0], row[1]))
    counts: dict[str, int] = {}
    keyed = []
    for name, _, member in named:
        counts[name] = counts.get(name, 0) + 1
        keyed.append((name if counts[name] == 1 else f"{name}#{counts[name]}", member))
    return keyed


def _name(member: Mapping[str, Any]) -> str:
    for key in ("id", "contact"):
        if member.get(key) is not None:
            return str(member[key])
    return ""


def _dump(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


# ------------------------------------------------------------------------------------------- merging and comparing


def merged(kind: Kind, before: Any, after: Any) -> Any:
    """Lay `after` over `before`: what `after` does not carry keeps its last known value."""
    match kind:
        case Object(fields, unwatched) if isinstance(before, dict) and isinstance(after, dict):
            return {
                **before,
                **{
                    name: merged(inner, before[name], value)
                    if isinstance(value, (dict, list))
                    and name in before
                    and (inner := fields.get(name) or unwatched.get(name))
                    else value
                    for name, value in after.items()
                },
            }
        case Stamp() if isinstance(before, dict) and isinstance(after, dict):
            return {**before, **after}
        case Keyed(item) if isinstance(before, list) and isinstance(after, list):
            old = dict(_keyed(before))
            return [merged(item, old[key], form) if key in old else form for key, form in _keyed(after)]
    return after


@dataclass(frozen=True, slots=True)
class Differences:
    """How two forms differ: `changed` paths, paths `gained` that were absent (with their values), `lost` ones."""

    changed: dict[str, Delta] = field(default_factory=dict)
    gained: dict[str, Any] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)


def differences(kind: Kind, before: Any, after: Any) -> Differences:
    """Compare two canonical forms, watched fields only. `gained` has no nulls: null instead of nothing is nothing."""
    found = Differences()
    _compare(kind, before, after, "", found)
    return found


def _compare(kind: Kind, before: Any, after: Any, path: str, found: Differences) -> None:
    if after is MISSING:
        if before is not MISSING and before is not None:
            found.lost.append(path)
    elif before is MISSING:
        if after is not None and after != []:
            found.gained[path] = after
    elif isinstance(before, dict) and isinstance(after, dict):
        for name, inner in _fields(kind):
            was, now = before.get(name, MISSING), after.get(name, MISSING)
            if was is not now and was != now:
                _compare(inner, was, now, _inside(path, name), found)
    elif isinstance(kind, Keyed) and isinstance(before, list) and isinstance(after, list):
        old, new = dict(_keyed(before)), dict(_keyed(after))
        for key in sorted(old.keys() | new.keys()):
            _compare(kind.item, old.get(key), new.get(key), f"{path}[{key}]", found)
    elif before != after and not _cannot_tell(before, after):
        found.changed[path] = Delta(before, after)


def _cannot_tell(before: Any, after: Any) -> bool:
    """Say whether what a value was or is cannot be known, or only how it is kept differs: so it is taken in."""
    if before is None or after is None:
        return False
    if GONE in (before, after):
        return True
    if _withheld(before) and _withheld(after):
        return bool(before.lstrip(EXPIRED) == after.lstrip(EXPIRED))
    return _withheld(before)


def _withheld(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(WITHHELD)


def may_withhold(value: Any) -> bool:
    """Whether something in a form may be withheld: said at once, and only a no is sure."""
    return _PRIVATE in msgspec.json.encode(value)


def shown(value: Any) -> Any:
    """A form as it may be shown: what is withheld is `***`. One of which nothing is withheld is returned itself."""
    if isinstance(value, (dict, list)) and not may_withhold(value):
        return value
    return _shown(value)


def _shown(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _shown(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_shown(member) for member in value]
    return "***" if _withheld(value) else value


def _fields(kind: Kind) -> Iterator[tuple[str, Kind]]:
    if isinstance(kind, Object):
        yield from kind.fields.items()
    elif isinstance(kind, Stamp):
        yield from (("date", MOMENT), ("user", CODE))


def watched(kind: Kind, form: Any) -> Any:
    """Strip a canonical form to its watched fields; null and absent are the same here."""
    if isinstance(kind, Object) and isinstance(form, dict):
        shown = {name: value for name in kind.plain if (value := form.get(name)) is not None}
        inside = ((name, watched(inner, form.get(name))) for name, inner in kind.nested.items())
        return shown | {name: value for name, value in inside if value is not None}
    if isinstance(kind, Keyed) and isinstance(form, list):
        return [watched(kind.item, member) for member in form]
    return form
