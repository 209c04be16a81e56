"""What a pool holds of a loan against the loan's own state."""

from __future__ import annotations

from datetime import date

import pytest

from ledger.audit.checks import holding
from ledger.audit.checks.case import Case, PoolClaim
from tests.audit.logwork import Records, claim


@pytest.fixture
def records() -> Records:
    records = Records()
    records.loan("L1", shares=(300_000, 700_000))
    return records


def examined(records: Records, *claims: PoolClaim, as_of: date = date(2026, 12, 31)) -> Case:
    case = records.case("loan:L1", *claims, as_of=as_of)
    holding.check(case)
    return case


def test_a_claim_that_lives_and_is_held_here_alone(records: Records) -> None:
    case = examined(records, claim("c0", share=300_000), claim("c1", share=700_000))
    assert case.notes.findings == []


def test_a_claim_that_is_held_beyond_its_end(records: Records) -> None:
    records.post("loan.settled", "loan:L1", {"reason": "matured"}, effective="2026-10-15")
    assert examined(records, as_of=date(2026, 11, 15)).notes.findings == []
    (finding,) = examined(records, as_of=date(2026, 11, 16)).notes.findings
    assert (finding.code, finding.claim) == ("pledge.ended", "c0")
    assert finding.text() == "The loan ended on 2026-10-15 (settled) and is still held in the pool."


def test_a_claim_that_was_released_is_not_held(records: Records) -> None:
    records.post("loan.settled", "loan:L1", {"reason": "matured"}, effective="2026-10-15")
    case = examined(records, claim("c0", ("2026-03-02", 1_000_000), ("2026-10-31", -1_000_000)))
    assert case.notes.findings == []


def test_a_claim_that_other_pools_have_a_part_of(records: Records) -> None:
    shared = claim("c1", ("2026-03-02", 500_000))._replace(others=(("Q", 300_000), ("P2", 100_000)))
    (finding,) = examined(records, shared).notes.findings
    assert (finding.code, finding.claim) == ("pledge.shared", "c1")
    assert finding.text() == "400000 ppm of the claim are held through other pools (2 of them)."
