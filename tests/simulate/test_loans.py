"""What simulated loans say holds together: read from their events alone, by the ledger's own arithmetic."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from ledger.domain import money
from ledger.domain.events.loans import LoanOriginated
from ledger.domain.schedule import Due, annual_cost, instalments, planned_flows
from ledger.simulate import Options
from ledger.simulate.platform import CREDITORS, GRACE_DAYS, POOLS, PRODUCTS
from tests.simulate.running import events

PARTS = ("principal", "interest", "fee")
Loan = list[dict[str, Any]]


@pytest.fixture(scope="module")
def loans() -> dict[str, Loan]:
    """The events of each loan in a year in which many fall behind, every loan on the tapes."""
    found: dict[str, Loan] = defaultdict(list)
    options = Options(loans=700, months=12, scenario="unemployment_shock", report_every=1)
    for event in events(options):
        if event["subject"].startswith("loan:"):
            found[event["subject"]].append(event)
    return found


def units(text: str) -> int:
    return money.parse(text, "CNY")


def of_type(loan: Loan, *kinds: str) -> Loan:
    return [event for event in loan if event["type"] in kinds]


def plan_of(loan: Loan) -> list[Due]:
    """The plan by the terms, with the instalments that changes of schedule replaced."""
    terms = msgspec.convert(loan[0]["data"], LoanOriginated)
    paid_out = of_type(loan, "loan.disbursed")[0]
    start = date.fromisoformat(paid_out["effective"])
    plan = list(instalments(terms, principal=units(paid_out["data"]["amount"]), start=start))
    for change in of_type(loan, "schedule.changed"):
        first = change["data"]["first"]
        plan[first - 1 :] = [
            Due(
                first + i,
                date.fromisoformat(line["due"]),
                *(units(line.get(part, "0.00")) for part in PARTS),
            )
            for i, line in enumerate(change["data"]["instalments"])
        ]
    return plan


def paid_by_instalment(loan: Loan, until: str = "9") -> dict[int, list[int]]:
    """(principal, interest, fee) paid on each instalment, returned payments taken off."""
    paid: dict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
    numbers = {event["id"]: event["data"].get("instalment") for event in loan}
    for event in of_type(loan, "repayment.received", "repayment.reversed"):
        data = event["data"]
        number = data["instalment"] if "instalment" in data else numbers[data["repayment"]]
        if number is None or event["effective"] > until:
            continue
        sign = -1 if event["type"] == "repayment.reversed" else 1
        for i, part in enumerate(PARTS):
            paid[number][i] += sign * units(data["applied"].get(part, "0.00"))
    return paid


def test_what_is_paid_on_an_instalment_is_what_the_terms_ask(loans: dict[str, Loan]) -> None:
    whole = 0
    for loan in loans.values():
        if not of_type(loan, "loan.disbursed"):
            continue
        plan = {due.number: due for due in plan_of(loan)}
        for number, parts in paid_by_instalment(loan).items():
            due = plan[number]
            asked = [due.principal, due.interest, due.fee]
            if of_type(loan, "schedule.changed") and parts != asked:
                continue  # paid before the change, by the plan that it replaced
            assert parts == asked or all(part <= most for part, most in zip(parts, asked, strict=True))
            whole += parts == asked
    assert whole > 2_000


def test_dates_in_terms_are_those_of_the_plan(loans: dict[str, Loan]) -> None:
    for loan in loans.values():
        if of_type(loan, "loan.disbursed"):
            plan = plan_of(loan)
            assert loan[0]["data"]["first_due"] == plan[0].date.isoformat()
            assert loan[0]["data"]["maturity"] == plan[-1].date.isoformat()


def test_each_payment_is_the_sum_of_its_parts(loans: dict[str, Loan]) -> None:
    for loan in loans.values():
        for event in loan:
            if "applied" in event["data"]:
                assert units(event["data"]["amount"]) == sum(map(units, event["data"]["applied"].values()))


def test_a_loan_that_ends_as_paid_has_nothing_left(loans: dict[str, Loan]) -> None:
    ended = 0
    for loan in loans.values():
        if not of_type(loan, "loan.settled", "loan.charged_off", "loan.refunded"):
            continue
        left = units(of_type(loan, "loan.disbursed")[0]["data"]["amount"])
        for event in loan:
            data = event["data"]
            if event["type"] == "loan.charged_off":
                left -= units(data["amount"])
            elif event["type"] == "guarantor.compensated":
                left -= sum(units(claim["applied"]["principal"]) for claim in data["claims"])
            elif "applied" in data:
                sign = -1 if event["type"] == "repayment.reversed" else 1
                left -= sign * units(data["applied"].get("principal", "0.00"))
        assert left == 0, loan[0]["id"]
        ended += 1
    assert ended > 200


def test_tapes_tell_the_truth(loans: dict[str, Loan]) -> None:
    """Balance and days past due, derived from the borrower's payments, for every loan on every tape."""
    late = 0
    for loan in loans.values():
        for report in of_type(loan, "balance.reported"):
            day = report["effective"]
            changes = of_type(loan, "schedule.changed")
            plan = plan_of([event for event in loan if event["effective"] <= day or event not in changes])
            paid = paid_by_instalment(loan, day)
            unpaid = [
                due.date for due in plan
                if due.date.isoformat() < day and paid[due.number] != [due.principal, due.interest, due.fee]
                and not any(change["data"]["first"] > due.number for change in changes)
            ]  # fmt: skip
            days = (date.fromisoformat(day) - min(unpaid)).days if unpaid else 0
            days = days if days > GRACE_DAYS else 0
            assert report["data"]["days_past_due"] == days, report["id"]
            late += days > 0
    assert late > 30


