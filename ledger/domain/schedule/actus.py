"""Unrounded events of ACTUS annuity contracts (ANN), by the same recursion as the rounded plan.

Covered are contracts with one rate from the exchange to the maturity: redemption and interest cycles in months
with a long or short last period, a first period of any length, interest-only periods before the first redemption,
a given or derived payment, an amortisation date beside or in place of the maturity, end-of-month and business-day
conventions that shift before they calculate. Capitalisation, rate resets, purchase, termination and whatever else
a contract may name raise :class:`UndeterminedError` with the name of the term.

All amounts are exact fractions; dates are the contract's own times, and 23:59:59 counts as the day after.
Source: ACTUS Technical Specification 1.1, chapters 3 (conventions) and 7.5 (ANN); the terms are those of the ACTUS
dictionary.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Final, Literal, NamedTuple, NoReturn, TypeVar

from ledger.domain.schedule import daycount
from ledger.domain.schedule.amortise import annuity, level, repay
from ledger.domain.schedule.daycount import DayCount
from ledger.domain.schedule.workdays import WEEKDAYS, Rule, months_between, step
from ledger.errors import UndeterminedError

Value = TypeVar("Value")

#: Most periods of a contract: a hundred years of months, as in the terms of a loan.
MAX_PERIODS: Final = 1_200

_DAY_COUNTS: Final[dict[str, DayCount]] = {
    "30E360": "30/360",
    "A360": "actual/360",
    "A365": "actual/365",
    "AA": "actual/actual",
}
_RULES: Final[dict[str, Rule]] = {
    "NULL": "none",
    "SCF": "following",
    "SCMF": "modified_following",
    "SCP": "preceding",
}
_CYCLE = re.compile(r"P([0-9]{1,3})([MQHY])L([01])", re.ASCII).fullmatch
_MONTHS: Final = {"M": 1, "Q": 3, "H": 6, "Y": 12}
_END_OF_DAY: Final = time(23, 59, 59)

#: Terms that say nothing about the flows of a contract whose rate is never reset.
_SILENT: Final = {"contractID", "contractDealDate", "currency", "rateMultiplier", "rateSpread", "fixingDays"}
#: Terms that are read.
_READ: Final = {
    "accruedInterest",
    "amortizationDate",
    "businessDayConvention",
    "calendar",
    "contractRole",
    "contractType",
    "cycleAnchorDateOfInterestPayment",
    "cycleAnchorDateOfPrincipalRedemption",
    "cycleOfInterestPayment",
    "cycleOfPrincipalRedemption",
    "dayCountConvention",
    "endOfMonthConvention",
    "initialExchangeDate",
    "maturityDate",
    "nextPrincipalRedemptionPayment",
    "nominalInterestRate",
    "notionalPrincipal",
    "statusDate",
}


class Event(NamedTuple):
    """One event and the state after it; amounts have the sign of the contract's role."""

    date: datetime
    type: Literal["IED", "PRF", "PR", "IP", "MD"]
    payoff: Fraction
    notional: Fraction
    rate: Fraction
    accrued: Fraction


class Cycle(NamedTuple):
    """Every ``months`` from ``anchor`` on, on its day of the month or on the last one."""

    anchor: datetime
    months: int
    long_stub: bool
    day: int

    def at(self, index: int) -> datetime:
        """The date of this number, from 0."""
        day = step(self.anchor.date(), index * self.months, self.day)
        return datetime.combine(day, self.anchor.time())

    def until(self, end: datetime) -> list[datetime]:
        """The dates before ``end``; a long stub leaves the last of them out where ``end`` is none itself."""
        dates: list[datetime] = []
        while (at := self.at(len(dates))) < end:
            dates.append(at)
        return dates[:-1] if self.long_stub and at != end else dates


