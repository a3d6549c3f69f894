"""What is known of the values that an expression names: by the descriptions of the streams' records."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from watcher.expressions.language import METHODS
from watcher.expressions.paths import tokens
from watcher.expressions.samples import streams_of
from watcher.expressions.scope import DATA, ENVELOPE
from watcher.streams import STREAMS
from watcher.streams.canonical import CODE, FLAG, MOMENT, NUMBER, TEXT, Keyed, Kind, Object, Scalar, Stamp, Values
from watcher.streams.stream import Stream

Steps = tuple[str, ...]
"""The way from a name to a value, the name first: `("record", "lots", "[]", "status")`."""

MEMBER = "[]"
"""The step into any member of a list."""

_METHODS = dict(METHODS)
_PLAIN = (TEXT, CODE, NUMBER, FLAG, MOMENT)
_DELTA = ("from", "to")


@dataclass(frozen=True)
class Known:
    """The streams whose records the events of a rule are about."""

    event_types: tuple[str, ...]
    streams: tuple[Stream, ...]

    @classmethod
    def of(cls, event_types: Collection[str]) -> Known:
        """What is known of the events of these types; of none, what is known of any."""
        about = {stream.name for event_type in event_types or ("",) for stream in streams_of(event_type)}
        return cls(tuple(event_types), tuple(stream for name, stream in STREAMS.items() if name in about))

    # -------------------------------------------------------------------------------------------------- mistaken fields

    def mistake(self, path: Steps) -> str | None:
        """Say what is wrong with the way to a value, if no event of the rule has it."""
        name, *steps = path
        if not steps:
            return None
        if name in ("event", "members"):
            return self._of_event(("event", *steps[name == "members" :]))
        if name == "changes" and steps[0] not in _METHODS[dict]:
            return self.no_change(steps[0]) or self._of_delta(steps)
        if name == "record" and steps[0] not in _METHODS[dict]:
            return self._of_record(steps)
        return None

    def _of_event(self, path: Steps) -> str | None:
        _, *steps = path
        if not steps or steps[0] in _METHODS[dict]:
            return None
        if steps[0] not in ENVELOPE:
            return f"event has no {steps[0]!r}{nearest(steps[0], ENVELOPE)}"
        match steps:
            case ["data", ("record" | "changes") as name, *rest] if rest:
                return self.mistake((name, *rest))
            case ["data", step, *_] if step not in (*DATA, *_METHODS[dict]):
                # What events of other kinds carry is not all listed: only what looks like a slip is said.
                near = nearest(step, DATA)
                return f"event.data has no {step!r}{near}" if near else None
        return None

    def _of_record(self, steps: list[str]) -> str | None:
        if not self.streams:
            return f"record is empty here: {_listed(self.event_types)} is about watcher itself, see event.data.detail"
        having = [stream for stream in self.streams if steps[0] in _described(stream)]
        complaints = [_unknown(stream.record, steps, "record") for stream in having or self.streams]
        if not all(complaints):
            return None
        known = {name for stream in self.streams for name in _described(stream)}
        return complaints[0] if having else f"record has no {steps[0]!r}{nearest(steps[0], known)}"

    def _of_delta(self, steps: list[str]) -> str | None:
        """`changes` has a from and a to for each path."""
        if len(steps) == 1 or steps[1] in (*_DELTA, *_METHODS[dict]):
            return None
        return f"changes.{steps[0]} has no {steps[1]!r}{nearest(steps[1], _DELTA) or ': it has from and to'}"

    def no_change(self, path: str) -> str | None:
        """Say that nothing of that path can be among the changes."""
        steps = member_steps(path)
        if not self.streams:
            return f"nothing changes here: {_listed(self.event_types)} is about watcher itself"
        found = [(stream, _unknown(stream.record, steps, "")) for stream in self.streams]
        if not steps or all(complaint for _, complaint in found):
            watched = {name for stream in self.streams for name in stream.record.fields}
            if steps and steps[0] in watched:
                return str(found[0][1])
            return f"no field {path.partition('.')[0]!r} can change here{nearest(steps[0] if steps else '', watched)}"
        if all(steps[0] not in stream.record.fields for stream, complaint in found if not complaint):
            return f"{steps[0]!r} is not watched: it never counts as a change"
        return None

    # ------------------------------------------------------------------------------------------- values that never fit

    def misfit(self, path: Steps, operator: str, constant: Any) -> str | None:
        """Say why a value and a constant never compare as is meant, if that is so in every stream of the rule."""
        said = [
            _misfit(kind, path, operator, constant)
            for kind in (self._kind(path, stream) for stream in self.streams)
            if kind is not None
        ]
        return said[0] if said and all(said) else None

    def is_list_of_objects(self, path: Steps) -> bool:
        """Say whether that is what is at a path, in every stream that has it."""
        kinds = [kind for kind in (self._kind(path, stream) for stream in self.streams) if kind is not None]
        return bool(kinds) and all(isinstance(kind, Keyed) for kind in kinds)

    def _kind(self, path: Steps, stream: Stream) -> Kind | None:  # noqa: PLR0911 - one case a kind of way
        match path:
            case ("account" | "partition" | "source",):
                return TEXT
            case ("event", name) if name != "data":
                return TEXT
            case ("event" | "members", "data", ("record" | "changes") as name, *rest):
                return self._kind((name, *rest), stream)
            case ("members", _, *rest):
                return self._kind(("event", *rest), stream)
            case ("changes", changed, "from" | "to"):
                return _at(stream.record, member_steps(changed))
            case ("record", *steps) if steps:
                return _at(stream.record, steps)
        return None


def _described(stream: Stream) -> set[str]:
    return {*stream.record.fields, *stream.record.unwatched}


def member_steps(path: str) -> list[str]:
    """The steps of a changed field's path, into any member of its lists: `lots`, `[]`, `status`."""
    return [MEMBER if token.startswith("[") else token for token in tokens(path)]


