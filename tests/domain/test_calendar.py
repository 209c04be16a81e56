from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain import calendar
from ledger.errors import ConfigurationError, RefusedError


def test_a_day_is_itself_and_a_month_its_last_day() -> None:
    assert calendar.parse_effective("2026-06-15").last_day == date(2026, 6, 15)
    month = calendar.parse_effective("2024-02")
    assert month.last_day == date(2024, 2, 29)
    assert month.day is None  # no day is invented


@pytest.mark.parametrize(
    "text",
    ["2026-02-29", "2026-13", "2026-00", "2026-6-1", "2026-06-31", "2026-06-00", "20260601", "2026-06-01T00:00:00Z",
     "06/2026", "", "0000-01", "1899-12", "2026-06-01 ", "２０２６-06"],
)  # fmt: skip
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(RefusedError) as error:
        calendar.parse_effective(text, "data.value_date")
    assert error.value.field == "data.value_date"


def test_a_day_is_wanted_where_a_day_is_wanted() -> None:
    assert calendar.parse_day("2026-06-01", "x") == date(2026, 6, 1)
    with pytest.raises(RefusedError, match="is a month"):
        calendar.parse_day("2026-06", "x")


def test_today_in_the_zone_is_yesterday_in_utc() -> None:
    instant = datetime(2026, 11, 22, 16, 30, tzinfo=UTC)  # half past midnight of the 23rd in Shanghai
    assert calendar.business_date(instant, "Asia/Shanghai") == date(2026, 11, 23)
    assert calendar.business_date(instant, "UTC") == date(2026, 11, 22)


def test_before_the_day_cut_it_is_still_yesterday() -> None:
    instant = datetime(2026, 11, 22, 17, 30, tzinfo=UTC)  # 01:30 of the 23rd in Shanghai
    assert calendar.business_date(instant, "Asia/Shanghai", "02:00") == date(2026, 11, 22)
    assert calendar.business_date(instant + timedelta(minutes=30), "Asia/Shanghai", "02:00") == date(
        2026, 11, 23
    )


def test_the_day_cut_is_on_the_wall_clock_through_a_change_of_time() -> None:
    # New York, 8 March 2026: 01:59 EST is followed by 03:00 EDT.
    assert calendar.business_date(
        datetime(2026, 3, 8, 6, 59, tzinfo=UTC), "America/New_York", "02:00"
    ) == date(2026, 3, 7)
    assert calendar.business_date(
        datetime(2026, 3, 8, 7, 0, tzinfo=UTC), "America/New_York", "02:00"
    ) == date(2026, 3, 8)


@pytest.mark.parametrize(
    ("zone", "cut"),
    [("Mars/Olympus", "00:00"), ("../etc/passwd", "00:00"), ("UTC", "2:00"), ("UTC", "24:00")],
)
def test_a_zone_or_cut_that_cannot_be_is_a_configuration_error(zone: str, cut: str) -> None:
    with pytest.raises(ConfigurationError):
        calendar.business_date(datetime(2026, 1, 1, tzinfo=UTC), zone, cut)


@given(
    st.dates(date(1971, 1, 1), date(2037, 1, 1)),
    st.sampled_from(["UTC", "Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"]),
    st.sampled_from(["00:00", "02:00", "02:30", "23:59"]),
)
def test_before_a_business_day_is_over_no_later_one_has_begun(day: date, zone: str, cut: str) -> None:
    over = calendar.end_of_business_day(day, zone, cut)
    for minutes in (1, 30, 60, 61, 120, 1440):
        assert calendar.business_date(over - timedelta(minutes=minutes), zone, cut) <= day
    assert calendar.business_date(over - timedelta(microseconds=1), zone, cut) <= day
    assert calendar.business_date(over + timedelta(hours=1), zone, cut) > day


@pytest.mark.parametrize(
    ("day", "zone", "cut", "over"),
    [
        (date(2026, 11, 22), "Asia/Shanghai", "00:00", "2026-11-22T16:00:00.000000Z"),
        (date(2026, 11, 22), "Asia/Shanghai", "02:00", "2026-11-22T18:00:00.000000Z"),
        (date(2026, 3, 7), "America/New_York", "02:00", "2026-03-08T06:00:00.000000Z"),  # 02:00 is left out
        (date(2026, 10, 31), "America/New_York", "01:30", "2026-11-01T05:30:00.000000Z"),  # 01:30 comes twice
    ],
)
def test_when_a_business_day_is_over(day: date, zone: str, cut: str, over: str) -> None:
    assert calendar.format_instant(calendar.end_of_business_day(day, zone, cut)) == over


def test_instants_have_one_spelling() -> None:
    text = "2026-11-22T23:24:25.000000Z"
    instant = calendar.parse_instant(text)
    assert calendar.format_instant(instant) == text
    assert calendar.format_instant(instant.astimezone(timezone(timedelta(hours=8)))) == text
    for other in (
        "2026-11-22T23:24:25Z",
        "2026-11-22T23:24:25.000000+00:00",
        "2026-11-31T23:24:25.000000Z",
        "",
    ):
        with pytest.raises(RefusedError):
            calendar.parse_instant(other)
