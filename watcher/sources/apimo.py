"""Apimo: the leads and contracts of an agency, by offset, and by cursor of what changed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Literal

import msgspec
from aiohttp import encode_basic_auth

from watcher.kinds import DAY, Address, Daily, Id
from watcher.model import Body, Known, Reading, SourceName
from watcher.sources.http import Client, segment
from watcher.sources.kit import ApiType
from watcher.sources.pages import Sheet, split_apimo
from watcher.sources.walk import Listing, Walk, walk, walk_all
from watcher.streams import CONTRACTS, LEADS
from watcher.units import Rate, Secret

LOOKBACK = 300
"""Seconds read again before the cursor: `timestamp` may be exclusive (nobody says), and some writes show late."""

PAGE = 10_000
"""Records: the documented maximum of `limit`. Servers may give fewer, so what came is counted."""

MOST_PAGES = 50

_DAY = 86_400
"""Seconds. A cursor further ahead of us than that is a mistake, and would hide everything until then."""


class ApimoAccount(msgspec.Struct, frozen=True, kw_only=True):
    """`[accounts.NAME]` with `api = "apimo"`; the limits are the vendor's documented ones."""

    api: Literal["apimo"]
    provider: Id
    token: Secret
    base_url: Address = Address("https://api.apimo.pro")
    max_rate: Rate = Rate(10, 1)
    budget: Daily | None = Daily(Rate(1000, DAY))


class ApimoSource:
    """The leads or the contracts of one agency. `list_keys` are the names their list may have in an answer."""

    __slots__ = ("_client", "_list_keys", "_lookback", "_meant", "_page_limit", "_path", "name")

    def __init__(
        self,
        name: SourceName,
        client: Client,
        list_keys: tuple[str, ...],
        lookback: int = LOOKBACK,
        page_limit: int = PAGE,
    ) -> None:
        self.name = name
        self._client = client
        self._lookback = lookback
        self._page_limit = page_limit
        self._path = f"agencies/{segment(name.partition)}/{list_keys[0]}"
        self._list_keys = list_keys
        self._meant: dict[bytes, bytes] = {}

    async def read(self, known: Known, since: int | None) -> Reading:
        """Read all (None), or what was created or updated since a cursor, which is Apimo's own time in Unix seconds.

        A read by cursor is walked once and says nothing about what is gone: Apimo does not tell.
        """
        listing = Listing(self._path, self._split, partial(self._following, since), MOST_PAGES, self._meant)
        if since is None:
            seen, doubt = await walk_all(self._client, listing, known)
        else:
            seen, doubt = await walk(self._client, listing, known), ""
        return seen.reading(full=since is None, doubt=doubt, cursor=self._cursor(seen, since))

    async def show(self, key: str) -> Body | None:
        """Apimo cannot be asked for one record: raises NotImplementedError."""
        raise NotImplementedError

    def _split(self, body: bytes) -> Sheet:
        return split_apimo(body, self._list_keys)

    def _following(self, since: int | None, seen: Walk) -> Mapping[str, str] | None:
        if seen.has_all():
            return None
        query = {"limit": str(self._page_limit), "offset": str(seen.answered)}
        return query if since is None else {**query, "timestamp": str(max(0, since - self._lookback))}

    def _cursor(self, seen: Walk, since: int | None) -> int | None:
        """The newest of the pages' own times, never before `since`; None when the last page was not read.

        The answer's `timestamp` is that of the newest record in its list, so each page has its own. An empty list may
        have none, null or 0.
        """
        horizon = self._client.clock().timestamp() + _DAY
        believable = [moment for moment in seen.timestamps if moment <= horizon]
        unfinished = seen.cut or (seen.repeats and not seen.has_all())
        return max(*believable, since or 0) if believable and not unfinished else None


APIMO = ApiType(
    account=ApimoAccount,
    streams=(LEADS, CONTRACTS),
    partitions="agencies",
    secret=lambda login: login.token,
    headers=lambda login, token: {"Authorization": encode_basic_auth(login.provider, token)},
    source=lambda name, client, _, keys, lookback: ApimoSource(name, client, keys, lookback),
    whose=lambda login: str(login.provider),
    cursor=True,
    at_once=4,
)
