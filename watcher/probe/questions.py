"""What is asked of every API alike."""

from __future__ import annotations

from collections.abc import Mapping

from watcher.probe import headers, shapes
from watcher.probe.asker import NOT_MODIFIED, REFUSED, TOO_MANY, Asker, Seen, Unanswered
from watcher.probe.scene import Finding, Scene, counted

FEW = 3
"""Records of a small page."""

_WRONG = (*REFUSED, 400, 404, TOO_MANY, 500)


async def ordered(scene: Scene) -> list[Finding]:
    """See what the list is sorted by; what was read is enough."""
    page = scene.some(FEW)
    answer = shapes.order(page.rows)
    scene.facts["order"] = answer
    return [Finding("order of the list", answer, f"looked at {counted(len(page.rows), 'record')}")]


async def conditional(scene: Scene) -> list[Finding]:
    """Ask for the list again, unless it is the same."""
    page = scene.small or scene.all()
    asked = headers.conditions(page.seen.headers)
    if not asked:
        return [Finding("conditional GET", "cannot be asked: no ETag, no Last-Modified", "no request")]
    seen = await scene.ask.ask(scene.path, page.query, asked, also=(NOT_MODIFIED,))
    answer = "honoured" if seen.status == NOT_MODIFIED else "ignored"
    return [Finding("conditional GET", answer, f"{', '.join(asked)}: HTTP {seen.status}")]


async def unauthorised(ask: Asker, path: str, credentials: Mapping[str, str]) -> list[Finding]:
    """Ask once with a credential that is none."""
    try:
        seen = await ask.ask(path, None, credentials, also=_WRONG)
    except Unanswered as error:
        return [Finding("a wrong key", said(error), "asked once")]
    scheme = "; says WWW-Authenticate" if seen.headers.get("WWW-Authenticate") else ""
    return [Finding("a wrong key", f"HTTP {seen.status}, {body_of(seen)}{scheme}", "asked once")]


def body_of(seen: Seen) -> str:
    """What the body of an answer is made of: names and types."""
    if not isinstance(seen.body, dict):
        return f"a body of {_kind(seen.body)}" if seen.body is not None else "no JSON"
    fields = (f"{shape.path} ({', '.join(shape.types)})" for shape in shapes.shapes([seen.body]))
    return f"an object with {', '.join(fields) or 'nothing'}"


def _kind(body: object) -> str:
    return "a list" if isinstance(body, list) else "a plain value"


def said(error: Unanswered) -> str:
    """Why there is no answer."""
    return f"not answered: {error}"
