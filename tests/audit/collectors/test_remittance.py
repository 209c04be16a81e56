"""Was what was collected passed on?"""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from ledger.audit.collectors.remittance import Collections, Remitted, check
from ledger.audit.findings import Notes, Outcome
from ledger.audit.rules import PoolRules
from ledger.domain import money
from tests.audit.logwork import AS_OF, Records, claim


class Pool:
    """A loan in a pool, whose payments and remittances the test writes."""

    def __init__(self) -> None:
        self.records = Records()
        self.loan = self.records.loan("L1")

    def remit(self, first: str, last: str, collected: str, amount: str | None = None, **more: Any) -> None:
        data = {
            "holder": "fund", "currency": "CNY", "first": first, "last": last, "collected": collected,
            "amount": amount or collected,
        }  # fmt: skip
        self.records.post("remittance.made", "pool:P", data | more, effective=last)

    def audit(self, *claims: Any, tolerance: str = "0", as_of: date = AS_OF) -> tuple[Notes, list[Remitted]]:
        rules = PoolRules.of({"tolerances": {"remittance": tolerance}})
        collected = Collections()
        collected.take(self.records.case(self.loan, *claims, as_of=as_of))
        notes = Notes()
        found = check(notes, "pool:P", self.records.of("pool:P"), collected, rules=rules, as_of=as_of)
        return notes, found


@pytest.fixture
def pool() -> Pool:
    return Pool()


def codes(notes: Notes) -> list[str]:
    return [one.code for one in notes.findings]


def test_what_was_passed_on_is_what_was_collected(pool: Pool) -> None:
    pool.records.pay(pool.loan, "2026-04-01")
    pool.records.pay(pool.loan, "2026-04-30")
    pool.records.pay(pool.loan, "2026-05-01")
    pool.records.pay(pool.loan, "2026-06-01")
    items = [{"name": "servicing_fee", "amount": "2.00"}]
    pool.remit("2026-04-01", "2026-04-30", "214.00", "212.00", items=items)
    pool.remit("2026-05-01", "2026-05-31", "107.00")
    notes, (found,) = pool.audit(as_of=date(2026, 8, 1))
    assert codes(notes) == []
    assert notes.procedure("remittance").outcome is Outcome.PASSED
    assert notes.procedure("remittance").asked == 2
    assert found.to_json() == {
        "collected": "428.00", "accounted_for": "321.00", "remitted": "319.00", "not_due_yet": "107.00",
    }  # fmt: skip


def test_a_statement_that_does_not_add_up(pool: Pool) -> None:
    pool.records.pay(pool.loan, "2026-04-01")
    pool.remit("2026-04-01", "2026-04-30", "107.00", "106.00")
    notes, _ = pool.audit()
    assert codes(notes) == ["remittance.identity"]
    assert notes.findings[0].text() == (
        "2026-04-01 to 2026-04-30: collected 107.00 CNY less 0.00 is not the 106.00 remitted."
    )


def test_cash_that_is_kept_back_is_short(pool: Pool) -> None:
    pool.records.pay(pool.loan, "2026-04-01")
    pool.remit("2026-04-01", "2026-04-30", "96.30")
    notes, _ = pool.audit()
    assert codes(notes) == ["remittance.short"]
    assert "107.00 CNY were collected on fund's shares, 96.30 are accounted for" in notes.findings[0].text()
    assert notes.findings[0].evidence[0].index == 3
    assert codes(pool.audit(tolerance="10.70")[0]) == []


def test_more_than_was_collected_is_a_warning(pool: Pool) -> None:
    pool.records.pay(pool.loan, "2026-04-01")
    pool.remit("2026-04-01", "2026-04-30", "107.01")
    assert codes(pool.audit()[0]) == ["remittance.above"]


def test_a_period_in_between_for_which_nothing_was_passed_on(pool: Pool) -> None:
    for on in ("2026-04-01", "2026-05-10", "2026-05-20", "2026-06-01"):
        pool.records.pay(pool.loan, on)
    pool.remit("2026-04-01", "2026-04-30", "107.00")
    pool.remit("2026-06-01", "2026-06-30", "107.00")
    notes, _ = pool.audit()
    assert codes(notes) == ["remittance.missing"]
    assert notes.findings[0].facts == {
        "recorded": "214.00", "currency": "CNY", "holder": "fund", "first": "2026-05-10", "last": "2026-05-20",
    }  # fmt: skip


def test_remittances_that_have_stopped(pool: Pool) -> None:
    for on in ("2026-04-01", "2026-05-01", "2026-06-01", "2026-07-31"):
        pool.records.pay(pool.loan, on)
    pool.remit("2026-04-01", "2026-04-30", "107.00")
    assert codes(pool.audit(as_of=date(2026, 7, 2))[0]) == [], "62 days after the first of May"
    notes, (found,) = pool.audit(as_of=date(2026, 8, 3))
    (finding,) = notes.findings
    assert (finding.code, finding.facts["recorded"]) == ("remittance.overdue", "214.00")
    assert (finding.facts["first"], finding.facts["last"]) == ("2026-05-01", "2026-06-01")
    assert found.to_json()["not_due_yet"] == "107.00"
    assert codes(pool.audit(as_of=date(2026, 8, 3), tolerance="214.00")[0]) == []


def test_without_any_remittance_nothing_can_be_said(pool: Pool) -> None:
    pool.records.pay(pool.loan, "2026-04-01")
    notes, _ = pool.audit()
    assert notes.procedure("remittance").reasons == {"no remittance to this holder is recorded": 1}


