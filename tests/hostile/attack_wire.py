"""The corpus, first part: connections that break, bodies that are no answer, errors of every status."""

import asyncio
import json
import socket
import struct
from datetime import timedelta
from email.utils import format_datetime
from functools import partial

from attack import KEY, MANY, TOKEN
from attack_peers import gzipped, http, packed
from attack_table import FAILS, HARMLESS, REFUSED, Case, at, closed_port, faults, lies, mute, redirected, says, speaks

from watcher.simulator import Fault

DEEP = 100_000
APIMO, ADLEAD = ("leads",), ("purchases",)

case = partial(Case, on=(*APIMO, *ADLEAD))
"""What is below the records is the same for leads and contracts: one of them will do."""


# ---------------------------------------------------------------------------------------------------- connections


async def _mute_midway(scene, writer):
    writer.write(
        http(b'{"success": true, "data": [', length=False).replace(b"\r\n\r\n", b"\r\nContent-Length: 9999\r\n\r\n")
    )
    await writer.drain()
    await mute(scene, writer)


async def _drip(scene, writer):
    """Never silent for more than two seconds, and never done."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n")
    while not writer.is_closing():
        writer.write(b" ")
        await writer.drain()
        scene.pass_time(2)
        for _ in range(10):  # what was sent arrives, and what is due falls due
            await asyncio.sleep(0)


async def _reset_midway(_scene, writer):
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{"leads": [')
    await writer.drain()
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def endless_headers(_scene, writer):
    """Begin an answer and never come to its body."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while not writer.is_closing():
        writer.write(b"X-More: and more\r\n" * 1000)
        await writer.drain()


def _spoken(text):
    return says(text.encode("latin-1"))


CONNECTIONS = (
    case("refused", "the vendor's server is down", at(closed_port), FAILS),
    case("no such name", "its name is gone from the DNS", at("http://api.vendor.invalid"), FAILS, on=APIMO),
    case("hangs before answering", "a query of theirs never ends", speaks(mute), FAILS),
    case("hangs in the middle", "their worker dies while it writes", speaks(_mute_midway), FAILS),
    case("drips", "a byte now and then, for longer than we wait", speaks(_drip), FAILS),
    case("reset before answering", "a balancer drops the connection", faults(Fault("reset")), FAILS),
    case("reset in the middle", "a balancer drops it half-way", speaks(_reset_midway), FAILS),
    case("closed without a word", "a proxy restarts", _spoken(""), FAILS),
    case("cut short", "Content-Length is larger than what comes", faults(Fault("truncated")), FAILS),
    case("one byte short", "all of it but the last bracket", faults(Fault("truncated", args={"keep": 0.999})), FAILS),
    case("not HTTP", "something else listens on the port", _spoken("SSH-2.0-OpenSSH_9.6\r\n"), FAILS),
    case("a header of 100 KiB", "a proxy that adds its whole life", _spoken(f"HTTP/1.1 200 OK\r\nX: {'y' * 102_400}\r\n\r\n"), FAILS),
    case("headers without end", "a peer that means harm", speaks(endless_headers), FAILS),
    case("two lengths", "a proxy and a server disagree", _spoken('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 60\r\n\r\n{}'), FAILS),
    case("a length beyond all", "a counter of theirs went wild", _spoken(f'HTTP/1.1 200 OK\r\nContent-Length: {10**30}\r\n\r\n{{}}'), FAILS),
    case("a broken chunk", "chunked by something that cannot count",
         _spoken('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n{"leads": []}\r\n0\r\n\r\n'), FAILS),
    case("chunks without an end", "the last chunk never comes",
         _spoken('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\n{}\r\n'), FAILS),
    case("endless", "a body that never ends", faults(Fault("endless")), FAILS),
)  # fmt: skip

# ----------------------------------------------------------------------------------------- bodies that are no answer


def _whole(body):
    """A page that would be good, were it not for what is done to it."""
    return lies(lambda _scene: lambda honest: body(honest.body))


