"""Every mistake in a file of cases is named, with its line, its key and what was probably meant."""

import pytest
from rehearsal_site import LEADS, ONE_LEAD, UNANSWERED

from watcher.cli.common import configured
from watcher.rehearsal.casefile import CasesWrong, read_cases

GOOD = """
[[cases]]
name   = "a lead"
source = "azur/apimo.leads/101"
[[cases.given]]
at      = "2026-11-21 12:00"
records = [{ id = 1, lastname = "FRIN" }]
[cases.expect]
messages = [
  { to = "sales", event = "new-lead", at = "2026-11-21 12:00" },
]
"""


def complaints(site, text, name="rules.test.toml"):
    """What is said of a file of cases, without the directory."""
    with pytest.raises(CasesWrong) as wrong:
        site.play(text, name)
    return [complaint.replace(f"{site.directory}/", "") for complaint in wrong.value.complaints]


@pytest.mark.parametrize(
    ("right", "wrong", "line", "said"),
    [
        ('name   = "a lead"', 'nam = "a lead"', 3, 'nam: no such key; did you mean "name"?'),
        ('name   = "a lead"', "", 2, "name: missing"),
        ("101", "103", 4, 'source: no source "azur/apimo.leads/103"; did you mean "azur/apimo.leads/10'),
        ("apimo.leads/101", "nothing", 4, 'source: no source "azur/nothing"'),
        ('at      = "2026-11-21 12:00"', 'at = "yesterday"', 6, 'at: "yesterday" is no time; write "2026-11-21 18:50"'),
        ('at      = "2026-11-21 12:00"', "at = 12", 6, "at: must be"),
        ('at      = "2026-11-21 12:00"', 'at = "2027-03-28 02:30"', 6, "at: the clocks go over 02:30 that night; write 03:30"),
        ('at      = "2026-11-21 12:00"', 'at = "+15m"', 6, "at: there is nothing before it to count from"),
        ('at      = "2026-11-21 12:00"', 'at = "+15x"', 6, "at: there is nothing before it"),
        ("lastname", "lastnam", 7, 'records[0].lastnam: apimo.leads has no "lastnam" here; did you mean "lastname"?'),
        ("id = 1, ", "", 7, "records[0].id: missing"),
        ('"FRIN"', '["FRIN"]', 7, "records[0].lastname: is no text"),
        ('"FRIN"', '"FRIN", opened = { data = "2026-11-21" }', 7, 'opened.data: apimo.leads has no "data" here; did you mean "date"?'),
        ('"FRIN"', '"FRIN", criteria = { price = { max = "much" } }', 7, "records[0].criteria.price.max: is no number"),
        ("}]", "}, { id = 1 }]", 7, 'records[1].id: "1" is here twice'),
        ("records", "removed = [2]\nrecords", 7, 'removed[0]: no record "2" is there'),
        ("records", "removed = 2\nrecords", 7, "removed: must be a list"),
        ("records", "down = true\nrecords", 7, "down: needs a step after it"),
        ("records", 'silence = { for = "2h" }\nrecords', 7, "silence: must say what is silenced"),
        ("records", 'silence = { sink = "sales" }\nrecords', 7, "silence.for: missing"),
        ("records", 'silence = { sink = "sale", for = "2h" }\nrecords', 7, 'silence.sink: no sink "sale"; did you mean "sales"?'),
        ("records", 'silence = { typ = "new-lead", for = "2h" }\nrecords', 7, 'silence.typ: no such key; did you mean "type"?'),
        ("records", 'silence = { sink = "sales", for = "soon" }\nrecords', 7, "silence.for: 'soon' is no duration"),
        ("[cases.expect]", '[[cases.given]]\nat = "2026-11-21 11:59"\n[cases.expect]', 9, "at: is before the step above it"),
        ("[cases.expect]", '[[cases.given]]\nat = "+1y"\n[cases.expect]', 9, "at: '1y' is no duration"),
        ('to = "sales"', 'to = "sails"', 10, 'messages[0].to: no sink "sails"; did you mean "sales"?'),
        ('"new-lead"', '"new-leed"', 10, 'messages[0].event: no event "new-leed"; did you mean "new-lead"?'),
        ('event = "new-lead"', 'event = "new-lead", rule = "hot lead"', 10, 'rule: no rule "hot lead"; did you mean "hot leads"?'),
        ('event = "new-lead"', 'event = "new-lead", titel = "*"', 10, 'titel: no such key; did you mean "title"?'),
        ('event = "new-lead"', 'event = "new-lead", count = "3"', 10, "count: must be a whole number"),
        ("messages = [", 'until = "2026-11-20"\nmessages = [', 9, "until: is before the last step"),
        ("messages = [", 'events = ["new-leed"]\nmessages = [', 9, 'events[0]: no event "new-leed"; did you mean "new-lead"?'),
        ("messages = [", 'sinks = ["sails"]\nmessages = [', 9, 'sinks[0]: no sink "sails"; did you mean "sales"?'),
        ("messages = [", 'silent = [{ to = "sails", event = "new-lead" }]\nmessages = [', 9, 'silent[0].to: no sink "sails"'),
        ("messages = [", "message = [", 9, 'message: no such key; did you mean "messages"?'),
        ("[cases.expect]", "[cases.expects]", 8, ': no such key; did you mean "expect"?'),
        ("[[cases]]", "[[case]]", 2, 'case: no such key; did you mean "cases"?'),
        ("FRIN", "F\\qRIN", 7, "not valid TOML"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_where_it_is(site, right, wrong, line, said):
    """One mistake in a good file: its line, its key, what is wrong, the nearest right name."""
    assert GOOD.count(right) >= 1
    found = complaints(site, GOOD.replace(right, wrong, 1))
    assert any(text.startswith(f"rules.test.toml:{line}:") and said in text for text in found), found


def test_the_good_file_is_good(site):
    """What the mistakes are made in has none."""
    (one,) = site.play(GOOD)
    assert one.wrong == ()


def test_all_mistakes_of_a_file_are_named_at_once(site):
    """Three mistakes, three lines, from top to bottom."""
    text = GOOD.replace("lastname", "lastnam").replace('to = "sales"', 'to = "sails"').replace("101", "109")
    assert len(complaints(site, text.replace("109", "101"))) == 2
    assert [one.split(":")[1] for one in complaints(site, text.replace("109", "101"))] == ["7", "10"]


def test_a_case_that_could_never_fail_is_refused(site):
    """A case that expects nothing tries nothing."""
    (found,) = complaints(site, ONE_LEAD)
    assert "expects nothing, so it could never fail" in found


def test_two_cases_of_one_name_are_refused(site):
    """A name says which case it was that failed."""
    (found,) = complaints(site, GOOD + GOOD)
    assert 'name: "a lead" is taken (line 3)' in found


def test_a_file_that_is_not_there_is_named(site):
    """No such file is a mistake like another."""
    with pytest.raises(CasesWrong, match=r"gone\.test\.toml: cannot be read"):
        read_cases(
            [site.directory / "gone.test.toml"], configured(str(site.directory / "config.toml"), spare_secrets=True)
        )


# --------------------------------------------------------------------------------------------------------------- YAML

SAME = """
cases:
  - name: a lead
    source: azur/apimo.leads/101
    known:
      - {id: 5, lastname: ROUX}
    given:
      - at: 2026-11-21 12:00:00
        records:
          - id: 1
            lastname: FRIN
            date: 2026-11-20
            closed:
      - at: +10m
        silence: {sink: sales, for: 2h}
        removed: [5]
    expect:
      until: +1d
      events: [new-lead, lead-removed]
      messages:
        - {to: sales, event: new-lead, at: 2026-11-21 12:00}
      silent:
        - {to: direction, event: new-lead}
"""
AS_TOML = """
[[cases]]
name   = "a lead"
source = "azur/apimo.leads/101"
known  = [{ id = 5, lastname = "ROUX" }]
[[cases.given]]
at      = 2026-11-21T12:00:00
records = [{ id = 1, lastname = "FRIN", date = 2026-11-20, closed = "" }]
[[cases.given]]
at      = "+10m"
silence = { sink = "sales", for = "2h" }
removed = [5]
[cases.expect]
until    = "+1d"
events   = ["new-lead", "lead-removed"]
messages = [{ to = "sales", event = "new-lead", at = "2026-11-21 12:00" }]
silent   = [{ to = "direction", event = "new-lead" }]
"""


def test_yaml_says_the_same_as_toml(site):
    """The same case in both forms: the same steps, expectations, events and messages."""
    (yaml,), (toml,) = site.play(SAME, "rules.test.yaml"), site.play(AS_TOML)
    assert yaml.wrong == toml.wrong == ()
    assert [event.id for event in yaml.came.events] == [event.id for event in toml.came.events]
    assert (yaml.case.messages, yaml.case.silent, yaml.case.until) == (
        toml.case.messages,
        toml.case.silent,
        toml.case.until,
    )


@pytest.mark.parametrize(
    ("right", "wrong", "line", "said"),
    [
        ("lastname: FRIN", "lastnam: FRIN", 11, 'lastnam: apimo.leads has no "lastnam" here'),
        ("{to: sales, event: new-lead, at", "{to: sails, event: new-lead, at", 21, 'to: no sink "sails"; did you mean "sales"?'),
        ("    expect:", "    expected:", 17, 'cases[0].expected: no such key; did you mean "expect"?'),
        ("  - name: a lead", "  - name: a lead\n    name: another", 4, '"name" is there twice'),
        ("name: a lead", "name: !!set {a}", 3, "is nothing that a case can hold"),
        ("name: a lead", "name: [a", 4, "not valid YAML"),
        ("cases:", "cases: &all", 2, "is a part of itself"),
        ("      - at: +10m", "      - at: 10", 14, "at: must be"),
        ("removed: [5]", "removed: [nan]", 16, 'removed[0]: no record "nan"'),
    ],
)  # fmt: skip
def test_a_mistake_in_yaml_is_named_where_it_is(site, right, wrong, line, said):
    """YAML has its lines too."""
    text = SAME.replace(right, wrong, 1)
    if "part of itself" in said:
        text = text.replace("- {id: 5, lastname: ROUX}", "- *all")
    found = complaints(site, text, "rules.test.yaml")
    assert any(f"rules.test.yaml:{line}:" in one and said in one for one in found), found


def test_what_is_left_empty_in_yaml_is_left_out(site):
    """An empty key counts as none; in a record it is null."""
    text = SAME.replace("source: azur/apimo.leads/101", "source:")
    (one,) = site.play(text, "rules.test.yaml")
    assert one.wrong == ()


def test_aliases_do_not_grow_beyond_all_bounds(site):
    """Nine lines of aliases of aliases are refused, not counted out."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    (found,) = complaints(site, "\n".join(lines), "rules.test.yaml")
    assert "more than 100000 values" in found


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just a text\n"])
def test_a_yaml_file_without_cases_is_no_file_of_cases(site, text):
    """Nothing, a list and a text are refused in words."""
    (found,) = complaints(site, text, "rules.test.yaml")
    assert "cases" in found


# ------------------------------------------------------------------------------------------------- names and their kin


def test_a_source_may_be_named_by_its_stream_or_left_out(site):
    """The first source of the stream that is named, or whose fields the first record has."""
    by_stream = GOOD.replace("azur/apimo.leads/101", "purchases").replace(', lastname = "FRIN"', "")
    left_out = GOOD.replace('source = "azur/apimo.leads/101"', "").replace('lastname = "FRIN"', "price_net = 5")
    assert str(site.play(by_stream)[0].case.source) == "riviera/adlead.purchases/1"
    assert str(site.play(left_out)[0].case.source) == "azur/apimo.contracts/101"


def test_events_of_timers_have_the_names_that_rules_give_them(site):
    """A name of `emit` is an event that can be expected."""
    site.write(LEADS, UNANSWERED.replace("unless", 'emit = "lead-cold"\nunless'))
    (one,) = site.play(ONE_LEAD + 'events = ["new-lead", "lead-cold"]')
    assert one.wrong == ()
