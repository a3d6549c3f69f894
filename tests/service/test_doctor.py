"""`watcher doctor`: each check finds what is wrong, says what to do, and leaves everything as it was."""

import asyncio
import json
import re
import sqlite3
import ssl
import stat
import sys
import threading
import tomllib
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP
from click.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[1] / "cli"))

from cli_site import CRM, KEY, SECRETS, TOKEN, Site, populate, simulated

from watcher import testing
from watcher.cli import watcher
from watcher.control import serving
from watcher.doctor import clock, credentials, network, places, service, storage, versions
from watcher.doctor.finding import sound
from watcher.doctor.network import Host
from watcher.doctor.places import Place, Room
from watcher.store import Store
from watcher.testing.peer import Peer, Script, nobody, reply, stopping

ROOT = Path(__file__).parents[2]
UNTRUSTED = Path(testing.__file__).with_name("untrusted.pem")
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MIB = 1 << 20


def levels(findings):
    """How bad each finding is, by what was checked."""
    return {finding.check: finding.level for finding in findings}


# ----------------------------------------------------------------------------------------------------------- versions


def test_the_libraries_are_those_of_the_project():
    """Every dependency of pyproject.toml is checked, with its own oldest version, and no other."""
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pairs = dict(re.fullmatch(r"([\w-]+)>=([\d.]+)", text).groups() for text in wanted["dependencies"])
    assert {name: oldest for name, (oldest, _) in versions.LIBRARIES.items()} == pairs
    assert wanted["requires-python"] == f">={'.'.join(map(str, versions.PYTHON))}"


def test_an_old_aiohttp_is_trouble_with_its_advisory():
    """The version, the oldest that will do, and what is wrong with it are named; the others are fine."""
    found = list(versions.libraries(lambda name: "3.14.2" if name == "aiohttp" else "2100.1"))
    assert levels(found) == {"aiohttp": "trouble", "libraries": "ok"}
    assert "3.14.2 is older than 3.14.3: older ones carry a HIGH advisory" in found[0].found


def test_a_library_that_is_not_there_is_trouble():
    """A half-made virtual environment is named."""
    found = list(versions.libraries(lambda name: None if name == "msgspec" else "2100"))
    assert levels(found)["msgspec"] == "trouble"


@pytest.mark.parametrize(
    ("version", "afflicted"),
    [
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 46, 1), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 53, 0), False),
    ],
)
def test_the_wal_reset_fault_is_known_by_version(version, afflicted):
    """It is said for the versions that have it, those in between the repaired series too, and it is no trouble here."""
    found = levels(versions.sqlite(version))
    assert ("SQLite's faults" in found) is afflicted
    assert found["SQLite"] == "ok"


@pytest.mark.parametrize(
    "found",
    [
        versions.sqlite((3, 36, 0)),
        versions.sqlite((3, 40, 1), ("STRICT tables",)),
        versions.sqlite((3, 40, 1), threads=False),
    ],
)
def test_a_sqlite_that_will_not_do_is_trouble(found):
    """Too old, built without what is needed, or not usable from a thread."""
    assert levels(found)["SQLite"] == "trouble"


def test_this_machines_sqlite_is_tried():
    """What watcher needs of SQLite is asked of SQLite itself; here it is there, or no test of the store would run."""
    assert versions.lacking() == ()


def test_an_old_python_is_trouble():
    """The version and the oldest that will do."""
    assert versions.python((3, 10, 4)).level == "trouble"
    assert versions.python((3, 11, 0)).level == "ok"


# -------------------------------------------------------------------------------------------------------------- files


@pytest.fixture
def state(tmp_path):
    """A directory and a store's file in it, as they should be."""
    tmp_path.chmod(0o700)
    file = tmp_path / "watcher.db"
    file.touch(0o600)
    return tmp_path, file


def examined(directory, me=None):
    """What is said of a state directory and its files."""
    files = filter(None, map(Place.look, places.store_files(directory / "watcher.db")))
    place = Place.look(directory)
    return list(places.state(place, files, place.owner if me is None else me))


