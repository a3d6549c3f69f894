"""`watcher erase`: one person, everywhere in the store, and the rest goes on."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from privacy_world import OTHER, PERSON, World, gives_away

from watcher.app import Core
from watcher.cli import watcher
from watcher.cli.common import configured, opened
from watcher.erasure import Traces, Wanted
from watcher.model import Alarm, Condition, Delivered, Event, Fate, Owed, Plan, RetryAt, Unread
from watcher.operations import OPERATIONS, Refused
from watcher.store import Store
from watcher.store.backup import backup
from watcher.store.read import Reader

CONFIG = """
[accounts.acc]
api = "apimo"
provider = 1
token = { env = "TOKEN" }
[accounts.ad]
api = "adlead"
tenant = "t"
key = { env = "TOKEN" }
[[sources]]
account = "acc"
stream = "leads"
agencies = [1]
[sinks.crm]
type = "file"
path = "told.jsonl"
[status]
listen = ""
[[rules]]
name = "all"
on = ["*"]
to = ["crm"]
"""

SECOND = timedelta(seconds=1)

SPELLED = (
    f"Called {PERSON['firstname']} {PERSON['lastname']} at +33 (0)6.98.76.54.32, zephyrine.quenouillet@CANARI.example"
)
"""How the person may turn up in any text."""

MENTIONED = {**OTHER, "message": f"My neighbour {SPELLED} sent me."}


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration with one source and one sink."""
    monkeypatch.setenv("TOKEN", "not-to-be-told")
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    (tmp_path / "config.toml").write_text(CONFIG)
    return tmp_path / "config.toml"


@pytest.fixture
async def core(config: Path) -> AsyncIterator[Core]:
    """The parts over a store."""
    async with opened(configured(str(config))) as core:
        yield core


@pytest.fixture
async def world(core: Core) -> World:
    """The source whose answers are set by hand, over the same store."""
    return await World.of(core.store, "apimo.leads")


async def erase(core: Core, **asked: Any) -> dict[str, Any]:
    """Ask for it as the command does."""
    return await OPERATIONS["erase"](core, **asked)


async def plant(world: World) -> None:
    """Have the person in every table, and another one beside."""
    store = world.store
    await world.poll(r9=OTHER)
    await world.poll(r9=OTHER, r1={**PERSON, "recipient": SPELLED})
    await world.deliver(RetryAt(world.now + SECOND, SPELLED, unanswered=True, note=SPELLED))
    world.now += SECOND
    await world.deliver(Delivered(SPELLED, "thread-7"))
    await world.poll(r9=MENTIONED, r1={**PERSON, "email": "zeph@canari.example"})
    now = world.now
    summary = Event(
        "sum", "summary", "/watcher", "r", now, now, {"bundle": f"record.email={PERSON['email']}", "count": 1}
    )
    plan = Plan(
        now,
        world.source.name,
        events=(summary,),
        owed=(Owed("sum", "crm", "r", Fate.HELD, f"record.lastname={PERSON['lastname']}", "group"),),
        armed=(
            Alarm("release", "crm", f"record.lastname={PERSON['lastname']}", "r", now, {"why": "group"}),
            Alarm("overdue", "acc/apimo.leads/1", "9", "r e", now, {"rule": "r", "said": SPELLED}),
        ),
        entered=(Condition("source-drifted", "acc", now, SPELLED),),
        unread=(Unread(b"x", "5", SPELLED),),
    )
    await store.commit(plan)
    await store.pause("mail", SPELLED, now, asked=True)
    await store.add_silence({"record": PERSON["email"]}, "Anne", SPELLED, now, now)
    await store.remember("learned", SPELLED)


def on_disk(store: Path, copy: Path) -> Iterator[tuple[str, bytes]]:
    """The bytes of all files of a store and of a new copy of it."""
    backup(store, copy)
    for path in (store, Path(f"{store}-wal"), Path(f"{store}-shm"), copy):
        if path.exists():
            yield path.name, path.read_bytes()


def tables_with(store: Path) -> set[str]:
    """The tables in which the person is."""
    with closing(sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True)) as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {name for name in names if gives_away(db.execute(f"SELECT * FROM {name}").fetchall())}


