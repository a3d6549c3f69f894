"""Adlead, as a client sees it."""

import pytest

WRONG_KEY = {"success": False, "message": "La clé API fournie n'est pas valide.", "data": None, "errors": None}


def fill(client, count: int) -> None:
    """Put so many purchases into the first programme."""
    for n in range(count):
        client.sim.world.put("purchases", 1, {"id": n + 1, "status": "booked"})


async def test_a_wrong_key_is_403_in_french(client):
    """A wrong key is 403, not 401, with the body that clients have seen."""
    reply = await client.purchases(key="wrong")
    assert reply.status == 403
    assert reply.json == WRONG_KEY
    assert b"cl\\u00e9 API" in reply.body


async def test_a_key_is_of_one_tenant(client):
    """The key of one tenant does not open another."""
    assert (await client.adlead(tenant="client-b")).status == 403


async def test_a_tenant_answers_for_itself(client):
    """The tenant's own address says who it is."""
    assert (await client.adlead()).json["data"]["tenant"]["key"] == "client-a"


@pytest.mark.parametrize(
    "path", ["/programs/9/purchases", "/programs/1/purchases/999", "/programs/9/purchases/1", "/lots"]
)
async def test_unknown_is_404(client, path):
    """A programme, purchase or path that is not there is Laravel's 404 in Adlead's envelope."""
    reply = await client.adlead(path)
    assert reply.status == 404
    assert list(reply.json) == ["success", "message", "data", "errors"]
    assert reply.json["success"] is False


async def test_a_method_that_is_not_there_is_405(client):
    """Purchases are read-only."""
    assert (await client.adlead("/programs/1/purchases", method="POST")).status == 405


async def test_a_list_is_the_sample(client, sample):
    """The documented purchase put in comes out in the documented answer, key for key."""
    documented = sample("adlead-purchases")
    client.sim.world.put("purchases", 1, documented["data"][0])
    body = (await client.purchases()).json
    address = f"{client.sim.url}/v1/client-a/programs/1/purchases"
    old = documented["meta"]["path"]
    expected = {
        **documented,
        "links": {name: url and url.replace(old, address) for name, url in documented["links"].items()},
        "meta": {**documented["meta"], "path": address, "to": 1, "total": 1},
    }
    for link in expected["meta"]["links"]:
        link["url"] = link["url"] and link["url"].replace(old, address)
    assert body == expected


async def test_a_detail_is_the_sample(client, sample):
    """The detail of a purchase is its list item in the documented envelope."""
    documented = sample("adlead-purchase")
    client.sim.world.put("purchases", 1, documented["data"])
    assert (await client.adlead("/programs/1/purchases/4")).json == documented


async def test_a_purchase_is_of_one_programme(client):
    """A purchase is not found under another programme."""
    fill(client, 1)
    assert (await client.adlead("/programs/2/purchases/1")).status == 404


@pytest.mark.parametrize(
    ("query", "per_page", "count"),
    [
        ({}, 50, 50),
        ({"per_page": 100}, 100, 100),
        ({"per_page": 1000}, 100, 100),
        ({"per_page": 0}, 1, 1),
        ({"per_page": "x"}, 50, 50),
    ],
)
async def test_per_page_is_from_1_to_100(client, query, per_page, count):
    """per_page is 50 by default and kept within 1 and 100; meta says what was taken."""
    fill(client, 120)
    body = (await client.purchases(**query)).json
    assert body["meta"]["per_page"] == per_page
    assert len(body["data"]) == count


async def test_a_walk_brings_everything_once(client):
    """Pages put together are the programme, by id."""
    fill(client, 120)
    pages = [(await client.purchases(page=n, per_page=50)).json for n in (1, 2, 3)]
    assert [row["id"] for page in pages for row in page["data"]] == list(range(1, 121))
    assert [(page["meta"]["from"], page["meta"]["to"]) for page in pages] == [(1, 50), (51, 100), (101, 120)]
    assert {page["meta"]["last_page"] for page in pages} == {3}


async def test_next_forgets_per_page(client):
    """links.next is http and carries the page alone: whoever follows it falls back to 50."""
    fill(client, 120)
    links = (await client.purchases(per_page=100)).json["links"]
    assert links["next"].startswith("http://")
    assert links["next"].endswith("/purchases?page=2")


async def test_a_page_beyond_the_last_is_empty(client):
    """A page that is not there is 200 and empty, with from and to null and no next."""
    fill(client, 3)
    body = (await client.purchases(page=7)).json
    assert body["data"] == []
    meta = body["meta"]
    assert (meta["current_page"], meta["from"], meta["to"], meta["last_page"], meta["total"]) == (7, None, None, 1, 3)
    assert body["links"]["next"] is None
    assert body["links"]["prev"].endswith("?page=6")


async def test_an_empty_programme_has_one_page(client):
    """Nothing is one page of nothing."""
    meta = (await client.purchases()).json["meta"]
    assert (meta["last_page"], meta["from"], meta["total"]) == (1, None, 0)


@pytest.mark.parametrize("page", ["0", "-1", "abc", ""])
async def test_a_page_that_is_none_is_the_first(client, page):
    """Laravel takes what is no page for the first one."""
    fill(client, 3)
    assert (await client.purchases(page=page)).json["meta"]["current_page"] == 1


@pytest.mark.parametrize(
    ("page", "last", "labels"),
    [
        (1, 3, "1 2 3"),
        (1, 20, "1 2 3 4 5 6 7 8 9 10 ... 19 20"),
        (10, 20, "1 2 ... 7 8 9 10 11 12 13 ... 19 20"),
        (20, 20, "1 2 ... 11 12 13 14 15 16 17 18 19 20"),
    ],
)
async def test_page_buttons_are_laravel_s(client, page, last, labels):
    """meta.links is the window of page buttons between Previous and Next."""
    fill(client, last)
    links = (await client.purchases(page=page, per_page=1)).json["meta"]["links"]
    assert [link["label"] for link in links] == ["« Previous", *labels.split(), "Next »"]
    assert [link["label"] for link in links if link["active"]] == [str(page)]


async def test_sixty_requests_a_minute(serve, clock):
    """Each answer counts down; the sixty-first request is 429 with Laravel's headers and a French message."""
    client = await serve(clock=clock, adlead_rate=60)
    first = await client.purchases()
    assert (first.headers["X-RateLimit-Limit"], first.headers["X-RateLimit-Remaining"]) == ("60", "59")
    for _ in range(59):
        last = await client.purchases()
    assert last.headers["X-RateLimit-Remaining"] == "0"
    clock.now += 20
    refused = await client.purchases()
    assert refused.status == 429
    assert refused.headers["Retry-After"] == "40"
    assert int(refused.headers["X-RateLimit-Reset"]) > 1_700_000_000
    assert refused.json["success"] is False
    assert "dans 40 seconde(s)" in refused.json["message"]


async def test_the_window_is_fixed(serve, clock):
    """The minute runs from its first request: at its end the whole budget is back."""
    client = await serve(clock=clock, adlead_rate=2)
    await client.purchases()
    clock.now += 59
    await client.purchases()
    assert (await client.purchases()).status == 429
    clock.now += 1
    assert [(await client.purchases()).status for _ in range(3)] == [200, 200, 429]


@pytest.mark.parametrize(("order", "ids"), [("id", [1, 2, 3]), ("-id", [3, 2, 1])])
async def test_the_order_can_be_chosen(serve, order, ids):
    """Nobody knows Adlead's order, so all can be tried."""
    client = await serve(order=order)
    fill(client, 3)
    assert [row["id"] for row in (await client.purchases()).json["data"]] == ids
