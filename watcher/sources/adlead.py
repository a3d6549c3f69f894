"""Adlead: the purchases of a programme, by page number, always all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from watcher.kinds import Address, Daily, Id
from watcher.model import Body, Known, Reading, SourceName
from watcher.sources.answers import NotFound
from watcher.sources.http import Client, segment
from watcher.sources.kit import ApiType
from watcher.sources.pages import read_adlead_detail, split_adlead
from watcher.sources.walk import Listing, Walk, walk_all
from watcher.streams import PURCHASES
from watcher.units import Rate, Secret

PER_PAGE = 100
"""Records: the documented maximum. A programme with no more is read in one request, which nothing can come between."""

MOST_PAGES = 500


class AdleadAccount(msgspec.Struct, frozen=True, kw_only=True):
    """`[accounts.NAME]` with `api = "adlead"`."""

    api: Literal["adlead"]
    tenant: Id
    key: Secret
    base_url: Address = Address("https://api.adlead.immo/v1")
    max_rate: Rate = Rate(50, 60)
    budget: Daily | None = None

    def __post_init__(self) -> None:
        before, _, last = self.base_url.rpartition("/")
        if last == self.tenant:
            raise ValueError(f'base_url: ends with the tenant, which is added to it; write "{before}"')


class AdleadSource:
    """The purchases of one programme of one tenant. Adlead has no cursor, so every read is a whole one."""

    def __init__(self, name: SourceName, client: Client, tenant: str, program: str) -> None:
        self.name = name
        self._client = client
        path = f"{segment(tenant)}/programs/{segment(program)}/purchases"
        self._listing = Listing(path, split_adlead, _following, MOST_PAGES)

    async def read(self, known: Known, since: int | None) -> Reading:  # noqa: ARG002 - the port has it
        """Read all purchases; `since` says nothing to Adlead."""
        seen, doubt = await walk_all(self._client, self._listing, known)
        return seen.reading(full=True, doubt=doubt)

    async def show(self, key: str) -> Body | None:
        """Read one purchase as Adlead has it; None when it answers 404."""
        try:
            answer = await self._client.get(f"{self._listing.path}/{segment(key)}")
        except NotFound:
            return None
        with answer.hushed():
            return read_adlead_detail(answer.body())


def _following(seen: Walk) -> Mapping[str, str] | None:
    """The query of the next page, by the latest word on which is the last.

    Laravel's own links are not followed: they lose `per_page`, and behind a proxy they are http.
    """
    if seen.last is not None and seen.requests >= seen.last:
        return None
    return {"page": str(seen.requests + 1), "per_page": str(PER_PAGE)}


ADLEAD = ApiType(
    account=AdleadAccount,
    streams=(PURCHASES,),
    partitions="programs",
    secret=lambda login: login.key,
    headers=lambda _, key: {"X-API-Key": key},
    source=lambda name, client, login, _, __: AdleadSource(name, client, login.tenant, name.partition),
    whose=lambda login: str(login.tenant),
)
