"""What the demo plays on: two simulated vendors, a receiver that checks signatures, and a watcher between them.

The configuration is a file like anybody's, written to a temporary directory, where the store is as well.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TextIO

import msgspec
from aiohttp import web

from watcher import logs
from watcher.cli.common import configured, opened
from watcher.cli.demo_story import Story
from watcher.daemon import Daemon
from watcher.model import Event
from watcher.simulator import Simulator
from watcher.sinks import sink_types
from watcher.systemd import Notifier

TOKEN, KEY = "demo-token", "demo-key"
HISTORY = {"leads": 40, "contracts": 15, "purchases": 25}

CONFIG = """\
language = "{language}"

[accounts.azur]
api      = "apimo"
base_url = "{url}"
provider = "9999"
token    = {{ file = "apimo-token" }}
budget   = false

[accounts.riviera]
api      = "adlead"
base_url = "{url}/v1"
tenant   = "client-a"
key      = {{ file = "adlead-key" }}
max_rate = "10/s"

[[sources]]
account  = "azur"
stream   = "leads"
agencies = [101, 102]
every    = "1s"

[[sources]]
account  = "azur"
stream   = "contracts"
agencies = [101, 102]
every    = "1s"

[[sources]]
account  = "riviera"
stream   = "purchases"
programs = [1, 2]
every    = "1s"

[sinks.crm]
type   = "webhook"
url    = "{receiver}"
secret = {{ file = "crm-secret" }}

[[rules]]
name = "everything"
on   = ["*"]
to   = ["crm"]

[status]
listen = ""
"""

PATIENCE = 300.0
"""Seconds that a signature may be old, as Standard Webhooks has it."""


@asynccontextmanager
async def staged(seed: int, story: Story, language: str) -> AsyncIterator[tuple[Daemon, Simulator]]:
    """Everything in its place, and nothing running yet but the simulated vendors."""
    with TemporaryDirectory(prefix="watcher-demo-") as name, _log(Path(name)) as log:
        logs.setup("info", log)
        directory, secret = Path(name), "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
        simulator = Simulator(
            seed,
            token=TOKEN,
            key=KEY,
            life=False,
            opening=True,
            prefill=HISTORY,
            apimo_daily=None,
            adlead_rate=None,
            on_happening=story.happen,
        )
        async with simulator, _receiving(secret, story) as receiver:
            text = CONFIG.format(language=language, url=simulator.url, receiver=receiver)
            path = _write(
                directory, {"config.toml": text, "apimo-token": TOKEN, "adlead-key": KEY, "crm-secret": secret}
            )
            types = sink_types()
            load = partial(configured, str(path), types)
            async with opened(load(), types) as core:
                core.heard.append(story.commit)
                yield Daemon(core, load, types, Notifier({})), simulator


def _log(directory: Path) -> TextIO:
    return (directory / "watcher.log").open("w")


def _write(directory: Path, files: Mapping[str, str]) -> Path:
    """Write the files, for their owner only; return the configuration."""
    for name, text in files.items():
        descriptor = os.open(directory / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
    return directory / "config.toml"


@asynccontextmanager
async def _receiving(secret: str, story: Story) -> AsyncIterator[str]:
    """A receiver of webhooks such as anybody may write one; yields its address."""
    key = base64.b64decode(secret.removeprefix("whsec_"))

    async def receive(request: web.Request) -> web.Response:
        body = await request.read()
        if not genuine(key, request.headers, body, datetime.now(UTC).timestamp()):
            story.refuse()
            return web.Response(status=401)
        story.receive(parsed(msgspec.json.decode(body)))
        return web.Response(status=204)

    app = web.Application(client_max_size=1 << 20)
    app.router.add_post("/", receive)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


def genuine(key: bytes, headers: Mapping[str, str], body: bytes, now: float) -> bool:
    """Whether a request was signed with that key, and lately (Standard Webhooks)."""
    stamp = headers.get("webhook-timestamp", "")
    if not stamp.isdigit() or abs(now - int(stamp)) > PATIENCE:
        return False
    signed = f"{headers.get('webhook-id', '')}.{stamp}.".encode() + body
    right = hmac.digest(key, signed, hashlib.sha256)
    given = headers.get("webhook-signature", "").split()
    return any(hmac.compare_digest(right, _bytes(one)) for one in given if one.startswith("v1,"))


def _bytes(signature: str) -> bytes:
    try:
        return base64.b64decode(signature.removeprefix("v1,"), validate=True)
    except binascii.Error:
        return b""


def parsed(envelope: Mapping[str, Any]) -> Event:
    """The event that a CloudEvents object is of."""
    return Event(
        id=envelope["id"],
        type=envelope["type"],
        source=envelope["source"],
        subject=envelope["subject"],
        time=datetime.fromisoformat(envelope["time"]),
        recorded_at=datetime.fromisoformat(envelope["recordedtime"]),
        data=envelope["data"],
        sequence=int(envelope["sequence"]),
    )