def test_a_store_of_its_owner_alone_is_fine(state):
    """The directory and the files are named with their mode and owner."""
    assert sound(examined(state[0]))
    assert levels(examined(state[0])) == {"state directory": "ok", "store files": "ok"}


def test_a_store_that_others_may_read_is_trouble(state):
    """The remedy is the command that mends it."""
    state[1].chmod(0o640)
    finding = next(one for one in examined(state[0]) if one.check == "watcher.db")
    assert (finding.level, finding.remedy) == ("trouble", f"chmod 600 {state[1]}")


def test_a_file_of_another_owner_is_trouble(state):
    """Left behind by a command that root ran, it would keep the daemon from opening the store."""
    directory = Place.look(state[0])
    alien = Place(state[0] / "watcher.db-wal", stat.S_IFREG | 0o600, directory.owner + 1, 5)
    assert levels(places.state(directory, [alien], directory.owner))["watcher.db-wal"] == "trouble"


@pytest.mark.parametrize(
    ("mode", "level"), [(0o777, "trouble"), (0o770, "warning"), (0o755, "ok"), (0o1777, "warning")]
)
def test_who_may_put_files_beside_the_store(state, mode, level):
    """Anybody is trouble; the group, or anybody without touching the store's own, is a warning."""
    state[0].chmod(mode)
    assert levels(examined(state[0]))["state directory"] == level


def test_another_user_is_told_whom_to_be(state):
    """What cannot be seen is not called broken."""
    assert levels(examined(state[0], me=54321))["state directory"] == "warning"


def test_a_configuration_that_others_may_change_is_trouble(tmp_path):
    """Whoever changes it commands watcher."""
    file = tmp_path / "config.toml"
    file.touch()
    for mode, level in ((0o644, "ok"), (0o664, "trouble"), (0o646, "trouble")):
        file.chmod(mode)
        assert [one.level for one in places.configuration([Place.look(file)])] == [level]


@pytest.mark.parametrize(
    ("room", "size", "days", "level"),
    [
        (Room(MIB), 0, None, "trouble"),
        (Room(1 << 40, 0), 0, None, "trouble"),
        (Room(900 * MIB), 1000 * MIB, None, "warning"),
        (Room(2000 * MIB), 1000 * MIB, 10.0, "warning"),
        (Room(9000 * MIB), 1000 * MIB, 10.0, "ok"),
        (Room(1 << 40, 5), 1000 * MIB, None, "ok"),
    ],
    ids=["full", "no inodes", "no room for a copy", "full within a month", "enough", "age unknown"],
)
def test_room_is_judged_by_the_size_and_growth_of_the_store(room, size, days, level):
    """Full is trouble; soon full, or no room for a copy, a warning."""
    assert places.room(room, size, days).level == level


# -------------------------------------------------------------------------------------------------------------- store


async def made(path):
    """Make a store and close it."""
    async with await Store.open(path):
        pass


def never():
    """There is time enough."""
    return False


async def test_a_sound_store_is_read_and_left_as_it_was(tmp_path):
    """Its version, size and wholeness are told; nothing appears beside it and no byte of it changes."""
    path = tmp_path / "watcher.db"
    await made(path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    found, days = storage.store(path, never)
    assert levels(found) == {"schema": "ok", "store": "ok", "size": "ok", "log (WAL)": "ok"}
    assert days is None
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


async def test_a_store_in_use_is_read_beside_its_daemon(tmp_path):
    """Without its lock."""
    path = tmp_path / "watcher.db"
    async with await Store.open(path) as store:
        await store.remember("a", "b")
        assert sound(storage.store(path, never)[0])


async def test_a_damaged_store_is_trouble(tmp_path):
    """What SQLite says of it is repeated, with how to put a copy back."""
    path = tmp_path / "watcher.db"
    await made(path)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    (finding,) = (one for one in storage.store(path, never)[0] if one.level == "trouble")
    assert "damaged" in finding.found
    assert "put back a copy" in finding.remedy


@pytest.mark.parametrize("content", [b"", b"not a database at all, but long enough to be taken for one" * 99])
def test_what_is_no_store_is_trouble(tmp_path, content):
    """An empty file and a file of something else."""
    path = tmp_path / "watcher.db"
    path.write_bytes(content)
    assert not sound(storage.store(path, never)[0])


def test_somebody_elses_database_is_trouble(tmp_path):
    """A database of SQLite that is no store of watcher."""
    path = tmp_path / "watcher.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE theirs (a)")
    db.close()
    (finding,) = storage.store(path, never)[0]
    assert (finding.level, "not a store of watcher" in finding.found) == ("trouble", True)