def test_overlapping_remittances_are_taken_together(pool: Pool) -> None:
    pool.records.pay(pool.loan, "2026-04-01")
    pool.remit("2026-04-01", "2026-04-30", "100.00")
    pool.remit("2026-04-01", "2026-04-01", "7.00")
    assert codes(pool.audit()[0]) == []


def test_fees_belong_to_their_payees(pool: Pool) -> None:
    pool.records.pay(
        pool.loan, "2026-04-01", applied={"principal": "90.00", "fee": "10.00", "penalty": "7.00"}
    )
    pool.remit("2026-04-01", "2026-04-30", "97.00")
    assert codes(pool.audit()[0]) == []


def test_a_returned_payment_is_taken_off(pool: Pool) -> None:
    pool.records.pay(pool.loan, "2026-04-01")
    pool.records.pay(pool.loan, "2026-04-03", kind="repayment.reversed")
    pool.records.pay(pool.loan, "2026-04-05", amount="50.00", kind="loan.prepaid")
    pool.records.pay(pool.loan, "2026-04-06", amount="20.00", kind="loan.refunded")
    pool.remit("2026-04-01", "2026-04-30", "70.00")
    assert codes(pool.audit()[0]) == []


def test_a_void_payment_brought_nothing(pool: Pool) -> None:
    wrong = pool.records.pay(pool.loan, "2026-04-01")
    pool.records.pay(pool.loan, "2026-04-02")
    pool.records.correct(pool.loan, wrong, None, effective="2026-04-03")
    pool.remit("2026-04-01", "2026-04-30", "107.00")
    assert codes(pool.audit()[0]) == []


def test_a_share_takes_its_payments_along_from_the_next_day_on(pool: Pool) -> None:
    for on in ("2026-03-10", "2026-03-11", "2026-04-10", "2026-04-11"):
        pool.records.pay(pool.loan, on)
    pool.remit("2026-03-01", "2026-04-30", "214.00")
    held = claim("c0", ("2026-03-10", 1_000_000), ("2026-04-10", -1_000_000))
    assert codes(pool.audit(held)[0]) == [], "11 March and 10 April are the pool's"


def test_shares_that_do_not_divide(pool: Pool) -> None:
    records = pool.records = Records()
    pool.loan = records.loan("L1", shares=(333_333, 333_333, 333_334), remainder=0)
    records.pay(pool.loan, "2026-04-01", amount="10.01", applied={"principal": "10.00", "interest": "0.01"})
    # 10.00 gives 3.33, 3.33 and 3.34 to c0; 0.01 goes to c0 whole. Half of 3.35 is cut component by component.
    pool.remit("2026-04-01", "2026-04-30", "1.67")
    half = claim("c0", ("2026-03-02", 500_000), share=333_333)
    notes, (found,) = pool.audit(half)
    assert codes(notes) == []
    assert found.collected == money.parse("1.67", "CNY")


def test_a_months_total_lies_in_the_months_period(pool: Pool) -> None:
    pool.records.pay(pool.loan, "2026-04", aggregate=True, value_date=None, payer=None)
    pool.remit("2026-04-01", "2026-04-30", "107.00")
    assert codes(pool.audit()[0]) == []


def test_no_day_is_invented_for_a_months_total(pool: Pool) -> None:
    pool.records.pay(pool.loan, "2026-04", aggregate=True, value_date=None, payer=None)
    pool.remit("2026-04-01", "2026-04-15", "50.00")
    pool.remit("2026-04-16", "2026-04-30", "57.00")
    notes, _ = pool.audit()
    assert codes(notes) == []
    assert notes.procedure("remittance").reasons == {"a month's total lies in more than one period": 2}
    moved = claim("c0", ("2026-04-10", 1_000_000))
    notes, _ = pool.audit(moved)
    assert notes.procedure("remittance").reasons == {
        "the holder changed within a month of which only the total is told": 2
    }


def test_what_an_opened_loan_brought_before_is_part_of_its_position(pool: Pool) -> None:
    opened = {
        "currency": "CNY", "as_of": "2026-04-30", "balances": {"principal": "900.00"}, "basis": "asserted",
        "claims": [{"claim": "c0", "creditor": "bank-0", "share": 1_000_000}],
    }  # fmt: skip
    pool.loan = "loan:L2"
    pool.records.post("loan.opened", pool.loan, opened, effective="2026-05-02")
    pool.records.pay(pool.loan, "2026-04-30")
    pool.records.pay(pool.loan, "2026-05-10")
    pool.remit("2026-04-01", "2026-05-31", "107.00")
    assert codes(pool.audit()[0]) == []


def test_ranges_add_up_to_the_whole() -> None:
    records = Records()
    loans = [records.loan(f"L{n}", shares=(300_000, 700_000)) for n in range(4)]
    for n, loan in enumerate(loans):
        records.pay(loan, f"2026-04-0{n + 1}", amount=f"10{n}.33")
        records.pay(loan, "2026-04-09", kind="repayment.reversed", amount=f"10{n}.33")
    whole, first, second = Collections(), Collections(), Collections()
    for n, loan in enumerate(loans):
        for one in (whole, first if n < 2 else second):
            one.take(records.case(loan, claim("c1", share=700_000)))
    first.add(second)
    assert first == whole
    assert sum(whole.units["fund", "CNY"].values()) == 0  # type: ignore[index]
