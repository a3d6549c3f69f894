"""The command line: one file a group of commands, loaded when one of them is asked for.

This module stays light, so that `watcher --help` answers at once: what it lists is the table below.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import click
from click.shell_completion import CompletionItem

from watcher import __version__


class Entry(NamedTuple):
    """A command: the module of this package that has it under its own name, and what it does in one line."""

    module: str
    summary: str


COMMANDS: Mapping[str, Mapping[str, Entry]] = {
    "Try it": {
        "demo": Entry("demo", "Watch it work: simulated systems, a live view, no configuration."),
        "simulate": Entry("simulate", "Serve a simulated Apimo and Adlead to try a configuration on."),
    },
    "Rules": {
        "test": Entry("rehearse", "Try the rules on cases: given records over time, expect messages."),
        "backtest": Entry("backtest", "Say what the rules would have sent on the stored history."),
        "render": Entry("render", "Show what the messages of an event look like, for each sink that is told of it."),
        "replay": Entry("replay", "Put stored events through today's rules, and tell what was never told."),
        "schema": Entry("schema", "Print a JSON Schema of config.toml, for editors."),
    },
    "Run it": {
        "check": Entry("check", "Check the configuration and say what is in it."),
        "plan": Entry("plan", "Show how often each source is polled, and what that costs."),
        "probe": Entry("probe", "Ask the API of an account what its documentation leaves open; suggest settings."),
        "run": Entry("run", "Run the daemon."),
        "install": Entry("install", "Show, or put in place, what makes watcher a service of systemd."),
        "reload": Entry("run", "Have the running daemon take up its configuration anew."),
    },
    "See what is going on": {
        "status": Entry("status", "Show how everything fares; exit 1 when something is in trouble."),
        "sources": Entry("sources", "List the sources and how the last read of each went."),
        "events": Entry("events", "List events, newest last, or follow them."),
        "show": Entry("records", "Show a record as it is known, its last events and their deliveries."),
        "history": Entry("records", "Show each version of a record and what differed from the one before."),
        "explain": Entry("explain", "Say why something was told, or was not."),
        "audit": Entry(
            "audit", "Account for a day: each poll, each change, its events, and what became of each message."
        ),
        "deliveries": Entry("deliveries", "List deliveries, newest last."),
        "doctor": Entry(
            "doctor", "Say whether all that watcher needs is as it should be; exit 1 when something is in trouble."
        ),
    },
    "Step in": {
        "poll": Entry("sources", "Read one source now."),
        "resync": Entry("sources", "Read one source now, and in full."),
        "baseline": Entry("sources", "Take a source in as it is now, as at its first poll, and tell nobody."),
        "confirm": Entry("sources", "Believe the removals of a source that are held back."),
        "pause": Entry("pauses", "Leave a source unread, or a sink untold, until it is resumed."),
        "resume": Entry("pauses", "Read a paused source again, at once, or tell a paused sink what it is owed."),
        "silence": Entry("silences", "Have something not told for a while; it is listed when that is over."),
        "dead": Entry("deliveries", "List what was given up, owe it again, or drop it."),
        "resend": Entry("deliveries", "Send deliveries again, also delivered ones; they carry the same ids."),
        "sink": Entry("sinks", "Try a sink."),
        "erase": Entry("erase", "Erase a person from the store, with a receipt; or show all that is stored of one."),
        "backup": Entry("backup", "Write a verified copy of the store to a file, whether or not the daemon runs."),
        "lead": Entry("lead", "Create a lead in Apimo."),
    },
    "At hand": {
        "completion": Entry("completion", "Print what makes a shell complete the words of watcher."),
        "manual": Entry("manual", "Print the man page."),
    },
}

USAGE, INTERRUPTED = 64, 130


class Commands(click.Group):
    """The commands, by group in the help; what goes wrong in one of them becomes one of the exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - as click has it
        """All names, in the order of the table."""
        return [name for group in COMMANDS.values() for name in group]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as click has it
        """Load a command."""
        for group in COMMANDS.values():
            if cmd_name in group:
                command: click.Command = getattr(
                    importlib.import_module(f"{__name__}.{group[cmd_name].module}"), cmd_name
                )
                return command
        return None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The commands that begin so, without loading them, and the options."""
        entries = [one for group in COMMANDS.values() for one in group.items()]
        begun = [CompletionItem(name, help=entry.summary) for name, entry in entries if name.startswith(incomplete)]
        return [*begun, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """List the commands by group, without loading them."""
        for title, group in COMMANDS.items():
            with formatter.section(title):
                formatter.write_dl([(name, entry.summary) for name, entry in group.items()])

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any) -> Any:  # type: ignore[override]
        """Run a command and exit with what it returns, or with the code of what went wrong."""
        try:
            code = super().main(args, prog_name, **{**extra, "standalone_mode": False})
        except click.UsageError as error:
            error.show()
            code = USAGE
        except click.Abort:
            code = INTERRUPTED
        except click.ClickException as error:
            error.show()
            code = 1
        except Exception as error:  # whatever it is, its exit code says what to do next
            # Heavy, and of no use to a command that does what it should.
            code = importlib.import_module(f"{__name__}.exits").report(error)
        sys.exit(code or 0)


def examples(*lines: str) -> str:
    """The end of a command's help: how it is called."""
    head = "Example:" if len(lines) == 1 else "Examples:"
    return "\n".join(("\b", head, *(f"  {line}" for line in lines)))  # \b has click leave the lines as they are


@click.command(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    no_args_is_help=True,
    epilog=examples(
        "watcher demo      see it work, without any configuration",
        "watcher check     is my config.toml good?",
        "watcher run       start",
    ),
)
@click.version_option(__version__, message="%(prog)s %(version)s")
def watcher() -> None:
    """Tell people what changed in Apimo and Adlead: leads, contracts, purchases."""
