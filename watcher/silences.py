"""What is not to be told for a while: which messages a silence covers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from fnmatch import fnmatchcase

from watcher.model import Event, Silence

LABELS = ("type", "source", "account", "stream", "partition", "record", "rule", "sink")
"""What a matcher may be about."""


def labels(event: Event, rule: str, sink: str) -> Mapping[str, str]:
    """The labels of one message: of its event, the rule that tells it and the sink that it is for.

    `source` is written `azur/apimo.leads/101`, `record` `azur/apimo.leads/101/170384`; of watcher's own troubles they
    are `watcher` and what the trouble is about.
    """
    source = event.source.strip("/")
    return {
        "type": event.type,
        "source": source,
        "account": str(event.data.get("account", "")),
        "stream": str(event.data.get("stream", "")),
        "partition": str(event.data.get("partition", "")),
        "record": event.subject if source == "watcher" else f"{source}/{event.subject}",
        "rule": rule,
        "sink": sink,
    }


def covers(silence: Silence, event: Event, rule: str, sink: str, now: datetime) -> bool:
    """Say whether a silence is in force and every one of its matchers matches that message."""
    if not silence.since <= now < silence.until:
        return False
    known = labels(event, rule, sink)
    return all(fnmatchcase(known[label], pattern) for label, pattern in silence.matchers.items())
