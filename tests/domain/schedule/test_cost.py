"""Annual costs by known answers, and the flows that have none."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from ledger.domain.schedule import Due, Measure, annual_cost, costs_more, planned_flows
from ledger.domain.schedule.workdays import step
from ledger.errors import UndeterminedError

START = date(1994, 1, 1)


@pytest.mark.parametrize(
    ("paid", "percent"),
    [
        ([(date(1995, 1, 1), 600_00), (date(1996, 1, 1), 600_00)], "13.07"),
        ([(date(1994, 4, 1), 272_00), (date(1994, 7, 1), 272_00), (date(1995, 1, 1), 544_00)], "13.19"),
    ],
)
def test_the_examples_of_equal_months_in_directive_98_7(paid: list[tuple[date, int]], percent: str) -> None:
    # Annex III of Directive 98/7/EC: 1000 lent on 1 January 1994.
    flows = [(START, 1000_00), *((day, -amount) for day, amount in paid)]
    assert round(annual_cost(flows, "effective") * 100, 2) == Decimal(percent)


@pytest.mark.parametrize(("lent", "percent"), [(1000_00, "12.96"), (950_00, "16.90")])
def test_546_days(lent: int, percent: str) -> None:
    # Its first two examples: 1200 is paid 546 days later; in the second 50 are kept for the file. Here the days
    # are such that they are no 18 months.
    flows = [(date(1995, 1, 10), lent), (date(1995, 1, 10) + timedelta(days=546), -1200_00)]
    assert round(annual_cost(flows, "effective") * 100, 2) == Decimal(percent)


def test_the_measures_are_two_views_of_one_monthly_rate() -> None:
    # 12 payments of 1/12 of the price and 1 % of the whole price: what "1 % a month" of instalments costs.
    flows = [(date(2026, 1, 31), 1200_00), *((step(date(2026, 1, 31), i, 31), -112_00) for i in range(1, 13))]
    nominal = annual_cost(flows, "irr_monthly_x12")
    assert round(nominal, 4) == Decimal("0.2146")
    assert abs((1 + nominal / 12) ** 12 - 1 - annual_cost(flows, "effective")) < Decimal("2e-12")


def test_a_cost_that_is_the_cap_is_not_above_it() -> None:
    # Two per cent a month, and a third that no decimal writes out; then the least unit more.
    for cap, lent, due in (
        (Decimal("0.24"), 10**18, 102 * 10**16),
        (Decimal("0.04"), 3 * 10**17, 301 * 10**15),
    ):
        flows = [(START, lent), (step(START, 1, 1), -due)]
        assert not costs_more(flows, "irr_monthly_x12", cap)
        assert costs_more([*flows, (step(START, 1, 1), -1)], "irr_monthly_x12", cap)


def test_days_and_months_agree_over_whole_years() -> None:
    by_days = [
        (date(2026, 1, 1), 100),
        (date(2026, 1, 2), 100),
        (date(2027, 1, 2), -220),
        (date(2027, 1, 1), 0),
    ]
    by_months = [(date(2026, 1, 1), 100), (date(2027, 1, 1), -110)]
    assert annual_cost(by_months, "effective") == Decimal("0.1")
    assert annual_cost(by_days, "effective") < Decimal("0.1001")


def test_the_cost_of_a_plan_counts_what_all_payees_get() -> None:
    plan = [Due(0, START, 0, 0, 20), Due(1, date(1995, 1, 1), 1000, 100, 0)]
    flows = planned_flows(plan, principal=1000, start=START)
    assert flows == [(START, 1000), (START, -20), (date(1995, 1, 1), -1100)]
    assert round(annual_cost(flows, "effective"), 6) == Decimal("0.122449")  # 1100 / 980


def test_order_and_sides_do_not_matter() -> None:
    flows = [(START, 1000), (date(1994, 3, 7), -600), (date(1995, 1, 1), -600)]
    cost = annual_cost(flows, "effective")
    assert annual_cost(reversed(flows), "effective") == cost
    assert annual_cost([(day, -amount) for day, amount in flows], "effective") == cost
    assert annual_cost([(day, 10**9 * amount) for day, amount in flows], "effective") == cost


@pytest.mark.parametrize("measure", ["irr_monthly_x12", "effective"])
def test_a_free_loan_costs_nothing_and_a_lost_one_less(measure: Measure) -> None:
    assert str(annual_cost([(START, 100), (date(1994, 2, 9), -100)], measure)) == "0E-12"
    assert -1 < annual_cost([(START, 100), (date(1994, 6, 1), -99)], "effective") < 0


def test_a_second_payout_is_one_loan_as_long_as_the_balance_turns_once() -> None:
    flows = [(START, 300), (date(1994, 2, 1), -50), (date(1994, 3, 1), 200), (date(1994, 9, 1), -500)]
    assert 0 < annual_cost(flows, "effective") < 1


@pytest.mark.parametrize(
    ("flows", "reason"),
    [
        ([], "no flows"),
        ([(START, 0)], "no flows"),
        ([(START, 100)], "one way"),
        ([(START, 100), (date(1994, 2, 1), 100)], "one way"),
        ([(START, 100), (date(1994, 2, 1), -230), (date(1994, 3, 1), 132)], "more than one rate"),
        (
            [(START, 100), (date(1994, 2, 1), -90), (date(1994, 3, 1), 10), (date(1994, 4, 1), -5)],
            "more than one rate",
        ),
        ([(START, 1), (date(1994, 1, 2), -9)], "above"),
    ],
)
def test_flows_without_one_cost(flows: list[tuple[date, int]], reason: str) -> None:
    with pytest.raises(UndeterminedError, match=reason):
        annual_cost(flows, "effective")
