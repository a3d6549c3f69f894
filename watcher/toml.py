"""TOML files with the place of each key, so that a complaint can say where to look.

`tomllib` gives values without positions. `locate` finds them again with a small scanner over a text that tomllib has
already accepted: it may assume valid TOML, and needs to tell values apart only as far as finding their ends.
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Set
from pathlib import Path
from typing import Any, NamedTuple

from watcher.errors import ConfigError

KeyPath = tuple[str | int, ...]
"""Where a value stands: `("sinks", "crm", "url")`, `("sources", 0, "every")`."""

_BLANK = re.compile(r"[ \t]*")
_GAP = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BARE_VALUE = re.compile(r"[^,\]}#\n]+")
_STRING = re.compile(
    r'''"""(?:[^"\\]|\\.|"(?!""))*"{3,5}'''  # up to two quotes may stand before the closing three
    r"""|'''(?:[^']|'(?!''))*'{3,5}"""
    r'''|"(?:[^"\\]|\\.)*"'''
    r"""|'[^']*'""",
    re.DOTALL,
)


class Positions(NamedTuple):
    """The line of each key and of each element of a list, from 1, and the paths that were written as `[table]`."""

    lines: Mapping[KeyPath, int]
    tables: Set[KeyPath]


def locate(text: str) -> Positions:
    """Find the line of every key path in a text that tomllib accepts."""
    scanner = _Scanner(text)
    scanner.document()
    return Positions(scanner.lines, scanner.tables)


