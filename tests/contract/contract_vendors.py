"""Both vendors, as far as a source sees them, and our sources of each."""

# ruff: noqa: RUF012 - `without` is a constant

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aiohttp import encode_basic_auth

from watcher.model import SourceName
from watcher.ports import Clock, Source
from watcher.sources.adlead import AdleadSource
from watcher.sources.answers import Answer
from watcher.sources.apimo import ApimoSource
from watcher.sources.http import Account, Client
from watcher.testing import Entry, SourceContract
from watcher.units import Rate

TOKEN = "CANARY-t0ken"
BASIC = encode_basic_auth("9999", TOKEN)


class Hurried(Client):
    """A client whose requests have as many seconds as the suite says."""

    seconds = 30.0

    async def get(self, path: str, params: Mapping[str, str] | None = None, *, timeout: float = 30.0) -> Answer:
        """Read what is at a path, in less time."""
        return await super().get(path, params, timeout=min(timeout, self.seconds))


@asynccontextmanager
async def connected(
    address: str, clock: Clock, seconds: float, headers: Mapping[str, str], *secrets: str
) -> AsyncIterator[Client]:
    """A client of that address, without a budget and with room in its rate."""
    account = Account("azur", address, Rate(10_000, 1.0), None, 4, headers, secrets)
    client = Hurried(account, None, clock, lambda: 0.5)
    client.seconds = seconds
    try:
        yield client
    finally:
        await client.close()


def record(entry: Entry) -> dict[str, Any]:
    """A record as vendors have it, as far as the sources look."""
    return {**({"id": int(entry.key)} if entry.key else {}), "reference": entry.mark}


def query(target: str) -> dict[str, int]:
    """The numbers that were asked for."""
    return {name: int(values[0]) for name, values in parse_qs(urlsplit(target).query).items()}


class Apimo(SourceContract):
    """The leads of an agency."""

    kind = ApimoSource
    without = {"show": "Apimo cannot be asked for one record"}
    secrets = (TOKEN, BASIC.split(" ")[1])

    @asynccontextmanager
    async def make(self, address: str, clock: Clock, seconds: float) -> AsyncIterator[Source]:
        """Agency 101."""
        async with connected(address, clock, seconds, {"Authorization": BASIC}, *self.secrets) as client:
            yield self.kind(SourceName("azur", "apimo.leads", "101"), client, ("leads",))

    def page(self, entries: Sequence[Entry], target: str, total: int) -> bytes:
        """At most 100 of them, from the offset."""
        start = query(target)["offset"]
        leads = list(map(record, entries[start : start + 100]))
        return json.dumps({"leads": leads, "total_items": total, "timestamp": 1_790_000_100}).encode()


class Adlead(SourceContract):
    """The purchases of a programme."""

    without = {"cursor": "Adlead has none: every read is a whole one"}
    secrets = (TOKEN,)

    @asynccontextmanager
    async def make(self, address: str, clock: Clock, seconds: float) -> AsyncIterator[Source]:
        """Programme 1."""
        async with connected(address, clock, seconds, {"X-API-Key": TOKEN}, TOKEN) as client:
            yield AdleadSource(SourceName("riviera", "adlead.purchases", "1"), client, "client-a", "1")

    def page(self, entries: Sequence[Entry], target: str, total: int) -> bytes:
        """The page of that number, as Laravel makes it."""
        asked = query(target)
        number, size = asked["page"], asked["per_page"]
        meta = {"current_page": number, "last_page": max(1, -(-total // size)), "per_page": size, "total": total}
        rows = list(map(record, entries[(number - 1) * size : number * size]))
        return json.dumps({"success": True, "message": None, "data": rows, "meta": meta}).encode()

    def one(self, entry: Entry) -> bytes:
        """The detail of a purchase."""
        return json.dumps({"success": True, "message": None, "data": record(entry)}).encode()
