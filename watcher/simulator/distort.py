"""What a fault makes of a question and of its answer: pure, whatever can be said before the wire."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from random import Random
from typing import Any

from watcher.simulator.answers import Answer, Call, error, too_many

Args = Mapping[str, Any]
PAGE = """<!doctype html>
<html lang="fr"><head><title>Maintenance</title></head><body><h1>Bientôt de retour</h1></body></html>
"""
# What a key loses when somebody narrows its rights.
PRIVATE = (
    "status",
    "cancellation_type",
    "canceled_at",
    "step",
    "contract_at",
    "opened",
    "assigned",
    "closed",
)
CODES = {
    "id",
    "type",
    "step",
    "contact",
    "property",
    "request",
    "user",
    "agency",
    "provider",
    "parent",
    "lead_id",
}


def asked(call: Call, kind: str, args: Args) -> Call:
    """Return the question that a fault of this kind has the API hear instead."""
    query = dict(call.query)
    match kind:
        case "per-page-ignored":
            query.pop("per_page", None)
        case "page-ignored":
            query.pop("page", None)
            query.pop("offset", None)
        case "clamp-limit":
            most, name = args.get("limit", 100), "limit" if call.api == "apimo" else "per_page"
            asked_for = call.number(name, most)
            query[name] = str(min(asked_for, most) if asked_for > 0 else most)
    return replace(call, query=query)


def told(answer: Answer, kind: str, args: Args, random: Random) -> Answer:
    """Return the answer that a fault of this kind gives in the place of the right one."""
    if kind == "shuffle":
        return _in_list(lambda rows, _args: _shuffled(rows, random))(answer, args)
    change = CHANGES.get(kind)
    return change(answer, args) if change else answer


def _instead(answer: Answer, code: int, raw: bytes, content_type: str = "") -> Answer:
    return replace(answer, status=code, body=None, raw=raw, content_type=content_type)


def _status(answer: Answer, args: Args) -> Answer:
    return error(answer.api, args.get("code", 500), args.get("message"), headers=args.get("headers"))


def _retry_after(answer: Answer, args: Args) -> Answer:
    seconds, code = args.get("seconds", 30), args.get("code", 429)
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
    match args.get("form", "seconds"):
        case "text":
            return error(answer.api, code, too_many(seconds))
        case "absent":
            return error(answer.api, code, "Trop de requêtes.")
        case "date":
            header = at
        case "garbage":
            header = "soon"
        case _:
            header = str(seconds)
    return error(answer.api, code, "Trop de requêtes.", headers={"Retry-After": header})


def _redirect(answer: Answer, args: Args) -> Answer:
    moved = _instead(answer, args.get("code", 302), PAGE.encode(), "text/html; charset=UTF-8")
    return replace(moved, headers={**answer.headers, "Location": args.get("to", "/login")})


def _raw(answer: Answer, args: Args) -> Answer:
    bare = _instead(
        answer,
        args.get("code", 200),
        base64.b64decode(args.get("base64", "")),
        args.get("content_type", ""),
    )
    return replace(bare, headers={**answer.headers, **args.get("headers", {})})


def _success_false(answer: Answer, args: Args) -> Answer:
    message = args.get("message", "Une erreur est survenue.")
    body = {"success": False, "message": message, "data": None, "errors": None}
    return replace(answer, status=200, body=body)


def _in_list(change: Callable[[list[Any], Args], Any]) -> Callable[[Answer, Args], Answer]:
    """Make of a change to the list of records a change to an answer; another answer is left alone."""

    def changed(answer: Answer, args: Args) -> Answer:
        key = answer.list_key
        if key is None:
            return answer
        return replace(answer, body={**answer.body, key: change(answer.body[key], args)})

    return changed


def _in_records(change: Callable[[Any, Args], Any]) -> Callable[[Answer, Args], Answer]:
    """Make of a change to one record a change to an answer that has one or many."""
    in_list = _in_list(lambda rows, args: [change(row, args) for row in rows])

    def changed(answer: Answer, args: Args) -> Answer:
        body = answer.body
        if answer.status == HTTPStatus.OK and isinstance(body, dict) and isinstance(body.get("data"), dict):
            return replace(answer, body={**body, "data": change(body["data"], args)})
        return in_list(answer, args)

    return changed


def _without(row: Any, args: Args) -> Any:
    fields = args.get("fields", PRIVATE)
    return {name: value for name, value in row.items() if name not in fields}


def _retyped(value: Any, name: str = "") -> Any:
    match value:
        case dict():
            return {key: _retyped(inner, key) for key, inner in value.items()}
        case list():
            return [_retyped(inner, name) for inner in value]
        case bool():
            return value
        case int() | float():
            return str(value)
        case str() if name in CODES and value.isdecimal() and (value == "0" or value[0] != "0"):
            return int(value)
    return value


def _shuffled(value: Any, random: Random) -> Any:
    """Return every list in another order, where there is another."""
    match value:
        case dict():
            return {key: _shuffled(inner, random) for key, inner in value.items()}
        case list():
            old = [_shuffled(inner, random) for inner in value]
            new = random.sample(old, len(old))
            return new if new != old else old[::-1]
    return value


def _renamed(answer: Answer, args: Args) -> Answer:
    key = answer.list_key
    if key is None:
        return answer
    new = args.get("to", "requests" if key == "contracts" else "items")
    return replace(answer, body={new if name == key else name: value for name, value in answer.body.items()})


def _emptied(answer: Answer, args: Args) -> Answer:
    key = answer.list_key
    if key is None:
        return answer
    body = {**answer.body, key: []}
    if "meta" in body:
        body["meta"] = {**body["meta"], "from": None, "to": None}
    bare = replace(answer, body=body)
    if args.get("keep_total"):
        return bare
    if "meta" in body:
        body["meta"] |= {"last_page": 1}
    return _total(bare, {"total": 0})


def _total(answer: Answer, args: Args) -> Answer:
    body = dict(answer.body) if answer.list_key else {}

    def lie(total: int) -> int:
        return int(args.get("total", total + args.get("by", 1)))

    if "meta" in body:
        body["meta"] = {**body["meta"], "total": lie(body["meta"]["total"])}
    elif "total_items" in body:
        body["total_items"] = lie(body["total_items"])
    return replace(answer, body=body) if body else answer


def _timestamp(answer: Answer, args: Args) -> Answer:
    if answer.list_key is None or "timestamp" not in answer.body:
        return answer
    return replace(answer, body={**answer.body, "timestamp": args.get("value")})


CHANGES: Mapping[str, Callable[[Answer, Args], Answer]] = {
    "status": _status,
    "retry-after": _retry_after,
    "html": lambda answer, args: _instead(answer, args.get("code", 200), PAGE.encode(), "text/html; charset=UTF-8"),
    "empty-body": lambda answer, args: _instead(answer, args.get("code", 200), b""),
    "null-body": lambda answer, args: _instead(answer, args.get("code", 200), b"null"),
    "raw-body": _raw,
    "redirect": _redirect,
    "success-false": _success_false,
    "partial": _in_records(_without),
    "rename-list-key": _renamed,
    "empty-list": _emptied,
    "total-lies": _total,
    "timestamp-lies": _timestamp,
    "duplicate-in-page": _in_list(lambda rows, _args: [*rows, *rows[:1]]),
    "retype": _in_records(lambda row, _args: _retyped(row)),
    # PHP writes an array whose keys have gaps as an object.
    "list-as-object": _in_list(lambda rows, _args: {str(2 * n): row for n, row in enumerate(rows)}),
}
