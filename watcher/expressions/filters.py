"""The filters: Jinja's own where they are bounded by what they are given, ours where they are not.

For a filter of lists none is an empty one; for a filter of anything else none stays none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import Undefined, pass_context
from jinja2.filters import FILTERS
from jinja2.runtime import Context

from watcher.expressions.bounds import LONGEST_BUILT, nothing, readable, spend, written

LISTS = ("first", "last", "list", "map", "max", "min", "reject", "rejectattr", "reverse", "select", "selectattr",
         "sort", "sum", "unique")  # fmt: skip
TEXTS = ("capitalize", "lower", "title", "trim", "truncate", "upper", "wordcount")


def offered() -> Mapping[str, Callable[..., Any]]:
    """The filters, by name; each takes steps for what it goes through."""
    filters = {
        **{name: _of_list(FILTERS[name]) for name in LISTS},
        **{name: _of_something(FILTERS[name]) for name in TEXTS},
        **{name: FILTERS[name] for name in ("float", "int")},
        "abs": _of_something(abs),
        "round": _of_something(_round),
        "length": _length,
        "count": _length,
        "join": _join,
        "replace": _of_something(_replace),
        "string": written,
        "default": _default,
        "d": _default,
    }
    return {name: stepping(run) for name, run in filters.items()}


def _default(value: Any, other: Any = "") -> Any:
    return other if nothing(value) or value == "" else value


def _length(value: Any) -> int:
    return 0 if value is None else len(value) if hasattr(value, "__len__") else sum(1 for _ in value)


def _round(value: float, digits: int = 0) -> float:
    if not -15 <= digits <= 15:  # noqa: PLR2004 - a float has no more
        raise OverflowError("rounds to at most 15 digits")
    return round(value, digits)


def _replace(text: str, old: str, new: str) -> str:
    if not all(isinstance(value, str) for value in (text, old, new)):
        raise TypeError("'replace' is for texts")
    if len(text) + text.count(old) * (len(new) - len(old)) > LONGEST_BUILT:
        raise OverflowError(f"a text is longer than {LONGEST_BUILT:,} characters")
    return text.replace(old, new)


@pass_context
def _join(context: Context, values: Any, between: str = "", attribute: str | None = None) -> str:
    """The members of a list as one text; those that are none are left out."""
    if isinstance(values, str):
        raise TypeError("'join' is for lists")
    environment = context.environment
    parts: list[str] = []
    size = 0
    for member in values or ():
        value = member
        for name in attribute.split(".") if attribute else ():
            value = environment.getitem(value, name)
        text = written(readable(value))
        size += len(text) + len(between)
        if size > LONGEST_BUILT:
            raise OverflowError(f"a text is longer than {LONGEST_BUILT:,} characters")
        if text:
            parts.append(text)
    return written(between).join(parts)


def _of_list(run: Callable[..., Any]) -> Callable[..., Any]:
    """A filter of lists for which none is an empty one, and of which the first member is none."""

    def over(*args: Any, **kwargs: Any) -> Any:
        place = 1 if getattr(run, "jinja_pass_arg", None) else 0
        value = args[place]
        found = run(*args[:place], () if value is None else value, *args[place + 1 :], **kwargs)
        return None if isinstance(found, Undefined) else found

    return _as(run, over)


def _of_something(run: Callable[..., Any]) -> Callable[..., Any]:
    """A filter for which none stays none."""

    def over(*args: Any, **kwargs: Any) -> Any:
        place = 1 if getattr(run, "jinja_pass_arg", None) else 0
        return None if args[place] is None else run(*args, **kwargs)

    return _as(run, over)


def _as(run: Callable[..., Any], over: Callable[..., Any]) -> Callable[..., Any]:
    if passed := getattr(run, "jinja_pass_arg", None):
        over.jinja_pass_arg = passed  # type: ignore[attr-defined]
    return over


def stepping(run: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that pays for what it goes through, whatever it wants to be given first."""
    passed = getattr(getattr(run, "jinja_pass_arg", None), "name", None)

    @pass_context
    def stepping(context: Context, value: Any, *args: Any, **kwargs: Any) -> Any:
        spend(context, value)
        first = {"context": context, "environment": context.environment, "eval_context": context.eval_ctx}
        return run(*((first[passed],) if passed else ()), value, *args, **kwargs)

    return stepping
