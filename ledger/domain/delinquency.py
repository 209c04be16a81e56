"""Delinquency by a pool's rules: how days past due count, and which bucket they fall into.

``bucket_bounds`` are the upper bounds of the buckets in days; the default is the usual one of Chinese consumer
lending::

    current 0   M1 1–30   M2 31–60   M3 61–90   M3+ 91 and more

Three ways to count are in use. *oldest_unpaid*: days since the due date of the oldest unpaid instalment.
*missed_payment_count*: thirty days for each unpaid instalment, as the MBA counts months. *bill_cycle*: an instalment
is past due only when the next one falls due unpaid (the OTS method), and from then on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ledger.domain.position import Position

#: Upper bounds in days of the buckets that past-due loans fall into.
DEFAULT_BOUNDS: Final = (30, 60, 90)
CURRENT: Final = "current"
UNDETERMINED: Final = "undetermined"
_MONTH_DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class Measure:
    """How a pool counts: ``rule`` and the buckets' upper bounds."""

    rule: str = "oldest_unpaid"
    bounds: tuple[int, ...] = DEFAULT_BOUNDS

    @classmethod
    def of(cls, rules: dict[str, Any]) -> Measure:
        """The measure that a pool's rules name. A bound of 0 is that of current, and adds nothing."""
        bounds = tuple(bound for bound in rules.get("bucket_bounds", DEFAULT_BOUNDS) if bound)
        return cls(rules.get("dpd_rule", "oldest_unpaid"), bounds or DEFAULT_BOUNDS)

    @property
    def buckets(self) -> tuple[str, ...]:
        """Every bucket, from current to the worst."""
        names = tuple(f"M{n}" for n in range(1, len(self.bounds) + 1))
        return (CURRENT, *names, f"{names[-1]}+")

    def days(self, position: Position) -> int | None:
        """Days past due by this rule; None where they are undetermined."""
        days = position.days_past_due
        if not days:
            return days
        if self.rule == "missed_payment_count":
            return _MONTH_DAYS * (position.unpaid or 0)
        if self.rule == "bill_cycle":
            return 0 if (position.unpaid or 0) < 2 else days
        return days

    def bucket(self, days: int | None) -> str:
        """The bucket of so many days past due."""
        if days is None:
            return UNDETERMINED
        if days <= 0:
            return CURRENT
        for n, bound in enumerate(self.bounds, start=1):
            if days <= bound:
                return f"M{n}"
        return f"M{len(self.bounds)}+"
