"""What is kept in memory is what the tables say."""

from __future__ import annotations

import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_samples import LEADS, NOON, OTHER, agrees, baseline, copied, reread, rich, version

from watcher.model import Page, Plan, SourceState, Version
from watcher.store.known import MOST_PAGES
from watcher.store.sqlite import Store


def pages(*names: str) -> dict[bytes, Page]:
    """Pages of these digests."""
    return {name.encode(): Page(frozenset((name,))) for name in names}


def only(*names: str) -> Plan:
    """A plan that changes no record, with these pages."""
    return Plan(NOON, LEADS, SourceState(cursor=1), pages=pages(*names))


async def test_known_has_the_records_that_are_present(store: Store):
    """Removed records have no fingerprint and no absences; the others have their last ones."""
    await store.commit(baseline())
    await store.known(LEADS)
    await store.commit(rich())
    known = copied(await store.known(LEADS))
    assert known.fingerprints == {b"1/2/": "1", b"3/1/other bytes": "3", b"4/1/": "4"}
    assert known.absent == {"1": 1}
    assert (await reread(store))[:2] == known[:2]


async def test_known_is_not_copied(store: Store):
    """Asking again gives the same mappings: it costs the same however many records there are."""
    await store.commit(baseline())
    first, second = await store.known(LEADS), await store.known(LEADS)
    assert all(one is other for one, other in zip(first, second, strict=True))


async def test_forgetting_reads_again(store: Store):
    """A source forgotten in memory is read from the tables again, without its pages."""
    await store.commit(baseline())
    await store.known(LEADS)
    await store.commit(only("a"))
    before = copied(await store.known(LEADS))
    store.forget(LEADS)
    store.forget(OTHER)
    assert copied(await store.known(LEADS)) == before._replace(pages={})


async def test_an_empty_fingerprint_is_known_by_nothing(store: Store):
    """A record whose bytes are to be read again is present, but no bytes lead to it; it can still be absent."""
    await store.commit(Plan(NOON, LEADS, versions=(version("1", fingerprint=b""), version("2", fingerprint=b""))))
    await store.known(LEADS)
    await store.commit(Plan(NOON, LEADS, absences={"2": 1}))
    assert copied(await store.known(LEADS))[:2] == ({}, {"2": 1})
    assert await agrees(store)


async def test_pages_gather_while_the_snapshot_stands(store: Store):
    """Plans that move no fingerprint, presence or absence add their pages to those there are."""
    await store.known(LEADS)
    await store.commit(baseline())
    await store.commit(only("a"))
    await store.commit(only("b"))
    same = Plan(NOON, LEADS, refreshed=(version("1"),), absences={"3": 1, "1": 0, "never": 2}, pages=pages("c"))
    await store.commit(same)
    assert (await store.known(LEADS)).pages == pages("a", "b", "c")


async def test_pages_go_when_the_snapshot_moves(store: Store):
    """A new version, other bytes, a removal, an absence counted or ended leave only the pages of their own plan."""
    await store.known(LEADS)
    await store.commit(baseline())
    moves = [
        Plan(NOON, LEADS, versions=(version("1", 2),)),
        Plan(NOON, LEADS, refreshed=(version("1", 2, "other"),)),
        Plan(NOON, LEADS, versions=(version("9"),)),
        Plan(NOON, LEADS, absences={"2": 1}),
        Plan(NOON, LEADS, absences={"2": 0}),
        Plan(NOON, LEADS, versions=(version("2", 2, removed=True),)),
    ]
    for number, move in enumerate(moves):
        await store.commit(only("old"))
        own = pages(f"own {number}")
        await store.commit(
            Plan(NOON, LEADS, versions=move.versions, refreshed=move.refreshed, absences=move.absences, pages=own)
        )
        assert (await store.known(LEADS)).pages == own
        assert await agrees(store)


