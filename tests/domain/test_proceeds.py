"""What of a payment belongs to whom."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from ledger.domain import money, proceeds
from ledger.domain.calendar import parse_effective
from tests.domain.examples import submission

UNITS = st.integers(min_value=-(10**15), max_value=10**15)


def of(kind: str, **changes: object) -> proceeds.Components | None:
    one = submission(kind, **changes)
    return proceeds.components(one.event, one.amounts)


def test_principal_interest_and_penalties_belong_to_the_claims() -> None:
    applied = {"principal": "95.00", "interest": "12.10", "fee": "3.00", "penalty": "0.50", "other": "1.00"}
    data = {"amount": "111.60", "applied": applied}
    parts = (9_500_000_000, 1_210_000_000, 50_000_000)
    assert of("repayment.received", data=data) == parts
    assert of("repayment.reversed", data=data) == tuple(-units for units in parts)
    assert of("loan.refunded") == (10_000_000_000, 0, 0)
    assert of("recovery.received") == (500_000_000,)


def test_what_is_no_payment_by_the_borrowers_side_belongs_to_nobody_here() -> None:
    for kind in (
        "loan.disbursed",
        "fee.charged",
        "guarantor.compensated",
        "amount.waived",
        "balance.reported",
    ):
        assert of(kind) is None


def test_each_component_is_split_by_itself() -> None:
    parts = (money.parse("10.02", "CNY"), money.parse("0.02", "CNY"))
    first, second = proceeds.of_claims(parts, [300_000, 700_000], 1, "CNY")
    # 30 % of the sum, 10.04, would be cut to 3.01.
    assert first == (money.parse("3.00", "CNY"), 0)
    assert second == (money.parse("7.02", "CNY"), money.parse("0.02", "CNY"))


@given(st.lists(UNITS, min_size=1, max_size=3), st.integers(1, 999_999), st.integers(0, 1))
def test_nothing_is_lost_and_a_reversal_undoes_its_payment(parts: list[int], share: int, place: int) -> None:
    shares = [share, 1_000_000 - share]
    split = proceeds.of_claims(tuple(parts), shares, place, "CNY")
    assert [sum(column) for column in zip(*split, strict=True)] == parts
    back = proceeds.of_claims(tuple(-units for units in parts), shares, place, "CNY")
    assert back == [tuple(-units for units in claim) for claim in split]


@given(UNITS, st.lists(st.integers(1, 1_000_000), min_size=1, max_size=4))
def test_pools_never_get_more_than_there_is(units: int, shares: list[int]) -> None:
    total = sum(shares)
    held = [share * 1_000_000 // total for share in shares]
    got = [proceeds.of_holder((units,), share, "CNY") for share in held if share]
    assert abs(sum(got)) <= abs(units)
    assert proceeds.of_holder((units,), 1_000_000, "CNY") == units


def test_the_value_date_is_the_day_where_it_is_one() -> None:
    effective = parse_effective("2026-03-31")
    assert proceeds.day_of(effective, "2026-04-01").text == "2026-04-01"
    assert proceeds.day_of(effective, "2026-04").text == "2026-03-31"
    assert proceeds.day_of(effective, UNSET).text == "2026-03-31"
    assert proceeds.day_of(parse_effective("2026-03"), "2026-04").day is None
