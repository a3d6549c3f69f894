"""The locator finds every key of a TOML document where it stands."""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from watcher.toml import Document, KeyPath, dotted, locate

GAPS = st.sampled_from(["", " ", "\t ", "\n", "\n\n  ", " # ]} \"'''\n", "\r\n"])
BLANKS = st.sampled_from(["", " ", "\t "])
KEYS = st.sampled_from(
    ["{}", "a-{}", '"{}"', "'{}'", '"a.b]{}"', "'[[{}'", '"\\" = {}"', '"\\u00e9{}"', "'# {}'", '"#{}\\\\"', "1{}"]
)
SCALARS = st.sampled_from(
    [
        '"{}"', "'{}'", '"{} \\" ] # \\\\"', "'{} \"\"\" }}'", '"""{}\n[x]\ny = 1 \\""" """', '"""{}"""""', "'''{}\n''\"\n'''''",
        '"""{}\\\n   # no comment\n"""', "1979-05-27 07:32:00", "07:32:00", "-1.5e3", "inf", "true", "0xff", "[]", "{{}}", '""', "''", '""""""',
    ]
)  # fmt: skip


class Writer:
    """Writes random TOML. Each key and most scalars hold a word of their own, by which its line is known."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.words = (f"w{number}w" for number in itertools.count())

    def key(self) -> str:
        """A key in one of its spellings, sometimes dotted."""
        return self.draw(KEYS).format(next(self.words))

    def dotted(self) -> str:
        """One to three keys with dots between."""
        dot = f"{self.draw(BLANKS)}.{self.draw(BLANKS)}"
        return dot.join(self.key() for _ in range(self.draw(st.integers(1, 3))))

    def value(self, depth: int = 3) -> str:
        """A scalar, a list over several lines, or an inline table."""
        shape = self.draw(st.sampled_from("ssslt")) if depth else "s"
        if shape == "s":
            return self.draw(SCALARS).format(next(self.words))
        parts = range(self.draw(st.integers(0, 3)))
        if shape == "l":
            items = [f"{self.draw(GAPS)}{self.value(depth - 1)}{self.draw(GAPS)}" for _ in parts]
            comma = self.draw(st.sampled_from(["", ","])) if items else ""
            return f"[{','.join(items)}{comma}{self.draw(GAPS)}]"
        pairs = [f"{self.draw(BLANKS)}{self.pair(depth - 1)}{self.draw(BLANKS)}" for _ in parts]
        return "{" + ",".join(pairs) + "}"

    def pair(self, depth: int = 3) -> str:
        """`key = value`."""
        return f"{self.dotted()}{self.draw(BLANKS)}={self.draw(BLANKS)}{self.value(depth)}"

    def pairs(self) -> str:
        """Some pairs, a line each, with comments between."""
        lines = [
            self.draw(GAPS.filter(lambda gap: "\r" not in gap)) + self.pair()
            for _ in range(self.draw(st.integers(0, 3)))
        ]
        return "".join(f"{line} # [no] = table\n" for line in lines)

    def section(self, above: str = "", depth: int = 2) -> str:
        """`[table]` or several of `[[table]]`, with sections below them."""
        blank, text = self.draw(BLANKS), ""
        name = above + self.dotted()
        many = self.draw(st.integers(0, 3))
        for _ in range(many or 1):
            brackets = ("[[", "]]") if many else ("[", "]")
            text += f"{self.draw(BLANKS)}{brackets[0]}{blank}{name}{blank}{brackets[1]}\n{self.pairs()}"
            for _ in range(self.draw(st.integers(0, 2)) if depth else 0):
                text += self.section(f"{name}.", depth - 1)
        return text


@st.composite
def documents(draw: st.DrawFn) -> str:
    """A random TOML document."""
    writer = Writer(draw)
    text = writer.pairs() + "".join(writer.section() for _ in range(draw(st.integers(0, 3))))
    return draw(st.sampled_from([text, text.rstrip("\n"), text.replace("\r\n", "\n").replace("\n", "\r\n")]))


def paths(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Every path of a value as tomllib gives it."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key), inner
        yield from paths(inner, (*path, key))


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(documents())
def test_every_path_has_its_line(text):
    """The locator knows the paths that tomllib yields and no others; the line of each has its key, or its text."""
    data, lines, rows = tomllib.loads(text), locate(text).lines, text.split("\n")
    expected = dict(paths(data))
    assert lines.keys() == expected.keys()
    for path, value in expected.items():
        row, key = rows[lines[path] - 1], path[-1]
        if isinstance(key, str):
            assert key[key.index("w") : key.rindex("w") + 1] in row
        elif isinstance(value, str) and "w" in value:
            assert value[value.index("w") :].partition("w ")[0].partition("\n")[0].rstrip()[:2] in row


@settings(max_examples=200, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(st.lists(st.sampled_from(["a", "b.c", '"a"', "'d'", "=", "=", "[", "]", "[[", "]]", "{", "}", ",", ".", "#", "\n", "\n", '"', "'", '"""', "'''", "\\", " ", "1"]), max_size=14))  # fmt: skip
def test_nothing_that_tomllib_takes_is_too_odd(tokens):
    """Whatever tomllib accepts, the locator walks through, and comes to the same paths."""
    text = "".join(tokens)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        assume(False)
    assert locate(text).lines.keys() == dict(paths(data)).keys()


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        ("a = 1", ("a",), 1),
        ("\n\n[t]\nb = 1", ("t", "b"), 4),
        ("[a.b.c]\n[a]\nd = 1", ("a",), 2),
        ("[[r]]\n\n[[r]]\nx = 1", ("r", 1, "x"), 4),
        ("[[r]]\n[r.s]\n[[r]]\n[r.s]\ny = 1", ("r", 1, "s", "y"), 5),
        ("a = [\n 1,\n # no\n 2]", ("a", 1), 4),
        ("a = { b = [{}, { c = 1 }] }", ("a", "b", 1, "c"), 1),
        ('a = """\n[b]\nc = 1"""\nd = 1', ("d",), 4),
        ('a = """x""""\nd = 1', ("d",), 2),
        ('"a\\"b" . \'c.d\' = 1', ('a"b', "c.d"), 1),
    ],
)
def test_where_things_stand(text, path, line):
    """Tables, lists of tables, inline tables, long texts and quoted keys are found where a reader finds them."""
    assert locate(text).lines[path] == line


