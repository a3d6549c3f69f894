"""Peers that misbehave: one that says any bytes, and one between us and the vendor that changes what it says."""

import asyncio
import gzip
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

HEARD = ("Authorization", "X-API-Key", "Accept")


def http(body=b"", status="200 OK", headers=(), *, length=True):
    """An answer as bytes; `headers` are lines."""
    lines = [f"HTTP/1.1 {status}", "Connection: close", *headers]
    if not any(line.lower().startswith("content-type") for line in headers):
        lines.append("Content-Type: application/json")
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def gzipped(packed):
    """Bytes under the name of gzip."""
    return http(packed, headers=["Content-Encoding: gzip"])


@asynccontextmanager
async def speaking(speak):
    """Serve with `speak(head, writer)` once a request's head has come; gives the address."""
    tasks, writers = set(), set()

    async def answer(reader, writer):
        tasks.add(asyncio.current_task())
        writers.add(writer)
        try:
            await speak((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"), writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            tasks.discard(asyncio.current_task())
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in writers:
            writer.transport.abort()
        await server.wait_closed()


@dataclass(frozen=True)
class Honest:
    """What the vendor answered: to which path and query, with which status and body."""

    path: str
    status: int
    body: bytes

    @property
    def is_list(self):
        """Whether it lists records, rather than being about one, or an error."""
        return self.status == 200 and self.path.partition("?")[0].endswith(("leads", "contracts", "purchases"))


@asynccontextmanager
async def lying(vendor, lie):
    """Stand before a vendor: ask it honestly, answer with the bytes that `lie` makes of the answer; gives the address."""
    async with aiohttp.ClientSession() as session:

        async def speak(head, writer):
            line, *rest = head.split("\r\n")
            path = line.split(" ")[1]
            given = dict(one.split(": ", 1) for one in rest if ": " in one)
            headers = {name: given[name] for name in HEARD if name in given} | {"Accept-Encoding": "identity"}
            async with session.get(vendor + path, headers=headers) as answer:
                honest = Honest(path, answer.status, await answer.read())
            writer.write(lie(honest))
            await writer.drain()

        async with speaking(speak) as url:
            yield url


# ----------------------------------------------------------------------------------------------------- what is changed


def plainly(honest):
    """The answer as it is."""
    return http(honest.body, f"{honest.status} Whatever")


def of_list(change):
    """A lie about lists: `change` takes the answer's bytes and gives those of an HTTP answer."""
    return lambda honest: change(honest.body) if honest.is_list else plainly(honest)


def written(page):
    """JSON as the vendors write it, so that what is not changed keeps its very bytes."""
    return json.dumps(page, separators=(",", ":")).replace("/", "\\/").encode()


def of_page(change):
    """A lie in the JSON of a list: `change` takes the page and gives another one."""
    return of_list(lambda body: http(written(change(json.loads(body)))))


def of_records(key, change):
    """A lie about the records of a list: `change` takes them and gives others."""
    return of_page(lambda page: page | {key: change(page[key])})


def of_record(kind, victim, change):
    """A lie about one record: `change` takes it and gives another one, or the text that stands in its place."""
    mark = "\x01victim\x01"

    def changed(body):
        page = json.loads(body)
        texts = []
        for place, row in enumerate(page[kind.list_key]):
            if str(row["id"]) == victim:
                new = change(row)
                texts.append(new if isinstance(new, (str, bytes)) else json.dumps(new))
                page[kind.list_key][place] = mark
        text = written(page)
        for new in texts:
            text = text.replace(json.dumps(mark).encode(), new if isinstance(new, bytes) else new.encode())
        return http(text)

    return of_list(changed)


def packed(body):
    """A body in gzip, always the same bytes."""
    return gzip.compress(body, 1, mtime=0)
