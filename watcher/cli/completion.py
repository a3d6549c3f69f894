"""`completion`: what makes a shell complete the words of watcher."""

from __future__ import annotations

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from watcher.cli import examples

SHELLS: dict[str, type[ShellComplete]] = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}

PROGRAM, VARIABLE = "watcher", "_WATCHER_COMPLETE"
"""What the shell calls, and how watcher sees that it is a shell that calls."""


@click.command(
    epilog=examples(
        "watcher completion bash > ~/.local/share/bash-completion/completions/watcher",
        "watcher completion zsh > /usr/share/zsh/vendor-completions/_watcher",
        "watcher completion fish > ~/.config/fish/completions/watcher.fish",
    )
)
@click.argument("shell", type=click.Choice(list(SHELLS)))
def completion(shell: str) -> None:
    """Print what makes a shell complete the words of watcher.

    Commands, options, and names: of sources, sinks, rules, accounts, records, deliveries.
    """
    click.echo(script(shell), nl=False)


def script(shell: str) -> str:
    """The script of a shell, as click has it."""
    root = click.get_current_context().find_root().command
    # The one of bash would try out the bash of this machine, which need not be the one that is meant.
    return ShellComplete.source(SHELLS[shell](root, {}, PROGRAM, VARIABLE)).strip() + "\n"
