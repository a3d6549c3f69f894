"""Broken configurations are refused whole, with every mistake named, placed and answered."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from watcher.errors import ConfigError
from watcher.shapes import RuleKeys

GOOD = {
    "azur": '[accounts.azur]\napi = "apimo"\nprovider = 9999\ntoken = { credential = "token" }\n',
    "riviera": '[accounts.riviera]\napi = "adlead"\ntenant = "client-a"\nkey = { env = "KEY" }\n',
    "log": '[sinks.log]\ntype = "lines"\npath = "-"\n',
}


class Case(NamedTuple):
    """A broken configuration and what is said of it."""

    title: str
    text: str
    complaints: list[str]


def corpus() -> list[Case]:
    """The cases of broken.txt."""
    _, *parts = Path(__file__).with_name("broken.txt").read_text("utf-8").split("### ")
    cases = []
    for part in parts:
        title, _, rest = part.partition("\n")
        text, _, complaints = rest.partition("---\n")
        name, _, more = title.partition(" [")
        text += "".join(GOOD[word] for word in more.rstrip("]").split())
        cases.append(Case(name, text, complaints.strip().splitlines()))
    return cases


@pytest.mark.parametrize("case", corpus(), ids=lambda case: case.title)
def test_every_mistake_is_named(case, desk):
    """A broken configuration is refused with all its mistakes at once, in the order of the file, to the letter."""
    desk.environ["EMPTY"] = "\n"
    said = [complaint.replace(str(desk.directory), "{here}") for complaint in desk.complaints(case.text)]
    assert said == case.complaints


@pytest.mark.parametrize("case", corpus(), ids=lambda case: case.title)
def test_no_complaint_tells_a_secret(case, desk):
    """Neither a secret that was found nor one that was written where it does not belong is repeated."""
    said = "\n".join(desk.complaints(case.text))
    assert not [secret for secret in ("hunter2", "t0ken", "k3y", "pw@") if secret in said]


def test_the_corpus_is_worth_its_name():
    """There are enough broken configurations, no two of one title, each with something to say on lines of its own."""
    cases = corpus()
    assert len({case.title for case in cases}) == len(cases) >= 150
    assert all(case.complaints for case in cases)


def test_mistakes_of_all_files_come_in_order(desk):
    """First config.toml's mistakes from top to bottom, then those of the files of rules by name; one hides no other."""
    desk.write("rules/a.toml", '[[rules]]\nname = "a"\non = ["new-led"]\nto = ["log"]\n')
    desk.write("rules/b.toml", "when = record.parent\n")
    desk.write("rules/c.toml", b'[[rules]]\nname = "caf\xe9"\n')
    desk.write(
        "rules/d.toml", '[[rule]]\n[[rules]]\nname = "d"\non = ["new-lead"]\nto = ["lgo"]\n[sinks.x]\ntype = "y"\n'
    )
    (desk.directory / "rules/e.toml").symlink_to("nowhere.toml")
    text = 'rule_files = ["rules/*.toml"]\n[sinks.log]\ntype = "lines"\npth = "-"\n[[rules]]\nname = "a"\non = ["*"]\n'
    assert desk.complaints(text) == [
        'config.toml:2: [sinks.log] path: missing; write path = "watcher.db"',
        'config.toml:4: [sinks.log] pth: no such key; did you mean "path"?',
        'config.toml:5: [[rules]] to: missing; write to = ["..."]',
        'rules/a.toml:2: [[rules]] name: "a" is taken (config.toml:6); choose another name',
        'rules/a.toml:3: [[rules]] on[0]: no event type "new-led"; did you mean "new-lead"?',
        'rules/b.toml:1: not valid TOML at column 8 (Invalid value); texts, durations and rates go in quotes: "60s"',
        "rules/c.toml:2: not UTF-8 text; save the file as UTF-8",
        'rules/d.toml:1: rule: no such key; did you mean "rules"?',
        'rules/d.toml:5: [[rules]] to[0]: no sink "lgo"; did you mean "log"?',
        "rules/d.toml:6: sinks: a file of rules holds [[rules]] only; move it to config.toml",
        "rules/e.toml: cannot be read (No such file or directory); mend the path",
    ]


VALUES = st.recursive(
    st.sampled_from(["", "azur", "apimo", "log", "30s", "5/s", "new-lead", "a\nb", -1, 0, 1.5, True, False])
    | st.sampled_from(["leads", "overdue", "date", "record.id", "source", "08:30", "09:00-19:00", "FR", "{{ x"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["env", "type", "to", "by", "open", "é"]), inner, max_size=2)
    ),
    max_leaves=4,
)
PLACES = [
    "timezone",
    "language",
    "rule_files",
    "state",
    "state.path",
    "status",
    "operator.to",
    "privacy.x",
    "privacy.x.drop",
]
PLACES += [
    "accounts",
    "accounts.azur",
    "accounts.azur.api",
    "accounts.azur.budget",
    "accounts.azur.token",
    "sources",
    "rules",
]
PLACES += ["sinks", "sinks.log", "sinks.log.type", "sinks.log.flood", "sinks.log.share", "sinks.log.timeout"]
ELEMENTS = {
    "sources": ["account", "stream", "agencies", "every", "baseline", "lookback"],
    "rules": [*RuleKeys.__struct_fields__, "group.by", "group.most", "hours.open", "hours.holidays"],
}


def toml(value: Any) -> str:
    """A value in TOML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(inner)}" for key, inner in value.items()) + "}"
    return "[" + ", ".join(map(toml, value)) + "]" if isinstance(value, list) else json.dumps(value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(values=st.dictionaries(st.sampled_from(PLACES), VALUES, max_size=6), data=st.data())
def test_whatever_is_written_is_answered_in_words(desk, values, data):
    """Any value at any place is taken or complained of, with its line: no mistake ends in a traceback."""
    text = "".join(f"{place} = {toml(value)}\n" for place, value in values.items())
    for section, keys in ELEMENTS.items():
        if section not in values:
            table = data.draw(st.dictionaries(st.sampled_from(keys), VALUES, max_size=6))
            table = {key: value for key, value in table.items() if key.partition(".")[0] not in table or "." not in key}
            text += "".join([f"[[{section}]]\n", *(f"{key} = {toml(value)}\n" for key, value in table.items())])
    try:
        desk.load(text)
    except ConfigError as error:
        assert all(re.match(r"config\.toml:\d+: \S.*", complaint) for complaint in error.complaints)  # noqa: PT017


def test_a_file_that_is_no_text(desk):
    """A configuration in another encoding is refused by the line, without the bytes."""
    desk.write("config.toml", 'language = "fr"\n# agence de la Croisette, immobilière\n'.encode("latin-1"))
    assert desk.complaints() == ["config.toml:2: not UTF-8 text; save the file as UTF-8"]


def test_a_directory_for_a_file(desk):
    """What is there but cannot be read is no missing configuration."""
    (desk.directory / "config.toml").mkdir()
    assert desk.complaints() == ["config.toml: cannot be read (Is a directory); let watcher's user read it"]


def test_brackets_without_end(desk):
    """A text made to exhaust the reader is refused like any other."""
    assert desk.complaints("a = " + "[" * 20_000) == [
        "config.toml: brackets nested too deep to read; close them",
    ]