def nearest(name: str, known: Iterable[str]) -> str:
    """The right name that was probably meant, as a question."""
    close = get_close_matches(name, sorted(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _unknown(kind: Kind, steps: list[str], path: str) -> str | None:  # noqa: PLR0911 - one case a kind
    """The first step of a path that the record's description does not know, as a sentence."""
    if not steps:
        return None
    step, *rest = steps
    inside = f"{path}.{step}" if path else step
    known: Mapping[str, Kind]
    match kind:
        case Object(fields, unwatched):
            known = {**fields, **unwatched}
        case Stamp():
            known = {"date": MOMENT, "user": CODE}
        case Keyed(item):
            of_record = path.startswith("record")
            if _is_member(step):
                return _unknown(item, rest, path + _bracketed(step) if of_record else path)
            if not of_record:  # the path of a change may leave out the key
                return _unknown(item, steps, path)
            return f"{path} is a list: it has no {step!r}"
        case Values():
            return None if _is_member(step) else f"{path} is a list: it has no {step!r}"
        case _:
            offered = _METHODS[str] if kind in _PLAIN else None
            return None if offered is None or step in offered else f"{path} is a plain value: it has no {step!r}"
    if step in known:
        return _unknown(known[step], rest, inside)
    if step in _METHODS[dict] or step.endswith("_display"):
        return None
    return f"{path or 'record'} has no {step!r}{nearest(step, known)}"


def _at(kind: Kind, steps: list[str]) -> Kind | None:
    """The kind of what is at a path; None where nobody knows."""
    found: Kind | None = kind
    for step in steps:
        match found:
            case Object(fields, unwatched):
                found = fields.get(step) or unwatched.get(step)
            case Stamp():
                found = {"date": MOMENT, "user": CODE}.get(step)
            case Keyed(item):
                found = item if _is_member(step) else None
            case _:
                return None
    return found


_ORDER = (">", ">=", "<", "<=")


def _misfit(kind: Kind, path: Steps, operator: str, constant: Any) -> str | None:
    name = _named(path)
    match kind:
        case Stamp():
            return f"{name} is an object: compare {name}.date or {name}.user with {constant!r}"
        case Keyed():
            return f"{name} is a list of objects and never {constant!r}: ask for one of their fields"
        case Values():
            return f"{name} is a list: write {constant!r} in {name}"
        case Object():
            return f"{name} is an object and never {constant!r}: ask for one of its fields"
        case Scalar(read):
            return _unread(kind, read, name, operator, constant)


def _unread(kind: Scalar, read: Callable[[Any], Any], name: str, operator: str, constant: Any) -> str | None:
    """Why a constant is never the value of a field, by what the field itself makes of it."""
    ordered = operator in _ORDER
    try:
        right = read(constant)
    except ValueError:
        word = {NUMBER: "a number", FLAG: "true or false"}.get(kind)
        return f"{name} is {word} and never {constant!r}" if word and constant != "" else None
    if right == constant or (ordered and all(isinstance(value, (int, float)) for value in (right, constant))):
        return None
    if right is None:
        return f"{name} is none when it is empty, and never {constant!r}: write 'not {name}'"
    if isinstance(right, str) and isinstance(constant, str):
        return f"{name} is not written as {constant!r}: write {right!r}"
    is_a = "a text" if isinstance(right, str) else "true or false" if isinstance(right, bool) else "a number"
    if not ordered:
        written = str(right).lower() if isinstance(right, bool) else repr(right)
        return f"{name} is {is_a} and never equal to {constant!r}: write {written}"
    what, write = ("number", f"{name} | int") if isinstance(right, str) else ("text", repr(right))
    return f"{name} is {is_a} and cannot be compared with the {what} {constant!r}: write {write}"


def _named(path: Steps) -> str:
    name, *steps = path
    return name + "".join(_bracketed(step) if _is_member(step) else f".{step}" for step in steps)


def _is_member(step: str) -> bool:
    return step == MEMBER or step.lstrip("-").isdigit()


def _bracketed(step: str) -> str:
    return MEMBER if step == MEMBER else f"[{step}]"


def _listed(event_types: Collection[str]) -> str:
    return ", ".join(event_types)
