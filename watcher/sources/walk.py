"""A list read page by page, and whether what came of it can be trusted to be all of it.

Lists move while they are read: a record that goes from a page that was read draws the next ones forward, and the first
of the next page is never seen. So a walk is trusted only if the vendor's total was the same on every page, as many ids
came as the total says, and none twice; otherwise the list is walked once more.

That does not show a record that went while another came. But the one that went had been seen, so a second walk will
lack it: where a record that is known has not come, a list of several pages is walked again, and trusted only if the
second walk has all that the first had. (Then what the first walk saw was the whole list as it was at its end: as many
ids as there were, none of which had gone.)
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field

from watcher.model import Known, Page, Reading, Slice, Unread
from watcher.sources.answers import Answer, Body
from watcher.sources.http import TOTAL, Client
from watcher.sources.pages import Sheet, Sifted, sift

TOTAL_AT_FIRST = 60.0
"""Seconds for each request of a source of which nothing is known: vendors take their time over a first, whole list."""

_BREATH = 1000
"""Records sifted before the loop may do something else."""

_OUTGROWN = 3
"""So many times as many bytes are remembered as there are records, and then all are forgotten."""


@dataclass(slots=True)
class Walk:
    """What one walk through the pages of a list has brought so far.

    `answered` counts the records that came, each time they came, and `unreadable` those among them without an id;
    `last` is the number of the last page, where the vendor numbers them; `strayed` says that another page came than
    was asked for, `cut` that there were more pages than we read.
    """

    present: Set[str] = frozenset()
    fresh: dict[str, Slice] = field(default_factory=dict)
    unread: dict[bytes, Unread] = field(default_factory=dict)
    pages: dict[bytes, Page] = field(default_factory=dict)
    totals: list[int | None] = field(default_factory=list)
    timestamps: list[int] = field(default_factory=list)
    last: int | None = None
    requests: int = 0
    answered: int = 0
    unreadable: int = 0
    strayed: bool = False
    cut: bool = False

    def add(self, digest: bytes, page: Page, sifted: Sifted) -> bool:
        """Take a page in; say whether it brought an id that was not there yet."""
        before = len(self.present)
        if not before:
            self.present = page.keys  # of a list of one page, which is most, nothing is copied
        else:
            self.present = present = self.present if isinstance(self.present, set) else set(self.present)
            present |= page.keys
        for key in page.keys if self.fresh else ():
            self.fresh.pop(key, None)  # what came later counts
        self.fresh.update(sifted.fresh)
        self.unread.update((item.fingerprint, item) for item in sifted.unread)
        self.totals.append(page.total)
        self.timestamps.extend((page.timestamp,) if page.timestamp and page.keys else ())  # the time of no record
        self.last = page.last
        self.answered += len(page.keys) + page.repeats + len(sifted.unread)
        self.unreadable += len(sifted.unread)
        if not sifted.unread:  # a page with something unreadable in it is not to be passed over next time
            self.pages[digest] = page
        return len(self.present) > before

    @property
    def repeats(self) -> int:
        """How many records came again in the same walk."""
        return self.answered - self.unreadable - len(self.present)

    def has_all(self) -> bool:
        """Say whether as many records came as there are, by the vendor's latest word."""
        total = self.totals[-1] if self.totals else None
        return total is not None and len(self.present) + self.unreadable >= total

    def reading(self, *, full: bool, doubt: str = "", cursor: int | None = None) -> Reading:
        """What came, as the outside takes it."""
        return Reading(
            fresh=tuple(self.fresh.values()),
            present=self.present,
            full=full,
            complete=full and not doubt,
            cursor=cursor,
            doubt=doubt,
            unread=tuple(self.unread.values()),
            pages=self.pages,
            requests=self.requests,
            total=self.totals[-1] if self.totals else None,
        )


@dataclass(frozen=True, slots=True)
class Listing:
    """How a vendor lists the records of one partition.

    `following` gives the query of the page after those of a walk, None where the vendor says that there is none; `most`
    is how many pages are read at the most. `meant` is what `sift` remembers; whoever keeps it saves it work.
    """

    path: str
    split: Callable[[bytes], Sheet]
    following: Callable[[Walk], Mapping[str, str] | None]
    most: int
    meant: dict[bytes, bytes] = field(default_factory=dict)


