"""The nouns. Frozen values that the pure core takes and returns, and that the adapters store and send.

All times are aware datetimes in UTC. A `Body` is a canonical record: plain JSON values in the form that `streams/`
gives them, so that two bodies that mean the same are equal.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

Body = Mapping[str, Any]
"""A canonical record."""

EVENTS = uuid.uuid5(uuid.NAMESPACE_URL, "urn:watcher:event")
"""The namespace of event ids."""


@dataclass(frozen=True, slots=True, order=True)
class SourceName:
    """One account x stream x partition, written `azur/apimo.leads/101`."""

    account: str
    stream: str
    partition: str

    def __str__(self) -> str:
        return f"{self.account}/{self.stream}/{self.partition}"

    @classmethod
    def parse(cls, text: str) -> SourceName:
        """Read `account/stream/partition`; raises ValueError when it is not of that form."""
        parts = text.split("/")
        if len(parts) != 3 or not all(parts):  # noqa: PLR2004 - the three of the name
            raise ValueError(f"{text!r} is no source: write account/stream/partition, e.g. azur/apimo.leads/101")
        return cls(*parts)


# ------------------------------------------------------------------------------------------ what a source answered


@dataclass(frozen=True, slots=True)
class Slice:
    """One record of a page: its id, the fingerprint of what it says, and its JSON.

    `sure`: that JSON is what `strictjson.said` made of it, so it need not be doubted again.
    """

    key: str
    fingerprint: bytes
    raw: bytes
    sure: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """What is remembered of a page that was read: enough to pass it over when the same bytes come again.

    `keys` are the ids of its records; `repeats` is how many of these came with an id that another one had.
    """

    keys: frozenset[str]
    total: int | None = None
    timestamp: int | None = None
    last: int | None = None
    repeats: int = 0


@dataclass(frozen=True, slots=True)
class Unread:
    """A record that could not be read: the fingerprint of its bytes, its id where it has one, and why not."""

    fingerprint: bytes
    key: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Reading:
    """One read of a source, all its pages.

    `fresh` are the records whose bytes the snapshot does not know, `present` the ids of all that were answered, `total`
    is how many records there are by the vendor's own word, None where it gives none.
    `full` says that the whole list was asked for, `complete` that the answer was consistent, so that a record missing
    from it is really missing; `doubt` says why not. `cursor` is the source's own time of its newest record.
    """

    fresh: tuple[Slice, ...]
    present: Set[str]
    full: bool
    complete: bool
    cursor: int | None = None
    doubt: str = ""
    unread: tuple[Unread, ...] = ()
    pages: Mapping[bytes, Page] = field(default_factory=dict)
    requests: int = 1
    total: int | None = None


# --------------------------------------------------------------------------------------- records and their changes


@dataclass(frozen=True, slots=True)
class Record:
    """One upstream record in canonical form. `doubts` names the fields that were not understood, and why."""

    key: str
    body: Body
    fingerprint: bytes
    doubts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Version:
    """One stored state of one record.

    `version` counts its watched changes, from 1; `seen_at` is when this version was first seen; `reached` are the
    event types of the milestones it has passed; `absences` is how many complete reads in a row lacked it.
    """

    key: str
    version: int
    body: Body
    seen_at: datetime
    fingerprint: bytes
    reached: frozenset[str] = frozenset()
    removed: bool = False
    absences: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """What a poll brought, decoded: the records whose bytes were new, and what is there and what is not."""

    records: tuple[Record, ...]
    present: Set[str]
    full: bool
    complete: bool


class Delta(NamedTuple):
    """How one field differs."""

    was: Any
    now: Any


class Kind(StrEnum):
    """How a record differs from its last version."""

    CREATE = "create"
    UPDATE = "update"
    REMOVE = "remove"
    REAPPEAR = "reappear"


@dataclass(frozen=True, slots=True)
class Change:
    """How one record differs from its last version.

    `fields` has the watched fields that differ, by path (`status`, `lots[41].status`). `base` is the last version's
    body with what was taken in without an event (see `diff`), `body` the record as it is now. `fields` empty means
    that nothing is to be told, but that the stored state moves (unwatched fields, new bytes); those of a creation are
    not listed: they are all that it has.
    """

    kind: Kind
    key: str
    before: Version | None
    base: Body
    body: Body
    fields: Mapping[str, Delta]
    fingerprint: bytes

    @property
    def version(self) -> int:
        """The number of the version that this change makes."""
        return (self.before.version if self.before else 0) + 1


# ------------------------------------------------------------------------------------------------ events and alarms


@dataclass(frozen=True, slots=True)
class Event:
    """What a change means. `sequence` is given by the store when it is committed, 0 before."""

    id: str
    type: str
    source: str
    subject: str
    time: datetime
    recorded_at: datetime
    data: Mapping[str, Any]
    sequence: int = 0

    @property
    def record(self) -> str:
        """The record (or sink, or source) that it is about, for keeping order: `source#subject`."""
        return f"{self.source}#{self.subject}"


class Fate(StrEnum):
    """What is to become of a message when it is committed: sent as soon as can be, or kept and not sent for now.

    `held` waits with others and is sent on its own or in a summary; `silenced` and `dropped` are not sent at all.
    """

    OWED = "owed"
    HELD = "held"
    SILENCED = "silenced"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Owed:
    """One message to owe to one sink for one event, by the rule that said so (`operator` for `[operator]`).

    `bundle` names what a held one waits with (one name a sink and rule) or the silence that took it, `why` says it in
    words (`outside hours`, `group`, `silence 3`); both are empty for one that is sent at once.
    """

    event_id: str
    sink: str
    rule: str
    fate: Fate = Fate.OWED
    bundle: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """A delivery that waits in a bundle or was silenced: enough to say what it is."""

    number: int
    sink: str
    rule: str
    event_id: str
    type: str
    owed_at: datetime


@dataclass(frozen=True, slots=True)
class Release:
    """What becomes of deliveries that waited: each is sent on its own, or `told_in` has the id of their summary."""

    numbers: tuple[int, ...]
    told_in: str = ""


@dataclass(frozen=True, slots=True)
class Silence:
    """What is not to be told for a while: every matcher's glob has to match (docs/rules.md has the labels)."""

    number: int
    matchers: Mapping[str, str]
    author: str
    comment: str
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something to look at again at `due_at`; the first four fields are its identity."""

    kind: str
    source: str
    key: str
    name: str
    due_at: datetime
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Routed:
    """Who is owed what of some events, the alarms that it takes, and the conditions that failed (rule -> why)."""

    owed: tuple[Owed, ...] = ()
    armed: tuple[Alarm, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Condition:
    """A trouble that lasts: told once when it is entered and once when it is left.

    `type` is the operational event (`source-failing` ...), `subject` the source, sink or account it is about,
    `detail` what people are told: what is wrong and what to do.
    """

    type: str
    subject: str
    since: datetime
    detail: str


# ------------------------------------------------------------------------------------------------- what is written


@dataclass(frozen=True, slots=True)
class Tally:
    """What the polls of a source came to within one hour of UTC; `hour` counts these from 1970.

    `polls` are all that were made, `failed` those without a good answer, by what was wrong; of the good ones `full`
    asked for the whole list, and `incomplete` of those did not add up. `requests` are those of good polls, `changes`
    the versions written. Of the last complete read, at `total_at`: the vendor's `total`, `ours` in the snapshot, and
    those of ours that it lacked and that are not called removed yet (`absent`). `last_at` is the last good read; `gap`
    has the seconds of the longest time between two good reads that ended in this hour, at `gap_at`.
    """

    hour: int
    polls: int = 0
    failed: Mapping[str, int] = field(default_factory=dict)
    full: int = 0
    incomplete: int = 0
    requests: int = 0
    changes: int = 0
    total: int | None = None
    ours: int = 0
    absent: int = 0
    total_at: datetime | None = None
    last_at: datetime | None = None
    gap: float = 0.0
    gap_at: datetime | None = None

    @property
    def good(self) -> int:
        """How many polls had a good answer."""
        return self.polls - sum(self.failed.values())


@dataclass(frozen=True, slots=True)
class SourceState:
    """What is remembered of a source between polls.

    `cursor` is the vendor's own time, in Unix seconds; `doubtful` counts the full reads in a row that were not
    complete; `drifted` names what is no longer as we know it (a field, a record, the list), and how; `undescribed`
    are the fields that came and that nobody has described. `tally` counts the polls of the hour under way: it is
    written with the state, so counting costs no write of its own. A state that is new only in when it was read, and in
    that count, may be written some seconds later.
    """

    cursor: int | None = None
    baselined_at: datetime | None = None
    read_at: datetime | None = None
    full_at: datetime | None = None
    next_full_at: datetime | None = None
    failures: int = 0
    failing_since: datetime | None = None
    last_error: str = ""
    doubtful: int = 0
    drifted: Mapping[str, str] = field(default_factory=dict)
    undescribed: tuple[str, ...] = ()
    tally: Tally | None = None


class Known(NamedTuple):
    """What the snapshot knows of a source, enough to tell news from repetition.

    `fingerprints` maps the bytes of each present record to its id; `absent` has the ids that the last complete reads
    lacked, and how many of those in a row; `pages` are those known to say nothing new against this very snapshot.
    """

    fingerprints: Mapping[bytes, str]
    absent: Mapping[str, int]
    pages: Mapping[bytes, Page]


@dataclass(frozen=True, slots=True)
class Plan:
    """All that one step wants written. The store applies it in one transaction or not at all.

    `versions` are new ones (they go into the history), `refreshed` have the number they had: new bytes, unwatched
    fields, milestones reached by the passing of time. `absences` gives the new count of each id that was missing from
    a complete read, 0 for one that is back. `entered` and `left` are conditions, named by type and subject when left.
    `released` are deliveries that waited. An alarm of kind `release` is not disarmed while something waits for it.
    `tally` is of an hour that is over, to be kept. `erased` are persons whom the vendor has erased, by the record's id
    and their place in it (`""`, `contacts[111]`): what earlier versions and events of the record have of them goes.
    """

    at: datetime
    source: SourceName | None = None
    state: SourceState | None = None
    versions: tuple[Version, ...] = ()
    refreshed: tuple[Version, ...] = ()
    absences: Mapping[str, int] = field(default_factory=dict)
    erased: tuple[tuple[str, str], ...] = ()
    unread: tuple[Unread, ...] = ()
    events: tuple[Event, ...] = ()
    owed: tuple[Owed, ...] = ()
    armed: tuple[Alarm, ...] = ()
    disarmed: tuple[Alarm, ...] = ()
    released: tuple[Release, ...] = ()
    entered: tuple[Condition, ...] = ()
    left: tuple[tuple[str, str], ...] = ()
    pages: Mapping[bytes, Page] = field(default_factory=dict)
    tally: Tally | None = None


# ------------------------------------------------------------------------------------------------------- deliveries


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message owed to one sink. `number` names it; `attempts` counts the tries so far.

    `members` are the first of the events that a summary tells of. `note` is what the sink wrote down at the attempt
    before, `thread` what it called the first message about this record when it took it; empty where there is none.
    """

    number: int
    event: Event
    sink: str
    rule: str
    attempts: int
    due_at: datetime
    owed_at: datetime
    members: tuple[Event, ...] = ()
    note: str = ""
    thread: str = ""


