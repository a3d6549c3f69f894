"""A person whom the vendor has erased is not told of in clear, and goes from what is stored."""

from privacy_world import OTHER, PERSON, World, gives_away

from watcher.model import Delivered
from watcher.store.read import Reader
from watcher.streams.canonical import shown

ERASED = dict.fromkeys(PERSON)


async def stored(world, path):
    """All versions and events."""
    with Reader.open(path) as reader:
        versions = [version.body for version in reader.history(world.source.name, "1")]
    return versions, [event.data for event in await world.events()]


async def test_an_erasure_upstream_shows_stars_and_empties_what_was_before(leads: World, path):
    """Name and e-mail turn null: told as *** -> null; older versions and events no longer have the person."""
    await leads.poll(r9=OTHER)
    await leads.poll(r9=OTHER, r1=PERSON)
    await leads.deliver(Delivered("created Zéphyrine Quenouillet"))
    (event,) = await leads.poll(r9=OTHER, r1=ERASED)
    assert event.type == "lead-updated"
    assert event.data["changes"] == {name: {"from": "***", "to": None} for name in PERSON}
    assert gives_away(await stored(leads, path)) == []
    with Reader.open(path) as reader:
        assert [row.answer for row in reader.deliveries(event=(await leads.events())[0].id)] == [""]


async def test_what_is_left_of_an_erased_person_changes_without_its_old_value(leads: World):
    """The number that the vendor overwrites together with the name is not shown either."""
    await leads.poll(r1=PERSON)
    (event,) = await leads.poll(r1={**ERASED, "phone": "0000000000"})
    assert event.data["changes"]["phone"] == {"from": "***", "to": "0000000000"}


async def test_an_emptied_field_is_no_erasure_of_the_person(leads: World, path):
    """A message that an agent empties is not shown; the name stays in the history."""
    await leads.poll(r1=PERSON)
    (event,) = await leads.poll(r1={**PERSON, "message": ""})
    assert event.data["changes"] == {"message": {"from": "***", "to": None}}
    versions, _ = await stored(leads, path)
    assert versions[0]["lastname"] == PERSON["lastname"]


async def test_one_buyer_of_two_can_be_erased(purchases: World, path):
    """What is known of the other stays."""
    buyer = {"id": 11, "name": "Quenouillet", "firstname": "Zéphyrine"}
    other = {"id": 12, "name": "Frin", "firstname": "Marc"}
    await purchases.poll(r1={"contacts": [buyer, other], "status": "booked"})
    (event,) = await purchases.poll(
        r1={"contacts": [{"id": 11, "name": None, "firstname": ""}, other], "status": "booked"}
    )
    assert event.data["changes"]["contacts[11].name"] == {"from": "***", "to": None}
    versions, events = await stored(purchases, path)
    assert gives_away((versions, events)) == []
    assert shown(versions[0])["contacts"][1]["name"] == "Frin"


async def test_a_field_that_turns_empty_in_very_many_records_is_hidden_and_not_erased(leads: World):
    """A right that was taken away erases nobody: the last known values stand."""
    await leads.poll(**{f"r{number}": PERSON for number in range(1, 31)})
    assert [event.type for event in await leads.poll(**{f"r{n}": {**PERSON, **ERASED} for n in range(1, 31)})] == [
        "source-drifted"
    ]
    assert (await leads.record()).body["lastname"] == PERSON["lastname"]
