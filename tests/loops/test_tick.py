"""Time passing: what has gone silent, and budgets that run short."""

from datetime import timedelta

from watcher.model import Condition, SourceState
from watcher.plan import LONGEST, Stretch
from watcher.tick import Account, health
from watcher.troubles import Troubles


def look(purchases, state, minutes, troubles=(), accounts=()):
    """The troubles entered and left so many minutes after the start."""
    started = purchases.now
    now = started + timedelta(minutes=minutes)
    turn = health([(purchases.watch, state)], accounts, Troubles(troubles), started, now)
    return [condition.type for condition in turn.entered], [kind for kind, _ in turn.left]


async def test_a_source_not_read_for_too_long_is_silent(purchases):
    """Past its limit a source is told as silent, once, and not while it is known to be failing."""
    read = SourceState(read_at=purchases.now)
    assert look(purchases, read, 15) == ([], [])
    assert look(purchases, read, 16) == (["source-silent"], [])
    lasting = Condition("source-silent", str(purchases.name), purchases.now, "x")
    assert look(purchases, read, 20, [lasting]) == ([], [])
    failing = Condition("source-failing", str(purchases.name), purchases.now, "x")
    assert look(purchases, read, 20, [failing]) == ([], [])


async def test_the_time_before_the_start_does_not_count(purchases):
    """After a long stop, a source has its time from the start on."""
    old = SourceState(read_at=purchases.now - timedelta(days=3))
    assert look(purchases, old, 10) == ([], [])
    assert look(purchases, old, 16) == (["source-silent"], [])


async def test_a_budget_that_runs_short_is_told_once_and_so_is_its_end(purchases):
    """Stretched intervals are told; a little is not; it is over only when nothing has to be stretched."""
    read = SourceState(read_at=purchases.now)

    def shortage(stretch, *lasting):
        return look(purchases, read, 1, lasting, [Account("azur", 1000, 12, stretch)])

    low = Condition("budget-low", "azur", purchases.now, "x")
    assert shortage(Stretch(1.0, 1.05)) == ([], [])
    assert shortage(Stretch(1.0, 4.0)) == (["budget-low"], [])
    assert shortage(Stretch(LONGEST, LONGEST), low) == ([], [])
    assert shortage(Stretch(1.0, 1.05), low) == ([], [])
    assert shortage(Stretch(), low) == ([], ["budget-low"])
