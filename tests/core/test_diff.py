"""What differs between a batch and the snapshot, and what is missing from it."""

from story import NOON, Story, record

from watcher.diff import GONE, diff, missing
from watcher.model import Batch, Known, Version
from watcher.streams import CONTRACTS, LEADS, PURCHASES


def snapshot(stream, count, body):
    """So many stored records, all alike."""
    return {
        str(n): Version(str(n), 1, record(stream, body, str(n)).body, NOON, f"old{n}".encode()) for n in range(count)
    }


def batch(stream, bodies, *, full=True, complete=True):
    """A read that brought those bodies (id -> body)."""
    records = tuple(record(stream, body, key) for key, body in bodies.items())
    return Batch(records, frozenset(bodies), full, complete)


def known(count, absent=None):
    """The knowledge of a snapshot of so many records."""
    return Known({f"f{n}".encode(): str(n) for n in range(count)}, absent or {}, {})


def read(present, *, full=True, complete=True):
    """A read in which those ids were present, none of them new."""
    return Batch((), frozenset(map(str, present)), full, complete)


def test_a_field_granted_to_many_is_no_change():
    """When a field appears in very many records at once, a right was granted: nothing happened, also to new dates."""
    before = snapshot(LEADS, 100, {"step": "1"})
    seen = {key: {"step": "1", "opened": "2026-11-22 09:00:00"} for key in before}
    assert not any(change.fields for change in diff(LEADS, before, batch(LEADS, seen), 100).changes)
    few = {key: seen[key] for key in list(seen)[:20]}
    assert all(change.fields for change in diff(LEADS, before, batch(LEADS, few), 100).changes)


def test_a_field_that_vanishes_from_many_is_drift():
    """When a watched field is missing from very many records at once, it is named, and nothing is a change."""
    before = snapshot(PURCHASES, 50, {"status": "booked", "lead_id": 1})
    found = diff(PURCHASES, before, batch(PURCHASES, {key: {"lead_id": 1} for key in before}), 50)
    assert found.vanished == {"status": 50}
    assert not any(change.fields for change in found.changes)


def test_a_field_that_one_record_lost_is_nothing():
    """One record without a field it had is neither a change nor drift."""
    before = snapshot(PURCHASES, 50, {"status": "booked", "lead_id": 1})
    found = diff(PURCHASES, before, batch(PURCHASES, {"1": {"lead_id": 1}}), 50)
    assert found.vanished == {}
    assert not found.changes[0].fields


def test_a_type_that_changes_is_in_doubt_and_suspends_only_itself():
    """A price that is no number any more is named; the step beside it is still told."""
    before = snapshot(CONTRACTS, 1, {"price": 100, "step": "1"})
    found = diff(CONTRACTS, before, batch(CONTRACTS, {"0": {"price": {"eur": 100}, "step": "2"}}), 1)
    assert found.doubts == {"price": "is no number"}
    assert list(found.changes[0].fields) == ["step"]


def test_missing_once_is_counted_and_twice_is_gone():
    """A record missing from one complete read is counted; from two in a row, it is gone."""
    first = missing(known(30), read(range(29)))
    assert (first.absences, first.gone, first.first) == ({"29": 1}, (), True)
    second = missing(known(30, {"29": 1}), read(range(29)))
    assert (second.absences, second.gone, second.held) == ({"29": GONE}, ("29",), False)


def test_a_doubtful_read_says_nothing_of_what_is_missing():
    """From a read that was not complete, or by cursor, nobody is missing."""
    for doubtful in (read(range(5), complete=False), read(range(5), full=False, complete=False)):
        assert missing(known(30), doubtful).absences == {}


def test_any_read_says_that_a_record_is_back():
    """A record that was missing and is in a read, also a doubtful one, is not missing any more."""
    assert missing(known(30, {"3": 1}), read([3], full=False, complete=False)).absences == {"3": 0}


def test_many_gone_at_once_are_held():
    """Over 20 and over 20 % missing, or all of them: not believed without a word from the operator."""
    absent = {str(n): 1 for n in range(70, 100)}
    assert missing(known(100, absent), read(range(70))).held
    assert not missing(known(1000, {str(n): 1 for n in range(970, 1000)}), read(range(970))).held
    assert missing(known(1, {"0": 1}), read([])).held
    assert not missing(known(3, {"2": 1}), read([0, 1])).held


def test_a_removed_record_is_told_once():
    """A record removed and still away has no more to tell; it reappears as the next version."""
    story = Story("adlead.purchases")
    story.baseline(status="booked")
    story.goes()
    assert story.version.removed
    assert story.sees(status="booked") == [("record-reappeared", [])]
    assert not story.version.removed


def test_a_field_empty_in_many_at_once_is_drift_and_not_change():
    """A watched field that turns null in very many records at once is hidden from us, not gone: nothing is told."""
    before = snapshot(PURCHASES, 60, {"status": "booked", "price_including_vat": 5, "lead_id": 1})
    hidden = {key: {"status": "booked", "price_including_vat": None, "lead_id": 1} for key in before}
    found = diff(PURCHASES, before, batch(PURCHASES, hidden), 60)
    assert found.vanished == {"price_including_vat": 60}
    assert not any(change.fields for change in found.changes)
    assert {change.body["price_including_vat"] for change in found.changes} == {5}
    few = dict(list(hidden.items())[:20])
    assert all(change.fields for change in diff(PURCHASES, before, batch(PURCHASES, few), 60).changes)
