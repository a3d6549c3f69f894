"""The documents say what the code does."""

import re
from pathlib import Path

import pytest

from watcher import config
from watcher.errors import ConfigError
from watcher.expressions import check, constant
from watcher.sinks import sink_types
from watcher.streams import catalogue
from watcher.templates import check_template

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


def load(path, environ):
    """A configuration, loaded as the daemon loads it."""
    return config.load(
        path,
        sink_types=sink_types(),
        event_types=catalogue(),
        check_condition=check,
        check_template=check_template,
        constant=constant,
        environ=environ,
    )


def test_the_readmes_configuration_loads(tmp_path):
    """What a newcomer copies is a configuration that the daemon takes, without a warning."""
    example, *_ = re.findall(r"```toml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (tmp_path / "config.toml").write_text(example)
    environ = {"APIMO_TOKEN": "x", "SLACK_WEBHOOK": "https://hooks.slack.com/services/x"}
    loaded = load(tmp_path / "config.toml", environ)
    assert (len(loaded.sources), loaded.warnings) == (2, ())


def test_the_shipped_configuration_loads(tmp_path):
    """`config.toml` is a working example, once its secrets are where it says."""
    for name, text in {"apimo-token": "x", "adlead-key": "x", "smtp-password": "x", "slack-webhook": "https://hooks.slack.com/services/x",
                       "crm-secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}.items():  # fmt: skip
        (tmp_path / name).write_text(text)
    loaded = load(ROOT / "config.toml", {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert loaded.warnings == ()


def test_a_missing_secret_is_one_complaint_each(tmp_path):
    """Without its secrets, the shipped configuration is refused with one line a secret and nothing besides."""
    with pytest.raises(ConfigError) as refused:
        load(ROOT / "config.toml", {})
    assert len(refused.value.complaints) == 5
    assert all("no credential" in text for text in refused.value.complaints)
