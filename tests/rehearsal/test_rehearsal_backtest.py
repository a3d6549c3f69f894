"""`watcher backtest`: what rules would have sent on the stored history, and how others differ."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest
from figures import about
from rehearsal_site import LEADS, OPTIONS, UNANSWERED, decoded

from watcher.derive import Origin, derive
from watcher.model import Change, Condition, Kind, Plan, SourceName, SourceState, stamp
from watcher.rehearsal.records import fresh
from watcher.store import Store
from watcher.store.read import Reader
from watcher.streams import STREAMS
from watcher.streams.dates import kept
from watcher.troubles import tell

APIMO, ADLEAD = "azur/apimo.leads/101", "riviera/adlead.purchases/1"
WINDOW = ("--since", "2026-11-01", "--until", "2026-12-01")
STORY = (
    ("2026-11-21 12:00", APIMO, {"1": {"lastname": "FRIN", "created_at": "2026-11-21 12:00:00"}}),
    ("2026-11-21 12:05", APIMO, {"2": {"lastname": "PETIT", "created_at": "2026-11-21 12:05:00"}}),
    ("2026-11-21 12:10", APIMO, {"1": {"opened": "2026-11-21 12:10:00"}}),
    ("2026-11-21 13:00", APIMO, {"3": {"parent": 1, "created_at": "2026-11-21 13:00:00"}}),
)


def counted(answer, key="messages"):
    """How many messages each rule sends to each sink."""
    return {(one["sink"], one["rule"]): one[key] for one in answer["rules"]}


def lines(answer):
    """The messages: sign, time, sink and event."""
    return [(one.get("sign", ""), one["at"], one["sink"], one["event"]) for one in answer["messages"]]


def test_it_says_what_the_rules_have_sent(site, call):
    """With the rules of then it comes to what was sent then: here also what their timers told."""
    site.write(LEADS, UNANSWERED)
    site.live(*STORY)
    answer = decoded(call("backtest", *WINDOW, "--json").stdout)
    assert counted(answer) == {("sales", "hot leads"): 2, ("sales", "unanswered"): 2}
    assert lines(answer) == [
        ("", "2026-11-21T11:00:00Z", "sales", "new-lead"),
        ("", "2026-11-21T11:05:00Z", "sales", "new-lead"),
        ("", "2026-11-21T11:20:00Z", "sales", "overdue"),  # of the second lead: the first was opened
        ("", "2026-11-21T12:15:00Z", "sales", "overdue"),
    ]
    assert "PETIT" in answer["messages"][2]["title"]


@pytest.mark.parametrize(
    "rules",
    [
        LEADS,
        LEADS.replace('to   = ["sales"]', 'to = ["sales"]\ngroup = { wait = "2m", every = "30m" }'),
        LEADS.replace('to   = ["sales"]', 'to = ["sales"]\nhours = "Mon-Sun 14:00-18:00"'),
        LEADS.replace('to   = ["sales"]', 'to = ["sales"]\nthrottle = "1/h"'),
        LEADS.replace('to   = ["sales"]', 'to = ["sales"]\nflood = "1/h"'),
        UNANSWERED.replace("unless", 'emit = "cold"\nunless')
        + UNANSWERED.replace("unanswered", "still").replace('"new-lead"', '"cold"'),
        OPTIONS.replace("24h", "48h") + LEADS,
    ],
)
def test_history_comes_to_what_the_daemon_decided(site, call, rules):
    """Through the rules of then, a backtest sends what was sent: to whom, by which rule, to the second."""
    site.write(rules)
    site.live(*STORY, ("2026-11-22 10:00", ADLEAD, {"4": {"option_expires_at": "2026-11-25 12:00:00"}}))
    with Reader.open(site.directory / "watcher.db") as reader:
        rows = [row for row in reader.deliveries()[::-1] if row.state == "owed"]
        sent = [(stamp(row.released_at), row.sink, row.rule, row.type) for row in rows]
    answer = decoded(call("backtest", *WINDOW, "--json").stdout)
    told = [(one["at"], one["sink"], one["rule"], one["event"]) for one in answer["messages"]]
    assert told == sorted(sent)
    assert told


def test_rules_that_are_new_are_tried_on_what_happened(site, call):
    """Timers that nobody had set then ring as they would have, and see the records as they were."""
    site.live(*STORY)
    site.write(UNANSWERED.replace("15m", "8m"))
    answer = decoded(call("backtest", *WINDOW, "--json").stdout)
    assert [one["at"] for one in answer["messages"]] == [
        "2026-11-21T11:08:00Z",  # the first lead was opened two minutes later
        "2026-11-21T11:13:00Z",
        "2026-11-21T12:08:00Z",
    ]


def test_a_file_of_rules_replaces_all_rules(site, call):
    """What the new rules send more and fewer, a line each, and the counts of both."""
    site.live(*STORY)
    new = site.directory / "new.toml"
    new.write_text(UNANSWERED + LEADS.replace("not record.parent and ", "").replace("hot", "all"), encoding="utf-8")
    answer = decoded(call("backtest", *WINDOW, "--compare", "new.toml", "--json").stdout)
    assert counted(answer) == {("sales", "hot leads"): 2, ("sales", "all leads"): 0, ("sales", "unanswered"): 0}
    assert counted(answer, "new") == {("sales", "hot leads"): 0, ("sales", "all leads"): 3, ("sales", "unanswered"): 2}
    assert (answer["more"], answer["fewer"]) == (3, 0)  # another name for the same message is no difference
    assert lines(answer) == [
        ("+", "2026-11-21T11:20:00Z", "sales", "overdue"),
        ("+", "2026-11-21T12:00:00Z", "sales", "new-lead"),
        ("+", "2026-11-21T12:15:00Z", "sales", "overdue"),
    ]


def test_another_configuration_may_be_compared(site, call):
    """A whole configuration is compared as it is: here with a rule to another sink."""
    site.live(*STORY)
    other = site.directory / "other"
    other.mkdir()
    text = (site.directory / "config.toml").read_text(encoding="utf-8")
    (other / "config.toml").write_text(text.replace('to   = ["sales"]', 'to = ["direction"]'), encoding="utf-8")
    answer = decoded(call("backtest", *WINDOW, "--compare", "other/config.toml", "--json").stdout)
    assert (answer["more"], answer["fewer"]) == (2, 2)
    assert {(one["sign"], one["sink"]) for one in answer["messages"]} == {("+", "direction"), ("-", "sales")}


def test_the_list_is_bounded_and_says_what_it_leaves_out(site, call):
    """With a limit of one, the rest is counted."""
    site.live(*STORY)
    (site.directory / "none.toml").write_text(LEADS.replace("new-lead", "lead-closed"), encoding="utf-8")
    done = call("backtest", *WINDOW, "--compare", "none.toml", "--limit", "1")
    assert done.exit_code == 0, done.output
    assert "0 more, 2 fewer" in done.stdout
    assert done.stdout.splitlines()[-1] == "and 1 more of them (--limit)"


def test_it_is_read_by_people(site, call):
    """A head, the counts of each sink and rule, the messages with their titles."""
    site.live(*STORY)
    out = call("backtest", *WINDOW).stdout
    assert out.startswith("4 events from 2026-11-01 00:00:00 to 2026-12-01 00:00:00\n")
    assert "sales  hot leads  2" in out
    assert "New lead: Marc PETIT" in out


def test_a_mistake_in_the_new_rules_is_named(site, call):
    """A file of rules is checked as those of the configuration are."""
    site.live(*STORY)
    (site.directory / "new.toml").write_text(LEADS.replace("sales", "sails"), encoding="utf-8")
    done = call("backtest", *WINDOW, "--compare", "new.toml")
    assert done.exit_code == 78
    assert 'new.toml:6: [[rules]] to[0]: no sink "sails"; did you mean "sales"?' in done.stderr


def test_only_the_time_that_is_asked_for_counts(site, call):
    """What was sent before or after is not counted; what was waited for before is told."""
    site.write(LEADS, UNANSWERED)
    site.live(*STORY)
    answer = decoded(call("backtest", "--since", "2026-11-21 12:15", "--until", "2026-11-21 13:10", "--json").stdout)
    assert lines(answer) == [("", "2026-11-21T11:20:00Z", "sales", "overdue")]
    assert answer["events"] == 1


def test_deadlines_are_told_as_the_dates_were_then(site, call):
    """A date that moved is told before the new one; one that was known before the beginning is told too."""
    site.live(
        ("2026-10-20 12:00", ADLEAD, {"5": {"option_expires_at": "2026-11-10 12:00:00"}}),
        ("2026-11-18 10:00", ADLEAD, {"4": {"option_expires_at": "2026-11-20 12:00:00"}}),
        ("2026-11-18 11:00", ADLEAD, {"4": {"option_expires_at": "2026-11-24 12:00:00"}}),
    )
    site.write(OPTIONS)
    answer = decoded(call("backtest", *WINDOW, "--json").stdout)
    assert [(one["at"], one["event"]) for one in answer["messages"]] == [
        ("2026-11-09T11:00:00Z", "deadline-near"),
        ("2026-11-23T11:00:00Z", "deadline-near"),
    ]


def test_digests_and_hours_are_as_they_would_have_been(site, call):
    """What would have waited is one message, at its time."""
    site.live(*STORY)
    site.write(LEADS.replace('to   = ["sales"]', 'to = ["sales"]\ndigest = "18:30"'))
    answer = decoded(call("backtest", *WINDOW, "--json").stdout)
    assert lines(answer) == [("", "2026-11-21T17:30:00Z", "sales", "summary")]


def test_it_says_what_it_cannot_know(site, call):
    """A source that is known since lately, one that was never read, a field that is not kept in clear."""
    site.live(("2026-11-21 12:00", ADLEAD, {"4": {"status": "pre-booked"}}))
    site.write(
        LEADS.replace("new-lead", "new-purchase").replace(
            "not record.parent and record.lastname", "record.contacts[0].email1"
        )
    )
    answer = decoded(call("backtest", "--since", "2026-10-13", "--until", "2026-12-01", "--json").stdout)
    said = "\n".join(answer["unknown"])
    assert f"{ADLEAD} is known since 2026-10-12 12:00 only" in said
    assert f"{APIMO} has not been read yet" in said
    assert "contacts[].email1 of adlead.purchases is not kept in clear" in said


def test_a_trouble_that_lasts_is_told_by_a_timer(site, call):
    """Troubles of watcher's own are entered and left in the history too; a timer on one sees whether it lasts."""
    site.live(*STORY)

    async def troubles():
        async with await Store.open(site.directory / "watcher.db") as store:
            for number, lasts in enumerate((timedelta(minutes=5), timedelta(hours=2))):
                began = datetime(2026, 11, 25, 10 + 4 * number, tzinfo=UTC)
                failing = Condition("source-failing", APIMO, began, "HTTP 503")
                await store.commit(Plan(began, events=(tell(failing, began),)))
                await store.commit(Plan(began + lasts, events=(tell(failing, began + lasts, left=True),)))

    asyncio.run(troubles())
    site.write('[[rules]]\nname = "long"\non = ["source-failing"]\nafter = "30m"\nto = ["crm"]')
    answer = decoded(call("backtest", *WINDOW, "--json").stdout)
    assert [one["at"] for one in answer["messages"] if one["sink"] == "crm"] == ["2026-11-25T14:30:00Z"]


