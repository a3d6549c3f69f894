"""What has to be true of everything that is posted to Slack."""

from __future__ import annotations

import json
import re
from typing import Any

from slack_sdk.models.blocks import Block, ContextBlock, HeaderBlock, SectionBlock


def check(posted: dict[str, Any]) -> None:
    """Everything is within the limits of Slack, by its own library's models and by its documentation."""
    blocks = posted["blocks"]
    assert 1 <= len(blocks) <= 50
    assert 1 <= len(posted["text"]) <= 4000
    assert len(json.dumps(blocks, ensure_ascii=False)) <= 16_000
    for block in blocks:
        parsed = Block.parse(block)
        assert isinstance(parsed, (HeaderBlock, SectionBlock, ContextBlock))
        parsed.validate_json()
        texts = block["elements"] if block["type"] == "context" else [block["text"]]
        assert all(1 <= len(text["text"]) <= (150 if block["type"] == "header" else 3000) for text in texts)
        inert(block)
    assert "<" not in posted["text"]


def inert(block: dict[str, Any]) -> None:
    """The only markup is our own: bold labels at the beginning of a line, and links to where they say."""
    text = block["elements"][0]["text"] if block["type"] == "context" else block["text"]["text"]
    for tag in re.findall("<[^>]*>?", text):
        assert re.fullmatch(r"<(https?://|mailto:|tel:)[^|<>]+\|[^|<>]+>", tag), tag
    if block["type"] != "header":
        unlabelled = re.sub(r"^\*[^*\n]+\*  ", "", text, flags=re.MULTILINE)
        assert not set("*~`") & set(re.sub("<[^>]*>", "", unlabelled))
    assert not re.search("&(?!amp;|lt;|gt;)", text)
    assert "\u202e" not in text
