"""The books of a day: everything has a named fate, and what is missing is found."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from watcher.app import Core, assemble
from watcher.audit import Sent, Setting, of_message
from watcher.cli import watcher
from watcher.cli.common import configured
from watcher.errors import Transient
from watcher.model import Dead, Delivered, Event, Known, Reading, RetryAt, Slice
from watcher.operations import end_silence, pause, silence
from watcher.sinks import sink_types
from watcher.store import Store

CONFIG = """
language = "en"

[accounts.riviera]
api    = "adlead"
tenant = "client-a"
key    = { env = "NOT_THERE" }

[[sources]]
account  = "riviera"
stream   = "purchases"
programs = [1]
every    = "60s"

[sinks.crm]
type = "file"
path = "crm.jsonl"

[sinks.log]
type = "file"
path = "log.jsonl"

[operator]
to = ["log"]

[[rules]]
name = "all"
on   = ["new-purchase", "purchase-signed", "purchase-removed"]
to   = ["crm", "log"]

[[rules]]
name = "dear"
on   = ["purchase-price-changed"]
when = "record.price_including_vat > 1000000"
to   = ["crm"]

[[rules]]
name = "night"
on   = ["purchase-booked"]
hours = "Mon-Fri 09:00-10:00"
outside = "drop"
to   = ["crm"]

[[rules]]
name = "morning"
on   = ["purchase-booked"]
digest = "08:30"
to   = ["log"]

[[rules]]
name = "grouped"
on   = ["purchase-lots-changed"]
group = { by = ["source"], wait = "30s" }
to   = ["log"]

[[rules]]
name = "late"
on   = ["purchase-buyers-changed"]
after = "30d"
to   = ["crm"]
"""
OLD = """
[sinks.old]
type = "file"
path = "old.jsonl"

[[rules]]
name = "of old"
on   = ["purchase-updated"]
to   = ["old"]
"""
SOURCE = "riviera/adlead.purchases/1"
MORNING = datetime(2026, 11, 20, 9, tzinfo=UTC)  # a Friday, at 10:00 in Paris
DAY = "2026-11-20"
LOT = {"id": 1, "status": "free"}


@dataclass
class Vendor:
    """A source that answers what it is told to."""

    name: Any
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    error: str = ""

    async def read(self, known: Known, since: int | None) -> Reading:
        """Answer the whole list."""
        if self.error:
            raise Transient(self.error)
        raws = {key: json.dumps({"id": int(key), **body}).encode() for key, body in self.records.items()}
        pieces = [Slice(key, raw, raw) for key, raw in raws.items()]
        fresh = tuple(piece for piece in pieces if piece.fingerprint not in known.fingerprints)
        return Reading(fresh, frozenset(raws), full=True, complete=True, total=len(raws))

    async def show(self, key: str) -> None:
        """Nothing is there that the list does not have."""


class Scene:
    """A real store, real rules, a moved clock; deliveries end as they are told to."""

    def __init__(self, store: Store) -> None:
        self.store, self.now = store, MORNING

    async def begin(self, config: Path) -> None:
        """Take up a configuration."""
        config.write_text(CONFIG + OLD)
        parts = await assemble(
            configured(str(config), spare_secrets=True), self.store, sink_types(), lambda: self.now, lambda: 0.0
        )
        watch = parts.watches[SOURCE]
        self.vendor = Vendor(watch.name)
        self.watch = replace(watch, source=self.vendor)
        parts.watches = {SOURCE: self.watch}
        self.core = Core(self.store, parts, lambda: self.now, lambda: 0.0)
        await self.core.note_rules()

    async def poll(self, minutes: float = 1, **records: Any) -> None:
        """Let time pass and read; a record is given by `r` and its id, None takes it away."""
        self.now += timedelta(minutes=minutes)
        for key, body in records.items():
            self.vendor.records[key[1:]] = {**self.vendor.records.get(key[1:], {}), **(body or {})}
            if body is None:
                del self.vendor.records[key[1:]]
        await self.core.poll(self.watch)

    async def settle(self, sink: str, outcome: Any = None) -> None:
        """End every message that a sink is owed."""
        while due := await self.store.due(sink, self.now, 50):
            for delivery in due:
                await self.store.settle(delivery, outcome or Delivered("202"), self.now)


async def play(directory: Path) -> None:
    """A day on which everything comes to pass once."""
    async with await Store.open(directory / "watcher.db") as store:
        scene = Scene(store)
        await scene.begin(directory / "config.toml")
        await scene.poll(r1={"status": "booked", "price_including_vat": 100}, r2={"status": "booked"})
        await scene.poll(r3={"status": "pending-pre-booking", "contacts": [], "lead_id": 7, "lots": [LOT]})
        await scene.settle("crm")
        await scene.settle("log", RetryAt(scene.now + timedelta(seconds=5), "HTTP 500", unanswered=True))
        scene.now += timedelta(seconds=5)
        await scene.settle("log")
        await scene.poll(r1={"price_including_vat": 200})  # no rule takes it
        await scene.poll(r3={"contacts": [{"id": 9}]})  # sets a timer
        await scene.poll(r3={"lots": [{"id": 1, "status": "sold"}], "lead_id": 8})
        await scene.poll(r3={"lots": [LOT, {"id": 2}]})
        scene.now += timedelta(minutes=1)
        await scene.core.ring()  # the group goes as a summary
        await scene.poll(r4={"status": "booked"})  # dropped for one, in the digest for the other
        await scene.settle("crm", Dead("HTTP 400"))
        await scene.settle("log")
        await silence(scene.core, matchers={"sink": "log"}, author="Anne", comment="moving", seconds=3600)
        await scene.poll(r1={"status": "signed", "sale_deed_signed_at": "2026-11-20"})
        await end_silence(scene.core, number=1)
        await pause(scene.core, name="crm", reason="moving")
        await scene.poll(r2=None)
        await scene.poll()
        scene.vendor.error = "HTTP 503: busy"
        await scene.poll()
        await scene.poll()
        scene.vendor.error = ""
        await scene.poll(minutes=70)
        await scene.core.parts.close()


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of that day; nobody may change it."""
    directory = tmp_path_factory.mktemp("audited")
    asyncio.run(play(directory))
    return directory


