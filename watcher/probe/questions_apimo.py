"""What is asked of Apimo: limits, order, the cursor, catalogues."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from watcher.probe import shapes
from watcher.probe.asker import NOT_FOUND, OK, Asker, Seen, Unanswered
from watcher.probe.questions import FEW, conditional, ordered, said
from watcher.probe.scene import Finding, Page, Question, Scene, counted, once, whole_number
from watcher.sources.answers import one_line
from watcher.sources.apimo import PAGE
from watcher.sources.http import segment

CATALOGS = ("lead_step", "lead_type", "contract_step")

_MOST_ENTRIES, _LONGEST_ENTRY = 40, 60


def path(partition: str, keys: Collection[str]) -> str:
    """Where a list is."""
    return f"agencies/{segment(partition)}/{next(iter(keys))}"


async def whole(scene: Scene) -> list[Finding]:
    """Read the list as the daemon does, and see what it is called, how long it is, and whether it was cut."""
    page = scene.whole = await scene.read({"limit": PAGE, "offset": 0})
    came, total = len(page.rows), whole_number(page.body.get("total_items"))
    scene.facts |= {"came": came, "total": total, "page": came if total and came < total else PAGE}
    if total is None or came == total:
        cut = f"no clamp seen: all {came} there are came" if total is not None else "there is no total"
    else:
        cut = f"clamped to {came}" if came < total else f"more came than the total says ({came}, {total})"
    return [
        Finding("key of the list", page.key, f"of {', '.join(sorted(map(_name, page.body)))}"),
        Finding("limit of 10000", cut, f"asked once, {came} of {total if total is not None else 'an unknown total'}"),
    ]


def _name(key: str) -> str:
    return key if key.isidentifier() and len(key) < _LONGEST_ENTRY else shapes.OTHER


async def limit(scene: Scene) -> list[Finding]:
    """Ask for a few records only."""
    everything = scene.some(FEW + 1)
    page = scene.small = await scene.read({"limit": FEW, "offset": 0})
    came, total = len(page.rows), whole_number(page.body.get("total_items"))
    honoured = "honoured" if came == FEW else "ignored" if came == len(everything.rows) else f"gave {came}"
    meaning = {scene.facts["total"]: "that of the whole list", came: "that of the page"}.get(total, "neither's")
    return [
        Finding("a small limit", honoured, f"asked once for {FEW}, {counted(came, 'record')}"),
        Finding("total_items", meaning, f"{total} beside {counted(came, 'record')}"),
    ]


async def offset(scene: Scene) -> list[Finding]:
    """Ask for the next few, and compare with the whole list."""
    everything, first = scene.some(FEW * 2), scene.small
    if first is None:
        raise Unanswered("the first page could not be read")
    page = await scene.read({"limit": FEW, "offset": FEW})
    again = set(page.ids) & set(first.ids)
    if page.ids == first.ids:
        answer = "ignored: the same page came"
    elif again:
        answer = f"pages overlap by {counted(len(again), 'record')}"
    else:
        answer = "honoured, pages do not overlap"
    same = everything.ids[: FEW * 2] == [*first.ids, *page.ids]
    order = "in the order of the whole list" if same else "in another order than the whole list's"
    return [Finding("offset", answer, f"asked twice for {FEW}, {order}")]


async def cursor(scene: Scene) -> list[Finding]:
    """Read from the time of the newest record, and from a second later."""
    everything = scene.some(1)
    told, known = whole_number(everything.body.get("timestamp")), shapes.newest(everything.rows)
    newest = told or (int(known[0]) if known else None)
    if newest is None:
        raise Unanswered("neither the list nor its records say a time")
    here = await scene.read({"limit": PAGE, "offset": 0, "timestamp": newest})
    findings = [Finding("zone of updated_at", _zone(told, known), f"{counted(len(everything.rows), 'record')}")]
    findings += _inclusive(scene, everything, here, newest)
    after = await scene.read({"limit": PAGE, "offset": 0, "timestamp": newest + 1})
    if after.rows:
        value = f"not seen: {counted(len(after.rows), 'record')} came a second after the newest one"
    else:
        value = _timestamp(after, newest)
    return [*findings, Finding("timestamp of an empty answer", value, once(after))]


def _zone(told: int | None, known: tuple[float, float] | None) -> str:
    if told is None or known is None:
        return "the list has no timestamp to compare with"
    if told == int(known[0]):
        return "Europe/Paris: the newest one is the timestamp of the list"
    return "UTC" if told == int(known[1]) else f"unclear: the newest is {told - int(known[0])} s off the timestamp"


def _inclusive(scene: Scene, everything: Page, here: Page, newest: int) -> list[Finding]:
    at = {str(row.get("id")) for row in everything.rows if shapes.instant(row.get("updated_at")) == newest}
    came = set(here.ids)
    if len(came) == len(everything.rows) > len(at):
        kind = "ignored"
    elif at:
        kind = "inclusive" if at <= came else "exclusive"
    else:
        kind = "unclear"
    scene.facts["cursor"] = kind
    total, whole_of = whole_number(here.body.get("total_items")), scene.facts.get("total")
    count = {len(here.rows): "that of the answer", whole_of: "that of the whole list"}.get(total, "neither's")
    evidence = f"asked once, {len(at & came)} of {counted(len(at), 'record')} of that second came"
    return [
        Finding("timestamp", kind, evidence),
        Finding("total_items beside timestamp", count, f"{total} beside {counted(len(here.rows), 'record')}"),
    ]


def _timestamp(page: Page, newest: int) -> str:
    if "timestamp" not in page.body:
        return "absent"
    value = page.body["timestamp"]
    number = whole_number(value)
    if value is None or number is None:
        return "null" if value is None else "no number"
    return {0: "0", newest: "that of the newest record", newest + 1: "the one that was asked"}.get(number, "another")


async def catalogs(ask: Asker) -> list[Finding]:
    """Read the catalogues that give codes a name, as far as there are any."""
    findings = []
    for name in CATALOGS:
        try:
            seen = await ask.ask(f"catalogs/{name}", {"culture": "fr"}, also=(NOT_FOUND,))
        except Unanswered as error:
            findings.append(Finding(f"catalogue {name}", said(error), ""))
            continue
        findings.append(Finding(f"catalogue {name}", _entries(seen), f"asked once, HTTP {seen.status}"))
    return findings


def _entries(seen: Seen) -> str:
    if seen.status != OK:
        return "there is none"
    rows: list[Any] = seen.body if isinstance(seen.body, list) else []
    named = [(row.get("id"), row.get("name")) for row in rows[:_MOST_ENTRIES] if isinstance(row, dict)]
    texts = (f"{one_line(str(code))[:10]} {one_line(str(name))[:_LONGEST_ENTRY]}" for code, name in named)
    return ", ".join(texts) or "no list of entries"


QUESTIONS = (
    Question("whole", 1, whole),
    Question("limit", 1, limit),
    Question("offset", 1, offset),
    Question("order", 0, ordered),
    Question("cursor", 2, cursor),
    Question("conditional", 1, conditional),
)
