"""What may be seen nowhere: the secrets of all tests; and what may be in the store and in messages, but in no log."""

from __future__ import annotations

import base64
import re

MARK = "not-to-be-told"
"""Part of a secret of which it is to be found out whether it is told."""

PERSON = "Not-To-Be-Logged"
"""Part of whatever is personal in records upstream, of which it is to be found out whether it is logged."""

SECRETS = (MARK, "simulated-token", "simulated-key", "t0ken-of-azur", "k3y-of-riviera",
           *(base64.b64encode(f"9999:{token}".encode()).decode() for token in ("simulated-token", f"apimo-token-{MARK}")))  # fmt: skip
"""What the tests that let the whole run have for secrets, also as a header has them."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def secretless(text: str) -> str:
    """The text; raises AssertionError when there is a secret in it."""
    found = [secret for secret in SECRETS if secret in text]
    assert not found, f"{found[0]!r} is told: {_around(text, found[0])}"
    return text


def discreet(log: str) -> str:
    """The log; raises AssertionError when a secret, a person, or a character that moves a terminal is in it."""
    assert PERSON not in log, f"a person is logged: {_around(log, PERSON)}"
    moved = _CONTROL.search(log)
    assert not moved, f"a control character is logged: {_around(log, moved.group())!a}"
    return secretless(log)


def _around(text: str, found: str) -> str:
    place = text.index(found)
    return text[max(0, place - 200) : place + 200]
