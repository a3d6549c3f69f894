"""What of a record is not kept: fields dropped at the door, and fields kept as a keyed hash only.

Pure; the key is an argument. A hash shows that a value changed without showing the value: it is compared like any
value, and shown as `***` (`canonical.shown`). Null stays null, so that an erasure upstream is seen as one.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from watcher.model import Body
from watcher.streams.canonical import WITHHELD, Keyed, Kind, Object
from watcher.streams.stream import Stream

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
        name: _hashed(member, key) if act == HASH else _apply(act, member, key) if act else member
        for name, member in value.items()
        if (act := tree.get(name)) != DROP
    }


def _hashed(value: Any, key: bytes) -> Any:
    if value is None or value == [] or (isinstance(value, str) and value.startswith(WITHHELD)):
        return value
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return WITHHELD + hmac.new(key, text.encode(), "sha256").hexdigest()[:32]
