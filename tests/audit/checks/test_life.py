"""A loan's course, and what the pool's criteria say to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from ledger.audit.checks import eligibility, life
from ledger.audit.checks.case import Case, Move, PoolClaim
from ledger.audit.collectors.totals import attribute_of
from ledger.audit.findings import Finding, Outcome
from ledger.audit.rules import PoolRules
from ledger.domain.fold import unsuperseded
from tests.audit.casework import case, codes, disbursed, found, originated, provokes, records, repaid

LOAN = (originated(product="phone", attributes={"grade": 3}), disbursed())
SETTLED = ("loan.settled", "2026-03-01", {"reason": "prepaid"})
PAID_OFF = repaid("2026-02-05", 1, "1200.00", "12.00")


def test_a_life_without_a_remark() -> None:
    assert found(life.check, case(*LOAN, repaid("2026-02-05", 1, "94.62", "12.00"))) == []


@provokes("life.settled")
def test_a_settlement_explains_why_the_claim_leaves_the_tape() -> Sequence[Finding]:
    findings = found(life.check, case(*LOAN, PAID_OFF, SETTLED))
    assert codes(findings) == ["life.settled"]
    return findings


@provokes("life.after_end")
def test_money_after_the_end() -> Sequence[Finding]:
    return found(life.check, case(*LOAN, PAID_OFF, SETTLED, repaid("2026-04-05", 2, "0.00", "1.00")))


@pytest.mark.parametrize(
    "ending", [SETTLED, ("loan.cancelled", "2026-03-01", {"reason": "fraud"})], ids=["settled", "cancelled"]
)
@provokes("life.ended_with_balance")
def test_an_end_with_a_remainder(ending: Any) -> Sequence[Finding]:
    return found(life.check, case(*LOAN, ending))


@provokes("life.overpaid")
def test_a_customer_credit() -> Sequence[Finding]:
    findings = found(life.check, case(*LOAN, repaid("2026-02-05", 1, "1200.01", "0.00")))
    assert [one.facts["credit"] for one in findings] == ["0.01"]
    return findings


def taken_back(payment: str, principal: str, interest: str = "12.00", on: str = "2026-02-09") -> Any:
    _, _, paid = repaid(on, None, principal, interest)
    data = {"currency": "CNY", "repayment": payment, "amount": paid["amount"], "applied": paid["applied"]}
    return "repayment.reversed", on, data | {"reason": "returned"}


FIRST = repaid("2026-02-05", 1, "94.62", "12.00", id="first")


@pytest.mark.parametrize(
    ("reversals", "left"),
    [
        ([taken_back("first", "94.62")], []),
        ([taken_back("first", "1094.62")], ["106.62"]),
        ([taken_back("first", "12.00", "94.62")], ["106.62"]),
        ([taken_back("another", "94.62")], ["0.00"]),
        ([taken_back("first", "94.62"), taken_back("first", "94.62", on="2026-02-10")], ["0.00"]),
    ],
    ids=["honest", "more", "other parts", "of nothing", "twice"],
)
def test_a_reversal_takes_back_what_was_paid(reversals: list[Any], left: list[str]) -> None:
    findings = found(life.check, case(*LOAN, FIRST, *reversals))
    assert [one.facts["left"] for one in findings if one.code == "life.reversal_differs"] == left
    assert len(findings) == len(left)


@provokes("life.reversal_differs")
def test_a_reversal_of_a_payment_that_is_void() -> Sequence[Finding]:
    digest = records(*LOAN, FIRST)[2][1].digest.hex()
    void = ("correction.made", "2026-02-09", {
        "record": digest, "type": "repayment.received", "reason": "wrong loan", "approved_by": "operations",
        "replacement": None,
    })  # fmt: skip
    return found(life.check, case(*LOAN, FIRST, void, taken_back("first", "94.62")))


def test_a_reversal_of_what_came_before_the_opening_is_undetermined() -> None:
    opening = {"as_of": "2026-03-31", "balances": {"principal": "1200.00"}, "basis": "asserted"}
    one = case(
        ("loan.opened", "2026-03-31", LOAN[0][2] | opening), taken_back("first", "94.62", on="2026-04-02")
    )
    assert "life.reversal_differs" not in codes(found(life.check, one))
    assert one.notes.procedure("life").outcome is Outcome.UNDETERMINED


@pytest.mark.parametrize("kind", ["guarantor.compensated", "claim.bought_back"])
@provokes("life.unknown_claim")
def test_money_for_a_claim_that_the_loan_does_not_have(kind: str) -> Sequence[Finding]:
    data: dict[str, Any] = {"currency": "CNY"}
    if kind == "claim.bought_back":
        data |= {"claim": "9", "buyer": "fenqile", "price": "1.00", "reason": "breach"}
    else:
        paid = [{"claim": name, "applied": {"principal": "1.00"}} for name in ("1", "9")]
        data |= {"amount": "2.00", "claims": paid, "covers": "whole"}
    findings = found(life.check, case(*LOAN, (kind, "2026-03-01", data)))
    assert [one.facts["named"] for one in findings] == ["9"]
    return findings


@provokes("life.void")
def test_a_void_record_is_told() -> Sequence[Finding]:
    digest = records(*LOAN, FIRST)[2][1].digest.hex()
    void = ("correction.made", "2026-02-09", {
        "record": digest, "type": "repayment.received", "reason": "wrong loan", "approved_by": "operations",
        "replacement": None,
    })  # fmt: skip
    findings = found(life.check, case(*LOAN, FIRST, void))
    assert [(one.facts["reason"], one.evidence[0].digest) for one in findings] == [("wrong loan", digest)]
    assert found(life.check, case(*LOAN, FIRST, void, as_of="2026-02-04")) == [], "not yet paid then"
    return findings


@provokes("life.corrected")
def test_a_correction_is_told() -> Sequence[Finding]:
    digest = records(*LOAN, PAID_OFF)[2][1].digest.hex()
    correction = ("correction.made", "2026-02-09", {
        "record": digest, "type": "repayment.received", "reason": "wrong loan", "approved_by": "operations",
        "replacement": repaid("2026-02-05", 1, "94.62", "12.00")[2],
    })  # fmt: skip
    return found(life.check, case(*LOAN, PAID_OFF, correction))


def rules(**eligible: Any) -> dict[str, Any]:
    return {"version": 4, "eligibility": eligible}


@pytest.mark.parametrize(
    "criteria",
    [
        {
            "principal_max": "1200.00",
            "instalments_min": 12,
            "annual_rate_max": "0.12",
            "annual_cost_max": "0.1201",
        },
        {"product_in": ["phone"], "product_not_in": ["cash"], "currency_in": ["CNY"], "grade_max": 3},
        {
            "days_past_due_max": 0,
            "months_on_book_min": 1,
            "remaining_instalments_max": 11,
            "status_in": ["active"],
        },
    ],
)
def test_a_loan_that_meets_every_criterion(criteria: dict[str, Any]) -> None:
    one = case(*LOAN, repaid("2026-02-05", 1, "94.62", "12.00"), as_of="2026-02-20", rules=rules(**criteria))
    assert found(eligibility.check, one) == []
    assert one.notes.procedure("eligibility").outcome is Outcome.PASSED
    assert one.once(eligibility.examine).eligible


@pytest.mark.parametrize(
    ("name", "bound", "value"),
    [
        ("principal_max", "1199.99", "1200.00 CNY"), ("outstanding_min", "1200.01", "1200.00 CNY"),
        ("product_in", ["cash"], "phone"), ("product_not_in", ["phone"], "phone"),
        ("days_past_due_max", 14, "15"), ("grade_min", 4, "3"),
    ],
)  # fmt: skip
@provokes("eligibility.breach")
def test_a_loan_that_does_not(name: str, bound: Any, value: str) -> Sequence[Finding]:
    one = case(*LOAN, as_of="2026-02-20", rules=rules(**{name: bound}))
    findings = found(eligibility.check, one)
    assert [(finding.facts["value"], finding.facts["version"]) for finding in findings] == [(value, 4)]
    assert str(findings[0].facts["criterion"]).endswith(" CNY") == value.endswith(" CNY"), "in one unit"
    assert not one.once(eligibility.examine).eligible
    return findings


@pytest.mark.parametrize("name", ["region_in", "nothing_max", "product_max", "product"])
def test_what_the_loan_does_not_tell_is_undetermined_and_not_eligible(name: str) -> None:
    one = case(*LOAN, rules=rules(**{name: ["x"] if name.endswith("_in") else 1}))
    assert found(eligibility.check, one) == []
    assert one.notes.procedure("eligibility").outcome is Outcome.UNDETERMINED
    assert not one.once(eligibility.examine).eligible


@pytest.mark.parametrize("bound", [["true"], True])
def test_a_yes_or_no_is_compared_in_the_words_of_json(bound: Any) -> None:
    insured, bare = (originated(attributes={"insured": told}) for told in (True, False))
    assert found(eligibility.check, case(insured, disbursed(), rules=rules(insured_in=bound))) == []
    (finding,) = found(eligibility.check, case(bare, disbursed(), rules=rules(insured_in=bound)))
    assert (finding.facts["value"], finding.facts["criterion"]) == ("false", "in true")
    assert attribute_of(case(insured, disbursed()), "insured") == "true"


def pledged_on(day: str, *, as_of: str, versions: Any, claims: int = 1, recorded_on: str = "") -> Case:
    """The loan, of which the pool took its claim on a day, under rules that came into force on days.

    ``recorded_on`` is the day of record where that is too late.
    """
    late = date.fromisoformat(recorded_on).toordinal() if recorded_on else 0
    since = [
        (date.fromisoformat(start).toordinal(), PoolRules.of(one, recorded=recorded[0] if recorded else 0))
        for start, one, *recorded in versions
    ]
    all_records = records(*LOAN)
    held = unsuperseded(all_records, until=date.fromisoformat(as_of))
    claim = PoolClaim("1", bytes(32), "bank", 1_000_000, False,
                      (Move(date.fromisoformat(day).toordinal(), 20, "fund", 1_000_000, late),))  # fmt: skip
    return Case("L1", all_records, held, [claim] * claims, as_of=date.fromisoformat(as_of), rules=since[-1][1],
                versions=tuple(since))  # fmt: skip


@provokes("eligibility.at_pledge")
def test_a_claim_that_was_never_eligible() -> Sequence[Finding]:
    """Fifteen days past due when it came; later rules that ask for less do not mend it."""
    versions = [("2026-01-01", {"version": 1, "eligibility": {"days_past_due_max": 14}}),
                ("2026-03-01", {"version": 2, "eligibility": {"days_past_due_max": 90}})]  # fmt: skip
    findings = found(
        eligibility.check, pledged_on("2026-02-20", as_of="2026-03-10", versions=versions, claims=2)
    )
    (finding,) = findings
    assert (finding.facts["value"], finding.facts["day"], finding.facts["version"]) == ("15", "2026-02-20", 1)
    return findings


@provokes("eligibility.at_record")
def test_a_claim_that_was_dated_back_to_when_it_was_eligible() -> Sequence[Finding]:
    """Not yet past due on the day that the pledge names; when anybody heard of it, it was."""
    versions = [("2026-01-01", {"version": 1, "eligibility": {"days_past_due_max": 14}})]
    late = pledged_on("2026-02-10", as_of="2026-02-25", versions=versions, claims=2, recorded_on="2026-02-25")
    findings = found(eligibility.check, late)
    assert codes(findings) == ["eligibility.at_record", "eligibility.breach"]
    (finding,) = [one for one in findings if one.code == "eligibility.at_record"]
    assert (finding.facts["value"], finding.facts["day"], finding.facts["version"]) == ("20", "2026-02-25", 1)
    in_time = pledged_on("2026-02-10", as_of="2026-02-25", versions=versions)
    assert codes(found(eligibility.check, in_time)) == ["eligibility.breach"]
    before = pledged_on("2026-02-10", as_of="2026-02-18", versions=versions, recorded_on="2026-02-25")
    assert found(eligibility.check, before) == [], (
        "on the audit's day it met them, and nothing later is asked"
    )
    return findings


def test_what_was_wrong_on_the_day_itself_is_not_told_again_of_the_day_of_record() -> None:
    versions = [("2026-01-01", {"version": 1, "eligibility": {"product_in": ["cash"]}})]
    late = pledged_on("2026-02-10", as_of="2026-02-18", versions=versions, recorded_on="2026-02-17")
    assert codes(found(eligibility.check, late)) == ["eligibility.at_pledge", "eligibility.breach"]


def test_rules_that_were_dated_back_after_the_pledge_do_not_mend_it() -> None:
    versions = [("2026-01-01", {"version": 1, "eligibility": {"days_past_due_max": 14}}),
                ("2026-01-01", {"version": 2, "eligibility": {"days_past_due_max": 90}}, 30)]  # fmt: skip
    (finding,) = found(eligibility.check, pledged_on("2026-02-20", as_of="2026-03-10", versions=versions))
    assert (finding.code, finding.facts["version"]) == ("eligibility.at_pledge", 1)


def test_a_claim_that_became_ineligible_in_the_pool() -> None:
    versions = [
        ("2026-01-01", {"version": 1, "eligibility": {"days_past_due_max": 14, "product_in": ["phone"]}})
    ]
    findings = found(eligibility.check, pledged_on("2026-02-10", as_of="2026-02-20", versions=versions))
    assert codes(findings) == ["eligibility.breach"]


def test_a_lasting_fault_is_told_for_both_days() -> None:
    versions = [("2026-01-01", {"version": 1, "eligibility": {"product_in": ["cash"]}})]
    findings = found(eligibility.check, pledged_on("2026-02-10", as_of="2026-02-20", versions=versions))
    assert codes(findings) == ["eligibility.at_pledge", "eligibility.breach"]


@pytest.mark.parametrize("day", ["2026-01-02", "2026-01-06"], ids=["before the loan", "before the rules"])
def test_a_claim_that_came_before_its_loan_or_any_rules_is_undetermined(day: str) -> None:
    start = "2026-01-01" if day == "2026-01-02" else "2026-01-07"
    one = pledged_on(
        day, as_of="2026-01-20", versions=[(start, {"version": 1, "eligibility": {"instalments_min": 3}})]
    )
    assert found(eligibility.check, one) == []
    assert one.notes.procedure("eligibility").outcome is Outcome.UNDETERMINED
