"""Rate, term, maturity, amounts due, and interest against what could accrue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from ledger.audit.checks import terms
from ledger.audit.findings import Finding, Outcome
from tests.audit.casework import TERMS, Event, case, codes, disbursed, found, originated, provokes, reported

OPENED: dict[str, Any] = {
    "currency": "USD", "claims": TERMS["claims"], "as_of": "2026-05-31", "balances": {"principal": "1000.00"},
    "basis": "asserted", "annual_rate": "0.1", "instalments": 72, "first_due": "2020-08", "maturity": "2026-07",
}  # fmt: skip


def opened(**changes: Any) -> Event:
    return "loan.opened", "2026-06-01", {**OPENED, **changes}


def month(number: str, interest: str) -> Event:
    return "repayment.received", number, {
        "currency": "USD", "amount": interest, "applied": {"interest": interest}, "aggregate": True,
    }  # fmt: skip


def report(day: str, **data: Any) -> Event:
    kind, effective, members = reported(day, **data)
    return kind, effective, {**members, "currency": "USD"}


def test_terms_that_hold_together() -> None:
    one = case(
        opened(),
        report("2026-06-30", balance="1000.00", beginning="1000.00", next_due="500.00", current_rate="0.1"),
    )
    assert found(terms.check, one) == []
    assert one.notes.procedure("terms").outcome is Outcome.PASSED


@provokes("rate.below_contract")
def test_relief_that_nobody_recorded() -> Sequence[Finding]:
    findings = found(
        terms.check, case(opened(current_rate="0.06"), report("2026-06-30", current_rate="0.06"))
    )
    assert codes(findings) == ["rate.below_contract"], "once a loan, not once a report"
    return findings


@provokes("rate.above_contract")
def test_a_rate_above_the_contract() -> Sequence[Finding]:
    return found(terms.check, case(opened(), report("2026-06-30", current_rate="0.12")))


def test_a_rate_that_was_changed_openly() -> None:
    change = ("schedule.changed", "2026-06-10", {
        "currency": "USD", "first": 1, "reason": "rate_change", "annual_rate": "0.06",
        "instalments": [{"due": "2026-07-05", "principal": "1000.00"}],
    })  # fmt: skip
    assert found(terms.check, case(opened(), change, report("2026-06-30", current_rate="0.06"))) == []
    assert found(terms.check, case(opened(), report("2026-06-30", current_rate="0.06", modified=True))) == []


@provokes("term.maturity")
def test_a_maturity_that_the_term_does_not_give() -> Sequence[Finding]:
    findings = found(terms.check, case(opened(maturity="2026-12")))
    assert [one.facts["derived"] for one in findings] == ["2026-07"]
    return findings


@provokes("balance.after_maturity")
def test_a_balance_after_maturity() -> Sequence[Finding]:
    return found(terms.check, case(opened(), report("2026-08-31", beginning="10.00")))


@provokes("due.on_zero_balance")
def test_an_amount_due_on_a_balance_of_zero() -> Sequence[Finding]:
    return found(terms.check, case(opened(), report("2026-06-30", balance="0.00", next_due="1.00")))


@provokes("due.above_owed")
def test_an_amount_due_above_what_can_be_owed() -> Sequence[Finding]:
    return found(terms.check, case(opened(), report("2026-06-30", balance="100.00", next_due="101.00")))


def test_fees_not_collected_may_be_due_too() -> None:
    fees = [["otherAssessedUncollectedServicerFeeAmount", "10.00000000"]]
    one = case(opened(), report("2026-06-30", balance="100.00", next_due="110.86", elements=fees))
    assert found(terms.check, one) == []


@provokes("due.none_within_term")
def test_nothing_scheduled_within_the_term() -> Sequence[Finding]:
    nothing = [["reportingPeriodScheduledPaymentAmount", "0.00000000"]]
    return found(terms.check, case(opened(), report("2026-06-30", beginning="10.00", elements=nothing)))


@provokes("interest.above_accrual")
def test_more_interest_than_can_accrue() -> Sequence[Finding]:
    through = [["interestPaidThroughDate", "06-30-2026"]]
    return found(terms.check, case(
        opened(), report("2026-06-30", balance="1000.00", elements=through),
        month("2026-07", "8.62"), report("2026-07-31", beginning="1000.00"),
    ))  # fmt: skip


@pytest.mark.parametrize("day", ["06-30-2026", "06/2026"])
def test_interest_within_what_can_accrue_or_of_an_unknown_time(day: str) -> None:
    one = case(
        opened(), report("2026-06-30", balance="1000.00", elements=[["interestPaidThroughDate", day]]),
        month("2026-07", "8.61"), report("2026-07-31", beginning="1000.00"),
    )  # fmt: skip
    assert found(terms.check, one) == []
    known = one.notes.procedure("interest").outcome
    assert known is (Outcome.PASSED if len(day) == 10 else Outcome.UNDETERMINED)


def test_a_loan_without_reports_is_asked_for_its_terms_only() -> None:
    one = case(originated(), disbursed())
    assert found(terms.check, one) == []
    assert one.notes.procedure("interest").outcome is Outcome.NOT_APPLICABLE
