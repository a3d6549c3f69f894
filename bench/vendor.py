"""`python -m bench.vendor`: the vendors and a webhook's receiver, in a process of their own, as cheap as can be.

It prints its port. What it answers is PUT to `/pages/STREAM/PLACE` as wire bytes (gzip, unless `Content-Encoding:
identity`) and asked for as the vendors' clients do; every agency and every programme has the same. `/arrivals` and
`/hooks` say what came when, by the machine's monotonic clock, and are emptied by DELETE.
"""

from __future__ import annotations

import asyncio
import json
import time
from urllib.parse import parse_qs, urlsplit

import msgspec

_END = b"\r\n\r\n"


class Vendor(asyncio.Protocol):
    """One connection."""

    pages: dict[tuple[str, str], tuple[str, bytes]] = {}  # noqa: RUF012 - one for all connections
    arrivals: list[float] = []  # noqa: RUF012
    hooks: list[tuple[float, bytes]] = []  # noqa: RUF012

    def __init__(self) -> None:
        self.buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody calls."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that is here whole."""
        self.buffer += data
        while (end := self.buffer.find(_END)) >= 0:
            head = self.buffer[:end].decode("latin-1").split("\r\n")
            fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
            whole = end + len(_END) + int(fields.get("content-length", "0"))
            if len(self.buffer) < whole:
                return
            body = bytes(self.buffer[end + len(_END) : whole])
            del self.buffer[:whole]
            method, target, _ = head[0].split(" ", 2)
            self.answer(method, target, fields, body)

    def answer(self, method: str, target: str, fields: dict[str, str], body: bytes) -> None:
        """Answer one request."""
        address = urlsplit(target)
        parts = address.path.strip("/").split("/")
        match method, parts:
            case "PUT", ["pages", stream, place]:
                self.pages[stream, place] = (fields.get("content-encoding", "gzip"), body)
                self.say(204)
            case "POST", ["hook"]:
                self.hooks.append((time.monotonic(), body))
                self.say(200)
            case "GET", ["hooks"]:
                self.say(200, json.dumps([_told(at, told) for at, told in self.hooks]).encode())
            case "GET", ["hooks", "count"]:
                self.say(200, str(len(self.hooks)).encode())
            case "GET", ["arrivals"]:
                self.say(200, json.dumps(self.arrivals).encode())
            case "DELETE", _:
                self.arrivals.clear()
                self.hooks.clear()
                self.say(204)
            case "GET", [*_, stream] if stream in ("leads", "contracts", "purchases"):
                self.arrivals.append(time.monotonic())
                query = parse_qs(address.query)
                place = query.get("offset", query.get("page", ["0"]))[0]
                self.page(stream, place)
            case _:
                self.say(404, b'{"message":"nothing here"}')

    def page(self, stream: str, place: str) -> None:
        """Answer a page."""
        found = self.pages.get((stream, place))
        if found is None:
            self.say(404, b'{"message":"no such page"}')
        else:
            self.say(200, found[1], "" if found[0] == "identity" else f"Content-Encoding: {found[0]}\r\n")

    def say(self, status: int, body: bytes = b"", more: str = "") -> None:
        """Send it."""
        length = "" if status == 204 else f"Content-Length: {len(body)}\r\n"
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{length}{more}\r\n"
        self.transport.write(head.encode() + body)  # type: ignore[attr-defined]


def _told(at: float, body: bytes) -> tuple[float, str, str, int]:
    event = msgspec.json.decode(body)
    return at, event["type"], event["subject"], int(event["sequence"])


async def main() -> None:
    """Serve until the process is ended."""
    server = await asyncio.get_running_loop().create_server(Vendor, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
