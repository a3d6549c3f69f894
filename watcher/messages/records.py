"""What is said of a record: what happened to it, to whom, and what is worth knowing of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from watcher.messages.fields import CONTEXT, ERASABLE, LEADS, NEW, OWN, PARTITIONS, PURCHASES, WITHHELD, steps
from watcher.messages.forms import Forms, empty, find
from watcher.messages.text import plain
from watcher.messages.told import Line, Told, mapping, spaced
from watcher.messages.words import Said, Words
from watcher.model import Event
from watcher.streams import STREAMS

_MOST_PEOPLE = 3


def told(event: Event, forms: Forms) -> Told:
    """What happened to a record."""
    record = mapping(event.data.get("record"))
    said = _said(event, forms.words)
    point = forms.fill(said.point, record)
    duplicate = event.type == "new-lead" and not empty(record.get("parent"))
    return Told(
        title=spaced(said.title).replace("{it}", it(event, forms)) + (f" — {point}" if point else ""),
        lines=tuple(_lines(event, forms)),
        advice=forms.words.duplicate if duplicate else said.advice,
    )


def _said(event: Event, words: Words) -> Said:
    kind = plain(event.type.replace("-", " "), 60).capitalize()
    return words.events.get(event.type) or Said(words.unknown.format(kind))


# ---------------------------------------------------------------------------------------------- which record, and where


def it(event: Event, forms: Forms) -> str:
    """The record and where it is: `Marc FRIN (agence 101)`, `lot A313, programme 1`."""
    who, place = _who(event, forms), _place(event, forms)
    if not place:
        return who
    return f"{who} ({place[1]})" if forms.stream == LEADS else f"{who}, {place[1]}"


def _who(event: Event, forms: Forms) -> str:
    record = mapping(event.data.get("record"))
    better: list[Any] = []
    if forms.stream == LEADS:
        full = " ".join(str(record[name]) for name in ("firstname", "lastname") if not empty(record.get(name)))
        better = [full, *(record.get(name) for name in ("phone", "mobile", "reference"))]
    elif forms.stream == PURCHASES:
        better = [_lots(record, forms)]
    named = (plain(str(name), 80) for name in better if not empty(name))
    known = STREAMS.get(forms.stream)
    noun = forms.words.nouns.get(forms.stream, f"{known.noun} {{}}" if known else "{}")
    return next(filter(None, named), noun.format(plain(event.subject, 80)))


def _lots(record: Mapping[str, Any], forms: Forms) -> str:
    lots = [lot for lot in _main_first(record.get("lots")) if not empty(lot.get("reference"))]
    references = [plain(str(lot["reference"]), 20) for lot in lots]
    shown = ", ".join(references[:3]) + (f" +{len(references) - 3}" if len(references) > 3 else "")  # noqa: PLR2004
    return forms.words.lots.format("s" if len(references) > 1 else "", shown) if references else ""


def _main_first(lots: Any) -> list[Mapping[str, Any]]:
    members = [lot for lot in lots if isinstance(lot, Mapping)] if isinstance(lots, list) else []
    return sorted(members, key=lambda lot: lot.get("is_primary") is not True)


def _place(event: Event, forms: Forms) -> Line | None:
    """The partition, as the label of a line, and as a part of a sentence; None where there are no words for it."""
    partition = event.data.get("partition")
    if empty(partition) or forms.stream not in forms.words.places:
        return None
    label, phrase = forms.words.places[forms.stream]
    return label, phrase.format(forms.name(PARTITIONS.get(forms.stream, ""), str(partition)))


# -------------------------------------------------------------------------------------------------------------- lines


def _lines(event: Event, forms: Forms) -> Iterator[Line]:
    record = mapping(event.data.get("record"))
    changes = {} if event.type.startswith("new-") else mapping(event.data.get("changes"))
    told = (_change(path, mapping(changes[path]), record, forms) for path in forms.worthiest(changes))
    yield from dict.fromkeys(told)  # several hidden fields of one member make one line
    roots = {steps(path)[0].name for path in changes}
    kinds = NEW if event.type.startswith("new-") else CONTEXT
    paths = dict.fromkeys((*OWN.get(event.type, ()), *kinds.get(forms.stream, ())))
    yield from facts((path for path in paths if path not in roots), event, forms)


def facts(paths: Iterable[str], event: Event, forms: Forms) -> Iterator[Line]:
    """Those fields of the event's record that are set and may be shown, a line each, and where the record is."""
    record = mapping(event.data.get("record"))
    hidden = forms.hidden()
    for path in paths:
        if steps(path)[0].name not in hidden:
            yield from _facts(path, record, forms)
    if place := _place(event, forms):
        yield place[0], forms.name(PARTITIONS.get(forms.stream, ""), str(event.data["partition"]))


def _facts(path: str, record: Mapping[str, Any], forms: Forms) -> Iterator[Line]:
    value = find(record, path)
    if path == "lots":
        for lot in _main_first(value):
            yield forms.label(f"lots[{lot.get('id')}]", record, lot), forms.lot(lot)
    elif path == "contacts":
        for person in value[:_MOST_PEOPLE] if isinstance(value, list) else ():
            yield from forms.person(mapping(person))
    elif not empty(value) and (path, value) != ("language", forms.words.language):
        yield forms.label(path, record), forms.value(path, value, record)


def _change(path: str, change: Mapping[str, Any], record: Mapping[str, Any], forms: Forms) -> Line:
    """One change as a line. Of what is hidden it says only that it changed."""
    was, now = change.get("from"), change.get("to")
    first, *rest = steps(path)
    words = forms.words
    if first.name in forms.hidden():
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
