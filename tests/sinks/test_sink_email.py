"""E-mail: encrypted or not sent, to each recipient once, refusals sorted."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import ssl
import traceback
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from sink_peers import Send, body, parsed, post

from watcher.errors import Permanent, Transient
from watcher.model import Delivery
from watcher.sinks import SINKS, Tools
from watcher.sinks.email import Config, Email
from watcher.units import Secret

THREE = ["a@example.fr", "Béa <b@example.fr>", "c@example.fr"]
PASSWORD = "CANARY-password"


@pytest.fixture
def mailer(tools: Tools) -> Any:
    """Build the sink, in the clear on loopback unless told otherwise."""

    def build(port: int, **settings: Any) -> Email:
        given = {"host": "127.0.0.1", "tls": "none", "from_": "Watcher <watcher@example.fr>", "to": THREE, **settings}
        return Email("direction", Config(type="email", port=port, **given), tools)

    return build


async def failure(sending: Awaitable[str]) -> Transient | Permanent:
    """The error that a send ends in; it tells no address and no password."""
    with pytest.raises((Transient, Permanent)) as caught:
        await sending
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert not re.search(r"CANARY|\w@\w|127\.0\.0\.1", told)
    return caught.value


# --------------------------------------------------------------------------------------------------- what is sent


async def test_a_message_comes_as_text_and_html(mailer: Any, delivery: Send) -> None:
    """To all recipients at once, with the headers that programs go by."""
    async with post() as there:
        sent = delivery()
        assert await mailer(there.port).send(sent) == "queued as 1"
    assert [line for line in there.commands if "@" in line] == [
        "MAIL FROM:<watcher@example.fr>",
        *(f"RCPT TO:<{name}@example.fr>" for name in "abc"),
    ]
    mail = parsed(there.mails[0])
    assert mail["Subject"] == "Nouveau lead\u00a0: Marc FRIN (agence 101)"
    assert mail["From"] == "Watcher <watcher@example.fr>"
    assert mail["To"] == "a@example.fr, Béa <b@example.fr>, c@example.fr"
    assert mail["Message-ID"] == f"<{sent.event.id}@example.fr>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Watcher-Event"] == sent.event.id
    assert "Téléphone: +33 6 12 34 56 78\r\n" in body(mail, "plain")
    assert '<a href="tel:+33612345678">+33 6 12 34 56 78</a>' in body(mail, "html")
    for kind in ("plain", "html"):
        assert "→ Rappelez dans les 5 minutes." in body(mail, kind)
        assert "azur/apimo.leads/101/170384" in body(mail, kind)


# ------------------------------------------------------------------------------------------------- what servers say


@pytest.mark.parametrize(
    ("said", "error", "refused"),
    [
        ({"GREETING": "554 no service"}, Permanent, True),
        ({"GREETING": "421 too busy"}, Transient, False),
        ({"EHLO": "550 who are you", "HELO": "550 who are you"}, Permanent, True),
        ({"MAIL": "550 not from a@example.fr"}, Permanent, True),
        ({"MAIL": "530 log in first"}, Permanent, True),
        ({"MAIL": "552 too large"}, Permanent, False),
        ({"MAIL": "451 later"}, Transient, False),
        ({"RCPT": "550 a@example.fr unknown"}, Permanent, False),
        ({"RCPT": "450 a@example.fr busy"}, Transient, False),
        ({"DATA": "451 later"}, Transient, False),
        ({"DATA": "554 no"}, Permanent, False),
        ({"END": "554 spam of a@example.fr"}, Permanent, False),
        ({"END": "452 disk full"}, Transient, False),
        ({"GREETING": "hello"}, Transient, False),
    ],
)
async def test_refusals_are_sorted(mailer: Any, delivery: Send, said: Any, error: type, refused: bool) -> None:
    """4xx is for now, 5xx for good; what is said before the message was seen is said to all messages."""
    async with post(**said) as there:
        raised = await failure(mailer(there.port).send(delivery()))
    assert isinstance(raised, error)
    assert getattr(raised, "refused", False) is refused
    assert not getattr(raised, "unanswered", False)


@pytest.mark.parametrize(
    ("said", "unanswered"),
    [
        ({"GREETING": None}, False),
        ({"MAIL": None}, False),
        ({"RCPT": ""}, False),
        ({"END": None}, True),
        ({"END": ""}, True),
    ],
)
async def test_silence_after_the_message_leaves_open_whether_it_was_taken(
    mailer: Any, delivery: Send, said: Any, unanswered: bool
) -> None:
    """Before it, it surely was not. All within the sink's own time."""
    async with post(**said) as there:
        sink = mailer(there.port, timeout=timedelta(seconds=0.3))
        error = await asyncio.wait_for(failure(sink.send(delivery())), 5)
    assert isinstance(error, Transient)
    assert error.unanswered is unanswered


