"""Pages taken apart: where the list is, what a record's id is, and what is left for later."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.errors import Drifted, Transient, Unreadable
from watcher.sources.pages import Sifted, read_adlead_detail, sift, split_adlead, split_apimo
from watcher.strictjson import read_json, said

LEADS = ("leads",)
CONTRACTS = ("contracts", "requests")


def sifted(body: bytes) -> Sifted:
    """The records of a page of leads, of which nothing is known."""
    found = Sifted()
    sift(split_apimo(body, LEADS).items, {}, found, {})
    return found


def test_the_vendors_own_sample() -> None:
    """The list of Apimo's page: one lead, its id, its bytes, the total and the timestamp."""
    body = (
        b'{"leads":[{"id":170384,"parent":null,"reference":"XYZ0001"}],"total_items":63,"timestamp":1461594712}'  # seed
    )
    sheet = split_apimo(body, LEADS)
    assert (len(sheet.items), sheet.total, sheet.timestamp) == (1, 63, 1461594712)
    found = sifted(body)
    assert found.keys == ["170384"]
    assert next(iter(found.fresh.values())).raw == b'{"id":170384,"parent":null,"reference":"XYZ0001"}'


@pytest.mark.parametrize(
    ("page", "ids"),
    [
        ({"contracts": [{"id": 1}]}, ["1"]),
        ({"requests": [{"id": 2}]}, ["2"]),
        ({"contracts": [{"id": 1}], "requests": [{"id": 2}]}, ["1"]),
        ({"contracts": [], "requests": [{"id": 2}]}, []),
        ({"contracts": None, "requests": [{"id": 2}]}, ["2"]),
        ({"contracts": {"0": {"id": 1}, "2": {"id": 3}}}, ["1", "3"]),
        ({"contracts": {}}, []),
    ],
)
def test_contracts_are_found_under_either_name(page: Any, ids: list[str]) -> None:
    """`contracts` is the list, else `requests`; PHP may write either as an object."""
    found = Sifted()
    sift(split_apimo(json.dumps(page).encode(), CONTRACTS).items, {}, found, {})
    assert found.keys == ids


@pytest.mark.parametrize("page", [{}, {"items": []}, {"leads": None}, {"leads": "none"}, {"leads": 3}, {"leads": True}])
def test_a_missing_list_is_drift_not_emptiness(page: Any) -> None:
    """An answer in good order without its list says that the API has changed, not that there is nothing."""
    with pytest.raises(Drifted):
        split_apimo(json.dumps(page).encode(), LEADS)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  \n",
        b"null",
        b"[]",
        b'"leads"',
        b"<html>maintenance</html>",
        b'{"leads": [{"id": 1}',
        b'{"leads": [{"id": 1}], }',
        b'{"leads": [{"id": 1}]} x',
        b"\xff\xfe{\x00",
        b'{"leads": ' + b"[" * 100_000,
        b'{"leads": {"\xff": {"id": 1}}}',
    ],
)
def test_what_is_no_page_is_a_failed_answer(body: bytes) -> None:
    """No object, no JSON, nothing at all, or nested beyond reading: to be tried again."""
    with pytest.raises(Transient, match="unreadable answer"):
        split_apimo(body, LEADS)


@pytest.mark.parametrize(
    ("written", "whole"),
    [
        ("63", 63),
        ('"63"', 63),
        ("63.0", 63),
        ("0", 0),
        ("null", None),
        ("63.5", None),
        ("-1", None),
        ('""', None),
        ("true", None),
        ("[63]", None),
        ("9" * 400, None),
        ("1e999", None),
    ],
)
def test_totals_and_timestamps_as_php_writes_them(written: str, whole: int | None) -> None:
    """A number, a string of digits or a whole float is a number; anything else says nothing, and breaks nothing."""
    body = b'{"leads": [], "total_items": %b, "timestamp": %b}' % (written.encode(), written.encode())
    sheet = split_apimo(body, LEADS)
    assert (sheet.total, sheet.timestamp) == (whole, whole)


