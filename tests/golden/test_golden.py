"""The vendors' own samples beside the records that we expect of them, byte for byte."""

import json
from pathlib import Path

import pytest

from watcher.decode import decode
from watcher.model import Slice
from watcher.sources.pages import read_adlead_detail, split_adlead, split_apimo
from watcher.streams import STREAMS
from watcher.streams.canonical import canonical

HERE = Path(__file__).parent
SAMPLES = HERE.parent / "simulator" / "samples"


def expected(stream):
    """The records that we expect of a stream's sample."""
    return json.loads((HERE / f"{stream}.expected.json").read_text())


def decoded(stream, page):
    """The records of a page of the vendor's, by the product's own way."""
    items = (
        split_adlead(page).items if stream == "adlead.purchases" else split_apimo(page, STREAMS[stream].list_keys).items
    )
    records = [decode(STREAMS[stream], Slice(str(number), b"", bytes(item))) for number, item in enumerate(items)]
    assert not any(record.doubts for record in records)
    return [record.body for record in records]


@pytest.mark.parametrize("stream", STREAMS)
def test_a_sample_decodes_to_its_record(stream):
    """Each documented sample decodes to the record expected, nothing in doubt, nothing left out."""
    assert decoded(stream, (HERE / f"{stream}.json").read_bytes()) == expected(stream)


def test_contracts_are_read_under_either_name():
    """The list that is documented as `requests` and really is `contracts` is read under both names."""
    page = (HERE / "apimo.contracts.json").read_bytes()
    assert decoded("apimo.contracts", page.replace(b'"requests"', b'"contracts"')) == expected("apimo.contracts")


def test_the_detail_is_the_list_item():
    """Adlead's detail sample decodes to the very record of its list sample."""
    body = read_adlead_detail((SAMPLES / "adlead-purchase.json").read_bytes())
    assert canonical(STREAMS["adlead.purchases"].record, dict(body), {}) == expected("adlead.purchases")[0]


@pytest.mark.parametrize(
    ("stream", "listed"),
    [
        ("apimo.leads", "apimo-lead-fields"),
        ("apimo.contracts", "apimo-contract-fields"),
        ("adlead.purchases", "adlead-purchase-fields"),
    ],
)
def test_every_documented_field_is_described(stream, listed):
    """A field that the vendor documents is in our table: watched, or known not to be."""
    documented = json.loads((SAMPLES / f"{listed}.json").read_text())
    record = STREAMS[stream].record
    assert set(documented) <= {*record.fields, *record.unwatched}
