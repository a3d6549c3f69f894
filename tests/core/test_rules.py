"""Who is told of what, and by which rule."""

import pytest

from watcher.expressions import Condition, check
from watcher.model import Event
from watcher.rules import OPERATOR, Rule, judge, match
from watcher.streams import catalogue
from watcher.troubles import Troubles

from story import NOON, Story  # isort: skip


def events(**body):
    """The events of a purchase that moves to this body."""
    story = Story("adlead.purchases")
    story.baseline(status="pre-booked", price_including_vat=1)
    story.sees(**body)
    return story.events


def rule(name, *on, to=("sales",), when=None):
    """A rule by its parts."""
    return Rule(name, on, to, Condition(when) if when else None)


def owed(found, rules, operator=()):
    """(event type, sink, rule) of what is owed."""
    return [(one.event.type, one.sink, one.rule) for one in match(found, rules, operator).matches]


def test_every_matching_rule_applies_and_a_sink_hears_once():
    """Rules are tried in order; each adds its sinks, and a sink that two rules name is told by the first."""
    rules = [rule("a", "purchase-*"), rule("b", "purchase-booked", to=("sales", "boss")), rule("c", "lead-*")]
    assert owed(events(status="booked"), rules) == [("purchase-booked", "sales", "a"), ("purchase-booked", "boss", "b")]


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        ("record.price_including_vat > 300000 and 'status' in changes", True),
        ("record.price_including_vat > 500000", False),
        ("changes.status.to == 'booked'", True),
        ("changes['status']['from'] == 'pre-booked'", True),
        ("not record.canceled_at", True),
        ("record.owner.email == 'x'", False),
        ("account == 'acc' and partition == '1' and source == 'acc/adlead.purchases/1'", True),
        ("event.type == 'purchase-booked'", True),
        ("record.lots | length > 1", False),
        ("record.cancellation_type is none", True),
    ],
)
def test_a_condition_sees_the_event(when, holds):
    """A condition reads record, changes, event and where it comes from; a field that is empty or absent is none."""
    booked, *_ = events(status="booked", price_including_vat=400000)
    assert judge(rule("r", "*", when=when), booked).taken is holds


def test_a_condition_that_fails_at_run_time_does_not_match_and_is_said():
    """A comparison of a text with a number refuses the event, and the rule is named with the reason."""
    found = events(status="booked")
    bad = rule("bad", "*", when="record.status > 3")
    assert match(found, [bad]).matches == ()
    assert "bad" in match(found, [bad]).failed
    assert judge(bad, found[0]).failed


def test_a_condition_cannot_reach_outside():
    """The sandbox refuses the way to Python's insides, and to anything that is not its own."""
    found = events(status="booked")
    for attack in ("record.__class__.__mro__", "event.data.update({'x': 1})", "''.__class__.__subclasses__()"):
        assert not judge(rule("r", "*", when=attack), found[0]).taken


def test_operational_events_go_to_the_operator_but_not_to_the_broken_sink():
    """The operator's sinks hear of a trouble, the one that is in trouble does not."""
    found = Troubles().turn("sink-failing", "sales", "paused", NOON).events
    assert owed(found, [rule("all", "*")], ("sales", "boss")) == [("sink-failing", "boss", OPERATOR)]
    found = Troubles().turn("source-failing", "a/b/c", "HTTP 500", NOON).events
    assert owed(found, [rule("all", "*")], ("boss",)) == [
        ("source-failing", "sales", "all"),
        ("source-failing", "boss", OPERATOR),
    ]


@pytest.mark.parametrize(
    ("expression", "types", "mistakes"),
    [
        ("record.parent", ["new-lead"], []),
        ("not record.parent and account == 'azur'", ["new-lead"], []),
        ("record.assigned.user == '5'", ["new-lead"], []),
        ("record.lots[0].status == 'sold'", ["new-purchase"], []),
        ("record.status_display == 'x'", ["new-purchase"], []),
        ("record.step", ["new-lead", "purchase-booked"], []),
        ("record.parnt", ["new-lead"], ["record has no 'parnt'; did you mean 'parent'?"]),
        ("record.parent", ["purchase-booked"], ["record has no 'parent'"]),
        ("record['stauts']", ["new-purchase"], ["record has no 'stauts'; did you mean 'status'?"]),
        ("record.criteria.price.mn > 3", ["new-lead"], ["record.criteria.price has no 'mn'; did you mean 'min'?"]),
        ("recrod.status", ["new-purchase"], ["'recrod' is unknown; did you mean 'record'?"]),
        ("changes.prise", ["contract-amount-changed"], ["no field 'prise' can change here; did you mean 'price'?"]),
        ("event.tpye", ["new-lead"], ["event has no 'tpye'; did you mean 'type'?"]),
        ("record.lots.status", ["new-purchase"], ["record.lots is a list: it has no 'status'"]),
        ("record.lots | lenght > 1", ["new-purchase"], ["there is no filter 'lenght'; did you mean 'length'?"]),
    ],
)
def test_a_conditions_mistakes_are_found_before_it_runs(expression, types, mistakes):
    """An unknown name, a field that no stream of the rule has, a filter that is not there: each with the nearest."""
    assert check(expression, types) == mistakes


@pytest.mark.parametrize("broken", ["record.", "a b", "1 +", "{{ x }}", "record.status =="])
def test_what_is_no_expression_is_said(broken):
    """A syntax error is one complaint, not a crash."""
    (mistake,) = check(broken, catalogue())
    assert mistake.startswith("is no expression: ")


def test_every_event_type_can_be_named():
    """A rule hears exactly the types that its globs match."""
    for event_type in catalogue():
        event = Event("1", event_type, "/a", "b", NOON, NOON, {})
        assert judge(rule("r", event_type), event).taken
        assert not judge(rule("r", "x" + event_type), event).taken
