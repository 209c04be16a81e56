"""A pool's figures by month, computed the slow way: everything from scratch for each month end, from plain values.

A loan is a dictionary: ``begins`` (day), ``claims`` {name: ppm}, ``remainder`` (a claim), ``plan`` [(number, day,
principal, interest)], ``rate`` and ``events`` [(day, rank, kind, values)], ``moves`` {claim: [(day, ppm)]}. Days are
ordinals, amounts integers of 1e-8 with two digits after the point for the smallest coin.
"""

from __future__ import annotations

from collections import Counter
from datetime import date
from fractions import Fraction
from typing import Any

WHOLE = 1_000_000
CENT = 1_000_000
Loan = dict[str, Any]
#: kind → how the loan's principal moves by its ``principal``
SIGNS = {
    "disbursed": 1, "repaid": -1, "reversed": 1, "prepaid": -1, "refunded": -1, "waived": -1, "charged_off": -1,
    "reinstated": 1,
}  # fmt: skip
COMPONENTS = ("principal", "interest", "fee", "penalty", "other")
STATUSES = {
    "disbursed": "",
    "settled": "settled",
    "charged_off": "charged_off",
    "cancelled": "cancelled",
    "reinstated": "",
}


def month_of(day: int) -> tuple[int, int]:
    one = date.fromordinal(day)
    return one.year, one.month


def month_end(month: tuple[int, int]) -> int:
    year, number = month
    after = date(year + 1, 1, 1) if number == 12 else date(year, number + 1, 1)
    return after.toordinal() - 1


def later(month: tuple[int, int], by: int = 1) -> tuple[int, int]:
    year, index = divmod(month[0] * 12 + month[1] - 1 + by, 12)
    return year, index + 1


def cut(units: int, share: int) -> int:
    """A share of an amount, cut to the coin towards zero; the whole as it is."""
    if share in (0, WHOLE):
        return units if share else 0
    part = abs(units) * share // WHOLE // CENT * CENT
    return part if units > 0 else -part


def of_claim(loan: Loan, claim: str, units: int) -> int:
    """What one claim gets of an amount of the whole loan."""
    if len(loan["claims"]) == 1:
        return units
    parts = {name: cut(units, share) for name, share in loan["claims"].items()}
    parts[loan["remainder"]] += units - sum(parts.values())
    return parts[claim]


def share(loan: Loan, claim: str, day: int) -> int:
    """ppm held at the close of a day."""
    return sum(change for moved, change in loan["moves"].get(claim, []) if moved <= day)


def until(loan: Loan, day: int) -> list[Any]:
    return [one for one in loan["events"] if one[0] <= day] if loan["begins"] <= day else []


def moved(loan: Loan, claim: str, event: Any) -> int:
    """By how much an event moves the whole claim's principal."""
    _, _, kind, values = event
    if kind == "compensated":
        return -values["principal"] if values["claim"] == claim else 0
    return of_claim(loan, claim, SIGNS.get(kind, 0) * values.get("principal", 0))


def principal(loan: Loan, claim: str, day: int) -> int:
    return sum(moved(loan, claim, event) for event in until(loan, day))


def status(loan: Loan, day: int) -> str:
    """How the loan ended, or nothing."""
    told = [
        (day_, rank, n, kind) for n, (day_, rank, kind, _) in enumerate(until(loan, day)) if kind in STATUSES
    ]
    return STATUSES[max(told)[3]] if told else ""


def past_due(loan: Loan, day: int) -> int:
    """Days since the oldest instalment that the obligor has not paid."""
    owed = {number: principal + interest for number, _, principal, interest in loan["plan"]}
    named: Counter[Any] = Counter()
    for _, _, kind, values in until(loan, day):
        if kind in ("repaid", "reversed", "waived") and values.get("payer", "obligor") == "obligor":
            sign = -1 if kind == "reversed" else 1
            named[values["instalment"]] += sign * sum(values.get(name, 0) for name in COMPONENTS[:3])
        if kind == "prepaid" and values["settles"] and values["payer"] == "obligor":
            named[None] += sum(values.get(name, 0) for name in COMPONENTS[:3])
    pot = named.pop(None, 0) + sum(max(0, units - owed[number]) for number, units in named.items())
    for number, due, _, _ in sorted(loan["plan"]):
        if due > day:
            break
        left = max(0, owed[number] - named[number])
        if left > pot:
            return day - due
        pot -= left
    return 0


def standing(loan: Loan, claim: str, day: int) -> str | None:
    """The bucket or exit at the close of a day; None before anything is held or the loan is there."""
    held = any(moved_ <= day for moved_, _ in loan["moves"].get(claim, []))
    if not held or loan["begins"] > day:
        return None
    if not share(loan, claim, day):
        given_back = max(moved_ for moved_, _ in loan["moves"][claim] if moved_ <= day)
        return over(loan, claim, given_back) or "left"
    if ended := over(loan, claim, day):
        return ended
    days = past_due(loan, day)
    if days > 90:
        return "M3+"
    return "current" if not days else f"M{(days + 29) // 30}"


