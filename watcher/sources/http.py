"""How an account is spoken to: in turn, within its budget, within bounds."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from urllib.parse import quote
from zoneinfo import ZoneInfo

import aiohttp

from watcher import __version__
from watcher.errors import Permanent, Transient
from watcher.ports import Budget, Clock
from watcher.sources.answers import LIMIT, TOO_MANY, Answer, lull, refusal
from watcher.sources.throttle import Throttle
from watcher.units import Rate

CONNECT = 10.0
"""Seconds for finding the peer and shaking hands."""

TOTAL = 30.0
"""Seconds for the whole of one request, once it is its turn."""

PARIS = ZoneInfo("Europe/Paris")
"""Apimo counts its days in Paris."""

_SLACK = 0.05
"""Seconds added to the period of the rate: requests may bunch up on their way, and the vendor counts arrivals."""

_JITTER = 60.0
"""Seconds after midnight over which those that waited for a new budget are spread."""

_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (TimeoutError, "time-out"),
    (aiohttp.ClientConnectorDNSError, "its name is not known"),
    (aiohttp.ClientSSLError, "no secure connection"),
    (aiohttp.ServerDisconnectedError, "the connection was closed"),
    (aiohttp.ClientPayloadError, "it broke off"),
    (aiohttp.ClientResponseError, "what came is not HTTP"),
)

_CHUNK = 64 << 10
_ERROR_BODY = 64 << 10  # enough for any message; an error page is not read further


@dataclass(frozen=True, slots=True)
class Account:
    """One login to one API.

    `headers` carry the credential, and `secrets` are what of it may never be repeated in a text. `daily` is how many
    requests may be made in a day of Paris (None: any number), `at_once` how many together.
    """

    name: str
    base_url: str
    rate: Rate
    daily: int | None
    at_once: int
    headers: Mapping[str, str] = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)


class Client:
    """The one way to an account's API. To be made in a running loop, and closed.

    Each request waits for its turn, is counted in the day's budget, and only then made.
    """

    def __init__(self, account: Account, budget: Budget, clock: Clock, luck: Callable[[], float]) -> None:
        self.clock = clock
        self._account = account
        self._budget = budget
        self._luck = luck
        self._slots = asyncio.Semaphore(account.at_once)
        self._throttle = Throttle(account.rate.count, account.rate.seconds + _SLACK)
        self._session = aiohttp.ClientSession(
            base_url=account.base_url.rstrip("/") + "/",
            headers={
                "Accept": "application/json",
                "Accept-Encoding": "gzip",
                "User-Agent": f"watcher/{__version__}",
                **account.headers,
            },
            cookie_jar=aiohttp.DummyCookieJar(),
            middlewares=(_only_once,),
            auto_decompress=False,  # the bytes of the wire are looked at first: mostly they are known
        )

    async def get(self, path: str, params: Mapping[str, str] | None = None, *, timeout: float = TOTAL) -> Answer:
        """Read what is at a path below the base URL; `timeout` is in seconds and for everything but waiting in line.

        Only answers of 2xx are returned. Raises Transient or Permanent; NotFound for a 404; StoreError when the budget
        cannot be counted.
        """
        return await self._call("GET", path, params, None, timeout)

    async def look(
        self, path: str, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Read what is at a path, with the manners of `get`, and return whatever is answered, refusals too.

        `headers` go before the usual ones. Raises Transient or Permanent when there is no answer.
        """
        answer, _ = await self._ask("GET", path, params, None, TOTAL, headers)
        return answer

    async def post(self, path: str, document: bytes, *, timeout: float = TOTAL) -> Answer:
        """Send a JSON document, with the same manners as `get` and the same errors."""
        return await self._call("POST", path, None, document, timeout)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._session.close()

    async def _call(
        self, method: str, path: str, params: Mapping[str, str] | None, document: bytes | None, timeout: float
    ) -> Answer:
        answer, error = await self._ask(method, path, params, document, timeout)
        if error:
            raise error
        return answer

    async def _ask(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        document: bytes | None,
        timeout: float,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[Answer, Transient | Permanent | None]:
        """Ask when it is our turn; return the answer, and what it means where it is not a good one."""
        if document is not None:
            headers = {"Content-Type": "application/json"}
        async with self._slots:
            await self._throttle.acquire()
            await self._count()
            answer = await self._exchange(method, path, params, document, timeout, headers)
            now = self.clock()
            error = None if _good(answer.status) else refusal(answer, now, self._account.secrets)
            told = error.retry_after if answer.status == TOO_MANY and isinstance(error, Transient) else None
            # it is the gate that waits, for everybody, and not only whoever was told
            self._throttle.pause(lull(answer.headers, now) if told is None else told)
        return answer, error

    async def _count(self) -> None:
        """Count one request, before it is made, in the budget of its day; raises Transient when that is spent."""
        if self._account.daily is None:
            return
        now = self.clock()
        day = now.astimezone(PARIS).date().isoformat()
        if await self._budget.spend(self._account.name, day, self._account.daily) < 0:
            wait = _until_midnight(now) + _JITTER * self._luck()
            raise Transient(f"the day's budget of {self._account.daily} requests is spent", retry_after=wait)

    async def _exchange(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        document: bytes | None,
        timeout: float,
        headers: Mapping[str, str] | None,
    ) -> Answer:
        try:
            async with self._session.request(
                method,
                path,
                params=params,
                data=document,
                headers=headers,
                allow_redirects=False,  # the credential goes nowhere else
                timeout=aiohttp.ClientTimeout(total=timeout, connect=min(CONNECT, timeout)),
            ) as response:
                wire = await (_read(response) if _good(response.status) else _read_error(response))
                encoding = response.headers.get("Content-Encoding", "").strip().lower()
                return Answer(response.status, response.headers, wire, encoding, self._account.secrets)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _no_answer(error) from None


async def _only_once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Let an error out past aiohttp, which would make the request again when a connection is lost, uncounted."""
    try:
        return await handler(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _no_answer(error) from None


def _no_answer(error: Exception) -> Transient:
    """Our error for one of the library's. That one's words name the host, so neither they nor it are passed on."""
    never_sent = isinstance(error, (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError))
    return Transient(f"no answer: {_why(error)}", unanswered=not never_sent)


def _good(status: int) -> bool:
    return 200 <= status < 300  # noqa: PLR2004 - HTTP's own class


async def _read(response: aiohttp.ClientResponse) -> bytes:
    chunks, size = [], 0
    async for chunk in response.content.iter_chunked(_CHUNK):
        chunks.append(chunk)
        size += len(chunk)
        if size > LIMIT:
            response.close()
            raise Permanent(f"the answer is over {LIMIT >> 20} MiB")
    return b"".join(chunks)


async def _read_error(response: aiohttp.ClientResponse) -> bytes:
    """The beginning of an error's body, as far as it comes: the status has said what matters."""
    chunks, size = [], 0
    try:
        async for chunk in response.content.iter_chunked(_CHUNK):
            chunks.append(chunk)
            size += len(chunk)
            if size >= _ERROR_BODY:
                break
    except (aiohttp.ClientError, TimeoutError, OSError):
        pass
    response.close()
    return b"".join(chunks)


def _why(error: Exception) -> str:
    """Why there is no answer, in words that tell nothing of where it was sought."""
    for kind, words in _WORDS:
        if isinstance(error, kind):
            return words
    number = getattr(error, "errno", None)
    return os.strerror(number).lower() if isinstance(number, int) and number > 0 else "no connection"


def _until_midnight(now: datetime) -> float:
    """Seconds until the next day begins in Paris, right also on the two days that do not have 24 hours."""
    tomorrow = now.astimezone(PARIS).date() + timedelta(days=1)
    return (datetime.combine(tomorrow, time(), PARIS).astimezone(UTC) - now).total_seconds()


def segment(text: str) -> str:
    """A text as one part of a path, so that nothing in it can reach out of its place; raises Permanent for `..`."""
    if text in {".", ".."}:
        raise Permanent("an id of dots cannot be asked for")
    return quote(text, safe="")