async def test_a_server_that_does_not_say_goodbye_has_taken_it_all_the_same(mailer: Any, delivery: Send) -> None:
    """What counts is what it said after the message."""
    async with post(QUIT="") as there:
        assert await mailer(there.port).send(delivery()) == "queued as 1"


async def test_a_refused_connection_is_transient(mailer: Any, delivery: Send) -> None:
    """And it certainly was not taken."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        error = await failure(mailer(unused.getsockname()[1]).send(delivery()))
    assert isinstance(error, Transient)
    assert not error.unanswered


# ---------------------------------------------------------------------------------------------- several recipients


def noted(delivery: Delivery, error: Transient | Permanent) -> Delivery:
    """The delivery as it comes to its next attempt, with what was noted at the one before."""
    assert isinstance(error, Transient)
    assert error.note
    return replace(delivery, attempts=delivery.attempts + 1, note=error.note)


def asked(there: Any) -> list[str]:
    """The recipients that the server was asked to take, in the order of asking."""
    return [line[9:10] for line in there.commands if line.startswith("RCPT")]


async def test_only_who_was_refused_is_tried_again(mailer: Any, delivery: Send) -> None:
    """Who has the message already does not get it twice; who never will is not asked again."""
    replies = {"RCPT_TO:<B@EXAMPLE.FR>": "450 busy", "RCPT_TO:<C@EXAMPLE.FR>": "550 unknown"}
    async with post(**replies) as there:
        error = await failure(mailer(there.port).send(delivery()))
        assert isinstance(error, Transient)
        assert error.reason == "refused for now: recipient 2 of 3 (450)"
        again = await failure(mailer(there.port).send(noted(delivery(), error)))  # of a process that knows no other
        del there.replies["RCPT TO:<B@EXAMPLE.FR>"]
        taken = await mailer(there.port).send(noted(delivery(), again))
        assert taken == "queued as 1; refused: recipient 3 of 3 (550)"
        assert "".join(asked(there)) == "abc" + "b" + "b"
        assert len(there.mails) == 2
        there.commands.clear()
        await mailer(there.port).send(delivery())
        assert "".join(asked(there)) == "abc", "a resend goes to all of them"
    first, second = (parsed(mail) for mail in there.mails[:2])
    assert first["Message-ID"] == second["Message-ID"]
    assert first["References"] == first["In-Reply-To"] == second["References"]


async def test_what_is_noted_outlives_attempts_that_reach_nobody(mailer: Any, delivery: Send) -> None:
    """A server that is away for an hour does not have everybody told twice."""
    async with post(**{"RCPT_TO:<B@EXAMPLE.FR>": "450 busy"}) as there:
        first = await failure(mailer(there.port).send(delivery()))
        there.replies["GREETING"] = "421 too busy"
        second = await failure(mailer(there.port).send(noted(delivery(), first)))
        there.replies.clear()
        assert await mailer(there.port).send(noted(delivery(), second)) == "queued as 1"
        assert "".join(asked(there)) == "abc" + "b"


async def test_what_is_noted_tells_no_address_and_is_short(mailer: Any, delivery: Send) -> None:
    """Places in the list, also of a list as long as may be."""
    names = [f"name{number}@example.fr" for number in range(100)]
    replies = {f"RCPT_TO:<NAME{number}@EXAMPLE.FR>": f"{450 + number % 3 * 50} no" for number in range(100)}
    async with post(**replies) as there:
        error = await failure(mailer(there.port, to=names).send(delivery()))
    assert isinstance(error, Transient)
    assert not re.search("@|name|example", error.note)
    assert 0 < len(error.note) <= 2048


async def test_a_changed_list_of_recipients_is_told_anew(mailer: Any, delivery: Send) -> None:
    """Places in the old list are no places in the new one: rather twice than never."""
    async with post(**{"RCPT_TO:<B@EXAMPLE.FR>": "450 busy"}) as there:
        error = await failure(mailer(there.port).send(delivery()))
        there.replies.clear()
        there.commands.clear()
        await mailer(there.port, to=["d@example.fr", *THREE[:2]]).send(noted(delivery(), error))
        assert "".join(asked(there)) == "dab"


async def test_who_is_refused_for_good_does_not_keep_the_others_waiting(mailer: Any, delivery: Send) -> None:
    """It is taken, and the answer says for whom it was not."""
    async with post(**{"RCPT_TO:<A@EXAMPLE.FR>": "550 a@example.fr is unknown"}) as there:
        assert await mailer(there.port).send(delivery()) == "queued as 1; refused: recipient 1 of 3 (550)"


async def test_a_cancelled_send_leaves_the_sink_usable(mailer: Any, delivery: Send) -> None:
    """The connection is dropped, the next message gets through."""
    async with post(MAIL=None) as there:
        sink = mailer(there.port)
        sending = asyncio.create_task(sink.send(delivery()))
        await asyncio.wait_for(there.reached.wait(), 5)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        there.replies.clear()
        assert await sink.send(delivery()) == "queued as 1"
        await sink.close()


# -------------------------------------------------------------------------------------------------- TLS and login


class Box:
    """What a real server hands on."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], bytes]] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Take a mail."""
        self.mails.append((envelope.rcpt_tos, envelope.content))
        return "250 OK"


