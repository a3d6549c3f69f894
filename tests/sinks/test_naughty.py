"""Values that try something are only text, wherever they stand and whoever shows them."""

from __future__ import annotations

import json
import re
import unicodedata
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from message_samples import LINK, NOW, news, samples, summary, timed, trouble
from sink_peers import body, delivery_of, parsed, rendered
from slack_checks import check

from watcher.model import Event, Message
from watcher.sinks.letter import letter, mailbox
from watcher.sinks.slack import payload

NAUGHTY = tuple(
    json.loads(line)
    for line in (Path(__file__).parent.parent / "naughty.txt").read_text(encoding="utf-8").splitlines()
    if line.startswith('"')
)
EACH = pytest.mark.parametrize("value", [*NAUGHTY, "é" * 1_000_000], ids=lambda value: ascii(value[:30]))

ELEMENTS = {"html", "head", "meta", "title", "body", "div", "h1", "table", "tr", "td", "p", "a", "br"}


class Page(HTMLParser):
    """What a mail program makes of HTML: its elements, their attributes, its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.said = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_comment(self, data: str) -> None:
        """Note a comment: there are none."""
        self.tags.add("comment")

    def handle_pi(self, data: str) -> None:
        """Note an instruction: there are none."""
        self.tags.add("instruction")

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.said += f"{data}\n"


def mail_of(message: Message, event: Event) -> bytes:
    """The e-mail of a message."""
    sender = mailbox("Watcher <watcher@example.fr>")
    assert sender
    return letter(event, message, sender, [sender], NOW)


def inert_mail(message: Message, event: Event) -> None:
    """No header of its own, no long line, no element, no address but those that a reader may follow."""
    raw = mail_of(message, event)
    head, _, rest = raw.partition(b"\r\n\r\n")
    names = re.findall(rb"^([\w-]+):", head, re.MULTILINE)
    assert names == [
        b"From", b"To", b"Subject", b"Date", b"Message-ID", b"In-Reply-To", b"References", b"Auto-Submitted",
        b"X-Watcher-Event", b"MIME-Version", b"Content-Type",
    ]  # fmt: skip
    assert rest
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert max(map(len, head.split(b"\r\n"))) <= 200
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)|\0", raw)
    mail = parsed(raw)
    page = Page(body(mail, "html"))
    assert page.tags <= ELEMENTS
    assert page.attributes <= {"charset", "name", "content", "style", "role", "href"}
    assert all(re.fullmatch(r"tel:\+?\d+|mailto:[\w.+%-]+@[\w.-]+", link) or link == LINK for link in page.links)
    for said in (mail["Subject"], body(mail, "plain"), page.said):
        assert not re.search(r"\r(?!\n)", said)
        calm(said.replace("\r\n", "\n"))


def calm(said: str) -> None:
    """No control character, no mark that turns the line around, no tower."""
    unwelcome = {
        char for char in said if unicodedata.category(char) in ("Cc", "Cf", "Cs") and char not in "\n\u200c\u200d"
    }
    assert not unwelcome
    assert not re.search("[\u0300-\u036f\u0e47]{5}", said)


@EACH
def test_a_message_of_naughty_values_is_inert(value: str) -> None:
    """As the title, a label, a value, a line of a rule's body, the advice, the age, the link and the record's name."""
    event = news("new-lead", "apimo.leads")
    message = Message(value, ((value, value), ("", value), ("", ""), ("", value)), value, value, LINK)
    posted = payload(message, value)
    check(posted)
    calm(json.dumps(posted, ensure_ascii=False))
    inert_mail(message, event)


@EACH
def test_an_event_of_naughty_values_is_inert(value: str) -> None:
    """Wherever a vendor, a user or a rule's author may have put them."""
    for event in hostile(value):
        for personal in (None, True, False):
            message = rendered(delivery_of(event), personal)
            check(payload(message, value))
            inert_mail(message, event)


def hostile(value: str) -> list[Event]:
    """Events that say that value in all the fields that are shown."""
    contact = {"id": "1", "name": value, "firstname": value, "phone1": value, "email1": value}
    lot = {"id": "41", "reference": value, "type": value, "typology": value, "status": value, "status_display": value}
    lead = dict.fromkeys(("lastname", "firstname", "email", "phone", "message", "reference", "property"), value)
    purchase = {"contacts": [contact], "lots": [lot], "owner": {"fullname": value}, "status": value}
    changes = {f"lots[{value}].status": (value, value), value: (value, None), "contacts[1].name": (None, value)}
    of_lead = news("new-lead", "apimo.leads", **lead)
    silence = {"number": 1, "author": value, "comment": value}
    return [
        of_lead,
        news("lead-updated", "apimo.leads", {"lastname": (value, None), "message": (value, f"{value}!")}, **lead),
        news("purchase-updated", "adlead.purchases", changes, **purchase),  # type: ignore[arg-type]
        news("new-purchase", "adlead.purchases", link=value, **purchase),
        news(value or "x", "apimo.leads", **lead),
        timed(value or "x", of_lead, of="1", rule=value, since=value, on=value, late=True),
        timed(
            "deadline-near", news("x", "adlead.purchases", **purchase), of={"field": value, "date": value}, rule=value
        ),
        trouble("source-failing", value.encode(errors="ignore").decode(), value),  # names are UTF-8
        summary("silence", {value or "x": 3, "new-lead": 1}, [of_lead], silence=silence, bundle=value, rule=value),
    ]


@pytest.mark.parametrize("link", NAUGHTY)
def test_a_naughty_link_is_left_out(link: str) -> None:
    """Only what a browser may follow is a link."""
    event = news("new-purchase", "adlead.purchases")
    message = rendered(delivery_of(Event(**{**parts(event), "data": {**event.data, "link": link}})))
    assert message.link is None


def parts(event: Event) -> dict[str, Any]:
    """What an event is made of."""
    return {name: getattr(event, name) for name in event.__slots__}


@pytest.mark.parametrize("personal", [None, True, False])
def test_every_sample_is_within_the_limits(personal: bool | None) -> None:
    """Of Slack and of e-mail, whatever the sink may show."""
    for _, event in samples():
        message = rendered(delivery_of(event), personal)
        check(payload(message, "record"))
        inert_mail(message, event)


def test_there_are_dozens_of_naughty_values() -> None:
    """Of every kind that has done harm somewhere; none of them twice."""
    assert len(NAUGHTY) == len(set(NAUGHTY)) >= 60
