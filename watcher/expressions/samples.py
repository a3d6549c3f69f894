"""Sample events of every type: what is written about events is tried on them before it is used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from watcher.model import Body, Event
from watcher.streams import OPERATIONAL, REAPPEARED, STREAMS
from watcher.streams.canonical import Keyed, Kind, Object
from watcher.streams.samples import samples_of
from watcher.streams.stream import Stream

_HAPPENED = datetime(2026, 12, 7, 9, 59, 31, tzinfo=UTC)
_RECORDED = datetime(2026, 12, 7, 10, 2, 4, tzinfo=UTC)
_ID = "7c1f8f0e-7b8e-5c57-8d0e-2f6d6a3f0a11"
_TIMED: Mapping[str, Any] = {"changes": {}, "rule": "a rule", "late": False}
"""What a timer's event carries, besides what it stands on."""
_PLACES = {"apimo": ("azur", "101"), "adlead": ("riviera", "1")}


def streams_of(event_type: str) -> tuple[Stream, ...]:
    """The streams whose records such an event can be about; all of them for one that is made of time, or unknown."""
    if event_type in OPERATIONAL:
        return ()
    mine = tuple(stream for stream in STREAMS.values() if event_type in stream.event_types())
    return mine or tuple(STREAMS.values())


@cache
def sample_events(event_type: str) -> tuple[Event, ...]:
    """Events of a type as they may come, with every field set: one or more for each stream that can tell it."""
    if event_type in OPERATIONAL:
        return tuple(_troubles(event_type, {"condition": event_type}))
    told = tuple(_told(event_type))
    if event_type == REAPPEARED or any(event_type in stream.event_types() for stream in STREAMS.values()):
        return told
    return (*told, *_troubles(event_type, {"condition": "source-failing", **_TIMED, "of": _ID}))


def _told(event_type: str) -> Iterator[Event]:
    for stream in streams_of(event_type):
        for record in samples_of(stream):
            for data in _data(stream, event_type, record):
                yield _event(stream, event_type, record, data)


def _data(stream: Stream, event_type: str, record: Body) -> Iterator[Mapping[str, Any]]:
    """What such an event carries besides its record: its changes, or what its timer stands on."""
    every = {path: {"from": _other(value), "to": value} for path, value in _leaves(stream.record, record)}
    if event_type == stream.created:
        yield {"changes": {name: {"from": None, "to": record[name]} for name in stream.record.fields if name in record}}
    elif event_type in stream.event_types():
        spoken = _spoken_for(stream, event_type)
        yield {"changes": every}
        yield {"changes": {name: {"from": None, "to": record[name]} for name in spoken if name in record}}
    elif event_type == REAPPEARED:
        yield {"changes": every}
    else:
        yield {**_TIMED, "of": _ID}
        yield {**_TIMED, "of": {"field": "updated_at", "date": record.get("updated_at", "2026-12-04T16:31:52Z")}}


def _spoken_for(stream: Stream, event_type: str) -> set[str]:
    """The fields that a milestone gives a first value."""
    passed = (milestone for milestone in stream.milestones if milestone.event == event_type)
    return {name for milestone in passed for name in (*milestone.evidence, *milestone.also)}


def _event(stream: Stream, event_type: str, record: Body, data: Mapping[str, Any]) -> Event:
    api = stream.name.partition(".")[0]
    account, partition = _PLACES.get(api, (api, "1"))
    common = {
        "account": account,
        "stream": stream.name,
        "partition": partition,
        "version": 2,
        "change": "c",
        "record": record,
        "link": stream.link(account, partition, record),
    }
    source = f"/{account}/{stream.name}/{partition}"
    return Event("sample", event_type, source, record["id"], _HAPPENED, _RECORDED, {**common, **data}, 42)


def _troubles(event_type: str, more: Mapping[str, Any]) -> Iterator[Event]:
    for state in ("entered", "left"):
        data = {**more, "state": state, "since": "2026-12-07T07:47:31Z", "detail": "HTTP 503"}
        yield Event("sample", event_type, "/watcher", "azur/apimo.leads/101", _HAPPENED, _RECORDED, data, 43)


def _leaves(kind: Kind | None, value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The watched fields of a record by their paths, as a change would name them."""
    if isinstance(kind, Object) and isinstance(value, Mapping):
        for name, inner in kind.fields.items():
            if name in value:
                yield from _leaves(inner, value[name], f"{path}.{name}" if path else name)
    elif isinstance(kind, Keyed):
        for member in value:
            yield from _leaves(kind.item, member, f"{path}[{member.get('id') or member.get('contact')}]")
    else:
        yield path, value


def _other(value: Any) -> Any:
    """Another value of the same kind."""
    match value:
        case bool():
            return not value
        case int() | float():
            return value - 1
        case str():
            return "2010" + value[4:] if value[4:5] == value[7:8] == "-" else f"{value}0"
        case list():
            return []
    return None
