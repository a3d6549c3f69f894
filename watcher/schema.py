"""The shapes of the configuration as a JSON Schema, for editors: what can be written where, and what it is for.

Draft-07 without references, which is what taplo and tombi both understand. It is made from the very shapes that
`convert` reads by, so it knows each key and kind; what joins the tables (names that must exist) is left to `check`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import date, time, timedelta
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from zoneinfo import ZoneInfo

import msgspec

from watcher.keys import key_of
from watcher.kinds import KINDS, Daily, Id, Span
from watcher.mistakes import EMIT, GROUP_BY, MOST_EMIT
from watcher.rules import DEADLINE_NEAR, OVERDUE
from watcher.shapes import Group, Privacy, RetentionKeys, RuleKeys, Top, source_keys
from watcher.sinks import SinkType
from watcher.sources import ApiType, api_types
from watcher.streams import STREAMS
from watcher.units import Rate, Secret
from watcher.written import short_names

Schema = dict[str, Any]

DRAFT = "http://json-schema.org/draft-07/schema#"

_TYPES: Mapping[type, str] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
}
_FORMATS = {date: "date", time: "time-local"}
"""What tombi knows the dates and times of TOML by; JSON has none."""

_LIMITS = (Rate, Daily)
_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum", "pattern": "pattern"}
_NAME = KINDS[Id].pattern
_GLOB = r"^[a-z0-9*?\[\]!-]+$"


def config_schema(sink_types: Mapping[str, SinkType], event_types: Collection[str]) -> Schema:
    """The schema of config.toml, given the types of sink and of event that there are."""
    accounts = [_account(name, kind) for name, kind in api_types().items()]
    sinks = [_sink(name, sink_types[name]) for name in sorted(sink_types)]
    policy = _of(Privacy)
    whole = _of(Top)
    whole["properties"] |= {
        "accounts": _said(Top, "accounts", _named(accounts)),
        "sources": _said(Top, "sources", _list_of(_source())),
        "sinks": _said(Top, "sinks", _named(sinks)),
        "privacy": _said(
            Top,
            "privacy",
            {"type": "object", "properties": dict.fromkeys(STREAMS, policy), "additionalProperties": False},
        ),
        "retention": _said(Top, "retention", _retention()),
        "rules": _said(Top, "rules", _list_of(_rule(event_types))),
    }
    return {"$schema": DRAFT, "title": "watcher's configuration", **whole}


def rules_schema(event_types: Collection[str]) -> Schema:
    """The schema of a file of rules."""
    rules = _said(Top, "rules", _list_of(_rule(event_types)))
    title = "a file of rules for watcher"
    return {
        "$schema": DRAFT,
        "title": title,
        "type": "object",
        "properties": {"rules": rules},
        "additionalProperties": False,
    }


# --------------------------------------------------------------------------------------------------- certain tables


def _account(name: str, kind: ApiType) -> Schema:
    account = _of(kind.account)
    account["properties"]["api"] = _said(kind.account, "api", {"type": "string", "enum": [name]})
    return account


def _source() -> Schema:
    shape = source_keys(kind.partitions for kind in api_types().values())
    source = _of(shape)
    for name, kind in api_types().items():
        if key_of(shape, kind.partitions) is None:
            source["properties"][kind.partitions]["description"] = f"What is read of {name}, by number or name."
    source["properties"]["stream"] = _said(shape, "stream", {"type": "string", "enum": list(short_names())})
    return source


def _sink(name: str, kind: SinkType) -> Schema:
    sink = _of(kind.settings)
    sink["properties"]["type"] = _said(kind.settings, "type", {"type": "string", "enum": [name]})
    return sink


def _retention() -> Schema:
    keys = _of(RetentionKeys)
    span = {"type": "string", "pattern": KINDS[Span].pattern}
    keys["properties"] |= dict.fromkeys(STREAMS, span)
    return keys


def _rule(event_types: Collection[str]) -> Schema:
    rule = _of(RuleKeys)
    streams = dict.fromkeys(one for name in STREAMS for one in (name, name.partition(".")[2]))
    heard = [*event_types, *(name for name in (OVERDUE, DEADLINE_NEAR) if name not in event_types), *streams]
    on = {"anyOf": [{"type": "string", "enum": heard}, {"type": "string", "pattern": _GLOB}]}
    emit = {"type": "string", "pattern": f"^{EMIT}$", "maxLength": MOST_EMIT}
    by = {"anyOf": [{"type": "string", "enum": list(GROUP_BY)}, {"type": "string", "pattern": r"^record\."}]}
    rule["properties"] |= {
        "on": _said(RuleKeys, "on", {**_list_of(on), "minItems": 1}),
        "emit": _said(RuleKeys, "emit", emit),
    }
    group = rule["properties"]["group"]["properties"]
    group["by"] = _said(Group, "by", _list_of(by))
    return rule


def _named(options: list[Schema]) -> Schema:
    """A table of tables under names of the user's own, each of one of those shapes."""
    return {"type": "object", "propertyNames": {"pattern": _NAME}, "additionalProperties": {"oneOf": options}}


