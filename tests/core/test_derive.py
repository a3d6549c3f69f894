"""What changes mean: each row of the catalogue, and the laws above it."""

from datetime import UTC, datetime, timedelta

import pytest
from story import NOON, Story

from watcher.streams import catalogue

LEAD, CONTRACT, PURCHASE = "apimo.leads", "apimo.contracts", "adlead.purchases"
BOOKED = {"status": "booked", "booking_contract_signed_at": "2026-11-10T09:00:00Z"}

ROWS = [
    # stream, as it was, as it is, what is told
    (LEAD, None, {"step": 1, "email": "", "lastname": "FRIN"}, [("new-lead", ["lastname", "step"])]),
    (LEAD, {"opened": None}, {"opened": "2026-11-21 10:00:00"}, [("lead-opened", ["opened"])]),
    (LEAD, {"opened": ""}, {"opened": {"date": "2026-11-21 10:00:00", "user": 5}}, [("lead-opened", ["opened"])]),
    (LEAD, {"assigned": None, "user": None}, {"assigned": {"date": "2026-11-21", "user": 5}, "user": 5},
     [("lead-assigned", ["assigned", "user"])]),
    (LEAD, {"user": None}, {"user": 5}, [("lead-assigned", ["user"])]),
    (LEAD, {"user": 5}, {"user": 6}, [("lead-reassigned", ["user"])]),
    (LEAD, {"user": 5, "assigned": {"date": "2026-11-20", "user": 5}}, {"user": 6, "assigned": {"date": "2026-11-21", "user": 6}},
     [("lead-reassigned", ["assigned.date", "assigned.user", "user"])]),
    (LEAD, {"user": 5, "assigned": {"date": "2026-11-20"}}, {"user": 5, "assigned": {"date": "2026-11-21"}},
     [("lead-updated", ["assigned.date"])]),
    (LEAD, {"user": 5}, {"user": None}, [("lead-updated", ["user"])]),
    (LEAD, {"closed": None}, {"closed": "2026-11-21 10:00:00"}, [("lead-closed", ["closed"])]),
    (LEAD, {"closed": "2026-11-20 10:00:00"}, {"closed": ""}, [("lead-reopened", ["closed"])]),
    (LEAD, {"step": 1}, {"step": 2}, [("lead-step-changed", ["step"])]),
    (LEAD, {"phone": "1", "step": 1}, {"phone": "2", "step": 2}, [("lead-step-changed", ["step"]), ("lead-updated", ["phone"])]),
    (CONTRACT, None, {"price": 0}, [("new-contract", ["price"])]),
    (CONTRACT, {"offer_at": None}, {"offer_at": "2026-11-01"}, [("contract-offer-made", ["offer_at"])]),
    (CONTRACT, {"commitment_at": ""}, {"commitment_at": "2026-11-01"}, [("contract-committed", ["commitment_at"])]),
    (CONTRACT, {"contract_at": "0000-00-00"}, {"contract_at": "2026-11-21"}, [("contract-signed", ["contract_at"])]),
    (CONTRACT, {"collected_at": None}, {"collected_at": "2026-11-21"}, [("contract-collected", ["collected_at"])]),
    (CONTRACT, {"contract_scheduled_at": None}, {"contract_scheduled_at": "2027-01-01"},
     [("contract-scheduled", ["contract_scheduled_at"])]),
    (CONTRACT, {"contract_scheduled_at": "2027-01-01"}, {"contract_scheduled_at": "2027-02-01"},
     [("contract-rescheduled", ["contract_scheduled_at"])]),
    (CONTRACT, {"contract_scheduled_at": "2027-01-01"}, {"contract_scheduled_at": None},
     [("contract-rescheduled", ["contract_scheduled_at"])]),
    (CONTRACT, {"condition_precedent_at": None}, {"condition_precedent_at": "2027-01-01"},
     [("contract-condition-dated", ["condition_precedent_at"])]),
    (CONTRACT, {"condition_precedent_at": "2027-01-01"}, {"condition_precedent_at": ""},
     [("contract-condition-dated", ["condition_precedent_at"])]),
    (CONTRACT, {"price": "20.00", "commission_agency": 1, "entries": []}, {"price": 21, "commission_agency": 2, "entries": [{"id": 9}]},
     [("contract-amount-changed", ["commission_agency", "entries[9]", "price"])]),
    (CONTRACT, {"step": "3"}, {"step": 4}, [("contract-step-changed", ["step"])]),
    (CONTRACT, {"contract_at": "2026-11-01"}, {"contract_at": None}, [("contract-reverted", ["contract_at"])]),
    (CONTRACT, {"contract_at": "2026-11-01"}, {"contract_at": "2026-12-01"}, [("contract-reverted", ["contract_at"])]),
    (CONTRACT, {"contract_at": "2026-11-01"}, {"contract_at": "2026-11-02"}, [("contract-updated", ["contract_at"])]),
    (CONTRACT, {"contract_at": None}, {"contract_at": "2026-12-01"}, [("contract-updated", ["contract_at"])]),
    (CONTRACT, {"legal_notice_at": None}, {"legal_notice_at": "2026-11-01"}, [("contract-updated", ["legal_notice_at"])]),
    (CONTRACT, {"commitment_at": None, "contract_at": None}, {"commitment_at": "2026-11-05", "contract_at": "2026-11-01"},
     [("contract-signed", ["contract_at"]), ("contract-committed", ["commitment_at"])]),
    (PURCHASE, None, BOOKED, [("new-purchase", sorted(BOOKED)), ("purchase-booked", [])]),
    (PURCHASE, None, {"status": "brand-new"}, [("new-purchase", ["status"])]),
    (PURCHASE, {"status": "pending-pre-booking"}, {"status": "pre-booked"}, [("purchase-pre-booked", ["status"])]),
    (PURCHASE, {"status": "pre-booked", "booking_contract_signed_at": None}, BOOKED, [("purchase-booked", sorted(BOOKED, reverse=False))]),
    (PURCHASE, {"status": "booked", "withdrawal_period_expires_at": None},
     {"status": "withdrawal-period", "withdrawal_period_expires_at": "2026-12-01T22:59:00Z"},
     [("purchase-withdrawal-started", ["status", "withdrawal_period_expires_at"])]),
    (PURCHASE, {"status": "booked"}, {"status": "awaiting-funding"}, [("purchase-awaiting-funding", ["status"])]),
    (PURCHASE, {"status": "booked"}, {"status": "notary-appointment-to-be-set"}, [("purchase-notary-to-schedule", ["status"])]),
    (PURCHASE, {"status": "booked", "notary_appointment_set_at": None},
     {"status": "booked", "notary_appointment_set_at": "2026-12-24T09:00:00Z"},
     [("purchase-notary-scheduled", ["notary_appointment_set_at"])]),
    (PURCHASE, {"status": "notary-appointment-set", "notary_appointment_set_at": "2026-12-24T09:00:00Z"},
     {"status": "notary-appointment-set", "notary_appointment_set_at": "2026-12-26T09:00:00Z"},
     [("purchase-notary-rescheduled", ["notary_appointment_set_at"])]),
    (PURCHASE, {"status": "booked", "sale_deed_signed_at": None}, {"status": "signed", "sale_deed_signed_at": "2026-11-20T10:00:00Z"},
     [("purchase-signed", ["sale_deed_signed_at", "status"])]),
    (PURCHASE, {"status": "booked", "canceled_at": None, "cancellation_type": None},
     {"status": "canceled", "canceled_at": "2026-11-21T10:02:00Z", "cancellation_type": "other"},
     [("purchase-canceled", ["canceled_at", "cancellation_type", "status"])]),
    (PURCHASE, {"status": "booked"}, {"status": "under-review"}, [("purchase-status-changed", ["status"])]),
    (PURCHASE, {"status": "under-review"}, {"status": None}, [("purchase-status-changed", ["status"])]),
    (PURCHASE, {"status": "awaiting-funding"}, {"status": "booked"}, [("purchase-reverted", ["status"])]),
    (PURCHASE, {"status": "canceled", "canceled_at": "2026-11-20", "cancellation_type": "other"},
     {"status": "pre-booked", "canceled_at": None, "cancellation_type": None},
     [("purchase-reverted", ["canceled_at", "cancellation_type"]), ("purchase-pre-booked", ["status"])]),
    (PURCHASE, {**BOOKED, "status": "pre-booked"}, {"status": "pre-booked", "booking_contract_signed_at": None},
     [("purchase-reverted", ["booking_contract_signed_at"])]),
    (PURCHASE, {"status": "signed"}, {"status": "booked"}, [("purchase-reverted", ["status"])]),
    (PURCHASE, {"option_expires_at": None}, {"option_expires_at": "2026-11-25T17:00:00Z"}, [("purchase-option-dated", ["option_expires_at"])]),
    (PURCHASE, {"price_including_vat": 1, "vat_rate": 20}, {"price_including_vat": 2, "vat_rate": 5.5},
     [("purchase-price-changed", ["price_including_vat", "vat_rate"])]),
    (PURCHASE, {"lots": [{"id": 41, "status": "booked"}]}, {"lots": [{"id": 41, "status": "sold"}, {"id": 42}]},
     [("purchase-lots-changed", ["lots[41].status", "lots[42]"])]),
    (PURCHASE, {"contacts": [{"id": 1, "city": "Lyon"}]}, {"contacts": [{"id": 1, "city": "Nice"}]},
     [("purchase-buyers-changed", ["contacts[1].city"])]),
    (PURCHASE, {"owner": {"id": 1}}, {"owner": {"id": 2}}, [("purchase-updated", ["owner.id"])]),
    # several at once, each in the order in which it happened
    (PURCHASE, {"status": "pre-booked", "booking_contract_signed_at": None},
     {"status": "awaiting-funding", "booking_contract_signed_at": "2026-11-10"},
     [("purchase-booked", ["booking_contract_signed_at"]), ("purchase-awaiting-funding", ["status"])]),
    # a step skipped without a trace is not made up
    (PURCHASE, {"status": "pre-booked"}, {"status": "signed"}, [("purchase-signed", ["status"])]),
]  # fmt: skip


