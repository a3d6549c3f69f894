"""Apimo contracts: what a contract is and what its changes mean.

Contracts are "mandates, sales, rentals ..." (OpenAPI), so a signed one is not always a sale. The list is documented as
`requests` and really is `contracts`: both are read.
"""

from watcher.streams.canonical import CODE, MOMENT, NUMBER, TEXT, Keyed, Object
from watcher.streams.stream import Detail, Milestone, Stream, left

CONTRACTS = Stream(
    name="apimo.contracts",
    noun="contract",
    finished=frozenset({"contract-signed", "contract-collected"}),
    list_keys=("contracts", "requests"),
    personal=("contacts", "comment"),
    record=Object(
        fields={
            "step": CODE,
            "agency": CODE,
            "property": CODE,
            "currency": TEXT,
            "price": NUMBER,
            "price_net": NUMBER,
            "commission": NUMBER,
            "commission_agency": NUMBER,
            "commission_owner": NUMBER,
            "commission_customer": NUMBER,
            "vat": NUMBER,
            "vat_rate": NUMBER,
            "deposit": NUMBER,
            "project_at": MOMENT,
            "offer_at": MOMENT,
            "commitment_at": MOMENT,
            "condition_precedent_at": MOMENT,
            "contract_scheduled_at": MOMENT,
            "contract_at": MOMENT,
            "collected_at": MOMENT,
            "legal_notice_at": MOMENT,
            "contacts": Keyed(Object({"contact": CODE, "type": CODE})),
            "entries": Keyed(
                Object(
                    {"user": CODE, "amount": NUMBER, "vat": NUMBER, "vat_rate": NUMBER, "type": CODE},
                    unwatched={"id": CODE},
                )
            ),
            "comment": TEXT,
        },
        unwatched={"id": CODE, "created_at": MOMENT, "updated_at": MOMENT},
    ),
    milestones=(
        Milestone("contract-offer-made", evidence=("offer_at",), undone="contract-reverted"),
        Milestone("contract-committed", evidence=("commitment_at",), undone="contract-reverted"),
        Milestone("contract-scheduled", evidence=("contract_scheduled_at",), planned=True),
        Milestone("contract-signed", evidence=("contract_at",), undone="contract-reverted"),
        Milestone("contract-collected", evidence=("collected_at",), undone="contract-reverted"),
    ),
    details=(
        Detail("contract-rescheduled", ("contract_scheduled_at",), when=left("contract_scheduled_at")),
        Detail("contract-condition-dated", ("condition_precedent_at",)),
        Detail(
            "contract-amount-changed",
            ("price", "price_net", "commission*", "vat*", "deposit", "currency", "entries"),
        ),
        Detail("contract-step-changed", ("step",)),
    ),
)
