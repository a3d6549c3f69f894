"""What the command line says of itself."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from watcher import __version__
from watcher.cli import COMMANDS, watcher

ROOT = Path(__file__).parents[2]


def commands(
    group: click.Group = watcher, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command, with the words that call it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


ALL = dict(commands())


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_every_command_has_an_example(words):
    """The help of each command shows how it is called."""
    shown = CliRunner().invoke(watcher, [*words, "--help"])
    assert shown.exit_code == 0
    assert re.search(rf"Examples?:\n  +watcher {' '.join(words)}\b", shown.output)


@pytest.mark.parametrize("words", [words for words, command in ALL.items() if not isinstance(command, click.Group)])
def test_every_command_that_reads_a_configuration_takes_its_path(words):
    """--config is an option of every command that uses one."""
    options = {option for parameter in ALL[words].params for option in parameter.opts}
    assert ("--config" in options) == (words[0] not in {"demo", "simulate", "schema", "completion", "manual"})


@pytest.mark.parametrize("name", [name for group in COMMANDS.values() for name in group])
def test_the_list_says_what_each_help_says(name):
    """The line in the list of commands is the first of the command's own help."""
    (entry,) = (group[name] for group in COMMANDS.values() if name in group)
    assert (ALL[name,].help or "").splitlines()[0] == entry.summary


def test_the_help_lists_the_commands_in_groups():
    """Each group has its title, each command its line."""
    shown = CliRunner().invoke(watcher, ["--help"]).output
    assert all(f"\n{title}:\n" in shown for title in COMMANDS)
    assert all(re.search(rf"^  {name}  ", shown, re.MULTILINE) for group in COMMANDS.values() for name in group)


def test_the_help_needs_nothing_heavy():
    """`watcher --help` loads neither the network, nor the store, nor what draws screens."""
    heavy = ["aiohttp", "aiosqlite", "jinja2", "msgspec", "rich", "structlog"]
    code = f"""
import sys
from watcher.cli import watcher
try:
    watcher(["--help"])
except SystemExit:
    sys.exit(",".join(name for name in {heavy} if name in sys.modules) or 0)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_version_is_told():
    """`--version` names the program and its version."""
    assert CliRunner().invoke(watcher, ["--version"], prog_name="watcher").output == f"watcher {__version__}\n"


@pytest.mark.parametrize(
    "words",
    [["nonsense"], ["events", "--limit", "many"], ["deliveries", "--state", "lost"], ["show"], ["dead", "drop", "one"]],
    ids=" ".join,
)
def test_a_mistake_in_the_words_is_64(words):
    """What cannot be understood is a usage error, also where click finds it."""
    done = CliRunner().invoke(watcher, words)
    assert done.exit_code == 64
    assert "Error:" in done.stderr
