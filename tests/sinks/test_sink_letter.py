"""The e-mail itself: the same words as text and HTML, one thread a record, every value inert."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from message_samples import LINK, NOW, news, samples
from sink_peers import HOSTILE, body, parsed, render

from watcher.model import Message
from watcher.sinks.letter import letter, mailbox


def written(message: Message, event: Any = None, domain: str = "example.fr") -> bytes:
    """A mail as it is sent."""
    sender = mailbox(f"Watcher <watcher@{domain}>")
    assert sender
    return letter(event or news("new-lead", "apimo.leads"), message, sender, [sender], NOW)


def test_the_messages_of_a_record_are_one_thread() -> None:
    """They hang on the same id; each has its own, the same at every attempt."""
    domain = "notifications.agences-immobilieres-de-la-cote-d-azur-et-de-provence.example.fr"
    one = news("new-purchase", "adlead.purchases")
    two = news("purchase-removed", "adlead.purchases")
    other = news("new-lead", "apimo.leads")
    mails = [parsed(written(render(event), event, domain)) for event in (one, two, other)]
    threads = [mail["References"] for mail in mails]
    assert threads[0] == threads[1] != threads[2]
    for mail in mails:
        assert mail["In-Reply-To"] == mail["References"]
        assert re.fullmatch(rf"<[0-9a-f-]{{36}}@{domain}>", mail["References"])
        assert re.fullmatch(rf"<[0-9a-f-]{{36}}@{domain}>", mail["Message-ID"])


@pytest.mark.parametrize(("name", "event"), list(samples()), ids=lambda value: value if isinstance(value, str) else "")
def test_every_sample_is_a_mail_that_says_it(name: str, event: Any) -> None:
    """The title, the lines, the advice and the link are in both bodies; lines are short, bytes are ASCII."""
    message = render(event)
    raw = written(message, event)
    assert raw.isascii(), name
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")
    mail = parsed(raw)
    assert mail["Subject"] == message.title
    for kind in ("plain", "html"):
        said = body(mail, kind) if kind == "plain" else Reader.text(body(mail, kind))
        for part in (message.title, message.advice, *(value for _, value in message.lines)):
            assert part in said


def test_the_lines_of_a_rules_own_text_are_paragraphs() -> None:
    """Without labels, in both bodies; lines with labels before and after them stay tables."""
    text = (("", ""), ("", "Bonjour,"), ("", "a < b"), ("", ""), ("", "Merci."), ("", ""))
    mail = parsed(written(Message("Titre", text, age="maintenant")))
    assert body(mail, "plain").replace("\r", "").startswith("Titre\n\nBonjour,\na < b\n\nMerci.\n\nmaintenant")
    html = body(mail, "html").replace("\r", "")
    assert re.findall("<p style=[^>]*>(.*?)</p>", html, re.DOTALL)[:2] == ["Bonjour,<br>\na &lt; b", "Merci."]
    assert "<table" not in html
    mixed = body(parsed(written(Message("T", (("A", "1"), ("B", "2"), ("", "… et 3 autres"))))), "html")
    assert (mixed.count("<table"), mixed.count("<tr>"), mixed.count("… et 3 autres</p>")) == (1, 2, 1)


# ---------------------------------------------------------------------------------------------------------- hostile


class Reader(HTMLParser):
    """What a mail program makes of HTML: its text, its elements, its links."""

    def __init__(self) -> None:
        super().__init__()
        self.said = ""
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.said += data

    @classmethod
    def text(cls, html: str) -> str:
        """The text of a page."""
        reader = cls()
        reader.feed(html)
        return reader.said


def test_hostile_values_are_only_text() -> None:
    """No header of their own, no element, no link, no direction override."""
    event = news("new-lead", "apimo.leads", lastname=HOSTILE, firstname=None, message=HOSTILE, reference=HOSTILE)
    mail = parsed(written(render(event), event))
    assert "Bcc" not in mail
    assert "\n" not in mail["Subject"]
    assert "Bcc: x@y.fr" in mail["Subject"]
    reader = Reader()
    reader.feed(body(mail, "html"))
    assert set(reader.tags) <= {"html", "head", "meta", "title", "body", "div", "h1", "table", "tr", "td", "p", "a"}
    assert {link.partition(":")[0] for link in reader.links} == {"tel", "mailto"}
    assert "<script>alert(1)</script>" in reader.said
    for kind in ("plain", "html"):
        assert not set("\u202e\0") & set(body(mail, kind))


TEXT = st.text(max_size=300) | st.sampled_from(["=?utf-8?q?=0d=0aBcc:=20x@y.fr?=", HOSTILE, "é" * 3000, ".\r\n.\r\n"])


@given(
    title=TEXT, lines=st.lists(st.tuples(TEXT, TEXT), max_size=5), advice=TEXT, age=TEXT, link=st.none() | st.just(LINK)
)
def test_any_message_is_a_mail(title: str, lines: Any, advice: str, age: str, link: str | None) -> None:
    """Whatever a message says, it adds no header and breaks no line."""
    raw = written(Message(title, tuple(lines), advice, age, link))
    head = raw.partition(b"\r\n\r\n")[0]
    names = re.findall(rb"^([\w-]+):", head, re.MULTILINE)
    assert b" ".join(names) == (
        b"From To Subject Date Message-ID In-Reply-To References Auto-Submitted X-Watcher-Event MIME-Version Content-Type"
    )
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")
