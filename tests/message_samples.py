"""Events to compose messages of: one of every type at least, about the records of the vendors' own samples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from watcher.model import Event

NOW = datetime(2026, 11, 21, 10, 2, 31, tzinfo=UTC)
THEN = NOW - timedelta(minutes=3)

LEAD: dict[str, Any] = {
    "id": "170384",
    "parent": None,
    "provider": "9999",
    "type": "1",
    "step": "1",
    "date": "2026-11-21T09:58:00Z",
    "reference": "XYZ0001",
    "lastname": "FRIN",
    "firstname": "Marc",
    "email": "marc.frin@example.fr",
    "phone": "+33 6 12 34 56 78",
    "fax": None,
    "mobile": None,
    "language": "fr",
    "property": "123456",
    "contact": "4942871",
    "request": None,
    "user": None,
    "message": "Bonjour, l'appartement est-il encore libre ?\nJe suis joignable le soir.",
    "criteria": {
        "category": "1",
        "area": {"min": 80, "max": 120},
        "room": {"min": 3, "max": None},
        "price": {"min": 400000, "max": 450000, "currency": "EUR"},
        "types": ["1", "2"],
        "cities": ["Antibes", "Cannes"],
    },
    "created_at": "2026-11-21T09:59:31Z",
    "updated_at": "2026-11-21T09:59:31Z",
}
CONTRACT: dict[str, Any] = {
    "id": "1234",
    "step": "2",
    "agency": "101",
    "property": "123456",
    "currency": "EUR",
    "price": 350000,
    "price_net": 332500,
    "commission": 17500,
    "vat": 2916.67,
    "vat_rate": 20,
    "deposit": 17500,
    "offer_at": "2026-07-30",
    "commitment_at": "2026-08-15",
    "condition_precedent_at": "2026-10-15",
    "contract_scheduled_at": "2026-11-21T13:30:00Z",
    "contract_at": None,
    "collected_at": None,
    "contacts": [{"contact": "4942871", "type": "1"}],
    "entries": [{"id": "12", "user": "7", "amount": 8750, "type": "9"}],
    "comment": "Vendeur pressé, divorce en cours",
    "updated_at": "2026-11-21T09:59:31Z",
}
LOT: dict[str, Any] = {
    "id": "41",
    "reference": "A313",
    "is_primary": True,
    "type": "apartment",
    "type_display": "Appartement",
    "typology": "T3",
    "typology_display": "3 pièces",
    "vat_rate": 20,
    "discount_including_vat": None,
    "price_excluding_vat": 157401.67,
    "price_including_vat": 188882,
    "discounted_price_including_vat": 188882,
    "status": "booked",
    "status_display": "Réservé",
}
PARKING: dict[str, Any] = {
    "id": "52",
    "reference": "P12",
    "is_primary": False,
    "type": "parking",
    "typology": "underground",
    "typology_display": "Sous-sol",
    "price_including_vat": 15000,
    "status": "reserved-by-hand",
    "status_display": "Bloqué",
}
PURCHASE: dict[str, Any] = {
    "id": "4",
    "lead_id": "88",
    "owner": {"id": "1", "fullname": "Jean Dupont", "shortname": "J. Dupont", "email": "jean.dupont@promoteur.fr"},
    "deposit_amount": 3000,
    "price_including_vat": 188882,
    "cancellation_type": None,
    "contacts": [{"id": "111", "name": "Durand", "firstname": "Tristan", "email1": "michele86@example.com"}],
    "lots": [LOT],
    "option_expires_at": None,
    "booking_contract_signed_at": "2026-08-15",
    "withdrawal_period_expires_at": "2026-08-29",
    "notary_appointment_set_at": "2026-11-28T10:00:00Z",
    "sale_deed_signed_at": None,
    "canceled_at": None,
    "status": "notary-appointment-set",
    "updated_at": "2026-11-21T09:59:31Z",
}
LINK = "https://crm.adlead.immo/client-a/programs/1/contact-management/leads/88"

_STREAMS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "apimo.leads": ("azur", "101", LEAD),
    "apimo.contracts": ("azur", "101", CONTRACT),
    "adlead.purchases": ("riviera", "1", PURCHASE),
}


def news(kind: str, stream: str, changes: dict[str, tuple[Any, Any]] | None = None, **fields: Any) -> Event:
    """An event about a stream's sample record; what changed is put into the record, and so are `fields`."""
    account, partition, sample = _STREAMS[stream]
    told = {path: {"from": was, "to": now} for path, (was, now) in (changes or {}).items()}
    now = {path: change["to"] for path, change in told.items() if path in sample or path.isidentifier()}
    record = {**sample, **now, **fields}
    data = {"account": account, "stream": stream, "partition": partition, "version": 2, "change": "c"}
    data |= {"changes": told, "record": record}
    if stream == "adlead.purchases":
        data["link"] = LINK
    name = f"/{account}/{stream}/{partition}"
    return Event("7c1f8f0e-7b8e-5c57-8d0e-2f6d6a3f0a11", kind, name, record["id"], THEN, NOW, data, 42)