def test_no_store_yet_is_no_trouble(tmp_path):
    """Before the first run there is none."""
    assert levels(storage.store(tmp_path / "watcher.db", never)[0]) == {"store": "warning"}


def test_a_directory_that_is_not_there_is_trouble(tmp_path):
    """Nothing could be made in it."""
    assert levels(storage.store(tmp_path / "no" / "watcher.db", never)[0]) == {"store": "trouble"}


def test_a_store_that_may_not_be_read_is_no_trouble_of_its_own(tmp_path, monkeypatch):
    """Who is not the daemon's user is told whom to be."""

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    (tmp_path / "watcher.db").touch()
    monkeypatch.setattr(storage, "look", refuse)
    assert levels(storage.store(tmp_path / "watcher.db", never)[0]) == {"store": "warning"}


async def test_the_check_ends_when_its_time_is_up(tmp_path, monkeypatch):
    """A store that takes longer is said to be unchecked, and the rest is told all the same."""
    path = tmp_path / "watcher.db"
    await made(path)
    monkeypatch.setattr(storage, "STEPS", 1)
    found, _ = storage.store(path, lambda: True)
    assert levels(found) == {"schema": "ok", "store": "warning", "size": "ok", "log (WAL)": "ok"}


def test_a_log_that_never_shrinks_is_a_warning():
    """Somebody reads all the time."""
    assert levels(storage.sizes(MIB, 500 * MIB)) == {"size": "ok", "log (WAL)": "warning"}


# -------------------------------------------------------------------------------------------------------------- clock


@pytest.mark.parametrize(
    ("kept", "apart", "expected"),
    [
        (True, {}, {"clock": "ok"}),
        (False, {"h": timedelta(seconds=1)}, {"clock": "warning", "vendors' clocks": "ok"}),
        (None, {}, {"clock": "warning"}),
        (None, {"h": timedelta(seconds=-9)}, {"clock": "ok", "vendors' clocks": "warning"}),
        (True, {"h": timedelta(seconds=301)}, {"clock": "ok", "vendors' clocks": "trouble"}),
    ],
)
def test_the_clock_is_judged_by_the_kernel_and_by_the_vendors(kept, apart, expected):
    """Kept in time or not, and how far from the vendors' clocks."""
    assert levels(clock.clock(kept, apart)) == expected


def test_a_zone_that_does_not_load_is_trouble():
    """A configured zone that this machine does not know."""
    assert [one.level for one in clock.zones({"a": "Europe/Paris", "b": "Europe/Nowhere"})] == ["ok", "trouble"]


# ------------------------------------------------------------------------------------------------------------ network


@pytest.fixture(scope="module")
def trusting():
    """A client's TLS that trusts the peer's certificate, which is for localhost and good until 2126."""
    return ssl.create_default_context(cafile=UNTRUSTED)


async def met(host, context, now=NOON, seconds=10.0):
    """The one finding of a host, and how far its clock is."""
    (finding,), apart = await network.reach([host], context, lambda: now, seconds)
    return finding, apart


async def test_a_vendor_is_reached_and_asked_for_nothing_but_its_time(trusting):
    """One HEAD without a credential; the certificate's end and the difference of the clocks are told."""
    with Peer(reply(401, headers={"Date": "Sun, 22 Nov 2026 11:59:30 GMT"}), tls=True) as peer:
        finding, apart = await met(Host("account azur", "localhost", peer.port, vendor=True), trusting)
        (request,) = peer.requests
    assert (finding.level, "good until 2126-10-29" in finding.found) == ("ok", True)
    assert list(apart.values()) == [timedelta(seconds=30)]
    assert request.line == "HEAD / HTTP/1.1"
    assert set(request.headers) == {"host", "connection", "accept"}


