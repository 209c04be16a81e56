"""Do eligible claims cover what was lent, and are the pool's limits kept?

**Base** = advance rate × (principal of eligible claims on the shares that the pool holds − what exceeds the limits). A
loan that has ended is not eligible. Of all attributes that limits name, the one by which most exceeds is taken off: a
claim may exceed two limits and is left out once, so at least this much is left out whatever the claims.

**Lent** = the prices of what was pledged into the pool, less what came back to the holder since: principal collected on
the shares held (:mod:`ledger.domain.proceeds`), principal that a guarantor paid on them, and the prices of claims
repurchased out of the pool; never below zero. Where a transfer.settled tells the price of an agreement, that is the
price of all its batches. What is sold into the pool is not lent against. That collected principal pays back what was
lent is the rule of a facility that amortises with its claims; a holder to whom it is not passed on sees that in the
remittances.

Without an advance rate, or without a pledge, nothing is asked. A pledge that tells no price leaves it undetermined, and
so does a shortfall that claims of undetermined eligibility could fill.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_FLOOR, Decimal
from typing import Final, Self

from ledger.audit.checks.case import Case, PoolClaim
from ledger.audit.checks.eligibility import examine
from ledger.audit.collectors.remittance import span_of
from ledger.audit.collectors.totals import Totals, attribute_of
from ledger.audit.findings import Evidence, Notes
from ledger.audit.rules import Limit, PoolRules
from ledger.domain import money, proceeds, seals
from ledger.domain.events.creditors import GuarantorCompensated
from ledger.domain.events.transfers import ClaimPledged, ClaimRepurchased, TransferSettled
from ledger.domain.fold import Indexed, Standing
from ledger.domain.position import opening_day
from ledger.proofs.encumbrance import WHOLE

#: What stands for an attribute that a loan does not tell.
_NOT_TOLD: Final = ""
_NO_PRICE: Final = "a pledge tells no price"
_MAY_BE_ELIGIBLE: Final = "claims of undetermined eligibility could fill the shortfall"


@dataclass(slots=True)
class Cover:
    """Sums of one currency on the shares held, in units. ``by_attribute``: attribute → value → eligible principal."""

    eligible: int = 0
    undetermined: int = 0
    repaid: int = 0
    by_attribute: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, other: Cover) -> None:
        """Take in another part."""
        self.eligible += other.eligible
        self.undetermined += other.undetermined
        self.repaid += other.repaid
        for attribute, values in other.by_attribute.items():
            self.by_attribute.setdefault(attribute, Counter()).update(values)


@dataclass(slots=True)
class Covers:
    """Collects over the pool's loans; ``limits`` are the attributes that the rules limit."""

    limits: tuple[str, ...] = ()
    sums: dict[str, Cover] = field(default_factory=dict)

    @classmethod
    def of(cls, rules: PoolRules) -> Self:
        """By a pool's rules."""
        return cls(tuple(sorted({limit.attribute for limit in rules.limits})))

    def take(self, case: Case) -> None:
        """Add what the pool holds of a loan, and what came back on it."""
        cover = self.sums.setdefault(case.currency, Cover())
        cover.repaid += sum(_repaid(case))
        if case.state.ended:
            return
        for claim in case.claims:
            share = sum(claim.held().values())
            part = case.state.claim(claim.name)
            if share and part is not None:
                self._hold(case, claim, seals.held(part.principal, share, case.currency)[0], cover)

    def _hold(self, case: Case, claim: PoolClaim, units: int, cover: Cover) -> None:
        found = case.once(examine)
        if found.eligible:
            cover.eligible += units
            for attribute in self.limits:
                values = cover.by_attribute.setdefault(attribute, Counter())
                values[attribute_of(case, attribute, claim.creditor)] += units
        elif not found.breaches:
            cover.undetermined += units

    def add(self, other: Self) -> None:
        """Take in what the next range of loans gave."""
        for currency, cover in other.sums.items():
            self.sums.setdefault(currency, Cover()).add(cover)


def _repaid(case: Case) -> Iterator[int]:
    """Principal that came back on the shares held, flow by flow."""
    opened, loan = opening_day(case.terms), case.state
    shares = [part.share for part in loan.claims]
    for one in case.held:
        if one.record.when.ordinal <= opened:
            continue
        principal = _principal(one)
        if principal is not None:
            split = proceeds.of_claims((principal,), shares, loan.remainder, case.currency)
            units = {part.name: own[0] for part, own in zip(loan.claims, split, strict=True)}
        elif isinstance(one.event, GuarantorCompensated):
            units = dict(one.amounts[1])
        else:
            continue
        day = span_of(proceeds.day_of(one.record.when, one.event.value_date)).first  # type: ignore[attr-defined]  # all have it
        for claim in case.claims:
            share = sum(claim.held(day - 1).values())
            if share and claim.name in units:
                yield proceeds.of_holder((units[claim.name],), share, case.currency)


def _principal(one: Standing) -> int | None:
    """The principal of a payment, a reversal's negative; None for an event that brings none."""
    parts = proceeds.components(one.event, one.amounts)
    return parts[0] if parts is not None and len(parts) > 1 else None


# -- limits ----------------------------------------------------------------------------------------------------


def check_limits(notes: Notes, pool: str, totals: Totals, *, rules: PoolRules) -> None:
    """Perform the procedure concentration, over all principal held, by currency."""
    procedure = notes.procedure("concentration")
    for currency, sums in ((name, one) for name, one in sorted(totals.sums.items()) if one.principal):
        for limit in rules.limits:
            values = sums.by_attribute.get(limit.attribute, Counter())
            if values[_NOT_TOLD]:
                procedure.undecided(f"some loans do not tell their {limit.attribute}")
            else:
                procedure.answered()
            for value, units in sorted(limited(limit, values).items()):
                if units * WHOLE > limit.share * sums.principal:
                    notes.find(
                        "concentration.breach", pool, attribute=limit.attribute, value=value,
                        share=units * WHOLE // sums.principal, limit=limit.share, currency=currency,
                    )  # fmt: skip


