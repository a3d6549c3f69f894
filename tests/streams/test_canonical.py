"""The canonical form: what means the same is equal, and what is absent is not null."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.streams import CONTRACTS, LEADS, PURCHASES, STREAMS
from watcher.streams.canonical import canonical, differences, merged, watched


def form(stream, body):
    """The canonical form of an upstream body, and what was not understood of it."""
    doubts = {}
    read = canonical(stream.record, {**body, "id": "7"}, doubts)
    return {name: value for name, value in read.items() if name in body}, doubts


SAME = [
    (LEADS, {"id": 1, "step": "1"}, {"id": "1", "step": 1}),
    (LEADS, {"step": 1.0}, {"step": "1"}),
    (LEADS, {"email": ""}, {"email": None}),
    (LEADS, {"property": False}, {"property": None}),
    (LEADS, {"contact": 4942871}, {"contact": "4942871"}),
    (LEADS, {"opened": "2026-11-21 10:00:00"}, {"opened": {"date": "2026-11-21 10:00:00"}}),
    (LEADS, {"opened": {"date": "", "user": None}}, {"opened": None}),
    (LEADS, {"opened": []}, {"opened": ""}),
    (LEADS, {"closed": "0000-00-00 00:00:00"}, {"closed": None}),
    (LEADS, {"criteria": []}, {"criteria": None}),
    (LEADS, {"criteria": {"types": ["2", "1"]}}, {"criteria": {"types": [1, 2, 2]}}),
    (LEADS, {"criteria": {"price": {"min": "400000"}}}, {"criteria": {"price": {"min": 400000.0}}}),
    (LEADS, {"criteria": {"room": "3", "bedroom": {"min": "2"}}}, {"criteria": {"room": 3, "bedroom": {"min": 2}}}),
    (CONTRACTS, {"price": "20.00"}, {"price": 20}),
    (CONTRACTS, {"price": 157401.67}, {"price": "157401.67"}),
    (CONTRACTS, {"price": 188882.004}, {"price": 188882}),
    (CONTRACTS, {"vat": -0.0}, {"vat": 0}),
    (CONTRACTS, {"contract_at": "0"}, {"contract_at": ""}),
    (CONTRACTS, {"contract_at": "2024-02-08T23:00:00Z"}, {"contract_at": "2024-02-09 00:00:00"}),
    (CONTRACTS, {"contacts": {"0": {"contact": 5}, "2": {"contact": 6}}}, {"contacts": [{"contact": "6"}, {"contact": "5"}]}),
    (CONTRACTS, {"entries": None}, {"entries": []}),
    (PURCHASES, {"vat_rate": 5.5}, {"vat_rate": "5.50"}),
    (PURCHASES, {"status": "cancelled"}, {"status": "canceled"}),
    (PURCHASES, {"lots": [{"id": 2}, {"id": 10}]}, {"lots": [{"id": "10"}, {"id": 2}]}),
    (PURCHASES, {"contacts": [{"id": 1, "optin_sms": 1}]}, {"contacts": [{"id": 1, "optin_sms": True}]}),
]  # fmt: skip


@pytest.mark.parametrize(("stream", "one", "other"), SAME)
def test_what_means_the_same_is_equal(stream, one, other):
    """A type that flips, an empty that changes its spelling, a list in another order: the same canonical form."""
    assert form(stream, one) == form(stream, other)
    assert form(stream, one)[1] == {}


@pytest.mark.parametrize(
    ("stream", "before", "after"),
    [
        (PURCHASES, {"updated_at": "2020-09-04T10:20:04Z"}, {"updated_at": "2020-09-05T10:20:04Z"}),
        (PURCHASES, {"lots": [{"id": 1, "status_display": "Libre"}]}, {"lots": [{"id": 1, "status_display": "Free"}]}),
        (PURCHASES, {"lots": [{"id": 1, "updated_at": "2020-09-04T10:20:04Z"}]}, {"lots": [{"id": 1}]}),
        (LEADS, {"created_at": "2016-03-10 15:49:50"}, {"created_at": "2016-03-10 15:49:51"}),
        (LEADS, {"novelty": 1}, {"novelty": 2}),
        (LEADS, {"step": "1"}, {}),
        (LEADS, {"step": "1"}, {"step": ["what"]}),
    ],
)
def test_what_is_not_watched_absent_or_not_understood_is_no_difference(stream, before, after):
    """A label, a bumped `updated_at`, a field nobody described, one left out, one in another shape: no difference."""
    found = differences(stream.record, form(stream, before)[0], form(stream, after)[0])
    assert not found.changed
    assert not found.gained


def test_what_is_not_understood_is_named_and_left_out():
    """A field whose type has changed is in doubt: absent from the form, named with the reason, never its value."""
    body, doubts = form(CONTRACTS, {"price": "a lot", "step": "4", "contract_at": "soon"})
    assert body == {"step": "4"}
    assert doubts == {"price": "is no number", "contract_at": "is no date"}


def test_a_list_with_one_member_in_doubt_is_in_doubt_as_a_whole():
    """A lot that cannot be read must not look like a lot that was taken away."""
    before, _ = form(PURCHASES, {"lots": [{"id": 1}, {"id": 2}]})
    after, doubts = form(PURCHASES, {"lots": [{"id": 1}, "A313"]})
    assert "lots" in doubts
    assert not differences(PURCHASES.record, before, after).changed


def test_differences_have_paths():
    """A difference inside a list is found under the member's id, one inside an object under its name."""
    before, _ = form(
        PURCHASES, {"owner": {"id": 1, "email": "a@x.fr"}, "lots": [{"id": 41, "status": "booked"}, {"id": 42}]}
    )
    after, _ = form(
        PURCHASES, {"owner": {"id": 1, "email": "b@x.fr"}, "lots": [{"id": 41, "status": "sold"}, {"id": 43}]}
    )
    found = differences(PURCHASES.record, before, after).changed
    assert found == {
        "owner.email": ("a@x.fr", "b@x.fr"),
        "lots[41].status": ("booked", "sold"),
        "lots[42]": ({"id": "42"}, None),
        "lots[43]": (None, {"id": "43"}),
    }