@pytest.fixture
def site(played: Path, tmp_path: Path) -> Path:
    """A copy of it, to tamper with."""
    return Path(shutil.copytree(played, tmp_path / "copy"))


def audited(directory: Path, *args: str) -> Result:
    """Call the command in this process."""
    args = args or ("--day", DAY)
    return CliRunner().invoke(watcher, ["audit", *args, "--config", str(directory / "config.toml")])


def facts(directory: Path, *args: str) -> dict[str, Any]:
    """What it finds, as JSON."""
    found: dict[str, Any] = json.loads(audited(directory, *(args or ("--day", DAY)), "--json").stdout)
    return found


def test_a_whole_day_is_accounted_for(played: Path) -> None:
    """Every fate that there is, once: each is named, and nothing is left unexplained."""
    done = audited(played)
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[-1] == "0 unexplained"
    for said in (
        "2 seen at the silent baseline",
        "1 taken, perhaps twice: an answer was lost",
        "1 dead: HTTP 400",
        "1 dropped: outside hours",
        "1 held: digest",
        "1 silenced: silence 1",
        "2 told in a summary",
        "owed, its sink is paused (moving)",
        "owed, not tried yet",
        "'dear' says no: 'record.price_including_vat > 1000000' is false",
        "'late' set its timer",
        "failed 2 times: HTTP 503",
        "failures of these hours: HTTP 503",
        "not read from",
    ):
        assert said in done.output, said


def test_the_polls_of_a_day_are_added_up(played: Path) -> None:
    """Of a source: polls, failures by kind, complete reads, requests, and the vendor's count beside ours."""
    (polls,) = facts(played)["polls"]
    assert (polls["polls"], polls["failed"], polls["full"], polls["requests"]) == (13, {"HTTP 503": 2}, 11, 11)
    assert (polls["total"], polls["ours"], polls["absent"], polls["every"]) == (3, 3, 0, 60.0)
    assert [(begin[11:16], end[11:16]) for begin, end, _ in polls["gaps"]] == [("09:11", "10:23"), ("10:23", "23:00")]


def test_a_record_that_a_read_lacks_is_no_mistake(played: Path) -> None:
    """Between two reads, ours may be more than the vendor's by those that are missing for the first time."""
    first = facts(played, "--since", "2026-11-20T09:59", "--until", "2026-11-20T10:30")
    assert first["unexplained"] == 0


