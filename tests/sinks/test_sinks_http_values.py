"""What sinks over HTTP read: Retry-After in every form, and addresses that are none."""

from __future__ import annotations

import traceback
from datetime import UTC, datetime

import pytest

from watcher.sinks import SINKS
from watcher.sinks.http import retry_after
from watcher.units import Secret

KINDS = ["slack", "webhook"]


NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("0", 0),
        ("30", 30),
        (" 30 ", 30),
        ("1.5", 1.5),
        ("86401", 86400),
        ("999999999999999", 86400),
        ("Sat, 21 Nov 2026 12:01:30 GMT", 90),
        ("Saturday, 21-Nov-26 12:01:30 GMT", 90),
        ("Sat, 21 Nov 2026 13:01:30 +0100", 90),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0),
        ("Tue, 21 Nov 2028 12:00:00 GMT", 86400),
        ("", None),
        ("-5", None),
        ("soon", None),
        ("1e9", None),
        ("inf", None),
        ("٣٠", None),
        ("9" * 5000, None),
        ("Sat, 99 Nov 2026 99:99:99 GMT", None),
        ("Sat, 21 Nov 99999 12:00:00 GMT", None),
    ],
)
def test_retry_after_is_read_in_every_form(text: str | None, seconds: float | None) -> None:
    """Seconds or a date, never more than a day; what is neither is as if it were not there."""
    assert retry_after(text, NOON) == seconds


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.fr/CANARY",
        "http://localhost:8080/x",
        "http://127.0.0.1/x",
        "http://127.9.9.9/x",
        "http://[::1]:80/x",
    ],
)
def test_encrypted_addresses_and_loopback_are_taken(kind: str, url: str) -> None:
    """As a text or as a secret."""
    for given in (url, Secret(url)):
        assert SINKS[kind].settings(type=kind, url=given)  # type: ignore[call-arg]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "url",
    [
        "http://crm.example.fr/CANARY",
        "http://localhost.example.fr/CANARY",
        "http://10.0.0.1/CANARY",
        "http://2130706433/CANARY",
        "ftp://crm.example.fr/CANARY",
        "crm.example.fr/CANARY",
        "https:///CANARY",
        "https://crm.example.fr:99999/CANARY",
        "https://crm.example.fr/CANARY\r\nX: y",
        "https://[::1/CANARY",
        "",
    ],
)
def test_other_addresses_are_refused_without_repeating_them(kind: str, url: str) -> None:
    """They would send in the clear, or nowhere; the complaint says what to write."""
    for given in (url, Secret(url)):
        with pytest.raises(ValueError, match=r"url: .*write https://") as caught:
            SINKS[kind].settings(type=kind, url=given)  # type: ignore[call-arg]
        assert "CANARY" not in "".join(traceback.format_exception(caught.value))
