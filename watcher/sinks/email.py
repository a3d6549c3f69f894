"""E-mail, over a connection that is encrypted or not made at all."""

from __future__ import annotations

import asyncio
import hashlib
import re
import socket
import ssl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from email.headerregistry import Address
from typing import Any, Literal

import aiosmtplib

from watcher.errors import Permanent, Transient
from watcher.messages.text import plain
from watcher.model import Delivery
from watcher.sinks.kit import Settings, Tools, loopback
from watcher.sinks.letter import letter, mailbox
from watcher.units import Secret

_PORTS = {"starttls": 587, "implicit": 465, "none": 587}
_NOT_LOGGED_IN = frozenset({530, 534, 535, 538})
_TOO_LARGE, _TAKEN = 552, 250
_WRONG_PASSWORD = 535
_WAYS = ("plain", "login", "cram-md5")
"""Those of the library. All go over TLS; the first is what every server has."""

_GOODBYE = 2.0
_MOST_KEPT = 2048
_MOST_RECIPIENTS = 100
"""As many as every mail server has to take of one message (RFC 5321, 4.5.3.1.8); what is noted of them stays short."""


class Config(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """`[sinks.NAME]` with `type = "email"`. `port` is 587, or 465 when `tls` is implicit."""

    host: str
    port: int | None = None
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    username: str | None = None
    password: Secret | None = None
    from_: str
    to: list[str]

    def __post_init__(self) -> None:
        super().__post_init__()
        complaints = []
        if not re.fullmatch(r"[\w.:-]{1,253}", self.host, re.ASCII):
            complaints.append("host: must be the name of a mail server, such as smtp.example.fr")
        if self.port is not None and not 0 < self.port < 1 << 16:
            complaints.append("port: must be between 1 and 65535")
        if self.tls == "none" and not loopback(self.host):
            complaints.append('tls: "none" is for loopback only; write "starttls" or "implicit"')
        if (self.username is None) != (self.password is None):
            complaints.append("username and password go together: write both or neither")
        if mailbox(self.from_) is None:
            complaints.append('from: must be an address, such as "Watcher <watcher@example.fr>"')
        if not self.to or not all(map(mailbox, self.to)):
            complaints.append('to: must be a list of addresses, such as ["direction@example.fr"]')
        if len(self.to) > _MOST_RECIPIENTS:
            complaints.append(f"to: must have at most {_MOST_RECIPIENTS}; write the address of a mailing list")
        if complaints:
            raise ValueError("\n".join(complaints))


class Email:
    """Sends each message to all its recipients.

    When some of them are refused for now, the delivery is tried again for those only: who has it already, and who never
    will, is noted with the delivery.
    """

    def __init__(self, name: str, config: Config, tools: Tools) -> None:
        self.name = name
        self._config = config
        self._tools = tools
        self._timeout = config.timeout.total_seconds()
        self._sender, *self._to = filter(None, map(mailbox, (config.from_, *config.to)))

    async def send(self, delivery: Delivery) -> str:
        """Return what the server answered when it took the message; otherwise raise Transient or Permanent."""
        said = self._tools.render(delivery, self._config.personal)
        message = letter(delivery.event, said, self._sender, self._to, self._tools.clock())
        settled = _read(delivery.note, self._to)
        places = [place for place in range(len(self._to)) if place not in settled]
        try:
            codes, answer = await self._hand_over(message, places) if places else ({}, "")
        except Transient as error:
            error.note = delivery.note  # nobody more has it than before
            raise
        return self._verdict({**settled, **codes}, answer)

    async def close(self) -> None:
        """Nothing is held open: there is a connection for each message."""

    async def _hand_over(self, message: bytes, places: list[int]) -> tuple[Mapping[int, int], str]:
        """Offer the message to those recipients; return what the server said of each, and of the message."""
        client = self._client()
        deadline = asyncio.get_running_loop().time() + self._timeout
        try:
            with _sorted():
                async with asyncio.timeout_at(deadline):
                    await client.connect()
                    await client.mail(self._sender.addr_spec)
                    codes = {place: await _recipient(client, self._to[place].addr_spec) for place in places}
            answer = ""
            if _TAKEN in codes.values():
                with _sorted(unanswered=True):
                    async with asyncio.timeout_at(deadline):
                        answer = plain((await client.data(message)).message, _MOST_KEPT)
            with suppress(aiosmtplib.SMTPException):
                await client.quit(timeout=_GOODBYE)
            return codes, answer
        finally:
            client.close()

    def _client(self) -> _Session:
        config = self._config
        return _Session(
            hostname=config.host,
            port=config.port or _PORTS[config.tls],
            use_tls=config.tls == "implicit",
            start_tls=config.tls == "starttls",  # never None, which would go on in the clear where it is not offered
            username=config.username,
            password=config.password.reveal() if config.password else None,
            local_hostname=socket.gethostname() or "localhost",
            timeout=self._timeout,
        )

    def _verdict(self, codes: Mapping[int, int], answer: str) -> str:
        """What came of the recipients together. They are named by their places: addresses are personal."""
        later = {place: code for place, code in codes.items() if _for_now(code)}
        if later:
            settled = {place: code for place, code in codes.items() if place not in later}
            raise Transient(f"refused for now: {self._named(later)}", note=_note(settled, self._to))
        never = {place: code for place, code in codes.items() if code != _TAKEN}
        if len(never) == len(codes):
            raise Permanent(f"refused: {self._named(never)}: check `to`")
        return f"{answer}; refused: {self._named(never)}" if never else answer

    def _named(self, codes: Mapping[int, int]) -> str:
        shown = [f"recipient {place + 1} of {len(self._to)} ({code})" for place, code in sorted(codes.items())]
        return ", ".join(shown[:10]) + (f" and {len(shown) - 10} more" if len(shown) > 10 else "")  # noqa: PLR2004


class _Session(aiosmtplib.SMTP):
    """A connection that asks once whether a password is right.

    The library goes on to the next way of logging in, and a server that counts wrong passwords locks the account.
    """

    async def login(self, username: Any, password: Any, /, timeout: Any = aiosmtplib.typing.Default.token) -> Any:
        """Log in by the first way that the server really has; raises SMTPException."""
        await self._ehlo_or_helo_if_needed()
        refusal = aiosmtplib.SMTPException("no way of logging in that both sides have")
        for way in filter(self.supported_auth_methods.__contains__, _WAYS):
            try:
                return await getattr(self, f"auth_{way.replace('-', '')}")(username, password, timeout=timeout)
            except aiosmtplib.SMTPAuthenticationError as error:
                if error.code == _WRONG_PASSWORD:
                    raise
                refusal = error
        raise refusal


# ----------------------------------------------------------------------------------- what is noted between attempts


def _note(codes: Mapping[int, int], to: Iterable[Address]) -> str:
    """Who needs not be asked again: by code, the places in the list, and of the list a digest: `d41d8cd9 250=0,2`."""
    by_code: dict[int, list[str]] = {}
    for place, code in sorted(codes.items()):
        by_code.setdefault(code, []).append(str(place))
    return " ".join((_digest(to), *(f"{code}={','.join(places)}" for code, places in by_code.items())))


def _read(note: str, to: Iterable[Address]) -> dict[int, int]:
    """What was noted, by place; nothing when it was of another list of recipients."""
    digest, *parts = note.split(" ")
    if digest != _digest(to):
        return {}
    pairs = (part.split("=") for part in parts)
    return {int(place): int(code) for code, places in pairs for place in places.split(",")}


def _digest(to: Iterable[Address]) -> str:
    return hashlib.sha256("\n".join(one.addr_spec for one in to).encode()).hexdigest()[:16]


def _for_now(code: int) -> bool:
    return code < 500 and code != _TAKEN  # noqa: PLR2004 - 5xx is for good


async def _recipient(client: aiosmtplib.SMTP, address: str) -> int:
    try:
        await client.rcpt(address)
    except aiosmtplib.SMTPRecipientRefused as refusal:
        return refusal.code
    return _TAKEN


@contextmanager
def _sorted(*, unanswered: bool = False) -> Iterator[None]:
    """Sort what the library raises. The server's words are left out: they like to repeat addresses."""
    try:
        yield
    except aiosmtplib.SMTPResponseException as error:
        raise _of_code(error) from None
    except (aiosmtplib.SMTPConnectError, OSError) as error:  # the latter also for time-outs and lost connections
        cause = error.__cause__ if isinstance(error, aiosmtplib.SMTPConnectError) and error.__cause__ else error
        if isinstance(cause, ssl.SSLCertVerificationError):
            raise Permanent("its certificate was refused: it has expired, or is not for that host") from None
        said = "no answer" if unanswered else "no connection"
        raise Transient(f"{said} ({type(cause).__name__})", unanswered=unanswered) from None
    except aiosmtplib.SMTPException:
        # Not tried again: a server that drops STARTTLS is either set up otherwise, or not the one we think it is.
        raise Permanent(
            "the server does not offer the encryption or the login that is asked for: check port, tls and username",
            refused=True,
        ) from None


def _of_code(error: aiosmtplib.SMTPResponseException) -> Transient | Permanent:
    """Whether trying again helps: what is refused before the message was seen is refused to the whole sink."""
    of_message = isinstance(error, aiosmtplib.SMTPDataError) or error.code == _TOO_LARGE
    what = "the message" if of_message else "the login" if _is_login(error) else "the connection or the sender"
    if error.code < 500:  # noqa: PLR2004 - 4xx is for now; -1 is an answer that is none
        return Transient(f"the server refuses {what} for now ({error.code})")
    return Permanent(f"the server refuses {what} ({error.code})", refused=not of_message or _is_login(error))


def _is_login(error: aiosmtplib.SMTPResponseException) -> bool:
    return isinstance(error, aiosmtplib.SMTPAuthenticationError) or error.code in _NOT_LOGGED_IN
