"""What can happen to a lead, a contract or a purchase, and what each happening changes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from watcher.simulator.records import AGENTS, Record, amounts, chance
from watcher.simulator.times import PARIS, iso, midnight, paris, read

Row = Mapping[str, Any]
Change = Callable[[Random, Row, datetime], Record]
LEFT_LYING = 7  # one lead in so many is never opened, as in life: what rules on absence are for


@dataclass(frozen=True, slots=True)
class Stage:
    """One thing that can happen to a record that is `ready`, usually `wait` after its last change."""

    stream: str
    what: str
    wait: timedelta
    ready: Callable[[Row], bool]
    change: Change


def _appointment(random: Random, at: datetime, soonest: int, latest: int) -> datetime:
    day = (at + timedelta(days=random.randrange(soonest, latest))).astimezone(PARIS)
    return day.replace(hour=random.randrange(9, 18), minute=0, second=0, microsecond=0).astimezone(UTC)


# Leads: a duplicate is nobody's work.
def _worked_on(row: Row) -> bool:
    number = str(row["id"])
    return not row.get("parent") and not (number.isdecimal() and int(number) % LEFT_LYING == 0)


def _by_somebody(name: str) -> Change:
    def change(random: Random, row: Row, at: datetime) -> Record:
        user = row.get("user") or random.choice(AGENTS)
        fields: Record = {name: {"date": paris(at), "user": user}}
        if name == "assigned":
            fields |= {"user": user, "step": "2"}
        return fields | ({"step": "3"} if name == "closed" else {})

    return change


LEAD_LIFE = (
    Stage(
        "leads",
        "lead-opened",
        timedelta(minutes=20),
        lambda row: _worked_on(row) and not row.get("opened"),
        _by_somebody("opened"),
    ),
    Stage(
        "leads",
        "lead-assigned",
        timedelta(minutes=40),
        lambda row: bool(row.get("opened")) and not row.get("assigned"),
        _by_somebody("assigned"),
    ),
    Stage(
        "leads",
        "lead-closed",
        timedelta(days=5),
        lambda row: bool(row.get("assigned")) and not row.get("closed"),
        _by_somebody("closed"),
    ),
)


def _money(value: object, otherwise: float) -> float:
    """Read an amount that somebody may have replaced by anything."""
    try:
        return float(str(value))
    except ValueError:
        return otherwise


# Contracts: dates appear one after the other; a date that is not known yet is left out, not null.
def _then(before: str, after: str) -> Callable[[Row], bool]:
    return lambda row: bool(row.get(before)) and not row.get(after)


def _dated(name: str, **more: str) -> Change:
    return lambda _random, _row, at: {**more, name: paris(at)}


def _commit(random: Random, row: Row, at: datetime) -> Record:
    return {
        "step": "2",
        "commitment_at": paris(at),
        "condition_precedent_at": paris(midnight(at + timedelta(days=random.randrange(45, 61)))),
        "legal_notice_at": paris(midnight(at + timedelta(days=11))),
        "deposit": round(_money(row.get("price"), 0) * 0.05, 2),
    }


def _schedule(random: Random, _row: Row, at: datetime) -> Record:
    return {"contract_scheduled_at": paris(_appointment(random, at, 14, 45))}


def _revise(random: Random, row: Row, _at: datetime) -> Record:
    price = round(_money(row.get("price"), 200_000) * random.uniform(0.93, 0.99), -2)
    return amounts(price, rate=random.choice((4, 4.5, 5)))


CONTRACT_LIFE = (
    Stage(
        "contracts",
        "contract-offer-made",
        timedelta(days=3),
        _then("project_at", "offer_at"),
        _dated("offer_at"),
    ),
    Stage(
        "contracts",
        "contract-committed",
        timedelta(days=12),
        _then("offer_at", "commitment_at"),
        _commit,
    ),
    Stage(
        "contracts",
        "contract-scheduled",
        timedelta(days=45),
        _then("commitment_at", "contract_scheduled_at"),
        _schedule,
    ),
    Stage(
        "contracts",
        "contract-signed",
        timedelta(days=25),
        _then("contract_scheduled_at", "contract_at"),
        _dated("contract_at", step="3"),
    ),
    Stage(
        "contracts",
        "contract-collected",
        timedelta(days=4),
        _then("contract_at", "collected_at"),
        _dated("collected_at", step="4"),
    ),
)
CONTRACT_TURNS = (
    Stage(
        "contracts",
        "contract-rescheduled",
        timedelta(days=7),
        _then("contract_scheduled_at", "contract_at"),
        _schedule,
    ),
    # Also after the deed: Apimo's figures are known to be corrected when all is closed.
    Stage(
        "contracts",
        "contract-amount-revised",
        timedelta(days=2),
        lambda row: bool(row.get("offer_at")),
        _revise,
    ),
)


# Purchases: the status leads, the dates follow it; the lots have a status of their own.
def _status(before: str) -> Callable[[Row], bool]:
    return lambda row: row.get("status") == before


def _own_lots(row: Row) -> list[Row]:
    lots = row.get("lots")
    return [lot for lot in lots if isinstance(lot, Mapping)] if isinstance(lots, list) else []


def _lots(row: Row, status: str, display: str, at: datetime) -> list[Record]:
    new = {"status": status, "status_display": display, "updated_at": iso(at)}
    return [{**lot, **new} for lot in _own_lots(row)]


def _book(random: Random, row: Row, at: datetime) -> Record:
    signed = midnight(at) if chance(random, 0.5) else at  # often typed in as a bare date
    lots = _lots(row, "booked", "Réservé", at)
    return {"status": "booked", "booking_contract_signed_at": iso(signed), "lots": lots}


def _cancel(_random: Random, row: Row, at: datetime) -> Record:
    reasons = {"withdrawal-period": "withdrawal-period", "awaiting-funding": "funding-refused"}
    return {
        "status": "canceled",
        "canceled_at": iso(at),
        "cancellation_type": reasons.get(str(row.get("status")), "other"),
        "lots": _lots(row, "available", "Disponible", at),
    }


def _appoint(random: Random, _row: Row, at: datetime) -> Record:
    return {
        "status": "notary-appointment-set",
        "notary_appointment_set_at": iso(_appointment(random, at, 10, 40)),
    }


def _discount(random: Random, row: Row, at: datetime) -> Record:
    off = random.choice((2000, 3000, 5000))
    price = round(_money(row.get("price_including_vat"), 200_000) - off, 2)
    lots = [dict(lot) for lot in _own_lots(row)]
    for lot in lots[:1]:
        lot |= {"discount_including_vat": off, "discounted_price_including_vat": price, "updated_at": iso(at)}
    return {"price_including_vat": price, "lots": lots}


def _becomes(before: str, after: str, what: str, days: float, **dates: float) -> Stage:
    def change(_random: Random, _row: Row, at: datetime) -> Record:
        return {"status": after} | {name: iso(at + timedelta(days=ahead)) for name, ahead in dates.items()}

    return Stage("purchases", what, timedelta(days=days), _status(before), change)


PURCHASE_LIFE = (
    _becomes("pending-pre-booking", "pre-booked", "purchase-pre-booked", 2, pre_booking_confirmed_at=0),
    Stage("purchases", "purchase-booked", timedelta(days=5), _status("pre-booked"), _book),
    _becomes("booked", "withdrawal-period", "purchase-withdrawal-started", 2, withdrawal_period_expires_at=11),
    _becomes("withdrawal-period", "awaiting-funding", "purchase-awaiting-funding", 11),
    _becomes("awaiting-funding", "notary-appointment-to-be-set", "purchase-notary-to-schedule", 40),
    Stage(
        "purchases",
        "purchase-notary-scheduled",
        timedelta(days=15),
        _status("notary-appointment-to-be-set"),
        _appoint,
    ),
    Stage(
        "purchases",
        "purchase-signed",
        timedelta(days=25),
        _status("notary-appointment-set"),
        lambda _random, row, at: {
            "status": "signed",
            "sale_deed_signed_at": iso(at),
            "lots": _lots(row, "sold", "Vendu", at),
        },
    ),
)
PURCHASE_TURNS = (
    Stage(
        "purchases",
        "purchase-canceled",
        timedelta(days=3),
        lambda row: row.get("status") not in ("signed", "canceled"),
        _cancel,
    ),
    Stage(
        "purchases",
        "purchase-notary-rescheduled",
        timedelta(days=5),
        _status("notary-appointment-set"),
        _appoint,
    ),
    Stage(
        "purchases",
        "purchase-price-revised",
        timedelta(days=3),
        lambda row: row.get("status") in ("pre-booked", "booked", "awaiting-funding"),
        _discount,
    ),
)

LIFE = {"leads": LEAD_LIFE, "contracts": CONTRACT_LIFE, "purchases": PURCHASE_LIFE}
STAGES = {stage.what: stage for stage in (*LEAD_LIFE, *CONTRACT_LIFE, *CONTRACT_TURNS, *PURCHASE_LIFE, *PURCHASE_TURNS)}


def ripe(stage: Stage, row: Row, now: datetime) -> bool:
    """Tell whether the record has been as it is for as long as this stage usually takes."""
    since = read(row.get("updated_at"))
    return since is None or now - since >= stage.wait
