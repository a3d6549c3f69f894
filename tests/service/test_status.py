"""The status pages, over real HTTP, of a daemon with a real store and simulated vendors."""

import asyncio
import json
import re
import signal
import socket
import stat
import sys
import threading
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

sys.path.insert(0, str(Path(__file__).parents[1] / "cli"))

from cli_site import CRM, SECRETS, Site, ended, happen, populate, simulated, until

from watcher import status
from watcher.cli.common import configured, opened
from watcher.cli.run import _standing
from watcher.cli.run import handler as commands
from watcher.daemon import Daemon
from watcher.model import Condition
from watcher.sinks import sink_types
from watcher.status import AT_ONCE, CONNECTIONS, LARGEST, Shared, hosts, inert, serving
from watcher.systemd import Notifier
from watcher.troubles import STORE_FAILING

PAGES = ("/healthz", "/readyz", "/metrics", "/status")
EVERYWHERE = "127.0.0.1:0"
SOURCE = "azur/apimo.leads/101"


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict
    text: str


async def exchange(address, request):
    """Send these bytes to an address, and read what comes back until it hangs up."""
    if address.startswith("unix:"):
        reader, writer = await asyncio.open_unix_connection(address.removeprefix("unix:"))
    else:
        reader, writer = await asyncio.open_connection(*address.rsplit(":", 1))
    try:
        writer.write(request)
        async with asyncio.timeout(20):
            return await reader.read()
    finally:
        writer.close()


async def ask(address, path, method="GET", host=None, **headers):
    """Ask for a page; the Host is the address unless it is given."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {address if host is None else host}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    head, _, body = (await exchange(address, "\r\n".join([*lines, "", ""]).encode())).partition(b"\r\n\r\n")
    first, *rest = head.decode().split("\r\n")
    return Answer(int(first.split()[1]), dict(line.split(": ", 1) for line in rest), body.decode())


class Served:
    """A daemon with its pages, in this process."""

    def __init__(self, site, daemon, pages):
        self.site, self.daemon, self.pages = site, daemon, pages

    async def get(self, path, **more):
        """Ask for a page where it is served."""
        return await ask(self.pages.address, path, **more)

    async def becomes(self, path, expected):
        """Wait until a page answers so."""
        async with asyncio.timeout(20):
            while (found := await self.get(path)).status != expected:  # noqa: ASYNC110 - a page rings no bell
                await asyncio.sleep(0.02)
        return found

    def write(self, *more, listen=EVERYWHERE, every="100ms", budget="false"):
        """Write the configuration."""
        write(self.site, *more, listen=listen, every=every, budget=budget)


def write(site, *more, listen=EVERYWHERE, every="100ms", budget="false"):
    """Write a configuration whose pages are served there."""
    site.write(*more, every=every, budget=budget)
    text = site.config.read_text().replace('listen = ""', f'listen = "{listen}"')
    site.config.write_text(text, encoding="utf-8")


@pytest.fixture
async def site(tmp_path, monkeypatch):
    """A site with a record of each kind upstream."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    async with simulated() as simulator:
        here = Site(tmp_path, simulator)
        populate(here)
        write(here)
        yield here


@asynccontextmanager
async def serve(site, *, run=True, look=None):
    """The daemon and its pages; `run` starts its loops."""
    types = sink_types()
    config = configured(str(site.config), types)
    async with opened(config, types) as core:
        daemon = Daemon(core, partial(configured, str(site.config), types), types, Notifier({}))
        async with serving(daemon, look or partial(_standing, daemon)) as pages:
            task = asyncio.create_task(daemon.run()) if run else None
            try:
                yield Served(site, daemon, pages)
            finally:
                daemon.stop.set()
                if task:
                    await task


@pytest.fixture
async def served(site):
    """A daemon that runs, and its pages."""
    async with serve(site) as here:
        yield here


@pytest.fixture
async def still(site):
    """A daemon whose loops have not been started, and its pages."""
    async with serve(site, run=False) as here:
        yield here


# -------------------------------------------------------------------------------------------------- alive and ready


