"""Text that came from elsewhere, made fit to be read: one line, bounded, with nothing in it that acts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

_JOINERS = "\u200c\u200d"
"""Invisible, and part of how Persian and Indian names are written."""

_MOST_MARKS = 4
"""Marks on one letter. Hebrew and Vietnamese have up to three; a hundred reach into the lines above."""

_NO_BREAK = "\u00a0\u202f"

_TELEPHONE = re.compile(r"(?:\+|0)[\d\s./()-]{7,22}\d")
_MAILBOX = re.compile(r"[\w.+%-]{1,64}@[A-Za-z0-9.-]{1,190}\.[A-Za-z]{2,24}", re.ASCII)


def plain(text: str, most: int) -> str:
    """One line of at most `most` characters, without control characters, direction overrides and towers."""
    looked_at = text[: 4 * most]  # a name of a megabyte costs no more than one of a kilobyte
    kept = re.sub(" {2,}", " ", "".join(_low(map(_readable, looked_at)))).strip(" ")
    if len(kept) <= most and len(looked_at) == len(text):
        return kept
    return kept[: most - 1].rstrip() + "…"


def _low(chars: Iterable[str]) -> Iterator[str]:
    """The characters without towers: of marks that stand on one letter, the first few."""
    height = 0
    for char in chars:
        height = height + 1 if char and unicodedata.category(char) in ("Mn", "Me") else 0 if char else height
        if height <= _MOST_MARKS:
            yield char


def _readable(char: str) -> str:
    if char in _NO_BREAK or char in _JOINERS:
        return char
    category = unicodedata.category(char)
    if category[0] == "Z" or char in "\t\n\r\v\f\x85":
        return " "
    return "" if category in ("Cc", "Cf", "Cs") else char


def reach(text: str) -> str | None:
    """The address that calls or writes to `text`, when that is a telephone number or an e-mail address and no more."""
    if _TELEPHONE.fullmatch(text):
        return "tel:" + re.sub(r"[^\d+]", "", text)
    return f"mailto:{text}" if _MAILBOX.fullmatch(text) else None
