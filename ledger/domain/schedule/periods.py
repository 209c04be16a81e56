"""When instalments fall due, and how long the periods between them count."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from itertools import pairwise
from typing import Final, NamedTuple

from ledger.domain.schedule import daycount
from ledger.domain.schedule.daycount import DayCount
from ledger.domain.schedule.reading import Ratio
from ledger.domain.schedule.workdays import WEEKDAYS, Rule, Workdays, step
from ledger.errors import UndeterminedError

MATURITY: Final = "data.maturity"


class Periods(NamedTuple):
    """One period for each instalment: its due date, and the parts of a year in it, of which a year has ``base``.

    Without a day count the parts are 0: nothing depends on time.
    """

    dates: tuple[date, ...]
    parts: tuple[int, ...]
    base: int

    def weights(self, rate: Ratio) -> tuple[tuple[int, ...], int]:
        """(weights, scale): in period *i* an amount bears ``weights[i] / scale`` of itself at this annual rate."""
        numerator, denominator = rate
        return tuple([numerator * part for part in self.parts]), denominator * self.base


class DueDays(NamedTuple):
    """What due dates follow from: ``instalments`` of them, monthly, each moved by ``rule`` to a business day.

    The first is ``first``, each later one the day ``anchor`` of the next month. A ``maturity`` that is another
    day, within a month of the last of them, stands in its place: a last period shorter or longer than a month.
    """

    first: date
    anchor: int
    instalments: int
    maturity: date | None = None
    rule: Rule = "none"
    workdays: Workdays = WEEKDAYS

    def dates(self) -> tuple[tuple[date, ...], tuple[date, ...]]:
        """(the dates before any move, the dates moved). Raises :class:`UndeterminedError`."""
        nominal = [self.first, *(step(self.first, i, self.anchor) for i in range(1, self.instalments))]
        last, maturity = nominal[-1], self.maturity
        if maturity is not None and maturity not in (last, self.workdays.adjust(last, self.rule)):
            if self.instalments == 1:
                raise UndeterminedError(
                    f"the only instalment is due on {last}, not on {maturity}", field=MATURITY
                )
            if not nominal[-2] < maturity < step(last, 1, self.anchor):
                raise UndeterminedError(
                    f"by first_due and instalments the last is due on {last}, a month or more from {maturity}",
                    field=MATURITY,
                )
            nominal[-1] = maturity
        moved = tuple([self.workdays.adjust(day, self.rule) for day in nominal])
        for day, later in pairwise(moved):
            if day >= later:
                raise UndeterminedError(f"two instalments are due on {day}", field="data.business_days")
        return tuple(nominal), moved


@lru_cache(maxsize=4_096)  # the loans of a pool share few products and days
def periods(due: DueDays, day_count: DayCount | None, start: date) -> Periods:
    """The periods of a plan whose principal is paid out on ``start``.

    A moved due date moves the end of its period with it, but for ``1/12``, where a month is a month.
    """
    nominal, moved = due.dates()
    if min(nominal[0], moved[0]) < start:
        raise UndeterminedError(
            f"{min(nominal[0], moved[0])} is before {start}, when the principal is paid out",
            field="data.first_due",
        )
    if day_count is None:
        return Periods(moved, (0,) * due.instalments, 1)
    ends = nominal if day_count == "1/12" else moved
    parts = tuple([daycount.count(day_count, a, b, due.anchor) for a, b in pairwise((start, *ends))])
    return Periods(moved, parts, daycount.BASE[day_count])