@pytest.mark.parametrize(("stream", "before", "after", "told"), ROWS)
def test_a_change_tells_its_events(stream, before, after, told):
    """Each row of the catalogue: as it was, as it is, what is told and which fields each event speaks for."""
    story = Story(stream)
    if before is not None:
        assert story.baseline(**before) == []
    assert story.sees(**after) == told


@pytest.mark.parametrize("stream", [LEAD, CONTRACT, PURCHASE])
def test_gone_and_back(stream):
    """A removed record is told as removed; when it is back, as reappeared with what differs by then."""
    story = Story(stream)
    story.baseline(step=1, status="booked", comment="a", option_expires_at="2026-12-01")
    noun = story.stream.noun
    assert story.goes() == [(f"{noun}-removed", [])]
    back = story.sees(step=2, status="booked", comment="a", option_expires_at="2026-12-01")
    assert back[0][0] == "record-reappeared"
    assert story.version.version == 3


def test_the_rows_tell_every_event_type_of_a_stream():
    """No event type is left without a row that tells it."""
    told = {event for *_, events in ROWS for event, _ in events}
    streams = {event for event in catalogue() if event.startswith(("new-", "lead-", "contract-", "purchase-"))}
    assert streams - told == {"lead-removed", "contract-removed", "purchase-removed"}


