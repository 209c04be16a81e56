"""Values on pages: every digit of an amount, percent rounded half up, instants in the log's zone."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from api.portal import formats
from api.portal.words import Language, Words


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("0.00", "0.00"),
        ("1234567.89", "1,234,567.89"),
        ("-1234.50", "−1,234.50"),
        ("18.05383199", "18.05383199"),
        ("999", "999"),
        (None, "–"),
        ("about 5", "about 5"),
        ("1e9", "1e9"),
    ],
)
def test_amounts_keep_every_digit(text: str | None, shown: str) -> None:
    assert formats.amount(text) == shown


@pytest.mark.parametrize(
    ("ratio", "shown"),
    [("0.01235", "1.24%"), ("0.01234999", "1.23%"), ("1", "100.00%"), ("-0.5", "−50.00%"), (None, "–")],
)
def test_percent(ratio: str | None, shown: str) -> None:
    assert formats.percent(ratio) == shown


@pytest.mark.parametrize(
    ("wei", "shown"),
    [
        (9_999_999_957_645_727_958_649, "9,999.999957"),
        (10**18, "1"),
        (0, "0"),
        (1, "0"),
        (20 * 10**18, "20"),
        (2**256 - 9, "115792089237316195423570985008687907853269984665640564039457.584007"),
        (1_999_999_999_999_999_999, "1.999999"),
    ],
)
def test_a_balance_is_never_more_than_there_is(wei: int, shown: str) -> None:
    assert formats.ether(wei) == shown


def test_a_change_has_its_sign() -> None:
    assert [formats.percent(one, 1, signed=True) for one in ("0.0591", "-0.02", "0", "0.0001")] == [
        "+5.9%", "−2.0%", "0.0%", "0.0%",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "criterion", "shown"),
    [
        ("0.24", "annual_rate_max", "24%"),
        ("0.23999999", "annual_cost_max", "23.999999%"),
        ("0", "annual_rate_max", "0%"),
        ("10", "annual_cost_max", "1,000%"),
        ("20000.00", "principal_max", "20,000.00 CNY"),
        (1200, "instalments_max", "1,200"),
        (["home", "cash"], "product_in", "home, cash"),
        ("text", "unknown", "text"),
    ],
)
def test_bounds_are_written_as_what_they_bound(value: object, criterion: str, shown: str) -> None:
    assert formats.bound(value, criterion, "CNY") == shown


@pytest.mark.parametrize(
    ("value", "language", "shown"),
    [
        ("1250000", "en", "1.25m"),
        ("1250000", "zh", "125万"),
        ("250000000", "zh", "2.5亿"),
        ("-40000", "en", "−40k"),
        ("12.5", "en", "12.5"),
        ("0", "en", "0"),
        ("0.02", "zh", "0.02"),
    ],
)
def test_axes_are_short(value: str, language: Language, shown: str) -> None:
    assert formats.short(Decimal(value), language) == shown


@pytest.mark.parametrize(
    ("zone", "local", "offset"),
    [
        ("Asia/Shanghai", "2026-11-22 07:30:00", "UTC+8"),
        ("Asia/Kolkata", "2026-11-22 05:00:00", "UTC+5:30"),
        ("America/New_York", "2026-11-21 18:30:00", "UTC−5"),
        ("UTC", "2026-11-21 23:30:00", "UTC"),
    ],
)
def test_instants_are_in_the_zone_of_the_log(zone: str, local: str, offset: str) -> None:
    expected = ("2026-11-21T23:30:00Z", local, offset)
    assert formats.instant("2026-11-21T23:30:00.000000Z", zone) == expected


@pytest.mark.parametrize(
    ("since", "said"),
    [
        ("2026-11-21T23:29:30Z", "just now"),
        ("2026-11-21T23:28:00Z", "2 minutes ago"),
        ("2026-11-21T22:00:00Z", "90 minutes ago"),
        ("2026-11-20T22:00:00Z", "25 hours ago"),
        ("2026-11-11T22:00:00Z", "10 days ago"),
        ("2026-11-22T22:00:00Z", "just now"),
    ],
)
def test_ages(since: str, said: str) -> None:
    assert formats.age(since, datetime(2026, 11, 21, 23, 30, tzinfo=UTC), Words("en")) == said


def test_digests_by_their_first_digits() -> None:
    assert formats.hexes("a1b2c3d4e5f6") == "a1b2c3d4…"
    assert formats.hexes("a1b2") == "a1b2"