def test_another_day_is_empty(played: Path) -> None:
    """Where nothing happened nothing is unexplained, and it is said that no polls are on record."""
    done = audited(played, "--day", "2026-11-18")
    assert done.exit_code == 0
    assert "no poll is on record" in done.output


def test_a_sink_that_is_gone_and_rules_that_changed_are_reasons(site: Path) -> None:
    """What is owed to a sink that is not configured is parked; what today's rules would tell, others did not."""
    extra = '[[rules]]\nname = "new"\non = ["purchase-price-changed"]\nto = ["log"]\n'
    (site / "config.toml").write_text(CONFIG + extra)
    found = facts(site)
    assert found["unexplained"] == 0
    assert found["messages"]["old"] == {"parked: no sink of that name is configured": 1}
    assert any("other rules were in force; today's 'new'" in why for why in found["untold"])


SIGNED = "SELECT sequence FROM events WHERE type = 'purchase-signed'"

SUMMARIES = "SELECT sequence FROM events WHERE type = 'summary'"

TAMPERED = {
    "an event with its messages": (
        f"DELETE FROM deliveries WHERE event = ({SIGNED}); DELETE FROM events WHERE sequence = ({SIGNED})",
        ["/1, version 3: seen 2026-11-20", "and no event tells of it", "event number 10 was written, and is not there"],
    ),
    "the newest event of all": (
        "DELETE FROM events WHERE sequence = (SELECT max(sequence) FROM events)",
        ["event number", "was written, and is not there"],
    ),
    "a message": (
        "DELETE FROM deliveries WHERE number = 1",
        ["message 1 was owed, and is not there", "was to be told to crm by 'all', and no message of it is there"],
    ),
    "a version that was told": (
        "DELETE FROM versions WHERE key = '1' AND version = 3",
        ["tells of version 3, which is not there", "changes were written in the hour from 2026-11-20T09:00:00Z"],
    ),
    "a version that was not told": (
        "DELETE FROM versions WHERE key = '1' AND version = 1",
        ["changes were written in the hour", "version 2: the version before it is gone"],
    ),
    "a record": (
        "DELETE FROM versions WHERE key = '4'; DELETE FROM records WHERE key = '4'",
        ["3 records were ours at 2026-11-20T10:23:05Z, and 2 are in the history"],
    ),
    "a total of an hour that is over": (
        "UPDATE polls SET total = 2",
        ["at 2026-11-20T09:11:05Z the vendor counted 2 records, and 3 were ours, 0 of them not in its answer"],
    ),
    "the total of the hour under way": (
        "UPDATE sources SET state = json_set(state, '$.tally.total', 2)",
        ["the vendor counted 2 records, and 3 were ours"],
    ),
    "what releases a bundle": ("DELETE FROM alarms WHERE kind = 'release'", ["is held, and nothing is to release it"]),
    "a silence": ("DELETE FROM silences", ["was silenced by 'silence 1', which is not there"]),
    "a summary": (
        f"DELETE FROM deliveries WHERE event IN ({SUMMARIES}); DELETE FROM events WHERE type = 'summary'",
        ["is not there", "its summary"],
    ),
    "a field that two speak for": (
        """UPDATE events SET data = json_insert(data, '$.changes."lead_id"', json('{}')) WHERE type = 'purchase-lots-changed'""",
        ["/3, version 3: 2 events speak for lead_id"],
    ),
    "a field that nobody speaks for": (
        "UPDATE events SET data = json_remove(data, '$.changes.lead_id') WHERE type = 'purchase-updated'",
        ["/3, version 3: no event speaks for lead_id"],
    ),
    "a message taken without a try": (
        "UPDATE deliveries SET attempts = 0 WHERE state = 'delivered'",
        ["is called taken, and no attempt is known"],
    ),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_what_is_tampered_with_is_found(site: Path, what: str) -> None:
    """Whatever is taken away or changed is named, and the exit code is 1."""
    script, said = TAMPERED[what]
    with closing(sqlite3.connect(site / "watcher.db")) as db:
        db.executescript(script)
    done = audited(site)
    assert done.exit_code == 1, done.output
    assert not done.output.endswith("\n0 unexplained\n")
    for words in said:
        assert words in done.output, done.output


def test_it_only_reads(site: Path) -> None:
    """A store that somebody is writing to is read as it was, and left as it is."""
    before = (site / "watcher.db").read_bytes()
    with closing(sqlite3.connect(site / "watcher.db", isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        db.execute("DELETE FROM deliveries")
        assert audited(site).exit_code == 0
        db.execute("ROLLBACK")
    assert (site / "watcher.db").read_bytes() == before


@pytest.mark.parametrize(
    "args",
    [("--day", "tuesday"), ("--day", DAY, "--since", "2h"), ("--until", "2h"), ("--since", "2h", "--until", "3h")],
)
def test_a_span_that_is_none_is_refused(played: Path, args: tuple[str, ...]) -> None:
    """A day that is no day, an end before its beginning: usage, with the remedy."""
    assert audited(played, *args).exit_code == 64


def test_a_reply_to_events_of_before_is_a_replay() -> None:
    """A message owed later than its event was told by a replay, and that is said."""
    event = Event("e", "new-lead", "/a/apimo.leads/1", "1", MORNING, MORNING, {})
    sent = Sent(1, "crm", "r", "owed", 0, 0, MORNING + timedelta(hours=1), None, "", "", "", True)
    assert of_message(sent, event, Setting()) == ("owed, not tried yet (owed later, by a replay)", [])


MANY = 100_000


@pytest.mark.slow
def test_a_very_long_day_takes_little_memory(site: Path) -> None:
    """100,000 changes, each with its event and two messages, are gone through in less than 150 MB."""
    with closing(sqlite3.connect(site / "watcher.db")) as db:
        fill(db, MANY)
    command = [
        sys.executable,
        "-m",
        "watcher",
        "audit",
        "--day",
        "2026-11-19",
        "--config",
        str(site / "config.toml"),
        "--json",
    ]
    script = "import resource, subprocess, sys; done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE); "
    script += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, done.returncode, done.stdout.decode())"
    out = subprocess.run([sys.executable, "-c", script, *command], capture_output=True, text=True, check=True).stdout
    most, code, text = out.split(" ", 2)
    found = json.loads(text)
    assert (int(code), found["unexplained"], sum(found["events"].values())) == (0, 0, MANY)
    assert int(most) < 150 * 1024, f"{int(most) >> 10} MB"


def fill(db: sqlite3.Connection, number: int) -> None:
    """Put so many told changes into the day before, in front of what is there."""
    at = (MORNING - timedelta(days=1) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    for table, column in (
        ("deliveries", "number"),
        ("deliveries", "event"),
        ("events", "sequence"),
        ("attempts", "delivery"),
    ):
        step = 2 * number if column in ("number", "delivery") else number
        db.execute(f"UPDATE {table} SET {column} = -{column}")
        db.execute(f"UPDATE {table} SET {column} = {step} - {column}")
    db.execute("UPDATE sqlite_sequence SET seq = seq + ? WHERE name = 'deliveries'", (2 * number,))
    db.execute("UPDATE sqlite_sequence SET seq = seq + ? WHERE name = 'events'", (number,))
    for n in range(number):
        key, body = f"k{n}", json.dumps({"id": f"k{n}", "status": "booked"})
        when = at + n * 1000
        db.execute("INSERT INTO versions VALUES (1, ?, 1, ?, x'00', '[]', 0, 0, ?)", (key, when, body))
        changes = {"status": {"from": None, "to": "booked"}}
        data = json.dumps({"account": "riviera", "stream": "adlead.purchases", "partition": "1", "version": 1,
                           "changes": {**changes, "id": {}}, "record": json.loads(body)})  # fmt: skip
        row = (n + 1, f"e{n}", "new-purchase", f"/{SOURCE}", key, when, when, data)
        db.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        for sink, place in (("crm", 1), ("log", 2)):
            db.execute(
                "INSERT INTO deliveries (number, event, sink, rule, record, state, head, attempts, due_at, owed_at,"
                " released_at, settled_at) VALUES (?, ?, ?, 'all', ?, 'delivered', 0, 1, ?, ?, ?, ?)",
                (2 * n + place, n + 1, sink, f"/{SOURCE}#{key}", when, when, when, when),
            )
    db.commit()
