"""The cases of the vectors of loan arithmetic: a case for each convention, rounding, stub and month end.

Terms are written as what differs from usual ones; null takes a member away.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

MONTHLY = {
    "currency": "CNY", "annual_rate": "0.108", "day_count": "1/12", "first_due": "2026-04-03",
    "rounding": "half_up", "residual": "last",
}  # fmt: skip
#: National Day of 2025 in China, with the weekend worked for it, and the Spring Festival of 2026.
_HOLIDAYS = [f"2025-10-0{day}" for day in range(1, 9)] + [f"2026-02-{day}" for day in range(16, 24)]
_WORKED = ["2025-09-28", "2025-10-11", "2026-02-14", "2026-02-28"]
_OCTOBER = {
    "first_due": "2025-10-04",
    "instalments": 6,
    "day_count": "actual/365",
    "holidays": _HOLIDAYS,
    "workdays": _WORKED,
}
_GUARANTEE = {"name": "guarantee", "payee": "guarantor"}


Plan = tuple[str, tuple[str, str, dict[str, Any]]]
AMORTISATIONS = ("annuity", "linear", "bullet")
_FOUR = {"amortisation": "annuity", "instalments": 4}
_SIX = {"amortisation": "annuity", "instalments": 6}
_NINE = {"amortisation": "annuity", "instalments": 9}
_TWELVE = {"amortisation": "annuity", "instalments": 12}
_LONG = {"amortisation": "annuity", "instalments": 360, "annual_rate": "0.0385"}


def plans() -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Name → (principal, day of payout, changes of :data:`MONTHLY`)."""
    makers = (_conventions, _stubs, _leads_and_counts, _month_ends, _holidays, _currencies, _fees, _explicit)
    return dict(plan for maker in makers for plan in maker())


def _conventions() -> Iterator[Plan]:
    for amortisation in AMORTISATIONS:
        for day_count in ("30/360", "actual/360", "actual/365", "actual/actual", "1/12"):
            terms = {**_SIX, "amortisation": amortisation, "day_count": day_count, "first_due": "2028-01-15"}
            yield f"{amortisation}, {day_count}, over a leap day", ("10000.00", "2027-12-15", terms)
        for rounding in ("half_up", "half_even", "down", "up"):
            for residual in ("first", "last"):
                terms = {
                    "instalments": 7,
                    "amortisation": amortisation,
                    "rounding": rounding,
                    "residual": residual,
                }
                yield (
                    f"{amortisation}, rounded {rounding}, residual {residual}",
                    ("1000.00", "2026-03-03", terms),
                )


def _stubs() -> Iterator[Plan]:
    for first in ("2026-03-20", "2026-05-31"):
        for day_count in ("30/360", "actual/365", "1/12"):
            terms = {**_FOUR, "first_due": first, "day_count": day_count}
            yield f"first period until {first}, {day_count}", ("5000.00", "2026-03-03", terms)
    changed: dict[str, dict[str, Any]] = {
        "last period longer": {"maturity": "2026-07-20", "day_count": "actual/365"},
        "last period longer, 1/12": {"maturity": "2026-07-20"},
        "last period shorter": {"maturity": "2026-06-20"},
        "maturity as a month": {"maturity": "2026-07"},
        "maturity as it is": {"maturity": "2026-07-03"},
        "due on another day than the first": {"due_day": 20},
        "first on the day of payout": {"first_due": "2026-03-03"},
    }
    for name, changes in changed.items():
        yield name, ("5000.00", "2026-03-03", {**_FOUR, **changes})


