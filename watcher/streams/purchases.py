"""Adlead purchases (reservations and sales of new flats): what a purchase is and what its changes mean.

A list item is the whole purchase: the vendor's list and detail samples are equal byte for byte.
"""

from typing import Any
from urllib.parse import quote

from watcher.model import Body
from watcher.streams.canonical import CODE, FLAG, MOMENT, NUMBER, TEXT, WITHHELD, Keyed, Object, Scalar, code
from watcher.streams.stream import Detail, Milestone, Stream, moved


def _status(value: Any) -> str | None:
    read = code(value)
    return "canceled" if read == "cancelled" else read


def _link(tenant: str, program: str, body: Body) -> str | None:
    """Adlead's own screen of the purchase's lead, as the vendor's users have it in their browser."""
    lead = body.get("lead_id")
    if not lead or lead.startswith(WITHHELD):
        return None
    place = f"{quote(tenant, safe='')}/programs/{quote(program, safe='')}"
    return f"https://crm.adlead.immo/{place}/contact-management/leads/{quote(lead, safe='')}"


CONTACT = Object(
    fields={
        "title": CODE,
        "name": TEXT,
        "firstname": TEXT,
        "email1": TEXT,
        "email2": TEXT,
        "phone1": TEXT,
        "phone2": TEXT,
        "city": TEXT,
        "zipcode": TEXT,
        "country": TEXT,
        "address1": TEXT,
        "address2": TEXT,
        "legal_entity": FLAG,
        "legal_status": TEXT,
        "company_name": TEXT,
        "company_siret": TEXT,
        "resides_since": NUMBER,
        "optin_email": FLAG,
        "optin_phone": FLAG,
        "optin_sms": FLAG,
        "birthdate": MOMENT,
        "birthplace": TEXT,
        "nationality": TEXT,
        "marital_status": CODE,
        "profession": TEXT,
        "vehicles": NUMBER,
        "children": NUMBER,
        "primary_residence": CODE,
        "own_secondary_residence": FLAG,
        "first_time_homeowner": FLAG,
        "has_already_invested": FLAG,
        "has_already_invested_comment": TEXT,
        "bank_name": TEXT,
        "insurance_name": TEXT,
        "has_broker": FLAG,
    },
    unwatched={"id": CODE, "updated_at": MOMENT},
)

LOT = Object(
    fields={
        "reference": TEXT,
        "is_primary": FLAG,
        "type": CODE,
        "typology": CODE,
        "subtype": CODE,
        "vat_rate": NUMBER,
        "discount_including_vat": NUMBER,
        "price_excluding_vat": NUMBER,
        "price_including_vat": NUMBER,
        "discounted_price_including_vat": NUMBER,
        "status": CODE,
    },
    unwatched={"id": CODE, "updated_at": MOMENT},
)

_REVERTED = "purchase-reverted"

PURCHASES = Stream(
    name="adlead.purchases",
    noun="purchase",
    finished=frozenset({"purchase-signed", "purchase-canceled"}),
    list_keys=("data",),
    personal=("contacts[]",),
    record=Object(
        fields={
            "lead_id": CODE,
            "owner": Object({"id": CODE, "fullname": TEXT, "shortname": TEXT, "email": TEXT}),
            "vat_rate": NUMBER,
            "deposit_amount": NUMBER,
            "price_including_vat": NUMBER,
            "cancellation_type": CODE,
            "contacts": Keyed(CONTACT),
            "lots": Keyed(LOT),
            "option_expires_at": MOMENT,
            "pre_booking_confirmed_at": MOMENT,
            "booking_contract_signed_at": MOMENT,
            "withdrawal_period_expires_at": MOMENT,
            "notary_appointment_set_at": MOMENT,
            "sale_deed_signed_at": MOMENT,
            "canceled_at": MOMENT,
            "status": Scalar(_status),
        },
        unwatched={"id": CODE, "updated_at": MOMENT},
    ),
    life=(
        "pending-pre-booking",
        "pre-booked",
        "booked",
        "withdrawal-period",
        "awaiting-funding",
        "notary-appointment-to-be-set",
        "notary-appointment-set",
        "signed",
    ),
    last="canceled",
    milestones=(
        Milestone("purchase-pre-booked", ("pre_booking_confirmed_at",), status="pre-booked", undone=_REVERTED),
        Milestone("purchase-booked", ("booking_contract_signed_at",), status="booked", undone=_REVERTED),
        Milestone(
            "purchase-withdrawal-started",
            status="withdrawal-period",
            also=("withdrawal_period_expires_at",),
            undone=_REVERTED,
        ),
        Milestone("purchase-awaiting-funding", status="awaiting-funding", undone=_REVERTED),
        Milestone("purchase-notary-to-schedule", status="notary-appointment-to-be-set", undone=_REVERTED),
        Milestone(
            # Named "when set" by the vendor, described as the planned date of signing: it is the appointment.
            "purchase-notary-scheduled",
            ("notary_appointment_set_at",),
            status="notary-appointment-set",
            planned=True,
            undone=_REVERTED,
        ),
        Milestone("purchase-signed", ("sale_deed_signed_at",), status="signed", undone=_REVERTED),
        Milestone(
            "purchase-canceled",
            ("canceled_at",),
            status="canceled",
            also=("cancellation_type",),
            undone=_REVERTED,
        ),
    ),
    details=(
        Detail(
            "purchase-notary-rescheduled",
            ("notary_appointment_set_at",),
            when=moved("notary_appointment_set_at"),
        ),
        Detail("purchase-option-dated", ("option_expires_at",)),
        Detail("purchase-price-changed", ("price_including_vat", "deposit_amount", "vat_rate")),
        Detail("purchase-lots-changed", ("lots",)),
        Detail("purchase-buyers-changed", ("contacts",)),
    ),
    reverted=_REVERTED,
    reverted_also=("status", "cancellation_type"),
    status_changed="purchase-status-changed",
    link=_link,
)
