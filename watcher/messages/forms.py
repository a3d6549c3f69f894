"""How values read in a language: money, dates, labels, paths and names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from watcher.messages.fields import CODES_ONLY, DATES, MONEY, NAMED, RATES, UNTOLD, WITHHELD, Step, hidden, steps
from watcher.messages.text import plain
from watcher.messages.words import Words

NOTHING = "—"

_SIGNS = {"EUR": "€", "GBP": "£", "USD": "$"}
_MOST = 10**15
_IN_MINUTES, _IN_HOURS = 180, 48
"""Up to so many minutes they are said, then whole hours up to so many, then days."""

_REACH = ("phone1", "phone2", "email1", "email2")


def empty(value: Any) -> bool:
    """Say whether there is nothing to show."""
    return value is None or value in ("", WITHHELD) or (isinstance(value, (list, dict)) and not value)


def lower_first(text: str) -> str:
    """A label in the middle of a sentence; abbreviations (TVA, VAT) stay as they are."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


@dataclass(frozen=True, slots=True)
class Forms:
    """One language for one stream's records. `names` are the names that the caller knows, by kind and id.

    `personal` is true where the people behind contracts and purchases may be shown.
    """

    words: Words
    zone: ZoneInfo
    stream: str
    names: Mapping[tuple[str, str], str]
    personal: bool | None = None

    def hidden(self) -> frozenset[str]:
        """The fields of which no more is told than that they changed."""
        private = () if self.personal else hidden(self.stream)
        return frozenset((*private, *UNTOLD.get(self.stream, ())))

    # ------------------------------------------------------------------------------------------------- plain values

    def number(self, value: float) -> str:
        """A number, its thousands apart."""
        if not -_MOST < value < _MOST:  # no amount of anything here; also infinite, and not a number
            return f"{Decimal(value):.3E}"
        return self._apart(f"{round(value, 2):,.2f}".rstrip("0").rstrip("."))

    def more(self, count: int) -> str:
        """That there are so many more, which are not shown."""
        return self.words.more[count > 1].format(self.number(count))

    def money(self, value: float, currency: str) -> str:
        """An amount, with cents when it has some, and its currency's sign where it has one, else its code."""
        cents = -_MOST < value < _MOST and round(value, 2) != int(value)
        amount = self._apart(f"{value:,.2f}") if cents else self.number(value)
        return self.words.money.format(amount, _SIGNS.get(currency) or currency + self.words.code_gap)

    def _apart(self, written: str) -> str:
        return written.translate({ord(","): self.words.thousands, ord("."): self.words.decimal})

    def day(self, day: date) -> str:
        """A date: `15 août 2020`."""
        return f"{self._of_month(day)} {self.words.months[day.month - 1]} {day.year}"

    def moment(self, moment: datetime) -> str:
        """A moment in the people's own zone: `21 nov. 2026 à 11:02`; at midnight it is a date."""
        local = moment.astimezone(self.zone)
        if (local.hour, local.minute, local.second) == (0, 0, 0):
            return self.day(local.date())
        day = f"{self._of_month(local)} {self.words.months_short[local.month - 1]} {local.year}"
        return self.words.moment.format(day, f"{local:%H:%M}")

    def short_day(self, moment: datetime) -> str:
        """The day of a moment, when the year goes without saying: `21 nov.`."""
        local = moment.astimezone(self.zone)
        return f"{self._of_month(local)} {self.words.months_short[local.month - 1]}"

    def _of_month(self, day: date) -> str:
        return self.words.first_of_month if day.day == 1 else str(day.day)

    def when(self, text: str) -> str:
        """A date or a moment of a canonical record; text that is neither stays as it is."""
        try:
            if len(text) == len("2026-11-21"):
                return self.day(date.fromisoformat(text))
            moment = datetime.fromisoformat(text)
            return self.moment(moment) if moment.tzinfo else text
        except (ValueError, OverflowError):
            return text

    def lapse(self, lapse: timedelta) -> str:
        """How long: `3 min`, `5 h`, `12 j`; empty under a minute."""
        seconds = abs(lapse.total_seconds())
        for size, unit in zip((86400, 3600, 60), self.words.units, strict=True):
            if seconds >= size:
                return f"{int(seconds // size)}\u00a0{unit}"
        return ""

    def about(self, lapse: timedelta) -> str:
        """How long, as people say it, rounded: `15 min`, `1 h 45 min`, `24 h`, `10 j`; empty under half a minute."""
        minutes = round(abs(lapse.total_seconds()) / 60)
        days, hours, short = self.words.units
        if minutes < _IN_MINUTES:
            parts = ((minutes // 60, hours), (minutes % 60, short))
            return "\u00a0".join(f"{count}\u00a0{unit}" for count, unit in parts if count)
        whole = round(minutes / 60)
        return f"{whole}\u00a0{hours}" if whole < _IN_HOURS else f"{whole // 24}\u00a0{days}"

    def age(self, then: datetime, now: datetime) -> str:
        """How long ago, or in how long."""
        lapse = self.lapse(now - then)
        if not lapse:
            return self.words.just_now
        return (self.words.ago if now >= then else self.words.ahead).format(lapse)

    # ------------------------------------------------------------------------------------------------ values of fields

    def value(self, path: str, value: Any, record: Mapping[str, Any]) -> str:
        """The value of a field, as people read it."""
        name = steps(path)[-1].name
        if empty(value):
            return NOTHING
        if isinstance(value, bool):
            return self.words.yes if value else self.words.no
        if isinstance(value, (int, float)):
            return self._quantity(path, name, value, record)
        if isinstance(value, list):
            return ", ".join(self.value(path, member, record) for member in value[:20])
        if isinstance(value, Mapping):
            return self._object(path, value, record)
        return self._text(path, name, str(value), record)

    def _quantity(self, path: str, name: str, value: float, record: Mapping[str, Any]) -> str:
        if name in MONEY or "price" in path.split("."):  # a bound of the price that a lead has in mind
            currency = record.get("currency")
            return self.money(value, currency if isinstance(currency, str) else "EUR")
        return self.words.percent.format(self.number(value)) if name in RATES else self.number(value)

    def _text(self, path: str, name: str, value: str, record: Mapping[str, Any]) -> str:
        known = self.words.codes.get(name, {}).get(value) or self._named(name, value)
        if known:
            return known
        if DATES.fullmatch(name):
            return self.when(value)
        return self._displayed(path, value, record) or value

    def _named(self, name: str, value: str) -> str | None:
        kind = NAMED.get((self.stream, name))
        return self.names.get((kind, value)) if kind else None

    @staticmethod
    def _displayed(path: str, value: str, record: Mapping[str, Any]) -> str | None:
        """The vendor's own label (`status_display`), which stands beside the value that a record has now."""
        holder, name = record, steps(path)[-1].name
        for step in steps(path)[:-1]:
            inner = _member(holder, step)
            if not isinstance(inner, Mapping):
                return None
            holder = inner
        label = holder.get(f"{name}_display") if holder.get(name) == value else None
        return label if isinstance(label, str) else None

    def _object(self, path: str, value: Mapping[str, Any], record: Mapping[str, Any]) -> str:
        if "date" in value or "user" in value:
            return self._stamp(value, record)
        if path.startswith("lots"):
            return self.lot(value)
        names = (full_name(value), *(value.get(name) for name in ("fullname", "shortname", "id")))
        for name in names:
            if not empty(name):
                return str(name)
        if value.keys() & {"min", "max"}:
            return self._span(path, value, record)
        shown = {
            f"{path}.{name}": inner for name, inner in value.items() if name not in CODES_ONLY and not empty(inner)
        }
        if path.count(".") > 2:  # noqa: PLR2004 - no field that we know lies deeper
            return str(len(shown))
        return ", ".join(
            f"{lower_first(self.label(at, {}))} {self.value(at, shown[at], record)}" for at in self.worthiest(shown)
        )

    def _stamp(self, value: Mapping[str, Any], record: Mapping[str, Any]) -> str:
        """Apimo's `{date, user}`: when, and by whom."""
        user = "" if empty(value.get("user")) else self.words.agent.format(self.value("user", value["user"], record))
        day = "" if empty(value.get("date")) else self.value("date", value["date"], record)
        return ", ".join(part for part in (day, user) if part) or NOTHING

    def _span(self, path: str, value: Mapping[str, Any], record: Mapping[str, Any]) -> str:
        currency = value.get("currency")
        of = {**record, "currency": currency} if isinstance(currency, str) else record
        low, high = (None if empty(value.get(end)) else self.value(path, value[end], of) for end in ("min", "max"))
        if low and high:
            return self.words.span.format(low, high)
        return self.words.from_on.format(low) if low else self.words.up_to.format(high) if high else NOTHING

    def person(self, person: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Somebody behind a contract or a purchase: who it is, and how to reach them, a line each."""
        label = self.words.items.get(self.stream, {}).get("contacts", "{}").replace("{}", "").strip()
        if name := full_name(person):
            yield label, name
        for field in _REACH:
            if not empty(person.get(field)):
                yield f"{label} · {lower_first(self._inner(f'contacts.{field}', field))}", str(person[field])

    def lot(self, lot: Mapping[str, Any]) -> str:
        """A lot in a few words: what it is, and its price."""
        kinds = (lot.get("type"), lot.get("typology"))
        labels = (self._lot_part(lot, name, kind) for name, kind in zip(("type", "typology"), kinds, strict=True))
        price = lot.get("discounted_price_including_vat")
        price = lot.get("price_including_vat") if empty(price) else price
        cost = self.value("lots.price_including_vat", price, {}) if not empty(price) else ""
        return ", ".join(part for part in (*labels, cost) if part) or NOTHING

    def _lot_part(self, lot: Mapping[str, Any], name: str, code: Any) -> str:
        if empty(code):
            return ""
        return self.words.codes.get(name, {}).get(str(code)) or str(lot.get(f"{name}_display") or code)

    # ---------------------------------------------------------------------------------------------------- labels, names

    def label(self, path: str, record: Mapping[str, Any], was: Any = None) -> str:
        """What a field is called: `Statut`, `Lot A313 · statut`. `was` names a member that is no longer there."""
        first, *rest = steps(path)
        labels = self.words.fields.get(self.stream, {})
        if first.key is None:
            names = [step.name for step in (first, *rest)]
            known = (labels.get(".".join(names[:length])) for length in range(len(names), 0, -1))
            return next(filter(None, known), path)
        item = self.words.items.get(self.stream, {}).get(first.name, first.name + " {}")
        whole = item.format(self._reference(record, first, was))
        if not rest:
            return whole
        inner = ".".join((first.name, *(step.name for step in rest)))
        return f"{whole} · {lower_first(self._inner(inner, rest[-1].name))}"

    def _reference(self, record: Mapping[str, Any], step: Step, was: Any) -> str:
        """What a member of a list is called: by its reference, by its name where that may be shown, else by its key."""
        member = _member(record, step) or was
        if not isinstance(member, Mapping):
            return plain(str(step.key), 40)
        name = full_name(member) if step.name == "contacts" and self.personal else ""
        return plain(str(member.get("reference") or name or step.key), 40)

    def _inner(self, path: str, name: str) -> str:
        return self.words.fields.get(self.stream, {}).get(path) or name

    def worthiest(self, paths: Iterable[str]) -> list[str]:
        """The paths in the order in which the table of labels has their fields."""
        order = {path: place for place, path in enumerate(self.words.fields.get(self.stream, {}))}

        def rank(path: str) -> tuple[int, str]:
            names = [step.name for step in steps(path)]
            return order.get(".".join(names), order.get(names[0], len(order))), path

        return sorted(paths, key=rank)

    def name(self, kind: str, key: str) -> str:
        """The name that the caller knows for an id, else the id."""
        return plain(self.names.get((kind, key)) or key, 80)

    def fill(self, template: str, record: Mapping[str, Any]) -> str:
        """A point such as `expire le {withdrawal_period_expires_at}`; empty where no field that it names is set."""
        match = re.search(r"\{([^}]+)\}", template)
        for path in match[1].split("|") if match else ():
            value = find(record, path)
            if not empty(value):
                shown = self.value(path, value, record)
                shown = lower_first(shown) if steps(path)[-1].name in self.words.codes else shown
                return template.replace(match[0], plain(shown, 80)) if match else ""
        return ""


def find(record: Mapping[str, Any], path: str) -> Any:
    """The value at a path of a record, None where there is none."""
    value: Any = record
    for step in steps(path):
        if not isinstance(value, Mapping):
            return None
        value = _member(value, step) if step.key is not None else value.get(step.name)
    return value


def _member(holder: Mapping[str, Any], step: Step) -> Any:
    inner = holder.get(step.name)
    if step.key is None or not isinstance(inner, list):
        return inner
    members = (member for member in inner if isinstance(member, Mapping))
    return next((member for member in members if str(member.get("id")) == step.key), None)


def full_name(person: Mapping[str, Any]) -> str:
    """What somebody is called: first name and name, else the company's; empty where none is known."""
    name = " ".join(str(person[part]) for part in ("firstname", "name") if not empty(person.get(part)))
    company = person.get("company_name")
    return name or ("" if empty(company) else str(company))