async def test_pages_of_another_source_stay(store: Store):
    """A plan of one source leaves the pages of another alone."""
    for source in (LEADS, OTHER):
        await store.known(source)
        await store.commit(Plan(NOON, source, pages=pages("a")))
    await store.commit(Plan(NOON, OTHER, versions=(version("1"),)))
    assert (await store.known(LEADS)).pages == pages("a")
    assert (await store.known(OTHER)).pages == {}


async def test_only_the_most_recent_pages_are_kept(store: Store):
    """Pages are bounded; one that is met again is recent; a reading with more pages than that is kept whole."""
    await store.known(LEADS)
    names = [f"p{number}" for number in range(MOST_PAGES)]
    for name in names:
        await store.commit(only(name))
    await store.commit(only("p0"))
    await store.commit(only("new"))
    assert set((await store.known(LEADS)).pages) == set(pages(*names, "new")) - set(pages("p1"))
    many = [f"m{number}" for number in range(MOST_PAGES + 50)]
    for _ in range(2):
        await store.commit(only(*many))
        assert (await store.known(LEADS)).pages == pages(*many)


KEYS = st.sampled_from("abcd")
STEPS = st.one_of(
    st.tuples(st.just("version"), KEYS, st.booleans(), st.integers(0, 2)),
    st.tuples(st.just("refresh"), KEYS, st.text("xyz", max_size=1), st.integers(0, 2)),
    st.tuples(st.just("absence"), KEYS, st.none(), st.integers(0, 3)),
)


@given(
    st.lists(st.tuples(st.booleans(), st.booleans(), st.lists(STEPS, max_size=4)), max_size=8),
    st.integers(0, 8),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
async def test_memory_follows_any_plans(plans: list[tuple[bool, bool, list[tuple]]], first: int):
    """After any sequence of plans, failing ones too, what is known is what a freshly opened store knows."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "watcher.db"
        last: dict[str, Version] = {}
        async with await Store.open(path) as store:
            for number, (fails, forgets, steps) in enumerate(plans):
                if forgets:
                    store.forget(LEADS)
                if number >= first:
                    await store.known(LEADS)
                plan, after = made(steps, last)
                if fails:
                    await failed(store, plan)
                else:
                    await store.commit(plan)
                    last = after
            known = copied(await store.known(LEADS))
        async with await Store.open(path) as again:
            fresh = copied(await again.known(LEADS))
        assert known[:2] == fresh[:2]
        present = [v for v in last.values() if not v.removed]
        assert known.fingerprints == {v.fingerprint: v.key for v in present}
        assert known.absent == {v.key: v.absences for v in present if v.absences}


def made(steps: list[tuple], last: dict[str, Version]) -> tuple[Plan, dict[str, Version]]:
    """The plan of these steps, and the last versions after it, in the order in which a plan is applied."""
    after = dict(last)
    versions, refreshed, absences = [], [], {}
    for kind, key, extra, count in sorted(steps, key=lambda step: ["version", "refresh", "absence"].index(step[0])):
        old = after.get(key)
        if kind == "version":
            new = version(key, (old.version if old else 0) + 1, removed=extra, absences=count)
            versions.append(new)
        elif kind == "refresh" and old:
            new = version(key, old.version, extra, removed=old.removed, absences=count)
            refreshed.append(new)
        elif kind == "absence" and old:
            absences[key] = count
            new = version(key, old.version, old.fingerprint.decode().split("/")[2], removed=old.removed, absences=count)
        else:
            continue
        after[key] = new
    plan = Plan(NOON, LEADS, versions=tuple(versions), refreshed=tuple(refreshed), absences=absences)
    return plan, after


async def failed(store: Store, plan: Plan) -> None:
    """Commit the plan with something at its end that fails it."""
    broken = Plan(
        NOON, LEADS, versions=plan.versions, refreshed=plan.refreshed, absences=plan.absences, left=(("one",),)
    )
    with pytest.raises(sqlite3.ProgrammingError):
        await store.commit(broken)
