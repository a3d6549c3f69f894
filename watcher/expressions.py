"""The one language of conditions (and templates): Jinja2 in its sandbox, checked before it is used.

A condition sees `event`, `record`, `changes`, `account`, `partition` and `source`, all of them plain values. A field
that is empty is none; one that nobody has described is refused when the rules are read, not when a sale depends on it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from jinja2 import ChainableUndefined, TemplateError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from watcher.model import Event, envelope
from watcher.streams import REAPPEARED, STREAMS
from watcher.streams.canonical import Keyed, Kind, Object, Stamp
from watcher.streams.stream import Stream

NAMES = ("event", "record", "changes", "account", "partition", "source")
"""What an expression sees."""

_ENVELOPE = (
    "specversion", "id", "source", "subject", "type", "time", "recordedtime", "sequence", "datacontenttype", "data",
)  # fmt: skip

_environment = ImmutableSandboxedEnvironment(undefined=ChainableUndefined, autoescape=False)
_environment.globals.clear()


class Condition:
    """A compiled expression that says yes or no of an event."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._run: Callable[..., Any] = _environment.compile_expression(source, undefined_to_none=True)

    def holds(self, event: Event) -> bool:
        """Say whether it holds. Raises whatever the expression does wrong at run time, as ValueError."""
        try:
            return bool(self._run(**scope(event)))
        except Exception as error:  # an expression can fail in any way that Python can
            raise ValueError(f"{type(error).__name__} in {self.source!r}") from None


def scope(event: Event) -> dict[str, Any]:
    """What an expression sees of an event; a field that its record does not carry is none."""
    data = event.data
    stream = STREAMS.get(str(data.get("stream")))
    described = [*stream.record.fields, *stream.record.unwatched] if stream else []
    return {
        "event": envelope(event),
        "record": {**dict.fromkeys(described), **(data.get("record") or {})},
        "changes": data.get("changes") or {},
        "account": data.get("account"),
        "partition": data.get("partition"),
        "source": event.source.lstrip("/"),
    }


def check(source: str, event_types: Collection[str]) -> list[str]:
    """Find the mistakes of a condition that a rule on those event types has; none means that it can be used.

    Each is a plain sentence: a syntax error, an unknown name, or a field that no stream of the rule has, with the
    nearest right one.
    """
    try:
        tree = _environment.parse("{{ (" + source + ") }}")
    except TemplateError as error:
        return [f"is no expression: {error.message}"]
    mistakes = [
        f"{name.name!r} is unknown{_nearest(name.name, NAMES)}"
        for name in tree.find_all(nodes.Name)
        if name.ctx == "load" and name.name not in NAMES
    ]
    streams = _streams(event_types)
    for path in _paths(tree):
        mistakes += _unknown(path, streams)
    mistakes += [
        f"there is no filter {used.name!r}{_nearest(used.name, _environment.filters)}"
        for used in tree.find_all(nodes.Filter)
        if used.name not in _environment.filters
    ]
    return list(dict.fromkeys(mistakes)) or _uncompiled(source)


def _uncompiled(source: str) -> list[str]:
    """What only the compiler finds: an unknown test, a second expression."""
    try:
        Condition(source)
    except TemplateError as error:
        return [f"is no expression: {error.message}"]
    return []


def _streams(event_types: Collection[str]) -> list[Stream]:
    """The streams whose events those are; all of them for `record-reappeared` and for none."""
    mine = [stream for stream in STREAMS.values() if set(stream.event_types()) & set(event_types)]
    return list(STREAMS.values()) if REAPPEARED in event_types or not mine else mine


def _paths(tree: nodes.Node) -> Iterable[tuple[str, ...]]:
    """The chains of attributes in an expression, each from its name on: `record.assigned.user`."""
    for node in tree.find_all((nodes.Getattr, nodes.Getitem)):
        steps: list[str] = []
        inner: nodes.Node = node
        while isinstance(inner, (nodes.Getattr, nodes.Getitem)):
            if isinstance(inner, nodes.Getattr):
                steps.append(inner.attr)
            elif isinstance(inner.arg, nodes.Const) and isinstance(inner.arg.value, str):
                steps.append(inner.arg.value)
            else:
                steps = []  # what comes after a computed step cannot be known
                inner = inner.node
                continue
            inner = inner.node
        if isinstance(inner, nodes.Name) and steps:
            yield (inner.name, *reversed(steps))


def _unknown(path: tuple[str, ...], streams: list[Stream]) -> list[str]:
    name, *steps = path
    if name == "event" and steps[0] not in _ENVELOPE:
        return [f"event has no {steps[0]!r}{_nearest(steps[0], _ENVELOPE)}"]
    if name == "changes" and steps[0] not in dir(dict):
        known = {field for stream in streams for field in stream.record.fields}
        field = steps[0].partition(".")[0].partition("[")[0]
        return [] if field in known else [f"no field {field!r} can change here{_nearest(field, known)}"]
    if name == "record":
        complaints = [_field(stream.record, steps) for stream in streams]
        if all(complaints):
            return [complaint for complaint in complaints[:1] if complaint]
    return []


def _field(kind: Kind, steps: list[str], path: str = "record") -> str | None:
    """The first step of a path that the record's description does not know, as a sentence."""
    if not steps:
        return None
    step, *rest = steps
    known: Mapping[str, Kind]
    match kind:
        case Object(fields, unwatched):
            known = {**fields, **unwatched}
        case Stamp():
            return None if step in ("date", "user") else f"{path} has no {step!r}{_nearest(step, ('date', 'user'))}"
        case Keyed():
            return None if step.isdigit() else f"{path} is a list: it has no {step!r}"
        case _:
            return None if hasattr(str, step) else f"{path} is a plain value: it has no {step!r}"
    if step in known:
        return _field(known[step], rest, f"{path}.{step}")
    return None if step.endswith("_display") else f"{path} has no {step!r}{_nearest(step, known)}"


def _nearest(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
