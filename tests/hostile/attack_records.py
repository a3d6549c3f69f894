"""The corpus, third part: records that are none, that hide, and fields that are not what they were."""

import json
from functools import partial

from attack import MANY
from attack_peers import http, of_page, of_records, written
from attack_table import DOUBTED, DRIFTED, FAILS, HARMLESS, HIDDEN, NOBODY, SPOILT, Case, Outcome, lies, rows, victim

ADLEAD = ("purchases",)
DEEP = 100_000

QUIET = Outcome(shows=NOBODY)
"""Nothing is seen of what changed, and nothing is told; bytes may be remembered."""

VANISHED = Outcome((DRIFTED,), shows=NOBODY)
"""The field that changed is missing from all records."""

in_all = partial(Case, records=MANY)
"""A case about all records at once."""


def spoilt(name, why, change, outcome=SPOILT):
    """A case about one record."""
    return Case(name, why, victim(change), outcome)


def _text(row, **more):
    """A record's JSON with more at its end, the values of which are JSON already."""
    added = "".join(f', "{name}": {value}' for name, value in more.items())
    return json.dumps(row)[:-1] + added + "}"


def _hide(row):
    return {name: value for name, value in row.items() if name != "id"}


def _hiding(scene, detail):
    """The list less one record, its total too; its detail as given, or as it is."""
    hidden = scene.victim

    def change(honest):
        if honest.is_list:
            got = json.loads(honest.body)
            kept = [row for row in got["data"] if str(row["id"]) != hidden]
            return http(written(got | {"data": kept, "meta": got["meta"] | {"total": len(kept)}}))
        return detail or http(honest.body)

    return change


def _twin(scene, *, last):
    """One record twice in a page, once as it was before its last change, and counted."""
    older = scene.older
    name = scene.kind.list_key

    def change(got):
        if older["id"] not in {row["id"] for row in got[name]}:
            return got
        twins = [*got[name], older] if last else [older, *got[name]]
        if scene.kind.api == "adlead":
            return got | {"data": twins, "meta": got["meta"] | {"total": len(twins)}}
        return got | {name: twins, "total_items": len(twins)}

    return of_page(change)


def _of_field(scene, change):
    def changed(all_of):
        return [change(row, scene.kind.field) for row in all_of]

    return of_records(scene.kind.list_key, changed)


def _dropping(scene):
    return _of_field(scene, lambda row, field: {name: value for name, value in row.items() if name != field})


def _nulling(scene):
    return _of_field(scene, lambda row, field: row | {field: None})


def _objects(scene):
    return _of_field(scene, lambda row, field: row | {field: {"value": row[field]}})


