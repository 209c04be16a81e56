"""What a pool is made of on the day: by attribute and by holder, what fails which criterion, what was paid out when.

A collector (:mod:`ledger.audit.collectors`). All amounts are of the shares that the pool holds on the day.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, Self

from ledger.audit.analytics.sums import Tally
from ledger.audit.checks.case import Case, PoolClaim
from ledger.audit.checks.eligibility import examine
from ledger.audit.collectors.totals import attribute_of
from ledger.domain import money, seals
from ledger.domain.events.loans import LoanDisbursed

#: By what a reader wants to see a pool divided; *creditor* is the party whose claim on the borrower it is.
ATTRIBUTES: Final = ("product", "region", "creditor", "scene")


#: A name, and what is counted under it.
Tallies = dict[str, Tally]
#: Claims of a loan, each with its holders' shares in ppm.
Holdings = list[tuple[PoolClaim, dict[str, int]]]


@dataclass(slots=True)
class Parts:
    """Sums of one currency."""

    by_attribute: dict[str, Tallies] = field(default_factory=dict)
    by_holder: Tallies = field(default_factory=dict)
    #: criterion → claims that do not meet it; a claim may fail several
    failing: Tallies = field(default_factory=dict)
    #: claims with a criterion that cannot be told, and no other that fails
    undetermined: Tally = field(default_factory=Tally)
    #: holder → day (ordinal) → paid out on loans of which it holds a claim now
    disbursed: dict[str, Counter[int]] = field(default_factory=dict)

    def add(self, other: Self) -> None:
        """Take another part in."""
        for attribute, values in other.by_attribute.items():
            _add(self.by_attribute.setdefault(attribute, {}), values)
        _add(self.by_holder, other.by_holder)
        _add(self.failing, other.failing)
        self.undetermined.add(other.undetermined)
        for holder, days in other.disbursed.items():
            self.disbursed.setdefault(holder, Counter()).update(days)


def _add(mine: Tallies, theirs: Tallies) -> None:
    for name, tally in theirs.items():
        mine.setdefault(name, Tally()).add(tally)


@dataclass(slots=True)
class Composition:
    """Sums by currency; payouts from the day ``since`` (ordinal) on."""

    since: int = 0
    currencies: dict[str, Parts] = field(default_factory=dict)

    def take(self, case: Case) -> None:
        """Add what the pool holds of a loan; one that it holds nothing of adds nothing."""
        held = [(claim, claim.held()) for claim in case.claims]
        if not any(shares for _, shares in held):
            return
        parts = self.currencies.setdefault(case.currency, Parts())
        for claim, shares in held:
            if not shares:
                continue
            mine = case.state.claim(claim.name)
            units = 0 if mine is None else mine.principal
            principal = seals.held(units, sum(shares.values()), case.currency)[0]
            for holder, share in shares.items():
                parts.by_holder.setdefault(holder, Tally()).count(seals.held(units, share, case.currency)[0])
            if case.state.ended:
                continue
            for attribute in ATTRIBUTES:
                values = parts.by_attribute.setdefault(attribute, {})
                values.setdefault(attribute_of(case, attribute, claim.creditor), Tally()).count(principal)
            self._eligible(case, principal, parts)
        self._payouts(case, held, parts)

    def _eligible(self, case: Case, principal: int, parts: Parts) -> None:
        found = case.once(examine)
        for breach in found.breaches:
            parts.failing.setdefault(breach.name, Tally()).count(principal)
        if found.undetermined and not found.breaches:
            parts.undetermined.count(principal)

    def _payouts(self, case: Case, held: Holdings, parts: Parts) -> None:
        state = case.state
        shares, names = [one.share for one in state.claims], [one.name for one in state.claims]
        for one in case.held:
            day = one.record.when.ordinal
            if day < self.since or not isinstance(one.event, LoanDisbursed):
                continue
            split = money.split(one.amounts, shares, state.remainder, case.currency)
            for claim, holders in held:
                for holder, share in holders.items():
                    units = seals.held(split[names.index(claim.name)], share, case.currency)[0]
                    parts.disbursed.setdefault(holder, Counter())[day] += units

    def add(self, other: Self) -> None:
        """Take another range in."""
        for currency, parts in other.currencies.items():
            self.currencies.setdefault(currency, Parts()).add(parts)

    def to_json(self) -> dict[str, Any]:
        """By currency; values of an attribute with the most principal first. An empty value: not told."""
        return {
            currency: {
                "by_attribute": {
                    attribute: [
                        {"value": value, **_shown(tally, currency)} for value, tally in _largest(values)
                    ]
                    for attribute, values in sorted(parts.by_attribute.items())
                },
                "by_holder": {
                    holder: _shown(tally, currency) for holder, tally in sorted(parts.by_holder.items())
                },
                "failing": {name: _shown(tally, currency) for name, tally in sorted(parts.failing.items())},
                "undetermined": _shown(parts.undetermined, currency),
                "disbursed": {
                    holder: {
                        date.fromordinal(day).isoformat(): money.format(units, currency)
                        for day, units in sorted(days.items())
                    }
                    for holder, days in sorted(parts.disbursed.items())
                },
            }
            for currency, parts in sorted(self.currencies.items())
        }


def _largest(values: Tallies) -> list[tuple[str, Tally]]:
    return sorted(values.items(), key=lambda pair: (-pair[1].principal, pair[0]))


def _shown(tally: Tally, currency: str) -> dict[str, Any]:
    return {"claims": tally.claims, "principal": money.format(tally.principal, currency)}
