"""What the oracle found, each as the smallest story that shows it."""

from datetime import UTC, datetime, timedelta

from world import piece

from watcher.decode import decode
from watcher.derive import Origin, derive
from watcher.diff import diff
from watcher.model import Batch, SourceName
from watcher.streams import STREAMS

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def told(stream, *bodies):
    """What is told of a record seen as these bodies, an hour apart, the first one at the baseline."""
    origin = Origin(STREAMS[stream], SourceName("acc", stream, "1"), lambda _: None)
    version, told = None, []
    for hour, body in enumerate(bodies):
        batch = Batch((decode(origin.stream, piece("1", {"id": 1, **body})),), {"1"}, full=True, complete=True)
        (change,) = diff(origin.stream, {"1": version} if version else {}, batch, 1).changes
        derived = derive(origin, change, NOON + timedelta(hours=hour), silent=not version)
        version = derived.version
        told.append([(event.type, sorted(event.data["changes"])) for event in derived.events])
    return told[1:]


def test_a_status_taken_in_without_an_event_undoes_without_an_event():
    """A field that a record first carries later and that is no date is taken in without an event: none for what it undoes."""
    assert told(
        "adlead.purchases",
        {"booking_contract_signed_at": "2026-11-01"},
        {"booking_contract_signed_at": None},
        {"booking_contract_signed_at": None, "status": "pending-pre-booking"},
    ) == [
        [("purchase-updated", ["booking_contract_signed_at"])],
        [],
    ]
