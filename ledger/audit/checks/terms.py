"""Whether rate, term, maturity, scheduled and due amounts hold together, and interest with balance, rate and days.

A tape of months names months: ``first_due`` and ``maturity`` are compared as months, and what could accrue in a period
is an upper bound over all days that may be meant, so that a finding never rests on an invented day.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import pairwise

from msgspec import UNSET

from ledger.audit.checks.case import Case
from ledger.audit.checks.reports import element, element_day, element_units
from ledger.domain import money
from ledger.domain.calendar import parse_effective
from ledger.domain.events.changes import ScheduleChanged
from ledger.domain.events.files import BalanceReported
from ledger.domain.events.loans import LoanOpened
from ledger.domain.events.money_in import RepaymentReceived
from ledger.domain.fold import Standing
from ledger.tapes import schedule_al as al

#: The shortest year that a day count divides by: interest by it is the most that can accrue.
_YEAR_DAYS = 360
_MONTH_DAYS = 31


def check(case: Case) -> None:
    """Perform the procedures terms and interest."""
    case.answered("terms")
    _rate(case)
    _maturity(case)
    for one, report in case.reports:
        _due(case, one, report)
        _after_maturity(case, one, report)
        _scheduled(case, one, report)
    _interest(case)


def _rate(case: Case) -> None:
    """The first report or opening whose current rate is not the contract's; once a loan."""
    if case.terms.annual_rate is UNSET or any(isinstance(one.event, ScheduleChanged) for one in case.held):
        return
    contract = Decimal(case.terms.annual_rate)
    seen: list[tuple[Standing, object]] = []
    if isinstance(case.terms, LoanOpened):
        seen.append((case.held[0], case.terms.current_rate))
    seen += [(one, report.current_rate) for one, report in case.reports if report.modified is not True]
    for one, rate in seen:
        if isinstance(rate, str) and Decimal(rate) != contract:
            code = "rate.below_contract" if Decimal(rate) < contract else "rate.above_contract"
            case.find(code, one, current=rate, contract=str(case.terms.annual_rate))
            return


def _maturity(case: Case) -> None:
    terms = case.terms
    if terms.first_due is UNSET or terms.maturity is UNSET or terms.instalments is UNSET:
        return
    if any(isinstance(one.event, ScheduleChanged) for one in case.held):
        return
    derived = _months_after(terms.first_due, terms.instalments - 1)
    if derived != terms.maturity[:7]:
        case.find(
            "term.maturity", case.held[0], instalments=terms.instalments, first=terms.first_due, derived=derived,
            maturity=terms.maturity,
        )  # fmt: skip


def _due(case: Case, one: Standing, report: BalanceReported) -> None:
    if report.next_due is UNSET or report.balance is UNSET:
        return
    due, balance = money.parse(report.next_due, case.currency), money.parse(report.balance, case.currency)
    if due <= 0:
        return
    if balance <= 0:
        case.find(
            "due.on_zero_balance",
            one,
            due=case.money(due),
            currency=case.currency,
            period=one.record.effective,
        )
        return
    rate = _highest_rate(case, report)
    if rate is None:
        return
    owed = balance + _accrued(balance, rate, _MONTH_DAYS) + element_units(report, al.FEES_UNCOLLECTED)
    if due > owed and not case.rules.within("terms", due - owed):
        case.find(
            "due.above_owed", one, due=case.money(due), owed=case.rounded(owed),
            currency=case.currency, period=one.record.effective,
        )  # fmt: skip


def _after_maturity(case: Case, one: Standing, report: BalanceReported) -> None:
    if case.terms.maturity is UNSET or report.beginning is UNSET or _changed_before(case, one):
        return
    beginning = money.parse(report.beginning, case.currency)
    if beginning > 0 and case.terms.maturity[:7] < one.record.effective[:7]:
        case.find(
            "balance.after_maturity", one, balance=case.money(beginning), currency=case.currency,
            period=one.record.effective, maturity=case.terms.maturity,
        )  # fmt: skip


def _scheduled(case: Case, one: Standing, report: BalanceReported) -> None:
    """Nothing scheduled in a period within the term, of a loan that was not over when it began."""
    scheduled = element(report, al.SCHEDULED)
    if scheduled is None or case.terms.maturity is UNSET or report.beginning is UNSET:
        return
    if element_units(report, al.SCHEDULED) or money.parse(report.beginning, case.currency) <= 0:
        return
    if one.record.effective[:7] <= case.terms.maturity[:7] and not _changed_before(case, one):
        case.find("due.none_within_term", one, period=one.record.effective, maturity=case.terms.maturity)


def _interest(case: Case) -> None:
    """Interest of a month's total against what could accrue since it was last paid through."""
    for (_, before), (one, report) in pairwise([(None, None), *case.reports]):
        assert one is not None
        assert report is not None
        collected = _collected(case, one)
        if collected is None:
            continue
        since = None if before is None else element_day(before, al.PAID_THROUGH)
        rate = _highest_rate(case, report)
        if since is None or rate is None or report.beginning is UNSET:
            case.undecided("interest", "the day until which interest was paid before is not told")
            continue
        case.answered("interest")
        days = max(0, (one.record.when.last_day - since).days)
        most = _accrued(money.parse(report.beginning, case.currency), rate, days)
        if collected > most and not case.rules.within("interest", collected - most):
            case.find(
                "interest.above_accrual", one, collected=case.money(collected), accrued=case.rounded(most),
                currency=case.currency, period=one.record.effective,
            )  # fmt: skip


def _collected(case: Case, one: Standing) -> int | None:
    """Interest of the month's total that a report belongs to; None where there is none."""
    month = one.record.effective[:7]
    totals = [
        other.amounts[2]
        for other in case.held
        if isinstance(other.event, RepaymentReceived)
        and other.event.aggregate is True
        and other.record.effective == month
    ]
    return sum(totals) if totals and any(totals) else None


def _highest_rate(case: Case, report: BalanceReported) -> Decimal | None:
    rates = [Decimal(rate) for rate in (case.terms.annual_rate, report.current_rate) if isinstance(rate, str)]
    return max(rates, default=None)


def _accrued(balance: int, rate: Decimal, days: int) -> int:
    """Simple interest in units, rounded up: the most that can be meant."""
    return int(-(-(balance * rate * days) // _YEAR_DAYS)) if balance > 0 else 0


def _changed_before(case: Case, one: Standing) -> bool:
    return any(isinstance(other.event, ScheduleChanged) and other.moment < one.moment for other in case.held)


def _months_after(first: str, months: int) -> str:
    """``YYYY-MM`` so many months after the month of a date."""
    day: date = parse_effective(first).last_day
    number = day.year * 12 + day.month - 1 + months
    return f"{number // 12:04d}-{number % 12 + 1:02d}"
