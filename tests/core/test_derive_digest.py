"""The digest in an event's id: whoever kept ids must find them again after every later version of this program."""

import hashlib
import json

from hypothesis import given
from hypothesis import strategies as st

from watcher.derive import digest
from watcher.streams import CONTRACTS
from watcher.streams.canonical import number, watched

texts = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(['"\\/\x00\x1f\x7f\u2028 é', "\U0001f600"])
amounts = st.floats(-1e15, 1e15).map(number) | st.integers(-(10**15), 10**15)
forms = texts | amounts | st.booleans() | st.none() | st.lists(texts)
stamps = st.fixed_dictionaries({"date": texts}, optional={"user": texts}) | st.none()
fields = st.sampled_from([*CONTRACTS.record.readers, "undescribed"])
bodies = st.tuples(st.dictionaries(fields, forms), stamps).map(lambda both: {**both[0], "signed": both[1]})


@given(bodies)
def test_it_is_that_of_sorted_json(body):
    """SHA-256 of the watched fields as the standard library writes them: sorted, without spaces, not escaped."""
    form = json.dumps(watched(CONTRACTS.record, body), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert digest(CONTRACTS, body) == hashlib.sha256(form.encode()).hexdigest()
