"""One source, read once: what is told, what is remembered, and what a bad answer does not touch."""

from datetime import UTC, datetime, timedelta

import pytest

from watcher.errors import Drifted, Permanent, Transient

BOOKED = {"status": "booked"}


async def test_the_first_poll_is_silent(purchases):
    """A baseline fills the snapshot and tells nobody; the next poll tells what changed since."""
    assert await purchases.poll(r1=BOOKED, r2=BOOKED) == []
    assert await purchases.poll(r1=BOOKED, r2={"status": "signed"}) == [("purchase-signed", "2")]
    assert await purchases.poll() == []


async def test_a_poll_that_brings_the_same_bytes_decodes_nothing(purchases):
    """What the snapshot knows is neither decoded nor compared."""
    await purchases.poll(r1=BOOKED, r2=BOOKED)
    await purchases.poll()
    assert purchases.seen.fresh == 0
    assert not purchases.seen.plan.versions
    assert not purchases.seen.plan.refreshed


async def test_the_same_record_in_other_bytes_is_no_event_and_known_the_next_time(purchases):
    """Reordered keys, another spelling of empty: compared once, told never, known by its bytes from then on."""
    await purchases.poll(r1={"status": "booked", "lead_id": 5})
    assert await purchases.poll(r1={"lead_id": "5", "status": "booked", "canceled_at": ""}) == []
    assert purchases.seen.fresh == 1
    await purchases.poll()
    assert purchases.seen.fresh == 0


async def test_a_baseline_can_tell_all_or_what_is_recent(world):
    """`emit` tells every record of the first poll, a date those created since, whatever was updated."""
    emit = world("apimo.leads", baseline="emit")
    assert await emit.poll(r1={"step": 1}) == [("new-lead", "1")]


async def test_a_dated_baseline_tells_what_was_created_since(world):
    """With a date as its baseline, only records created on that day or later are told."""
    dated = world("apimo.leads", baseline="2026-11-01")
    old, new = {"created_at": "2026-10-31 23:59:59"}, {"created_at": "2026-11-01 00:00:00"}
    assert await dated.poll(r1=old, r2=new) == [("new-lead", "2")]


async def test_a_failed_poll_leaves_everything_as_it_was(leads):
    """An error leaves cursor and snapshot; the wait doubles; the next good answer tells what changed meanwhile."""
    await leads.poll(r1={"step": 1})
    before = await leads.state()
    assert await leads.fails() == []
    assert (await leads.state()).cursor == before.cursor
    assert leads.seen.wait == timedelta(minutes=2)
    assert await leads.poll(r1={"step": 2}) == [("lead-step-changed", "1")]
    assert (await leads.state()).failures == 0


async def test_failing_is_told_once_and_so_is_its_end(purchases):
    """Two failures in a row are told, the third is not, and the first good answer ends it."""
    await purchases.poll(r1=BOOKED)
    assert await purchases.fails() == []
    assert await purchases.fails() == [("source-failing", "acc/adlead.purchases/1")]
    assert await purchases.fails() == []
    assert await purchases.poll() == [("source-recovered", "acc/adlead.purchases/1")]
    assert await purchases.poll() == []


async def test_a_refusal_is_told_at_once(purchases):
    """One 403 is enough, and the next try is a quarter of an hour later."""
    await purchases.poll(r1=BOOKED)
    refused = Permanent("HTTP 403", refused=True)
    assert await purchases.fails(refused) == [("source-failing", "acc/adlead.purchases/1")]
    assert purchases.seen.wait == timedelta(minutes=15)


async def test_a_list_that_is_not_where_it_was_is_drift(purchases):
    """A renamed list is told as drift, once, and never as an empty list."""
    await purchases.poll(r1=BOOKED)
    assert await purchases.fails(Drifted("there is no list 'data'")) == [("source-drifted", "acc/adlead.purchases/1")]
    assert await purchases.fails(Drifted("there is no list 'data'")) == []
    assert await purchases.poll() == [("source-recovered", "acc/adlead.purchases/1")]


async def test_gone_twice_and_404_is_removed(purchases):
    """A record missing from two complete reads, whose detail is gone too, is told as removed, once."""
    await purchases.poll(**{f"r{n}": BOOKED for n in range(5)})
    del purchases.source.records["3"]
    assert await purchases.poll() == []
    assert await purchases.poll() == [("purchase-removed", "3")]
    assert await purchases.poll() == []
    purchases.source.records["3"] = BOOKED
    assert await purchases.poll() == [("record-reappeared", "3")]


@pytest.mark.parametrize("detail", [BOOKED, Transient("HTTP 500"), Permanent("HTTP 403", refused=True)])
async def test_missing_from_the_list_but_not_gone_is_not_removed(purchases, detail):
    """While the detail is there, or cannot be asked, nobody is called removed."""
    await purchases.poll(**{f"r{n}": BOOKED for n in range(5)})
    del purchases.source.records["3"]
    purchases.source.detail["3"] = detail
    for _ in range(6):
        assert await purchases.poll() == []


async def test_a_doubtful_read_removes_nobody(purchases):
    """From reads that do not add up, nobody is missing, however often; what they bring is told."""
    await purchases.poll(**{f"r{n}": BOOKED for n in range(5)})
    purchases.source.complete = False
    del purchases.source.records["3"]
    for _ in range(4):
        assert await purchases.poll() == []
    purchases.source.records["1"] = {"status": "signed"}
    assert await purchases.poll() == [("purchase-signed", "1")]


