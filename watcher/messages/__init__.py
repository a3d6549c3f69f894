"""An event -> what people read of it, in French or English. Pure: the time now is an argument.

The words are in `french` and `english`, one entry an event type; which fields are worth a line is in `fields`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from watcher.messages.english import ENGLISH
from watcher.messages.fields import CONTEXT, ERASABLE, HIDDEN, LEADS, NEW, OWN, PARTITIONS, PURCHASES, WITHHELD, steps
from watcher.messages.forms import Forms, empty, find, lower_first
from watcher.messages.french import FRENCH
from watcher.messages.text import plain, reach
from watcher.messages.words import Said, Words
from watcher.model import Event, Message

LANGUAGES: Mapping[str, Words] = {"fr": FRENCH, "en": ENGLISH}

Line = tuple[str, str]

_WATCHER = "/watcher"
_SUMMARY = "summary"
_ENDS = {"source-recovered": "source-failing", "sink-recovered": "sink-failing"}
_MOST_LINES, _MOST_LINE, _MOST_TITLE, _MOST_LINK = 25, 300, 200, 2000


def compose(
    event: Event,
    *,
    language: Literal["fr", "en"],
    zone: ZoneInfo,
    now: datetime,
    names: Mapping[tuple[str, str], str] | None = None,
) -> Message:
    """Say what people read of an event.

    `names` are names for ids of the event's account where the caller has them, by kind and id: `("agency", "101")`,
    `("program", "1")`, `("user", "7")`, `("property", "5")`, `("lead_step", "1")`, `("lead_type", "1")`,
    `("contract_step", "4")`.
    """
    words = LANGUAGES[language]
    forms = Forms(words, zone, str(event.data.get("stream", "")), names or {})
    lines: list[Line] = []
    if event.type == _SUMMARY:
        said = words.events[_SUMMARY]
        title, advice = said.title.format(count=event.data.get("count", "")), said.advice
    elif event.source == _WATCHER:
        title, lines, advice = _trouble(event, forms)
    else:
        title, lines, advice = _title(event, forms), list(_lines(event, forms)), _advice(event, words)
    return Message(
        title=plain(title, _MOST_TITLE),
        lines=tuple(_bounded(lines, words)),
        advice=advice,
        age=forms.age(event.time, now),
        link=_link(event.data.get("link")),
    )


# --------------------------------------------------------------------------------------------------- title and advice


def _title(event: Event, forms: Forms) -> str:
    record = _mapping(event.data.get("record"))
    said = _said(event, forms.words)
    it = _it(event, record, forms)
    point = forms.fill(said.point, record)
    if event.type == "deadline-near":
        point = _deadline(_mapping(event.data.get("of")), record, forms)
    return _spaced(said.title).replace("{it}", it) + (f" — {point}" if point else "")


def _said(event: Event, words: Words) -> Said:
    kind = plain(event.type.replace("-", " "), 60).capitalize()
    return words.events.get(event.type) or Said(words.unknown.format(kind))


def _spaced(template: str) -> str:
    """French has a space before its colon; it must not be where the line breaks."""
    return template.replace(" :", "\u00a0:")


def _it(event: Event, record: Mapping[str, Any], forms: Forms) -> str:
    """The record and where it is: `Marc FRIN (agence 101)`, `lot A313, programme 1`."""
    who, where = _who(event, record, forms), _where(event, forms)
    if not where:
        return who
    return f"{who} ({where[1]})" if forms.stream == LEADS else f"{who}, {where[1]}"


def _who(event: Event, record: Mapping[str, Any], forms: Forms) -> str:
    better: list[Any] = []
    if forms.stream == LEADS:
        full = " ".join(str(record[name]) for name in ("firstname", "lastname") if not empty(record.get(name)))
        better = [full, *(record.get(name) for name in ("phone", "mobile", "reference"))]
    elif forms.stream == PURCHASES:
        better = [_lots(record, forms)]
    named = (plain(str(name), 80) for name in better if not empty(name))
    noun = forms.words.nouns.get(forms.stream, "{}")
    return next(filter(None, named), noun.format(plain(event.subject, 80)))


def _lots(record: Mapping[str, Any], forms: Forms) -> str:
    lots = [lot for lot in _main_first(record.get("lots")) if not empty(lot.get("reference"))]
    references = [plain(str(lot["reference"]), 20) for lot in lots]
    shown = ", ".join(references[:3]) + (f" +{len(references) - 3}" if len(references) > 3 else "")  # noqa: PLR2004
    return forms.words.lots.format("s" if len(references) > 1 else "", shown) if references else ""


def _main_first(lots: Any) -> list[Mapping[str, Any]]:
    members = [lot for lot in lots if isinstance(lot, Mapping)] if isinstance(lots, list) else []
    return sorted(members, key=lambda lot: lot.get("is_primary") is not True)


def _where(event: Event, forms: Forms) -> Line | None:
    """The partition, as the label and value of a line, and as a part of a sentence."""
    partition = event.data.get("partition")
    if empty(partition):
        return None
    label, phrase = forms.words.places.get(forms.stream, ("", "{}"))
    return label, phrase.format(forms.name(PARTITIONS.get(forms.stream, ""), str(partition)))


def _deadline(of: Mapping[str, Any], record: Mapping[str, Any], forms: Forms) -> str:
    """What is near, from the field and date on which a `deadline-near` stands."""
    field = of.get("field")
    if not isinstance(field, str):
        return ""
    date = of.get("date") or find(record, field)
    return plain(f"{lower_first(forms.label(field, record))} {forms.value(field, date, record)}", 80)


def _advice(event: Event, words: Words) -> str:
    duplicate = event.type == "new-lead" and not empty(_mapping(event.data.get("record")).get("parent"))
    return words.duplicate if duplicate else _said(event, words).advice


# -------------------------------------------------------------------------------------------------------------- lines


def _lines(event: Event, forms: Forms) -> Iterator[Line]:
    record = _mapping(event.data.get("record"))
    changes = {} if event.type.startswith("new-") else _mapping(event.data.get("changes"))
    told = (_change(path, _mapping(changes[path]), record, forms) for path in forms.worthiest(changes))
    yield from dict.fromkeys(told)  # several hidden fields of one member make one line
    roots = {steps(path)[0].name for path in changes}
    kinds = NEW if event.type.startswith("new-") else CONTEXT
    for path in dict.fromkeys((*OWN.get(event.type, ()), *kinds.get(forms.stream, ()))):
        if path not in roots:
            yield from _facts(path, record, forms)
    if where := _where(event, forms):
        label, _ = where
        partition = str(event.data["partition"])
        yield label, forms.name(PARTITIONS.get(forms.stream, ""), partition)


def _change(path: str, change: Mapping[str, Any], record: Mapping[str, Any], forms: Forms) -> Line:
    """One change as a line. Of what is hidden it says only that it changed."""
    was, now = change.get("from"), change.get("to")
    first, *rest = steps(path)
    words = forms.words
    if first.name in HIDDEN.get(forms.stream, ()):
        whole = f"{first.name}[{first.key}]" if first.key is not None else first.name
        came_or_went = words.added if empty(was) else words.removed if empty(now) else words.changed
        return forms.label(whole, record), words.changed if rest else came_or_went
    label = forms.label(path, record, was)
    if first.key is not None and not rest and (empty(was) or empty(now)):
        came_or_went = words.added if empty(was) else words.removed
        return label, f"{came_or_went} ({forms.value(path, now if empty(was) else was, record)})"
    return label, _from_to(first.name, was, now, lambda value: forms.value(path, value, record), forms)


def _from_to(name: str, was: Any, now: Any, show: Callable[[Any], str], forms: Forms) -> str:
    if now is None and name in ERASABLE and forms.stream == LEADS:
        return forms.words.erased
    if WITHHELD in (was, now):
        return forms.words.changed
    new, old = plain(show(now), 140), plain(show(was), 140)
    if empty(was):
        return new
    return forms.words.changed if old == new else f"{old} → {new}"


def _facts(path: str, record: Mapping[str, Any], forms: Forms) -> Iterator[Line]:
    value = find(record, path)
    if path == "lots":
        for lot in _main_first(value):
            yield forms.label(f"lots[{lot.get('id')}]", record, lot), forms.lot(lot)
    elif not empty(value) and (path, value) != ("language", forms.words.language):
        yield forms.label(path, record), forms.value(path, value, record)


def _bounded(lines: list[Line], words: Words) -> Iterator[Line]:
    for label, value in lines[:_MOST_LINES]:
        short = plain(label, 80)
        yield short, plain(value, _MOST_LINE - len(short))
    if len(lines) > _MOST_LINES:
        yield "", words.more.format(len(lines) - _MOST_LINES)


# -------------------------------------------------------------------------------------------- troubles of watcher's own


def _trouble(event: Event, forms: Forms) -> tuple[str, list[Line], str]:
    """A trouble that was entered or left: the title says which, the lines why and for how long."""
    words, data = forms.words, event.data
    condition = str(data.get("condition") or _ENDS.get(event.type, event.type))
    left = data.get("state") == "left" or event.type in _ENDS
    trouble = words.troubles.get(condition)
    title = (trouble.ended if left else trouble.began) if trouble else words.unknown.format(condition)
    lines = [(words.detail, str(data["detail"]))] if data.get("detail") else []
    since = _moment(data.get("since"))
    if since and left:
        lines.append((words.lasted, forms.lapse(event.time - since) or forms.words.just_now))
    elif since:
        lines.append((words.since, forms.moment(since)))
    it = plain(event.subject, 120)
    advice = trouble.advice.replace("{it}", it) if trouble and not left else ""
    return _spaced(title).replace("{it}", it), lines, advice


def _moment(text: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else None


# ------------------------------------------------------------------------------------------------- whatever data may be


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _link(link: Any) -> str | None:
    """A link that a browser may follow, or none."""
    if not isinstance(link, str) or len(link) > _MOST_LINK or " " in link or link != plain(link, _MOST_LINK):
        return None
    try:
        parts = urlsplit(link)
    except ValueError:
        return None
    return link if parts.scheme in ("https", "http") and parts.hostname else None


__all__ = ["LANGUAGES", "compose", "plain", "reach"]
