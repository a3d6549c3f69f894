"""Apprise: any service that it knows, by its address, in threads that hold up nobody."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import logging
import re
import threading
import traceback
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import pytest
from message_samples import news
from sink_peers import HOSTILE, Peer, Send, delivery_of, hang_up, peer, reply, silence

from watcher.errors import Permanent, Transient
from watcher.sinks import SINKS, Tools
from watcher.sinks.apprise import Apprise, Config
from watcher.units import Secret


@pytest.fixture
def sink(tools: Tools) -> Any:
    """Build the sink that posts JSON to a peer; `more` goes to the end of the address."""

    def build(there: Peer, more: str = "", **settings: Any) -> Apprise:
        address = f"json://CANARYuser:CANARYpass@127.0.0.1:{there.port}/CANARYpath{more}"
        return Apprise("team", Config(type="apprise", url=Secret(address), **settings), tools)

    return build


def said(there: Peer) -> dict[str, Any]:
    """What the service was told last."""
    told = json.loads(there.requests[-1][2])
    assert isinstance(told, dict)
    return told


async def failure(sending: Awaitable[str]) -> Transient | Permanent:
    """The error that a send ends in; neither it nor what led to it tells the address."""
    with pytest.raises((Transient, Permanent)) as caught:
        await asyncio.wait_for(sending, 10)
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + caught.value.reason
    assert not re.search(r"CANARY|127\.0\.0\.1", told)
    return caught.value


async def test_a_message_is_a_title_and_a_text(sink: Any, delivery: Send) -> None:
    """As in the text of an e-mail, the title apart."""
    async with peer(reply(200)) as there:
        assert await sink(there).send(delivery()) == ""
    assert said(there)["title"] == "Nouveau lead\u00a0: Marc FRIN (agence 101)"
    lines = said(there)["message"].splitlines()
    assert "Téléphone: +33 6 12 34 56 78" in lines
    assert "→ Rappelez dans les 5 minutes." in lines
    assert lines[-1].endswith("azur/apimo.leads/101/170384")
    assert len(there.requests) == 1


@pytest.mark.parametrize(
    ("form", "shown"),
    [
        ("text", "<script>alert(1)</script> *b* _i_"),
        ("html", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("markdown", r"script\>alert\(1\)"),
        ("markdown", r"\*b\* \_i\_ \~s\~ \`c\`"),
    ],
)
async def test_hostile_values_are_only_text_in_the_services_own_markup(
    sink: Any, delivery: Send, form: str, shown: str
) -> None:
    """Whatever it takes: nothing of a value is markup there."""
    async with peer(reply(200)) as there:
        await sink(there, f"?format={form}").send(delivery(lastname=HOSTILE, message=f"{HOSTILE} @everyone"))
    message = said(there)["message"].replace("&nbsp;", " ")
    assert shown in message
    assert not re.search("[\0\u202e\r]|<!channel|<@|(?<![\\w\\\\])@[A-Za-z]", message + said(there)["title"])
    assert re.search(r"x@y\\?\.fr", message), "an address stays what it is"
    assert "\n" not in said(there)["title"]
    if form == "html":
        assert set(re.findall("<[^>]*>", message)) <= {"<br/>"}


async def test_personal_data_is_held_back_where_it_is_asked(sink: Any) -> None:
    """With `personal = false` nobody is named."""
    event = news("new-lead", "apimo.leads", lastname="CANARYlast", email="canary@example.fr", message="CANARYtext")
    async with peer(reply(200)) as there:
        await sink(there, personal=False).send(delivery_of(event))
        assert not re.search("CANARYlast|canary@|CANARYtext", str(said(there)))
        await sink(there).send(delivery_of(event))
        assert "CANARYlast" in str(said(there))


# ----------------------------------------------------------------------------------------------------------- failures


@pytest.mark.parametrize("answer", [reply(401), reply(404), reply(429), reply(500), hang_up])
async def test_what_is_not_taken_is_tried_again(sink: Any, delivery: Send, answer: Any) -> None:
    """Apprise says no more than that it was not."""
    async with peer(answer) as there:
        error = await failure(sink(there).send(delivery()))
        assert isinstance(error, Transient)
        there.answer = reply(200)
        assert await sink(there).send(delivery()) == ""


async def test_a_redirect_is_not_followed(sink: Any, delivery: Send) -> None:
    """The other host sees nothing."""
    async with peer(reply(200)) as other, peer(reply(307, Location=other.url)) as there:
        assert isinstance(await failure(sink(there).send(delivery())), Transient)
        assert there.requests
        assert not other.requests


async def test_silence_costs_the_attempt_its_time_and_no_more(sink: Any, delivery: Send) -> None:
    """The service may have taken it; the loop goes on meanwhile."""
    async with peer(silence) as there:
        error = await failure(sink(there, "?rto=60", timeout=timedelta(seconds=0.3)).send(delivery()))
    assert isinstance(error, Transient)
    assert error.unanswered


def threads() -> list[threading.Thread]:
    """Those of the sink."""
    return [thread for thread in threading.enumerate() if thread.name == "sink-team"]


async def test_threads_that_hang_do_not_pile_up(sink: Any, delivery: Send) -> None:
    """As many as may send together; once they end, it goes on."""
    async with peer(silence) as there:
        one = sink(there, "?rto=60", timeout=timedelta(seconds=0.3), at_once=2)
        for _ in range(2):
            await failure(one.send(delivery()))
        assert len(threads()) == 2
        for error in await asyncio.gather(*(failure(one.send(delivery())) for _ in range(5))):
            assert isinstance(error, Transient)
            assert (error.reason[:26], error.unanswered) == ("all earlier attempts hang,", False)
        assert len(threads()) == len(there.requests) == 2
        assert all(thread.daemon for thread in threads()), "they do not keep the process from ending"
    async with asyncio.timeout(10):
        while threads():  # noqa: ASYNC110 - threads ring no bell here
            await asyncio.sleep(0.01)
    async with peer(reply(200)) as there:
        one._config = sink(there)._config
        assert await one.send(delivery()) == ""


async def test_many_at_once_take_turns(sink: Any, delivery: Send) -> None:
    """Each comes once."""
    async with peer(reply(200)) as there:
        one = sink(there, at_once=2)
        await asyncio.gather(*(one.send(delivery()) for _ in range(9)))
        assert len(there.requests) == 9


async def test_a_cancelled_send_leaves_the_sink_usable(sink: Any, delivery: Send) -> None:
    """Its thread ends by itself; the next message gets through."""
    async with peer(silence) as there:
        one = sink(there)
        sending = asyncio.create_task(one.send(delivery()))
        await asyncio.wait_for(there.reached.wait(), 5)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        there.answer = reply(200)
        assert await one.send(delivery()) == ""
        await one.close()


async def test_an_error_of_the_library_is_no_crash(sink: Any, delivery: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what it says only the kind is repeated."""

    def broken(*_: str) -> bool:
        raise RuntimeError("json://CANARY@127.0.0.1/")

    monkeypatch.setattr("watcher.sinks.apprise._notify", broken)
    async with peer(reply(200)) as there:
        error = await failure(sink(there).send(delivery()))
    assert isinstance(error, Transient)
    assert error.reason == "Apprise: RuntimeError"


