"""What the catalogue of events promises, written a second time, plainly and slowly.

The product interprets tables; this is a chain of ifs a stream, written from the promises alone and importing nothing of
the product, so that the two can only agree by both being right.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")
EMPTY = (None, "", "0000-00-00", "0000-00-00 00:00:00")

LIFE = ["pending-pre-booking", "pre-booked", "booked", "withdrawal-period", "awaiting-funding",
        "notary-appointment-to-be-set", "notary-appointment-set", "signed"]  # fmt: skip

LEAD_TEXTS = {"parent", "provider", "type", "step", "reference", "lastname", "firstname", "email", "phone", "fax",
              "mobile", "language", "property", "contact", "request", "user", "message"}  # fmt: skip
CONTRACT_TEXTS = {"step", "agency", "property", "currency", "comment"}
CONTRACT_AMOUNTS = {"price", "price_net", "commission", "commission_agency", "commission_owner",
                    "commission_customer", "vat", "vat_rate", "deposit"}  # fmt: skip
CONTRACT_DATES = {"project_at", "offer_at", "commitment_at", "condition_precedent_at", "contract_scheduled_at",
                  "contract_at", "collected_at", "legal_notice_at"}  # fmt: skip
PURCHASE_TEXTS = {"lead_id", "cancellation_type", "status"}
PURCHASE_AMOUNTS = {"vat_rate", "deposit_amount", "price_including_vat"}
PURCHASE_DATES = {"option_expires_at", "pre_booking_confirmed_at", "booking_contract_signed_at",
                  "withdrawal_period_expires_at", "notary_appointment_set_at", "sale_deed_signed_at",
                  "canceled_at"}  # fmt: skip
LOT_TEXTS = {"reference", "type", "typology", "subtype", "status"}
LOT_AMOUNTS = {"vat_rate", "discount_including_vat", "price_excluding_vat", "price_including_vat",
               "discounted_price_including_vat"}  # fmt: skip
BUYER_TEXTS = {"title", "name", "firstname", "email1", "email2", "phone1", "phone2", "city", "zipcode", "country",
               "address1", "address2", "legal_status", "company_name", "company_siret", "birthplace", "nationality",
               "marital_status", "profession", "primary_residence", "has_already_invested_comment", "bank_name",
               "insurance_name"}  # fmt: skip
BUYER_COUNTS = {"resides_since", "vehicles", "children"}
BUYER_FLAGS = {"legal_entity", "optin_email", "optin_phone", "optin_sms", "own_secondary_residence",
               "first_time_homeowner", "has_already_invested", "has_broker"}  # fmt: skip


class Told(NamedTuple):
    """One event: its type, and the fields it speaks for with their from and to."""

    type: str
    changes: dict[str, tuple[Any, Any]]


# --- the record, made comparable -------------------------------------------------------------------------------


class When(str):
    """A date, or a moment in UTC: a text that is known to be a time."""

    __slots__ = ()


class Keyed(dict[str, Any]):
    """A list of objects by their key: order says nothing."""


def text(value: Any) -> str | None:
    """Ids, codes and texts are strings; what is empty is null."""
    return None if value in EMPTY else str(value)


def amount(value: Any) -> float | None:
    """Money and rates are numbers, equal when they are equal to the cent."""
    return None if value in EMPTY else round(float(value), 2)


def flag(value: Any) -> bool | None:
    """Yes and no are kept."""
    return None if value in EMPTY else value


def when(value: Any) -> When | None:
    """Moments are UTC, a naive one is of Paris, a midnight of Paris is that date."""
    if value in EMPTY:
        return None
    if len(value) == len("2026-01-01"):
        return When(value)
    moment = datetime.fromisoformat(value)
    moment = (moment if moment.tzinfo else moment.replace(tzinfo=PARIS)).astimezone(UTC)
    local = moment.astimezone(PARIS)
    if (local.hour, local.minute, local.second) == (0, 0, 0):
        return When(local.date().isoformat())
    return When(moment.strftime("%Y-%m-%dT%H:%M:%SZ"))


def touch(value: Any) -> dict[str, Any] | None:
    """`opened`, `assigned`, `closed` of a lead: a date, or who and when; always kept as an object."""
    if value in EMPTY:
        return None
    if not isinstance(value, dict):
        return {"date": when(value)}
    kept: dict[str, Any] = {}
    if "date" in value:
        kept["date"] = when(value["date"])
    if "user" in value:
        kept["user"] = text(value["user"])
    return kept if any(part is not None for part in kept.values()) else None


def plain_set(value: Any) -> frozenset[str] | None:
    """A list of plain values is a set; an empty one is nothing."""
    return frozenset(str(each) for each in value) if value else None


def span(value: Any) -> dict[str, Any] | None:
    """From and to, in criteria."""
    if value in EMPTY:
        return None
    return {name: text(part) if name == "currency" else amount(part) for name, part in value.items()}


def criteria(value: Any) -> dict[str, Any] | None:
    """What a lead looks for."""
    if value in EMPTY:
        return None
    kept: dict[str, Any] = {}
    for name, part in value.items():
        if name in ("cities", "locations", "types"):
            kept[name] = plain_set(part)
        elif name in ("area", "price"):
            kept[name] = span(part)
        elif name == "room":
            kept[name] = amount(part)
        elif name in ("category", "subtype"):
            kept[name] = text(part)
    return kept


def seller(value: Any) -> dict[str, Any] | None:
    """The owner of a purchase."""
    if value in EMPTY:
        return None
    return {name: text(part) for name, part in value.items() if name in ("id", "fullname", "shortname", "email")}


def keyed(value: Any, one: Any) -> Keyed:
    """A list of objects, by `id`, else by `contact`."""
    return Keyed({str(each.get("id", each.get("contact"))): one(each) for each in value or []})


def party(raw: dict[str, Any]) -> dict[str, Any]:
    """A contact of a contract."""
    return {name: text(value) for name, value in raw.items() if name in ("contact", "type")}


def entry(raw: dict[str, Any]) -> dict[str, Any]:
    """An entry of a contract: who gets what."""
    kept: dict[str, Any] = {}
    for name, value in raw.items():
        if name in ("user", "type"):
            kept[name] = text(value)
        elif name in ("amount", "vat", "vat_rate"):
            kept[name] = amount(value)
    return kept


def lot(raw: dict[str, Any]) -> dict[str, Any]:
    """A lot of a purchase."""
    kept: dict[str, Any] = {}
    for name, value in raw.items():
        if name in LOT_TEXTS:
            kept[name] = text(value)
        elif name in LOT_AMOUNTS:
            kept[name] = amount(value)
        elif name == "is_primary":
            kept[name] = flag(value)
    return kept


def buyer(raw: dict[str, Any]) -> dict[str, Any]:
    """A contact of a purchase."""
    kept: dict[str, Any] = {}
    for name, value in raw.items():
        if name in BUYER_TEXTS:
            kept[name] = text(value)
        elif name in BUYER_COUNTS:
            kept[name] = amount(value)
        elif name in BUYER_FLAGS:
            kept[name] = flag(value)
        elif name == "birthdate":
            kept[name] = when(value)
    return kept


def lead(raw: dict[str, Any]) -> dict[str, Any]:
    """The watched fields of a lead."""
    kept: dict[str, Any] = {}
    for name, value in raw.items():
        if name in ("opened", "assigned", "closed"):
            kept[name] = touch(value)
        elif name == "date":
            kept[name] = when(value)
        elif name == "criteria":
            kept[name] = criteria(value)
        elif name in LEAD_TEXTS:
            kept[name] = text(value)
    return kept


def contract(raw: dict[str, Any]) -> dict[str, Any]:
    """The watched fields of a contract."""
    kept: dict[str, Any] = {}
    for name, value in raw.items():
        if name in CONTRACT_TEXTS:
            kept[name] = text(value)
        elif name in CONTRACT_AMOUNTS:
            kept[name] = amount(value)
        elif name in CONTRACT_DATES:
            kept[name] = when(value)
        elif name == "contacts":
            kept[name] = keyed(value, party)
        elif name == "entries":
            kept[name] = keyed(value, entry)
    return kept


def purchase(raw: dict[str, Any]) -> dict[str, Any]:
    """The watched fields of a purchase."""
    kept: dict[str, Any] = {}
    for name, value in raw.items():
        if name in PURCHASE_TEXTS:
            kept[name] = text(value)
        elif name in PURCHASE_AMOUNTS:
            kept[name] = amount(value)
        elif name in PURCHASE_DATES:
            kept[name] = when(value)
        elif name == "owner":
            kept[name] = seller(value)
        elif name == "lots":
            kept[name] = keyed(value, lot)
        elif name == "contacts":
            kept[name] = keyed(value, buyer)
    return kept


def canonical(stream: str, raw: dict[str, Any]) -> dict[str, Any]:
    """What is watched of a body, made comparable."""
    if stream == "leads":
        return lead(raw)
    return contract(raw) if stream == "contracts" else purchase(raw)


SHOWN = {"lots": LOT_TEXTS | LOT_AMOUNTS | {"is_primary"}, "entries": {"user", "type", "amount", "vat", "vat_rate"},
         "contacts": BUYER_TEXTS | BUYER_COUNTS | BUYER_FLAGS | {"birthdate", "contact", "type"},
         "owner": {"id", "fullname", "shortname", "email"}}  # fmt: skip


def shown(path: str, value: Any) -> Any:
    """A value of the product in this module's form, its types untouched: only what is watched, lists by key."""
    if isinstance(value, list):
        if not value or not isinstance(value[0], dict):
            return frozenset(value) or None
        return Keyed({str(each.get("id", each.get("contact"))): shown(path, each) for each in value})
    if isinstance(value, dict):
        watched = SHOWN.get(top(path), value.keys())
        return {name: shown(path, part) for name, part in value.items() if name in watched}
    return value


