from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain import money
from ledger.errors import MalformedError
from ledger.proofs import amounts


@pytest.mark.parametrize(
    ("text", "currency", "units"),
    [
        ("0.00", "CNY", 0),
        ("18.05383199", "CNY", 1_805_383_199),
        ("207", "JPY", 20_700_000_000),
        ("207.5", "JPY", 20_750_000_000),
        ("0.000", "KWD", 0),
        ("12345678901234567890.10", "CNY", 1_234_567_890_123_456_789_010_000_000),
        ("3402823669209384634633746074317.68211455", "USD", 2**128 - 1),
    ],
)
def test_totals_have_one_spelling(text: str, currency: str, units: int) -> None:
    assert amounts.parse_total(text, currency) == units
    assert amounts.print_total(units, currency) == text


@pytest.mark.parametrize(
    "text",
    [
        "", "0", "0.0", "00.00", "-1.00", "+1.00", "1.000", "1.10000000", "1.123456789", "1e2", " 1.00", "1.00 ",
        "1,00", ".50", "1.", "١.00", "1.00\n", "3402823669209384634633746074317.68211456", "9" * 40 + ".00",
        None, 1, 1.5, True,
    ],
)  # fmt: skip
def test_other_spellings_are_refused(text: object) -> None:
    with pytest.raises(MalformedError):
        amounts.parse_total(text, "CNY")


@pytest.mark.parametrize("currency", ["XXX", "cny", "", "CNYX"])
def test_unknown_currencies_are_refused(currency: str) -> None:
    with pytest.raises(MalformedError, match="ISO 4217"):
        amounts.parse_total("1.00", currency)
    with pytest.raises(MalformedError, match="ISO 4217"):
        amounts.print_total(1, currency)


@pytest.mark.parametrize("units", [-1, 2**128])
def test_totals_have_bounds(units: int) -> None:
    with pytest.raises(MalformedError):
        amounts.print_total(units, "CNY")


@given(st.integers(0, 10**18 - 1), st.sampled_from(["CNY", "JPY", "KWD", "CLF"]))
def test_a_small_total_is_spelled_like_an_amount(units: int, currency: str) -> None:
    text = money.format(units, currency)
    assert amounts.print_total(units, currency) == text
    assert amounts.parse_total(text, currency) == money.parse(text, currency) == units


@given(st.text("0123456789.-+e ", max_size=24), st.sampled_from(["CNY", "JPY"]))
def test_whatever_is_read_prints_as_it_was(text: str, currency: str) -> None:
    try:
        units = amounts.parse_total(text, currency)
    except MalformedError:
        return
    assert amounts.print_total(units, currency) == text