@pytest.mark.parametrize(
    ("args", "code"), [((), 64), (("--since", "soon"), 64), (("--since", "1d", "--until", "2d"), 64)]
)
def test_times_have_to_make_sense(site, call, args, code):
    """Without a beginning, or with an end before it, it says so."""
    assert call("backtest", *args).exit_code == code


def test_without_a_store_it_says_so(site, call):
    """Before the first poll there is no history."""
    done = call("backtest", "--since", "30d")
    assert done.exit_code == 1
    assert "nothing has been polled yet" in done.stderr


def test_the_store_is_left_as_it_was(site, call):
    """A backtest writes nothing."""
    site.live(*STORY)
    path = site.directory / "watcher.db"
    before = path.read_bytes()
    assert call("backtest", *WINDOW).exit_code == 0
    assert path.read_bytes() == before


# --------------------------------------------------------------------------------------------------------------- size

MANY = 5_000
"""Events; the times below are for a hundred thousand."""


def test_a_long_history_takes_bounded_time(site, call):
    """A hundred thousand events, each with a timer, take less than two minutes of processor time: here a part of it."""
    name = SourceName.parse(APIMO)
    origin = Origin(STREAMS[name.stream], name, lambda _: None)
    start = datetime(2026, 11, 2, tzinfo=UTC)

    async def fill():
        events, versions = [], []
        for number in range(MANY):
            at = start + timedelta(minutes=5) * number
            stamp = kept(at)
            body = {**fresh(origin.stream), "id": str(number), "created_at": stamp, "updated_at": stamp}
            change = Change(Kind.CREATE, str(number), None, {}, body, {}, str(number).encode())
            derived = derive(origin, change, at)
            events += derived.events
            versions.append(derived.version)
        async with await Store.open(site.directory / "watcher.db") as store:
            state = SourceState(baselined_at=start - timedelta(days=90))
            await store.commit(Plan(start, name, state, versions=tuple(versions), events=tuple(events)))

    asyncio.run(fill())
    site.write(LEADS, UNANSWERED)
    began = time.process_time()
    answer = decoded(call("backtest", *WINDOW[:2], "--until", "2026-12-31", "--json").stdout)
    took = time.process_time() - began
    about("rules tried")[f"backtest of {answer['events']} events"] = f"{took:.1f} s of processor time"
    assert counted(answer)["sales", "hot leads"] == MANY
