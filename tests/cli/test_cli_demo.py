"""`demo` and `simulate`: what a newcomer sees first."""

import asyncio
import base64
import contextlib
import os
import pty
import re
import signal
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cli_site import DEADLINE, ended, until
from standardwebhooks import Webhook

from watcher.cli.demo_stage import genuine, parsed
from watcher.cli.demo_story import SENTENCES, Story
from watcher.model import Event, Plan, SourceName, SourceState, envelope
from watcher.simulator import Happening
from watcher.simulator.life import WEIGHTS

ROOT = Path(__file__).parents[2]
NOON = datetime(2026, 11, 21, 11, tzinfo=UTC)


async def start(*args: str) -> asyncio.subprocess.Process:
    """Start a command that needs no configuration, with its output in a pipe."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "watcher", *args),
        cwd="/",
        env={**os.environ, "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@pytest.mark.slow
async def test_the_demo_shows_it_all_in_eight_seconds():
    """A new lead, a signed contract, a canceled purchase: one line each; then a summary, and what to do next."""
    done = await ended(await start("demo", "--seconds", "8"))
    assert (done.code, done.err) == (0, "")
    lines = [line.split() for line in done.out.splitlines() if re.match(r"\d\d:\d\d:\d\d  ", line)]
    assert {"new-lead", "contract-signed", "purchase-canceled"} <= {line[1] for line in lines}
    assert all(re.fullmatch(r"\(\d+\.\d\d s\)", " ".join(line[-2:])) for line in lines)
    summary = done.out.partition("\n\n")[2] if lines else ""
    assert f"{len(lines)} messages delivered, each signature right" in summary
    assert re.search(r"new-lead +\d", summary)
    assert "s at the longest" in summary
    assert "config.toml" in summary
    assert "README" in summary
    assert "\x1b" not in done.out


async def test_the_demo_tells_something_within_five_seconds():
    """The first notification is there before a newcomer loses patience; Ctrl-C ends it well, with the summary."""
    began = time.monotonic()
    process = await start("demo")
    assert process.stdout
    first = await process.stdout.readline()
    assert time.monotonic() - began < 5
    assert re.match(rb"\d\d:\d\d:\d\d  [a-z-]+ ", first)
    process.send_signal(signal.SIGINT)
    done = await ended(process)
    assert (done.code, done.err) == (0, "")
    assert "Next: " in done.out


async def test_the_demo_leaves_nothing_behind(tmp_path):
    """Its store, its configuration and its secrets go with it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "watcher", "demo", "--seconds", "1"),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert (await ended(process)).code == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
async def test_on_a_terminal_the_demo_is_a_live_screen():
    """Acts go from left to right, a message is shown as people read it, and the summary stays."""
    leader, follower = pty.openpty()
    os.set_blocking(leader, False)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "watcher", "demo", "--seconds", "6"),
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120", "LINES": "40", "TERM": "xterm-256color"},
        stdin=follower,
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    seen = bytearray()

    def over() -> bool:
        with contextlib.suppress(OSError):
            seen.extend(os.read(leader, 1 << 20))
        return process.returncode is not None

    try:
        await until(over)
    finally:
        os.close(leader)
    text = seen.decode(errors="replace")
    assert process.returncode == 0
    for part in (
        "HAPPENS UPSTREAM",
        "WATCHER DERIVES",
        "A WEBHOOK RECEIVES",
        "a lead arrives at agency",
        "as people read it",
    ):
        assert part in text, part
    assert "each signature right" in text.rpartition("\x1b[?1049l")[2], "the summary comes after the screen is left"


# ----------------------------------------------------------------------------------------------------------- the story


class Teller:
    """A story on a clock that the test sets."""

    def __init__(self) -> None:
        self.now = 100.0
        self.story = Story(lambda: self.now, lambda: NOON, lambda event: event.type)

    def event(self, kind: str, record: str = "3", change: str = "c1") -> Event:
        """An event of a lead."""
        data = {"change": change, "changes": {}, "record": {}}
        return Event(f"{kind}-{change}", kind, "/azur/apimo.leads/101", record, NOON, NOON, data)

    def happen(self, record: str = "3") -> None:
        """A lead arrives."""
        self.story.happen(Happening(NOON, "leads", "101", record, "lead-arrived"))


def test_the_delay_is_from_upstream_to_the_receipt():
    """It counts from when it happened, not from when it was read."""
    teller = Teller()
    teller.happen()
    teller.now += 0.7
    event = teller.event("new-lead")
    teller.story.commit(Plan(NOON, events=(event,)))
    assert not teller.story.settled
    teller.now += 0.1
    teller.story.receive(event)
    assert teller.story.settled
    assert teller.story.longest == pytest.approx(0.8)
    assert [(act.sentence, act.over) for act in teller.story.acts] == [("a lead arrives at agency 101", True)]


def test_what_is_received_twice_counts_once():
    """A resend carries the same id."""
    teller = Teller()
    event = teller.event("new-lead")
    teller.story.commit(Plan(NOON, events=(event,)))
    teller.story.receive(event)
    teller.story.receive(event)
    assert (teller.story.derived, teller.story.received) == (1, 1)