def _leads_and_counts() -> Iterator[Plan]:
    unneeded = {"annual_rate": "0", "rounding": None, "residual": None, "day_count": None}
    for name, changes in {
        "interest only at first": {**_NINE, "interest_only": 3},
        "interest only at first, residual first": {**_NINE, "interest_only": 3, "residual": "first"},
        "interest only at first, linear": {
            **_NINE,
            "interest_only": 2,
            "amortisation": "linear",
            "residual": "first",
        },
        "one instalment": {"amortisation": "annuity", "instalments": 1},
        "one instalment, by its maturity": {
            "amortisation": "bullet",
            "instalments": 1,
            "first_due": None,
            "maturity": "2027-03-10",
        },
        "zero interest, residual first": {
            **_NINE,
            "annual_rate": "0",
            "residual": "first",
            "day_count": None,
        },
        "zero interest, residual last": {**_TWELVE, "amortisation": "linear", "annual_rate": "0"},
        "zero interest without a remainder needs no rounding": {**_FOUR, **unneeded, "instalments": 8},
        "360 instalments": _LONG,
        "360 instalments, residual first": {**_LONG, "residual": "first"},
    }.items():
        yield name, ("5000.00", "2026-03-03", changes)


def _month_ends() -> Iterator[Plan]:
    for due_day in (31, 30, 29):
        for day_count in ("30/360", "actual/actual", "1/12"):
            terms = {**_FOUR, "first_due": f"2028-01-{due_day}", "due_day": due_day, "day_count": day_count}
            name = f"month ends, due on the {due_day}, {day_count}"
            yield name, ("8000.00", f"2027-12-{due_day}", terms)
    terms = {**_FOUR, "first_due": "2027-02-28", "due_day": 31}
    yield "month ends, the first in February", ("8000.00", "2027-01-31", terms)


def _holidays() -> Iterator[Plan]:
    for rule in ("none", "following", "modified_following", "preceding"):
        terms = {**_OCTOBER, **_SIX, "business_days": rule}
        yield f"holidays, {rule}", ("6000.00", "2025-09-04", terms)
        terms = {**terms, "first_due": "2025-11-30", "due_day": 31, "day_count": "1/12", "instalments": 4}
        yield f"holidays at month ends, {rule}, 1/12", ("6000.00", "2025-10-31", terms)
    terms = {**_OCTOBER, **_SIX, "business_days": "following", "first_due": "2025-10-09", "due_day": 4}
    yield "the first due date as moved", ("6000.00", "2025-09-04", terms)


def _currencies() -> Iterator[Plan]:
    for currency, principal in (
        ("JPY", "100000"),
        ("KWD", "1000.000"),
        ("JPY", "5"),
        ("CNY", "1000.12345678"),
    ):
        for residual in ("first", "last"):
            terms = {**_SIX, "currency": currency, "residual": residual}
            yield f"{principal} {currency}, residual {residual}", (principal, "2026-03-03", terms)


def _fees() -> Iterator[Plan]:
    by_rate = {**_GUARANTEE, "when": "instalment", "rate": "0.0246"}
    for name, fees in {
        "an amount each time": [{**_GUARANTEE, "when": "instalment", "amount": "3.50"}],
        "a rate each time": [by_rate],
        "an amount and a rate at once": [
            {**_GUARANTEE, "when": "upfront", "amount": "10.00", "rate": "0.015"}
        ],
        "of several payees": [
            by_rate,
            {"name": "membership", "payee": "platform", "when": "instalment", "amount": "15.00"},
            {"name": "late", "payee": "platform", "when": "event", "amount": "50.00"},
            {"name": "entry", "payee": "platform", "when": "upfront", "amount": "1.00"},
        ],
    }.items():
        yield f"fees: {name}", ("5000.00", "2026-03-03", {**_FOUR, "fees": fees})


def _explicit() -> Iterator[Plan]:
    lines = [
        {"due": "2026-04-03", "principal": "100.00", "interest": "9.00", "fee": "1.00"},
        {"due": "2026-04-20", "principal": "0.00", "interest": "2.00"},
        {"due": "2026-09-30", "principal": "900.00"},
    ]
    terms = {"amortisation": "explicit", "instalments": 3, "plan": lines}
    yield "explicit", ("1000.00", "2026-03-03", terms)


