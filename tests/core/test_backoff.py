"""How long to wait after a failure."""

from datetime import timedelta

import pytest
from story import NOON, Story

from watcher.backoff import LONGEST, SCHEDULE, after, poll_wait
from watcher.errors import Permanent, Transient
from watcher.model import Dead, Delivery, RetryAt


def delivery(attempts):
    """A delivery that was tried so often."""
    story = Story("apimo.leads")
    story.sees(step=1)
    return Delivery(1, story.events[0], "sales", "r", attempts, NOON, NOON)


def waits(error, luck=0.0):
    """The seconds waited after each failed attempt until it is given up."""
    found = []
    for attempts in range(100):
        outcome = after(delivery(attempts), error, NOON, luck)
        if isinstance(outcome, Dead):
            return found
        found.append((outcome.due_at - NOON).total_seconds())
    raise AssertionError("never given up")


def test_the_schedule_is_the_promised_one():
    """Attempts at 0, 5 s, 30 s, 2 m, 10 m, 30 m, 1 h, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h after the one before."""
    assert waits(Transient("down")) == [5, 30, 120, 600, 1800, 3600, 7200, 18000, 36000, 50400, 72000, 86400]


def test_luck_adds_a_tenth_at_most():
    """Jitter only ever adds, and at most ten percent."""
    assert waits(Transient("down"), 1.0) == pytest.approx([s.total_seconds() * 1.1 for s in SCHEDULE])


def test_the_peers_word_counts_if_longer():
    """Retry-After lengthens a wait, never shortens it, and never beyond a day."""
    assert waits(Transient("busy", retry_after=60))[:3] == [60, 60, 120]
    assert waits(Transient("busy", retry_after=1e9))[0] == LONGEST.total_seconds()
    assert waits(Transient("busy", retry_after=-5))[0] == 5


def test_permanent_is_dead_at_once():
    """What will not work by trying again is given up at once, and says whether the sink refused us as a whole."""
    assert after(delivery(0), Permanent("HTTP 400"), NOON, 0) == Dead("HTTP 400", refused=False)
    assert after(delivery(0), Permanent("HTTP 403", refused=True), NOON, 0) == Dead("HTTP 403", refused=True)


def test_a_sinks_bug_is_tried_again_and_says_nothing_of_values():
    """An unforeseen exception is retried like any failure; its text, which may hold anything, is left out."""
    outcome = after(delivery(0), KeyError("secret"), NOON, 0)
    assert isinstance(outcome, RetryAt)
    assert outcome.reason == "the sink failed: KeyError"


def test_a_failing_source_is_never_given_up():
    """The wait doubles up to 15 minutes and stays there, however long it lasts."""
    minute = timedelta(minutes=1)
    assert [poll_wait(minute, n, Transient("x"), 0) for n in (1, 2, 3, 4, 1000)] == [
        2 * minute,
        4 * minute,
        8 * minute,
        15 * minute,
        15 * minute,
    ]


def test_a_refused_source_waits_at_once():
    """401 and 403 wait a quarter of an hour from the first."""
    assert poll_wait(timedelta(minutes=1), 1, Permanent("HTTP 403", refused=True), 0) == timedelta(minutes=15)


def test_a_slow_source_is_not_polled_faster_for_failing():
    """A source polled every hour waits at least its hour."""
    assert poll_wait(timedelta(hours=1), 3, Transient("x"), 0) == timedelta(hours=1)
    assert poll_wait(timedelta(minutes=1), 1, Transient("x", retry_after=3600), 0) == timedelta(hours=1)


@pytest.mark.parametrize("asked", [float("inf"), 1e300, float("nan"), -1.0, float("-inf")])
def test_nonsense_that_a_peer_asks_for_is_bounded(asked):
    """However absurd the number that a sink or a source names, there is a next attempt, within a day and a bit."""
    error = Transient("HTTP 429", retry_after=asked)
    assert NOON < after(delivery(0), error, NOON, 0.5).due_at <= NOON + LONGEST
    assert timedelta(0) < poll_wait(timedelta(minutes=1), 1, error, 0.5) <= LONGEST