def trouble(kind: str, subject: str, detail: str, *, condition: str = "", state: str = "entered") -> Event:
    """An operational event."""
    data = {"condition": condition or kind, "state": state, "since": "2026-11-21T07:47:31Z", "detail": detail}
    return Event("0b6a3f0e-7b8e-5c57-8d0e-2f6d6a3f0a11", kind, "/watcher", subject, THEN, NOW, data, 43)


def samples() -> Iterator[tuple[str, Event]]:
    """Every sample event with its name, in the order of the catalogue."""
    yield from ((event.type if not more else f"{event.type} ({more})", event) for event, more in _all())


def _all() -> Iterator[tuple[Event, str]]:
    yield from _leads()
    yield from _contracts()
    yield from _purchases()
    yield from _others()
    yield from _troubles()


def _leads() -> Iterator[tuple[Event, str]]:
    leads = "apimo.leads"
    opened = {"date": "2026-11-21T09:59:00Z", "user": "7"}
    nobody = {"lastname": None, "firstname": None, "email": None, "phone": None, "message": None, "criteria": None}
    yield news("new-lead", leads, {name: (None, value) for name, value in LEAD.items()}), ""
    yield news("new-lead", leads, parent="170001"), "a duplicate"
    yield news("new-lead", leads, **nobody), "with nothing but a reference"
    yield news("lead-opened", leads, {"opened": (None, opened)}), ""
    yield news("lead-assigned", leads, {"assigned": (None, opened), "user": (None, "7")}), ""
    yield news("lead-closed", leads, {"closed": (None, {"date": "2026-11-21"})}), ""
    yield news("lead-reassigned", leads, {"user": ("7", "9"), "assigned.user": ("7", "9")}), ""
    yield news("lead-reopened", leads, {"closed": ({"date": "2026-11-20", "user": "7"}, None)}), ""
    yield news("lead-step-changed", leads, {"step": ("1", "2")}), ""
    erased = {"lastname": ("FRIN", None), "email": ("marc.frin@example.fr", None)}
    changed = {"phone": ("+33 6 12 34 56 78", "+33 6 87 65 43 21"), "criteria.price.max": (450000, 500000)}
    yield news("lead-updated", leads, changed), ""
    yield news("lead-updated", leads, erased), "erased upstream"
    yield news("lead-updated", leads, {"phone": ("***", "***")}), "a withheld field"
    yield news("lead-removed", leads), ""


