"""One record's bytes -> plain Python values, or the reason why not.

Stricter than the standard library, which takes NaN, keys given twice and halves of characters, and looser than it in
nothing: what passes here can be compared, hashed, stored and sent again without surprises.
"""

from __future__ import annotations

import json
from math import isinf
from typing import Any, NoReturn

import msgspec

from watcher.errors import Unreadable

DEEPEST = 64
"""Levels of objects and lists in one record; the vendors' own have four."""

_SPACES = (b"\n", b"\t", b"\r", b'" ')
"""What may stand between a key and its colon."""

_ESCAPES = (b'\\":', b"\\u0022", b"\\u003a", b"\\u003A", b"\\ud", b"\\uD")
"""A quote and a colon in a text, in each spelling; what may be half a character."""

_SORTED = msgspec.json.Encoder(order="sorted")

_DIGITS, _LONG = bytes.maketrans(b"123456789", b"0" * 9), b"0" * 19
"""So many digits may be a number that is too long."""

_LARGEST = 1 << 63
"""Whole numbers stay below it: no database, and few languages, can hold what is beyond."""


def read_json(raw: bytes) -> Any:
    """Decode one JSON value; raises Unreadable with a reason that quotes nothing of it.

    Refused: what is not UTF-8 or not JSON, NaN and infinities (also written 1e999), a key given twice in one object,
    a lone half of a surrogate pair, whole numbers beyond 64 bits, more than 64 levels.
    """
    quick = _quickly(raw)
    return quick[0] if quick else _slowly(raw)


def said(raw: bytes) -> bytes:
    """What one JSON value says, in the one way of saying it: keys sorted, no spaces. Raises as `read_json` does."""
    quick = _quickly(raw)
    return quick[1] if quick else _SORTED.encode(_slowly(raw))


def read_said(raw: bytes) -> Any:
    """Decode what `said` returned."""
    return msgspec.json.decode(raw)


def _quickly(raw: bytes) -> tuple[Any, bytes] | None:
    """Its value, and what it says, by the quick decoder, which takes the later of two keys; None where not to trust it.

    Two keys are found by counting the ends of a key, `":`, before and after. Where that might be something else, or
    there is something else that the quick one takes, the slow one has the word.
    """
    if raw.count(b"{") + raw.count(b"[") > DEEPEST:  # so few brackets cannot nest deeper
        return None
    oddities = _SPACES + _ESCAPES if b"\\" in raw else _SPACES
    if _LONG in raw.translate(_DIGITS) or any(map(raw.__contains__, oddities)):
        return None
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    says = _SORTED.encode(value)
    return (value, says) if says.count(b'":') == raw.count(b'":') else None


def _slowly(raw: bytes) -> Any:
    try:
        value = _DECODER.decode(raw.decode())
    except UnicodeDecodeError:
        raise Unreadable("is not UTF-8") from None
    except RecursionError:
        raise Unreadable("is nested too deeply") from None
    except ValueError:
        raise Unreadable("is not JSON") from None
    if _deeper(value):
        raise Unreadable("is nested too deeply")
    if b"\\ud" in raw or b"\\uD" in raw:  # the decoder joins pairs; a half that is left alone cannot be encoded
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise Unreadable("holds half a character (a lone surrogate)") from None
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unreadable("gives a key twice")
    return found


def _constant(_name: str) -> NoReturn:
    raise Unreadable("holds NaN or an infinity, which JSON has not")


def _real(text: str) -> float:
    value = float(text)
    if isinf(value):
        raise Unreadable("holds a number too large to be one")
    return value


def _whole(text: str) -> int:
    if len(text) < 19:  # noqa: PLR2004 - digits that always fit, with or without a sign
        return int(text)
    if len(text) > 20 or not -_LARGEST <= int(text) < _LARGEST:  # noqa: PLR2004 - the longest that may
        raise Unreadable("holds a whole number beyond 64 bits")
    return int(text)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_constant, parse_float=_real, parse_int=_whole, strict=True
)


def _deeper(value: Any) -> bool:
    """Say whether it nests deeper than we take, level by level, so that this cannot run out of stack itself."""
    level: list[Any] = [[value]]
    for _ in range(DEEPEST + 1):
        children = [outer.values() if isinstance(outer, dict) else outer for outer in level]
        level = [inner for group in children for inner in group if isinstance(inner, (dict, list))]
    return bool(level)
