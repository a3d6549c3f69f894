"""A site: a configuration in a directory of its own, simulated vendors, and the commands run on it as people do."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import warm
from canaries import secretless

from watcher.control import ask
from watcher.simulator import Simulator

TOKEN, KEY = "apimo-token-not-to-be-told", "adlead-key-not-to-be-told"
SECRETS = {"APIMO_TOKEN": TOKEN, "ADLEAD_API_KEY": KEY}
DEADLINE = 30.0

CONFIG = """
language = "en"

[accounts.azur]
api      = "apimo"
base_url = "{url}"
provider = "9999"
token    = {{ env = "APIMO_TOKEN" }}
budget   = {budget}

[accounts.riviera]
api      = "adlead"
base_url = "{url}/v1"
tenant   = "client-a"
key      = {{ env = "ADLEAD_API_KEY" }}

[[sources]]
account  = "azur"
stream   = "leads"
agencies = [101]
every    = "{every}"

[[sources]]
account  = "azur"
stream   = "contracts"
agencies = [101]
every    = "{every}"

[[sources]]
account  = "riviera"
stream   = "purchases"
programs = [1]
every    = "{every}"

[sinks.log]
type = "file"
path = "told.jsonl"

[operator]
to = ["log"]

[status]
listen = ""

[[rules]]
name = "everything"
on   = ["*"]
to   = ["log"]
"""

CRM = """
[sinks.crm]
type = "webhook"
url  = "{url}"

[[rules]]
name = "new leads"
on   = ["new-lead"]
to   = ["crm"]
"""

SOURCES = ("azur/apimo.leads/101", "azur/apimo.contracts/101", "riviera/adlead.purchases/1")


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, decoded."""
        return json.loads(self.out)


@dataclass
class Site:
    """A directory with a configuration; `world` is what is upstream."""

    directory: Path
    simulator: Simulator
    environ: Mapping[str, str] = field(default_factory=lambda: {**os.environ, **SECRETS})

    @property
    def world(self) -> Any:
        """What the vendors' systems hold."""
        return self.simulator.world

    @property
    def config(self) -> Path:
        """The configuration's file."""
        return self.directory / "config.toml"

    @property
    def store(self) -> Path:
        """The store's file."""
        return self.directory / "watcher.db"

    def write(self, *more: str, every: str = "1h", budget: str = "false") -> None:
        """Write the configuration: the usual one, and more at its end."""
        text = CONFIG.format(url=self.simulator.url, every=every, budget=budget)
        self.config.write_text("\n".join([text, *more]), encoding="utf-8")

    def told(self) -> list[Any]:
        """The events that the file sink has."""
        path = self.directory / "told.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    async def start(self, *args: str, **environ: str) -> asyncio.subprocess.Process:
        """Start a command, with an interpreter of its own."""
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "watcher",
            *args,
            cwd=self.directory,
            env={**self.environ, **environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def run(self, *args: str, **environ: str) -> Ended:
        """Run a command to its end."""
        return Ended(*await warm.command(args, self.directory, {**self.environ, **environ}, DEADLINE))

    async def ask(self, name: str, **arguments: Any) -> dict[str, Any]:
        """Ask the daemon at its socket, as the commands do."""
        return await ask(self.directory / "watcher.sock", name, arguments)

    @asynccontextmanager
    async def daemon(self) -> AsyncIterator[asyncio.subprocess.Process]:
        """The daemon, from when it answers until it is told to stop."""
        process = await self.start("run")
        try:
            await until(lambda: (self.directory / "watcher.sock").exists() or process.returncode is not None)
            yield process
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            await ended(process)


async def ended(process: asyncio.subprocess.Process) -> Ended:
    """Wait for the end of a command."""
    try:
        async with asyncio.timeout(DEADLINE):
            out, err = await process.communicate()
    except TimeoutError:
        process.kill()
        out, err = await process.communicate()
        raise AssertionError(f"it did not end: {out.decode()}{err.decode()}") from None
    return Ended(process.returncode or 0, secretless(out.decode()), secretless(err.decode()))


async def until(condition: Callable[[], object]) -> None:
    """Wait for a condition, with a deadline."""
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110 - what other processes do rings no bell here
            await asyncio.sleep(0.02)


def simulated(**settings: Any) -> Simulator:
    """Vendors where nothing happens by itself, and without limits."""
    quiet = {"life": False, "apimo_rate": None, "apimo_daily": None, "adlead_rate": None, "token": TOKEN, "key": KEY}
    return Simulator(**{**quiet, **settings})


def populate(site: Site) -> None:
    """One lead, one contract whose deed is planned, one purchase that waits for a loan."""
    site.world.make("leads", 101, {"id": 1, "lastname": "FRIN", "firstname": "Marc"})
    site.world.make("contracts", 101, {"id": 2, "contract_at": None})
    site.world.make("purchases", 1, {"id": 4, "status": "awaiting-funding"})


def happen(site: Site) -> None:
    """A new lead, a signed contract, a canceled purchase."""
    site.world.make("leads", 101, {"id": 3, "lastname": "PETIT", "firstname": "Anne"})
    site.world.patch("contracts", 101, 2, {"contract_at": "2026-11-20 10:00:00"})
    site.world.patch("purchases", 1, 4, {"status": "canceled", "canceled_at": "2026-11-20T09:00:00.000000Z"})


def call_json(call: Callable[..., Any], *args: str, code: int = 0) -> Any:
    """What a command prints with --json, decoded."""
    done = call(*args, "--json")
    assert done.exit_code == code, done.output
    return json.loads(done.stdout)
