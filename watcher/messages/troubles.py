"""What is said of a trouble of watcher's own: that it began, that it is over, or that it still lasts."""

from __future__ import annotations

from datetime import datetime

from watcher.messages.forms import Forms
from watcher.messages.text import plain
from watcher.messages.timed import by_rule
from watcher.messages.told import Line, Told, moment, spaced
from watcher.messages.words import Words
from watcher.model import Event

_ENDS = {"source-recovered": "source-failing", "sink-recovered": "sink-failing"}


def told(event: Event, forms: Forms) -> Told:
    """The title says whether it began or is over, the lines why and for how long."""
    left = event.data.get("state") == "left" or event.type in _ENDS
    since = moment(event.data.get("since"))
    lasted = ""
    if since:
        lasted = (forms.lapse(event.time - since) or forms.words.just_now) if left else forms.moment(since)
    label = forms.words.lasted if left else forms.words.since
    return Told(
        title=_title(event, forms.words, left=left),
        lines=(*_detail(event, forms), *(((label, lasted),) if lasted else ())),
        advice="" if left else _advice(event, forms.words),
    )


def lasting(event: Event, forms: Forms, now: datetime) -> Told:
    """What an `overdue` says of a trouble: that it still lasts."""
    since = moment(event.data.get("since")) or event.time
    still = forms.words.timed.still.format(forms.about(now - since) or forms.words.just_now)
    rule = by_rule(event, forms, forms.words.timed.late_overdue)
    lines: tuple[Line, ...] = (*_detail(event, forms), (forms.words.since, forms.moment(since)), *rule)
    return Told(f"{_title(event, forms.words, left=False)} — {still}", lines, _advice(event, forms.words))


def _condition(event: Event) -> str:
    return str(event.data.get("condition") or _ENDS.get(event.type, event.type))


def _title(event: Event, words: Words, *, left: bool) -> str:
    condition = _condition(event)
    trouble = words.troubles.get(condition)
    kind = plain(condition.replace("-", " "), 60).capitalize()
    title = (trouble.ended if left else trouble.began) if trouble else words.unknown.format(kind)
    return spaced(title).replace("{it}", plain(event.subject, 120))


def _advice(event: Event, words: Words) -> str:
    trouble = words.troubles.get(_condition(event))
    return trouble.advice.replace("{it}", plain(event.subject, 120)) if trouble else ""


# ------------------------------------------------------------------------------------------------------------- details


def _detail(event: Event, forms: Forms) -> tuple[Line, ...]:
    detail = event.data.get("detail")
    return ((forms.words.detail, translated(plain(str(detail), 1000), forms)),) if detail else ()


def translated(detail: str, forms: Forms) -> str:
    """What is wrong, in the language of the message as far as its table of details goes.

    Details are written in English where they arise. Parts that the table does not have (a vendor's own words) stay as
    they are, between quotes.
    """
    if not forms.words.details:
        return detail
    for pattern, template in forms.words.details:
        if match := pattern.fullmatch(detail):
            groups = {name: _group(name, text, forms) for name, text in match.groupdict(default="").items()}
            return spaced(template).format_map(groups)
    parts = detail.split("; ")
    if len(parts) > 1:
        return "\u00a0; ".join(translated(part, forms) for part in parts)
    return forms.words.quote.format(detail)


def _group(name: str, text: str, forms: Forms) -> str:
    """A part of a detail by its name (`french_details`)."""
    if name.startswith("why"):
        return translated(text, forms)
    if name.startswith("said"):
        return forms.words.quote.format(text)
    if name == "factor":
        return forms.number(float(text))
    return forms.when(text) if name == "when" else text
