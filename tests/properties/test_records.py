"""The fast encoders against the canonical one, over everything that the profile allows."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain import record
from ledger.domain.events import EVENTS, read_submission
from ledger.errors import MalformedError, RefusedError
from ledger.proofs import canonical, recordform
from tests.domain.examples import raw

KEYS = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
INTEGERS = st.integers(-(2**53) + 1, 2**53 - 1)
VALUES = st.recursive(
    st.none() | st.booleans() | INTEGERS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
NAMES = st.from_regex(r"[A-Za-z0-9._:-]{1,64}", fullmatch=True)
fast = msgspec.json.Encoder(order="sorted").encode


@given(VALUES)
def test_the_fast_encoder_is_the_canonical_one_on_the_profile(value: Any) -> None:
    try:
        wanted = canonical.encode(value)
    except MalformedError:
        return  # outside the profile: no NFC
    assert fast(value) == wanted


@settings(max_examples=200)
@given(
    st.sampled_from(sorted(EVENTS)),
    NAMES,
    NAMES,
    st.dictionaries(KEYS.map(lambda key: f"x_{key}"), VALUES, max_size=3),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40),
    st.integers(0, 2**40),
    st.booleans(),
)
def test_any_submission_makes_a_canonical_record_that_everybody_reads(
    kind: str, event_id: str, name: str, private: dict[str, Any], text: str, seq: int, as_line: bool
) -> None:
    about = EVENTS[kind].subject
    value = raw(kind, id=event_id, subject=about if about == "log" else f"{about}:{name}", private=private)
    if "attributes" in EVENTS[kind].data.__struct_fields__:
        value["data"]["attributes"] = {"note": text, "n": seq}
    elif kind == "balance.reported":
        value["data"]["elements"] = [[text, text]]
    source: Any = json.dumps(value, ensure_ascii=bool(seq % 2)) if as_line else value
    try:
        canonical.encode(value)
    except MalformedError:  # outside the profile: a string that is not in NFC
        with pytest.raises(RefusedError, match="NFC"):
            read_submission(source)
        return
    one = read_submission(source)
    prev = None if seq == 0 else bytes(32)
    draft = record.build(
        "log.example/x", one, seq=seq, prev=prev, posted="2026-11-22T23:24:25.000000Z", secret=bytes(32)
    )
    decoded = canonical.decode_canonical(draft.record)
    assert decoded["data"] == value["data"]
    assert record.parse(draft.record).event == one.event
    view = recordform.parse_record(draft.record.decode())
    assert view.statement() == record.statement_bytes("log.example/x", one)
    assert sorted(recordform.disclosure_digest(triple) for triple in draft.disclosures) == list(view.private)
    assert record.same_statement(draft.record, one, secret=bytes(32))


@settings(max_examples=300)
@given(st.sampled_from(sorted(EVENTS)), st.data())
def test_random_damage_is_refused_or_changes_nothing(kind: str, data: st.DataObject) -> None:
    """A line with some bytes changed is refused with our own error, or read as plain JSON would read it."""
    line = bytearray(json.dumps(raw(kind, private={"age": 31}), separators=(",", ":")).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(line) - 1))
        line[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    try:
        one = read_submission(bytes(line))
    except RefusedError:
        return
    plain = json.loads(bytes(line))
    assert one.data == plain["data"]
    assert canonical.encode(plain["data"]) == one.data_json
    assert (one.id, one.type, one.subject, one.effective) == (
        plain["id"],
        plain["type"],
        plain["subject"],
        plain["effective"],
    )