class _Scanner:
    """One walk over the text. A key that is written in several places is where it was written first."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.breaks = [match.start() for match in re.finditer("\n", text)]
        self.lines: dict[KeyPath, int] = {}
        self.tables: set[KeyPath] = set()
        self.lengths: dict[KeyPath, int] = {}  # of the arrays of tables, so far

    def document(self) -> None:
        table: KeyPath = ()
        self.skip(_GAP)
        while self.at < len(self.text):
            if self.peek() == "[":
                table = self.header()
            else:
                self.pair(table)
            self.skip(_GAP)

    def header(self) -> KeyPath:
        """Read `[a.b]` or `[[a.b]]`; return the path of the table that it opens."""
        line, brackets = self.line(), 2 if self.text.startswith("[[", self.at) else 1
        self.at += brackets
        parts = self.key()
        self.at += brackets
        path: KeyPath = ()
        for left, part in enumerate(parts, 1 - len(parts)):
            path = (*path, part)
            self.lines.setdefault(path, line)
            if brackets == 2 and left == 0:  # noqa: PLR2004 - the two of [[
                self.lengths[path] = self.lengths.get(path, 0) + 1
            if path in self.lengths:
                path = (*path, self.lengths[path] - 1)
        self.lines[path] = line  # its own header is better than `[a.b.c]` further up, which implied it
        self.tables.add(path)
        return path

    def pair(self, table: KeyPath) -> None:
        """Read `a.b = value`."""
        line, path = self.line(), table
        for part in self.key():
            path = (*path, part)
            self.lines.setdefault(path, line)
        self.at += 1
        self.skip(_BLANK)
        self.value(path)

    def key(self) -> list[str]:
        """Read a dotted key and the blanks around its parts."""
        parts = []
        while True:
            self.skip(_BLANK)
            if bare := _BARE_KEY.match(self.text, self.at):
                parts.append(bare[0])
                self.at = bare.end()
            else:
                start = self.at
                self.skip(_STRING)
                parts.append(tomllib.loads(f"key = {self.text[start : self.at]}")["key"])
            self.skip(_BLANK)
            if self.peek() != ".":
                return parts
            self.at += 1

    def value(self, path: KeyPath) -> None:
        match self.peek():
            case "[":
                self.array(path)
            case "{":
                self.inline(path)
            case '"' | "'":
                self.skip(_STRING)
            case _:
                self.skip(_BARE_VALUE)

    def array(self, path: KeyPath) -> None:
        index = 0
        self.step()
        while self.peek() != "]":
            self.lines[*path, index] = self.line()
            self.value((*path, index))
            self.comma()
            index += 1
        self.at += 1

    def inline(self, path: KeyPath) -> None:
        self.step()
        while self.peek() != "}":
            self.pair(path)
            self.comma()
        self.at += 1

    def comma(self) -> None:
        self.skip(_GAP)
        if self.peek() == ",":
            self.step()

    def step(self) -> None:
        self.at += 1
        self.skip(_GAP)

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def skip(self, pattern: re.Pattern[str]) -> None:
        if match := pattern.match(self.text, self.at):
            self.at = match.end()

    def line(self) -> int:
        return bisect_left(self.breaks, self.at) + 1


class Document:
    """One file as it was read: its values, and the mistakes found in it, each with its place."""

    def __init__(self, path: Path, data: dict[str, Any], positions: Positions) -> None:
        self.path = path
        self.data = data
        self._positions = positions
        self._mistakes: list[tuple[int, str]] = []

    def line(self, path: KeyPath) -> int:
        """The line of that key; of what holds it, when it is not there."""
        while path and path not in self._positions.lines:
            path = path[:-1]
        return self._positions.lines.get(path, 1)

    def where(self, path: KeyPath) -> str:
        """The place as people look for it: `config.toml:14: [sinks.crm] url`."""
        depth = next((at for at in range(len(path), 0, -1) if path[:at] in self._positions.tables), 0)
        table, key = path[:depth], path[depth:]
        name = dotted(part for part in table if isinstance(part, str))
        label = f"[[{name}]]" if table and isinstance(table[-1], int) else f"[{name}]" if table else ""
        return f"{self.path}:{self.line(path)}: {' '.join(filter(None, (label, dotted(key))))}".rstrip(": ")

    def complain(self, mistakes: Iterable[tuple[KeyPath, str]]) -> None:
        """Note mistakes, each with its place: what is wrong; what to do."""
        self._mistakes += ((self.line(path), f"{self.where(path)}: {text}") for path, text in mistakes)

    @property
    def complaints(self) -> tuple[str, ...]:
        """What is wrong with it, from top to bottom."""
        return tuple(text for _, text in sorted(self._mistakes, key=lambda mistake: mistake[0]))


def read(path: Path) -> Document:
    """Read a file; raises ConfigError, from the OSError if there is one, when it cannot be read or is no TOML."""
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig")
        return Document(path, tomllib.loads(text), locate(text))
    except OSError as error:
        remedy = "mend the path" if isinstance(error, FileNotFoundError) else "let watcher's user read it"
        raise ConfigError((f"{path}: cannot be read ({error.strerror}); {remedy}",)) from error
    except UnicodeDecodeError as error:
        # Its text would quote the bytes, which may be a secret's.
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError((f"{path}:{line}: not UTF-8 text; save the file as UTF-8",)) from None
    except RecursionError:
        raise ConfigError((f"{path}: brackets nested too deep to read; close them",)) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError((_syntax(path, str(error), text),)) from None


def _syntax(path: Path, message: str, text: str) -> str:
    """Say tomllib's mistake in our form."""
    what, _, place = message.rpartition(" (at ")
    line, column = (int(number) for number in re.findall(r"\d+", place) or (text.count("\n") + 1, 0))
    remedy = "look at this line and the one above"
    if not column:
        remedy = "close what was opened"
    elif what.startswith(("Invalid value", "Expected newline")):
        remedy = 'texts, durations and rates go in quotes: "60s"'
    elif what.startswith("Cannot"):
        remedy = "it is there twice: keep one"
    spot = f" at column {column}" if column else ", the file ends too early"
    return f"{path}:{line}: not valid TOML{spot} ({what}); {remedy}"


def quoted(text: str) -> str:
    """The text in double quotes, on one line, with nothing that moves a terminal's cursor."""
    short = text if len(text) <= 80 else f"{text[:79]}…"  # noqa: PLR2004 - a line's worth
    return '"' + "".join(json.dumps(char, ensure_ascii=not char.isprintable())[1:-1] for char in short) + '"'


def dotted(parts: Iterable[str | int]) -> str:
    """A key path as TOML writes it: `contacts."first name"`, `agencies[1]`."""
    text = ""
    for part in parts:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part if _BARE_KEY.fullmatch(part) else quoted(part))
    return text


def nearest(word: str, names: Iterable[str]) -> str:
    """A question after the name that was probably meant, to follow what is wrong; nothing when none is near."""
    known = {name.casefold(): name for name in sorted(names)}
    near = difflib.get_close_matches(word.casefold(), known, n=1)
    return f"; did you mean {quoted(known[near[0]])}?" if near else ""


def absent(what: str, name: str, among: Collection[str]) -> str:
    """Say that there is no such account, sink or stream, and what was probably meant."""
    if not among:
        return f"no {what} {quoted(name)}; add [{dotted((f'{what}s', name))}]"
    return f"no {what} {quoted(name)}" + (nearest(name, among) or f"; there are {', '.join(among)}")
