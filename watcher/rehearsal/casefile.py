"""Files of cases, TOML or YAML -> `Case`s, or every mistake in them at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from msgspec import structs

from watcher.config import Config
from watcher.convert import Converter
from watcher.credentials import Secrets
from watcher.desk import SUMMARY
from watcher.errors import ConfigError, Permanent, Transient, WatcherError
from watcher.model import SourceName
from watcher.rehearsal.casekeys import (
    LONGEST,
    At,
    Case,
    CaseKeys,
    GivenKeys,
    MessageKeys,
    Page,
    Record,
    SilenceKeys,
    SilentKeys,
    Step,
    Time,
    Unwanted,
    Wanted,
)
from watcher.rehearsal.pages import read_page
from watcher.rehearsal.records import mistakes, plain, unknown
from watcher.rules import DEADLINE_NEAR, OPERATOR, OVERDUE
from watcher.silences import LABELS
from watcher.streams import STREAMS, catalogue
from watcher.toml import Document, KeyPath, absent, nearest, quoted
from watcher.units import duration


class CasesWrong(WatcherError):
    """Files of cases that cannot be used. `complaints` has every mistake, each with its place and remedy."""

    def __init__(self, complaints: Sequence[str]) -> None:
        super().__init__("\n".join(complaints))
        self.complaints = tuple(complaints)


def read_cases(paths: Iterable[Path], config: Config) -> list[Case]:
    """Read files of cases for a configuration; raises CasesWrong with every mistake in all of them."""
    cases: list[Case] = []
    complaints: list[str] = []
    for path in paths:
        try:
            document = read_page(path)
        except ConfigError as error:
            complaints += error.complaints
            continue
        cases += _Reader(document, config).cases()
        complaints += document.complaints
    if complaints:
        raise CasesWrong(complaints)
    return cases


@dataclass(frozen=True, slots=True)
class _Reader:
    """One file, and the configuration that its names are of."""

    document: Document
    config: Config

    def cases(self) -> Iterator[Case]:
        """Every case that can be used; what is wrong with the others is noted."""
        values, wrong = self._converter.fields(self.document.data, Page, ())
        self.document.complain(wrong)
        seen: dict[str, int] = {}
        for index, keys in enumerate(values.get("cases", ())):
            path: KeyPath = ("cases", index)
            if line := seen.get(keys.name):
                self._note((*path, "name"), f"{quoted(keys.name)} is taken (line {line}); choose another name")
            seen.setdefault(keys.name, self.document.line((*path, "name")))
            if case := self._case(keys, path):
                yield case

    @property
    def _converter(self) -> Converter:
        return Converter(Secrets({}), self.document.path.parent)

    def _note(self, path: KeyPath, text: str) -> None:
        self.document.complain([(path, text)])

    def _case(self, keys: CaseKeys, path: KeyPath) -> Case | None:
        records = [*keys.known, *(record for given in keys.given for record in given.records)]
        source = self._source(keys.source, records, (*path, "source"))
        if source is None:
            return None
        known = self._records(keys.known, source, (*path, "known"))
        steps = tuple(self._steps(keys.given, source, (*path, "given")))
        if len(steps) < len(keys.given):
            return None
        expect, place = keys.expect, (*path, "expect")
        self._removals(known, steps, (*path, "given"))
        if expect.events is None and expect.messages is None and not expect.silent:
            self._note(place, "expects nothing, so it could never fail; write messages = [] for none")
        for index, name in enumerate(expect.sinks or ()):
            self._named((*place, "sinks", index), "sink", name, self.config.sinks)
        for index, name in enumerate(expect.events or ()):
            self._named((*place, "events", index), "event", name, self._event_types)
        until = self._moment(expect.until, steps[-1].at, (*place, "until")) if expect.until else None
        if until and until.moment < steps[-1].at:
            self._note((*place, "until"), "is before the last step; write a later one, or how long after it: +2d")
        wanted = None if expect.messages is None else tuple(self._wanted(expect.messages, steps[0].at, place))
        return Case(
            name=keys.name,
            file=self.document.path,
            line=self.document.line(path),
            source=source,
            known=known,
            steps=steps,
            until=until.moment if until else steps[-1].at + LONGEST,
            sinks=expect.sinks,
            events=expect.events,
            messages=wanted,
            silent=tuple(self._unwanted(expect.silent, (*place, "silent"))),
        )

    # ------------------------------------------------------------------------------------------------------ the source

    def _source(self, written: str | None, records: Sequence[Record], path: KeyPath) -> SourceName | None:
        """The source of that name, or the first of that stream; without either the first that fits the records."""
        names = [source.name for source in self.config.sources]
        if not names:
            self._note(path, "the configuration has no sources; add [[sources]]")
            return None
        if written is None:
            # The first that has the fewest fields to complain of: none, where the records are right.
            first = records[:1]
            return min(names, key=lambda name: sum(unknown(STREAMS[name.stream], plain(one)) for one in first))
        found = [name for name in names if written in (str(name), name.stream, name.stream.partition(".")[2])]
        if not found:
            self._note(path, absent("source", written, list(map(str, names))))
            return None
        return found[0]

    # -------------------------------------------------------------------------------------------------------- given

    def _records(self, written: Sequence[Record], source: SourceName, path: KeyPath) -> dict[str, Record]:
        """The records by id; what is wrong with one is noted at its place."""
        stream, found = STREAMS[source.stream], {}
        for index, one in enumerate(written):
            record = plain(one)
            self.document.complain(mistakes(stream, record, (*path, index)))
            key = str(record.get("id"))
            if key in found:
                self._note((*path, index, "id"), f"{quoted(key)} is here twice; keep one")
            found[key] = {**record, "id": key}
        return found

    def _steps(self, given: Sequence[GivenKeys], source: SourceName, path: KeyPath) -> Iterator[Step]:
        last: datetime | None = None
        for index, keys in enumerate(given):
            here = (*path, index)
            at = self._moment(keys.at, last, (*here, "at"))
            records = self._records(keys.records, source, (*here, "records"))
            if at is None:
                continue
            if last is not None and at.moment < last:
                self._note((*here, "at"), "is before the step above it; write the steps in the order of time")
            last = at.moment
            if keys.down and index == len(given) - 1:
                self._note((*here, "down"), "needs a step after it, with which the daemon starts again")
            yield Step(
                at=at.moment,
                records=records,
                removed=tuple(map(str, keys.removed)),
                silence=None if keys.silence is None else self._silence(keys.silence, (*here, "silence")),
                error=_error(keys.fails),
                down=keys.down,
            )

    def _removals(self, known: Mapping[str, Record], steps: Sequence[Step], path: KeyPath) -> None:
        """Note each record that is removed and was never there."""
        there = set(known)
        for index, step in enumerate(steps):
            for place, key in enumerate(step.removed):
                if key not in there:
                    remedy = nearest(key, there) or "; only a record that was given before can be removed"
                    self._note((*path, index, "removed", place), f"no record {quoted(key)} is there{remedy}")
            there = (there - set(step.removed)) | step.records.keys()

    def _silence(self, table: Record, path: KeyPath) -> tuple[Mapping[str, str], timedelta, str]:
        keys, wrong = self._converter.fields(table, SilenceKeys, path)
        self.document.complain(wrong)
        matchers = {label: keys[label] for label in LABELS if keys.get(label)}
        if not matchers:
            self._note(path, f'must say what is silenced; write sink = "...", or another of {", ".join(LABELS)}')
        for label, names in {"sink": self.config.sinks, "rule": self._rules, "type": self._event_types}.items():
            if not re.search(r"[*?[]", pattern := matchers.get(label, "*")):
                self._named((*path, label), label if label != "type" else "event", pattern, names)
        return matchers, keys.get("for_", timedelta(0)), keys.get("comment", "")

    # ------------------------------------------------------------------------------------------------------- expected

    def _wanted(self, written: Sequence[MessageKeys], start: datetime, path: KeyPath) -> Iterator[Wanted]:
        for index, keys in enumerate(written):
            here = (*path, "messages", index)
            self._message(keys, here)
            at = self._moment(keys.at, start, (*here, "at")) if keys.at else None
            yield Wanted(**{**structs.asdict(keys), "at": at})

    def _unwanted(self, written: Sequence[SilentKeys], path: KeyPath) -> Iterator[Unwanted]:
        for index, keys in enumerate(written):
            self._message(keys, (*path, index))
            yield Unwanted(**structs.asdict(keys))

    def _message(self, keys: MessageKeys | SilentKeys, path: KeyPath) -> None:
        self._named((*path, "to"), "sink", keys.to, self.config.sinks)
        self._named((*path, "event"), "event", keys.event, (*self._event_types, SUMMARY))
        if keys.rule is not None and not keys.rule.startswith("silence "):
            self._named((*path, "rule"), "rule", keys.rule, (*self._rules, OPERATOR))

    def _named(self, path: KeyPath, what: str, name: str, among: Iterable[str]) -> None:
        among = tuple(among)
        if name not in among:
            many = len(among) > 12  # noqa: PLR2004 - more than one reads
            remedy = (nearest(name, among) or "; `watcher check` shows them") if many else ""
            self._note(path, f"no {what} {quoted(name)}{remedy}" if many else absent(what, name, among))

    @property
    def _rules(self) -> tuple[str, ...]:
        return tuple(rule.name for rule in self.config.rules)

    @property
    def _event_types(self) -> tuple[str, ...]:
        return (*catalogue(), OVERDUE, DEADLINE_NEAR, *(rule.emit for rule in self.config.rules if rule.emit))

    def _moment(self, written: Time, before: datetime | None, path: KeyPath) -> At | None:
        """A moment in the configured zone, or so long after the one `before`."""
        try:
            return moment(written, before, self.config.timezone)
        except ValueError as error:
            self._note(path, str(error))
            return None


def _error(written: bool | str) -> Transient | Permanent | None:
    """What the source fails with; one that turns us away is told at once."""
    if not written:
        return None
    reason = "HTTP 500" if written is True else written
    refused = re.search(r"\b40[13]\b", reason) is not None
    return Permanent(reason, refused=True) if refused else Transient(reason)


def moment(written: Time, before: datetime | None, zone: ZoneInfo) -> At:
    """Read `2026-11-21 18:50` in that zone, or `+15m` after `before`; raises ValueError with the remedy.

    In the autumn hour that comes twice it is the first one; the second is written with its offset (`02:30+01:00`). It
    is meant to the minute, unless it has seconds.
    """
    if isinstance(written, str) and written.startswith("+"):
        if before is None:
            raise ValueError("there is nothing before it to count from; write the day and the time")
        return At(before + duration(written[1:]), exact=True)
    try:
        local = datetime.fromisoformat(written.strip()) if isinstance(written, str) else written
    except ValueError:
        raise ValueError(f'{quoted(str(written))} is no time; write "2026-11-21 18:50", or "+15m"') from None
    exact = bool(local.second)
    aware = local if local.tzinfo else local.replace(tzinfo=zone)
    utc = aware.astimezone(UTC)
    if local.tzinfo is None and (there := utc.astimezone(zone).replace(tzinfo=None)) != local:
        raise ValueError(f"the clocks go over {local:%H:%M} that night; write {there:%H:%M}, or another time")
    return At(utc, exact)