async def test_no_byte_is_left_of_an_erased_person(core: Core, world: World, tmp_path: Path):
    """E-mail, telephone, name and message are in every table before, and in no file of the store, or copy, after."""
    await plant(world)
    store = core.parts.config.state_path
    assert tables_with(store) == {
        "records", "versions", "events", "deliveries", "attempts", "alarms", "conditions", "unread", "paused",
        "silences", "meta",
    }  # fmt: skip
    receipt = await erase(core, email=PERSON["email"].upper())
    assert (receipt["number"], receipt["log_emptied"]) == (1, True)
    assert tables_with(store) == set()
    assert {
        name: gives_away(content) for name, content in on_disk(store, tmp_path / "copy.db") if gives_away(content)
    } == {}
    assert gives_away(receipt) == []


async def test_the_next_poll_tells_nothing_and_keeps_nothing(core: Core, world: World):
    """The vendor still has the person: no event, no byte stored, whatever of it changes; the rest of the record is told."""
    await plant(world)
    await erase(core, email=PERSON["email"])
    store = core.parts.config.state_path
    assert await world.poll(r9=MENTIONED, r1=PERSON) == []
    more = {
        **PERSON,
        "mobile": "0698765432",
        "lastname": "Quenouillet-Frin",
        "recipient": SPELLED,
        "opened": "2026-11-21 14:00:00",
    }
    (event,) = await world.poll(r9={**MENTIONED, "updated_at": "2026-11-21 12:30:00"}, r1=more)
    assert (event.type, event.data["record"]["lastname"]) == ("lead-opened", "***")
    assert tables_with(store) == set()


async def test_the_others_stay_as_they_were(core: Core, world: World):
    """Who only mentioned the person loses that text and nothing else; ids, dates and the order of events stay."""
    await plant(world)
    before = [(e.id, e.type, e.time, e.sequence) for e in await world.events()]
    await erase(core, email=PERSON["email"])
    body = (await world.record("9")).body
    assert [body[name] for name in ("lastname", "email", "phone")] == ["FRIN", "marc@autre.example", "0611111111"]
    assert [(e.id, e.type, e.time, e.sequence) for e in await world.events()] == before


async def test_what_is_owed_about_the_person_is_dropped_and_the_rest_is_sent(core: Core, world: World):
    """The message about the changed address is dropped with the reason `erased`; the neighbour's goes out."""
    await plant(world)
    receipt = await erase(core, email=PERSON["email"])
    assert receipt["dropped"] == 1
    with Reader.open(core.parts.config.state_path) as reader:
        assert [(row.record, row.reason) for row in reader.deliveries(state="dropped")] == [
            ("/acc/apimo.leads/1#1", "erased")
        ]
    assert await world.deliver() == 1


async def test_the_receipt_says_what_was_where_and_who_was_told(core: Core, world: World):
    """It names the records, the rows, the sinks that were told and when; it is kept, and found by a hash only."""
    await plant(world)
    receipt = await erase(core, phone="+33 6 98 76 54 32")
    assert receipt["records"] == [{"record": "acc/apimo.leads/1/1", "whose": [""]}]
    assert {"records", "versions", "events", "deliveries", "attempts", "alarms", "conditions"} <= receipt["rows"].keys()
    (told,) = receipt["told"]
    assert (told["sink"], told["messages"], told["first"]) == ("crm", 1, "2026-11-21T12:02:01Z")
    (kept,) = await core.store.receipts()
    assert kept["asked"] == receipt["asked"]
    assert gives_away(kept) == []


async def test_a_dry_run_shows_all_and_changes_nothing(core: Core, world: World):
    """What is stored of the person comes with it, for whoever asks to see his data; the store stays as it is."""
    await plant(world)
    store = core.parts.config.state_path
    with closing(sqlite3.connect(store)) as db:
        before = list(db.iterdump())
        shown = await erase(core, email=PERSON["email"], dry=True)
        assert list(db.iterdump()) == before
    assert shown["known"][0][0]["message"] == PERSON["message"]
    wiped = await erase(core, email=PERSON["email"])
    assert (shown["rows"], shown["dropped"]) == (wiped["rows"], wiped["dropped"])