def login(server: Any, session: Any, envelope: Any, mechanism: str, data: LoginPassword) -> AuthResult:
    """Take the one password."""
    return AuthResult(success=data == LoginPassword(b"watcher", PASSWORD.encode()), handled=False)


@asynccontextmanager
async def server(implicit: ssl.SSLContext | None = None, **options: Any) -> AsyncIterator[tuple[int, Box]]:
    """A real mail server for the time of a test."""
    box = Box()
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(lambda: SMTP(box, loop=loop, **options), "127.0.0.1", 0, ssl=implicit)
    try:
        yield listening.sockets[0].getsockname()[1], box
    finally:
        listening.close()


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The certificate of localhost is one to trust."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))


@pytest.mark.usefixtures("trusted")
@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # aiosmtpd thinks of STARTTLS only
@pytest.mark.parametrize("kind", ["starttls", "implicit"])
async def test_it_logs_in_over_tls(mailer: Any, delivery: Send, tls: ssl.SSLContext, kind: str) -> None:
    """Either way of encrypting; the password goes over it only."""
    options: dict[str, Any] = {"authenticator": login, "auth_required": True}
    options |= {"tls_context": tls, "require_starttls": True} if kind == "starttls" else {"auth_require_tls": False}
    async with server(tls if kind == "implicit" else None, **options) as (port, box):
        sink = mailer(port, host="localhost", tls=kind, username="watcher", password=Secret(PASSWORD))
        assert await sink.send(delivery()) == "OK"
    assert box.mails[0][0] == ["a@example.fr", "b@example.fr", "c@example.fr"]