def test_what_is_seen_in_one_read_is_one_act():
    """Two things that happen to a record between two reads are told together."""
    teller = Teller()
    teller.happen()
    teller.happen()
    events = (teller.event("new-lead"), teller.event("lead-opened"))
    teller.story.commit(Plan(NOON, events=events))
    (act,) = teller.story.acts
    assert [told.title for told in act.told] == ["new-lead", "lead-opened"]
    assert teller.story.happened == 2


def test_an_event_that_nothing_upstream_led_to_is_shown_all_the_same():
    """A trouble of watcher's own has no happening."""
    teller = Teller()
    teller.story.commit(Plan(NOON, events=(teller.event("source-failing"),)))
    assert [(act.sentence, len(act.told)) for act in teller.story.acts] == [("", 1)]


def test_the_first_reads_are_known_when_they_are_done():
    """Things happen only once every source has been read."""
    story = Teller().story
    name = SourceName("azur", "apimo.leads", "101")
    story.commit(Plan(NOON, name, SourceState()))
    assert story.known == set()
    story.commit(Plan(NOON, name, SourceState(baselined_at=NOON)))
    assert (story.known, story.reads, story.idle) == ({str(name)}, 2, 2)


def test_only_so_many_lines_are_shown():
    """The newest acts that fit, each with all its events."""
    teller = Teller()
    for number in range(5):
        event = [
            teller.event("new-lead", str(number), f"c{number}"),
            teller.event("lead-opened", str(number), f"c{number}"),
        ]
        teller.story.commit(Plan(NOON, events=tuple(event)))
    assert len(list(teller.story.latest(5))) == 2
    assert list(teller.story.latest(100)) == list(teller.story.acts)


@pytest.mark.parametrize("what", WEIGHTS)
def test_each_thing_that_happens_has_its_words(what):
    """What the simulator does is said in a line that fits its column."""
    assert len(SENTENCES[what].format(partition="101", id="20001" if what[0] == "c" else "170384")) <= 40


# --------------------------------------------------------------------------------------------------------- signatures

KEY = b"k" * 32


def signed(body: str, at: datetime) -> dict[str, str]:
    """The headers that a Standard Webhooks sender sends."""
    signature = Webhook(base64.b64encode(KEY).decode()).sign("msg_1", at, body)
    return {"webhook-id": "msg_1", "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}


def test_a_right_signature_is_accepted():
    """As the reference implementation signs."""
    assert genuine(KEY, signed("{}", NOON), b"{}", NOON.timestamp())


@pytest.mark.parametrize(
    ("key", "body", "late", "headers"),
    [
        (b"x" * 32, b"{}", 0, {}),
        (KEY, b"{ }", 0, {}),
        (KEY, b"{}", 301, {}),
        (KEY, b"{}", 0, {"webhook-signature": "v1,###"}),
        (KEY, b"{}", 0, {"webhook-signature": ""}),
        (KEY, b"{}", 0, {"webhook-timestamp": "now"}),
        (KEY, b"{}", 0, {"webhook-id": "msg_2"}),
    ],
)
def test_a_wrong_signature_is_refused(key, body, late, headers):
    """Another key, another body, an old message, no signature at all."""
    assert not genuine(key, {**signed("{}", NOON), **headers}, body, (NOON + timedelta(seconds=late)).timestamp())


def test_an_envelope_is_read_back():
    """What the receiver understands is the event that was sent."""
    event = Event("id", "new-lead", "/azur/apimo.leads/101", "3", NOON, NOON, {"changes": {}}, 42)
    assert parsed(envelope(event)) == event


# ----------------------------------------------------------------------------------------------------------- simulate


async def test_simulate_prints_a_configuration_that_works(site):
    """What is printed goes into a config.toml as it is; Ctrl-C ends it with 0."""
    process = await site.start("simulate", "--port", "0", "--no-life")
    assert process.stdout
    printed = ""
    async with asyncio.timeout(DEADLINE):
        while "export" not in printed:
            printed += (await process.stdout.readline()).decode()
    sinks = '[sinks.log]\ntype = "file"\npath = "told.jsonl"\n[[rules]]\nname = "all"\non = ["*"]\nto = ["log"]\n'
    site.config.write_text(printed + sinks)
    (exported,) = re.findall(r"export (.*)", printed)
    secrets = dict(pair.split("=") for pair in exported.split())
    checked = await site.run("check", "--json", **secrets)
    assert (checked.code, len(checked.json["sources"])) == (0, 6)
    assert (await site.run("run", "--once", **secrets)).code == 0
    assert sum(source["records"] for source in (await site.run("sources", "--json", **secrets)).json) == 80
    process.send_signal(signal.SIGINT)
    assert (await ended(process)).code == 0


async def test_simulate_says_when_its_port_is_taken(site):
    """Somebody else has it: try another."""
    port = site.simulator.url.rpartition(":")[2]
    done = await site.run("simulate", "--port", port)
    assert done.code == 1
    assert f"port {port} cannot be had" in done.err
