"""A person is recognised however his number or address is written, and nobody else is."""

import pytest

from watcher.erasure import Traces, Wanted, email, phone, spellings_of_phone
from watcher.privacy import hashed

KEY = b"k" * 32
NUMBERS = [
    "06 98 76 54 32",
    "0698765432",
    "+33698765432",
    "+33 (0)6 98 76 54 32",
    "0033 6-98-76-54-32",
    "06.98.76.54.32",
]


@pytest.mark.parametrize("written", NUMBERS)
def test_a_number_is_the_same_in_every_spelling(written):
    """Compared, found in a text, and found by the hash of any other spelling."""
    assert phone(written) == "698765432"
    assert Traces.of([("phone", NUMBERS[0])]).clean(f"({written})") == "(***)"
    wanted = Wanted.of(KEY, phone_as=written)
    assert all(wanted.is_("phone", hashed(other, KEY)) for other in spellings_of_phone("0698765432"))


def test_another_number_or_address_is_somebody_elses():
    """A longer number, an address that merely ends alike, and what is none at all."""
    traces = Traces.of([("phone", "0698765432"), ("email", "a@b.fr")])
    assert traces.clean("10698765432 06987654321 ba@b.fr a@b.fri") == "10698765432 06987654321 ba@b.fr a@b.fri"
    for wrong in ("", "nobody", "a b@c.fr"):
        with pytest.raises(ValueError, match="is no e-mail address"):
            email(wrong)
    with pytest.raises(ValueError, match="is no telephone number"):
        phone("12 34")


def test_a_name_and_a_forms_own_words_are_taken_out_of_our_texts_only():
    """Others have the same name, or sent the same words: their records stay."""
    traces = Traces.of([("lastname", "Martin"), ("message", "Je souhaite plus d'informations.")])
    body = {"lastname": "Martin", "message": "Je souhaite plus d'informations."}
    assert traces.spoiled(body) == body
    assert traces.clean("no answer to Martin: Je souhaite plus d'informations.", weak=True) == "no answer to ***: ***"
