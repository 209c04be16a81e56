"""Payments, balances, status and days past due, as reported and as the records give them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ledger.audit.checks import reports
from ledger.audit.findings import Finding, Outcome
from tests.audit.casework import case, codes, disbursed, found, originated, provokes, repaid, reported

LOAN = (originated(), disbursed())
FIRST = repaid("2026-02-05", 1, "94.62", "12.00")


def test_an_honest_report_gives_no_finding() -> None:
    one = case(
        *LOAN, reported("2026-01-31", balance="1200.00", beginning="0.00", days_past_due=0), FIRST,
        reported("2026-02-28", balance="1105.38", beginning="1200.00", days_past_due=0),
    )  # fmt: skip
    assert found(reports.check, one) == []
    assert {name: one.notes.procedure(name).outcome for name in (
        "cash_identity", "balance_identity", "continuity", "reported_balance", "reported_status", "days_past_due",
    )} == dict.fromkeys((
        "cash_identity", "balance_identity", "continuity", "reported_balance", "reported_status", "days_past_due",
    ), Outcome.PASSED)  # fmt: skip


@provokes("cash.parts")
def test_a_payment_that_is_not_the_sum_of_its_parts() -> Sequence[Finding]:
    findings = found(reports.check, case(*LOAN, repaid("2026-02-05", 1, "94.62", "12.00", amount="100.00")))
    assert [(one.facts["difference"], len(one.evidence)) for one in findings] == [("-6.62", 1)]
    return findings


def test_a_guarantors_payment_is_the_sum_of_its_parts_too() -> None:
    paid = [{"claim": "1", "applied": {"principal": "94.62", "interest": "12.00"}}]
    data = {"currency": "CNY", "amount": "106.62", "claims": paid, "covers": "whole"}
    assert found(reports.check, case(*LOAN, ("guarantor.compensated", "2026-03-01", data))) == []
    more = ("guarantor.compensated", "2026-03-01", data | {"amount": "116.62"})
    (finding,) = found(reports.check, case(*LOAN, more))
    assert (finding.code, finding.facts["difference"]) == ("cash.parts", "10.00")


def test_a_tolerance_of_the_rules_bounds_it() -> None:
    off = repaid("2026-02-05", 1, "94.62", "12.00", amount="106.63")
    rules = {"version": 1, "tolerances": {"cash_identity": "0.01"}}
    assert found(reports.check, case(*LOAN, off, rules=rules)) == []
    assert codes(found(reports.check, case(*LOAN, off))) == ["cash.parts"]


@provokes("balance.contradicted")
def test_an_inflated_balance() -> Sequence[Finding]:
    findings = found(reports.check, case(*LOAN, FIRST, reported("2026-02-28", balance="1200.00")))
    assert [one.facts["difference"] for one in findings] == ["94.62"]
    return findings


@provokes("balance.flows")
def test_principal_that_vanishes_between_two_reports() -> Sequence[Finding]:
    return found(
        reports.check,
        case(*LOAN, FIRST, reported("2026-02-28", balance="1000.00", beginning="1200.00")),
    )


@pytest.mark.parametrize("begun", ["originated", "opened"])
def test_a_first_report_may_come_months_after_the_loan_began(begun: str) -> None:
    """Its period begins on a day that nobody told: one on which so much was owed as it says."""
    loan = LOAN
    if begun == "opened":
        loan = (originated(as_of="2026-01-31", balances={"principal": "1200.00"}, basis="asserted"),)
        loan = (("loan.opened", "2026-01-31", loan[0][2]),)
    second = repaid("2026-03-05", 2, "95.57", "11.05")
    sound = reported("2026-03-31", balance="1009.81", beginning="1105.38")
    assert found(reports.check, case(*loan, FIRST, second, sound)) == []
    never = reported("2026-03-31", balance="1009.81", beginning="1100.00")
    (finding,) = found(reports.check, case(*loan, FIRST, second, never))
    assert (finding.code, finding.facts["difference"]) == ("balance.flows", "-5.38")


@pytest.mark.parametrize("begins", ["loan.opened", "loan.originated"])
def test_a_report_of_a_day_before_the_loan_begins_is_undetermined(begins: str) -> None:
    opening = {"as_of": "2026-03-31", "balances": {"principal": "1200.00"}, "basis": "asserted"}
    data = LOAN[0][2] | (opening if begins == "loan.opened" else {})
    early = reported("2026-02-28", balance="1300.00", beginning="1400.00", days_past_due=3)
    one = case((begins, "2026-03-31", data), early)
    assert found(reports.check, one) == []
    for name in ("reported_balance", "reported_status", "days_past_due"):
        assert one.notes.procedure(name).outcome is Outcome.UNDETERMINED


@provokes("balance.discontinuous")
def test_a_report_that_does_not_begin_where_the_one_before_ended() -> Sequence[Finding]:
    return found(
        reports.check,
        case(
            *LOAN, reported("2026-01-31", balance="1200.00"),
            reported("2026-02-28", balance="1200.00", beginning="1150.00"),
        ),
    )  # fmt: skip


@pytest.mark.parametrize("over", [True, False])
@provokes("status.contradicted")
def test_a_loan_reported_over_that_goes_on_or_the_other_way_round(over: bool) -> Sequence[Finding]:
    if over:
        return found(reports.check, case(*LOAN, reported("2026-02-28", zero_balance_code="1")))
    settled = ("loan.settled", "2026-02-10", {"reason": "prepaid"})
    return found(reports.check, case(*LOAN, settled, reported("2026-02-28", balance="1200.00")))


@provokes("dpd.contradicted")
def test_a_delinquent_loan_reported_current() -> Sequence[Finding]:
    findings = found(reports.check, case(*LOAN, reported("2026-03-31", days_past_due=0)))
    assert [(one.facts["reported"], one.facts["derived"]) for one in findings] == [(0, 54)]
    return findings


@provokes("dpd.cured_by_others")
def test_a_delinquent_loan_shown_as_current_by_advances() -> Sequence[Finding]:
    advance = repaid("2026-02-05", 1, "94.62", "12.00", payer="platform")
    findings = found(reports.check, case(*LOAN, advance, reported("2026-02-28", days_past_due=0)))
    assert [(one.facts["payers"], one.facts["due"]) for one in findings] == [("platform", "2026-02-05")]
    return findings


def test_what_cannot_be_derived_is_undetermined_and_no_finding() -> None:
    one = case(originated(first_due=None), disbursed(), reported("2026-02-28", days_past_due=12))
    assert found(reports.check, one) == []
    assert one.notes.procedure("days_past_due").outcome is Outcome.UNDETERMINED


def test_a_correction_counts_and_its_original_does_not() -> None:
    wrong = repaid("2026-02-05", 1, "94.62", "12.00", amount="16.62")
    from tests.audit.casework import records

    digest = records(*LOAN, wrong)[2][1].digest.hex()
    right = dict(FIRST[2])
    correction = ("correction.made", "2026-02-09", {
        "record": digest, "type": "repayment.received", "replacement": right, "reason": "typing error",
        "approved_by": "operations",
    })  # fmt: skip
    assert found(reports.check, case(*LOAN, wrong, correction)) == []
