"""Day counts against published examples, and what each promises."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import get_args

import pytest

from ledger.domain.schedule import DayCount, year_fraction

CONVENTIONS = get_args(DayCount)


@pytest.mark.parametrize(
    ("convention", "start", "end", "part"),
    [
        # ISDA, "EMU and Market Conventions: Recent Developments" (1998), the examples of actual/actual (ISDA).
        ("actual/actual", "2003-11-01", "2004-05-01", Fraction(61, 365) + Fraction(121, 366)),
        ("actual/actual", "1999-02-01", "1999-07-01", Fraction(150, 365)),
        ("actual/actual", "1999-07-01", "2000-07-01", Fraction(184, 365) + Fraction(182, 366)),
        ("actual/actual", "2002-08-15", "2003-07-15", Fraction(334, 365)),
        ("actual/actual", "1999-11-30", "2000-04-30", Fraction(32, 365) + Fraction(120, 366)),
        # 30E/360: a 31st is a 30th, the end of February is not.
        ("30/360", "2007-01-31", "2007-02-28", Fraction(28, 360)),
        ("30/360", "2007-02-28", "2007-03-31", Fraction(32, 360)),
        ("30/360", "2007-01-30", "2007-01-31", Fraction(0)),
        ("30/360", "2007-05-31", "2008-05-31", Fraction(1)),
        ("actual/360", "2028-02-01", "2028-03-01", Fraction(29, 360)),
        ("actual/365", "2028-02-01", "2028-03-01", Fraction(29, 365)),
    ],
)
def test_published_examples(convention: DayCount, start: str, end: str, part: Fraction) -> None:
    assert year_fraction(convention, date.fromisoformat(start), date.fromisoformat(end)) == part


@pytest.mark.parametrize(
    ("start", "end", "due_day", "part"),
    [
        ("2026-01-31", "2026-02-28", 31, Fraction(1, 12)),
        ("2026-02-28", "2026-03-31", 31, Fraction(1, 12)),
        ("2026-02-28", "2026-03-28", 28, Fraction(1, 12)),
        ("2026-02-28", "2026-03-31", 28, Fraction(1, 12) + Fraction(3, 365)),  # the last stub is at the end
        ("2026-01-25", "2026-03-10", 10, Fraction(1, 12) + Fraction(16, 365)),  # the first at the beginning
        ("2026-03-01", "2026-03-10", 10, Fraction(9, 365)),
        ("2026-03-10", "2027-03-10", 10, Fraction(1)),
        ("2026-03-05", "2026-06-20", 10, Fraction(3, 12) + Fraction(15, 365)),  # neither lies on the due day
    ],
)
def test_a_month_is_a_twelfth(start: str, end: str, due_day: int, part: Fraction) -> None:
    assert year_fraction("1/12", date.fromisoformat(start), date.fromisoformat(end), due_day) == part


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_nothing_lies_between_a_day_and_itself(convention: DayCount) -> None:
    assert year_fraction(convention, date(2028, 2, 29), date(2028, 2, 29)) == 0