async def test_it_lives_at_once_and_is_ready_when_every_source_was_read(still):
    """Before the first reads `/readyz` names each source that it waits for, and `/healthz` says yes."""
    found = await still.get("/readyz")
    assert found.status == 503
    assert sorted(found.text.splitlines()) == sorted(
        f"source {name} has not been read yet"
        for name in (SOURCE, "azur/apimo.contracts/101", "riviera/adlead.purchases/1")
    )
    assert (await still.get("/healthz")).text == "ok\n"
    task = asyncio.create_task(still.daemon.run())
    assert (await still.becomes("/readyz", 200)).text == "ok\n"
    still.daemon.stop.set()
    await task


async def test_a_source_that_refuses_us_makes_it_unready_but_not_unwell(site, monkeypatch):
    """A restart would not mend it: `/healthz` stays at 200 while `/readyz` names the source."""
    monkeypatch.setenv("APIMO_TOKEN", "wrong")
    async with serve(site) as here:
        async with asyncio.timeout(20):
            while "is failing" not in (found := await here.get("/readyz")).text:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.02)
        assert f"source {SOURCE} is failing" in found.text.splitlines()
        assert (await here.get("/healthz")).status == 200


async def test_a_sink_that_refused_us_makes_it_unready(site):
    """It is paused, and `/readyz` says since when."""
    write(site, CRM.format(url=f"{site.simulator.url}/nobody/takes/this"))
    async with serve(site) as here:
        await here.becomes("/readyz", 200)
        happen(site)
        found = await here.becomes("/readyz", 503)
        assert re.fullmatch(r"sink crm refused us and is paused since 20\S+Z\n", found.text)


async def test_what_an_operator_paused_is_no_trouble(served):
    """He wants it so."""
    await served.becomes("/readyz", 200)
    for name in (SOURCE, "log"):
        await commands(served.daemon)("pause", {"name": name, "reason": "moving house"})
    assert (await served.get("/readyz")).status == 200


async def test_a_store_that_cannot_be_written_makes_it_unready_only(served):
    """On a full disk it waits and goes on by itself: nobody is to kill it for that."""
    await served.becomes("/readyz", 200)
    served.daemon.trouble = Condition(STORE_FAILING, "store", served.daemon.started, "disk full")
    found = await served.get("/readyz")
    assert (found.status, found.text.splitlines()[0]) == (503, "the store cannot be written")
    assert (await served.get("/healthz")).status == 200


async def test_a_store_that_does_not_answer_is_the_end_of_health(still, monkeypatch):
    """Its thread hangs: `/healthz` says so within its patience."""
    monkeypatch.setattr(status, "PATIENCE", 0.2)
    go_on = threading.Event()
    hanging = asyncio.create_task(still.daemon.core.store._look(lambda _: go_on.wait(20)))
    await asyncio.sleep(0)
    try:
        found = await still.get("/healthz")
    finally:
        go_on.set()
        await hanging
    assert (found.status, found.text) == (503, "the store does not answer\n")


async def test_a_loop_that_is_stuck_is_the_end_of_health(still):
    """What comes round every few seconds and has not for two minutes will not; the tick may wait for its turn."""
    now = asyncio.get_running_loop().time()
    still.daemon.turns.update(health=now - 121, files=now - 5, tick=now - 1000)
    found = await still.get("/healthz")
    assert (found.status, found.text) == (503, "the loop 'health' is stuck for 121 s\n")


async def test_a_loop_that_has_ended_is_the_end_of_health(still):
    """While the daemon is not told to stop, none of them may end."""
    done = asyncio.create_task(asyncio.sleep(0))
    await done
    still.daemon.tasks = (done,)
    assert (await still.get("/healthz")).text == "a loop has ended\n"


async def test_the_loops_come_round(served):
    """Each of those that are watched says so."""
    await served.becomes("/readyz", 200)
    assert set(served.daemon.turns) == {"tick", "health", "files"}


