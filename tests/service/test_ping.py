"""The dead man's switch: a ping while all is well, silence otherwise, and the address nowhere but on its way."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from aiohttp import web
from structlog.testing import capture_logs

sys.path.insert(0, str(Path(__file__).parents[1] / "cli"))

from cli_site import SECRETS, Site, populate, simulated

from watcher.cli.common import configured, opened
from watcher.cli.run import _standing
from watcher.daemon import Daemon
from watcher.errors import ConfigError
from watcher.ping import FAILED, IDLE, LOOK, SENT, WITHHELD, Ping
from watcher.sinks import sink_types
from watcher.status import Pages, serving
from watcher.systemd import Notifier
from watcher.units import Secret

NOON = datetime(2026, 11, 21, 11, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SECRET = "CANARY-uuid"


class Switch:
    """A dead man's switch on loopback: it counts what comes, and answers what it is told to."""

    def __init__(self) -> None:
        self.pings: list[web.Request] = []
        self.answer: Callable[[web.Request], web.StreamResponse] = lambda _: web.Response(text="OK")
        self.rung = asyncio.Event()
        self.base = ""

    @property
    def url(self) -> Secret:
        """Its secret address."""
        return Secret(f"{self.base}/{SECRET}")

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Note one, and answer."""
        self.pings.append(request)
        self.rung.set()
        return self.answer(request)


@pytest.fixture
async def switch() -> AsyncIterator[Switch]:
    """A switch that takes every ping."""
    there, app = Switch(), web.Application()
    app.router.add_route("*", "/{path:.*}", there.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    there.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield there
    await runner.cleanup()


class Pinged:
    """A ping whose health and settings the test says; `outcomes` are what it counted."""

    def __init__(self, url: Secret | None) -> None:
        self.url = url
        self.reasons: list[str] = []
        self.outcomes: list[str] = []
        self.ping = Ping(lambda: (self.url, MINUTE), self.look, self.outcomes.append, lambda: NOON)

    async def look(self) -> list[str]:
        """Why none is to be sent."""
        return self.reasons

    async def turn(self) -> float:
        """One turn."""
        return await self.ping.turn()


@pytest.fixture
async def pinged(switch: Switch) -> AsyncIterator[Pinged]:
    """A ping to that switch, of a watcher that is well."""
    here = Pinged(switch.url)
    yield here
    await here.ping.close()


async def test_while_all_is_well_it_is_sent(pinged: Pinged, switch: Switch) -> None:
    """A plain GET of the address, once an interval."""
    assert [await pinged.turn(), await pinged.turn()] == [60.0, 60.0]
    assert [(ping.method, ping.path) for ping in switch.pings] == [("GET", f"/{SECRET}")] * 2
    assert pinged.outcomes == [SENT, SENT]


async def test_while_something_is_wrong_none_is_sent(pinged: Pinged, switch: Switch) -> None:
    """Not even one that says so: silence is the signal. It is looked at again soon."""
    pinged.reasons = ["source azur/apimo.leads/101 is failing"]
    assert await pinged.turn() == LOOK
    assert (switch.pings, pinged.outcomes) == ([], [WITHHELD])
    pinged.reasons = []
    assert await pinged.turn() == 60.0
    assert len(switch.pings) == 1


def endless(_: web.Request) -> web.Response:
    """An answer of more than anybody should read."""
    return web.Response(body=b"x" * 10_000_000)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (lambda _: web.Response(status=204), SENT),
        (endless, SENT),
        (lambda _: web.Response(status=500, text=f"no {SECRET}"), FAILED),
        (lambda _: web.Response(status=404), FAILED),
        (lambda _: web.Response(status=302, headers={"Location": f"/elsewhere/{SECRET}"}), FAILED),
    ],
    ids=["204", "endless", "500", "404", "redirect"],
)
async def test_only_a_status_of_success_is_one(pinged: Pinged, switch: Switch, answer, outcome) -> None:
    """No redirect is followed, and no answer read to its end. The interval stays as it is."""
    switch.answer = answer
    assert await pinged.turn() == 60.0
    assert pinged.outcomes == [outcome]
    assert len(switch.pings) == 1


async def test_a_failure_is_said_once_when_it_begins_and_once_when_it_ends(pinged: Pinged, switch: Switch) -> None:
    """Without the address, whatever the other side says; each is counted."""
    taken = switch.answer
    with capture_logs() as logs:
        await pinged.turn()
        switch.answer = lambda _: web.Response(status=503, text=f"http://x/{SECRET}")
        for _ in range(3):
            await pinged.turn()
        switch.answer = taken
        await pinged.turn()
    assert [entry["event"] for entry in logs] == ["the ping was not taken", "pings are taken again"]
    assert logs[0]["reason"] == "HTTP 503"
    assert SECRET not in str(logs)
    assert pinged.outcomes == [SENT, FAILED, FAILED, FAILED, SENT]


async def test_nobody_there_is_a_failure_without_an_address() -> None:
    """A switch that is down is said, and tried again."""
    here = Pinged(Secret(f"http://127.0.0.1:9/{SECRET}"))
    with capture_logs() as logs:
        assert await here.turn() == 60.0
    await here.ping.close()
    assert here.outcomes == [FAILED]
    assert "no connection" in str(logs)
    assert SECRET not in str(logs)


async def test_without_an_address_nothing_is_done(pinged: Pinged, switch: Switch) -> None:
    """A reload may take it away, or put another in its place."""
    await pinged.turn()
    pinged.url = None
    assert await pinged.turn() == IDLE
    pinged.url = Secret(f"{switch.base}/another")
    await pinged.turn()
    assert [ping.path for ping in switch.pings] == [f"/{SECRET}", "/another"]
    assert pinged.outcomes == [SENT, SENT]


# ---------------------------------------------------------------------------------------------------- as it is configured


@pytest.fixture
async def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, switch: Switch) -> AsyncIterator[Site]:
    """A site that pings the switch."""
    for name, value in {**SECRETS, "PING_URL": switch.url.reveal()}.items():
        monkeypatch.setenv(name, value)
    async with simulated() as simulator:
        here = Site(tmp_path, simulator)
        populate(here)
        write(here)
        yield here


def write(site: Site, ping: str = 'ping = { env = "PING_URL" }', every: str = "1h") -> None:
    """Write the configuration."""
    site.write(every=every)
    text = site.config.read_text().replace('listen = ""', f'listen = ""\n{ping}')
    site.config.write_text(text)


@asynccontextmanager
async def run(site: Site) -> AsyncIterator[Pages]:
    """The daemon, and all that goes with it."""
    types = sink_types()
    async with opened(configured(str(site.config), types), types) as core:
        daemon = Daemon(core, partial(configured, str(site.config), types), types, Notifier({}))
        async with serving(daemon, partial(_standing, daemon)) as pages:
            task = asyncio.create_task(daemon.run())
            try:
                yield pages
            finally:
                daemon.stop.set()
                await task


async def test_a_daemon_that_sees_and_speaks_pings(site: Site, switch: Switch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once every source was read, and not before; the address is in no log, and the pings are counted."""
    monkeypatch.setattr("watcher.ping.LOOK", 0.05)
    with capture_logs() as logs:
        async with run(site) as pages, asyncio.timeout(30):
            await switch.rung.wait()
            while not pages.metrics.registry.get_sample_value("watcher_pings_total", {"outcome": SENT}):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            assert await pages.blind() == []
    assert SECRET not in str(logs)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('ping = "https://hc-ping.example/CANARY-uuid"', "ping"),
        ('ping = { env = "NOT_THERE" }', "NOT_THERE"),
        ('ping = { env = "IN_THE_CLEAR" }', "ping: would send everything in the clear"),
        ('ping = { env = "PING_URL" }\nping_every = "1s"', 'ping_every: must be between "10s" and "1d"'),
    ],
)
async def test_what_cannot_be_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch, written: str, said: str) -> None:
    """The address is a secret: a reference, encrypted, and never repeated."""
    monkeypatch.setenv("IN_THE_CLEAR", f"http://hc-ping.example/{SECRET}")
    write(site, written)
    with pytest.raises(ConfigError) as caught:
        configured(str(site.config))
    assert any(said in complaint for complaint in caught.value.complaints)
    assert SECRET not in str(caught.value)
