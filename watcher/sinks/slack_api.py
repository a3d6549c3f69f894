"""Slack's own API: a bot's message into a channel, those about one record in one thread.

https://docs.slack.dev/reference/methods/chat.postMessage has the method and its errors. It answers 200 also when it
refuses; what it says in `error` is sorted here. A thread whose first message was deleted is no error to Slack: the
message then stands in the channel, and the answer names no thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec

from watcher.errors import Permanent, Transient
from watcher.model import Delivered
from watcher.ports import Clock
from watcher.sinks.http import Poster, Reply
from watcher.units import Secret

BASE_URL = "https://slack.com/api/"

_MOST_ANSWER = 256 * 1024
"""Bytes. Slack repeats the message, with a backslash before much of it; its `ok` may stand at the end."""

_LATER = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded", "service_unavailable", "request_timeout",
                    "org_login_required", "team_added_to_org"})  # fmt: skip
_PERHAPS_TAKEN = frozenset({"internal_error", "fatal_error"})
"""Slack's own troubles, of which it says that some of the operation may have succeeded."""

_NO_THREAD = frozenset({"thread_not_found", "message_not_found", "invalid_thread_ts", "cannot_reply_to_message",
                        "restricted_action_thread_locked", "restricted_action_non_threadable_channel"})  # fmt: skip

_TOKEN, _SCOPE = "put in a new token", "give the app the scope chat:write and install it again"
_CHANNEL, _INVITE, _ADMIN = "check the channel", "invite the bot into the channel", "ask the workspace's administrators"
_REFUSED: Mapping[str, str] = {
    **dict.fromkeys(("invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired"), _TOKEN),
    **dict.fromkeys(("not_allowed_token_type", "two_factor_setup_required", "app_missing_action_url"), _TOKEN),
    **dict.fromkeys(("missing_scope", "no_permission"), _SCOPE),
    **dict.fromkeys(("channel_not_found", "is_archived", "channel_is_frozen", "messages_tab_disabled"), _CHANNEL),
    **dict.fromkeys(("not_in_channel", "channel_type_not_supported"), _INVITE),
    **dict.fromkeys(("restricted_action", "restricted_action_read_only_channel", "access_denied"), _ADMIN),
    **dict.fromkeys(("restricted_action_thread_only_channel", "ekm_access_denied", "accesslimited"), _ADMIN),
    **dict.fromkeys(("team_access_not_granted", "enterprise_is_restricted", "user_is_restricted"), _ADMIN),
}
"""What is refused to every message, and what mends it. Any other error is about this message only."""


class _Message(msgspec.Struct):
    thread_ts: str = ""


class _Answer(msgspec.Struct):
    ok: bool
    error: str = ""
    ts: str = ""
    message: _Message | None = None


class Channel:
    """One channel that a bot writes to."""

    def __init__(self, base_url: str, token: Secret, channel: str, timeout: timedelta, clock: Clock) -> None:
        self._token = token
        self._channel = channel
        self._poster = Poster(base_url.rstrip("/") + "/chat.postMessage", timeout, clock, _MOST_ANSWER)

    async def post(self, message: Mapping[str, Any], thread: str) -> Delivered:
        """Post a message, under that thread where it is named and still there; raises Transient or Permanent.

        What is delivered names the thread that the message is in, or that it begins.
        """
        reply, answer = await self._call({**message, "thread_ts": thread} if thread else message)
        if thread and answer.error in _NO_THREAD:
            reply, answer = await self._call(message)
        if not answer.ok:
            raise _error(answer.error, reply.wait)
        return Delivered("ok", (answer.message and answer.message.thread_ts) or answer.ts)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._poster.close()

    async def _call(self, message: Mapping[str, Any]) -> tuple[Reply, _Answer]:
        reply = await self._poster.exchange(
            msgspec.json.encode({"channel": self._channel, **message}),
            {
                "Content-Type": "application/json; charset=utf-8",
                "Authorization": f"Bearer {self._token.reveal()}",
            },
        )
        if not reply.taken:
            raise reply.error()
        try:
            return reply, msgspec.json.decode(reply.body, type=_Answer)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Transient("no answer of Slack's (what came is not its JSON)", unanswered=True) from None


def _error(code: str, wait: float | None) -> Transient | Permanent:
    said = code if code.isascii() and code.isidentifier() and len(code) < 60 else "an error without a name"  # noqa: PLR2004 - a code
    if code in _LATER:
        return Transient(f"Slack says {said}", retry_after=wait)
    if code in _PERHAPS_TAKEN:
        return Transient(f"Slack says {said}", retry_after=wait, unanswered=True)
    if remedy := _REFUSED.get(code):
        return Permanent(f"Slack says {said}: {remedy}", refused=True)
    return Permanent(f"Slack says {said}")
