"""`manual`: the man pages, made from the commands themselves and from what is known of each key."""

from __future__ import annotations

import inspect
import json
import os
import re
import textwrap
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import click

from watcher import __version__
from watcher.cli import COMMANDS, examples
from watcher.config import SYSTEM
from watcher.schema import config_schema
from watcher.sinks import sink_types
from watcher.streams import catalogue

PAGE, KEYS = "watcher", "watcher-config"

WIDTH = 64
"""Characters of a line of the source, before what has to be escaped is."""

Schema = Mapping[str, Any]

_EXITS = {
    0: "Done; nothing is wrong.",
    1: "It says no: something is in trouble, was refused, or differs.",
    64: "The words of the command cannot be understood.",
    65: "The store, or what was to be read, cannot be used.",
    66: "There is no configuration.",
    70: "A bug of watcher.",
    74: "The disk is full, or does not read or write.",
    75: "Not now: another watcher has the store, or a vendor asks to wait.",
    77: "Not for this user.",
    78: "The configuration is broken; every mistake is named.",
}
_FILES = {
    "config.toml": "the configuration, where --config does not name another; else the one below",
    str(SYSTEM): "the configuration of the service",
    "/etc/credstore": "the secrets of the service, one file each",
    "/var/lib/watcher/watcher.db": "the store of the service",
    "/run/watcher/watcher.sock": "the socket by which commands reach the daemon that runs",
}
_ENVIRONMENT = {
    "STATE_DIRECTORY": "where relative paths of the store and of file sinks start",
    "RUNTIME_DIRECTORY": "where the daemon's socket is; left out, beside the store",
    "CREDENTIALS_DIRECTORY": "where secrets are found that are written as { credential = ... }",
    "NO_COLOR": "set to anything, there are no colours on a terminal",
}


@click.command(epilog=examples("watcher manual | man -l -", "watcher manual --section 5 > watcher-config.5"))
@click.option(
    "--section",
    type=click.Choice(["1", "5"]),
    default="1",
    show_default=True,
    help="1: the commands; 5: the keys of config.toml.",
)
def manual(section: str) -> None:
    """Print the man page.

    Its date is $SOURCE_DATE_EPOCH, or today's: the same version makes the same page.
    """
    root = click.get_current_context().find_root().command
    assert isinstance(root, click.Group)  # noqa: S101 - what is called is a group of commands
    today = day(os.environ)
    lines = commands(root, today) if section == "1" else keys(config_schema(sink_types(), catalogue()), today)
    click.echo("\n".join(lines))


def day(environ: Mapping[str, str]) -> str:
    """The day that stands on the page, as reproducible builds have it."""
    epoch = environ.get("SOURCE_DATE_EPOCH", "")
    moment = datetime.fromtimestamp(int(epoch), UTC) if epoch.isdigit() else datetime.now(UTC)
    return moment.date().isoformat()


# ---------------------------------------------------------------------------------------------------------------- roff


def _text(text: str) -> str:
    """A text in which nothing is a request of roff's."""
    safe = text.replace("\\", "\\e").replace("-", "\\-").replace("^", "\\(ha").replace("`", "\\(ga")
    safe = safe.replace("~", "\\(ti")
    return f"\\&{safe}" if safe.startswith((".", "'")) else safe


def _word(text: str) -> str:
    """The same, as the argument of a macro, in which quotes mean something."""
    return _text(text).replace('"', "\\(dq")


def _lines(text: str) -> list[str]:
    """A paragraph, its sentences as they come; blank lines begin another one."""
    paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n", text.strip()) if part.strip()]
    found: list[str] = []
    for number, paragraph in enumerate(paragraphs):
        wrapped = textwrap.wrap(paragraph, WIDTH, break_long_words=False, break_on_hyphens=False)
        found += [".PP"] * (number > 0) + [_text(line) for line in wrapped]
    return found


def _title(name: str, section: int, today: str) -> str:
    # No hyphens, and no blanks to fill the lines: both get in the way of who copies a command.
    return f'.TH {name.upper().replace("-", _text("-"))} {section} {today} "watcher {__version__}"\n.nh\n.ad l'


def _item(term: str, *lines: str) -> list[str]:
    """A term in bold, and below it what it is."""
    return [".TP", f".B {_word(term)}", *lines]


def _verbatim(text: str) -> list[str]:
    """Lines as they are."""
    return [".PP", ".nf", ".RS 4", *map(_text, text.splitlines()), ".RE", ".fi"]


# ------------------------------------------------------------------------------------------------------------ commands


