"""Personal data goes only where the sink's `personal` lets it: by each type of sink, of each type of event."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from message_samples import members, news, samples, summary, timed
from sink_peers import Send, body, delivery_of, parsed, peer, post, rendered, reply

from watcher.kinds import Id
from watcher.model import Delivery, Event, envelope
from watcher.privacy import personal_of, shown_envelope
from watcher.sinks import SINKS, Tools
from watcher.sinks.apimo_lead import ApimoLead
from watcher.sinks.apimo_lead import Config as LeadConfig
from watcher.sinks.command import Command
from watcher.sinks.command import Config as CommandConfig
from watcher.sinks.email import Config as EmailConfig
from watcher.sinks.email import Email
from watcher.sinks.file import Config as FileConfig
from watcher.sinks.file import File
from watcher.streams import STREAMS

BUYER = {"id": "111", "name": "CANARYname", "firstname": "CANARYfirst", "email1": "canary1@example.fr",
         "phone1": "+33 6 99 99 99 01", "city": "CANARYcity", "optin_sms": True}  # fmt: skip
SPOUSE = {"id": "112", "name": "CANARYspouse", "phone2": "+33 6 99 99 99 02"}
LEAD = {"lastname": "CANARYlast", "firstname": "CANARYgiven", "email": "canary2@example.fr", "phone": "+33 6 99 99 99 03",
        "mobile": "+33 6 99 99 99 04", "fax": "+33 4 99 99 99 05", "message": "CANARYmessage"}  # fmt: skip


def canaries(said: Any) -> set[str]:
    """What personal data a text or value has in it."""
    text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
    words = [
        str(value)
        for fields in (BUYER, SPOUSE, LEAD)
        for name, value in fields.items()
        if name not in ("id", "optin_sms")
    ]
    return {word for word in (*words, "CANARY", "canary") if word in text}


def private() -> list[Event]:
    """Events of every stream that carry personal data wherever it can be."""
    of_lead = news("new-lead", "apimo.leads", {name: (None, value) for name, value in LEAD.items()})
    buyers: dict[str, tuple[Any, Any]] = {"contacts[111].email1": ("CANARYold", BUYER["email1"]), "contacts[112]": (None, SPOUSE),
                                          "contacts[99]": ({"name": "CANARYgone"}, None), "contacts": (None, [BUYER])}  # fmt: skip
    comment = {"comment": ("CANARYold", "CANARYnew"), "contacts[55]": (None, {"contact": "CANARYid", "type": "2"})}
    return [
        of_lead,
        news("lead-updated", "apimo.leads", {name: (value, f"{value}2") for name, value in LEAD.items()}),
        timed("overdue", of_lead, of="1", rule="r"),
        news("purchase-buyers-changed", "adlead.purchases", buyers, contacts=[BUYER, SPOUSE]),
        news("new-purchase", "adlead.purchases", contacts=[BUYER, SPOUSE]),
        news("contract-updated", "apimo.contracts", comment, contacts=[{"contact": "CANARYid"}], comment="CANARYnew"),
        summary("group", {"new-lead": 2}, [of_lead], bundle="record.lastname=CANARYlast"),
    ]


PRIVATE = private()
EACH = pytest.mark.parametrize("event", PRIVATE, ids=lambda event: event.type)


@EACH
@pytest.mark.parametrize("language", ["fr", "en"])
def test_where_it_is_not_allowed_nothing_personal_is_read(event: Event, language: str) -> None:
    """Not in the title, nor in a line, nor in the titles of a summary's events."""
    message = rendered(delivery_of(event), personal=False)
    assert not canaries(str(message))


@EACH
def test_where_it_is_not_allowed_nothing_personal_is_in_the_json(event: Event) -> None:
    """Neither in the record nor in the changes; everything else is there."""
    assert canaries(envelope(event))
    told = shown_envelope(event, personal=False)
    assert not canaries(told)
    assert {**told, "data": 0} == {**envelope(event), "data": 0}
    assert told["data"].keys() == event.data.keys()


