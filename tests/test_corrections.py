"""Corrections through the whole log: accepted, published, proved, replayed; in one batch and over many."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, update

from ledger.audit.fsck import fsck
from ledger.domain import statements
from ledger.domain.events import read_submission
from ledger.errors import IntegrityError, RefusedError
from ledger.log import Ledger
from ledger.proofs.claimproof import ClaimProof
from ledger.proofs.note import Signer
from ledger.proofs.recordform import parse_record
from ledger.proofs.verify import verify_claim_proof, verify_receipt
from ledger.store import tables
from tests import book

SURETY = Signer.from_seed("surety", bytes([20]) * 32)


def digest_of(ledger: Ledger, id: str) -> str:
    digest: str = ledger.state_of(id)["digest"]
    return digest


def correction(original: book.Event, digest: str, data: dict[str, Any] | None, *, id: str) -> book.Event:
    members = {
        "record": digest, "type": original["type"], "replacement": data, "reason": "typing error",
        "approved_by": "head of operations",
    }  # fmt: skip
    return book.event("correction.made", original["subject"], members, id=id)


def smaller(paid: book.Event) -> dict[str, Any]:
    """The payment with less principal."""
    return {**paid["data"], "applied": {"principal": "90.00", "interest": "12.00"}}


def claim(ledger: Ledger, name: str, size: int | None = None) -> ClaimProof:
    proof = ClaimProof.parse(ledger.prove_claim(name, size=size))
    verify_claim_proof(ledger.trust_root(), proof.encode())
    return proof


def test_a_correction_reaches_register_receipts_and_replay(ledger: Ledger) -> None:
    ledger.append(list(book.loans(3)), party="fenqile")
    first = ledger.publish()
    assert first is not None
    paid = book.repaid("L1", 1)
    ledger.append(
        [correction(paid, digest_of(ledger, "L1.repaid.1"), smaller(paid), id="c1")], party="fenqile"
    )
    ledger.publish()
    proof = claim(ledger, "L1/c1")
    assert proof.state is not None
    assert (proof.state.principal, proof.state.count) == ("1110.00", 4)
    before = claim(ledger, "L1/c1", first.size)
    assert before.state is not None
    assert (before.state.principal, before.state.count) == ("1105.38", 3)
    verify_receipt(ledger.trust_root(), ledger.receipt("c1"))
    assert fsck(ledger).problems == []


def test_a_record_of_the_same_batch_is_corrected(ledger: Ledger) -> None:
    """The digest of a record is known once it is made, so the batch is rehearsed to learn it."""
    events = [book.originated("L1"), book.disbursed("L1"), book.repaid("L1", 1)]
    ledger.append(events[:2], party="fenqile")
    rehearsed = ledger.append(events[2:], party="fenqile", dry_run=True).accepted[0].digest.hex()
    fix = correction(events[2], rehearsed, smaller(events[2]), id="c1")
    void = correction(events[2], rehearsed, None, id="c2")
    ledger.append([events[2], fix], party="fenqile")
    ledger.publish()
    proof = claim(ledger, "L1/c1")
    assert proof.state is not None
    assert proof.state.principal == "1110.00"
    ledger.append([book.repaid("L1", 2), void], party="fenqile")
    ledger.publish()
    proof = claim(ledger, "L1/c1")
    assert proof.state is not None
    assert (proof.state.principal, proof.state.count) == ("1105.38", 6)
    assert fsck(ledger).problems == []


def test_a_refused_correction_leaves_nothing(ledger: Ledger) -> None:
    ledger.append([*book.loans(2)], party="fenqile")
    paid = book.repaid("L1", 1)
    foreign = correction(paid, digest_of(ledger, "L0.repaid.1"), smaller(paid), id="c1")
    good = correction(paid, digest_of(ledger, "L1.repaid.1"), smaller(paid), id="c2")
    done = ledger.append([foreign, good], party="fenqile", on_error="report")
    assert [one.rule for one in done.rejects] == ["unknown_record"]
    assert [one.id for one in done.accepted] == ["c2"]
    again = ledger.append([good], party="fenqile")
    assert again.accepted[0].repeated
    with pytest.raises(RefusedError, match="who alone may correct it"):
        ledger.append([{**good, "id": "c3"}], party="bank-a")
    ledger.publish()
    assert fsck(ledger).problems == []


def test_a_signed_statement_is_corrected_by_a_signed_one(ledger: Ledger) -> None:
    ledger.add_party("surety", ["guarantor"], [SURETY.verifier.vkey])
    ledger.append([*book.loans(1)], party="fenqile")
    data = {
        "currency": "CNY", "amount": "50.00", "covers": "whole",
        "claims": [{"claim": "c1", "applied": {"principal": "50.00"}}],
    }  # fmt: skip
    paid = book.event("guarantor.compensated", "loan:L0", data, id="g1")

    def sign(event: book.Event) -> Any:
        return statements.sign_submission(
            SURETY, ledger.origin, read_submission(event, party="surety", origin=ledger.origin)
        )

    ledger.append([sign(paid)])
    fix = correction(paid, digest_of(ledger, "g1"), {**data, "amount": "40.00"}, id="c1")
    with pytest.raises(RefusedError, match="must be signed"):
        ledger.append([fix], party="surety")
    ledger.append([sign(fix)])
    ledger.publish()
    verify_receipt(ledger.trust_root(), ledger.receipt("c1"))
    assert fsck(ledger).problems == []


def test_an_unsigned_correction_of_a_signed_type_in_the_database_gets_no_receipt(
    sqlite_ledger: Ledger,
) -> None:
    """What a verifier says of one that was committed to is in tests/proofs/test_verify_record.py."""
    ledger = sqlite_ledger
    ledger.append([*book.loans(1)], party="fenqile")
    paid = book.repaid("L0", 1)
    ledger.append([correction(paid, digest_of(ledger, "L0.repaid.1"), None, id="c1")], party="fenqile")
    with ledger.store.write() as connection:
        here = tables.records.c.event_id == "c1"
        text = bytes(connection.execute(select(tables.records.c.record).where(here)).scalar_one())
        forged = text.replace(b'"type":"repayment.received"', b'"type":"guarantor.compensated"')
        assert parse_record(forged.decode()).must_be_signed
        assert not parse_record(text.decode()).must_be_signed
        connection.execute(update(tables.records).where(here).values(record=forged))
    ledger.publish()
    with pytest.raises(IntegrityError, match="not what the tree of size 5 commits to"):
        ledger.receipt("c1")
    assert any("could not have been accepted" in problem.message for problem in fsck(ledger).problems)
