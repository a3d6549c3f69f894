"""What people read of events.

The texts are in `golden/messages.*`, of every type of event in both languages and every form. After a change that is
meant, write them anew and read the difference (the HTML in a browser):

    python tests/test_messages.py --renew
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from message_goldens import FILES, GOLDEN, composed, golden, renew
from message_samples import LEAD, LINK, NOW, PURCHASE, news, samples, summary, timed, trouble

from watcher.messages import LANGUAGES
from watcher.messages.fields import CONTEXT, CONTRACTS, LEADS, NEW, OWN, PURCHASES
from watcher.messages.text import plain
from watcher.model import Event
from watcher.plan import Stretch
from watcher.sinks.http import _error
from watcher.sources.answers import Answer, refusal
from watcher.streams import STREAMS, catalogue
from watcher.tick import Account, health
from watcher.troubles import Troubles


def lines(event: Event, language: Any = "fr") -> dict[str, str]:
    """The lines of its message, by label."""
    return dict(composed(event, language).lines)


@pytest.mark.parametrize("name", FILES)
def test_messages_read_as_in_the_golden_files(name: str) -> None:
    """Every type of event, in French and in English, in each form that people read."""
    kept = (GOLDEN / name).read_text(encoding="utf-8")
    assert golden(name) == kept, "if this is meant: python tests/test_messages.py --renew"


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


REST = ("of", "link", "partition", "detail", "since", "state", "count", "types", "silence", "why", "on", "late", "rule",
        "bundle")  # fmt: skip


@given(
    kind=st.sampled_from([*catalogue(), "summary", "deadline-near", "{it}", ""]),
    stream=st.sampled_from([LEADS, CONTRACTS, PURCHASES, "crm.visits", ""]),
    record=st.dictionaries(FIELDS, ANYTHING) | ANYTHING,
    changes=st.dictionaries(FIELDS, st.fixed_dictionaries({"from": ANYTHING, "to": ANYTHING}) | ANYTHING),
    rest=st.dictionaries(st.sampled_from(REST), ANYTHING),
    source=st.sampled_from(["/watcher", "/azur/apimo.leads/101"]),
    language=st.sampled_from(["fr", "en"]),
    personal=st.sampled_from([None, True, False]),
)
def test_any_event_can_be_told(
    kind: str, stream: str, record: Any, changes: Any, rest: dict[str, Any], source: str, language: Any, personal: Any
) -> None:
    """Whatever the data is, there is a message: of one clean line a line, bounded."""
    data = {**rest, "stream": stream, "record": record, "changes": changes}
    message = composed(Event("id", kind, source, "5", NOW, NOW, data), language, personal=personal)
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


# ------------------------------------------------------------------------------------------------------------- timed


LEAD_AT = {"created_at": "2026-11-21T09:47:31Z"}


def waiting(kind: str = "overdue", stream: str = LEADS, data: Any = None, **fields: Any) -> Event:
    """What an `after` tells of a record."""
    about = news("new-lead", stream, **{**LEAD_AT, **fields})
    return timed(kind, about, **{"of": "7c1f", "rule": "hot leads", **(data or {})})


def test_a_lead_that_nobody_took_up_is_said_to_be_unanswered() -> None:
    """In the title, with who waits and since when: that is all that a telephone shows."""
    assert composed(waiting()).title == "Lead sans réponse\u00a0: Marc FRIN (agence 101) — depuis 15\u00a0min"
    assert lines(waiting())["Pas encore"] == "ouvert, attribué"
    assert composed(waiting(), "en").title == "Lead unanswered: Marc FRIN (agency 101) — for 15\u00a0min"


@pytest.mark.parametrize("taken_up", [{"opened": {"user": "7"}}, {"user": "7"}, {"closed": {"date": "2026-11-21"}}])
def test_a_lead_that_somebody_took_up_only_waits(taken_up: dict[str, Any]) -> None:
    """It would be unjust to call it unanswered."""
    assert composed(waiting(**taken_up)).title.startswith("Toujours en attente\u00a0: Marc FRIN")


def test_a_name_of_the_users_own_reads_as_what_it_is() -> None:
    """By what it stands on: an event, or a date."""
    date = {"field": "option_expires_at", "date": "2026-11-22T10:02:31Z"}
    for kind in ("lead-unanswered", "x", "{it}", "new"):
        assert composed(waiting(kind)).title == composed(waiting()).title
        near = timed(kind, news("x", PURCHASES), of=date)
        assert composed(near).title.startswith("Fin de l'option dans 24\u00a0h\u00a0: lot A313, programme 1")


def test_what_had_no_sequel_is_named_where_it_is_known() -> None:
    """By the type of the event that the timer stands on, and since that event."""
    event = timed("overdue", news("x", PURCHASES), of="1", on="purchase-booked", since="2026-11-18T10:02:31Z")
    assert composed(event).title == "Réservation signée, sans suite\u00a0: lot A313, programme 1 — depuis 3\u00a0j"
    assert composed(event, "en").title == "Reservation signed, no follow-up: lot A313, programme 1 — for 3\u00a0d"


def test_what_is_late_is_said_to_be_late_and_why() -> None:
    """Only then."""
    date = {"of": {"field": "option_expires_at", "date": "2026-11-22"}}
    for late in (waiting(data={"late": True}), timed("deadline-near", news("x", PURCHASES), **date, late=True)):
        assert lines(late)["Dit en retard"].startswith("watcher était arrêté au moment prévu")
        assert "watcher was not running" in lines(late, "en")["Told late"]
    assert "Dit en retard" not in lines(waiting()) | lines(timed("deadline-near", news("x", PURCHASES), **date))


def test_a_trouble_of_watchers_own_that_lasts_is_said_to_last() -> None:
    """With how long, whatever the rule calls its event."""
    about = trouble("sink-failing", "sales", "HTTP 503")
    for kind in ("overdue", "still-down"):
        message = composed(timed(kind, about, of="1", rule="r"))
        assert message.title == "Envoi en panne\u00a0: sales — dure encore, depuis 2\u00a0h\u00a015\u00a0min"
        assert message.advice.startswith("Les messages attendent")


@pytest.mark.parametrize(
    ("date", "said"),
    [
        ("2026-11-22T10:01:00Z", "Fin de l'option dans 24 h :"),
        ("2026-11-21T11:30:31Z", "Fin de l'option dans 1 h 28 min :"),
        ("2026-11-21T10:02:40Z", "Fin de l'option maintenant :"),
        ("2026-11-25T10:02:31Z", "Fin de l'option dans 4 j :"),
        ("2026-11-21", "Fin de l'option aujourd'hui :"),
        ("2026-11-22", "Fin de l'option demain :"),
        ("2026-11-24", "Fin de l'option dans 3 j :"),
        ("2026-11-21T08:00:00Z", "Date passée, fin de l'option il y a 2 h 3 min :"),
        ("2026-11-20", "Date passée, fin de l'option hier :"),
        ("2026-11-11", "Date passée, fin de l'option il y a 10 j :"),
        ("bientôt", "Fin de l'option :"),
    ],
)
def test_a_deadline_says_in_how_long_or_that_it_has_passed(date: str, said: str) -> None:
    """A day is over when it is over, not when it begins."""
    message = composed(timed("deadline-near", news("x", PURCHASES), of={"field": "option_expires_at", "date": date}))
    assert message.title.replace("\u00a0", " ").startswith(f"{said} lot A313, programme 1 — ")
    assert (message.advice == "Voyez où en est le dossier.") == said.startswith("Date passée")


# --------------------------------------------------------------------------------------------------------- summaries


@pytest.mark.parametrize(
    ("why", "french", "english"),
    [
        ("group", "12 événements : 10 nouveaux leads, 2 réservations signées",
         "12 events: 10 new leads, 2 reservations signed"),
        ("digest", "Récapitulatif du 21 nov. : 12 événements", "Digest of 21 Nov: 12 events"),
        ("flood", "Beaucoup d'événements à la fois : 12 de plus, en un seul message",
         "Many events at once: 12 more, in one message"),
        ("throttle", "Beaucoup d'événements à la fois : 12 de plus, en un seul message",
         "Many events at once: 12 more, in one message"),
        ("silence", "Silence terminé : 12 messages retenus", "Silence over: 12 messages kept back"),
        ("hours", "Pendant la fermeture : 10 nouveaux leads, 2 réservations signées",
         "While closed: 10 new leads, 2 reservations signed"),
        ("of another version", "12 événements : 10 nouveaux leads, 2 réservations signées",
         "12 events: 10 new leads, 2 reservations signed"),
    ],
)  # fmt: skip
def test_a_summary_says_how_many_and_why_together(why: str, french: str, english: str) -> None:
    """In its title; and where the whole list is."""
    event = summary(why, {"purchase-booked": 2, "new-lead": 10})
    for language, title in (("fr", french), ("en", english)):
        message = composed(event, language)
        assert message.title.replace("\u00a0", " ") == title
        assert message.advice.endswith(f"watcher events --in {event.id}")


def test_a_summarys_kinds_come_before_its_first_events() -> None:
    """Most first; each event by the title of its own message, with its time; then how many more."""
    lead, booked = news("new-lead", LEADS), news("purchase-booked", PURCHASES)
    message = composed(summary("group", {"new-lead": 3, "purchase-booked": 20, "lead-lost": 1}, [lead, booked]))
    assert message.lines == (
        ("Réservations signées", "20"),
        ("Nouveaux leads", "3"),
        ("«\u00a0lead-lost\u00a0»", "1"),
        ("10:59", composed(lead).title),
        ("10:59", composed(booked).title),
        ("", "… et 22 autres"),
    )
    assert composed(summary("group", {"new-lead": 2}, [lead])).lines[-1] == ("", "… et 1 autre")


def test_a_silence_says_who_and_why() -> None:
    """The title has the comment, the lines the author."""
    said = {"number": 3, "author": "Anne Roy", "comment": "maintenance Slack"}
    message = composed(summary("silence", {"new-lead": 4}, silence=said))
    assert message.title == "Silence terminé\u00a0: 4\u00a0messages retenus (maintenance Slack)"
    assert dict(message.lines)["Silence posé par"] == "Anne Roy"


def test_a_summary_is_bounded() -> None:
    """Whatever number of kinds and events it is of."""
    kinds = {f"kind-{number}": number + 1 for number in range(500)}
    message = composed(summary("digest", kinds, [news("new-lead", LEADS, lastname="é" * 9999)] * 100))
    assert len(message.lines) <= 30
    assert len(message.title) <= 200
    assert message.lines[-1] == ("", "… et 125\u202f230 autres")


def test_every_event_type_can_be_counted() -> None:
    """One and many, in both languages."""
    for words in LANGUAGES.values():
        assert set(catalogue()) <= words.counted.keys()
        assert all(one and many for one, many in words.counted.values())


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


@pytest.mark.parametrize(
    ("detail", "french"),
    [
        ("HTTP 500", "HTTP 500 (erreur du serveur)"),
        ("HTTP 418", "HTTP 418"),
        ("HTTP 403: Clé inconnue", "HTTP 403 (accès refusé) : « Clé inconnue »"),
        ("HTTP 401: check the secret and the address", "HTTP 401 (accès refusé) : vérifiez le secret et l'adresse"),
        ("HTTP 302: redirected; not followed",
         "HTTP 302 : l'adresse renvoie ailleurs, où l'on n'est pas allé"),
        ("HTTP 500 (given up after 13 attempts)", "HTTP 500 (erreur du serveur) (abandonné après 13 essais)"),
        ("no answer: time-out", "pas de réponse : délai dépassé"),
        ("no answer (TimeoutError)", "pas de réponse (TimeoutError)"),
        ("no connection: Connection refused", "pas de connexion : connexion refusée"),
        ("the day's budget of 1000 requests is spent", "les 1000 requêtes du jour sont épuisées"),
        ("unreadable answer: it is not JSON", "réponse illisible"),
        ("email is no text; step is missing from 21 records at once, or empty",
         "email : n'est pas un texte ; step manque d'un coup, ou est vide, dans 21 fiches"),
        ("Something else", "« Something else »"),
        ("Something else; HTTP 500", "« Something else » ; HTTP 500 (erreur du serveur)"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_in_french(detail: str, french: str) -> None:
    """As far as it is watcher's own to say; what others say is quoted as it is."""
    event = trouble("source-failing", "azur/apimo.leads/101", detail)
    assert lines(event)["Détail"].replace("\u00a0", " ") == french
    assert lines(event, "en")["Detail"] == detail


def test_the_details_that_are_made_are_translated() -> None:
    """None of those that watcher itself makes for these troubles is left in English."""
    now = datetime(2026, 11, 21, 8, tzinfo=UTC)
    for error in (
        _error(429, "", None), _error(404, "", None), _error(410, "no_service", None), _error(301, "", None),
        refusal(Answer(503, {}, b""), now), refusal(Answer(401, {}, b""), now), refusal(Answer(307, {}, b""), now),
    ):  # fmt: skip
        event = trouble("sink-failing", "crm", f"paused: {error.reason}; mend it, then `watcher sink test crm`")
        shown = lines(event)["Détail"]
        assert shown.startswith("suspendu\u00a0: HTTP ")
        assert "«" not in shown
    account = Account("azur", 1000, 40, Stretch(1.0, 2.5))
    (low,) = health((), [account], Troubles(), now, now).events
    assert "«" not in lines(low)["Détail"]
    assert "attente des leads inchangée, des autres multipliée par 2,5" in lines(low)["Détail"]


if __name__ == "__main__" and sys.argv[1:] == ["--renew"]:
    renew()
