"""A sample that anybody can draw again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.audit.sample import check_seed, draw
from ledger.errors import RefusedError

LOANS = [f"L{n}" for n in range(200)]


def test_the_same_seed_draws_the_same_loans_in_whatever_order_they_come() -> None:
    assert draw(LOANS, 10, "0xab") == draw(reversed(LOANS), 10, "0xab")
    assert draw(LOANS, 10, "0xab") != draw(LOANS, 10, "0xac")


@given(st.integers(0, 250), st.text(max_size=10))
def test_a_larger_sample_contains_the_smaller_one(count: int, seed: str) -> None:
    drawn = draw(LOANS, count, seed)
    assert len(set(drawn)) == min(count, len(LOANS))
    assert draw(LOANS, count + 5, seed)[: len(drawn)] == drawn


def test_known_answer() -> None:
    # SHA-256("poolproof/sample/v1\0" || "s" || 0 || name), smallest first; worked out with hashlib alone.
    import hashlib

    ranked = sorted(
        LOANS, key=lambda loan: hashlib.sha256(b"poolproof/sample/v1\0s\0" + loan.encode()).hexdigest()
    )
    assert draw(LOANS, 3, "s") == ranked[:3]


def test_a_seed_is_a_block_hash_in_whatever_case() -> None:
    assert check_seed("0x" + "aB" * 32) == "0x" + "ab" * 32


@pytest.mark.parametrize(
    "seed", ["", "good loans", "ab" * 32, "0x" + "ab" * 31, "0x" + "ab" * 33, "0x" + "g" * 64]
)
def test_a_seed_that_somebody_could_choose_is_refused(seed: str) -> None:
    with pytest.raises(RefusedError, match="which nobody could choose"):
        check_seed(seed)