def limited(limit: Limit, values: Counter[str]) -> dict[str, int]:
    """Principal by the values that the limit is about."""
    return {
        value: units for value, units in values.items() if value != _NOT_TOLD and limit.value in {None, value}
    }


def excess(limits: Sequence[Limit], values: dict[str, Counter[str]], total: int) -> int:
    """Units of ``total`` that are above the limits: of the attribute by which most is."""
    over: dict[str, dict[str, int]] = {}
    for limit in limits:
        mine = over.setdefault(limit.attribute, {})
        for value, units in limited(limit, values.get(limit.attribute, Counter())).items():
            above = units - limit.share * total // WHOLE
            mine[value] = max(mine.get(value, 0), above)
    return max((sum(one.values()) for one in over.values()), default=0)


# -- the base --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The borrowing base in one currency, in units; ``lent`` is None where a price is not told."""

    currency: str
    eligible: int
    excess: int
    base: int
    lent: int | None

    def to_json(self) -> dict[str, str]:
        """Amounts as decimal strings; what is not known is left out."""
        units = {
            "eligible_alive": self.eligible,
            "above_limits": self.excess,
            "borrowing_base": self.base,
            "lent": self.lent,
        }
        return {
            name: money.format(amount, self.currency) for name, amount in units.items() if amount is not None
        }


def check_base(
    notes: Notes, pool: str, records: Sequence[Indexed], covers: Covers, *, rules: PoolRules, as_of: date
) -> dict[str, Base]:  # fmt: skip
    """Perform the procedure borrowing_base on the pool's own records; the base by currency."""
    procedure = notes.procedure("borrowing_base")
    prices = _Prices(records, as_of)
    if rules.advance_rate is None or not prices.pledged:
        return {}
    if prices.untold:
        procedure.undecided(_NO_PRICE)
    for record, batches in prices.differing:
        event = record[1].event
        assert isinstance(event, TransferSettled)
        notes.find(
            "base.price_differs", pool, evidence=[Evidence(record[0], record[1].digest.hex())], settled=event.price,
            agreement=event.agreement, batches=money.format(batches, event.currency), currency=event.currency,
        )  # fmt: skip
    found = {}
    for currency in sorted(covers.sums.keys() | prices.lent.keys()):
        cover = covers.sums.get(currency, Cover())
        above = excess(rules.limits, cover.by_attribute, cover.eligible)
        base = _advance(rules.advance_rate, cover.eligible - above)
        lent = None if prices.untold else max(0, prices.lent[currency] - cover.repaid)
        found[currency] = Base(currency=currency, eligible=cover.eligible, excess=above, base=base, lent=lent)
        if lent is None:
            continue
        missing = lent - base
        short = missing > 0 and not rules.within("borrowing_base", missing)
        if short and missing <= _advance(rules.advance_rate, cover.undetermined):
            procedure.undecided(_MAY_BE_ELIGIBLE)
            continue
        procedure.answered()
        if short:
            notes.find(
                "base.shortfall", pool, lent=money.format(lent, currency), base=money.format(base, currency),
                shortfall=money.format(missing, currency), currency=currency,
            )  # fmt: skip
    return found


def _advance(rate: Decimal, units: int) -> int:
    return int((rate * units).to_integral_value(ROUND_FLOOR))


class _Prices:
    """What was lent on pledges, less what was paid to get claims back, by currency."""

    def __init__(self, records: Sequence[Indexed], as_of: date) -> None:
        self.lent: Counter[str] = Counter()
        self.untold = 0
        told = [(index, one) for index, one in records if one.when.last_day <= as_of]
        known = [one.event for _, one in told]
        pledges = [event for event in known if isinstance(event, ClaimPledged)]
        self.pledged = bool(pledges)
        agreements = {event.agreement for event in pledges if isinstance(event.agreement, str)}
        settled = {
            event.agreement: event
            for event in known
            if isinstance(event, TransferSettled) and event.agreement in agreements
        }
        for transfer in settled.values():
            self.lent[transfer.currency] += money.parse_total(transfer.price, transfer.currency)
        for pledge in pledges:
            if pledge.agreement not in settled:
                self._add(pledge)
        #: settlements of another price than their batches tell, with the sum of these
        self.differing: list[tuple[Indexed, int]] = []
        for pair in told:
            event = pair[1].event
            if isinstance(event, TransferSettled) and settled.get(event.agreement) is event:
                batches = _batches(event, pledges)
                if batches is not None and batches != money.parse_total(event.price, event.currency):
                    self.differing.append((pair, batches))
        for event in known:
            if isinstance(event, ClaimRepurchased) and isinstance(event.price, str):
                assert isinstance(event.currency, str)
                self.lent[event.currency] -= money.parse_total(event.price, event.currency)

    def _add(self, pledge: ClaimPledged) -> None:
        if isinstance(pledge.price, str):
            assert isinstance(pledge.currency, str)
            self.lent[pledge.currency] += money.parse_total(pledge.price, pledge.currency)
        else:
            self.untold += 1


def _batches(settled: TransferSettled, pledges: Sequence[ClaimPledged]) -> int | None:
    """What the batches of an agreement tell as their prices; None where one of them tells none in its currency."""
    total = 0
    for one in pledges:
        if one.agreement == settled.agreement:
            if not isinstance(one.price, str) or one.currency != settled.currency:
                return None
            total += money.parse_total(one.price, settled.currency)
    return total
