"""What people read of events.

The texts are in `golden/messages.txt`, of every type of event in both languages. After a change that is meant, write
them anew and read the difference:

    python tests/test_messages.py --renew
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from message_samples import LEAD, LINK, NOW, PURCHASE, news, samples, trouble

from watcher.messages import LANGUAGES, compose
from watcher.messages.fields import CONTEXT, CONTRACTS, LEADS, NEW, OWN, PURCHASES
from watcher.messages.text import plain
from watcher.model import Event, Message
from watcher.streams import STREAMS, catalogue

PARIS = ZoneInfo("Europe/Paris")
GOLDEN = Path(__file__).parent / "golden" / "messages.txt"


def composed(event: Event, language: Any = "fr", names: Any = None) -> Message:
    """The message of an event, in Paris, three minutes after it happened."""
    return compose(event, language=language, zone=PARIS, now=NOW, names=names)


def lines(event: Event, language: Any = "fr") -> dict[str, str]:
    """The lines of its message, by label."""
    return dict(composed(event, language).lines)


def written(message: Message) -> str:
    """A message as the golden file has it; no-break spaces are shown, since they are easily lost."""
    body = "".join(f"      {label or '-'}: {value}\n" for label, value in message.lines)
    advice = f"      -> {message.advice}\n" if message.advice else ""
    link = f"      {message.link}\n" if message.link else ""
    text = f"    {message.title}\n{body}{advice}{link}      ({message.age})\n"
    return text.replace("\u00a0", "~").replace("\u202f", "'")


def golden() -> str:
    """All that the golden file should have."""
    texts = ["Messages of every type of event. ~ is a no-break space, ' between digits a narrow one.\n"]
    for name, event in samples():
        texts.append(f"\n{name}\n" + "".join(f"  {lang}\n{written(composed(event, lang))}" for lang in LANGUAGES))
    return "".join(texts)


def test_messages_read_as_in_the_golden_file() -> None:
    """Every type of event, in French and in English."""
    assert golden() == GOLDEN.read_text(encoding="utf-8"), "if this is meant: python tests/test_messages.py --renew"


def test_every_event_type_has_a_text_and_a_sample() -> None:
    """No event of the catalogue is told by its bare name."""
    sampled = {event.type for _, event in samples()}
    for words in LANGUAGES.values():
        told = words.events.keys() | words.troubles.keys() | {"source-recovered", "sink-recovered"}
        assert set(catalogue()) <= told
    assert set(catalogue()) <= sampled


def test_both_languages_say_the_same_things() -> None:
    """Neither language lacks an entry, a point or an advice that the other has."""
    french, english = LANGUAGES["fr"], LANGUAGES["en"]
    assert french.events.keys() == english.events.keys()
    assert french.troubles.keys() == english.troubles.keys()
    for kind, said in french.events.items():
        other = english.events[kind]
        assert [bool(part) for part in said] == [bool(part) for part in other], kind
        assert braces(said.point) == braces(other.point), kind


def braces(template: str) -> str:
    """What a template has in braces."""
    return template.partition("{")[2].partition("}")[0]


@pytest.mark.parametrize("stream", [LEADS, CONTRACTS, PURCHASES])
def test_every_described_field_has_a_label(stream: str) -> None:
    """A change of any field that a stream describes is told by a name, not by a path."""
    record = STREAMS[stream].record
    for words in LANGUAGES.values():
        missing = (record.fields.keys() | record.unwatched.keys()) - {"id"} - words.fields[stream].keys()
        assert not missing


def test_what_is_shown_exists() -> None:
    """The fields that are shown are fields of their stream, and the events that show some exist."""
    for shown in (NEW, CONTEXT):
        for stream, paths in shown.items():
            assert set(paths) <= STREAMS[stream].record.fields.keys()
    assert OWN.keys() <= set(catalogue())


# ----------------------------------------------------------------------------------------------------- leads' names


@pytest.mark.parametrize(
    ("record", "title"),
    [
        ({}, "Marc FRIN"),
        ({"firstname": None}, "FRIN"),
        ({"firstname": None, "lastname": None}, "+33 6 12 34 56 78"),
        ({"firstname": None, "lastname": "***", "phone": None, "mobile": "0612345678"}, "0612345678"),
        ({"firstname": None, "lastname": None, "phone": None}, "XYZ0001"),
        ({"firstname": None, "lastname": None, "phone": None, "reference": None}, "lead 170384"),
    ],
)
def test_a_lead_is_called_by_the_best_that_is_known(record: dict[str, Any], title: str) -> None:
    """Name, else telephone, else reference, else id."""
    assert composed(news("new-lead", LEADS, **record)).title == f"Nouveau lead\u00a0: {title} (agence 101)"


def test_names_that_the_caller_knows_are_used() -> None:
    """An agency, an agent and a step are called by their names where they are known."""
    names = {("agency", "101"): "Cannes", ("user", "7"): "Anne Roy", ("lead_step", "2"): "Contacté"}
    event = news("lead-assigned", LEADS, {"user": (None, "7"), "step": ("1", "2")})
    message = composed(event, names=names)
    assert message.title == "Lead attribué\u00a0: Marc FRIN (agence Cannes) — agent Anne Roy"
    assert dict(message.lines)["Étape"] == "1 → Contacté"
    assert dict(message.lines)["Agence"] == "Cannes"


# -------------------------------------------------------------------------------------------------- personal data


def test_nothing_of_a_purchases_buyers_is_told() -> None:
    """Neither names nor anything else of the buyers, whichever event carries them."""
    buyer = {"id": "111", "name": "Durand", "firstname": "Tristan", "email1": "t@example.fr", "marital_status": "civil"}
    whole = {"contacts[111]": (None, buyer), "contacts": (None, [buyer])}
    parts = {f"contacts[111].{name}": ("avant", value) for name, value in buyer.items()}
    for kind in ("new-purchase", "purchase-buyers-changed", "purchase-updated", "record-reappeared"):
        said = str([composed(news(kind, PURCHASES, {**whole, **parts}, contacts=[buyer]), lang) for lang in LANGUAGES])
        assert not [value for value in ("Durand", "Tristan", "t@example.fr", "civil", "avant") if value in said]


def test_what_agents_earn_and_comments_on_contracts_are_not_told() -> None:
    """That they changed is."""
    changes = {"entries[12].amount": (9000, 8750), "comment": ("Divorce", "Secret"), "contacts[5].type": ("1", "2")}
    shown = lines(news("contract-amount-changed", CONTRACTS, changes))
    assert shown["Intervenant 12"] == shown["Commentaire"] == shown["Contact 5"] == "modifié"
    assert not {"8\u202f750", "Secret", "Divorce"} & set(str(shown).split())


def test_what_a_person_had_erased_is_not_repeated() -> None:
    """The old name and address of a lead that was erased upstream are not told once more."""
    event = news("lead-updated", LEADS, {"lastname": ("FRIN", None), "email": ("m@example.fr", None)}, firstname=None)
    message = composed(event)
    assert dict(message.lines)["Nom"] == dict(message.lines)["E-mail"] == "effacé"
    assert "FRIN" not in str(message)
    assert "m@example.fr" not in str(message)


# ------------------------------------------------------------------------------------------------------ changes


def test_a_status_that_nobody_described_is_called_what_the_vendor_calls_it_now() -> None:
    """`status_display` labels the value of now; an older one stays a code."""
    lot = {"id": "41", "reference": "A313", "status": "sold-by-us", "status_display": "Vendu"}
    event = news("purchase-lots-changed", PURCHASES, {"lots[41].status": ("queer", "sold-by-us")}, lots=[lot])
    assert lines(event)["Lot A313 · statut"] == "queer → Vendu"


def test_a_change_is_told_from_and_to_and_a_first_value_by_itself() -> None:
    """Nothing before is nothing to tell; nothing after is a dash."""
    event = news("lead-updated", LEADS, {"property": (None, "5"), "reference": ("A", None), "language": ("fr", "en")})
    shown = lines(event)
    assert (shown["Bien"], shown["Référence"], shown["Langue"]) == ("5", "A → —", "fr → en")


# --------------------------------------------------------------------------------------------------------- hostile


HOSTILE = "\x00A\r\nBcc: x@y.fr\u202e<script>\u2066<!channel>\ud800\x1b[31m\u200b\u2028Z"


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_message_is_bounded_whatever_comes(language: str) -> None:
    """A megabyte in each field, and a thousand changes: still a message."""
    huge = "é" * 1_000_000
    changes = {f"field_{number}": (huge, HOSTILE) for number in range(1000)}
    event = news("lead-updated", LEADS, changes, lastname=huge, firstname=HOSTILE, phone=huge)
    message = composed(event, language)
    assert len(message.title) <= 200
    assert len(message.lines) == 26
    assert all(len(label) + len(value) <= 300 for label, value in message.lines)
    assert message.lines[-1][1] in {"… et 979 autres", "… and 979 more"}


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["***", "2026-11-21", ""]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from([*LEAD, *PURCHASE, "entries", "opened", "lots[41].status", "a.b.c", "", "[", "x[]"])


@given(
    kind=st.sampled_from([*catalogue(), "summary", "deadline-near", "{it}", ""]),
    stream=st.sampled_from([LEADS, CONTRACTS, PURCHASES, "crm.visits", ""]),
    record=st.dictionaries(FIELDS, ANYTHING) | ANYTHING,
    changes=st.dictionaries(FIELDS, st.fixed_dictionaries({"from": ANYTHING, "to": ANYTHING}) | ANYTHING),
    rest=st.dictionaries(st.sampled_from(["of", "link", "partition", "detail", "since", "state", "count"]), ANYTHING),
    source=st.sampled_from(["/watcher", "/azur/apimo.leads/101"]),
    language=st.sampled_from(["fr", "en"]),
)
def test_any_event_can_be_told(
    kind: str, stream: str, record: Any, changes: Any, rest: dict[str, Any], source: str, language: Any
) -> None:
    """Whatever the data is, there is a message: of one clean line a line, bounded."""
    data = {**rest, "stream": stream, "record": record, "changes": changes}
    message = composed(Event("id", kind, source, "5", NOW, NOW, data), language)
    assert message.title == plain(message.title, 200)
    for label, value in message.lines:
        assert (label, value) == (plain(label, 300), plain(value, 300))
        assert len(label) + len(value) <= 300


@pytest.mark.parametrize(
    ("link", "kept"),
    [
        (LINK, True),
        ("javascript:alert(1)", False),
        ("https://", False),
        ("https://[", False),
        ("https://a b", False),
        ("https://x/\n", False),
        ("https://x/" + "a" * 3000, False),
        (5, False),
    ],
)
def test_only_a_link_that_a_browser_may_follow_is_one(link: Any, kept: bool) -> None:
    """Anything else is left out."""
    event = news("new-purchase", PURCHASES)
    assert composed(Event(**{**fields(event), "data": {**event.data, "link": link}})).link == (link if kept else None)


def fields(event: Event) -> dict[str, Any]:
    """What an event is made of."""
    return {name: getattr(event, name) for name in event.__slots__}


# ------------------------------------------------------------------------------------------------ troubles of its own


def test_a_trouble_says_whether_it_begins_or_ends() -> None:
    """The title does, and the end says how long it lasted."""
    began = composed(trouble("source-failing", "azur/apimo.leads/101", "HTTP 500"))
    ended = composed(
        trouble("source-recovered", "azur/apimo.leads/101", "HTTP 500", condition="source-failing", state="left")
    )
    assert began.title == "Source en panne\u00a0: azur/apimo.leads/101"
    assert ended.title == "Source rétablie\u00a0: azur/apimo.leads/101"
    assert (dict(ended.lines)["A duré"], ended.advice) == ("2\u00a0h", "")
    assert dict(began.lines)["Depuis"] == "21 nov. 2026 à 08:47"


def test_a_recovery_that_says_no_more_is_still_told_as_an_end() -> None:
    """The type alone is enough."""
    event = Event("id", "sink-recovered", "/watcher", "sales", NOW, datetime.now(UTC), {})
    assert composed(event).title == "Envoi rétabli\u00a0: sales"


if __name__ == "__main__" and sys.argv[1:] == ["--renew"]:
    GOLDEN.write_text(golden(), encoding="utf-8")