async def test_to_a_sink_nothing_is_sent(trusting):
    """It is connected to, and that is all."""
    heard, over = [], threading.Event()

    async def play(call):
        try:
            while piece := await call.hear():
                heard.append(piece)
        finally:
            over.set()

    with Peer(Script(play, early=True), tls=True) as peer:
        finding, apart = await met(Host("sink crm", "localhost", peer.port), trusting)
        assert await asyncio.to_thread(over.wait, 10)
    assert (finding.level, apart, heard) == ("ok", {}, [])


async def test_a_certificate_that_runs_out_is_a_warning(trusting):
    """When a tenth of its time is left."""
    with Peer(stopping(early=True), tls=True) as peer:
        soon = datetime(2126, 10, 24, 6, 12, 36, tzinfo=UTC)
        finding, _ = await met(Host("sink crm", "localhost", peer.port), trusting, soon)
    assert (finding.level, "5 days" in finding.found) == ("warning", True)


async def test_a_certificate_that_nobody_signed_is_trouble():
    """As the daemon will refuse it, so does the doctor."""
    with Peer(stopping(early=True), tls=True) as peer:
        finding, _ = await met(Host("sink crm", "localhost", peer.port), ssl.create_default_context())
    assert (finding.level, "certificate is refused: self-signed" in finding.found) == ("trouble", True)


async def test_where_no_tls_is_spoken_is_trouble(trusting):
    """A port of something else."""
    with Peer(Script(lambda call: call.say(b"220 hello\r\n"), early=True)) as peer:
        finding, _ = await met(Host("sink crm", "localhost", peer.port), trusting)
    assert finding.level == "trouble"


async def test_where_nobody_listens_is_trouble(trusting):
    """With the reason."""
    port = int(nobody().rpartition(":")[2])
    finding, _ = await met(Host("sink crm", "127.0.0.1", port), trusting)
    assert (finding.level, finding.found) == ("trouble", "cannot be reached: Connection refused")


async def test_a_host_that_hangs_is_given_up(trusting):
    """Within the time that it has."""
    with Peer(stopping(early=True)) as peer:
        finding, _ = await met(Host("sink crm", "127.0.0.1", peer.port), trusting, seconds=0.2)
    assert (finding.level, "no answer within 0.2 s" in finding.found) == ("trouble", True)


async def test_a_name_that_is_not_known_is_trouble(trusting):
    """A name that no resolver can know."""
    finding, _ = await met(Host("sink crm", "nowhere.invalid", 443), trusting)
    assert (finding.level, finding.found) == ("trouble", "its name is not known")


@asynccontextmanager
async def mail_server(**options):
    """A mail server on loopback, and what it was told."""
    told = []

    class Told(SMTP):
        async def push(self, status):
            told.append(status)
            await super().push(status)

    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Told(object(), loop=loop, **options), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], told


async def test_a_mail_server_is_greeted_in_tls(trusting):
    """STARTTLS, its certificate, and goodbye: nobody logs in."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(UNTRUSTED)
    async with mail_server(tls_context=context) as (port, told):
        finding, _ = await met(Host("sink direction", "localhost", port, "starttls"), trusting)
    assert (finding.level, "good until 2126" in finding.found) == ("ok", True)
    assert any(str(line).startswith("220 Ready to start TLS") for line in told)


async def test_a_mail_server_without_tls_is_trouble(trusting):
    """Where the sink would refuse to go on."""
    async with mail_server() as (port, _):
        finding, _ = await met(Host("sink direction", "localhost", port, "starttls"), trusting)
    assert finding.level == "trouble"


async def test_a_mail_servers_certificate_is_refused_as_any(trusting):
    """One that nobody signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(UNTRUSTED)
    async with mail_server(tls_context=context) as (port, _):
        finding, _ = await met(Host("sink direction", "localhost", port, "starttls"), ssl.create_default_context())
    assert (finding.level, "certificate is refused" in finding.found) == ("trouble", True)


