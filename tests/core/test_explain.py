"""Why something was told, or was not."""

from datetime import timedelta

from story import NOON, Story

from watcher.explain import standing, steps, verdicts
from watcher.expressions import Condition as When
from watcher.model import Condition, SourceState
from watcher.rules import Rule

STATE = SourceState(baselined_at=NOON, read_at=NOON + timedelta(hours=2))


def told(*bodies):
    """A purchase seen at a silent baseline and then as each of the bodies, an hour apart; its versions, its events."""
    story, versions = Story("adlead.purchases"), []
    for number, body in enumerate(bodies):
        story.now = NOON + timedelta(hours=number)
        story.sees(silent=number == 0, **body)
        versions.append(story.version)
    return story, versions


def test_a_baseline_is_the_reason_for_silence():
    """What was there at the first read was told to nobody, and that is said."""
    story, versions = told({"status": "booked"})
    (step,) = steps(story.stream, versions, story.events, STATE)
    assert (step.what, step.events) == ("first seen", ())
    assert step.notes == ("it was there at the first read of its source, which is silent",)


def test_a_change_has_its_fields_and_its_events():
    """Each version says what differed and which events spoke for it."""
    story, versions = told({"status": "booked", "lead_id": 1}, {"status": "signed", "lead_id": 2})
    _, step = steps(story.stream, versions, story.events, STATE)
    assert step.what == "changed"
    assert step.changes == {"status": {"from": "booked", "to": "signed"}, "lead_id": {"from": "1", "to": "2"}}
    assert [event.type for event in step.events] == ["purchase-signed", "purchase-updated"]


def test_a_step_that_was_skipped_is_accounted_for():
    """A milestone reached without evidence of its own is named, with the reason why it was not told."""
    story, versions = told({"status": "pre-booked"}, {"status": "awaiting-funding"})
    _, step = steps(story.stream, versions, story.events, STATE)
    assert [note.split()[0] for note in step.notes] == ["purchase-booked", "purchase-withdrawal-started"]


def test_what_is_waited_for_is_said():
    """A date to come, an absence, a trouble of the source, a field in doubt or undescribed: each has its note."""
    story = Story("apimo.contracts")
    story.baseline(contract_at="2026-12-01", novelty=1)
    version = story.version.__class__(
        **{**{n: getattr(story.version, n) for n in story.version.__slots__}, "absences": 1}
    )
    state = SourceState(read_at=NOON, drifted={"price": "is no number"}, undescribed=("novelty",))
    failing = Condition("source-failing", "acc/apimo.contracts/1", NOON, "HTTP 500")
    notes = "\n".join(standing(version, story.alarms.values(), [failing], state).notes)
    for word in ("contract-signed waits for its day: 2026-11-30T23:00:00Z", "missing from 1 complete read",
                 "source-failing", "price is in doubt", "nobody has described novelty", "last read"):  # fmt: skip
        assert word in notes


def test_each_rule_says_what_it_thinks_of_an_event():
    """A rule that took an event, one that is not about it, one whose condition is false: each with its reason."""
    story, _ = told({"status": "booked"}, {"status": "signed"})
    rules = [Rule("a", ("purchase-*",), ("x",)), Rule("b", ("lead-*",), ("x",)),
             Rule("c", ("*",), ("x",), When("record.price_including_vat > 5"))]  # fmt: skip
    found = [(verdict.rule, verdict.taken, verdict.failed) for verdict in verdicts(story.events[-1], rules)]
    assert found == [("a", True, False), ("b", False, False), ("c", False, True)]
