"""The keys of rules become values; what joins them across files."""

from __future__ import annotations

from datetime import time, timedelta

import pytest

from watcher.config import load
from watcher.hours import Hours
from watcher.shapes import Group
from watcher.units import Rate

LOG = '[sinks.log]\ntype = "lines"\npath = "-"\n'


def rule(desk, more="", on='"new-lead"'):
    """The one rule of a configuration."""
    (only,) = desk.load(f'{LOG}[[rules]]\nname = "a"\non = [{on}]\nto = ["log"]\n{more}').rules
    return only


def test_left_out_everything_is_at_once(desk):
    """A rule of four keys waits for nothing, is never closed, and is kept from flooding people."""
    plain = rule(desk)
    assert (plain.after, plain.unless, plain.before, plain.of, plain.emit) == (None,) * 5
    assert (plain.hours, plain.outside, plain.group, plain.digest, plain.throttle) == (None, "wait", None, None, None)
    assert (plain.flood, plain.title, plain.body) == (Rate(20, 300), None, None)


def test_a_rule_that_waits(desk):
    """after, unless and emit are as they were written."""
    waits = rule(desk, 'after = "15m"\nunless = "record.opened"\nemit = "lead-unanswered"\n')
    assert (waits.after, waits.unless, waits.emit) == (timedelta(minutes=15), "record.opened", "lead-unanswered")


@pytest.mark.parametrize("on", ['"purchases"', '"adlead.purchases"', '"purchases", "adlead.purchases"'])
def test_a_rule_that_looks_ahead(desk, on):
    """Such a rule has before and of, which go with streams, by their short names or their full ones."""
    ahead = rule(desk, 'before = "1.5h"\nof = "option_expires_at"\n', on)
    assert (ahead.before, ahead.of) == (timedelta(minutes=90), "option_expires_at")


def test_dates_of_several_streams(desk):
    """A date may be asked of several streams when each has it, and of one that comes with a person by its .date."""
    assert rule(desk, 'before = "1d"\nof = "assigned.date"\n', '"leads"').of == "assigned.date"
    two = '"contracts", "apimo.contracts"'
    assert rule(desk, 'before = "1d"\nof = "contract_scheduled_at"\n', two).on == ("contracts", "apimo.contracts")


@pytest.mark.parametrize("longest", ["366d", "1s"])
def test_the_bounds_of_a_wait(desk, longest):
    """A rule waits from a second to a year."""
    assert rule(desk, f'after = "{longest}"\n').after in (timedelta(days=366), timedelta(seconds=1))


@pytest.mark.parametrize(
    ("written", "holidays"),
    [
        ('hours = "Mon-Sat 09:00-19:00"\n', ""),
        ('hours = { open = "Mon-Sat 09:00-19:00" }\n', ""),
        ('hours = { open = "Mon-Sat 09:00-19:00", holidays = "FR" }\n', "FR"),
        ('[rules.hours]\nopen = "Mon-Sat 09:00-19:00"\nholidays = "FR"\n', "FR"),
    ],
)
def test_hours_are_one_value(desk, written, holidays):
    """Hours are a text or a table; either way they come out the same."""
    assert rule(desk, written).hours == Hours.parse("Mon-Sat 09:00-19:00", holidays)


def test_outside_of_hours(desk):
    """What comes outside of hours waits unless it is to be dropped."""
    assert rule(desk, 'hours = "09:00-19:00"\noutside = "drop"\n').outside == "drop"


def test_a_group(desk):
    """A group has bounds of its own for what is left out."""
    assert rule(desk, "group = {}\n").group == Group(
        by=(), wait=timedelta(seconds=30), every=timedelta(minutes=5), most=20
    )
    whole = rule(desk, 'group = { by = ["source", "record.user"], wait = "1s", every = "1h", most = 2 }\n').group
    assert whole == Group(by=("source", "record.user"), wait=timedelta(seconds=1), every=timedelta(hours=1), most=2)


@pytest.mark.parametrize("on", ['"*"', '"record-reappeared"', '"lead-closed", "source-failing"'])
def test_a_group_by_a_field_of_some(desk, on):
    """A field to group by is one that a stream of the rule has, be it one of several."""
    assert rule(desk, 'group = { by = ["record.user"] }\n', on).group.by == ("record.user",)


@pytest.mark.parametrize("written", ['"08:30"', '"8:30"', "08:30:00"])
def test_a_digest_is_a_time_of_day(desk, written):
    """With quotes, or as TOML's own time."""
    assert rule(desk, f"digest = {written}\n").digest == time(8, 30)


def test_limits(desk):
    """Limits are rates, and false lifts them."""
    both = rule(desk, 'throttle = "10/h"\nflood = "5/30s"\n')
    assert (both.throttle, both.flood) == (Rate(10, 3600), Rate(5, 30))
    lifted = rule(desk, "throttle = false\nflood = false\n")
    assert (lifted.throttle, lifted.flood) == (None, None)


def test_own_words(desk):
    """Templates are kept as they were written; a title in three quotes may end with its line."""
    own = rule(desk, 'title = """\n{{ record.lastname }}\n"""\nbody = "{{ record.message }}"\n')
    assert (own.title, own.body) == ("{{ record.lastname }}\n", "{{ record.message }}")