@pytest.mark.parametrize(
    ("written", "key"),
    [("4", "4"), ('"4"', "4"), ("4.0", "4"), ('" 4 "', "4"), ("0", "0"), ("-7", "-7"), ('"a/b"', "a/b")],
)
def test_ids_are_texts(written: str, key: str) -> None:
    """One id is one text, however the vendor writes it today."""
    assert sifted(b'{"leads": [{"id": %b}]}' % written.encode()).keys == [key]


@pytest.mark.parametrize(
    "record",
    [
        b"{}",
        b'{"id": null}',
        b'{"id": ""}',
        b'{"id": "  "}',
        b'{"id": true}',
        b'{"id": 4.5}',
        b'{"id": 1e300}',
        b'{"id": 1e999}',
        b'{"id": [4]}',
        b'{"id": {"id": 4}}',
        b'{"id": "\\u0000"}',
        b'{"id": "\xff"}',
        b'{"id": "%b"}' % (b"x" * 101),
        b"[]",
        b"null",
        b"4",
    ],
)
def test_a_record_without_an_id_is_set_aside(record: bytes) -> None:
    """What has no usable id is unread, with a reason; the records around it are read."""
    found = sifted(b'{"leads": [{"id": 1}, %b, {"id": 2}]}' % record)
    assert found.keys == ["1", "2"]
    assert len(found.unread) == 1
    assert found.unread[0].key is None
    assert found.unread[0].reason


@pytest.mark.parametrize(
    "record",
    [
        b'{"id": 9, "area": NaN}',
        b'{"id": 9, "area": -Infinity}',
        b'{"id": 9, "area": 1e999}',
        b'{"id": 9, "message": "\\ud83d"}',
        b'{"id": 9, "message": "\\ude00\\ud83d"}',
        b'{"id": 9, "message": "\xe9"}',
        b'{"id": 9, "id": 9}',
        b'{"id": 9, "deep": %b}' % (b"[" * 70 + b"]" * 70),
    ],
)
def test_a_poisoned_record_does_not_hide_the_others(record: bytes) -> None:
    """What no strict reader takes is refused with its record, by its id; the others keep their very bytes."""
    good = '{"id": 1, "message": "NaN \\\\ud83d \\"Infinity\\" \\ud83d\\ude00 é"}'.encode()
    found = sifted(b'{"leads": [%b, %b, {"id": 2}]}' % (good, record))
    assert found.keys == ["1", "9", "2"]
    assert next(iter(found.fresh.values())).raw == said(good)
    assert read_json(good)["message"] == 'NaN \\ud83d "Infinity" \U0001f600 é'
    with pytest.raises(Unreadable):
        read_json(list(found.fresh.values())[1].raw)


def test_known_bytes_are_not_copied() -> None:
    """A record whose bytes are known is its id and nothing else."""
    body = b'{"leads": [{"id": 1}, {"id": 2}]}'
    before, after = sifted(body), Sifted()
    sift(split_apimo(body, LEADS).items, {next(iter(before.fresh.values())).fingerprint: "1"}, after, {})
    assert after.keys == ["1", "2"]
    assert list(after.fresh) == ["2"]


texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(
    records=st.lists(st.dictionaries(texts.filter(lambda key: key != "id"), values, max_size=4), max_size=5),
    ascii_only=st.booleans(),
    indent=st.sampled_from([None, 2]),
)
def test_slices_are_the_records(records: list[dict[str, Any]], ascii_only: bool, indent: int | None) -> None:
    """Whatever is in the records, and however it is written, each slice is one of them, whole and in order."""
    records = [{"id": number, **record} for number, record in enumerate(records)]
    page = {"leads": records, "total_items": len(records)}
    found = sifted(json.dumps(page, ensure_ascii=ascii_only, indent=indent).encode())
    assert [read_json(piece.raw) for piece in found.fresh.values()] == records
    assert found.unread == []


