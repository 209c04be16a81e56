"""What an audit adds up over a pool's loans. A collector takes one case after another, and two can be combined.

The work is a map over ranges of loans and a combination of what the ranges give, so it runs on any number of cores and
its result does not depend on how the loans were divided.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, Self, runtime_checkable

from ledger.audit.checks.case import Case, PoolClaim
from ledger.domain.fold import Indexed


class Collector(Protocol):
    """Adds up over cases; picklable, since ranges are examined in processes of their own."""

    def take(self, case: Case) -> None:
        """Take one loan in."""

    def add(self, other: Self) -> None:
        """Take in what the next range of loans gave; ranges come in ascending order."""


@runtime_checkable
class TakesLater(Protocol):
    """A collector that wants the loans, too, which the records below the size have and which begin after the day."""

    def take_later(self, currency: str, records: Sequence[Indexed], claims: Sequence[PoolClaim]) -> None:
        """Take one of them in."""
