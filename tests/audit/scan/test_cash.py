"""Settlements of account banks, recomputed over all payments of an account and value date."""

from __future__ import annotations

import pickle
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.audit.scan.cash import CashBook, CashScan, Till
from ledger.domain import money
from ledger.domain.record import Record
from ledger.proofs import merkle
from tests.audit.logwork import Records, day

TILL = Till("A1", day("2026-04-01"), "CNY")


class Bank:
    """Payments on the account A1, and what its bank says of them."""

    def __init__(self) -> None:
        self.records = Records()
        self.loans = [self.records.loan(f"L{n}") for n in range(3)]
        self.paid: list[Record] = []

    def pay(self, amount: str = "107.00", *, loan: int = 0, on: str = "2026-04-01", **more: Any) -> Record:
        one = self.records.pay(self.loans[loan], on, amount=amount, **({"account": "A1"} | more))
        self.paid.append(one)
        return one

    def settle(
        self, payments: list[Record], total: str, *, before: int | None = None, count: int | None = None,
        on: str = "2026-04-01", **more: Any,
    ) -> None:  # fmt: skip
        covered = {
            "before": before or len(self.records.all),
            "count": len(payments) if count is None else count,
            "sum": total,
            "root": merkle.root([merkle.leaf_hash(one.digest) for one in payments]).hex(),
        }
        data = {
            "currency": "CNY", "value_date": on, "amount": total, "statement": "S1", "covered": covered,
        }  # fmt: skip
        self.records.post("cash.settled", "account:A1", data | more, effective=on, party="clearing")

    def scan(self, *cuts: int) -> tuple[CashBook, list[Any]]:
        """The whole log, cut into ranges before these indexes."""
        bounds = [0, *cuts, len(self.records.all)]
        parts = []
        for start, stop in pairwise(bounds):
            part = CashScan(self.records.of("account:A1"), start=start)
            for index, one in self.records.all[start:stop]:
                part.take(index, one)
            parts.append(pickle.loads(pickle.dumps(part)))
        whole = parts[0]
        for part in parts[1:]:
            whole.add(part)
        return whole.finish(), [one for notes in whole.notes.values() for one in notes.findings]


@pytest.fixture
def bank() -> Bank:
    return Bank()


def fits(book: CashBook, till: Till = TILL) -> list[bool | None]:
    return [one.fits for one in book.settled[till]]


def test_a_settlement_over_all_payments_fits(bank: Bank) -> None:
    bank.pay()
    bank.pay("50.00", loan=1, kind="loan.prepaid")
    bank.pay("20.00", loan=2, kind="loan.refunded")
    bank.pay("107.00", kind="repayment.reversed")
    bank.pay("9.00", on="2026-04-02")
    bank.pay("9.00", account="A2")
    bank.settle(bank.paid[:4], "70.00")
    book, findings = bank.scan()
    assert (fits(book), findings) == ([True], [])
    assert book.through == {("A1", "CNY"): TILL.day}
    assert book.seen == {"A1": 5, "A2": 1}
    assert book.proven


def test_each_currency_of_an_account_is_settled_by_itself(bank: Bank) -> None:
    """A dollar is no yuan: neither is it in the yuan's sum, nor does it stand in their root."""
    bank.loans.append(bank.records.loan("D", currency="USD", payout={"currency": "USD"}))
    bank.pay()
    bank.pay("9.00", loan=3, currency="USD")
    bank.pay("50.00", loan=1)
    bank.settle([bank.paid[0], bank.paid[2]], "157.00")
    bank.settle([bank.paid[1]], "9.00", currency="USD")
    for cuts in ((), (8,), (9, 10)):
        book, findings = bank.scan(*cuts)
        assert findings == []
        assert (fits(book), fits(book, TILL._replace(currency="USD"))) == ([True], [True])


def test_a_payment_does_not_hide_under_another_currency(bank: Bank) -> None:
    bank.loans.append(bank.records.loan("D", currency="USD", payout={"currency": "USD"}))
    bank.pay()
    bank.pay("50.00", loan=3, currency="USD")
    bank.settle(bank.paid, "157.00")
    book, (finding,) = bank.scan()
    assert (finding.code, finding.facts["recorded"], finding.facts["count"]) == (
        "settlement.contradicts", "107.00", 1,
    )  # fmt: skip
    assert fits(book) == [False]


def test_without_a_value_date_the_effective_day_counts(bank: Bank) -> None:
    bank.pay(value_date=None)
    bank.pay(value_date=None, effective="2026-04", aggregate=True)
    bank.settle(bank.paid[:1], "107.00")
    assert fits(bank.scan()[0]) == [True]


def test_what_came_after_the_index_is_not_covered(bank: Bank) -> None:
    bank.pay()
    bank.pay("50.00")
    before = len(bank.records.all) - 1
    bank.settle(bank.paid[:1], "107.00", before=before)
    book, _ = bank.scan()
    assert fits(book) == [True]
    assert book.settled[TILL][0].before == before


def test_a_day_may_be_settled_again(bank: Bank) -> None:
    bank.pay()
    bank.settle(bank.paid, "107.00")
    bank.pay("50.00")
    bank.settle(bank.paid, "157.00")
    assert fits(bank.scan()[0]) == [True, True]


def test_a_payment_that_the_bank_does_not_know_is_singled_out(bank: Bank) -> None:
    for n in range(7):
        bank.pay(f"10{n}.00", loan=n % 3)
    known = [one for one in bank.paid if one is not bank.paid[4]]
    bank.settle(known, "617.00")
    book, findings = bank.scan()
    assert findings == []
    assert fits(book) == [True]
    assert book.too_many == {
        bank.records.all.index(next(x for x in bank.records.all if x[1] is bank.paid[4]))
    }