def nothing(value: Any) -> bool:
    """Null, or a list with nothing in it."""
    return value is None or (isinstance(value, Keyed) and not value)


# --- what differs ----------------------------------------------------------------------------------------------


def merged(known: Any, new: Any) -> Any:
    """Absent is not null: the last known value stands, at any depth; an element that left a list has left it."""
    if isinstance(known, Keyed) and isinstance(new, Keyed):
        return Keyed({key: merged(known[key], each) if key in known else each for key, each in new.items()})
    if isinstance(known, dict) and isinstance(new, dict):
        return {**known, **{name: merged(known.get(name), value) for name, value in new.items()}}
    return new


def is_later(value: Any, seen: datetime) -> bool:
    """Whether a gained value (or its `date`) is a date after the record's last version was seen, less five minutes.

    The five minutes are for a vendor's clock that is behind ours (docs/decisions.md).
    """
    seen -= timedelta(minutes=5)
    if isinstance(value, dict):
        value = value.get("date")
    if not isinstance(value, When):
        return False
    if len(value) == len("2026-01-01"):
        return date.fromisoformat(value) >= seen.astimezone(PARIS).date()
    return datetime.fromisoformat(value) > seen


def gained(known: Any, new: Any, path: str = "") -> dict[str, Any]:
    """The fields that a record carries for the first time, by their paths."""
    found: dict[str, Any] = {}
    if isinstance(known, Keyed) and isinstance(new, Keyed):
        for key in known.keys() & new.keys():
            found.update(gained(known[key], new[key], f"{path}[{key}]"))
    elif isinstance(known, dict) and isinstance(new, dict):
        for name, value in new.items():
            below = f"{path}.{name}" if path else name
            if name in known:
                found.update(gained(known[name], value, below))
            elif not nothing(value):
                found[below] = value
    return found


