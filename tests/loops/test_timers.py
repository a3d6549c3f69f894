"""Rules about time, over a real store: what did not happen, dates that come near, and what waited in between."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from watcher.desk import Desk
from watcher.expressions import Condition
from watcher.hours import Hours
from watcher.model import Silence
from watcher.rules import Grouping, Rule, Timer, Timing
from watcher.streams.dates import PARIS

UNANSWERED = Condition("record.opened or record.assigned")


def after(minutes=15, *, name="unanswered", on=("new-lead",), emit="overdue", unless=UNANSWERED, when=None, **timing):
    """A rule that tells the boss what did not happen."""
    timer = Timer(emit=emit, after=timedelta(minutes=minutes), unless=unless)
    return Rule(name, on, ("boss",), Condition(when) if when else None, timer, Timing(**timing))


def before(hours=24, *, of="option_expires_at", when=None, emit="deadline-near", **timing):
    """A rule that tells the boss of a date that comes near."""
    timer = Timer(emit=emit, before=timedelta(hours=hours), of=of, streams=("adlead.purchases",))
    return Rule("options", ("purchases",), ("boss",), Condition(when) if when else None, timer, Timing(**timing))


async def owed(world):
    """(event type, subject) owed to the boss and due, longest first."""
    return [(d.event.type, d.event.subject) for d in await world.store.due("boss", world.now, 99)]


async def alarms(world):
    """When the next alarm rings."""
    return await world.store.next_ring()


@pytest.fixture
async def lead(leads):
    """A source of leads after its baseline."""
    await leads.poll(r1={"created_at": "2026-11-21 10:00:00"})
    return leads


# ------------------------------------------------------------------------------------------------------------- after


async def test_what_did_not_happen_in_time_is_told(lead):
    """A quarter of an hour after a lead that nobody opened, an event of its own says so, and names the first one."""
    lead.rules(after())
    assert await lead.poll(r1={}, r2={"created_at": "2026-11-21 13:01:30"}) == [("new-lead", "2")]
    born = lead.seen.plan.events[0]
    assert await lead.pass_time(minutes=13) == []
    assert await lead.pass_time(minutes=2) == [("overdue", "2")]
    (due,) = await lead.store.due("boss", lead.now, 9)
    assert due.event.data["of"] == born.id
    assert due.event.data["rule"] == "unanswered"
    assert due.event.data["changes"] == {}
    assert due.event.time == born.time + timedelta(minutes=15)
    assert await lead.pass_time(hours=9) == []


async def test_what_happened_in_time_is_not_told(lead):
    """A lead opened meanwhile spares the message; the record is looked at as it is then."""
    lead.rules(after())
    await lead.poll(r2={"created_at": "2026-11-21 13:01:30"})
    await lead.poll(r2={"created_at": "2026-11-21 13:01:30", "opened": "2026-11-21 13:05:00"}, minutes=5)
    assert await lead.pass_time(hours=1) == []
    assert await alarms(lead) is None


async def test_a_removed_lead_is_waited_for_no_longer(lead):
    """Nobody is told that a record which is gone is still waiting."""
    lead.rules(after())
    await lead.poll(r2={"created_at": "2026-11-21 13:01:30"})
    version = (await lead.store.versions(lead.name, ["2"]))["2"]
    gone = replace(version, version=2, removed=True)
    await lead.store.commit(replace(lead.seen.plan, versions=(gone,), refreshed=(), events=(), owed=(), armed=()))
    assert await lead.pass_time(hours=1) == []


async def test_several_rules_escalate(lead):
    """The same lead after 5 and after 30 minutes: two rules, two messages, each by its own name."""
    lead.rules(after(5, name="first"), after(30, name="second", emit="lead-unanswered"))
    await lead.poll(r2={"created_at": "2026-11-21 13:01:30"})
    assert await lead.pass_time(minutes=5) == [("overdue", "2")]
    assert await lead.pass_time(minutes=30) == [("lead-unanswered", "2")]
    assert await owed(lead) == [("overdue", "2")]  # the second waits its turn behind the first


async def test_after_counts_open_hours(lead):
    """A lead of Saturday 18:55 is overdue on Monday at 09:10."""
    lead.rules(after(hours=Hours.parse("Mon-Sat 09:00-19:00")))
    lead.now = datetime(2026, 11, 21, 17, 55, tzinfo=UTC)
    await lead.poll(r2={"created_at": "2026-11-21 18:55:00"})
    assert await alarms(lead) == datetime(2026, 11, 23, 8, 10, tzinfo=UTC)


async def test_what_falls_due_as_the_agency_closes_is_told_then(lead):
    """Fifteen minutes that end at 19:00 sharp are over at 19:00, not at nine the next morning."""
    lead.rules(after(hours=Hours.parse("Mon-Sat 09:00-19:00"), outside="drop"))
    lead.now = datetime(2026, 11, 20, 17, 44, tzinfo=UTC)
    await lead.poll(r2={"created_at": "2026-11-20 18:45:00"})
    lead.now = datetime(2026, 11, 20, 18, tzinfo=UTC)
    assert await lead.pass_time(seconds=0) == [("overdue", "2")]
    assert await owed(lead) == [("overdue", "2")]


async def test_a_stop_in_the_middle_fires_once_and_late(lead):
    """Three hours of standstill: told at the start, once, marked late; a restart later nothing more."""
    lead.rules(after())
    await lead.poll(r2={"created_at": "2026-11-21 13:01:30"})
    lead.desk = Desk(lead.desk.rules, PARIS)  # a new process
    assert await lead.pass_time(hours=3) == [("overdue", "2")]
    (due,) = await lead.store.due("boss", lead.now, 9)
    assert due.event.data["late"] is True
    lead.desk = Desk(lead.desk.rules, PARIS)
    assert await lead.pass_time(hours=3) == []


async def test_on_time_is_not_marked_late(lead):
    """An alarm that rings when it is due says nothing of lateness."""
    lead.rules(after())
    await lead.poll(r2={"created_at": "2026-11-21 13:01:30"})
    lead.now = await alarms(lead)
    await lead.pass_time(seconds=0)
    (due,) = await lead.store.due("boss", lead.now, 9)
    assert "late" not in due.event.data


async def test_a_rule_that_is_gone_tells_nothing_more(lead):
    """After a reload without the rule its alarms ring in vain; timers of rules that stay go on."""
    lead.rules(after(name="gone"), after(name="stays"))
    await lead.poll(r2={"created_at": "2026-11-21 13:01:30"})
    lead.rules(after(name="stays"))
    await lead.pass_time(minutes=20)
    assert [d.rule for d in await lead.store.due("boss", lead.now, 9)] == ["stays"]


async def test_a_condition_says_which_events_are_waited_for(lead):
    """`when` is asked of the event when it is heard."""
    lead.rules(after(when="not record.parent"))
    await lead.poll(r2={"created_at": "2026-11-21 13:01:30", "parent": "1"})
    assert await alarms(lead) is None


async def test_a_timed_message_is_told_to_a_sink_that_heard_the_event(lead):
    """The law of one message an event and sink does not swallow it, and other rules hear it too."""
    everything = Rule("all", ("*",), ("boss", "log"))
    lead.rules(everything, after())
    await lead.poll(r2={"created_at": "2026-11-21 13:01:30"})
    await lead.pass_time(minutes=20)
    (told,) = lead.told
    assert [(one.sink, one.rule) for one in told.owed] == [("boss", "unanswered"), ("log", "all")]
    assert await lead.pass_time(hours=5) == []  # `*` of a timer would hear its own event; nothing of the kind


async def test_a_trouble_that_lasts_is_told_again(lead):
    """`after` on an operational event asks whether the trouble is still there; one that is over stays silent."""
    lead.rules(after(30, on=("source-failing",), unless=None))
    await lead.fails()
    assert await lead.fails() == [("source-failing", str(lead.name))]
    assert await lead.pass_time(minutes=31) == [("overdue", str(lead.name))]
    await lead.poll()
    await lead.fails()
    await lead.fails()
    await lead.poll()
    assert await lead.pass_time(minutes=31) == []


# ------------------------------------------------------------------------------------------------------------ before


OPTION = "2026-11-25T09:00:00.000000Z"
NEAR = datetime(2026, 11, 24, 9, tzinfo=UTC)


@pytest.fixture
async def option(purchases):
    """A purchase whose option expires in some days, seen at the baseline."""
    purchases.rules(before())
    await purchases.poll(r1={"status": "pending-pre-booking", "option_expires_at": OPTION})
    return purchases


async def test_a_deadline_is_told_before_its_date(option):
    """A day before the option expires, once, with the field and the date that it is about."""
    assert await alarms(option) == NEAR
    option.now = NEAR
    assert await option.pass_time(seconds=1) == [("deadline-near", "1")]
    (due,) = await option.store.due("boss", option.now, 9)
    assert due.event.data["of"] == {"field": "option_expires_at", "date": "2026-11-25T09:00:00Z"}
    assert "late" not in due.event.data
    assert await option.pass_time(days=3) == []


async def test_a_deadline_moves_with_its_date(option):
    """A date that moves takes the alarm along; the old one rings no more."""
    await option.poll(r1={"status": "pending-pre-booking", "option_expires_at": "2026-11-28T09:00:00.000000Z"})
    option.now = NEAR
    assert await option.pass_time(hours=1) == []
    assert await option.pass_time(days=3) == [("deadline-near", "1")]


@pytest.mark.parametrize(
    "body",
    [
        {"status": "pending-pre-booking", "option_expires_at": None},
        {"status": "canceled", "option_expires_at": OPTION},
        {"status": "signed", "option_expires_at": OPTION},
    ],
    ids=["emptied", "canceled", "signed"],
)
async def test_a_deadline_goes_with_its_date_and_its_record(option, body):
    """An emptied date, or a record that is finished, disarms it."""
    await option.poll(r1=body)
    assert await alarms(option) is None


async def test_a_date_is_told_once_even_when_it_comes_back(option):
    """Away and back to the same day after it was told: silence; another day is another deadline."""
    option.now = NEAR
    await option.pass_time(seconds=1)
    await option.poll(r1={"status": "pending-pre-booking", "option_expires_at": "2026-11-28T09:00:00.000000Z"})
    await option.poll(r1={"status": "pending-pre-booking", "option_expires_at": OPTION})
    assert await option.pass_time(minutes=5) == []


async def test_a_date_already_near_at_first_sight_is_told_at_once_and_marked_late(purchases):
    """Also at a silent baseline: it is about what is to come, not about what was."""
    purchases.rules(before())
    assert await purchases.poll(r1={"status": "pre-booked", "option_expires_at": "2026-11-21T20:00:00Z"}) == []
    assert await purchases.pass_time(seconds=1) == [("deadline-near", "1")]
    (due,) = await purchases.store.due("boss", purchases.now, 9)
    assert due.event.data["late"] is True


async def test_a_date_that_has_passed_is_no_deadline(purchases):
    """At first sight, a date of yesterday arms nothing."""
    purchases.rules(before())
    await purchases.poll(r1={"status": "pre-booked", "option_expires_at": "2026-11-20T09:00:00Z"})
    assert await alarms(purchases) is None


async def test_a_stop_over_the_date_itself_fires_once_and_late(option):
    """Better late than never: the option expired while watcher was stopped, and that is said."""
    option.now = datetime(2026, 11, 25, 12, tzinfo=UTC)
    assert await option.pass_time(seconds=1) == [("deadline-near", "1")]
    (due,) = await option.store.due("boss", option.now, 9)
    assert due.event.data["late"] is True


async def test_a_deadlines_condition_is_asked_when_it_rings_and_at_each_change_since(purchases):
    """`when` sees the record as it is; a change inside the last day can make it true."""
    purchases.rules(before(when="record.status == 'pre-booked'"))
    await purchases.poll(r1={"status": "pending-pre-booking", "option_expires_at": OPTION})
    purchases.now = NEAR
    assert await purchases.pass_time(minutes=1) == []
    await purchases.poll(r1={"status": "pre-booked", "option_expires_at": OPTION})
    assert await purchases.pass_time(seconds=1) == [("deadline-near", "1")]


async def test_a_day_counts_from_midnight_in_paris_over_a_clock_change(purchases):
    """24 hours before Monday's midnight are 24 hours, also when Sunday has 25."""
    purchases.rules(before())
    purchases.now = datetime(2026, 10, 20, 12, tzinfo=UTC)
    await purchases.poll(r1={"status": "pre-booked", "option_expires_at": "2026-10-26"})
    assert await alarms(purchases) == datetime(2026, 10, 24, 23, tzinfo=UTC)  # Sunday 01:00 by the clock, summer time


