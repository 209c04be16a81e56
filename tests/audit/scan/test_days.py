"""Do both sides' day closes agree with what was recorded, and with each other?"""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from ledger.audit.findings import Finding, Notes, Outcome
from ledger.audit.scan.days import DayScan
from tests.audit.logwork import Records


class Book(Records):
    """A loan with payments, and closes of its days."""

    def close(
        self, *lines: tuple[str, int, str] | tuple[str, int, str, str], on: str = "2026-04-01", party: str = "fenqile",
        before: int | None = None,
    ) -> None:  # fmt: skip
        rows: list[dict[str, Any]] = []
        for kind, count, total, *holder in lines:
            line = {"type": kind, "currency": "CNY", "count": count, "sum": total}
            rows.append(line | {"holder": holder[0] if holder else None})
        data = {"date": on, "before": len(self.all) if before is None else before, "lines": rows}
        self.post("day.closed", "log", data, effective=on, party=party)

    def audit(self, *, lost: int | None = None, cut: int = 0) -> Notes:
        first, second = DayScan(self.of("log")), DayScan(self.of("log"))
        if lost is not None:
            second.lose(lost)
        for index, one in self.all:
            (first if index < cut else second).take(index, one)
        first.add(pickle.loads(pickle.dumps(second)))
        notes = Notes()
        first.check(notes, self.of("log"))
        return notes


@pytest.fixture
def book() -> Book:
    book = Book()
    loan = book.loan("L1", paid_out="2026-04-01")
    book.pay(loan, "2026-04-01")
    book.pay(loan, "2026-04-01", amount="50.00")
    book.pay(loan, "2026-04-02")
    return book


def codes(notes: Notes) -> list[str]:
    return [one.code for one in notes.findings]


def only(notes: Notes) -> Finding:
    (finding,) = notes.findings
    return finding


def test_both_sides_close_the_day_as_it_was_recorded(book: Book) -> None:
    for party in ("fenqile", "bank"):
        book.close(("repayment.received", 2, "157.00"), ("loan.disbursed", 1, "1200.00"), party=party)
    notes = book.audit()
    assert codes(notes) == []
    assert (notes.procedure("days").outcome, notes.procedure("days").asked) == (Outcome.PASSED, 2)


@pytest.mark.parametrize(("count", "total"), [(2, "156.99"), (3, "157.00")])
def test_a_side_that_closes_with_something_else(book: Book, count: int, total: str) -> None:
    book.close(("repayment.received", 2, "157.00"))
    book.close(("repayment.received", count, total), party="bank")
    finding = only(book.audit())
    assert (finding.code, finding.subject, finding.evidence[0].index) == ("day.disagrees", "log", 6)
    assert finding.text() == (
        f"2026-04-01: bank closes repayment.received with {count} events, {total} CNY, "
        "the records give 2 events, 157.00 CNY."
    )


def test_only_records_before_the_index_count(book: Book) -> None:
    book.close(("repayment.received", 1, "107.00"), before=3)
    book.close(("repayment.received", 2, "157.00"))
    assert codes(book.audit()) == []


def test_a_type_that_is_left_out_says_zero(book: Book) -> None:
    book.close(("repayment.received", 1, "107.00"), on="2026-04-02")
    book.close(("loan.disbursed", 1, "1200.00"))
    finding = only(book.audit())
    assert finding.facts["stated"] == "0 events, 0.00 CNY"
    assert finding.facts["derived"] == "2 events, 157.00 CNY"


def test_a_type_without_amounts_is_counted(book: Book) -> None:
    book.post("loan.settled", "loan:L1", {"reason": "matured"}, effective="2026-04-01")
    book.close(("loan.settled", 1, "0.00"))
    assert codes(book.audit()) == []


def test_a_remittance_counts_with_what_is_remitted(book: Book) -> None:
    data = {
        "holder": "fund", "currency": "CNY", "first": "2026-04-01", "last": "2026-04-01", "collected": "157.00",
        "items": [{"name": "servicing_fee", "amount": "7.00"}], "amount": "150.00",
    }  # fmt: skip
    book.post("remittance.made", "pool:P", data, effective="2026-04-01")
    book.close(("remittance.made", 1, "150.00"))
    assert codes(book.audit()) == []


def test_two_sides_that_differ_on_a_holder(book: Book) -> None:
    book.close(("repayment.received", 2, "150.00", "bank"), before=5)
    book.close(("repayment.received", 2, "150.00", "bank"), before=5, party="bank")
    assert codes(book.audit()) == []
    book.close(("repayment.received", 2, "140.00", "bank"), before=5, party="trustee")
    finding = only(book.audit())
    assert finding.code == "day.sides_differ"
    assert finding.text() == (
        "2026-04-01: for bank fenqile closes repayment.received with 2 events, 150.00 CNY, "
        "trustee with 2 events, 140.00 CNY."
    )
    assert [one.index for one in finding.evidence] == [5, 7]


def test_one_side_alone_says_nothing_of_a_holder(book: Book) -> None:
    book.close(("repayment.received", 2, "150.00", "bank"))
    assert book.audit().procedure("days").reasons == {"only one side closes the day by holder": 1}


def test_behind_a_record_that_cannot_be_read_a_close_is_undetermined(book: Book) -> None:
    book.close(("repayment.received", 3, "999.00"))
    notes = book.audit(lost=1)
    assert codes(notes) == []
    assert notes.procedure("days").reasons == {"a record before its index cannot be read": 1}
    assert codes(book.audit(lost=5)) == ["day.disagrees"], "it stands behind the index of the close"


def test_a_record_that_cannot_be_read_does_not_trouble_a_close_that_fits(book: Book) -> None:
    book.close(("repayment.received", 2, "157.00"))
    assert book.audit(lost=1).procedure("days").outcome is Outcome.PASSED


def test_ranges_add_up(book: Book) -> None:
    book.close(("repayment.received", 2, "157.00"), ("loan.originated", 1, "0.00"))
    for cut in range(len(book.all)):
        assert codes(book.audit(cut=cut)) == []