async def test_many_gone_at_once_are_held(purchases):
    """An empty list after a hundred removes nobody: it is held and told once; the return of all forgets it."""
    many = {f"r{n}": BOOKED for n in range(100)}
    await purchases.poll(**many)
    all_of_them = purchases.source.records
    purchases.source.records = {}
    assert await purchases.poll() == []
    assert await purchases.poll() == [("removals-held", "acc/adlead.purchases/1")]
    assert await purchases.poll() == []
    purchases.source.records = all_of_them
    assert await purchases.poll() == [("removals-held", "acc/adlead.purchases/1")]  # it is over
    assert await purchases.poll() == []


async def test_one_unreadable_record_is_set_aside_and_the_others_go_on(purchases):
    """A record that cannot be read is reported once, the others are told, and nobody is called removed meanwhile."""
    await purchases.poll(r1=BOOKED, r2=BOOKED, r3=BOOKED, r4=BOOKED, r5=BOOKED)
    purchases.source.raw["2"] = b'{"id": 2, "status": NaN}'
    purchases.source.records["1"] = {"status": "signed"}
    del purchases.source.records["3"]
    told = await purchases.poll()
    assert told == [("purchase-signed", "1"), ("source-drifted", "acc/adlead.purchases/1")]
    assert await purchases.poll() == []
    assert await purchases.poll() == []
    purchases.source.raw.clear()
    assert await purchases.poll() == [("source-recovered", "acc/adlead.purchases/1")]


async def test_an_answer_of_which_nothing_can_be_read_is_a_failed_poll(purchases):
    """When no record can be read, nothing is believed."""
    await purchases.poll(r1=BOOKED)
    purchases.source.raw["1"] = b"[]"
    assert await purchases.poll() == []
    assert purchases.seen.error
    assert (await purchases.state()).failures == 1


async def test_a_type_that_changes_is_told_once_and_suspends_only_itself(purchases):
    """A price that becomes an object is drift; the status beside it is still told; the price's return ends it."""
    await purchases.poll(r1={"status": "booked", "price_including_vat": 100})
    told = await purchases.poll(r1={"status": "signed", "price_including_vat": {"eur": 100}})
    assert told == [("purchase-signed", "1"), ("source-drifted", "acc/adlead.purchases/1")]
    told = await purchases.poll(r1={"status": "signed", "price_including_vat": "100.00"})
    assert told == [("source-recovered", "acc/adlead.purchases/1")]


async def test_the_cursor_moves_with_the_commit_and_never_back(leads):
    """The vendor's own time is kept, the newest of all, and read from at the next poll."""
    leads.source.cursor = 500
    await leads.poll(r1={"step": 1})
    await leads.poll()
    assert leads.source.asked == [None, 500]
    leads.source.cursor = 400
    await leads.poll()
    leads.source.cursor = None
    await leads.poll()
    assert (await leads.state()).cursor == 500


async def test_a_cursor_source_is_read_in_full_once_a_day(leads):
    """After a day the whole list is asked for; a first absence has it asked for again five minutes later."""
    await leads.poll(**{f"r{n}": {"step": 1} for n in range(5)})
    await leads.poll(minutes=60)
    await leads.poll(minutes=24 * 60)
    assert leads.source.asked == [None, 100, None]
    del leads.source.records["3"]
    await leads.poll(minutes=24 * 60)
    assert await leads.poll(minutes=4) == []
    assert leads.source.asked[-1] == 100
    assert await leads.poll(minutes=1) == [("lead-removed", "3")]
    assert leads.source.asked[-1] is None


async def test_a_baseline_that_never_adds_up_is_taken_as_it_is(purchases):
    """A list that never adds up is silent for three reads, and told from then on."""
    purchases.source.complete = False
    assert await purchases.poll(r1=BOOKED) == []
    assert await purchases.poll(r1=BOOKED, r2=BOOKED) == []
    assert await purchases.poll() == []
    assert await purchases.poll(r1=BOOKED, r2=BOOKED, r3=BOOKED) == [("new-purchase", "3"), ("purchase-booked", "3")]


async def test_a_date_to_come_is_told_by_the_tick(world):
    """A future date is told on its Paris day, also when nothing is polled, and once."""
    contracts = world("apimo.contracts")
    await contracts.poll(r1={"contract_at": "2026-11-23"})
    assert await contracts.pass_time(hours=20) == []
    assert await contracts.pass_time(hours=15) == [("contract-signed", "1")]
    assert contracts.now > datetime(2026, 11, 22, 23, tzinfo=UTC)
    assert await contracts.pass_time(hours=48) == []
    assert await contracts.poll() == []


async def test_what_is_owed_is_committed_with_the_event(purchases):
    """One commit has the event and what is owed for it; the store gives it to the sink."""
    await purchases.poll(r1=BOOKED)
    await purchases.poll(r1={"status": "signed"})
    (owed,) = await purchases.store.due("sales", purchases.now, 10)
    assert owed.event.type == "purchase-signed"
    assert owed.event.sequence == 1


async def test_a_field_that_nobody_described_is_noted_and_no_event(purchases):
    """A new field of the vendor's is remembered by name, kept with the record, and told to nobody."""
    await purchases.poll(r1=BOOKED)
    assert await purchases.poll(r1={"status": "booked", "novelty": 5, "novelty_display": "cinq"}) == []
    assert (await purchases.state()).undescribed == ("novelty",)
    assert await purchases.poll(r1={"status": "booked", "novelty": 6}) == []
    assert (await purchases.store.versions(purchases.name, ["1"]))["1"].body["novelty"] == 6
