"""Lints: what a good configuration is warned of, where, and that nothing else is."""

from __future__ import annotations

import pytest

AZUR = '[accounts.azur]\napi = "apimo"\nprovider = 9999\ntoken = { credential = "token" }\nbudget = false\n'
LEADS = '[[sources]]\naccount = "azur"\nstream = "leads"\nagencies = [101]\n'
SINKS = '[sinks.log]\ntype = "lines"\npath = "-"\n[sinks.sales]\ntype = "lines"\npath = "s"\n'
LEADS_ONLY = AZUR + LEADS + SINKS
REST = '[[rules]]\nname = "rest"\non = ["*"]\nwhen = "record.id"\nto = ["log", "sales"]\n'


@pytest.fixture
def said(desk):
    """What is said of rules over sources of leads: warnings and remarks, each from its key on."""

    def of(rules, base=LEADS_ONLY):
        loaded = desk.load(base + rules)
        return [text.partition("[[rules]] ")[2] for text in (*loaded.warnings, *loaded.remarks)]

    return of


def written(name="a", on='"new-lead"', more="", to='"log"'):
    """A rule in TOML."""
    return f'[[rules]]\nname = "{name}"\non = [{on}]\nto = [{to}]\n{more}'


# ----------------------------------------------------------------------------------------------------- never matching


@pytest.mark.parametrize(
    ("on", "missing"),
    [
        ('"purchase-signed"', "adlead.purchases"),
        ('"contract-*"', "apimo.contracts"),
        ('"new-contract", "new-purchase"', "apimo.contracts or adlead.purchases"),
    ],
)
def test_events_that_no_source_tells(said, on, missing):
    """A rule all of whose events are of streams that nobody reads is warned of, by the streams."""
    assert said(written(on=on) + REST) == [f"on: can never match: no [[sources]] reads {missing}"]


def test_dates_that_no_source_has(said):
    """The same of a rule about dates."""
    rules = written(on='"purchases"', more='before = "1h"\nof = "option_expires_at"\n')
    assert said(rules + REST) == ["on: can never match: no [[sources]] reads adlead.purchases"]


def test_one_of_several_events_is_enough(said):
    """A rule that can match at all is not warned of, nor one on watcher's own troubles or on what reappears."""
    for on in ('"new-contract", "new-lead"', '"source-failing"', '"record-reappeared"', '"*"'):
        assert said(written(on=on, more='when = "event.data.link"\n') + REST) == []


def test_timers_that_no_rule_has(said):
    """Both overdue and deadline-near are known, but somebody has to tell them."""
    assert said(written(on='"overdue", "deadline-near"') + REST) == [
        'on: can never match: no rule with after or before tells "deadline-near" or "overdue"'
    ]


def test_timers_of_a_rule_that_can_never_match(said):
    """Who waits for a rule that can never match can never match."""
    first = written("a", '"new-contract"', 'after = "1h"\nunless = "record.contract_at"\nemit = "late"\n')
    second = written("b", '"late"', 'after = "1h"\nunless = "record.contract_at"\nemit = "later"\n')
    third = written("c", '"later"')
    assert said(first + second + third + REST) == ["on: can never match: no [[sources]] reads apimo.contracts"] * 3


def test_timers_that_are_told(said):
    """Rules on what other rules tell are not warned of, however long the chain."""
    first = written("a", '"new-lead"', 'after = "1h"\nunless = "record.opened"\nemit = "late"\n')
    second = written("b", '"late"', 'after = "1h"\nunless = "record.opened"\n')
    third = written("c", '"overdue"')
    assert said(third + second + first + REST) == []


def test_without_sources_nothing_is_certain(desk):
    """A configuration that reads nothing yet is not told that its rules are in vain."""
    assert desk.load(SINKS + written(on='"purchase-signed"', to='"log", "sales"')).warnings == ()


# ---------------------------------------------------------------------------------------------------------- conditions


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ('when = "1 > 2"\n', "when: can never match: this is always false"),
        ('when = "true"\n', "when: is always true; leave it out"),
        ("when = \"event.type == 'lead-closed'\"\n", "when: can never match: this is always false"),
        ('after = "1h"\nunless = "true"\n', "unless: never tells anything: this is always true"),
        ('after = "1h"\nunless = "false"\n', "unless: is always false; leave it out"),
        (
            'after = "1h"\nunless = "changed(\'opened\')"\n',
            "unless: asks for changes, and there are none at that time; ask for the record's fields",
        ),
        (
            'after = "1h"\nunless = "\'opened\' in changes"\n',
            "unless: asks for changes, and there are none at that time; ask for the record's fields",
        ),
    ],
)
def test_conditions_that_decide_nothing(said, more, text):
    """A condition that is the same for every event is warned of, with what that comes to."""
    assert said(written(more=more) + REST) == [text]


@pytest.mark.parametrize(
    "more",
    ["when = \"changed('step')\"\n", 'after = "1h"\nunless = "record.opened"\n', "when = \"event.type == 'new-lead' and record.step\"\n"],
)  # fmt: skip
def test_conditions_that_decide_something(said, more):
    """Others are not."""
    assert said(written(on='"new-lead", "lead-updated"', more=more) + REST) == []


# ------------------------------------------------------------------------------------------------------------ shadows


