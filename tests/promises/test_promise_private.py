"""What a day leaves behind: secrets nowhere, people in the store and in messages only, a log that is safe to read."""

import json
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from canaries import MARK, PERSON, SECRETS, discreet, secretless
from fire_daemon import until

from watcher.simulator import Fault
from watcher.store.backup import backup

WITHHELD = "Never-To-Be-Stored"

RULES = """
[sinks.crm]
type = "webhook"
url = { env = "CRM" }
secret = { env = "SIGNS" }
[[rules]]
name = "leads"
on = ["new-lead", "lead-*"]
to = ["crm"]
"""

LEAD = {
    "id": 7, "type": "1", "step": "1", "lastname": PERSON, "firstname": PERSON, "email": f"{PERSON}@example.fr",
    "phone": f"+33 {PERSON}", "message": f"{PERSON}\x1b[2J\r\n<6>{{\"event\": \"forged\"}} \u202e",
}  # fmt: skip
BUYER = {"id": 1, "firstname": PERSON, "lastname": PERSON, "email1": f"{WITHHELD}@example.fr", "birthdate": WITHHELD}


@asynccontextmanager
async def parrot():
    """A peer that takes nothing, and repeats whatever it is told and asked."""

    async def repeat(request):
        return web.Response(status=503, text=f"{request.url} {dict(request.headers)} {await request.text()}")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", repeat)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
    finally:
        await runner.cleanup()


@pytest.fixture
async def day(burning):
    """A daemon after all that: a lead, a buyer, a sink that repeats everything, a vendor who turns us away."""
    burning.world.put("purchases", "1", {"id": 2, "status": "booked", "contacts": [BUYER]})
    burning.write(more=RULES)
    config = burning.directory / "config.toml"
    config.write_text(config.read_text().replace('listen = ""', 'listen = "127.0.0.1:0"'))
    async with parrot() as url:
        environ = {"CRM": f"{url}/{MARK}?key={MARK}", "SIGNS": "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="}
        await burning.up(environ=environ)
        burning.world.put("leads", "101", LEAD)
        await until(lambda: burning.logged("to be tried again"), burning.said)
        burning.world.patch("leads", "101", 7, {"step": "2", "phone": f"0 {PERSON}"})
        burning.world.patch("purchases", "1", 2, {"status": "canceled"})
        await until(lambda: "purchase-canceled" in [kind for _, kind, _ in burning.lines()], burning.said)
        refusal = {"code": 401, "message": "simulated-token is no good\r\n\x1b[2J"}
        burning.sim.faults.add(Fault("status", path="*/leads", args=refusal))
        await until(lambda: burning.logged("not polled"), burning.said)
        yield burning


def kept(directory: Path, *but: str) -> dict[str, bytes]:
    """All files of the daemon's directory, by name."""
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.is_file() and path.name not in but}


async def test_a_day_is_logged_line_by_line_and_tells_no_secret_and_nobody_s_name(day):
    """Each line is one object; no secret, no person, no address, nothing that moves a terminal."""
    said = discreet(day.said())
    assert all(isinstance(json.loads(line), dict) for line in said.splitlines())
    assert "://" not in said
    assert "forged" not in said


async def test_a_change_can_be_followed_through_the_log(day):
    """From the poll that saw it to each sink that took it, by the id of its event."""
    (canceled,) = [line for line in day.logged("seen") if line["type"] == "purchase-canceled"]
    assert (canceled["source"], canceled["subject"]) == ("riviera/adlead.purchases/1", "2")
    await until(lambda: len(day.logged("delivered")) >= 2, day.said)
    sinks = {line["sink"] for line in day.logged("delivered") if line["event_id"] == canceled["event_id"]}
    assert {"hook", "log"} <= sinks


async def test_no_secret_is_kept(day):
    """Neither in the store and beside it, nor in a copy of it, nor in the arguments of the process."""
    backup(day.directory / "watcher.db", day.directory / "copy.db")
    files = kept(day.directory, "config.toml")
    assert {"watcher.db", "watcher.db-wal", "copy.db"} <= files.keys()
    files["the arguments"] = Path(f"/proc/{day.process.pid}/cmdline").read_bytes()
    assert [name for name, found in files.items() for secret in SECRETS if secret.encode() in found] == []


async def test_what_is_withheld_is_not_kept(day):
    """A buyer's date of birth is nowhere; his address is there as a hash only; his name is there, to be told."""
    files = kept(day.directory)
    assert [name for name, found in files.items() if WITHHELD.encode() in found] == []
    assert any(PERSON.encode() in found for name, found in files.items() if name.startswith("watcher.db"))


async def test_the_pages_tell_no_secret_and_nobody_s_name(day):
    """Whoever may see how the daemon fares learns nothing of anybody."""
    (served,) = day.logged("status pages are served")
    async with aiohttp.ClientSession(f"http://{served['listen']}") as session:
        for page in ("/healthz", "/readyz", "/metrics", "/status"):
            async with session.get(page) as answer:
                said = secretless(await answer.text())
                assert said
                assert PERSON not in said
