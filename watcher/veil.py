"""What is left of personal data that has expired or was erased, and how the next poll leaves it so.

Pure; the key is an argument. A value that expired is kept as a keyed hash: that it changes is still seen, and told as
`***`. Of one that was erased nothing is kept: it is `***` for good, whatever the vendor sends. Either way the record
itself remembers it, in place of the value, so that a poll of what the vendor still has tells and stores nothing of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from watcher.model import Body, Change, Delta, Kind
from watcher.privacy import STARS, hashed
from watcher.streams.canonical import EXPIRED, GONE, WITHHELD, may_withhold, shown
from watcher.streams.stream import Stream, root

Act = Callable[[Any], Any]
"""What becomes of a value."""

Whose = Collection[str] | None
"""Whose data of a record is meant: `""` for whom the record itself is about, `contacts[111]` for a member of a list,
`owner` for somebody of the staff; None for everybody but the staff."""

_NOTHING: tuple[Any, ...] = (None, [])
_IDENTITY = re.compile(r"(last|first)?name|e?mail\d?")


def gone(_value: Any) -> Any:
    """Nothing is kept, not even whether there was anything."""
    return GONE


def expirer(key: bytes) -> Act:
    """What keeps of a value only a hash with that key; what is empty stays empty."""

    def expired(value: Any) -> Any:
        if value in _NOTHING or value == GONE or (isinstance(value, str) and value.startswith(EXPIRED)):
            return value
        return EXPIRED + hashed(value, key).removeprefix(WITHHELD)

    return expired


def veiled(stream: Stream, body: Body, act: Act, whose: Whose = None) -> Body:
    """The body with the personal data of some done so to; what nobody has described goes with the record's own."""
    itself = whose is None or "" in whose
    return {
        name: _veiled(stream, name, value, act, whose)
        for name, value in body.items()
        if not (itself and _undescribed(stream, name))
    }


def _veiled(stream: Stream, name: str, value: Any, act: Act, whose: Whose) -> Any:
    if name in stream.personal:
        return act(value) if whose is None or "" in whose else value
    if f"{name}[]" in stream.personal and isinstance(value, list):
        return [_of_member(one, act) if whose is None or f"{name}[{member(one)}]" in whose else one for one in value]
    return _of_member(value, act) if whose and name in whose else value


def _of_member(value: Any, act: Act) -> Any:
    if not isinstance(value, dict):
        return act(value)
    return {name: inner if name == "id" else act(inner) for name, inner in value.items()}


def member(value: Any) -> str:
    """What a member of a list is known by."""
    if not isinstance(value, Mapping):
        return ""
    return str(value.get("id") or value.get("contact") or "")


def _undescribed(stream: Stream, name: str) -> bool:
    return name not in stream.record.fields and name not in stream.record.unwatched and not name.endswith("_display")


# -------------------------------------------------------------------------------------------------- the next poll


def keeper(stream: Stream, key: bytes) -> Callable[[Body, Body], Body]:
    """The function that leaves of a record read again, given its last form, no more than was left of that."""
    expired = expirer(key)

    def keep(last: Body, body: Body) -> Body:
        return _kept(stream, last, body, expired) if may_withhold(last) and _has_veil(last) else body

    return keep


def _kept(stream: Stream, last: Body, body: Body, expired: Act) -> Body:
    own = _state(last[name] for name in stream.personal if name in last)
    lists = {name: _by_member(last.get(name)) for name in body if f"{name}[]" in stream.personal}
    states = {name: {key: _member_state(one) for key, one in old.items()} for name, old in lists.items()}
    all_of = [own, *(state for some in states.values() for state in some.values())]
    closed = any(all_of) and (own or all(all_of[1:]))
    kept: dict[str, Any] = {}
    for name, value in body.items():
        if name in stream.personal:
            kept[name] = _as(own, last.get(name), value, expired)
        elif name in lists and isinstance(value, list):
            kept[name] = [_kept_member(one, lists[name], states[name], expired) for one in value]
        elif not (closed and _undescribed(stream, name)):
            kept[name] = _leaf(last.get(name), value, expired)
    return kept


def _kept_member(one: Any, old: Mapping[str, Any], states: Mapping[str, str], expired: Act) -> Any:
    last, state = old.get(member(one)), states.get(member(one), "")
    if not isinstance(one, dict) or not isinstance(last, dict):
        return one
    return {name: value if name == "id" else _as(state, last.get(name), value, expired) for name, value in one.items()}


def _by_member(value: Any) -> dict[str, Any]:
    return {member(one): one for one in value} if isinstance(value, list) else {}


def _member_state(value: Any) -> str:
    return _state(inner for name, inner in value.items() if name != "id") if isinstance(value, dict) else ""


def _state(values: Iterable[Any]) -> str:
    """What became of all of somebody's data: GONE, EXPIRED, or nothing (empty) where some is kept as it is."""
    kept = [value for value in values if value not in _NOTHING]
    if not kept or not all(_is_veil(value) for value in kept):
        return ""
    return GONE if all(value == GONE for value in kept) else EXPIRED


def _as(state: str, last: Any, value: Any, expired: Act) -> Any:
    if GONE in (state, last):
        return GONE
    return expired(value) if state == EXPIRED else _leaf(last, value, expired)