def test_what_is_not_personal_stays_as_it_is() -> None:
    """Ids, amounts, dates; what is empty stays empty, so that an erasure is seen."""
    erased = news("lead-updated", "apimo.leads", {"lastname": ("FRIN", None)}, email=None)
    data = shown_envelope(erased, personal=False)["data"]
    assert data["changes"] == {"lastname": {"from": "***", "to": None}}
    assert (data["record"]["lastname"], data["record"]["email"], data["record"]["phone"]) == (None, None, "***")
    assert data["record"]["reference"] == "XYZ0001"
    whole = shown_envelope(PRIVATE[3], personal=False)["data"]
    assert [member["id"] for member in whole["record"]["contacts"]] == ["111", "112"]
    assert whole["changes"]["contacts[112]"] == {"from": None, "to": {"id": "112", "name": "***", "phone2": "***"}}
    assert whole["changes"]["contacts[111].email1"] == {"from": "***", "to": "***"}
    assert whole["record"]["price_including_vat"] == 188882


@pytest.mark.parametrize("personal", [None, True])
@EACH
def test_machines_get_the_events_as_they_are(event: Event, personal: bool | None) -> None:
    """Unless they may not have personal data."""
    assert shown_envelope(event, personal) == envelope(event)


def test_a_lead_without_its_name_is_called_by_its_reference_or_number() -> None:
    """An agent can still find it."""
    said = rendered(delivery_of(PRIVATE[0]), personal=False)
    assert said.title == "Nouveau lead\u00a0: XYZ0001 (agence 101)"
    assert not {"Téléphone", "Mobile", "E-mail", "Message"} & dict(said.lines).keys()
    unnamed = news("new-lead", "apimo.leads", reference=None)
    assert rendered(delivery_of(unnamed), personal=False).title == "Nouveau lead\u00a0: lead 170384 (agence 101)"


def test_the_titles_of_a_summary_are_those_that_the_sink_may_have() -> None:
    """By name as a rule, by reference where nothing personal may be."""
    group = PRIVATE[-1]
    assert members(group)
    assert "CANARYgiven CANARYlast" in rendered(delivery_of(group)).lines[0][1]
    assert rendered(delivery_of(group), personal=False).lines[0][1] == "Nouveau lead\u00a0: XYZ0001 (agence 101)"


def test_an_agent_is_told_how_to_reach_a_lead_and_nothing_of_buyers() -> None:
    """That is what is shown when nothing is said of it."""
    assert canaries(str(rendered(delivery_of(PRIVATE[0])))) >= {
        "CANARYlast",
        LEAD["phone"],
        LEAD["email"],
        "CANARYmessage",
    }
    for event in PRIVATE[3:6]:
        assert not canaries(str(rendered(delivery_of(event))))


def test_where_it_is_allowed_buyers_are_named_and_can_be_reached() -> None:
    """Their names, telephones and addresses, and what changed of them."""
    lines = rendered(delivery_of(PRIVATE[4]), personal=True).lines
    at = lines.index(("Acquéreur", "CANARYfirst CANARYname"))
    assert lines[at + 1 : at + 5] == (
        ("Acquéreur · téléphone", "+33 6 99 99 99 01"),
        ("Acquéreur · e-mail", "canary1@example.fr"),
        ("Acquéreur", "CANARYspouse"),
        ("Acquéreur · autre téléphone", "+33 6 99 99 99 02"),
    )
    changed = dict(rendered(delivery_of(PRIVATE[3]), personal=True).lines)
    assert changed["Acquéreur CANARYfirst CANARYname · e-mail"] == "CANARYold → canary1@example.fr"
    assert changed["Acquéreur CANARYspouse"] == "ajouté (CANARYspouse)"
    contract = dict(rendered(delivery_of(PRIVATE[5]), personal=True).lines)
    assert contract["Commentaire"] == "CANARYold → CANARYnew"


def test_what_an_agent_earns_is_shown_nowhere() -> None:
    """Not even where everything personal may be."""
    event = news("contract-amount-changed", "apimo.contracts", {"entries[12].amount": (9000, 8750)})
    assert dict(rendered(delivery_of(event), personal=True).lines)["Intervenant 12"] == "modifié"


