"""The JSON Schema is made from the shapes: what it refuses is refused, what is good is valid, every key is explained."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from datetime import date, time
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
from jsonschema import Draft7Validator
from sink_shapes import SINK_TYPES
from test_broken import corpus

from watcher.keys import KEYS, key_of
from watcher.schema import DRAFT, config_schema, rules_schema, text
from watcher.shapes import Group, Opening, Operator, Privacy, RuleKeys, SourceKeys, State, Status, Top, source_keys
from watcher.sinks import SINKS, Settings, SinkType
from watcher.sources import APIS
from watcher.streams import catalogue

ROOT = Path(__file__).parents[2]
SOURCE_KEYS = source_keys(kind.partitions for kind in APIS.values())
TABLES = (
    Top, State, *(kind.account for kind in APIS.values()), SOURCE_KEYS, Operator, Privacy, Status, RuleKeys, Opening, Group,
    *(kind.settings for kind in SINKS.values()),
)  # fmt: skip


def as_json(value: Any) -> Any:
    """What an editor makes of TOML: its dates and times are texts."""
    return json.loads(json.dumps(value, default=lambda moment: moment.isoformat()))


def errors(schema: dict[str, Any], toml: str) -> list[str]:
    """What is underlined in a text."""
    return [error.message for error in Draft7Validator(schema).iter_errors(as_json(tomllib.loads(toml)))]


SHIPPED = config_schema(SINKS, catalogue())
TRIED = config_schema(SINK_TYPES, catalogue())


# ------------------------------------------------------------------------------------------------------ what is kept


def test_the_kept_schema_is_what_the_command_prints():
    """config.schema.json beside config.toml is made anew whenever a shape changes: watcher schema > config.schema.json."""
    assert (ROOT / "config.schema.json").read_text() == text(SHIPPED)


def test_the_schemas_are_schemas():
    """Both are valid draft-07, which is what editors for TOML understand."""
    for schema in (SHIPPED, TRIED, rules_schema(catalogue())):
        Draft7Validator.check_schema(schema)
        assert schema["$schema"] == DRAFT


def test_the_shipped_configuration_names_it():
    """The first line names the schema as taplo and tombi look for it: tombi needs the empty line after it."""
    directive, empty, *_ = (ROOT / "config.toml").read_text().splitlines()
    assert (directive, empty) == ("#:schema ./config.schema.json", "")


# ---------------------------------------------------------------------------------------------------------- what is good


@pytest.mark.parametrize("page", ["config.toml", "README.md"])
def test_what_is_shipped_is_valid(page):
    """Nothing is underlined in the shipped configuration, nor in the examples of the README."""
    whole = (ROOT / page).read_text()
    blocks = re.findall(r"```toml\n(.*?)```", whole, re.DOTALL) if page.endswith(".md") else [whole]
    for toml in (block for block in blocks if "[[cases]]" not in block):  # cases are another kind of file
        assert errors(SHIPPED, toml) == []


GOOD = {
    "nothing": "",
    "an account": '[accounts.azur]\napi = "apimo"\nprovider = 9999\ntoken = { credential = "token" }\nbudget = false\n',
    "another": 'accounts.r = { api = "adlead", tenant = "client-a", key = { env = "KEY" }, budget = "5000/day" }\n',
    "a loopback": '[accounts.r]\napi = "adlead"\ntenant = "a"\nkey = { file = "k" }\nbase_url = "http://[::1]:80"\n',
    "sources": '[[sources]]\naccount = "azur"\nstream = "leads"\nagencies = [101, "b-2"]\nevery = "300ms"\n',
    "a date": '[[sources]]\naccount = "azur"\nstream = "leads"\nagencies = [1]\nbaseline = 2026-11-01\n',
    "a date in quotes": '[[sources]]\naccount = "azur"\nstream = "leads"\nagencies = [1]\nbaseline = "2026-11-01"\n',
    "emit": '[[sources]]\naccount = "azur"\nstream = "leads"\nagencies = [1]\nbaseline = "emit"\nlookback = "0s"\n',
    "a sink with a list": '[sinks.m]\ntype = "mail"\nhost = "h"\nfrom = "a@b.fr"\nto = ["c@d.fr"]\ntls = "implicit"\n',
    "two secrets": '[sinks.crm]\ntype = "hook"\nurl = "https://x.fr"\nsecret = [{ env = "K" }, { file = "t" }]\n',
    "a secret address": '[sinks.crm]\ntype = "hook"\nurl = { env = "K" }\nheaders = { X-One = "1" }\n',
    "all kinds": '[sinks.l]\ntype = "lines"\npath = "a"\nshare = 1\nflush = "1m"\nmax_rate = "5/s"\nflood = false\n',
    "somewhere": '[status]\nlisten = ""\n[operator]\nto = []\n[state]\npath = "/srv/w.db"\n',
    "privacy": '[privacy]\n"apimo.leads" = { drop = ["email"], hash = ["phone"] }\n',
    "a rule": '[[rules]]\nname = "a"\non = ["*", "lead-?pened", "my-event"]\nwhen = "record.id"\nto = ["log"]\n',
    "after": '[[rules]]\nname = "a"\non = ["new-lead"]\nafter = "15m"\nunless = "x"\nemit = "late"\nto = ["log"]\n',
    "before": '[[rules]]\nname = "a"\non = ["apimo.leads"]\nbefore = "2.5h"\nof = "assigned.date"\nto = ["log"]\n',
    "hours": '[[rules]]\nname = "a"\non = ["*"]\nhours = "Mon 9:00-19:00"\noutside = "drop"\nto = ["log"]\n',
    "hours as a table": '[[rules]]\nname = "a"\non = ["*"]\nhours = { open = "09:00-19:00", holidays = "FR" }\nto = ["l"]\n',
    "group": '[[rules]]\nname = "a"\non = ["*"]\ngroup = { by = ["source", "record.user"], most = 2 }\nto = ["log"]\n',
    "digest": '[[rules]]\nname = "a"\non = ["*"]\ndigest = "8:30"\nflood = false\nto = ["log"]\n',
    "digest as a time": '[[rules]]\nname = "a"\non = ["*"]\ndigest = 08:30:00\nto = ["log"]\n',
    "rates": '[[rules]]\nname = "a"\non = ["*"]\nthrottle = "10/h"\nflood = "5/30s"\ntitle = "x"\nbody = "y"\nto = ["l"]\n',
}


@pytest.mark.parametrize("toml", GOOD.values(), ids=GOOD)
def test_what_is_good_is_valid(toml):
    """Every way to write a value that is taken is valid."""
    assert errors(TRIED, toml) == []


# -------------------------------------------------------------------------------------------------------- what is broken

STRUCTURE = re.compile(
    r": (no such key|missing; write (?!agencies|programs)|must not be empty; give|must be at least \d|must be \"\w+\" or "
    r"|must be [^;]*, not |'.*' is no (duration|rate))"
)
"""What is wrong in itself; the rest only `watcher check` can say: names that must exist, what goes together."""


def underlined() -> Iterator[Any]:
    """The cases of the corpus that have a mistake of structure in them."""
    for case in corpus():
        if any(STRUCTURE.search(complaint) for complaint in case.complaints):
            yield pytest.param(case.text, id=case.title)


@pytest.mark.parametrize("toml", list(underlined()))
def test_a_mistake_of_structure_is_underlined(toml):
    """Unknown keys, missing ones, values of another kind: an editor shows them before anything is run."""
    assert errors(TRIED, toml)


def test_a_fair_part_of_the_mistakes_is_underlined():
    """The editor is a help worth having: it finds at least half of the broken configurations that are TOML at all."""
    whole = [case for case in corpus() if not any("not valid TOML" in complaint for complaint in case.complaints)]
    found = [case for case in whole if errors(TRIED, case.text)]
    assert len(found) >= len(whole) / 2


# --------------------------------------------------------------------------------------------------- what an editor says


@pytest.mark.parametrize("table", TABLES, ids=lambda table: f"{table.__module__}.{table.__name__}")
def test_every_key_is_explained(table):
    """What the editor shows of a key is there, a sentence, for every key of every table."""
    for info in msgspec.structs.fields(table):
        known = key_of(table, info.encode_name)
        assert known, f"{table.__name__}.{info.encode_name}: add a line to watcher/keys.py"
        assert known.text.endswith(".")


def test_no_key_is_explained_that_is_not_there():
    """A line of `keys` is a key."""
    for table, lines in KEYS.items():
        whole = SOURCE_KEYS if table is SourceKeys else table
        assert lines.keys() <= {info.encode_name for info in msgspec.structs.fields(whole)}


def examples(schema: Any) -> Iterator[tuple[dict[str, Any], Any]]:
    """Every example in a schema, with the schema that it is of."""
    if isinstance(schema, dict):
        yield from ((schema, example) for example in schema.get("examples", ()) if isinstance(schema["examples"], list))
        for inner in schema.values():
            yield from examples(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from examples(inner)


def test_examples_and_defaults_are_valid():
    """What an editor offers to write can be written."""
    found = list(examples(SHIPPED))
    assert len(found) > 30
    for schema, example in found:
        assert Draft7Validator(schema).is_valid(example), (schema, example)
    defaults = list(with_default(SHIPPED))
    assert len(defaults) > 10
    for schema in defaults:
        assert Draft7Validator(schema).is_valid(schema["default"]), schema


def with_default(schema: Any) -> Iterator[dict[str, Any]]:
    """Every part of a schema that has a default."""
    if isinstance(schema, dict):
        if "default" in schema:
            yield schema
        for inner in schema.values():
            yield from with_default(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from with_default(inner)


def test_event_types_are_offered():
    """An editor completes every type of event in `on`, and lets through globs and types of rules' own."""
    offered, free = SHIPPED["properties"]["rules"]["items"]["properties"]["on"]["items"]["anyOf"]
    assert {*catalogue(), "overdue", "deadline-near", "leads", "contracts", "purchases"} <= set(offered["enum"])
    assert all(re.search(free["pattern"], word) for word in ("*", "lead-*", "lead-unanswered"))


