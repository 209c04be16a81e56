"""The annuity contracts of ACTUS, event by event.

The reference tests (CC BY-SA 4.0, ACTUS Financial Research Foundation) are not part of the repository: they are
read from the folder ``shared/data/actus`` beside it, and a clone without that folder skips what needs them.
"""

from __future__ import annotations

import json
from datetime import datetime
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ledger.domain.schedule.actus import Annuity
from ledger.errors import UndeterminedError

FILE = Path(__file__).resolve().parents[4] / "shared" / "data" / "actus" / "actus-tests-ann.json"

needs_vectors = pytest.mark.skipif(
    not FILE.exists(), reason="the ACTUS reference tests are not beside the repository (shared/data/actus)"
)

COVERED = [f"ann{n:02d}" for n in (*range(1, 14), 20, 22, 23, *range(26, 32))]
#: The others: the term that puts the contract outside, and why no loan of ours has it.
OUTSIDE = {
    "ann14": ("capitalizationEndDate", "capitalises interest before the first redemption"),
    "ann15": ("cycleAnchorDateOfRateReset", "resets its rate from a market"),
    "ann16": ("cycleAnchorDateOfRateReset", "resets its rate, the first time to a given one"),
    "ann17": ("capitalizationEndDate", "capitalises interest until the middle of a period"),
    "ann18": ("purchaseDate", "is bought by another holder during its life"),
    "ann19": ("terminationDate", "is sold before its end at a price"),
    "ann21": ("capitalizationEndDate", "capitalises interest, seen from the borrower"),
    "ann24": ("cycleAnchorDateOfRateReset", "resets its rate from a market"),
    "ann25": ("cycleAnchorDateOfRateReset", "resets its rate to a multiple of a market's"),
}
#: The reference values are printed with 10 to 15 significant digits.
TOLERANCE = Fraction(1, 10**8)


@cache
def load() -> Any:
    return json.loads(FILE.read_text())


@needs_vectors
def test_every_contract_is_covered_or_listed_with_its_reason() -> None:
    assert sorted([*COVERED, *OUTSIDE]) == sorted(load())
    assert len(COVERED) == 22
    assert all(reason for _, reason in OUTSIDE.values())


@needs_vectors
@pytest.mark.parametrize("name", COVERED)
def test_events_are_those_of_the_reference(name: str) -> None:
    case = load()[name]
    until = datetime.fromisoformat(case["to"]) if case["to"] else None
    events = Annuity.of(case["terms"]).events(until)
    assert [(event.date, event.type) for event in events] == [
        (datetime.fromisoformat(line["eventDate"]), line["eventType"]) for line in case["results"]
    ]
    for event, line in zip(events, case["results"], strict=True):
        for value, member in (
            (event.payoff, "payoff"),
            (event.notional, "notionalPrincipal"),
            (event.rate, "nominalInterestRate"),
            (event.accrued, "accruedInterest"),
        ):
            assert abs(value - Fraction(str(line[member]))) < TOLERANCE, (name, line, member)


@needs_vectors
@pytest.mark.parametrize("name", OUTSIDE)
def test_contracts_outside_are_refused_for_that_term(name: str) -> None:
    with pytest.raises(UndeterminedError) as error:
        Annuity.of(load()[name]["terms"])
    assert error.value.field == OUTSIDE[name][0]


TERMS = {
    "contractType": "ANN", "contractRole": "RPA", "statusDate": "2026-01-01", "initialExchangeDate": "2026-01-31",
    "notionalPrincipal": "1200", "nominalInterestRate": "0.12", "dayCountConvention": "30E360", "currency": "CNY",
    "cycleAnchorDateOfPrincipalRedemption": "2026-02-28", "cycleOfPrincipalRedemption": "P1ML1",
    "cycleAnchorDateOfInterestPayment": "2026-02-28", "cycleOfInterestPayment": "P1ML1",
    "maturityDate": "2026-07-31", "endOfMonthConvention": "EOM",
}  # fmt: skip


#: Every payment is the interest of a month, to the last digit.
NEVER_REPAID = {
    "maturityDate": "", "nextPrincipalRedemptionPayment": "12",
    "initialExchangeDate": "2026-01-28", "endOfMonthConvention": "SD",
}  # fmt: skip


def dates(**changes: str) -> list[str]:
    return [
        event.date.date().isoformat()
        for event in Annuity.of({**TERMS, **changes}).events()
        if event.type == "IP"
    ]


def test_an_anchor_at_a_months_end_stays_there() -> None:
    assert dates() == ["2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31", "2026-06-30", "2026-07-31"]
    assert dates(endOfMonthConvention="SD")[1:3] == ["2026-03-28", "2026-04-28"]


@pytest.mark.parametrize(
    ("convention", "may"),
    [("NULL", "2026-05-31"), ("SCF", "2026-06-01"), ("SCMF", "2026-05-29"), ("SCP", "2026-05-29")],
)
def test_a_sunday_is_shifted_by_the_convention(convention: str, may: str) -> None:
    assert dates(calendar="MF", businessDayConvention=convention)[3] == may
    assert dates(calendar="NC", businessDayConvention=convention)[3] == "2026-05-31"


def test_quarters_halves_and_years_are_months() -> None:
    anchor = {
        "cycleAnchorDateOfPrincipalRedemption": "2026-04-30",
        "cycleAnchorDateOfInterestPayment": "2026-04-30",
    }
    for cycle, second in (("P1QL1", "2026-07-31"), ("P1HL1", "2026-10-31"), ("P1YL1", "2027-04-30")):
        found = dates(
            **anchor,
            cycleOfPrincipalRedemption=cycle,
            cycleOfInterestPayment=cycle,
            maturityDate="2030-01-01",
        )
        assert found[1] == second


def test_the_payment_repays_exactly() -> None:
    events = Annuity.of(TERMS).events()
    redeemed = [event.payoff for event in events if event.type in {"PR", "MD"}]
    paid = [event.payoff for event in events if event.type == "IP"]
    assert sum(redeemed) == 1200
    assert len({principal + interest for principal, interest in zip(redeemed, paid, strict=True)}) == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"contractType": "LAM"}, "contractType"),
        ({"contractRole": "BUY"}, "contractRole"),
        ({"feeRate": "1"}, "feeRate"),
        ({"accruedInterest": "3"}, "accruedInterest"),
        ({"cycleOfPrincipalRedemption": "P1WL1"}, "cycleOfPrincipalRedemption"),
        ({"cycleOfPrincipalRedemption": "P0ML1"}, "cycleOfPrincipalRedemption"),
        ({"cycleOfInterestPayment": "P3ML1"}, "cycleOfInterestPayment"),
        ({"businessDayConvention": "CSF", "calendar": "MF"}, "businessDayConvention"),
        ({"calendar": "NY"}, "calendar"),
        ({"maturityDate": ""}, "maturityDate"),
        ({"nominalInterestRate": ""}, "nominalInterestRate"),
        ({"statusDate": "2026-04-01"}, "statusDate"),
        (NEVER_REPAID, "nextPrincipalRedemptionPayment"),
        ({"maturityDate": "", "nextPrincipalRedemptionPayment": "11"}, "nextPrincipalRedemptionPayment"),
    ],
)
def test_what_is_not_covered_names_the_term(changes: dict[str, str], field: str) -> None:
    terms = {name: value for name, value in {**TERMS, **changes}.items() if value}
    with pytest.raises(UndeterminedError) as error:
        Annuity.of(terms).events()
    assert error.value.field == field
