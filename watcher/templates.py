"""Templates: a rule's own title and body, in the language of its conditions (`expressions`).

A template sees what a condition sees, and `rule` (the rule's name), `members` (the events that a summary tells of, as
envelopes) and the helpers that write for people: `euros`, `date` and `time`, also as filters. It can say `{{ ... }}`,
`{% if %}` and `{% for %}`; nothing else is offered. The filters are:

- of lists: first, last, list, map, max, min, reject, rejectattr, reverse, select, selectattr, sort, sum, unique, join;
- of texts: capitalize, lower, title, trim, truncate, upper, wordcount, replace, string;
- of numbers: abs, float, int, round; of anything: default (d), length (count); for people: euros, date, time.

What is empty shows as nothing, durations and moments as people read them. A name or a field that nobody knows fails.
What comes out is plain text, which sinks escape: no control characters but line breaks, at most 1,000 characters a
value and 4,000 in all. What it may cost is bounded as in `expressions.language`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, Literal
from zoneinfo import ZoneInfo

from jinja2 import pass_context
from jinja2.runtime import Context

from watcher.expressions import HELPERS, NAMES, scope
from watcher.expressions.bounds import written
from watcher.expressions.checks import Reader, tried
from watcher.expressions.fields import Known
from watcher.expressions.language import Language, Scope, Unreadable
from watcher.expressions.scope import DATA, ENVELOPE, Helpers
from watcher.messages import LANGUAGES, plain
from watcher.messages.forms import Forms
from watcher.model import Event, envelope
from watcher.streams import STREAMS
from watcher.streams.canonical import Keyed, Kind, Object
from watcher.streams.dates import PARIS

MOST, MOST_VALUE = 4000, 1000
"""What a template writes at most, in characters: in all, and of one value."""

_FORMS = " forms"
"""Where the forms of the language are in a scope; no name that can be written."""


@dataclass(frozen=True, slots=True)
class Written:
    """The helpers that write for people."""

    forms: Forms
    asked: Helpers

    def euros(self, amount: float | None, currency: str | None = None) -> str | None:
        """An amount in the record's currency, or another (`350 000 €`); none stays none."""
        if amount is None:
            return None
        if isinstance(amount, bool) or not isinstance(amount, (int, float)):
            raise TypeError("is no amount")
        return self.forms.money(amount, str(currency or self.asked.record.get("currency") or "EUR"))

    def date(self, moment: Any) -> str | None:
        """The day of a date or moment in the people's zone (`21 novembre 2026`); none stays none."""
        local = self.asked.local(moment)
        return self.forms.day(local.date()) if local else None

    def time(self, moment: Any) -> str | None:
        """A moment in the people's zone (`21 nov. 2026 à 11:02`), a date as a date; none stays none."""
        local = self.asked.local(moment)
        return self.forms.moment(local) if local else None


FOR_PEOPLE = ("euros", "date", "time")
"""The helpers that templates have and conditions have not."""


@pass_context
def _shown(context: Context, value: Any) -> str:
    """What is written for one `{{ ... }}`."""
    if isinstance(value, (list, tuple, Iterator)):
        text = ", ".join(LANGUAGE.text(context, member) for member in LANGUAGE.counted(context, value))
    else:
        text = LANGUAGE.text(context, value)
    return _clean(text)


def _clean(text: str) -> str:
    """Text as it may be read: bounded, with nothing in it that acts; line breaks and the spaces around it stay."""
    lines = text[: MOST_VALUE + 1].replace("\r\n", "\n").replace("\r", "\n").split("\n")
    kept = "\n".join(plain(f"|{line}|", 4 * MOST_VALUE)[1:-1] for line in lines)  # `plain` strips what is at the edges
    return kept if len(text) <= MOST_VALUE else kept[: MOST_VALUE - 1] + "…"


class _Words(Language):
    """The environment of templates: what nobody knows is undefined, and text is written for people."""

    def __init__(self) -> None:
        super().__init__(finalize=_shown)
        self.filters |= {name: _as_filter(name) for name in FOR_PEOPLE}

    def absent(self, name: Any) -> Any:
        """None for what may be there, undefined for what never is."""
        known = not isinstance(name, str) or name.endswith("_display") or _root(name) in _known()
        return None if known else self.undefined(name=name)

    def text(self, context: Context, value: Any) -> str:
        """A plain value as people read it."""
        forms: Forms = context.parent[_FORMS]
        match value:
            case bool():
                return forms.words.yes if value else forms.words.no
            case datetime():
                return forms.moment(value)
            case date():
                return forms.day(value)
            case timedelta():
                return forms.about(value) or f"0\u00a0{forms.words.units[-1]}"
        return written(value)


