"""`sink test`: whether a place to tell is reached."""

from __future__ import annotations

import click

from watcher.cli import examples, names
from watcher.cli.common import config_option, json_option, perform
from watcher.cli.output import print_json, say


@click.group(epilog=examples("watcher sink test sales"))
def sink() -> None:
    """Try a sink."""


@sink.command(epilog=examples("watcher sink test sales"))
@click.argument("name", metavar="NAME", shell_complete=names.sinks)
@json_option
@config_option
def test(path: str | None, name: str, as_json: bool) -> int:
    """Send a message that says it is a test; exit 1 when it is not taken.

    A sink that was paused and takes it goes on.
    """
    answer = perform(path, "sink-test", {"name": name})
    if as_json:
        print_json(answer)
    elif answer["taken"]:
        say(f"{name} took it" + ("; it was paused and goes on" if answer["resumed"] else ""), "ok")
    else:
        say(f"{name} did not take it: {answer['reason']}", "bad")
    return 0 if answer["taken"] else 1
