"""The hosts: their names, that they can be reached, their certificates, and their clocks.

No credential is sent, and to sinks nothing at all: a connection is made and closed.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.parser import BytesHeaderParser
from email.utils import parsedate_to_datetime
from typing import Any, Literal

import aiosmtplib
import msgspec
from yarl import URL

from watcher.doctor.finding import Finding, ok, trouble, warning
from watcher.sinks.email import Config as Email
from watcher.sinks.slack_api import BASE_URL
from watcher.sources import api_types

PROXIES = ("http_proxy", "https_proxy", "all_proxy")

_PORTS = {"starttls": 587, "implicit": 465, "none": 587}
_DAY = 86400
_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Host:
    """A place on the network: who wants to reach it, its name and port, and how the connection is encrypted.

    `secret` says that its name came from a secret, and is shown to nobody. `vendor` is asked for its time as well.
    """

    wanted: str
    name: str
    port: int
    tls: Literal["tls", "starttls", "none"] = "tls"
    secret: bool = False
    vendor: bool = False

    @property
    def shown(self) -> str:
        """What it is called in findings."""
        return f"the host of {self.wanted}" if self.secret else f"{self.name}:{self.port}"


@dataclass(slots=True)
class Met:
    """What came of reaching a host; `apart` is our clock less its own."""

    findings: list[Finding] = field(default_factory=list)
    apart: timedelta | None = None


# ------------------------------------------------------------------------------------------------------ which there are


def hosts(data: Mapping[str, Any], reveal: Callable[[Any], str | None]) -> Iterator[Host]:
    """The hosts that a configuration names, as far as it can be read; `reveal` looks up a reference to a secret."""
    for name, account in _tables(data.get("accounts")):
        url = account.get("base_url", _default(account.get("api")))
        yield from _of(f"account {name}", url, reveal, vendor=True)
    for name, sink in _tables(data.get("sinks")):
        wanted = f"sink {name}"
        match sink.get("type"):
            case "email":
                yield from _mail(wanted, sink)
            case "slack" if "token" in sink:
                yield from _of(wanted, sink.get("base_url", BASE_URL), reveal)
            case "apprise":
                continue  # its addresses have no hosts: what stands there may be a token
            case _:
                yield from _of(wanted, sink.get("url"), reveal)


def unseen(data: Mapping[str, Any]) -> Iterator[Finding]:
    """Say which sinks are not looked for."""
    for name, sink in _tables(data.get("sinks")):
        if sink.get("type") == "apprise":
            found = (
                "not looked for: what stands in an address of Apprise's need be no host; `watcher sink test` tries it"
            )
            yield ok(f"sink {name}", found)


def _tables(value: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(value, dict):
        yield from ((name, one) for name, one in value.items() if isinstance(one, dict))


def _default(api: Any) -> str | None:
    """Where an API is when nothing else is written."""
    kind = api_types().get(str(api))
    return _usual(kind.account, "base_url") if kind else None


def _usual(shape: type, key: str) -> str | None:
    """What a key of the configuration is when it is left out."""
    defaults = {one.name: one.default for one in msgspec.structs.fields(shape) if one.default is not msgspec.NODEFAULT}
    return str(defaults[key]) if key in defaults else None


def _of(wanted: str, url: Any, reveal: Callable[[Any], str | None], *, vendor: bool = False) -> Iterator[Host]:
    text = reveal(url) if isinstance(url, dict) else url if isinstance(url, str) else None
    with suppress(ValueError):
        address = URL(text or "")
        if address.scheme in {"http", "https"} and address.host and address.port:
            tls: Literal["tls", "none"] = "tls" if address.scheme == "https" else "none"
            yield Host(wanted, address.host, address.port, tls, secret=not isinstance(url, str), vendor=vendor)


def _mail(wanted: str, sink: Mapping[str, Any]) -> Iterator[Host]:
    name, way = sink.get("host"), sink.get("tls", _usual(Email, "tls"))
    if isinstance(name, str) and way in _PORTS:
        port = sink.get("port", _PORTS[way])
        if isinstance(port, int):
            tls: Literal["tls", "starttls", "none"] = "tls" if way == "implicit" else way
            yield Host(wanted, name, port, tls)


def proxies(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Say that proxies of the environment are not used; without their addresses, which may hold passwords."""
    names = [name for name in environ if name.lower() in PROXIES and environ[name]]
    if names:
        found = f"{', '.join(sorted(names))} set, and watcher does not use it: it connects by itself"
        yield warning("proxy", found, "let this machine reach the hosts without a proxy")


# -------------------------------------------------------------------------------------------------------- reaching them


async def reach(
    wanted: list[Host], context: ssl.SSLContext, now: Callable[[], datetime], seconds: float = 10.0
) -> tuple[list[Finding], dict[str, timedelta]]:
    """Reach every host, all together and each within so many seconds; also how far apart the vendors' clocks are."""
    one_each = list({(host.name, host.port, host.tls): host for host in reversed(wanted)}.values())[::-1]
    met = await asyncio.gather(*(_meet(host, context, now, seconds) for host in one_each))
    findings = [finding for one in met for finding in one.findings]
    apart = {host.shown: one.apart for host, one in zip(one_each, met, strict=True) if one.apart is not None}
    return findings or [ok("hosts", "the configuration names none")], apart


