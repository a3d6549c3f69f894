"""`schema`: what an editor knows of config.toml."""

from __future__ import annotations

import click

from watcher.cli import examples
from watcher.schema import config_schema, rules_schema, text
from watcher.sinks import sink_types
from watcher.sources import api_types
from watcher.streams import catalogue


@click.command(
    epilog=examples("watcher schema > config.schema.json", "watcher schema --rules > rules/rules.schema.json")
)
@click.option("--rules", is_flag=True, help="The schema of a file of rules instead.")
def schema(rules: bool) -> None:
    """Print a JSON Schema of config.toml, for editors.

    Editors that know taplo or tombi then complete keys, say what they are for, and underline what cannot be, in a file
    that begins with `#:schema ./config.schema.json` and an empty line. What only the whole configuration can tell
    (names that must exist, conditions, secrets) is left to `watcher check`. Sinks and APIs of installed packages
    are in it too.
    """
    api_types()  # before the catalogue: it has the events of their streams
    made = rules_schema(catalogue()) if rules else config_schema(sink_types(), catalogue())
    click.echo(text(made), nl=False)
