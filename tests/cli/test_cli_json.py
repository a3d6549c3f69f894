"""--json, where data is printed."""

import click
import pytest
from click.testing import CliRunner
from test_cli_help import ALL

from watcher.cli import watcher

WITHOUT = {
    "demo": "a view that moves",
    "simulate": "lines to put into a configuration",
    "schema": "JSON in any case",
    "install": "files and commands to copy",
    "completion": "a shell's script",
    "manual": "a man page",
}
"""Commands whose output is made for something else than programs that want data, and what it is."""


@pytest.mark.parametrize(
    "words", [words for words, one in ALL.items() if not isinstance(one, click.Group)], ids=" ".join
)
def test_every_command_that_prints_data_prints_json(words):
    """Whoever adds a command gives it --json, or says above why it has none."""
    options = {option for parameter in ALL[words].params for option in parameter.opts}
    assert ("--json" in options) == (words[0] not in WITHOUT)


async def test_what_is_left_owed_is_told_as_json(site):
    """One object, and nothing else on standard output."""
    await site.run("run", "--once")
    await site.run("pause", "log")
    site.world.make("leads", 101, {"id": 3})
    done = await site.run("run", "--once", "--json")
    assert (done.code, done.json) == (1, {"left": {"log": 1}})


def test_a_daemon_prints_no_json():
    """Its log does, under systemd."""
    assert CliRunner().invoke(watcher, ["run", "--json"]).exit_code == 64