def _leaf(last: Any, value: Any, expired: Act) -> Any:
    """A value in the place of one that was perhaps veiled, in whatever depth."""
    if last == GONE:
        return GONE
    if _is_veil(last):
        return expired(value)
    if isinstance(last, dict) and isinstance(value, dict):
        return {name: _leaf(last.get(name), inner, expired) for name, inner in value.items()}
    if isinstance(last, list) and isinstance(value, list):
        old = _by_member(last)
        return [_leaf(old.get(member(one)), one, expired) if member(one) else one for one in value]
    return value


def _is_veil(value: Any) -> bool:
    return isinstance(value, str) and (value == GONE or value.startswith(EXPIRED))


def _has_veil(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_has_veil, value.values()))
    return any(map(_has_veil, value)) if isinstance(value, list) else _is_veil(value)


# --------------------------------------------------------------------------------------------- an erasure upstream


def erased(stream: Stream, change: Change) -> frozenset[str]:
    """Whom the vendor has erased from a record: a name or an e-mail address is emptied, and none of them is left."""
    if change.kind in (Kind.CREATE, Kind.REMOVE):
        return frozenset()
    emptied = {whose for path, delta in change.fields.items() if (whose := _identity(stream, path)) is not None
               and delta.now in _NOTHING and delta.was not in _NOTHING}  # fmt: skip
    return frozenset(whose for whose in emptied if not _identified(stream, change.body, whose))


def discreet(stream: Stream, change: Change) -> Change:
    """The change without what personal fields were before they were emptied, or anything of those that were erased."""
    persons = erased(stream, change)
    fields = {
        path: Delta(GONE, delta.now)
        if delta.was not in _NOTHING and _is_personal(stream, path) and _is_left(path, delta, persons)
        else delta
        for path, delta in change.fields.items()
    }
    return replace(change, fields=fields) if fields != change.fields else change


def _is_left(path: str, delta: Delta, persons: Collection[str]) -> bool:
    emptied = delta.now in _NOTHING and not path.endswith("]")  # a buyer who left is told by name
    return emptied or _person(path) in persons


def _person(path: str) -> str:
    return path.partition("]")[0] + "]" if "[" in path else ""


def _is_personal(stream: Stream, path: str) -> bool:
    field = root(path)
    return field in stream.personal or (f"{field}[]" in stream.personal and not path.endswith("].id"))


def _identity(stream: Stream, path: str) -> str | None:
    """Whose name or e-mail address a path is; None when it is neither."""
    name = path.rpartition(".")[2]
    return _person(path) if _is_personal(stream, path) and _IDENTITY.fullmatch(name) else None


def _identified(stream: Stream, body: Body, whose: str) -> bool:
    if whose:
        found = _by_member(body.get(root(whose))).get(whose[len(root(whose)) + 1 : -1])
        known = found if isinstance(found, dict) else {}
    else:
        known = {name: body.get(name) for name in stream.personal}
    return any(value not in _NOTHING for name, value in known.items() if _IDENTITY.fullmatch(name))


# ------------------------------------------------------------------------------------------------------ stored events


def veiled_event(stream: Stream, data: Mapping[str, Any], whose: Whose = None) -> Mapping[str, Any]:
    """The data of an event, which shows what is withheld as `***`, with the personal data of some shown so too."""
    kept = dict(data)
    if isinstance(record := data.get("record"), Mapping):
        kept["record"] = veiled(stream, record, _starred, whose)
    if isinstance(changes := data.get("changes"), Mapping):
        kept["changes"] = {path: _veiled_change(stream, path, change, whose) for path, change in changes.items()}
    return kept


def _veiled_change(stream: Stream, path: str, change: Any, whose: Whose) -> Any:
    ends = change if isinstance(change, Mapping) else {"": change}
    kept = {end: _veiled_end(stream, path, value, whose) for end, value in ends.items()}
    return kept if isinstance(change, Mapping) else kept[""]


def _veiled_end(stream: Stream, path: str, value: Any, whose: Whose) -> Any:
    if root(path) == path:
        return _veiled(stream, path, value, _starred, whose)
    person = _person(path) or root(path)
    meant = _is_personal(stream, path) if whose is None else person in whose and not path.endswith(".id")
    return _of_member(value, _starred) if meant else value


def withheld_event(data: Mapping[str, Any], withhold: Callable[[Body], Body]) -> Mapping[str, Any]:
    """The data of an event with what a policy withholds of a record shown as `***`."""
    kept = dict(data)
    if isinstance(record := data.get("record"), Mapping):
        kept["record"] = shown(withhold(record))
    if isinstance(changes := data.get("changes"), Mapping):
        kept["changes"] = {
            path: {end: _withheld_at(path, value, withhold) for end, value in change.items()}
            if isinstance(change, Mapping)
            else change
            for path, change in changes.items()
        }
    return kept


def _withheld_at(path: str, value: Any, withhold: Callable[[Body], Body]) -> Any:
    steps = re.sub(r"\[[^\]]*\]", "", path).split(".")
    inside: Any = value
    for step in reversed(steps):
        inside = {step: inside}
    inside = withhold(inside)
    for step in steps:
        if not isinstance(inside, Mapping) or step not in inside:
            return _starred(shown(value))
        inside = inside[step]
    return shown(inside)


def _starred(value: Any) -> Any:
    return value if value is None or value in ("", [], {}) else STARS
