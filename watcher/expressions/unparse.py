"""An expression's tree -> its text, with the parentheses that it needs: Jinja keeps no places of what it has read."""

from __future__ import annotations

from collections.abc import Sequence

from jinja2 import nodes

_CONDITIONAL, _OR, _AND, _NOT, _COMPARE, _ADD, _CONCAT, _MULTIPLY, _UNARY, _FILTER, _POSTFIX = range(11)
"""How tightly each kind of expression binds, the loosest first, as Jinja's parser has it. A test counts as `not`: the
name that follows one without an argument (`in`, `if`) would be taken for it."""

_BINARY: dict[type[nodes.Expr], int] = {
    nodes.Or: _OR, nodes.And: _AND, nodes.Add: _ADD, nodes.Sub: _ADD, nodes.Mul: _MULTIPLY, nodes.Div: _MULTIPLY,
    nodes.FloorDiv: _MULTIPLY, nodes.Mod: _MULTIPLY,
}  # fmt: skip

COMPARISONS = {"eq": "==", "ne": "!=", "gt": ">", "gteq": ">=", "lt": "<", "lteq": "<=", "in": "in", "notin": "not in"}


def unparse(node: nodes.Node, looser_than: int = _CONDITIONAL) -> str:
    """The text of an expression, in parentheses if it binds more loosely than what is around it."""
    text, binds = _text(node)
    return text if binds >= looser_than else f"({text})"


def _text(node: nodes.Node) -> tuple[str, int]:  # noqa: C901, PLR0911, PLR0912 - one case a kind of expression
    match node:
        case nodes.Name(name=name):
            return name, _POSTFIX
        case nodes.Const(value=value):
            return _constant(value), _POSTFIX
        case nodes.List(items=items):
            return f"[{_listed(items)}]", _POSTFIX
        case nodes.Tuple(items=items):
            return f"({_listed(items)}{',' if len(items) == 1 else ''})", _POSTFIX
        case nodes.Dict(items=items):
            return f"{{{_listed(items)}}}", _POSTFIX
        case nodes.Pair(key=key, value=value):
            return f"{unparse(key)}: {unparse(value)}", _POSTFIX
        case nodes.Keyword(key=key, value=value):
            return f"{key}={unparse(value)}", _POSTFIX
        case nodes.Getattr(node=of, attr=attr):
            return f"{unparse(of, _POSTFIX)}.{attr}", _POSTFIX
        case nodes.Getitem(node=of, arg=arg):
            return f"{unparse(of, _POSTFIX)}[{unparse(arg)}]", _POSTFIX
        case nodes.Slice(start=start, stop=stop, step=step):
            first, last = (unparse(end) if end else "" for end in (start, stop))
            return f"{first}:{last}" + (f":{unparse(step)}" if step else ""), _POSTFIX
        case nodes.Call(node=of, args=args, kwargs=kwargs):
            return f"{unparse(of, _POSTFIX)}({_listed([*args, *kwargs])})", _POSTFIX
        case nodes.Filter(node=of, name=name, args=args, kwargs=kwargs):
            given = f"({_listed([*args, *kwargs])})" if args or kwargs else ""
            return f"{unparse(of, _FILTER) if of else ''}|{name}{given}", _FILTER
        case nodes.Test():
            return _tested(node, "is"), _NOT
        case nodes.Not(node=nodes.Test() as test):
            return _tested(test, "is not"), _NOT
        case nodes.Not(node=of):
            return f"not {unparse(of, _NOT)}", _NOT
        case nodes.Neg(node=of):
            return f"-{unparse(of, _POSTFIX)}", _UNARY
        case nodes.Pos(node=of):
            return f"+{unparse(of, _POSTFIX)}", _UNARY
        case nodes.Compare(expr=first, ops=ops):
            return " ".join([unparse(first, _ADD), *(unparse(op) for op in ops)]), _COMPARE
        case nodes.Operand(op=op, expr=of):
            return f"{COMPARISONS[op]} {unparse(of, _ADD)}", _POSTFIX
        case nodes.Concat(nodes=parts):
            return " ~ ".join(unparse(part, _MULTIPLY) for part in parts), _CONCAT
        case nodes.CondExpr(test=test, expr1=yes, expr2=no):
            other = f" else {unparse(no)}" if no else ""
            return f"{unparse(yes, _COMPARE)} if {unparse(test, _COMPARE)}{other}", _CONDITIONAL
        case nodes.BinExpr(left=left, right=right):
            binds = _BINARY[type(node)]
            return f"{unparse(left, binds)} {node.operator} {unparse(right, binds + 1)}", binds
    raise TypeError(f"{type(node).__name__} is no expression")


def _tested(test: nodes.Test, word: str) -> str:
    given = f"({_listed([*test.args, *test.kwargs])})" if test.args or test.kwargs else ""
    return f"{unparse(test.node, _FILTER)} {word} {test.name}{given}"


def _listed(items: Sequence[nodes.Node]) -> str:
    return ", ".join(unparse(item) for item in items)


def _constant(value: object) -> str:
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return "1e999" if value == float("inf") else repr(value)
