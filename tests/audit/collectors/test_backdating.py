"""Was it recorded when it happened?"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.audit.collectors.backdating import MIN_LATE, BackDating, Clock, exceeds
from ledger.audit.findings import Finding, Notes, Outcome
from ledger.audit.rules import PoolRules
from ledger.log import Ledger
from tests.audit.casework import provokes
from tests.audit.logwork import Records
from tests.audit.poolbook import run
from tests.book import disbursed, event, loans, originated, pledged

#: The business date of the tests' clock, half past two in the morning in Shanghai.
TODAY = date(2026, 11, 23)


def block(on: str, hour: int = 4) -> int:
    return int(datetime.fromisoformat(on).replace(hour=hour, tzinfo=UTC).timestamp())


def clock(*anchors: tuple[int, int], chain: bool = True) -> Clock:
    return Clock("Asia/Shanghai", "00:00", anchors if chain else None)


class Book(Records):
    """Each event is recorded at noon, Shanghai time, on the day ``posted``, by default its own."""

    def post(self, kind: str, subject: str, data: dict[str, Any], *, posted: str = "", **more: Any) -> Any:
        on = posted or str(more.get("effective"))[:10]
        return super().post(kind, subject, data, posted=f"{on}T04:00:00.000000Z", **more)

    def audit(
        self, when: Clock, *, rules: PoolRules | None = None, cut_offs: Any = ()
    ) -> tuple[Notes, BackDating]:
        found = BackDating.of(when, rules or PoolRules())
        for subject in [name for name in self._of if name.startswith("loan:")]:
            found.take(self.case(subject))
        notes = Notes()
        found.check(notes, "pool:P", cut_offs)
        return notes, found


@pytest.fixture
def book() -> Book:
    return Book()


def test_the_first_size_that_covers_a_record_anchors_it() -> None:
    when = clock((2, block("2026-03-01")), (5, block("2026-03-02")))
    assert [when.anchored(index) for index in (0, 1, 2, 4, 5)] == [
        date(2026, 3, 1).toordinal(), date(2026, 3, 1).toordinal(), date(2026, 3, 2).toordinal(),
        date(2026, 3, 2).toordinal(), None,
    ]  # fmt: skip


def test_a_block_is_read_as_a_business_date_of_the_log() -> None:
    late = (1, block("2026-03-01", 17))  # one in the morning of 2 March in Shanghai
    assert clock(late).anchored(0) == date(2026, 3, 2).toordinal()
    assert Clock("Asia/Shanghai", "02:00", (late,)).anchored(0) == date(2026, 3, 1).toordinal()


def test_shares_within_one_three_and_thirty_days(book: Book) -> None:
    loan = book.loan("L1", paid_out="2026-03-01")
    for on in ("2026-03-28", "2026-03-30", "2026-03-31"):
        book.pay(loan, on)
    notes, found = book.audit(clock((5, block("2026-04-01"))))
    assert found.numbers() == {
        "dated_events": 5, "undated": 0, "not_anchored": 0, "anchored_within_1_days_ppm": 200_000,
        "anchored_within_3_days_ppm": 400_000, "anchored_within_30_days_ppm": 600_000,
    }  # fmt: skip
    assert notes.findings == []
    assert notes.procedure("back_dating").outcome is Outcome.PASSED


def test_a_month_counts_as_its_last_day(book: Book) -> None:
    loan = book.loan("L1", paid_out="2026-03-31")
    book.pay(loan, "2026-03", aggregate=True, value_date=None, payer=None, posted="2026-04-01")
    _, found = book.audit(clock((3, block("2026-04-01"))))
    assert found.numbers()["anchored_within_1_days_ppm"] == 1_000_000


def test_positions_reports_and_corrections_are_left_out(book: Book) -> None:
    opened = {
        "currency": "CNY", "as_of": "2026-04-30", "balances": {"principal": "900.00"}, "basis": "asserted",
        "claims": [{"claim": "c0", "creditor": "bank-0", "share": 1_000_000}],
    }  # fmt: skip
    book.post("loan.opened", "loan:L1", opened, effective="2026-05-01", posted="2026-09-01")
    old = book.pay("loan:L1", "2026-04-30", posted="2026-09-01")
    book.correct("loan:L1", old, None, effective="2026-05-02", posted="2026-09-01")
    report = {"tape": "ab" * 32, "place": "line 1", "currency": "CNY", "balance": "900.00"}
    book.post("balance.reported", "loan:L1", report, effective="2026-05-31", posted="2026-09-01")
    book.pay("loan:L1", "2026-09-01")
    notes, found = book.audit(clock((9, block("2026-09-01"))))
    assert (found.events, found.left_out) == (1, 4)
    assert notes.findings == []


def test_what_is_not_anchored_yet_is_undetermined(book: Book) -> None:
    loan = book.loan("L1", paid_out="2026-03-01")
    book.pay(loan, "2026-04-01")
    notes, found = book.audit(clock((2, block("2026-03-01"))))
    assert notes.procedure("back_dating").reasons == {"the record is not anchored yet": 1}
    assert found.numbers()["not_anchored"] == 1


def test_without_anchors_only_the_ledgers_own_clock_speaks(book: Book) -> None:
    loan, *_ = [book.loan(f"L{n}", paid_out="2026-03-01") for n in range(1, 5)]
    late = book.pay(loan, "2026-04-10", posted="2026-04-30")
    notes, found = book.audit(clock(chain=False))
    assert notes.procedure("back_dating").reasons == {"no anchor's block time was given": 9}
    (finding,) = notes.findings
    assert (finding.code, finding.subject) == ("back_dating.batch", "loan:L1")
    assert finding.text() == "On 2026-04-30 events were recorded for days as far as 20 days back: 1."
    assert [one.digest for one in finding.evidence] == [late.digest.hex()]
    assert found.numbers() == {"dated_events": 9, "undated": 0, "not_anchored": 9}


def test_a_payment_of_today_with_an_old_value_date_is_an_old_one(book: Book) -> None:
    """Its value date cures days past due; that it is effective today must not hide when it was recorded."""
    loan, *_ = [book.loan(f"L{n}", paid_out="2026-03-01") for n in range(1, 5)]
    book.pay(loan, "2026-04-10", effective="2026-04-30")
    notes, found = book.audit(clock((9, block("2026-04-30"))))
    (finding,) = notes.findings
    assert (finding.code, finding.facts["days"]) == ("back_dating.batch", 20)
    assert found.days[date(2026, 4, 10).toordinal()] == [1, 1, 1, 0]
    book.pay(loan, "2026-05-10", effective="2026-05-09")
    assert len(book.audit(clock(chain=False))[0].findings) == 1, "a value date to come is none of the past"


def test_a_week_of_delay_is_usual_unless_the_rules_say_otherwise(book: Book) -> None:
    loan = book.loan("L1", paid_out="2026-03-01")
    book.pay(loan, "2026-04-10", posted="2026-04-17")
    assert book.audit(clock(chain=False))[0].findings == []
    strict = PoolRules.of({"tolerances": {"back_dating": "3"}})
    (finding,) = book.audit(clock(chain=False), rules=strict)[0].findings
    assert finding.facts["days"] == 7


@pytest.mark.parametrize(("late", "loans"), [(21, 100), (2, 7)])
def test_a_batch_of_many_loans_or_of_most_is_reported_on_the_pool(book: Book, late: int, loans: int) -> None:
    for n in range(loans):
        loan = book.loan(f"L{n:02}", paid_out="2026-03-01")
        if n < late:
            book.pay(loan, "2026-04-10", posted="2026-05-01")
    notes, _ = book.audit(clock(chain=False))
    (finding,) = notes.findings
    assert (finding.subject, finding.facts["count"], len(finding.evidence)) == ("pool:P", late, min(late, 20))


def test_a_batch_of_a_few_loans_is_reported_on_each(book: Book) -> None:
    for n in range(80):
        loan = book.loan(f"L{n:02}", paid_out="2026-03-01")
        if n < 20:
            book.pay(loan, "2026-04-10", posted="2026-05-01")
    assert len(book.audit(clock(chain=False))[0].findings) == 20


def month_end_rush(book: Book, *, late: int, honest_days: int = 27) -> None:
    """Payments every day of April, five a day, anchored the same day; ``late`` of those for the 30th in May."""
    loan = book.loan("L1", paid_out="2026-03-01")
    for day in range(1, honest_days + 1):
        for _ in range(5):
            book.pay(loan, f"2026-04-{day:02}")
    for _ in range(late):
        book.pay(loan, "2026-04-30", posted="2026-05-05")


def anchors_of(book: Book) -> Clock:
    """A block each day for what was posted on it."""
    sizes: dict[str, int] = {}
    for index, one in book.all:
        sizes[one.posted[:10]] = index + 1
    return clock(*((size, block(day)) for day, size in sorted(sizes.items())))


def test_entries_for_a_months_end_that_come_late_in_numbers(book: Book) -> None:
    month_end_rush(book, late=40)
    (finding,) = book.audit(anchors_of(book))[0].findings
    assert finding.code == "back_dating.jump"
    assert finding.text() == (
        "40 of 40 events effective from 2026-04-28 to 2026-04-30 were anchored more than 3 days later, "
        "against 0 of 137 otherwise."
    )


def test_a_small_book_never_trips_it(book: Book) -> None:
    month_end_rush(book, late=MIN_LATE - 1)
    assert book.audit(anchors_of(book))[0].findings == []
    few = Book()
    month_end_rush(few, late=40, honest_days=10)
    assert few.audit(anchors_of(few))[0].findings == []


def test_a_cut_off_of_a_seal_is_watched_too(book: Book) -> None:
    loan = book.loan("L1", paid_out="2026-03-01")
    for day in range(1, 28):
        for _ in range(5):
            book.pay(loan, f"2026-04-{day:02}")
    for _ in range(40):
        book.pay(loan, "2026-04-15", posted="2026-04-27")
    strict = PoolRules.of({"tolerances": {"back_dating": "30"}})
    when = anchors_of(book)
    assert book.audit(when, rules=strict)[0].findings == []
    (finding,) = book.audit(when, rules=strict, cut_offs=[date(2026, 4, 15)])[0].findings
    assert (finding.code, finding.facts["last"]) == ("back_dating.jump", "2026-04-15")


@given(st.integers(0, 500), st.integers(0, 500), st.integers(100, 5_000), st.integers(0, 500))
def test_the_rule_in_whole_numbers_is_the_one_in_fractions(
    n: int, late: int, usual: int, usual_late: int
) -> None:
    late, usual_late = min(late, n), min(usual_late, usual)
    p = (usual_late + 1) / (usual + 2)
    if n and abs((late - n * p) ** 2 - 16 * n * p * (1 - p)) < 1e-6:
        return  # a float cannot tell
    expected = (
        late >= MIN_LATE and late * usual >= 3 * usual_late * n and late > n * p
        and (late - n * p) ** 2 > 16 * n * p * (1 - p)
    )  # fmt: skip
    assert exceeds(n, late, usual, usual_late) == expected


def test_ranges_add_up(book: Book) -> None:
    for n in range(30):
        loan = book.loan(f"L{n:02}", paid_out="2026-03-01")
        for day in ("02", "10", "20"):
            book.pay(loan, f"2026-04-{day}", posted="2026-04-20")
    when = clock((60, block("2026-04-01")), (100, block("2026-04-21")))
    whole, parts = BackDating(when), [BackDating(when) for _ in range(3)]
    for n in range(30):
        case = book.case(f"loan:L{n:02}")
        whole.take(case)
        parts[n // 10].take(case)
    first, *rest = [pickle.loads(pickle.dumps(part)) for part in parts]
    for part in rest:
        first.add(part)
    assert first == whole


def late_transfers(ledger: Ledger, tmp_path: Path, days: int, **rules: Any) -> list[Finding]:
    """What an audit finds of a pledge and a sale that were recorded so many days after their day."""
    on = (TODAY - timedelta(days=days)).isoformat()
    pool = event(
        "pool.created", "pool:P", {"rules": {"version": 1} | rules}, id="rules", effective="2026-10-01"
    )
    ledger.append(list(loans(2, repayments=0)), party="fenqile")
    ledger.append(
        [
            pool, pledged("P", "bank-a", ("L0", "c1", 1_000_000), id="p0", effective=on),
            pledged("P", "bank-a", ("L1", "c1", 1_000_000), id="p1", kind="claim.sold", effective=on),
        ],
        party="fenqile",
    )  # fmt: skip
    ledger.publish()
    return [one for one in run(ledger, tmp_path).findings if one.code == "pledge.back_dated"]


@provokes("pledge.back_dated")
def test_claims_that_came_into_the_pool_on_a_day_long_gone(
    sqlite_ledger: Ledger, tmp_path: Path
) -> Sequence[Finding]:
    (finding,) = findings = late_transfers(sqlite_ledger, tmp_path, 8)
    assert finding.subject == "pool:P"
    assert finding.facts == {"count": 2, "days": 8, "posted": TODAY.isoformat()}
    assert len(finding.evidence) == 2
    return findings


def test_transfers_that_were_recorded_within_the_delay(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    assert late_transfers(sqlite_ledger, tmp_path, 7) == []


def test_the_delay_of_transfers_is_that_of_the_rules(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    (finding,) = late_transfers(sqlite_ledger, tmp_path, 4, tolerances={"back_dating": "3"})
    assert finding.facts["days"] == 4


def test_a_pledge_that_is_dated_back_to_when_its_loan_was_eligible(
    sqlite_ledger: Ledger, tmp_path: Path
) -> None:
    """Through a whole audit: a month and some days after the payout by its day, two months by the day of record."""
    paid_out = {"effective": "2026-09-01"}
    sqlite_ledger.append([originated("L0", **paid_out), disbursed("L0", **paid_out)], party="fenqile")
    rules = {"version": 1, "eligibility": {"months_on_book_max": 1}}
    pool = event("pool.created", "pool:P", {"rules": rules}, id="rules", effective="2026-01-01")
    pledge = pledged("P", "bank-a", ("L0", "c1", 1_000_000), id="p0", effective="2026-10-25")
    sqlite_ledger.append([pool, pledge], party="fenqile")
    sqlite_ledger.publish()
    found = run(sqlite_ledger, tmp_path, as_of=TODAY).findings
    (finding,) = [one for one in found if one.code == "eligibility.at_record"]
    assert finding.subject == "loan:L0"
    assert (finding.facts["value"], finding.facts["day"]) == ("2", TODAY.isoformat())
