"""How things are printed: for people on a terminal, as plain aligned text elsewhere, as JSON where it is asked for.

What came from upstream is made inert before it reaches a terminal; in JSON it is as it is.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import click
import msgspec
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from watcher.cli.glance import Glance
from watcher.messages import compose, plain
from watcher.model import Event, Message, envelope, stamp
from watcher.ports import Clock
from watcher.sinks.kit import record_name

LONGEST = 2000
"""Characters of one value; a message may be long, a screen is not."""

LEAST = 30
"""Columns that a cell needs to be folded; where there are fewer, the terminal breaks the lines."""

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
_STYLES = {"ok": "green", "warn": "yellow", "bad": "bold red", "dim": "dim", "head": "bold", "": ""}


def console() -> Console:
    """Standard output as rich sees it now; without colour where it is no terminal or NO_COLOR is set."""
    return Console(file=sys.stdout, highlight=False, emoji=False)


def on_terminal() -> bool:
    """Whether people look at standard output."""
    return sys.stdout.isatty()


def print_json(value: Any) -> None:
    """One JSON value, laid out for people when they look at it."""
    text = msgspec.json.encode(value)
    click.echo(msgspec.json.format(text, indent=2) if on_terminal() else text)


def print_line(value: Any) -> None:
    """One JSON value on a line of its own, at once."""
    click.echo(msgspec.json.encode(value))


def say(text: str = "", style: str = "") -> None:
    """A line of text, with a style (`ok`, `warn`, `bad`, `dim`, `head`) on a terminal."""
    if on_terminal():
        console().print(Text(text, style=_STYLES[style]), soft_wrap=True)
    else:
        click.echo(text)


Cell = str | tuple[str, str]
"""A text, or a text and its style."""


def table(heads: Sequence[str], rows: Iterable[Sequence[Cell]], *, indent: int = 0) -> None:
    """A table, its columns as wide as they have to be; without heads when all of them are empty."""
    lines = [list(map(_cell, line)) for line in rows]
    if not lines and on_terminal():
        say(" " * indent + "none", "dim")
        return
    if any(heads):
        lines.insert(0, [(head.upper(), "dim") for head in heads])
    columns = list(zip(*lines, strict=True))[:-1]
    widths = [max(cell_len(text) for text, _ in column) for column in columns]
    for line in lines:
        row(line, widths, indent=indent)


def row(cells: Sequence[Cell], widths: Sequence[int], *, indent: int = 0) -> None:
    """One row of a table; each cell but the last is at least so wide.

    On a terminal that has room for it the last one is folded under itself; elsewhere it stays one line.
    """
    *before, (last, style) = map(_cell, cells)
    line = Text(" " * indent)
    for (text, look), width in zip(before, widths, strict=True):
        line.append(text + " " * (width - cell_len(text)), _STYLES[look]).append("  ")
    if not on_terminal():
        click.echo((line.plain + last).rstrip())
        return
    out, start = console(), line.cell_len
    pieces = Text(last, _STYLES[style]).wrap(out, out.width - start) if out.width - start >= LEAST else [Text(last)]
    for number, piece in enumerate(pieces or [Text()]):
        out.print((line if number == 0 else Text(" " * start)).append_text(piece), soft_wrap=True)


def _cell(cell: Cell) -> tuple[str, str]:
    text, style = (cell, "") if isinstance(cell, str) else cell
    return plain(text, LONGEST), style


# --------------------------------------------------------------------------------------------------- times and values


def local(moment: datetime | None, zone: ZoneInfo, absent: str = "-") -> str:
    """A moment in the people's zone: `2026-11-21 10:02:04`."""
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S") if moment else absent


def brief(moment: datetime | None, zone: ZoneInfo, now: datetime, absent: str = "-") -> str:
    """The same, on a terminal without the day when that is today's."""
    text = local(moment, zone, absent)
    today = now.astimezone(zone).date().isoformat()
    return text.removeprefix(f"{today} ") if on_terminal() else text


def lapse(span: timedelta) -> str:
    """A span as people say it, its two largest units: `3 h 12 min`, `45 s`."""
    left = max(0, round(span.total_seconds()))
    if 0 < span.total_seconds() < 1:
        return f"{span.total_seconds():.1f} s"
    parts: list[str] = []
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count} {unit}")
        elif parts:
            break
    return " ".join(parts[:2])


def ago(moment: datetime | None, now: datetime, absent: str = "never") -> str:
    """How long ago that was."""
    return f"{lapse(now - moment)} ago" if moment else absent


def ahead(moment: datetime | None, now: datetime, absent: str = "-") -> str:
    """In how long that will be."""
    if moment is None:
        return absent
    return f"in {lapse(moment - now)}" if moment > now else "due"


def count(number: int, noun: str) -> str:
    """A number of things: `1 event`, `2 events`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def written(moment: datetime | None) -> str | None:
    """A moment as JSON has it."""
    return stamp(moment) if moment else None


def flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The values of a record by path, lists by their members' `id`, else `contact`, as events name them."""
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from flat(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list) and value and all(isinstance(member, Mapping) for member in value):
        for number, member in enumerate(value):
            name = member.get("id") or member.get("contact") or number
            yield from flat(member, f"{path}[{name}]")
    else:
        yield path, value


def shown(value: Any, zone: ZoneInfo) -> str:
    """A value of a record for people: moments in their zone, nothing as a dash."""
    if value is None or value in ("", [], {}):
        return "-"
    if isinstance(value, str):
        return local(datetime.fromisoformat(value), zone) if _MOMENT.fullmatch(value) else value
    if isinstance(value, list):
        return ", ".join(shown(member, zone) for member in value)
    return msgspec.json.encode(value).decode()


# ------------------------------------------------------------------------------------------------------------- events


def message(event: Event, view: Glance, clock: Clock) -> Message:
    """What people read of an event."""
    return compose(event, language=view.language, zone=view.timezone, now=clock())


def event_row(event: Event, view: Glance, clock: Clock) -> tuple[Cell, Cell, Cell, Cell]:
    """An event as a row: when it was seen, its type, its record, its title."""
    return (
        (brief(event.recorded_at, view.timezone, clock()), "dim"),
        (event.type, "head"),
        record_name(event),
        message(event, view, clock).title,
    )


EVENT_HEADS = ("seen", "event", "record", "title")


def envelopes(events: Iterable[Event]) -> list[dict[str, Any]]:
    """Events as JSON."""
    return [envelope(event) for event in events]
