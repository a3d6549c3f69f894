"""What a case that is played comes to: virtual time, the daemon stopped, silences, hours, summaries, removals."""

import pytest
from rehearsal_site import LEADS, NEWS, ONE_LEAD, OPTIONS, UNANSWERED

ALL = """
[[rules]]
name = "everything"
on   = ["*"]
to   = ["crm"]
"""


def test_a_lead_after_hours_is_told_again_when_people_have_had_time(site):
    """A wait in open hours that begins on Saturday evening goes on on Monday morning."""
    site.write(LEADS, UNANSWERED)
    told = site.told(ONE_LEAD.replace("12:00", "18:50") + "messages = []")
    assert told == [("2026-11-21 18:50:00", "sales", "new-lead"), ("2026-11-23 09:05:00", "sales", "overdue")]


def test_what_is_done_in_time_spares_the_message(site):
    """A lead that is opened within its quarter of an hour is not told again."""
    site.write(LEADS, UNANSWERED)
    text = ONE_LEAD.replace(
        "[cases.expect]",
        '[[cases.given]]\nat = "+10m"\nrecords = [{ id = 1, opened = "2026-11-21 12:08:00" }]\n[cases.expect]\n',
    )
    assert [event for _, _, event in site.told(text + "messages = []")] == ["new-lead"]


DOWN = """
[[cases]]
name = "stopped"
[[cases.given]]
at      = "2026-11-21 12:00"
records = [{ id = 1 }]
[[cases.given]]
at   = "+5m"
down = true
[[cases.given]]
at = "+3h"
[cases.expect]
events   = ["new-lead", "overdue"]
messages = [
  { to = "sales", event = "new-lead", late = false },
  { to = "sales", event = "overdue", at = "2026-11-21 15:05", late = true },
]
"""


def test_a_stop_of_three_hours_makes_a_timer_late_and_tells_it_once(site):
    """What fell due while the daemon was stopped is told when it starts, once, and marked late."""
    site.write(LEADS, UNANSWERED)
    (one,) = site.play(DOWN)
    assert one.wrong == ()


def test_without_a_stop_the_same_is_told_in_time(site):
    """The stop is what makes it late: the same case without it fails for its time and for the mark."""
    site.write(LEADS, UNANSWERED)
    (one,) = site.play(DOWN.replace("down = true", ""))
    assert any("one came with another at, late" in line for line in one.wrong)


@pytest.mark.parametrize(
    ("at", "opened", "due"),
    [
        ("2026-10-24 18:50", "Mon-Sun 00:00-24:00", "2026-10-24 19:05:00"),
        ("2026-10-25 01:50", "Mon-Sun 00:00-24:00", "2026-10-25 02:05:00"),
        ("2026-10-25 02:50", "Mon-Sun 01:00-04:00", "2026-10-25 02:05:00"),  # the second one, 15 minutes later
        ("2026-10-25 02:50+01:00", "Mon-Sun 01:00-04:00", "2026-10-25 03:05:00"),
        ("2027-03-28 01:50", "Mon-Sun 00:00-24:00", "2027-03-28 03:05:00"),
        ("2027-03-27 18:50", "Mon-Sun 09:00-19:00", "2027-03-28 09:05:00"),
    ],
)
def test_clocks_that_change_do_not_change_a_wait(site, at, opened, due):
    """A quarter of an hour is one, also in the nights in which the clocks change."""
    site.write(UNANSWERED.replace("Mon-Sat 09:00-19:00", opened))
    assert site.told(ONE_LEAD.replace("2026-11-21 12:00", at) + "messages = []") == [(due, "sales", "overdue")]


SILENCED = """
[[cases]]
name = "silenced"
[[cases.given]]
at      = "2026-11-21 12:00"
silence = { sink = "sales", for = "2h", comment = "moving" }
records = [{ id = 1 }]
[[cases.given]]
at      = "+3h"
records = [{ id = 2 }]
[cases.expect]
messages = [
  { to = "sales", event = "summary", at = "2026-11-21 14:00", count = 1, rule = "silence 1" },
  { to = "sales", event = "new-lead", at = "2026-11-21 15:00" },
]
"""


def test_a_silence_keeps_what_it_covers_and_says_so_at_its_end(site):
    """In a silence nothing is told; at its end what was not told comes in a summary, and then all is as before."""
    (one,) = site.play(SILENCED)
    assert one.wrong == ()


def test_a_silence_is_a_reason_for_not_telling(site):
    """`silent` finds what a silence took, by the words of its reason."""
    expect = 'silent = [{ to = "sales", event = "new-lead", why = "silenced: silence 1" }]\n'
    (one,) = site.play(SILENCED.split('[[cases.given]]\nat      = "+3h"', maxsplit=1)[0] + "[cases.expect]\n" + expect)
    assert one.wrong == ()


