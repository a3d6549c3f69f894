"""The simulator as a whole."""

import ast
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

import watcher.simulator
from watcher.simulator import Simulator


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com", ""])
async def test_only_loopback_is_served(host):
    """An address that others could reach is refused, in words."""
    with pytest.raises(ValueError, match="not a loopback address"):
        await Simulator().start(host)


async def test_localhost_is_loopback():
    """The name localhost is taken for 127.0.0.1, and a free port for 0."""
    sim = Simulator(life=False)
    await sim.start("localhost")
    try:
        assert sim.url.startswith("http://127.0.0.1:")
        assert not sim.url.endswith(":0")
    finally:
        await sim.stop()


async def test_an_address_comes_with_the_start():
    """There is no address before the start and after the stop, and no second start."""
    sim = Simulator(life=False)
    with pytest.raises(RuntimeError, match="started"):
        _ = sim.url
    async with sim:
        assert sim.url
        with pytest.raises(RuntimeError, match="already"):
            await sim.start()
    with pytest.raises(RuntimeError, match="started"):
        _ = sim.url


async def test_a_port_that_is_taken_is_told():
    """A taken port is an OSError, and the simulator can be started elsewhere."""
    async with Simulator(life=False) as first:
        second = Simulator(life=False)
        with pytest.raises(OSError, match="address already in use"):
            await second.start(port=int(first.url.rpartition(":")[2]))
        async with second:
            assert second.url != first.url


async def test_life_goes_on_by_itself(serve, until):
    """Things happen while nobody asks, at the pace that was set, and the listener hears of them."""
    heard = []
    client = await serve(life=True, activity=36_000, on_happening=heard.append, opening=True)
    await until(lambda: len(heard) >= 6)
    assert heard[: len(client.sim.happenings)] == client.sim.happenings[: len(heard)]
    assert {"lead-arrived", "contract-signed", "purchase-canceled"} <= {one.what for one in heard[:6]}


async def test_the_same_seed_serves_the_same_life(serve, clock):
    """What happens does not depend on when one looks."""
    often, once = [await serve(life=True, seed=5, opening=True, clock=clock) for _ in range(2)]
    for _ in range(10):
        clock.now += 6
        await often.apimo("/agencies")
    await once.apimo("/agencies")
    assert often.sim.happenings == once.sim.happenings
    assert often.sim.world.records("leads", 101) == once.sim.world.records("leads", 101)


async def test_time_runs_at_its_speed(serve, clock):
    """Virtual time is real time, so many times."""
    client = await serve(speed=60, clock=clock)
    before = client.sim.world.now
    clock.now += 2
    await client.apimo("/agencies")
    assert client.sim.world.now - before == timedelta(minutes=2)


async def test_time_begins_now():
    """Without a start, virtual time is the present."""
    assert abs(Simulator().world.now - datetime.now(UTC)) < timedelta(seconds=5)


async def test_a_waking_life_is_not_swamped(serve, clock):
    """After a pause too long to make up for, requests are answered all the same."""
    client = await serve(life=True, activity=720, clock=clock)
    clock.now += 30 * 86_400
    assert (await client.apimo("/agencies")).status == 200
    assert len(client.sim.happenings) >= 100


async def test_a_history_is_served(serve):
    """A simulator begins with the history that was asked for."""
    client = await serve(prefill={"leads": 20, "purchases": 10})
    totals = [(await client.apimo(f"/agencies/{agency}/leads")).json["total_items"] for agency in (101, 102)]
    assert sum(totals) == 20
    assert sum([(await client.purchases(program)).json["meta"]["total"] for program in (1, 2)]) == 10


async def test_the_world_can_change_between_two_pages(serve):
    """`on_answer` comes after an answer is made, so a walk can meet a change at an exact place."""

    def change(asked):
        if asked.query == "page=1&per_page=2":
            client.sim.world.remove("purchases", 1, 1)

    client = await serve(on_answer=change)
    for n in range(4):
        client.sim.world.put("purchases", 1, {"id": n + 1})
    pages = [(await client.purchases(page=n, per_page=2)).json for n in (1, 2)]
    assert [[row["id"] for row in page["data"]] for page in pages] == [[1, 2], [4]]
    assert [page["meta"]["total"] for page in pages] == [4, 3]


async def test_an_order_that_is_none_is_refused(serve):
    """An unknown order is told at once."""
    with pytest.raises(ValueError, match="no order"):
        Simulator(order="random")


async def test_nothing_is_served_after_the_stop():
    """A stopped simulator has let go of its port."""
    async with Simulator(life=False) as sim:
        url = sim.url
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get(url)


def test_it_stands_alone():
    """Nothing of the simulator imports the rest of watcher: it imitates the vendors, not our reading of them."""
    for path in Path(watcher.simulator.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        modules = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        modules += [name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names]
        ours = [name for name in modules if name.split(".")[0] == "watcher"]
        assert all(name.startswith("watcher.simulator") for name in ours), path