def test_evidence_that_trickles_in_is_told_once():
    """The status in one poll, its date in the next: one milestone, then the late detail."""
    story = Story(PURCHASE)
    story.baseline(status="pre-booked", booking_contract_signed_at=None)
    assert story.sees(status="booked", booking_contract_signed_at=None) == [("purchase-booked", ["status"])]
    late = {"status": "booked", "booking_contract_signed_at": "2026-11-20"}
    assert story.sees(**late) == [("purchase-updated", ["booking_contract_signed_at"])]


def test_reached_again_is_told_again():
    """What was reached, undone and reached again is told three times."""
    story = Story(CONTRACT)
    story.baseline(contract_at=None)
    assert story.sees(contract_at="2026-11-01") == [("contract-signed", ["contract_at"])]
    assert story.sees(contract_at=None) == [("contract-reverted", ["contract_at"])]
    assert story.sees(contract_at="2026-11-02") == [("contract-signed", ["contract_at"])]


def test_canceled_leaves_the_others_as_they_were():
    """A cancellation undoes nothing by itself: taken back, it is a reversal, and the booking is not told again."""
    story = Story(PURCHASE)
    story.baseline(**BOOKED)
    assert story.sees(**{**BOOKED, "status": "canceled"}) == [("purchase-canceled", ["status"])]
    assert story.sees(**BOOKED) == [("purchase-reverted", ["status"])]


def test_a_date_to_come_is_told_on_its_day():
    """A future date is a detail at sight, is armed, and its milestone is told on its Paris day with no changes."""
    story = Story(CONTRACT)
    story.baseline(contract_at=None)
    assert story.sees(contract_at="2026-11-23 10:00:00") == [("contract-updated", ["contract_at"])]
    assert story.later(hours=34) == []  # 23:00 in Paris the day before
    assert story.later(hours=1) == [("contract-signed", [])]
    assert story.events[-1].time == datetime(2026, 11, 23, 9, tzinfo=UTC)
    assert not story.alarms
    assert story.later(days=2) == []