def _as_filter(name: str) -> Callable[..., Any]:
    @pass_context
    def write(context: Context, value: Any, *more: Any) -> Any:
        return context.parent[name](value, *more)

    return write


def _root(name: str) -> str:
    return name.partition(".")[0].partition("[")[0]


def _names(kind: Kind | None) -> Iterator[str]:
    """Every name that a description has, at any depth."""
    if isinstance(kind, Object):
        for name, inner in {**kind.fields, **kind.unwatched}.items():
            yield name
            yield from _names(inner)
    elif isinstance(kind, Keyed):
        yield from _names(kind.item)


@cache
def _known() -> frozenset[str]:
    """Every name that there is in an event."""
    described = {name for stream in STREAMS.values() for name in _names(stream.record)}
    return frozenset({*ENVELOPE, *DATA, *described, "from", "to", "user", "min", "max"})


LANGUAGE = _Words()
"""What templates are written in."""


class Template:
    """A compiled template. Raises Unreadable, a ValueError, when it is none (`check_template` says so in words)."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._program = LANGUAGE.program(LANGUAGE.statements(source))

    def render(
        self,
        event: Event,
        *,
        language: Literal["fr", "en"],
        zone: ZoneInfo,
        members: Sequence[Event] = (),
        rule: str = "",
    ) -> str:
        """Write it for an event, as plain text of at most `MOST` characters; raises ValueError when it fails.

        What the error says has nothing of the record in it.
        """
        try:
            return self._written(_scope(event, LANGUAGES[language], zone, members, rule))
        except Exception as error:  # a template can fail in any way that Python can
            raise ValueError(f"{type(error).__name__} in line {self._program.line(error)} of the template") from None

    def attempt(self, event: Event) -> Exception | None:
        """How it fails on an event, if it does."""
        try:
            self._written(_scope(event, LANGUAGES["fr"], PARIS, (event, event), "a rule"))
        except Exception as error:  # a template can fail in any way that Python can
            return error
        return None

    def failure(self, event: Event) -> str:
        """How it fails on an event, in words, with the values that it fails on."""
        error = self.attempt(event)
        if error is None:
            return ""
        place = f"line {self._program.line(error)}: " if "\n" in self.source.strip() else ""
        return place + (str(error)[:200] or type(error).__name__)

    def _written(self, scope: Scope) -> str:
        _, pieces = self._program.start(scope)
        parts: list[str] = []
        left = MOST
        for piece in pieces:
            parts.append(piece)
            left -= len(piece)
            if left < 0:
                return "".join(parts)[: MOST - 1].rstrip() + "…"
        return "".join(parts)


def _scope(event: Event, words: Any, zone: ZoneInfo, members: Sequence[Event], rule: str) -> Scope:
    seen = scope(event, zone)
    forms = Forms(words, zone, str(event.data.get("stream") or ""), {})
    people = Written(forms, Helpers(seen["changes"], seen["record"], event.recorded_at, zone))
    return {
        **seen,
        "members": [envelope(member) for member in members],
        "rule": rule or event.data.get("rule"),
        _FORMS: forms,
        **{name: getattr(people, name) for name in FOR_PEOPLE},
    }


def check_template(source: str, event_types: Collection[str]) -> list[str]:
    """Find the mistakes of a title or body that a rule on those event types has; none means that it can be used."""
    try:
        if found := _reader(event_types).read(LANGUAGE.statements(source)):
            return found
        template = Template(source)
    except Unreadable as error:
        line = error.lineno if "\n" in source.strip() else 0
        return [f"is no template: {error.message}" + (f" (line {line})" if line else "")]
    return tried(template, event_types)


def _reader(event_types: Collection[str]) -> Reader:
    helpers: Mapping[str, Callable[..., Any]] = {
        **{name: getattr(Helpers, name) for name in HELPERS},
        **{name: getattr(Written, name) for name in FOR_PEOPLE},
    }
    return Reader(LANGUAGE, Known.of(event_types), (*NAMES, "members", "rule"), helpers, {})