async def test_a_person_is_found_where_only_a_hash_is_kept(core: Core):
    """A buyer's address and number are found in other spellings than the vendor's; the other buyer stays."""
    world = await World.of(core.store, "adlead.purchases")
    buyer = {"id": 11, "name": "Quenouillet", "email1": "zephyrine@canari.example", "phone1": "+33698765432"}
    other = {"id": 12, "name": "Frin", "email1": "marc@autre.example"}
    await world.poll(r1={"status": "booked", "contacts": [buyer, other]})
    await world.poll(r1={"status": "signed", "contacts": [buyer, other]})
    by_mail = await erase(core, email="Zephyrine@canari.example", dry=True)
    receipt = await erase(core, phone="06 98 76 54 32")
    assert (
        by_mail["records"] == receipt["records"] == [{"record": "acc/adlead.purchases/1/1", "whose": ["contacts[11]"]}]
    )
    assert receipt["dropped"] == 0  # the sale is told all the same, without the name
    first, second = (await world.record()).body["contacts"]
    assert set(first.values()) == {"11", "\ue000"}
    assert second["name"] == "Frin"
    assert tables_with(core.parts.config.state_path) == set()
    assert await world.poll(r1={"status": "signed", "contacts": [{**buyer, "name": "Autre"}, other]}) == []


async def test_a_record_can_be_named(core: Core, world: World):
    """By stream or source; everybody in it goes. One that was never seen, or a person that cannot be one, is refused."""
    await world.poll(r1=PERSON)
    assert (await erase(core, record="apimo.leads/1"))["records"] == [{"record": "acc/apimo.leads/1/1", "whose": []}]
    assert tables_with(core.parts.config.state_path) == set()
    for asked in (
        {"record": "apimo.leads/2"},
        {"email": "nobody"},
        {"phone": "12"},
        {},
        {"email": "a@b.fr", "phone": "0611111111"},
    ):
        with pytest.raises(Refused):
            await erase(core, **asked)


async def test_somebody_unknown_is_nobody(core: Core, world: World):
    """Nothing is found, nothing changes; there is a receipt of that, too."""
    await world.poll(r1=PERSON)
    receipt = await erase(core, email="nobody@nowhere.example")
    assert (receipt["records"], receipt["rows"], receipt["dropped"]) == ([], {}, 0)
    assert (await world.record()).body["email"] == PERSON["email"]


def test_the_command_asks_or_wants_a_yes(config: Path):
    """Without a terminal and without --yes it is refused; with it the receipt is printed, and listed afterwards."""

    def call(*args: str) -> Any:
        return CliRunner().invoke(watcher, ["erase", *args, "--config", str(config)], prog_name="watcher")

    assert call("--email", "a@b.fr").exit_code == 64
    assert call("--email", "a@b.fr", "--phone", "0611111111", "--yes").exit_code == 64
    done = call("--email", "a@b.fr", "--yes")
    assert (done.exit_code, "Nothing is stored" in done.output) == (0, True)
    assert call("--receipts", "--json").output.count('"number":1') == 1
    assert call("--email", "nobody", "--yes").exit_code == 1


async def test_pages_that_sqlite_moved_rows_between_keep_nothing(path: Path, tmp_path: Path):
    """Rows that grow and split pages leave copies in what is free; the file that is made anew has none."""
    async with await Store.open(path) as store:
        world = await World.of(store, "apimo.leads")
        people = {f"r{n}": {**OTHER, "message": "x" * (n % 900)} for n in range(300)}
        await world.poll(**people)
        await world.poll(**{**people, "r150": PERSON})
        await world.poll(**{**people, "r150": {**PERSON, "step": "3", "reference": "y" * 3000}})
        found = await store.find_person(Wanted.of(world.key, email_as=PERSON["email"]))
        fields = [pair for one in found for form in await store.known_of(one) for pair in form.items()]
        await store.erase(found, Traces.of(fields), world.now, dry=False)
        assert await store.make_anew()
        assert all(not gives_away(content) for _, content in on_disk(path, tmp_path / "copy.db"))
