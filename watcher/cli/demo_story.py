"""What happens in the demo, from upstream to the receiver: pure, so that it can be shown in more than one way.

An act is one thing that happens upstream; it leads to events, and each event to a message that is received.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median

from watcher.model import Event, Plan
from watcher.simulator import Happening

SENTENCES: Mapping[str, str] = {
    "lead-arrived": "a lead arrives at agency {partition}",
    "lead-duplicated": "a lead comes twice to agency {partition}",
    "lead-opened": "an agent opens lead {id}",
    "lead-assigned": "lead {id} is given to an agent",
    "lead-closed": "lead {id} is closed",
    "contract-created": "a new contract at agency {partition}",
    "contract-offer-made": "an offer is made, contract {id}",
    "contract-committed": "a pre-contract, contract {id}",
    "contract-scheduled": "the deed is planned, contract {id}",
    "contract-rescheduled": "the deed is put off, contract {id}",
    "contract-signed": "the deed is signed, contract {id}",
    "contract-collected": "the fees come in, contract {id}",
    "contract-amount-revised": "a new price, contract {id}",
    "purchase-created": "a buyer comes to programme {partition}",
    "purchase-pre-booked": "a lot is pre-booked, purchase {id}",
    "purchase-booked": "a lot is reserved, purchase {id}",
    "purchase-withdrawal-started": "ten days to withdraw, purchase {id}",
    "purchase-awaiting-funding": "a loan is sought, purchase {id}",
    "purchase-notary-to-schedule": "a notary is needed, purchase {id}",
    "purchase-notary-scheduled": "the deed is planned, purchase {id}",
    "purchase-notary-rescheduled": "the deed is put off, purchase {id}",
    "purchase-price-revised": "a discount is given, purchase {id}",
    "purchase-signed": "the deed is signed, purchase {id}",
    "purchase-canceled": "a buyer gives up, purchase {id}",
}
"""What the simulator makes happen, for people."""

_APIS = {"leads": "apimo", "contracts": "apimo", "purchases": "adlead"}

KEPT = 200
"""Acts that can still be shown; the totals count all."""


@dataclass(slots=True, eq=False)
class Told:
    """An event that came of an act, and when its message was received; `delay` is from the act to there."""

    event: Event
    title: str
    received: datetime | None = None
    delay: float = 0.0


@dataclass(slots=True, eq=False)
class Act:
    """One thing that happened: when (for people, and by the loop's clock), where, and what was told of it."""

    at: datetime
    began: float
    stream: str
    sentence: str
    told: list[Told] = field(default_factory=list)

    @property
    def over(self) -> bool:
        """Whether all that it led to was received."""
        return bool(self.told) and all(told.received for told in self.told)


class Story:
    """The acts in order, and what they add up to.

    `time` is the loop's clock, `title` what people read of an event. `inbox` has what was received lately, `known` the
    sources whose first read is done.
    """

    def __init__(self, time: Callable[[], float], clock: Callable[[], datetime], title: Callable[[Event], str]) -> None:
        self.acts: deque[Act] = deque(maxlen=KEPT)
        self.happened = 0
        self.reads = 0
        self.idle = 0
        self.remembered = 0
        self.refused = 0
        self.types: Counter[str] = Counter()
        self.delays: list[float] = []
        self.inbox: deque[Told] = deque(maxlen=KEPT)
        self.known: set[str] = set()
        self._time, self._clock, self._title = time, clock, title
        self._open: dict[str, list[Act]] = {}
        self._changes: dict[str, Act] = {}
        self._awaited: dict[str, tuple[Act, Told]] = {}

    # -------------------------------------------------------------------------------------------------- what comes in

    def happen(self, happening: Happening) -> None:
        """Something happens upstream."""
        sentence = SENTENCES.get(happening.what, happening.what.replace("-", " ") + " {id}")
        words = sentence.format(partition=happening.partition, id=happening.id)
        act = Act(self._clock(), self._time(), happening.stream, words)
        self.acts.append(act)
        self.happened += 1
        self._open.setdefault(_place(happening), []).append(act)

    def commit(self, plan: Plan) -> None:
        """Watcher has written a plan: what it saw upstream, and the events that it derived."""
        if plan.source and plan.state:
            self.reads += 1
            self.idle += not plan.events
            if plan.state.baselined_at:
                self.known.add(str(plan.source))
            self.remembered += 0 if plan.events else len(plan.versions)
        for event in plan.events:
            act = self._act_of(event)
            told = Told(event, self._title(event))
            act.told.append(told)
            self._awaited[event.id] = (act, told)

    def receive(self, event: Event) -> Told | None:
        """A message is received; None for one that was received before."""
        act, told = self._awaited.pop(event.id, (None, None))
        if act is None or told is None:
            return None
        told.event, told.received, told.delay = event, self._clock(), self._time() - act.began
        self.types[event.type] += 1
        self.delays.append(told.delay)
        self.inbox.append(told)
        return told

    def refuse(self) -> None:
        """A message came whose signature is not right."""
        self.refused += 1

    def _act_of(self, event: Event) -> Act:
        """The act that an event came of: the first on its record that nothing was told of yet."""
        change = str(event.data.get("change", event.id))
        if change not in self._changes:
            waiting = self._open.pop(event.record, None)
            if not waiting:  # not of the simulator's doing: a trouble of watcher's own, a date that has come
                waiting = [Act(self._clock(), self._time(), "", "")]
                self.acts.append(waiting[0])
            first, *others = waiting
            for other in others:  # seen in the same read: told with the first
                if other in self.acts:
                    self.acts.remove(other)
                first.sentence += f"; {other.sentence.partition(',')[0]}"
            self._changes[change] = first
        return self._changes[change]

    # ------------------------------------------------------------------------------------------------------ the totals

    @property
    def derived(self) -> int:
        """How many events were derived."""
        return self.received + len(self._awaited)

    @property
    def received(self) -> int:
        """How many messages were received."""
        return len(self.delays)

    @property
    def settled(self) -> bool:
        """Whether all that happened was told and received."""
        return not self._open and not self._awaited

    @property
    def longest(self) -> float:
        """The longest delay from upstream to receipt, in seconds."""
        return max(self.delays, default=0.0)

    @property
    def usual(self) -> float:
        """The median of the delays, in seconds."""
        return median(self.delays) if self.delays else 0.0

    def latest(self, most: int) -> Iterator[Act]:
        """The last acts, so that no more than so many lines are shown, each with at least one."""
        shown: list[Act] = []
        for act in reversed(self.acts):
            most -= max(1, len(act.told))
            if most < 0:
                break
            shown.append(act)
        return reversed(shown)


def _place(happening: Happening) -> str:
    """The record of a happening, as events name it."""
    account = {"apimo": "azur", "adlead": "riviera"}[_APIS[happening.stream]]
    return f"/{account}/{_APIS[happening.stream]}.{happening.stream}/{happening.partition}#{happening.id}"