def taken_in(known: Any, new: Any, silent: set[str], path: str = "") -> Any:
    """What was known, as if the silently gained fields had always been there."""
    if isinstance(known, Keyed) and isinstance(new, Keyed):
        return Keyed(
            {
                key: taken_in(each, new[key], silent, f"{path}[{key}]") if key in new else each
                for key, each in known.items()
            }
        )
    if isinstance(known, dict) and isinstance(new, dict):
        at = {name: f"{path}.{name}" if path else name for name in known.keys() | new.keys()}
        stood = {name: taken_in(value, new.get(name), silent, at[name]) for name, value in known.items()}
        return stood | {name: value for name, value in new.items() if name not in known and at[name] in silent}
    return known


def differing(before: Any, after: Any, path: str = "") -> dict[str, tuple[Any, Any]]:
    """The watched paths that differ, each with its from and to."""
    if isinstance(before, Keyed) or isinstance(after, Keyed):
        old, new = before or {}, after or {}
        found: dict[str, tuple[Any, Any]] = {}
        for key in old.keys() | new.keys():
            found.update(differing(old.get(key), new.get(key), f"{path}[{key}]"))
        return found
    if isinstance(before, dict) and isinstance(after, dict):
        found = {}
        for name in before.keys() | after.keys():
            found.update(differing(before.get(name), after.get(name), f"{path}.{name}" if path else name))
        return found
    return {} if before == after else {path: (before, after)}


