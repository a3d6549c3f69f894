"""A lead in Apimo for each event, its fields by templates: from one developer's system into an agency's, say.

Apimo takes the same lead twice; by `reference`, which is the event's id, the second one can be known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from watcher.desk import SUMMARY
from watcher.errors import Permanent, StoreError, Transient
from watcher.kinds import Id
from watcher.messages.text import plain
from watcher.model import Delivery, Event
from watcher.privacy import STARS, shown
from watcher.sinks.kit import Post, Settings, Tools, of_record
from watcher.sources.answers import NotFound
from watcher.sources.http import segment
from watcher.streams import catalogue
from watcher.streams.dates import PARIS
from watcher.templates import Template, check_template
from watcher.toml import nearest

REFERENCE, MESSAGE = "reference", "message"

FIELDS = (
    "date", "step", "type", "language", "country", "title", "lastname", "firstname", "email", "phone", "fax", "mobile",
    "address", "address_more", "zipcode", "city", MESSAGE, "recipient_lastname", "recipient_firstname",
    "recipient_email", "area_min", "area_max", "area_unit", "room_min", "room_max", "bedroom_min", "bedroom_max",
    "price_min", "price_max", "currency", "start_at", "end_at", "referral", "subreferral", "property_reference",
    "property_address", "property_address_more", "property_zipcode", "property_city", "property_country",
    "property_category", "property_types", "property_sybtype", "property_view_landscape", "property_location",
)  # fmt: skip
"""What a lead may have, in the vendor's order and spelling, besides its reference."""

USUAL = {"type": "1"}
"""Apimo asks for a type; the first is what its own example has."""

_MOST_VALUE = 1000


class Config(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[sinks.NAME]` with `type = "apimo_lead"`: whose account, which agency, and a template for each field."""

    account: str
    agency: Id
    fields: dict[str, str]

    def __post_init__(self) -> None:
        super().__post_init__()
        complaints = list(mistakes(self.fields))
        if REFERENCE in self.fields:
            complaints.append(f"fields.{REFERENCE}: is always the event's id; leave it out")
        for name, source in self.fields.items():
            complaints += [f"fields.{name}: {mistake}" for mistake in check_template(source, catalogue())]
        if complaints:
            raise ValueError("\n".join(complaints))


class ApimoLead:
    """Creates a lead for each event, in turn with the account's polls and within its budget."""

    def __init__(self, name: str, config: Config, tools: Tools) -> None:
        self.name = name
        self._config = config
        self._tools = tools
        self._templates = {field: Template(source) for field, source in config.fields.items()}

    async def send(self, delivery: Delivery) -> str:
        """Return which lead was made; otherwise raise Transient or Permanent."""
        config, event = self._config, delivery.event
        if event.type == SUMMARY:
            raise Permanent("a summary of several events is no lead: take group, digest and throttle out of the rule")
        if not of_record(event):
            raise Permanent("a trouble of watcher's own is no lead: name other sinks in [operator]")
        fields = self._written(shown(event, config.personal), delivery)
        lead = document(fields, event.id, event.time)
        made = await create(self._tools.post, config.account, config.agency, lead, config.timeout.total_seconds())
        return f"lead {made}" if made else "taken"

    async def close(self) -> None:
        """The connections are the account's."""

    def _written(self, event: Event, delivery: Delivery) -> dict[str, str]:
        """The fields that have a value; what this sink may not be told is none."""
        written = {}
        for name, template in self._templates.items():
            try:
                text = template.render(
                    event, language=self._tools.language, zone=self._tools.zone, rule=delivery.rule
                ).strip()
            except ValueError as error:
                raise Permanent(f"fields.{name}: {error}") from None
            if text not in ("", STARS):
                written[name] = text
        if not written:
            raise Permanent("none of the fields has a value for this event")
        return written


def mistakes(fields: Mapping[str, str]) -> Iterator[str]:
    """What is wrong with the names of a lead's fields, each a line that begins with the key; nothing if all is well."""
    if not set(fields) - {REFERENCE}:
        yield 'fields: must not be empty; write { lastname = "{{ record.lastname }}" }'
    for name in fields:
        if name not in (*FIELDS, REFERENCE):
            yield f"fields.{name}: Apimo's leads have no such field" + nearest(name, FIELDS)


def document(fields: Mapping[str, str], reference: str, at: datetime) -> dict[str, str]:
    """The lead as Apimo takes it: texts, each on one line but the message; its date is Paris time."""
    lead = {REFERENCE: reference, "date": at.astimezone(PARIS).strftime("%Y-%m-%d %H:%M:%S"), **USUAL}
    for name in FIELDS:
        if text := fields.get(name, "").strip():
            lead[name] = _lines(text) if name == MESSAGE else plain(text, _MOST_VALUE)
    return lead


def _lines(text: str) -> str:
    return "\n".join(plain(line, _MOST_VALUE) for line in text.splitlines())


async def create(post: Post, account: str, agency: str, lead: Mapping[str, str], seconds: float) -> str:
    """Create a lead; return its number, "" where Apimo does not say it. Raises Transient or Permanent."""
    try:
        body = await post(account, f"agencies/{segment(agency)}/leads", msgspec.json.encode(lead), seconds)
    except NotFound as error:
        raise Permanent(f"{error.reason}: check the agency", refused=True) from None
    except StoreError:
        raise Transient("the request cannot be counted in the budget for now") from None
    if not body.strip():
        return ""
    try:
        made: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        made = None
    if not isinstance(made, dict):
        raise Transient("no answer of Apimo's (what came is not its JSON)", unanswered=True)
    return plain(str(made.get("id") or ""), 100)