def _contracts() -> Iterator[tuple[Event, str]]:
    contracts = "apimo.contracts"
    yield news("new-contract", contracts), ""
    yield news("contract-offer-made", contracts, {"offer_at": (None, "2026-11-20")}), ""
    yield news("contract-committed", contracts, {"commitment_at": (None, "2026-11-20")}), ""
    yield news("contract-scheduled", contracts, {"contract_scheduled_at": (None, "2026-12-01T13:30:00Z")}), ""
    yield news("contract-signed", contracts, {"contract_at": (None, "2026-11-21")}), ""
    yield news("contract-signed", contracts, contract_at="2026-11-21"), "on its day"
    yield news("contract-collected", contracts, {"collected_at": (None, "2026-11-21")}), ""
    moved = {"contract_scheduled_at": ("2026-11-21T13:30:00Z", "2026-12-01T14:00:00Z")}
    yield news("contract-rescheduled", contracts, moved), ""
    yield news("contract-rescheduled", contracts, {"contract_scheduled_at": ("2026-11-21T13:30:00Z", None)}), "emptied"
    yield news("contract-condition-dated", contracts, {"condition_precedent_at": ("2026-10-15", "2026-12-15")}), ""
    amounts = {"price": (360000, 350000), "vat_rate": (5.5, 20), "entries[12].amount": (9000, 8750)}
    yield news("contract-amount-changed", contracts, {**amounts, "currency": ("CHF", "EUR")}), ""
    yield news("contract-step-changed", contracts, {"step": ("2", "4")}), ""
    yield news("contract-reverted", contracts, {"contract_at": ("2026-11-20", None)}), ""
    private = {"comment": ("Vendeur pressé", "Divorce"), "contacts[55]": (None, {"contact": "55", "type": "2"})}
    yield news("contract-updated", contracts, {**private, "legal_notice_at": (None, "2026-12-01")}), ""
    yield news("contract-removed", contracts), ""


def _purchases() -> Iterator[tuple[Event, str]]:
    def to(kind: str, status: str, was: str, **changes: Any) -> Event:
        told = {"status": (was, status), **{name: (None, value) for name, value in changes.items()}}
        return news(kind, "adlead.purchases", told)

    noon = "2026-11-21T10:00:00Z"
    yield news("new-purchase", "adlead.purchases", status="pre-booked", lots=[PARKING, LOT]), ""
    confirmed = {"pre_booking_confirmed_at": noon, "option_expires_at": "2026-11-23T10:00:00Z"}
    yield to("purchase-pre-booked", "pre-booked", "pending-pre-booking", **confirmed), ""
    yield to("purchase-booked", "booked", "pre-booked", booking_contract_signed_at="2026-11-21"), ""
    ends = {"withdrawal_period_expires_at": "2026-12-02"}
    yield to("purchase-withdrawal-started", "withdrawal-period", "booked", **ends), ""
    yield to("purchase-awaiting-funding", "awaiting-funding", "withdrawal-period"), ""
    yield to("purchase-notary-to-schedule", "notary-appointment-to-be-set", "awaiting-funding"), ""
    at = {"notary_appointment_set_at": "2026-12-01T08:30:00Z"}
    yield to("purchase-notary-scheduled", "notary-appointment-set", "notary-appointment-to-be-set", **at), ""
    yield to("purchase-signed", "signed", "notary-appointment-set", sale_deed_signed_at="2026-11-21"), ""
    reason = {"canceled_at": noon, "cancellation_type": "funding-refused"}
    yield to("purchase-canceled", "canceled", "notary-appointment-set", **reason), ""
    yield to("purchase-canceled", "canceled", "booked", canceled_at=noon), "no reason given"
    yield from _purchase_details()


def _purchase_details() -> Iterator[tuple[Event, str]]:
    purchases = "adlead.purchases"
    moved = {"notary_appointment_set_at": ("2026-11-28T10:00:00Z", "2026-12-05T09:00:00Z")}
    yield news("purchase-notary-rescheduled", purchases, moved), ""
    yield news("purchase-option-dated", purchases, {"option_expires_at": (None, "2026-11-23T10:00:00Z")}), ""
    prices = {"price_including_vat": (192000, 188882.5), "deposit_amount": (0, 3000), "vat_rate": (20, 5.5)}
    yield news("purchase-price-changed", purchases, prices), ""
    lots = {"lots[41].status": ("available", "booked"), "lots[52]": (None, PARKING), "lots[9]": ({**LOT, "id": "9",
            "reference": "A314"}, None), "lots[41].is_primary": (False, True)}  # fmt: skip
    yield news("purchase-lots-changed", purchases, lots, lots=[LOT, PARKING]), ""
    buyers = {"contacts[111].email1": ("a@example.fr", "b@example.fr"), "contacts[111].marital_status": ("a", "civil"),
              "contacts[112]": (None, {"id": "112", "name": "Pages"}), "contacts[99]": ({"name": "X"}, None)}  # fmt: skip
    yield news("purchase-buyers-changed", purchases, buyers), ""
    yield news("purchase-status-changed", purchases, {"status": ("booked", "under-review")}), ""
    back = {"status": ("canceled", "booked"), "canceled_at": ("2026-11-20T10:00:00Z", None)}
    yield news("purchase-reverted", purchases, {**back, "cancellation_type": ("other", None)}), ""
    yield news("purchase-updated", purchases, {"owner.fullname": ("Anne Roy", "Jean Dupont")}), ""
    yield news("purchase-removed", purchases), ""


