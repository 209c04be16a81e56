"""A claim as far as a pool holds it, and a plan that can be asked what falls due between two days."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from ledger.audit.analytics.sums import LEFT
from ledger.audit.checks.case import PoolClaim
from ledger.domain import seals
from ledger.domain.schedule import Due
from ledger.proofs.encumbrance import WHOLE


@dataclass(slots=True)
class Part:
    """One claim of a loan while the loan's records are gone through. Amounts in units of 1e-8."""

    claim: PoolClaim
    #: its place among the loan's claims
    place: int
    #: ppm held now, and the most that ever was
    share: int = 0
    most: int = 0
    #: principal of the whole claim, and what was paid out of it
    principal: int = 0
    disbursed: int = 0
    #: principal of the share held; below zero it is a customer credit
    net: int = 0
    compensated: bool = False
    #: how it stood when the last of it was given back
    gone: str = LEFT
    #: as of the last month end: bucket (None: in none), share, receivable, credit
    bucket: str | None = None
    share_before: int = 0
    receivable: int = 0
    credit: int = 0
    #: since then, of principal
    prepaid: int = 0
    charged_off: int = 0
    paid_for: int = 0

    @property
    def stands(self) -> bool:
        """Whether it has a place in the figures of a month end, as long as its loan goes on."""
        return bool(self.net or (self.share and not self.compensated))

    def close(self, bucket: str | None) -> None:
        """A month is over, and the claim is in this bucket, or in none."""
        self.bucket, self.share_before = bucket, self.share
        self.receivable, self.credit = max(0, self.net), max(0, -self.net)
        self.prepaid = self.charged_off = self.paid_for = 0


def held(units: int, share: int, currency: str) -> int:
    """What a share (ppm) is of an amount, negative ones too, by the rule of :func:`ledger.domain.seals.held`."""
    if share == WHOLE:
        return units
    receivable, credit = seals.held(units, share, currency) if share else (0, 0)
    return receivable - credit


@dataclass(frozen=True, slots=True)
class Plan:
    """``principal`` are the sums of all instalments before each place."""

    days: tuple[int, ...]
    principal: tuple[int, ...]

    @classmethod
    def of(cls, plan: Sequence[Due]) -> Plan:
        """Make it from the instalments of :meth:`ledger.domain.position.Life.plan`."""
        sums = accumulate((due.principal for due in plan), initial=0)
        return cls(tuple(due.date.toordinal() for due in plan), tuple(sums))

    def due(self, after: int, until: int) -> int:
        """Principal that falls due on the days (ordinals) after ``after``, until ``until``."""
        return self.principal[bisect_right(self.days, until)] - self.principal[bisect_right(self.days, after)]

    def left(self, day: int) -> int:
        """How many instalments fall due after ``day``."""
        return len(self.days) - bisect_right(self.days, day)
