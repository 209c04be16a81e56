"""The verifier's light reading of records agrees with the domain that writes them."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain import record as domain_record
from ledger.domain.events import EVENTS
from ledger.errors import MalformedError
from ledger.proofs import canonical
from ledger.proofs.recordform import SIGNED_TYPES, disclosure_digest, parse_record, statement_bytes
from tests.domain import examples
from tests.samples import DISCLOSURE, record, signed_record

POSTED = "2026-11-23T08:00:00.000000Z"


@pytest.mark.parametrize("kind", sorted(examples.DATA))
@pytest.mark.parametrize("seq", [0, 3])
def test_reads_every_event_that_the_domain_writes(kind: str, seq: int) -> None:
    submission = examples.submission(kind)
    prev = b"\x11" * 32 if seq else None
    draft = domain_record.build(
        examples.ORIGIN, submission, seq=seq, prev=prev, posted=POSTED, secret=b"s" * 32
    )
    view = parse_record(draft.record.decode())
    assert view.digest == draft.digest == hashlib.sha256(draft.record).digest()
    assert (view.id, view.type, view.subject) == (submission.id, kind, submission.subject)
    assert (view.seq, view.prev, view.party) == (seq, prev, submission.party)
    assert view.statement() == domain_record.statement_bytes(examples.ORIGIN, submission)
    assert {disclosure_digest(triple) for triple in draft.disclosures} == set(view.private)


def test_what_must_be_signed_is_the_same_on_both_sides() -> None:
    assert {name for name, event in EVENTS.items() if event.signed} == SIGNED_TYPES & set(EVENTS)


def test_what_is_signed() -> None:
    view = parse_record(signed_record(4))
    assert view.sig is not None
    assert view.statement().startswith(b'poolproof/statement/v1\n{"data":{"amount":"207.10"')
    members = canonical.decode(record(4))
    assert view.statement() == statement_bytes(
        origin=members["origin"],
        event_id=members["id"],
        event_type=members["type"],
        subject=members["subject"],
        effective=members["effective"],
        party=members["party"],
        data=members["data"],
    )


def test_a_disclosure_is_the_digest_of_its_canonical_triple() -> None:
    text = '["' + "ab" * 16 + '","borrower",{"age":31,"city":"深圳"}]'
    assert disclosure_digest(DISCLOSURE) == hashlib.sha256(text.encode()).hexdigest()


def test_a_record_has_a_greatest_size() -> None:
    with pytest.raises(MalformedError, match="more than"):
        parse_record(record(0, data={"note": "x" * (1 << 20)}))


@settings(max_examples=500)
@given(st.data())
def test_what_is_read_is_canonical_json_with_these_members(data: st.DataObject) -> None:
    """The one expression that reads records takes nothing that the strict JSON reader would not."""
    text = data.draw(st.sampled_from([record(0), signed_record(1), record(2, seq=0, prev=None, private=[])]))
    at = data.draw(st.integers(0, len(text) - 1))
    piece = data.draw(st.sampled_from([*'"\\{}[],:0aZ \n\u0301\u2028', "null", text[at : at + 40]]))
    changed = text[:at] + piece + text[at + data.draw(st.integers(0, 2)) :]
    try:
        view = parse_record(changed)
    except MalformedError:
        return
    members = canonical.decode_canonical(changed)
    sig = None if view.sig is None else view.sig.to_json()
    assert members == {
        "v": 1,
        "origin": view.origin,
        "id": view.id,
        "type": view.type,
        "subject": view.subject,
        "seq": view.seq,
        "prev": None if view.prev is None else view.prev.hex(),
        "effective": view.effective,
        "posted": view.posted,
        "party": view.party,
        "data": view.data,
        "private": list(view.private),
        "sig": sig,
        "nonce": view.nonce,
    }


def test_data_that_looks_like_the_rest_of_a_record() -> None:
    inner = canonical.decode(record(0))
    for value in (inner, {"data": inner, "z": record(0)}, {"effective": "2026-01-01"}):
        view = parse_record(record(0, data=value, party="bank"))
        assert view.data == value
        assert view.party == "bank"
