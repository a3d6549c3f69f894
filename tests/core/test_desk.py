"""Who is told when: hours, groups, digests, limits, silences."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from watcher.desk import Bundle, Desk, Place
from watcher.hours import Hours
from watcher.model import Alarm, Event, Fate, Held, Silence
from watcher.rules import Grouping, Rule, Timing
from watcher.streams.dates import PARIS
from watcher.units import Rate

NOON = datetime(2026, 11, 20, 11, tzinfo=UTC)  # a Friday, 12:00 in Paris
NIGHT = datetime(2026, 11, 20, 21, tzinfo=UTC)
HOURS = Hours.parse("Mon-Sat 09:00-19:00")
OPENING = datetime(2026, 11, 21, 8, tzinfo=UTC)


def news(number, kind="new-lead", partition="101", **data):
    """An event of a lead."""
    facts = {"account": "azur", "stream": "apimo.leads", "partition": partition, "record": {"id": str(number)}, **data}
    return Event(f"id-{number}", kind, f"/azur/apimo.leads/{partition}", str(number), NOON, NOON, facts)


def desk(*, to=("sales",), people=("sales",), operator=(), name="all", **timing):
    """A desk with one rule about everything, in that time."""
    return Desk([Rule(name, ("*",), to, timing=Timing(**timing))], PARIS, operator, frozenset(people))


def held(found, kind="new-lead", at=NOON):
    """What the store would hold of what was taken."""
    waiting = [one for one in found if one.fate is Fate.HELD]
    return [Held(n, one.sink, one.rule, one.event_id, kind, at) for n, one in enumerate(waiting, 1)]


def fates(routed):
    """The fates, and why."""
    return [(one.fate.value, one.why) for one in routed.owed]


def test_without_timing_everything_goes_at_once():
    """A plain rule holds nothing back and sets no alarm."""
    routed = desk().take([news(1), news(2)], NOON)
    assert fates(routed) == [("owed", ""), ("owed", "")]
    assert routed.armed == ()


# ------------------------------------------------------------------------------------------------------------- hours


def test_outside_hours_a_message_waits_for_the_opening():
    """At night it is held, with an alarm at the opening; then it goes on its own."""
    there = desk(hours=HOURS)
    routed = there.take([news(1)], NIGHT)
    assert fates(routed) == [("held", "hours")]
    (alarm,) = routed.armed
    assert alarm == Alarm("release", "sales", "", "all", OPENING, {"why": "hours"})
    plan = there.release(alarm, held(routed.owed), OPENING)
    assert [one.numbers for one in plan.released] == [(1,)]
    assert plan.released[0].told_in == ""
    assert plan.disarmed == (alarm,)
    assert fates(there.take([news(2)], OPENING)) == [("owed", "")]


def test_outside_hours_a_message_is_dropped_where_the_rule_says_so():
    """`outside = "drop"`: it is written down as dropped, with the reason, and no alarm is set."""
    routed = desk(hours=HOURS, outside="drop").take([news(1)], NIGHT)
    assert fates(routed) == [("dropped", "outside hours")]
    assert routed.armed == ()


def test_what_comes_before_the_bundle_is_released_queues_behind_it():
    """Between the opening and its alarm the order of the rule's messages is kept."""
    there = desk(hours=HOURS)
    (alarm,) = there.take([news(1)], NIGHT).armed
    late = there.take([news(2)], OPENING + timedelta(seconds=1))
    assert fates(late) == [("held", "hours")]
    assert late.armed == (alarm,)


def test_a_night_full_of_messages_is_no_flood_in_the_morning():
    """At the opening as many go as the limit lets through; the others become one summary."""
    there = desk(hours=HOURS)
    routed = there.take([news(n) for n in range(25)], NIGHT)
    plan = there.release(routed.armed[0], held(routed.owed), OPENING)
    assert len(plan.released[0].numbers) == 20
    (alarm,) = plan.armed
    assert alarm.data == {"why": "flood"}
    rest = there.release(alarm, held(routed.owed)[20:], alarm.due_at)
    assert rest.events[0].data["count"] == 5
    assert rest.events[0].data["why"] == "flood"


# -------------------------------------------------------------------------------------------------- groups and digests


