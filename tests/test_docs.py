"""The documents say what the code does."""

import re
import tomllib
from pathlib import Path

import pytest

from watcher.streams import catalogue

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("event_type", sorted(catalogue()))
def test_every_event_is_documented(event_type):
    """An event that users cannot look up does not exist."""
    assert f"| `{event_type}` |" in (ROOT / "docs" / "events.md").read_text()


def test_no_event_is_documented_that_is_not_told():
    """A row of the tables of events is an event."""
    rows = re.findall(r"^\| `([a-z-]+)` \|", (ROOT / "docs" / "events.md").read_text(), re.MULTILINE)
    assert set(rows) == set(catalogue())


def test_the_links_of_the_documents_lead_somewhere():
    """Every relative link in README and docs names a file that is there."""
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_readme_has_the_two_commands():
    """The commands that a newcomer copies are there to the letter."""
    readme = (ROOT / "README.md").read_text()
    assert "`python3 -m venv .venv && .venv/bin/pip install -q . && .venv/bin/watcher demo`" in readme
    assert "`python3 -m venv .venv && .venv/bin/pip install -q -e '.[test]' && .venv/bin/pytest -q`" in readme


def test_the_readmes_configuration_is_toml():
    """What a newcomer copies can at least be read; that it loads is promised with the configuration's own tests."""
    (example,) = re.findall(r"```toml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert set(tomllib.loads(example)) == {"accounts", "sinks", "sources", "rules"}
