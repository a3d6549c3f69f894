"""Silences, pauses and notes: what operators asked for is written down and outlasts a restart."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

import pytest
from store_samples import LEADS, MINUTE, NOON, owing

from watcher.model import Alarm, Dead, Plan, Silence
from watcher.store.outbox import Pause
from watcher.store.read import Reader
from watcher.store.sqlite import Store

LATER = NOON + 10 * MINUTE
QUIET = Silence(1, {"source": "azur/*", "type": "new-*"}, "Anne", "déménagement", NOON, LATER)


async def add(store: Store, silence: Silence = QUIET) -> Silence:
    """Write a silence down."""
    matchers = MappingProxyType(dict(silence.matchers))
    return await store.add_silence(matchers, silence.author, silence.comment, silence.since, silence.until)


async def test_a_silence_is_written_down_with_its_alarm(store: Store, path: Path):
    """It comes back as it was given, with a number of its own, and its end is armed with it."""
    assert await add(store) == QUIET
    assert (await add(store)).number == 2
    assert await store.ringing(LATER, 9) == [Alarm("silence", "", "1", "", LATER), Alarm("silence", "", "2", "", LATER)]
    await store.close()
    async with await Store.open(path) as again:
        assert (await again.silences())[0] == QUIET
    with Reader.open(path) as reader:
        assert [silence.number for silence in reader.silences()] == [1, 2]
        assert reader.silences(LATER) == []


async def test_a_silence_is_active_from_its_beginning_to_its_end(store: Store):
    """It is active from `since` on, and at `until` no more."""
    await add(store)
    moments = (NOON - MINUTE, NOON, LATER - MINUTE, LATER)
    assert [await store.silences(moment) for moment in moments] == [[], [QUIET], [QUIET], []]


async def test_a_silence_can_be_ended_before_its_time(store: Store):
    """Ended it is over at once and its alarm is due; it stays in the list, and its number is not given again."""
    await add(store)
    ended = await store.end_silence(1, NOON + MINUTE)
    assert ended == Silence(1, QUIET.matchers, "Anne", "déménagement", NOON, NOON + MINUTE)
    assert (await store.silences(NOON + MINUTE), await store.silences()) == ([], [ended])
    assert await store.ringing(LATER, 9) == [Alarm("silence", "", "1", "", NOON + MINUTE)]
    assert (await add(store)).number == 2


async def test_what_is_over_is_not_ended_again(store: Store):
    """A silence that is over, or that there is none of, is not ended: nothing is armed for it."""
    await add(store)
    await store.commit(Plan(LATER, disarmed=(Alarm("silence", "", "1", "", LATER),)))
    assert await store.end_silence(1, LATER) is None
    assert await store.end_silence(2, NOON) is None
    assert await store.next_ring() is None
    assert await store.silences() == [QUIET]


# --------------------------------------------------------------------------------------------------------------- pauses


async def test_a_pause_that_was_asked_for_is_not_ended_by_a_start(store: Store, path: Path):
    """A start resumes what was refused; what an operator paused goes on when he says so."""
    await store.commit(owing(("a", "1")))
    await store.pause("crm", "holidays", NOON, asked=True)
    await store.pause("sales", "HTTP 401", NOON)
    await store.close()
    async with await Store.open(path) as again:
        assert [await again.resume(sink, asked_too=False) for sink in ("crm", "sales")] == [False, True]
        assert await again.paused() == {"crm": Pause(NOON, "holidays", asked=True)}
        assert await again.due("crm", LATER, 9) == []
        assert await again.resume("crm")
        assert len(await again.due("crm", LATER, 9)) == 1


async def test_a_refusal_does_not_take_over_what_was_asked_for(store: Store):
    """A sink that refuses a message while an operator has it paused stays paused by him, for his reason."""
    await store.commit(owing(("a", "1")))
    (delivery,) = await store.due("crm", NOON, 1)
    await store.pause("crm", "holidays", NOON, asked=True)
    await store.settle(delivery, Dead("HTTP 401", refused=True), LATER)
    assert await store.paused() == {"crm": Pause(NOON, "holidays", asked=True)}
    await store.pause("crm", "longer holidays", LATER, asked=True)
    assert await store.paused() == {"crm": Pause(NOON, "longer holidays", asked=True)}


async def test_what_was_refused_can_be_asked_for(store: Store):
    """An operator who pauses a sink that refused us takes it over: a start does not resume it any more."""
    await store.pause("crm", "HTTP 401", NOON)
    await store.pause("crm", "until they answer the phone", LATER, asked=True)
    assert not await store.resume("crm", asked_too=False)
    assert await store.paused() == {"crm": Pause(NOON, "until they answer the phone", asked=True)}


async def test_sources_are_paused_apart_from_sinks(store: Store, path: Path):
    """A source is paused until it is resumed; a sink of the same name is another thing."""
    name = str(LEADS)
    await store.pause_source(name, "they migrate", NOON)
    await store.pause_source("crm", "same name", NOON)
    await store.commit(owing(("a", "1")))
    assert len(await store.due("crm", LATER, 9)) == 1
    assert await store.paused() == {}
    expected = {name: Pause(NOON, "they migrate", asked=True), "crm": Pause(NOON, "same name", asked=True)}
    assert await store.paused_sources() == expected
    assert not await store.resume("crm")
    with Reader.open(path) as reader:
        assert (reader.paused(), reader.paused_sources()) == ({}, expected)
    assert await store.resume_source(name)
    assert not await store.resume_source(name)
    assert set(await store.paused_sources()) == {"crm"}


# ---------------------------------------------------------------------------------------------------------------- notes


async def test_a_note_is_kept_until_it_is_replaced(store: Store, path: Path):
    """What was remembered last is recalled, after a restart too; what was never is nothing."""
    assert await store.recall("rules") is None
    await store.remember("rules", "one")
    await store.remember("rules", "")
    await store.remember("other", "é\0\n'")
    await store.close()
    async with await Store.open(path) as again:
        assert [await again.recall(key) for key in ("rules", "other", "none")] == ["", "é\0\n'", None]


@pytest.mark.parametrize("key", ["clean", "privacy-key", "../clean", ""])
async def test_notes_do_not_touch_what_the_store_keeps(store: Store, key: str):
    """Under whatever name, a note neither shows nor changes the store's own."""
    secret = await store.privacy_key()
    assert await store.recall(key) is None
    await store.remember(key, "7")
    assert (await store.privacy_key(), await store.recall(key)) == (secret, "7")
    kept = await store._worker.run(lambda db: db.execute("SELECT value FROM meta WHERE key = 'clean'").fetchone())
    assert kept == ("0",)
