"""The corpus, second part: answers in good order whose envelope, length, pages or times are wrong."""

import json
import re

from attack import MANY
from attack_peers import http, of_list, of_page, written
from attack_table import (
    BLIND,
    FAILS,
    GONE,
    HARMLESS,
    HELD,
    HIDDEN,
    MOVED,
    OTHERS,
    Case,
    Outcome,
    faults,
    lies,
    page,
    rows,
)

from watcher.simulator import Fault

APIMO, ADLEAD = ("leads", "contracts"), ("purchases",)

HALVED = Outcome(("", HELD), shows=OTHERS)
"""Half is missing at once, too many to believe it; the other half is read."""

_COUNT = re.compile(rb'("total(?:_items)?"):[0-9]+')


def _twice(leave):
    """The list, and the list again with so many records left in it, and the total of that; each key twice."""

    def change(kind, got):
        kept = leave(got[kind.list_key])
        total, name = len(kept), "total_items"
        if kind.api == "adlead":
            total, name = {"total": len(kept), "last_page": 1, "current_page": 1}, "meta"
        return written(got)[:-1] + b"," + written({kind.list_key: kept, name: total})[1:]

    return lies(lambda scene: of_list(lambda body: http(change(scene.kind, json.loads(body)))))


def _total(value):
    def change(kind, got):
        new = value(got["meta"]["total"] if kind.api == "adlead" else got["total_items"])
        return got | ({"meta": got["meta"] | {"total": new}} if kind.api == "adlead" else {"total_items": new})

    return page(change)


def _without(name):
    return page(lambda _kind, got: {key: value for key, value in got.items() if key != name})


def _meta(**more):
    return page(lambda _kind, got: got | {"meta": got["meta"] | more})


def _list(value):
    return page(lambda kind, got: got | {kind.list_key: value})


def _stamp(value):
    return page(lambda _kind, got: got | {"timestamp": value(got["timestamp"])})