async def walk(client: Client, listing: Listing, known: Known) -> Walk:
    """Walk through the list once, until the vendor says that it is over, or a page brings no new id."""
    seen = Walk()
    timeout = TOTAL if known.fingerprints else TOTAL_AT_FIRST
    while (query := listing.following(seen)) is not None:
        if seen.requests == listing.most:
            seen.cut = True
            break
        answer = await client.get(listing.path, query, timeout=timeout)
        seen.requests += 1
        digest, sifted = answer.digest(), Sifted()
        page = known.pages.get(digest)
        if page is None:
            body = await _inflated(answer)
            with answer.hushed():
                sheet = listing.split(body)
            seen.strayed |= sheet.current not in (None, seen.requests)
            page = await _sifted(sheet, known, sifted, listing.meant)
        if not seen.add(digest, page, sifted):
            break
    if len(listing.meant) > _OUTGROWN * max(len(known.fingerprints), len(seen.present)):
        listing.meant.clear()  # most of it is of bytes that will not come again
    if seen.repeats or seen.strayed:
        seen.pages.clear()  # one of them says of a record what another one has overtaken
    return seen


async def walk_all(client: Client, listing: Listing, known: Known) -> tuple[Walk, str]:
    """Walk through the list, twice if once leaves a doubt; return all that came, and the doubt that is left."""
    first = await walk(client, listing, known)
    doubt = _lacking(first)
    lost = first.requests > 1 and _lost(known, first.present)
    if doubt or not (_moved(first) or lost):
        return first, doubt
    second = await walk(client, listing, known)
    doubt = _lacking(second) or _moved(second)
    if not doubt and second.requests > 1 and _lost(known, first.present | second.present):
        doubt = "records went while it was read" if _moved(first) or first.present - second.present else ""
    return _joined(first, second), doubt


def _joined(first: Walk, second: Walk) -> Walk:
    """The second walk, with what only the first one saw: it was there, and may be gone, but nothing seen is lost."""
    only = {key: piece for key, piece in first.fresh.items() if key not in second.present}
    second.fresh = only | second.fresh
    second.present |= first.present
    second.timestamps += first.timestamps
    second.requests += first.requests
    return second


def _moved(seen: Walk) -> str:
    """Why the list seems to have moved under the walk; empty if it does not. Another walk may do better."""
    total = seen.totals[-1]
    if seen.strayed:
        return "another page came than the one asked for"
    if len(set(seen.totals)) > 1:
        return f"the total went from {seen.totals[0]} to {total} between pages"
    if seen.repeats:
        return "a record came twice"
    if total is not None and len(seen.present) + seen.unreadable != total:
        return f"the total is {total}, and {len(seen.present) + seen.unreadable} came"
    return ""


def _lacking(seen: Walk) -> str:
    """What the walk lacks that no other walk would have; empty if nothing."""
    if seen.cut:
        return f"there are more than {seen.requests} pages"
    if seen.unreadable:
        return f"without a readable id: {seen.unreadable}"
    return "the answer has no total" if seen.totals[-1] is None else ""


def _lost(known: Known, present: Set[str]) -> bool:
    """Say whether a record did not come that had come until now."""
    return any(key not in present and key not in known.absent for key in known.fingerprints.values())


async def _inflated(answer: Answer) -> bytes:
    """The body, letting the loop breathe. Not in a thread: measured, the page is then far from where it is split."""
    body = Body()
    for piece in answer.pieces():
        body.write(piece)
        await asyncio.sleep(0)
    return body.whole()


async def _sifted(sheet: Sheet, known: Known, found: Sifted, meant: dict[bytes, bytes]) -> Page:
    """Sift a page, letting the loop breathe; return what is to be remembered of it."""
    for start in range(0, len(sheet.items), _BREATH):
        sift(sheet.items[start : start + _BREATH], known.fingerprints, found, meant)
        await asyncio.sleep(0)
    keys = frozenset(found.keys)
    return Page(keys, sheet.total, sheet.timestamp, sheet.last, len(found.keys) - len(keys))