async def test_a_configuration_that_is_not_in_force_makes_it_unready(served):
    """Whoever saves a file and waits for 200 knows that it was taken up; a broken one never is."""
    await served.becomes("/readyz", 200)
    served.write('[sinks.bad]\ntype = "slak"\n')
    found = await served.get("/readyz")
    assert (found.status, found.text) == (503, "the configuration on disk is not the one in force\n")
    await until(lambda: served.daemon.reload_error)
    assert (await served.becomes("/readyz", 503)).text == found.text
    assert "watcher_config_last_reload_successful 0.0" in (await served.get("/metrics")).text
    served.write()
    await served.becomes("/readyz", 200)
    assert "watcher_config_last_reload_successful 1.0" in (await served.get("/metrics")).text


# ---------------------------------------------------------------------------------------------- metrics and status


async def test_metrics_tell_what_happened(served):
    """After three changes: polls, changes, delays from upstream to seen and from seen to taken."""
    await served.becomes("/readyz", 200)
    happen(served.site)
    await until(lambda: len(served.site.told()) >= 3)
    found = {}
    async with asyncio.timeout(30):
        while found.get(("watcher_deliveries_total", "delivered", "log")) != 3:  # told is not yet settled
            text = (await served.get("/metrics")).text
            found = {(s.name, *sorted(s.labels.values())): s.value for f in read_text(text) for s in f.samples}
            await asyncio.sleep(0.05)
    assert found["watcher_polls_total", "apimo.leads", "azur", "ok"] > 1
    assert found["watcher_polls_total", "apimo.leads", "azur", "failed"] == 0
    assert found["watcher_changes_total", "adlead.purchases", "riviera"] == 2
    assert found["watcher_detection_delay_seconds_count", "apimo.contracts", "azur"] == 1
    assert found["watcher_delivery_delay_seconds_count", "log"] == 3
    assert found["watcher_events_total", "purchase-canceled"] == 1
    assert found["watcher_sources", "apimo.leads", "azur", "ok"] == 1
    assert found["watcher_store_size_bytes",] > 0
    assert found["watcher_event_loop_lag_seconds_count",] >= 1
    assert found["process_resident_memory_bytes",] > 0


@pytest.mark.parametrize(
    ("accept", "kind", "reader"),
    [
        ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text", read_openmetrics),
        ("text/plain; version=0.0.4", "text/plain", read_text),
        ("*/*", "text/plain", read_text),
    ],
)
async def test_metrics_come_in_the_form_that_is_accepted(still, accept, kind, reader):
    """OpenMetrics for those who ask for it, the older form for everybody else; each is well formed."""
    found = await still.get("/metrics", Accept=accept)
    assert found.headers["Content-Type"].split(";")[0] == kind
    assert {"watcher_store_up", "watcher_sources"} <= {family.name for family in reader(found.text)}


async def test_the_budget_that_is_left_is_shown(site):
    """Of an account with a budget, and of no other."""
    write(site, budget='"1000/day"', every="1h")
    async with serve(site) as here:
        await here.becomes("/readyz", 200)
        text = (await here.get("/metrics")).text
    assert 'watcher_budget_limit_requests{account="azur"} 1000.0' in text
    (left,) = re.findall(r"^watcher_budget_remaining_requests\{.*\} (.*)$", text, re.MULTILINE)
    assert 900 < float(left) < 1000


async def test_conditions_that_fail_are_counted_by_rule(site):
    """From zero, for every rule that has a condition."""
    write(
        site,
        '[[rules]]\nname = "dear"\non = ["new-lead"]\nwhen = "100 / (record.lastname | length - 5) > 1"\nto = ["log"]\n',
    )
    async with serve(site) as here:
        await here.becomes("/readyz", 200)
        zero = 'watcher_rule_condition_failures_total{rule="dear"} 0.0'
        assert zero in (await here.get("/metrics")).text
        happen(site)
        await until(lambda: len(site.told()) >= 3)
        assert zero.replace("0.0", "1.0") in (await here.get("/metrics")).text


async def test_without_its_store_metrics_still_answer(still):
    """What is not in the store is worth showing all the more then; the other pages say what is wrong."""
    still.site.store.unlink()
    assert "watcher_store_up 0.0" in (await still.get("/metrics")).text
    for page in ("/readyz", "/status"):
        found = await still.get(page)
        assert (found.status, found.text) == (503, "the store cannot be read\n")


