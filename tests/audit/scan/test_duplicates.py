"""Loans and bank references that stand there twice."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.audit.findings import Finding, Notes, Outcome
from ledger.audit.scan import duplicates
from ledger.audit.scan.duplicates import DuplicateScan
from ledger.domain.fold import Indexed
from tests.audit.logwork import Records


class Book(Records):
    def audit(self, *cuts: int, wanted: set[str] | None = None) -> Notes:
        bounds = [0, *cuts, len(self.all)]
        parts = []
        for start, stop in pairwise(bounds):
            part = DuplicateScan()
            for index, one in self.all[start:stop]:
                part.take(index, one)
            parts.append(pickle.loads(pickle.dumps(part)))
        for part in parts[1:]:
            parts[0].add(part)
        notes = Notes()
        parts[0].check(notes, self.read, lambda found: found if wanted is None else found & wanted)
        return notes

    def read(self, indexes: Sequence[int]) -> dict[str, list[Indexed]]:
        subjects = {self.all[index][1].subject for index in indexes}
        return {subject: self.of(subject) for subject in subjects}


@pytest.fixture
def book() -> Book:
    return Book()


def places(notes: Notes) -> list[tuple[str, str]]:
    return sorted((one.code, one.subject) for one in notes.findings)


def only(notes: Notes) -> Finding:
    (finding,) = notes.findings
    return finding


@pytest.mark.parametrize(
    ("days", "near"),
    [
        (("2026-03-01", "2026-03-01"), True),
        (("2026-03-01", "2026-03-02"), True),
        (("2026-03-02", "2026-03-01"), True),
        (("2026-03-01", "2026-03-03"), False),
    ],
)
def test_the_same_borrower_principal_and_payout_within_a_day(
    book: Book, days: tuple[str, str], near: bool
) -> None:
    for n, on in enumerate(days):
        book.loan(f"L{n}", paid_out=on, obligor="B1")
    found = places(book.audit())
    assert found == ([("duplicate.loan", "loan:L0"), ("duplicate.loan", "loan:L1")] if near else [])


def test_it_names_the_others_with_their_entries(book: Book) -> None:
    for n in range(13):
        book.loan(f"L{n:02}", obligor="B1")
    notes = book.audit(wanted={"loan:L00"})
    others = ", ".join(f"L{n:02} (entry {2 * n})" for n in range(1, 11))
    assert only(notes).facts == {"others": f"{others} and 2 more"}
    assert len(only(notes).evidence) == 11


def test_the_day_is_the_value_date(book: Book) -> None:
    book.loan("L0", obligor="B1", paid_out="2026-03-01")
    book.loan("L1", obligor="B1", paid_out="2026-03-02", payout={"value_date": "2026-03-03"})
    assert places(book.audit()) == []


@pytest.mark.parametrize("other", [{"obligor": "B2"}, {"obligor": "B1", "amount": "1300.00"}])
def test_another_borrower_or_principal_is_another_loan(book: Book, other: dict[str, str]) -> None:
    book.loan("L0", obligor="B1")
    book.loan("L1", **other)
    notes = book.audit()
    assert places(notes) == []
    assert notes.procedure("duplicates").outcome is Outcome.PASSED


def test_without_a_borrowers_reference_it_cannot_be_told(book: Book) -> None:
    book.loan("L0")
    notes = book.audit()
    assert notes.procedure("duplicates").reasons == {"the loan names no reference of its borrower": 1}


def test_a_seasoned_loan_tells_no_day_of_its_payout(book: Book) -> None:
    """Told apart or not: as loans are shown twice that were paid out before the log began, it must not look asked."""
    book.loan("L0", obligor="B1")
    for n in range(1, 3):
        book.post("loan.opened", f"loan:L{n}", {
            "currency": "CNY", "principal": "1200.00", "obligor": "B1", "as_of": "2026-03-01", "basis": "asserted",
            "balances": {"principal": "1200.00"}, "claims": [{"claim": "c0", "creditor": "bank-0", "share": 1_000_000}],
        })  # fmt: skip
    procedure = book.audit(3).procedure("duplicates")
    assert procedure.reasons == {"the loan is seasoned and tells no day of its payout": 2}
    assert procedure.outcome is Outcome.UNDETERMINED


def test_what_is_never_paid_out_is_no_second_loan(book: Book) -> None:
    book.loan("L0", obligor="B1")
    terms = book.all[0][1].event
    book.post("loan.originated", "loan:L1", {
        "currency": "CNY", "principal": "1200.00", "annual_rate": "0.12", "amortisation": "annuity", "instalments": 12,
        "obligor": "B1", "claims": [{"claim": "c0", "creditor": "bank-0", "share": 1_000_000}],
    })  # fmt: skip
    assert terms.obligor == "B1"  # type: ignore[attr-defined]
    assert places(book.audit()) == []


def test_one_payout_of_the_bank_for_two_loans(book: Book) -> None:
    for n in range(2):
        book.loan(f"L{n}", obligor=f"B{n}", payout={"bank_ref": "PAY1"})
    notes = book.audit(wanted={"loan:L1"})
    assert only(notes).code == "settlement.reference_twice"
    assert only(notes).text() == "The bank reference PAY1 stands at L0 (entry 1) too."
    assert [one.index for one in only(notes).evidence] == [3, 1]


def test_two_banks_may_give_one_reference(book: Book) -> None:
    for n in range(2):
        book.loan(f"L{n}", obligor=f"B{n}", payout={"bank_ref": "PAY1", "account": f"A{n}"})
    assert places(book.audit()) == []
    book.loan("L2", obligor="B2", payout={"bank_ref": "PAY1", "account": "A1"})
    found = book.audit(5)
    assert places(found) == [
        ("settlement.reference_twice", "loan:L1"), ("settlement.reference_twice", "loan:L2"),
    ]  # fmt: skip
    assert found.findings[0].facts["others"] == "L2 (entry 5)"


def test_a_payout_that_does_not_tell_its_account_may_be_of_any(book: Book) -> None:
    """Else to leave it out would be all that it takes to borrow twice on one payout."""
    book.loan("L0", obligor="B0", payout={"bank_ref": "PAY1", "account": "A0"})
    book.loan("L1", obligor="B1", payout={"bank_ref": "PAY1", "account": "A1"})
    book.loan("L2", obligor="B2", payout={"bank_ref": "PAY1"})
    others = {one.subject: one.facts["others"] for one in book.audit(3).findings}
    assert others == {
        "loan:L0": "L2 (entry 5)", "loan:L1": "L2 (entry 5)", "loan:L2": "L0 (entry 1), L1 (entry 3)",
    }  # fmt: skip


def test_one_payment_of_the_bank_for_two_loans_or_twice_for_one(book: Book) -> None:
    loans = [book.loan(f"L{n}", obligor=f"B{n}") for n in range(2)]
    book.pay(loans[0], "2026-04-01", account="A1", bank_ref="R1")
    book.pay(loans[1], "2026-04-02", account="A1", bank_ref="R1")
    book.pay(loans[1], "2026-05-02", account="A1", bank_ref="R2")
    book.pay(loans[1], "2026-05-02", account="A1", bank_ref="R2", kind="loan.prepaid")
    assert places(book.audit()) == [
        ("settlement.reference_twice", "loan:L0"),
        ("settlement.reference_twice", "loan:L1"),
        ("settlement.reference_twice", "loan:L1"),
        ("settlement.reference_twice", "loan:L1"),
    ]


def test_references_are_of_one_account_and_one_direction(book: Book) -> None:
    loan = book.loan("L0", obligor="B0", payout={"bank_ref": "R1"})
    book.pay(loan, "2026-04-01", account="A1", bank_ref="R1")
    book.pay(loan, "2026-04-01", account="A2", bank_ref="R1")
    book.pay(loan, "2026-04-02", account="A1", bank_ref="R1", kind="repayment.reversed")
    book.pay(loan, "2026-04-03", bank_ref="R1")
    book.pay(loan, "2026-04-03", bank_ref="R1")
    book.pay(loan, "2026-04", account="A1", bank_ref="R1", aggregate=True)
    assert places(book.audit()) == []


def test_what_was_void_corrected_or_misposted_is_no_second_payment(book: Book) -> None:
    loan, other = book.loan("L0", obligor="B0"), book.loan("L1", obligor="B1")
    data = {"account": "A1", "value_date": "2026-04-01"}
    void = book.pay(loan, "2026-04-01", **data, bank_ref="R1")
    book.correct(loan, void, None)
    book.pay(loan, "2026-04-02", **data, bank_ref="R1")
    wrong = book.pay(loan, "2026-04-01", **data, bank_ref="R2")
    right = {
        "currency": "CNY", "amount": "107.00", "applied": {"interest": "107.00"}, "payer": "obligor", "account": "A1",
        "value_date": "2026-04-01", "bank_ref": "R2",
    }  # fmt: skip
    book.correct(loan, wrong, right)
    book.pay(other, "2026-04-01", **data, bank_ref="R3", id="r1")
    book.pay(other, "2026-04-02", account="A1", kind="repayment.reversed", reason="misposted")
    book.pay(loan, "2026-04-01", **data, bank_ref="R3")
    assert places(book.audit()) == []


def test_a_correction_that_takes_anothers_reference(book: Book) -> None:
    loan, other = book.loan("L0", obligor="B0"), book.loan("L1", obligor="B1")
    book.pay(loan, "2026-04-01", account="A1", bank_ref="R1")
    wrong = book.pay(other, "2026-04-01", account="A1", bank_ref="R2")
    data = {
        "currency": "CNY", "amount": "107.00", "applied": {"interest": "107.00"}, "payer": "obligor", "account": "A1",
        "value_date": "2026-04-01", "bank_ref": "R1",
    }  # fmt: skip
    book.correct(other, wrong, data)
    assert places(book.audit(wanted={"loan:L1"})) == [("settlement.reference_twice", "loan:L1")]


@given(st.sets(st.integers(1, 13), max_size=4))
def test_ranges_give_what_the_whole_gives(cuts: set[int]) -> None:
    book = Book()
    for n in range(4):
        book.loan(f"L{n}", obligor=f"B{n % 2}", payout={"bank_ref": f"P{n % 3}"})
    for n in range(6):
        book.pay(f"loan:L{n % 4}", "2026-04-01", account="A1", bank_ref=f"R{n % 4}")
    whole = book.audit()
    assert book.audit(*sorted(cuts)) == whole
    assert len(whole.findings) == 4 + 2 + 4


def test_candidates_are_read_in_batches(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "BATCH", 2)
    for n in range(14):
        book.loan(f"L{n}", obligor=f"B{n % 7}")
    assert len(book.audit().findings) == 14


def test_equal_hashes_of_different_keys_are_no_finding(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "_hash", lambda _: bytes(8))
    loans = [book.loan(f"L{n}", obligor=f"B{n}") for n in range(3)]
    for n, loan in enumerate(loans):
        book.pay(loan, "2026-04-01", account="A1", bank_ref=f"R{n}")
    assert places(book.audit()) == []
