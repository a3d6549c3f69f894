"""The names that a shell completes: from the configuration as it is written, and from the store.

None of this may fail, wait or say anything: whoever presses Tab is in the middle of a line. Where a name cannot be
found there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from watcher.cli.glance import glance
from watcher.config import matching
from watcher.shapes import SourceKeys
from watcher.sinks.kit import of_record, record_name
from watcher.store.read import Reader
from watcher.toml import read

MOST = 100
"""Events and deliveries among which is looked, the newest."""

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]
Name = tuple[str, str]
"""A name, and what a shell may say of it."""


def _completer(find: Callable[[click.Context], Iterable[Name]]) -> Complete:
    """What click asks: the names that begin so, each once."""

    def complete(context: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
        with suppress(Exception):
            found = {name: about for name, about in find(context) if name.startswith(begun)}
            return [CompletionItem(name, help=about or None) for name, about in found.items()]
        return []

    return complete


# ------------------------------------------------------------------------------------------------- in the configuration


def _data(context: click.Context) -> Mapping[str, Any]:
    return read(glance(context.params.get("path")).path).data


def _tables(data: Mapping[str, Any], name: str) -> Iterator[Name]:
    for key, table in data.get(name, {}).items():
        yield key, str(table.get("type") or table.get("api") or "")


def _sources(context: click.Context) -> Iterator[Name]:
    data = _data(context)
    apis = dict(_tables(data, "accounts"))
    for source in data.get("sources", ()):
        start = f"{source['account']}/{apis[source['account']]}.{source['stream']}"
        partitions = [one for key, one in source.items() if key not in SourceKeys.__struct_fields__]
        yield from ((f"{start}/{name}", "") for several in partitions for name in several)


def _sinks(context: click.Context) -> Iterator[Name]:
    return _tables(_data(context), "sinks")


def _accounts(context: click.Context) -> Iterator[Name]:
    return _tables(_data(context), "accounts")


def _rules(context: click.Context) -> Iterator[Name]:
    data, directory = _data(context), glance(context.params.get("path")).path.parent
    files: list[Path] = [file for pattern in data.get("rule_files", ()) for file in matching(directory, pattern)]
    for page in (data, *(read(file).data for file in files)):
        yield from ((rule["name"], "") for rule in page.get("rules", ()))


def _both(context: click.Context) -> Iterator[Name]:
    for some in (_sources, _sinks):
        with suppress(Exception):
            yield from some(context)


# ------------------------------------------------------------------------------------------------------------ the store


def _store(context: click.Context) -> Reader:
    return Reader.open(glance(context.params.get("path")).state_path)


def _records(context: click.Context) -> Iterator[Name]:
    """The records that something was told of lately, the newest first, by both of their names."""
    with _store(context) as reader:
        for event in reversed(reader.events(limit=MOST, newest=True)):
            if of_record(event):
                yield record_name(event), event.type
                yield f"{event.source.strip('/').split('/')[1]}/{event.subject}", event.type


def _events(context: click.Context) -> Iterator[Name]:
    with _store(context) as reader:
        for event in reversed(reader.events(limit=MOST, newest=True)):
            yield event.id, f"{event.type} {record_name(event)}"


def _of_explain(context: click.Context) -> Iterator[Name]:
    yield from _records(context)
    yield from _events(context)


def _deliveries(context: click.Context) -> Iterator[Name]:
    """Their numbers; of the dead letters only, where those are meant."""
    dead = context.parent is not None and context.parent.info_name == "dead"
    with _store(context) as reader:
        for row in reader.deliveries(context.params.get("sink"), "dead" if dead else None, MOST):
            yield str(row.number), f"{row.state} {row.sink} {row.type}"


def _silences(context: click.Context) -> Iterator[Name]:
    with _store(context) as reader:
        for silence in reader.silences():
            yield str(silence.number), silence.comment


sources, sinks, accounts, rules, sources_and_sinks = map(_completer, (_sources, _sinks, _accounts, _rules, _both))
records, events, records_and_events = map(_completer, (_records, _events, _of_explain))
deliveries, silences = map(_completer, (_deliveries, _silences))
