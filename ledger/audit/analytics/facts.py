"""What is averaged over loans, as far as it is determined: rate, annual cost, instalments left, months on book."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import lru_cache

from ledger.audit.analytics.parts import Plan
from ledger.audit.analytics.sums import RATE_SCALE
from ledger.audit.checks.case import Case
from ledger.domain.events.changes import ScheduleChanged
from ledger.domain.events.loans import LoanOpened
from ledger.domain.schedule import Due
from ledger.errors import UndeterminedError


class Facts:
    """The facts of one loan; asked for months in ascending order, while its records are gone through."""

    def __init__(self, case: Case) -> None:
        self._case = case
        terms = case.terms
        rate = terms.current_rate if isinstance(terms, LoanOpened) else terms.annual_rate
        self._rate = scaled(rate) if isinstance(rate, str) else None
        self._plan: tuple[tuple[Due, ...], Plan] | None = None
        self._constant: tuple[int | None, date | None] | None = None

    def change(self, event: ScheduleChanged) -> None:
        """Take a new schedule's rate in, if it has one."""
        if isinstance(event.annual_rate, str):
            self._rate = scaled(event.annual_rate)

    def plan(self, day: int) -> Plan | None:
        """The instalments in force on a day (ordinal); None where they are undetermined."""
        if self._plan is not None and not self._case.life.changes:
            return self._plan[1]
        try:
            plan = self._case.life.plan(date.fromordinal(day))
        except UndeterminedError:
            return None
        if self._plan is None or self._plan[0] is not plan:
            self._plan = (plan, Plan.of(plan))
        return self._plan[1]

    def values(self, day: date) -> list[tuple[str, int]]:
        """(name, value) of all that is determined on a day; rates are scaled to integers."""
        if self._constant is None:
            self._constant = (self._cost(), self._start())
        cost, start = self._constant
        plan, rate = self.plan(day.toordinal()), self._rate
        found = [] if rate is None else [("annual_rate", rate)]
        if cost is not None:
            found.append(("annual_cost", cost))
        if plan is not None:
            found.append(("remaining_instalments", plan.left(day.toordinal())))
        if start is not None:
            found.append(("months_on_book", _whole_months(start, day)))
        return found

    def _cost(self) -> int | None:
        try:
            return scaled(str(self._case.annual_cost))
        except UndeterminedError:
            return None

    def _start(self) -> date | None:
        try:
            return self._case.life.payout[1]
        except UndeterminedError:
            return None


@lru_cache(maxsize=8_192)
def scaled(rate: str) -> int:
    """A decimal of at most twelve digits after the point as an integer."""
    return int(Decimal(rate) * RATE_SCALE)


def _whole_months(start: date, day: date) -> int:
    return (day.year - start.year) * 12 + day.month - start.month - (day.day < start.day)