async def _meet(host: Host, context: ssl.SSLContext, now: Callable[[], datetime], seconds: float) -> Met:
    """Reach one host; whatever comes of it is a finding."""
    found = Met()
    check = host.shown if host.secret else f"{host.shown} ({host.wanted})"
    step = "its name"
    try:
        async with asyncio.timeout(seconds):
            addresses = await asyncio.get_running_loop().getaddrinfo(host.name, host.port, type=socket.SOCK_STREAM)
            step = "a connection"
            if host.tls == "starttls":
                certificate = await _greet(host, context, seconds)
            else:
                certificate, found.apart = await _connect(host, context, now)
        number = len({address[4][0] for address in addresses})
        found.findings = [_certified(check, host, certificate, now(), number)]
    except TimeoutError:
        found.findings = [trouble(check, f"no answer within {seconds:g} s, waiting for {step}", _reachable(host))]
    except socket.gaierror:
        found.findings = [trouble(check, "its name is not known", "mend the name, or this machine's DNS")]
    except ssl.SSLCertVerificationError as error:
        remedy = "mend this machine's clock or its ca-certificates, or have whoever runs the host renew it"
        found.findings = [trouble(check, f"its certificate is refused: {error.verify_message}", remedy)]
    except ssl.SSLError as error:
        found.findings = [trouble(check, f"no TLS there ({error.reason})", "look at the port, and at what is between")]
    except (aiosmtplib.SMTPException, EOFError) as error:
        remedy = "look at host, port and tls of the sink"
        found.findings = [trouble(check, f"does not answer as a mail server does ({type(error).__name__})", remedy)]
    except OSError as error:
        found.findings = [trouble(check, f"cannot be reached: {_why(error)}", _reachable(host))]
    return found


def _why(error: OSError) -> str:
    """The reason without the address, which the text of asyncio has."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else type(error).__name__


def _reachable(host: Host) -> str:
    return f"let this machine's firewall pass connections to port {host.port}"


async def _connect(
    host: Host, context: ssl.SSLContext, now: Callable[[], datetime]
) -> tuple[Mapping[str, Any] | None, timedelta | None]:
    encrypted = context if host.tls == "tls" else None
    reader, writer = await asyncio.open_connection(host.name, host.port, ssl=encrypted)
    try:
        certificate = writer.get_extra_info("peercert")
        apart = await _time(host, reader, writer, now) if host.vendor else None
    finally:
        writer.transport.abort()
    return certificate, apart


async def _time(
    host: Host, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, now: Callable[[], datetime]
) -> timedelta | None:
    """How far our clock is from a vendor's, by the `Date` of an answer to a request that asks for nothing."""
    writer.write(f"HEAD / HTTP/1.1\r\nHost: {host.name}\r\nConnection: close\r\nAccept: */*\r\n\r\n".encode())
    try:
        head = await reader.readuntil(_END)
        date = BytesHeaderParser().parsebytes(head.partition(b"\r\n")[2])["Date"]
        there = parsedate_to_datetime(date)
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError, TypeError, ConnectionError):
        return None
    return now() - (there if there.tzinfo else there.replace(tzinfo=UTC))


async def _greet(host: Host, context: ssl.SSLContext, seconds: float) -> Mapping[str, Any] | None:
    """Say hello to a mail server, and go on in TLS; nobody logs in."""
    client = aiosmtplib.SMTP(hostname=host.name, port=host.port, timeout=seconds, start_tls=True, tls_context=context)
    try:
        await client.connect()
        certificate: Mapping[str, Any] | None = client.get_transport_info("peercert")
        with suppress(aiosmtplib.SMTPException):
            await client.quit()
    except aiosmtplib.SMTPException as error:
        if isinstance(error.__cause__, OSError):
            raise error.__cause__ from None
        raise
    finally:
        client.close()
    return certificate


def _certified(check: str, host: Host, certificate: Mapping[str, Any] | None, now: datetime, addresses: int) -> Finding:
    """What is to be said of a host that was reached."""
    told = f"reached, {addresses} address{'' if addresses == 1 else 'es'}"
    if not certificate:
        return ok(check, f"{told}, not encrypted" if host.tls == "none" else told)
    begins, ends = (
        datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate[key]), UTC) for key in ("notBefore", "notAfter")
    )
    left = (ends - now).total_seconds()
    said = f"{told}, its certificate is good until {ends:%Y-%m-%d}"
    # By its own span: some are renewed every 90 days, some every 6.
    if left < (ends - begins).total_seconds() / 10:
        when = f"{left / _DAY:.0f} days" if left >= 2 * _DAY else f"{left / 3600:.0f} hours"
        return warning(check, f"{said}: {when}", "have whoever runs the host renew it: nothing passes afterwards")
    return ok(check, said)
