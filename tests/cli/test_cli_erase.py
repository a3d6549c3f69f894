"""`erase` as people use it: with a daemon and without one, asked first, and by mistake."""


async def known(site):
    """What `show` says of the lead."""
    return (await site.run("show", "apimo.leads/1")).out


async def test_a_person_is_erased_and_nothing_is_told_of_it(site, company):
    """With a daemon and without one: a receipt, no name left, and a poll of what the vendor still has is silent."""
    await site.run("run", "--once")
    assert "FRIN" in await known(site)
    async with company(site):
        receipt = (await site.run("erase", "--record", "apimo.leads/1", "--yes", "--json")).json
        assert [one["record"] for one in receipt["records"]] == ["azur/apimo.leads/101/1"]
        assert receipt["rows"]["records"] == 1
        polled = (await site.run("poll", "azur/apimo.leads/101", "--json")).json
    assert polled["events"] == []
    assert "FRIN" not in await known(site)
    assert b"FRIN" not in site.store.read_bytes()
    (kept,) = (await site.run("erase", "--receipts", "--json")).json
    assert kept["number"] == receipt["number"]


async def test_it_shows_what_there_is_and_changes_nothing(site):
    """`--dry-run --json` is the answer to a person who asks what is stored."""
    await site.run("run", "--once")
    shown = (await site.run("erase", "--record", "apimo.leads/1", "--dry-run", "--json")).json
    assert "FRIN" in str(shown["known"])
    assert "FRIN" in await known(site)
    assert (await site.run("erase", "--receipts", "--json")).json == []


async def test_nobody_is_erased_unasked(site):
    """Where nobody can be asked, --yes has to be said; and a person has to be named."""
    await site.run("run", "--once")
    refused = await site.run("erase", "--record", "apimo.leads/1")
    assert (refused.code, "say --yes" in refused.err) == (64, True)
    assert (await site.run("erase")).code == 64
    assert (await site.run("erase", "--email", "nobody", "--yes")).code == 1
    assert "FRIN" in await known(site)


async def test_once_keeps_house(site):
    """Whoever runs it from cron has old personal data let go of, too."""
    site.world.patch("leads", 101, 1, {"closed": "2020-01-01 10:00:00"})
    site.write('[retention]\n"apimo.leads" = "1ms"\n')
    await site.run("run", "--once")
    assert "FRIN" not in await known(site)