#: What leaves the plan open: (changes of the terms, the member that the refusal names).
OPEN: dict[str, tuple[dict[str, Any], str]] = {
    "no amortisation": ({"amortisation": None}, "data.amortisation"),
    "no number of instalments": ({"instalments": None}, "data.instalments"),
    "no rate": ({"annual_rate": None}, "data.annual_rate"),
    "a negative rate": ({"annual_rate": "-0.01"}, "data.annual_rate"),
    "no day count": ({"day_count": None}, "data.day_count"),
    "no first due date": ({"first_due": None}, "data.first_due"),
    "a month as the first due date": ({"first_due": "2026-04"}, "data.first_due"),
    "the first due date before the payout": ({"first_due": "2026-03-02"}, "data.first_due"),
    "no rounding": ({"rounding": None}, "data.rounding"),
    "no residual": ({"residual": None, "instalments": 11}, "data.residual"),
    "no residual, linear": ({"residual": None, "amortisation": "linear", "instalments": 7}, "data.residual"),
    "no holidays, and due dates that move on them": ({"business_days": "following"}, "data.holidays"),
    "interest only throughout": ({"interest_only": 12}, "data.interest_only"),
    "a maturity elsewhere": ({"maturity": "2027-06-03"}, "data.maturity"),
    "a maturity before the last but one": ({"maturity": "2027-01-20"}, "data.maturity"),
    "another maturity of the only instalment": ({"maturity": "2026-04-04", "instalments": 1}, "data.maturity"),
    "interest above the level instalment": ({"first_due": "2031-04-03", "annual_rate": "0.36"}, "data.amortisation"),
    "a fee at no time": ({"fees": [{**_GUARANTEE, "amount": "1.00"}]}, "data.fees[0].when"),
    "a fee at a negative rate": (
        {"fees": [{**_GUARANTEE, "when": "instalment", "rate": "-0.01"}]}, "data.fees[0].rate",
    ),
    "a fee of nothing": ({"fees": [{**_GUARANTEE, "when": "upfront"}]}, "data.fees[0]"),
    "explicit, too few lines": (
        {"amortisation": "explicit", "instalments": 2, "plan": [{"due": "2026-04-03", "principal": "1000.00"}]},
        "data.plan",
    ),
    "explicit, another sum": (
        {"amortisation": "explicit", "instalments": 1, "plan": [{"due": "2026-04-03", "principal": "999.99"}]},
        "data.plan",
    ),
    "explicit, due in a month": (
        {"amortisation": "explicit", "instalments": 1, "plan": [{"due": "2026-04", "principal": "1000.00"}]},
        "data.plan[0].due",
    ),
    "explicit, not in order": (
        {
            "amortisation": "explicit",
            "instalments": 2,
            "plan": [{"due": "2026-05-03", "principal": "500.00"}, {"due": "2026-05-03", "principal": "500.00"}],
        },
        "data.plan[1].due",
    ),
    "explicit, before the payout": (
        {"amortisation": "explicit", "instalments": 1, "plan": [{"due": "2026-03-02", "principal": "1000.00"}]},
        "data.plan[0].due",
    ),
}  # fmt: skip

OPENED = {
    "as_of": "2026-06-10", "basis": "asserted", "amortisation": "annuity", "instalments": 12,
    "remaining_instalments": 9, "oldest_unpaid": "2026-07-03", "current_rate": "0.108",
    "balances": {"principal": "9120.00"},
}  # fmt: skip
#: Positions of seasoned loans, and the member that leaves the rest of the plan open, if one does.
POSITIONS: dict[str, tuple[dict[str, Any], str | None]] = {
    "annuity": ({}, None),
    "linear, numbers not known": ({"amortisation": "linear", "instalments": None}, None),
    "as of a month": ({"as_of": "2026-06"}, None),
    "due on the 31st, next on the 30th": ({"first_due": "2026-03-31", "oldest_unpaid": "2026-06-30"}, None),
    "in the middle of the lead-in": ({"interest_only": 5}, None),
    "nothing outstanding": ({"balances": {"principal": "0.00"}}, None),
    "a credit": ({"balances": {"principal": "-1.00"}}, "data.balances.principal"),
    "in arrears": ({"oldest_unpaid": "2026-06-03"}, "data.oldest_unpaid"),
    "arrears not known": ({"oldest_unpaid": None}, "data.oldest_unpaid"),
    "a month": ({"oldest_unpaid": "2026-07"}, "data.oldest_unpaid"),
    "number not known": ({"remaining_instalments": None}, "data.remaining_instalments"),
    "none due yet": ({"remaining_instalments": 12}, "data.remaining_instalments"),
    "more than all": ({"remaining_instalments": 13}, "data.remaining_instalments"),
    "rate not known": ({"current_rate": None}, "data.current_rate"),
    "explicit": (
        {
            "amortisation": "explicit",
            "plan": [
                {"due": "2026-06-03", "principal": "1000.00"},
                {"due": "2026-07-03", "principal": "9120.00", "interest": "82.08"},
            ],
        },
        None,
    ),
    "explicit, another sum": (
        {"amortisation": "explicit", "plan": [{"due": "2026-07-03", "principal": "9000.00"}]}, "data.plan",
    ),
}  # fmt: skip

