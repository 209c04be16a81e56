"""The vectors of loan arithmetic, by the ledger and by the slow oracle."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any

import pytest

from ledger.errors import UndeterminedError
from scripts import vectors
from scripts.vector_sets import schedules as made
from tests.oracles import schedules as oracle


@cache
def load() -> Any:
    return json.loads((vectors.FOLDER / "schedules.json").read_bytes())


def cases(member: str, *, determined: bool = True) -> list[Any]:
    found = [case for case in load()[member] if ("undetermined" not in case) == determined]
    return [pytest.param(case, id=f"{i}-{case.get('case', '')}") for i, case in enumerate(found)]


def exact(plan: list[list[Any]]) -> list[list[Any]]:
    return [[number, due, *map(Fraction, amounts)] for number, due, *amounts in plan]


def by_oracle(terms: dict[str, Any], principal: str, start: str) -> list[list[Any]]:
    return [
        [number, due.isoformat(), *amounts] for number, due, *amounts in oracle.plan(terms, principal, start)
    ]


def test_parts_of_the_year() -> None:
    for case in load()["day_counts"]:
        start, end = (oracle.date.fromisoformat(case[name]) for name in ("start", "end"))
        assert str(oracle.year_part(case["day_count"], start, end, case["due_day"])) == case["part"], case


@pytest.mark.parametrize("case", cases("plans"))
def test_plans(case: Any) -> None:
    assert made.plan_of(case) == case["plan"]
    assert by_oracle(case["terms"], case["principal"], case["start"]) == exact(case["plan"])


@pytest.mark.parametrize("case", cases("remaining"))
def test_the_rest_of_a_plan(case: Any) -> None:
    assert made.rest_of(case) == case["plan"]


@pytest.mark.parametrize("case", cases("costs"))
def test_annual_costs(case: Any) -> None:
    assert made.cost_of(case) == case["cost"]
    assert oracle.annual_cost(case["flows"], case["measure"]) == Decimal(case["cost"])


@pytest.mark.parametrize(
    ("case", "derived"),
    [
        pytest.param(*case.values, derived, id=str(case.id))
        for member, derived in (("plans", made.plan_of), ("remaining", made.rest_of), ("costs", made.cost_of))
        for case in cases(member, determined=False)
    ],
)
def test_what_is_open_names_the_member(case: Any, derived: Any) -> None:
    with pytest.raises(UndeterminedError) as error:
        derived(case)
    assert error.value.field == case["undetermined"]
    assert str(error.value).startswith(f"{error.value.field}: ") or not error.value.field