async def test_a_deadline_at_night_waits_for_the_opening(purchases):
    """`hours` holds the message of a deadline like any other."""
    purchases.rules(replace(before(), timing=Timing(hours=Hours.parse("Mon-Sat 09:00-19:00"))))
    await purchases.poll(r1={"status": "pre-booked", "option_expires_at": "2026-11-25"})
    purchases.now = datetime(2026, 11, 23, 23, tzinfo=UTC)
    assert await purchases.pass_time(seconds=1) == [("deadline-near", "1")]
    assert await owed(purchases) == []
    purchases.now = datetime(2026, 11, 24, 8, tzinfo=UTC)
    await purchases.pass_time(seconds=0)
    assert await owed(purchases) == [("deadline-near", "1")]


# ------------------------------------------------------------------------------------- what waited, through the store


async def test_a_group_goes_through_the_store_and_out_as_one_message(purchases):
    """Held deliveries, one alarm, one summary whose members are there for the message; none is owed besides."""
    purchases.rules(Rule("all", ("*",), ("boss",), timing=Timing(group=Grouping())))
    await purchases.poll(r1={"status": "pre-booked"}, r2={"status": "pre-booked"})
    await purchases.poll(r1={"status": "booked"}, r2={"status": "booked"})
    assert await owed(purchases) == []
    told = await purchases.pass_time(seconds=30)
    assert told == [("summary", "all")]
    (due,) = await purchases.store.due("boss", purchases.now, 9)
    assert due.event.data["count"] == 2
    assert [event.type for event in due.members] == ["purchase-booked"] * 2