@dataclass(frozen=True, slots=True)
class Delivered:
    """The sink took it; `answer` is what it said, at most 2 KiB.

    `thread` is what it calls this message, for those about the same record to be put under it; the first one counts.
    """

    answer: str = ""
    thread: str = ""


@dataclass(frozen=True, slots=True)
class RetryAt:
    """It did not work; try again then. `unanswered`: it may have been taken all the same.

    `note` is what the sink wants to know at the next attempt (who has it already), at most 2 KiB.
    """

    due_at: datetime
    reason: str
    unanswered: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Dead:
    """Given up: it goes to the dead letters. `refused`: the sink as a whole turned us away, so pause it."""

    reason: str
    refused: bool = False


Outcome = Delivered | RetryAt | Dead


@dataclass(frozen=True, slots=True)
class Message:
    """What people read of one event, as plain text; a sink dresses it in its own markup and escapes it.

    `title` is one line: what happened, to whom. `lines` are label and value of what is worth knowing, worthiest
    first; a line without a label is running text, and one without either the end of a paragraph. `advice` says what to
    do next (empty: nothing), `age` how long ago it happened, `link` where to look.
    """

    title: str
    lines: tuple[tuple[str, str], ...] = ()
    advice: str = ""
    age: str = ""
    link: str | None = None


# ----------------------------------------------------------------------------------------------------- written forms


def stamp(moment: datetime) -> str:
    """A moment as the API and the store write it: `2026-11-21T10:02:04Z`, with a fraction only if it has one."""
    text = moment.astimezone(UTC).replace(tzinfo=None).isoformat()
    return (text.rstrip("0") if "." in text else text) + "Z"


def envelope(event: Event) -> dict[str, Any]:
    """The event as a CloudEvents 1.0 object (docs/events.md), the same in every sink that sends JSON."""
    return {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "subject": event.subject,
        "type": event.type,
        "time": stamp(event.time),
        "recordedtime": stamp(event.recorded_at),
        "sequence": f"{event.sequence:020d}",
        "datacontenttype": "application/json",
        "data": dict(event.data),
    }
