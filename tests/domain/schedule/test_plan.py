"""Plans of instalments: worked examples, and what every plan keeps."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ledger.domain import money
from ledger.domain.events.terms import Instalment, Terms
from ledger.domain.schedule import Due, PlanTerms, derive, instalments, listed
from ledger.domain.schedule.plan import least
from ledger.errors import UndeterminedError

TERMS: dict[str, Any] = {
    "currency": "CNY", "annual_rate": "0.108", "amortisation": "annuity", "instalments": 12, "day_count": "1/12",
    "first_due": "2026-04-03", "rounding": "half_up", "residual": "last",
    "claims": [{"claim": "1", "creditor": "lender", "share": 1_000_000}],
}  # fmt: skip
START = date(2026, 3, 3)


def plan(principal: str = "12000.00", **changes: Any) -> tuple[Due, ...]:
    members = {name: value for name, value in {**TERMS, **changes}.items() if value is not None}
    terms = msgspec.convert(members, Terms)
    terms.check_terms()
    return instalments(terms, principal=money.parse(principal, terms.currency), start=START)


def shown(due: Due, currency: str = "CNY") -> tuple[str, ...]:
    return tuple(money.format(units, currency) for units in (due.principal, due.interest, due.fee, due.total))


def test_level_instalments() -> None:
    # 12000 · m (1 + m)^12 / ((1 + m)^12 − 1) with m = 0.9 % is 1059.4570…
    found = plan()
    assert [due.number for due in found] == list(range(1, 13))
    assert [shown(due)[3] for due in found] == ["1059.46"] * 11 + ["1059.49"]
    assert shown(found[0]) == ("951.46", "108.00", "0.00", "1059.46")


def test_the_residual_of_level_instalments_can_be_the_firsts() -> None:
    found = plan(residual="first")
    assert [shown(due)[3] for due in found] == ["1059.48"] + ["1059.46"] * 11


def test_equal_parts_of_the_principal() -> None:
    found = plan("1000.00", amortisation="linear", residual="first")
    assert [shown(due)[0] for due in found] == ["83.37"] + ["83.33"] * 11
    assert shown(found[1])[1] == "8.25"  # 0.9 % of 916.63 is 8.24967


def test_interest_only_and_the_principal_at_the_end() -> None:
    found = plan(amortisation="bullet")
    assert [shown(due)[:2] for due in found] == [("0.00", "108.00")] * 11 + [("12000.00", "108.00")]


def test_instalments_from_a_zero_rate_need_no_day_count() -> None:
    found = plan("100.00", annual_rate="0", day_count=None, instalments=3, residual="first")
    assert [shown(due)[:2] for due in found] == [("33.34", "0.00"), ("33.33", "0.00"), ("33.33", "0.00")]


def test_fees_on_the_day_of_payout_are_number_zero() -> None:
    fee = {"name": "entry", "payee": "platform", "when": "upfront", "rate": "0.01", "amount": "5.00"}
    found = plan(fees=[fee])
    assert (found[0].number, found[0].date, found[0].fee) == (0, START, money.parse("125.00", "CNY"))
    assert found[1:] == plan()


def test_a_rate_of_a_fee_is_a_year_and_of_what_is_outstanding() -> None:
    found = plan(
        amortisation="linear", fees=[{"name": "g", "payee": "g", "when": "instalment", "rate": "0.024"}]
    )
    assert [shown(due)[2] for due in found[:3]] == ["24.00", "22.00", "20.00"]


def test_all_instalments_can_be_zero_but_one() -> None:
    found = plan("0.03", rounding="down", annual_rate="0")
    assert [due.total for due in found] == [0] * 11 + [3_000_000]
    found = plan("0.03", rounding="up", annual_rate="0")
    assert [due.total for due in found] == [1_000_000] * 3 + [0] * 9


def test_nothing_paid_out_is_nothing_due() -> None:
    assert [due.total for due in plan("0.00")] == [0] * 12


def test_two_instalments_never_fall_on_one_day() -> None:
    # No business from one due date to the next.
    closed = [f"2027-02-{day:02d}" for day in range(3, 29)] + ["2027-03-01", "2027-03-02"]
    with pytest.raises(UndeterminedError, match="two instalments are due on 2027-03-03") as error:
        plan(business_days="following", holidays=closed)
    assert error.value.field == "data.business_days"


def test_a_derived_plan_is_numbered_as_asked() -> None:
    terms = PlanTerms.of(msgspec.convert(TERMS, Terms))
    found = derive(replace(terms, number=7), principal=10**10, start=START)
    assert [due.number for due in found] == list(range(7, 19))


def test_a_negative_principal_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="negative"):
        derive(PlanTerms.of(msgspec.convert(TERMS, Terms)), principal=-1, start=START)
    with pytest.raises(ValueError, match="explicit"):
        PlanTerms.of(msgspec.convert({**TERMS, "amortisation": "explicit"}, Terms))


def test_a_changed_schedule_is_read_line_by_line() -> None:
    lines = [
        Instalment(due="2026-07-03", principal="50.00", interest="1.00"),
        Instalment(due="2026-08-03", principal="50.00"),
    ]
    found = listed(lines, "CNY", member="instalments", number=4)
    assert [(due.number, due.date.month, *shown(due)[:2]) for due in found] == [
        (4, 7, "50.00", "1.00"),
        (5, 8, "50.00", "0.00"),
    ]
    with pytest.raises(UndeterminedError) as error:
        listed([Instalment(due="2026-07", principal="50.00")], "CNY", member="instalments")
    assert error.value.field == "data.instalments[0].due"


@pytest.mark.parametrize("edge", [-40, -3, 0, 1, 2, 17])
@pytest.mark.parametrize("guess", [-9, 0, 1, 30])
@pytest.mark.parametrize("floor", [-50, -4, 0])
def test_the_least_is_found_from_any_guess(edge: int, guess: int, floor: int) -> None:
    assert least(floor, guess, lambda k: k >= edge) == max(floor, edge)


def test_the_example_of_the_page_is_what_is_derived() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "schedules.md").read_text(encoding="utf-8")
    table = page.partition("residual last:\n")[2].partition("\n##")[0]
    found = plan()
    rows = re.findall(r"^\| (\d+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", table, re.MULTILINE)
    assert len(rows) == 4
    for number, *amounts in rows:
        principal, interest, _, total = shown(found[int(number) - 1])
        assert [principal, interest, total] == amounts
