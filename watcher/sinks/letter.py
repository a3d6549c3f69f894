"""A message as an e-mail: text and HTML of the same words, in the thread of its record."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from email.header import Header
from email.headerregistry import Address, HeaderRegistry, MessageIDHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from html import escape
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit

from watcher.messages.text import plain, reach
from watcher.model import EVENTS, Event, Message
from watcher.sinks.kit import record_name

_MOST_SUBJECT, _MOST_LABEL, _MOST_VALUE, _MOST_PARAGRAPH, _MOST_LINES = 150, 100, 1000, 3000, 60


class _Words:
    """A header of free text that is taken as it is and folded whole.

    The library's own kind decodes encoded words in what it is given, line breaks too, and loses spaces in folding.
    """

    max_count = 1

    @staticmethod
    def parse(value: str, kwds: dict[str, Any]) -> None:
        """Take the text for what it says."""
        kwds |= {"parse_tree": None, "decoded": value}

    def fold(self, *, policy: Policy) -> str:
        """The header in ASCII."""
        folded = Header(str(self), "utf-8", header_name="Subject").encode(linesep=policy.linesep)
        return f"Subject: {folded}{policy.linesep}"


# An id is one word; as free text it would be folded into encoded words when it is long, and no longer be that id.
_HEADERS = HeaderRegistry()
for _name, _kind in {"references": MessageIDHeader, "in-reply-to": MessageIDHeader, "subject": _Words}.items():
    _HEADERS.map_to_type(_name, _kind)  # type: ignore[arg-type]  # mixins, of which the registry makes headers
_POLICY = SMTP.clone(header_factory=_HEADERS, cte_type="7bit")

_BODY = "margin:0;padding:16px;font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,Arial,sans-serif"
_PAGE = """<!DOCTYPE html>
<html><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>{title}</title></head>
<body style="{body}"><div style="max-width:36em;overflow-wrap:break-word">
<h1 style="margin:0 0 12px;font-size:20px;line-height:1.3">{title}</h1>
{parts}
<p style="margin:20px 0 0;font-size:13px;opacity:.65">{footer}</p>
</div></body></html>
"""
_ROW = """<tr><td style="padding:3px 16px 3px 0;opacity:.65;vertical-align:top">{label}</td>
<td style="padding:3px 0;vertical-align:top;overflow-wrap:anywhere">{value}</td></tr>"""
_TABLE = '<table role="presentation" style="border-collapse:collapse">{rows}</table>'
_PARAGRAPH = '<p style="margin:12px 0 0">{text}</p>'
_ADVICE = '<p style="margin:16px 0 0;font-weight:600">→ {advice}</p>'
_LINK = '<p style="margin:16px 0 0">{link}</p>'


def mailbox(text: str) -> Address | None:
    """The one address that a text has, with its name; None when it has none, or more, or is not in ASCII."""
    if len(text) > 320 or not text.isprintable():  # noqa: PLR2004 - RFC 5321: 64 before the @, 255 after it
        return None
    header: Any = _HEADERS("from", text)
    if header.defects or len(header.addresses) != 1 or header.groups[0].display_name is not None:
        return None
    address: Address = header.addresses[0]
    return address if address.username and address.domain and address.addr_spec.isascii() else None


def letter(event: Event, message: Message, sender: Address, to: Sequence[Address], now: datetime) -> bytes:
    """The e-mail as it is sent. Its Message-ID is the event's, so that a second copy can be known as one."""
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = sender
    mail["To"] = list(to)
    mail["Subject"] = plain(message.title, _MOST_SUBJECT) or "…"
    mail["Date"] = now
    mail["Message-ID"] = f"<{event.id}@{sender.domain}>"
    # The thread hangs on an id that no message has: whichever message comes first, all are of one thread.
    thread = f"<{uuid.uuid5(EVENTS, event.record)}@{sender.domain}>"
    mail["In-Reply-To"] = thread
    mail["References"] = thread
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Watcher-Event"] = event.id
    footer = " · ".join(filter(None, (message.age, record_name(event))))
    mail.set_content(as_text(message, footer), cte="quoted-printable")
    mail.add_alternative(as_html(message, footer), subtype="html", cte="quoted-printable")
    return mail.as_bytes()


def as_text(message: Message, footer: str) -> str:
    """The message for who reads plain text."""
    lines = [f"{label}: {value}" if label else value for label, value in _lines(message)]
    advice = plain(message.advice, _MOST_VALUE)
    parts = [plain(message.title, _MOST_VALUE), "\n".join(lines), advice and f"→ {advice}"]
    return "\n\n".join(filter(None, (*parts, message.link, plain(footer, _MOST_VALUE)))) + "\n"


def as_html(message: Message, footer: str) -> str:
    """The message for who reads HTML: no picture, no address but the record's own link, fit for a telephone."""
    parts = [_part(list(lines), labelled=kind) for kind, lines in groupby(_lines(message), lambda line: bool(line[0]))]
    if advice := plain(message.advice, _MOST_VALUE):
        parts.append(_ADVICE.format(advice=escape(advice)))
    if message.link:
        parts.append(_LINK.format(link=_anchor(message.link, urlsplit(message.link).hostname or "…")))
    return _PAGE.format(
        title=escape(plain(message.title, _MOST_VALUE)),
        body=_BODY,
        parts="\n".join(filter(None, parts)),
        footer=escape(plain(footer, _MOST_VALUE)),
    )


def _lines(message: Message) -> list[tuple[str, str]]:
    """The lines of both bodies, bounded; neither begins nor ends with an empty one."""
    lines = []
    for label, value in message.lines[:_MOST_LINES]:
        name = plain(label, _MOST_LABEL)
        lines.append((name, plain(value, _MOST_VALUE if name else _MOST_PARAGRAPH)))
    said = [place for place, line in enumerate(lines) if any(line)]
    return lines[said[0] : said[-1] + 1] if said else []


def _part(lines: list[tuple[str, str]], *, labelled: bool) -> str:
    """Lines with labels as a table, lines without as paragraphs, which end at empty ones."""
    if labelled:
        rows = "".join(_ROW.format(label=escape(label), value=_value(value)) for label, value in lines)
        return _TABLE.format(rows=rows)
    texts = (list(group) for said, group in groupby(lines, lambda line: bool(line[1])) if said)
    return "\n".join(_PARAGRAPH.format(text="<br>\n".join(_value(value) for _, value in text)) for text in texts)


def _value(value: str) -> str:
    address = reach(value)
    return _anchor(address, value) if address else escape(value)


def _anchor(address: str, shown: str) -> str:
    return f'<a href="{escape(address)}">{escape(shown)}</a>'
