"""The store is lost and a copy of it put back: what came since is told again, with the same ids, and nothing else is."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from restored_world import Town

from watcher.model import Event, RetryAt


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    """A town whose lists have been read: 300 leads and 300 purchases, of which nobody was told."""
    made = await Town.found(tmp_path)
    for number in range(1, 301):
        made.leads.records[str(number)] = {"step": 1, "type": 1, "message": "Bonjour"}
        made.purchases.records[str(number)] = {"status": "booked", "lead_id": number}
    assert await made.poll() == []
    yield made
    await made.store.close()


def happen(town: Town) -> None:
    """What happens after the copy: new ones, changed ones, milestones, removed ones, and what is no news."""
    leads, purchases = town.leads.records, town.purchases.records
    for number in range(301, 321):
        leads[str(number)] = {"step": 1, "type": 1, "message": "Bonsoir"}
    for number in range(1, 31):
        leads[str(number)] = {**leads[str(number)], "step": 2}
    for number in range(1, 11):
        purchases[str(number)] = {**purchases[str(number)], "status": "signed"}
    for number in range(11, 16):
        purchases[str(number)] = {**purchases[str(number)], "status": "canceled"}
    del leads["300"], purchases["300"]
    leads["299"] = {**leads["299"], "updated_at": "2026-11-21 12:00:00"}


def named(events: list[Event]) -> Counter[tuple[str, str, str]]:
    """Events by id, type and what they are about."""
    return Counter((event.id, event.type, event.record) for event in events)


async def test_what_changed_since_the_copy_is_told_again_with_the_same_ids(town: Town):
    """After a restore the next polls tell exactly what was told since the copy, by the same ids: no flood, no baseline."""
    town.copy()
    happen(town)
    before = named(await town.poll(rounds=6))
    assert Counter(kind for _, kind, _ in before) == {
        "new-lead": 20,
        "lead-step-changed": 30,
        "purchase-signed": 10,
        "purchase-canceled": 5,
        "lead-removed": 1,
        "purchase-removed": 1,
    }
    baselined = (await town.store.state(town.leads.name)).baselined_at
    await town.lose()
    assert named(await town.poll(rounds=6)) == before
    assert await town.poll(rounds=6) == []
    assert (await town.store.state(town.leads.name)).baselined_at == baselined


async def test_what_was_not_known_since_the_copy_is_told_once(town: Town):
    """What happened while there was no store is told with the rest, and a change that was undone meanwhile is not."""
    town.copy()
    town.leads.records["7"] = {**town.leads.records["7"], "step": 2}
    assert len(await town.poll()) == 1
    await town.lose()
    town.leads.records["7"] = {**town.leads.records["7"], "step": 1}
    town.leads.records["8"] = {**town.leads.records["8"], "step": 2}
    assert [event.record for event in await town.poll(rounds=6)] == ["/acc/apimo.leads/1#8"]


async def test_what_was_owed_at_the_copy_is_sent_with_its_ids(town: Town):
    """What was owed then is owed again, with its ids, its order and its tries; what had been delivered then is not."""
    happen(town)
    await town.poll(rounds=6)
    assert len(await town.deliver("log")) == 67
    assert len(await town.deliver("crm", 20)) == 20
    (first,) = await town.store.due("crm", town.now, 1)
    await town.store.settle(first, RetryAt(town.now, "HTTP 500", note="half of them"), town.now)
    town.copy()
    sent = [(one.event.id, one.number, one.attempts, one.note) for one in await town.deliver("crm")]
    assert (len(sent), (first.event.id, first.number, 1, "half of them") in sent) == (47, True)
    await town.lose()
    assert await town.poll(rounds=6) == []
    again = [(one.event.id, one.number, one.attempts, one.note) for one in await town.deliver("crm")]
    assert again == sent
    assert await town.deliver("log") == []
    assert await town.store.owed_counts() == {}


async def test_a_copy_made_while_polls_go_on_is_as_good(town: Town):
    """A copy made in the middle of it all goes on from its moment: told with it and told after it is all, with one id each."""
    happen(town)
    told = await town.poll()
    town.copy()
    told += await town.poll(rounds=6)
    with_copy = named(told)
    await town.lose()
    kept = {one.event.id for one in await town.deliver("log")}
    after = {event.id for event in await town.poll(rounds=6)}
    assert kept | after == {name for name, _, _ in with_copy}
    assert not kept & after
    assert max(with_copy.values()) == 1
