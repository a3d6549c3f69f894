"""The mistakes of an expression, found before it is used: by reading it, then by trying it on sample events.

A false complaint is worse than a missed one: what only some events could refuse is let through.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Protocol

from jinja2 import nodes

from watcher.expressions.condition import LANGUAGE, Condition, asks
from watcher.expressions.fields import MEMBER, Known, Steps, member_steps, nearest
from watcher.expressions.language import Language, Unreadable
from watcher.expressions.samples import sample_events
from watcher.expressions.scope import ABOUT_FIELDS, HELPERS, NAMES, Helpers
from watcher.expressions.unparse import COMPARISONS, unparse
from watcher.model import Event

_SAME_MEMBERS = ("list", "reject", "rejectattr", "reverse", "select", "selectattr", "sort", "unique")
_OF_MEMBERS = ("join", "map", "max", "min", "rejectattr", "selectattr", "sort", "sum", "unique")
"""The filters that can be given a field of the members of a list."""

Bound = Mapping[str, Steps | None]
"""The names that loops have bound, and the ways to what they stand for, where they are known."""


def check(source: str, event_types: Collection[str]) -> list[str]:
    """Find the mistakes of a condition that a rule on those event types has; none means that it can be used.

    Each is a plain sentence with the nearest right name or the remedy. An event type that no stream has is taken for
    one that a rule tells of its own.
    """
    try:
        if found := Reader(LANGUAGE, Known.of(event_types)).read(LANGUAGE.expression(source)):
            return found
        condition = Condition(source)
    except Unreadable as error:
        return [f"is no expression: {error.message}"]
    return tried(condition, event_types)


def constant(source: str, event_types: Collection[str] = ()) -> bool | None:
    """Say whether a condition comes to the same whatever the event: always true, always false, or None: it depends.

    With the types of event that a rule hears, what it says of `event.type` is known too.
    """
    try:
        return _always(LANGUAGE.expression(source), frozenset(event_types))
    except Unreadable:
        return None


def _always(node: nodes.Node, event_types: frozenset[str]) -> bool | None:
    match node:
        case nodes.And(left=left, right=right) | nodes.Or(left=left, right=right):
            sides = {_always(left, event_types), _always(right, event_types)}
            decides = isinstance(node, nodes.Or)  # one true side of an `or`, one false side of an `and`
            return decides if decides in sides else None if None in sides else not decides
        case nodes.Not(node=inner):
            value = _always(inner, event_types)
            return None if value is None else not value
        case nodes.Compare(expr=nodes.Getattr(node=nodes.Name(name="event"), attr="type"), ops=[operand]):
            return _of_type(operand, event_types)
    if asks(node):
        return None
    try:
        return Condition(unparse(node)).holds_in({})
    except ValueError:
        return None


def _of_type(operand: nodes.Operand, event_types: frozenset[str]) -> bool | None:
    """What a comparison of `event.type` comes to, of the types that are heard."""
    items = getattr(operand.expr, "items", [operand.expr])
    if operand.op not in ("eq", "ne", "in", "notin") or not all(isinstance(item, nodes.Const) for item in items):
        return None
    named = event_types & {item.value for item in items if isinstance(item, nodes.Const)}
    if not event_types or (named and named != event_types):
        return None
    return bool(named) is (operand.op in ("eq", "in"))


# ------------------------------------------------------------------------------------------------------------ by trying


class Tried(Protocol):
    """Something that can be tried on an event."""

    def attempt(self, event: Event) -> Exception | None:
        """How it fails, if it does."""

    def failure(self, event: Event) -> str:
        """How it fails, in words."""


def tried(it: Tried, event_types: Collection[str]) -> list[str]:
    """Try something on samples of the events that a rule hears.

    A failure is a mistake if it is one on every sample of a type of event; one that stands on a value that is none, if
    it is one on every sample there is.
    """
    events = [event for event_type in event_types or ("",) for event in sample_events(event_type)]
    failures = [(event, it.attempt(event)) for event in events]
    if all(error for _, error in failures):
        return [_said(events[0], it)]
    for _, rows in groupby(failures, key=lambda row: row[0].type):
        told = list(rows)
        if all(error and "None" not in str(error) for _, error in told):
            return [_said(told[0][0], it)]
    return []


def _said(event: Event, it: Tried) -> str:
    return f"fails on a sample{f' of {event.type}' if event.type else ''}: {it.failure(event)}"


# ----------------------------------------------------------------------------------------------------------- by reading


@dataclass(frozen=True)
class Reader:
    """Reads a tree and says what is wrong with it. `names` and `helpers` are what it can use besides its own loops.

    `elsewhere` are helpers that are not for here, and why.
    """

    language: Language
    known: Known
    names: Collection[str] = NAMES
    helpers: Mapping[str, Callable[..., Any]] = field(
        default_factory=lambda: {name: getattr(Helpers, name) for name in HELPERS}
    )
    elsewhere: Mapping[str, str] = field(
        default_factory=lambda: dict.fromkeys(("euros", "date", "time", "members", "rule"), "for title and body")
    )

    def read(self, tree: nodes.Node) -> list[str]:
        """Every mistake, each once: the names that are unknown, then the others in the order in which one reads."""
        return sorted(dict.fromkeys(self.mistakes(tree, {})), key=lambda mistake: " is unknown" not in mistake)

    def mistakes(self, node: nodes.Node, bound: Bound) -> Iterator[str]:
        """The mistakes below a node, where loops have bound those names."""
        match node:
            case nodes.Name(name=name, ctx="load"):
                yield from self._unknown_name(name, bound)
            case nodes.Getattr() | nodes.Getitem():
                if (path := self._path(node, bound)) and (mistake := self.known.mistake(path)):
                    yield mistake
                    return
            case nodes.Call(node=nodes.Name(name=name)) if name in self.helpers and name not in bound:
                yield from self._called(node, name)
                for argument in (*node.args, *node.kwargs):
                    yield from self.mistakes(argument, bound)
                return
            case nodes.Filter(name=name):
                yield from self._unknown_filter(node, bound)
            case nodes.Test(name=name) if name not in self.language.tests:
                yield f"there is no test {name!r}{nearest(name, self.language.tests)}"
            case nodes.Compare():
                yield from self._misfits(node, bound)
            case nodes.For():
                yield from self._loop(node, bound)
                return
        for inner in node.iter_child_nodes():
            yield from self.mistakes(inner, bound)

    def _unknown_name(self, name: str, bound: Bound) -> Iterator[str]:
        known = (*self.names, *self.helpers, *bound)
        if name in self.elsewhere and name not in known:
            yield f"{name!r} is {self.elsewhere[name]}, not for conditions"
        elif name not in known:
            yield f"{name!r} is unknown{nearest(name, known)}"

    def _called(self, call: nodes.Call, name: str) -> Iterator[str]:
        """A helper that is given too much, too little, or a field that is not there."""
        signature = inspect.signature(self.helpers[name])
        parameters = [parameter for parameter in signature.parameters.values() if parameter.name != "self"]
        try:
            signature.replace(parameters=parameters).bind(*call.args, **{kw.key: kw.value for kw in call.kwargs})
        except TypeError:
            takes = ", ".join(parameter.name for parameter in parameters)
            yield f"{name}({takes}) is given {_counted(len(call.args) + len(call.kwargs))}: {unparse(call)}"
            return
        path = next(iter((*call.args, *(kw.value for kw in call.kwargs))), None)
        if name not in ABOUT_FIELDS or not isinstance(path, nodes.Const):
            return
        if not isinstance(path.value, str):
            yield f"{name}({unparse(path)}): a field is named by its path, as in {name}('status')"
            return
        of_record = ("record", *member_steps(path.value))
        mistake = self.known.mistake(of_record) if name == "was" else self.known.no_change(path.value)
        if name == "was" and not mistake and self.known.is_list_of_objects(of_record):
            mistake = (
                f"{unparse(call)} is not known of a list: ask changed({unparse(path)}), or name a field of a member"
            )
        yield from (mistake,) if mistake else ()

    def _unknown_filter(self, node: nodes.Filter, bound: Bound) -> Iterator[str]:
        filters = self.language.filters
        if node.name not in filters:
            yield f"there is no filter {node.name!r}{nearest(node.name, filters)}"
            return
        attributes = [keyword.value for keyword in node.kwargs if keyword.key == "attribute"]
        if node.name in ("selectattr", "rejectattr"):
            attributes += node.args[:1]
        elif node.name == "map":
            named = [arg.value for arg in node.args[:1] if isinstance(arg, nodes.Const)]
            yield from (
                f"there is no filter {name!r}{nearest(str(name), filters)}" for name in named if name not in filters
            )
        path = self._path(node.node, bound) if node.node else None
        for attribute in attributes:
            if path and node.name in _OF_MEMBERS and isinstance(attribute, nodes.Const):
                mistake = self.known.mistake((*path, MEMBER, *str(attribute.value).split(".")))
                yield from (mistake,) if mistake else ()

    def _loop(self, node: nodes.For, bound: Bound) -> Iterator[str]:
        yield from self.mistakes(node.iter, bound)
        path = self._path(node.iter, bound)
        targets = node.target.items if isinstance(node.target, nodes.Tuple) else [node.target]
        names = [target.name for target in targets if isinstance(target, nodes.Name)]
        inside: dict[str, Steps | None] = {**bound, **dict.fromkeys(names), "loop": None}
        if path and isinstance(node.target, nodes.Name):
            inside[node.target.name] = (*path, MEMBER)
        for inner in (*([node.test] if node.test else []), *node.body):
            yield from self.mistakes(inner, inside)
        for inner in node.else_:
            yield from self.mistakes(inner, bound)

    # ------------------------------------------------------------------------------------------------------------- ways

    def _path(self, node: nodes.Node, bound: Bound) -> Steps | None:  # noqa: PLR0911 - one case a kind of way
        """The way to what a node stands for, as far as it is known from reading."""
        match node:
            case nodes.Name(name=name):
                return bound.get(name, (name,) if name in self.names else None)
            case nodes.Getattr(node=of, attr=attr):
                return self._step(of, attr, bound)
            case nodes.Getitem(node=of, arg=nodes.Const(value=value)) if isinstance(value, (str, int)):
                return self._step(of, str(value), bound)
            case nodes.Filter(node=nodes.Expr() as of, name=name) if name in _SAME_MEMBERS:
                return self._path(of, bound)
            case nodes.Filter(node=nodes.Expr() as of, name="first" | "last"):
                return self._step(of, MEMBER, bound)
            case nodes.Call(node=nodes.Name(name="was"), args=[nodes.Const(value=str() as path)]):
                return ("record", *member_steps(path))
        return None

    def _step(self, of: nodes.Node, step: str, bound: Bound) -> Steps | None:
        path = self._path(of, bound)
        return (*path, step) if path else None

    # ------------------------------------------------------------------------------------------------------ comparisons

    def _misfits(self, node: nodes.Compare, bound: Bound) -> Iterator[str]:
        """Comparisons with a constant that can never come out as they are meant."""
        left: nodes.Expr = node.expr
        for operand in node.ops:
            word, right = COMPARISONS[operand.op], operand.expr
            if word in ("in", "not in"):
                yield from self._never(left, word, getattr(right, "items", []), bound)
            else:
                yield from self._never(left, word, [right], bound)
                yield from self._never(right, word, [left], bound)
            left = right

    def _never(self, node: nodes.Expr, word: str, others: list[Any], bound: Bound) -> Iterator[str]:
        constants = [value for other in others if (value := _value(other)) is not None]
        if constants and isinstance(node, nodes.Call) and unparse(node.node) == "age":
            yield f"{unparse(node)} is how long ago it was: compare it with hours(2), minutes(30) or days(1)"
        path = self._path(node, bound)
        for value in constants if path else ():
            if path and (mistake := self.known.misfit(path, word, value)):
                yield mistake


def _value(node: nodes.Node) -> Any:
    """The value of a plain constant, also a negative one; None for anything else."""
    if isinstance(node, nodes.Neg) and isinstance(node.node, nodes.Const) and isinstance(node.node.value, (int, float)):
        return -node.node.value
    return node.value if isinstance(node, nodes.Const) else None


def _counted(arguments: int) -> str:
    return {0: "nothing", 1: "one value"}.get(arguments, f"{arguments} values")
