"""What a case that fails says: what was expected, what came, and why."""

import pytest
from rehearsal_site import LEADS, NEWS, ONE_LEAD, UNANSWERED


def wrong(site, expect):
    """What is wrong with one lead when this is expected of it."""
    (one,) = site.play(ONE_LEAD + expect)
    return "\n".join(one.wrong)


def test_a_message_too_many_is_shown_with_the_rule_and_its_reason(site):
    """Nothing expected, one came: the line says who would be told of what, and why."""
    text = wrong(site, "messages = []")
    assert '+ 2026-11-21 12:00  sales  new-lead  by "hot leads"' in text
    assert "new-lead came to sales: hot leads: not record.parent" in text


def test_a_message_that_is_missing_is_shown_with_the_part_of_the_condition_that_failed(site):
    """One expected, none came: the reason names the first part that does not hold, and its value."""
    (one,) = site.play(
        ONE_LEAD.replace('"FRIN"', '"FRIN", parent = 3') + 'messages = [{ to = "sales", event = "new-lead" }]'
    )
    text = "\n".join(one.wrong)
    assert "- at any time  sales  new-lead" in text
    assert (
        "new-lead did not come to sales: no rule takes it: hot leads: not record.parent: record.parent is '3'" in text
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("at", '"2026-11-21 12:01"'),
        ("rule", '"operator"'),
        ("title", '"*DUPONT*"'),
        ("text", '"*nobody*"'),
        ("count", "2"),
        ("late", "true"),
    ],
)
def test_each_key_of_a_message_is_looked_at(site, key, value):
    """A message that is right but for one key is the wrong one, and the key is named."""
    assert f"one came with another {key}" in wrong(
        site, f'messages = [{{ to = "sales", event = "new-lead", {key} = {value} }}]'
    )


@pytest.mark.parametrize(
    "more", ['at = "2026-11-21 12:00"', 'at = "+0s"', 'rule = "hot leads"', 'title = "*FRIN*"', 'text = "*Property*"']
)
def test_a_message_that_is_right_passes(site, more):
    """The right time, written or counted from the first step, the right rule, and globs over texts."""
    assert wrong(site, f'messages = [{{ to = "sales", event = "new-lead", {more} }}]') == ""


def test_the_order_in_which_messages_are_expected_is_free(site):
    """A message that fits several that are expected is given to that which leaves the others one."""
    site.write(LEADS, UNANSWERED, NEWS)
    messages = '{ to = "sales", event = "overdue" }, { to = "sales", event = "new-lead" }'
    assert wrong(site, f"messages = [{messages}]") == ""
    two = ONE_LEAD.replace('{ id = 1, lastname = "FRIN" }', '{ id = 1, lastname = "A" }, { id = 2, lastname = "B" }')
    leads = '{ to = "sales", event = "new-lead" }, { to = "sales", event = "new-lead", title = "* A *" }'
    site.write(LEADS)
    (one,) = site.play(two + f"messages = [{leads}]")
    assert one.wrong == ()


def test_messages_to_other_sinks_are_left_alone_when_asked(site):
    """With `sinks`, only the messages to those count."""
    assert wrong(site, 'messages = []\nsinks = ["direction"]') == ""


def test_events_are_looked_at_in_their_order(site):
    """Events that are not those expected are shown as a difference."""
    text = wrong(site, 'events = ["lead-opened", "new-lead"]')
    assert "- lead-opened" in text
    assert wrong(site, 'events = ["new-lead"]') == ""


@pytest.mark.parametrize(
    ("unwanted", "why"),
    [
        ('to = "direction", event = "new-lead"', "no rule that tells direction is about new-lead"),
        ('to = "sales", event = "lead-closed"', "there was no event lead-closed"),
        ('to = "sales", event = "new-lead", rule = "second"', "the rule 'hot leads' took it first"),
        ('to = "direction", event = "new-lead", rule = "second"', "'second' does not tell direction"),
        ('to = "sales", event = "new-lead", rule = "unanswered"', "the rule 'hot leads' took it first"),
    ],
)
def test_silences_have_a_reason(site, unwanted, why):
    """What is not told is not told for the reason that is expected, and for no other."""
    site.write(LEADS, LEADS.replace("hot leads", "second"), UNANSWERED)
    assert wrong(site, f'silent = [{{ {unwanted}, why = "{why}" }}]') == ""
    assert why in wrong(site, f'silent = [{{ {unwanted}, why = "*for fun*" }}]')


def test_a_message_that_must_not_come_and_comes_is_shown(site):
    """`silent` fails with the message that came."""
    text = wrong(site, 'silent = [{ to = "sales", event = "new-lead" }]')
    assert 'sales  new-lead  by "hot leads"' in text


def test_what_falls_outside_hours_is_dropped_for_that_reason(site):
    """A rule that drops outside its hours gives that as its reason."""
    site.write(LEADS.replace('to   = ["sales"]', 'to = ["sales"]\nhours = "Mon-Fri 09:00-19:00"\noutside = "drop"'))
    assert wrong(site, 'messages = []\nsilent = [{ to = "sales", event = "new-lead", why = "*outside hours*" }]') == ""


def test_what_waited_says_so(site):
    """A message that waited for the opening says for how long."""
    site.write(LEADS.replace('to   = ["sales"]', 'to = ["sales"]\nhours = "Mon-Fri 09:00-19:00"'))
    assert "it waited for 1 day, 21:00:00" in wrong(site, "messages = []")