async def test_status_is_that_of_the_command_less_what_people_wrote(served):
    """The same JSON but for the last events, a silence's author and comment, and the reasons of operators."""
    handle = commands(served.daemon)
    await handle("pause", {"name": "log", "reason": "Anne is ill"})
    await handle("silence", {"matchers": {"sink": "log"}, "author": "Marc", "comment": "Marc moves", "seconds": 60})
    found = json.loads((await served.get("/status")).text)
    known = await handle("status", {})
    assert set(found) == {"well", *known}
    assert [one["name"] for one in found["sources"]] == [one["name"] for one in known["sources"]]
    assert found["well"] is True
    assert [one["number"] for one in found["silences"]] == [1]
    assert not re.search("Anne|Marc", json.dumps(found))


async def test_no_page_tells_secrets_people_or_addresses(site, monkeypatch):
    """Not even while everything fails and the configuration is broken."""
    monkeypatch.setenv("APIMO_TOKEN", "wrong-but-secret")
    write(site, CRM.format(url=f"{site.simulator.url}/nobody/takes/this?key=hidden"))
    async with serve(site) as here:
        await until(lambda: here.daemon.core.lines)
        happen(site)
        site.world.make(
            "purchases", 1, {"id": 9, "contacts": [{"id": 1, "name": "CANARY", "email1": "canary@example.fr"}]}
        )
        await until(lambda: len(site.told()) >= 2)
        here.write(
            '[accounts.x]\napi = "apimo"\nbase_url = "http://vendor.example/canary"\nprovider = "1"\ntoken = "canary-token"\n'
        )
        await until(lambda: here.daemon.reload_error)
        said = "".join([(await here.get(page)).text for page in PAGES])
    assert here.daemon.reload_error
    canaries = "FRIN|PETIT|CANARY|canary|hidden|but-secret|://|@example"
    assert not re.search("|".join([canaries, *SECRETS.values()]), said)


def test_addresses_are_taken_out_of_what_anybody_wrote():
    """At any depth, web and mail alike; the rest stays as it was."""
    said = {"a": ["see https://x.example/?k=1 now", ("marc@example.fr", 3)], "b": None}
    assert inert(said) == {"a": ["see *** now", ["***", 3]], "b": None}


async def test_a_bug_in_a_page_is_said_without_its_details(site, capsys):
    """The one who asks learns that it is one; the log has the traceback."""

    async def broken():
        raise KeyError("canary")

    async with serve(site, run=False, look=broken) as here:
        found = await here.get("/status")
    assert (found.status, "canary" in found.text) == (500, False)
    assert "a status page failed" in capsys.readouterr().out


# ---------------------------------------------------------------------------------------------------- what it refuses


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PURGE"])
async def test_nothing_can_be_changed(still, method):
    """Anything but GET and HEAD is refused, also where there is no page."""
    for page in (*PAGES, "/", "/-/reload"):
        found = await still.get(page, method=method)
        assert (found.status, found.headers["Allow"]) == (405, "GET, HEAD")


async def test_head_is_get_without_the_body(still):
    """Probes may save it."""
    for page in PAGES:
        found = await still.get(page, method="HEAD")
        assert (found.status, found.text) == ((await still.get(page)).status, "")


async def test_no_other_page_is_there(still):
    """And it says which are."""
    found = await still.get("/favicon.ico")
    assert found.status == 404
    assert all(page in found.text for page in PAGES)


async def test_only_our_own_names_are_answered(still):
    """A page on the web that has its own name lead to 127.0.0.1 is told nothing."""
    port = still.pages.address.rsplit(":")[1]
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"LOCALHOST:{port}", f"[::1]:{port}"):
        assert (await still.get("/status", host=host)).status == 200
    for host in (
        f"evil.example:{port}",
        "localhost",
        "127.0.0.1:1",
        "",
        f"127.0.0.1:{port}.evil.example",
        f"127.0.0.1.nip.io:{port}",
    ):
        assert (await still.get("/status", host=host)).status == 421
    twice = f"GET /status HTTP/1.1\r\nHost: localhost:{port}\r\nHost: evil.example\r\n\r\n"
    assert b"200" not in (await exchange(still.pages.address, twice.encode()))[:12]
    assert b"421" in (await exchange(still.pages.address, b"GET /status HTTP/1.0\r\n\r\n"))[:12]


