"""The bytes of a page -> its records, each still as bytes. Pure.

A record whose bytes came before is not read at all; one that says the same in other bytes is known by the digest of
what it says. What is new is decoded later, one record at a time: one that cannot be read does not hide the others.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import TypeVar

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType
from xxhash import xxh3_128_digest

from watcher.errors import Drifted, Transient, Unreadable
from watcher.model import Body, Slice, Unread
from watcher.sources.answers import one_line
from watcher.strictjson import read_json, said

MOST_MARKS = 100_000
"""Places of a page that may have to be marked; a page with more is refused as a whole."""

MOST_ITEMS = 20_000
"""Records in a page: twice what the vendors give at the most."""

LONGEST_ID = 100
"""Letters. An id is shown, logged and put into paths."""

_EXACT = 1 << 53  # a whole number written with a fraction (`4.0`) is exact up to here

_NULL, _TRUE = Raw(b"null"), Raw(b"true")

# PHP writes an array whose keys have gaps as an object, so a list may come as one.
_Items = list[Raw] | dict[str, Raw] | UnsetType | None


class _ApimoPage(Struct):
    leads: _Items = UNSET
    contracts: _Items = UNSET
    requests: _Items = UNSET
    total_items: Raw = _NULL
    timestamp: Raw = _NULL


class _AdleadPage(Struct):
    data: _Items = UNSET
    success: Raw = _TRUE
    message: Raw = _NULL
    meta: Raw = _NULL


class _AdleadMeta(Struct):
    current_page: Raw = _NULL
    last_page: Raw = _NULL
    total: Raw = _NULL


class _AdleadDetail(Struct):
    data: Raw = _NULL
    success: Raw = _TRUE
    message: Raw = _NULL


class _Id(Struct):
    id: bool | int | float | str | None = None


_Shape = TypeVar("_Shape")

_APIMO_PAGE = msgspec.json.Decoder(_ApimoPage)
_ADLEAD_PAGE = msgspec.json.Decoder(_AdleadPage)
_ADLEAD_META = msgspec.json.Decoder(_AdleadMeta)
_ADLEAD_DETAIL = msgspec.json.Decoder(_AdleadDetail)
_ANY_PAGE = msgspec.json.Decoder(dict[str, Raw])
_ANY_LIST = msgspec.json.Decoder(list[Raw] | dict[str, Raw] | None)
_TEXT = msgspec.json.Decoder(str)
_ID = msgspec.json.Decoder(_Id)
_BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page taken apart: its records, and what the vendor says of the list; None where it says nothing.

    `total` is how many records the whole list has, `timestamp` Apimo's own time of the newest one (Unix seconds);
    `current` and `last` are Adlead's number of this page and of the last one.
    """

    items: tuple[Raw, ...]
    total: int | None = None
    timestamp: int | None = None
    current: int | None = None
    last: int | None = None


@dataclass(slots=True)
class Sifted:
    """Records told apart: the ids of all that can be read, those that are new, and those that cannot be read.

    Of two records of one id the later one counts, known or new.
    """

    keys: list[str] = field(default_factory=list)
    fresh: dict[str, Slice] = field(default_factory=dict)
    unread: list[Unread] = field(default_factory=list)


def split_apimo(body: bytes, list_keys: tuple[str, ...]) -> Sheet:
    """Take a page of Apimo apart; the list is under the first of the keys that has one.

    Raises Transient when it is not a JSON object, Drifted when there is no list where it should be.
    """
    page = _take(_APIMO_PAGE, body)
    items = _items((getattr(page, key) for key in list_keys), list_keys)
    _refuse_twice(body, items)
    return Sheet(items, total=_whole(page.total_items), timestamp=_whole(page.timestamp))


def split_adlead(body: bytes) -> Sheet:
    """Take a page of Adlead apart. Raises as `split_apimo` does, and Transient when it says that it failed."""
    page = _take(_ADLEAD_PAGE, body)
    _check_success(page.success, page.message)
    try:
        meta = _ADLEAD_META.decode(page.meta)
    except _BROKEN:
        meta = _AdleadMeta()
    items = _items((page.data,), ("data",))
    _refuse_twice(body, items)
    return Sheet(
        items,
        total=_whole(meta.total),
        current=_whole(meta.current_page),
        last=_whole(meta.last_page),
    )


def split_plain(body: bytes, list_key: str, total_key: str) -> Sheet:
    """Take a page of another API apart, which has its list and its total under those names. Raises as `split_apimo`."""
    page = _take(_ANY_PAGE, body)
    try:
        found = _ANY_LIST.decode(page.get(list_key, _NULL))
    except _BROKEN:
        raise Drifted("the list in the answer is no list") from None
    items = _items((found,), (list_key,))
    _refuse_twice(body, items)
    return Sheet(items, total=_whole(page.get(total_key, _NULL)))


def read_adlead_detail(body: bytes) -> Body:
    """The one record of Adlead's detail answer, as it has it. Raises as `split_adlead` does."""
    page = _take(_ADLEAD_DETAIL, body)
    _check_success(page.success, page.message)
    try:
        record = read_json(bytes(page.data))
    except Unreadable as error:
        raise Transient(f"unreadable answer: it {error}") from None
    if not isinstance(record, dict):
        raise Drifted("the answer has no record under data")
    return record


def sift(
    items: Sequence[Raw], fingerprints: Mapping[bytes, str], found: Sifted, meant: MutableMapping[bytes, bytes]
) -> None:
    """Add records to what was found, each by whether what it says is known and, if not, by whether it has an id.

    `meant` remembers from one time to the next what bytes come to: those that came before need not be read for it.
    """
    known = map(fingerprints.get, map(meant.get, map(xxh3_128_digest, items), repeat(b"")))  # none is known by b""
    fresh, keys = found.fresh, found.keys
    for item, key in zip(items, known, strict=True):
        if key is None:
            _look_into(item, fingerprints, found, meant)
        else:
            if fresh:
                fresh.pop(key, None)
            keys.append(key)


