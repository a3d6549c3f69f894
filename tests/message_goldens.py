"""What every sample is told as: in each language, as plain text, as Slack's blocks, as the two bodies of an e-mail."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from message_samples import NOW, members, samples

from watcher.messages import compose
from watcher.model import Event, Message
from watcher.sinks.kit import record_name
from watcher.sinks.letter import as_html, as_text
from watcher.sinks.slack import payload

GOLDEN = Path(__file__).parent / "golden"
PARIS = ZoneInfo("Europe/Paris")

Sample = tuple[str, Event, Message]


def composed(event: Event, language: Any = "fr", names: Any = None, personal: bool | None = None) -> Message:
    """The message of an event, in Paris, three minutes after it happened."""
    return compose(
        event, language=language, zone=PARIS, now=NOW, names=names, members=members(event), personal=personal
    )


def golden(name: str) -> str:
    """All that a golden file should have, by its name: `messages.fr.txt`."""
    _, language, kind = name.split(".", maxsplit=2)
    texts = [(sample, event, composed(event, language)) for sample, event in samples()]
    return KINDS[kind](texts)


def _plain(told: list[Sample]) -> str:
    head = "Messages of every type of event. ~ is a no-break space, ' between digits a narrow one.\n"
    return head + "".join(f"\n{name}\n{written(message)}" for name, _, message in told)


def written(message: Message) -> str:
    """A message as the golden file has it; no-break spaces are shown, since they are easily lost."""
    body = "".join(f"    {label or '-'}: {value}\n" for label, value in message.lines)
    advice = f"    -> {message.advice}\n" if message.advice else ""
    link = f"    {message.link}\n" if message.link else ""
    text = f"  {message.title}\n{body}{advice}{link}    ({message.age})\n"
    return text.replace("\u00a0", "~").replace("\u202f", "'")


def _slack(told: list[Sample]) -> str:
    """One block a line."""
    return "{\n" + ",\n".join(_posted(*sample) for sample in told) + "\n}\n"


def _posted(name: str, event: Event, message: Message) -> str:
    posted = payload(message, record_name(event))
    blocks = ",\n".join(f"    {json.dumps(block, ensure_ascii=False)}" for block in posted.pop("blocks"))
    rest = json.dumps(posted, ensure_ascii=False)[1:-1]
    return f'  {json.dumps(name)}: {{{rest}, "blocks": [\n{blocks}]}}'


def _footer(event: Event, message: Message) -> str:
    return f"{message.age} · {record_name(event)}"


def _text(told: list[Sample]) -> str:
    return "".join(f"===== {name}\n\n{as_text(message, _footer(event, message))}\n" for name, event, message in told)


def _html(told: list[Sample]) -> str:
    """One page that a browser opens: the first mail whole, of the others what is in the body."""
    pages = [(name, as_html(message, _footer(event, message))) for name, event, message in told]
    whole = pages[0][1]
    bodies = (f"<hr><p>{escape(name)}</p>\n{_body(page)}\n" for name, page in pages[1:])
    return whole.replace("</body>", "".join(bodies) + "</body>")


def _body(page: str) -> str:
    match = re.search("<body[^>]*>(.*)</body>", page, re.DOTALL)
    assert match
    return match[1]


KINDS: Mapping[str, Callable[[list[Sample]], str]] = {
    "txt": _plain,
    "slack.json": _slack,
    "email.txt": _text,
    "email.html": _html,
}
FILES = tuple(f"messages.{language}.{kind}" for language in ("fr", "en") for kind in KINDS)


def renew() -> None:
    """Write the golden files anew."""
    for name in FILES:
        (GOLDEN / name).write_text(golden(name), encoding="utf-8")
