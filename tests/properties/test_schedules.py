"""What every plan keeps, and that the slow oracle finds the same one."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st

from ledger.domain import money
from ledger.domain.events.terms import Terms
from ledger.domain.schedule import Due, annual_cost, costs_more, instalments, planned_flows, year_fraction
from ledger.errors import UndeterminedError
from tests.oracles import schedules as oracle

CURRENCIES = st.sampled_from(["CNY", "JPY", "KWD"])
RATES = st.sampled_from(["0", "0.0001", "0.0385", "0.108", "0.24", "0.3599", "1.5"])
DAYS = st.dates(date(2023, 1, 1), date(2032, 12, 31))
#: Among the days around the turns of the year, so that they often lie on due dates.
HOLIDAYS = st.lists(st.dates(date(2027, 12, 20), date(2028, 1, 20)).map(str), max_size=9, unique=True)


@st.composite
def loans(draw: st.DrawFn, **fixed: Any) -> tuple[dict[str, Any], str, str]:
    """(terms, principal, day of payout)."""
    currency = draw(CURRENCIES)
    start = draw(DAYS)
    first = oracle.month_later(start, draw(st.integers(0, 3)), draw(st.integers(1, 31)))
    assume(first >= start)
    count = fixed.get("instalments") or draw(st.integers(1, 8))
    terms = {
        "currency": currency,
        "amortisation": draw(st.sampled_from(["annuity", "linear", "bullet"])),
        "annual_rate": draw(RATES),
        "day_count": draw(st.sampled_from(["30/360", "actual/360", "actual/365", "actual/actual", "1/12"])),
        "instalments": count,
        "first_due": first.isoformat(),
        "rounding": draw(st.sampled_from(["half_up", "half_even", "down", "up"])),
        "residual": draw(st.sampled_from(["first", "last"])),
        "business_days": draw(st.sampled_from(["none", "following", "modified_following", "preceding"])),
        "holidays": draw(HOLIDAYS),
        "workdays": draw(HOLIDAYS),
        **draw(st.fixed_dictionaries({}, optional={"due_day": st.integers(1, 31)})),
        **({"interest_only": draw(st.integers(1, count - 1))} if count > 1 and draw(st.booleans()) else {}),
        **fixed,
    }
    units = draw(st.integers(1, 10 ** (6 + oracle.MINOR[currency])))
    return terms, money.format(units * 10 ** (8 - oracle.MINOR[currency]), currency), start.isoformat()


def derived(terms: dict[str, Any], principal: str, start: str) -> tuple[Due, ...]:
    claims = [{"claim": "1", "creditor": "lender", "share": 1_000_000}]
    read = msgspec.convert({**terms, "claims": claims}, Terms)
    units = money.parse(principal, terms["currency"])
    try:
        return instalments(read, principal=units, start=date.fromisoformat(start))
    except UndeterminedError as error:
        # A first period so long that the level instalment does not cover its interest, or a first due date that
        # moves to before the payout or onto the second.
        if error.field not in {"data.amortisation", "data.first_due", "data.business_days"}:
            raise
        reject()


@given(loans())
def test_what_every_plan_keeps(loan: tuple[dict[str, Any], str, str]) -> None:
    terms, principal, start = loan
    plan = derived(*loan)
    unit = 10 ** (8 - oracle.MINOR[terms["currency"]])
    assert [due.number for due in plan] == list(range(1, terms["instalments"] + 1))
    assert all(a.date < b.date for a, b in pairwise(plan))
    assert plan[0].date >= date.fromisoformat(start)
    assert sum(due.principal for due in plan) == money.parse(principal, terms["currency"])
    assert all(amount >= 0 and amount % unit == 0 for due in plan for amount in (due.principal, due.interest))
    if terms["annual_rate"] == "0":
        assert not any(due.interest for due in plan)
    assert not any(due.principal for due in plan[: terms.get("interest_only", 0)])


@given(loans())
def test_the_oracle_finds_the_same_plan(loan: tuple[dict[str, Any], str, str]) -> None:
    plan = derived(*loan)
    assert [[due.number, due.date, due.principal, due.interest, due.fee] for due in plan] == [
        [number, day, *(amount * money.UNIT for amount in amounts)]
        for number, day, *amounts in oracle.plan(*loan)
    ]


@given(loans(amortisation="annuity"))
def test_only_the_named_instalment_differs(loan: tuple[dict[str, Any], str, str]) -> None:
    plan = derived(*loan)[loan[0].get("interest_only", 0) :]
    if loan[0]["residual"] == "last":
        levels, last = [due.total for due in plan[:-1]], plan[-1].total
        # The level is paid until the balance is; an instalment that is rounded up may end the loan early.
        assert all(a >= b for a, b in pairwise(levels))
        assert len(set(levels)) <= 1 or last == 0
    elif len(plan) > 2:
        assert plan[-1].total <= max(due.total for due in plan[1:-1]) or plan[0].principal == sum(
            due.principal for due in plan
        )


@given(loans(annual_rate="0"))
def test_without_interest_annuity_and_linear_are_one(loan: tuple[dict[str, Any], str, str]) -> None:
    terms, principal, start = loan
    annuity = derived({**terms, "amortisation": "annuity"}, principal, start)
    assert annuity == derived({**terms, "amortisation": "linear"}, principal, start)


@given(loans(holidays=[], workdays=[]))
def test_the_calendar_repeats_every_400_years(loan: tuple[dict[str, Any], str, str]) -> None:
    def later(day: str) -> str:
        return f"{int(day[:4]) + 400}{day[4:]}"

    terms, principal, start = loan
    plan = derived(*loan)
    moved = derived({**terms, "first_due": later(terms["first_due"])}, principal, later(start))
    for due, other in zip(plan, moved, strict=True):
        assert (due.principal, due.interest, later(due.date.isoformat())) == (
            other.principal,
            other.interest,
            other.date.isoformat(),
        )


@given(st.integers(1, 36), RATES, st.sampled_from(["annuity", "linear", "bullet"]))
def test_the_cost_of_a_plan_without_fees_is_its_rate(count: int, rate: str, amortisation: str) -> None:
    terms = {
        "currency": "CNY", "amortisation": amortisation, "annual_rate": rate, "day_count": "1/12", "instalments": count,
        "first_due": "2026-02-28", "due_day": 31, "rounding": "half_even", "residual": "last",
    }  # fmt: skip
    start = date(2026, 1, 31)
    plan = derived(terms, "5000000.00", start.isoformat())
    cost = annual_cost(planned_flows(plan, principal=5 * 10**14, start=start), "irr_monthly_x12")
    assert abs(cost - Decimal(rate)) < Decimal("1e-6")  # what rounding 5 million to the cent can do


@given(
    st.lists(st.tuples(st.integers(1, 900), st.integers(1, 10**12)), min_size=1, max_size=12),
    st.integers(1, 10**13),
)
def test_the_flows_balance_at_their_cost(payments: list[tuple[int, int]], lent: int) -> None:
    start = date(2026, 1, 1)
    flows = [(start, lent), *((date.fromordinal(start.toordinal() + days), -paid) for days, paid in payments)]
    try:
        cost = annual_cost(flows, "effective")
    except UndeterminedError as error:
        if "an annual cost above" not in str(error):
            raise
        return

    def worth(growth: Decimal) -> Decimal:
        by_months = all(day.day == 1 for day, _ in flows)
        return sum(
            amount * growth ** -(Decimal((day - start).days) / 365 if not by_months
                                 else Decimal(day.year * 12 + day.month - 2026 * 12 - 1) / 12)
            for day, amount in flows
        )  # fmt: skip

    with localcontext() as context:
        context.prec = 60
        half = Decimal("0.5e-12")
        above = worth(1 + cost + half + half / 1000)
        below = worth(1 + cost - half - half / 1000) if 1 + cost > half * 2 else Decimal(-1)
        assert above > 0 > below


@given(st.lists(DAYS, min_size=3, max_size=3))
def test_calendar_days_add_up(days: list[date]) -> None:
    first, middle, last = sorted(days)
    for convention in ("actual/360", "actual/365", "actual/actual"):
        whole = year_fraction(convention, first, last)
        assert whole == year_fraction(convention, first, middle) + year_fraction(convention, middle, last)
    assert abs(year_fraction("30/360", first, last) - Fraction((last - first).days, 365)) < Fraction(1, 50)


@settings(max_examples=25)
@given(loans(amortisation="annuity", residual="first", instalments=40))
def test_the_least_first_instalment_is_found_in_long_plans(loan: tuple[dict[str, Any], str, str]) -> None:
    plan = derived(*loan)
    assert [due.principal for due in plan] == [line[2] * money.UNIT for line in oracle.plan(*loan)]


@given(loans(), st.sampled_from(["irr_monthly_x12", "effective"]), st.decimals("0", "3", places=4))
def test_whether_a_cost_is_above_a_cap_is_what_the_cost_says(
    loan: tuple[dict[str, Any], str, str], measure: Any, cap: Decimal
) -> None:
    terms, principal, start = loan
    flows = [
        (date.fromisoformat(start), money.parse(principal, terms["currency"])),
        *((day, -units) for day, units in _payments(terms, principal, start)),
    ]
    try:
        cost = annual_cost(flows, measure)
    except UndeterminedError:
        with pytest.raises(UndeterminedError):
            costs_more(flows, measure, cap)
        return
    assert costs_more(flows, measure, cap) == (cost > cap)


def _payments(terms: dict[str, Any], principal: str, start: str) -> list[tuple[date, int]]:
    """Payments that a plan of these terms would have, or others of the same length."""
    units, count = money.parse(principal, terms["currency"]), terms.get("instalments") or 3
    day = date.fromisoformat(start)
    return [(oracle.month_later(day, n, day.day), units // count + n) for n in range(1, count + 1)]