def test_the_same_contact_twice_is_two():
    """A person who is buyer and owner of one contract is two entries of the list, told apart."""
    both, _ = form(CONTRACTS, {"contacts": [{"contact": 5, "type": "2"}, {"contact": 5, "type": "1"}]})
    one, _ = form(CONTRACTS, {"contacts": [{"contact": 5, "type": "1"}]})
    assert differences(CONTRACTS.record, both, one).changed == {"contacts[5#2]": ({"contact": "5", "type": "2"}, None)}


def test_merging_keeps_what_is_absent():
    """An absent field keeps its last known value at every depth; a list that came is the list that is."""
    before, _ = form(PURCHASES, {"status": "booked", "owner": {"id": 1, "email": "a@x.fr"},
                                 "lots": [{"id": 1, "status": "booked"}, {"id": 2}]})  # fmt: skip
    after, _ = form(PURCHASES, {"owner": {"email": "b@x.fr"}, "lots": [{"id": 1, "reference": "A1"}]})
    assert merged(PURCHASES.record, before, after) == {
        "status": "booked",
        "owner": {"id": "1", "email": "b@x.fr"},
        "lots": [{"id": "1", "status": "booked", "reference": "A1"}],
    }


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["2026-11-21", "0000-00-00", "12"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "date", "user", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS)
@given(data=st.data())
def test_any_answer_has_a_form_and_the_form_is_a_fixed_point(stream, data):
    """Whatever JSON a vendor sends, the form exists, is JSON, equals itself, and is what its own form is."""
    names = sorted({*stream.record.fields, *stream.record.unwatched})
    body = data.draw(st.dictionaries(st.sampled_from(names), values, max_size=6))
    first, _ = form(stream, body)
    described = {name: value for name, value in first.items() if name in names}
    json.dumps(watched(stream.record, first), allow_nan=False)
    again, doubts = form(stream, described)
    assert doubts == {}
    assert watched(stream.record, again) == watched(stream.record, first)
    found = differences(stream.record, first, again)
    assert not found.changed
