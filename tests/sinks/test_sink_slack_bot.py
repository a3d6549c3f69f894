"""Slack as a bot: one thread a record, and its errors sorted by what to do next."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import traceback
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from message_samples import news, summary, trouble
from sink_peers import HOSTILE, Answer, Peer, Send, delivery_of, endless, hang_up, peer, reply, silence, unfinished
from slack_checks import check

from watcher.errors import Permanent, Transient
from watcher.model import Delivered
from watcher.sinks import Tools
from watcher.sinks.slack import Config, Slack
from watcher.units import Secret

TOKEN = "xoxb-CANARY-1-2-abc"
FIRST, SECOND = "1700000000.000100", "1700000000.000200"


def says(status: int = 200, *, retry_after: str | None = None, **answer: Any) -> Answer:
    """Answer as Slack does."""
    headers = {"retry_after": retry_after} if retry_after else {}
    return reply(status, json.dumps(answer).encode(), **headers)


def one_after_the_other(*answers: Answer) -> Answer:
    """Give each answer once, in that order."""
    left = list(answers)

    async def answer(writer: asyncio.StreamWriter) -> None:
        await left.pop(0)(writer)

    return answer


@pytest.fixture
def bot(tools: Tools) -> Any:
    """Open the sink of a bot in a channel."""

    @asynccontextmanager
    async def opened(there: Peer, **settings: Any) -> AsyncIterator[Slack]:
        address = f"http://127.0.0.1:{there.port}/api/"
        config = Config(type="slack", token=Secret(TOKEN), channel="C0123", base_url=address, **settings)
        sink = Slack("sales", config, tools)
        try:
            yield sink
        finally:
            await sink.close()

    return opened


def posted(there: Peer) -> list[dict[str, Any]]:
    """What Slack was sent, message by message."""
    return [json.loads(body) for _, _, body in there.requests]


async def failure(sending: Awaitable[Any]) -> Transient | Permanent:
    """The error that a send ends in; it tells neither the token nor the channel."""
    with pytest.raises((Transient, Permanent)) as caught:
        await sending
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + caught.value.reason
    assert "CANARY" not in told
    assert not re.search(r"C0123|127\.0\.0\.1", caught.value.reason)
    return caught.value


# ---------------------------------------------------------------------------------------------------------- threads


async def test_the_first_message_begins_a_thread_and_later_ones_are_put_under_it(bot: Any, delivery: Send) -> None:
    """By the number that Slack gave the first one."""
    replied = says(ok=True, ts=SECOND, message={"thread_ts": FIRST, "text": "CANARY"})
    async with peer(one_after_the_other(says(ok=True, ts=FIRST), replied)) as there, bot(there) as sink:
        first = await sink.send(delivery())
        assert first == Delivered("ok", FIRST)
        later = replace(delivery(), thread=first.thread)
        assert await sink.send(later) == Delivered("ok", FIRST)
    line, headers, _ = there.requests[0]
    assert line == "POST /api/chat.postMessage HTTP/1.1"
    assert headers["authorization"] == f"Bearer {TOKEN}"
    assert headers["content-type"] == "application/json; charset=utf-8"
    assert [(one["channel"], one.get("thread_ts")) for one in posted(there)] == [("C0123", None), ("C0123", FIRST)]
    assert posted(there)[0]["blocks"][0]["text"]["text"] == "Nouveau lead\u00a0: Marc FRIN (agence 101)"


@pytest.mark.parametrize(
    "error",
    ["thread_not_found", "message_not_found", "cannot_reply_to_message", "restricted_action_thread_locked"],
)
async def test_a_thread_that_takes_no_more_is_left(bot: Any, delivery: Send, error: str) -> None:
    """The message stands in the channel then: it is not lost with the thread."""
    refused, taken = says(ok=False, error=error), says(ok=True, ts=SECOND)
    async with peer(one_after_the_other(refused, taken)) as there, bot(there) as sink:
        assert await sink.send(replace(delivery(), thread=FIRST)) == Delivered("ok", SECOND)
    assert [one.get("thread_ts") for one in posted(there)] == [FIRST, None]


async def test_a_thread_whose_first_message_was_deleted_begins_anew(bot: Any, delivery: Send) -> None:
    """Slack puts the message into the channel by itself, and its answer names no thread."""
    async with peer(says(ok=True, ts=SECOND, message={"text": "x"})) as there, bot(there) as sink:
        assert await sink.send(replace(delivery(), thread=FIRST)) == Delivered("ok", SECOND)
    assert len(there.requests) == 1


@pytest.mark.parametrize("error", ["thread_not_found", "message_not_found"])
async def test_without_a_thread_that_error_is_the_messages_own(bot: Any, delivery: Send, error: str) -> None:
    """It is not asked for ever."""
    async with peer(says(ok=False, error=error)) as there, bot(there) as sink:
        assert isinstance(await failure(sink.send(delivery())), Permanent)
    assert len(there.requests) == 1


async def test_what_is_about_no_record_is_put_under_nothing(bot: Any) -> None:
    """A digest or a trouble would hardly be seen under one of last month."""
    about_none = [
        summary("digest", {"new-lead": 2}, [news("new-lead", "apimo.leads")]),
        trouble("source-failing", "s", "x"),
    ]
    async with peer(says(ok=True, ts=FIRST)) as there, bot(there) as sink:
        for event in about_none:
            assert await sink.send(replace(delivery_of(event), thread=SECOND)) == "ok"
    assert not [one for one in posted(there) if "thread_ts" in one]


# ----------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize("status", [200, 429])
async def test_too_fast_is_later(bot: Any, delivery: Send, status: int) -> None:
    """When Slack says, with either status."""
    async with peer(says(status, ok=False, error="ratelimited", retry_after="30")) as there, bot(there) as sink:
        error = await failure(sink.send(delivery()))
    assert isinstance(error, Transient)
    assert (error.retry_after, error.unanswered) == (30, False)


@pytest.mark.parametrize(
    ("code", "unanswered"), [("service_unavailable", False), ("internal_error", True), ("fatal_error", True)]
)
async def test_slacks_own_trouble_is_later(bot: Any, delivery: Send, code: str, unanswered: bool) -> None:
    """Of some of it Slack says itself that the message may have been posted."""
    async with peer(says(ok=False, error=code)) as there, bot(there) as sink:
        error = await failure(sink.send(delivery()))
    assert isinstance(error, Transient)
    assert (error.reason, error.unanswered) == (f"Slack says {code}", unanswered)


@pytest.mark.parametrize(
    "code",
    ["invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "missing_scope",
     "channel_not_found", "not_in_channel", "is_archived", "restricted_action", "ekm_access_denied"],
)  # fmt: skip
async def test_what_no_message_gets_past_turns_the_sink_away(bot: Any, delivery: Send, code: str) -> None:
    """With what to do about it."""
    async with peer(says(ok=False, error=code)) as there, bot(there) as sink:
        error = await failure(sink.send(delivery()))
    assert isinstance(error, Permanent)
    assert error.refused
    assert re.fullmatch(f"Slack says {code}: .+", error.reason)


@pytest.mark.parametrize("code", ["msg_too_long", "invalid_blocks", "no_text", "an_error_of_next_year"])
async def test_what_is_wrong_with_a_message_is_about_that_message(bot: Any, delivery: Send, code: str) -> None:
    """The next one may pass."""
    async with peer(says(ok=False, error=code)) as there, bot(there) as sink:
        error = await failure(sink.send(delivery()))
    assert isinstance(error, Permanent)
    assert (error.refused, error.reason) == (False, f"Slack says {code}")


async def test_an_error_that_is_no_code_is_not_repeated(bot: Any, delivery: Send) -> None:
    """Whatever answered there may say anything."""
    async with peer(says(ok=False, error="no such customer: CANARY@example.fr\x1b[31m")) as there, bot(there) as sink:
        assert (await failure(sink.send(delivery()))).reason == "Slack says an error without a name"


@pytest.mark.parametrize(
    ("status", "kind", "refused"),
    [(401, Permanent, True), (404, Permanent, True), (500, Transient, False), (302, Permanent, False)],
)
async def test_a_status_counts_before_what_is_said(
    bot: Any, delivery: Send, status: int, kind: type, refused: bool
) -> None:
    """A proxy in between knows nothing of `ok`; a redirect is not followed, with the token."""
    async with peer(says(status, ok=True, ts=FIRST)) as there, bot(there) as sink:
        error = await failure(sink.send(delivery()))
        assert len(there.requests) == 1
    assert isinstance(error, kind)
    assert getattr(error, "refused", False) is refused


@pytest.mark.parametrize("answer", [reply(200, b"<html>hello</html>"), reply(200, b"[]"), reply(200, b'{"ok": "yes"}'),
                                    reply(200, b"\xff"), endless(200), unfinished(200), hang_up, silence])  # fmt: skip
async def test_an_answer_that_is_not_slacks_leaves_open_what_became_of_it(
    bot: Any, delivery: Send, answer: Any
) -> None:
    """It is tried again, and known that it may come twice; an answer without end is not read to its end."""
    async with peer(answer) as there, bot(there, timeout=timedelta(seconds=0.5)) as sink:
        error = await asyncio.wait_for(failure(sink.send(delivery())), 10)
    assert isinstance(error, Transient)
    assert error.unanswered


async def test_the_answer_to_a_long_message_is_understood(bot: Any, delivery: Send) -> None:
    """Slack repeats all of it, and says how it went at the end."""
    long = json.dumps({"message": {"text": "é" * 20_000}, "ts": FIRST, "ok": True}).encode()
    assert len(long) > 100_000
    async with peer(reply(200, long)) as there, bot(there) as sink:
        assert await sink.send(delivery()) == Delivered("ok", FIRST)


# ------------------------------------------------------------------------------------------------- secrets and values


async def test_hostile_values_are_only_text(bot: Any, delivery: Send) -> None:
    """As with a webhook: the same blocks."""
    async with peer(says(ok=True, ts=FIRST)) as there, bot(there) as sink:
        await sink.send(delivery(lastname=HOSTILE, message=HOSTILE))
    check(posted(there)[0])


async def test_the_token_is_told_to_nobody(bot: Any, delivery: Send, caplog: pytest.LogCaptureFixture) -> None:
    """Neither in a log nor when the sink or its settings are shown."""
    caplog.set_level(logging.DEBUG)
    async with peer(says(ok=True, ts=FIRST)) as there, bot(there) as sink:
        await sink.send(delivery())
        there.answer = hang_up
        await failure(sink.send(delivery()))
        shown = repr(sink) + repr(Config(type="slack", token=Secret(TOKEN), channel="C0123"))
    assert "CANARY" not in caplog.text + shown


async def test_a_cancelled_send_leaves_the_sink_usable(bot: Any, delivery: Send) -> None:
    """The connection is dropped, the next message gets through."""
    async with peer(silence) as there, bot(there) as sink:
        sending = asyncio.create_task(sink.send(delivery()))
        await asyncio.wait_for(there.reached.wait(), 5)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        there.answer = says(ok=True, ts=FIRST)
        assert await sink.send(delivery()) == Delivered("ok", FIRST)


# --------------------------------------------------------------------------------------------------------- settings

HOOK = "https://hooks.slack.com/services/T/B/x"


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({}, "needs url = .* or token = .* and channel"),
        ({"url": HOOK, "channel": "C0123"}, "keep one of the two"),
        ({"url": HOOK, "token": Secret(TOKEN), "channel": "C0123"}, "keep one of the two"),
        ({"token": Secret(TOKEN)}, "channel: missing; write"),
        ({"channel": "C0123"}, "token: missing; write"),
        ({"token": Secret("two words"), "channel": "C0123"}, "token: is no token"),
        ({"token": Secret("x\r\nHost: y"), "channel": "C0123"}, "token: is no token"),
        ({"token": Secret(TOKEN), "channel": "#sales"}, "channel: is no id"),
        ({"token": Secret(TOKEN), "channel": "C0123", "base_url": "http://slack.example/"}, "base_url: would send"),
        ({"token": Secret(TOKEN), "channel": "C0123", "base_url": "slack.com"}, "base_url: is no address"),
    ],
)
def test_it_is_a_webhook_or_a_bot(settings: Any, complaint: str) -> None:
    """One of the two and whole; what is said tells no secret."""
    with pytest.raises(ValueError, match=complaint) as caught:
        Config(type="slack", **settings)
    assert not re.search(r"CANARY|hooks\.slack|two words", str(caught.value))
