"""Was what was collected passed on? What the loans' payments brought to each holder, against remittance.made.

:class:`Collections` adds up over the pool's loans what belongs to each holder, by day (:mod:`ledger.domain.proceeds` is
the rule); :func:`check` holds it against the pool's remittances. Remittances whose periods overlap are taken together.
Days with collections before the end of the last remittance that no remittance covers are *missing*; later ones are not
due yet, and *overdue* after :data:`REMITTED_WITHIN` days. Where the holder of a month's total changed within the month,
or its month lies in no one period, the period is undetermined.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, NamedTuple, Self

from ledger.audit.checks.case import Case
from ledger.audit.findings import Evidence, Notes, Procedure
from ledger.audit.rules import PoolRules
from ledger.domain import calendar, money, proceeds
from ledger.domain.calendar import Effective
from ledger.domain.events.cash import RemittanceMade
from ledger.domain.fold import Indexed
from ledger.domain.position import opening_day

#: Days after which what was collected must be in some remittance: a month is remitted within the next one.
REMITTED_WITHIN: Final = 62

_MONTH_MOVED = "the holder changed within a month of which only the total is told"
_MONTH_ACROSS = "a month's total lies in more than one period"
_NO_REMITTANCE = "no remittance to this holder is recorded"


class Account(NamedTuple):
    """Whose money: a holder's in one currency."""

    holder: str
    currency: str


class Span(NamedTuple):
    """Days from ``first`` to ``last``, ordinals, both included."""

    first: int
    last: int


@dataclass(slots=True)
class Collections:
    """Units of 1e-8 that belong to each holder by span: a day, or a month of which no day is told."""

    units: dict[Account, Counter[Span]] = field(default_factory=dict)
    #: spans of months in which the share held changed
    moved: dict[Account, Counter[Span]] = field(default_factory=dict)

    def take(self, case: Case) -> None:
        """Add what a loan's payments brought to those who held shares of it through the pool."""
        opened = opening_day(case.terms)
        loan = case.state
        shares = [part.share for part in loan.claims]
        places = {part.name: place for place, part in enumerate(loan.claims)}
        for one in case.held:
            parts = proceeds.components(one.event, one.amounts)
            if parts is None or not any(parts) or one.record.when.ordinal <= opened:
                continue  # what an opened position brought before is part of the position
            span = span_of(
                proceeds.day_of(one.record.when, one.event.value_date)  # type: ignore[attr-defined]  # each payment has it
            )
            split = proceeds.of_claims(parts, shares, loan.remainder, case.currency)
            for claim in case.claims:
                begin, end = claim.held(span.first - 1), claim.held(span.last - 1)
                for holder in begin.keys() | end.keys():
                    account = Account(holder, case.currency)
                    if begin.get(holder) != end.get(holder):
                        self.moved.setdefault(account, Counter())[span] += 1
                        continue
                    units = proceeds.of_holder(split[places[claim.name]], begin[holder], case.currency)
                    self.units.setdefault(account, Counter())[span] += units

    def add(self, other: Self) -> None:
        """Take in what the next range of loans gave."""
        for mine, theirs in ((self.units, other.units), (self.moved, other.moved)):
            for account, spans in theirs.items():
                # update keeps sums that are zero or negative; the operator + would drop them.
                mine.setdefault(account, Counter()).update(spans)


def span_of(when: Effective) -> Span:
    """The days that a payment's day or month covers."""
    if when.day is not None:
        return Span(when.ordinal, when.ordinal)
    return Span(when.last_day.replace(day=1).toordinal(), when.ordinal)


@dataclass(slots=True)
class Period:
    """Remittances whose days overlap: what they account for, and what the loans' payments give."""

    span: Span
    stated: int = 0
    remitted: int = 0
    records: list[Evidence] = field(default_factory=list)
    collected: int = 0
    undetermined: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remitted:
    """What became of a holder's money, in units."""

    account: Account
    collected: int
    stated: int
    remitted: int
    pending: int

    def to_json(self) -> dict[str, str]:
        """Amounts as decimal strings."""
        currency = self.account.currency
        return {
            "collected": money.format(self.collected, currency),
            "accounted_for": money.format(self.stated, currency),
            "remitted": money.format(self.remitted, currency),
            "not_due_yet": money.format(self.pending, currency),
        }


def check(
    notes: Notes, pool: str, records: Sequence[Indexed], collected: Collections, *, rules: PoolRules, as_of: date
) -> list[Remitted]:  # fmt: skip
    """Perform the procedure remittance on the pool's own records; ``pool`` is its subject."""
    notes.procedure("remittance")
    periods = _periods(notes, pool, records, rules=rules, as_of=as_of)
    accounts = sorted(collected.units.keys() | collected.moved.keys() | periods.keys())
    last = as_of.toordinal()
    results = []
    for account in accounts:
        units = collected.units.get(account, Counter())
        spans = Counter({span: amount for span, amount in units.items() if span.last <= last})
        comparison = _Comparison(
            notes, pool, account, rules, periods.get(account, []), last - REMITTED_WITHIN
        )
        results.append(comparison.perform(spans, collected.moved.get(account, ())))
    return results


