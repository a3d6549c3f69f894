"""Paths of fields (`lots[41].status`): what is at one, and which changes concern one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

Tokens = tuple[str, ...]
"""A path in its parts: `("lots", "[41]", "status")`."""


def tokens(path: str) -> Tokens:
    """The parts of a path."""
    return tuple(re.findall(r"\[[^\]]*\]|[^.\[\]]+", path))


def at(value: Any, path: Tokens) -> Any:
    """What is at a path; None where there is nothing. Of a list without a key, what is at the rest in each member."""
    for place, token in enumerate(path):
        if isinstance(value, list) and not token.startswith("["):
            return [at(member, path[place:]) for member in value]
        value = _inside(value, token)
    return value


def _inside(value: Any, token: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(token)
    if isinstance(value, list):
        members = (member for member in value if isinstance(member, Mapping))
        return next((member for member in members if token[1:-1] in (member.get("id"), member.get("contact"))), None)
    return None


def deltas(changes: Mapping[str, Any], path: str) -> Iterator[tuple[Any, Any]]:
    """What the changes at a path, below it or above it came from and went to.

    The keys of lists may be left out: `lots.status` is about every lot. A change above it (the whole lot came) counts
    for what it means at the path.
    """
    wanted = tokens(path)
    keyed = any(token.startswith("[") for token in wanted)
    for changed, delta in changes.items():
        found = tuple(token for token in tokens(changed) if keyed or not token.startswith("["))
        shared = min(len(found), len(wanted))
        if found[:shared] != wanted[:shared]:
            continue
        was, now = delta.get("from"), delta.get("to")
        if len(found) < len(wanted):
            was, now = at(was, wanted[shared:]), at(now, wanted[shared:])
            if was == now:
                continue
        yield was, now


def before(record: Mapping[str, Any], changes: Mapping[str, Any], path: str) -> Any:
    """What was at a path before the changes; ValueError for a list of objects of which a part changed."""
    wanted = tokens(path)
    found = {tokens(changed): delta.get("from") for changed, delta in changes.items()}
    above = next((whole for whole in found if wanted[: len(whole)] == whole), None)
    if above is not None:
        return at(found[above], wanted[len(above) :])
    value = at(record, wanted)
    for part, was in found.items():
        if part[: len(wanted)] == wanted:
            value = _put(value, part[len(wanted) :], was)
    return value


def _put(value: Any, path: Tokens, was: Any) -> Any:
    name, *rest = path
    if name.startswith("[") or not isinstance(value, (Mapping, type(None))):
        raise ValueError("a list has no value before: name one field of one member")
    inner = value or {}
    return {**inner, name: _put(inner.get(name), tuple(rest), was) if rest else was}
