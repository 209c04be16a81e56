"""What was paid of each instalment agrees with where the loan stands, and says who paid."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from ledger.domain import money
from ledger.domain.fold import unsuperseded
from ledger.domain.position import Life
from ledger.domain.settled import instalments_on
from tests.audit.casework import Event, disbursed, originated, records, repaid

LOAN = (originated(), disbursed())
FIRST = ("94.62", "12.00")
PAYERS = ("obligor", "guarantor", "platform")


def life(*events: Event) -> Life:
    pairs = records(*events)
    return Life(unsuperseded(pairs), count=len(pairs))


PAYMENT = st.tuples(
    st.integers(0, 300), st.none() | st.integers(1, 12), st.integers(1, 30_000), st.sampled_from(PAYERS)
)


@given(st.lists(PAYMENT, max_size=12), st.integers(0, 420))
def test_what_is_open_of_what_was_due_are_the_arrears(
    payments: list[tuple[int, int | None, int, str]], later: int
) -> None:
    start = date(2026, 1, 6).toordinal()
    events = [
        repaid(
            date.fromordinal(start + day).isoformat(),
            number,
            f"{fen // 100}.{fen % 100:02d}",
            "0.00",
            payer=payer,
        )
        for day, number, fen, payer in payments
    ]
    one, day = life(*LOAN, *events), date.fromordinal(start + later)
    rows = instalments_on(one, day)
    position = one.at(day)
    assert sum(row.open for row in rows if row.past) == position.arrears
    unpaid = [row.due.date for row in rows if row.past and row.open]
    assert len(unpaid) == position.unpaid
    assert position.oldest_unpaid == (unpaid[0] if unpaid else None)
    assert all(0 <= row.paid <= row.due.total for row in rows)


def test_who_paid_in_the_borrowers_place_is_told_apart() -> None:
    one = life(
        *LOAN, repaid("2026-02-05", 1, *FIRST, payer="guarantor"), repaid("2026-03-05", 2, "50.00", "0.00")
    )
    first, second, third, *_ = instalments_on(one, date(2026, 3, 20))
    assert first.others == (("guarantor", first.due.total),)
    assert (first.paid, first.open) == (50 * money.UNIT - second.paid, first.due.total - first.paid)
    assert (second.paid, second.others) == (50 * money.UNIT, ())
    assert (third.past, third.paid) == (False, 0)


def test_a_later_payment_is_not_known_earlier() -> None:
    one = life(*LOAN, repaid("2026-02-10", 1, *FIRST))
    before, after = (instalments_on(one, date(2026, 2, day))[0] for day in (9, 10))
    assert (before.paid, after.open) == (0, 0)
