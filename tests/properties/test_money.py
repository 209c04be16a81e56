"""Money against an oracle in Decimal."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from ledger.domain import money
from ledger.errors import RefusedError

CURRENCIES = st.sampled_from(["CNY", "JPY", "BHD", "UYW", "USD"])
UNITS = st.integers(-(10**18) + 1, 10**18 - 1)
SHARES = st.lists(st.integers(1, 1_000_000), min_size=1, max_size=6).map(
    lambda cuts: [b - a for a, b in zip([0, *sorted({c for c in cuts if c < 1_000_000})],
                                        [*sorted({c for c in cuts if c < 1_000_000}), 1_000_000], strict=True)]
)  # fmt: skip


def spelled(units: int, currency: str) -> str:
    """The one spelling, by Decimal: at least the minor digits, more only where needed."""
    digits = money.minor_digits(currency)
    value = Decimal(units).scaleb(-8)
    places = max(digits, -int(value.normalize().as_tuple().exponent))
    return f"{value:.{places}f}" if units else f"{Decimal(0):.{digits}f}"


@given(UNITS, CURRENCIES)
def test_printing_and_parsing_are_inverse(units: int, currency: str) -> None:
    text = money.format(units, currency)
    assert text == spelled(units, currency)
    assert money.parse(text, currency) == units


@given(st.from_regex(r"-?[0-9]{1,12}(\.[0-9]{0,9})?", fullmatch=True), CURRENCIES)
def test_a_text_is_read_exactly_when_it_is_the_one_spelling(text: str, currency: str) -> None:
    value = Decimal(text).scaleb(8)
    fits = value == value.to_integral_value() and abs(value) < 10**18
    if fits and spelled(int(value), currency) == text:
        assert money.parse(text, currency) == value
        return
    try:
        money.parse(text, currency)
    except RefusedError as error:
        if 'write "' in error.reason:
            right = error.reason.split('write "')[1].rstrip('"')
            assert money.parse(right, currency) == value
        return
    raise AssertionError(f"{text!r} was read as {currency}")


@given(st.text(max_size=12), CURRENCIES)
def test_any_text_is_read_in_its_one_spelling_or_refused(text: str, currency: str) -> None:
    try:
        units = money.parse(text, currency)
    except RefusedError:
        return
    assert money.format(units, currency) == text


@given(UNITS, SHARES, CURRENCIES, st.data())
def test_a_split_is_exact_and_undone_by_its_opposite(
    units: int, shares: list[int], currency: str, data: st.DataObject
) -> None:
    remainder = data.draw(st.integers(0, len(shares) - 1))
    parts = money.split(units, shares, remainder, currency)
    assert sum(parts) == units
    assert [-part for part in parts] == money.split(-units, shares, remainder, currency)
    minor = 10 ** (8 - money.minor_digits(currency))
    for i, (part, share) in enumerate(zip(parts, shares, strict=True)):
        if len(shares) > 1 and i != remainder:
            assert part % minor == 0
            assert abs(Decimal(units) * share / 1_000_000 - part) < minor
