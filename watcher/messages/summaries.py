"""What is said of many events in one message: how many, of which kinds, and the first of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from watcher.messages.forms import Forms, empty
from watcher.messages.text import plain
from watcher.messages.told import Line, Told, mapping, moment, spaced
from watcher.messages.words import Words
from watcher.model import Event

_MOST_KINDS, _MOST_IN_TITLE, _MOST_MEMBERS = 6, 3, 20


def told(event: Event, members: Sequence[Event], title_of: Callable[[Event], str], forms: Forms) -> Told:
    """How many events, of which kinds, and the titles of the first; the whole list is the command's."""
    kinds = _kinds(event.data.get("types"))
    said = event.data.get("count")
    count = said if isinstance(said, int) and said > 0 else sum(kinds.values())
    why = str(event.data.get("why"))
    lines = (
        *_silence(event, forms.words),
        *_since(event, forms, why),
        *_counts(kinds, why, forms),
        *((_at(member, event, forms), title_of(member)) for member in members[:_MOST_MEMBERS]),
    )
    rest = count - min(len(members), _MOST_MEMBERS)
    more = (("", forms.more(rest)),) if members and rest > 0 else ()
    where = forms.words.summaries.where.replace("{id}", plain(event.id, 80))
    return Told(_title(event, count, kinds, forms), (*lines, *more), where)


def _kinds(types: Any) -> dict[str, int]:
    """How many events of each type, most first."""
    counts = {str(kind): n for kind, n in mapping(types).items() if isinstance(n, int) and n > 0}
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def _title(event: Event, count: int, kinds: Mapping[str, int], forms: Forms) -> str:
    words, summaries = forms.words, forms.words.summaries
    why = str(event.data.get("why"))
    comment = mapping(event.data.get("silence")).get("comment")
    total = _counted(next(iter(kinds)), count, forms) if len(kinds) == 1 else _total(count, forms)
    parts = {
        "total": total,
        "counts": _listed(kinds, forms) or total,
        "held": _number(count, summaries.held, forms),
        "count": forms.number(count),
        "day": forms.short_day(event.time),
        "comment": "" if empty(comment) else f" ({plain(str(comment), 80)})",
    }
    template = summaries.titles.get(why, summaries.titles["group"])
    if len(kinds) < 2 and template == summaries.titles["group"]:  # noqa: PLR2004 - "12 new leads" says both
        template = "{counts}"
    return spaced(template).format_map(parts) if count else words.events["summary"].title.format(count=0)


def _total(count: int, forms: Forms) -> str:
    return _number(count, forms.words.summaries.events, forms)


def _number(count: int, noun: tuple[str, str], forms: Forms) -> str:
    return f"{forms.number(count)}\u00a0{noun[0] if count < 2 else noun[1]}"  # noqa: PLR2004


def _counted(kind: str, count: int, forms: Forms) -> str:
    """So many events of a type: `10 nouveaux leads`; a name of the user's own stays what it is."""
    quoted = forms.words.quote.format(plain(kind, 60))
    return _number(count, forms.words.counted.get(kind, (quoted, quoted)), forms)


def _listed(kinds: Mapping[str, int], forms: Forms) -> str:
    """The kinds in a sentence: the first few by name, the others by number."""
    shown = [_counted(kind, count, forms) for kind, count in list(kinds.items())[:_MOST_IN_TITLE]]
    others = sum(list(kinds.values())[_MOST_IN_TITLE:])
    return ", ".join((*shown, *((_number(others, forms.words.summaries.others, forms),) if others else ())))


# -------------------------------------------------------------------------------------------------------------- lines


def _counts(kinds: Mapping[str, int], why: str, forms: Forms) -> Iterator[Line]:
    """A line for each kind, most first; none where the title has said it."""
    if len(kinds) == 1 and why not in ("flood", "throttle", "silence"):
        return
    for kind, count in list(kinds.items())[:_MOST_KINDS]:
        quoted = forms.words.quote.format(plain(kind, 60))
        label = forms.words.counted.get(kind, ("", quoted))[1]
        yield label[:1].upper() + label[1:], forms.number(count)
    if others := sum(list(kinds.values())[_MOST_KINDS:]):
        yield forms.words.summaries.other_kinds, forms.number(others)


def _silence(event: Event, words: Words) -> Iterator[Line]:
    """Who kept silent about it, and why."""
    silence = mapping(event.data.get("silence"))
    for name, label in words.summaries.silence.items():
        if not empty(silence.get(name)):
            yield label, str(silence[name])


def _since(event: Event, forms: Forms, why: str) -> Iterator[Line]:
    oldest = moment(event.data.get("since"))
    if oldest and why not in ("group", "None"):
        yield forms.words.since, forms.moment(oldest)


def _at(member: Event, event: Event, forms: Forms) -> str:
    """When it happened: the hour, and the day if it is not the day of the summary."""
    then, now = (moment.astimezone(forms.zone) for moment in (member.time, event.time))
    hour = f"{then:%H:%M}"
    return hour if then.date() == now.date() else f"{forms.short_day(member.time)} {hour}"