def test_the_whole_cost_stays_below_the_cap(loans: dict[str, Loan]) -> None:
    cap = Decimal(POOLS[0].created()["rules"]["eligibility"]["annual_cost_max"])
    highest = Decimal(0)
    for loan in loans.values():
        if not of_type(loan, "loan.disbursed") or of_type(loan, "schedule.changed"):
            continue
        paid_out = of_type(loan, "loan.disbursed")[0]
        start = date.fromisoformat(paid_out["effective"])
        flows = planned_flows(plan_of(loan), principal=units(paid_out["data"]["amount"]), start=start)
        flows += [
            (start, -units(event["data"]["amount"]))
            for event in of_type(loan, "fee.charged")
            if event["data"]["component"] == "fee"
        ]
        highest = max(highest, annual_cost(flows, "irr_monthly_x12"))
    assert Decimal("0.15") < highest <= cap


def test_references_of_the_bank_never_repeat(loans: dict[str, Loan]) -> None:
    seen = [
        event["data"]["bank_ref"] for loan in loans.values() for event in loan if "bank_ref" in event["data"]
    ]
    assert len(seen) == len(set(seen)) > 3_000


@pytest.mark.parametrize("creditors", CREDITORS, ids=lambda one: "+".join(one.names))
@pytest.mark.parametrize("fen", [0, 1, 99, 100, 123_457, 999_999_999])
def test_shares_are_split_as_the_ledger_splits_them(creditors: Any, fen: int) -> None:
    units_of = money.split(fen * 1_000_000, list(creditors.shares), creditors.remainder, "CNY")
    assert [part * 1_000_000 for part in creditors.split(fen)] == units_of
    assert creditors.first(fen) == creditors.split(fen)[0]


def test_products_are_of_many_kinds() -> None:
    assert {product.amortisation for product in PRODUCTS} == {"annuity", "linear", "bullet"}
    assert {terms for product in PRODUCTS for terms in product.terms} >= {3, 24}
    assert "0" in {product.rate for product in PRODUCTS}
    assert sum(product.weight for product in PRODUCTS) == 1_000