def test_the_hosts_are_found_in_the_shipped_configuration():
    """Accounts at the vendors' own addresses, sinks by their type; the one from a secret under no name of its own."""
    data = tomllib.loads((ROOT / "config.toml").read_text())
    found = list(network.hosts(data, lambda reference: "https://CANARY.example.fr/CANARY"))
    assert [(host.shown, host.tls) for host in found] == [
        ("api.apimo.pro:443", "tls"),
        ("api.adlead.immo:443", "tls"),
        ("the host of sink sales", "tls"),
        ("smtp.example.fr:587", "starttls"),
        ("crm.example.fr:443", "tls"),
    ]


def test_the_hosts_are_found_in_half_a_configuration():
    """Whatever is wrong with the rest of it; what is a token and not a host is left alone."""
    data = {
        "accounts": {"azur": 5, "b": {"api": "unheard-of"}, "c": {"api": "apimo", "base_url": "http://127.0.0.1:8420"}},
        "sinks": {
            "a": {"type": "apprise", "url": "slack://TOKEN/TOKEN"},
            "b": {"type": "email", "host": "m", "tls": "implicit"},
            "c": {"type": "webhook", "url": "https://["},
            "d": {"type": "slack", "token": {"env": "T"}, "channel": "C1"},
        },
    }
    assert [(host.shown, host.tls) for host in network.hosts(data, lambda _: None)] == [
        ("127.0.0.1:8420", "none"),
        ("m:465", "tls"),
        ("slack.com:443", "tls"),
    ]


def test_what_is_not_looked_for_is_said():
    """By the name of the sink: its address may be all tokens."""
    (finding,) = network.unseen({"sinks": {"a": {"type": "apprise", "url": "slack://CANARY/"}, "b": {"type": "file"}}})
    assert (finding.level, finding.check, "CANARY" in str(finding)) == ("ok", "sink a", False)


def test_proxies_are_said_to_be_unused():
    """By name: what they hold may be a password."""
    (finding,) = network.proxies({"HTTPS_PROXY": "http://me:CANARY@proxy", "no_proxy": "x", "all_proxy": ""})
    assert (finding.level, "HTTPS_PROXY" in finding.found, "CANARY" in str(finding)) == ("warning", True, False)


# -------------------------------------------------------------------------------------------------------- credentials


def secrets(directory, environ, served=False, **references):
    """What is said of some references, by what is referred to."""
    found = list(credentials.references({"sinks": {"a": references}}))
    return list(credentials.credentials(found, str, directory, environ, served=served))


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("CANARY", "ok"),
        ("CANARY\n", "ok"),
        (" CANARY", "warning"),
        ("CANARY CANARY", "warning"),
        ('"CANARY"', "warning"),
        ("", "trouble"),
        ("CANARY\nCANARY", "trouble"),
    ],
)
def test_a_secret_is_looked_at_and_never_shown(tmp_path, text, level):
    """Blanks, quotes, nothing at all, several lines."""
    (finding,) = secrets(tmp_path, {"KEY": text}, key={"env": "KEY"})
    assert (finding.level, "CANARY" in str(finding)) == (level, False)


def test_a_secret_that_is_not_there_is_trouble_unless_the_daemon_has_it(tmp_path):
    """The daemon's credentials are nobody else's; a file would be everybody's."""
    references = {"key": {"credential": "crm-key"}, "url": {"file": "url.txt"}}
    assert [one.level for one in secrets(tmp_path, {}, **references)] == ["trouble", "trouble"]
    assert [one.level for one in secrets(tmp_path, {}, served=True, **references)] == ["ok", "trouble"]


def test_the_file_of_a_secret_is_its_owners_alone(tmp_path):
    """0644 is trouble, 0600 is not."""
    file = tmp_path / "url.txt"
    file.write_text("CANARY")
    for mode, level in ((0o644, "trouble"), (0o600, "ok"), (0o400, "ok")):
        file.chmod(mode)
        assert [one.level for one in secrets(tmp_path, {}, url={"file": "url.txt"})] == [level]


# ------------------------------------------------------------------------------------------------------------ service

HARDENING = service.wanted((ROOT / "systemd" / "watcher.service").read_text())
RUNNING = {
    "LoadState": "loaded",
    "ActiveState": "active",
    "SubState": "running",
    "NRestarts": "0",
    "WatchdogUSec": "1min",
    "UnitFileState": "enabled",
    "LimitNOFILESoft": "65536",
    **HARDENING,
}


