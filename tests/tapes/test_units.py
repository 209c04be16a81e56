"""What a mapped cell means: money, rates, dates, shares; exact or refused."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.tapes import units

PLAIN = units.NumberForm(".", "")
CHINESE = units.NumberForm(".", ",")
GERMAN = units.NumberForm(",", ".")


@given(st.integers(-(10**14), 10**14))
def test_yuan_and_fen_are_the_same_money(fen: int) -> None:
    yuan = f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"
    assert units.money_units("fen", "CNY", PLAIN)(str(fen)) == units.money_units("yuan", "CNY", PLAIN)(yuan)


def test_minor_units_follow_the_currency() -> None:
    assert units.money_units("minor", "JPY", PLAIN)("207") == 207 * 10**8
    assert units.money_units("minor", "KWD", PLAIN)("207") == 207 * 10**5
    with pytest.raises(ValueError, match="more decimals"):
        units.money_units("fen", "CNY", PLAIN)("0.0000001")
    with pytest.raises(ValueError, match="money is one of"):
        units.money_units("jiao", "CNY", PLAIN)


@pytest.mark.parametrize(
    ("numbers", "text", "plain"),
    [
        (CHINESE, "1,234,567.80", "1234567.80"),
        (CHINESE, "1234567.80", "1234567.80"),
        (GERMAN, "1.234.567,80", "1234567.80"),
        (GERMAN, "12,5", "12.5"),
        (units.NumberForm(".", " "), "12 345", "12345"),
    ],
)
def test_separators(numbers: units.NumberForm, text: str, plain: str) -> None:
    assert numbers.clean(text) == plain


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        (CHINESE, "1,23,456.00"),
        (CHINESE, "1234,567"),
        (CHINESE, "1,234,5"),
        (CHINESE, ",123"),
        (GERMAN, "12.5"),
    ],
)
def test_separators_in_wrong_places_are_refused(numbers: units.NumberForm, text: str) -> None:
    with pytest.raises(ValueError, match="has "):
        numbers.clean(text)


@pytest.mark.parametrize(
    ("kind", "days", "text", "yearly"),
    [
        ("fraction", None, "0.1066", "0.1066"),
        ("percent", None, "10.66", "0.1066"),
        ("percent", None, "10.66 %", "0.1066"),
        ("permille", None, "0.5", "0.0005"),
        ("daily_fraction", 365, "0.0005", "0.1825"),
        ("daily_fraction", 360, "0.0005", "0.18"),
        ("daily_percent", 365, "0.05", "0.1825"),
        ("daily_per_10000", 365, "5", "0.1825"),
        ("monthly_percent", None, "1.5", "0.18"),
        ("daily_fraction", 365, "0.000493150684", "0.17999999966"),
        ("percent", None, "0", "0"),
    ],
)
def test_rates_become_yearly_fractions(kind: str, days: int | None, text: str, yearly: str) -> None:
    assert units.rate(kind, days, PLAIN)(text) == yearly


@pytest.mark.parametrize(
    ("kind", "days"),
    [("daily_percent", None), ("percent", 365), ("daily_percent", 364), ("weekly_percent", None)],
)
def test_rates_that_cannot_be_meant_are_refused(kind: str, days: int | None) -> None:
    with pytest.raises(ValueError, match=r"rate is one of|days"):
        units.rate(kind, days, PLAIN)


def test_a_rate_that_cannot_be_carried_is_refused() -> None:
    with pytest.raises(ValueError, match="more than 12 decimals"):
        units.rate("percent", None, PLAIN)("10.12345678901")
    with pytest.raises(ValueError, match="plain decimal"):
        units.rate("fraction", None, PLAIN)("18%")


@given(st.integers(0, 10**8), st.sampled_from([360, 365]))
def test_daily_rates_are_exact(millionths: int, days: int) -> None:
    text = f"{Decimal(millionths).scaleb(-8):f}"
    assert Decimal(units.rate("daily_fraction", days, PLAIN)(text)) == Decimal(millionths).scaleb(-8) * days


@pytest.mark.parametrize(
    ("pattern", "text", "value"),
    [
        ("YYYYMMDD", "20260603", "2026-06-03"),
        ("YYYY-MM-DD", "2026-06-03", "2026-06-03"),
        ("YYYY/M/D", "2026/6/3", "2026-06-03"),
        ("YYYY年MM月DD日", "2026年06月03日", "2026-06-03"),
        ("DD.MM.YYYY", "03.06.2026", "2026-06-03"),
        ("MM/DD/YYYY", "06/03/2026", "2026-06-03"),
        ("YYYY-MM-DD hh:mm:ss", "2026-06-03 23:59:59", "2026-06-03"),
        ("YYYYMM", "202606", "2026-06"),
        ("MM/YYYY", "06/2026", "2026-06"),
    ],
)
def test_dates_by_pattern(pattern: str, text: str, value: str) -> None:
    assert units.date(pattern)(text) == value


@given(
    st.dates(date(1900, 1, 1), date(2200, 12, 31)),
    st.sampled_from(["%Y%m%d", "%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y"]),
)
def test_dates_round_trip(value: date, form: str) -> None:
    pattern = form.replace("%Y", "YYYY").replace("%m", "MM").replace("%d", "DD")
    assert units.date(pattern)(value.strftime(form)) == value.isoformat()


@pytest.mark.parametrize(
    "text", ["20260230", "2026063", "202606031", "2026-06-03", "20261301", "２０２６０６０３"]
)
def test_dates_that_do_not_exist_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a"):
        units.date("YYYYMMDD")(text)


@pytest.mark.parametrize("pattern", ["", "YYYY", "DD/MM", "YYYYMMMM", "YYMMDD", "YYYY-MM-DD-DD", "YYYY-MM-M"])
def test_patterns_that_name_no_date_are_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="date pattern"):
        units.date(pattern)


def test_shares() -> None:
    assert units.share("percent", PLAIN)("70") == 700_000
    assert units.share("percent", PLAIN)("33.3333%") == 333_333
    assert units.share("fraction", PLAIN)("0.3") == 300_000
    assert units.share("ppm", PLAIN)("1000000") == 1_000_000
    with pytest.raises(ValueError, match="parts per million"):
        units.share("percent", PLAIN)("33.33333")
    with pytest.raises(ValueError, match="share is one of"):
        units.share("half", PLAIN)


def test_lookups_refuse_what_they_do_not_know() -> None:
    payer = units.lookup({"01": "obligor", "02": "guarantor"}, None)
    assert payer("02") == "guarantor"
    with pytest.raises(ValueError, match="none of the values"):
        payer("03")
    assert units.lookup({"01": "obligor"}, "platform")("03") == "platform"
