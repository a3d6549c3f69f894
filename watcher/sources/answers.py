"""An answer as it came, and what an error answer means for what to do next. Pure: the time is an argument."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from io import BytesIO
from typing import Any

import msgspec
from xxhash import xxh3_128

from watcher.errors import Permanent, Transient, WatcherError

LIMIT = 32 << 20
"""Bytes. No page of either vendor is near it, neither on the wire nor inflated."""

_STEP = 1 << 20
"""Bytes inflated at a time."""

LONGEST = 86_400.0
"""Seconds; however long a vendor asks us to wait."""

UNTOLD = 30.0
"""Seconds to wait after a 429 that does not say how long."""

TOO_MANY = 429
"""The status of an answer to one request too many."""

FEW_LEFT = 2
"""So few requests left in the vendor's own window, and we wait for the next one."""

_BOM = b"\xef\xbb\xbf"  # PHP files that were saved with one emit it before anything else
_WAIT_IN_FRENCH = re.compile(rb"dans (\d{1,6}) seconde")  # Adlead: "Trop de requ\u00eates, ... dans 12 seconde(s)."
_ADDRESS = re.compile(r"\S*://\S*|\S+@\S+")


class Body(BytesIO):
    """The pieces of a body. It grows in place: joined in the end, the page would be in memory twice."""

    def whole(self) -> bytes:
        """All of it, without a byte order mark."""
        return self.getvalue().removeprefix(_BOM)


class NotFound(Permanent):
    """There is nothing there (HTTP 404), or not any more (410)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it came: `wire` is the body before any decoding, `encoding` its Content-Encoding in lower case.

    `secrets` are what the vendor may repeat, and we may not.
    """

    status: int
    headers: Mapping[str, str]
    wire: bytes
    encoding: str = ""
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def digest(self) -> bytes:
        """What tells this body from any other, without inflating it."""
        digest = xxh3_128(f"{self.encoding}\n".encode())
        digest.update(self.wire)
        return digest.digest()

    def body(self) -> bytes:
        """The body inflated, without a byte order mark. Raises as `pieces` does."""
        body = Body()
        for piece in self.pieces():
            body.write(piece)
        return body.whole()

    def pieces(self) -> Iterator[bytes]:
        """The body inflated piece by piece, so that whoever takes it can do something else between two.

        Raises Transient when its gzip is broken or cut short, Permanent when it is over 32 MiB or is encoded in a way
        that was not asked for.
        """
        match self.encoding:
            case "" | "identity":
                return iter((self.wire,))
            case "gzip" | "x-gzip":
                return _inflated(self.wire)
        raise Permanent("the answer has a Content-Encoding that was not asked for")

    @contextmanager
    def hushed(self) -> Iterator[None]:
        """Keep the secrets out of what is raised in the block: a vendor that says that it failed says why, too."""
        try:
            yield
        except Transient as error:
            raise type(error)(_without(error.reason, self.secrets)) from None


def _inflated(wire: bytes) -> Iterator[bytes]:
    if not wire:
        return  # some servers name the encoding of nothing
    gzip = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    size = 0
    try:
        while wire and not gzip.eof:
            piece = gzip.decompress(wire, _STEP)
            size += len(piece)
            if size > LIMIT:
                raise Permanent(f"the answer is over {LIMIT >> 20} MiB")
            yield piece
            wire = gzip.unconsumed_tail
    except zlib.error:
        raise Transient("unreadable answer: its gzip is broken") from None
    if not gzip.eof:
        raise Transient("unreadable answer: its gzip is cut short")
    if gzip.unused_data:
        raise Transient("unreadable answer: something follows its gzip")


# ------------------------------------------------------------------------------------------------------- refusals


def refusal(answer: Answer, now: datetime, secrets: Iterable[str] = ()) -> Transient | Permanent:
    """What an answer other than 2xx means: worth trying again later, or not.

    Its text is the status and what the vendor says of it, without secrets and addresses.
    """
    status = answer.status
    if 300 <= status < 400:  # noqa: PLR2004 - HTTP's own classes
        return Permanent(f"HTTP {status}: redirected; not followed")
    body = _told(answer)
    said = _message(body, secrets)
    text = f"HTTP {status}: {said}" if said else f"HTTP {status}"
    if status == TOO_MANY:
        return Transient(text, retry_after=_wait_after_429(answer.headers, body, now))
    if status in (408, 425) or status >= 500:  # noqa: PLR2004
        return Transient(text, retry_after=_retry_after(answer.headers, now))
    if status in (404, 410):
        return NotFound(text)
    return Permanent(text, refused=status in (401, 403))


def lull(headers: Mapping[str, str], now: datetime) -> float:
    """Seconds to leave the vendor in peace after an answer whose headers say that its window is all but used up.

    `X-RateLimit-Remaining` is on all of Laravel's answers, `X-RateLimit-Reset` only on some: else the next minute.
    """
    left = headers.get("X-RateLimit-Remaining", "").strip()
    if not re.fullmatch(r"[0-9]{1,9}", left) or int(left) > FEW_LEFT:
        return 0.0
    return _until_reset(headers, now) or 60.0 - now.timestamp() % 60.0


def _wait_after_429(headers: Mapping[str, str], body: bytes, now: datetime) -> float:
    """Whatever says how long, the surest first."""
    wait = _retry_after(headers, now)
    if wait is None:
        wait = _until_reset(headers, now)
    if wait is None and (told := _WAIT_IN_FRENCH.search(body)):
        wait = int(told[1]) + 2.0  # the seconds are rounded
    return min(UNTOLD if wait is None else wait, LONGEST)


def _retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """The seconds that Retry-After asks for, as a number or as a date; None when it is not there or makes no sense."""
    text = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,15})?", text):
        return min(float(text), LONGEST)
    try:
        moment = parsedate_to_datetime(text)
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return min(max(seconds.total_seconds(), 0.0), LONGEST)


def _until_reset(headers: Mapping[str, str], now: datetime) -> float | None:
    """The seconds until `X-RateLimit-Reset` (Laravel: Unix seconds); None when that is not there, or not to come."""
    text = headers.get("X-RateLimit-Reset", "").strip()
    if not re.fullmatch(r"[0-9]{1,15}", text):
        return None
    seconds = int(text) - now.timestamp()
    return min(seconds, LONGEST) if seconds > 0 else None


def _told(answer: Answer) -> bytes:
    """The body of an error answer, empty if it cannot be read: the status has said what matters."""
    with suppress(WatcherError):
        return answer.body()
    return b""


def _message(body: bytes, secrets: Iterable[str]) -> str:
    """What the vendor says in the `message` of an error."""
    page: Any = None
    with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        page = msgspec.json.decode(body)
    text = page.get("message") if isinstance(page, dict) else None
    if not isinstance(text, str):
        return ""
    return one_line(_without(text, secrets))


def _without(text: str, secrets: Iterable[str]) -> str:
    for secret in filter(None, secrets):
        text = text.replace(secret, "***")
    return text


def one_line(text: str) -> str:
    """What a vendor says, as one line of at most 200 letters that may be shown: no control characters, no addresses."""
    text = _ADDRESS.sub("***", "".join(letter if letter.isprintable() else " " for letter in text[:2000]))
    return " ".join(text.split())[:200]
