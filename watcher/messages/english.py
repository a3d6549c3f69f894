"""What people read in English."""

from __future__ import annotations

from collections.abc import Mapping

from watcher.messages.counts import counted
from watcher.messages.fields import CONTRACTS, LEADS, PURCHASES
from watcher.messages.labels import CODES, FIELDS, column
from watcher.messages.words import Said, Summaries, Timed, Trouble, Words

_EVENTS: Mapping[str, Said] = {
    # leads
    "new-lead": Said("New lead: {it}", "duplicate of lead {parent}", "Call back within 5 minutes."),
    "lead-opened": Said("Lead opened: {it}", "agent {opened.user}"),
    "lead-assigned": Said("Lead assigned: {it}", "agent {user|assigned.user}", "To be called back right away."),
    "lead-closed": Said("Lead closed: {it}", "agent {closed.user}"),
    "lead-reassigned": Said(
        "Lead reassigned: {it}", "agent {user|assigned.user}", "Pass on what the client has been told so far."
    ),
    "lead-reopened": Said("Lead reopened: {it}", "", "Get back in touch with the client."),
    "lead-step-changed": Said("Lead at a new step: {it}", "step {step}"),
    "lead-updated": Said("Lead changed: {it}"),
    "lead-removed": Said("Lead gone from Apimo: {it}", "", "If nobody deleted it, look in Apimo."),
    # contracts
    "new-contract": Said("New {it}", "{price}"),
    "contract-offer-made": Said("Offer received: {it}", "{price}", "Put it to the owner."),
    "contract-committed": Said(
        "Preliminary contract signed: {it}", "{price}", "Notify it: the withdrawal period starts the day after receipt."
    ),
    "contract-scheduled": Said(
        "Deed scheduled: {it}", "{contract_scheduled_at}", "Confirm the appointment to the parties and the notary."
    ),
    "contract-signed": Said("Deed signed: {it}", "{price}", "Invoice the fees."),
    "contract-collected": Said("Fees collected: {it}", "{commission}"),
    "contract-rescheduled": Said(
        "Date of the deed changed: {it}", "{contract_scheduled_at}", "Tell the parties and the notary."
    ),
    "contract-condition-dated": Said(
        "Conditions precedent: {it}",
        "until {condition_precedent_at}",
        "Ask the buyer how the loan is coming on before that date.",
    ),
    "contract-amount-changed": Said("Amounts changed: {it}", "", "Check the invoicing."),
    "contract-step-changed": Said("Contract at a new step: {it}", "step {step}"),
    "contract-reverted": Said(
        "Step back: {it}", "", "A date that was settled has been emptied or put off: look in Apimo."
    ),
    "contract-updated": Said("Change: {it}"),
    "contract-removed": Said("Gone from Apimo: {it}", "", "If nobody deleted it, look in Apimo."),
    # purchases
    "new-purchase": Said("New reservation: {it}", "{price_including_vat}"),
    "purchase-pre-booked": Said(
        "Pre-booking confirmed: {it}", "{price_including_vat}", "Have the reservation contract signed."
    ),
    "purchase-booked": Said(
        "Reservation signed: {it}",
        "{price_including_vat}",
        "Notify the contract: the withdrawal period starts the day after receipt.",
    ),
    "purchase-withdrawal-started": Said(
        "Withdrawal period running: {it}",
        "until {withdrawal_period_expires_at}",
        "Keep the lot off the market until it ends.",
    ),
    "purchase-awaiting-funding": Said("Awaiting funding: {it}", "", "Ask the buyer how the loan is coming on."),
    "purchase-notary-to-schedule": Said(
        "Notary appointment to be made: {it}", "", "Settle the date with the notary and the buyer."
    ),
    "purchase-notary-scheduled": Said(
        "Notary appointment made: {it}", "{notary_appointment_set_at}", "Confirm it to the buyer."
    ),
    "purchase-signed": Said("Deed of sale signed: {it}", "{price_including_vat}", "Issue the calls for funds."),
    "purchase-canceled": Said(
        "Sale canceled: {it}", "{cancellation_type}", "Put the lot back on sale and tell the notary."
    ),
    "purchase-notary-rescheduled": Said(
        "Notary appointment moved: {it}", "{notary_appointment_set_at}", "Tell the buyer."
    ),
    "purchase-option-dated": Said(
        "End of the option: {it}", "{option_expires_at}", "Get back to the buyer before that date."
    ),
    "purchase-price-changed": Said(
        "Price changed: {it}", "{price_including_vat}", "Check that it is the price of the contract."
    ),
    "purchase-lots-changed": Said("Lots changed: {it}", "", "Check that the contract says the same."),
    "purchase-buyers-changed": Said("Buyers changed: {it}", "", "Check that the contract says the same."),
    "purchase-status-changed": Said("New status: {it}", "{status}"),
    "purchase-reverted": Said(
        "Step back: {it}", "{status}", "A step that was settled has been undone: look in Adlead."
    ),
    "purchase-updated": Said("Change: {it}"),
    "purchase-removed": Said("Reservation gone from Adlead: {it}", "", "If nobody deleted it, look in Adlead."),
    # any record
    "record-reappeared": Said("Back after it was gone: {it}"),
    "overdue": Said("Still waiting: {it}", "", "To be dealt with now."),
    "deadline-near": Said("Deadline near: {it}"),
    "summary": Said("{count} events in one message"),
}