@pytest.mark.parametrize(
    ("path", "where"),
    [
        (("a",), "c.toml:1: a"),
        (("t",), "c.toml:2: [t]"),
        (("t", "b", "c"), "c.toml:3: [t] b.c"),
        (("t", "gone"), "c.toml:2: [t] gone"),
        (("r", 1), "c.toml:5: [[r]]"),
        (("r", 1, "x", 0), "c.toml:6: [[r]] x[0]"),
        (("r", 1, "s", "y"), "c.toml:8: [r.s] y"),
        (("nothing", "at all"), 'c.toml:1: nothing."at all"'),
        ((), "c.toml:1"),
    ],
)
def test_a_place_is_said_as_people_look_for_it(path, where):
    """FILE:LINE: [TABLE] KEY, by the tables as they are written; what is missing is at what should hold it."""
    text = "a = 1\n[t]\nb.c = 1\n[[r]]\n[[r]]\nx = [1]\n[r.s]\ny = 1\n"
    assert Document(Path("c.toml"), {}, locate(text)).where(path) == where


def test_a_key_is_written_as_in_toml():
    """Keys are quoted where TOML quotes them, and move no cursor."""
    assert dotted(("a-1", "b c", 0, "é", "\x1b[2J\n\x9b")) == 'a-1."b c"[0]."é"."\\u001b[2J\\n\\u009b"'
