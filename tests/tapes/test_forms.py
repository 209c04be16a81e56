"""Numbers and dates: exact, one way only, and against Decimal as the independent oracle."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain import money
from ledger.tapes import forms


@pytest.mark.parametrize(
    ("text", "units", "shown"),
    [
        ("207.10000000", 20_710_000_000, "207.10"),
        ("18.05383199", 1_805_383_199, "18.05383199"),
        ("0.00000000", 0, "0.00"),
        ("-0.00000000", 0, "0.00"),
        ("-12.5", -1_250_000_000, "-12.50"),
        ("51000", 5_100_000_000_000, "51000.00"),
        ("+3.", 300_000_000, "3.00"),
        (".5", 50_000_000, "0.50"),
        ("00012.30000000000", 1_230_000_000, "12.30"),
    ],
)
def test_amounts_become_canonical_and_stay_exact(text: str, units: int, shown: str) -> None:
    assert forms.units(text) == units
    assert money.format(units, "USD") == shown


@pytest.mark.parametrize(
    "text", ["", "-", "1e2", "1,000.00", "0x10", "NaN", "1.2.3", " 1", "１２", "1.123456789", ".", "9" * 60]
)
def test_what_is_no_exact_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not|has more"):
        forms.units(text)


@given(st.integers(-(10**17), 10**17), st.integers(0, 4), st.integers(0, 6))
def test_any_amount_survives_with_padding(units: int, front: int, behind: int) -> None:
    sign = "-" if units < 0 else ""
    whole, fraction = divmod(abs(units), forms.UNIT)
    text = f"{sign}{'0' * front}{whole}.{fraction:08d}{'0' * behind}"
    assert forms.units(text) == units
    assert Decimal(money.format(units, "USD")) == Decimal(text)
    assert money.parse(money.format(units, "USD"), "USD") == units


@given(st.decimals(allow_nan=False, allow_infinity=False, places=8, min_value=-(10**9), max_value=10**9))
def test_units_agree_with_decimal(value: Decimal) -> None:
    assert forms.units(format(value, "f")) == int(value * forms.UNIT)


@given(st.dates(date(1900, 1, 1), date(2200, 12, 31)))
def test_dates_keep_exactly_what_they_say(value: date) -> None:
    assert forms.us_date(value.strftime("%m-%d-%Y")) == value.isoformat()
    assert forms.us_date(value.strftime("%m/%Y")) == value.isoformat()[:7]


@pytest.mark.parametrize(
    "text",
    [
        "13/2026",
        "00/2026",
        "02-30-2026",
        "02-29-2025",
        "2026-06",
        "06/26",
        "6/2026",
        "06/01/2026",
        "06-2026",
        "",
        "0/0",
    ],
)
def test_dates_that_do_not_exist_or_are_written_otherwise_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is (not|neither)"):
        forms.us_date(text)


@pytest.mark.parametrize(("text", "value"), [("75", 75), ("75.00000000", 75), ("-3", -3), ("0.0", 0)])
def test_whole_numbers(text: str, value: int) -> None:
    assert forms.integer(text) == value


@pytest.mark.parametrize("text", ["7.5", "a", "", "1e3"])
def test_what_is_no_whole_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not"):
        forms.integer(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0.10660000", "0.1066"),
        ("0", "0"),
        ("-0.00", "0"),
        ("100", "100"),
        ("1E+2", "100"),
        ("0.0000001", "0.0000001"),
    ],
)
def test_decimals_have_one_plain_spelling(value: str, text: str) -> None:
    assert forms.plain(Decimal(value)) == text
