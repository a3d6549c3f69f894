"""One plausible record of each stream, as the vendors' own samples have them, with a value in every described field.

What is written about records (a rule's condition, a template) is tried on these before it is used. Pure.
"""

from collections.abc import Callable, Mapping
from typing import Any

from watcher.model import Body
from watcher.streams.canonical import TEXT, Keyed, Kind, Object, Stamp, Values
from watcher.streams.stream import Stream

LEAD: Body = {
    "id": "170384",
    "agency": "101",
    "parent": "170201",
    "provider": "9999",
    "type": "1",
    "step": "1",
    "date": "2026-11-21T09:58:00Z",
    "reference": "XYZ0001",
    "lastname": "FRIN",
    "firstname": "Marc",
    "email": "marc.frin@example.fr",
    "phone": "+33 6 12 34 56 78",
    "fax": "+33 4 93 12 34 56",
    "mobile": "+33 6 12 34 56 79",
    "language": "fr",
    "property": "123456",
    "contact": "4942871",
    "request": "51234",
    "user": "30",
    "opened": {"date": "2026-11-21T10:12:09Z", "user": "30"},
    "assigned": {"date": "2026-11-21T10:14:30Z", "user": "30"},
    "closed": {"date": "2026-12-04T16:31:52Z", "user": "30"},
    "message": "Bonjour, l'appartement est-il encore libre ? Je suis joignable le soir.",
    "criteria": {
        "category": "1",
        "area": {"min": 80, "max": 120},
        "room": 3,
        "bedroom": 2,
        "price": {"min": 400000, "max": 450000, "currency": "EUR"},
        "types": ["1", "2"],
        "subtype": "5",
        "cities": ["Antibes", "Cannes"],
        "locations": ["1205"],
    },
    "created_at": "2026-11-21T09:59:31Z",
    "updated_at": "2026-12-04T16:31:52Z",
}

CONTRACT: Body = {
    "id": "5117",
    "step": "4",
    "agency": "101",
    "property": "881234",
    "currency": "EUR",
    "price": 350000,
    "price_net": 330000,
    "commission": 20000,
    "commission_agency": 20000,
    "commission_owner": 15000,
    "commission_customer": 5000,
    "vat": 3333.33,
    "vat_rate": 20,
    "deposit": 17500,
    "project_at": "2026-06-28",
    "offer_at": "2026-07-01",
    "commitment_at": "2026-07-20",
    "condition_precedent_at": "2026-09-20",
    "contract_scheduled_at": "2026-10-15T08:30:00Z",
    "contract_at": "2026-10-15",
    "collected_at": "2026-10-22",
    "legal_notice_at": "2026-07-21",
    "contacts": [{"contact": "4942870", "type": "2"}, {"contact": "4942871", "type": "1"}],
    "entries": [
        {"id": "1", "user": "30", "amount": 12000, "vat": 2400, "vat_rate": 20, "type": "9"},
        {"id": "2", "user": "31", "amount": 8000, "vat": 1600, "vat_rate": 20, "type": "9"},
    ],
    "comment": "Vendeurs absents en août",
    "created_at": "2026-06-30T07:00:00Z",
    "updated_at": "2026-10-22T16:02:11Z",
}

