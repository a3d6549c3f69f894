"""What the tests of the probe share: asking a simulated vendor, and looking at what came of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from watcher.kinds import Address
from watcher.model import SourceName
from watcher.probe import places_of, survey
from watcher.probe.report import lines
from watcher.simulator import Simulator
from watcher.simulator.answers import Answer, Call
from watcher.sources import AdleadAccount, ApimoAccount, Login, build_client
from watcher.store import Store
from watcher.units import Rate, Secret

NOON = datetime(2026, 11, 21, 11, 0, tzinfo=UTC)
TOKEN, KEY = "CANARY-t0ken", "CANARY-k3y"
FAST = Rate(10_000, 1)


@dataclass(frozen=True)
class Probed:
    """A report, and what was really asked."""

    report: Mapping[str, Any]
    most: int
    asked: int

    def __getitem__(self, question: str) -> str:
        """The answer to a question."""
        return self.finding(question)["answer"]

    def finding(self, question: str) -> Mapping[str, str]:
        """The one finding of a question."""
        streams = [one for about in self.report["streams"] for one in about["findings"]]
        (found,) = [one for one in (*streams, *self.report["account_findings"]) if one["question"] == question]
        return found

    @property
    def stream(self) -> Mapping[str, Any]:
        """What is said of the one stream."""
        (about,) = self.report["streams"]
        return about

    @property
    def everything(self) -> str:
        """All that is said, as JSON and as text."""
        whole = {"account": "azur", "api": "apimo", "stored": [], **self.report}
        return json.dumps(whole) + "\n".join(text for text, _ in lines(whole))


def login_of(sim: Simulator, api: str, budget: int | None = None) -> Login:
    """An account of one of the vendors."""
    daily = Rate(budget, 86_400) if budget else None
    if api == "apimo":
        base = Address(sim.url)
        return ApimoAccount(
            api="apimo", provider="9999", token=Secret(TOKEN), base_url=base, max_rate=FAST, budget=daily
        )  # type: ignore[arg-type]
    base = Address(f"{sim.url}/v1")
    return AdleadAccount(api="adlead", tenant="client-a", key=Secret(KEY), base_url=base, max_rate=FAST, budget=daily)  # type: ignore[arg-type]


async def probe(
    sim: Simulator,
    store: Store,
    stream: str,
    *,
    most: int = 100,
    wrong_key: bool = False,
    budget: int | None = None,
) -> Probed:
    """Ask a simulator about a stream."""
    api = "adlead" if stream == "purchases" else "apimo"
    login, partition = login_of(sim, api, budget), "1" if api == "adlead" else "101"
    client = build_client("azur", login, budget=store, clock=lambda: NOON, luck=lambda: 0.0)
    places = places_of("azur", login, [SourceName("azur", f"{api}.{stream}", partition)], stream, wrong_key=wrong_key)
    before = len(sim.requests)
    try:
        report = await survey(client, places, most)
    finally:
        await client.close()
    return Probed(report, places.most(), len(sim.requests) - before)


def heard_as(sim: Simulator, api: str, change: Callable[[dict[str, str]], dict[str, str]]) -> None:
    """Have a vendor hear another query than was asked."""
    vendor = getattr(sim, api)
    answer = vendor.answer
    vendor.answer = lambda call, world: answer(replace(call, query=change(dict(call.query))), world)


def exclusive(query: dict[str, str]) -> dict[str, str]:
    """As a vendor whose `timestamp` leaves out the second itself."""
    return {**query, "timestamp": str(int(query["timestamp"]) + 1)} if "timestamp" in query else query


def deaf(name: str) -> Callable[[dict[str, str]], dict[str, str]]:
    """As a vendor who ignores a parameter."""
    return lambda query: {key: value for key, value in query.items() if key != name}


def validating(sim: Simulator, api: str, *, honours: bool) -> None:
    """Give a vendor's answers an ETag, which it honours or not."""
    vendor = getattr(sim, api)
    answer = vendor.answer

    def validated(call: Call, world: Any) -> Answer:
        given = answer(call, world)
        if honours and call.headers.get("if-none-match"):
            return replace(given, status=304, body=None, raw=b"")
        return replace(given, headers={**given.headers, "ETag": '"CANARY-etag"'})

    vendor.answer = validated


def spread(sim: Simulator, stream: str, partition: int) -> None:
    """Give the records of a stream updates a minute apart, the oldest record the newest update."""
    for number, record in enumerate(reversed(sim.world.records(stream, partition))):
        moment = NOON + timedelta(minutes=number - 60)
        written = moment.strftime("%Y-%m-%dT%H:%M:%S.000000Z")
        if stream != "purchases":
            written = (moment + timedelta(hours=1)).strftime("%Y-%m-%d %H:%M:%S")
        sim.world.patch(stream, partition, record["id"], {"updated_at": written})
