"""Jinja2's sandbox, narrowed to what conditions and templates need and bounded in what it can cost.

What is not listed here is not offered (nor what is not in `filters`). The bounds are in `bounds`:

- a text is read to its first 10,000 characters and none longer than 50,000 is built (`+`, `~`, `join`, `replace`);
- `*`, `/`, `//` and `%` are for numbers and durations, whole numbers below 10^30; `**` is not offered;
- what loops, filters and calls go through is added up over the whole evaluation, up to 20,000 steps;
- a list that is written out holds no other list, so nothing grows by being put into itself;
- there is no `range`, no assignment, no macro, no include, no recursion, and of values only the methods listed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from traceback import walk_tb
from typing import Any, cast

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, Undefined, nodes
from jinja2.exceptions import SecurityError
from jinja2.parser import Parser
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.tests import TESTS
from jinja2.visitor import NodeTransformer

from watcher.expressions.bounds import BIGGEST, LONGEST_SOURCE, STEPS, Steps, built, nothing, readable, spend, written
from watcher.expressions.filters import offered

_INSTANT = frozenset({"year", "month", "day", "hour", "minute", "second", "weekday", "isoweekday", "date", "time"})
METHODS: tuple[tuple[type, frozenset[str]], ...] = (
    (str, frozenset({"lower", "upper", "strip", "startswith", "endswith", "split", "isdigit"})),
    (dict, frozenset({"get", "items", "keys", "values"})),
    (datetime, _INSTANT),
    (date, _INSTANT - {"hour", "minute", "second", "date", "time"}),
    (time, frozenset({"hour", "minute", "second"})),
    (timedelta, frozenset({"days", "seconds", "total_seconds"})),
    (LoopContext, frozenset({"index", "index0", "revindex", "revindex0", "first", "last", "length", "previtem",
                             "nextitem", "cycle"})),
)  # fmt: skip
"""What can be asked of a value itself."""

_TESTS = ("boolean", "eq", "equalto", "==", "ne", "!=", "lt", "lessthan", "<", "le", "<=", "gt", "greaterthan", ">",
          "ge", ">=", "false", "float", "in", "integer", "lower", "mapping", "none", "number", "sequence", "string",
          "true", "upper")  # fmt: skip

_EXPRESSION = (
    nodes.Name, nodes.Const, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Getattr, nodes.Getitem, nodes.Slice,
    nodes.Call, nodes.Keyword, nodes.Filter, nodes.Test, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not,
    nodes.Neg, nodes.Pos, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Concat,
    nodes.CondExpr,
)  # fmt: skip
_STATEMENTS = (nodes.Template, nodes.Output, nodes.TemplateData, nodes.For, nodes.If)
_LITERALS = (nodes.List, nodes.Tuple, nodes.Dict)
_SAID: Mapping[type[nodes.Node], str] = {
    nodes.Pow: "'**'", nodes.Assign: "{% set %}", nodes.AssignBlock: "{% set %}", nodes.Macro: "{% macro %}",
    nodes.CallBlock: "{% call %}", nodes.FilterBlock: "{% filter %}", nodes.With: "{% with %}",
    nodes.Include: "{% include %}", nodes.Import: "{% import %}", nodes.FromImport: "{% from %}",
    nodes.Extends: "{% extends %}", nodes.Block: "{% block %}", nodes.Scope: "{% autoescape %}",
}  # fmt: skip

Scope = dict[str, Any]
Run = Callable[[Scope], Any]


class Unreadable(TemplateSyntaxError, ValueError):
    """What is no expression or template, or asks for what is not offered; `message` and `lineno` say what and where."""


@contextmanager
def _reading(source: str = "") -> Iterator[None]:
    try:
        if len(source) > LONGEST_SOURCE:
            raise Unreadable(f"it is longer than {LONGEST_SOURCE:,} characters", 1)
        yield
    except TemplateSyntaxError as error:
        raise Unreadable(str(error.message), error.lineno) from None
    except (RecursionError, MemoryError, SyntaxError):  # Python's own bounds: brackets, twenty loops in one another
        raise Unreadable("it is nested too deep", 1) from None
    except ValueError as error:  # a number of thousands of digits
        raise Unreadable(str(error), 1) from None


class Language(ImmutableSandboxedEnvironment):
    """The environment of conditions: what is not there is none, a name that is unknown fails."""

    intercepted_binops = frozenset(("+", "-", "*", "/", "//", "%", "**"))

    def __init__(self, finalize: Callable[..., Any] | None = None) -> None:
        super().__init__(
            undefined=StrictUndefined,
            autoescape=False,
            optimized=False,
            finalize=finalize,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.globals.clear()
        self.filters = dict(offered())
        self.tests = {
            **{name: TESTS[name] for name in _TESTS},
            "defined": lambda value: not nothing(value),
            "undefined": nothing,
        }

    # --------------------------------------------------------------------------------------------- reading and running

    def expression(self, source: str) -> nodes.Expr:
        """Read one expression; raises Unreadable for what is none, and for what is not offered."""
        with _reading(source):
            parser = Parser(self, source, state="variable")
            tree = parser.parse_expression()
            if not parser.stream.eos:
                raise TemplateSyntaxError("there is more than one expression", parser.stream.current.lineno)
            tree.set_environment(self)
            _refuse(tree, _EXPRESSION)
            return tree

    def statements(self, source: str) -> nodes.Template:
        """Read a template; raises Unreadable for what is none, and for what is not offered."""
        with _reading(source):
            tree = self.parse(source)
            _refuse(tree, (*_EXPRESSION, *_STATEMENTS))
            return tree

    def runner(self, tree: nodes.Expr) -> Run:
        """Compile an expression; what comes back gives its value in a scope. `tree` is used up."""
        body: list[nodes.Node] = [nodes.Assign(nodes.Name("result", "store"), tree, lineno=1)]
        program = self.program(nodes.Template(body, lineno=1))

        def run(scope: Scope) -> Any:
            context, pieces = program.start(scope)
            for _ in pieces:
                pass
            return context.vars["result"]

        return run

    def program(self, tree: nodes.Template) -> Program:
        """Compile a template; raises Unreadable for what only the compiler finds. `tree` is used up."""
        with _reading():
            return Program(self.from_string(_Bounded().visit(tree)))

    # ------------------------------------------------------------------------------------ what expressions come down to

    def getattr(self, obj: Any, attribute: str) -> Any:
        """What a value has: a dict its keys, then the methods that are offered. What is not there is none."""
        if isinstance(obj, dict) and attribute in obj:
            return readable(obj[attribute])
        offered = next((names for kind, names in METHODS if isinstance(obj, kind)), frozenset[str]())
        if attribute in offered:
            return getattr(obj, attribute)
        if isinstance(obj, Undefined):
            return written(obj)  # fails, and names what is undefined
        if attribute.startswith("_") or hasattr(obj, attribute):
            raise SecurityError(f"{attribute!r} is not offered")
        return self.absent(attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """What is at a key or a place. What is not there is none."""
        try:
            return readable(obj[argument])
        except (TypeError, LookupError):
            return self.absent(argument)

    def absent(self, name: Any) -> Any:  # noqa: ARG002 - a stricter language looks at it
        """What stands for a part of a value that is not there."""
        return None

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805, PYI063 - as Jinja's
        """Call a helper or a method, at the price of what it goes through."""
        spend(__context, getattr(__obj, "__self__", None))
        return super().call(__context, __obj, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:  # noqa: ARG002 - as Jinja's
        """Work out an operation on numbers, dates and durations, or put two texts together."""
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            return built((left, right))
        if operator == "**" or not (_countable(left) and _countable(right)):
            raise TypeError(f"{operator!r} between {left!r:.60} and {right!r:.60}")
        if any(isinstance(value, int) and abs(value) >= BIGGEST for value in (left, right)):
            raise OverflowError("a number is too big")
        return self.binop_table[operator](left, right)

    def joined(self, context: Context, *values: Any) -> str:
        """`~`: values one after the other, as text."""
        spend(context, None)
        return built(tuple(self.text(context, value) for value in values))

    def text(self, context: Context, value: Any) -> str:  # noqa: ARG002 - a language for people looks at it
        """A plain value as text; TypeError for a list or an object."""
        return written(value)

    def counted(self, context: Context, values: Any) -> Iterator[Any]:
        """What a loop goes through, each a step of the whole evaluation; nothing, if it is none."""
        for value in () if values is None else values:
            spend(context, None)
            yield readable(value)


class Program:
    """A compiled template: what it writes in a scope, and where it failed."""

    def __init__(self, template: Template) -> None:
        self._template = template

    def start(self, scope: Scope) -> tuple[Context, Iterator[str]]:
        """Begin to write, with all steps before it."""
        context = self._template.new_context(scope, shared=True)
        context.vars[STEPS] = Steps()
        return context, self._template.root_render_func(context)

    def line(self, error: Exception) -> int:
        """The line of the source at which it failed."""
        walked = walk_tb(error.__traceback__)
        places = [line for frame, line in walked if frame.f_code.co_filename == "<template>"]
        return self._template.get_corresponding_lineno(places[-1]) if places else 1


def _countable(value: Any) -> bool:
    return isinstance(value, (int, float, date, timedelta))


# ------------------------------------------------------------------------------------------------- what is not offered


def _refuse(tree: nodes.Node, offered: tuple[type[nodes.Node], ...]) -> None:
    for node in (tree, *tree.find_all(nodes.Node)):
        if not isinstance(node, offered):
            said = _SAID.get(type(node), type(node).__name__.lower())
            raise TemplateSyntaxError(f"{said} is not offered", node.lineno)
        if isinstance(node, (nodes.Call, nodes.Filter, nodes.Test)) and (node.dyn_args or node.dyn_kwargs):
            raise TemplateSyntaxError("'*' before an argument is not offered", node.lineno)
        if isinstance(node, nodes.Name) and node.name == "self":  # to Jinja it is the template
            raise TemplateSyntaxError("'self' is not offered", node.lineno)
        if isinstance(node, nodes.For) and node.recursive:
            raise TemplateSyntaxError("a recursive loop is not offered", node.lineno)
        if _literal(node) and any(_literal(inner) for inner in node.find_all(_LITERALS)):
            raise TemplateSyntaxError("a list in a list is not offered", node.lineno)


def _literal(node: nodes.Node) -> bool:
    return isinstance(node, _LITERALS) and getattr(node, "ctx", "load") == "load"


class _Bounded(NodeTransformer):
    """Has `~` and loops done by `Language.joined` and `Language.counted`."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 - Jinja's name
        self.generic_visit(node)
        return _by("joined", *node.nodes, line=node.lineno)

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - Jinja's name
        self.generic_visit(node)
        node.iter = _by("counted", cast("nodes.Expr", node.iter), line=node.lineno)
        return node


def _by(method: str, *arguments: nodes.Expr, line: int) -> nodes.Expr:
    own = nodes.EnvironmentAttribute(method, lineno=line)
    return nodes.Call(own, [nodes.ContextReference(lineno=line), *arguments], [], None, None, lineno=line)
