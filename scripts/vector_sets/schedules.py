"""Vectors of loan arithmetic: day counts, plans of instalments, what leaves one open, annual costs."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec

from ledger.domain import money
from ledger.domain.events.loans import LoanOpened
from ledger.domain.events.terms import Terms
from ledger.domain.schedule import DayCount, Due, Measure, annual_cost, instalments, remaining, year_fraction
from ledger.errors import UndeterminedError
from scripts.vector_sets import Case, vectors
from scripts.vector_sets.schedule_cases import (
    DAY_COUNTS,
    FLOWS,
    MONTHLY,
    NO_COST,
    OPEN,
    OPENED,
    POSITIONS,
    plans,
)

#: Members that the form of terms asks for and no plan depends on.
CLAIMS = [{"claim": "1", "creditor": "lender", "share": 1_000_000}]

_MEASURES: tuple[Measure, ...] = ("irr_monthly_x12", "effective")


def without_nulls(*layers: dict[str, Any]) -> dict[str, Any]:
    """The layers one over the other; null takes a member away."""
    merged: dict[str, Any] = {}
    for layer in layers:
        merged |= layer
    return {name: value for name, value in merged.items() if value is not None}


def lines(plan: tuple[Due, ...], currency: str) -> list[list[Any]]:
    """[number, due date, principal, interest, fee] of each instalment."""
    return [
        [
            due.number,
            due.date.isoformat(),
            *(money.format(units, currency) for units in (due.principal, due.interest, due.fee)),
        ]
        for due in plan
    ]


def plan_of(case: Case) -> list[list[Any]]:
    """What the ledger makes of a case of ``plans``."""
    terms = msgspec.convert({**case["terms"], "claims": CLAIMS}, Terms)
    terms.check_terms()
    currency = case["terms"]["currency"]
    principal = money.parse(case["principal"], currency)
    return lines(instalments(terms, principal=principal, start=date.fromisoformat(case["start"])), currency)


def rest_of(case: Case) -> list[list[Any]]:
    """What the ledger makes of a case of ``remaining``."""
    opened = msgspec.convert({**case["opened"], "claims": CLAIMS}, LoanOpened)
    opened.check()
    return lines(remaining(opened), case["opened"]["currency"])


def cost_of(case: Case) -> str:
    """What the ledger makes of a case of ``costs``."""
    flows = [(date.fromisoformat(day), money.parse(amount, "CNY")) for day, amount in case["flows"]]
    return f"{annual_cost(flows, case['measure']):f}"


def _undetermined(case: Case, member: str, derived: Any) -> Case:
    try:
        derived(case)
    except UndeterminedError as error:
        if error.field != member:
            raise RuntimeError(f"{case['case']}: {error}, not {member}") from error
        return {**case, "undetermined": member}
    raise RuntimeError(f"{case['case']}: determined")


def _plans() -> list[Case]:
    made: list[Case] = []
    for name, (principal, start, changes) in plans().items():
        case = {
            "case": name,
            "principal": principal,
            "start": start,
            "terms": without_nulls(MONTHLY, changes),
        }
        made.append({**case, "plan": plan_of(case)})
    usual = {"amortisation": "annuity", "instalments": 12}
    for name, (changes, member) in OPEN.items():
        terms = without_nulls(MONTHLY, usual, changes)
        case = {"case": name, "principal": "1000.00", "start": "2026-03-03", "terms": terms}
        made.append(_undetermined(case, member, plan_of))
    return made


def _rests() -> list[Case]:
    rests: list[Case] = []
    for name, (changes, open_member) in POSITIONS.items():
        case: Case = {"case": name, "opened": without_nulls(MONTHLY, OPENED, changes)}
        rests.append(
            _undetermined(case, open_member, rest_of) if open_member else {**case, "plan": rest_of(case)}
        )
    return rests


def _parts() -> list[Case]:
    conventions: tuple[DayCount, ...] = ("30/360", "actual/360", "actual/365", "actual/actual", "1/12")
    return [
        {
            "day_count": convention,
            "start": start,
            "end": end,
            "due_day": due_day,
            "part": str(
                year_fraction(convention, date.fromisoformat(start), date.fromisoformat(end), due_day)
            ),
        }
        for convention in conventions
        for start, end in DAY_COUNTS
        for due_day in ((1, 15, 31) if convention == "1/12" else (1,))
    ]


@vectors("schedules")
def schedule_vectors() -> Any:
    """Parts of the year, plans and what leaves them open, the rest of a plan, annual costs."""
    costs = [
        {
            "case": name,
            "flows": flows,
            "measure": measure,
            "cost": cost_of({"flows": flows, "measure": measure}),
        }
        for name, flows in FLOWS.items()
        for measure in _MEASURES
    ]
    no_costs = [
        _undetermined({"case": name, "flows": flows, "measure": measure}, "", cost_of)
        for name, flows in NO_COST.items()
        for measure in _MEASURES
    ]
    return {"day_counts": _parts(), "plans": _plans(), "remaining": _rests(), "costs": costs + no_costs}