def test_a_dropped_payment_contradicts_both_sums(bank: Bank) -> None:
    bank.pay()
    bank.settle(bank.paid, "157.00", count=2)
    book, (finding,) = bank.scan()
    assert fits(book) == [False]
    assert (finding.code, finding.subject) == ("settlement.contradicts", "account:A1")
    assert finding.text() == (
        "For 2026-04-01 the bank settles 157.00 CNY in 2 payments, 107.00 in 1 are recorded."
    )
    assert not book.proven


def test_two_payments_too_many_contradict(bank: Bank) -> None:
    for n in range(4):
        bank.pay(f"10{n}.00")
    bank.settle(bank.paid[:2], "201.00")
    book, findings = bank.scan()
    assert [one.code for one in findings] == ["settlement.contradicts"]
    assert book.too_many == frozenset()


def test_a_changed_payment_contradicts(bank: Bank) -> None:
    bank.pay()
    other = Bank()
    other.pay("108.00")
    bank.settle(other.paid, "108.00")
    assert [one.code for one in bank.scan()[1]] == ["settlement.contradicts"]


def test_a_root_without_a_payment_whose_amount_is_in_the_sum(bank: Bank) -> None:
    bank.pay()
    bank.pay("50.00")
    bank.settle(bank.paid[:1], "157.00", count=2)
    book, findings = bank.scan()
    assert [one.code for one in findings] == ["settlement.contradicts"]
    assert len(book.too_many) == 1


def test_the_statement_must_add_up(bank: Bank) -> None:
    bank.pay()
    items = [{"name": "channel_fee", "amount": "1.00"}]
    bank.settle(bank.paid, "107.00", amount="105.50", charges="0.50", items=items)
    assert bank.scan()[1] == []
    bank.pay(on="2026-04-02")
    bank.settle(bank.paid[1:], "107.00", on="2026-04-02", amount="105.50", charges="0.50")
    (finding,) = bank.scan()[1]
    assert finding.code == "settlement.identity"
    assert finding.text() == (
        "The bank's sum of 107.00 CNY less charges and items of 0.50 is not the 105.50 credited on 2026-04-02."
    )


def test_a_void_payment_is_none_and_a_corrected_one_says_what_it_said_then(bank: Bank) -> None:
    void, corrected, later = bank.pay(), bank.pay("50.00"), bank.pay("60.00")
    bank.records.correct(bank.loans[0], void, None)
    data = {
        "currency": "CNY", "amount": "51.00", "applied": {"interest": "51.00"}, "payer": "obligor",
        "value_date": "2026-04-01", "account": "A1",
    }  # fmt: skip
    bank.records.correct(bank.loans[0], corrected, data)
    bank.settle([corrected, later], "111.00")
    bank.records.correct(bank.loans[0], later, None)
    assert fits(bank.scan()[0]) == [True]


def test_a_payment_corrected_to_another_account_leaves_this_one(bank: Bank) -> None:
    bank.pay()
    moved = bank.pay("50.00")
    data = {
        "currency": "CNY", "amount": "50.00", "applied": {"interest": "50.00"}, "payer": "obligor",
        "value_date": "2026-04-01", "account": "A2",
    }  # fmt: skip
    bank.records.correct(bank.loans[0], moved, data)
    bank.settle(bank.paid[:1], "107.00")
    assert fits(bank.scan()[0]) == [True]


def test_a_payment_corrected_into_the_account_cannot_be_placed(bank: Bank) -> None:
    bank.pay()
    moved = bank.pay("50.00", account="A2")
    data = {
        "currency": "CNY", "amount": "50.00", "applied": {"interest": "50.00"}, "payer": "obligor",
        "value_date": "2026-04-01", "account": "A1",
    }  # fmt: skip
    bank.records.correct(bank.loans[0], moved, data)
    bank.settle(bank.paid, "157.00")
    book, findings = bank.scan()
    assert (fits(book), findings) == ([None], [])


def test_behind_a_record_that_cannot_be_read_nothing_contradicts(bank: Bank) -> None:
    bank.pay()
    bank.settle(bank.paid, "157.00", count=2)
    scan = CashScan(bank.records.of("account:A1"))
    scan.lose(3)
    for index, one in bank.records.all:
        scan.take(index, one)
    assert fits(scan.finish()) == [None]
    assert [one for notes in scan.notes.values() for one in notes.findings] == []


@given(st.sets(st.integers(1, 15), max_size=4))
def test_ranges_give_what_the_whole_gives(cuts: set[int]) -> None:
    bank = Bank()
    first = [bank.pay(f"10{n}.00", loan=n % 3) for n in range(3)]
    bank.settle(first, "303.00")
    void = bank.pay("1.00", on="2026-04-02")
    bank.records.correct(bank.loans[0], void, None)
    second = [bank.pay(f"20{n}.00", loan=n, on="2026-04-02") for n in range(2)]
    bank.settle(second[1:], "201.00", on="2026-04-02")
    assert len(bank.records.all) >= 15
    book, findings = bank.scan(*sorted(cuts))
    assert (book, findings) == bank.scan()
    assert fits(book) == [True]
    assert len(book.too_many) == 1


def test_digests_are_kept_only_until_their_settlement_is_passed(bank: Bank) -> None:
    scan = CashScan([])
    for _ in range(20):
        bank.pay()
    for index, one in bank.records.all:
        scan.take(index, one)
    assert scan.waiting == 0, "no settlement is about them"
    bank.settle(bank.paid, money.format(20 * money.parse("107.00", "CNY"), "CNY"))
    scan = CashScan(bank.records.of("account:A1"))
    for index, one in bank.records.all[:-1]:
        scan.take(index, one)
    assert scan.waiting == 20
    scan.take(*bank.records.all[-1])
    assert scan.waiting == 0