@pytest.mark.usefixtures("trusted")
async def test_a_wrong_password_turns_the_sink_away(
    mailer: Any, delivery: Send, tls: ssl.SSLContext, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing else will pass until it is mended; it is told to nobody."""
    caplog.set_level(logging.DEBUG)
    async with server(tls_context=tls, authenticator=login, auth_required=True) as (port, box):
        sink = mailer(port, host="localhost", tls="starttls", username="watcher", password=Secret(PASSWORD + "x"))
        error = await failure(sink.send(delivery()))
    assert isinstance(error, Permanent)
    assert (error.refused, error.reason) == (True, "the server refuses the login (535)")
    assert not box.mails
    ours = [record for record in caplog.records if not record.name.startswith("mail")]
    assert "CANARY" not in "".join(record.getMessage() for record in ours) + repr(sink) + repr(sink._config)


@pytest.mark.usefixtures("trusted")
async def test_a_wrong_password_is_tried_once(mailer: Any, delivery: Send, tls: ssl.SSLContext) -> None:
    """Whatever ways of logging in there are: a server that counts them does not lock the account."""
    async with post(EHLO="250-post\r\n250 AUTH CRAM-MD5 PLAIN LOGIN", AUTH="535 no", tls=tls) as there:
        sink = mailer(there.port, host="localhost", tls="implicit", username="watcher", password=Secret(PASSWORD))
        error = await failure(sink.send(delivery()))
    assert isinstance(error, Permanent)
    assert error.refused
    assert len([line for line in there.commands if line.startswith("AUTH")]) == 1


@pytest.mark.usefixtures("trusted")
async def test_a_way_of_logging_in_that_is_only_announced_is_passed_over(
    mailer: Any, delivery: Send, tls: ssl.SSLContext
) -> None:
    """Some servers name ways that they do not have: the next one may be right."""
    async with post(EHLO="250-post\r\n250 AUTH LOGIN PLAIN", AUTH="504 unknown", tls=tls) as there:
        sink = mailer(there.port, host="localhost", tls="implicit", username="watcher", password=Secret(PASSWORD))
        assert isinstance(await failure(sink.send(delivery())), Permanent)
    ways = [line.split()[1].upper() for line in there.commands if line.startswith("AUTH")]
    assert ways == ["PLAIN", "LOGIN"]


async def test_encryption_is_never_left_out(mailer: Any, delivery: Send) -> None:
    """A server that offers no STARTTLS gets no message and no password, and is not asked again."""
    async with post() as there:
        sink = mailer(there.port, tls="starttls", username="watcher", password=Secret(PASSWORD))
        error = await failure(sink.send(delivery()))
        assert isinstance(error, Permanent)
        assert error.refused
        assert not there.mails
        assert not [line for line in there.commands if not line.startswith(("EHLO", "QUIT"))]


@pytest.mark.parametrize("kind", ["starttls", "implicit"])
async def test_an_unknown_certificate_is_refused(mailer: Any, delivery: Send, tls: ssl.SSLContext, kind: str) -> None:
    """Nobody in between gets to read it."""
    async with server(tls if kind == "implicit" else None, tls_context=tls) as (port, box):
        error = await failure(mailer(port, host="localhost", tls=kind).send(delivery()))
    assert isinstance(error, Permanent)
    assert "certificate" in error.reason
    assert not box.mails


# --------------------------------------------------------------------------------------------------------- settings


def config(**settings: Any) -> Config:
    """Settings that are right but for those."""
    right = {"host": "smtp.example.fr", "from_": "watcher@example.fr", "to": ["direction@example.fr"]}
    return Config(type="email", **{**right, **settings})


@pytest.mark.parametrize(("kind", "port"), [("starttls", 587), ("implicit", 465)])
def test_the_port_follows_the_encryption(kind: str, port: int, tools: Tools) -> None:
    """Unless it is given."""
    assert Email("x", config(tls=kind), tools)._client().port == port
    assert Email("x", config(tls=kind, port=2525), tools)._client().port == 2525


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"tls": "none"}, 'tls: "none" is for loopback only'),
        ({"host": "smtp.example.fr\r\n"}, "host: must be the name of a mail server"),
        ({"host": ""}, "host: must be the name of a mail server"),
        ({"port": 0}, "port: must be between 1 and 65535"),
        ({"username": "x"}, "username and password go together"),
        ({"password": Secret("x")}, "username and password go together"),
        ({"from_": "watcher"}, "from: must be an address"),
        ({"from_": "a@b.fr, c@d.fr"}, "from: must be an address"),
        ({"from_": "team: a@b.fr;"}, "from: must be an address"),
        ({"to": []}, "to: must be a list of addresses"),
        ({"to": ["a@b.fr", "x"]}, "to: must be a list of addresses"),
        ({"to": ["a@b.fr"] * 101}, "to: must have at most 100"),
        ({"to": ["é@b.fr"]}, "to: must be a list of addresses"),
        ({"to": ["a@b.fr\r\nBcc: x@y.fr"]}, "to: must be a list of addresses"),
    ],
)
def test_wrong_settings_are_refused_with_the_remedy(wrong: Any, complaint: str) -> None:
    """Each named by its key."""
    with pytest.raises(ValueError, match=complaint):
        config(**wrong)


def test_every_wrong_setting_is_said_at_once() -> None:
    """A line each."""
    with pytest.raises(ValueError) as caught:
        config(tls="none", port=0, from_="x", to=[])
    assert [line.partition(":")[0] for line in str(caught.value).splitlines()] == ["port", "tls", "from", "to"]


def test_the_key_is_from_and_people_read_it() -> None:
    """`from` is no name in Python, and yet the key."""
    assert "from" in Config.__struct_encode_fields__
    assert SINKS["email"].people