def _half(kind, got):
    """The older half of the records, with a total that agrees."""
    half = got[kind.list_key][: len(got[kind.list_key]) // 2]
    if kind.api == "adlead":
        return got | {"data": half, "meta": got["meta"] | {"total": len(half)}}
    return got | {kind.list_key: half, "total_items": len(half)}


def _first_page_for_ever():
    """Fifty of sixty as every page, each called by the number that was asked for."""

    def lie(honest):
        got = json.loads(honest.body)
        asked = int(honest.path.partition("page=")[2].partition("&")[0])
        meta = got["meta"] | {"current_page": asked, "last_page": 2, "per_page": 50}
        kept.setdefault("data", got["data"][:50])
        return http(written(got | {"data": kept["data"], "meta": meta}))

    kept = {}
    return lie


ENVELOPE = (
    Case("success: false", "a failure with status 200, as in their old cases", faults(Fault("success-false")), FAILS, on=ADLEAD),
    Case("success: false with data", "it failed, and here is something",
         page(lambda _, got: got | {"success": False}), FAILS, on=ADLEAD),
    Case("no success", "an older version of their envelope", _without("success"), HARMLESS, on=ADLEAD),
    Case("the list renamed", "a new version of theirs", faults(Fault("rename-list-key", args={"to": "items"})), MOVED),
    Case("the documented name", "contracts under `requests`, as their page says",
         faults(Fault("rename-list-key", args={"to": "requests"})), HARMLESS, on=("contracts",)),
    Case("no list", "the key is gone", lies(lambda scene: of_page(lambda got: {k: v for k, v in got.items() if k != scene.kind.list_key})), MOVED),
    Case("the list is null", "PHP had none", _list(None), MOVED),
    Case("the list is a string", "an error where the list was", _list("Une erreur est survenue"), MOVED),
    Case("the list is a number", "a count where the list was", _list(60), MOVED),
    Case("the list as an object", "PHP writes an array with gaps so", faults(Fault("list-as-object")), HARMLESS),
    Case("keys given twice", "two lists and two totals, the second ones empty", _twice(lambda _: []), FAILS),
    Case("keys given twice, one less", "two lists and two totals, the second ones short of one", _twice(lambda all_of: all_of[:-1]), FAILS),
    Case("NaN for a total", "a division of theirs", _total(lambda _: float("nan")), HARMLESS),
    Case("5,000 digits for a total", "a counter gone wild",
         lies(lambda scene: of_list(lambda body: http(_COUNT.sub(rb"\1:" + b"9" * 5000, body)))), HARMLESS),
    Case("half a character in the envelope", "a message cut in the middle of an emoji",
         lies(lambda _: of_list(lambda body: http(b'{"message":"\\ud83c",' + body[1:]))), HARMLESS, on=APIMO),
    Case("latin-1 in the envelope", "a message in another encoding",
         lies(lambda _: of_list(lambda body: http(b'{"note":"r\xe9ussi",' + body[1:]))), HARMLESS),
    # ------------------------------------------------------------------------------------------------- how many
    Case("an empty list", "a filter of theirs matches nothing", faults(Fault("empty-list")), GONE, by_cursor=BLIND),
    Case("an empty list of sixty", "a list lost on the way, its total not",
         faults(Fault("empty-list", args={"keep_total": True})), BLIND, records=MANY),
    Case("half the list", "a right was narrowed, and the total with it", page(_half), HALVED,
         by_cursor=None, records=MANY),
    Case("half the list of sixty", "half of it lost on the way", rows(lambda all_of: all_of[: len(all_of) // 2]), HIDDEN,
         by_cursor=None, records=MANY),
    Case("a total of one more", "a record that we may not see is counted", faults(Fault("total-lies")), HARMLESS),
    Case("a total of one less", "counted before the newest came", faults(Fault("total-lies", args={"by": -1})), HARMLESS),
    Case("a total of none", "a counter of theirs failed", faults(Fault("total-lies", args={"total": 0})), HARMLESS),
    Case("a total of a milliard", "a counter of theirs went wild", faults(Fault("total-lies", args={"total": 10**9})), HARMLESS),
    Case("a total less than none", "a subtraction of theirs", _total(lambda total: -total), HARMLESS),
    Case("a total in text", "PHP writes numbers as it likes", _total(str), HARMLESS),
    Case("a total of no kind", "an object where the number was", _total(lambda total: {"value": total}), HARMLESS),
    Case("no total", "left out to save a query", _without("total_items"), HARMLESS, on=APIMO),
    Case("no meta", "left out to save a query", _without("meta"), HARMLESS, on=ADLEAD),
    Case("meta is a list", "PHP writes an empty object so", page(lambda _, got: got | {"meta": []}), HARMLESS, on=ADLEAD),
    Case("a last page far away", "a counter of theirs went wild", _meta(last_page=10**6), HARMLESS, on=ADLEAD, records=MANY),
    Case("a last page of none", "a division of theirs", _meta(last_page=0), HARMLESS, on=ADLEAD),
    Case("another page than asked for", "current_page is not the one", _meta(current_page=7), HARMLESS, on=ADLEAD),
    # --------------------------------------------------------------------------------------------------- paging
    Case("per_page ignored", "fifty a page, whatever is asked for", faults(Fault("per-page-ignored")), HARMLESS, on=ADLEAD, records=MANY),
    Case("the limit clamped", "fewer a page than was asked for", faults(Fault("clamp-limit", args={"limit": 7})), HARMLESS, records=MANY),
    Case("page ignored", "always the first page",
         faults(Fault("per-page-ignored"), Fault("page-ignored")), HIDDEN, on=ADLEAD, records=MANY),
    Case("page ignored, and nobody says", "always the first page, under the number of the one asked for",
         lies(lambda _scene: _first_page_for_ever()), HIDDEN, on=ADLEAD, records=MANY),
    Case("offset ignored", "always the first part",
         faults(Fault("clamp-limit", args={"limit": 25}), Fault("page-ignored")), HIDDEN, on=("contracts",), records=MANY),
    Case("the last page missing", "fifty of sixty, and this is the last page, they say",
         lies(lambda _scene: of_page(lambda got: got | {"data": got["data"][:50]})), HIDDEN, on=ADLEAD, records=MANY),
    Case("one twice in a page", "a join of theirs", faults(Fault("duplicate-in-page")), HARMLESS),
    Case("all of it twice", "a join of theirs", rows(lambda all_of: all_of * 2), HARMLESS),
    Case("in another order", "no order was asked for", faults(Fault("shuffle")), HARMLESS),
    Case("retyped", "numbers as text and codes as numbers", faults(Fault("retype")), HARMLESS),
    # -------------------------------------------------------------------------------------------------- timestamps
    Case("no timestamp", "left out when it is not asked for", _without("timestamp"), HARMLESS, on=APIMO),
    Case("timestamp null", "an empty list has none", _stamp(lambda _: None), HARMLESS, on=APIMO),
    Case("timestamp 0", "an empty list has none", _stamp(lambda _: 0), HARMLESS, on=APIMO),
    Case("timestamp negative", "a date before 1970", _stamp(lambda _: -3600), HARMLESS, on=APIMO),
    Case("timestamp in words", "a date where the number was", _stamp(lambda _: "2026-11-21 13:00:00"), HARMLESS, on=APIMO),
    Case("timestamp in milliseconds", "JavaScript's way of counting", _stamp(lambda now: now * 1000), HARMLESS, on=APIMO),
    Case("timestamp two days ahead", "a clock of theirs is wrong", _stamp(lambda now: now + 172_800), HARMLESS, on=APIMO),
    Case("timestamp going back", "an answer out of a cache", _stamp(lambda now: now - 86_400), HARMLESS, on=APIMO),
    Case("timestamp of ten years ago", "a default of theirs", _stamp(lambda _: 1_461_594_712), HARMLESS, on=APIMO),
)  # fmt: skip