def test_the_shipped_units_sandbox_is_what_is_wanted():
    """Its settings of one word, read from the unit itself."""
    assert {
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "ProtectProc": "invisible",
    }.items() <= HARDENING.items()
    assert "DynamicUser" not in HARDENING


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, {"systemd": "ok", "watchdog": "ok", "hardening": "ok"}),
        ({"ActiveState": "failed", "Result": "exit-code"}, {"systemd": "trouble"}),
        ({"ActiveState": "inactive"}, {"systemd": "warning"}),
        ({"NRestarts": "7"}, {"systemd": "warning"}),
        ({"WatchdogUSec": "0"}, {"watchdog": "warning"}),
        ({"UnitFileState": "disabled"}, {"start": "warning"}),
        ({"ProtectSystem": "full"}, {"hardening": "warning"}),
        ({"NoNewPrivileges": "no"}, {"hardening": "warning"}),
        ({"LoadState": "not-found"}, {"systemd": "warning"}),
        ({"LoadState": "bad-setting"}, {"systemd": "trouble"}),
        ({"LoadState": ""}, {"systemd": "ok"}),
    ],
)
def test_the_unit_is_judged_by_what_systemd_says(change, expected):
    """Failed, restarted, without watchdog, less shut in than the shipped one, not there."""
    assert expected.items() <= levels(service.systemd({**RUNNING, **change}, HARDENING)).items()


def test_systemd_is_asked_for_what_is_judged():
    """One call; each line of the answer is a property."""
    asked = []

    def run(words):
        asked.append(words)
        return "LoadState=loaded\nWatchdogUSec=1min\nNoNewPrivileges=yes\n"

    assert service.properties("watcher.service", HARDENING, run)["WatchdogUSec"] == "1min"
    assert asked[0][:3] == ("systemctl", "show", "watcher.service")
    assert service.properties("watcher.service", HARDENING, lambda _: None) == {}


def test_a_daemon_that_does_not_answer_is_trouble_only_where_it_should():
    """None need run; one that systemd believes to run has to answer."""
    assert levels(service.daemon(None, "", {})) == {"daemon": "warning"}
    assert levels(service.daemon(None, "", RUNNING)) == {"daemon": "trouble"}
    assert levels(service.daemon(None, "answers", RUNNING)) == {"daemon": "ok"}
    assert levels(service.daemon(None, None, RUNNING)) == {"daemon": "warning"}


def test_a_socket_that_others_may_use_is_trouble(tmp_path):
    """Whoever may open it may use it."""
    place = Place(tmp_path / "watcher.sock", stat.S_IFSOCK | 0o666)
    assert levels(service.daemon(place, "answers", {}))["socket"] == "trouble"


def test_too_few_files_for_the_sources_is_trouble():
    """The service's limit, where there is one, not this command's."""
    assert service.descriptors(service.limit(RUNNING), 1000, 40).level == "ok"
    assert service.descriptors(256, 1000, 40).level == "trouble"
    assert service.limit({}) > 0


# --------------------------------------------------------------------------------------------------------- as a whole


@pytest.fixture
async def site(tmp_path, monkeypatch):
    """A site with simulated vendors, in this process."""
    tmp_path.chmod(0o700)
    monkeypatch.chdir(tmp_path)
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    async with simulated() as simulator:
        here = Site(tmp_path, simulator)
        populate(here)
        here.write(CRM.format(url=f"{simulator.url}/CANARY-in-the-path"))
        here.config.chmod(0o600)
        await made(here.store)
        yield here


async def run(*words):
    """Run it as people do, beside the loop that the simulated vendors need."""
    done = await asyncio.to_thread(CliRunner().invoke, watcher, ["doctor", *words], prog_name="watcher")
    assert not {TOKEN, KEY, "CANARY"} & set(re.findall(r"[\w-]+", done.output)), done.output
    assert "CANARY" not in done.output
    return done


