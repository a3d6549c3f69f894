"""One record's bytes -> a canonical record."""

from __future__ import annotations

from typing import Any

from watcher.errors import Unreadable
from watcher.model import Record, Slice
from watcher.streams import Stream
from watcher.streams.canonical import canonical
from watcher.strictjson import read_json, read_said


def decode(stream: Stream, piece: Slice) -> Record:
    """Read one record into its stream's canonical form.

    Raises Unreadable when it is no record at all; a field that is not understood is left out and named in `doubts`.
    """
    value: Any = read_said(piece.raw) if piece.sure else read_json(piece.raw)
    if not isinstance(value, dict):
        raise Unreadable("is no object")
    doubts: dict[str, str] = {}
    body = canonical(stream.record, value, doubts)
    if not isinstance(body, dict):
        raise Unreadable("has nothing that is understood")
    return Record(piece.key, body, piece.fingerprint, doubts)