def commands(root: click.Group, today: str) -> Iterator[str]:
    """`watcher(1)`: every command with its options and examples."""
    yield _title(PAGE, 1, today)
    yield from (".SH NAME", _text("watcher - tell people what changed in Apimo and Adlead"))
    yield from (".SH SYNOPSIS", ".B watcher", ".I COMMAND", _text("[options] [arguments]"))
    yield ".SH DESCRIPTION"
    yield from _lines(
        "watcher polls Apimo and Adlead, compares what it gets with what it knew, turns each difference into an event "
        "with a business name, and tells the right people through Slack, e-mail, webhooks and more, by rules in a file."
        "\n\nA command that reads a configuration takes --config, and prints JSON with --json where it prints data. "
        "--help says what is said here."
    )
    context = click.Context(root, info_name=PAGE)
    for title, group in COMMANDS.items():
        yield f".SH {_word(title.upper())}"
        for name in group:
            command = root.get_command(context, name)
            if command:
                yield from _command(command, click.Context(command, parent=context, info_name=name))
    yield ".SH EXIT STATUS"
    for code, text in _EXITS.items():
        yield from _item(str(code), _text(text))
    for heading, items in (("FILES", _FILES), ("ENVIRONMENT", _ENVIRONMENT)):
        yield f".SH {heading}"
        for name, text in items.items():
            yield from _item(name, _text(text))
    yield from (".SH SEE ALSO", f".BR {_text(KEYS)} (5),", ".BR systemd.exec (5)")


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    """One command, and those below it."""
    yield f".SS {_word(context.command_path)}"
    pieces = command.collect_usage_pieces(context)
    yield from (f".B {_word(context.command_path)}", _text(" ".join(pieces)), ".PP")
    yield from _lines(inspect.cleandoc(command.help or ""))
    for parameter in command.get_params(context):
        if parameter.name != "help" and (record := parameter.get_help_record(context)):
            yield from _item(record[0], *_lines(record[1]))
    if command.epilog:
        head, *called = command.epilog.lstrip("\b\n").splitlines()
        yield from (".PP", _text(head), *_verbatim(inspect.cleandoc("\n".join(called))))
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner:
                yield from _command(inner, click.Context(inner, parent=context, info_name=name))


# ---------------------------------------------------------------------------------------------------------------- keys


def keys(schema: Schema, today: str) -> Iterator[str]:
    """`watcher-config(5)`: every table and key of config.toml, from the schema that editors get."""
    tables = list(_tables(schema))
    yield _title(KEYS, 5, today)
    yield from (".SH NAME", _text("watcher-config - the configuration of watcher, config.toml"))
    yield ".SH DESCRIPTION"
    yield from _lines(
        "A file in TOML. Durations are written 300ms, 30s, 15m, 2h or 7d, in quotes; rates 5/s, 50/min, 20/5m or "
        '1000/day. A secret is never written here, but where it is found: { credential = "NAME" }, { env = "NAME" } or '
        '{ file = "PATH" }.\n\n`watcher check` names every mistake with its line and what to do. A daemon that runs '
        "takes up the saved file by itself, and keeps to the old one while the new one is broken."
    )
    yield ".SH KEYS"
    for name, about, table in tables:
        yield f".SS {_word(name)}"
        yield from _lines(about)
        for key, value in table.get("properties", {}).items():
            yield from _key(key, value, needed=key in table.get("required", ()))
    yield from (".SH SEE ALSO", f".BR {PAGE} (1)")


def _tables(schema: Schema) -> Iterator[tuple[str, str, Schema]]:
    """Every table with what it is called and what it is for; those of one shape under the words that choose it."""
    top = schema["properties"]
    yield "Before the first table", "", {"properties": {k: v for k, v in top.items() if not _below(k, v)}}
    for name, value in top.items():
        about = value.get("description", "")
        for label, table in _below(name, value):
            yield label, about, table
            for key, inner in table.get("properties", {}).items():
                for option in (inner, *inner.get("anyOf", ())):
                    if option.get("properties") and not _is_secret(option):
                        yield f"{label} {key}", inner.get("description", ""), option


def _below(name: str, value: Schema) -> list[tuple[str, Schema]]:
    """The tables that a key of the file holds: one, one in each place of a list, or one for each kind."""
    named = value.get("additionalProperties")
    if isinstance(named, dict):
        return [(f"[{name}.NAME], {_chosen(one)}", one) for one in named.get("oneOf", ())]
    if value.get("type") == "array" and value["items"].get("properties"):
        return [(f"[[{name}]]", value["items"])]
    properties = value.get("properties", {})
    if properties and all(one.get("properties") for one in properties.values()):  # by stream
        return [(f'[{name}] "STREAM" = {{ ... }}', next(iter(properties.values())))]
    return [(f"[{name}]", value)] if properties else []


def _chosen(table: Schema) -> str:
    """What chooses one kind of table: `type = "slack"`."""
    key = next(key for key in ("type", "api") if key in table["properties"])
    return f'{key} = "{table["properties"][key]["enum"][0]}"'


def _is_secret(table: Schema) -> bool:
    return set(table["properties"]) == {"credential", "env", "file"}


def _key(name: str, value: Schema, *, needed: bool) -> Iterator[str]:
    about = value.get("description", "")
    facts = []
    if needed:
        facts.append("It has to be there.")
    if "enum" in value and len(value["enum"]) > 1:
        facts.append(f"One of {', '.join(map(_written, value['enum']))}.")
    if "default" in value:
        facts.append(f"Left out: {_written(value['default'])}.")
    facts += (f"Example: {name} = {_written(example)}" for example in value.get("examples", ()))
    yield from _item(name, *_lines(" ".join((about, *facts)) or "."))


def _written(value: Any) -> str:
    """A value as it is written in TOML."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_written(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_written, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
