"""Each of our sinks keeps what every sink promises."""

# ruff: noqa: RUF012 - `without` is a constant

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiohttp import encode_basic_auth
from contract_places import log_file, mail_server, program
from slack_checks import check as check_slack

from watcher.model import Delivered, Delivery
from watcher.ports import Sink
from watcher.sinks import SINKS, Settings, Tools
from watcher.sources.http import Account, Client
from watcher.testing import Place, Received, SinkContract
from watcher.testing.samples import NAUGHTY
from watcher.units import Rate, Secret

KEY = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="
BOT = "xoxb-CANARY-of-the-bot"
PASSWORD = "CANARY-password"
TOKEN = "CANARY-t0ken"
BASIC = encode_basic_auth("9999", TOKEN)

NOTED = (
    json.loads(line)
    for line in (Path(__file__).parent.parent / "naughty.txt").read_text(encoding="utf-8").splitlines()
    if line.startswith('"')
)
ALL_NAUGHTY = (
    *NAUGHTY,
    *(value for value in NOTED if "\ud800" not in value),
)  # no half character gets as far as a sink


class Ours(SinkContract):
    """One of our own: also against every naughty string that anybody noted."""

    naughty = ALL_NAUGHTY


class TestWebhook(Ours):
    """Signed."""

    kind = SINKS["webhook"]
    secrets = (KEY, KEY.removeprefix("whsec_"))

    def settings(self, address: str) -> Mapping[str, Any]:
        """An address and a secret."""
        return {"url": Secret(address), "secret": Secret(KEY)}


class TestSlack(Ours):
    """By an incoming webhook."""

    kind = SINKS["slack"]
    without = {"ids": "Slack has nowhere to put one"}

    def settings(self, address: str) -> Mapping[str, Any]:
        """An address."""
        return {"url": Secret(address)}

    def check(self, received: Received, delivery: Delivery) -> None:
        """It is within Slack's limits, and its only markup is ours."""
        check_slack(json.loads(received.body))


class TestSlackBot(TestSlack):
    """By a bot's token."""

    secrets = (BOT,)
    answer = b'{"ok": true, "channel": "C0123", "ts": "1763720551.000100"}'

    def settings(self, address: str) -> Mapping[str, Any]:
        """A token and a channel."""
        base_url = urlsplit(address)._replace(path="", query="").geturl()  # which is no secret
        return {"token": Secret(BOT), "channel": "C0123", "base_url": base_url}

    def check(self, received: Received, delivery: Delivery) -> None:
        """It is within Slack's limits, and its only markup is ours."""
        check_slack({name: value for name, value in json.loads(received.body).items() if name != "channel"})


NO_HTTP = ("statuses", "redirects", "answers")


class TestEmail(Ours):
    """With a password."""

    kind = SINKS["email"]
    secrets = (PASSWORD, base64.b64encode(f"\0watcher\0{PASSWORD}".encode()).decode())
    without = dict.fromkeys(NO_HTTP, "mail servers do not speak HTTP")

    def settings(self, address: str) -> Mapping[str, Any]:
        """A server on loopback, encrypted from the first byte or not at all."""
        where = urlsplit(address)
        return {
            "host": where.hostname,
            "port": where.port,
            "tls": "implicit" if where.scheme == "https" else "none",
            "username": "watcher",
            "password": Secret(PASSWORD),
            "from_": "Watcher <watcher@example.fr>",
            "to": ["direction@example.fr", "ventes@example.fr"],
        }

    def place(self) -> AbstractContextManager[Place]:
        """A mail server."""
        return mail_server()


class TestFile(Ours):
    """A file, or a pipe."""

    kind = SINKS["file"]
    without = dict.fromkeys((*NO_HTTP, "network", "tls", "certificates"), "it writes to a file")

    def settings(self, address: str) -> Mapping[str, Any]:
        """A path."""
        return {"path": Path(address)}

    def place(self) -> AbstractContextManager[Place]:
        """A file."""
        return log_file()


class TestCommand(Ours):
    """A program with an argument."""

    kind = SINKS["command"]
    without = dict.fromkeys((*NO_HTTP, "network", "tls", "certificates"), "it runs a program")

    def settings(self, address: str) -> Mapping[str, Any]:
        """A program and its argument."""
        return {"command": [address, "an argument"]}

    def place(self) -> AbstractContextManager[Place]:
        """A program."""
        return program()


class TestApprise(Ours):
    """By its service for any address that takes JSON."""

    kind = SINKS["apprise"]
    without = {
        "ids": "Apprise has nowhere to put one",
        "statuses": "of a failure Apprise says only that there was one",
        "answers": "Apprise reads the answers, and of a failure says only that there was one",
        "certificates": "Apprise says of one only that there was a failure",
    }

    def settings(self, address: str) -> Mapping[str, Any]:
        """An address as Apprise has it."""
        return {"url": Secret(address.replace("http", "json", 1))}


class _WithAccount:
    """A sink and the account that it writes to, closed together as the daemon does."""

    def __init__(self, sink: Sink, account: Client) -> None:
        self._sink = sink
        self._account = account

    async def send(self, delivery: Delivery) -> str | Delivered:
        """Send."""
        return await self._sink.send(delivery)

    async def close(self) -> None:
        """Let go of both."""
        await self._sink.close()
        await self._account.close()


class TestApimoLead(Ours):
    """Through an account's client, without a budget and with room in its rate."""

    kind = SINKS["apimo_lead"]
    secrets = (TOKEN, BASIC.split(" ")[1])
    answer = b'{"id": 4711}'
    without = {
        "summaries": "several events are no lead",
        "certificates": "the account's client has it tried again, as a poll is",
    }
    most_held = 80_000_000  # the account's client reads up to 32 MiB, as of a page

    def settings(self, address: str) -> Mapping[str, Any]:
        """An account, an agency and the fields of a lead."""
        fields = {"lastname": "{{ record.lastname }}", "message": "{{ record.message }}", "referral": "watcher"}
        return {"account": "azur", "agency": "101", "fields": fields}

    def configured(self, address: str, **common: Any) -> Settings:
        """The templates are tried on every event there is, which takes a while: once for all tests."""
        return _lead_settings(tuple(common.items()))

    def make(self, address: str, tools: Tools, **common: Any) -> Sink:
        """Build it on a client of that address."""
        base_url = address.partition("?")[0]
        account = Account("azur", base_url, Rate(10_000, 1.0), None, 4, {"Authorization": BASIC}, self.secrets)
        client = Client(account, None, tools.clock, lambda: 0.5)

        async def post(_account: str, path: str, document: bytes, seconds: float) -> bytes:
            return (await client.post(path, document, timeout=seconds)).body()

        return _WithAccount(super().make(address, replace(tools, post=post), **common), client)


@cache
def _lead_settings(common: tuple[tuple[str, Any], ...]) -> Settings:
    return SinkContract.configured(TestApimoLead(), "", **dict(common))


def test_every_type_of_sink_is_tried() -> None:
    """One that is added to the table is added here."""
    kinds = [contract.kind for contract in Ours.__subclasses__()]
    assert kinds == list(SINKS.values())
