"""`run` and `reload`: the daemon as a process."""

import asyncio
import json
import re
import signal

import pytest
from cli_site import CRM, SECRETS, ended, happen, until


async def test_once_tells_nobody_of_what_was_there_before(site):
    """The first read fills the memory; nothing is owed, so the exit is 0."""
    done = await site.run("run", "--once")
    assert (done.code, done.out) == (0, "")
    assert site.told() == []


async def test_once_tells_what_happened_since(site):
    """Each source is read once and what is owed is delivered, in one go."""
    await site.run("run", "--once")
    happen(site)
    done = await site.run("run", "--once")
    assert done.code == 0
    assert {"new-lead", "contract-signed", "purchase-canceled"} <= {event["type"] for event in site.told()}
    assert (await site.run("run", "--once")).code == 0
    assert len({event["id"] for event in site.told()}) == len(site.told())


async def test_once_is_1_while_something_is_left_owed(site):
    """A sink that cannot be reached leaves something owed, which is said."""
    site.write(CRM.format(url="http://127.0.0.1:9/"))
    await site.run("run", "--once")
    happen(site)
    done = await site.run("run", "--once")
    assert (done.code, done.out) == (1, "1 left owed to crm\n")


async def test_once_attempts_each_delivery_once(site):
    """What fails is not hammered: one attempt a run, and only when it is due."""
    site.write(CRM.format(url="http://127.0.0.1:9/"))
    await site.run("run", "--once")
    happen(site)
    await site.run("run", "--once")
    await site.run("run", "--once")
    (delivery,) = (await site.run("deliveries", "--sink", "crm", "--json")).json
    assert (delivery["state"], delivery["attempts"]) == ("owed", 1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_daemon_stops_when_idle(site, number):
    """A signal ends it in good order: exit 0, no socket left, the store closed."""
    async with site.daemon() as daemon:
        await until_idle(site)
        daemon.send_signal(number)
        done = await ended(daemon)
        assert done.code == 0
        assert not (site.directory / "watcher.sock").exists()
        assert not (site.directory / "watcher.db-wal").exists()


async def until_idle(site):
    """Wait until the daemon has read every source."""
    async with asyncio.timeout(30):
        while not all(source["read_at"] for source in (await site.ask("status"))["sources"]):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)


async def test_the_daemon_tells_what_happens(site):
    """An event is in the sink soon after it happened upstream."""
    site.write(every="100ms")
    async with site.daemon():
        await until_idle(site)
        happen(site)
        await until(lambda: {"new-lead", "contract-signed", "purchase-canceled"} <= {e["type"] for e in site.told()})


async def test_the_socket_is_for_its_owner(site):
    """Nobody else may reach the daemon."""
    async with site.daemon():
        assert (site.directory / "watcher.sock").stat().st_mode & 0o777 == 0o600


async def test_its_logs_are_lines_of_json_without_secrets(site):
    """Where standard error is no terminal, each line is an object, and no secret is in it."""
    async with site.daemon() as daemon:
        await until_idle(site)
        daemon.send_signal(signal.SIGTERM)
        done = await ended(daemon)
    events = [json.loads(line)["event"] for line in done.err.splitlines()]
    assert events[0] == "started"
    assert events[-1] == "stopped"
    assert not any(secret in done.out + done.err for secret in SECRETS.values())


async def test_a_reload_takes_up_the_new_file(site):
    """After `reload` the new rules are in force."""
    async with site.daemon():
        await until_idle(site)
        site.write('[[rules]]\nname = "signed"\non = ["contract-signed"]\nto = ["log"]\n', every="100ms")
        done = await site.run("reload")
        assert done.code == 0
        assert re.fullmatch("reloaded: generation [23]\n", done.out)  # the saved file may have been seen before
        happen(site)
        await until(lambda: "contract-signed" in {event["type"] for event in site.told()})


async def test_a_broken_reload_says_every_mistake_and_changes_nothing(site):
    """The old configuration works on; `status` says so, too."""
    site.write(every="100ms")
    async with site.daemon():
        await until_idle(site)
        site.write('[sinks.bad]\ntype = "slak"\n[[rules]]\nname = "x"\non = ["new-leed"]\nto = ["log"]\n')
        done = await site.run("reload")
        assert (done.code, done.out) == (78, "")
        assert len(done.err.splitlines()) == 2
        status = await site.run("status", "--json")
        assert status.code == 1
        assert status.json["process"]["generation"] == 1
        assert status.json["process"]["reload_error"] == done.err.splitlines()
        happen(site)
        await until(lambda: "contract-signed" in {event["type"] for event in site.told()})


async def test_a_reload_need_not_be_waited_for(site):
    """With --no-wait the daemon is asked, and the answer left to its log."""
    async with site.daemon():
        done = await site.run("reload", "--no-wait")
        assert (done.code, done.out) == (0, "the daemon will reload\n")


async def test_a_reload_without_a_daemon_is_1(site):
    """There is nobody to ask."""
    done = await site.run("reload")
    assert (done.code, done.err) == (1, "watcher: no daemon runs; `watcher run` starts one\n")


async def test_a_saved_file_is_taken_up_by_itself(site):
    """Saving is enough, within five seconds."""
    async with site.daemon():
        await until_idle(site)
        site.write(every="2h")
        async with asyncio.timeout(10):
            while (await site.ask("status"))["process"]["generation"] == 1:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)


async def test_the_commands_need_no_secrets_while_a_daemon_runs(site):
    """Only the daemon has to have the secrets: who asks it need not."""
    async with site.daemon():
        await until_idle(site)
        happen(site)
        site.environ = {name: value for name, value in site.environ.items() if name not in SECRETS}
        assert (await site.run("poll", "azur/apimo.leads/101", "--json")).json["changes"] == 1
        assert (await site.run("status")).code == 0
        assert (await site.run("sources")).code == 0
        assert "new-lead" in (await site.run("events")).out
        assert (await site.run("sink", "test", "log")).code == 0


async def test_following_prints_events_as_they_are_committed(site):
    """`events --follow --json` gives one object a line, while the daemon writes."""
    site.write(every="100ms")
    async with site.daemon():
        await until_idle(site)
        process = await site.start("events", "--follow", "--json", "--type", "purchase-*")
        happen(site)
        assert process.stdout
        async with asyncio.timeout(30):
            first = json.loads(await process.stdout.readline())
        assert (first["type"], first["subject"]) == ("purchase-canceled", "4")
        process.send_signal(signal.SIGINT)
        assert (await ended(process)).code == 0


async def test_systemd_is_told_when_it_serves(site):
    """With Type=notify the daemon says that it is ready, and when it stops."""
    loop = asyncio.get_running_loop()
    heard = []

    class Listener(asyncio.DatagramProtocol):
        def datagram_received(self, data, addr):
            heard.append(data.decode().splitlines()[0])

    path = str(site.directory / "notify.sock")
    import socket

    channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    channel.bind(path)
    channel.setblocking(False)
    transport, _ = await loop.create_datagram_endpoint(Listener, sock=channel)
    try:
        process = await site.start("run", NOTIFY_SOCKET=path)
        await until(lambda: "READY=1" in heard)
        process.send_signal(signal.SIGTERM)
        assert (await ended(process)).code == 0
        await until(lambda: "STOPPING=1" in heard)
    finally:
        transport.close()
