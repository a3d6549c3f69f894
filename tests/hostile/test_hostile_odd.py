"""What looks odd upstream and is not: each is told as often as it means something, mostly never, and nobody is alarmed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from attack import CONTRACTS, FIGURES, LEADS, PURCHASES, Kind, Scene, run


@dataclass(frozen=True)
class Odd:
    """A record as it was, what becomes of it and why, and what is told of that; what is in `drop` goes."""

    name: str
    why: str
    kind: Kind
    was: Mapping[str, Any]
    now: Mapping[str, Any]
    told: tuple[str, ...] = ()
    drop: tuple[str, ...] = field(default=())


def _dates(name, why, *values):
    """One date of a contract in one spelling after the other, all of which mean the same."""
    return [
        Odd(f"{name}: {now!r}", why, CONTRACTS, {"offer_at": was}, {"offer_at": now}) for was, now in pairwise(values)
    ]


LOT = {"id": 5, "reference": "A1", "status": "option", "status_display": "En option", "type_display": "Appartement"}
PEOPLE = [{"contact": "1", "type": "1"}, {"contact": "2", "type": "2"}]

ODD = (
    # ----------------------------------------------------------------------------------------------------- dates
    *_dates("no date", "MySQL's and PHP's ways of saying none", None, "", "0000-00-00", "0000-00-00 00:00:00", "0", 0, False,
            "2026-00-00", "2026-11-00 00:00:00", "-0001-11-30 00:00:00", None),
    *_dates("a spring hour", "it does not exist, and moves on", "2026-03-29 02:30:00", "2026-03-29 03:30:00"),
    *_dates("an autumn hour", "it comes twice; the first is meant", "2026-10-25 02:30:00", "2026-10-25 02:30", "2026-10-25T00:30:00Z"),
    *_dates("a day", "a date, and its midnight in Paris", "2026-11-20", "2026-11-20 00:00:00", "2026-11-19T23:00:00.000000Z"),
    *_dates("an instant", "in two zones and three spellings", "2026-11-20 10:00:00", "2026-11-20T09:00:00Z", "2026-11-20T10:00:00+01:00"),
    Odd("in the odd hour", "an offer at half past two of the night that is an hour longer", CONTRACTS, {"offer_at": None},
        {"offer_at": "2026-10-25 02:30:00"}, ("contract-offer-made",)),
    Odd("the opening, empty", "an object with nothing in it", LEADS, {"opened": None}, {"opened": {"date": None, "user": None}}),
    Odd("the opening, PHP", "an empty object of PHP's", LEADS, {"opened": None}, {"opened": []}),
    Odd("the opening, an object", "a date becomes an object, as their OpenAPI says", LEADS, {"opened": "2026-11-20 10:00:00"},
        {"opened": {"date": "2026-11-20 10:00:00", "user": None}}),
    Odd("a Paris midnight", "a date typed in by hand, in UTC", PURCHASES, {"sale_deed_signed_at": "2026-11-10"},
        {"sale_deed_signed_at": "2026-11-09T23:00:00.000000Z"}),
    # --------------------------------------------------------------------------------------------------- spellings
    Odd("money as text", "PHP's decimals", CONTRACTS, {"price": 300000}, {"price": "300000.00"}),
    Odd("money to the tenth of a cent", "a float of theirs", CONTRACTS, {"vat": 157401.67}, {"vat": 157401.669999}),
    Odd("nothing as text", "0 is an amount", CONTRACTS, {"vat": 0}, {"vat": "0.00"}),
    Odd("a code as a number", "`4`, as in the specification", CONTRACTS, {"step": "4"}, {"step": 4}),
    Odd("a code as a fraction", "4.0, as Lua writes it", CONTRACTS, {"step": "4"}, {"step": 4.0}),
    Odd("empty for null", "PHP's ways of saying nothing", LEADS, {"fax": None, "message": None}, {"fax": "", "message": ""}),
    Odd("null for empty", "PHP's ways of saying nothing", LEADS, {"fax": "", "request": ""}, {"fax": None, "request": None}),
    Odd("in another order", "no order was promised", CONTRACTS, {"contacts": PEOPLE}, {"contacts": PEOPLE[::-1]}),
    Odd("with gaps", "PHP writes a list with gaps as an object", CONTRACTS, {"contacts": PEOPLE}, {"contacts": {"0": PEOPLE[0], "2": PEOPLE[1]}}),
    Odd("no list for none", "null for an empty list", CONTRACTS, {"entries": []}, {"entries": None}),
    Odd("in British", "cancelled, canceled", PURCHASES, {"status": "canceled"}, {"status": "cancelled"}),
    # ------------------------------------------------------------------------------------------------- not watched
    Odd("touched", "a bulk job moves `updated_at`", LEADS, {}, {}),
    Odd("touched, Adlead", "a bulk job moves `updated_at`", PURCHASES, {}, {}),
    Odd("born again", "`created_at` is moved", LEADS, {}, {"created_at": "2026-01-01 00:00:00"}),
    Odd("a new field", "the vendor adds something", PURCHASES, {}, {"score": {"of": [1, 2]}}),
    Odd("a new field, with a NUL", "the vendor adds something odd", LEADS, {}, {"score": "a\0b"}),
    Odd("texts for people", "`*_display` in another language", PURCHASES, {"lots": [LOT]},
        {"lots": [LOT | {"status_display": "Optioned", "type_display": "Flat"}]}),
    # ------------------------------------------------------------------------------------------------ there or not
    Odd("left out", "empty fields are left out", LEADS, {"message": None}, {}, drop=("message", "language", "fax")),
    Odd("left out, a date", "what is empty may be absent", CONTRACTS, {"offer_at": "2026-11-01 10:00:00"}, {}, drop=("offer_at",)),
    Odd("come to light", "an old date that could not be seen before", CONTRACTS, {}, {"legal_notice_at": "2026-01-05 10:00:00"}),
    Odd("come about", "a date that appears when it happens", LEADS, {}, {"opened": "2026-11-21 13:30:00"}, ("lead-opened",)),
    # --------------------------------------------------------------------------------------- odd, and meant all the same
    Odd("erased", "somebody asked to be forgotten", LEADS, {"lastname": "MARTIN", "firstname": "Jean", "email": "jean@example.com"},
        {"lastname": None, "firstname": None, "email": None, "phone": None, "mobile": None}, ("lead-updated",)),
    Odd("an unknown status", "the vendor adds one", PURCHASES, {"status": "booked"}, {"status": "frozen-by-the-bank"}, ("purchase-status-changed",)),
    Odd("a status null", "a status undone by hand", PURCHASES, {"status": "booked"}, {"status": None}, ("purchase-status-changed",)),
    Odd("a known one again", "after one that is unknown", PURCHASES, {"status": "frozen-by-the-bank"}, {"status": "pending-pre-booking"},
        ("purchase-status-changed",)),
    Odd("a date to come", "typed in beforehand", CONTRACTS, {"contract_at": None}, {"contract_at": "2026-12-24 10:00:00"}, ("contract-updated",)),
    Odd("a name with everything in it", "people's names are strange", LEADS, {"lastname": "X"},
        {"lastname": "<b>'; DROP TABLE records;--\0\u202e\U0001f389 {{ 7*7 }}"}, ("lead-updated",)),
)  # fmt: skip


@pytest.mark.parametrize("odd", [pytest.param(odd, id=odd.name) for odd in ODD])
def test_what_looks_odd_is_told_as_often_as_it_means_something(odd, place):
    """A record is respelled, touched or changed: that is told once if it means anything, and no trouble is seen."""
    run(_happens(odd, place))


async def _happens(odd, directory):
    FIGURES.add(oddities=1)
    async with Scene.open(odd.kind, directory, records=8) as scene:
        one = scene.ids[3]
        scene.patch(one, dict(odd.was))
        await scene.poll()
        assert await scene.poll() == []
        scene.patch(one, dict(odd.now), drop=odd.drop)
        assert await scene.poll() == [(event, one) for event in odd.told]
        assert await scene.poll() == []
        assert await scene.poll() == []
        assert await scene.store.conditions() == ()
        if not odd.drop:
            assert scene.snapshot() == scene.upstream()


def test_a_field_that_all_records_gain_is_no_news(place):
    """A right was granted: sixty records carry a field that none had, and nobody is told, nor when more changes."""
    run(_granted(place))


async def _granted(directory):
    async with Scene.open(CONTRACTS, directory) as scene:
        for one in scene.ids:
            scene.patch(one, {"legal_notice_at": "2026-11-21 13:30:00"})
        assert await scene.poll() == []
        told = scene.change(scene.victim)
        assert await scene.poll() == [told]
        assert await scene.poll() == []
        assert scene.snapshot() == scene.upstream()
