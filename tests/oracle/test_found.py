"""What was found beside the oracle, each as the smallest story that shows it."""

from datetime import timedelta

import pytest
from world import STARTS, World

LONG_AGO = STARTS[0] - timedelta(days=30)
MANY = [str(number) for number in range(30)]


class Alone(World):
    """A world without its oracle."""

    def _agree(self, expected, before):
        """Nobody is asked."""

    def sees(self, **bodies):
        """What is told when these records are seen, ten minutes later; at the first look nothing."""
        before = len(self.events)
        self.passes(10, on_time=True)
        self.truth = {**self.truth, **bodies}
        self.poll(some=frozenset(self.truth))
        return [(event.subject, event.type, sorted(event.data["changes"])) for event in self.events[before:]]


def test_a_status_taken_in_without_an_event_undoes_without_an_event():
    """A field that a record first carries later and that is no date is taken in silently: no event for what it undoes."""
    world = Alone("purchases", STARTS[0])
    world.sees(**{"1": {"booking_contract_signed_at": LONG_AGO}})
    emptied = {"booking_contract_signed_at": None}
    assert world.sees(**{"1": emptied}) == [("1", "purchase-updated", ["booking_contract_signed_at"])]
    assert world.sees(**{"1": emptied | {"status": "pending-pre-booking"}}) == []


@pytest.mark.parametrize(
    ("stream", "field", "value", "other"),
    [
        ("leads", "closed", {"date": LONG_AGO}, "email"),
        ("contracts", "contract_at", LONG_AGO, "comment"),
        ("purchases", "sale_deed_signed_at", LONG_AGO, "lead_id"),
    ],
)
def test_what_is_hidden_from_many_stays_hidden_when_one_of_them_changes(stream, field, value, other):
    """A field emptied in many records at once is drift; it is no change of each of them at its next one either."""
    world = Alone(stream, STARTS[0])
    world.sees(**{key: {field: value, other: None} for key in MANY})
    assert world.sees(**{key: {field: None, other: None} for key in MANY}) == []
    changed = [("3", f"{stream[:-1]}-updated", [other])]
    assert world.sees(**{"3": {field: None, other: "7"}}) == changed  # `field` is as hidden as it was
    assert world.sees(**{"3": {field: value, other: "7"}}) == []  # it is shown again, and is what it was


@pytest.mark.parametrize("empty", [None, []])
def test_a_list_empty_in_many_at_once_is_drift_and_not_change(empty):
    """A watched list that turns empty in very many records at once is hidden from us, as any other field is."""
    world = Alone("purchases", STARTS[0])
    world.sees(**{key: {"contacts": [{"id": 41, "name": "a"}]} for key in MANY})
    assert world.sees(**{key: {"contacts": empty} for key in MANY}) == []
