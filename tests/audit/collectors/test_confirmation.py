"""Did the account bank confirm the cash of a pool's loans?"""

from __future__ import annotations

from typing import Any

import pytest

from ledger.audit.collectors.confirmation import Confirmations
from ledger.audit.findings import Finding, Notes, Outcome, Procedure
from ledger.audit.scan.cash import CashBook, CashScan
from ledger.domain.record import Record
from ledger.proofs import merkle
from tests.audit.logwork import Records, claim


class Chain:
    """Loans that pay on accounts of one bank, which settles a day's payments as the test says."""

    def __init__(self) -> None:
        self.records = Records()
        self.loans = [self.records.loan(f"L{n}") for n in range(3)]

    def pay(self, loan: int, on: str = "2026-04-01", *, account: str | None = "A1", **more: Any) -> Record:
        return self.records.pay(self.loans[loan], on, **({"account": account} | more))

    def settle(
        self,
        *covered: Record,
        total: str,
        on: str = "2026-04-01",
        account: str = "A1",
        count: int | None = None,
    ) -> None:
        root = merkle.root([merkle.leaf_hash(one.digest) for one in covered]).hex()
        data = {
            "currency": "CNY", "value_date": on, "amount": total, "statement": "S1",
            "covered": {
                "before": len(self.records.all), "count": len(covered) if count is None else count, "sum": total,
                "root": root,
            },
        }  # fmt: skip
        self.records.post("cash.settled", f"account:{account}", data, effective=on, party="clearing")

    def confirm(self, payment: Record, amount: str = "107.00", on: str = "2026-04-01") -> None:
        data = {"repayment": payment.digest.hex(), "currency": "CNY", "amount": amount, "value_date": on}
        self.records.post("repayment.confirmed", payment.subject, data, effective=on, party="clearing")

    def audit(
        self, *loans: int, book: CashBook | None = None, held: Any = None
    ) -> tuple[Notes, Confirmations]:
        settlements = [pair for pair in self.records.all if pair[1].type == "cash.settled"]
        scan = CashScan(settlements)
        for index, one in self.records.all:
            scan.take(index, one)
        found = Confirmations(book or scan.finish())
        scan.finish()
        notes = Notes()
        for n in loans or range(len(self.loans)):
            case = self.records.case(self.loans[n], held or claim())
            found.take(case)
            notes.add(case.notes)
        notes.add(found.settlements(scan.notes))
        return notes, found


@pytest.fixture
def chain() -> Chain:
    return Chain()


def codes(notes: Notes) -> list[str]:
    return [one.code for one in notes.findings]


def places(notes: Notes) -> list[tuple[str, str]]:
    return [(one.code, one.subject) for one in notes.findings]


def confirmation(notes: Notes) -> Procedure:
    return notes.procedure("confirmation")


def test_an_honest_book_is_confirmed(chain: Chain) -> None:
    paid = [chain.pay(n) for n in range(3)]
    chain.settle(*paid, total="321.00")
    notes, found = chain.audit()
    assert codes(notes) == []
    assert confirmation(notes).outcome is Outcome.PASSED
    assert (confirmation(notes).unit, confirmation(notes).asked) == ("payments", 3)
    assert found.to_json() == {
        "CNY": {"confirmed": {"payments": 3, "sum": "321.00"}, "confirmed_ppm": 1_000_000}
    }


def test_without_an_account_bank_nothing_is_determined(chain: Chain) -> None:
    chain.pay(0)
    notes, found = chain.audit()
    assert confirmation(notes).reasons == {"no account bank has settled anything in this log": 1}
    assert found.to_json()["CNY"]["confirmed_ppm"] == 0


def test_who_cannot_see_the_other_payments_is_told_so(chain: Chain) -> None:
    confirmed = chain.pay(0)
    chain.pay(1)
    chain.confirm(confirmed)
    notes, _ = chain.audit(book=CashBook(blind="the account's other payments are not shown to this reader"))
    assert confirmation(notes).reasons == {"the account's other payments are not shown to this reader": 1}
    assert confirmation(notes).asked == 2


def test_a_payment_that_the_root_does_without(chain: Chain) -> None:
    known, invented = chain.pay(0), chain.pay(1)
    chain.settle(known, total="107.00")
    notes, _ = chain.audit()
    assert places(notes) == [("settlement.unconfirmed", "loan:L1"), ("disbursement.unconfirmed", "loan:L1")]
    assert notes.findings[0].text() == (
        "A payment of 107.00 CNY on 2026-04-01 is in no settlement of the account bank."
    )
    assert notes.findings[0].evidence[0].digest == invented.digest.hex()


def test_a_payment_entered_after_the_settlement(chain: Chain) -> None:
    chain.settle(chain.pay(0), total="107.00")
    chain.pay(0)
    notes, found = chain.audit(0)
    assert codes(notes) == ["settlement.unconfirmed"], "another payment of the loan is confirmed"
    assert found.to_json()["CNY"]["confirmed_ppm"] == 500_000


