from __future__ import annotations

import pytest

from ledger.domain import money
from ledger.errors import RefusedError


@pytest.mark.parametrize(
    ("text", "currency", "units"),
    [
        ("207.10", "CNY", 20_710_000_000),
        ("0.00", "CNY", 0),
        ("-0.01", "CNY", -1_000_000),
        ("18.05383199", "USD", 1_805_383_199),
        ("0.001", "CNY", 100_000),
        ("9999999999.99", "CNY", 999_999_999_999_000_000),
        ("207", "JPY", 20_700_000_000),
        ("207.5", "JPY", 20_750_000_000),
        ("-0.5", "JPY", -50_000_000),
        ("1.234", "BHD", 123_400_000),
        ("1.2345", "UYW", 123_450_000),
    ],
)
def test_one_spelling_in_and_out(text: str, currency: str, units: int) -> None:
    assert money.parse(text, currency) == units
    assert money.format(units, currency) == text


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("12.5", "12.50"),
        ("12", "12.00"),
        ("12.", "12.00"),
        ("12.500", "12.50"),
        ("012.50", "12.50"),
        ("00.00", "0.00"),
        ("-0.00", "0.00"),
        ("+1.00", "1.00"),
        ("-1.5", "-1.50"),
        ("1.23456000", "1.23456"),
    ],
)
def test_other_spellings_are_refused_with_the_right_one(text: str, right: str) -> None:
    with pytest.raises(RefusedError) as error:
        money.parse(text, "CNY", "data.applied.principal")
    assert str(error.value) == f'data.applied.principal: "{text}" is not CNY with 2 decimals; write "{right}"'
    assert error.value.rule == "wrong_money"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1.00",
        "1.00 ",
        "1,000.00",
        "1e2",
        "١.00",
        "٢٢.٢٢",
        "1.0O",
        "¥1.00",
        "--1.00",
        ".50",
        "1_0.00",
        "NaN",
        "²2.00",
    ],
)
def test_what_is_no_plain_number_is_refused(text: str) -> None:
    with pytest.raises(RefusedError):
        money.parse(text, "CNY")


def test_a_huge_number_is_refused_before_any_arithmetic() -> None:
    for text in ("9" * 1_000_000, "1" * 11 + ".00", "0.123456789"):
        with pytest.raises(RefusedError) as error:
            money.parse(text, "CNY", "data.amount")
        assert len(str(error.value)) < 200


def test_yen_has_no_decimals_unless_needed() -> None:
    for text in ("207.0", "207.", "207.50"):
        with pytest.raises(RefusedError):
            money.parse(text, "JPY")


@pytest.mark.parametrize("currency", ["CNX", "cny", "", "RMB", "XAU"])
def test_only_active_currencies(currency: str) -> None:
    with pytest.raises(RefusedError) as error:
        money.parse("1.00", currency)
    assert error.value.rule == "wrong_currency"
    with pytest.raises(RefusedError):
        money.minor_digits(currency)


def test_split_gives_the_remainder_to_the_named_claim() -> None:
    # 100.00 by thirds: 33.33 each, and the cent that is left to the second.
    parts = money.split(money.parse("100.00", "CNY"), [333_333, 333_333, 333_334], 1, "CNY")
    assert [money.format(part, "CNY") for part in parts] == ["33.33", "33.34", "33.33"]


def test_split_keeps_sub_minor_digits_in_the_remainder() -> None:
    parts = money.split(money.parse("0.01000001", "CNY"), [500_000, 500_000], 0, "CNY")
    assert [money.format(part, "CNY") for part in parts] == ["0.01000001", "0.00"]
