"""What only grows and says nothing any more is thrown away, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from store_samples import LEADS, MINUTE, NOON, OTHER, baseline, dump, rich

from watcher.model import Plan, SourceName, SourceState, Unread
from watcher.store.read import Reader
from watcher.store.sqlite import Store
from watcher.store.tidy import Tidied

BAD, WORSE = Unread(b"bad", "9", "no id"), Unread(b"worse", None, "not an object")


async def read(store: Store, minute: int, *unread: Unread, full: bool = True, source: SourceName = LEADS) -> None:
    """Commit one read of a source, at that minute, with what it set aside."""
    now = NOON + minute * MINUTE
    before = await store.state(source)
    state = replace(before, read_at=now, full_at=now if full else before.full_at)
    await store.commit(Plan(now, source, state, unread=unread))


def shown(path: Path) -> list[tuple[bytes, int]]:
    """What is set aside, and at which minute it was met first."""
    with Reader.open(path) as reader:
        return [(row.unread.fingerprint, (row.seen_at - NOON) // MINUTE) for row in reader.unread()]


async def test_what_a_full_read_did_not_bring_is_forgotten(store: Store, path: Path):
    """A record set aside that is readable again or gone is no longer listed; one that is met still is, since the first time."""
    await read(store, 1, BAD, WORSE)
    assert await store.tidy(NOON) == Tidied(0, 0)
    await read(store, 2, WORSE)
    assert await store.tidy(NOON) == Tidied(1, 0)
    assert shown(path) == [(b"worse", 1)]


async def test_a_read_by_cursor_says_nothing_of_the_others(store: Store, path: Path):
    """What a read of the latest changes did not bring may be there still; nor does one source speak for another."""
    await read(store, 1, BAD)
    await read(store, 1, BAD, source=OTHER, full=False)
    await read(store, 2, full=False)
    await read(store, 3, source=OTHER, full=False)
    assert await store.tidy(NOON) == Tidied(0, 0)
    await read(store, 4)
    assert await store.tidy(NOON) == Tidied(1, 0)
    assert shown(path) == [(b"bad", 1)]


async def test_a_source_that_was_never_read_in_full_keeps_them(store: Store):
    """Before the first full read nobody knows what is gone."""
    await store.commit(Plan(NOON, LEADS, SourceState(), unread=(BAD,)))
    assert await store.tidy(NOON + timedelta(days=9)) == Tidied(0, 0)


async def test_budgets_of_days_long_past_are_forgotten(store: Store):
    """The requests of the last two weeks stay counted, older ones do not."""
    for day in ("2025-11-21", "2026-11-06", "2026-11-07", "2026-11-20", "2026-11-21"):
        await store.spend("azur", day, 9)
    assert await store.tidy(NOON) == Tidied(0, 2)
    assert [await store.spent("azur", f"2026-11-{day}") for day in ("06", "07", "20", "21")] == [0, 1, 1, 1]


async def test_nothing_else_is_touched(store: Store, path: Path):
    """Where there is nothing to throw away, every row stays as it is."""
    await store.commit(baseline())
    await store.commit(rich())
    before = dump(path)
    assert await store.tidy(NOON + timedelta(days=400)) == Tidied(0, 0)
    assert dump(path) == before