def test_the_port_may_be_left_out_where_browsers_leave_it_out():
    """On port 80 alone."""
    assert "localhost" in hosts("127.0.0.1", 80)
    assert "localhost" not in hosts("127.0.0.1", 9417)
    assert "[::1]:9417" in hosts("[::1]", 9417)


async def test_no_answer_is_kept_or_guessed_at(still):
    """Nothing is cached on the way, and every answer ends its connection."""
    for page in (*PAGES, "/nothing"):
        headers = (await still.get(page)).headers
        assert (headers["Cache-Control"], headers["X-Content-Type-Options"]) == ("no-store", "nosniff")
        assert headers["Connection"] == "close"


@pytest.mark.parametrize("garbage", [b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"G" * 20_000])
async def test_garbage_is_answered_and_not_logged(still, garbage, caplog, capsys):
    """What is no request costs nothing, and writes nothing into the log."""
    assert b"200 OK" not in await exchange(still.pages.address, garbage + b"\r\n\r\n")
    assert not caplog.records
    assert capsys.readouterr().err == ""


# ------------------------------------------------------------------------------------------------------------ bounds


class Slow:
    """A look that takes until it is told to go on, and counts how often it was asked for."""

    def __init__(self):
        self.count, self.go_on = 0, asyncio.Event()

    async def __call__(self):
        """Look."""
        self.count += 1
        await self.go_on.wait()
        return self.found


async def test_so_many_at_once_and_one_look_for_all(site):
    """Those beyond the bound are turned away at once; the others share one look."""
    look = Slow()
    async with serve(site, run=False, look=look) as here:
        look.found = await _standing(here.daemon)
        waiting = [asyncio.create_task(here.get("/status")) for _ in range(AT_ONCE)]
        await until(lambda: here.pages._busy == AT_ONCE)
        turned = await here.get("/status")
        assert (turned.status, turned.headers["Retry-After"]) == (503, "1")
        look.go_on.set()
        assert {(await task).status for task in waiting} == {200}
        assert look.count == 1


async def test_what_takes_too_long_is_given_up(site, monkeypatch):
    """The page says so within its patience; the metrics go without what the store knows."""
    monkeypatch.setattr(status, "PATIENCE", 0.2)
    async with serve(site, run=False, look=Slow()) as here:
        for page in ("/status", "/readyz"):
            found = await here.get(page)
            assert (found.status, found.text) == (503, "it takes too long\n")
        assert "watcher_store_up 0.0" in (await here.get("/metrics")).text


async def test_an_answer_that_is_too_large_is_not_sent(still, monkeypatch):
    """There is a command that has it."""
    monkeypatch.setattr(status, "LARGEST", 100)
    found = await still.get("/status")
    assert (found.status, "watcher status" in found.text) == (503, True)
    assert LARGEST > 1 << 20


async def test_idle_connections_are_bounded_and_make_room(still, monkeypatch):
    """Whoever holds connections open holds up to so many, and loses them to the next one after a while."""
    held = [await asyncio.open_connection(*still.pages.address.split(":")) for _ in range(CONNECTIONS)]
    await until(lambda: len(still.pages._runner.server.connections) == CONNECTIONS)
    with pytest.raises((IndexError, ConnectionError)):  # hung up on, without an answer
        await still.get("/healthz")
    monkeypatch.setattr(status, "LIFETIME", -1.0)
    assert (await still.get("/healthz")).status == 200
    for _, writer in held:
        writer.close()


async def test_a_look_is_shared_for_a_moment_only():
    """Whoever asks later gets a new one; one that failed is not kept for ever."""
    seen = iter([1, ValueError("no"), 3])

    async def look():
        found = next(seen)
        if isinstance(found, Exception):
            raise found
        return found

    kept, anew = Shared(look, fresh=3600), Shared(look, fresh=0)
    assert [await kept.get(), await kept.get()] == [1, 1]
    with pytest.raises(ValueError, match="no"):
        await anew.get()
    assert await anew.get() == 3


