"""What is withheld: dropped, or kept as a hash that shows change without the value."""

import json

from story import NOON

from watcher.derive import Origin, derive
from watcher.diff import diff
from watcher.model import Batch, Record, SourceName
from watcher.privacy import DEFAULTS, Policy, mistake, withholder
from watcher.streams import LEADS, PURCHASES
from watcher.streams.canonical import canonical, shown

KEY = b"k" * 32
BUYER = {"id": 1, "name": "Durand", "email1": "canary@example.com", "birthdate": "1994-03-04", "bank_name": "Canary"}


def kept(policy, stream, body):
    """The body as it is kept under a policy."""
    return withholder(policy, KEY)(canonical(stream.record, {"id": 7, **body}, {}))


def story(*steps):
    """What is told of a purchase seen under one policy after another: (policy, body) each."""
    version, told = None, []
    origin = Origin(PURCHASES, SourceName("a", "adlead.purchases", "1"), lambda _: None)
    for policy, body in steps:
        withhold = withholder(policy, KEY)
        record = Record("7", withhold(canonical(PURCHASES.record, {"id": 7, **body}, {})), repr(body).encode())
        before = {}
        if version:
            before = {"7": version.__class__(**{**fields(version), "body": withhold(version.body)})}
        (change,) = diff(PURCHASES, before, Batch((record,), {"7"}, full=True, complete=True), 1).changes
        derived = derive(origin, change, NOON)
        version = derived.version
        told.append([(event.type, event.data["changes"]) for event in derived.events])
        assert "canary" not in json.dumps([event.data for event in derived.events]).lower()
    return told


def fields(version):
    """A version as a dict."""
    return {name: getattr(version, name) for name in version.__slots__}


def test_a_buyers_private_life_is_dropped_at_the_door():
    """Birth, bank and family are not kept at all; contact details only as hashes; the name is."""
    body = kept(DEFAULTS["adlead.purchases"], PURCHASES, {"contacts": [BUYER]})
    assert body["contacts"][0].keys() == {"id", "name", "email1"}
    assert "canary" not in json.dumps(body).lower()
    assert shown(body)["contacts"][0] == {"id": "1", "name": "Durand", "email1": "***"}


def test_a_hash_shows_that_a_value_changed_and_not_what_it_is():
    """Another address is told as a change from *** to ***; the same one is no change; an erasure shows as null."""
    policy = DEFAULTS["adlead.purchases"]
    other = {**BUYER, "email1": "canary2@example.com"}
    erased = {**BUYER, "email1": None}
    told = story((policy, {"contacts": [BUYER]}), (policy, {"contacts": [other]}), (policy, {"contacts": [other]}),
                 (policy, {"contacts": [erased]}))  # fmt: skip
    assert told[1:] == [
        [("purchase-buyers-changed", {"contacts[1].email1": {"from": "***", "to": "***"}})],
        [],
        [("purchase-buyers-changed", {"contacts[1].email1": {"from": "***", "to": None}})],
    ]


def test_a_change_of_policy_is_no_change_of_the_record():
    """Withholding more, or less, tells nobody anything."""
    body = {"lead_id": 8, "status": "booked"}
    more = Policy(hash=("lead_id",), drop=("status",))
    assert story((Policy(), body), (more, body), (Policy(), body))[1:] == [[], []]


def test_any_field_can_be_withheld():
    """A field at the top, in an object and in a list; null stays null; twice is once."""
    policy = Policy(drop=("message",), hash=("lastname", "criteria.price", "phone"))
    body = kept(
        policy,
        LEADS,
        {"message": "x", "lastname": "FRIN", "phone": "", "criteria": {"price": {"min": 1}, "room": {"min": 2}}},
    )
    assert shown(body) == {
        "id": "7",
        "lastname": "***",
        "phone": None,
        "criteria": {"price": "***", "room": {"min": 2}},
    }
    assert withholder(policy, KEY)(body) == body


def test_another_key_is_another_hash():
    """A hash says nothing without the key."""
    policy = Policy(hash=("lastname",))
    form = canonical(LEADS.record, {"id": 7, "lastname": "FRIN"}, {})
    assert withholder(policy, KEY)(form) != withholder(policy, b"x" * 32)(form)


def test_a_policy_that_cannot_be_meant_is_named():
    """A field that is not there, with the nearest one; a field without which no event could be told."""
    assert (
        mistake(PURCHASES, "contacts[].emial1") == "adlead.purchases has no 'contacts[].emial1'; did you mean 'email1'?"
    )
    assert mistake(PURCHASES, "status") == "cannot withhold 'status': events are told from it"
    assert mistake(PURCHASES, "sale_deed_signed_at").startswith("cannot withhold")
    for path in ("contacts[].birthdate", "owner.email", "contacts[].marital_status_display", "lots"):
        assert mistake(PURCHASES, path) == ""


def test_the_defaults_are_paths_that_can_be_used():
    """What is withheld anyway exists."""
    for policy in DEFAULTS.values():
        for path in (*policy.drop, *policy.hash):
            assert mistake(PURCHASES, path) == ""