def test_a_dropped_payment_leaves_the_others_undetermined(chain: Chain) -> None:
    chain.settle(chain.pay(0), total="214.00", count=2)
    notes, _ = chain.audit()
    assert places(notes) == [("settlement.contradicts", "account:A1")]
    assert confirmation(notes).reasons == {
        "the settlement of its account and value date does not fit the records": 1
    }


def test_settlements_of_other_pools_days_do_not_concern_the_pool(chain: Chain) -> None:
    chain.settle(chain.pay(0), total="214.00", count=2)
    chain.settle(chain.pay(1, "2026-04-02"), total="107.00", on="2026-04-02")
    assert codes(chain.audit(1)[0]) == []


def test_a_day_on_which_the_only_payment_was_dropped(chain: Chain) -> None:
    """Nobody has a payment there, so it concerns each pool that is paid to the account, and no other."""
    chain.settle(chain.pay(0), total="107.00")
    chain.settle(chain.pay(1, account="A2"), total="107.00", account="A2")
    chain.settle(total="107.00", on="2026-04-02", count=1)
    assert places(chain.audit(0)[0]) == [("settlement.contradicts", "account:A1")]
    assert codes(chain.audit(1)[0]) == []


def test_a_day_that_the_bank_has_not_settled_yet(chain: Chain) -> None:
    chain.settle(chain.pay(0), total="107.00")
    chain.pay(1, "2026-04-02")
    notes, _ = chain.audit()
    assert confirmation(notes).reasons == {"the account bank has not settled this value date yet": 1}


def test_a_day_that_the_bank_left_out(chain: Chain) -> None:
    chain.pay(1, "2026-04-01")
    chain.settle(chain.pay(0, "2026-04-11"), total="107.00", on="2026-04-11")
    assert places(chain.audit()[0])[0] == ("settlement.unconfirmed", "loan:L1")


def test_a_currency_in_which_the_bank_does_not_settle_the_account(chain: Chain) -> None:
    chain.loans[1] = chain.records.loan("D", currency="USD", payout={"currency": "USD"})
    chain.settle(chain.pay(0), total="107.00")
    chain.settle(chain.pay(0, "2026-04-20"), total="107.00", on="2026-04-20")
    chain.pay(1, currency="USD")
    notes, _ = chain.audit()
    assert codes(notes) == []
    assert confirmation(notes).reasons == {"the bank settles the account in other currencies only": 1}


def test_a_stray_account_among_many_payments(chain: Chain) -> None:
    paid = [chain.pay(0) for _ in range(19)]
    chain.settle(*paid, total="2033.00")
    chain.settle(chain.pay(0, "2026-04-20"), total="107.00", on="2026-04-20")
    chain.pay(1, account="A9")
    notes, _ = chain.audit()
    assert places(notes) == [("settlement.unconfirmed", "loan:L1"), ("disbursement.unconfirmed", "loan:L1")]
    chain.pay(2, account="A9")
    notes, _ = chain.audit()
    assert codes(notes) == [], "so many may come through a bank that does not take part"
    assert confirmation(notes).reasons == {"no bank of this log settles the account": 2}


def test_a_payment_without_account(chain: Chain) -> None:
    chain.settle(chain.pay(0), total="107.00")
    chain.pay(1, account=None)
    notes, _ = chain.audit()
    assert confirmation(notes).reasons == {"the payment tells no account, or no day": 1}


def test_the_bank_confirms_single_payments(chain: Chain) -> None:
    one = chain.pay(0, account=None)
    chain.confirm(one)
    notes, found = chain.audit()
    assert codes(notes) == []
    assert found.to_json()["CNY"]["confirmed_ppm"] == 1_000_000


def test_the_bank_confirms_another_amount(chain: Chain) -> None:
    chain.confirm(chain.pay(0), "100.00")
    notes, _ = chain.audit()
    assert places(notes) == [("payment.contradicted", "loan:L0")]
    assert notes.findings[0].text() == "The account bank confirms 100.00 CNY, recorded is 107.00."
    assert [one.index for one in notes.findings[0].evidence] == [6, 7]


def test_the_bank_confirms_another_day(chain: Chain) -> None:
    chain.confirm(chain.pay(0), on="2026-04-20")
    (finding,) = chain.audit()[0].findings
    assert finding.code == "payment.other_day"
    assert finding.facts["confirmed"] == "2026-04-20"


def test_the_bank_confirms_what_is_no_payment(chain: Chain) -> None:
    chain.confirm(chain.records.of("loan:L0")[0][1])
    (finding,) = chain.audit()[0].findings
    assert (finding.code, finding.facts["recorded"]) == ("payment.contradicted", "no such payment")


def corrected(amount: str, **more: Any) -> dict[str, Any]:
    return {
        "currency": "CNY", "amount": amount, "applied": {"interest": amount}, "payer": "obligor",
        "value_date": "2026-04-01", "account": "A1",
    } | more  # fmt: skip


def test_a_correction_is_not_confirmed_by_what_was_confirmed_before(chain: Chain) -> None:
    one = chain.pay(0)
    chain.confirm(one)
    chain.records.correct("loan:L0", one, corrected("90.00"))
    notes, _ = chain.audit()
    assert confirmation(notes).undetermined == 1
    chain.settle(one, total="90.00")
    assert codes(chain.audit()[0]) == []