# ------------------------------------------------------------------------------------------------- rules among others


def test_a_rule_hears_what_another_file_tells(desk):
    """A type of event that a rule tells is known in all files, before and after it, and to several rules."""
    desk.write("rules/a.toml", '[[rules]]\nname = "a"\non = ["lead-late"]\nto = ["log"]\n')
    desk.write(
        "rules/b.toml", '[[rules]]\nname = "b"\non = ["new-lead"]\nto = ["log"]\nafter = "1h"\nemit = "lead-late"\n'
    )
    desk.write(
        "rules/c.toml",
        '[[rules]]\nname = "c"\non = ["lead-step-changed"]\nto = ["log"]\nafter = "2h"\nemit = "lead-late"\n',
    )
    assert len(desk.load('rule_files = ["rules/*.toml"]\n' + LOG).rules) == 3


def test_the_usual_timers_can_be_heard(desk):
    """Both overdue and deadline-near are types of event; a rule that waits may wait for another one's."""
    rules = (
        '[[rules]]\nname = "a"\non = ["new-lead"]\nafter = "15m"\nemit = "lead-late"\nto = ["log"]\n'
        '[[rules]]\nname = "b"\non = ["lead-late"]\nafter = "1h"\nto = ["log"]\n'
        '[[rules]]\nname = "c"\non = ["purchases"]\nbefore = "1h"\nof = "option_expires_at"\nto = ["log"]\n'
        '[[rules]]\nname = "d"\non = ["overdue", "deadline-near"]\nto = ["log"]\n'
    )
    assert [one.name for one in desk.load(LOG + rules).rules] == ["a", "b", "c", "d"]


def test_mistakes_of_rules_in_several_files(desk):
    """What another file tells is a name to be near to; each mistake has the file and line that it is in."""
    desk.write("r/a.toml", '[[rules]]\nname = "a"\non = ["lead-lat"]\nto = ["log"]\nunless = "x"\n')
    desk.write(
        "r/b.toml",
        '[[rules]]\nname = "b"\non = ["new-lead", "lead-late"]\nto = ["log"]\nafter = "1h"\nemit = "lead-late"\n',
    )
    desk.write(
        "r/c.toml",
        '\n[[rules]]\nname = "b"\non = ["leads"]\nto = ["log"]\nbefore = "1h"\nof = "dat"\ngroup.by = ["sorce"]\n',
    )
    assert desk.complaints('rule_files = ["r/*.toml"]\n' + LOG) == [
        'r/a.toml:3: [[rules]] on[0]: no event type "lead-lat"; did you mean "lead-late"?',
        'r/a.toml:5: [[rules]] unless: goes with after; write after = "15m", or make it a part of when',
        "r/a.toml:5: [[rules]] unless: 'x' is unknown",
        'r/b.toml:3: [[rules]] on[1]: "lead-late" is what this very rule tells, without end; give that another name with emit = "..."',
        'r/c.toml:3: [[rules]] name: "b" is taken (r/b.toml:2); choose another name',
        'r/c.toml:7: [[rules]] of: apimo.leads has no date "dat"; did you mean "date"?',
        'r/c.toml:8: [[rules]] group.by[0]: cannot group by "sorce"; did you mean "source"?',
    ]


def test_a_glob_does_not_ring(desk):
    """A rule that waits and hears everything does not hear what it tells itself, so it may be written."""
    assert rule(desk, 'after = "1h"\nunless = "record.id"\n', '"*"').on == ("*",)


@pytest.mark.parametrize(
    ("rules", "asked_of"),
    [
        ('[[rules]]\nname = "a"\non = ["purchases"]\nbefore = "1h"\nof = "canceled_at"\nwhen = "Q"\nto = ["log"]\n', "purchase"),
        (
            '[[rules]]\nname = "a"\non = ["lead-late"]\nwhen = "Q"\nto = ["log"]\n[[rules]]\nname = "b"\non = ["lead-opened"]\nafter = "1h"\nemit = "lead-late"\nto = ["log"]\n',
            "lead-opened",
        ),
        ('[[rules]]\nname = "a"\non = ["new-contract"]\nafter = "1h"\nunless = "Q"\nto = ["log"]\n', "new-contract"),
        ('[[rules]]\nname = "a"\non = ["new-contract"]\ntitle = "Q"\nto = ["log"]\n', "new-contract"),
        ('[[rules]]\nname = "a"\non = ["new-contract"]\nbody = "Q"\nto = ["log"]\n', "new-contract"),
    ],
)  # fmt: skip
def test_texts_are_asked_of_what_the_rule_stands_on(desk, rules, asked_of):
    """Conditions and templates are checked on the events that the rule's messages stand on, also by way of timers."""
    from watcher.streams import catalogue

    asked = []
    path = desk.write("config.toml", LOG + rules)

    def note(text, types):
        asked.append((text, types))
        return []

    load(
        path, sink_types=desk.types, event_types=catalogue(), check_condition=note, check_template=note,
        constant=lambda condition, types: None, environ={},
    )  # fmt: skip
    ((text, types),) = asked
    assert text == "Q"
    assert types
    assert all(asked_of in event for event in types)