@given(st.binary(max_size=80) | st.text(max_size=80).map(str.encode))
def test_no_bytes_raise_anything_but_ours(body: bytes) -> None:
    """Any bytes are a page or one of our errors, and any record of any bytes is read or unreadable."""
    for split in (lambda text: split_apimo(text, LEADS), split_adlead, read_adlead_detail):
        for text in (body, b'{"leads": [%b], "data": [%b]}' % (body, body), b'{"data": %b}' % body):
            with suppress(Transient, Drifted):
                split(text)
    with suppress(Unreadable):
        read_json(body)


# --------------------------------------------------------------------------------------------------------- Adlead


def test_adlead_numbers_its_pages() -> None:
    """Total, number and last number are in `meta`; the links are nothing to us."""
    sheet = split_adlead(
        b'{"success": true, "data": [{"id": 4}], "links": 7, "meta": {"current_page": 2, "last_page": "5", "total": 450}}'
    )
    assert (len(sheet.items), sheet.total, sheet.current, sheet.last) == (1, 450, 2, 5)


@pytest.mark.parametrize("meta", [b"null", b"[]", b'"none"', b"{}", b"7"])
def test_adlead_without_numbers(meta: bytes) -> None:
    """A page whose `meta` says nothing is a page all the same; only nothing can be made of its total."""
    sheet = split_adlead(b'{"success": true, "data": [], "meta": %b}' % meta)
    assert (sheet.total, sheet.current, sheet.last) == (None, None, None)


@pytest.mark.parametrize("success", [b"false", b"null", b'"no"', b"0"])
def test_adlead_says_that_it_failed(success: bytes) -> None:
    """A 200 that does not succeed is a failed answer, in the vendor's words."""
    body = b'{"success": %b, "message": "Erreur", "data": []}' % success
    for split in (split_adlead, read_adlead_detail):
        with pytest.raises(Transient, match="says that it failed: Erreur"):
            split(body)


def test_adlead_detail() -> None:
    """The record under `data`, as the vendor has it; anything else there is drift, an unreadable one a failure."""
    assert read_adlead_detail(b'{"success": true, "data": {"id": 4, "vat_rate": 5.5}}') == {"id": 4, "vat_rate": 5.5}
    for data in (b"null", b"[]", b'"x"'):
        with pytest.raises(Drifted):
            read_adlead_detail(b'{"success": true, "data": %b}' % data)
    with pytest.raises(Transient, match="gives a key twice"):
        read_adlead_detail(b'{"success": true, "data": {"id": 4, "id": 5}}')


def test_a_record_in_other_bytes_is_known() -> None:
    """Its keys in another order, other spaces, its accents written otherwise: what it says is what counts."""
    once, again = Sifted(), Sifted()
    sift(split_apimo(b'{"leads": [{"id": 1, "lastname": "B\xc3\xa9", "step": "2"}]}', LEADS).items, {}, once, {})
    known = {piece.fingerprint: key for key, piece in once.fresh.items()}
    sift(split_apimo(b'{"leads":[{"step":"2","lastname":"B\\u00e9","id":1}]}', LEADS).items, known, again, {})
    assert (again.keys, again.fresh) == (["1"], {})


def test_a_key_given_twice_is_not_taken_for_what_is_known() -> None:
    """Though the later one says what is known: there is no telling which one is meant."""
    once, again = Sifted(), Sifted()
    sift(split_apimo(b'{"leads": [{"id": 1, "step": "2"}]}', LEADS).items, {}, once, {})
    known = {piece.fingerprint: key for key, piece in once.fresh.items()}
    sift(split_apimo(b'{"leads": [{"id": 1, "step": "3", "step": "2"}]}', LEADS).items, known, again, {})
    assert list(again.fresh) == ["1"]
