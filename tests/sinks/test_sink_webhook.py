"""The webhook: CloudEvents that others' libraries read, signatures that others' libraries verify."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from cloudevents.core.formats.json import JSONFormat
from sink_peers import HOSTILE, Send, peer, reply
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from watcher.errors import Transient
from watcher.model import envelope
from watcher.sinks import SINKS, Tools
from watcher.sinks.webhook import Config, Webhook
from watcher.units import Secret

OLD = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="
NEW = "whsec_" + "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXowMTIzNDU="


def webhook(url: str, tools: Tools, **settings: Any) -> Webhook:
    """Build the sink."""
    return Webhook("crm", Config(type="webhook", url=url, **settings), tools)


async def test_the_event_arrives_as_a_cloudevent(tools: Tools, delivery: Send) -> None:
    """A library that knows CloudEvents reads what the envelope says."""
    async with peer(reply(200)) as there:
        sink = webhook(there.url, tools)
        sent = delivery(lastname=HOSTILE, firstname="Zoë")
        await sink.send(sent)
        await sink.close()
    line, headers, body = there.requests[0]
    assert line == "POST /hooks/CANARY-in-the-path?key=CANARY-in-the-query HTTP/1.1"
    assert headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert headers["user-agent"].startswith("watcher/")
    assert json.loads(body) == json.loads(json.dumps(envelope(sent.event)))
    event = from_http_event(HTTPMessage(headers, body), JSONFormat())
    assert (event.get_id(), event.get_type()) == (sent.event.id, "new-lead")
    assert event.get_source() == "/azur/apimo.leads/101"
    assert event.get_extension("sequence") == "00000000000000000042"
    assert event.get_data()["record"]["lastname"] == HOSTILE


async def test_signatures_verify_also_while_the_secret_is_rotated(tools: Tools, delivery: Send) -> None:
    """Whoever has either secret can check the very bytes that came."""
    async with peer(reply(200)) as there:
        sink = webhook(there.url, tools, secret=[Secret(NEW), Secret(OLD)])
        sent = delivery(lastname="Zoë")
        await sink.send(sent)
        await sink.close()
    _, headers, body = there.requests[0]
    assert headers["webhook-id"] == sent.event.id
    assert len(headers["webhook-signature"].split(" ")) == 2
    for secret in (NEW, OLD):
        Verifier(secret).verify(body, headers)
        with pytest.raises(WebhookVerificationError):
            Verifier(secret).verify(body + b" ", headers)


async def test_without_a_secret_nothing_is_signed(tools: Tools, delivery: Send) -> None:
    """The id and the time are sent all the same."""
    async with peer(reply(200)) as there:
        sink = webhook(there.url, tools)
        await sink.send(delivery())
        await sink.close()
    assert "webhook-signature" not in there.requests[0][1]
    assert there.requests[0][1]["webhook-timestamp"].isdigit()


async def test_a_resend_has_the_same_id_and_body(tools: Tools, delivery: Send) -> None:
    """By these the receiver knows that it has it already."""
    async with peer(reply(500)) as there:
        sink = webhook(there.url, tools, secret=Secret(OLD))
        with pytest.raises(Transient):
            await sink.send(delivery())
        there.answer = reply(200)
        await sink.send(delivery())
        await sink.close()
    first, second = there.requests
    assert first[1]["webhook-id"] == second[1]["webhook-id"]
    assert first[2] == second[2]


@pytest.mark.parametrize(
    "secret",
    ["whsec_", "whsec_!!!!", "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=", "whsec_c2hvcnQ=", "whsec_" + "QUJD" * 40, "ÉÉ"],
)
def test_a_secret_that_is_none_is_refused_without_repeating_it(secret: str) -> None:
    """And the complaint says how to make one."""
    with pytest.raises(ValueError, match="openssl rand") as caught:
        Config(type="webhook", url="https://crm.example.fr/", secret=Secret(secret))
    assert secret not in str(caught.value) or secret == "whsec_"


@pytest.mark.parametrize("secrets", [[], [Secret(OLD)] * 3])
def test_there_are_one_or_two_secrets(secrets: list[Secret]) -> None:
    """An empty list would leave everything unsigned without a word."""
    with pytest.raises(ValueError, match="secret: must be one, or a list of two"):
        Config(type="webhook", url="https://crm.example.fr/", secret=secrets)


def test_machines_read_it() -> None:
    """So every event goes to it, and no summaries."""
    assert not SINKS["webhook"].people
