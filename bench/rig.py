"""A whole watcher in this process: a configuration as users write it, a real store, a real client, real rules."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from watcher.app import Core
from watcher.cli.common import configured, opened
from watcher.cli.run import GARBAGE
from watcher.poll import Look, Watch

NOON = datetime(2026, 11, 23, 11, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Setting:
    """What is configured: sources of a stream over accounts, rules to a webhook.

    Of the rules the first one takes every event, the others none, each after looking at the record.
    """

    stream: str = "leads"
    agencies: int = 1
    accounts: int = 1
    every: str = "60s"
    reconcile: str = "1s"
    rules: int = 1
    at_once: int = 4
    max_rate: str = "100000/s"
    rule: str = 'on = ["*"]'

    def text(self, url: str) -> str:
        """The configuration, over a vendor and a receiver at that URL."""
        share = -(-self.agencies // self.accounts)
        groups = [range(101 + n * share, 101 + min((n + 1) * share, self.agencies)) for n in range(self.accounts)]
        accounts = "".join(self._account(f"azur{n}", url, list(group)) for n, group in enumerate(groups))
        misses = "".join(
            f'[[rules]]\nname = "no {n}"\non = ["lead-*", "new-*"]\nwhen = "record.reference == \'{n}\'"\nto = ["crm"]\n'
            for n in range(1, self.rules)
        )
        return f"""
language = "en"
[state]
path = "watcher.db"
[status]
listen = ""
{accounts}
[sinks.crm]
type = "webhook"
url = "{url}/hook"
at_once = {self.at_once}
[operator]
to = []
{misses}
[[rules]]
name = "all"
{self.rule}
to = ["crm"]
flood = false
"""

    def _account(self, name: str, url: str, partitions: list[int]) -> str:
        if self.stream == "purchases":
            api = f'api = "adlead"\nbase_url = "{url}/v1"\ntenant = "client-a"\nkey = {{ file = "token" }}'
            partition, reconcile = "programs", ""
        else:
            api = f'api = "apimo"\nbase_url = "{url}"\nprovider = "9999"\ntoken = {{ file = "token" }}\nbudget = false'
            partition, reconcile = "agencies", f'reconcile = "{self.reconcile}"'
        return f"""
[accounts.{name}]
{api}
max_rate = "{self.max_rate}"
[[sources]]
account = "{name}"
stream = "{self.stream}"
{partition} = {partitions}
every = "{self.every}"
{reconcile}
"""


def written(directory: Path, setting: Setting, url: str) -> Path:
    """Write the configuration into a directory; return its path."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "token").write_text("secret-of-the-bench\n")
    path = directory / "config.toml"
    path.write_text(setting.text(url))
    return path


class Rig:
    """The parts of one configuration, polled by hand; the clock goes a minute forward with every poll."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.now = NOON
        core.clock = lambda: self.now
        self.watches: list[Watch] = list(core.parts.watches.values())

    async def poll(self, number: int = 0) -> Look:
        """Poll one source and commit; raises RuntimeError when the read failed."""
        self.now += timedelta(minutes=1)
        seen = await self.core.poll(self.watches[number])
        if seen.error:
            raise RuntimeError(f"not polled: {seen.error}")
        return seen

    async def poll_all(self) -> int:
        """Poll every source, one after the other; return how many changes they had."""
        return sum([(await self.poll(number)).changes for number in range(len(self.watches))])


@asynccontextmanager
async def rigged(directory: Path, setting: Setting, url: str) -> AsyncIterator[Rig]:
    """A whole watcher in a directory, for as long as the block lasts; garbage is looked for as seldom as in the daemon."""
    gc.set_threshold(*GARBAGE)
    async with opened(configured(str(written(directory, setting, url)))) as core:
        yield Rig(core)