PURCHASE: Body = {
    "id": "4",
    "lead_id": "88",
    "owner": {
        "id": "1",
        "fullname": "Jean Dupont",
        "shortname": "J. Dupont",
        "email": "jean.dupont@promoteur.fr",
    },
    "vat_rate": 20,
    "deposit_amount": 3000,
    "price_including_vat": 188882,
    "cancellation_type": "funding-refused",
    "contacts": [
        {
            "id": "111",
            "title": "mr",
            "title_display": "Monsieur",
            "name": "Durand",
            "firstname": "Tristan",
            "email1": "michele86@example.com",
            "email2": "roger30@example.net",
            "phone1": "+33632342298",
            "phone2": "+33136542298",
            "city": "Lyon",
            "zipcode": "69002",
            "country": "FR",
            "address1": "11, boulevard Barbier",
            "address2": "Bâtiment B",
            "legal_entity": False,
            "legal_status": "SARL",
            "company_name": "Durand & fils",
            "company_siret": "80295478500028",
            "resides_since": 2018,
            "optin_email": False,
            "optin_phone": True,
            "optin_sms": False,
            "birthdate": "1994-03-04",
            "birthplace": "Fleuryboeuf",
            "nationality": "FR",
            "marital_status": "civil",
            "marital_status_display": "Pacsé(e)",
            "profession": "Artisan",
            "vehicles": 3,
            "children": 2,
            "primary_residence": "owner",
            "primary_residence_display": "Propriétaire",
            "own_secondary_residence": True,
            "first_time_homeowner": False,
            "has_already_invested": True,
            "has_already_invested_comment": "Un studio à Lyon",
            "bank_name": "Crédit Agricole",
            "insurance_name": "Société Générale",
            "has_broker": True,
            "updated_at": "2020-09-04T10:19:58Z",
        },
    ],
    "lots": [
        {
            "id": "41",
            "reference": "A313",
            "is_primary": True,
            "type": "apartment",
            "type_display": "Appartement",
            "typology": "T3",
            "typology_display": "3 pièces",
            "subtype": "duplex",
            "subtype_display": "Duplex",
            "vat_rate": 20,
            "discount_including_vat": 2000,
            "price_excluding_vat": 157401.67,
            "price_including_vat": 190882,
            "discounted_price_including_vat": 188882,
            "status": "booked",
            "status_display": "Réservé",
            "updated_at": "2020-09-04T10:20:04Z",
        },
    ],
    "option_expires_at": "2020-08-12T16:00:00Z",
    "pre_booking_confirmed_at": "2020-08-10T09:30:00Z",
    "booking_contract_signed_at": "2020-08-15T04:00:00Z",
    "withdrawal_period_expires_at": "2020-08-29T04:00:00Z",
    "notary_appointment_set_at": "2020-10-28T21:00:00Z",
    "sale_deed_signed_at": "2020-10-28T22:15:00Z",
    "canceled_at": "2020-11-02T10:00:00Z",
    "status": "notary-appointment-set",
    "status_display": "Rendez-vous notaire fixé",
    "updated_at": "2020-09-04T10:20:04Z",
}

_ROOMS: Mapping[str, Any] = {"room": {"min": 3, "max": 5}, "bedroom": {"min": 2, "max": 3}}

SAMPLES: Mapping[str, Body] = {"apimo.leads": LEAD, "apimo.contracts": CONTRACT, "adlead.purchases": PURCHASE}
"""A record of each stream, by the stream's name. Everything is set, so no one record ever looks quite like it."""

OTHER_FORMS: Mapping[str, tuple[Body, ...]] = {
    "apimo.leads": ({**LEAD, "criteria": {**LEAD["criteria"], **_ROOMS}},),
}
"""The same where a vendor's description leaves open which form a field has: rooms wanted, as a number or a range."""

_ANY: tuple[Any, ...] = ("1", "2026-11-21T09:58:00Z", 1, True)
"""Values of which every kind takes one: codes and numbers the first, dates the second."""


def samples_of(stream: Stream) -> tuple[Body, ...]:
    """Records of a stream in all their forms; made up from its description where no vendor's sample is at hand."""
    if stream.name in SAMPLES:
        return (SAMPLES[stream.name], *OTHER_FORMS.get(stream.name, ()))
    return (_made_up(stream.record),)


def _made_up(kind: Kind, name: str = "") -> Any:
    match kind:
        case Object(fields, unwatched):
            return {name: _made_up(inner, name) for name, inner in {**fields, **unwatched}.items()}
        case Keyed(item):
            return [{"id": "1", **_made_up(item)}]
        case Stamp():
            return {"date": "2026-11-21T09:58:00Z", "user": "30"}
        case Values(read):
            return [_accepted(read)]
    return name if kind is TEXT else _accepted(kind.read)


def _accepted(read: Callable[[Any], Any]) -> Any:
    """What a reader makes of a value that it takes."""
    for value in _ANY:
        try:
            return read(value)
        except ValueError:
            continue
    return None