async def test_the_address_is_told_to_nobody(
    sink: Any, delivery: Send, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither by its logs and those of what it is built on, nor on standard error, nor where it is shown."""
    caplog.set_level(logging.DEBUG)
    async with peer(reply(200)) as there:
        one = sink(there)
        await one.send(delivery())
        there.answer = reply(500, b"CANARY")
        await failure(one.send(delivery()))
        there.answer = hang_up
        await failure(one.send(delivery()))
    with pytest.raises(ValueError):
        Config(type="apprise", url=Secret("slack://CANARY"))
    out, err = capfd.readouterr()
    assert "CANARY" not in caplog.text + out + err + repr(one) + repr(one._config)


# --------------------------------------------------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("CANARY", "url: is no address"),
        ("json://CANARY /", "url: is no address"),
        ("pigeon://CANARY/", "url: is no address that Apprise knows"),
        ("slack://CANARY", "url: is no address that Apprise knows"),
        ("json://CANARY.example.fr/", "url: would send everything in the clear"),
        ("jsons://CANARY.example.fr/?verify=no", "url: would trust any certificate"),
    ],
)
def test_an_address_that_is_none_or_not_safe_is_refused(url: str, complaint: str) -> None:
    """The complaint does not repeat it."""
    with pytest.raises(ValueError, match=complaint) as caught:
        Config(type="apprise", url=Secret(url))
    assert "CANARY" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["jsons://notify.example.fr/x", "json://localhost:8080/", "tgram://123456789:abcdefg_hijklmnop/12315544/",
     "https://discord.com/api/webhooks/4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js", "https://nobody.example.fr/"],
)  # fmt: skip
def test_an_address_that_apprise_knows_is_taken(url: str) -> None:
    """Also one as the service's own pages have it: whether that is known shows when it is used."""
    assert Config(type="apprise", url=url)


async def test_an_address_that_turns_out_to_be_none_turns_the_sink_away(tools: Tools, delivery: Send) -> None:
    """Nothing else will pass until it is mended."""
    one = Apprise("team", Config(type="apprise", url="https://nobody.example.fr/CANARY"), tools)
    error = await failure(one.send(delivery()))
    assert isinstance(error, Permanent)
    assert error.refused


def test_without_the_package_it_is_said_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The type is offered all the same, so that the complaint is about this and not about an unknown word."""
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "apprise" else find(name))
    with pytest.raises(ValueError, match=r"type: needs the package apprise; .*pip install 'watcher\[apprise\]'"):
        Config(type="apprise", url="jsons://notify.example.fr/")


def test_people_read_it() -> None:
    """So a flood becomes a summary."""
    assert SINKS["apprise"].people
