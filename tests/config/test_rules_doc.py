"""docs/rules.md says what the code does, and its examples are rules that work."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from watcher.rules import Grouping, Timing
from watcher.schema import rules_schema
from watcher.shapes import Group, Opening, RuleKeys
from watcher.silences import LABELS
from watcher.streams import catalogue
from watcher.toml import read
from watcher.written import short_names

PAGE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text()
EXAMPLES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
BASE = (
    'rule_files = ["rules.toml"]\n'
    '[accounts.azur]\napi = "apimo"\nprovider = 9999\ntoken = { credential = "token" }\n'
    '[accounts.riviera]\napi = "adlead"\ntenant = "client-a"\nkey = { env = "KEY" }\n'
    '[[sources]]\naccount = "azur"\nstream = "leads"\nagencies = [101]\n'
    '[[sources]]\naccount = "azur"\nstream = "contracts"\nagencies = [101]\n'
    '[[sources]]\naccount = "riviera"\nstream = "purchases"\nprograms = [1]\n'
    '[sinks.sales]\ntype = "lines"\npath = "-"\n'
    '[sinks.direction]\ntype = "lines"\npath = "-"\n'
)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.splitlines()[1])
def test_the_examples_are_good_rules(example, desk):
    """Each example of the page is a file of rules that is taken as it is, without a warning."""
    desk.write("rules.toml", example)
    loaded = desk.load(BASE)
    assert loaded.rules
    assert loaded.warnings == ()
    assert not [remark for remark in loaded.remarks if "nobody hears" not in remark]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.splitlines()[1])
def test_the_examples_fit_the_schema(example, tmp_path):
    """An editor underlines nothing in them."""
    (tmp_path / "rules.toml").write_text(example)
    data = json.loads(json.dumps(read(tmp_path / "rules.toml").data))
    assert not list(Draft7Validator(rules_schema(catalogue())).iter_errors(data))


def test_every_key_is_explained():
    """Each key of a rule has a row; those of its tables are named."""
    rows = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
    assert set(RuleKeys.__struct_fields__) <= rows
    assert all(f"`{key}`" in PAGE for key in Group.__struct_fields__)
    assert all(f"{key} = " in PAGE for key in Opening.__struct_fields__)


def test_every_helper_is_explained():
    """Each helper of conditions has its place on the page."""
    from watcher.expressions import HELPERS, NAMES

    assert all(f"`{name}(" in PAGE for name in HELPERS)
    assert all(f"`{name}`" in PAGE for name in NAMES)


def test_every_label_of_silences_is_explained():
    """What a silence goes by is a row, and a row is what a silence goes by."""
    table = PAGE.partition("## Silences")[2].partition("\n## ")[0]
    assert tuple(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == LABELS


def test_the_defaults_are_those_of_the_code():
    """What is said of keys that are left out is so."""
    usual = Grouping()
    assert (usual.wait.total_seconds(), usual.every.total_seconds(), usual.most) == (30, 300, 20)
    assert '`wait` (`"30s"`)' in PAGE
    assert '`every` (`"5m"`)' in PAGE
    assert "`most` (20)" in PAGE
    flood = Timing().flood
    assert flood
    assert (flood.count, flood.seconds) == (20, 300)
    assert 'Left out: `"20/5m"`' in PAGE


def test_the_streams_are_named():
    """Each stream that `before` can be about is on the page."""
    assert all(f'`"{name}"`' in PAGE for name in short_names())
