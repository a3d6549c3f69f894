"""The control API under /_sim/: what drives the simulator from another process."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from aiohttp import web

from watcher.simulator.faults import Fault, Faults
from watcher.simulator.journal import Journal
from watcher.simulator.pace import Pace
from watcher.simulator.times import iso
from watcher.simulator.world import UnknownPartition, World

Handler = Callable[[web.Request], Awaitable[Any]]
LONGEST = 1e9  # seconds: some thirty years
RECORDS = "/_sim/records/{stream}/{partition}"


class Control:
    """Answers the control API, in JSON; an error is `{"error": what is wrong}` with status 400 or 404."""

    def __init__(self, world: World, faults: Faults, pace: Pace, journal: Journal) -> None:
        """Drive these."""
        self._world = world
        self._faults = faults
        self._pace = pace
        self._journal = journal

    def routes(self) -> list[web.RouteDef]:
        """Return all routes."""
        table: list[tuple[str, str, Handler]] = [
            ("GET", RECORDS, self.records),
            ("PUT", RECORDS, self.put),
            ("POST", RECORDS, self.make),
            ("GET", RECORDS + "/{id}", self.record),
            ("PATCH", RECORDS + "/{id}", self.patch),
            ("DELETE", RECORDS + "/{id}", self.remove),
            ("GET", "/_sim/faults", self.faults),
            ("POST", "/_sim/faults", self.add_fault),
            ("DELETE", "/_sim/faults", self.clear_faults),
            ("DELETE", "/_sim/faults/{id}", self.clear_fault),
            ("GET", "/_sim/requests", self.requests),
            ("DELETE", "/_sim/requests", self.clear_requests),
            ("GET", "/_sim/happenings", self.happenings),
            ("GET", "/_sim/life", self.life),
            ("POST", "/_sim/life", self.set_life),
            ("POST", "/_sim/advance", self.advance),
            ("*", "/_sim/{rest:.*}", self.unknown),
        ]
        return [web.route(method, path, self._json(handler)) for method, path, handler in table]

    def _json(self, handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answered(request: web.Request) -> web.StreamResponse:
            self._pace.sync()
            try:
                return web.json_response(await handler(request))
            except UnknownPartition as error:
                return web.json_response({"error": str(error)}, status=404)
            except KeyError as error:
                return web.json_response({"error": f"there is no {error.args[0]}"}, status=404)
            except ValueError as error:
                return web.json_response({"error": str(error)}, status=400)

        return answered

    async def records(self, request: web.Request) -> Any:
        """Return all records of a partition."""
        return self._world.records(*_partition(request))

    async def record(self, request: web.Request) -> Any:
        """Return one record."""
        record = self._world.get(*_partition(request), request.match_info["id"])
        if record is None:
            raise KeyError(request.match_info["id"])
        return record

    async def put(self, request: web.Request) -> Any:
        """Create or replace a record, exactly as it is sent."""
        return self._world.put(*_partition(request), await _object(request))

    async def make(self, request: web.Request) -> Any:
        """Create a plausible record, with the fields that are sent laid over it."""
        return self._world.make(*_partition(request), await _object(request))

    async def patch(self, request: web.Request) -> Any:
        """Change a record: `{"fields": {...}, "touch": true, "drop": [names]}`."""
        sent = await _object(request)
        _only(sent, "fields", "touch", "drop")
        fields, touch, drop = sent.get("fields", {}), sent.get("touch", True), sent.get("drop", [])
        if not isinstance(fields, dict) or not isinstance(touch, bool) or not isinstance(drop, list):
            raise ValueError("fields is an object, touch is true or false, drop is a list of names")
        return self._world.patch(*_partition(request), request.match_info["id"], fields, touch=touch, drop=drop)

    async def remove(self, request: web.Request) -> Any:
        """Take a record out."""
        return self._world.remove(*_partition(request), request.match_info["id"])

    async def faults(self, _request: web.Request) -> Any:
        """Return the faults that are on."""
        return self._faults.listed()

    async def add_fault(self, request: web.Request) -> Any:
        """Switch a fault on."""
        return {"id": self._faults.add(Fault.from_json(await _object(request)))}

    async def clear_faults(self, _request: web.Request) -> Any:
        """Switch all faults off."""
        self._faults.clear()
        return {}

    async def clear_fault(self, request: web.Request) -> Any:
        """Switch one fault off."""
        self._faults.clear(int(request.match_info["id"]))
        return {}

    async def requests(self, request: web.Request) -> Any:
        """Return the log of requests, with `?since=n` those after the nth."""
        return [asdict(asked) for asked in self._journal.since(int(request.query.get("since", "0")))]

    async def clear_requests(self, _request: web.Request) -> Any:
        """Forget the log of requests."""
        self._journal.clear()
        return {}

    async def happenings(self, _request: web.Request) -> Any:
        """Return what happened lately."""
        return [asdict(one) | {"at": iso(one.at)} for one in self._pace.happenings]

    async def life(self, _request: web.Request) -> Any:
        """Return how life goes."""
        return self._pace.state()

    async def set_life(self, request: web.Request) -> Any:
        """Change how life goes: `{"running": bool, "speed": number, "activity": number}`, each optional."""
        sent = await _object(request)
        _only(sent, "running", "speed", "activity")
        if not isinstance(sent.get("running", True), bool):
            raise ValueError("running is true or false")
        self._pace.set(**sent)
        return self._pace.state()

    async def advance(self, request: web.Request) -> Any:
        """Let virtual time pass at once: `{"seconds": number}`."""
        sent = await _object(request)
        _only(sent, "seconds")
        seconds = sent.get("seconds")
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds <= LONGEST:
            raise ValueError("seconds is a number of at least 0")
        await self._pace.advance(seconds)
        return self._pace.state()

    async def unknown(self, request: web.Request) -> Any:
        """Say that there is no such thing, lest a typing error reach a vendor's API."""
        raise KeyError(f"{request.method} {request.path}")


def _partition(request: web.Request) -> tuple[str, str]:
    return request.match_info["stream"], request.match_info["partition"]


async def _object(request: web.Request) -> dict[str, Any]:
    value = json.loads(await request.read() or b"{}")
    if not isinstance(value, dict):
        raise ValueError("the body is not a JSON object")
    return value


def _only(sent: dict[str, Any], *names: str) -> None:
    unknown = sent.keys() - set(names)
    if unknown:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(names)}")
