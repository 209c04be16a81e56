"""Payments against the plan, new plans, and the whole cost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from ledger.audit.checks import schedule
from ledger.audit.findings import Finding, Outcome
from ledger.domain.schedule import annual_cost
from tests.audit.casework import (
    Event,
    case,
    codes,
    disbursed,
    found,
    originated,
    provokes,
    records,
    repaid,
)

ORDER = ["penalty", "fee", "interest", "principal"]
CAP: dict[str, Any] = {"version": 1, "eligibility": {"annual_cost_max": "0.24"}}


def charged(amount: str, component: str = "penalty", number: int | None = 1) -> Event:
    return "fee.charged", "2026-02-06", {
        "currency": "CNY", "amount": amount, "component": component, "name": "late", "payee": "fenqile",
        "instalment": number,
    }  # fmt: skip


def extended(principal: str) -> Event:
    lines = [{"due": "2026-06-05", "principal": principal}]
    data = {"currency": "CNY", "first": 2, "instalments": lines, "reason": "extension"}
    return "schedule.changed", "2026-02-20", data


def test_payments_as_the_terms_say() -> None:
    one = case(
        originated(waterfall=ORDER), disbursed(), charged("5.00"),
        repaid("2026-02-20", 1, "94.62", "12.00", applied={"penalty": "5.00"}, amount="111.62"),
        repaid("2026-03-05", 2, "0.00", "10.00"), repaid("2026-03-09", 2, "95.57", "1.05"), rules=CAP,
    )  # fmt: skip
    assert found(schedule.check, one) == []
    assert [one.notes.procedure(name).outcome for name in ("schedule", "interest", "cost")] == [
        Outcome.PASSED
    ] * 3


@provokes("schedule.misapplied")
def test_principal_before_the_penalty_that_goes_first() -> Sequence[Finding]:
    findings = found(schedule.check, case(
        originated(waterfall=ORDER), disbursed(), charged("5.00"), repaid("2026-02-20", 1, "94.62", "5.38"),
    ))  # fmt: skip
    assert [one.facts["derived"] for one in findings] == ["principal 83.00, interest 12.00, penalty 5.00"]
    return findings


@provokes("interest.off_plan")
def test_more_interest_than_the_instalment_has() -> Sequence[Finding]:
    findings = found(
        schedule.check, case(originated(), disbursed(), repaid("2026-02-05", 1, "94.00", "12.62"))
    )
    assert codes(findings) == ["interest.off_plan"]
    return findings


def test_a_plan_that_is_changed_before_the_loan_begins() -> None:
    """It is out of order: it stops no audit, and asks for more than is owed on that day."""
    kind, _, data = extended("1200.00")
    one = case(originated(), disbursed(), (kind, "2025-12-20", data | {"first": 1}))
    assert codes(found(schedule.check, one)) == ["schedule.off_principal"]


@provokes("schedule.cured")
def test_a_new_plan_that_makes_a_delinquent_loan_current() -> Sequence[Finding]:
    lines = [{"due": "2026-05-05", "principal": "1200.00"}]
    data = {"currency": "CNY", "first": 1, "instalments": lines, "reason": "extension"}
    findings = found(
        schedule.check, case(originated(), disbursed(), ("schedule.changed", "2026-03-20", data))
    )
    assert [(one.facts["days"], one.facts["day"]) for one in findings] == [(43, "2026-03-20")]
    return findings


def test_a_new_plan_of_a_loan_that_was_not_past_due_or_still_is() -> None:
    early = case(originated(), disbursed(), extended("1200.00"), repaid("2026-02-05", 1, "94.62", "12.00"))
    assert "schedule.cured" not in codes(found(schedule.check, early))
    kind, _, data = extended("1105.38")
    late = case(originated(), disbursed(), (kind, "2026-03-20", data))
    assert "schedule.cured" not in codes(found(schedule.check, late)), (
        "the first instalment is past due as before"
    )


@provokes("schedule.off_principal")
def test_a_new_plan_for_another_principal() -> Sequence[Finding]:
    lines = [{"due": "2026-06-05", "principal": "1000.00"}]
    change = (
        "schedule.changed",
        "2026-02-20",
        {"currency": "CNY", "first": 2, "instalments": lines, "reason": "extension"},
    )
    findings = found(
        schedule.check, case(originated(), disbursed(), repaid("2026-02-05", 1, "94.62", "12.00"), change)
    )
    assert [(one.facts["planned"], one.facts["owed"]) for one in findings] == [("1000.00", "1105.38")]
    return findings


def test_a_new_plan_leaves_the_arrears_where_they_are() -> None:
    lines = [{"due": "2026-06-05", "principal": "1105.38"}]
    change = (
        "schedule.changed",
        "2026-02-20",
        {"currency": "CNY", "first": 2, "instalments": lines, "reason": "extension"},
    )
    assert found(schedule.check, case(originated(), disbursed(), change)) == []


@provokes("cost.above_cap")
def test_fees_that_take_the_cost_above_the_cap() -> Sequence[Finding]:
    fees = [{"name": "membership", "payee": "fenqile", "amount": "20.00", "when": "instalment"}]
    findings = found(schedule.check, case(originated(fees=fees), disbursed(), rules=CAP))
    assert codes(findings) == ["cost.above_cap"]
    assert 0.45 < float(str(findings[0].facts["cost"])) < 0.5
    return findings


def test_a_fee_charged_later_counts_too() -> None:
    one = case(originated(), disbursed(), charged("150.00", "fee", None), rules=CAP)
    assert codes(found(schedule.check, one)) == ["cost.above_cap"]


def test_a_penalty_is_no_cost_of_the_loan() -> None:
    assert found(schedule.check, case(originated(), disbursed(), charged("150.00"), rules=CAP)) == []


def test_no_plan_no_verdict() -> None:
    one = case(originated(first_due=None), disbursed(), rules=CAP)
    assert found(schedule.check, one) == []
    assert [one.notes.procedure(name).outcome for name in ("schedule", "cost")] == [Outcome.UNDETERMINED] * 2


def test_a_fee_counts_towards_the_cost_when_it_is_due() -> None:
    """Charged with the payout and due with the last instalment, it costs less a year."""
    kind, _, fee = charged("60.00", "fee", None)
    now = case(originated(), disbursed(), (kind, "2026-01-05", fee))
    later = case(originated(), disbursed(), (kind, "2026-01-05", fee | {"due": "2027-01-05"}))
    flows = [
        (date(2026, 1, 5), 120_000),
        *((due.date, -due.total // 10**6) for due in later.life.plan(later.as_of)),
    ]
    assert later.annual_cost == annual_cost([*flows, (date(2027, 1, 5), -6_000)], "irr_monthly_x12")
    assert now.annual_cost > later.annual_cost


def test_a_fee_of_the_plan_that_is_charged_too_is_two_fees() -> None:
    """As docs/schedules.md says: one of the two is to be used, and a charge that is void is none."""
    fee = {"name": "service", "payee": "fenqile", "amount": "60.00", "when": "upfront"}
    kind, _, again = charged("60.00", "fee", None)
    loan = (originated(fees=[fee]), disbursed())
    twice = (*loan, (kind, "2026-01-05", again))
    both = case(originated(fees=[fee | {"amount": "120.00"}]), disbursed())
    assert case(*twice).annual_cost == both.annual_cost > case(*loan).annual_cost
    void = ("correction.made", "2026-01-06", {
        "record": records(*twice)[2][1].digest.hex(), "type": kind, "replacement": None, "reason": "in the plan",
        "approved_by": "x",
    })  # fmt: skip
    assert case(*twice, void).annual_cost == case(*loan).annual_cost