def _list_of(item: Schema) -> Schema:
    return {"type": "array", "items": item}


# ------------------------------------------------------------------------------------------------------- any shape


def _of(shape: Any) -> Schema:
    """The schema of a shape; as `convert` reads it."""
    origin, inner = get_origin(shape), get_args(shape)
    if origin is Annotated:
        return _bounded(_of(inner[0]), shape.__metadata__)
    if origin in (Union, UnionType):
        return _union(inner)
    if origin is Literal:
        return {"type": "string", "enum": list(inner)}
    if origin in (list, tuple, frozenset):
        return _list_of(_of(next(one for one in inner if one is not ...)))
    if origin in (dict, Mapping):
        return {"type": "object", "additionalProperties": _of(inner[1])}
    return _plain(shape)


def _plain(shape: Any) -> Schema:
    if shape in KINDS:
        return _kind(shape)
    if shape is Secret:
        return _secret()
    if isinstance(shape, type) and issubclass(shape, msgspec.Struct):
        return _table(shape)
    return {"type": _TYPES[shape]} if shape in _TYPES else {}


def _kind(shape: Any) -> Schema:
    kind = KINDS[shape]
    words: Schema = {"type": "string"} | ({"pattern": kind.pattern} if kind.pattern else {})
    options = [words, *(words | {"format": form} for taken, form in _FORMATS.items() if taken in kind.takes)]
    if int in kind.takes:
        options.append({"type": "integer", "minimum": 0})
    return options[0] if len(options) == 1 else {"anyOf": options}


def _secret() -> Schema:
    """Where a secret is found: one of three."""
    ways = {
        "credential": "A credential that systemd hands over.",
        "env": "A variable of the environment.",
        "file": "A file, from the directory of this one.",
    }
    return {
        "type": "object",
        "properties": {way: {"type": "string", "minLength": 1, "description": text} for way, text in ways.items()},
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
    }


def _union(members: tuple[Any, ...]) -> Schema:
    """Any of the members; a limit that may be left out is lifted with `false`."""
    options = [_of(member) for member in members if member is not NoneType]
    if NoneType in members and not set(_LIMITS).isdisjoint(members):
        options.append({"type": "boolean", "enum": [False]})
    return options[0] if len(options) == 1 else {"anyOf": options}


def _bounded(schema: Schema, bounds: tuple[Any, ...]) -> Schema:
    unit = "Items" if schema.get("type") == "array" else "Length"
    names = {**_BOUNDS, "min_length": f"min{unit}", "max_length": f"max{unit}"}
    words = {"description": "description", "examples": "examples"}
    for bound in bounds:
        if isinstance(bound, msgspec.Meta):
            found = {name: getattr(bound, key) for key, name in (names | words).items()}
            schema = schema | {name: value for name, value in found.items() if value is not None}
    return schema


def _table(shape: type) -> Schema:
    fields = msgspec.structs.fields(shape)
    properties = {}
    for info in fields:
        plain = info.default not in (msgspec.NODEFAULT, None, ()) and not isinstance(info.default, msgspec.Struct)
        default = {"default": _written(info.default)} if plain else {}
        properties[info.encode_name] = _said(shape, info.encode_name, _of(info.type)) | default
    required = [info.encode_name for info in fields if info.required]
    table: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return table | ({"required": required} if required else {})


def _said(shape: type, name: str, schema: Schema) -> Schema:
    """The schema of a key, with what the key is for, first."""
    known = key_of(shape, name)
    if known is None:
        return schema
    return {"description": known.text, **schema, **({} if known.example is None else {"examples": [known.example]})}


def _written(value: Any) -> Any:
    """A default as it is written in TOML."""
    match value:
        case timedelta():
            return f"{value.total_seconds():g}s"
        case Rate(count=count, seconds=seconds):
            periods = {1: "s", 60: "min", 3600: "h", 86400: "day"}
            return f"{count}/{periods.get(int(seconds)) or f'{seconds / 60:g}m'}"
        case Path() | ZoneInfo():
            return str(value)
        case _:
            return value


def text(schema: Schema) -> str:
    """The schema as it is kept in a file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
