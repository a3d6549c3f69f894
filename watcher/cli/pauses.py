"""`pause` and `resume`: leave a source unread, or a sink untold, for a while."""

from __future__ import annotations

import click

from watcher.cli import examples, names
from watcher.cli.common import config_option, json_option, perform
from watcher.cli.output import print_json, say

name_argument = click.argument("name", metavar="SOURCE|SINK", shell_complete=names.sources_and_sinks)


@click.command(
    epilog=examples("watcher pause azur/apimo.leads/101", "watcher pause sales --reason 'the channel is being moved'")
)
@name_argument
@click.option("--reason", default="", help="Why; `watcher status` shows it.")
@json_option
@config_option
def pause(path: str | None, name: str, reason: str, as_json: bool) -> None:
    """Leave a source unread, or a sink untold, until it is resumed.

    What a sink is owed waits, and is sent when it is resumed; it outlives restarts. To have something not told at all,
    see `watcher silence`.
    """
    answer = perform(path, "pause", {"name": name, "reason": reason})
    if as_json:
        print_json(answer)
    else:
        say(f"{name} is paused; `watcher resume {name}` ends it", "ok")


@click.command(epilog=examples("watcher resume sales"))
@name_argument
@json_option
@config_option
def resume(path: str | None, name: str, as_json: bool) -> int:
    """Read a paused source again, at once, or tell a paused sink what it is owed."""
    answer = perform(path, "resume", {"name": name})
    if as_json:
        print_json(answer)
    elif not answer["resumed"]:
        say(f"{name} is not paused")
    elif answer.get("error"):
        say(f"{name} goes on, and could not be read just now: {answer['error']}", "warn")
    else:
        say(f"{name} goes on", "ok")
    return 0
