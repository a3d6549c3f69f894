"""What a language has to say: the shape of the tables in `french` and `english`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple


class Said(NamedTuple):
    """How one type of event is told.

    `{it}` in the title is the record and where it is. `point` follows a dash and names one field of the record in
    braces (or several, the first that is set: `{user|assigned.user}`); it is left out where the field is empty.
    `advice` is what to do next.
    """

    title: str
    point: str = ""
    advice: str = ""


class Trouble(NamedTuple):
    """How a trouble of watcher's own is told when it begins and when it ends; `{it}` is what it is about."""

    began: str
    ended: str
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """One language.

    `fields` has the labels of a stream's fields by path, worthiest first, which is also the order of the lines. `items`
    names the members of its lists, `nouns` a record that has no better name, `places` a partition, as a label and in a
    sentence. `codes` labels the
    values of a field, by its last name. Of the patterns, `money` takes a number and a sign, `span` two bounds.
    """

    language: str
    events: Mapping[str, Said]
    troubles: Mapping[str, Trouble]
    fields: Mapping[str, Mapping[str, str]]
    items: Mapping[str, Mapping[str, str]]
    nouns: Mapping[str, str]
    places: Mapping[str, tuple[str, str]]
    codes: Mapping[str, Mapping[str, str]]

    unknown: str
    duplicate: str
    lots: str
    agent: str
    lasted: str
    since: str
    detail: str
    more: str

    yes: str
    no: str
    added: str
    removed: str
    changed: str
    erased: str

    thousands: str
    decimal: str
    money: str
    code_gap: str
    percent: str
    span: str
    from_on: str
    up_to: str
    months: tuple[str, ...]
    months_short: tuple[str, ...]
    first_of_month: str
    moment: str
    units: tuple[str, str, str]
    just_now: str
    ago: str
    ahead: str
