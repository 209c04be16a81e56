"""Each type of event through the whole log, on both databases: accepted, published, received, verified, replayed."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.audit.fsck import fsck
from ledger.domain import statements
from ledger.domain.events import EVENTS, read_submission
from ledger.log import Ledger
from ledger.proofs.claimproof import ClaimProof
from ledger.proofs.note import Signer
from ledger.proofs.receipt import Receipt
from ledger.proofs.recordform import parse_record
from ledger.proofs.verify import verify_claim_proof, verify_receipt
from tests.domain.examples import raw

#: The ledger works these out itself, and tests of their own show them: seals, erasure, corrections.
APART = {"pool.sealed", "subject.erased", "correction.made"}
KEYS = {
    name: Signer.from_seed(name, bytes([n]) * 32) for n, name in enumerate(("bank", "clearing", "surety"), 40)
}
PARTIES = {
    "bank": "funding_partner", "fund": "investor", "clearing": "account_bank", "surety": "guarantor",
}  # fmt: skip


@pytest.fixture
def told(ledger: Ledger) -> dict[str, str]:
    """A log that was told one event of every type; type → event id."""
    for name, role in PARTIES.items():
        ledger.add_party(name, [role], [KEYS[name].verifier.vkey] if name in KEYS else [])
    first = ["loan.originated", "loan.disbursed", "pool.created", "claim.pledged"]
    last = ["claim.released", "claim.sold", "loan.charged_off", "loan.reinstated", "loan.cancelled", "loan.settled",
            "pool.closed"]  # fmt: skip
    between = [name for name in EVENTS if name not in {*first, *last, "loan.opened", *APART}]
    ids: dict[str, str] = {}
    for kind in [*first, *between, *last, "loan.opened"]:
        changes: dict[str, Any] = {"id": f"e.{kind}"}
        if kind == "loan.opened":
            changes["subject"] = "loan:L2"
        if kind == "repayment.confirmed":
            changes["data"] = {"repayment": ledger.state_of(ids["repayment.received"])["digest"]}
        one = read_submission(raw(kind, **changes))
        if one.party in KEYS:
            one = statements.sign_submission(KEYS[one.party], ledger.origin, one)
        [accepted] = ledger.append([one]).accepted
        ids[kind] = accepted.id
    ledger.publish()
    return ids


def test_every_type_is_accepted_published_and_proved(ledger: Ledger, told: dict[str, str]) -> None:
    assert set(told) == set(EVENTS) - APART
    trust = ledger.trust_root()
    for kind, event_id in told.items():
        receipt = ledger.receipt(event_id)
        verify_receipt(trust, receipt)
        record = parse_record(Receipt.parse(receipt).record)
        assert record.type == kind
        assert (record.sig is not None) == (record.party in KEYS)
        assert record.sig is not None or not record.must_be_signed
    assert {parse_record(Receipt.parse(ledger.receipt(told[kind])).record).subject
            for kind in ("cash.settled", "day.closed")} == {"account:A1", "log"}  # fmt: skip
    assert fsck(ledger).problems == []


def test_the_register_names_the_creditor_that_bought_and_what_a_guarantor_left(
    ledger: Ledger, told: dict[str, str]
) -> None:
    """Of 1200.00 came 100.00 back as a refund and 200.00 as a prepayment: 700,000 ppm of the rest, less 70.00."""
    proof = ClaimProof.parse(ledger.prove_claim("L1/a"))
    verify_claim_proof(ledger.trust_root(), proof.encode())
    assert proof.state is not None
    assert proof.state.creditor == "fenqile"
    # All of it happened on one day, on which the rank decides: a loan that is reinstated goes on.
    assert (proof.state.status, proof.state.principal) == ("active", "560.00")
    assert set(told) >= {"claim.bought_back", "guarantor.compensated"}
