"""A configuration to try: its file, its rules, and the cases that are played on it."""

import asyncio
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from watcher.cli.common import configured
from watcher.model import SourceName
from watcher.rehearsal.casefile import read_cases
from watcher.rehearsal.cases import play
from watcher.rehearsal.records import fresh
from watcher.rehearsal.stage import Cast, Stage
from watcher.rehearsal.verdicts import Judged, judged
from watcher.sinks import sink_types
from watcher.store import Store
from watcher.streams import STREAMS

SITE = """
language = "en"

[accounts.azur]
api      = "apimo"
provider = 9999
token    = { credential = "a-token-that-nobody-has" }

[accounts.riviera]
api    = "adlead"
tenant = "client-a"
key    = { env = "A_KEY_THAT_NOBODY_HAS" }

[[sources]]
account  = "azur"
stream   = "leads"
agencies = [101, 102]

[[sources]]
account  = "azur"
stream   = "contracts"
agencies = [101]

[[sources]]
account  = "riviera"
stream   = "purchases"
programs = [1]

[sinks.sales]
type = "slack"
url  = { credential = "slack-that-nobody-has" }

[sinks.direction]
type = "email"
host = "smtp.example.fr"
from = "Watcher <watcher@example.fr>"
to   = ["direction@example.fr"]

[sinks.crm]
type   = "webhook"
url    = "https://crm.example.fr/hook"
secret = { credential = "whsec-that-nobody-has" }

[operator]
to = ["direction"]
"""

LEADS = """
[[rules]]
name = "hot leads"
on   = ["new-lead"]
when = "not record.parent and record.lastname"
to   = ["sales"]
"""

UNANSWERED = """
[[rules]]
name   = "unanswered"
on     = ["new-lead"]
after  = "15m"
unless = "record.opened"
hours  = "Mon-Sat 09:00-19:00"
to     = ["sales"]
"""

NEWS = """
[[rules]]
name   = "news"
on     = ["lead-updated"]
to     = ["direction"]
"""

OPTIONS = """
[[rules]]
name   = "options"
on     = ["purchases"]
before = "24h"
of     = "option_expires_at"
to     = ["sales"]
"""

ONE_LEAD = """
[[cases]]
name  = "a lead"
[[cases.given]]
at      = "2026-11-21 12:00"
records = [{ id = 1, lastname = "FRIN" }]
[cases.expect]
"""


@dataclass
class Site:
    """A directory with a configuration; `rules` are appended to it."""

    directory: Path

    def write(self, *rules: str) -> None:
        """Write the configuration with these rules."""
        (self.directory / "config.toml").write_text("\n".join([SITE, *rules]), encoding="utf-8")

    def cases(self, text: str, name: str = "rules.test.toml") -> Path:
        """Write a file of cases."""
        path = self.directory / name
        path.write_text(text, encoding="utf-8")
        return path

    def play(self, text: str, name: str = "rules.test.toml") -> list[Judged]:
        """Play the cases of a file."""
        config = configured(str(self.directory / "config.toml"), spare_secrets=True)
        cases = read_cases([self.cases(text, name)], config)

        async def run() -> list[Judged]:
            async with await Cast.of(config, sink_types()) as cast:
                return [judged(case, await play(case, cast), config.timezone) for case in cases]

        return asyncio.run(run())

    def told(self, text: str) -> list[tuple[str, str, str]]:
        """Play one case; the times (in Paris), sinks and events of its messages."""
        (one,) = self.play(text)
        zone = configured(str(self.directory / "config.toml"), spare_secrets=True).timezone
        return [(f"{told.at.astimezone(zone):%Y-%m-%d %H:%M:%S}", told.to, told.event.type) for told in one.came.told]

    def live(self, *steps: tuple[str, str, dict[str, dict[str, Any]]]) -> None:
        """Live through a history with the rules as they are: (time in Paris, source, records that are there then)."""
        config = configured(str(self.directory / "config.toml"), spare_secrets=True)

        async def run() -> None:
            async with await Cast.of(config, sink_types()) as cast, await Store.open(config.state_path) as store:
                stage = Stage(cast, store)  # type: ignore[arg-type]  # a real one, to be read from afterwards
                first = datetime.fromisoformat(steps[0][0]).replace(tzinfo=config.timezone)
                await stage.start(first - timedelta(days=40))
                for source in {source for _, source, _ in steps}:
                    stage.sources[source].records = {"0": fresh(STREAMS[source.split("/")[1]])}
                    await stage.poll(SourceName.parse(source))
                for at, source, records in steps:
                    await stage.pass_to(datetime.fromisoformat(at).replace(tzinfo=config.timezone))
                    stream = STREAMS[source.split("/")[1]]
                    for key, record in records.items():
                        last = stage.sources[source].records.get(key, fresh(stream))
                        stage.sources[source].records[key] = {**last, "id": key, **record}
                    await stage.poll(SourceName.parse(source))
                await stage.pass_to(stage.clock.now + timedelta(days=2))

        asyncio.run(run())


def decoded(output: str) -> Any:
    """What a command printed with --json."""
    return json.loads(output)
