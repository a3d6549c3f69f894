"""What of a record is not kept: fields dropped at the door, and fields kept as a keyed hash only. What is not told.

Pure; the key is an argument. A hash shows that a value changed without showing the value: it is compared like any
value, and shown as `***` (`canonical.shown`). Null stays null, so that an erasure upstream is seen as one.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from watcher.model import Body, Event, envelope
from watcher.streams import STREAMS
from watcher.streams.canonical import WITHHELD, Keyed, Kind, Object
from watcher.streams.stream import Stream, root

DROP, HASH = "drop", "hash"

_PRIVATE_LIFE = (
    "birthdate",
    "birthplace",
    "nationality",
    "marital_status",
    "marital_status_display",
    "profession",
    "vehicles",
    "children",
    "primary_residence",
    "primary_residence_display",
    "own_secondary_residence",
    "first_time_homeowner",
    "resides_since",
    "has_already_invested",
    "has_already_invested_comment",
    "bank_name",
    "insurance_name",
    "has_broker",
)

_REACH = ("email1", "email2", "phone1", "phone2", "address1", "address2", "zipcode", "city")


@dataclass(frozen=True, slots=True)
class Policy:
    """The paths of one stream's fields to drop and to hash: `message`, `owner.email`, `contacts[].birthdate`."""

    drop: tuple[str, ...] = ()
    hash: tuple[str, ...] = ()

    def __add__(self, other: Policy) -> Policy:
        return Policy(self.drop + other.drop, self.hash + other.hash)


DEFAULTS: Mapping[str, Policy] = {
    "adlead.purchases": Policy(
        drop=tuple(f"contacts[].{name}" for name in _PRIVATE_LIFE),
        hash=tuple(f"contacts[].{name}" for name in _REACH),
    ),
}
"""What is withheld whatever the configuration says: a buyer's private life is nobody's business here."""


def mistake(stream: Stream, path: str) -> str:
    """What is wrong with a path of a policy, as a sentence; empty when it can be used."""
    first, *rest = path.replace("[]", "").split(".")
    needed = {"id", "status", "created_at", "updated_at", *(name for m in stream.milestones for name in m.evidence)}
    if first in needed:
        return f"cannot withhold {first!r}: events are told from it"
    kind: Kind = stream.record
    for step in (first, *rest):
        kind = kind.item if isinstance(kind, Keyed) else kind
        known = {**kind.fields, **kind.unwatched} if isinstance(kind, Object) else {}
        if step not in known:
            close = get_close_matches(step, known, n=1)
            remedy = f"; did you mean {close[0]!r}?" if close else ""
            return "" if step.endswith("_display") else f"{stream.name} has no {path!r}{remedy}"
        kind = known[step]
    return ""


def withholder(policy: Policy, key: bytes) -> Callable[[Body], Body]:
    """The function that applies a policy to a body; applied to its own result, it changes nothing.

    A path that is in both lists is dropped.
    """
    tree: dict[str, Any] = {}
    for paths, act in ((policy.hash, HASH), (policy.drop, DROP)):
        for path in paths:
            _plant(tree, path.replace("[]", "").split("."), act)
    if not tree:
        return lambda body: body
    return lambda body: _apply(tree, body, key)


def _plant(tree: dict[str, Any], steps: Iterable[str], act: str) -> None:
    first, *rest = steps
    if not rest:
        tree[first] = act
    elif tree.get(first) not in (DROP, HASH):
        _plant(tree.setdefault(first, {}), rest, act)


def _apply(tree: Mapping[str, Any], value: Any, key: bytes) -> Any:
    if isinstance(value, list):
        return [_apply(tree, member, key) for member in value]
    if not isinstance(value, dict):
        return value
    return {
        name: hashed(member, key) if act == HASH else _apply(act, member, key) if act else member
        for name, member in value.items()
        if (act := tree.get(name)) != DROP
    }


def hashed(value: Any, key: bytes) -> Any:
    """The value as a keyed hash; what is empty or withheld already stays as it is."""
    if value is None or value == [] or (isinstance(value, str) and value.startswith(WITHHELD)):
        return value
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return WITHHELD + hmac.new(key, text.encode(), "sha256").hexdigest()[:32]


# ---------------------------------------------------------------------------------------------------- what is not told

STARS = "***"
"""What stands for a value that is not told."""


def personal_of(stream: str) -> tuple[str, ...]:
    """The personal data of a stream's records: whole fields, or (`[]`) all of a list's members but their ids."""
    return STREAMS[stream].personal if stream in STREAMS else ()


def shown(event: Event, personal: bool | None) -> Event:
    """The event as a sink with that setting may have it: with `False`, its personal data is `***`.

    What is empty stays so: that a person was erased upstream is told. The names that a group goes by are data too.
    """
    if personal is not False:
        return event
    names, data = personal_of(str(event.data.get("stream"))), dict(event.data)
    if isinstance(record := data.get("record"), Mapping):
        data["record"] = {name: _told(name, value, names) for name, value in record.items()}
    if isinstance(changes := data.get("changes"), Mapping):
        data["changes"] = {path: _told_change(path, change, names) for path, change in changes.items()}
    if "record." in str(data.get("bundle")):
        data["bundle"] = STARS
    return replace(event, data=data)


def shown_envelope(event: Event, personal: bool | None) -> dict[str, Any]:
    """The event as JSON for a sink with that setting (`model.envelope`)."""
    return envelope(shown(event, personal))


def _told_change(path: str, change: Any, names: tuple[str, ...]) -> Any:
    if not isinstance(change, Mapping):
        return _told(path, change, names)
    return {end: _told(path, value, names) for end, value in change.items()}


def _told(path: str, value: Any, names: tuple[str, ...]) -> Any:
    """The value at a path (`phone`, `contacts`, `contacts[111].email1`) without its personal data."""
    field = root(path)
    if field in names:
        return _starred(value)
    if f"{field}[]" not in names or path.endswith("].id"):
        return value
    rest = path[len(field) :]
    if not rest and isinstance(value, list):
        return [_member(member) for member in value]
    return _member(value) if rest.endswith("]") else _starred(value)


def _member(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return _starred(value)
    return {name: inner if name == "id" else _starred(inner) for name, inner in value.items()}


def _starred(value: Any) -> Any:
    return value if value is None or value in ("", [], {}) else STARS
