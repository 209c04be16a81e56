"""A pool's totals: principal, arrears and credits by currency, by bucket, by status and by attribute.

All amounts are of the shares that the pool holds. A claim that is not held on the audit's day is counted as *left* and
adds nothing else.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Self

from msgspec import UNSET

from ledger.audit.checks.case import Case
from ledger.audit.checks.eligibility import examine
from ledger.audit.rules import spelled
from ledger.domain import money, seals
from ledger.domain.delinquency import UNDETERMINED
from ledger.domain.events.loans import LoanOpened

#: Attributes of a loan that concentration limits may name, beside those of ``attributes`` and its originator.
ATTRIBUTES = ("product", "scene", "region", "obligor")


@dataclass(slots=True)
class Sums:
    """Sums of one currency, in units of 1e-8."""

    principal: int = 0
    credit: int = 0
    arrears: int = 0
    eligible: int = 0
    opened: int = 0
    weak: int = 0
    by_bucket: Counter[str] = field(default_factory=Counter)
    by_status: Counter[str] = field(default_factory=Counter)
    #: attribute → value → principal
    by_attribute: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, other: Sums) -> None:
        """Take another part in."""
        for name in ("principal", "credit", "arrears", "eligible", "opened", "weak"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.by_bucket.update(other.by_bucket)
        self.by_status.update(other.by_status)
        for attribute, values in other.by_attribute.items():
            self.by_attribute.setdefault(attribute, Counter()).update(values)


@dataclass(slots=True)
class Totals:
    """Counts over all loans, sums by currency. ``limits`` are the attributes that the rules limit."""

    limits: tuple[str, ...] = ()
    counts: Counter[str] = field(default_factory=Counter)
    sums: dict[str, Sums] = field(default_factory=dict)

    def take(self, case: Case) -> None:
        """Count the loan, and add up what the pool holds of it."""
        if not any(claim.been for claim in case.claims):
            return  # it comes into the pool later
        counts, state = self.counts, case.state
        counts["loans"] += 1
        counts["records"] += len(case.records)
        counts["unsigned"] += sum(one.sig is None for _, one in case.records)
        counts["corrected"] += sum(one.correction is not None for one in case.held)
        opened = isinstance(case.terms, LoanOpened)
        counts["opened"] += opened
        held = [(claim, sum(claim.held().values())) for claim in case.claims]
        if not any(share for _, share in held):
            counts["left"] += 1
            return
        sums = self.sums.setdefault(case.currency, Sums())
        bucket = case.rules.measure.bucket(case.rules.measure.days(case.position))
        eligible = case.once(examine).eligible
        names, shares = [part.name for part in state.claims], [part.share for part in state.claims]
        for claim, share in held:
            if not share:
                continue
            counts["claims"] += 1
            counts["weak_keys"] += claim.weak
            part = state.claim(claim.name)
            receivable, credit = seals.held(part.principal if part else 0, share, case.currency)
            sums.principal += receivable
            sums.credit += credit
            sums.opened += receivable * opened
            sums.weak += receivable * claim.weak
            sums.eligible += receivable * eligible
            sums.by_status[state.status] += receivable
            sums.by_bucket["ended" if state.ended else bucket] += receivable
            if case.position.arrears:
                parts = money.split(case.position.arrears, shares, state.remainder, case.currency)
                sums.arrears += seals.held(parts[names.index(claim.name)], share, case.currency)[0]
            for attribute in self.limits:
                values = sums.by_attribute.setdefault(attribute, Counter())
                values[attribute_of(case, attribute, claim.creditor)] += receivable

    def add(self, other: Self) -> None:
        """Take another range in."""
        self.counts.update(other.counts)
        for currency, sums in other.sums.items():
            self.sums.setdefault(currency, Sums()).add(sums)

    def to_json(self) -> dict[str, dict[str, Any]]:
        """Sums as decimal strings, by currency."""
        shown: dict[str, dict[str, Any]] = {}
        for currency, sums in sorted(self.sums.items()):
            undetermined = sums.by_bucket.get(UNDETERMINED, 0)
            values: dict[str, Any] = {
                name: money.format(getattr(sums, name), currency)
                for name in ("principal", "credit", "arrears", "eligible", "opened", "weak")
            }
            if undetermined and undetermined == sums.principal:
                del values["arrears"]  # a zero that nobody could derive would look like a good one
            for name in ("by_bucket", "by_status"):
                values[name] = {
                    key: money.format(units, currency) for key, units in sorted(getattr(sums, name).items())
                }
            values["arrears_undetermined"] = money.format(undetermined, currency)
            shown[currency] = values
        return shown


def attribute_of(case: Case, attribute: str, creditor: str = "") -> str:
    """The value of a loan's attribute as text; empty where the loan does not tell it."""
    if attribute == "creditor":
        return creditor
    if attribute == "currency":
        return case.currency
    value: object = UNSET
    if attribute in ATTRIBUTES:
        value = getattr(case.terms, attribute)
    elif case.terms.attributes is not UNSET:
        value = case.terms.attributes.get(attribute, UNSET)
    return "" if value is UNSET else spelled(value)
