"""What the headers of answers say: their names, and values only where they are numbers. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from watcher.probe.asker import Seen
from watcher.probe.scene import Finding, counted

RATE = re.compile(r"x-ratelimit-.*|ratelimit.*|retry-after", re.IGNORECASE)
VALIDATORS = ("ETag", "Last-Modified")

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,49}")
_NUMBER = re.compile(r"\d{1,10}")


def shown(answers: Iterable[Seen]) -> dict[str, str]:
    """The headers that came: the last number of each, `***` for whatever is none."""
    found: dict[str, str] = {}
    for seen in answers:
        for name, value in seen.headers.items():
            if _NAME.fullmatch(name):
                found[name] = value if _NUMBER.fullmatch(value.strip()) else "***"
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


def about(answers: Sequence[Seen]) -> list[Finding]:
    """What they say of the rate, and how the bodies came."""
    having = [seen for seen in answers if any(RATE.fullmatch(name) for name in seen.headers)]
    named = {name: value for name, value in shown(having).items() if RATE.fullmatch(name)}
    rate = ", ".join(f"{name}: {value}" for name, value in named.items())
    evidence = f"{len(having)} of {counted(len(answers), 'answer')}"
    packed = [seen for seen in answers if seen.encoding]
    wire, inflated = (sum(seen.sizes[side] for seen in packed) for side in (0, 1))
    kinds = ", ".join(sorted({_plain(seen.encoding) for seen in packed}))
    saving = f"{kinds}, to {round(100 * wire / inflated)} % of the size" if inflated else "none"
    return [
        Finding("rate headers", rate or "none", evidence),
        Finding("compression", saving, f"{len(packed)} of {counted(len(answers), 'answer')}"),
    ]


def limit(answers: Iterable[Seen]) -> int | None:
    """The vendor's own limit by its headers, the least that was said; None where it says none."""
    said = [seen.headers.get("X-RateLimit-Limit", "").strip() for seen in answers]
    return min((int(text) for text in said if _NUMBER.fullmatch(text) and int(text)), default=None)


def conditions(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that ask for an answer only if it is another one than that; empty where it cannot be asked."""
    asked = {"ETag": "If-None-Match", "Last-Modified": "If-Modified-Since"}
    return {asked[name]: headers[name] for name in VALIDATORS if headers.get(name)}


def _plain(encoding: str) -> str:
    return encoding if _NAME.fullmatch(encoding) else "another"
