"""How values are written in the store, and read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from watcher.model import Alarm, Condition, Event, Silence, SourceState, Version

Row = Sequence[Any]
"""One row as SQLite gives it."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is no JSON value")


_ENCODER = msgspec.json.Encoder(enc_hook=_plain)  # the hook: a read-only mapping is a mapping too
_OBJECT = msgspec.json.Decoder(dict[str, Any])
_STRINGS = msgspec.json.Decoder(frozenset[str])
_STATE = msgspec.json.Decoder(SourceState)


def micros(moment: datetime) -> int:
    """A moment as whole microseconds since 1970; raises TypeError for a naive one."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(count: int) -> datetime:
    """The moment that is so many microseconds after 1970, in UTC."""
    return _EPOCH + timedelta(microseconds=count)


def json(value: object) -> str:
    """The value as JSON text."""
    return _ENCODER.encode(value).decode()


def mapping(text: str) -> dict[str, Any]:
    """Read what `json` made of a mapping."""
    return _OBJECT.decode(text)


def state(text: str) -> SourceState:
    """Read what `json` made of a SourceState."""
    return _STATE.decode(text)


def version(row: Row) -> Version:
    """Read `key, version, seen_at, fingerprint, reached, removed, absences, body`."""
    key, number, seen_at, fingerprint, reached, removed, absences, body = row
    return Version(
        key=key,
        version=number,
        body=mapping(body),
        seen_at=moment(seen_at),
        fingerprint=fingerprint,
        reached=_STRINGS.decode(reached),
        removed=bool(removed),
        absences=absences,
    )


def event(row: Row) -> Event:
    """Read `sequence, id, type, source, subject, time, recorded_at, data`."""
    sequence, name, kind, source, subject, time, recorded_at, data = row
    return Event(
        id=name,
        type=kind,
        source=source,
        subject=subject,
        time=moment(time),
        recorded_at=moment(recorded_at),
        data=mapping(data),
        sequence=sequence,
    )


def alarm(row: Row) -> Alarm:
    """Read `kind, source, key, name, due_at, data`."""
    kind, source, key, name, due_at, data = row
    return Alarm(kind, source, key, name, moment(due_at), mapping(data))


def condition(row: Row) -> Condition:
    """Read `type, subject, since, detail`."""
    kind, subject, since, detail = row
    return Condition(kind, subject, moment(since), detail)


def silence(row: Row) -> Silence:
    """Read `number, matchers, author, comment, since, until`."""
    number, matchers, author, comment, since, until = row
    return Silence(number, mapping(matchers), author, comment, moment(since), moment(until))
