"""Which fields are worth a line, and what kind of value each holds; the same in every language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from watcher.privacy import STARS, personal_of

LEADS, CONTRACTS, PURCHASES = "apimo.leads", "apimo.contracts", "adlead.purchases"

NEW: Mapping[str, tuple[str, ...]] = {
    LEADS: ("phone", "mobile", "email", "message", "property", "criteria", "reference", "language", "user"),
    CONTRACTS: ("property", "price", "commission", "deposit", "offer_at", "commitment_at", "condition_precedent_at",
                "contract_scheduled_at", "contract_at"),
    PURCHASES: ("status", "lots", "contacts", "price_including_vat", "deposit_amount", "owner", "option_expires_at",
                "booking_contract_signed_at", "notary_appointment_set_at"),
}  # fmt: skip
"""What is shown of a record that is new: its event carries every field."""

CONTEXT: Mapping[str, tuple[str, ...]] = {
    LEADS: ("phone", "mobile", "email", "property", "user"),
    CONTRACTS: ("price", "property"),
    PURCHASES: ("contacts", "price_including_vat", "owner"),
}
"""What is shown of a record after its changes."""

WAITING: Mapping[str, tuple[str, ...]] = {
    LEADS: ("phone", "mobile", "email", "message", "property", "user"),
    CONTRACTS: ("step", *CONTEXT[CONTRACTS]),
    PURCHASES: ("status", *CONTEXT[PURCHASES]),
}
"""What is shown of a record that still waits: what it takes to see to it."""

PENDING: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    LEADS: {"opened": ("opened",), "assigned": ("assigned", "user")},
}
"""What is still to happen to a record, and the fields that say that it has."""

DEADLINES: Mapping[str, str] = {
    "option_expires_at": "purchase-option-dated",
    "notary_appointment_set_at": "purchase-notary-scheduled",
    "withdrawal_period_expires_at": "purchase-withdrawal-started",
    "condition_precedent_at": "contract-condition-dated",
    "contract_scheduled_at": "contract-scheduled",
}
"""The event whose advice holds as well when that date comes near."""

OWN: Mapping[str, tuple[str, ...]] = {
    "lead-opened": ("opened",),
    "lead-assigned": ("assigned",),
    "lead-closed": ("closed",),
    "contract-offer-made": ("offer_at",),
    "contract-committed": ("commitment_at", "condition_precedent_at", "deposit"),
    "contract-signed": ("contract_at", "commission"),
    "contract-collected": ("collected_at",),
    "contract-scheduled": ("contract_scheduled_at",),
    "purchase-pre-booked": ("pre_booking_confirmed_at", "option_expires_at"),
    "purchase-booked": ("booking_contract_signed_at", "withdrawal_period_expires_at", "deposit_amount"),
    "purchase-withdrawal-started": ("withdrawal_period_expires_at",),
    "purchase-notary-scheduled": ("notary_appointment_set_at",),
    "purchase-notary-rescheduled": ("notary_appointment_set_at",),
    "purchase-signed": ("sale_deed_signed_at",),
    "purchase-canceled": ("canceled_at", "cancellation_type"),
}
"""What an event is about, shown even when its changes say nothing of it (a date whose day has come)."""

HIDDEN: Mapping[str, tuple[str, ...]] = {
    LEADS: (),
    CONTRACTS: ("contacts", "comment"),
    PURCHASES: ("contacts",),
}
"""The people behind a contract or a purchase, and free text about them: shown only where a sink may have personal data.
That it changed is told, what it is is not. Of any other stream it is all that is personal."""

UNTOLD: Mapping[str, tuple[str, ...]] = {CONTRACTS: ("entries",)}
"""What each agent earns: shown nowhere. That it changed is told."""

ERASABLE = frozenset(personal_of(LEADS))
"""What a person may have had erased upstream: told as erased, without repeating it."""

MONEY = frozenset({
    "price", "price_net", "commission", "commission_agency", "commission_owner", "commission_customer", "vat",
    "deposit", "amount", "deposit_amount", "discount_including_vat", "price_excluding_vat", "price_including_vat",
    "discounted_price_including_vat",
})  # fmt: skip

RATES = frozenset({"vat_rate"})

DATES = re.compile(r"date|\w+_at|birthdate")

NAMED: Mapping[tuple[str, str], str] = {
    (LEADS, "user"): "user",
    (LEADS, "agency"): "agency",
    (LEADS, "step"): "lead_step",
    (LEADS, "type"): "lead_type",
    (LEADS, "property"): "property",
    (CONTRACTS, "agency"): "agency",
    (CONTRACTS, "step"): "contract_step",
    (CONTRACTS, "property"): "property",
}
"""Fields that hold an id or a code for which the caller may know a name, and the kind under which it knows it."""

PARTITIONS: Mapping[str, str] = {LEADS: "agency", CONTRACTS: "agency", PURCHASES: "program"}
"""The kind of a stream's partitions."""

CODES_ONLY = frozenset({"category", "types", "subtype", "locations"})
"""Criteria that are numbers of the vendor's catalogues: they say nothing to people."""

WITHHELD = STARS
"""What stands for a value that the privacy policy withholds."""


class Step(NamedTuple):
    """One step of a path: the name of a field and, in a list, the key of its member."""

    name: str
    key: str | None


def steps(path: str) -> tuple[Step, ...]:
    """The steps of a path such as `lots[41].status`."""
    found = re.finditer(r"([^.\[\]]+)(?:\[([^\]]*)\])?", path)
    return tuple(Step(match[1], match[2]) for match in found) or (Step(path, None),)


def hidden(stream: str) -> tuple[str, ...]:
    """The fields of a stream that are shown only where a sink may have personal data."""
    if stream in HIDDEN:
        return HIDDEN[stream]
    return tuple(steps(path)[0].name for path in personal_of(stream))