# -------------------------------------------------------------------------------------------------- where it is served


async def test_a_unix_socket_is_for_its_owner(site, tmp_path):
    """Mode 0600 from the start, any Host, gone at the end; an old one that nobody listens at is replaced."""
    path = tmp_path / "status.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as old:
        old.bind(str(path))
    write(site, listen=f"unix:{path}")
    async with serve(site, run=False) as here:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert (await here.get("/healthz", host="whatever")).status == 200
    assert not path.exists()


@pytest.mark.parametrize("kind", ["a file", "a socket in use"])
async def test_nothing_else_is_put_aside_for_a_unix_socket(site, tmp_path, kind):
    """A file is left as it is, and so is a socket that somebody listens at; the daemon has no pages then."""
    path = tmp_path / "status.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        if kind == "a file":
            path.write_text("precious")
        else:
            other.bind(str(path))
            other.listen()
        write(site, listen=f"unix:{path}")
        async with serve(site, run=False) as here:
            assert here.daemon.unserved
            assert here.pages.address == ""
        assert path.exists()


async def test_a_port_that_is_taken_is_said_and_taken_later(site):
    """The daemon goes on without pages, `status` names it as a trouble, and they are there once the port is free."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        write(site, listen=address)
        async with serve(site) as here:
            await until(lambda: here.daemon.turns)
            known = await commands(here.daemon)("status", {})
            (trouble,) = known["troubles"]
            assert (trouble["type"], trouble["subject"]) == ("status-failing", address)
            assert "Address already in use" in trouble["detail"]
            other.close()
            await here.pages.tend()
            assert (await here.get("/healthz")).status == 200
            assert not (await commands(here.daemon)("status", {}))["troubles"]


async def test_a_reload_moves_it_and_turns_it_off(served):
    """The old address is deaf as soon as the new one is in force; an empty one is nowhere."""
    first = served.pages.address
    served.write(listen="127.0.0.2:0")
    await until(lambda: served.pages.address.startswith("127.0.0.2:"))
    assert (await served.get("/healthz")).status == 200
    with pytest.raises(ConnectionRefusedError):
        await ask(first, "/healthz")
    second = served.pages.address
    served.write(listen="")
    await until(lambda: served.pages.address == "")
    with pytest.raises(ConnectionRefusedError):
        await ask(second, "/healthz")
    assert served.daemon.unserved is None


# ------------------------------------------------------------------------------------------------ as users run it


def free_port():
    """A port that was free a moment ago."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


async def test_run_serves_them_and_once_does_not(site):
    """`watcher run` has its pages where they are configured until it stops; `run --once` has none."""
    address = f"127.0.0.1:{free_port()}"
    write(site, listen=address)
    assert "status pages" not in (await site.run("run", "--once")).err
    async with site.daemon() as daemon:
        assert (await ask(address, "/readyz")).status in (200, 503)
        assert {(await ask(address, page)).status for page in ("/healthz", "/metrics", "/status")} == {200}
        daemon.send_signal(signal.SIGTERM)
        done = await ended(daemon)
    assert done.code == 0
    with pytest.raises(ConnectionRefusedError):
        await ask(address, "/healthz")


async def test_a_taken_port_does_not_stop_the_daemon(site):
    """People are told all the same: one warning in the log, and `watcher status` shows it and exits 1."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        write(site, listen=address)
        async with site.daemon() as daemon:
            shown = await site.run("status")
            assert shown.code == 1
            assert "status-failing" in shown.out
            assert address in shown.out
            daemon.send_signal(signal.SIGTERM)
            done = await ended(daemon)
    assert done.code == 0
    warnings = [line for line in map(json.loads, done.err.splitlines()) if line["level"] == "warning"]
    assert [line["event"] for line in warnings] == ["the status pages are not served; the daemon goes on without them"]
    assert warnings[0]["listen"] == address
