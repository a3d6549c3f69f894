"""Slack: blocks within Slack's limits, in which nothing from outside acts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from message_samples import LINK, NOW, news, samples
from sink_peers import HOSTILE, Send, peer, render, reply
from slack_checks import check

from watcher.model import Event, Message
from watcher.sinks import SINKS, Tools
from watcher.sinks.slack import Config, Slack, escaped, payload
from watcher.units import Rate, Secret

TEXT = st.text(st.characters(codec="utf-8") | st.sampled_from("&<>*_~`|@!\n\u202e"), max_size=4000)
LINES = st.lists(st.tuples(TEXT, TEXT), max_size=60)


@given(title=TEXT, lines=LINES, advice=TEXT, age=TEXT, link=st.none() | st.just(LINK), record=TEXT)
def test_any_message_fits(title: str, lines: Any, advice: str, age: str, link: str | None, record: str) -> None:
    """Whatever a message says, Slack takes it."""
    check(payload(Message(title, tuple(lines), advice, age, link), record))


def test_every_sample_fits_into_a_few_blocks() -> None:
    """A header, one section of lines, what to do, where to look, and when."""
    for name, event in samples():
        posted = payload(render(event), "record")
        check(posted)
        assert len(posted["blocks"]) <= 5, name


def test_the_blocks_of_a_purchase() -> None:
    """As they are: readable on a telephone, without colours."""
    event = news("purchase-canceled", "adlead.purchases", {"status": ("booked", "canceled")}, cancellation_type="other")
    posted = payload(render(event), "riviera/adlead.purchases/1/4")
    header, lines, advice, link, context = posted["blocks"]
    title = "Vente annulée\u00a0: lot A313, programme 1 — autre motif"
    assert header == {"type": "header", "text": {"type": "plain_text", "text": title, "emoji": False}}
    assert lines["text"]["text"].split("\n")[0] == "*Statut*  Réservé → Réservation annulée"
    assert advice["text"]["text"] == "→ Remettez le lot en vente et prévenez le notaire."
    assert link["text"]["text"] == f"<{LINK}|crm.adlead.immo>"
    assert context["elements"][0]["text"] == "il y a 3\u00a0min · riviera/adlead.purchases/1/4"
    assert posted["text"] == f"{title}\nStatut Réservé → Réservation annulée"


def test_a_telephone_can_be_tapped_on() -> None:
    """That is what a lead's message is for."""
    posted = payload(render(news("new-lead", "apimo.leads", message=None)), "r")
    assert "*Téléphone*  <tel:+33612345678|+33 6 12 34 56 78>" in posted["blocks"][1]["text"]["text"]
    assert "*E-mail*  <mailto:marc.frin@example.fr|marc.frin@example.fr>" in posted["blocks"][1]["text"]["text"]


def test_hostile_values_are_only_text() -> None:
    """No mention, no markup, no line break, no direction override."""
    posted = payload(render(news("new-lead", "apimo.leads", lastname=HOSTILE, message=HOSTILE)), HOSTILE)
    check(posted)
    said = json.dumps(posted, ensure_ascii=False)
    assert "<!channel>" not in said
    assert "&lt;!channel&gt; &lt;@U123&gt; &lt;script&gt;" in posted["blocks"][1]["text"]["text"]
    assert "\u2217b\u2217 \u02cdi\u02cd \u223cs\u223c \u02cbc\u02cb" in said


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("jean_paul.du_pont@ex_ample.fr", "jean_paul.du_pont@ex_ample.fr"),
        ("_italic_", "\u02cditalic\u02cd"),
        ("A & B < C", "A &amp; B &lt; C"),
        ("&amp;", "&amp;amp;"),
        ("é_x_", "é\u02cdx\u02cd"),
    ],
)
def test_an_address_stays_what_it_is_and_markup_does_not(text: str, shown: str) -> None:
    """Underscores inside of words are none of Slack's business."""
    assert escaped(text, 100) == shown


def test_a_long_text_is_cut_to_what_slack_takes() -> None:
    """All its blocks together have a bound of their own; that something is left out is seen."""
    posted = payload(Message("Titre", (("", "& " * 2000),) * 60), "r")
    check(posted)
    assert posted["blocks"][-2]["text"]["text"].endswith("\n…")


def test_the_lines_of_a_rules_own_text_are_shown_as_they_were_written() -> None:
    """Without labels; an empty line ends a paragraph, and none stands at the beginning or the end."""
    lines = (("", ""), ("", "Bonjour,"), ("", ""), ("", "+33 6 12 34 56 78"), ("", "Merci."), ("", ""))
    posted = payload(Message("Titre", lines), "r")
    assert posted["blocks"][1]["text"]["text"] == "Bonjour,\n\n<tel:+33612345678|+33 6 12 34 56 78>\nMerci."
    assert posted["text"] == "Titre\nBonjour,"


def test_entities_are_not_cut_in_two() -> None:
    """A text of ampersands is cut between them."""
    assert escaped("&" * 100, 23) == "&amp;" * 4 + "…"


async def test_it_is_posted_as_json(tools: Tools, delivery: Send) -> None:
    """To the address of the webhook, and `ok` is the answer."""
    async with peer(reply(200)) as there:
        sink = Slack("sales", Config(type="slack", url=Secret(there.url)), tools)
        assert await sink.send(delivery()) == "ok"
        await sink.close()
    _, headers, body = there.requests[0]
    assert headers["content-type"] == "application/json; charset=utf-8"
    assert json.loads(body)["blocks"][0]["text"]["text"] == "Nouveau lead\u00a0: Marc FRIN (agence 101)"


def test_its_rate_is_what_slack_takes() -> None:
    """One message a second, one after the other; people read it."""
    config = Config(type="slack", url="https://hooks.slack.com/services/T/B/x")
    assert (config.max_rate, config.at_once, SINKS["slack"].people) == (Rate(1, 1.0), 1, True)


def test_watchers_own_troubles_are_named_by_their_subject() -> None:
    """There is no record to name."""
    event = Event("id", "sink-failing", "/watcher", "crm", NOW, NOW, {"state": "entered", "detail": "HTTP 410"})
    assert payload(render(event), "crm")["blocks"][-1]["elements"][0]["text"].endswith("· crm")
