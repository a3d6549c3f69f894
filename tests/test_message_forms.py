"""How values read: money, dates, ages, and text that came from elsewhere."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from message_samples import NOW

from watcher.messages import LANGUAGES
from watcher.messages.fields import PURCHASES
from watcher.messages.forms import Forms
from watcher.messages.text import plain, reach

PARIS = ZoneInfo("Europe/Paris")


def forms(language: str = "fr") -> Forms:
    """The forms of a language."""
    return Forms(LANGUAGES[language], PARIS, PURCHASES, {})


@pytest.mark.parametrize(
    ("amount", "french", "english"),
    [
        (188882, "188\u202f882\u00a0€", "€188,882"),
        (157401.67, "157\u202f401,67\u00a0€", "€157,401.67"),
        (3000.0, "3\u202f000\u00a0€", "€3,000"),
        (0, "0\u00a0€", "€0"),
        (-1500.5, "-1\u202f500,50\u00a0€", "€-1,500.50"),
        (10**400, "1,000E+400\u00a0€", "€1.000E+400"),
    ],
)
def test_money_is_written_as_people_write_it(amount: float, french: str, english: str) -> None:
    """Decimals only when there are some; thousands apart."""
    assert forms("fr").money(amount, "EUR").replace(".", ",") == french
    assert forms("en").money(amount, "EUR") == english


def test_other_currencies_are_told_by_sign_or_code() -> None:
    """Francs are not euros."""
    assert forms("fr").money(1000, "CHF") == "1\u202f000\u00a0CHF"
    assert forms("en").money(1000, "CHF") == "CHF\u00a01,000"
    assert forms("en").money(1000, "GBP") == "£1,000"


@pytest.mark.parametrize(
    ("kept", "french", "english"),
    [
        ("2020-08-15", "15 août 2020", "15 August 2020"),
        ("2026-02-01", "1er février 2026", "1 February 2026"),
        ("2026-11-21T10:02:04Z", "21 nov. 2026 à 11:02", "21 Nov 2026 at 11:02"),
        ("2026-07-01T10:02:04Z", "1er juil. 2026 à 12:02", "1 Jul 2026 at 12:02"),
        ("2024-02-08T23:00:00Z", "9 février 2024", "9 February 2024"),
        ("2026-10-25T00:30:00Z", "25 oct. 2026 à 02:30", "25 Oct 2026 at 02:30"),
        ("demain", "demain", "demain"),
        ("2026-99-99", "2026-99-99", "2026-99-99"),
        ("0001-01-01T00:00:00Z", "1er janv. 1 à 00:09", "1 Jan 1 at 00:09"),
        ("9999-12-31T23:30:00Z", "9999-12-31T23:30:00Z", "9999-12-31T23:30:00Z"),
    ],
)
def test_dates_are_those_of_paris(kept: str, french: str, english: str) -> None:
    """A moment has its time of day in Paris, a date and a Paris midnight have none, what is no date stays."""
    assert forms("fr").when(kept) == french
    assert forms("en").when(kept) == english


@pytest.mark.parametrize(
    ("lapse", "french", "english"),
    [
        (timedelta(seconds=59), "à l'instant", "just now"),
        (timedelta(minutes=3, seconds=30), "il y a 3 min", "3 min ago"),
        (timedelta(hours=5, minutes=59), "il y a 5 h", "5 h ago"),
        (timedelta(days=12), "il y a 12 j", "12 d ago"),
        (timedelta(seconds=-20), "à l'instant", "just now"),
        (timedelta(hours=-24), "dans 1 j", "in 1 d"),
    ],
)
def test_the_age_is_what_people_say(lapse: timedelta, french: str, english: str) -> None:
    """From when it happened to now; a clock that is a little ahead does no harm."""
    assert forms("fr").age(NOW - lapse, NOW).replace("\u00a0", " ") == french
    assert forms("en").age(NOW - lapse, NOW).replace("\u00a0", " ") == english


HOSTILE = "\x00A\r\nBcc: x@y.fr\u202e<script>\u2066<!channel>\ud800\x1b[31m\u200b\u2028Z"


def test_hostile_values_become_one_readable_line() -> None:
    """Control characters, line breaks, direction overrides and lone surrogates are gone."""
    assert plain(HOSTILE, 300) == "A Bcc: x@y.fr<script><!channel>[31m Z"


def test_marks_do_not_pile_up() -> None:
    """A tower of marks would reach into the lines above; a letter's own marks stay."""
    assert plain("Z" + "\u0301" * 50 + "o\u0302\u0303", 300) == "Z" + "\u0301" * 4 + "o\u0302\u0303"
    assert plain("e\u0301\u200b\u0301\u0301\u0301\u0301\u0301", 300) == "e" + "\u0301" * 4


@pytest.mark.parametrize(
    ("lapse", "said"),
    [
        (timedelta(seconds=29), ""),
        (timedelta(minutes=14, seconds=40), "15 min"),
        (timedelta(minutes=60), "1 h"),
        (timedelta(minutes=105), "1 h 45 min"),
        (timedelta(hours=3, minutes=20), "3 h"),
        (timedelta(hours=23, minutes=59, seconds=30), "24 h"),
        (timedelta(hours=47), "47 h"),
        (timedelta(days=10, hours=4), "10 j"),
        (-timedelta(minutes=15), "15 min"),
    ],
)
def test_how_long_is_said_as_people_say_it(lapse: timedelta, said: str) -> None:
    """Rounded: 23 h 59 is 24 h."""
    assert forms().about(lapse).replace("\u00a0", " ") == said


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("+33 6 12 34 56 78", "tel:+33612345678"),
        ("06.12.34.56.78", "tel:0612345678"),
        ("+1-555-9090909", "tel:+15559090909"),
        ("marc.frin@example.fr", "mailto:marc.frin@example.fr"),
        ("170384", None),
        ("2026", None),
        ("marc@example.fr?bcc=x@y.fr", None),
        ("a@b.fr x", None),
        ("javascript:x@y.fr", None),
    ],
)
def test_telephones_and_mailboxes_can_be_reached(text: str, address: str | None) -> None:
    """A value that is one, and nothing else, can be tapped on."""
    assert reach(text) == address
