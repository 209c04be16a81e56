"""A pool that is sealed and proved, and what the definition says of it: what the tests of seals share."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from ledger.log import Ledger
from ledger.proofs.claimproof import ClaimProof
from ledger.proofs.encumbrance import claim_key
from ledger.proofs.sealproof import SealProof
from ledger.proofs.verify import Level, verify_file
from ledger.seals import Recorded
from tests import book
from tests.oracles import sumtree as oracle

#: The day before the tests' clock, and its own day: the one folds every loan, the other takes states as stored.
AS_OF, TODAY = "2026-11-22", "2026-11-23"
#: What a loan of :func:`filled` owes before and after its first repayment.
WHOLE, PAID = 1_200 * 10**8, 1_105_38 * 10**6


def append(ledger: Ledger, *events: Any, party: str = "fenqile") -> None:
    ledger.append(events, party=party)


def opened(loan: str, principal: str, currency: str = "CNY") -> book.Event:
    """A seasoned loan with one claim under a weak key."""
    claims = [{"claim": "c1", "creditor": "bank-a", "share": 1_000_000}]
    data = {
        "currency": currency, "as_of": "2026-10-31", "balances": {"principal": principal}, "basis": "asserted",
        "claims": claims,
    }  # fmt: skip
    return book.event("loan.opened", f"loan:{loan}", data, id=f"{loan}.opened")


def seal(ledger: Ledger, pool: str = "P", **more: Any) -> Recorded:
    return ledger.seal_pool(pool, party="fenqile", **{"as_of": AS_OF} | more)


def publish(ledger: Ledger) -> int:
    row = ledger.publish()
    assert row is not None
    return row.size


def filled(ledger: Ledger, loans: int = 20) -> int:
    """Loans L0 … pledged whole to pool P, every third of them twice repaid; the published size."""
    append(ledger, book.pool_created("P"), *book.loans(loans, repayments=0))
    append(ledger, *(book.repaid(f"L{n}", 1) for n in range(0, loans, 3)))
    claims = [(f"L{n}", "c1", 1_000_000) for n in range(loans)]
    append(ledger, book.pledged("P", "bank-a", *claims, id="all"))
    return publish(ledger)


def leaf_of(proof: SealProof) -> oracle.Leaf:
    leaf = proof.leaf
    return leaf.key, leaf.share, leaf.receivable, leaf.credit, leaf.state


def check(ledger: Ledger, recorded: Recorded, claims: dict[str, tuple[int, int]], pool: str = "P") -> None:
    """The seal is the tree over these claims ("loan/claim" → share, principal), each provable and verified."""
    header = recorded.header
    trust = ledger.trust_root()
    leaves = {}
    for claim, (share, principal) in claims.items():
        data = ledger.prove_seal(pool, claim)
        verdict = verify_file(trust, data, require=Level.PUBLISHED)
        assert [step.name for step in verdict.steps] == [
            "form", "trust_root", "checkpoint", "service_signature", "register", "seal", "place", "claim",
        ]  # fmt: skip
        proof = SealProof.parse(data)
        assert proof.header == header
        then = ClaimProof.parse(ledger.prove_claim(claim, size=header.size))
        assert then.state is not None
        state = hashlib.sha256(then.state.encode()).digest()
        owed, credit = max(principal, 0), max(-principal, 0)
        assert leaf_of(proof) == (claim_key(then.asset_key), share, owed, credit, state)
        assert proof.state == then.state
        leaves[proof.index] = leaf_of(proof)
    assert sorted(leaves) == list(range(len(claims)))
    assert oracle.tree([leaves[at] for at in range(len(claims))]) == header.total
    members = json.loads(header.encode())
    assert oracle.seal(members) == header.seal