def over(loan: Loan, claim: str, day: int) -> str | None:
    """How the claim has ended by a day, as far as the pool held it then."""
    if ended := status(loan, day):
        return ended
    paid = compensated_while_held(loan, claim, day) and principal(loan, claim, day) <= 0
    return "compensated" if paid else None


def compensated_while_held(loan: Loan, claim: str, day: int) -> bool:
    return any(
        kind == "compensated"
        and values["claim"] == claim
        and cut(values["principal"], share(loan, claim, day_ - 1))
        for day_, _, kind, values in until(loan, day)
    )


BUCKETS = ("current", "M1", "M2", "M3", "M3+")


def net(loan: Loan, claim: str, day: int) -> int:
    return cut(principal(loan, claim, day), share(loan, claim, day)) if loan["begins"] <= day else 0


def figures(loans: list[Loan], as_of: int) -> dict[tuple[int, int], dict[str, Any]]:
    """All figures by month, from the first month of any loan to that of ``as_of``."""
    first = min(month_of(loan["begins"]) for loan in loans)
    found: dict[tuple[int, int], dict[str, Any]] = {}
    month = first
    while month <= month_of(as_of):
        found[month] = _month(loans, month_end(later(month, -1)), min(month_end(month), as_of))
        month = later(month)
    return found


def _month(loans: list[Loan], start: int, end: int) -> dict[str, Any]:
    one: dict[str, Any] = {
        "outstanding": 0, "credits": 0, "net_before": 0, "buckets": {}, "rolls": {}, "cash": Counter(),
        "amounts": Counter(), "change": Counter(), "prepaid": 0, "scheduled_balance": 0, "planned": 0, "defaulted": 0,
        "compensated": 0, "rate": Fraction(0), "remaining": 0,
    }  # fmt: skip
    for loan in loans:
        for claim in loan["claims"]:
            _add(one, loan, claim, start, end)
    return one


def _add(one: dict[str, Any], loan: Loan, claim: str, start: int, end: int) -> None:
    before, now = net(loan, claim, start), net(loan, claim, end)
    one["outstanding"] += max(0, now)
    one["credits"] += max(0, -now)
    one["net_before"] += before
    was, is_ = standing(loan, claim, start), standing(loan, claim, end)
    if is_ in BUCKETS:
        _count(one["buckets"], is_, max(0, now))
        one["rate"] += max(0, now) * loan["rate"]
        one["remaining"] += max(0, now) * sum(due > end for _, due, _, _ in loan["plan"])
    if was in BUCKETS:
        _count(one["rolls"], (was, is_), max(0, before))
    elif is_ in BUCKETS:
        _count(one["rolls"], ("new", is_), max(0, now))
    flows = [event for event in until(loan, end) if event[0] > start]
    if loan["begins"] > start:
        flows = until(loan, end)
    prepaid = defaulted = paid_for = 0
    for event in flows:
        _flow(one, loan, claim, event)
        held = share(loan, claim, max(event[0], loan["begins"]) - 1)
        prepaid += cut(-moved(loan, claim, event), held) if event[2] == "prepaid" else 0
        defaulted += cut(-moved(loan, claim, event), held) if event[2] == "charged_off" else 0
        paid_for += cut(-moved(loan, claim, event), held) if event[2] == "compensated" else 0
    if was in BUCKETS:
        one["defaulted"] += defaulted
        one["compensated"] += paid_for
        if before > 0:
            due = sum(units for _, day, units, _ in loan["plan"] if start < day <= end)
            due = min(before, cut(of_claim(loan, claim, due), share(loan, claim, start)))
            one["planned"] += before
            one["scheduled_balance"] += before - due
            one["prepaid"] += min(prepaid, before - due)


def _flow(one: dict[str, Any], loan: Loan, claim: str, event: Any) -> None:
    """Exact where the shares held are the whole claim or nothing."""
    day, _, kind, values = event
    held = share(loan, claim, max(day, loan["begins"]) - 1)
    if not held:
        return
    if kind == "recovered":
        one["amounts"][kind] += of_claim(loan, claim, values["amount"])
        return
    one["change"][kind] += moved(loan, claim, event)
    if kind == "compensated":
        one["amounts"][kind] += (
            sum(values.get(name, 0) for name in COMPONENTS) if values["claim"] == claim else 0
        )
        return
    parts = {name: of_claim(loan, claim, values.get(name, 0)) for name in COMPONENTS}
    if kind in ("repaid", "reversed", "prepaid"):
        for name, units in parts.items():
            if units:
                one["cash"][name, values.get("payer", "obligor")] += -units if kind == "reversed" else units
    if kind in ("disbursed", "prepaid", "refunded", "waived", "charged_off", "reinstated"):
        one["amounts"][kind] += sum(parts.values())


def _count(tallies: dict[Any, tuple[int, int]], key: Any, units: int) -> None:
    claims, principal_ = tallies.get(key, (0, 0))
    tallies[key] = (claims + 1, principal_ + units)
