"""An event -> what people read of it, in French or English. Pure: the time now is an argument.

    record | overdue | deadline | trouble | summary -> title, lines, advice -> bounded

The words are in `french` and `english`, one entry an event type; which fields are worth a line is in `fields`. Who may
read personal data is decided before anything is said (`privacy.shown`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from watcher.messages import records, summaries, timed, troubles
from watcher.messages.english import ENGLISH
from watcher.messages.forms import Forms
from watcher.messages.french import FRENCH
from watcher.messages.text import plain, reach
from watcher.messages.told import Line, Told, spaced
from watcher.messages.words import Words
from watcher.model import Event, Message
from watcher.privacy import shown

LANGUAGES: Mapping[str, Words] = {"fr": FRENCH, "en": ENGLISH}

SUMMARY = "summary"
"""The type of the event that stands for several."""

_WATCHER = "/watcher"
_MOST_LINES, _MOST_LINES_OF_MANY, _MOST_LINE, _MOST_TITLE, _MOST_LINK = 25, 35, 300, 200, 2000


def compose(
    event: Event,
    *,
    language: Literal["fr", "en"],
    zone: ZoneInfo,
    now: datetime,
    names: Mapping[tuple[str, str], str] | None = None,
    members: Sequence[Event] = (),
    personal: bool | None = None,
) -> Message:
    """Say what people read of an event.

    `names` are names for ids of the event's account where the caller has them, by kind and id: `("agency", "101")`,
    `("program", "1")`, `("user", "7")`, `("property", "5")`, `("lead_step", "1")`, `("lead_type", "1")`,
    `("contract_step", "4")`. `members` are the first of the events that a summary tells of. `personal` says whose
    personal data is shown: None that of leads, True that of the people behind contracts and purchases too, False
    nobody's.
    """
    event = shown(event, personal)
    forms = Forms(LANGUAGES[language], zone, _stream(event), names or {}, personal)
    if event.type == SUMMARY:

        def title_of(member: Event) -> str:
            return _told(shown(member, personal), replace(forms, stream=_stream(member)), now).title

        told, most = summaries.told(event, members, title_of, forms), _MOST_LINES_OF_MANY
    else:
        told, most = _told(event, forms, now), _MOST_LINES
    return Message(
        title=plain(told.title, _MOST_TITLE),
        lines=tuple(_bounded(told.lines, most, forms)),
        advice=spaced(told.advice),
        age=forms.age(event.time, now),
        link=_link(event.data.get("link")),
    )


def _stream(event: Event) -> str:
    return str(event.data.get("stream", ""))


def _told(event: Event, forms: Forms, now: datetime) -> Told:
    """What one event says, by what it is about; a timer's event may have a name of the user's own."""
    of = event.data.get("of")
    late = isinstance(of, str) or event.type == "overdue"
    if event.source == _WATCHER:
        return troubles.lasting(event, forms, now) if late else troubles.told(event, forms)
    if isinstance(of, Mapping) or event.type == "deadline-near":
        return timed.deadline(event, forms, now)
    return timed.overdue(event, forms, now) if late else records.told(event, forms)


def _bounded(lines: Sequence[Line], most: int, forms: Forms) -> Iterator[Line]:
    for label, value in lines[:most]:
        short = plain(label, 80)
        yield short, plain(value, _MOST_LINE - len(short))
    if len(lines) > most:
        yield "", forms.more(len(lines) - most)


def _link(link: Any) -> str | None:
    """A link that a browser may follow, or none."""
    if not isinstance(link, str) or len(link) > _MOST_LINK or " " in link or link != plain(link, _MOST_LINK):
        return None
    try:
        parts = urlsplit(link)
    except ValueError:
        return None
    return link if parts.scheme in ("https", "http") and parts.hostname else None


__all__ = ["LANGUAGES", "SUMMARY", "compose", "plain", "reach"]