def test_removed_records_are_told_though_they_were_all_there_were(site):
    """A step that removes a record tells that it is gone: two reads lacked it, and the list was not empty."""
    site.write(ALL)
    text = ONE_LEAD.replace("[cases.expect]", '[[cases.given]]\nat = "+1h"\nremoved = [1]\n[cases.expect]\n')
    assert site.told(text + "messages = []") == [
        ("2026-11-21 12:00:00", "crm", "new-lead"),
        ("2026-11-21 13:00:00", "crm", "lead-removed"),
    ]


def test_what_is_known_from_the_start_tells_nobody(site):
    """Records that are `known` are those of a first read: silent, and what comes later is told as a change to them."""
    site.write(ALL)
    text = """
[[cases]]
name   = "signed"
source = "azur/apimo.contracts/101"
known  = [{ id = 7, offer_at = "2026-07-01" }]
[[cases.given]]
at      = "2026-11-21 12:00"
records = [{ id = 7, contract_at = "2026-11-21" }]
[cases.expect]
messages = []
"""
    assert site.told(text) == [("2026-11-21 12:00:00", "crm", "contract-signed")]


def test_a_source_that_turns_us_away_is_told_and_that_it_is_over(site):
    """`fails` is an answer that the source gives once: the operator hears of it, and of its end."""
    text = ONE_LEAD.replace('records = [{ id = 1, lastname = "FRIN" }]', 'fails = "HTTP 401"').replace(
        "[cases.expect]", '[[cases.given]]\nat = "+30m"\n[cases.expect]\n'
    )
    assert [(sink, event) for _, sink, event in site.told(text + "messages = []")] == [
        ("direction", "source-failing"),
        ("direction", "source-recovered"),
    ]


def test_one_failure_is_an_accident(site):
    """A source that fails once, and not by refusing us, is told to nobody."""
    (one,) = site.play(ONE_LEAD.replace('records = [{ id = 1, lastname = "FRIN" }]', "fails = true") + "messages = []")
    assert one.wrong == ()


def test_a_deadline_moves_with_its_date(site):
    """A date that moves is told before the new one, once."""
    site.write(OPTIONS)
    text = """
[[cases]]
name   = "an option"
source = "purchases"
[[cases.given]]
at      = "2026-11-18 10:00"
records = [{ id = 4, option_expires_at = "2026-11-20 12:00" }]
[[cases.given]]
at      = "+1h"
records = [{ id = 4, option_expires_at = "2026-11-24 12:00" }]
[cases.expect]
messages = []
"""
    assert site.told(text) == [("2026-11-23 12:00:00", "sales", "deadline-near")]


def test_a_group_is_one_message_when_its_wait_is_over(site):
    """Three leads that come together are one message, half a minute later."""
    site.write(LEADS.replace('to   = ["sales"]', 'to = ["sales"]\ngroup = { wait = "30s" }'))
    text = ONE_LEAD.replace('{ id = 1, lastname = "FRIN" }', "{ id = 1 }, { id = 2 }, { id = 3 }")
    (one,) = site.play(text + 'messages = [{ to = "sales", event = "summary", count = 3, at = "2026-11-21 12:00:30" }]')
    assert one.wrong == ()
    assert one.came.told[0].why == "a summary of 3: group"


def test_later_steps_give_only_what_differs(site):
    """A step changes what it names of a record; the rest stays as it was, so it is not told."""
    site.write(NEWS, ALL)
    text = ONE_LEAD.replace(
        "[cases.expect]",
        '[[cases.given]]\nat = "+1h"\nrecords = [{ id = 1, email = "new@example.fr" }]\n[cases.expect]\n',
    )
    (one,) = site.play(text + "messages = []")
    assert [sorted(event.data["changes"]) for event in one.came.events[1:]] == [["email"]]


def test_a_fresh_record_has_nothing_behind_it(site):
    """A purchase of which a case says nothing tells that it is new, and no milestone."""
    site.write(ALL)
    text = ONE_LEAD.replace("[[cases.given]]", 'source = "purchases"\n[[cases.given]]', 1).replace(
        ', lastname = "FRIN"', ""
    )
    assert [event for _, _, event in site.told(text + "messages = []")] == ["new-purchase"]


def test_a_case_ends_when_its_time_is_over(site):
    """What would come after `until` is not played."""
    site.write(LEADS, UNANSWERED)
    assert [event for _, _, event in site.told(ONE_LEAD + 'messages = []\nuntil = "+14m"')] == ["new-lead"]


def test_cases_know_nothing_of_each_other(site):
    """The same record in two cases is new in both."""
    both = ONE_LEAD + "messages = []\n" + ONE_LEAD.replace('"a lead"', '"again"') + "messages = []"
    assert [len(one.came.told) for one in site.play(both)] == [1, 1]