def test_a_rule_in_anothers_shadow(desk):
    """A rule whose sink has all its events by an earlier one is warned of, with the earlier one's place, also in files."""
    desk.write("rules/a.toml", "\n" + written("mine", '"lead-opened", "new-lead"', to='"log", "sales"'))
    base = 'rule_files = ["rules/*.toml"]\n' + LEADS_ONLY
    rules = written("all leads", '"*lead*"', to='"sales"')
    assert desk.load(base + rules).warnings == (
        'rules/a.toml:5: [[rules]] to[1]: "mine" never tells sales: "all leads" (config.toml:17) takes all its events first',
    )


@pytest.mark.parametrize(
    "earlier",
    [
        written("first", '"*"', 'when = "record.step"\n'),
        written("first", '"lead-closed"'),
        written("first", '"*"', to='"sales"'),
        written("first", '"*"', 'after = "1h"\nunless = "record.opened"\n'),
        written("first", '"leads"', 'before = "1h"\nof = "date"\n'),
    ],
    ids=["a condition", "other events", "another sink", "later", "dates"],
)
def test_no_shadow(said, earlier):
    """A rule that may leave something to others takes nothing from them for certain."""
    found = said(earlier + written("second", '"new-lead", "lead-opened"') + REST)
    assert not [text for text in found if '"second"' in text]


def test_what_is_told_later_is_in_nobodys_shadow(said):
    """What a rule tells of its own reaches its own sinks, whatever rules come before it."""
    later = written("later", more='after = "1h"\nunless = "record.opened"\n')
    assert said(written("all", '"*"', to='"log", "sales"') + later) == []


def test_a_shadow_of_what_can_come(said):
    """Events that no source tells do not keep a rule out of the shadow."""
    rules = written("first") + written("second", '"new-lead", "new-purchase"') + REST
    assert said(rules) == ['to[0]: "second" never tells log: "first" (config.toml:16) takes all its events first']


# ------------------------------------------------------------------------------------------------------------- limits


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ('digest = "08:30"\nflood = "5/m"\n', "flood: never comes to pass: digest makes one message of many; leave it out"),
        ('group = {}\nflood = "5/m"\n', "flood: never comes to pass: group makes one message of many; leave it out"),
        ('throttle = "10/h"\nflood = "20/5m"\n', "flood: never comes to pass: throttle lets through less; leave it out"),
        (
            'digest = "08:30"\nhours = "Mon-Sat 09:00-19:00"\n',
            "digest: waits for the opening: nobody is there at 08:30 on any day",
        ),
    ],
)  # fmt: skip
def test_limits_that_never_come_to_pass(said, more, text):
    """A limit that another key leaves nothing to is warned of."""
    assert said(written(more=more) + REST) == [text]


@pytest.mark.parametrize(
    "more",
    [
        'digest = "08:30"\n',
        "group = {}\nflood = false\n",
        'throttle = "100/h"\nflood = "20/5m"\n',
        'throttle = "10/m"\nflood = "20/h"\n',
        'digest = "09:00"\nhours = "Sat 09:00-19:00"\n',
        'digest = "01:00"\nhours = "Sat 22:00-02:00"\n',
    ],
)
def test_limits_that_may_come_to_pass(said, more):
    """Others are not."""
    assert said(written(more=more) + REST) == []


# ------------------------------------------------------------------------------------------------------------ remarks


def test_events_that_nobody_hears(desk):
    """One remark, at the first rule, names six at most and says how many more; it is no warning."""
    loaded = desk.load(LEADS_ONLY + written(to='"log", "sales"'))
    assert loaded.warnings == ()
    (remark,) = loaded.remarks
    assert remark == (
        "config.toml:16: rules: nobody hears lead-opened, lead-assigned, lead-closed, lead-reassigned, lead-step-changed, "
        "lead-reopened and 3 more"
    )


def test_few_events_that_nobody_hears(desk):
    """As few as there are are named each; of streams that nobody reads none is."""
    loaded = desk.load(LEADS_ONLY + written(on='"new-lead", "lead-*"', to='"log", "sales"'))
    assert loaded.remarks == ("config.toml:16: rules: nobody hears record-reappeared",)
    assert desk.load(LEADS_ONLY + written(on='"*lead*", "record-*"', to='"log", "sales"')).remarks == ()


def test_without_rules_there_is_one_warning(desk):
    """Where there is no rule at all, that is said, and not event by event."""
    loaded = desk.load(LEADS_ONLY)
    assert [warning for warning in loaded.warnings if "nobody" in warning] == [
        "config.toml:1: rules: nobody is told of anything; add [[rules]]"
    ]
    assert loaded.remarks == ()


def test_a_plain_delay_is_remarked(desk):
    """A rule with after and without unless tells in any case: that may be meant, and is said."""
    loaded = desk.load(LEADS_ONLY + written(more='after = "1h"\n') + REST)
    assert loaded.warnings == ()
    assert loaded.remarks == ("config.toml:20: [[rules]] after: is told in any case: there is no unless",)


def test_a_trouble_needs_no_unless(said):
    """Of a trouble of watcher's own a rule tells only while it lasts: there is nothing to remark."""
    assert said(written(on='"source-failing", "sink-failing"', more='after = "1h"\n') + REST) == []