@pytest.mark.parametrize(("replacement", "recorded"), [(corrected("90.00"), "90.00"), (None, "void")])
def test_a_payment_that_is_changed_after_the_bank_had_settled_it(
    chain: Chain, replacement: dict[str, Any] | None, recorded: str
) -> None:
    one = chain.pay(0)
    chain.settle(one, total="107.00")
    chain.records.correct("loan:L0", one, replacement)
    finding: Finding
    (finding,) = chain.audit()[0].findings
    assert finding.code == "payment.contradicted"
    assert finding.facts == {"confirmed": "107.00", "recorded": recorded, "currency": "CNY"}


@pytest.mark.parametrize(("replacement", "recorded"), [(corrected("107.00"), "107.00"), (None, "void")])
def test_a_payment_that_was_corrected_before_the_bank_settled_it_and_again_afterwards(
    chain: Chain, replacement: dict[str, Any] | None, recorded: str
) -> None:
    one = chain.pay(0)
    chain.records.correct("loan:L0", one, corrected("90.00"))
    chain.settle(one, total="90.00")
    chain.records.correct("loan:L0", one, replacement)
    notes, found = chain.audit()
    (finding,) = notes.findings
    assert finding.code == "payment.contradicted"
    assert finding.facts == {"confirmed": "90.00", "recorded": recorded, "currency": "CNY"}
    assert found.to_json().get("CNY", {"confirmed_ppm": 0})["confirmed_ppm"] == 0


def test_a_correction_that_leaves_amount_and_day_as_the_bank_settled_them(chain: Chain) -> None:
    one = chain.pay(0)
    chain.records.correct("loan:L0", one, corrected("90.00"))
    chain.settle(one, total="90.00")
    chain.records.correct("loan:L0", one, corrected("90.00", instalment=2))
    notes, found = chain.audit()
    assert codes(notes) == []
    assert found.to_json()["CNY"]["confirmed_ppm"] == 1_000_000


def test_a_late_payment_that_is_moved_to_an_earlier_day_which_the_bank_had_settled(chain: Chain) -> None:
    other, late = chain.pay(1), chain.pay(0, "2026-05-20")
    chain.settle(other, total="107.00")
    chain.settle(late, total="107.00", on="2026-05-20")
    chain.records.correct("loan:L0", late, corrected("107.00"))
    (finding,) = chain.audit()[0].findings
    assert (finding.code, finding.subject) == ("payment.other_day", "loan:L0")
    assert (finding.facts["confirmed"], finding.facts["recorded"]) == ("2026-05-20", "2026-04-01")


def test_a_payment_that_is_moved_to_an_account_that_the_bank_had_settled_without_it(chain: Chain) -> None:
    other, moved = chain.pay(1, account="A2"), chain.pay(0, account="A3")
    chain.settle(other, total="107.00", account="A2")
    chain.records.correct("loan:L0", moved, corrected("107.00", account="A2"))
    assert codes(chain.audit(0)[0]) == ["settlement.unconfirmed", "disbursement.unconfirmed"]


def test_a_void_payment_that_is_brought_back_after_the_bank_had_settled_without_it(chain: Chain) -> None:
    one = chain.pay(0)
    chain.records.correct("loan:L0", one, None)
    chain.settle(chain.pay(1), total="107.00")
    chain.records.correct("loan:L0", one, corrected("107.00"))
    assert codes(chain.audit(0)[0]) == ["settlement.unconfirmed", "disbursement.unconfirmed"]


def test_a_payment_that_the_bank_confirmed_by_itself_is_made_void(chain: Chain) -> None:
    one = chain.pay(0, account=None)
    chain.confirm(one)
    chain.records.correct("loan:L0", one, None)
    (finding,) = chain.audit()[0].findings
    assert finding.code == "payment.contradicted"
    assert finding.facts == {"confirmed": "107.00", "recorded": "void", "currency": "CNY"}


def test_a_payment_that_the_bank_confirmed_by_itself_is_moved_to_an_earlier_day(chain: Chain) -> None:
    one = chain.pay(0, "2026-05-20", account=None)
    chain.confirm(one, on="2026-05-20")
    chain.records.correct("loan:L0", one, corrected("107.00"))
    (finding,) = chain.audit()[0].findings
    assert (finding.code, finding.facts["confirmed"]) == ("payment.other_day", "2026-05-20")


def test_payments_before_the_pool_held_the_claim_are_not_its(chain: Chain) -> None:
    chain.settle(chain.pay(1), total="107.00")
    chain.pay(0)
    notes, _ = chain.audit(0, held=claim("c0", ("2026-04-02", 1_000_000)))
    assert confirmation(notes).asked == 0


def test_ranges_add_up(chain: Chain) -> None:
    paid = [chain.pay(n) for n in range(2)]
    chain.settle(*paid, total="214.00")
    chain.pay(2, account=None)
    _, whole = chain.audit()
    _, first = chain.audit(0)
    _, rest = chain.audit(1, 2)
    first.add(rest)
    assert first == whole