async def test_a_site_in_order_is_well_and_unchanged(site):
    """Exit 0, every group, no file touched, and neither a secret nor an address shown."""
    before = {file.name: file.read_bytes() for file in site.directory.iterdir()}
    done = await run("--json")
    shown = json.loads(done.stdout)
    assert (done.exit_code, shown["well"]) == (0, True), done.output
    groups = {"Versions", "Configuration", "Credentials", "Files", "Store", "Clock", "Network", "Service"}
    assert {one["group"] for one in shown["checks"]} == groups
    assert all(one["remedy"] for one in shown["checks"] if one["level"] != "ok")
    assert {file.name: file.read_bytes() for file in site.directory.iterdir()} == before


async def test_it_is_readable_without_json(site):
    """Groups, a line a check, the remedy below, a last line that sums it up."""
    site.config.chmod(0o666)
    done = await run("--offline")
    assert done.exit_code == 1
    assert re.search(r"^Configuration\n", done.output, re.MULTILINE)
    assert re.search(r"^  trouble +config.toml +0666.*\n +-> chmod go-w", done.output, re.MULTILINE)
    assert re.search(r"^1 check in trouble, \d+ warnings?$", done.output, re.MULTILINE)


async def test_offline_leaves_the_network_alone(site):
    """No host is looked for."""
    done = await run("--offline", "--json")
    assert not [one for one in json.loads(done.stdout)["checks"] if "account" in one["check"]]


async def test_a_missing_secret_is_named(site, monkeypatch):
    """With its place in the configuration."""
    monkeypatch.delenv("ADLEAD_API_KEY")
    done = await run("--offline", "--json")
    bad = [one for one in json.loads(done.stdout)["checks"] if one["level"] == "trouble"]
    assert done.exit_code == 1
    assert [one["check"] for one in bad] == ["env ADLEAD_API_KEY"]
    assert "[accounts.riviera] key" in bad[0]["found"]


async def test_the_file_of_a_secret_is_checked_as_such(site):
    """Once, and not as a part of the configuration that others may read."""
    secret = site.directory / "key.txt"
    secret.write_text("CANARY-key")
    secret.chmod(0o644)
    site.config.write_text(site.config.read_text().replace('{ env = "ADLEAD_API_KEY" }', '{ file = "key.txt" }'))
    done = await run("--offline", "--json")
    about = [(one["group"], one["level"]) for one in json.loads(done.stdout)["checks"] if "key.txt" in str(one)]
    assert about == [("Credentials", "trouble")]


async def test_a_broken_configuration_does_not_keep_the_rest_from_being_checked(site):
    """Exit 78, each mistake a finding; the store, the hosts and the secrets are checked all the same."""
    site.config.write_text(site.config.read_text() + '\n[[rules]]\nname = "half"\n')
    done = await run("--json")
    shown = json.loads(done.stdout)["checks"]
    assert done.exit_code == 78
    assert {("Configuration", "trouble"), ("Store", "ok"), ("Credentials", "ok"), ("Network", "ok")} <= {
        (one["group"], one["level"]) for one in shown
    }


@pytest.mark.parametrize(("text", "code"), [("nonsense", 78), (None, 66)])
async def test_without_a_configuration_the_machine_is_checked(site, text, code):
    """No TOML, or no file: its exit code, and what can be checked is."""
    site.config.unlink()
    if text:
        site.config.write_text(text)
    done = await run("--json", "--config", "config.toml")
    assert done.exit_code == code
    assert {"Versions", "Clock", "Service"} <= {one["group"] for one in json.loads(done.stdout)["checks"]}


async def test_the_daemon_that_answers_is_told(site):
    """Its socket is asked, as `watcher status` does; where nobody answers, that is said."""

    async def handle(name, arguments):
        return {"process": {"uptime": 61.0, "reload_error": []}}

    async def daemon():
        shown = json.loads((await run("--offline", "--json")).stdout)["checks"]
        return next((one["level"], one["found"]) for one in shown if one["check"] == "daemon")

    assert await daemon() == ("warning", "none runs on this configuration")
    async with serving(site.directory / "watcher.sock", handle):
        assert await daemon() == ("ok", "answers; it has been running for 1 min 1 s")
