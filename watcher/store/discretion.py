"""What the store does for privacy: letting go of what had its time, securing what is stored, erasing a person.

Long work goes in slices, each a transaction of its own, so that whoever else asks the store waits for one slice only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from watcher.erasure import Traces, Wanted
from watcher.model import Body, SourceName
from watcher.retention import stepper
from watcher.store import erase, expire
from watcher.store.erase import Person, Told
from watcher.store.expire import AT_ONCE, Slice, Table
from watcher.store.handle import Handle
from watcher.store.worker import Work
from watcher.veil import gone, withheld_event

T = TypeVar("T")


class Discretion(Handle):
    """The part of the store that lets go."""

    async def privacy_key(self) -> bytes:
        """The key of this store's hashes of what is withheld (`watcher.privacy`)."""
        (text,) = await self._look(lambda db: db.execute("SELECT value FROM meta WHERE key = 'privacy-key'").fetchone())
        return bytes.fromhex(text)

    # ------------------------------------------------------------------------------------------- what had its time

    async def expiring(self, stream: str, before: datetime, *, ceiling: bool = False) -> list[SourceName]:
        """Whose records the next slice of `expire_versions` goes through."""
        return await self._look(partial(expire.sources_expiring, stream=stream, before=before, old=ceiling))

    async def expire_versions(self, stream: str, before: datetime, *, ceiling: bool = False) -> Slice:
        """Let go of what is personal in versions seen before then, but for those of records that are alive still.

        Of a value a keyed hash is kept, of one that was hashed nothing; at the `ceiling` nothing, and of all records.
        """
        act = gone if ceiling else stepper(await self.privacy_key())
        return await self._write(partial(expire.versions, stream=stream, before=before, act=act, old=ceiling))

    async def expire_events(self, stream: str, before: datetime) -> Slice:
        """Let go of what is personal in events recorded before then, but for those that somebody is to be told of."""
        return await self._write(partial(expire.events, stream=stream, before=before))

    async def expire_lingering(self, place: int) -> Slice:
        """The same of those that were to be told of when their time came, from after that one."""
        return await self._write(partial(expire.lingering, place=place))

    async def expire_said(self, sink: str, before: datetime) -> Slice:
        """Let go of what a sink said of messages that were settled before then."""
        return await self._write(partial(expire.said, sink=sink, before=before))

    async def saying(self) -> list[str]:
        """The sinks that said something which is still kept."""
        return await self._look(expire.sinks)

    async def sources_in(self, table: Table, stream: str, place: int) -> list[SourceName]:
        """Whose records a slice of `secure` goes through."""
        return await self._look(partial(expire.sources_in, table=table, stream=stream, place=place))

    async def secure(self, table: Table, stream: str, place: int, withhold: Callable[[Body], Body]) -> Slice:
        """Withhold from what is stored of a stream's records, in a slice of that table from after that row."""
        how: Callable[[Any], Any] = partial(withheld_event, withhold=withhold) if table == "events" else withhold
        return await self._write(partial(expire.secure, table=table, stream=stream, place=place, withhold=how))

    # --------------------------------------------------------------------------------------------- erasing a person

    async def find_person(self, wanted: Wanted) -> list[Person]:
        """Everywhere that this person has a place of his own in a record, also where only a hash is kept."""
        found: dict[tuple[Any, ...], Person] = {}
        tables: Sequence[Table] = ("records", "versions")
        for table in tables:
            for place in range(0, await self._look(partial(erase.last_row, table=table)), AT_ONCE):
                for one in await self._look(partial(erase.find, table=table, place=place, wanted=wanted)):
                    before = found.get((one.number, one.key), one)
                    whose = (before.whose or frozenset()) | (one.whose or frozenset())
                    found[one.number, one.key] = one._replace(whose=whose)
        return list(found.values())

    async def find_record(self, where: str, key: str) -> list[Person]:
        """Everybody in the records of that id; `where` is a stream or a source."""
        return await self._look(partial(erase.named, where=where, key=key))

    async def known_of(self, person: Person) -> list[Mapping[str, Any]]:
        """What is stored of somebody in his record, in each form that it had."""
        return await self._look(partial(erase.known, person=person))

    async def told_of(self, person: Person) -> list[Told]:
        """The sinks that were told of his record, and when."""
        return await self._look(partial(erase.told, person=person))

    async def erase(self, persons: Sequence[Person], traces: Traces, now: datetime, *, dry: bool) -> Counter[str]:
        """Erase persons from their records and their traces from everything else; how many rows, by table.

        Those who do it hold the turns of the persons' sources: a poll under way would bring back what it has read.
        """
        first = partial(erase.erase_persons, persons=persons, now=now)
        changed = await self._done(first, dry=dry)
        for table in ("records", "versions", "events", "deliveries"):
            for place in range(0, await self._look(partial(erase.last_row, table=table)), AT_ONCE):
                step = partial(erase.clean_slice, table=table, place=place, traces=traces)
                changed += await self._done(step, dry=dry, after=first)
        return changed + await self._done(partial(erase.clean_rest, traces=traces), dry=dry, after=first)

    async def _done(self, work: Work[T], *, dry: bool, after: Work[Any] = lambda _: None) -> T:
        """Do it; a dry run undoes it at once, so what would have been done before is done and undone with it."""
        return await self._write(partial(erase.rehearsed, before=after, work=work) if dry else work)

    async def keep_receipt(self, now: datetime, asked: str, receipt: Mapping[str, Any]) -> int:
        """Keep the receipt of an erasure; return its number."""
        return await self._write(partial(erase.write_receipt, now=now, asked=asked, receipt=receipt))

    async def receipts(self) -> list[dict[str, Any]]:
        """The receipts of all erasures, from the first."""
        return await self._look(erase.receipts)

    async def make_anew(self) -> bool:
        """Write the file anew, without what was deleted in it, and empty its log; false when somebody is reading it."""
        return await self._look(erase.made_anew)
