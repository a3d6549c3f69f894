"""What a shell completes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cli_site import SOURCES
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from watcher.cli import COMMANDS, watcher
from watcher.cli.completion import SHELLS

ROOT = Path(__file__).parents[2]


def completed(*words):
    """What may follow those words, the last of which has been begun."""
    *before, begun = words
    found = ShellComplete(watcher, {}, "watcher", "_WATCHER_COMPLETE").get_completions(list(before), begun)
    return [item.value for item in found]


@pytest.mark.parametrize("shell", list(SHELLS))
def test_each_shell_gets_a_script_that_it_understands(shell):
    """It is what click asks for, and the shell itself finds no mistake in it, where there is that shell."""
    script = CliRunner().invoke(watcher, ["completion", shell], prog_name="watcher")
    assert script.exit_code == 0
    assert f"_WATCHER_COMPLETE={shell}_complete" in script.output
    assert ("complete" in script.output, "watcher" in script.output) == (True, True)
    if program := shutil.which(shell):
        done = subprocess.run([program, "-n"], input=script.output, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_another_shell_is_64():
    """There are three."""
    assert CliRunner().invoke(watcher, ["completion", "tcsh"]).exit_code == 64


def test_the_commands_are_completed():
    """All of them, and those that begin so."""
    assert completed("") == [name for group in COMMANDS.values() for name in group]
    assert completed("re") == ["render", "replay", "reload", "resync", "resume", "resend"]
    assert completed("dead", "") == ["drop", "list", "redrive"]


def test_the_commands_are_completed_without_loading_them():
    """Neither the network, nor the store, nor what draws screens is loaded for it."""
    heavy = ["aiohttp", "aiosqlite", "jinja2", "msgspec", "rich", "structlog"]
    code = f"""
import sys
from watcher.__main__ import main
try:
    main()
except SystemExit:
    sys.exit(",".join(name for name in {heavy} if name in sys.modules) or 0)
"""
    environ = {**os.environ, "_WATCHER_COMPLETE": "bash_complete", "COMP_WORDS": "watcher doc", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "plain,doctor\n", "")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("poll", ""), list(SOURCES)),
        (("poll", "azur/apimo.l"), [SOURCES[0]]),
        (("sink", "test", ""), ["log", "crm"]),
        (("deliveries", "--sink", "c"), ["crm"]),
        (("pause", ""), [*SOURCES, "log", "crm"]),
        (("lead", "create", ""), ["azur", "riviera"]),
        (("render", "--rule", "new"), ["new leads"]),
        (("show", "azur/apimo.leads/"), ["azur/apimo.leads/101/3"]),
        (("show", "apimo.leads/"), ["apimo.leads/3"]),
        (("dead", "redrive", "9999"), []),
    ],
    ids=" ".join,
)
def test_names_are_completed(call, words, expected):
    """Of sources, sinks, rules and accounts from the configuration, of records from the store."""
    assert completed(*words) == expected


def test_the_rules_of_other_files_are_completed(call, story, tmp_path):
    """Those that `rule_files` names."""
    (tmp_path / "config.toml").write_text(f'rule_files = ["more/*.toml"]\n{story.config.read_text()}')
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "one.toml").write_text('[[rules]]\nname = "from elsewhere"\n')
    words = ("render", "--config", str(tmp_path / "config.toml"), "--rule", "from")
    assert completed(*words) == ["from elsewhere"]


def test_numbers_and_ids_are_completed(call):
    """Deliveries, dead letters only where those are meant, and events."""
    dead, every = completed("dead", "drop", ""), completed("resend", "")
    assert len(dead) == 1
    assert set(dead) < set(every)
    assert len(completed("render", "")) == 4


@pytest.mark.parametrize(
    "text", ["nonsense", '[[sources]]\naccount = "nobody"', "accounts = 3\nsinks = 4\nrules = 5", None]
)
@pytest.mark.parametrize(
    "words", [("poll",), ("sink", "test"), ("pause",), ("render", "--rule"), ("show",), ("resend",)]
)
def test_where_there_is_nothing_to_complete_nothing_is_said(tmp_path, monkeypatch, capfd, words, text):
    """A broken configuration, or none; and no store."""
    monkeypatch.chdir(tmp_path)
    if text:
        (tmp_path / "config.toml").write_text(text)
    assert completed(*words, "") == []
    assert capfd.readouterr() == ("", "")


def test_a_broken_store_is_not_spoken_of(call, story, tmp_path, capfd):
    """What is no store has no records."""
    (tmp_path / "config.toml").write_text(story.config.read_text())
    (tmp_path / "watcher.db").write_text("nonsense")
    assert completed("show", "--config", str(tmp_path / "config.toml"), "") == []
    assert capfd.readouterr() == ("", "")
