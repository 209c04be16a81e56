"""Business days and steps of months."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from ledger.domain.schedule import Workdays
from ledger.domain.schedule.workdays import step, unmoved
from ledger.errors import UndeterminedError

#: National Day 2025 in China: a Wednesday to a Wednesday, with the Sunday before and the Saturday after worked.
GOLDEN_WEEK = Workdays(
    holidays=frozenset(date(2025, 10, day) for day in range(1, 9)),
    worked=frozenset({date(2025, 9, 28), date(2025, 10, 11)}),
)


def test_a_worked_weekend_is_business_and_a_holiday_never() -> None:
    assert GOLDEN_WEEK.is_business_day(date(2025, 9, 28))
    assert GOLDEN_WEEK.is_business_day(date(2025, 10, 11))
    assert not GOLDEN_WEEK.is_business_day(date(2025, 10, 12))
    assert not GOLDEN_WEEK.is_business_day(date(2025, 10, 3))
    both = Workdays(holidays=frozenset({date(2025, 10, 11)}), worked=frozenset({date(2025, 10, 11)}))
    assert not both.is_business_day(date(2025, 10, 11))


@pytest.mark.parametrize(
    ("rule", "due", "moved"),
    [
        ("none", "2025-10-04", "2025-10-04"),
        ("following", "2025-10-04", "2025-10-09"),
        ("modified_following", "2025-10-04", "2025-10-09"),
        ("preceding", "2025-10-04", "2025-09-30"),
        ("following", "2025-09-30", "2025-09-30"),
        ("following", "2025-11-30", "2025-12-01"),
        ("modified_following", "2025-11-30", "2025-11-28"),
        ("preceding", "2025-10-12", "2025-10-11"),
    ],
)
def test_a_due_date_moves_by_the_rule(rule: str, due: str, moved: str) -> None:
    assert GOLDEN_WEEK.adjust(date.fromisoformat(due), rule) == date.fromisoformat(moved)


def test_a_calendar_without_business_is_refused() -> None:
    closed = Workdays(holidays=frozenset(date(2026, 1, 1) + timedelta(days=i) for i in range(90)))
    for rule in ("following", "preceding"):
        with pytest.raises(UndeterminedError, match="no business day"):
            closed.adjust(date(2026, 2, 14), rule)


def test_steps_return_to_the_anchor_after_a_short_month() -> None:
    found = [step(date(2027, 11, 30), months, 31) for months in range(6)]
    assert [day.isoformat()[5:] for day in found] == ["11-30", "12-31", "01-31", "02-29", "03-31", "04-30"]
    assert step(date(2026, 1, 15), -13, 31) == date(2024, 12, 31)


def test_a_step_out_of_the_calendar_is_refused() -> None:
    with pytest.raises(UndeterminedError, match="year 9999"):
        step(date(9990, 1, 1), 12 * 9, 1)


def test_a_first_due_date_is_read_as_moved() -> None:
    assert unmoved(date(2025, 10, 9), 4, "following", GOLDEN_WEEK) == date(2025, 10, 4)
    assert unmoved(date(2025, 12, 1), 30, "following", GOLDEN_WEEK) == date(
        2025, 11, 30
    )  # from the month before
    assert unmoved(date(2025, 9, 30), 4, "preceding", GOLDEN_WEEK) == date(
        2025, 10, 4
    )  # from the month after
    assert unmoved(date(2025, 10, 9), 15, "following", GOLDEN_WEEK) == date(
        2025, 10, 9
    )  # another day than the due day