def _others() -> Iterator[tuple[Event, str]]:
    yield news("record-reappeared", "adlead.purchases", {"price_including_vat": (190000, 188882)}), ""
    yield from _overdue()
    yield from _deadlines()
    yield from _summaries()


def timed(kind: str, about: Event, **data: Any) -> Event:
    """An event of a timer, about the record of another."""
    return replace(about, type=kind, time=NOW - timedelta(seconds=31), data={**about.data, "changes": {}, **data})


def _overdue() -> Iterator[tuple[Event, str]]:
    of = {"of": "7c1f8f0e-7b8e-5c57-8d0e-2f6d6a3f0a11", "rule": "leads sans réponse"}
    quarter = {"created_at": "2026-11-21T09:47:31Z", "updated_at": "2026-11-21T09:47:31Z"}
    lead = news("new-lead", "apimo.leads", **quarter)
    yield timed("overdue", lead, **of), ""
    yield timed("lead-unanswered", lead, **of), "a name of the user's own"
    hours = {"created_at": "2026-11-21T07:02:31Z", "opened": {"date": "2026-11-21T08:00:00Z", "user": "7"}}
    yield timed("overdue", news("new-lead", "apimo.leads", **hours), **of, late=True), "late, of an opened lead"
    since = {"since": "2026-11-11T10:00:00Z", "on": "purchase-booked"}
    yield timed("overdue", news("purchase-booked", "adlead.purchases"), **of, **since), "of a purchase"
    yield timed("contract-stuck", news("contract-offer-made", "apimo.contracts"), **of), "of a contract"
    lasting = trouble("source-failing", "azur/apimo.leads/101", "no answer: time-out")
    yield timed("overdue", lasting, **of), "of a trouble that lasts"


def _deadlines() -> Iterator[tuple[Event, str]]:
    def near(kind: str, stream: str, field: str, date: str, **data: Any) -> Event:
        of = {"of": {"field": field, "date": date}, "rule": "échéances"}
        return timed(kind, news("x", stream, **{field: date}), **of, **data)

    purchases, contracts = "adlead.purchases", "apimo.contracts"
    yield near("deadline-near", purchases, "option_expires_at", "2026-11-22T10:02:00Z"), ""
    yield near("option-expiring", purchases, "option_expires_at", "2026-11-22T10:02:00Z"), "a name of the user's own"
    yield near("deadline-near", purchases, "withdrawal_period_expires_at", "2026-11-22"), "of a day, tomorrow"
    yield near("deadline-near", contracts, "condition_precedent_at", "2026-12-15"), "of a contract"
    soon = near("deadline-near", contracts, "contract_scheduled_at", "2026-11-21T11:30:00Z", late=True)
    yield soon, "late"
    yield near("deadline-near", purchases, "option_expires_at", "2026-11-21T08:00:00Z", late=True), "late, and passed"
    yield near("deadline-near", purchases, "option_expires_at", "2026-11-19", late=True), "of a day that has passed"


def summary(why: str, types: dict[str, int], shown: Iterable[Event] = (), **data: Any) -> Event:
    """A summary of so many events; its members are those `shown`, and others that are not."""
    ids = []
    for event in shown:
        ids.append(f"member-{next(_NUMBERS)}")
        _MEMBERS[ids[-1]] = replace(event, id=ids[-1])
    total = sum(types.values())
    ids += (f"other-{number}" for number in range(len(ids), total))
    told = {"count": total, "events": ids, "types": types, "why": why, "rule": "ventes", "sink": "sales"}
    told |= {"bundle": "", "since": "2026-11-20T18:30:00Z", **data}
    return Event("5d0b4c1e-7b8e-5c57-8d0e-2f6d6a3f0a11", "summary", "/watcher", "ventes", NOW, NOW, told, 44)


