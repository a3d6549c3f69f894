"""Adlead's API: a tenant's programmes with their purchases, in Laravel's ways."""

from collections.abc import Callable, Mapping, Sequence
from math import ceil
from time import time
from typing import Any

from watcher.simulator.answers import Answer, Call, error, too_many
from watcher.simulator.limits import Verdict, Window
from watcher.simulator.world import World

DEFAULT, MOST = 50, 100
EACH_SIDE = 3  # page buttons shown beside the current one


class Adlead:
    """Answers as api.adlead.immo does, out of a world."""

    def __init__(
        self,
        tenant: str,
        key: str,
        *,
        clock: Callable[[], float],
        rate: int | None = 60,
        order: str = "id",
    ) -> None:
        """Let in whoever holds `key`, to `tenant`, at `rate` requests a minute."""
        self.tenant = tenant
        self.order = order
        self._key = key
        self.minute = Window(rate, lambda: 60.0, clock)

    def answer(self, call: Call, world: World) -> Answer:
        """Answer one call; nothing changes the world."""
        tenant = call.parts[1] if len(call.parts) > 1 else ""
        if call.headers.get("x-api-key") != self._key or tenant != self.tenant:
            return error("adlead", 403)
        verdict = self.minute.ask()
        if verdict and not verdict.allowed:
            return self._refusal(verdict)
        answer = self._route(call, world)
        headers = {**answer.headers, **(_limits(verdict) if verdict else {})}
        return Answer("adlead", answer.status, answer.body, headers)

    def _refusal(self, verdict: Verdict) -> Answer:
        wait = verdict.wait
        headers = {"Retry-After": str(wait), "X-RateLimit-Reset": str(int(time()) + wait), **_limits(verdict)}
        return error("adlead", 429, too_many(wait), headers=headers)

    def _route(self, call: Call, world: World) -> Answer:
        match call.parts[2:]:
            case ():
                tenant = {"key": self.tenant, "name": self.tenant.replace("-", " ").title()}
                answer = _success({"name": "API", "tenant": tenant})
            case "programs", program, "purchases", *rest if len(rest) <= 1:
                if program not in world.partitions("purchases"):
                    answer = _missing("Program", program)
                else:
                    answer = self._detail(world, program, rest[0]) if rest else self._list(call, world, program)
            case _:
                return error("adlead", 404)
        if call.method not in ("GET", "HEAD"):
            return error("adlead", 405, f"The {call.method} method is not supported for this route.")
        return answer

    def _detail(self, world: World, program: str, purchase_id: str) -> Answer:
        purchase = world.get("purchases", program, purchase_id)
        return _success(purchase) if purchase else _missing("Purchase", purchase_id)

    def _list(self, call: Call, world: World, program: str) -> Answer:
        rows = world.rows("purchases", program, self.order)
        page = max(1, call.number("page", 1))
        per_page = min(max(1, call.number("per_page", DEFAULT)), MOST)
        shown = rows[(page - 1) * per_page : page * per_page]
        # As PHP sees it behind the proxy that ends TLS: http, and no parameter but the page.
        path = f"http://{call.headers.get('host', 'localhost')}{call.path}"
        pages = paginated(path, page, per_page, len(rows), len(shown))
        return Answer("adlead", body={"success": True, "message": None, "data": list(shown), **pages})


def paginated(path: str, page: int, per_page: int, total: int, shown: int) -> dict[str, Any]:
    """Return `links` and `meta` as Laravel's LengthAwarePaginator writes them."""
    last = max(1, ceil(total / per_page))
    first_row = (page - 1) * per_page + 1
    previous = f"{path}?page={page - 1}" if page > 1 else None
    following = f"{path}?page={page + 1}" if page < last else None
    buttons = [
        {"url": f"{path}?page={n}" if n else None, "label": str(n or "..."), "active": n == page}
        for n in _window(page, last)
    ]
    return {
        "links": {
            "first": f"{path}?page=1",
            "last": f"{path}?page={last}",
            "prev": previous,
            "next": following,
        },
        "meta": {
            "current_page": page,
            "from": first_row if shown else None,
            "last_page": last,
            "links": [
                {"url": previous, "label": "« Previous", "active": False},
                *buttons,
                {"url": following, "label": "Next »", "active": False},
            ],
            "path": path,
            "per_page": per_page,
            "to": first_row + shown - 1 if shown else None,
            "total": total,
        },
    }


def _window(page: int, last: int) -> Sequence[int]:
    """Return the pages that have a button, 0 for a gap: Laravel's UrlWindow."""
    near = EACH_SIDE + 4
    if last < EACH_SIDE * 2 + 8:
        return range(1, last + 1)
    if page <= near:
        return [*range(1, near + EACH_SIDE + 1), 0, last - 1, last]
    if page > last - near:
        return [1, 2, 0, *range(last - (near + EACH_SIDE - 1), last + 1)]
    return [1, 2, 0, *range(page - EACH_SIDE, page + EACH_SIDE + 1), 0, last - 1, last]


def _success(data: Mapping[str, Any]) -> Answer:
    return Answer("adlead", body={"success": True, "message": None, "data": data})


def _missing(model: str, missing: str) -> Answer:
    return error("adlead", 404, f"No query results for model [App\\Models\\{model}] {missing}")


def _limits(verdict: Verdict) -> dict[str, str]:
    return {"X-RateLimit-Limit": str(verdict.limit), "X-RateLimit-Remaining": str(verdict.remaining)}
