"""What may happen to a vendor's records, and the many ways in which the vendors write the same.

A record's truth is kept in plain values (texts, numbers, dates as `datetime` or `date`); `written` dresses it as the
vendor may, by a seed.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

PARIS = ZoneInfo("Europe/Paris")
KEYS = ["1", "2", "3"]
# --- how the vendors write -------------------------------------------------------------------------------------

CODES = {"id", "parent", "provider", "type", "step", "property", "contact", "request", "user", "agency", "lead_id",
         "category", "subtype"}  # fmt: skip
AMOUNTS = {"price", "price_net", "commission", "commission_agency", "commission_owner", "commission_customer", "vat",
           "vat_rate", "deposit", "deposit_amount", "price_including_vat", "price_excluding_vat", "amount", "min",
           "max", "children", "resides_since"}  # fmt: skip
DATES = {"date", "birthdate", "opened", "assigned", "closed"}
NOISE = {
    "updated_at",
    "created_at",
    "status_display",
    "type_display",
    "title_display",
    "comment_of_ours",
    "primpromo_id",
}


def is_date(name: str) -> bool:
    """Say whether a field is a date, or may be one."""
    return name in DATES or name.endswith("_at")


def written_date(value: Any, apimo: bool, luck: Random | None) -> str:
    """A date or a moment in one of the ways of the vendor."""
    if isinstance(value, datetime):
        local = value.astimezone(PARIS)
        if luck and local.time() == time(0) and luck.random() < 0.5:
            return local.date().isoformat()
        if apimo:
            return local.strftime("%Y-%m-%d %H:%M:%S")
        return value.astimezone(UTC).strftime(
            "%Y-%m-%dT%H:%M:%S" + (luck.choice([".000000Z", "Z"]) if luck else ".000000Z")
        )
    if luck and luck.random() < 0.5:
        return written_date(datetime.combine(value, time(0), PARIS), apimo, None)
    return str(value.isoformat())


def written_scalar(name: str, value: Any, apimo: bool, luck: Random | None) -> Any:
    """A value in one of the ways of the vendor: types flip, nothing has many names."""
    if isinstance(value, date):
        return written_date(value, apimo, luck)
    ways = [value]
    if value is None:
        ways = [None, "", "0000-00-00", "0000-00-00 00:00:00"] if is_date(name) else [None, ""]
    elif name in CODES and str(value).isdigit():
        ways = [str(value), int(value)]
    elif name in AMOUNTS:
        ways = [value, str(value), f"{value:.2f}", float(value), value + 0.001]
    return luck.choice(ways) if luck else value


def written(truth: Any, apimo: bool, luck: Random | None, name: str = "") -> Any:
    """A record, or a part of one, as the vendor writes it this time."""
    if isinstance(truth, list):
        members = [written(each, apimo, luck, name) for each in truth]
        if luck:
            luck.shuffle(members)
        return members
    if not isinstance(truth, dict):
        return written_scalar(name, truth, apimo, luck)
    if luck and truth.keys() == {"date"} and truth["date"] is not None and luck.random() < 0.5:
        return written_date(truth["date"], apimo, luck)
    form = {
        inner: written(value, apimo, luck, inner)
        for inner, value in truth.items()
        if inner in ("id", "contact") or luck is None or luck.random() > 0.06
    }
    if luck and name in ("", "lots", "contacts"):
        form |= {extra: luck.choice(["a", "b", 1]) for extra in NOISE if luck.random() < 0.2}
        form |= {"updated_at": luck.choice(["2026-01-02 10:00:00", "2026-01-03 10:00:00"])}
    return form


# --- the values of the fields ----------------------------------------------------------------------------------


class At(NamedTuple):
    """A date to be: so many hours from now, as a moment, as its Paris day, or as the midnight of it."""

    hours: int
    form: str

    def resolved(self, now: datetime) -> date:
        """The date it is, seen from now."""
        moment = now + timedelta(hours=self.hours)
        if self.form == "moment":
            return moment
        day = moment.astimezone(PARIS).date()
        return day if self.form == "day" else datetime.combine(day, time(0), PARIS).astimezone(UTC)


def resolved(value: Any, now: datetime) -> Any:
    """A value with its dates as seen from now."""
    if isinstance(value, At):
        return value.resolved(now)
    if isinstance(value, dict):
        return {name: resolved(part, now) for name, part in value.items()}
    return [resolved(part, now) for part in value] if isinstance(value, list) else value


Draw = Callable[[Random], Any]
"""Makes a value of a field."""


def one_of(*values: Any) -> Draw:
    """Any of these values; a function makes one."""

    def draw(luck: Random) -> Any:
        value = luck.choice(values)
        return value(luck) if callable(value) else value

    return draw


def objects(fields: dict[str, Draw]) -> Draw:
    """Objects with all of these fields."""
    return lambda luck: {name: draw(luck) for name, draw in fields.items()}


def some_of(values: list[str]) -> Draw:
    """Lists of some of these."""
    return lambda luck: luck.sample(values, luck.randint(0, len(values)))


def soon(luck: Random) -> At:
    """A date, more often than not near now."""
    hours = luck.randint(-3, 3) if luck.random() < 0.4 else luck.randint(-24 * 8, 24 * 5)
    return At(hours, luck.choice(["moment", "day", "midnight"]))


hard = one_of("2026-10-25 02:30:00", "2026-10-26 00:00:00", "2026-03-29 02:30:00")  # twice, 25 hours on, never
date_or_none = one_of(None, soon, soon, soon, soon, hard)
user = one_of(None, "7", "8")
touch = one_of(None, objects({"date": soon}), objects({"date": date_or_none, "user": user}), objects({"user": user}))
amount = one_of(None, 0, 20, 5.5, 1500.25, 188882)
few = one_of(None, "1", "2")
word = one_of(None, "a", "b")
flag = one_of(None, True, False)
price = objects({"min": amount, "max": amount, "currency": word})
cities, types = some_of(["Nice", "Cannes", "Antibes"]), some_of(["1", "2"])
wish = one_of(None, objects({"category": few, "price": one_of(None, price), "cities": cities, "types": types}))
owner = one_of(None, objects({"id": one_of(1, 2), "fullname": word, "email": word}))
status = one_of(
    "pending-pre-booking", "pre-booked", "booked", "withdrawal-period", "awaiting-funding", "notary-appointment-to-be-set",
    "notary-appointment-set", "signed", "canceled", "under-review", None)  # fmt: skip

TELLING: dict[str, dict[str, Draw]] = {  # the fields that milestones are made of
    "leads": {"opened": touch, "assigned": touch, "closed": touch, "user": user},
    "contracts": {
        "offer_at": date_or_none, "commitment_at": date_or_none, "contract_scheduled_at": date_or_none,
        "contract_at": date_or_none, "collected_at": date_or_none,
    },
    "purchases": {
        "status": status, "pre_booking_confirmed_at": date_or_none, "booking_contract_signed_at": date_or_none,
        "withdrawal_period_expires_at": date_or_none, "notary_appointment_set_at": date_or_none,
        "sale_deed_signed_at": date_or_none, "canceled_at": date_or_none, "cancellation_type": word,
    },
}  # fmt: skip
OTHERS: dict[str, dict[str, Draw]] = {
    "leads": {"step": few, "email": word, "property": few, "date": date_or_none, "criteria": wish, "message": word},
    "contracts": {
        "project_at": date_or_none, "condition_precedent_at": date_or_none, "legal_notice_at": date_or_none,
        "step": few, "price": amount, "commission_agency": amount, "vat": amount, "vat_rate": amount,
        "deposit": amount, "currency": word, "comment": word,
    },
    "purchases": {
        "option_expires_at": date_or_none, "price_including_vat": amount, "vat_rate": amount, "owner": owner,
        "lead_id": few,
    },
}  # fmt: skip
MEMBERS: dict[str, dict[str, tuple[str, dict[str, Draw]]]] = {  # of lists: their key and their fields
    "leads": {},
    "contracts": {
        "contacts": ("contact", {"type": few}),
        "entries": ("id", {"user": user, "amount": amount, "type": few}),
    },
    "purchases": {
        "lots": ("id", {"reference": word, "status": word, "price_including_vat": amount, "is_primary": flag}),
        "contacts": ("id", {"name": word, "children": amount, "birthdate": date_or_none, "has_broker": flag}),
    },
}


def blank(stream: str) -> dict[str, Any]:
    """A record that has every field, and nothing in any."""
    return dict.fromkeys(TELLING[stream] | OTHERS[stream]) | {name: [] for name in MEMBERS[stream]}


# --- what happens ----------------------------------------------------------------------------------------------


class Put(NamedTuple):
    """Fields get values."""

    values: dict[str, Any]


class Inside(NamedTuple):
    """Fields of one member of a list get values."""

    name: str
    number: int
    values: dict[str, Any]


class Drop(NamedTuple):
    """A field is not sent any more."""

    name: str


Edit = Put | Inside | Drop


def some(fields: dict[str, Draw], luck: Random, share: float = 0.5) -> dict[str, Any]:
    """Values for some of the fields."""
    return {name: draw(luck) for name, draw in fields.items() if luck.random() < share}


def an_edit(stream: str, luck: Random) -> Edit:
    """Something that happens to a record."""
    which = luck.random()
    if which < 0.3:
        return Put(some(TELLING[stream], luck))
    if which < 0.6:
        name = luck.choice(list(TELLING[stream]))
        return Put({name: TELLING[stream][name](luck)})
    if which < 0.8 or not MEMBERS[stream]:
        return Put(some(OTHERS[stream], luck, 0.2))
    if which < 0.84:
        return Drop(luck.choice(list(blank(stream))))
    name = luck.choice(list(MEMBERS[stream]))
    key, inner = MEMBERS[stream][name]
    if which < 0.92:
        return Inside(name, luck.randint(0, 2), some(inner, luck))
    return Put({name: [{key: each} | some(inner, luck, 0.8) for each in luck.sample([41, 42, 43], luck.randint(0, 3))]})


def edited(truth: dict[str, Any], edit: Edit, now: datetime) -> dict[str, Any]:
    """A record after something happened to it."""
    match edit:
        case Put(values):
            return truth | resolved(values, now)
        case Drop(name):
            return {kept: value for kept, value in truth.items() if kept != name}
        case Inside(name, number, values) if truth.get(name):
            members = list(truth[name])
            members[number % len(members)] = members[number % len(members)] | resolved(values, now)
            return truth | {name: members}
    return truth


# --- what happens to a world -----------------------------------------------------------------------------------

Step = tuple[str, dict[str, Any]]
HOWS = ["good", "good", "good", "partial", "garbled", "failed", "refused"]
WAITS = [1, 10, 90, 360, 720, 1440, 4320]

seeds = st.integers(0, 2**32)


def edits(stream: str) -> st.SearchStrategy[list[Edit]]:
    """Some things that happen to a record between two looks at it."""
    return st.lists(seeds.map(lambda seed: an_edit(stream, Random(seed))), min_size=1, max_size=4)


def steps(stream: str) -> dict[str, dict[str, st.SearchStrategy[Any]]]:
    """What may happen next to a `World`: its methods and their arguments."""
    number, happened, sometimes = st.integers(0, 3), edits(stream), st.booleans()
    return {
        "change": {"number": number, "happened": happened},
        "be_seen": {"number": number, "happened": happened},
        "come": {"happened": happened, "bare": sometimes},
        "go": {
            "number": number, "looks": st.integers(0, 2), "on_time": sometimes, "returns": sometimes,
            "happened": happened,
        },
        "passes": {"minutes": st.sampled_from(WAITS), "on_time": sometimes},
        "ring": {},
        "poll": {"how": st.sampled_from(HOWS), "seed": seeds, "some": st.frozensets(st.sampled_from(["0", *KEYS]))},
    }  # fmt: skip


def a_step(stream: str, seed: int) -> Step:
    """What happens next, by a seed."""
    luck = Random(seed)
    number, on_time = luck.randint(0, 3), luck.random() < 0.5
    happened = [an_edit(stream, luck) for _ in range(luck.randint(1, 3))]
    name = luck.choice(["be_seen", "be_seen", "be_seen", "be_seen", "change", "come", "go", "passes", "ring", "poll"])
    arguments: dict[str, dict[str, Any]] = {
        "change": {"number": number, "happened": happened},
        "be_seen": {"number": number, "happened": happened},
        "come": {"happened": happened, "bare": luck.random() < 0.5},
        "go": {"number": number, "looks": luck.randint(0, 2), "on_time": on_time, "returns": luck.random() < 0.7,
               "happened": happened},
        "passes": {"minutes": luck.choice(WAITS), "on_time": on_time},
        "ring": {},
        "poll": {"how": luck.choice(HOWS), "seed": seed, "some": frozenset(luck.sample(["0", *KEYS], luck.randint(0, 4)))},
    }  # fmt: skip
    return name, arguments[name]


@st.composite
def lives(draw: st.DrawFn, stream: str) -> list[Step]:
    """Long histories, dense with events; a seed a step, so that they are quick to make and can lose steps."""
    return [a_step(stream, draw(seeds)) for _ in range(draw(st.integers(0, 80)))]
