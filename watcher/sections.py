"""The sections of the configuration, and what joins them: names that must exist, sources one a partition, rules.

`shapes` says what a table is and `convert` reads one; every mistake is noted in the document that it is in.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from watcher.convert import Converter, Wrong
from watcher.credentials import Secrets
from watcher.kinds import Id, Span
from watcher.mistakes import Checks, mistakes
from watcher.model import SourceName
from watcher.privacy import mistake
from watcher.retention import CEILING, Retention
from watcher.shapes import Privacy, RetentionKeys, RuleKeys, Schedule, SourceSettings, source_keys
from watcher.sinks import Settings, SinkType
from watcher.sources import ApiType, Login, api_types
from watcher.streams import STREAMS
from watcher.toml import Document, KeyPath, absent, nearest, quoted
from watcher.written import Book, Written

_SHORTEST = timedelta(milliseconds=100)
_CURSOR = {"reconcile": timedelta(hours=24), "lookback": timedelta(seconds=300)}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sections:
    """One reading of all the files. `places` remembers where each source was first named."""

    document: Document
    secrets: Secrets
    sink_types: Mapping[str, SinkType]
    event_types: Sequence[str]
    checks: Checks
    apis: Mapping[str, ApiType] = field(default_factory=api_types)
    places: dict[SourceName, KeyPath] = field(default_factory=dict)

    # ------------------------------------------------------------------------------------------------------- tables

    def fields(self, document: Document, table: Mapping[str, Any], shape: type, path: KeyPath) -> dict[str, Any]:
        """What can be read of a table; the rest is noted."""
        converter = Converter(self.secrets, document.path.parent)
        values, mistakes = converter.fields(table, shape, path)
        document.complain([*mistakes, *converter.unfound])
        return values

    def convert(self, document: Document, value: Any, shape: Any, path: KeyPath) -> Any:
        """The value in that shape; None when it cannot be, which is noted."""
        converter = Converter(self.secrets, document.path.parent)
        try:
            return converter.convert(value, shape, path)
        except Wrong as wrong:
            document.complain(wrong.mistakes)
            return None
        finally:
            document.complain(converter.unfound)

    def _tables(self, section: str, named: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        """The tables `[section.NAME]`."""
        for name, value in named.items():
            try:
                Id.parse(name)
            except ValueError:
                self._note((section, name), "not a name; write letters, digits, dots and dashes")
            if (table := self.convert(self.document, value, dict[str, Any], (section, name))) is not None:
                yield name, table

    def _note(self, path: KeyPath, text: str) -> None:
        self.document.complain([(path, text)])

    def _choice(self, table: Mapping[str, Any], key: str, options: Mapping[str, T], path: KeyPath) -> T | None:
        """What the `api` or `type` of a table stands for."""
        name = table.get(key)
        if isinstance(name, str) and name in options:
            return options[name]
        remedy = f"; write one of {', '.join(map(quoted, options))}"
        if isinstance(name, str):
            self._note((*path, key), f"no {key} {quoted(name)}" + (nearest(name, options) or remedy))
        else:
            self._note((*path, key), ("must be a text" if key in table else "missing") + remedy)
        return None

    def known(self, document: Document, path: KeyPath, what: str, names: Iterable[str], among: Collection[str]) -> None:
        """Note each name of a list that is not there."""
        for index, name in enumerate(names):
            if name not in among:
                document.complain([((*path, index), absent(what, name, among))])

    # --------------------------------------------------------------------------------------------- accounts, sources

    def accounts(self, named: Mapping[str, Any]) -> Iterator[tuple[str, Login]]:
        """`[accounts.NAME]`, those that can be used."""
        for name, table in self._tables("accounts", named):
            api = self._choice(table, "api", self.apis, ("accounts", name))
            account = api and self.convert(self.document, table, api.account, ("accounts", name))
            if account:
                yield name, account

    def sources(self, tables: Iterable[Any], accounts: Mapping[str, Any]) -> Iterator[SourceSettings]:
        """`[[sources]]`, one for each partition."""
        shape = source_keys(api.partitions for api in self.apis.values())
        for index, value in enumerate(tables):
            path: KeyPath = ("sources", index)
            if (table := self.convert(self.document, value, dict[str, Any], path)) is None:
                continue
            values = self.fields(self.document, table, shape, path)
            self._intervals(values, path)
            name = values.get("account")
            if name is not None and name not in accounts:
                self._note((*path, "account"), absent("account", name, accounts))
            account = accounts.get(name) if name else None
            api = _api(account)
            if api in self.apis:
                for key, text in self._misfits(api, table, values.get("stream")):
                    self._note((*path, key), text)
                if values.get("stream") in _streams(self.apis[api]):
                    yield from self._partitions(api, values, path)

    def _intervals(self, values: Mapping[str, Any], path: KeyPath) -> None:
        for key in ("every", "reconcile", "silent_after"):
            if values.get(key, _SHORTEST) < _SHORTEST:
                self._note((*path, key), 'must be at least "100ms"')

    def _misfits(self, name: str, table: Mapping[str, Any], stream: str | None) -> Iterator[tuple[str, str]]:
        """The keys of `[[sources]]` that are not right for the API of its account, and why."""
        api = self.apis[name]
        if stream is not None and stream not in (streams := _streams(api)):
            remedy = nearest(stream, streams) or f"; write {' or '.join(map(quoted, streams))}"
            yield "stream", f"{name} has no stream {quoted(stream)}{remedy}"
        others = sorted({other.partitions for other in self.apis.values()} & table.keys() - {api.partitions})
        for other in others:
            yield other, f"is not for {name}; write {api.partitions} = [...]"
        if api.partitions not in table and not others:
            yield api.partitions, f"missing; write {api.partitions} = [101]"
        for key in _CURSOR:
            if key in table and not api.cursor:
                yield key, f"is not for {name}, which is read in full every time; leave it out"

    def _partitions(self, name: str, values: Mapping[str, Any], path: KeyPath) -> Iterator[SourceSettings]:
        """One source for each partition of an account whose API is known."""
        api, line = self.apis[name], self.document.line(path)
        timing = {key: values[key] for key in Schedule.__struct_fields__ if key in values}
        if api.cursor:
            timing = _CURSOR | timing
        for index, partition in enumerate(values.get(api.partitions, ())):
            source = SourceName(values["account"], f"{name}.{values['stream']}", str(partition))
            place = (*path, api.partitions, index)
            if source in self.places:
                where = f"{self.document.path}:{self.document.line(self.places[source])}"
                self._note(place, f"{source} is watched already ({where}); keep one")
            else:
                self.places[source] = path
                yield SourceSettings(name=source, file=self.document.path, line=line, **timing)

    # ------------------------------------------------------------------------------------------------ sinks, privacy

    def sinks(self, named: Mapping[str, Any], accounts: Mapping[str, Any]) -> Iterator[tuple[str, Settings]]:
        """`[sinks.NAME]`, those that can be used."""
        for name, table in self._tables("sinks", named):
            path: KeyPath = ("sinks", name)
            kind = self._choice(table, "type", self.sink_types, path)
            settings = kind and self.convert(self.document, table, kind.settings, path)
            account = getattr(settings, "account", None)  # of the sinks that write to an API
            if isinstance(account, str) and account not in accounts:
                self._note((*path, "account"), absent("account", account, accounts))
            elif isinstance(account, str) and kind and kind.api and (api := _api(accounts[account])) != kind.api:
                self._note((*path, "account"), f"{quoted(account)} is of {api}; name an account of {kind.api}")
            if settings:
                yield name, settings

    def privacy(self, named: Mapping[str, Any]) -> Iterator[tuple[str, Privacy]]:
        """`[privacy]`, by stream."""
        for name, value in named.items():
            path: KeyPath = ("privacy", name)
            if name in self.apis:  # `adlead.purchases = ...` is a table in a table
                self._note(path, f'a stream\'s name has a dot; put it in quotes: "{name}.STREAM" = {{ drop = [...] }}')
                continue
            if name not in STREAMS:
                self._note(path, absent("stream", name, STREAMS))
            if policy := self.convert(self.document, value, Privacy, path):
                for field_path in (*policy.drop, *policy.hash) if name in STREAMS else ():
                    if wrong := mistake(STREAMS[name], field_path):
                        self._note(path, wrong)
                for both in sorted(set(policy.drop) & set(policy.hash)):
                    self._note(path, f"{quoted(both)} is in drop and in hash; keep one")
                yield name, policy

    def retention(self, named: Mapping[str, Any], sinks: Collection[str]) -> Retention:
        """`[retention]`."""
        path: KeyPath = ("retention",)
        own = {name: value for name, value in named.items() if name in RetentionKeys.__struct_fields__}
        values = self.fields(self.document, own, RetentionKeys, path)
        most = values.get("ceiling") or CEILING
        streams: dict[str, timedelta] = {}
        for name in named.keys() - own.keys():
            if name not in STREAMS:
                remedy = f'a stream\'s name has a dot; put it in quotes: "{name}.STREAM" = "365d"'
                self._note((*path, name), remedy if name in self.apis else absent("stream", name, STREAMS))
            elif (span := self.convert(self.document, named[name], Span, (*path, name))) is not None:
                streams[name] = span
        kept = values.get("sinks", {})
        for sink in kept.keys() - set(sinks):
            self._note((*path, "sinks", sink), absent("sink", sink, sinks))
        places: dict[KeyPath, timedelta] = {(name,): span for name, span in streams.items()}
        places |= {("sinks", name): span for name, span in kept.items()}
        for place, span in places.items():
            if span > most:
                self._note((*path, *place), "is longer than the ceiling; write less, or a longer ceiling")
        return Retention(streams, kept, most)

    # --------------------------------------------------------------------------------------------------------- rules

    def rules(self, documents: Iterable[Document], sinks: Collection[str]) -> Book:
        """`[[rules]]` of all files."""
        book = Book(tuple(rule for document in documents for rule in self._written(document)), self.event_types)
        for rule in book.rules:
            rule.document.complain(mistakes(rule, book, sinks, self.checks))
        return book

    def _written(self, document: Document) -> Iterator[Written]:
        """The rules of one file, as far as they can be read."""
        tables = self.convert(document, document.data.get("rules", []), tuple[Any, ...], ("rules",))
        for index, value in enumerate(tables or ()):
            path: KeyPath = ("rules", index)
            if (table := self.convert(document, value, dict[str, Any], path)) is not None:
                yield Written(document, path, table, self.fields(document, table, RuleKeys, path))


def _api(account: Any) -> str:
    """Which API an account is of, as its table has it."""
    return str(account.get("api")) if isinstance(account, dict) else ""


def _streams(api: ApiType) -> tuple[str, ...]:
    """What an API's streams are called in `[[sources]]`."""
    return tuple(stream.name.partition(".")[2] for stream in api.streams)