def _look_into(
    item: Raw, fingerprints: Mapping[bytes, str], found: Sifted, meant: MutableMapping[bytes, bytes]
) -> None:
    """Add a record whose bytes are new, or were when they came before."""
    says, digest = _says(item), xxh3_128_digest(item)
    fingerprint = meant[digest] = xxh3_128_digest(says) if says is not None else digest
    key = fingerprints.get(fingerprint)
    if key is not None:
        found.fresh.pop(key, None)
    else:
        try:
            key = _key(item)
        except Unreadable as error:
            found.unread.append(Unread(fingerprint, None, str(error)))
            return
        raw = bytes(item) if says is None else says  # a copy, so that the page can be let go
        found.fresh[key] = Slice(key, fingerprint, raw, sure=says is not None)
    found.keys.append(key)


def _says(item: Raw) -> bytes | None:
    """What a record says, whatever the order of its keys and the spaces; None where it cannot be read."""
    try:
        return said(bytes(item))
    except Unreadable:
        return None


# ------------------------------------------------------------------------------------------------- parts of a page


def _take(decoder: msgspec.json.Decoder[_Shape], body: bytes) -> _Shape:
    """Decode a page; if it is not quite JSON, once more with its worst places marked."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError:
        raise _misfit(body) from None
    except RecursionError:
        raise Transient("unreadable answer: it is nested too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        marked = _marked(body)
        if marked == body:
            raise Transient(f"unreadable answer: it is {'not JSON' if body.strip() else 'empty'}") from None
    return _take(decoder, marked)


_NUMBERS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|(-?Infinity|NaN)', re.DOTALL)
_ESCAPES = re.compile(rb"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|(\\u[dD][89a-fA-F]..)|\\.", re.DOTALL)


def _marked(body: bytes) -> bytes:
    """Put what `read_json` refuses and the splitter lets pass in the place of what the splitter refuses.

    So one record with NaN or half a surrogate pair in it is refused by itself, and the rest of its page is read.
    """
    if sum(body.count(mark) for mark in (b"\\ud", b"\\uD", b"NaN", b"Infinity")) > MOST_MARKS:
        return body
    body = _NUMBERS.sub(lambda found: b"9e999" if found[1] else found[0], body)
    return _ESCAPES.sub(lambda found: b"\xff" if found[1] else found[0], body)


def _misfit(body: bytes) -> Transient | Drifted:
    """Why a page does not fit: it is no object, or its list is none."""
    try:
        _ANY_PAGE.decode(body)
    except _BROKEN:
        return Transient("unreadable answer: it is no object")
    return Drifted("the list in the answer is no list")


class _Twice(dict[str, object]):
    """An object of which a key was given twice."""


def _refuse_twice(body: bytes, items: tuple[Raw, ...]) -> None:
    """Raise Transient when the page, or its `meta`, gives a key twice: there is no telling which one is meant.

    The splitter takes the later one without a word. The records are left out of the look where they stand side by
    side, as they mostly do; they are looked at by themselves when they are read.
    """
    text = _without(body, items).decode(errors="replace")
    envelope = json.loads(text, object_pairs_hook=_object, parse_int=len)  # what the numbers are is not asked here
    if isinstance(envelope, _Twice) or isinstance(envelope.get("meta"), _Twice):
        raise Transient("unreadable answer: it gives a key twice")


def _without(body: bytes, items: tuple[Raw, ...]) -> bytes:
    """A page without its records, if they can be found in one piece."""
    if not items:
        return body
    end = body.rfind(items[-1]) + len(items[-1])
    start = end - sum(map(len, items)) - (len(items) - 1)  # one comma between two
    apart = start < 0 or not body.startswith(bytes(items[0]), start) or body[start - 1 : start] != b"["
    return body if apart else body[:start] + body[end:]


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else _Twice(found)


def _items(lists: Iterable[list[Raw] | dict[str, Raw] | UnsetType | None], keys: tuple[str, ...]) -> tuple[Raw, ...]:
    for found in lists:
        if isinstance(found, (dict, list)):
            if len(found) > MOST_ITEMS:
                raise Transient(f"unreadable answer: its list has over {MOST_ITEMS} records")
            return tuple(found.values() if isinstance(found, dict) else found)
    raise Drifted(f"the answer has no list of {' or '.join(keys)}")


def _check_success(success: Raw, message: Raw) -> None:
    if bytes(success) == b"true":
        return
    try:
        said = one_line(_TEXT.decode(message))
    except _BROKEN:
        said = ""
    raise Transient(f"the answer says that it failed: {said}" if said else "the answer says that it failed")


def _whole(raw: Raw) -> int | None:
    """A whole number as PHP may write it: `63`, `"63"` or `63.0`; None for anything else."""
    found = re.fullmatch(rb'"?([0-9]{1,15})(?:\.0+)?"?', bytes(raw))
    return int(found[1]) if found else None


def _key(item: Raw) -> str:
    """The id of a record, as text: `4`, `"4"` and `4.0` are one. Raises Unreadable when it has none."""
    try:
        value = _ID.decode(item).id
    except msgspec.ValidationError:
        raise Unreadable("is no object with an id") from None
    except _BROKEN:
        raise Unreadable("is not JSON") from None
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise Unreadable("has no id")
    key = str(value).strip()
    if not key or len(key) > LONGEST_ID or not key.isprintable():
        raise Unreadable("has no id" if not key else "has an id that cannot be one")
    return key
