"""A condition: an expression that says yes or no of an event, and why."""

from __future__ import annotations

import reprlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice, pairwise
from operator import eq, ge, gt, le, lt, ne
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import nodes

from watcher.expressions.language import Language, Scope
from watcher.expressions.scope import DURATIONS, HELPERS, NAMES, scope
from watcher.expressions.unparse import COMPARISONS, unparse
from watcher.model import Event
from watcher.streams.dates import PARIS

LANGUAGE = Language()
"""What conditions are written in."""

_MOST_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a condition holds, or does not.

    `part` is the first part of it that decides, as text: of a chain of `and` the first that is false. `values` are what
    it asks of the event, as they were, and `failure` what went wrong when it could not be worked out.
    """

    holds: bool
    part: str
    values: tuple[tuple[str, str], ...] = ()
    failure: str = ""

    def __str__(self) -> str:
        if self.failure:
            return f"{self.part} fails: {self.failure}"
        shown = ", ".join(f"{path} is {value}" for path, value in self.values)
        bare = [path for path, _ in self.values] == [self.part]
        return shown if bare else f"{self.part}: {shown}" if shown else self.part


class Condition:
    """A compiled expression that says yes or no of an event.

    Raises Unreadable, a ValueError, when it is none (`check` says so in words). `zone` is the people's own.
    """

    def __init__(self, source: str, zone: ZoneInfo = PARIS) -> None:
        self.source = source
        self.zone = zone
        self._run = LANGUAGE.runner(LANGUAGE.expression(source))

    def holds(self, event: Event) -> bool:
        """Say whether it holds. Raises whatever the expression does wrong at run time, as ValueError."""
        return self.holds_in(scope(event, self.zone))

    def holds_in(self, scope: Scope) -> bool:
        """The same in the scope of an event (`scope`), which many conditions can share."""
        try:
            return bool(self._run(scope))
        except Exception as error:  # an expression can fail in any way that Python can
            raise ValueError(f"{type(error).__name__} in {self.source!r}") from None

    def attempt(self, event: Event) -> Exception | None:
        """How it fails on an event, if it does."""
        try:
            bool(self._run(scope(event, self.zone)))
        except Exception as error:  # an expression can fail in any way that Python can
            return error
        return None

    def failure(self, event: Event) -> str:
        """How it fails on an event, in words, with the values that it fails on."""
        reason = self.why(event)
        return f"{reason.part}: {reason.failure}"

    def why(self, event: Event) -> Reason:
        """Say whether it holds, and which part of it decides with which values. For explaining: it takes its time."""
        return _Asked(scope(event, self.zone)).reason(LANGUAGE.expression(self.source))


class _Asked:
    """One scope, asked part by part."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def value(self, node: nodes.Node) -> Any:
        """What a part comes to. It is compiled from its text, which leaves the tree as it is."""
        return LANGUAGE.runner(LANGUAGE.expression(unparse(node)))(self.scope)

    def failure(self, node: nodes.Node) -> Exception | None:
        """How a part fails, if it does."""
        try:
            bool(self.value(node))
        except Exception as error:  # an expression can fail in any way that Python can
            return error
        return None

    def reason(self, node: nodes.Node) -> Reason:
        if error := self.failure(node):
            return self.failed(node, error)
        if self.value(node):
            return Reason(True, unparse(node), self.values(node))
        part = self.refusing(node)
        return Reason(False, unparse(part), self.values(part))

    def refusing(self, node: nodes.Node) -> nodes.Node:
        """The first part of a chain of `and` that is false."""
        while isinstance(node, nodes.And):
            node = node.right if self.value(node.left) else node.left
        return node

    def failed(self, node: nodes.Node, error: Exception) -> Reason:
        """The smallest part that fails, and how."""
        for inner in _parts(node):
            if inner_error := self.failure(inner):
                return self.failed(inner, inner_error)
            if isinstance(node, nodes.And) and not self.value(inner):
                break
        said = self.compared(node) or f"{error}"[:200] or type(error).__name__
        return Reason(False, unparse(node), self.values(node), said)

    def compared(self, node: nodes.Node) -> str:
        """The two values that cannot be compared."""
        if not isinstance(node, nodes.Compare):
            return ""
        sides = [self.value(node.expr), *(self.value(op.expr) for op in node.ops)]
        words = [COMPARISONS[op.op] for op in node.ops]
        for word, (left, right) in zip(words, pairwise(sides), strict=True):
            if _refused(word, left, right):
                return f"{word!r} between {show(left)} and {show(right)}"
        return ""

    def values(self, node: nodes.Node) -> tuple[tuple[str, str], ...]:
        """What a part asks of the event, each once, and what it gets."""
        asked = dict.fromkeys(map(unparse, _leaves(node)))
        return tuple((path, self.shown(path)) for path in asked)

    def shown(self, path: str) -> str:
        try:
            return show(LANGUAGE.runner(LANGUAGE.expression(path))(self.scope))
        except Exception as error:  # an expression can fail in any way that Python can
            return f"unknown ({type(error).__name__})"


def show(value: Any) -> str:
    """A value as it is written, cut to 60 characters."""
    if isinstance(value, Iterator):
        value = list(islice(value, _MOST_SHOWN))
    if isinstance(value, (date, timedelta)):
        return str(value)
    text = repr(value[: _MOST_SHOWN + 1]) if isinstance(value, str) else reprlib.repr(value)
    return text if len(text) <= _MOST_SHOWN else text[: _MOST_SHOWN - 1] + "…"


def _refused(word: str, left: Any, right: Any) -> bool:
    """Say whether Python does not compare these two so."""
    compare = {">": gt, ">=": ge, "<": lt, "<=": le, "==": eq, "!=": ne}.get(word, lambda one, many: one in many)
    try:
        compare(left, right)
    except TypeError:
        return True
    return False


def _parts(node: nodes.Node) -> Iterator[nodes.Node]:
    """The expressions that a part is made of, in the order in which they are worked out; not those that may not be."""
    for inner in () if isinstance(node, nodes.CondExpr) else node.iter_child_nodes():
        if isinstance(inner, (nodes.Operand, nodes.Pair, nodes.Keyword)):
            yield from _parts(inner)
        elif isinstance(inner, nodes.Expr) and not isinstance(inner, nodes.Slice):
            yield inner


_MADE_OF_PARTS = (
    nodes.And, nodes.Or, nodes.Not, nodes.Compare, nodes.Operand, nodes.BinExpr, nodes.UnaryExpr, nodes.Concat,
    nodes.CondExpr, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Test,
)  # fmt: skip


def _leaves(node: nodes.Node) -> Iterator[nodes.Node]:
    """The smallest parts that ask something of the event."""
    if isinstance(node, _MADE_OF_PARTS):
        for inner in node.iter_child_nodes():
            yield from _leaves(inner)
    elif asks(node):
        yield node


def asks(node: nodes.Node) -> bool:
    """Say whether an expression depends on the event."""
    named = {name.name for name in node.find_all(nodes.Name)} | ({node.name} if isinstance(node, nodes.Name) else set())
    return not named.isdisjoint({*NAMES, *HELPERS} - {*DURATIONS})
