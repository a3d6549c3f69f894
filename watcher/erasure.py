"""Finding one person in what is stored: by e-mail address, by telephone number in whatever spelling, by name.

Pure. A person is looked for in clear and, with the key of the store's hashes, where only a hash is kept: the usual
spellings of what is known are hashed and compared.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from watcher.model import Body
from watcher.privacy import STARS, hashed
from watcher.streams.canonical import EXPIRED, GONE, WITHHELD
from watcher.streams.stream import Stream
from watcher.veil import member

_LEAST_DIGITS = 6
"""Digits that a telephone number has at least; fewer say nothing of a person."""

_LEAST_TEXT = 12
"""Characters from which on a free text is somebody's own."""

_GAP = r"[\s\u00a0\u202f.\-/()_]*"
"""What may stand between two digits of a telephone number."""

_NAME, _MAIL, _PHONE = re.compile(r"(last|first)?name"), re.compile(r"e?mail\d?"), re.compile(r"(phone|mobile|fax)\d?")


def email(text: str) -> str:
    """An e-mail address in the one form in which two are compared. Raises ValueError for what is none."""
    found = text.strip().casefold()
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", found):
        raise ValueError(f"{text!r} is no e-mail address")
    return found


def phone(text: str) -> str:
    """A telephone number in the one form in which two are compared: the digits that come after 0 or +33, else all.

    Raises ValueError for what has too few digits.
    """
    digits = re.sub(r"\D", "", text.replace("(0)", ""))
    if len(digits) < _LEAST_DIGITS:
        raise ValueError(f"{text!r} is no telephone number")
    french = re.fullmatch(r"(?:00330?|330?|0)([1-9]\d{8})|([1-9]\d{8})", digits)
    if french and (not text.strip().startswith("+") or digits.startswith("33")):
        return french[1] or french[2]
    return digits.removeprefix("00").lstrip("0") or digits


def spellings_of_phone(text: str) -> frozenset[str]:
    """The usual ways to write that number."""
    known = phone(text)
    found = {text.strip(), known, f"+{known}", f"00{known}"}
    if re.fullmatch(r"[1-9]\d{8}", known):
        pairs = [known[0], *(known[at : at + 2] for at in range(1, 9, 2))]
        for gap in ("", " ", ".", "-", "/", "\u00a0"):
            rest = gap.join(pairs)
            found |= {f"0{rest}", f"+33{rest}", f"0033{rest}", f"33{rest}", f"+33(0){rest}"}
            found |= {f"+33{gap}{rest}", f"0033{gap}{rest}", f"+33 (0){rest}", f"+33 (0) {rest}", f"33{gap}{rest}"}
    return frozenset(found)


def spellings_of_email(text: str) -> frozenset[str]:
    """The usual ways to write that address: as it is, small, large, with a large first letter."""
    plain = text.strip()
    name, _, domain = plain.partition("@")
    low = plain.lower()
    dotted = ".".join(part.capitalize() for part in name.split("."))
    return frozenset({plain, low, plain.upper(), low.capitalize(), f"{name.upper()}@{domain.lower()}",
                      f"{name}@{domain.lower()}", f"{dotted}@{domain.lower()}"})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whom to find: the address or the number in its comparable form, and the hashes of its spellings."""

    email: str = ""
    phone: str = ""
    hashes: frozenset[str] = frozenset()

    @classmethod
    def of(cls, key: bytes, *, email_as: str | None = None, phone_as: str | None = None) -> Wanted:
        """Whom an address or a number means. Raises ValueError for what is neither."""
        spelled = spellings_of_email(email_as) if email_as else frozenset()
        spelled |= spellings_of_phone(phone_as) if phone_as else frozenset()
        hashes = {hashed(one, key).removeprefix(WITHHELD) for one in spelled}
        return cls(email(email_as) if email_as else "", phone(phone_as) if phone_as else "", frozenset(hashes))

    def is_(self, name: str, value: Any) -> bool:
        """Say whether the value of a field of that name is this address or this number."""
        if not isinstance(value, str) or value == GONE:
            return False
        if value.startswith(WITHHELD):
            return value.removeprefix(EXPIRED).removeprefix(WITHHELD) in self.hashes
        if self.email and _MAIL.fullmatch(name):
            return value.strip().casefold() == self.email
        return bool(self.phone and _PHONE.fullmatch(name)) and _same_number(value, self.phone)


def _same_number(value: str, wanted: str) -> bool:
    try:
        return phone(value) == wanted
    except ValueError:
        return False


# ----------------------------------------------------------------------------------------------- the people in a record


def people(stream: Stream, body: Body) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Everybody in a record with a place of his own (see `veil.Whose`), and what is known of him there."""
    if own := {name: body[name] for name in stream.personal if name in body}:
        yield "", own
    for name, value in body.items():
        if f"{name}[]" in stream.personal and isinstance(value, list):
            yield from ((f"{name}[{member(one)}]", one) for one in value if isinstance(one, dict))
        elif name not in stream.personal and isinstance(value, dict) and any(map(_MAIL.fullmatch, value)):
            yield name, value  # somebody of the staff


