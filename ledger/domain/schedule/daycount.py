"""Day counts: which part of a year lies between two days, exactly.

Each convention counts whole numbers of a fixed part of the year, its base, so that no fraction is needed on the
way; :func:`year_fraction` gives the quotient. The first day counts, the last does not.

================= ======================================================================== ==================
``30/360``        30E/360: 360·Δyear + 30·Δmonth + Δday, with a 31st taken as the 30th     360
``actual/360``    calendar days                                                            360
``actual/365``    calendar days (Fixed: 365 in leap years too)                             365
``actual/actual`` days in leap years / 366 + days in other years / 365                     365 · 366
``1/12``          a whole month is a twelfth, the days left over count actual/365          12 · 365
================= ======================================================================== ==================

The first four are ISDA 2006 Definitions, section 4.16 (g), (e), (d), (b), and ACTUS's 30E360, A360, A365 and AA.
The fifth is how instalment loans are commonly quoted: the monthly rate is the annual rate / 12.
"""

from __future__ import annotations

from calendar import isleap
from collections.abc import Callable
from datetime import date
from fractions import Fraction
from typing import Final, Literal

from ledger.domain.schedule.workdays import months_between, on_anchor, step

DayCount = Literal["30/360", "actual/360", "actual/365", "actual/actual", "1/12"]


def count(day_count: DayCount, start: date, end: date, anchor: int | None = None) -> int:
    """Parts of the year from ``start`` to ``end`` (not before it), in units of ``1 / BASE[day_count]``.

    ``anchor`` is the day of the month on which instalments are due; only ``1/12`` asks for it, so that from the
    28th of February to the 31st of March is one month where instalments are due on the 31st.
    """
    if day_count == "1/12":
        return _twelfths(start, end, end.day if anchor is None else anchor)
    return _COUNTS[day_count](start, end)


def year_fraction(day_count: DayCount, start: date, end: date, anchor: int | None = None) -> Fraction:
    """What :func:`count` counts, as a part of the year."""
    return Fraction(count(day_count, start, end, anchor), BASE[day_count])


def _thirty(start: date, end: date) -> int:
    return (
        360 * (end.year - start.year) + 30 * (end.month - start.month) + min(end.day, 30) - min(start.day, 30)
    )


def _actual(start: date, end: date) -> int:
    return (end - start).days


def _by_year(start: date, end: date) -> int:
    total = 0
    while start.year < end.year:
        new_year = date(start.year + 1, 1, 1)
        total += (new_year - start).days * _day_of_year(start.year)
        start = new_year
    return total + (end - start).days * _day_of_year(end.year)


def _day_of_year(year: int) -> int:
    """One day of this year in units of 1 / (365 · 366)."""
    return 365 if isleap(year) else 366


def _twelfths(start: date, end: date, anchor: int) -> int:
    """Whole months are counted from the end that lies on the anchor; a first stub is at the beginning."""
    months = months_between(start, end)
    if on_anchor(start, anchor) and not on_anchor(end, anchor):
        if step(start, months, anchor) > end:
            months -= 1
        return months * 365 + (end - step(start, months, anchor)).days * 12
    if not on_anchor(end, anchor):
        anchor = end.day
    if step(end, -months, anchor) < start:
        months -= 1
    return months * 365 + (step(end, -months, anchor) - start).days * 12


#: Units in a year, by convention.
BASE: Final[dict[DayCount, int]] = {
    "30/360": 360,
    "actual/360": 360,
    "actual/365": 365,
    "actual/actual": 365 * 366,
    "1/12": 12 * 365,
}
_COUNTS: Final[dict[DayCount, Callable[[date, date], int]]] = {
    "30/360": _thirty,
    "actual/360": _actual,
    "actual/365": _actual,
    "actual/actual": _by_year,
}
