"""`backup`: a copy of the store, while a daemon writes to it or while none runs."""

from __future__ import annotations

from pathlib import Path

import click

from watcher.cli import examples
from watcher.cli.common import config_option, json_option
from watcher.cli.glance import glance
from watcher.cli.output import count, print_json, say
from watcher.operations import Refused
from watcher.store.backup import backup as copy


@click.command(
    epilog=examples(
        "watcher backup /backup/watcher.db",
        "watcher backup --force /backup/latest.db",
        "watcher backup /backup/$(date +%F).db --json",
    )
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
@json_option
@config_option
def backup(path: str | None, file: Path, force: bool, as_json: bool) -> None:
    """Write a verified copy of the store to a file, whether or not the daemon runs.

    The copy is one moment of the store, whole, personal data too; only you can read it. To put it back: stop watcher,
    remove the store and what is beside it (watcher.db, watcher.db-wal, watcher.db-shm), copy FILE in its place and
    start watcher. What changed since the copy is then told again, with the ids that it had.
    """
    store = glance(path).state_path
    if not store.exists():
        raise Refused(f"nothing has been polled yet: there is no {store}; `watcher run` makes it")
    try:
        made = copy(store, file, force=force)
    except FileExistsError as error:
        remedy = "--force replaces it" if file.is_file() and not force else "name another file"
        raise Refused(f"{error}; {remedy}") from None
    if as_json:
        print_json({"path": str(made.path), "bytes": made.size, "version": made.version, "rows": made.rows})
        return
    rows = ", ".join(
        count(number, noun.removesuffix("s")) for noun, number in made.rows.items() if noun != "deliveries"
    )
    say(f"{file}: a verified copy of {store}, {made.size / 1e6:.1f} MB, with {rows}", "ok")
