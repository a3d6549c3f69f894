"""What a language has to say: the shape of the tables in `french` and `english`."""

from __future__ import annotations

import re
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
class Timed:
    """How the events of timers are told.

    `unanswered` is the title of a lead that nobody has taken up, `no_sequel` takes what happened and had no sequel;
    `deadline` and `passed` take `{what}`, `{when}` and `{it}`. `days` names the days near today, `steps` what is still
    to happen to a record. `late_overdue` and `late_deadline` say why something may be told late.
    """

    unanswered: str
    answer: str
    no_sequel: str
    waited: str
    since: str
    not_yet: str
    steps: Mapping[str, str]
    still: str
    deadline: str
    passed: str
    after_it: str
    now: str
    days: Mapping[int, str]
    late: str
    late_overdue: str
    late_deadline: str
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Summaries:
    """How many events are told in one message.

    `titles` are by the reason, of `{total}` (how many events), `{counts}` (how many of which kind), `{count}`,
    `{held}`, `{day}` and `{comment}`. Nouns are singular and plural. `silence` has the labels of what is known of a
    silence. `where` says where the whole list is, by `{id}`.
    """

    titles: Mapping[str, str]
    events: tuple[str, str]
    others: tuple[str, str]
    held: tuple[str, str]
    other_kinds: str
    silence: Mapping[str, str]
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """One language.

    `fields` has the labels of a stream's fields by path, worthiest first, which is also the order of the lines. `items`
    names the members of its lists, `nouns` a record that has no better name, `places` a partition, as a label and in a
    sentence. `codes` labels the values of a field, by its last name. `counted` has the noun of a type of event,
    singular and plural. `details` says in this language what is written in English where troubles arise: a pattern of
    the whole detail or a part of it, and what it says (`troubles.translated`). Of the patterns, `money` takes a number
    and a sign, `span` two bounds.
    """

    language: str
    events: Mapping[str, Said]
    troubles: Mapping[str, Trouble]
    fields: Mapping[str, Mapping[str, str]]
    items: Mapping[str, Mapping[str, str]]
    nouns: Mapping[str, str]
    places: Mapping[str, tuple[str, str]]
    codes: Mapping[str, Mapping[str, str]]
    counted: Mapping[str, tuple[str, str]]
    timed: Timed
    summaries: Summaries
    details: tuple[tuple[re.Pattern[str], str], ...]

    unknown: str
    quote: str
    duplicate: str
    lots: str
    agent: str
    lasted: str
    since: str
    detail: str
    more: tuple[str, str]

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
