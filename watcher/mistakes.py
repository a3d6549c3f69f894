"""What is wrong with a rule, besides the values of single keys: what goes together, and names that have to exist.

Every mistake is said with the key that it is at, and none hides another.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from watcher.desk import SUMMARY
from watcher.rules import DEADLINE_NEAR, OPERATOR, OVERDUE
from watcher.silences import LABELS
from watcher.streams import REAPPEARED, STREAMS
from watcher.streams.canonical import MOMENT, Object, Scalar, Stamp
from watcher.toml import KeyPath, absent, nearest, quoted
from watcher.written import Book, Written, matching, short_names, streams_called, texts

Check = Callable[[str, tuple[str, ...]], list[str]]
"""Given a text and the types of event that its rule hears, say what is wrong with it."""

Constant = Callable[[str, tuple[str, ...]], bool | None]
"""Given a condition and the types of event that it is asked of, say what it always comes to; None: it depends."""

GROUP_BY = tuple(label for label in LABELS if label != "sink")
"""What messages are grouped by, besides the fields of the record: those of several sinks are apart anyway."""

EMIT = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"
MOST_EMIT = 60

At = Iterator[tuple[KeyPath, str]]
"""Mistakes, each at a key of the rule."""


class Checks(NamedTuple):
    """What finds the mistakes of conditions and of templates."""

    condition: Check
    template: Check


def mistakes(rule: Written, book: Book, sinks: Collection[str], checks: Checks) -> At:
    """What is wrong with a rule, besides the values of single keys."""
    for key, text in (
        *_name(rule, book),
        *_on(rule, book),
        *((("to", at), absent("sink", name, sinks)) for at, name in texts(rule.table.get("to")) if name not in sinks),
        *_together(rule.table.keys()),
        *_date(rule),
        *_emit(rule, book),
        *_group(rule, book),
        *_texts(rule, book, checks),
    ):
        yield (*rule.path, *key), text


def _name(rule: Written, book: Book) -> At:
    if "name" not in rule.values:
        return
    if not rule.name.strip() or not rule.name.isprintable():
        yield ("name",), "must be a line of text; name what the rule is for"
    elif rule.name == OPERATOR:
        yield ("name",), f"{quoted(rule.name)} stands for [operator]; choose another name"
    elif (first := book.named[rule.name]) is not rule:
        yield ("name",), f"{quoted(rule.name)} is taken ({first.where('name')}); choose another name"


# ---------------------------------------------------------------------------------------------------- what is heard


def _on(rule: Written, book: Book) -> At:
    names = [*book.event_types, *book.tellers]
    for at, pattern in texts(rule.table.get("on")):
        wrong = ""
        if "after" in rule.table or "before" not in rule.table:
            wrong = _event(pattern, names)
        if "before" in rule.table and (wrong or "after" not in rule.table):
            wrong = _stream(pattern, names)
        if wrong:
            yield ("on", at), wrong
        elif "after" in rule.table and (ring := _ring(rule, pattern, book)):
            yield ("on", at), ring


def _event(pattern: str, names: Sequence[str]) -> str:
    """What is wrong with an element of `on`, as one of a rule on events; empty when it is right."""
    if matching([pattern], names):
        return ""
    if pattern == SUMMARY:
        return f"{quoted(pattern)} is made of messages that rules have sent already, none hears it; leave it out"
    if streams := streams_called(pattern):
        return f'{quoted(pattern)} is a stream; write before = "24h" and of = "FIELD", or "{streams[0].noun}-*"'
    families = {f"{known.partition('-')[0]}-*" for known in names}
    near = nearest(pattern, families if "*" in pattern else names)
    return f"no event type {quoted(pattern)}" + (near or '; write one such as "new-lead", or "lead-*" for several')


def _stream(pattern: str, names: Sequence[str]) -> str:
    """The same of a rule with `before`, which is about the dates of streams."""
    if streams_called(pattern):
        return ""
    short = short_names()
    heard = matching([pattern], names)
    if not heard:
        return f"no stream {quoted(pattern)}" + (nearest(pattern, short) or f"; there are {', '.join(short)}")
    told = [name for name in short for stream in streams_called(name) if set(heard) & set(stream.event_types())]
    write = " or ".join(map(quoted, dict.fromkeys(told or short)))
    return f"{quoted(pattern)} is an event, and before is about the dates of a stream; write {write}"


def _ring(rule: Written, pattern: str, book: Book) -> str:
    """Say that a rule waits, for ever again, for what it tells itself."""
    seen = heard = book.waits_for([pattern])
    if rule.emits in heard:
        return f'{quoted(pattern)} is what this very rule tells, without end; give that another name with emit = "..."'
    while heard:
        tellers = [one for told in heard for one in book.tellers[told] if "after" in one.table]
        heard = {told for one in tellers for told in book.waits_for(one.on)} - seen
        seen = seen | heard
    if rule.emits in seen:
        return f"{quoted(pattern)} comes, by way of other rules, of what this one tells, without end; leave it out"
    return ""


# ------------------------------------------------------------------------------------------------------------- when


def _together(keys: Collection[str]) -> At:
    """What goes with what, and what does not."""
    if "after" in keys and "before" in keys:
        yield ("before",), "does not go with after; keep one, and write a rule of its own for the other"
    elif "before" in keys and "of" not in keys:
        yield ("before",), 'goes with of; write of = "option_expires_at"'
    if "unless" in keys and "after" not in keys:
        yield ("unless",), 'goes with after; write after = "15m", or make it a part of when'
    if "of" in keys and "before" not in keys:
        yield ("of",), 'goes with before; write before = "24h"'
    if "emit" in keys and not {"after", "before"} & set(keys):
        yield ("emit",), 'goes with after or before; write after = "15m"'
    if "outside" in keys and "hours" not in keys:
        yield ("outside",), 'goes with hours; write hours = "Mon-Sat 09:00-19:00"'
    if "digest" in keys and "group" in keys:
        yield ("group",), "does not go with digest, which makes one message of a whole day; keep one"
    if "throttle" in keys and (gathers := next((key for key in ("digest", "group") if key in keys), "")):
        yield ("throttle",), f"does not go with {gathers}, which makes one message of many anyway; keep one"


def _date(rule: Written) -> At:
    path = rule.values.get("of")
    for stream in rule.streams if path else ():
        dates = [name for name, is_date in _plain(Object(stream.record.fields)) if is_date]
        if path not in dates:
            near = f'; write "{path}.date"' if f"{path}.date" in dates else nearest(str(path), dates)
            yield ("of",), f"{stream.name} has no date {quoted(str(path))}{near or '; there are ' + ', '.join(dates)}"


def _emit(rule: Written, book: Book) -> At:
    name = rule.values.get("emit")
    if not isinstance(name, str):
        return
    others = {DEADLINE_NEAR: "before"} if "after" in rule.table else {OVERDUE: "after"}
    if not re.fullmatch(EMIT, name):
        plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        remedy = plain if re.fullmatch(EMIT, plain) and len(plain) <= MOST_EMIT else "lead-unanswered"
        yield ("emit",), f"{quoted(name)} is no name of an event; write it like {quoted(remedy)}"
    elif len(name) > MOST_EMIT:
        yield ("emit",), f"must have at most {MOST_EMIT} characters; shorten it"
    elif name in others:
        yield ("emit",), f"{quoted(name)} is what rules with {others[name]} tell; choose another name"
    elif name == SUMMARY:
        yield ("emit",), f"{quoted(name)} is the event that stands for several; choose another name"
    elif name in book.event_types and name not in (OVERDUE, DEADLINE_NEAR):
        yield ("emit",), f"{quoted(name)} is an event that watcher tells; choose another name"


def _group(rule: Written, book: Book) -> At:
    group = rule.table.get("group")
    about = book.about(rule) or tuple(book.event_types)
    streams = [one for one in STREAMS.values() if REAPPEARED in about or not set(about).isdisjoint(one.event_types())]
    fields = {f"record.{path}": None for stream in streams for path, _ in _plain(stream.record)}
    for at, label in texts(group.get("by") if isinstance(group, Mapping) else ()):
        if label not in GROUP_BY and label not in fields:
            near = nearest(label, [*GROUP_BY, *fields]) or f"; there are {', '.join(GROUP_BY)} and record.FIELD"
            remedy = f'; write "record.{label}"' if f"record.{label}" in fields else near
            yield ("group", "by", at), f"cannot group by {quoted(label)}{remedy}"


def _plain(kind: Object, prefix: str = "") -> Iterator[tuple[str, bool]]:
    """The paths of a record's plain values, and whether each is a date; none within lists."""
    for name, inner in {**kind.fields, **kind.unwatched}.items():
        match inner:
            case Object():
                yield from _plain(inner, f"{prefix}{name}.")
            case Stamp():
                yield f"{prefix}{name}.date", True
                yield f"{prefix}{name}.user", False
            case Scalar():
                yield f"{prefix}{name}", inner is MOMENT


# ------------------------------------------------------------------------------------------- conditions and templates


def _texts(rule: Written, book: Book, checks: Checks) -> At:
    about = book.about(rule) or tuple(book.event_types)
    for key, check in {
        "when": checks.condition,
        "unless": checks.condition,
        "title": checks.template,
        "body": checks.template,
    }.items():
        text = rule.values.get(key)
        if text is None:
            continue
        if not text.strip():
            yield (key,), "must not be empty; leave it out"
            continue
        if key == "title" and "\n" in text.strip():
            yield (key,), "must be one line; the rest goes into body"
        for wrong in check(text, about):
            yield (key,), wrong
