"""Events to compose messages of: one of every type at least, about the records of the vendors' own samples."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
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
    yield news("overdue", "apimo.leads"), ""
    near = news("deadline-near", "adlead.purchases", option_expires_at="2026-11-22T10:00:00Z")
    near.data["of"] = {"field": "option_expires_at", "date": "2026-11-22T10:00:00Z"}  # type: ignore[index]
    yield near, ""
    yield news("lead-unanswered", "apimo.leads"), "a name of the user's own"
    yield Event("id", "summary", "/watcher", "crm", THEN, NOW, {"count": 37, "events": ["a", "b"]}, 44), ""


def _troubles() -> Iterator[tuple[Event, str]]:
    source, sink = "azur/apimo.leads/101", "sales"
    yield trouble("source-failing", source, "HTTP 403: the key is not accepted"), ""
    yield trouble("source-recovered", source, "HTTP 403", condition="source-failing", state="left"), ""
    yield trouble("source-recovered", source, "-", condition="source-silent", state="left"), "no longer silent"
    yield trouble("source-silent", source, "nothing new for 9 h, 12 are usual"), ""
    yield trouble("source-drifted", source, "`step` is missing from 200 of 200 records"), ""
    yield trouble("removals-held", source, "120 of 300 records are gone at once"), ""
    yield trouble("budget-low", "azur", "40 of 1000 requests left"), ""
    yield trouble("budget-low", "azur", "40 of 1000 requests left", state="left"), "left"
    yield trouble("sink-failing", sink, "HTTP 410 no_service"), ""
    yield trouble("sink-recovered", sink, "HTTP 410 no_service", condition="sink-failing", state="left"), ""
    yield trouble("store-failing", "store", "database or disk is full"), ""