_TROUBLES: Mapping[str, Trouble] = {
    "source-failing": Trouble(
        "Source down: {it}",
        "Source back: {it}",
        "Nothing is lost: reading resumes by itself. Check the access key if it lasts.",
    ),
    "source-silent": Trouble(
        "Source silent: {it}",
        "Source active again: {it}",
        "Check that people still work in that agency or programme, and that the access key sees everything.",
    ),
    "source-quiet": Trouble(
        "Unusually quiet: {it}",
        "Active again: {it}",
        "It is read, and nothing comes. Check the forms and portals that feed it, and that the key sees everything.",
    ),
    "source-drifted": Trouble(
        "Data of an unexpected shape: {it}",
        "Data as expected again: {it}",
        "What is not understood is left out. Check the rights of the access key and the version of watcher.",
    ),
    "removals-held": Trouble(
        "Disappearances to confirm: {it}",
        "Disappearances settled: {it}",
        "If they are meant: watcher confirm {it}",
    ),
    "budget-low": Trouble(
        "The day's requests are nearly used up: {it}",
        "Requests available again: {it}",
        "Reads are spaced out until midnight. Lengthen the intervals (every) or ask for a larger quota.",
    ),
    "sink-failing": Trouble(
        "Delivery down: {it}",
        "Delivery back: {it}",
        "The messages wait. Check the address and the secret, then: watcher sink test {it}",
    ),
    "store-failing": Trouble(
        "Database down: {it}",
        "Database back: {it}",
        "Check the space on the disk and the rights of the file.",
    ),
}

_TIMED = Timed(
    unanswered="Lead unanswered: {it}",
    answer="Call back now.",
    no_sequel="{}, no follow-up: {{it}}",
    waited="for {}",
    since="Waiting since",
    not_yet="Not yet",
    steps={"opened": "opened", "assigned": "assigned"},
    still="still so after {}",
    deadline="{what}{when}: {it}",
    passed="Date passed, {what}{when}: {it}",
    after_it="See how things stand.",
    now="now",
    days={-1: "yesterday", 0: "today", 1: "tomorrow"},
    late="Told late",
    late_overdue="watcher was not running when it was due",
    late_deadline="watcher was not running when it was due, or learned of that date only later",
    rule="Rule",
)

_SUMMARIES = Summaries(
    titles={
        "group": "{total}: {counts}",
        "digest": "Digest of {day}: {total}",
        "flood": "Many events at once: {count} more, in one message",
        "throttle": "Many events at once: {count} more, in one message",
        "silence": "Silence over: {held} kept back{comment}",
        "hours": "While closed: {counts}",
    },
    events=("event", "events"),
    others=("other", "others"),
    held=("message", "messages"),
    other_kinds="Others",
    silence={"author": "Silenced by", "comment": "Reason"},
    where="The whole list, for IT: watcher events --in {id}",
)

ENGLISH = Words(
    language="en",
    events=_EVENTS,
    troubles=_TROUBLES,
    fields=column(FIELDS, 1),
    items={
        CONTRACTS: {"contacts": "Contact {}", "entries": "Participant {}"},
        PURCHASES: {"lots": "Lot {}", "contacts": "Buyer {}"},
    },
    nouns={LEADS: "lead {}", CONTRACTS: "contract {}", PURCHASES: "reservation {}"},
    places={
        LEADS: ("Agency", "agency {}"),
        CONTRACTS: ("Agency", "agency {}"),
        PURCHASES: ("Programme", "programme {}"),
    },
    codes=column(CODES, 1),
    counted=counted(2),
    timed=_TIMED,
    summaries=_SUMMARIES,
    details=(),
    unknown="{}: {{it}}",
    quote="“{}”",
    duplicate="Ask the agent who has the first lead before you call.",
    lots="lot{} {}",
    agent="agent {}",
    lasted="Lasted",
    since="Since",
    detail="Detail",
    more=("… and {} more", "… and {} more"),
    yes="yes",
    no="no",
    added="added",
    removed="removed",
    changed="changed",
    erased="erased",
    thousands=",",
    decimal=".",
    money="{1}{0}",
    code_gap="\u00a0",
    percent="{}%",
    span="{} to {}",
    from_on="from {}",
    up_to="up to {}",
    months=(
        "January", "February", "March", "April", "May", "June",
        "July", "August", "September", "October", "November", "December",
    ),
    months_short=("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    first_of_month="1",
    moment="{} at {}",
    units=("d", "h", "min"),
    just_now="just now",
    ago="{} ago",
    ahead="in {}",
)  # fmt: skip