class Pager(Settings, frozen=True, kw_only=True):
    """A sink of another package, with settings that explain themselves."""

    number: Annotated[str, msgspec.Meta(pattern="^[+0-9]+$", description="Whom to ring up.", examples=["+33600000000"])]
    loud: bool = False
    until: date | None = None
    at: time = time(8)


def test_a_sink_of_another_package_is_in_it():
    """Its keys are known, with what they are for, next to those of every sink."""
    schema = config_schema({**SINKS, "pager": SinkType(Pager, lambda *_: None, people=True)}, catalogue())  # type: ignore[arg-type, return-value]
    (pager,) = (
        one
        for one in schema["properties"]["sinks"]["additionalProperties"]["oneOf"]
        if one["properties"]["type"]["enum"] == ["pager"]
    )
    assert pager["properties"]["number"]["description"] == "Whom to ring up."
    assert pager["properties"]["timeout"]["description"]
    assert errors(schema, '[sinks.p]\ntype = "pager"\nnumber = "+33"\nuntil = 2026-11-01\nat = 08:30:00\n') == []
    assert errors(schema, '[sinks.p]\ntype = "pager"\nnumber = "x"\n')
    assert errors(schema, '[sinks.p]\ntype = "pager"\nnumber = "+33"\nnumbers = 1\n')


def test_a_file_of_rules_holds_rules_only():
    """The schema of a file of rules knows [[rules]] and nothing else."""
    schema = rules_schema(catalogue())
    assert errors(schema, GOOD["a rule"]) == []
    assert errors(schema, '[state]\npath = "a"\n')
    assert errors(schema, GOOD["a rule"].replace("when", "wehn"))