@dataclass(frozen=True, slots=True, kw_only=True)
class Annuity:
    """The terms of an ANN contract that is repaid from its beginning; ``sign`` is 1 for the lender (RPA)."""

    sign: Literal[1, -1]
    status: datetime
    exchange: datetime
    notional: Fraction
    rate: Fraction
    day_count: DayCount
    redemption: Cycle
    interest: Cycle
    payment: Fraction | None
    maturity: datetime | None
    amortised: datetime | None
    rule: Rule

    @classmethod
    def of(cls, terms: Mapping[str, str]) -> Annuity:
        """Read terms by the names of the ACTUS dictionary. Raises :class:`UndeterminedError`."""
        for name in terms:
            if name not in _READ and name not in _SILENT:
                _outside(name, "not covered")
        text = {name: value.strip() for name, value in terms.items()}
        _choice(text, "contractType", {"ANN": "ANN"})
        if Fraction(text.get("accruedInterest", "0")):
            _outside("accruedInterest", "interest from before the status date is not covered")
        end_of_month = _choice(text, "endOfMonthConvention", {"EOM": True, "SD": False}, "SD")
        if (
            "maturityDate" not in text
            and not {"amortizationDate", "nextPrincipalRedemptionPayment"} & text.keys()
        ):
            _outside("maturityDate", "neither an end is given nor a payment that leads to it")
        maturity, amortised = _moment(text, "maturityDate"), _moment(text, "amortizationDate")
        return cls(
            sign=_choice(text, "contractRole", {"RPA": 1, "RPL": -1}),
            status=_required(text, "statusDate"),
            exchange=_required(text, "initialExchangeDate"),
            notional=Fraction(_text(text, "notionalPrincipal")),
            rate=Fraction(_text(text, "nominalInterestRate")),
            day_count=_choice(text, "dayCountConvention", _DAY_COUNTS),
            redemption=_cycle(text, "PrincipalRedemption", end_of_month),
            interest=_cycle(text, "InterestPayment", end_of_month),
            payment=Fraction(text["nextPrincipalRedemptionPayment"])
            if "nextPrincipalRedemptionPayment" in text
            else None,
            maturity=maturity or amortised,
            amortised=amortised or maturity,
            rule=_choice(text, "businessDayConvention", _RULES, "NULL")
            if _choice(text, "calendar", {"MF": True, "NC": False}, "NC")
            else "none",
        )

    def events(self, until: datetime | None = None) -> tuple[Event, ...]:
        """All events from the status date on, in order; none after ``until``."""
        return tuple(event for event in self._events() if until is None or event.date <= until)

    def _events(self) -> list[Event]:
        start = max(self.exchange, self.status)
        if self.redemption.anchor < start:
            _outside("statusDate", "after the first redemption, and the notional of that day is not given")
        dates, first = self._dates(self.maturity)
        weights, scale = self._weights(start, dates)
        payment = self._payment(start) if self.payment is None else self.payment
        last = None if self.maturity is None else len(dates) - 1
        found = []
        if self.exchange >= self.status:
            found.append(self._event(start, "IED", -self.notional, self.notional))
        balance = self.notional
        redeem = annuity(payment, first=first, last=last, field="nextPrincipalRedemptionPayment")
        rows = repay(balance, weights, scale, quantise=Fraction, redeem=redeem)
        before = start
        for index, (at, (interest, redeemed)) in enumerate(zip(dates, rows, strict=True)):
            if index == first and self.payment is None and at > start:
                found.append(self._fixing(before, balance))
            balance -= redeemed
            ends = index == last or (last is None and not balance)
            if ends:
                found.append(self._event(at, "IP", interest, redeemed))
                found.append(self._event(at, "MD", redeemed, balance))
                return found
            if index >= first:
                found.append(self._event(at, "PR", redeemed, balance, interest))
            found.append(self._event(at, "IP", interest, balance))
            before = at
        raise UndeterminedError(
            f"not repaid after {MAX_PERIODS} payments", field="nextPrincipalRedemptionPayment"
        )

    def _fixing(self, before: datetime, balance: Fraction) -> Event:
        """The payment is fixed a day before the first redemption."""
        at = self.redemption.anchor - timedelta(days=1)
        (weight,), scale = self._weights(before, [at])
        return self._event(at, "PRF", Fraction(0), balance, balance * weight / scale)

    def _event(
        self,
        at: datetime,
        kind: Literal["IED", "PRF", "PR", "IP", "MD"],
        payoff: Fraction,
        notional: Fraction,
        accrued: Fraction = Fraction(0),
    ) -> Event:
        sign = self.sign
        return Event(at, kind, sign * payoff, sign * notional, self.rate, sign * accrued)

    def _payment(self, start: datetime) -> Fraction:
        """The level payment that redeems the whole notional by the amortisation date."""
        dates, first = self._dates(self.amortised)
        weights, scale = self._weights(dates[first - 1] if first else start, dates[first:])
        return self.notional * level(weights, scale)

    def _dates(self, end: datetime | None) -> tuple[list[datetime], int]:
        """(the days on which interest is paid, in order, the index of the first redemption among them)."""
        if end is None:
            count = months_between(self.interest.anchor.date(), self.redemption.anchor.date())
            paid = [self.interest.at(i) for i in range(count // self.interest.months + MAX_PERIODS)]
            redeemed = [self.redemption.at(i) for i in range(MAX_PERIODS)]
        else:
            paid = [*self.interest.until(end), end]
            redeemed = [*self.redemption.until(end), end]
        paid = [at for at in paid if at >= max(self.exchange, self.status)]
        first = len(paid) - len(redeemed)
        if first < 0 or paid[first:] != redeemed:
            _outside("cycleOfInterestPayment", "interest is not paid with each redemption")
        return [self._shift(at) for at in paid], first

    def _shift(self, at: datetime) -> datetime:
        return datetime.combine(WEEKDAYS.adjust(at.date(), self.rule), at.time())

    def _weights(self, start: datetime, ends: list[datetime]) -> tuple[tuple[int, ...], int]:
        days = [_day(at) for at in (start, *ends)]
        numerator, denominator = self.rate.as_integer_ratio()
        parts = (daycount.count(self.day_count, a, b) for a, b in pairwise(days))
        return tuple(numerator * part for part in parts), denominator * daycount.BASE[self.day_count]


def _day(at: datetime) -> date:
    return at.date() + timedelta(days=1) if at.time() == _END_OF_DAY else at.date()


def _outside(name: str, reason: str) -> NoReturn:
    raise UndeterminedError(reason, field=name)


def _text(terms: Mapping[str, str], name: str) -> str:
    if name not in terms:
        _outside(name, "not given, and the events depend on it")
    return terms[name]


def _moment(terms: Mapping[str, str], name: str) -> datetime | None:
    return datetime.fromisoformat(terms[name]) if name in terms else None


def _required(terms: Mapping[str, str], name: str) -> datetime:
    return datetime.fromisoformat(_text(terms, name))


def _choice(terms: Mapping[str, str], name: str, choices: Mapping[str, Value], absent: str = "") -> Value:
    given = terms.get(name) or absent or _text(terms, name)
    if given not in choices:
        _outside(name, f"{given} is not covered")
    return choices[given]


def _cycle(terms: Mapping[str, str], of: str, end_of_month: bool) -> Cycle:
    name = f"cycleOf{of}"
    found = _CYCLE(_text(terms, name))
    if found is None or not int(found[1]):
        _outside(name, f"{terms[name]} is not covered")
    anchor = _required(terms, f"cycleAnchorDateOf{of}")
    day = 31 if end_of_month and anchor.date() == step(anchor.date(), 0, 31) else anchor.day
    return Cycle(anchor, int(found[1]) * _MONTHS[found[2]], found[3] == "0", day)
