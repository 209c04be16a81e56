"""The arithmetic of fees: what geth demands of a replacement, whatever anvil lets pass."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.chain.fees import MIN_PRIORITY_FEE, Fees, bumped

wei = st.integers(0, 10**15)


@given(wei)
def test_a_bump_is_at_least_what_geth_asks_and_hardly_more_than_an_eighth(fee: int) -> None:
    assert bumped(fee) > fee
    assert Fraction(bumped(fee)) >= Fraction(fee) * Fraction(110, 100)
    assert bumped(fee) <= Fraction(fee) * Fraction(9, 8) + 1


@given(wei, wei, wei, wei)
def test_a_replacement_raises_both_fees_and_never_offers_less_than_the_market(
    old_max: int, old_tip: int, new_max: int, new_tip: int
) -> None:
    stuck = Fees(max_fee=old_max, priority_fee=old_tip, market=True)
    now = Fees(max_fee=new_max, priority_fee=new_tip, market=True)
    offer = now.replacing(stuck)
    assert offer.replaces(stuck)
    assert offer.max_fee >= new_max
    assert offer.priority_fee >= new_tip


def test_a_cap_holds_and_what_it_cuts_replaces_nothing() -> None:
    stuck = Fees(max_fee=100, priority_fee=10, market=True)
    offer = Fees(max_fee=500, priority_fee=20, market=True).replacing(stuck)
    assert offer.capped(200).max_fee == 200
    assert offer.capped(200).replaces(stuck)
    assert not offer.capped(112).replaces(stuck)


def test_an_offer_lasts_for_six_full_blocks_of_rising_base_fees() -> None:
    offer = Fees.from_history(10**9, [])
    base = Fraction(10**9)
    for _ in range(5):
        base = base * Fraction(9, 8)
    assert base + offer.priority_fee <= offer.max_fee


@pytest.mark.parametrize(
    ("rewards", "expected"),
    [
        ([], MIN_PRIORITY_FEE),
        ([0, 0], MIN_PRIORITY_FEE),
        ([1], MIN_PRIORITY_FEE),
        ([10**9, 3 * 10**9, 2 * 10**9], 2 * 10**9),
    ],
)
def test_the_tip_is_the_median_of_what_was_paid_and_not_nothing(rewards: list[int], expected: int) -> None:
    assert Fees.from_history(10**9, rewards).priority_fee == expected
