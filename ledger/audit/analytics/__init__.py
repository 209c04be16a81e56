"""A pool's figures by month, from its records alone: what stood, what moved, how claims aged, what was lost.

:class:`Analytics` adds up over the cases of a pool, in ranges that combine in any order; :mod:`.document` shows what it
has as JSON. Inside there are integers only; every figure is documented with its formula and source in
``docs/analytics.md``.

======================= ===============================================================================
:mod:`.course`          goes through one loan, month by month
:mod:`.flows`           what one record moves of a claim's share
:mod:`.facts`           what is averaged
:mod:`.sums`            what is added up, and the names of everything
:mod:`.ratios`          how ratios are rounded and annualised
:mod:`.document`        the figures of chosen months as one document
======================= ===============================================================================
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from ledger.audit.analytics.course import Course
from ledger.audit.analytics.sums import CurrencySums
from ledger.audit.checks.case import Case


@dataclass(slots=True)
class Analytics:
    """A collector (:mod:`ledger.audit.collectors`): sums by currency, month and vintage."""

    currencies: dict[str, CurrencySums] = field(default_factory=dict)

    def take(self, case: Case) -> None:
        """Follow one loan through the pool."""
        Course(case, self.currencies.setdefault(case.currency, CurrencySums())).follow()

    def add(self, other: Self) -> None:
        """Take another range in."""
        for currency, sums in other.currencies.items():
            self.currencies.setdefault(currency, CurrencySums()).add(sums)


__all__ = ["Analytics"]