def test_a_group_waits_then_tells_all_in_one_message():
    """The first event sets the wait; all that came by then are one summary with their ids, types and age."""
    there = desk(group=Grouping(wait=timedelta(seconds=30)))
    first = there.take([news(1)], NOON)
    assert first.armed[0].due_at == NOON + timedelta(seconds=30)
    second = there.take([news(2, "lead-opened"), news(3)], NOON + timedelta(seconds=20))
    assert second.armed[0].due_at == NOON + timedelta(seconds=30)
    waiting = [
        replace(one, number=n, type=kind)
        for n, (one, kind) in enumerate(
            zip(held((*first.owed, *second.owed)), ["new-lead", "lead-opened", "new-lead"], strict=True), 1
        )
    ]
    plan = there.release(second.armed[0], waiting, NOON + timedelta(seconds=30))
    (event,) = plan.events
    assert (event.type, event.data["count"], event.data["events"]) == ("summary", 3, ["id-1", "id-2", "id-3"])
    assert event.data["types"] == {"new-lead": 2, "lead-opened": 1}
    assert event.data["since"] == "2026-11-20T11:00:00Z"
    assert [(one.event_id, one.sink, one.rule, one.fate) for one in plan.owed] == [
        (event.id, "sales", "all", Fate.OWED)
    ]
    assert [(one.numbers, one.told_in) for one in plan.released] == [((1, 2, 3), event.id)]


def test_a_group_keeps_its_distance():
    """After a message the group's next one is `every` away; with nothing waiting by then, the group is over."""
    there = desk(group=Grouping())
    routed = there.take([news(1)], NOON)
    now = routed.armed[0].due_at
    (again,) = there.release(routed.armed[0], held(routed.owed), now).armed
    assert again.due_at == now + timedelta(minutes=5)
    following = there.take([news(2)], now + timedelta(minutes=1))
    assert following.armed[0].due_at == again.due_at
    quiet = there.release(replace(again), [], again.due_at)
    assert quiet.disarmed == (again,)
    assert there.take([news(3)], again.due_at).armed[0].due_at == again.due_at + timedelta(seconds=30)


def test_a_group_of_one_is_an_ordinary_message():
    """A single event is told as itself, not as a summary of one."""
    there = desk(group=Grouping())
    routed = there.take([news(1)], NOON)
    plan = there.release(routed.armed[0], held(routed.owed), NOON + timedelta(seconds=30))
    assert plan.events == ()
    assert plan.released[0].told_in == ""


def test_a_full_group_goes_at_once():
    """When `most` wait, the message is due now."""
    there = desk(group=Grouping(most=3))
    assert there.take([news(1), news(2)], NOON).armed[0].due_at > NOON
    assert there.take([news(3)], NOON + timedelta(seconds=1)).armed[0].due_at == NOON + timedelta(seconds=1)


def test_groups_are_told_apart_by_their_labels():
    """`by` makes a group a value: two sources wait in two bundles, with an alarm each."""
    there = desk(group=Grouping(by=("source", "record.user")))
    routed = there.take([news(1), news(2, partition="102"), news(3)], NOON)
    assert [one.bundle for one in routed.owed] == [
        "source=azur/apimo.leads/101, record.user=None",
        "source=azur/apimo.leads/102, record.user=None",
        "source=azur/apimo.leads/101, record.user=None",
    ]
    assert len(routed.armed) == 2


def test_a_digest_waits_for_its_time_of_day():
    """Everything since the last one goes in one message a day; at the very time it is tomorrow's."""
    there = desk(digest=time(8, 30))
    assert there.take([news(1)], NOON).armed[0].due_at == datetime(2026, 11, 21, 7, 30, tzinfo=UTC)
    there = desk(digest=time(8, 30))
    assert there.take([news(1)], datetime(2026, 11, 21, 7, 30, tzinfo=UTC)).armed[0].due_at.day == 22


def test_a_digest_that_falls_outside_hours_waits_for_the_opening():
    """A Sunday's digest of people who are there from Monday comes on Monday."""
    there = desk(digest=time(8, 30), hours=Hours.parse("Mon-Fri 09:00-19:00"))
    routed = there.take([news(1)], NOON)
    plan = there.release(routed.armed[0], held(routed.owed), routed.armed[0].due_at)
    assert plan.released == ()
    assert plan.armed[0].due_at == datetime(2026, 11, 23, 8, tzinfo=UTC)