_MEMBERS: dict[str, Event] = {}
_NUMBERS = count(1)


def members(event: Event) -> tuple[Event, ...]:
    """The first events that a sample summary tells of."""
    return tuple(_MEMBERS[name] for name in event.data.get("events", ()) if name in _MEMBERS)


def _summaries() -> Iterator[tuple[Event, str]]:
    lead, yesterday = news("new-lead", "apimo.leads"), news("new-lead", "apimo.leads", firstname="Léa", lastname="ROY")
    yesterday = replace(yesterday, time=NOW - timedelta(hours=16))
    booked = news("purchase-booked", "adlead.purchases")
    stuck = timed("overdue", lead, of="x")
    down = trouble("source-failing", "azur/apimo.leads/101", "HTTP 500")
    yield summary("group", {"new-lead": 10, "purchase-booked": 2}, [yesterday, lead, booked]), "a group"
    yield summary("group", {"new-lead": 2}, [yesterday, lead]), "a group of one kind"
    many = {"new-lead": 1480, "lead-updated": 12, "purchase-booked": 3, "lead-unanswered": 2, "purchase-canceled": 2,
            "contract-signed": 1, "contract-reverted": 1, "source-failing": 1}  # fmt: skip
    yield summary("digest", many, [lead, booked, stuck, down]), "a digest"
    yield summary("flood", {"new-lead": 480}, [lead] * 25), "a flood"
    yield summary("throttle", {"new-lead": 9, "lead-updated": 1}), "a throttle, without members"
    silence = {"number": 3, "author": "Anne Roy", "comment": "maintenance Slack"}
    yield summary("silence", {"new-lead": 3, "sink-failing": 1}, [lead], silence=silence), "a silence"
    yield summary("silence", {"new-lead": 1}, silence={"number": 4}), "a silence without a comment"
    yield summary("hours", {"new-lead": 2, "purchase-canceled": 1}, [yesterday, lead]), "of the night"


def _troubles() -> Iterator[tuple[Event, str]]:
    source, sink = "azur/apimo.leads/101", "sales"
    yield trouble("source-failing", source, "HTTP 403: the key is not accepted"), ""
    yield trouble("source-failing", source, "no answer: time-out"), "time-out"
    yield trouble("source-recovered", source, "HTTP 403", condition="source-failing", state="left"), ""
    yield trouble("source-recovered", source, "-", condition="source-silent", state="left"), "no longer silent"
    yield trouble("source-silent", source, "not read since 2026-11-21T08:41:00Z: no answer: time-out"), ""
    quiet = "nothing came between 10:00 and 11:00; on the 8 Tuesdays before, 4 to 11 changes did"
    yield trouble("source-silent", source, quiet, condition="source-quiet"), "nothing comes"
    yield trouble("source-recovered", source, quiet, condition="source-quiet", state="left"), "something comes again"
    drift = "phone is no text; step is missing from 200 records at once, or empty"
    yield trouble("source-drifted", source, drift), ""
    gone = f"120 records are missing at once; `watcher confirm {source}` if they are really gone"
    yield trouble("removals-held", source, gone), ""
    left = ("40 of 1000 requests are left until midnight in Paris, too few for the intervals: leads wait as long as usual, "
            "the others 4.0 times as long; see `watcher plan`")  # fmt: skip
    yield trouble("budget-low", "azur", left), ""
    yield trouble("budget-low", "azur", left, state="left"), "left"
    paused = f"paused: HTTP 410 no_service: it is gone for good: put in a new address; mend it, then `watcher sink test {sink}`"
    yield trouble("sink-failing", sink, paused), ""
    yield trouble("sink-recovered", sink, paused, condition="sink-failing", state="left"), ""
    full = "watcher.db cannot be used for now: database or disk is full"
    yield trouble("store-failing", "store", full), ""
