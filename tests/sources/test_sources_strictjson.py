"""The strict reader of one record."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.errors import Unreadable
from watcher.strictjson import DEEPEST, _slowly, read_json, said


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b'{"a": 1} 2', "is not JSON"),
        (b'{"a": "\n"}', "is not JSON"),
        (b"\xef\xbb\xbf{}", "is not JSON"),
        (b'{"a": "\xe9"}', "is not UTF-8"),
        (b'{"a": "\xed\xa0\xbd"}', "is not UTF-8"),
        (b'{"a": NaN}', "holds NaN or an infinity, which JSON has not"),
        (b'{"a": -Infinity}', "holds NaN or an infinity, which JSON has not"),
        (b'{"a": 1e999}', "holds a number too large to be one"),
        (b'{"a": [{"b": 1, "b": 1}]}', "gives a key twice"),
        (b'{"a": 1, "\\u0061": 2}', "gives a key twice"),
        (b'{"a":1,"a":2,"t":"\\":"}', "gives a key twice"),  # a text may look like the end of a key, in each spelling
        (b'{"a":1,"a":2,"t":"\\u0022:"}', "gives a key twice"),
        (b'{"a":1,"a":2,"t":"\\"\\u003a"}', "gives a key twice"),
        (b'{"a":1,"a":2,"t":"\\u0022\\u003A"}', "gives a key twice"),
        (b'{"a":1,"a":2,"t":"\\"\\u003A"}', "gives a key twice"),
        (b'{"a": "\\ud83d"}', "holds half a character (a lone surrogate)"),
        (b'{"\\uDE00": 1}', "holds half a character (a lone surrogate)"),
        (b'{"a": 9223372036854775808}', "holds a whole number beyond 64 bits"),
        (b'{"a": -9223372036854775809}', "holds a whole number beyond 64 bits"),
        (b'{"a": %b}' % (b"9" * 5000), "holds a whole number beyond 64 bits"),
        (b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1), "is nested too deeply"),
        (b"[" * 100_000, "is nested too deeply"),
    ],
)
def test_what_is_refused(raw: bytes, reason: str) -> None:
    """Each thing that could surprise somebody later is refused, by a reason that quotes nothing, and no other error."""
    with pytest.raises(Unreadable) as told:
        read_json(raw)
    assert str(told.value) == reason
    assert told.value.__cause__ is None


def test_what_is_taken() -> None:
    """The limits themselves are inside: 64 levels, 64 bits, whole characters, brackets in a text."""
    deep = b"[" * DEEPEST + b"]" * DEEPEST
    assert json.dumps(read_json(deep)).encode() == deep
    assert read_json(b'["%b"]' % (b"[{" * 100)) == ["[{" * 100]
    assert read_json(b"[%b]" % b",".join([b"[]"] * 200)) == [[]] * 200
    assert read_json(b"[9223372036854775807, -9223372036854775808]") == [2**63 - 1, -(2**63)]
    assert read_json(b'"\\ud83d\\ude00 \\\\ud83d"') == "\U0001f600 \\ud83d"
    assert read_json(b"1.5e3") == 1500.0


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
)


@given(values, st.booleans())
def test_what_is_json_is_read_as_it_is(value: object, ascii_only: bool) -> None:
    """It agrees with the standard library about everything that it takes."""
    raw = json.dumps(value, ensure_ascii=ascii_only).encode()
    assert read_json(raw) == json.loads(raw) == value


@given(st.text(max_size=40))
def test_halves_of_characters_never_pass(text: str) -> None:
    """A text is taken just when it can be encoded."""
    raw = json.dumps(text + "\ud83d" * text.count("a")).encode()
    try:
        taken = read_json(raw)
    except Unreadable:
        taken = None
    assert (taken is not None) == ("a" not in text and not any(0xD800 <= ord(c) < 0xE000 for c in text))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(1 << 64), 1 << 64) | st.floats() | st.text(' ":\\{}[]a\ud83d\u00e9'),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(' ":\\ab', max_size=3), inner, max_size=4),
        max_leaves=12,
    ),
    st.booleans(),
    st.sampled_from([(",", ":"), (", ", ": "), (" , ", " : ")]),
    st.sampled_from(["", '"a":1,', '"a" :1,', '"\\\\":1,', '"\\\\":']),
)
def test_the_quick_way_reads_what_the_slow_one_reads(value, plain, between, more):
    """Whatever the value, the spaces, and a key put in front that may be there already."""
    text = json.dumps({"a": value, "b": [value]}, ensure_ascii=not plain, separators=between)
    raw = f"{{{more}{text[1:]}".encode(errors="surrogatepass")
    assert outcome(read_json, raw) == outcome(_slowly, raw)


def outcome(read, raw):
    """What came of it, in a form in which 1, 1.0 and true are three."""
    try:
        return repr(read(raw))
    except Unreadable as why:
        return str(why)


@st.composite
def spelled(draw: st.DrawFn) -> str:
    """A short text as JSON, each letter of it in one of the ways in which it may be written."""
    letters = draw(st.lists(st.sampled_from('a":\\é'), max_size=3))
    ways = {'"': ['\\"'], "\\": ["\\\\"]}
    spelled = (
        draw(st.sampled_from([*ways.get(letter, [letter]), f"\\u{ord(letter):04x}", f"\\u{ord(letter):04X}"]))
        for letter in letters
    )
    return f'"{"".join(spelled)}"'


@given(st.lists(st.tuples(spelled(), spelled()), min_size=1, max_size=4))
def test_no_spelling_hides_a_key_given_twice(pairs):
    """However keys and texts are written, the quick way takes just what the slow one takes, and says the same of it."""
    raw = f"{{{','.join(f'{key}:{value}' for key, value in pairs)}}}".encode()
    assert outcome(read_json, raw) == outcome(_slowly, raw)
    assert outcome(lambda raw: json.loads(said(raw)), raw) == outcome(
        lambda raw: dict(sorted(_slowly(raw).items())), raw
    )