DAY_COUNTS = [
    ("2027-12-15", "2028-03-15"), ("2028-02-28", "2028-02-29"), ("2028-02-29", "2029-02-28"),
    ("2026-01-31", "2026-02-28"),
    ("2026-01-30", "2026-01-31"), ("2026-01-31", "2026-03-31"), ("2026-02-28", "2026-03-31"),
    ("2100-02-01", "2100-03-01"),
    ("2000-01-01", "2001-01-01"), ("2023-07-01", "2029-01-01"), ("2026-05-05", "2026-05-05"),
    ("2026-03-15", "2026-05-05"),
]  # fmt: skip

_LEVEL = [["2026-01-31", "12000.00"]] + [
    [day, "-1100.00"]
    for day in (
        "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31", "2026-06-30", "2026-07-31",
        "2026-08-31", "2026-09-30", "2026-10-31", "2026-11-30", "2026-12-31", "2027-01-31",
    )
]  # fmt: skip
FLOWS: dict[str, list[list[str]]] = {
    "level, month ends": _LEVEL,
    "level with an entry fee": [*_LEVEL, ["2026-01-31", "-360.00"]],
    "seen from the lender": [[day, amount[1:] if amount[0] == "-" else "-" + amount] for day, amount in _LEVEL],
    "one year, one payment": [["2026-01-01", "100.00"], ["2027-01-01", "-110.00"]],
    "a day more": [["2026-01-01", "100.00"], ["2027-01-02", "-110.00"]],
    "irregular": [["2026-03-03", "5000.00"], ["2026-04-07", "-1300.00"], ["2026-05-06", "-1300.00"],
                  ["2026-06-20", "-2600.00"]],
    "zero": [["2026-03-03", "300.00"], ["2026-04-03", "-100.00"], ["2026-05-03", "-100.00"], ["2026-06-03", "-100.00"]],
    "a loss": [["2026-03-03", "300.00"], ["2026-04-03", "-100.00"], ["2026-05-03", "-100.00"]],
    "nearly all lost": [["2026-03-03", "300.00"], ["2026-04-03", "-1.00"], ["2026-05-03", "-1.00"]],
    "paid out twice": [["2026-03-03", "300.00"], ["2026-04-03", "-50.00"], ["2026-05-03", "200.00"],
                       ["2026-09-03", "-500.00"]],
    "a week at a high price": [["2026-03-03", "500.00"], ["2026-03-10", "-540.00"]],
}  # fmt: skip
NO_COST: dict[str, list[list[str]]] = {
    "no flows": [],
    "nothing paid": [["2026-03-03", "300.00"]],
    "all on one day": [["2026-03-03", "300.00"], ["2026-03-03", "-310.00"]],
    "several rates": [["2026-03-03", "100.00"], ["2026-04-03", "-230.00"], ["2026-05-03", "132.00"]],
    "beyond any annual rate": [["2026-03-03", "100.00"], ["2026-03-04", "-900.00"]],
}
