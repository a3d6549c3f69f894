"""The daemon as users run it: a process of its own, the vendors simulated, everybody who is told on loopback."""

import asyncio
import email
import email.policy
import json
import os
import signal
import sys
import time
from functools import partial
from pathlib import Path

from aiohttp import web
from aiosmtpd.smtp import SMTP
from canaries import discreet

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
DEADLINE = 30.0


async def until(condition, what, deadline=DEADLINE):
    """Wait until a condition holds; say what was waited for when it does not."""
    end = time.monotonic() + deadline
    while not (found := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline:.0f} s: {what() if callable(what) else what}")
        await asyncio.sleep(0.02)
    return found


class Receivers:
    """A webhook, a Slack, an SMTP server and a second webhook that can be made to fail."""

    def __init__(self):
        self.webhook, self.slack, self.mail, self.flaky = [], [], [], []
        self.status = {"webhook": 200, "slack": 200, "flaky": 200}

    async def start(self):
        """Listen on loopback."""
        app = web.Application()
        for name in ("webhook", "slack", "flaky"):
            app.router.add_post(f"/{name}", self._take)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
        loop = asyncio.get_running_loop()
        self._smtp = await loop.create_server(lambda: SMTP(self, loop=loop), "127.0.0.1", 0)
        self.smtp_port = self._smtp.sockets[0].getsockname()[1]

    async def stop(self):
        """Hang up."""
        self._smtp.close()
        await self._runner.cleanup()

    async def _take(self, request):
        name = request.path.strip("/")
        body = await request.read()
        if self.status[name] == 200:
            getattr(self, name).append((dict(request.headers), body))
        return web.Response(status=self.status[name], text="ok")

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 - aiosmtpd's name
        """Take a message."""
        self.mail.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 OK"

    def types(self):
        """The event types that the webhook was told, in order."""
        return [json.loads(body)["type"] for _, body in self.webhook]


class Daemon:
    """`watcher run` in a directory of its own."""

    def __init__(self, directory, sim, receivers):
        self.directory, self.sim, self.receivers = Path(directory), sim, receivers
        self.process = None

    def configure(self, *, sources="", sinks="", rules="", accounts="", every="150ms"):
        """Write config.toml: the two vendors, the four receivers, everything told to all of them."""
        (self.directory / "config.toml").write_text(f"""
language = "en"
[state]
path = "watcher.db"
[status]
listen = ""
[operator]
to = ["webhook", "slack", "mail", "file"]
[accounts.azur]
api = "apimo"
base_url = "{self.sim.url}"
provider = "9999"
token = {{ env = "APIMO_TOKEN" }}
max_rate = "1000/s"
budget = false
[accounts.riviera]
api = "adlead"
base_url = "{self.sim.url}/v1"
tenant = "client-a"
key = {{ env = "ADLEAD_KEY" }}
max_rate = "1000/s"
{accounts}
[[sources]]
account = "azur"
stream = "leads"
agencies = [101]
every = "{every}"
reconcile = "1s"
[[sources]]
account = "azur"
stream = "contracts"
agencies = [101]
every = "{every}"
reconcile = "1s"
[[sources]]
account = "riviera"
stream = "purchases"
programs = [1]
every = "{every}"
{sources}
[sinks.webhook]
type = "webhook"
url = "{self.receivers.url}/webhook"
secret = {{ env = "HOOK_SECRET" }}
[sinks.slack]
type = "slack"
url = {{ env = "SLACK_URL" }}
max_rate = "1000/s"
[sinks.mail]
type = "email"
host = "127.0.0.1"
port = {self.receivers.smtp_port}
tls = "none"
from = "Watcher <watcher@example.fr>"
to = ["direction@example.fr"]
[sinks.file]
type = "file"
path = "events.jsonl"
{sinks}
[[rules]]
name = "everything"
on = ["*"]
to = ["webhook", "slack", "mail", "file"]
flood = false
{rules}
""")

    @property
    def environ(self):
        """What the process is started with."""
        return {
            **os.environ,
            "APIMO_TOKEN": "simulated-token",
            "ADLEAD_KEY": "simulated-key",
            "HOOK_SECRET": SECRET,
            "SLACK_URL": f"{self.receivers.url}/slack",
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }

    async def start(self, *arguments):
        """Start it, and wait until it has read every source once."""
        self.log = (self.directory / "log.jsonl").open("ab")
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "watcher", "run", *arguments,
            cwd=self.directory, env=self.environ, stdout=self.log, stderr=self.log,
        )  # fmt: skip

    async def stop(self, number=signal.SIGTERM):
        """Send it a signal and wait for its end; return the exit code."""
        if self.process and self.process.returncode is None:
            self.process.send_signal(number)
            async with asyncio.timeout(DEADLINE):
                await self.process.wait()
        self.log.close()
        discreet((self.directory / "log.jsonl").read_text())
        return self.process.returncode

    def logged(self):
        """The lines of its log."""
        lines = (self.directory / "log.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def polled(self, source):
        """How often the log says that a source was read with something new."""
        return sum(1 for line in self.logged() if line["event"] == "polled" and line["source"] == source)

    async def baselined(self, *sources):
        """Wait until those sources have been read once."""
        for source in sources:
            await until(partial(self.polled, source), partial(self._unread, source))

    def _unread(self, source):
        return f"{source} read; {self.tail()}"

    def tail(self):
        """The end of the log, for a failure's message."""
        return (self.directory / "log.jsonl").read_text()[-3000:]

    def lines(self):
        """The events in the file sink."""
        path = self.directory / "events.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
