"""What is said when time has passed: what did not happen in time (`overdue`), and dates that come near."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from watcher.messages.fields import CONTEXT, DEADLINES, LEADS, PENDING, WAITING, steps
from watcher.messages.forms import Forms, empty, find, lower_first
from watcher.messages.records import facts, it
from watcher.messages.text import plain
from watcher.messages.told import Line, Told, mapping, moment, spaced
from watcher.model import Event


def overdue(event: Event, forms: Forms, now: datetime) -> Told:
    """Who still waits, since when, and what has not happened."""
    timed = forms.words.timed
    since = _since(event)
    waited = forms.about(now - since)
    lines = [*facts(WAITING.get(forms.stream, ()), event, forms), (timed.since, forms.moment(since))]
    if pending := _pending(event, forms):
        lines.append((timed.not_yet, ", ".join(pending)))
    unanswered = _unanswered(event, forms)
    return Told(
        title=spaced(_waiting(event, forms, unanswered=unanswered)).replace("{it}", it(event, forms))
        + (f" — {timed.waited.format(waited)}" if waited else ""),
        lines=(*lines, *by_rule(event, forms, timed.late_overdue)),
        advice=timed.answer if unanswered else forms.words.events["overdue"].advice,
    )


def _since(event: Event) -> datetime:
    """Since when it waits: since the event that it stands on where that is said, else by the record's own dates."""
    record = mapping(event.data.get("record"))
    said = (event.data.get("since"), record.get("created_at"), record.get("updated_at"))
    return next(filter(None, map(moment, said)), event.time)


def _waiting(event: Event, forms: Forms, *, unanswered: bool) -> str:
    """The title's template: by what was to be answered, where that is known."""
    if unanswered:
        return forms.words.timed.unanswered
    happened, _ = forms.words.counted.get(str(event.data.get("on")), ("", ""))
    if not happened:
        return forms.words.events["overdue"].title
    return forms.words.timed.no_sequel.format(happened[:1].upper() + happened[1:])


def _unanswered(event: Event, forms: Forms) -> bool:
    """Say whether it is a lead that nobody has taken up."""
    on, closed = event.data.get("on", "new-lead"), mapping(event.data.get("record")).get("closed")
    untouched = len(_pending(event, forms)) == len(PENDING[LEADS]) and empty(closed)
    return forms.stream == LEADS and on == "new-lead" and untouched


def _pending(event: Event, forms: Forms) -> list[str]:
    """What has not happened to the record yet."""
    record = mapping(event.data.get("record"))
    signs = PENDING.get(forms.stream, {})
    return [forms.words.timed.steps[step] for step, names in signs.items() if all(empty(record.get(n)) for n in names)]


# --------------------------------------------------------------------------------------------------------- deadlines


def deadline(event: Event, forms: Forms, now: datetime) -> Told:
    """Which date of what is near, and in how long; or that it has passed."""
    of, record = mapping(event.data.get("of")), mapping(event.data.get("record"))
    field = of.get("field")
    name = it(event, forms)
    said, timed = forms.words.events["deadline-near"], forms.words.timed
    rule = tuple(by_rule(event, forms, timed.late_deadline))
    if not isinstance(field, str):
        lines = (*facts(CONTEXT.get(forms.stream, ()), event, forms), *rule)
        return Told(spaced(said.title).replace("{it}", name), lines)
    on = of.get("date") or find(record, field)
    value = plain(forms.value(field, on, record), 80)
    label = forms.label(field, record)
    when, passed = _when(on, forms, now)
    what = plain(lower_first(label) if passed else label, 80)
    parts = {"what": what, "when": f" {when}" if when else "", "it": name}
    others = (path for path in CONTEXT.get(forms.stream, ()) if path != field)
    follows = forms.words.events.get(DEADLINES.get(steps(field)[-1].name, ""), said)
    return Told(
        title=spaced(timed.passed if passed else timed.deadline).format_map(parts) + f" — {value}",
        lines=((label, value), *facts(others, event, forms), *rule),
        advice=timed.after_it if passed else follows.advice,
    )


def _when(on: Any, forms: Forms, now: datetime) -> tuple[str, bool]:
    """In how long a date is, as people say it, and whether it has passed; a day passes when it is over."""
    timed = forms.words.timed
    if then := moment(on):
        lapse = forms.about(then - now)
        said = (forms.words.ahead if then > now else forms.words.ago).format(lapse) if lapse else timed.now
        return said, then < now
    try:
        days = (date.fromisoformat(on) - now.astimezone(forms.zone).date()).days
    except (TypeError, ValueError):
        return "", False
    near = timed.days.get(days)
    unit = f"{abs(days)}\u00a0{forms.words.units[0]}"
    return near or (forms.words.ahead if days > 0 else forms.words.ago).format(unit), days < 0


# ------------------------------------------------------------------------------------------------------------- of both


def by_rule(event: Event, forms: Forms, late: str) -> Iterator[Line]:
    """That it is told late, and why that may be; and by which rule."""
    timed = forms.words.timed
    if event.data.get("late") is True:
        yield timed.late, late
    if not empty(rule := event.data.get("rule")):
        yield timed.rule, str(rule)
