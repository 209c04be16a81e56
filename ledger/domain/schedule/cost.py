"""The all-in annual cost of a loan: the rate at which what the borrower pays is worth what he got.

The flows are those between the borrower and all payees together (lender, guarantor, platform), dated, in units of
1e-8; one sign is to the borrower, the other from him. The rate is that of one step of time, ``i`` in ::

    Σ amount_j · (1 + i)^(−steps_j) = 0

Where every flow lies whole months after the first (month ends cut to the month's length), a step is a month, and

- ``irr_monthly_x12`` is ``12 · i``, the internal rate of return (内部收益率) as a nominal annual rate;
- ``effective`` is ``(1 + i)^12 − 1``, the annual percentage rate of Directive 2008/48/EC, annex I.

Otherwise a step is a day, 365 of them a year: ``effective`` is ``(1 + i)^365 − 1`` (what spreadsheets call XIRR),
and the monthly rate in the other measure is ``(1 + i)^(365/12) − 1``, so that the two keep their relation.

Results are rounded to :data:`DIGITS` digits after the point, half to even; all digits are right.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import Final, Literal

from ledger.domain.schedule.plan import Due
from ledger.domain.schedule.workdays import months_between, on_anchor
from ledger.errors import UndeterminedError

Measure = Literal["irr_monthly_x12", "effective"]

#: Digits of a result after the point: a hundred-millionth of a basis point, far below any cap's precision.
DIGITS: Final = 12
#: Significant digits of the computation: amounts have 19, powers of up to 36,500 days cost 5 more, the rest is
#: room for the last digit of the result to be right.
PRECISION: Final = 38
_CONTEXT: Final = Context(prec=PRECISION)
#: The discount is found when a turn moves it by no more than this part of it.
_ENOUGH: Final = Decimal(1).scaleb(-30)
#: Costs above this are no annual rates of anything: a day's loan repaid twice over costs 10^109.
_MOST: Final = Decimal(10) ** 12
_DAYS: Final = 365
#: Newton doubles the right digits at each turn; bisection alone needs one turn for each bit of the precision.
_TURNS: Final = 400


def planned_flows(plan: Iterable[Due], *, principal: int, start: date) -> list[tuple[date, int]]:
    """The flows of a loan that is paid as planned: ``principal`` to the borrower on ``start``, then his payments."""
    return [(start, principal), *((due.date, -due.total) for due in plan)]


def annual_cost(flows: Iterable[tuple[date, int]], measure: Measure) -> Decimal:
    """The annual cost by ``measure``, as a decimal fraction (0.24 is 24 %).

    Raises :class:`UndeterminedError` where no rate solves the flows, or where more than one might.
    """
    steps, amounts, year = _stepped(flows)
    return _annual(steps, amounts, year, measure)


def costs_more(flows: Iterable[tuple[date, int]], measure: Measure, cap: Decimal) -> bool:
    """Whether the annual cost is above ``cap``: one look at what the flows are worth there, not a search.

    Raises :class:`UndeterminedError` as :func:`annual_cost` does.
    """
    steps, amounts, year = _stepped(flows)
    _check_one_rate(amounts)
    if measure == "irr_monthly_x12" and year == 12:
        return _worth_less(steps, amounts, 1 + Fraction(cap) / 12)
    with localcontext(_CONTEXT):
        growth = 1 + cap / 12 if measure == "irr_monthly_x12" else (1 + cap) ** (Decimal(1) / year)
        if measure == "irr_monthly_x12" and year != 12:
            growth **= Decimal(12) / year
        discount = 1 / growth
        power, worth = Decimal(1), Decimal(0)
        factors: dict[int, Decimal] = {}
        for gap, amount in zip(_gaps(steps), amounts, strict=True):
            factor = factors.get(gap)
            if factor is None:
                factor = factors[gap] = discount**gap
            power *= factor
            worth += amount * power
        return worth < 0


def _worth_less(steps: tuple[int, ...], amounts: tuple[int, ...], growth: Fraction) -> bool:
    """Whether the flows are worth less than nothing where an amount grows by a ratio at each step; in integers."""
    up, down = growth.numerator, growth.denominator
    worth, scale = 0, 1
    for gap, amount in zip(_gaps(steps), amounts, strict=True):
        scale *= down**gap
        worth = worth * up**gap + amount * scale
    return worth < 0


def _gaps(steps: tuple[int, ...]) -> tuple[int, ...]:
    """Steps from each flow to the next: they are few and recur, so their powers are worked out once."""
    return (0, *(after - before for before, after in pairwise(steps)))


def _stepped(flows: Iterable[tuple[date, int]]) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """(steps since the first flow, amounts with the first above zero, steps in a year)."""
    by_day: dict[date, int] = {}
    for day, amount in flows:
        by_day[day] = by_day.get(day, 0) + amount
    dated = sorted((day, amount) for day, amount in by_day.items() if amount)
    if not dated:
        raise UndeterminedError("there are no flows")
    first = dated[0][0]
    sign = 1 if dated[0][1] > 0 else -1
    anchor = max(day.day for day, _ in dated)
    monthly = all(on_anchor(day, anchor) for day, _ in dated)
    steps = tuple(months_between(first, day) if monthly else (day - first).days for day, _ in dated)
    amounts = tuple(sign * amount for _, amount in dated)
    return steps, amounts, 12 if monthly else _DAYS


@lru_cache(maxsize=4_096)
def _annual(steps: tuple[int, ...], amounts: tuple[int, ...], year: int, measure: Measure) -> Decimal:
    _check_one_rate(amounts)
    with localcontext(_CONTEXT):
        growth = _growth(steps, amounts)
        if measure == "effective":
            cost = growth**year - 1
        else:
            monthly = growth if year == 12 else growth ** (Decimal(year) / 12)
            cost = 12 * (monthly - 1)
        if cost > _MOST:
            raise UndeterminedError(f"an annual cost above {_MOST:.0e}")
        return cost.quantize(Decimal(1).scaleb(-DIGITS)) + 0


def _check_one_rate(amounts: tuple[int, ...]) -> None:
    """Raise unless exactly one rate solves the flows.

    With one change of sign there is one rate (Descartes). With more there is still one above zero where the
    running balance changes its sign once and ends on the other side (Norstrøm).
    """
    changes = sum((a > 0) != (b > 0) for a, b in pairwise(amounts))
    if not changes:
        raise UndeterminedError("all flows go one way: there is no rate at which they balance")
    if changes == 1:
        return
    running, balances = 0, []
    for amount in amounts:
        running += amount
        if running:
            balances.append(running)
    if running >= 0 or sum((a > 0) != (b > 0) for a, b in pairwise(balances)) != 1:
        raise UndeterminedError(f"the flows turn {changes} times: more than one rate may balance them")


def _growth(steps: tuple[int, ...], amounts: tuple[int, ...]) -> Decimal:
    """``1 + i``: the inverse of the discount ``v`` at which ``Σ amount_j · v^steps_j`` falls from above to below 0.

    Newton's method, kept between two bounds that enclose the discount; a turn that would leave them, or is not half
    as long as the one before, halves the interval instead.
    """
    profit = -sum(amounts)
    if not profit:
        return Decimal(1)
    worth = _Worth(steps, amounts)
    low, high = Decimal(0), Decimal(1)
    discount = worth.guess()
    if profit < 0:
        low, high = high, 1 + Decimal(1) / steps[-1]
        while worth.at(high)[0] > 0:
            low, high = high, 1 + 2 * (high - 1)
        discount = high
    moved = high - low
    for _ in range(_TURNS):
        value, slope = worth.at(discount)
        turn = value / slope if slope else Decimal("Infinity")
        if abs(turn) <= discount * _ENOUGH:
            break
        low, high = (discount, high) if value > 0 else (low, discount)
        if 2 * abs(turn) > moved or not low < discount - turn < high:
            turn = discount - (low + high) / 2
        moved = abs(turn)
        discount -= turn
    return 1 / discount


class _Worth:
    """``Σ amount_j · v^steps_j`` as a function of ``v``."""

    def __init__(self, steps: tuple[int, ...], amounts: tuple[int, ...]) -> None:
        gaps = _gaps(steps)
        self._terms = [
            (gap, Decimal(amount), Decimal(amount * step))
            for gap, amount, step in zip(gaps, amounts, steps, strict=True)
        ]
        self._gaps = set(gaps)

    def guess(self) -> Decimal:
        """Where the sum would be nothing if the payments grew by simple interest; at most 1."""
        profit = -sum((amount for _, amount, _ in self._terms), Decimal(0))
        weight = -sum((moment for _, _, moment in self._terms), Decimal(0))
        return weight / (weight + profit) if weight > 0 else Decimal(1)

    def at(self, discount: Decimal) -> tuple[Decimal, Decimal]:
        """The sum and its slope."""
        factors = {gap: discount**gap for gap in self._gaps}
        power, value, slope = Decimal(1), Decimal(0), Decimal(0)
        for gap, amount, moment in self._terms:
            power *= factors[gap]
            value += amount * power
            slope += moment * power
        return value, slope / discount
