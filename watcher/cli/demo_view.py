"""The demo as it is seen: a live screen on a terminal, one line an event elsewhere, and a closing summary."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Protocol, Self

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from watcher.cli.demo_story import Act, Story
from watcher.cli.output import count, say, table
from watcher.model import Event, Message

COLOURS = {"leads": "cyan", "contracts": "green", "purchases": "magenta", "": "yellow"}
ENDINGS = ("-canceled", "-reverted", "-removed", "-failing")
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"

HELD = 25
"""Pictures for which a message stays on the screen, so that one can read it."""

AROUND = 6
"""Lines of the screen that are neither acts nor the message."""

CARD = 11
"""Lines of the message, where the screen has room for it."""

WIDE = 100
"""Columns from which on there is room for what is received."""

LABELS = 7
"""Lines of a message that are shown."""


class View(Protocol):
    """One way to see the demo."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""

    def paint(self) -> None:
        """Show what is new."""


class Lines:
    """One line an event, when its message is received: time, type, title, delay."""

    def __init__(self, story: Story) -> None:
        self._story = story

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def paint(self) -> None:
        """Print what was received meanwhile."""
        while self._story.inbox:
            told = self._story.inbox.popleft()
            time = f"{told.received:%H:%M:%S}"
            click.echo(f"{time}  {told.event.type:<28}  {told.title}  ({told.delay:.2f} s)")


class Screen:
    """The live view: each act on a line that goes from left to right, and a message as people read it."""

    def __init__(self, story: Story, read: Callable[[Event], Message]) -> None:
        self._story = story
        self._read = read
        self._console = Console(highlight=False, emoji=False)
        self._live = Live(console=self._console, screen=True, auto_refresh=False)
        self._frames = itertools.cycle(SPINNER)
        self._card: Message | None = None
        self._held = 0

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def paint(self) -> None:
        """Draw the next picture."""
        self._choose()
        self._live.update(self._picture(), refresh=True)

    def _choose(self) -> None:
        """Take up the message that has most to say, when the one that is shown has been there long enough."""
        self._held -= 1
        if self._story.inbox and self._held <= 0:
            messages = [self._read(told.event) for told in self._story.inbox]
            self._card, self._held = max(messages, key=lambda message: len(message.lines)), HELD
            self._story.inbox.clear()

    def _picture(self) -> RenderableType:
        size = self._console.size
        card = CARD if size.height >= 2 * CARD else 0
        room = max(1, size.height - AROUND - card)
        acts = self._acts(room, size.width)
        parts: list[RenderableType] = [self._head(), Text(), acts]
        shown = sum(max(1, len(act.told)) for act in self._story.latest(room))
        parts.append(Text("\n" * max(0, room - shown - 1)))
        if card:
            parts.append(self._message())
        parts += [Rule(style="dim"), self._totals()]
        return Group(*parts)

    def _head(self) -> Text:
        return Text.assemble(
            (" watcher demo ", "bold reverse"),
            "  Apimo (2 agencies) and Adlead (2 programmes), simulated here and read every second.",
            ("  Ctrl-C ends it.", "dim"),
            no_wrap=True,
            overflow="ellipsis",
        )

    def _acts(self, room: int, width: int) -> Table:
        table = Table(box=None, expand=True, pad_edge=False, header_style="bold dim", padding=(0, 2, 0, 0))
        frame = next(self._frames)
        table.add_column("WHEN", width=8, no_wrap=True)
        table.add_column("HAPPENS UPSTREAM", width=34, no_wrap=True, overflow="ellipsis")
        table.add_column("WATCHER DERIVES", min_width=22, no_wrap=True, overflow="ellipsis")
        if width >= WIDE:
            table.add_column("A WEBHOOK RECEIVES", ratio=1, no_wrap=True, overflow="ellipsis")
        table.add_column("AFTER", width=6, justify="right", no_wrap=True)
        for act in self._story.latest(room):
            for cells in _lines(act, frame):
                table.add_row(*(cells if width >= WIDE else (*cells[:3], cells[4])))
        return table

    def _message(self) -> Panel:
        title = Text(" as people read it in Slack or an e-mail ", style="dim")
        known = f"The first reads fill the memory: {self._story.remembered} records, told to nobody."
        body: RenderableType = Text(known, style="dim")
        if self._card:
            body = _card(self._card)
        return Panel(body, title=title, title_align="left", border_style="dim", height=CARD)

    def _totals(self) -> Text:
        story = self._story
        parts = [f"{story.happened} happened", count(story.derived, "event"), f"{story.received} received"]
        if story.received:
            parts.append(f"{story.usual:.1f} s from end to end, {story.longest:.1f} s at most")
        parts.append(f"{count(story.reads, 'read')}, {story.idle} idle")
        return Text(" " + "   ·   ".join(parts), style="bold", no_wrap=True, overflow="ellipsis")


def _lines(act: Act, frame: str) -> Iterator[tuple[Text, ...]]:
    """An act as rows: what happened, and beside it each event and its message as far as they have come."""
    colour = COLOURS[act.stream]
    when, what = Text(f"{act.at:%H:%M:%S}", style="dim"), Text(act.sentence)
    if not act.told:
        yield when, what, Text(frame, style="yellow"), Text(), Text()
    for number, told in enumerate(act.told):
        style = "red" if told.event.type.endswith(ENDINGS) else colour
        first = number == 0
        yield (
            when if first else Text(),
            what if first else Text(),
            Text(told.event.type, style=f"bold {style}"),
            Text.assemble(("✓ ", "green"), told.title) if told.received else Text(frame, style="yellow"),
            Text(f"{told.delay:.1f} s" if told.received else "", style="green"),
        )


def _card(message: Message) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis")
    for label, value in message.lines[:LABELS]:
        table.add_row(Text(label), Text(value))
    head = Text.assemble((message.title, "bold"), ("  " + message.age, "dim"), no_wrap=True, overflow="ellipsis")
    return Group(
        head, *([Text(message.advice, style="italic yellow")] if message.advice else []), Padding(table, (0, 0))
    )


# ------------------------------------------------------------------------------------------------------- the end of it

NEXT = """\
Next: write a config.toml of your own, then `watcher check` and `watcher run`.
The README shows how; `watcher simulate` lends you these two systems for it."""


def curtain(story: Story) -> None:
    """Say what it came to, and what to do next."""
    say()
    say(
        f"{count(story.happened, 'thing')} happened upstream, {count(story.derived, 'event')} derived, "
        f"{count(story.received, 'message')} delivered, {_signatures(story)}.",
        "head",
    )
    if story.types:
        say()
        table(("", ""), [(kind, str(number)) for kind, number in story.types.most_common()], indent=2)
        say()
        say(f"From upstream to receipt: {story.usual:.2f} s (median), {story.longest:.2f} s at the longest.")
    say()
    say(NEXT)


def _signatures(story: Story) -> str:
    return f"{story.refused} with a wrong signature" if story.refused else "each signature right"
