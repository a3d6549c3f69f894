"""A record's story: upstream bodies in, one after another; what each tells out. For the tests of the pure core."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from watcher.derive import Origin, derive, fall_due
from watcher.diff import diff, removals
from watcher.model import Batch, Record, SourceName
from watcher.streams import STREAMS
from watcher.streams.canonical import canonical

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def record(stream, body, key="7"):
    """An upstream body as the decoded record."""
    doubts = {}
    form = canonical(stream.record, {"id": key, **body}, doubts)
    return Record(key, form, repr(sorted(body.items())).encode(), doubts)


@dataclass
class Story:
    """Tells one record's life to the core and hands back what is told, as (event type, paths it speaks for)."""

    stream_name: str
    now: datetime = NOON
    version: object = None
    alarms: dict = field(default_factory=dict)
    events: list = field(default_factory=list)

    @property
    def stream(self):
        """The stream it belongs to."""
        return STREAMS[self.stream_name]

    @property
    def origin(self):
        """Whose record it is."""
        source = SourceName("acc", self.stream_name, "1")
        return Origin(self.stream, source, lambda body: self.stream.link("client-a", "1", body))

    def baseline(self, **body):
        """See the record for the first time without telling it."""
        return self.sees(silent=True, **body)

    def sees(self, *, silent=False, size=1000, **body):
        """See the record as it is now; `body` has all of its fields."""
        before = {"7": self.version} if self.version else {}
        batch = Batch((record(self.stream, body),), {"7"}, full=True, complete=True)
        (change,) = diff(self.stream, before, batch, size).changes
        return self._take(derive(self.origin, change, self.now, silent=silent))

    def goes(self):
        """Have the record removed."""
        (change,) = removals({"7": self.version}, ["7"])
        return self._take(derive(self.origin, change, self.now))

    def later(self, **delta):
        """Let time pass, and its alarms ring."""
        self.now += timedelta(**delta)
        if any(alarm.due_at <= self.now for alarm in self.alarms.values()):
            return self._take(fall_due(self.origin, self.version, self.now))
        return []

    def _take(self, derived):
        for alarm in derived.disarmed:
            self.alarms.pop((alarm.name, alarm.due_at))
        self.alarms |= {(alarm.name, alarm.due_at): alarm for alarm in derived.armed}
        self.version = derived.version
        self.events += derived.events
        return [(event.type, sorted(event.data["changes"])) for event in derived.events]
