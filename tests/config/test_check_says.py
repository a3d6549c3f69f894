"""What `watcher check` says of rules: when their messages are sent, in words and as JSON; and the schema it has."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from watcher.cli.check import described, show
from watcher.cli.schema import schema
from watcher.schema import config_schema, rules_schema
from watcher.sinks import SINKS
from watcher.streams import catalogue

LOG = '[sinks.log]\ntype = "lines"\npath = "-"\n'


def facts(desk, more="", on='"new-lead"'):
    """What is said of the one rule of a configuration."""
    config = desk.load(f'{LOG}[[rules]]\nname = "a"\non = [{on}]\nto = ["log"]\n{more}')
    (rule,) = described(config)["rules"]
    return rule


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("", []),
        ('after = "15m"\n', ["15 min later, in any case", "as overdue"]),
        (
            'after = "15m"\nunless = "record.opened or record.assigned"\nhours = "Mon-Sat 09:00-19:00"\nemit = "late"\n',
            [
                "15 min of open hours later, unless record.opened or record.assigned",
                "as late",
                "Mon-Sat 09:00-19:00: what comes at another time waits for the opening",
            ],
        ),
        (
            'hours = { open = "09:00-19:00", holidays = "FR" }\noutside = "drop"\n',
            ["09:00-19:00, closed on public holidays (FR): what comes at another time is dropped"],
        ),
        ('digest = "8:30"\n', ["in one message a day, at 08:30"]),
        (
            'group = { by = ["source", "record.user"] }\n',
            ["in one message for each source, record.user: after 30 s, then 5 min apart, or as soon as there are 20"],
        ),
        ("group = {}\n", ["in one message: after 30 s, then 5 min apart, or as soon as there are 20"]),
        ('throttle = "10/h"\n', ["at most 10/h, what is more later in one message"]),
        ("flood = false\n", ["however many there are"]),
        ('flood = "5/30s"\n', ["beyond 5/30s in one summary for people"]),
    ],
)
def test_the_timing_is_said_in_words(desk, more, words):
    """Each key about time is a sentence; a rule that tells at once has none."""
    assert facts(desk, more)["timing"] == words


def test_a_deadline_is_said_in_words(desk):
    """A rule about dates says which, of which streams, and how long before."""
    rule = facts(desk, 'before = "48h"\nof = "option_expires_at"\n', '"purchases"')
    assert rule["timing"] == ["2 d before option_expires_at", "as deadline-near"]
    assert (rule["hears"], rule["tells"]) == ([], "deadline-near")


def test_the_values_are_in_the_json(desk):
    """Spans are seconds, rates and times are texts, what is left out is null."""
    more = 'after = "15m"\nunless = "record.opened"\nhours = "09:00-19:00"\nthrottle = "10/2h"\ntitle = "x"\n'
    rule = json.loads(json.dumps(facts(desk, more)))
    assert (rule["after"], rule["unless"], rule["before"], rule["of"]) == (900, "record.opened", None, None)
    assert (rule["hours"], rule["outside"]) == ({"open": "09:00-19:00", "holidays": ""}, "wait")
    assert (rule["group"], rule["digest"], rule["throttle"], rule["flood"]) == (None, None, "10/2h", "20/5min")
    assert (rule["tells"], rule["title"], rule["body"]) == ("overdue", "x", None)
    group = facts(desk, 'group = { by = ["source"], most = 5 }\n')["group"]
    assert group == {"by": ["source"], "wait": 30, "every": 300, "most": 5}
    assert facts(desk, 'digest = "08:30"\n')["digest"] == "08:30"


def test_what_is_heard_includes_what_rules_tell(desk):
    """A rule on everything hears other rules' timers too; one that waits hears them by name only."""
    rules = (
        '[[rules]]\nname = "a"\non = ["new-lead"]\nafter = "1h"\nemit = "lead-late"\nto = ["log"]\n'
        '[[rules]]\nname = "b"\non = ["lead-*"]\nto = ["log"]\n'
        '[[rules]]\nname = "c"\non = ["lead-*"]\nafter = "1h"\nto = ["log"]\n'
        '[[rules]]\nname = "d"\non = ["lead-late"]\nafter = "1h"\nto = ["log"]\n'
    )
    told = described(desk.load(LOG + rules))["rules"]
    assert ["lead-late" in rule["hears"] for rule in told] == [False, True, False, True]
    assert [rule["tells"] for rule in told] == ["lead-late", None, "overdue", "overdue"]


def test_people_are_told_all_of_it(desk, capsys):
    """Rules with their conditions and timing, then warnings and remarks with their places."""
    show(
        desk.load(
            LOG + '[[rules]]\nname = "late leads"\non = ["new-lead"]\nwhen = "record.user"\nafter = "1h"\n'
            'title = "{{ record.id }}"\nto = ["log"]\n[[rules]]\nname = "all"\non = ["*"]\nwhen = "true"\nto = ["log"]\n'
            '[[rules]]\nname = "dates"\non = ["leads"]\nbefore = "1h"\nof = "date"\nto = ["log"]\n'
        )
    )
    said = [line.strip() for line in capsys.readouterr().out.splitlines()]
    place = said.index("1. late leads -> log")
    assert said[place : place + 6] == [
        "1. late leads -> log", "on new-lead", "when record.user", "1 h later, in any case", "as overdue", "with its own title",
    ]  # fmt: skip
    assert "on every event" in said
    assert "on dates of leads" in said
    assert said[said.index("Warnings") + 1] == "config.toml:14: [[rules]] when: is always true; leave it out"
    assert said[said.index("Remarks") + 1] == "config.toml:8: [[rules]] after: is told in any case: there is no unless"


@pytest.mark.parametrize(
    ("options", "made"), [([], config_schema(SINKS, catalogue())), (["--rules"], rules_schema(catalogue()))]
)
def test_the_schema_is_printed(options, made):
    """`watcher schema` prints one JSON value: the schema of config.toml, or of a file of rules."""
    shown = CliRunner().invoke(schema, options)
    assert shown.exit_code == 0
    assert json.loads(shown.output) == made
