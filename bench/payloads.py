"""Answers of the vendors, made: any number of records, any share of them new, changed, removed, in another order.

Pure and deterministic: the same arguments make the same bytes. The shapes are the vendors' own, from the samples that
watcher tries rules on; dates are put back into the vendors' way of writing them.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from random import Random
from typing import Any

from watcher.streams.samples import SAMPLES

Record = dict[str, Any]

NAMES = ("FRIN", "MARTIN", "DUPONT", "LEFÈVRE", "O'NEIL", "PAGÈS")
WORDS = ("bonjour", "je", "voudrais", "visiter", "samedi", "est-il", "encore", "libre", "merci", "de", "me", "rappeler")
NEWEST = 1_777_127_512
"""Apimo's own time of its newest record, in Unix seconds."""


def _naive(value: Any) -> Any:
    """Dates as Apimo writes them: without a zone."""
    if isinstance(value, dict):
        return {name: _naive(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_naive(member) for member in value]
    if isinstance(value, str) and len(value) == 20 and value.endswith("Z") and value[10] == "T":
        return value[:-1].replace("T", " ")
    return value


def _text(luck: Random, most: int) -> str:
    return " ".join(luck.choices(WORDS, k=luck.randrange(3, most)))


def _lead(number: int, luck: Random) -> Record:
    name = luck.choice(NAMES)
    opened = luck.random() < 0.3
    return {
        "id": number,
        "reference": f"XYZ{number:07}",
        "lastname": name,
        "email": f"{name.lower()}{number}@example.com",
        "phone": f"+336{luck.randrange(10**8):08}",
        "fax": "",
        "mobile": "",
        "property": str(luck.randrange(10**6)),
        "contact": str(luck.randrange(10**7)),
        "criteria": {"category": "1", "price": {"min": "400000", "max": "450000"}},
        "opened": {"date": "2026-03-11 10:12:09", "user": "30"} if opened else None,
        "assigned": None,
        "closed": None,
        "message": _text(luck, 32),
        "created_at": f"2026-03-{luck.randrange(1, 29):02} 15:49:50",
        "updated_at": f"2026-04-{luck.randrange(1, 29):02} 16:31:52",
    }


def _contract(number: int, luck: Random) -> Record:
    price = luck.randrange(80_000, 900_000, 500)
    return {
        "id": number,
        "price": str(price),
        "price_net": price * 0.95,
        "commission": price * 0.05,
        "comment": _text(luck, 20),
        "updated_at": f"2026-04-{luck.randrange(1, 29):02} 16:31:52",
    }


def _purchase(number: int, luck: Random) -> Record:
    purchase = deepcopy(dict(SAMPLES["adlead.purchases"]))
    purchase["contacts"][0] |= {"id": number * 10, "name": luck.choice(NAMES), "email1": f"buyer{number}@example.com"}
    purchase["lots"][0] |= {"id": number, "reference": f"A{number}"}
    own = {"id": number, "lead_id": number + 7, "price_including_vat": luck.randrange(120_000, 700_000)}
    return purchase | own | {"cancellation_type": None, "canceled_at": None, "sale_deed_signed_at": None}


@dataclass(frozen=True, slots=True)
class Shape:
    """How a stream's records are made, which of their fields is changed, and to what."""

    make: Callable[[int, Random], Record]
    template: Mapping[str, Any]
    field: str
    change: Callable[[Any], Any]


SHAPES: Mapping[str, Shape] = {
    "leads": Shape(_lead, _naive(SAMPLES["apimo.leads"]), "message", lambda text: f"{text} merci d'avance"),
    "contracts": Shape(_contract, _naive(SAMPLES["apimo.contracts"]), "price", lambda price: str(int(price) + 1000)),
    "purchases": Shape(_purchase, {}, "price_including_vat", lambda price: price - 1000),
}


def records(stream: str, count: int, first: int = 170_001, seed: int = 1) -> list[Record]:
    """So many records of a stream (`leads`, `contracts`, `purchases`), by rising id."""
    shape = SHAPES[stream]
    return [
        {**shape.template, **shape.make(number, Random(seed * 10_000_019 + number))}
        for number in range(first, first + count)
    ]


@dataclass(frozen=True, slots=True)
class Turn:
    """What a list has become: the records as they are now, and the ids of those that are new, changed, removed."""

    records: list[Record]
    new: frozenset[str]
    changed: frozenset[str]
    removed: frozenset[str]


def turned(
    stream: str, before: Sequence[Record], *, new: int = 0, changed: int = 0, removed: int = 0, reordered: bool = False
) -> Turn:
    """What becomes of a list; the changed and the removed are spread evenly over it, no record is both.

    Every second change is back-dated: `updated_at` stays, so that whoever goes by it does not see the change.
    """
    chosen = _spread(len(before), changed + removed)
    gone = set(_spread(len(chosen), removed))
    lost = {place for number, place in enumerate(chosen) if number in gone}
    altered = [place for place in chosen if place not in lost]
    after = list(before)
    for number, place in enumerate(altered):
        after[place] = _changed(SHAPES[stream], after[place], back_dated=number % 2 == 1)
    kept = [record for place, record in enumerate(after) if place not in lost]
    first = max((int(record["id"]) for record in before), default=0) + 1
    born = records(stream, new, first)
    return Turn(
        [*born, *reversed(kept)] if reordered else [*kept, *born],
        _ids(born),
        _ids(before[place] for place in altered),
        _ids(before[place] for place in lost),
    )


def _spread(among: int, count: int) -> list[int]:
    """So many places, evenly spread over a list of that length."""
    if count > among:
        raise ValueError(f"{count} of {among}")
    return [place * among // count for place in range(count)]


def _changed(shape: Shape, record: Record, *, back_dated: bool) -> Record:
    moved = {} if back_dated else {"updated_at": "2026-04-30 08:00:00"}
    return {**record, shape.field: shape.change(record[shape.field]), **moved}


def _ids(chosen: Any) -> frozenset[str]:
    return frozenset(str(record["id"]) for record in chosen)


# ------------------------------------------------------------------------------------------------------------ bytes


def page(stream: str, some: Sequence[Record], total: int | None = None) -> bytes:
    """The answer that has these records, of `total` in the whole list."""
    total = len(some) if total is None else total
    if stream == "purchases":
        raise ValueError("Adlead's pages are numbered: see `pages`")
    return _bytes({stream: some, "total_items": total, "timestamp": NEWEST})


def pages(stream: str, some: Sequence[Record]) -> dict[str, bytes]:
    """All answers that a list takes, by the offset (Apimo, 10,000 a page) or page number (Adlead, 100 a page) asked for."""
    if stream != "purchases":
        return {
            str(start): page(stream, some[start : start + 10_000], len(some))
            for start in range(0, max(len(some), 1), 10_000)
        }
    last = max(1, -(-len(some) // 100))
    return {
        str(number): _bytes(
            {
                "success": True,
                "message": None,
                "data": some[(number - 1) * 100 : number * 100],
                "meta": {"current_page": number, "last_page": last, "per_page": 100, "total": len(some)},
            }
        )
        for number in range(1, last + 1)
    }


def other_bytes(some: Sequence[Record]) -> list[Record]:
    """The same records, each with its fields in the opposite order: other bytes, the same meaning."""
    return [dict(reversed(record.items())) for record in some]


def squeezed(body: bytes) -> bytes:
    """A body as it goes over the wire."""
    return gzip.compress(body, 6, mtime=0)


def _bytes(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
