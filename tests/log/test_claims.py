"""Claims in the log: pledged once, released by their holder, and proved at every published size."""

from __future__ import annotations

import pytest

from ledger.audit.fsck import fsck
from ledger.errors import (
    NotFoundError,
    RefusedError,
    TakenError,
    VerificationError,
)
from ledger.log import Ledger
from ledger.proofs.acceptance import Acceptance
from ledger.proofs.claimproof import ClaimProof
from ledger.proofs.encumbrance import verify_history
from ledger.proofs.note import Signer
from ledger.proofs.verify import verify_claim_proof
from tests import book
from tests.log.conftest import append, released


def test_a_claim_is_pledged_once(ledger: Ledger) -> None:
    append(ledger, *book.loans(3), book.pool_created("P"), book.pool_created("Q"))
    [standing] = append(ledger, book.pledged("P", "bank-a", ("L0", "c1", 700_000), id="p1"))
    with pytest.raises(TakenError) as refused:
        append(ledger, book.pledged("Q", "bank-b", ("L1", "c1", 1), ("L0", "c1", 300_001), id="p2"))
    digest = Acceptance.parse(ledger.acceptance("p1")).digest.hex()
    assert refused.value.details["index"] == standing
    assert refused.value.details["digest"] == digest
    assert refused.value.details["free"] == 300_000
    append(ledger, book.pledged("Q", "bank-b", ("L0", "c1", 300_000), id="p3"))
    assert ledger.pool("Q").claims == 1
    assert ledger.pool("P").holders == {"bank-a": 1}
    assert fsck(ledger).problems == []


def test_a_second_claim_with_a_taken_asset_key_is_refused(ledger: Ledger) -> None:
    append(ledger, *book.loans(1), book.originated("M"))
    taken = book.disbursed("M")
    taken["data"]["asset_keys"][0]["asset_key"] = book.asset_key("L0")
    with pytest.raises(TakenError, match="L0/c1") as refused:
        append(ledger, taken)
    assert refused.value.details["index"] == 1
    assert "digest" in refused.value.details


def test_a_release_needs_its_holders_signature(ledger: Ledger) -> None:
    append(ledger, *book.loans(1), book.pool_created("P"))
    append(ledger, book.pledged("P", "bank-a", ("L0", "c1", 1_000_000), id="p1"))
    forged = Signer.from_seed("bank-a", bytes([99]) * 32)
    for signer in (None, forged):
        with pytest.raises(RefusedError) as refused:
            ledger.append([released(ledger, "L0", id="r1", signer=signer)], party="bank-a")
        assert refused.value.rule == "signature"
    ledger.append([released(ledger, "L0", id="r1")], party="bank-a")
    append(ledger, book.pledged("P", "bank-b", ("L0", "c1", 1_000_000), id="p2"))
    ledger.publish()
    proof = ClaimProof.parse(ledger.prove_claim("L0/c1"))
    assert proof.encumbrance is not None
    assert proof.encumbrance.version == 3
    assert [link.holdings[0].party if link.holdings else None for link in proof.history] == [
        "bank-a",
        None,
        "bank-b",
    ]


def test_every_published_size_proves_a_claims_place(ledger: Ledger) -> None:
    append(ledger, *book.loans(40), book.pool_created("P"))
    ledger.publish()
    append(ledger, book.pledged("P", "bank-a", ("L3", "c1", 400_000), id="p1"))
    ledger.publish()
    append(ledger, book.repaid("L3", 2))
    ledger.publish()
    append(ledger, book.pledged("P", "bank-b", ("L3", "c1", 600_000), id="p2"))
    ledger.publish()
    trust = ledger.trust_root()
    proofs = []
    for size, taken, principal in zip(
        ledger.checkpoint_sizes(),
        [0, 400_000, 400_000, 1_000_000],
        ["1105.38", "1105.38", "1010.76", "1010.76"],
        strict=True,
    ):
        data = ledger.prove_claim("L3/c1", size=size)
        verify_claim_proof(trust, data)
        proof = ClaimProof.parse(data)
        assert proof.encumbrance is not None
        assert proof.state is not None
        assert (proof.encumbrance.taken, proof.state.principal) == (taken, principal)
        proofs.append(proof)
    first, last = proofs[0].encumbrance, proofs[-1].encumbrance
    assert first is not None
    assert last is not None
    verify_history(first, last, [(link.digest, link.holders) for link in proofs[-1].history])
    with pytest.raises(VerificationError):
        verify_history(last, first, [])


def test_absence_is_proved_too(ledger: Ledger) -> None:
    append(ledger, *book.loans(10))
    ledger.publish()
    data = ledger.prove_claim("ab" * 32)
    assert ClaimProof.parse(data).presence is False
    verify_claim_proof(ledger.trust_root(), data)
    with pytest.raises(NotFoundError, match="no claim 'c9'"):
        ledger.prove_claim("L0/c9")


def test_a_loan_with_three_claims_splits_its_principal_exactly(ledger: Ledger) -> None:
    append(
        ledger,
        book.originated("X", shares=(333_333, 333_333, 333_334)),
        book.disbursed("X", claims=("c1", "c2", "c3")),
        book.repaid("X", 1),
    )
    ledger.publish()
    states = [ClaimProof.parse(ledger.prove_claim(f"X/c{n}")).state for n in (1, 2, 3)]
    cents = [int(state.principal.replace(".", "")) for state in states if state]
    assert sum(cents) == 120_000 - 9_462
