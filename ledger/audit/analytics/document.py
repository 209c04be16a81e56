"""The figures of one currency as JSON: amounts and ratios as decimal strings, null where there is nothing to divide by.

The formulas are those of ``docs/analytics.md``, which names every member.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from ledger.audit.analytics import months
from ledger.audit.analytics.ratios import annual, ratio
from ledger.audit.analytics.sums import (
    AMOUNTS,
    AVERAGES,
    CHANGES,
    COMPENSATED,
    COMPONENTS,
    ENTERED,
    EXITS,
    LEFT,
    NEW,
    PAYERS,
    RATE_SCALE,
    RATES,
    RECOVERED,
    CurrencySums,
    MonthSums,
    Tally,
    VintageSums,
)
from ledger.domain import money
from ledger.domain.delinquency import UNDETERMINED, Measure

_EMPTY: Final = Tally()
#: What brings principal in; the rest of the changes take it out, take that back, or are no flow.
_BROUGHT_IN: Final = (ENTERED, "opened", "disbursed")


@dataclass(frozen=True, slots=True)
class Document:
    """Shows sums of the months from ``first`` to ``last``, which breaks off at ``as_of`` if that is in it."""

    currency: str
    sums: CurrencySums
    measure: Measure
    first: int
    last: int
    as_of: date

    def to_json(self) -> dict[str, Any]:
        """All months, all vintages, and what is left out of them."""
        return {
            "months": [self._month(month) for month in range(self.first, self.last + 1)],
            "vintages": [self._vintage(month, one) for month, one in sorted(self.sums.vintages.items())],
            "left_out": {
                "seasoned_claims": self.sums.seasoned_claims,
                "records_before_opening": self.sums.before_opening,
            },
        }

    def _money(self, units: int) -> str:
        return money.format(units, self.currency)

    def _tally(self, tally: Tally) -> dict[str, Any]:
        return {"claims": tally.claims, "principal": self._money(tally.principal)}

    def _sums(self, month: int) -> MonthSums:
        return self.sums.months[month] if month in self.sums.months else MonthSums()

    def _complete(self, month: int) -> bool:
        return months.last_day(month) <= self.as_of.toordinal()

    @property
    def _buckets(self) -> tuple[str, ...]:
        return (*self.measure.buckets, UNDETERMINED)

    # -- a month -----------------------------------------------------------------------------------------------

    def _month(self, month: int) -> dict[str, Any]:
        one, before = self._sums(month), self._sums(month - 1)
        live = sum(tally.principal for tally in one.buckets.values())
        return {
            "month": months.text(month),
            "end": min(date.fromordinal(months.last_day(month)), self.as_of).isoformat(),
            "complete": self._complete(month),
            "outstanding": self._money(one.outstanding),
            "credits": self._money(one.credits),
            "claims": sum(tally.claims for tally in one.buckets.values()),
            "seasoned": {
                **self._tally(one.seasoned),
                "share": ratio(one.seasoned.principal, one.outstanding),
            },
            "change": {name: self._money(one.change[name]) for name in CHANGES},
            "cash": self._cash(one),
            "amounts": {name: self._money(one.amounts[name]) for name in AMOUNTS},
            "buckets": {
                name: {**self._tally(tally), "share": ratio(tally.principal, live)}
                for name in self._buckets
                for tally in (one.buckets.get(name, _EMPTY),)
            },
            "ended_with_balance": self._tally(one.ended),
            "rolls": self._rolls(one),
            **self._rates(month, one, before),
            "averages": {name: self._average(one, name, live) for name in AVERAGES},
        }

    def _cash(self, one: MonthSums) -> dict[str, Any]:
        return {
            "total": self._money(sum(one.cash.values())),
            "by_component": {
                name: self._money(sum(units for (what, _), units in one.cash.items() if what == name))
                for name in COMPONENTS
            },
            "by_payer": {
                name: self._money(sum(units for (_, payer), units in one.cash.items() if payer == name))
                for name in PAYERS
            },
        }

    def _rolls(self, one: MonthSums) -> dict[str, Any]:
        """From each bucket of the month before, and from *new*, to each bucket and exit."""
        rows: dict[str, Any] = {}
        for source in (*self._buckets, NEW):
            whole = Tally()
            for target in (*self._buckets, *EXITS):
                whole.add(one.rolls.get((source, target), _EMPTY))
            if not whole.claims:
                continue
            rows[source] = {
                **self._tally(whole),
                "to": {
                    target: {
                        **self._tally(tally),
                        "claims_share": ratio(tally.claims, whole.claims),
                        "principal_share": ratio(tally.principal, whole.principal),
                    }
                    for target in (*self._buckets, *EXITS)
                    for tally in (one.rolls.get((source, target), _EMPTY),)
                    if tally.claims
                },
            }
        return rows

    def _rates(self, month: int, one: MonthSums, before: MonthSums) -> dict[str, Any]:
        """Prepayment, default and compensation; no rate of a month that is not over."""
        base = sum(tally.principal for tally in before.buckets.values())
        over = self._complete(month)
        paid_for, covered = self._since_first(month)
        return {
            "prepayment": {
                "prepaid": self._money(one.prepaid),
                "scheduled_balance": self._money(one.scheduled_balance),
                "smm": ratio(one.prepaid, one.scheduled_balance) if over else None,
                "cpr": annual(one.prepaid, one.scheduled_balance) if over else None,
                "determined": ratio(one.planned, base),
            },
            "default": {
                "charged_off": self._money(one.defaulted),
                "balance": self._money(base),
                "mdr": ratio(one.defaulted, base) if over else None,
                "cdr": annual(one.defaulted, base) if over else None,
            },
            "compensation": {
                "compensated": self._money(one.compensated),
                "balance": self._money(base),
                "rate": ratio(one.compensated, base) if over else None,
                "cumulative_compensated": self._money(paid_for),
                "cumulative_balance": self._money(covered),
                "cumulative_rate": ratio(paid_for, covered),
            },
        }

    def _since_first(self, month: int) -> tuple[int, int]:
        """(principal compensated, principal that stood at the beginning or came in) since the first month chosen."""
        covered = self._sums(self.first - 1).outstanding
        paid_for = 0
        for known in range(self.first, month + 1):
            change = self._sums(known).change
            covered += sum(change[name] for name in _BROUGHT_IN)
            paid_for -= change[COMPENSATED]
        return paid_for, covered

    def _average(self, one: MonthSums, name: str, live: int) -> dict[str, Any]:
        found = one.averages.get(name)
        if found is None:
            return {"value": None, "share": ratio(0, live)}
        scale = RATE_SCALE if name in RATES else 1
        return {"value": ratio(found.product, found.weight * scale), "share": ratio(found.weight, live)}

    # -- a vintage ---------------------------------------------------------------------------------------------

    def _vintage(self, month: int, one: VintageSums) -> dict[str, Any]:
        """Cumulative curves by months on book, as far as the day reaches."""
        curve, sums = (
            [],
            dict.fromkeys(
                ("charged_off", "reinstated", RECOVERED, "prepaid", COMPENSATED, "waived", LEFT), 0
            ),
        )
        for age in range(max(0, months.of(self.as_of.toordinal()) - month) + 1):
            for name in sums:
                sums[name] += one.flows[age, name]
            gross = sums["charged_off"] - sums["reinstated"]
            net = gross - sums[RECOVERED]
            curve.append(
                {
                    "months_on_book": age,
                    "complete": self._complete(month + age),
                    "gross_loss": self._money(gross),
                    "net_loss": self._money(net),
                    "prepaid": self._money(sums["prepaid"]),
                    "compensated": self._money(sums[COMPENSATED]),
                    "waived": self._money(sums["waived"]),
                    "left": self._money(sums[LEFT]),
                    "gross_loss_rate": ratio(gross, one.original),
                    "net_loss_rate": ratio(net, one.original),
                    "prepaid_rate": ratio(sums["prepaid"], one.original),
                    "compensated_rate": ratio(sums[COMPENSATED], one.original),
                }
            )
        return {
            "month": months.text(month),
            "claims": one.claims,
            "original": self._money(one.original),
            "curve": curve,
        }