RECORD = (
    spoilt("NaN", "a division of theirs", lambda row: _text(row, ratio="NaN")),
    spoilt("Infinity", "a division of theirs", lambda row: _text(row, ratio="-Infinity")),
    spoilt("1e999", "a number too large to be one", lambda row: _text(row, ratio="1e999")),
    spoilt("a key given twice", "two values, of which one is wrong", lambda row: _text(row, x="1")[:-1] + ', "x": 2}'),
    spoilt("an id given twice", "two ids, of which one is another's", lambda row: _text(row, id="1")),
    spoilt("100 levels", "deeper than any record is", lambda row: _text(row, x="[" * 100 + "]" * 100)),
    Case("100,000 levels", "to exhaust the stack, in one record", victim(lambda row: _text(row, x="[" * DEEP + "]" * DEEP)), FAILS),
    spoilt("5,000 digits", "a number that no database holds", lambda row: _text(row, x="9" * 5000)),
    spoilt("half a character", "a text cut in the middle of an emoji", lambda row: _text(row, x='"\\ud83c"')),
    spoilt("the other half", "a text cut in the middle of an emoji", lambda row: _text(row, x='"\\udf89 fini"')),
    spoilt("latin-1", "a field from another time", lambda row: _text(row, x='"r\xe9ussi"').encode("latin-1")),
    spoilt("half of UTF-8", "a text cut after so many bytes", lambda row: _text(row, x='"r\xe9"').encode()[:-3] + b'"}'),
    spoilt("no id", "a view of theirs without it", _hide),
    spoilt("id null", "an outer join of theirs", lambda row: row | {"id": None}),
    spoilt("id true", "a cast of theirs", lambda row: row | {"id": True}),
    spoilt("id empty", "a default of theirs", lambda row: row | {"id": ""}),
    spoilt("id a list", "PHP writes an empty object so", lambda row: row | {"id": []}),
    spoilt("id a fraction", "a division of theirs", lambda row: row | {"id": 4.5}),
    spoilt("id of 5,000 digits", "a number that no database holds", lambda row: '{"id": ' + "9" * 5000 + ", " + json.dumps(_hide(row))[1:]),
    spoilt("id with a NUL", "a text of C's", lambda row: row | {"id": f"{row['id']}\0"}),
    spoilt("id with a line in it", "to forge lines of a log", lambda row: row | {"id": f"{row['id']}\nx"}),
    spoilt("id of 5,000 letters", "something else in its place", lambda row: row | {"id": "a" * 5000}),
    spoilt("null for a record", "an outer join of theirs", lambda _row: "null"),
    spoilt("a string for a record", "an error in its place", lambda _row: '"deleted"'),
    spoilt("a list for a record", "PHP writes an empty object so", lambda _row: "[]"),
    Case("none can be read", "all of them are strings", rows(lambda all_of: ["?" for _ in all_of]), FAILS),
    Case("none has an id", "a view of theirs without it", rows(lambda all_of: [_hide(row) for row in all_of]), FAILS),
    spoilt("a date of no kind", "a field of theirs in words", lambda row: row | {"created_at": "hier", "updated_at": "demain"}, DOUBTED),
    spoilt("a date that cannot be", "the thirteenth month", lambda row: row | {"updated_at": "2026-13-45 25:61:00"}, DOUBTED),
    spoilt("an id that is another's type", "retyped", lambda row: row | {"id": str(row["id"])}, HARMLESS),
    spoilt("an id as a fraction of nothing", "4.0 for 4", lambda row: row | {"id": float(row["id"])}, HARMLESS),
    spoilt("a NUL where nobody looks", "a text of C's", lambda row: row | {"nobody_described": "a\0b"}, HARMLESS),
    Case("one hidden, the total too", "a right to one record lost, and it is there when asked for",
         lies(lambda scene: _hiding(scene, None)), HIDDEN, on=ADLEAD),
    Case("one hidden, its detail fails", "and nobody can say whether it is gone",
         lies(lambda scene: _hiding(scene, http(b"", "500 Oops"))), HIDDEN, on=ADLEAD),
    Case("one hidden, its detail forbidden", "and nobody will say whether it is gone",
         lies(lambda scene: _hiding(scene, http(b"", "403 Forbidden"))), HIDDEN, on=ADLEAD),
    Case("one hidden, its detail a page of HTML", "and nobody can say whether it is gone",
         lies(lambda scene: _hiding(scene, http(b"<h1>Bient\xf4t de retour</h1>"))), HIDDEN, on=ADLEAD),
    Case("one hidden, its detail without success", "and nobody can say whether it is gone",
         lies(lambda scene: _hiding(scene, http(b'{"success": false, "data": null}'))), HIDDEN, on=ADLEAD),
    Case("one hidden, its detail null", "a success without a record",
         lies(lambda scene: _hiding(scene, http(b'{"success": true, "data": null}'))), HIDDEN, on=ADLEAD),
    Case("two of one id, the older last", "a record and an older form of it in one page", lies(lambda scene: _twin(scene, last=True)), HIDDEN),
    Case("two of one id, the older first", "a record and an older form of it in one page", lies(lambda scene: _twin(scene, last=False)), HARMLESS),
    # ------------------------------------------------------------------------------------------------ fields of all
    in_all("a watched field missing", "a right was narrowed", lies(_dropping), VANISHED, by_cursor=QUIET),
    in_all("most fields missing", "a right was narrowed to almost nothing",
         rows(lambda all_of: [{"id": row["id"], "updated_at": row["updated_at"]} for row in all_of]), VANISHED, by_cursor=QUIET),
    in_all("a watched field null in all", "a right was narrowed, and what may not be seen is null", lies(_nulling), VANISHED, by_cursor=None),
    in_all("a watched field of another kind", "numbers became objects", lies(_objects), VANISHED),
    in_all("a new field in all", "the vendor adds something", rows(lambda all_of: [row | {"score": 7} for row in all_of]), HARMLESS),
    in_all("texts for people", "`*_display` in another language",
         rows(lambda all_of: [row | {"status_display": "?", "lots": [lot | {"status_display": "?", "type_display": "?"} for lot in row["lots"]]} for row in all_of]),
         HARMLESS, on=ADLEAD),
    in_all("all of them touched", "a bulk job moves `updated_at`",
         rows(lambda all_of: [row | {"updated_at": "2026-11-21 13:00:00"} for row in all_of]), HARMLESS),
)  # fmt: skip