def meant(stream: Stream, body: Body, wanted: Wanted) -> frozenset[str]:
    """The places of a record that are this person's."""
    return frozenset(
        whose for whose, known in people(stream, body) if any(wanted.is_(name, value) for name, value in known.items())
    )


# ------------------------------------------------------------------------------------------------ traces in other texts


@dataclass(frozen=True, slots=True)
class Traces:
    """What gives a person away in any text. `strong` is nobody else's; a `weak` one, a name or a text, may be."""

    strong: re.Pattern[str] | None = None
    weak: re.Pattern[str] | None = None

    @classmethod
    def of(cls, known: Iterable[tuple[str, Any]]) -> Traces:
        """The traces of somebody of whom these fields are known, by their names."""
        values = {(name, value.strip()) for name, value in known if _is_clear(value)}
        strong = [pattern for name, value in values for pattern in _strong(name, value)]
        names = {value for name, value in values if _NAME.fullmatch(name)}
        strong += [_literal(f"{one} {two}") for one in names for two in names - {one}]
        # What somebody wrote may be a form's own words, which others sent too: theirs stay.
        wrote = {value for name, value in values if not _NAME.fullmatch(name) and len(value) >= _LEAST_TEXT}
        weak = [*strong, *(_literal(text) for text in names | wrote if len(text) > 1)]
        return cls(_any_of(strong), _any_of(weak))

    def clean(self, text: str, *, weak: bool = False) -> str:
        """The text with `***` in place of each trace."""
        pattern = self.weak if weak else self.strong
        return pattern.sub(STARS, text) if pattern else text

    def spoiled(self, value: Any) -> Any:
        """A form in which nothing is kept of each value with a strong trace in it, in whatever depth."""
        if isinstance(value, dict):
            return {name: self.spoiled(inner) for name, inner in value.items()}
        if isinstance(value, list):
            inner = [self.spoiled(one) for one in value]
            return GONE if any(one == GONE != was for one, was in zip(inner, value, strict=True)) else inner
        return GONE if isinstance(value, str) and self.strong and self.strong.search(value) else value


def _is_clear(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip()) and value != STARS and not value.startswith(WITHHELD)


def _strong(name: str, value: str) -> Iterator[str]:
    """The patterns of what is nobody else's: addresses, numbers."""
    if "@" in value and " " not in value:
        yield _literal(value)
    elif _PHONE.fullmatch(name):
        try:
            yield _number(phone(value))
        except ValueError:
            return


def _number(digits: str) -> str:
    prefix = rf"(?:(?:\+|00)?33{_GAP}(?:0{_GAP})?|0)?" if re.fullmatch(r"[1-9]\d{8}", digits) else r"(?:\+|00)?"
    return rf"(?<!\d){prefix}{_GAP.join(digits)}(?!\d)"


def _literal(text: str) -> str:
    """That text as it may stand in others: plain, in JSON, in HTML, in an address of the web."""
    forms = {text, html.escape(text), quote(text), quote(text, safe="")}
    forms |= {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    body = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
    return rf"(?<!\w)(?:{body})(?!\w)"


def _any_of(patterns: Iterable[str]) -> re.Pattern[str] | None:
    found = sorted(set(patterns), key=len, reverse=True)
    return re.compile("|".join(found), re.IGNORECASE) if found else None
