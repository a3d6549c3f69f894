"""Apimo's API: agencies with their leads and contracts, and catalogs."""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from email.utils import format_datetime
from typing import Any

from watcher.simulator.answers import Answer, Call, error
from watcher.simulator.limits import Window, until_midnight
from watcher.simulator.records import Record
from watcher.simulator.times import PARIS, paris, unix
from watcher.simulator.world import UnknownPartition, World

MOST = 10_000
CATALOGS: Mapping[str, Sequence[tuple[int, str, str]]] = {
    "lead_step": ((1, "Nouveau", "Nouveaux"), (2, "En cours", "En cours"), (3, "Clôturé", "Clôturés")),
    "lead_type": (
        (1, "Demande de contact", "Demandes de contact"),
        (2, "Demande d'estimation", "Demandes d'estimation"),
        (3, "Alerte e-mail", "Alertes e-mail"),
    ),
}
TEXTS = ("lastname", "firstname", "email", "phone", "fax", "mobile")
RANGES = {"area": ("area_unit", "unit"), "room": None, "bedroom": None, "price": ("currency", "currency")}


class Apimo:
    """Answers as api.apimo.pro does, out of a world."""

    def __init__(
        self,
        provider: str,
        token: str,
        *,
        clock: Callable[[], float],
        rate: int | None = 10,
        daily: int | None = 1000,
        order: str = "id",
    ) -> None:
        """Let in `provider` with `token`, at `rate` requests a second and `daily` a day of Paris."""
        self.provider = provider
        self.order = order
        self.contracts_key = "contracts"
        self.empty_timestamp: int | None = None
        pair = base64.b64encode(f"{provider}:{token}".encode()).decode()
        self._login = f"basic {pair}"
        self.second = Window(rate, lambda: 1.0, clock)
        self.day = Window(daily, until_midnight, clock)

    def answer(self, call: Call, world: World) -> Answer:
        """Answer one call; only a posted lead changes the world."""
        answer = self._refusal(call) or self._route(call, world)
        stamp = format_datetime(world.now.astimezone(PARIS))
        headers = {"Date": stamp, **answer.headers}
        return Answer("apimo", answer.status, answer.body, headers)

    def _refusal(self, call: Call) -> Answer | None:
        scheme, _, pair = call.headers.get("authorization", "").partition(" ")
        if f"{scheme.lower()} {pair.strip()}" != self._login:
            return error("apimo", 401, headers={"WWW-Authenticate": 'Basic realm="Apimo"'})
        for window in (self.second, self.day):
            verdict = window.ask()
            if verdict and not verdict.allowed:
                return error("apimo", 429)
        return None

    def _route(self, call: Call, world: World) -> Answer:
        try:
            match call.method, *call.parts:
                case "GET", "agencies":
                    answer = self._agencies(world)
                case "GET", "agencies", agency, ("leads" | "contracts") as stream:
                    answer = self._list(call, world, stream, agency)
                case "POST", "agencies", agency, "leads":
                    answer = self._post_lead(call, world, agency)
                case "GET", "catalogs":
                    answer = Answer("apimo", body=[{"name": name, "path": f"/catalogs/{name}"} for name in CATALOGS])
                case "GET", "catalogs", name if name in CATALOGS:
                    answer = self._catalog(call, name)
                case _, "agencies", *rest if not rest or rest[1:] in (["leads"], ["contracts"]):
                    answer = error("apimo", 405)
                case _:
                    answer = error("apimo", 404)
        except UnknownPartition:
            answer = error("apimo", 404, "Agency not found")
        return answer

    def _agencies(self, world: World) -> Answer:
        agencies = [
            {"id": _number(name), "reference": f"A{name}", "active": True, "name": f"Agence {name}"}
            for name in world.partitions("leads")
        ]
        return Answer("apimo", body={"total_items": len(agencies), "agencies": agencies})

    def _catalog(self, call: Call, name: str) -> Answer:
        culture = call.query.get("culture", "fr")
        entries = [
            {"id": code, "culture": culture, "name": one, "name_plurial": many} for code, one, many in CATALOGS[name]
        ]
        return Answer("apimo", body=entries)

    def _list(self, call: Call, world: World, stream: str, agency: str) -> Answer:
        rows = world.rows(stream, agency, self.order)
        since = call.number("timestamp", 0)
        if since > 0:
            rows = [row for row in rows if unix(row.get("updated_at")) >= since]
        limit, offset = call.number("limit", MOST), max(0, call.number("offset", 0))
        page = rows[offset : offset + min(limit if limit > 0 else MOST, MOST)]
        newest = max((unix(row.get("updated_at")) for row in page), default=self.empty_timestamp)
        key = self.contracts_key if stream == "contracts" else stream
        return Answer("apimo", body={key: list(page), "total_items": len(rows), "timestamp": newest})

    def _post_lead(self, call: Call, world: World, agency: str) -> Answer:
        world.rows("leads", agency)  # an unknown agency is told before a bad lead
        try:
            sent = json.loads(call.body)
        except ValueError:
            sent = None
        if not isinstance(sent, dict):
            return error("apimo", 400, "The request body is not a JSON object")
        if not str(sent.get("reference") or "").strip():
            return error("apimo", 422, errors={"reference": ["This value should not be blank."]})
        record = world.put("leads", agency, self._lead(sent, world))
        return Answer("apimo", body={name: record[name] for name in ("id", "created_at", "updated_at")})

    def _lead(self, sent: Mapping[str, Any], world: World) -> Record:
        """Return the lead that the list shows after this one was posted."""
        now = paris(world.now)
        record: Record = {
            "parent": None,
            "provider": _number(self.provider),
            "type": str(sent.get("type") or "1"),
            "step": str(sent.get("step") or "1"),
            "date": str(sent.get("date") or now),
            "reference": str(sent["reference"]),
            **{name: str(sent.get(name) or "") for name in TEXTS},
            "contact": None,
            "request": None,
        }
        record |= {name: str(sent[name]) for name in ("language", "message") if sent.get(name)}
        criteria = _criteria(sent)
        return record | ({"criteria": criteria} if criteria else {}) | {"created_at": now, "updated_at": now}


def _number(text: str) -> int | str:
    return int(text) if text.isdecimal() else text


def _criteria(sent: Mapping[str, Any]) -> Record:
    """Return what is sought, as the list nests it: area, rooms and price with their bounds."""
    criteria: Record = {}
    for name, unit in RANGES.items():
        bounds = {bound: sent[f"{name}_{bound}"] for bound in ("min", "max") if sent.get(f"{name}_{bound}")}
        if bounds and unit and sent.get(unit[0]):
            bounds[unit[1]] = sent[unit[0]]
        if bounds:
            criteria[name] = bounds
    return criteria
