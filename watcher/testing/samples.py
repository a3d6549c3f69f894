"""Events and deliveries for sinks to tell of."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from watcher.messages import SUMMARY, compose
from watcher.model import EVENTS, Delivery, Event, Message
from watcher.streams.samples import LEAD, PURCHASE

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
"""What the clock of the suite shows."""

CANARY = "CANARY"
"""What stands in whatever must not be told."""

PERSON = "SPARROW"
"""What stands in personal data."""

NAUGHTY = (
    "x\r\nBcc: victim@example.fr\r\n\r\nbody",
    'x\r\nX-Injected: 1\r\nContent-Length: 0\r\n\r\nPOST /other HTTP/1.1\r\nHost: x\r\n\r\n{"a": "b',
    "<!channel> <@U123> <https://evil.example|https://example.fr> *bold* `code`",
    "<script>alert(1)</script><img src=x onerror=alert(1)>&lt;b&gt;",
    "'; DROP TABLE events; --",
    "$(touch canary) `touch canary` | touch canary; touch canary && x",
    "{{ 7 * 7 }} {% for x in y %} ${7*7} %s %(x)s {0} {x.__class__}",
    "../../etc/passwd\x00.png",
    '"}\n{"id": "forged", "type": "new-lead"}\n',
    "\x1b[31mred\x1b[0m\x07\x08 \u202egnp.exe \u2028 \ufeff \U0001f600",
    "=?utf-8?q?=0aBcc:_x?= =0D=0A .\r\n.\r\n",
    "\r\n.\r\nMAIL FROM:<x@y.fr>",
    "--env=X=1 -oProxyCommand=touch",
    "",
    " \t\n ",
    "é" * 5000,
)
"""Values that try something, one of each kind."""

_STREAMS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "apimo.leads": ("/azur/apimo.leads/101", LEAD),
    "adlead.purchases": ("/riviera/adlead.purchases/1", PURCHASE),
}


def event(subject: str = "170384", kind: str = "new-lead", stream: str = "apimo.leads", **fields: Any) -> Event:
    """An event about a sample record with those fields, all of them new."""
    source, sample = _STREAMS[stream]
    account, _, partition = source.strip("/").split("/")
    record = {**sample, "id": subject, **fields}
    changes = {name: {"from": None, "to": value} for name, value in record.items()}
    data = {"account": account, "stream": stream, "partition": partition, "version": 1, "change": "c"}
    data |= {"changes": changes, "record": record}
    name = str(uuid.uuid5(EVENTS, f"{source}/{subject}/{kind}/{sorted(fields)}"))
    return Event(name, kind, source, subject, NOON, NOON, data, 42)


def stuffed(value: str) -> Event:
    """An event of a lead that is that value wherever a vendor could put one."""
    fields = {name: value for name, was in LEAD.items() if isinstance(was, str) and name != "id"}
    return event(value[:100] or "170384", **fields, **{value[:50] or "x": value})


def summary(members: Sequence[Event]) -> Event:
    """An event that stands for several."""
    told = {"count": len(members), "events": [one.id for one in members], "types": {"new-lead": len(members)}}
    told |= {"why": "group", "rule": "rule", "sink": "sink", "bundle": "", "since": "2026-11-21T11:00:00Z"}
    return Event(str(uuid.uuid5(EVENTS, str(told))), SUMMARY, "/watcher", "rule", NOON, NOON, told, 43)


def delivery(
    what: Event | None = None, *, number: int = 1, attempts: int = 0, members: Sequence[Event] = ()
) -> Delivery:
    """One attempt to tell of an event."""
    return Delivery(number, what or event(), "sink", "rule", attempts, NOON, NOON, tuple(members))


def rendered(delivery: Delivery, personal: bool | None = None) -> Message:
    """What people read of a delivery, in French."""
    zone = ZoneInfo("Europe/Paris")
    what, members = delivery.event, delivery.members
    return compose(what, language="fr", zone=zone, now=NOON, members=members, personal=personal)
