"""Apimo leads: what a lead is and what its changes mean.

The vendor documents 25 fields; its own sample leaves out eight of them: what is empty may be absent. `opened`,
`assigned` and `closed` are dates in the documentation and `{date, user}` objects in the OpenAPI description.
"""

from typing import Any

from watcher.streams.canonical import CODE, MOMENT, NUMBER, STAMP, TEXT, Object, Scalar, Values, code, number, text
from watcher.streams.stream import Detail, Milestone, Stream, moved

_RANGE = Object({"min": NUMBER, "max": NUMBER})


def _rooms(value: Any) -> Any:
    """So many rooms, or from so many to so many: the description of `criteria` leaves open which it is."""
    if isinstance(value, dict):
        return {name: number(value[name]) for name in ("min", "max") if name in value} or None
    return number(value)


CRITERIA = Object(
    {
        "category": CODE,
        "area": _RANGE,
        "room": Scalar(_rooms),
        "bedroom": Scalar(_rooms),
        "price": Object({"min": NUMBER, "max": NUMBER, "currency": TEXT}),
        "types": Values(code),
        "subtype": CODE,
        "cities": Values(text),
        "locations": Values(text),
    }
)

LEADS = Stream(
    name="apimo.leads",
    noun="lead",
    finished=frozenset({"lead-closed"}),
    list_keys=("leads",),
    personal=("lastname", "firstname", "email", "phone", "mobile", "fax", "message"),
    record=Object(
        fields={
            "parent": CODE,
            "provider": CODE,
            "type": CODE,
            "step": CODE,
            "date": MOMENT,
            "reference": TEXT,
            "lastname": TEXT,
            "firstname": TEXT,
            "email": TEXT,
            "phone": TEXT,
            "fax": TEXT,
            "mobile": TEXT,
            "language": TEXT,
            "property": CODE,
            "contact": CODE,
            "request": CODE,
            "user": CODE,
            "opened": STAMP,
            "assigned": STAMP,
            "closed": STAMP,
            "message": TEXT,
            "criteria": CRITERIA,
        },
        unwatched={"id": CODE, "agency": CODE, "created_at": MOMENT, "updated_at": MOMENT},
    ),
    milestones=(
        Milestone("lead-opened", evidence=("opened",)),
        Milestone("lead-assigned", evidence=("assigned", "user")),
        Milestone("lead-closed", evidence=("closed",), undone="lead-reopened"),
    ),
    details=(
        Detail("lead-reassigned", ("user", "assigned"), when=moved("user", "assigned.user")),
        Detail("lead-step-changed", ("step",)),
    ),
)