async def test_a_group_survives_a_restart(purchases):
    """The bundle is in the store: a new process releases it at its time."""
    rule = Rule("all", ("*",), ("boss",), timing=Timing(group=Grouping()))
    purchases.rules(rule)
    await purchases.poll(r1={"status": "pre-booked"})
    await purchases.poll(r1={"status": "booked"})
    purchases.desk = Desk([rule], PARIS)
    await purchases.pass_time(minutes=1)
    assert await owed(purchases) == [("purchase-booked", "1")]


async def test_a_silence_is_listed_at_its_end(purchases):
    """What it took is kept, and one summary says what that was."""
    purchases.rules(Rule("all", ("*",), ("boss",)))
    await purchases.poll(r1={"status": "pre-booked"})
    until = purchases.now + timedelta(hours=1)
    made = await purchases.store.add_silence({"sink": "boss"}, "Léa", "maintenance", purchases.now, until)
    assert isinstance(made, Silence)
    purchases.desk.silences = {made.number: made}
    await purchases.poll(r1={"status": "booked"})
    assert await owed(purchases) == []
    assert await purchases.pass_time(hours=1) == [("summary", f"silence {made.number}")]
    (due,) = await purchases.store.due("boss", purchases.now, 9)
    assert due.event.data["silence"]["comment"] == "maintenance"
    assert [event.type for event in due.members] == ["purchase-booked"]
