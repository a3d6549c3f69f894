"""A table of TOML into a frozen struct, with every mistake of the table found at once and said in plain words.

msgspec stops at the first mistake and does not know our kinds of values, so the fields are taken one by one, and it is
left with the bounds that a shape sets.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import msgspec

from watcher.credentials import Absent, Secrets
from watcher.kinds import KINDS, Daily
from watcher.shapes import HEAD
from watcher.toml import KeyPath, dotted, nearest, quoted
from watcher.units import Rate, Secret

_WORDS = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "a table",
    datetime: "a date",
    date: "a date",
    time: "a time",
}
_EXAMPLES = {str: '"..."', bool: "true", int: "1", float: "1.5", Secret: '{ credential = "NAME" }'}
_STAND_INS = {"url": "https://stand-in.invalid/", "ping": "https://stand-in.invalid/", "secret": f"whsec_{'A' * 32}"}
"""What stands in for a secret that may be absent, of the keys that have to look like one."""
_LISTS: Mapping[Any, type] = {list: list, tuple: tuple, Sequence: tuple, Collection: tuple, frozenset: frozenset}
_TABLES = (dict, Mapping)
_LIMITS = frozenset({Rate, Daily})
_BOUNDS = (
    (r"of length >= 1\b", "must not be empty; give one at least"),
    (r"of length >= (\d+)", r"must have at least \1"),
    (r"of length <= (\d+)", r"must have at most \1"),
    (r">= (\S+)", r"must be at least \1"),
    (r"<= (\S+)", r"must be at most \1"),
    (r"> (\S+)", r"must be more than \1"),
    (r"< (\S+)", r"must be less than \1"),
    (r"matching regex '(.*)'", r"must look like \1"),
)


class Mistake(NamedTuple):
    """What is wrong, and where in its document."""

    path: KeyPath
    text: str


class Wrong(Exception):
    """A value cannot be taken; carries every mistake in it."""

    def __init__(self, *mistakes: Mistake) -> None:
        super().__init__(mistakes)
        self.mistakes = mistakes


@dataclass(frozen=True, slots=True)
class Converter:
    """Turns values as TOML has them into the shapes that the code works with. `directory` is the file's own.

    A secret that cannot be had is noted in `unfound` and stood in for, so that it hides nothing else that is wrong.
    """

    secrets: Secrets
    directory: Path
    unfound: list[Mistake] = field(default_factory=list)

    def fields(self, table: Mapping[str, Any], shape: type, path: KeyPath) -> tuple[dict[str, Any], list[Mistake]]:
        """The fields of a struct that the table gives and that can be read, and what is wrong with the others."""
        known = {info.encode_name: info for info in msgspec.structs.fields(shape)}
        values: dict[str, Any] = {}
        mistakes = [Mistake((*path, key), _unknown(key, known)) for key in table if key not in known]
        for key, info in known.items():
            try:
                if key in table:
                    values[info.name] = self.convert(table[key], info.type, (*path, key))
                elif info.required:
                    mistakes.append(Mistake((*path, key), f"missing; write {key} = {_example(info.type)}"))
            except Wrong as wrong:
                mistakes += wrong.mistakes
        return values, mistakes

    def struct(self, table: Mapping[str, Any], shape: type, path: KeyPath) -> Any:
        """The struct, or Wrong.

        What its `__post_init__` says in a ValueError is a mistake of the table, a line each; of one key, when the line
        starts with `KEY: `, or of one in a table of it with `KEY.INNER: `.
        """
        values, mistakes = self.fields(table, shape, path)
        if mistakes:
            raise Wrong(*mistakes)
        try:
            return shape(**values)
        except ValueError as error:
            keys = {info.encode_name for info in msgspec.structs.fields(shape)}
            keys_unfound = {mistake.path[: len(path) + 1] for mistake in self.unfound}
            for line in str(error).splitlines() or ["cannot be used together"]:
                key, colon, text = line.partition(": ")
                place = key.split(".")
                mistake = Mistake((*path, *place), text) if colon and place[0] in keys else Mistake(path, line)
                if mistake.path not in keys_unfound:  # what stands in for a secret is not what somebody wrote
                    mistakes.append(mistake)
            raise Wrong(*mistakes) from None

    def convert(self, value: Any, shape: Any, path: KeyPath) -> Any:
        """The value in that shape, or Wrong with every mistake in it. Of tuples, only `tuple[X, ...]` is known."""
        if get_origin(shape) is Annotated:
            taken = self.convert(value, get_args(shape)[0], path)
            _within(value, shape.__metadata__, path)
            return taken
        if get_origin(shape) in (Union, UnionType):
            return self._union(value, shape, path)
        if shape is Any:
            return value
        if shape is Secret:
            return self._secret(value, path)
        if type(value) not in _takes(shape):
            raise Wrong(Mistake(path, f"must be {_word(shape)}, not {_kind(value)}{_remedy(value, shape, path)}"))
        try:
            return self._known(value, shape, path)
        except (ValueError, OverflowError) as error:
            text = "is too large; write less" if isinstance(error, OverflowError) else str(error)
            raise Wrong(Mistake(path, text)) from None

    def _known(self, value: Any, shape: Any, path: KeyPath) -> Any:
        origin = get_origin(shape) or shape
        if shape in KINDS:
            return KINDS[shape].parse(value)
        if origin is Literal and value not in get_args(shape):
            raise ValueError(f"must be {_word(shape)}{nearest(str(value), map(str, get_args(shape)))}")
        if origin in _LISTS:
            return _LISTS[origin](self._each(enumerate(value), shape, path).values())
        if origin in _TABLES:
            return self._each(value.items(), shape, path)
        if _is_struct(shape):
            return self.struct(value, shape, path)
        return float(value) if shape is float else value

    def _secret(self, value: Any, path: KeyPath) -> Secret:
        try:
            return self.secrets.find(value, self.directory)
        except ValueError as error:
            if self.secrets.spare and isinstance(error, Absent):
                key = next(part for part in reversed(path) if isinstance(part, str))
                return Secret(_STAND_INS.get(key, "stand-in"))
            self.unfound.append(Mistake(path, str(error)))
            return Secret("?")

    def _each(self, items: Iterable[tuple[Any, Any]], shape: Any, path: KeyPath) -> dict[Any, Any]:
        inner = next((arg for arg in reversed(get_args(shape)) if arg is not ...), Any)
        taken: dict[Any, Any] = {}
        mistakes: list[Mistake] = []
        for key, value in items:
            try:
                taken[key] = self.convert(value, inner, (*path, key))
            except Wrong as wrong:
                mistakes += wrong.mistakes
        if mistakes:
            raise Wrong(*mistakes)
        return taken

    def _union(self, value: Any, shape: Any, path: KeyPath) -> Any:
        """The member that takes such a value decides. A limit that may be left out is lifted with `false`."""
        members = [member for member in get_args(shape) if member is not NoneType]
        if isinstance(value, bool) and not _LIMITS.isdisjoint(members) and NoneType in get_args(shape):
            if value:
                raise Wrong(Mistake(path, f"must be {_word(shape)}, or false for none"))
            return None
        fitting = [member for member in members if type(value) in _takes(member)]
        if len(fitting) == 1 or len(members) == 1:
            return self.convert(value, (fitting or members)[0], path)
        for member in fitting:
            try:
                return self.convert(value, member, path)
            except Wrong:
                continue
        if not fitting and Secret in members and str not in members:
            return self.convert(value, Secret, path)
        raise Wrong(Mistake(path, f"must be {_word(shape)}" + ("" if fitting else f", not {_kind(value)}")))


def _bare(shape: Any) -> tuple[Any, Any]:
    """The shape without its bounds, and what it is a case of."""
    while get_origin(shape) is Annotated:
        shape = get_args(shape)[0]
    return shape, get_origin(shape) or shape


def _takes(shape: Any) -> tuple[type, ...]:
    """The types of TOML that can become that shape."""
    shape, origin = _bare(shape)
    if shape in KINDS:
        return KINDS[shape].takes
    if origin in (Union, UnionType):
        return tuple(taken for member in get_args(shape) for taken in _takes(member))
    if origin is Literal:
        return tuple({type(option) for option in get_args(shape)})
    if origin in _LISTS:
        return (list,)
    if origin in _TABLES or shape is Secret or _is_struct(shape):
        return (dict,)
    return (int, float) if shape is float else (shape,)


def _is_struct(shape: Any) -> bool:
    return isinstance(shape, type) and issubclass(shape, msgspec.Struct)


def _within(value: Any, bounds: Iterable[Any], path: KeyPath) -> None:
    """Check the bounds of an `Annotated`, and say in plain words what msgspec says of them."""
    annotated: Any = Annotated
    for bound in bounds:
        try:
            msgspec.convert(value, annotated[type(value), bound])
        except msgspec.ValidationError as error:
            for pattern, words in _BOUNDS:
                if match := re.search(pattern, str(error)):
                    raise Wrong(Mistake(path, match.expand(words))) from None
            raise Wrong(Mistake(path, str(error))) from None


def _word(shape: Any) -> str:
    *others, last = _words(shape)
    return f"{', '.join(others)} or {last}" if others else last


def _words(shape: Any) -> list[str]:
    """What a value of that shape is called, an element for each choice."""
    shape, origin = _bare(shape)
    if shape in KINDS:
        word, example, *_ = KINDS[shape]
        return [word if example == _EXAMPLES[str] else f"{word} such as {example}"]
    if origin is Literal:
        return [quoted(str(option)) for option in get_args(shape)]
    if origin in (Union, UnionType):
        return [word for member in get_args(shape) if member is not NoneType for word in _words(member)]
    return ["a secret"] if shape is Secret else [_WORDS[_takes(shape)[-1]]]


def _kind(value: Any) -> str:
    return {int: "a number", float: "a fraction"}.get(type(value)) or _WORDS[type(value)]


def _remedy(value: Any, shape: Any, path: KeyPath) -> str:
    takes = _takes(shape)
    if list in takes:
        return f"; write [[{dotted(path)}]]" if isinstance(value, dict) else f"; write {_example(shape)}"
    if dict in takes:
        return f"; write {_table(shape, path)}"
    if takes == (str,) and shape not in KINDS and isinstance(value, int | float):
        return "; put it in quotes"
    return "; leave out the quotes" if str not in takes and isinstance(value, str) else ""


def _table(shape: Any, path: KeyPath) -> str:
    """How that table is written."""
    if isinstance(path[-1], int):
        return f"[[{dotted(path[:-1])}]]"
    if _is_struct(shape):
        return f"[{dotted(path)}]" if len(path) == 1 else _example(shape)
    return f"[{dotted((path[0], 'NAME'))}]"


def _example(shape: Any) -> str:
    shape, origin = _bare(shape)
    if shape in KINDS:
        return KINDS[shape].example
    if origin in (Union, UnionType):
        return _example(get_args(shape)[0])
    if origin is Literal:
        return quoted(str(get_args(shape)[0]))
    if origin in _LISTS:
        return f"[{_example(get_args(shape)[0])}]"
    if _is_struct(shape):
        first = msgspec.structs.fields(shape)[0]
        return f"{{ {first.encode_name} = {_example(first.type)} }}"
    return _EXAMPLES.get(shape, "{ ... }")


def _unknown(key: str, known: Collection[str]) -> str:
    if key in HEAD:
        return "no such key here; it belongs above the first [table]"
    return "no such key" + (nearest(key, known) or f"; there are {', '.join(known)}")
