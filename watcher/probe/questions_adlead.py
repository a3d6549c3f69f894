"""What is asked of Adlead: pages, their size and order, the detail, the tenant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from watcher.probe.asker import NOT_FOUND, OK, UNPROCESSABLE, Asker, Unanswered
from watcher.probe.questions import FEW, body_of, conditional, ordered, said
from watcher.probe.scene import Finding, Page, Question, Scene, counted, whole_number
from watcher.sources.adlead import PER_PAGE
from watcher.sources.http import segment

TOO_LARGE, TOO_FAR = 1000, 9999


def path(tenant: str, program: str) -> str:
    """Where a list is."""
    return f"{segment(tenant)}/programs/{segment(program)}/purchases"


def meta(page: Page) -> Mapping[str, Any]:
    """What the answer says of its pages."""
    found = page.body.get("meta")
    return found if isinstance(found, dict) else {}


async def whole(scene: Scene) -> list[Finding]:
    """Read the first page as the daemon does."""
    page = scene.whole = await scene.read({"page": 1, "per_page": PER_PAGE})
    came, total = len(page.rows), whole_number(meta(page).get("total"))
    size = whole_number(meta(page).get("per_page"))
    scene.facts |= {"came": came, "total": total, "page": size or PER_PAGE}
    honoured = "honoured" if size == PER_PAGE else f"became {size}" if size else "not said in meta"
    return [
        Finding(
            "key of the list", page.key, f"of {', '.join(sorted(name for name in page.body if name.isidentifier()))}"
        ),
        Finding(
            "per_page of 100", honoured, f"asked once, {came} of {total if total is not None else 'an unknown total'}"
        ),
    ]


async def small(scene: Scene) -> list[Finding]:
    """Read two small pages, and compare them with the first large one."""
    everything = scene.some(FEW + 1)
    first = scene.small = await scene.read({"page": 1, "per_page": FEW})
    second = await scene.read({"page": 2, "per_page": FEW})
    again = set(first.ids) & set(second.ids)
    if first.ids == second.ids:
        paging = "ignored: the same page came"
    else:
        paging = f"pages overlap by {counted(len(again), 'record')}" if again else "honoured, pages do not overlap"
    came = [*first.ids, *second.ids]
    same = "in the order" if came == everything.ids[: len(came)] else "in another order than that"
    total = whole_number(meta(first).get("total"))
    meaning = {scene.facts["total"]: "that of the whole list", len(first.rows): "that of the page"}.get(
        total, "neither's"
    )
    return [
        Finding(
            "a small per_page",
            "honoured" if len(first.rows) == FEW else f"gave {len(first.rows)}",
            f"asked once for {FEW}, {counted(len(first.rows), 'record')}",
        ),
        Finding("page", paging, f"asked twice for {FEW}, {same} of the first page of 100"),
        Finding("total", meaning, f"{total} beside {counted(len(first.rows), 'record')}"),
    ]


async def large(scene: Scene) -> list[Finding]:
    """Ask for more than the documented maximum."""
    scene.all()
    query = {"page": 1, "per_page": TOO_LARGE}
    seen = await scene.ask.ask(scene.path, query, also=(400, UNPROCESSABLE))
    if seen.status != OK:
        return [Finding("per_page of 1000", f"refused: HTTP {seen.status}", "asked once")]
    said_of = seen.body.get("meta") if isinstance(seen.body, dict) else None
    size = whole_number(said_of.get("per_page")) if isinstance(said_of, dict) else None
    answer = "honoured" if size == TOO_LARGE else f"clamped to {size}" if size else "not said in meta"
    return [Finding("per_page of 1000", answer, "asked once, by meta.per_page")]


async def beyond(scene: Scene) -> list[Finding]:
    """Ask for a page that there is not."""
    scene.all()
    seen = await scene.ask.ask(scene.path, {"page": TOO_FAR, "per_page": PER_PAGE}, also=(NOT_FOUND,))
    rows = seen.body.get("data") if isinstance(seen.body, dict) else None
    answer = f"{counted(len(rows), 'record')}" if isinstance(rows, (list, dict)) else f"HTTP {seen.status}"
    return [Finding("a page beyond the last", answer, f"asked once, HTTP {seen.status}")]


async def detail(scene: Scene) -> list[Finding]:
    """Compare a record with its own page."""
    row = scene.some(1).rows[0]
    seen = await scene.ask.ask(f"{scene.path}/{segment(str(row.get('id')))}", also=(NOT_FOUND,))
    found = seen.body.get("data") if isinstance(seen.body, dict) else None
    if not isinstance(found, dict):
        return [Finding("detail", "there is none", f"asked once, HTTP {seen.status}")]
    if found == row:
        return [Finding("detail", "equals the list's item", "asked once, 1 of 1")]
    more, less = len(found.keys() - row.keys()), len(row.keys() - found.keys())
    differ = sum(found[name] != row[name] for name in found.keys() & row.keys())
    return [Finding("detail", f"differs: {more} fields more, {less} less, {differ} with another value", "asked once")]


async def canceled(scene: Scene) -> list[Finding]:
    """See whether canceled purchases are listed; what was read is enough."""
    rows = scene.some(1).rows
    listed = sum(row.get("status") in ("canceled", "cancelled") for row in rows)
    answer = "stay in the list" if listed else "none is in the list, which says nothing if there were none"
    return [Finding("canceled purchases", answer, f"{listed} of {counted(len(rows), 'record')}")]


async def tenant(ask: Asker, name: str) -> list[Finding]:
    """Ask for the tenant itself."""
    try:
        seen = await ask.ask(segment(name), also=(NOT_FOUND,))
    except Unanswered as error:
        return [Finding("the tenant's own page", said(error), "asked once")]
    answer = body_of(seen) if seen.status == OK else "there is none"
    return [Finding("the tenant's own page", answer, f"asked once, HTTP {seen.status}")]


QUESTIONS = (
    Question("whole", 1, whole),
    Question("small", 2, small),
    Question("large", 1, large),
    Question("beyond", 1, beyond),
    Question("order", 0, ordered),
    Question("detail", 1, detail),
    Question("canceled", 0, canceled),
    Question("conditional", 1, conditional),
)
