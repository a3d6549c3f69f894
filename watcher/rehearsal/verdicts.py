"""What came of a case, held against what was expected: the differences as people read them, with the reasons. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any
from zoneinfo import ZoneInfo

from watcher.rehearsal.casekeys import Case, Unwanted, Wanted
from watcher.rehearsal.cases import ALL, Came, Told
from watcher.rehearsal.reasons import untaken
from watcher.store.read import DeliveryRow


@dataclass(frozen=True, slots=True)
class Judged:
    """A case and what is wrong with what came of it; nothing, when it passed."""

    case: Case
    came: Came
    wrong: tuple[str, ...]


def judged(case: Case, came: Came, zone: ZoneInfo) -> Judged:
    """Hold what came against what was expected."""
    wrong = [*_events(case, came), *_messages(case, came, zone)]
    for unwanted in case.silent:
        wrong += _silent(unwanted, came, zone)
    return Judged(case, came, tuple(wrong))


def _events(case: Case, came: Came) -> Iterator[str]:
    if case.events is not None:
        yield from _diff("events", list(case.events), [event.type for event in came.events])


def _messages(case: Case, came: Came, zone: ZoneInfo) -> Iterator[str]:
    if case.messages is None:
        return
    came_there = [told for told in came.told if case.sinks is None or told.to in case.sinks]
    pairs = _paired(case.messages, came_there)
    if len(pairs) == len(case.messages) == len(came_there):
        return
    lines = [shown(one, zone) for one in came_there]
    # What was found stands where it came, and what was not after what was expected before it: so the diff has both
    # sides in one order.
    places: list[tuple[float, str]] = []
    last = -1.0
    for number, wanted in enumerate(case.messages):
        last = pairs.get(number, last + 0.001)
        places.append((last, lines[pairs[number]] if number in pairs else _wanted(wanted, zone)))
    yield from _diff("messages", [line for _, line in sorted(places, key=lambda place: place[0])], lines)
    unexpected = [one for number, one in enumerate(came_there) if number not in pairs.values()]
    missing = [one for number, one in enumerate(case.messages) if number not in pairs]
    yield "  why"
    for told in unexpected:
        yield f"    {told.event.type} came to {told.to}: {told.rule}: {told.why}"
    for wanted in missing:
        yield f"    {wanted.event} did not come to {wanted.to}: {_missing(wanted, unexpected, came, zone)}"


def _missing(wanted: Wanted, unexpected: Sequence[Told], came: Came, zone: ZoneInfo) -> str:
    """Why an expected message did not come: what is different in the one that came instead, or why none did."""
    near = [told for told in unexpected if (told.to, told.event.type) == (wanted.to, wanted.event)]
    if near:
        return f"one came with another {', '.join(misfits(wanted, near[0]))}"
    return "; ".join(dict.fromkeys(_reasons(wanted.to, wanted.event, wanted.rule, came, zone)))


def _silent(unwanted: Unwanted, came: Came, zone: ZoneInfo) -> Iterator[str]:
    """What is wrong with a silence: there was a message, or another reason for none."""
    told = [
        one
        for one in came.told
        if (one.to, one.event.type) == (unwanted.to, unwanted.event) and unwanted.rule in (None, one.rule)
    ]
    if told:
        yield "  silent"
        yield from (f"    + {shown(one, zone)}: {one.why}" for one in told)
        return
    reasons = list(dict.fromkeys(_reasons(unwanted.to, unwanted.event, unwanted.rule, came, zone)))
    if unwanted.why is not None and not any(fnmatchcase(why.casefold(), unwanted.why.casefold()) for why in reasons):
        yield "  silent"
        yield f"    - {unwanted.to} {unwanted.event}: {unwanted.why}"
        yield from (f"    + {unwanted.to} {unwanted.event}: {why}" for why in reasons)


def _reasons(to: str, kind: str, rule: str | None, came: Came, zone: ZoneInfo) -> Iterator[str]:
    """Why a sink was not told of the events of a type, by that rule or by any."""
    events = [event for event in came.events if event.type == kind]
    if not events:
        yield f"there was no event {kind}"
    for event in events:
        took = next((one for one in came.told if (one.to, one.event.id) == (to, event.id)), None)
        kept = next((one for one in came.kept if (one.sink, one.event_id) == (to, event.id)), None)
        taker = took.rule if took else kept.rule if kept else None
        if taker and rule not in (None, taker):
            yield f"the rule {taker!r} took it first"
        elif took:
            yield f"it was told at {_time(took.at, zone)}"
        elif kept:
            yield _kept(kept)
        else:
            yield untaken(event, to, rule, came.rules)


def _kept(row: DeliveryRow) -> str:
    match row.state:
        case "held":
            return f"it waits still: {row.reason}"
        case "summed":
            return f"it was told in a summary: {row.reason}"
        case _:
            return f"{row.state}: {row.reason}"


def _diff(what: str, expected: list[str], came: list[str]) -> Iterator[str]:
    lines = list(difflib.unified_diff(expected, came, "expected", "came", n=ALL, lineterm=""))
    if lines:
        yield f"  {what}: - expected, + came"
        yield from (f"    {line[0]} {line[1:]}" for line in lines[3:])


# --------------------------------------------------------------------------------------------- expected and told pairs


def _paired(wanted: Sequence[Wanted], told: Sequence[Told]) -> dict[int, int]:
    """As many pairs of expected and told as there can be, by their places in the two lists."""
    takers: dict[int, int] = {}

    def place(number: int, seen: set[int]) -> bool:
        for at, one in enumerate(told):
            if at not in seen and not misfits(wanted[number], one):
                seen.add(at)
                if at not in takers or place(takers[at], seen):
                    takers[at] = number
                    return True
        return False

    for number in range(len(wanted)):
        place(number, set())
    return {number: at for at, number in takers.items()}


def misfits(wanted: Wanted, told: Told) -> list[str]:
    """The keys in which a message is not the one that is expected."""
    fits = {
        "to": wanted.to == told.to,
        "event": wanted.event == told.event.type,
        "rule": wanted.rule in (None, told.rule),
        "at": wanted.at is None or wanted.at.is_(told.at),
        "title": wanted.title is None or _like(told.message.title, wanted.title),
        "text": wanted.text is None or _like(told.text, wanted.text),
        "count": wanted.count in (None, told.count),
        "late": wanted.late in (None, told.late),
    }
    return [key for key, fit in fits.items() if not fit]


def _like(text: str, pattern: str) -> bool:
    """Whether a glob matches a text, whichever spaces stand in it: French amounts have narrow ones."""
    return fnmatchcase(_spaced(text), _spaced(pattern))


def _spaced(text: str) -> str:
    return "".join(" " if char.isspace() and char != "\n" else char for char in text)


# ------------------------------------------------------------------------------------------------------------- showing


def shown(told: Told, zone: ZoneInfo) -> str:
    """A message on one line."""
    more = f" of {told.count}" if told.count > 1 else ""
    late = " late" if told.late else ""
    return f'{_time(told.at, zone)}  {told.to}  {told.event.type}{more}{late}  by "{told.rule}"  {told.message.title}'


def _wanted(wanted: Wanted, zone: ZoneInfo) -> str:
    """An expected message on one line, as far as it is told apart."""
    more = f" of {wanted.count}" if wanted.count else ""
    parts = [
        _time(wanted.at.moment, zone) if wanted.at else "at any time",
        wanted.to,
        wanted.event + more + (" late" if wanted.late else " not late" if wanted.late is False else ""),
        f'by "{wanted.rule}"' if wanted.rule else "",
        wanted.title or "",
        f"with the text {wanted.text}" if wanted.text else "",
    ]
    return "  ".join(filter(None, parts))


def _time(moment: datetime, zone: ZoneInfo) -> str:
    local = moment.astimezone(zone)
    return local.strftime("%Y-%m-%d %H:%M:%S" if local.second else "%Y-%m-%d %H:%M")


def described_json(one: Judged, zone: ZoneInfo) -> dict[str, Any]:
    """A case and what came of it, as JSON."""
    return {
        "name": one.case.name,
        "file": str(one.case.file),
        "line": one.case.line,
        "passed": not one.wrong,
        "wrong": list(one.wrong),
        "events": [event.type for event in one.came.events],
        "messages": [
            {
                "at": told.at.astimezone(zone).isoformat(),
                "to": told.to,
                "event": told.event.type,
                "rule": told.rule,
                "title": told.message.title,
                "why": told.why,
                "count": told.count,
                "late": told.late,
            }
            for told in one.came.told
        ],
    }