# --------------------------------------------------------------------------------------------------- throttle and flood


def test_people_are_not_flooded_and_machines_get_everything():
    """Beyond 20 in five minutes a sink for people gets one summary; one for machines gets each event."""
    there = desk(to=("sales", "crm"), people=("sales",))
    routed = there.take([news(n) for n in range(500)], NOON)
    by_sink = {sink: [one.fate for one in routed.owed if one.sink == sink] for sink in ("sales", "crm")}
    assert by_sink["crm"] == [Fate.OWED] * 500
    assert by_sink["sales"] == [Fate.OWED] * 20 + [Fate.HELD] * 480
    (alarm,) = routed.armed
    assert alarm.due_at == NOON + timedelta(seconds=30)
    plan = there.release(alarm, held(routed.owed), alarm.due_at)
    assert plan.events[0].data["count"] == 480
    assert len(plan.owed) == 1


def test_a_flood_stays_dammed_until_its_period_is_over():
    """What comes while the limit is still used up waits for the next summary; then messages go singly again."""
    there = desk()
    routed = there.take([news(n) for n in range(25)], NOON)
    (dam,) = there.release(routed.armed[0], held(routed.owed), NOON + timedelta(seconds=30)).armed
    assert dam.due_at == NOON + timedelta(minutes=5)
    more = there.take([news(99)], NOON + timedelta(minutes=1))
    assert fates(more) == [("held", "flood")]
    assert more.armed == (dam,)
    assert there.release(dam, held(more.owed), dam.due_at).disarmed == (dam,)
    assert fates(there.take([news(100)], dam.due_at)) == [("owed", "")]


def test_the_limit_slides():
    """Twenty in any five minutes, not twenty in each five minutes of the clock."""
    there = desk(flood=Rate(2, 300))
    at = [NOON + timedelta(minutes=m) for m in (0, 4, 5, 6)]
    assert [fates(there.take([news(n)], now))[0][0] for n, now in enumerate(at)] == ["owed", "owed", "owed", "held"]


def test_flood_false_lifts_it():
    """A rule that says so gets everything through."""
    assert {fate for fate, _ in fates(desk(flood=None).take([news(n) for n in range(500)], NOON))} == {"owed"}


def test_a_throttle_makes_the_rest_wait_until_there_is_room():
    """Beyond its rate, also a machine's messages wait, in one summary when the rate allows one more."""
    there = desk(throttle=Rate(2, 3600), people=())
    routed = there.take([news(n) for n in range(5)], NOON)
    assert [fate for fate, _ in fates(routed)] == ["owed", "owed", "held", "held", "held"]
    (alarm,) = routed.armed
    assert (alarm.due_at, alarm.data["why"]) == (NOON + timedelta(hours=1), "throttle")
    assert there.release(alarm, held(routed.owed), alarm.due_at).events[0].data["count"] == 3


def test_each_rule_and_sink_has_its_own_limit():
    """One rule's storm does not silence another's messages to the same sink."""
    loud, calm = Rule("loud", ("new-lead",), ("sales",)), Rule("calm", ("lead-closed",), ("sales",))
    there = Desk([loud, calm], PARIS, (), frozenset({"sales"}))
    there.take([news(n) for n in range(100)], NOON)
    assert fates(there.take([news(200, "lead-closed")], NOON)) == [("owed", "")]


def test_the_operator_is_not_flooded_either():
    """Two hundred sources that fail together are a few messages and a summary."""
    there = Desk([], PARIS, ("boss",), frozenset({"boss"}))
    failing = [Event(f"f{n}", "source-failing", "/watcher", f"s{n}", NOON, NOON, {}) for n in range(200)]
    found = [fate for fate, _ in fates(there.take(failing, NOON))]
    assert (found.count("owed"), found.count("held")) == (20, 180)


# ------------------------------------------------------------------------------------------------------------ silences


def silence(**matchers):
    """A silence of an hour from noon."""
    return Silence(3, matchers, "Léa", "maintenance", NOON, NOON + timedelta(hours=1))


