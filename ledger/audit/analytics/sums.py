"""What is added up: by month and by vintage, in one currency. Sums of sums are the same in any order.

Amounts are in units of 1e-8, on the shares that the pool holds.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, fields
from typing import Any, Final, Self

#: Flows of principal by the type of event that they come from: what moves the outstanding balance, by name.
FLOWS: Final = {
    "loan.opened": "opened",
    "loan.disbursed": "disbursed",
    "repayment.received": "repaid",
    "repayment.reversed": "reversed",
    "loan.prepaid": "prepaid",
    "loan.refunded": "refunded",
    "amount.waived": "waived",
    "guarantor.compensated": "compensated",
    "loan.charged_off": "charged_off",
    "loan.reinstated": "reinstated",
}
#: What else moves it: claims that come in and go out, and what borrowers have paid beyond what they owed.
ENTERED: Final = "entered"
LEFT: Final = "left"
CREDITS: Final = "credits"
#: Every name, in the order in which tables show them.
CHANGES: Final = (ENTERED, *FLOWS.values(), LEFT, CREDITS)

RECOVERED: Final = "recovered"
#: Amounts with all their components, not only principal, that are told beside the cash from payments.
AMOUNTS: Final = (
    "disbursed", "prepaid", "refunded", "waived", "compensated", "charged_off", "reinstated", RECOVERED,
)  # fmt: skip

#: Components of cash; *unapplied* is what payments have beyond the sum of their parts, or short of it.
COMPONENTS: Final = ("principal", "interest", "fee", "penalty", "other", "unapplied")
#: A month's total may leave open who paid.
UNTOLD: Final = "untold"
PAYERS: Final = ("obligor", "guarantor", "platform", "merchant", "insurer", UNTOLD)
#: What a vintage follows: flows of principal, recoveries, and the principal of claims that left.
FOLLOWED: Final = frozenset(
    {"charged_off", "reinstated", "prepaid", "compensated", "waived", RECOVERED, LEFT}
)

#: The row of the roll rates for claims that were in no bucket a month before.
NEW: Final = "new"
COMPENSATED: Final = "compensated"
#: How a claim leaves the buckets.
EXITS: Final = ("settled", "charged_off", "cancelled", COMPENSATED, LEFT)

#: Weighted averages. Rates are scaled by :data:`RATE_SCALE`, so that they are integers; the others are months.
RATES: Final = ("annual_rate", "annual_cost")
AVERAGES: Final = (*RATES, "remaining_instalments", "months_on_book")
#: Rates in terms and annual costs have at most twelve digits after the point.
RATE_SCALE: Final = 10**12


@dataclass(slots=True)
class Tally:
    """How many claims, and their principal."""

    claims: int = 0
    principal: int = 0

    def count(self, principal: int) -> None:
        """One claim more."""
        self.claims += 1
        self.principal += principal

    def add(self, other: Self) -> None:
        """Take another part in."""
        self.claims += other.claims
        self.principal += other.principal


@dataclass(slots=True)
class Weighted:
    """A weighted sum of integers; ``weight`` is the principal over which the value was determined."""

    weight: int = 0
    product: int = 0

    def count(self, weight: int, value: int) -> None:
        """One value more."""
        self.weight += weight
        self.product += weight * value

    def add(self, other: Self) -> None:
        """Take another part in."""
        self.weight += other.weight
        self.product += other.product


class _Sums:
    """Adds field by field, whatever the fields are."""

    __slots__ = ()

    def add(self, other: Self) -> None:
        """Take another part in."""
        for one in fields(self):  # type: ignore[arg-type]  # every subclass is a dataclass
            mine, theirs = getattr(self, one.name), getattr(other, one.name)
            if isinstance(mine, int):
                setattr(self, one.name, mine + theirs)
            elif isinstance(mine, Counter):
                # Not `mine += theirs`: that would drop sums below zero.
                mine.update(theirs)
            elif isinstance(mine, dict):
                for key, value in theirs.items():
                    mine[key].add(value)
            else:
                mine.add(theirs)


def _tallies() -> defaultdict[Any, Tally]:
    return defaultdict(Tally)


@dataclass(slots=True)
class MonthSums(_Sums):
    """One month: what stands at its end, and what happened in it."""

    outstanding: int = 0
    credits: int = 0
    seasoned: Tally = field(default_factory=Tally)
    #: of claims in a bucket at the end
    buckets: defaultdict[str, Tally] = field(default_factory=_tallies)
    #: of claims whose loan is over while principal is left
    ended: Tally = field(default_factory=Tally)
    #: signed, so that they sum to the change of ``outstanding``
    change: Counter[str] = field(default_factory=Counter)
    #: (component, payer) → units
    cash: Counter[tuple[str, str]] = field(default_factory=Counter)
    amounts: Counter[str] = field(default_factory=Counter)
    #: (bucket a month before, or new; bucket or exit now) → claims, and their principal a month before (new: now)
    rolls: defaultdict[tuple[str, str], Tally] = field(default_factory=_tallies)
    #: of claims in a bucket a month before: principal, scheduled balance and what of it was prepaid where the plan
    #: is determined, and what was charged off and compensated of all
    planned: int = 0
    scheduled_balance: int = 0
    prepaid: int = 0
    defaulted: int = 0
    compensated: int = 0
    averages: defaultdict[str, Weighted] = field(default_factory=lambda: defaultdict(Weighted))


@dataclass(slots=True)
class VintageSums(_Sums):
    """The claims whose loans were originated in one month, as far as the pool held them."""

    claims: int = 0
    original: int = 0
    #: (months on book, name) → units
    flows: Counter[tuple[int, str]] = field(default_factory=Counter)


@dataclass(slots=True)
class CurrencySums(_Sums):
    """Everything in one currency."""

    months: defaultdict[int, MonthSums] = field(default_factory=lambda: defaultdict(MonthSums))
    vintages: defaultdict[int, VintageSums] = field(default_factory=lambda: defaultdict(VintageSums))
    #: seasoned claims that the pool held at some time, and records that were part of their opening positions
    seasoned_claims: int = 0
    before_opening: int = 0
