"""The plan of instalments of a loan, rounded to the currency as its terms say.

Interest of an instalment is the outstanding principal times the annual rate times the part of the year since the
instalment before, rounded; its principal follows from the amortisation. Principal sums exactly to what was paid
out. Where the terms leave open what the plan needs, :class:`UndeterminedError` names the member.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec
from msgspec import UnsetType

from ledger.domain import money
from ledger.domain.schedule import reading
from ledger.domain.schedule.amortise import Redeem, annuity, level, linear, repay
from ledger.domain.schedule.periods import Periods, periods
from ledger.domain.schedule.planterms import PlanTerms, Residual
from ledger.domain.schedule.rounding import minor_unit, quantiser

if TYPE_CHECKING:
    from ledger.domain.events.terms import Instalment, Terms


class Due(msgspec.Struct, frozen=True, gc=False):
    """One instalment: what falls due on ``date``, in units of 1e-8. Number 0 are fees on the day of payout."""

    number: int
    date: date
    principal: int
    interest: int
    fee: int = 0

    @property
    def total(self) -> int:
        """What the borrower is to pay on that day."""
        return self.principal + self.interest + self.fee


def instalments(terms: Terms, *, principal: int, start: date) -> tuple[Due, ...]:
    """The whole plan of a loan whose ``principal`` (units of 1e-8) is paid out on ``start``.

    Raises :class:`UndeterminedError` with the member and the reason where the terms do not determine it.
    """
    if terms.amortisation == "explicit":
        plan = explicit(terms, principal=principal, start=start)
    else:
        plan = derive(PlanTerms.of(terms), principal=principal, start=start)
    upfront = reading.fees(terms, "upfront")
    if not upfront:
        return plan
    rounding = None if isinstance(terms.rounding, UnsetType) else terms.rounding
    # Once, and not for a time: the rate is of the principal, not a year.
    quantise = quantiser(rounding, terms.currency)
    fee = sum(
        each.amount + quantise(principal * each.rate.numerator, each.rate.denominator) for each in upfront
    )
    return (Due(0, start, 0, 0, fee), *plan)


def explicit(terms: Terms, *, principal: int, start: date) -> tuple[Due, ...]:
    """The plan that the terms list line by line, fees among them; due dates are as they stand there."""
    lines = reading.given(terms.plan, "plan")
    if not isinstance(terms.instalments, UnsetType) and terms.instalments != len(lines):
        reading.undetermined("plan", f"lists {len(lines)} of {terms.instalments} instalments")
    plan = listed(lines, terms.currency, member="plan")
    if plan and plan[0].date < start:
        reading.undetermined(
            "plan[0].due", f"{plan[0].date} is before {start}, when the principal is paid out"
        )
    total = sum(due.principal for due in plan)
    if total != principal:
        reading.undetermined(
            "plan",
            f"the principal of all lines is {money.format(total, terms.currency)}, "
            f"and {money.format(principal, terms.currency)} is to be repaid",
        )
    return plan


def listed(lines: Sequence[Instalment], currency: str, *, member: str, number: int = 1) -> tuple[Due, ...]:
    """Instalments as an event lists them in ``data.<member>``, the first numbered ``number``."""
    plan: list[Due] = []
    for i, line in enumerate(lines):
        path = f"{member}[{i}]"
        due = reading.day(line.due, f"{path}.due")
        if plan and due <= plan[-1].date:
            reading.undetermined(f"{path}.due", f"{due} is not after the line before")
        units = [
            0 if isinstance(text, UnsetType) else money.parse(text, currency, f"data.{path}")
            for text in (line.principal, line.interest, line.fee)
        ]
        plan.append(Due(number + i, due, *units))
    return tuple(plan)


@lru_cache(
    maxsize=1_024
)  # a loan's plan is asked for on several days, and loans of one day and product share theirs
def derive(terms: PlanTerms, *, principal: int, start: date) -> tuple[Due, ...]:
    """The plan of an annuity, linear or bullet loan. Raises :class:`UndeterminedError`."""
    if principal < 0:
        raise ValueError("a plan repays a principal; this one is negative")
    fees = terms.fees
    needs_time = terms.rate.numerator or any(fee.rate.numerator for fee in fees)
    if needs_time and terms.day_count is None:
        reading.missing("day_count")
    time = periods(terms.due, terms.day_count if needs_time else None, start)
    rows = _Repayment(terms, time, principal).rows()
    charged = _fees(terms, time, principal, rows) if fees else (0,) * len(rows)
    return tuple(
        Due(number, due, redeemed, interest, fee)
        for number, due, (interest, redeemed), fee in zip(
            range(terms.number, terms.number + len(rows)), time.dates, rows, charged, strict=True
        )
    )


Rows = list[tuple[int, int]]


class _Repayment:
    """A principal repaid by terms, each amount rounded as it falls due."""

    def __init__(self, terms: PlanTerms, time: Periods, principal: int) -> None:
        self.principal = principal
        self.residual = terms.residual
        self.amortisation = terms.amortisation
        self.first = terms.interest_only
        self.last = terms.due.instalments - 1
        self.weights, self.scale = time.weights(terms.rate)
        self.quantise = quantiser(terms.rounding, terms.currency)
        self.unit = minor_unit(terms.currency)

    def rows(self) -> Rows:
        """(interest, principal) of each instalment."""
        if self.amortisation == "bullet":
            return self._repay(linear(0, first=self.last, last=self.last))
        if self.amortisation == "linear":
            return self._linear()
        return self._annuity()

    def _repay(self, redeem: Redeem[int]) -> Rows:
        return list(repay(self.principal, self.weights, self.scale, quantise=self.quantise, redeem=redeem))

    def _linear(self) -> Rows:
        parts = self.last - self.first + 1
        share = self.quantise(self.principal, parts)
        opening = None
        if share * parts != self.principal and self._residual() == "first":
            opening = max(0, self.principal - share * (parts - 1))
        return self._repay(linear(share, first=self.first, last=self.last, opening=opening))

    def _annuity(self) -> Rows:
        factor = level(self.weights[self.first :], self.scale)
        instalment = self.quantise(self.principal * factor.numerator, factor.denominator)

        def plan(extra: int | None) -> Rows:
            return self._repay(annuity(instalment, first=self.first, last=self.last, extra=extra))

        rows = plan(None)
        if self.first == self.last or sum(rows[-1]) == instalment or self._residual() == "last":
            return rows
        # The first instalment takes the least more (or the most less) that keeps the last from being above the
        # level one. Whole minor units, after what the principal itself has below them.
        below = self.principal % self.unit
        floor = -((instalment - rows[self.first][0] + below) // self.unit)
        guess = (sum(rows[-1]) - instalment) // self.unit
        extra = least(floor, guess, lambda k: sum(plan(below + k * self.unit)[-1]) <= instalment)
        return plan(below + extra * self.unit)

    def _residual(self) -> Residual:
        if self.residual is None:
            reading.undetermined("residual", "not given, and the instalments do not sum to the principal")
        return self.residual


def least(floor: int, guess: int, holds: Callable[[int], bool]) -> int:
    """The least integer from ``floor`` on that ``holds``, where all greater ones hold too; sought from a guess."""
    high, span = max(floor, guess), 1
    low = high
    if holds(high):
        while True:
            if high == floor:
                return floor
            low = max(floor, high - span)
            if not holds(low):
                break
            high, span = low, 2 * span
    else:
        while not holds(high := low + span):
            low, span = high, 2 * span
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _fees(terms: PlanTerms, time: Periods, principal: int, rows: Rows) -> list[int]:
    """What all fees come to in each instalment, each fee rounded for itself: payees differ."""
    quantise = quantiser(terms.rounding, terms.currency)
    fixed = sum(fee.amount for fee in terms.fees)
    rates = [time.weights(fee.rate) for fee in terms.fees if fee.rate.numerator]
    charged, outstanding = [], principal
    for i, (_, redeemed) in enumerate(rows):
        charged.append(fixed + sum(quantise(outstanding * parts[i], scale) for parts, scale in rates))
        outstanding -= redeemed
    return charged