def test_the_personal_fields_are_fields() -> None:
    """Each is described in its stream: a slip of the pen would show somebody's name."""
    for name, stream in STREAMS.items():
        assert personal_of(name)
        assert {field.removesuffix("[]") for field in personal_of(name)} <= stream.record.fields.keys()


@pytest.mark.parametrize("personal", [None, True, False])
def test_samples_are_told_to_every_kind_of_reader(personal: bool | None) -> None:
    """Every type of event has a title, whatever may be shown; where nothing may, no telephone and no e-mail is."""
    for name, event in samples():
        message = rendered(delivery_of(event), personal)
        assert message.title, name
        if personal is False:
            names = ("FRIN", "Marc", "ROY", "+33", "frin@", "Bonjour", "Durand", "Tristan", "michele86")
            assert not [part for part in names if part in str(message)], name


# ------------------------------------------------------------------------------------------------ each type of sink


async def sent_by(kind: str, tools: Tools, delivery: Delivery, personal: bool | None) -> str:
    """What a sink with that setting really sends."""
    if kind == "email":
        async with post() as there:
            common = {"host": "127.0.0.1", "tls": "none", "from_": "w@example.fr", "to": ["d@example.fr"]}
            config = EmailConfig(type=kind, port=there.port, personal=personal, **common)  # type: ignore[arg-type]
            await Email(kind, config, tools).send(delivery)
        mail = parsed(there.mails[0])
        return str(mail["Subject"]) + body(mail, "plain") + body(mail, "html")
    if kind == "command":
        config = CommandConfig(type=kind, command=["tee", "given"], personal=personal)
        await Command(kind, config, tools).send(delivery)
        return (tools.directory / "given").read_text()
    if kind == "apimo_lead":
        return await lead_of(tools, delivery, personal)
    if kind == "file":
        await File(kind, FileConfig(type=kind, path=Path("e.jsonl"), personal=personal), tools).send(delivery)
        return (tools.directory / "e.jsonl").read_text()
    async with peer(reply(200)) as there_:
        address = {"apprise": there_.url.replace("http:", "json:")}.get(kind, there_.url)
        settings = SINKS[kind].settings(type=kind, url=address, personal=personal)  # type: ignore[call-arg]
        sink = SINKS[kind].build(kind, settings, tools)
        await sink.send(delivery)
        await sink.close()
    return there_.requests[0][2].decode()


async def lead_of(tools: Tools, delivery: Delivery, personal: bool | None) -> str:
    """What Apimo is given."""
    given: list[bytes] = []

    async def taken(_account: str, _path: str, document: bytes, _seconds: float) -> bytes:
        given.append(document)
        return b"{}"

    fields = {"lastname": "{{ record.lastname }}", "message": "{{ record.message }} {{ record.phone }}", "city": "Nice"}
    config = LeadConfig(type="apimo_lead", account="azur", agency=Id("101"), fields=fields, personal=personal)
    await ApimoLead("agency", config, replace(tools, post=taken)).send(delivery)
    return given[0].decode()


@pytest.mark.parametrize("kind", sorted(SINKS))
async def test_each_sink_keeps_to_its_setting(kind: str, tools: Tools, delivery: Send) -> None:
    """With `personal = false` it sends nothing personal; left out, what an agent needs to answer a lead."""
    lead = delivery(replace(PRIVATE[0]))
    assert canaries(await sent_by(kind, tools, lead, personal=None))
    if kind == "file":
        (tools.directory / "e.jsonl").unlink()
    assert not canaries(await sent_by(kind, tools, lead, personal=False))


@pytest.mark.parametrize("kind", sorted(SINKS))
def test_every_sink_takes_the_setting(kind: str) -> None:
    """`personal = true`, `false`, or nothing; no other word."""
    field = next(field for field in msgspec.structs.fields(SINKS[kind].settings) if field.name == "personal")
    assert field.default is None
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert("yes", field.type)
