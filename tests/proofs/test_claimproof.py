"""The form of claim proofs; what they prove is tested with the verifier."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ledger.errors import MalformedError
from ledger.proofs import canonical
from ledger.proofs.claimproof import MEDIA_TYPE, ClaimProof, Holding
from ledger.proofs.encumbrance import holder_id
from tests.samples import SERVICE, SampleLog, claim_state, encumbrance, links, put_claim, record

KEY = b"\x0a" * 32
CHANGES = links((0, {"bank": 600_000}), (2, {"bank": 500_000, "trust": 1}))


def published() -> SampleLog:
    log = SampleLog()
    log.append(*[record(index) for index in range(4)])
    put_claim(log, KEY, encumbrance(CHANGES), claim_state())
    log.publish()
    return log


PRESENT = published().claim_proof(KEY, encumbrance=encumbrance(CHANGES), state=claim_state(), history=CHANGES)
ABSENT = published().claim_proof(b"\x0b" * 32)


@pytest.mark.parametrize("proof", [PRESENT, ABSENT])
def test_prints_what_it_reads(proof: ClaimProof) -> None:
    data = proof.encode()
    assert ClaimProof.parse(data) == proof
    assert ClaimProof.parse(data).encode() == data


def test_what_is_signed() -> None:
    members = canonical.decode(PRESENT.encode())
    del members["signature"]
    assert PRESENT.message() == MEDIA_TYPE.encode() + b"\n" + canonical.encode(members)
    assert PRESENT.signature is not None
    SERVICE.verifier.verify_raw(PRESENT.message(), PRESENT.signature.value)


def test_an_unsigned_proof_is_no_file() -> None:
    with pytest.raises(ValueError, match="unsigned"):
        replace(ABSENT, signature=None).encode()


def test_holders_may_stay_nameless() -> None:
    nameless = tuple(
        replace(link, holdings=tuple(replace(holding, party=None) for holding in link.holdings))
        for link in CHANGES
    )
    proof = replace(PRESENT, history=nameless).signed(SERVICE)
    assert ClaimProof.parse(proof.encode()).history == nameless
    assert Holding.of("bank", 5) == Holding(holder=holder_id("bank"), share=5, party="bank")


@pytest.mark.parametrize(
    "changes",
    [
        {"media_type": "x"},
        {"presence": 1},
        {"presence": False},
        {"encumbrance": None},
        {"state": None},
        {"encumbrance": "AA=="},
        {"state": "{}"},
        {"asset_key": "0A" * 32},
        {"mpt": {"other": None, "steps": [[1]]}},
        {"mpt": None},
        {"history": [{"digest": "00" * 32, "index": 1}]},
        {
            "history": [
                {
                    "digest": "00" * 32,
                    "index": 1,
                    "holders": [{"party": "x", "holder": "00" * 32, "share": 1}],
                }
            ]
        },
        {
            "history": [
                {
                    "digest": "00" * 32,
                    "index": 1,
                    "holders": [{"party": None, "holder": "00" * 32, "share": 0}],
                }
            ]
        },
        {"extra": 1},
    ],
    ids=repr,
)
def test_refuses(changes: dict[str, Any]) -> None:
    data = canonical.encode_file(canonical.decode(PRESENT.encode()) | changes)
    with pytest.raises(MalformedError):
        ClaimProof.parse(data)


def test_an_absent_claim_has_no_state() -> None:
    with pytest.raises(MalformedError, match="an absent one neither"):
        replace(ABSENT, state=claim_state())
    with pytest.raises(MalformedError, match="an absent one neither"):
        replace(ABSENT, history=CHANGES)
