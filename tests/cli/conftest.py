"""A site with simulated vendors, and one that has a story to read."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cli_site import CRM, SECRETS, Site, happen, populate, simulated
from click.testing import CliRunner, Result

from watcher.cli import watcher


@asynccontextmanager
async def alone(_site: Site) -> AsyncIterator[None]:
    """No daemon: the command takes the lock itself."""
    yield


@asynccontextmanager
async def accompanied(site: Site) -> AsyncIterator[None]:
    """A daemon has the store: the command asks it."""
    async with site.daemon():
        yield


@pytest.fixture(params=[alone, accompanied])
def company(request: Any) -> Callable[[Site], AbstractAsyncContextManager[None]]:
    """With a daemon and without one, commands do the same."""
    return request.param


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """A site with one record of each kind, not read yet."""
    async with simulated() as simulator:
        here = Site(tmp_path, simulator)
        populate(here)
        here.write()
        yield here


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site to read from: read twice, with a sink `crm` that turned the new lead away. Nobody may change it."""
    directory = tmp_path_factory.mktemp("story")

    async def build() -> Site:
        async with simulated() as simulator:
            here = Site(directory, simulator)
            populate(here)
            here.write(CRM.format(url=f"{simulator.url}/nobody/takes/this"), budget='"1000/day"')
            assert (await here.run("run", "--once")).code == 0
            happen(here)
            await here.run("run", "--once")
        return here

    return asyncio.run(build())


Call = Callable[..., Result]


@pytest.fixture
def call(story: Site, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Call a command that reads, in this process."""
    monkeypatch.chdir(story.directory)
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    return lambda *args: CliRunner().invoke(watcher, list(args), prog_name="watcher")