def test_an_alarm_moves_with_its_date_and_goes_when_it_is_emptied():
    """A date that moves takes its alarm along; emptied, nothing is told."""
    story = Story(CONTRACT)
    story.baseline(contract_at="2026-11-23")
    story.sees(contract_at="2026-11-25")
    assert [alarm.due_at for alarm in story.alarms.values()] == [datetime(2026, 11, 24, 23, tzinfo=UTC)]
    story.sees(contract_at=None)
    assert not story.alarms
    assert story.later(days=9) == []


def test_a_poll_before_its_alarm_tells_the_day_once():
    """When a poll brings another change after midnight, before the alarm rings, the milestone is told once."""
    story = Story(CONTRACT)
    story.baseline(contract_at="2026-11-22", comment="a")
    story.now = datetime(2026, 11, 22, 8, tzinfo=UTC)
    told = story.sees(contract_at="2026-11-22", comment="b")
    assert told == [("contract-signed", []), ("contract-updated", ["comment"])]
    assert story.later(days=1) == []


def test_a_milestone_known_at_the_baseline_is_not_told():
    """What had happened before the first poll is old, also when its details move."""
    story = Story(PURCHASE)
    story.baseline(status="signed", sale_deed_signed_at=None)
    told = story.sees(status="signed", sale_deed_signed_at="2026-11-01")
    assert told == [("purchase-updated", ["sale_deed_signed_at"])]


def test_a_field_that_appears_is_a_change_only_if_it_is_news():
    """A date after the last version was seen is news; an old one, or a value, was there and became visible."""
    story = Story(LEAD)
    story.baseline(step=1)
    assert story.sees(step=1, user=5, opened="2026-11-20 10:00:00", message="hello") == []
    assert story.version.version == 1
    assert "lead-assigned" in story.version.reached
    story.now = NOON.replace(hour=15)
    assert story.sees(step=1, closed="2026-11-21 14:00:00") == [("lead-closed", ["closed"])]
    assert story.version.body["message"] == "hello"


def test_an_absent_field_keeps_its_value():
    """A partial answer changes nothing: absent is not null."""
    story = Story(PURCHASE)
    story.baseline(**BOOKED)
    assert story.sees(lead_id=88) == []
    assert story.version.body["status"] == "booked"


def test_the_time_is_when_it_happened_upstream():
    """`created_at` for what is new, `updated_at` when this change moved it, else when we saw it."""
    story = Story(LEAD)
    story.sees(step=1, created_at="2026-11-21 12:30:00", updated_at="2026-11-21 12:31:00")
    assert story.events[-1].time == datetime(2026, 11, 21, 11, 30, tzinfo=UTC)
    story.sees(step=2, updated_at="2026-11-21 12:40:00")
    assert story.events[-1].time == datetime(2026, 11, 21, 11, 40, tzinfo=UTC)
    story.sees(step=3, updated_at="2026-11-21 12:40:00")
    assert story.events[-1].time == NOON


def test_ids_are_stable_and_never_shared():
    """The same story has the same ids; no two events of it share one; those of one change share its id."""

    def tell():
        story = Story(PURCHASE)
        story.baseline(status="pre-booked", booking_contract_signed_at=None, option_expires_at=None)
        story.sees(status="awaiting-funding", booking_contract_signed_at="2026-11-10", option_expires_at="2026-12-01")
        story.sees(status="pre-booked", booking_contract_signed_at=None)
        story.sees(status="awaiting-funding", booking_contract_signed_at="2026-11-10")
        story.goes()
        return story.events

    first, second = tell(), tell()
    assert [event.id for event in first] == [event.id for event in second]
    assert len({event.id for event in first}) == len(first)
    assert len({event.data["change"] for event in first[:3]}) == 1


def test_the_link_is_the_vendors_screen():
    """A purchase's events carry the link to its lead in Adlead."""
    story = Story(PURCHASE)
    story.sees(status="booked", lead_id=88)
    assert story.events[0].data["link"] == "https://crm.adlead.immo/client-a/programs/1/contact-management/leads/88"


def test_an_assignment_that_first_appears_is_told():
    """`user` and `assigned` left out until a lead is assigned: their first appearance is the assignment."""
    story = Story(LEAD)
    story.baseline(step=1)
    told = story.sees(step=1, user=5, assigned={"date": "2026-11-21 13:30:00", "user": 5})
    assert told == [("lead-assigned", ["assigned"])]


@pytest.mark.parametrize("behind", [0, 30, 299])
def test_a_vendors_clock_a_little_behind_ours_hides_nothing(behind):
    """A date that first appears, from the very second of our last look or a little before it, is news."""
    story = Story(LEAD, now=NOON.replace(microsecond=300000))
    story.baseline(step=1)
    opened = (NOON - timedelta(seconds=behind)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert story.sees(step=1, opened=opened) == [("lead-opened", ["opened"])]