def compared(
    known: dict[str, Any], body: dict[str, Any], seen: datetime, crowd: frozenset[str] | set[str] = frozenset()
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What to compare: the known body with what is gained silently, and the new one over what it leaves out."""
    silent = {
        path
        for path, value in gained(known, body).items()
        if re.sub(r"\[.*?\]", "[]", path) in crowd or not is_later(value, seen)
    }
    return taken_in(known, body, silent), merged(known, body)


def top(path: str) -> str:
    """The field of the record that a path lies in."""
    return re.split(r"[.\[]", path)[0]


def take(left: dict[str, tuple[Any, Any]], names: set[str]) -> dict[str, tuple[Any, Any]]:
    """Claim the fields of these names out of what is left."""
    return {path: left.pop(path) for path in list(left) if top(path) in names}


# --- what is reached -------------------------------------------------------------------------------------------


def begun(value: Any, now: datetime) -> bool:
    """Whether the Paris day of a date has begun."""
    if value is None:
        return False
    day = (
        value if len(value) == len("2026-01-01") else datetime.fromisoformat(value).astimezone(PARIS).date().isoformat()
    )
    return bool(day <= now.astimezone(PARIS).date().isoformat())


def touched(value: Any, now: datetime) -> bool:
    """Whether `opened`, `assigned` or `closed` has a value whose day has begun."""
    if value is None:
        return False
    return value.get("date") is None or begun(value["date"], now)


def lead_reached(body: dict[str, Any], now: datetime) -> set[str]:
    """How far a lead is."""
    reached = set()
    if touched(body.get("opened"), now):
        reached.add("lead-opened")
    if touched(body.get("assigned"), now) or body.get("user") is not None:
        reached.add("lead-assigned")
    if touched(body.get("closed"), now):
        reached.add("lead-closed")
    return reached


def contract_reached(body: dict[str, Any], now: datetime) -> set[str]:
    """How far a contract is."""
    reached = set()
    if begun(body.get("offer_at"), now):
        reached.add("contract-offer-made")
    if begun(body.get("commitment_at"), now):
        reached.add("contract-committed")
    if begun(body.get("contract_at"), now):
        reached.add("contract-signed")
    if begun(body.get("collected_at"), now):
        reached.add("contract-collected")
    if body.get("contract_scheduled_at") is not None:
        reached.add("contract-scheduled")
    return reached


STATUS_OF = {
    "purchase-pre-booked": "pre-booked",
    "purchase-booked": "booked",
    "purchase-signed": "signed",
    "purchase-canceled": "canceled",
    "purchase-withdrawal-started": "withdrawal-period",
    "purchase-awaiting-funding": "awaiting-funding",
    "purchase-notary-to-schedule": "notary-appointment-to-be-set",
    "purchase-notary-scheduled": "notary-appointment-set",
}


def purchase_dated(kind: str, body: dict[str, Any], now: datetime) -> bool:
    """Whether a milestone of a purchase is reached by its date."""
    if kind == "purchase-pre-booked":
        return begun(body.get("pre_booking_confirmed_at"), now)
    if kind == "purchase-booked":
        return begun(body.get("booking_contract_signed_at"), now)
    if kind == "purchase-signed":
        return begun(body.get("sale_deed_signed_at"), now)
    if kind == "purchase-canceled":
        return begun(body.get("canceled_at"), now)
    if kind == "purchase-notary-scheduled":
        return body.get("notary_appointment_set_at") is not None
    return False


def purchase_reached(body: dict[str, Any], was: set[str], now: datetime) -> set[str]:
    """How far a purchase is; canceled and unknown statuses leave the others as they were."""
    status = body.get("status")
    reached = set()
    for kind, its_status in STATUS_OF.items():
        if purchase_dated(kind, body, now) or status == its_status:
            reached.add(kind)
        elif status in LIFE:
            if its_status in LIFE and LIFE.index(status) >= LIFE.index(its_status):
                reached.add(kind)
        elif kind in was:
            reached.add(kind)
    return reached


def reached_by(stream: str, body: dict[str, Any], was: set[str], now: datetime) -> set[str]:
    """The milestones a record has reached."""
    if stream == "leads":
        return lead_reached(body, now)
    if stream == "contracts":
        return contract_reached(body, now)
    return purchase_reached(body, was, now)


def evident(kind: str, body: dict[str, Any], now: datetime) -> bool:
    """Whether a milestone that is reached has evidence of its own."""
    return kind not in STATUS_OF or body.get("status") == STATUS_OF[kind] or purchase_dated(kind, body, now)


def own_date(kind: str, body: dict[str, Any]) -> Any:  # noqa: C901, PLR0911, PLR0912 - one line a milestone
    """The date a milestone is sorted by."""
    if kind == "lead-opened":
        return (body.get("opened") or {}).get("date")
    if kind == "lead-assigned":
        return (body.get("assigned") or {}).get("date")
    if kind == "lead-closed":
        return (body.get("closed") or {}).get("date")
    if kind == "contract-offer-made":
        return body.get("offer_at")
    if kind == "contract-committed":
        return body.get("commitment_at")
    if kind == "contract-signed":
        return body.get("contract_at")
    if kind == "contract-collected":
        return body.get("collected_at")
    if kind == "contract-scheduled":
        return body.get("contract_scheduled_at")
    if kind == "purchase-pre-booked":
        return body.get("pre_booking_confirmed_at")
    if kind == "purchase-booked":
        return body.get("booking_contract_signed_at")
    if kind == "purchase-signed":
        return body.get("sale_deed_signed_at")
    if kind == "purchase-canceled":
        return body.get("canceled_at")
    if kind == "purchase-notary-scheduled":
        return body.get("notary_appointment_set_at")
    return None


def is_news(kind: str, before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether evidence of a milestone is among what differs, what was taken in silently set aside."""
    if kind == "lead-assigned" and before.get("user") != after.get("user"):
        return True
    if kind == "lead-assigned" and before.get("assigned") != after.get("assigned"):
        return True
    return own_date(kind, before) != own_date(kind, after)


TABLE = [  # in the order of the record's life, which settles what falls on one moment
    "lead-opened", "lead-assigned", "lead-closed", "contract-offer-made", "contract-committed", "contract-scheduled",
    "contract-signed", "contract-collected", "purchase-pre-booked", "purchase-booked", "purchase-withdrawal-started",
    "purchase-awaiting-funding", "purchase-notary-to-schedule", "purchase-notary-scheduled", "purchase-signed",
    "purchase-canceled",
]  # fmt: skip


def instant(value: str) -> datetime:
    """When a date or a moment begins."""
    if len(value) == len("2026-01-01"):
        return datetime.fromisoformat(value).replace(tzinfo=PARIS).astimezone(UTC)
    return datetime.fromisoformat(value)


def in_order(kinds: set[str], body: dict[str, Any]) -> list[str]:
    """By their own dates those that have one, in their places in the table the others."""
    placed = sorted(kinds, key=TABLE.index)
    dated = [kind for kind in placed if own_date(kind, body) is not None]
    by_date = iter(sorted(dated, key=lambda kind: instant(own_date(kind, body))))
    return [next(by_date) if kind in dated else kind for kind in placed]


def fields_of(kind: str, status: str | None) -> set[str]:  # noqa: C901, PLR0912 - one line a milestone
    """The fields a milestone speaks for; the status only if it is exactly the milestone's."""
    fields = {"status"} if kind in STATUS_OF and STATUS_OF[kind] == status else set()
    if kind == "lead-opened":
        fields |= {"opened"}
    elif kind == "lead-assigned":
        fields |= {"assigned", "user"}
    elif kind == "lead-closed":
        fields |= {"closed"}
    elif kind == "contract-offer-made":
        fields |= {"offer_at"}
    elif kind == "contract-committed":
        fields |= {"commitment_at"}
    elif kind == "contract-signed":
        fields |= {"contract_at"}
    elif kind == "contract-collected":
        fields |= {"collected_at"}
    elif kind == "contract-scheduled":
        fields |= {"contract_scheduled_at"}
    elif kind == "purchase-pre-booked":
        fields |= {"pre_booking_confirmed_at"}
    elif kind == "purchase-booked":
        fields |= {"booking_contract_signed_at"}
    elif kind == "purchase-signed":
        fields |= {"sale_deed_signed_at"}
    elif kind == "purchase-canceled":
        fields |= {"canceled_at", "cancellation_type"}
    elif kind == "purchase-withdrawal-started":
        fields |= {"withdrawal_period_expires_at"}
    elif kind == "purchase-notary-scheduled":
        fields |= {"notary_appointment_set_at"}
    return fields


# --- what a change means, one chain a stream -------------------------------------------------------------------


def lead_undone(undone: set[str], left: dict[str, tuple[Any, Any]]) -> list[Told]:
    """A lead is reopened; opened or assigned emptied is a detail."""
    return [Told("lead-reopened", take(left, {"closed"}))] if "lead-closed" in undone else []


def moves(left: dict[str, tuple[Any, Any]], path: str) -> bool:
    """Whether something set became something else that is set."""
    return path in left and None not in left[path]


def lead_details(left: dict[str, tuple[Any, Any]]) -> list[Told]:
    """What else is told of a lead."""
    told = []
    if moves(left, "user") or moves(left, "assigned.user"):
        told.append(Told("lead-reassigned", take(left, {"user", "assigned"})))
    if "step" in left:
        told.append(Told("lead-step-changed", take(left, {"step"})))
    if left:
        told.append(Told("lead-updated", take(left, {top(path) for path in left})))
    return told


def contract_undone(undone: set[str], left: dict[str, tuple[Any, Any]]) -> list[Told]:
    """Dates that were reached and are no more; the appointment that moves is another matter."""
    fields: set[str] = set()
    for kind in undone - {"contract-scheduled"}:
        fields |= fields_of(kind, None)
    return [Told("contract-reverted", take(left, fields))] if fields else []


def contract_details(left: dict[str, tuple[Any, Any]]) -> list[Told]:
    """What else is told of a contract."""
    told = []
    if "contract_scheduled_at" in left:
        told.append(Told("contract-rescheduled", take(left, {"contract_scheduled_at"})))
    if "condition_precedent_at" in left:
        told.append(Told("contract-condition-dated", take(left, {"condition_precedent_at"})))
    amounts = take(left, CONTRACT_AMOUNTS | {"currency", "entries"})
    if amounts:
        told.append(Told("contract-amount-changed", amounts))
    if "step" in left:
        told.append(Told("contract-step-changed", take(left, {"step"})))
    if left:
        told.append(Told("contract-updated", take(left, {top(path) for path in left})))
    return told


def goes_back(status: tuple[Any, Any] | None) -> bool:
    """Whether the status is earlier in the life cycle than before; canceled is past all."""
    if status is None:
        return False
    before, after = status
    if after not in LIFE:
        return False
    return before == "canceled" or (before in LIFE and LIFE.index(after) < LIFE.index(before))


def purchase_undone(undone: set[str], left: dict[str, tuple[Any, Any]], back: bool) -> list[Told]:
    """A status that goes back, or milestones undone: told once for all."""
    if not undone and not back:
        return []
    fields = {"status", "cancellation_type"}
    for kind in undone:
        fields |= fields_of(kind, None)
    return [Told("purchase-reverted", take(left, fields))]


def purchase_details(left: dict[str, tuple[Any, Any]]) -> list[Told]:
    """What else is told of a purchase."""
    told = []
    if "status" in left and left["status"][1] not in STATUS_OF.values():
        told.append(Told("purchase-status-changed", take(left, {"status"})))
    if moves(left, "notary_appointment_set_at"):
        told.append(Told("purchase-notary-rescheduled", take(left, {"notary_appointment_set_at"})))
    if "option_expires_at" in left:
        told.append(Told("purchase-option-dated", take(left, {"option_expires_at"})))
    for kind, fields in (
        ("purchase-price-changed", PURCHASE_AMOUNTS),
        ("purchase-lots-changed", {"lots"}),
        ("purchase-buyers-changed", {"contacts"}),
    ):
        mine = take(left, fields)
        if mine:
            told.append(Told(kind, mine))
    if left:
        told.append(Told("purchase-updated", take(left, {top(path) for path in left})))
    return told


def meaning(
    stream: str, differs: dict[str, tuple[Any, Any]], body: dict[str, Any], passed: set[str], undone: set[str]
) -> list[Told]:
    """The events of a change: milestones claim first, then what was undone, then the details."""
    left = dict(differs)
    milestones = [Told(kind, take(left, fields_of(kind, body.get("status")))) for kind in in_order(passed, body)]
    if stream == "leads":
        return [*lead_undone(undone, left), *milestones, *lead_details(left)]
    if stream == "contracts":
        return [*contract_undone(undone, left), *milestones, *contract_details(left)]
    back = goes_back(differs.get("status"))
    return [*purchase_undone(undone, left, back), *milestones, *purchase_details(left)]


def back(differs: dict[str, tuple[Any, Any]], body: dict[str, Any], passed: set[str]) -> list[Told]:
    """The events of a record that is back: the milestones passed meanwhile claim first, its return tells the rest."""
    left = dict(differs)
    milestones = [Told(kind, take(left, fields_of(kind, body.get("status")))) for kind in in_order(passed, body)]
    return [Told("record-reappeared", left), *milestones]


# --- what is not told of people --------------------------------------------------------------------------------

PERSONAL = {"leads": {"lastname", "firstname", "email", "phone", "mobile", "fax", "message"},
            "contracts": {"contacts", "comment"}, "purchases": {"contacts"}}  # fmt: skip
IDENTITY = {"name", "lastname", "firstname", "email", "email1", "email2"}


def person(path: str) -> str:
    """Whose a path is: `contacts[7]` for a member of a list, else empty for the record's own."""
    return path[: path.index("]") + 1] if "]" in path else ""


def has_identity(body: dict[str, Any], whose: str) -> bool:
    """Whether a name or an e-mail address of somebody is left."""
    known = (body.get(top(whose)) or {}).get(whose.rsplit("[", maxsplit=1)[-1][:-1], {}) if whose else body
    return any(known.get(name) is not None for name in IDENTITY)


def discreet(stream: str, differs: dict[str, tuple[Any, Any]], body: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What differs, without what personal fields were before they were emptied, and nothing of who was erased."""
    personal = {path for path in differs if top(path) in PERSONAL[stream]}
    emptied = {path for path in personal if nothing(differs[path][1]) and not path.endswith("]")}
    named = {person(path) for path in emptied if path.split(".")[-1] in IDENTITY}
    erased = {whose for whose in named if not has_identity(body, whose)}
    hidden = {path for path in personal if path in emptied or person(path) in erased}
    return {
        path: ("***", now) if path in hidden and not nothing(was) else (was, now)
        for path, (was, now) in differs.items()
    }


# --- records and polls -----------------------------------------------------------------------------------------


@dataclass
class Known:
    """What is known of one record."""

    raw: str
    body: dict[str, Any]
    reached: set[str]
    seen: datetime  # when its last version was seen
    version: int = 1
    gone: bool = False
    absences: int = 0


@dataclass
class Oracle:
    """One source: tells what each poll and each alarm has to say."""

    stream: str
    known: dict[str, Known] = field(default_factory=dict)
    polled: bool = False

    def poll(
        self,
        bodies: list[dict[str, Any]],
        now: datetime,
        *,
        complete: bool = True,
        present: frozenset[str] = frozenset(),
    ) -> dict[str, list[Told]]:
        """Return what is told of each record of one read, by its id; `present` are there without being readable."""
        raws = {str(raw["id"]): raw for raw in bodies}
        seen = {key: canonical(self.stream, raw) for key, raw in raws.items()}
        crowd = self._crowd(seen)
        told = {key: self._see(key, repr(raws[key]), body, now, crowd) for key, body in seen.items()}
        for key in self.known.keys() - seen.keys():
            if key in present:
                self.known[key].absences = 0
            elif complete:
                told[key] = self._miss(key, now)
        self.polled = True
        return {key: events for key, events in told.items() if events}

    def ring(self, now: datetime) -> dict[str, list[Told]]:
        """Return what time alone has brought to each record, by its id."""
        told = {}
        for key, record in self.known.items():
            reached = reached_by(self.stream, record.body, record.reached, now)
            if not record.gone and reached != record.reached:
                told[key] = [Told(kind, {}) for kind in in_order(reached - record.reached, record.body)]
                record.reached = reached
        return told

    def _crowd(self, seen: dict[str, dict[str, Any]]) -> set[str]:
        """Return the fields that many records gain at once."""
        count = Counter(
            name
            for key, body in seen.items()
            if key in self.known
            for name in {re.sub(r"\[.*?\]", "[]", path) for path in gained(self.known[key].body, body)}
        )
        return {name for name, many in count.items() if many > 20 and many > 0.2 * len(self.known)}

    def _see(self, key: str, raw: str, body: dict[str, Any], now: datetime, crowd: set[str]) -> list[Told]:
        if key not in self.known:
            return self._first(key, raw, body, now)
        record = self.known[key]
        record.absences = 0
        if raw == record.raw and not record.gone:
            return []  # the same bytes say nothing: that a day has begun is for the alarm to tell
        before, after = compared(record.body, body, record.seen, crowd)
        # What is taken in silently reaches, and undoes, silently, but for what has other evidence that is news.
        at_sight = reached_by(self.stream, record.body, record.reached, now)
        taken = reached_by(self.stream, before, record.reached, now)
        silently = {kind for kind in taken - at_sight if not is_news(kind, before, after)}
        was = (record.reached | silently) - (at_sight - taken)
        reached = reached_by(self.stream, after, was, now)
        passed = {kind for kind in reached - was if evident(kind, after, now)}
        differs = discreet(self.stream, differing(before, after), after)
        was_gone = record.gone
        record.raw, record.body, record.reached, record.gone = raw, after, reached, False
        if differs or was_gone:
            record.version, record.seen = record.version + 1, now
        if was_gone:
            return back(differs, after, passed)
        return meaning(self.stream, differs, after, passed, was - reached)

    def _first(self, key: str, raw: str, body: dict[str, Any], now: datetime) -> list[Told]:
        reached = reached_by(self.stream, body, set(), now)
        self.known[key] = Known(raw, body, reached, now)
        if not self.polled:
            return []
        new = {name: (None, value) for name, value in body.items() if not nothing(value)}
        passed = {kind for kind in reached if evident(kind, body, now)}
        return [Told(f"new-{self.stream[:-1]}", new), *(Told(kind, {}) for kind in in_order(passed, body))]

    def _miss(self, key: str, now: datetime) -> list[Told]:
        record = self.known[key]
        record.absences += 1
        if record.gone or record.absences < 2:
            return []
        record.gone, record.version, record.seen = True, record.version + 1, now
        return [Told(f"{self.stream[:-1]}-removed", {})]