def _periods(
    notes: Notes, pool: str, records: Sequence[Indexed], *, rules: PoolRules, as_of: date
) -> dict[Account, list[Period]]:
    """Each account's remittances in ascending periods, overlapping ones as one; each must add up by itself."""
    found: dict[Account, list[tuple[Span, int, int, Evidence]]] = {}
    for index, one in records:
        event = one.event
        if not isinstance(event, RemittanceMade) or one.when.last_day > as_of:
            continue
        collected, deducted, amount = one.amounts
        evidence = Evidence(index, one.digest.hex())
        if not rules.within("remittance", collected - deducted - amount):
            notes.find(
                "remittance.identity", pool, evidence=[evidence], first=event.first, last=event.last,
                collected=event.collected, deducted=money.format(deducted, event.currency), amount=event.amount,
                currency=event.currency,
            )  # fmt: skip
        span = Span(
            calendar.parse_effective(event.first).ordinal, calendar.parse_effective(event.last).ordinal
        )
        rows = found.setdefault(Account(event.holder, event.currency), [])
        rows.append((span, collected, amount, evidence))
    return {account: _merged(rows) for account, rows in found.items()}


def _merged(rows: list[tuple[Span, int, int, Evidence]]) -> list[Period]:
    periods: list[Period] = []
    for span, collected, amount, evidence in sorted(rows):
        if not periods or span.first > periods[-1].span.last:
            periods.append(Period(span))
        period = periods[-1]
        period.span = Span(period.span.first, max(period.span.last, span.last))
        period.stated += collected
        period.remitted += amount
        period.records.append(evidence)
    return periods


def _place(periods: list[Period], spans: Counter[Span]) -> Counter[Span]:
    """Add what was collected to the period that its days lie in. Returns what lies in none."""
    rest: Counter[Span] = Counter()
    for span, units in spans.items():
        home = next(
            (one for one in periods if one.span.first <= span.first and span.last <= one.span.last), None
        )
        if home is not None:
            home.collected += units
        elif any(_overlap(one.span, span) for one in periods):
            _mark(periods, span, _MONTH_ACROSS)
        else:
            rest[span] = units
    return rest


def _mark(periods: list[Period], span: Span, reason: str) -> None:
    for one in periods:
        if _overlap(one.span, span):
            one.undetermined = reason


def _overlap(one: Span, other: Span) -> bool:
    return one.first <= other.last and other.first <= one.last


@dataclass(slots=True)
class _Comparison:
    """One account's periods against what was collected for it."""

    notes: Notes
    pool: str
    account: Account
    rules: PoolRules
    periods: list[Period]
    #: the day (ordinal) before which a collection must have been remitted
    settled: int

    def perform(self, spans: Counter[Span], moved: Iterable[Span]) -> Remitted:
        """Compare each period, and look for what lies in none."""
        for span in moved:
            _mark(self.periods, span, _MONTH_MOVED)
        if not self.periods and any(spans.values()):
            self._procedure.undecided(_NO_REMITTANCE)
        rest = _place(self.periods, spans)
        for period in self.periods:
            self._compare(period)
        self._missing(rest)
        end = self.periods[-1].span.last if self.periods else 0
        if self.periods:
            self._overdue({span: units for span, units in rest.items() if end < span.last < self.settled})
        return Remitted(
            account=self.account,
            collected=sum(spans.values()),
            stated=sum(one.stated for one in self.periods),
            remitted=sum(one.remitted for one in self.periods),
            pending=sum(
                units
                for span, units in rest.items()
                if span.first > end and (not self.periods or span.last >= self.settled)
            ),
        )

    @property
    def _procedure(self) -> Procedure:
        return self.notes.procedure("remittance")

    def _compare(self, period: Period) -> None:
        if period.undetermined:
            self._procedure.undecided(period.undetermined)
            return
        self._procedure.answered()
        difference = period.collected - period.stated
        if not self.rules.within("remittance", difference):
            self.notes.find(
                "remittance.short" if difference > 0 else "remittance.above", self.pool, evidence=period.records,
                first=_day(period.span.first), last=_day(period.span.last), stated=self._money(period.stated),
                recorded=self._money(period.collected), holder=self.account.holder, currency=self.account.currency,
            )  # fmt: skip

    def _missing(self, rest: Counter[Span]) -> None:
        """Report what lies in a gap before the last period's end."""
        for gap in _gaps(self.periods):
            spans = [span for span in rest if gap.first <= span.first and span.last <= gap.last]
            if not spans:
                continue
            self._procedure.answered()
            units = sum(rest[span] for span in spans)
            if units > 0 and not self.rules.within("remittance", units):
                self.notes.find(
                    "remittance.missing", self.pool, recorded=self._money(units), holder=self.account.holder,
                    currency=self.account.currency, first=_day(min(spans).first),
                    last=_day(max(one.last for one in spans)),
                )  # fmt: skip

    def _overdue(self, rest: Mapping[Span, int]) -> None:
        """Report what was collected long ago and lies after the last remittance."""
        units = sum(rest.values())
        if units > 0 and not self.rules.within("remittance", units):
            self.notes.find(
                "remittance.overdue", self.pool, recorded=self._money(units), holder=self.account.holder,
                currency=self.account.currency, first=_day(min(rest).first), last=_day(max(one.last for one in rest)),
                days=REMITTED_WITHIN,
            )  # fmt: skip

    def _money(self, units: int) -> str:
        return money.format(units, self.account.currency)


def _gaps(periods: Sequence[Period]) -> Iterator[Span]:
    """The days before the first period, and those between two."""
    end = 0
    for one in periods:
        if one.span.first > end + 1:
            yield Span(end + 1, one.span.first - 1)
        end = one.span.last


def _day(ordinal: int) -> str:
    return date.fromordinal(ordinal).isoformat()
