"""Slack, by an incoming webhook or a bot: a header, one section of lines, what to do next, where to look.

https://docs.slack.dev/reference/block-kit/blocks has the limits. Everything that comes from data is escaped, and what
Slack would take for markup is replaced by characters that look the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec

from watcher.messages.text import plain, reach
from watcher.model import Delivered, Delivery, Message
from watcher.sinks.http import Poster, check_address
from watcher.sinks.kit import Settings, Tools, of_record, record_name
from watcher.sinks.slack_api import BASE_URL, Channel
from watcher.units import Rate, Secret

_MOST_HEADER, _MOST_SECTION, _MOST_LABEL, _MOST_VALUE = 150, 3000, 80, 400
_MOST_LINES, _MOST_TEXT, _MOST_PARAGRAPH = 60, 1000, 2500

_MOST_IN_ALL = 10_000
"""Characters of all lines: of more than some 13,000 in all its blocks, Slack says `msg_blocks_too_long`."""

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_LOOKALIKES = str.maketrans("*~`", "\u2217\u223c\u02cb")
_UNDERSCORE = re.compile(r"(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])")
"""Slack takes `_` for markup at the edge of a word only: inside of one (an e-mail address) it must stay what it is."""

_TAKEN_FOR_LINK = str.maketrans({"<": "%3C", ">": "%3E", "|": "%7C"})


class Config(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[sinks.NAME]` with `type = "slack"`: either a webhook's `url`, or the `token` of a bot and a `channel`.

    Slack takes one message a second in a channel, either way.
    """

    url: str | Secret | None = None
    token: Secret | None = None
    channel: str | None = None
    base_url: str = BASE_URL
    max_rate: Rate | None = Rate(1, 1.0)
    at_once: Annotated[int, msgspec.Meta(ge=1)] = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.url is not None:
            check_address(self.url)
        check_address(self.base_url, "base_url")
        if complaints := list(self._complaints()):
            raise ValueError("\n".join(complaints))

    def _complaints(self) -> Iterator[str]:
        by_bot = self.token is not None or self.channel is not None
        if self.url is not None and by_bot:
            yield "is told by url, or by token and channel; keep one of the two"
        elif self.url is None and not by_bot:
            yield 'needs url = { credential = "slack-webhook" }, or token = { ... } and channel = "C0123"'
        elif self.url is None and self.token is None:
            yield 'token: missing; write token = { credential = "slack-token" }'
        elif self.url is None and self.channel is None:
            yield 'channel: missing; write channel = "C0123", as it stands at the end of the channel\'s details'
        if self.token is not None and not re.fullmatch(r"[!-~]{1,1000}", self.token.reveal()):
            yield "token: is no token; it is one word that begins with xoxb-"
        if self.channel is not None and not re.fullmatch(r"[CDGU][A-Z0-9]{2,30}", self.channel):
            yield 'channel: is no id of a channel; write "C0123", as it stands at the end of the channel\'s details'


class Slack:
    """Writes each message into the channel of a webhook, or as a bot into a channel, in one thread a record."""

    def __init__(self, name: str, config: Config, tools: Tools) -> None:
        self.name = name
        self._render = tools.render
        self._personal = config.personal
        self._way: _Hook | Channel
        if config.token and config.channel:
            self._way = Channel(config.base_url, config.token, config.channel, config.timeout, tools.clock)
        else:
            self._way = _Hook(Poster(config.url or "", config.timeout, tools.clock))

    async def send(self, delivery: Delivery) -> str | Delivered:
        """Return what Slack answered when it took the message; otherwise raise Transient or Permanent."""
        event = delivery.event
        message = payload(self._render(delivery, self._personal), record_name(event))
        if of_record(event):
            return await self._way.post(message, delivery.thread)
        # A summary or a trouble of watcher's own would hardly be seen under one of last month.
        taken = await self._way.post(message, "")
        return taken.answer if isinstance(taken, Delivered) else taken

    async def close(self) -> None:
        """Let go of the connections."""
        await self._way.close()


