"""Business days, and the steps from month to month that due dates take.

A weekday is a business day unless it is among the holidays; a Saturday or Sunday is none unless it is among the
workdays (调休: worked at a weekend for a long holiday). A step of months lands on the anchor day, or on the last
day of a month that is too short for it, and the next step starts from the anchor again: 31 January, 28 February,
31 March.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Final, Literal

from ledger.errors import UndeterminedError

Rule = Literal["none", "following", "modified_following", "preceding"]

#: Days that a due date may move: far longer than any holiday, so more of them is a wrong calendar.
MAX_SHIFT: Final = 31
#: The last year in which a plan may end; ``date`` knows none after 9999, and a shift needs some room.
LAST_YEAR: Final = 9_998

_DAY: Final = timedelta(days=1)
_SATURDAY: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Workdays:
    """A calendar: ``holidays`` are no business days beside the weekends, ``worked`` are in spite of them."""

    holidays: frozenset[date] = frozenset()
    worked: frozenset[date] = frozenset()

    def is_business_day(self, day: date) -> bool:
        """Whether business is done on ``day``. A day in both sets is a holiday."""
        if day in self.holidays:
            return False
        return day.weekday() < _SATURDAY or day in self.worked

    def adjust(self, day: date, rule: Rule) -> date:
        """The business day that ``rule`` takes in place of ``day``.

        Following: the next one; modified following: the next one, but the one before where that is in another
        month; preceding: the one before. Raises :class:`UndeterminedError` where there is none near.
        """
        if rule == "none" or self.is_business_day(day):
            return day
        if rule == "preceding":
            return self._next(day, -_DAY)
        moved = self._next(day, _DAY)
        if rule == "modified_following" and moved.month != day.month:
            return self._next(day, -_DAY)
        return moved

    def _next(self, day: date, step: timedelta) -> date:
        for _ in range(MAX_SHIFT):
            day += step
            if self.is_business_day(day):
                return day
        raise UndeterminedError(
            f"no business day within {MAX_SHIFT} days of a due date", field="data.holidays"
        )


#: Monday to Friday, without holidays.
WEEKDAYS: Final = Workdays()


def step(origin: date, months: int, anchor: int) -> date:
    """The day ``anchor`` of the month that is ``months`` after that of ``origin``, cut to the month's length."""
    index = origin.year * 12 + origin.month - 1 + months
    year, month = divmod(index, 12)
    if not 1 <= year <= LAST_YEAR:
        raise UndeterminedError(f"a due date in the year {year}", field="data.first_due")
    if anchor > 28:
        anchor = min(anchor, monthrange(year, month + 1)[1])
    return date(year, month + 1, anchor)


@lru_cache(maxsize=4_096)
def unmoved(first: date, anchor: int, rule: Rule, workdays: Workdays) -> date:
    """The first due date before any move: the day ``anchor`` that ``first`` is or was moved from, else ``first``."""
    for months in (0, -1, 1):
        nominal = step(first, months, anchor)
        if workdays.adjust(nominal, rule) == first:
            return nominal
    return first


def on_anchor(day: date, anchor: int) -> bool:
    """Whether ``day`` is the anchor day of its month."""
    return day == step(day, 0, anchor)


def months_between(start: date, end: date) -> int:
    """Difference of the two days' months, whatever the days."""
    return (end.year - start.year) * 12 + end.month - start.month
