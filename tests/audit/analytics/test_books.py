"""Random books against the slow oracle, and what must hold of every book."""

from __future__ import annotations

import pickle
from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ledger.audit.analytics import Analytics, months
from ledger.audit.analytics.document import Document
from ledger.audit.analytics.sums import CREDITS, ENTERED, LEFT, NEW, CurrencySums, MonthSums
from ledger.domain.delinquency import Measure
from tests.audit.analytics.books import AS_OF, case, random_loan
from tests.oracles import analytics as oracle

books = st.tuples(st.integers(0, 2**32), st.integers(1, 5), st.booleans())
Book = tuple[int, int, bool]


def loans_of(book: Book) -> list[dict[str, Any]]:
    seed, count, parts = book
    return [random_loan(seed + n, parts=parts) for n in range(count)]


def sums_of(loans: list[dict[str, Any]]) -> CurrencySums:
    found = Analytics()
    for n, loan in enumerate(loans):
        found.take(case(loan, f"L{n}"))
    return found.currencies["CNY"]


def tallies(of: Any) -> dict[Any, tuple[int, int]]:
    return {key: (one.claims, one.principal) for key, one in of.items() if one.claims}


def nonzero(counts: Any) -> dict[Any, int]:
    return {key: units for key, units in counts.items() if units}


@given(books)
def test_every_figure_is_that_of_the_oracle(book: Book) -> None:
    loans = loans_of(book)
    sums = sums_of(loans)
    for (year, month), slow in oracle.figures(loans, AS_OF).items():
        one = sums.months.get(year * 12 + month - 1, MonthSums())
        assert (one.outstanding, one.credits) == (slow["outstanding"], slow["credits"])
        assert tallies(one.buckets) == slow["buckets"]
        assert tallies(one.rolls) == slow["rolls"]
        for name in ("planned", "scheduled_balance"):
            assert getattr(one, name) == slow[name]
        assert one.averages["annual_rate"].product == slow["rate"] * 10**8
        assert one.averages["remaining_instalments"].product == slow["remaining"]
        if not book[2]:
            # Of shares below the whole, flows are differences of balances, which the oracle does not follow.
            assert nonzero(one.cash) == nonzero(slow["cash"])
            assert nonzero(one.amounts) == nonzero(slow["amounts"])
            change = {key: units for key, units in one.change.items() if key not in (ENTERED, LEFT, CREDITS)}
            assert nonzero(change) == nonzero(slow["change"])
            for name in ("prepaid", "defaulted", "compensated"):
                assert getattr(one, name) == slow[name]


@given(books)
def test_the_balance_moves_by_its_named_flows(book: Book) -> None:
    sums = sums_of(loans_of(book))
    for month, one in sums.months.items():
        before = sums.months.get(month - 1, MonthSums())
        assert one.outstanding == before.outstanding + sum(one.change.values())
        assert one.outstanding == one.ended.principal + sum(tally.principal for tally in one.buckets.values())


@given(books)
def test_the_rows_of_the_rolls_are_the_buckets_that_they_start_from(book: Book) -> None:
    sums = sums_of(loans_of(book))
    for month, one in list(sums.months.items()):
        before = sums.months.get(month - 1, MonthSums())
        rows: dict[str, tuple[int, int]] = {}
        columns: dict[str, int] = {}
        for (source, target), tally in one.rolls.items():
            claims, principal = rows.get(source, (0, 0))
            rows[source] = (claims + tally.claims, principal + tally.principal)
            columns[target] = columns.get(target, 0) + tally.claims
        rows.pop(NEW, None)
        assert rows == tallies(before.buckets)
        assert {name: tally.claims for name, tally in one.buckets.items()} == {
            name: claims for name, claims in columns.items() if name in oracle.BUCKETS
        }


@given(books, st.lists(st.integers(0, 2), min_size=5, max_size=5))
def test_ranges_combine_in_any_partition(book: Book, ranges: list[int]) -> None:
    loans = loans_of(book)
    parts = [Analytics(), Analytics(), Analytics()]
    for n, loan in enumerate(loans):
        parts[ranges[n]].take(case(loan, f"L{n}"))
    whole = Analytics()
    for part in parts:
        whole.add(pickle.loads(pickle.dumps(part)))
    assert shown(whole.currencies["CNY"]) == shown(sums_of(loans))


def shown(sums: CurrencySums) -> dict[str, Any]:
    as_of = date.fromordinal(AS_OF)
    first = min(sums.months, default=months.of(AS_OF))
    return Document("CNY", sums, Measure(), first, months.of(AS_OF), as_of).to_json()