class _Hook:
    """An incoming webhook: it says `ok` and names no message, so that there are no threads."""

    def __init__(self, poster: Poster) -> None:
        self._poster = poster

    async def post(self, message: Mapping[str, Any], _thread: str) -> str:
        return await self._poster.post(
            msgspec.json.encode(message), {"Content-Type": "application/json; charset=utf-8"}
        )

    async def close(self) -> None:
        await self._poster.close()


def payload(message: Message, record: str) -> dict[str, Any]:
    """What is posted. `text` is what a telephone's notification shows; nothing in it is unfolded into a preview."""
    first = next((f"{label} {value}" for label, value in message.lines if value), "").strip()
    return {
        "text": escaped(f"{message.title}\n{first}".strip(), _MOST_TEXT) or "…",
        "blocks": list(_blocks(message, record)),
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _blocks(message: Message, record: str) -> Iterator[dict[str, Any]]:
    title = plain(message.title, _MOST_HEADER) or "…"
    yield {
        "type": "header",
        "text": {"type": "plain_text", "text": _entities(title, _MOST_HEADER), "emoji": False},
    }
    for text in _packed(_fitting(_line(label, value) for label, value in message.lines[:_MOST_LINES])):
        yield {"type": "section", "text": _markdown(text)}
    if advice := escaped(message.advice, _MOST_TEXT):
        yield {"type": "section", "text": _markdown(f"→ {advice}")}
    if message.link:
        host = escaped(urlsplit(message.link).hostname or "…", _MOST_LABEL)
        yield {"type": "section", "text": _markdown(_link(message.link, host))}
    if footer := escaped(" · ".join(filter(None, (message.age, record))), _MOST_VALUE):
        yield {"type": "context", "elements": [_markdown(footer)]}


def _markdown(text: str) -> dict[str, Any]:
    # `verbatim`: addresses and names in the text are not turned into links and mentions
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _line(label: str, value: str) -> str:
    """One line: its label in bold, if it has one, and its value, which can be tapped on if it is an address."""
    name = escaped(plain(label, _MOST_LABEL), _MOST_LABEL)
    shown, address = escaped(value, _MOST_VALUE if name else _MOST_PARAGRAPH), reach(value)
    bold = f"*{name}*  " if name else ""
    return bold + (_link(address, shown) if address else shown)


def _link(address: str, shown: str) -> str:
    return f"<{address.translate(_TAKEN_FOR_LINK).replace('&', '&amp;')}|{shown}>"


def _fitting(lines: Iterable[str]) -> Iterator[str]:
    """The first lines, as many as one message holds."""
    room = _MOST_IN_ALL
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            yield "…"
            return
        yield line


def _packed(lines: Iterable[str]) -> Iterator[str]:
    """As few texts as hold the lines, none longer than a section may be; empty lines are kept between others."""
    text = ""
    for line in lines:
        if text and len(text) + 1 + len(line) > _MOST_SECTION:
            yield text.rstrip("\n")
            text = ""
        text = f"{text}\n{line}" if text else line
    if text := text.rstrip("\n"):
        yield text


def escaped(text: str, most: int) -> str:
    """Text that Slack shows as it is, of at most that many characters after escaping; line breaks stay."""
    lines = (plain(line, most) for line in text[: 4 * most].split("\n"))
    inert = _UNDERSCORE.sub("\u02cd", "\n".join(lines).translate(_LOOKALIKES))
    return _entities(inert.strip("\n"), most)


def _entities(text: str, most: int) -> str:
    """`&`, `<` and `>` as entities, cut between characters so that no entity is cut in two."""
    pieces: list[str] = []
    room = most
    for char in text:
        piece = _ENTITIES.get(char, char)
        room -= len(piece)
        if room < 0:
            return _shortened(pieces, most)
        pieces.append(piece)
    return "".join(pieces)


def _shortened(pieces: list[str], most: int) -> str:
    while pieces and sum(map(len, pieces)) >= most:
        pieces.pop()
    return "".join(pieces) + "…"