BODIES = (
    case("empty", "200 and nothing", says(http(b"")), FAILS),
    case("spaces", "200 and nothing to see", says(http(b" \r\n ")), FAILS),
    case("no content", "204", says(http(b"", "204 No Content")), FAILS),
    case("null", "PHP had nothing to encode", says(http(b"null")), FAILS),
    case("a list", "the envelope is gone", says(http(b"[]")), FAILS),
    case("a list of records", "the envelope is gone, the records are not", _whole(lambda body: http(b"[" + body + b"]")), FAILS),
    case("a string", "an error as text", says(http(b'"Une erreur est survenue"')), FAILS),
    case("a number", "an error as a code", says(http(b"500")), FAILS),
    case("false", "PHP's way of saying no", says(http(b"false")), FAILS),
    case("a page of HTML", "a maintenance page with status 200", faults(Fault("html")), FAILS),
    case("a warning of PHP first", "display_errors is on", _whole(lambda body: http(b"<br />\nWarning: Undefined index\n" + body)), FAILS),
    case("two documents", "the answer was written twice", _whole(lambda body: http(body + body)), FAILS),
    case("half a document", "cut, and counted after the cut", _whole(lambda body: http(body[: len(body) // 2])), FAILS),
    case("UTF-16", "an export, not an answer", _whole(lambda body: http(body.decode().encode("utf-16"))), FAILS),
    case("two byte order marks", "two PHP files saved with one", _whole(lambda body: http(b"\xef\xbb\xbf" * 2 + body)), FAILS),
    case("a byte order mark", "a PHP file saved with one", _whole(lambda body: http(b"\xef\xbb\xbf" + body)), HARMLESS),
    case("a NUL after it", "a C program in the way", _whole(lambda body: http(body + b"\0")), FAILS),
    case("called text", "JSON under the name of HTML", _whole(lambda body: http(body, headers=["Content-Type: text/html"])), HARMLESS),
    case("a length of its own", "Content-Length says less than comes",
         _whole(lambda body: http(b"", headers=[f"Content-Length: {len(body) - 7}"], length=False) + body), FAILS),
    case("100,000 lists deep", "to exhaust the stack", says(http(b"[" * DEEP + b"]" * DEEP)), FAILS),
    case("100,000 objects deep", "to exhaust the stack", says(http(b'{"data":' * DEEP)), FAILS),
    case("deep in the envelope", "to exhaust the stack, beside a good list",
         _whole(lambda body: http(b'{"x":' + b"[" * DEEP + b"]" * DEEP + b"," + body[1:])), FAILS),
    # ------------------------------------------------------------------------------------------------- encodings
    case("a bomb of gzip", "512 MiB in half a one", faults(Fault("gzip-bomb")), FAILS),
    case("broken gzip", "a byte flipped on its way", _whole(lambda body: gzipped(_flipped(packed(body)))), FAILS),
    case("gzip cut short", "its last bytes missing, and counted after that", _whole(lambda body: gzipped(packed(body)[:-9])), FAILS),
    case("something after gzip", "a second answer behind the first", _whole(lambda body: gzipped(packed(body) + b"more")), FAILS),
    case("gzip that is none", "the header lies", _whole(gzipped), FAILS),
    case("gzip of nothing", "the header names the encoding of nothing", says(gzipped(b"")), FAILS),
    case("brotli", "a Content-Encoding that was not asked for", _whole(lambda body: http(body, headers=["Content-Encoding: br"])), FAILS),
    case("gzip twice", "two proxies pack it",
         _whole(lambda body: http(packed(packed(body)), headers=["Content-Encoding: gzip, gzip"])), FAILS),
    case("good gzip", "as it should be", _whole(lambda body: gzipped(packed(body))), HARMLESS),
)  # fmt: skip


def _flipped(wire):
    middle = len(wire) // 2
    return wire[:middle] + bytes([wire[middle] ^ 0x55]) + wire[middle + 1 :]


# ----------------------------------------------------------------------------------------------------- errors


def status(code, **args):
    """The vendor's own error of that status."""
    return faults(Fault("status", args={"code": code, **args}))


def _too_many(seconds, *, as_date=False):
    def answer(scene):
        told = format_datetime(scene.now + timedelta(seconds=seconds), usegmt=True) if as_date else seconds
        return http(b'{"message": "Too Many Attempts."}', "429 Too Many Requests", [f"Retry-After: {told}"])

    return says(answer)


_FRENCH = "Trop de requêtes, veuillez réessayer dans 700 seconde(s)."


def _trace(scene):
    secret = KEY if scene.kind.api == "adlead" else TOKEN
    said = f"SQLSTATE[HY000]: {secret} at https://api.vendor.example/x?key={secret}, user someone@vendor.example"
    trace = [{"file": "/srv/app/vendor/laravel.php", "line": 1}]
    return http(json.dumps({"message": said, "exception": "PDOException", "trace": trace}).encode(), "500 Oops")


ERRORS = (
    case("400", "somebody changed what they take", status(400), FAILS),
    case("401", "the token was changed", status(401), REFUSED),
    case("403, a bad key", "the key was revoked", status(403), REFUSED, on=ADLEAD),
    case("403, a scope", "the key lost the right to read", status(403, message="403 Forbidden"), REFUSED, on=ADLEAD),
    case("403, an agency", "the agency is not ours any more", status(403), REFUSED, on=APIMO),
    case("403, a firewall", "a page of HTML by something in the way", faults(Fault("html", args={"code": 403})), REFUSED),
    case("404", "the partition, or the right to see it, is gone", status(404), FAILS),
    case("405", "the method is no longer offered", status(405), FAILS),
    case("408", "they waited for us", status(408), FAILS),
    case("410", "the address was given up", status(410), FAILS),
    case("419", "Laravel takes us for a form", status(419), FAILS),
    case("422", "a parameter is no longer taken", status(422), FAILS),
    case("425", "too early", status(425), FAILS),
    case("500", "their error", status(500), FAILS),
    case("500 with a trace", "debugging is on, and the trace has secrets", says(_trace), FAILS),
    case("502", "a page of HTML by their proxy", faults(Fault("html", args={"code": 502})), FAILS),
    case("503, come back later", "maintenance, with Retry-After", status(503, headers={"Retry-After": "700"}), FAILS, asks=700),
    case("504", "their proxy gave up", faults(Fault("html", args={"code": 504})), FAILS),
    case("304", "not modified, which nobody asked", status(304), FAILS),
    case("an unknown status", "299 is good, 999 is not", says(http(b"{}", "999 Request denied")), FAILS),
    case("429, in seconds", "one request too many", _too_many(700), FAILS, asks=700),
    case("429, until a date", "one request too many", _too_many(700, as_date=True), FAILS, asks=700),
    case("429, in French", "Adlead says how long in its message", status(429, message=_FRENCH), FAILS, asks=702),
    case("429, garbage", "Retry-After: soon", _too_many("soon"), FAILS, asks=30),
    case("429, ten years", "somebody's idea of a ban", _too_many(315_360_000), FAILS, asks=86_400),
    case("429, a negative wait", "a clock of theirs is wrong", _too_many(-700), FAILS, asks=30),
    case("429, a date long past", "a clock of theirs is wrong", _too_many(-700, as_date=True), FAILS),
    case("429, nothing", "no word about how long", says(http(b"", "429 Too Many Requests")), FAILS, asks=30),
    case("301 elsewhere", "moved, they say", redirected("301 Moved Permanently"), FAILS),
    case("302 elsewhere", "a login page, they say", redirected("302 Found"), FAILS),
    case("307 elsewhere", "the same, with everything we said", redirected("307 Temporary Redirect"), FAILS),
    case("308 elsewhere", "the same for ever", redirected("308 Permanent Redirect"), FAILS),
    # -------------------------------------------------------------------------------------------- in the middle of a walk
    case("500 on the second page", "the first one was good",
         faults(Fault("per-page-ignored"), Fault("status", path="*page=2*")), FAILS, on=ADLEAD, records=MANY),
    case("429 on the second page", "the first one was one too many",
         faults(Fault("per-page-ignored"), Fault("retry-after", path="*page=2*", args={"seconds": 700})), FAILS, on=ADLEAD, records=MANY, asks=700),
    case("no success on the second page", "the first one was good",
         faults(Fault("per-page-ignored"), Fault("success-false", path="*page=2*")), FAILS, on=ADLEAD, records=MANY),
    case("500 on the second part", "the first one was good",
         faults(Fault("clamp-limit", args={"limit": 25}), Fault("status", path="*offset=25*")), FAILS, on=("contracts",), records=MANY),
    case("cut short on the second part", "the first one was good",
         faults(Fault("clamp-limit", args={"limit": 25}), Fault("truncated", path="*offset=25*")), FAILS, on=("contracts",), records=MANY),
)  # fmt: skip