@pytest.mark.parametrize(
    ("matchers", "silenced"),
    [
        ({"type": "new-*"}, True),
        ({"type": "new-*", "sink": "sales"}, True),
        ({"type": "new-*", "sink": "crm"}, False),
        ({"source": "azur/apimo.leads/*"}, True),
        ({"record": "azur/apimo.leads/101/1"}, True),
        ({"record": "azur/apimo.leads/101/2"}, False),
        ({"account": "azur", "stream": "apimo.leads", "partition": "101", "rule": "all"}, True),
        ({"partition": "102"}, False),
    ],
)
def test_a_silence_takes_what_all_its_matchers_match(matchers, silenced):
    """Every matcher's glob has to match; what is taken is written down with the silence's number."""
    there = desk()
    there.silences = {3: silence(**matchers)}
    expected = ("silenced", "silence 3") if silenced else ("owed", "")
    assert fates(there.take([news(1)], NOON)) == [expected]


def test_a_silence_is_in_force_from_its_start_to_its_end():
    """At its end messages go again."""
    there = desk()
    there.silences = {3: silence(type="*")}
    assert fates(there.take([news(1)], NOON + timedelta(minutes=59)))[0][0] == "silenced"
    assert fates(there.take([news(2)], NOON + timedelta(hours=1)))[0][0] == "owed"


def test_at_its_end_a_silence_lists_what_it_took_sink_by_sink():
    """Each sink gets one summary of what it was not told, with author and comment; nothing taken, nothing told."""
    there = desk(to=("sales", "crm"))
    there.silences = {3: silence(type="new-lead")}
    routed = there.take([news(1), news(2)], NOON)
    rows = [Held(n, one.sink, one.rule, one.event_id, "new-lead", NOON) for n, one in enumerate(routed.owed, 1)]
    alarm = Alarm("silence", "", "3", "", NOON + timedelta(hours=1))
    plan = there.expire(alarm, rows, alarm.due_at)
    assert [(one.sink, one.rule) for one in plan.owed] == [("sales", "silence 3"), ("crm", "silence 3")]
    assert plan.events[0].data["silence"] == {"number": 3, "author": "Léa", "comment": "maintenance"}
    assert [one.numbers for one in plan.released] == [(1, 3), (2, 4)]
    assert there.silences == {}
    empty = there.expire(alarm, [], alarm.due_at)
    assert (empty.events, empty.disarmed) == ((), (alarm,))


def test_a_silenced_message_takes_its_place_at_the_sink():
    """The first matching rule's message is the sink's also when it is silenced: no second rule speaks instead."""
    rules = [Rule("a", ("*",), ("sales",)), Rule("b", ("*",), ("sales",))]
    there = Desk(rules, PARIS, silences={3: silence(rule="a")})
    assert [(one.rule, one.fate) for one in there.take([news(1)], NOON).owed] == [("a", Fate.SILENCED)]


# ---------------------------------------------------------------------------------------------------------- all the same


def test_a_rule_that_is_gone_lets_its_messages_go():
    """After a reload without the rule, what waited goes on its own, within the usual limits."""
    there = desk(group=Grouping())
    routed = there.take([news(1), news(2)], NOON)
    other = Desk([], PARIS)
    plan = other.release(routed.armed[0], held(routed.owed), NOON)
    assert plan.released[0].numbers == (1, 2)


def test_a_trial_changes_nothing():
    """A dry run decides as the desk would, and leaves its limits and bundles as they are."""
    there = desk(flood=Rate(1, 300))
    trial = there.trial()
    assert fates(trial.take([news(1), news(2)], NOON)) == [("owed", ""), ("held", "flood")]
    assert fates(there.take([news(3)], NOON)) == [("owed", "")]


def test_a_summarys_id_is_the_same_when_it_is_made_again():
    """After a crash before the commit the same messages make the same summary."""
    one, two = (desk(group=Grouping()) for _ in range(2))
    routed = one.take([news(1), news(2)], NOON)
    two.bundles = {Place("sales", "all", ""): Bundle(NOON, "group", 2)}
    ids = {there.release(routed.armed[0], held(routed.owed), NOON).events[0].id for there in (one, two)}
    assert len(ids) == 1


def test_every_commit_that_holds_something_arms_its_alarm():
    """Each plan that adds to a bundle carries its alarm, so that a plan that was lost leaves nothing held for ever."""
    there = desk(group=Grouping())
    for n in range(3):
        assert len(there.take([news(n)], NOON).armed) == 1
