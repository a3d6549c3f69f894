"""One POST: its errors sorted by what to do next, its answer bounded, its address kept out of everything said."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from io import BytesIO

import aiohttp
from yarl import URL

from watcher import __version__
from watcher.errors import Permanent, Transient
from watcher.messages.text import plain
from watcher.ports import Clock
from watcher.sinks.kit import loopback, revealed
from watcher.units import Secret

CONNECT_WITHIN = 5.0
MOST_READ, MOST_KEPT = 16 * 1024, 2 * 1024
LONGEST_WAIT = 24 * 3600.0

_TRANSIENT = frozenset({408, 425, 429})
_REFUSED = frozenset({401, 403, 404, 410})
_REMEDIES = {
    401: "check the secret and the address",
    403: "check the secret and the address",
    404: "nothing is there: check the address",
    410: "it is gone for good: put in a new address",
}
_CODE = re.compile(r"[a-z]{2,20}(?:_[a-z]{1,20}){1,6}")
"""An error code such as Slack's `invalid_payload`: all of an answer that may be repeated, the rest may be personal."""


def check_address(url: str | Secret, key: str = "url") -> None:
    """Raise ValueError, with the key and without the address, for one that is none or would send in the clear."""
    text = revealed(url)
    try:
        address = URL(text)
        usable = address.scheme in ("http", "https") and address.host and not re.search(r"[\s\x00-\x1f\x7f]", text)
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(f"{key}: is no address; write https://HOST/PATH")
    if address.scheme == "http" and not loopback(address.host or ""):
        raise ValueError(f"{key}: would send everything in the clear; write https:// (http:// is for loopback only)")


@dataclass(frozen=True, slots=True)
class Reply:
    """What a peer answered: its status, the beginning of its body, the seconds that its Retry-After asks for."""

    status: int
    body: bytes
    wait: float | None

    @property
    def taken(self) -> bool:
        """Whether the status is one of success."""
        return self.status // 100 == 2  # noqa: PLR2004 - the class of success

    @property
    def text(self) -> str:
        """The first 2 KiB as one line."""
        return plain(self.body[:MOST_KEPT].decode(errors="ignore"), MOST_KEPT)

    def error(self) -> Transient | Permanent:
        """What a status other than success means for what to do next."""
        return _error(self.status, self.text, self.wait)


class Poster:
    """Posts to one address (or gets it) over one session, which is opened when it is first needed.

    `most` is how many bytes of an answer are read.
    """

    def __init__(self, url: str | Secret, timeout: timedelta, clock: Clock, most: int = MOST_READ) -> None:
        self._url = url
        self._most = most
        self._timeout = aiohttp.ClientTimeout(total=timeout.total_seconds(), sock_connect=CONNECT_WITHIN)
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None

    async def post(self, body: bytes, headers: Mapping[str, str]) -> str:
        """Return the beginning of the answer when the body was taken; otherwise raise Transient or Permanent."""
        reply = await self.exchange(body, headers)
        if not reply.taken:
            raise reply.error()
        return _without(reply.text, revealed(self._url))

    async def exchange(self, body: bytes, headers: Mapping[str, str], method: str = "POST") -> Reply:
        """Return the answer, whatever its status; raises Transient or Permanent when there is none."""
        data = BytesIO(body) if method == "POST" else None
        try:
            async with self._open().request(
                method, revealed(self._url), data=data, headers=headers, allow_redirects=False
            ) as response:
                wait = retry_after(response.headers.get("Retry-After"), self._clock())
                return Reply(response.status, await _beginning(response, self._most), wait)
        except (aiohttp.InvalidURL, UnicodeError):
            raise Permanent("its address cannot be used: check it", refused=True) from None
        except aiohttp.ClientConnectorCertificateError:
            raise Permanent("its certificate was refused: it has expired, or is not for that host") from None
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Transient(f"no connection: {_why(error)}") from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Transient(f"no answer ({type(error).__name__})", unanswered=True) from None

    async def close(self) -> None:
        """Let go of the connections."""
        session, self._session = self._session, None
        if session:
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=self._timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,  # what is read is bounded: it must not grow afterwards
                headers={"User-Agent": f"watcher/{__version__}", "Accept-Encoding": "identity"},
            )
        return self._session


def _without(text: str, url: str) -> str:
    """A text without the address, nor what comes after its host: peers like to say which path was asked for."""
    path = "/" + url.partition("://")[2].partition("/")[2]
    for told in (url, path) if len(path) > 1 else (url,):
        text = text.replace(told, "***")
    return text


def _why(error: aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError) -> str:
    """Why there is no connection, without the address that the library's own text has."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "the name of its host is not known"
    if isinstance(error, aiohttp.ClientConnectorError) and error.errno:
        return os.strerror(error.errno)
    return f"not within {CONNECT_WITHIN:g} s"


async def _beginning(response: aiohttp.ClientResponse, most: int) -> bytes:
    """The beginning of an answer. Its status has decided already, so that its end may stay away."""
    read = bytearray()
    try:
        async for chunk in response.content.iter_chunked(4096):
            read += chunk
            if len(read) >= most:
                break
    except (aiohttp.ClientError, TimeoutError):
        pass
    response.close()
    return bytes(read)


def _error(status: int, answer: str, wait: float | None) -> Transient | Permanent:
    code = answer.strip()
    said = f"HTTP {status}" + (f" {code}" if _CODE.fullmatch(code) else "")
    if status in _TRANSIENT or status >= 500:  # noqa: PLR2004 - the class of the server's own errors
        return Transient(said, retry_after=wait)
    remedy = "it redirects: put in its new address" if status // 100 == 3 else _REMEDIES.get(status)  # noqa: PLR2004
    return Permanent(f"{said}: {remedy}" if remedy else said, refused=status in _REFUSED)


def retry_after(text: str | None, now: datetime) -> float | None:
    """The seconds that a Retry-After asks for, as a number or a date, at most 24 h; None for what is neither."""
    if text is None:
        return None
    if re.fullmatch(r"\d{1,15}(\.\d{1,9})?", text.strip(), re.ASCII):
        return min(float(text), LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(text)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return min(max((aware - now).total_seconds(), 0.0), LONGEST_WAIT)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
