"""What tapes said against what the records give: payments, balances, status, days past due."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Final

from msgspec import UNSET

from ledger.audit.checks.case import Case
from ledger.domain import money
from ledger.domain.calendar import parse_effective
from ledger.domain.events.changes import LoanRefunded
from ledger.domain.events.creditors import GuarantorCompensated
from ledger.domain.events.files import BalanceReported
from ledger.domain.events.money_in import LoanPrepaid, RepaymentReceived, RepaymentReversed
from ledger.domain.fold import Standing
from ledger.domain.position import opening_day
from ledger.errors import RefusedError
from ledger.tapes import forms
from ledger.tapes import schedule_al as al

#: Events whose amount is applied in parts, one spelling of which is the sum of the others.
_PAYMENTS = (RepaymentReceived, RepaymentReversed, LoanPrepaid, LoanRefunded)
_EARLIER: Final = "the report is of a day before the loan, or its opening position, begins"


def check(case: Case) -> None:
    """Perform the procedures cash_identity, balance_identity, continuity, reported_*, days_past_due."""
    _cash_identity(case)
    begins = opening_day(case.terms) or case.held[0].record.when.ordinal
    for one, report in case.reports:
        if one.record.when.ordinal < begins:
            for procedure in ("reported_balance", "reported_status", "days_past_due"):
                case.undecided(procedure, _EARLIER)
            continue
        _balance(case, one, report)
        _status(case, one, report)
        _days(case, one, report)
    _continuity(case)


def element(report: BalanceReported, name: str) -> str | None:
    """The first of a tape's own elements of this name, verbatim."""
    if report.elements is UNSET:
        return None
    return next((text for found, text in report.elements if found == name), None)


def element_units(report: BalanceReported, name: str) -> int:
    """One of a tape's own amounts, in units; zero where it is absent or no amount of this currency."""
    text = element(report, name)
    if text is None:
        return 0
    try:
        return forms.units(text)
    except ValueError:
        return 0


def element_day(report: BalanceReported, name: str) -> date | None:
    """One of a tape's own dates; None where it is absent, a month, or no date."""
    try:
        return parse_effective(forms.us_date(element(report, name) or "")).day
    except (ValueError, RefusedError):
        return None


def _cash_identity(case: Case) -> None:
    for one in case.held:
        if isinstance(one.event, _PAYMENTS):
            amount, applied = one.amounts[0], sum(one.amounts[1:])
        elif isinstance(one.event, GuarantorCompensated):
            amount, applied = one.amounts[0], one.event.applied
        else:
            continue
        case.answered("cash_identity")
        if not case.rules.within("cash_identity", amount - applied):
            case.find(
                "cash.parts", one, amount=case.money(amount), applied=case.money(applied),
                difference=case.money(amount - applied), currency=case.currency, period=one.record.effective,
            )  # fmt: skip


def _balance(case: Case, one: Standing, report: BalanceReported) -> None:
    if report.balance is UNSET:
        return
    end = money.parse(report.balance, case.currency)
    day = one.record.when.ordinal
    derived = case.principal_on(day)
    case.answered("reported_balance")
    if not case.rules.within("reported_balance", end - derived):
        case.find(
            "balance.contradicted", one, reported=case.money(end), derived=case.money(derived),
            day=one.record.effective, difference=case.money(end - derived), currency=case.currency,
        )  # fmt: skip
    if report.beginning is UNSET:
        return
    beginning = money.parse(report.beginning, case.currency)
    explained = _at_beginning(case, one, beginning) - derived + element_units(report, al.ADJUSTMENT)
    case.answered("balance_identity")
    if not case.rules.within("balance_identity", beginning - end - explained):
        case.find(
            "balance.flows", one, period=one.record.effective, beginning=case.money(beginning), end=case.money(end),
            explained=case.money(explained), difference=case.money(beginning - end - explained),
            currency=case.currency,
        )  # fmt: skip


def _at_beginning(case: Case, one: Standing, reported: int) -> int:
    """The principal when a report's period begins: at the report before.

    No source tells on which day the period of the first report begins. It is one on which so much was owed as it says;
    where that never was, the amount that comes nearest.
    """
    earlier = [other.record.when.ordinal for other, _ in case.reports if other.moment < one.moment]
    if earlier:
        return case.principal_on(max(earlier))
    return min(case.principals_until(one.record.when.ordinal), key=lambda units: abs(units - reported))


def _continuity(case: Case) -> None:
    for (_, before), (one, report) in pairwise(case.reports):
        if before.balance is UNSET or report.beginning is UNSET:
            continue
        end = money.parse(before.balance, case.currency)
        beginning = money.parse(report.beginning, case.currency)
        case.answered("continuity")
        if not case.rules.within("continuity", beginning - end):
            case.find(
                "balance.discontinuous", one, period=one.record.effective, beginning=case.money(beginning),
                end=case.money(end), currency=case.currency,
            )  # fmt: skip


def _status(case: Case, one: Standing, report: BalanceReported) -> None:
    """A code of a zero balance says that the loan is over for this creditor; its absence that it goes on."""
    state = case.life.at(one.record.when.last_day).state
    case.answered("reported_status")
    coded = isinstance(report.zero_balance_code, str)
    if coded != state.ended:
        reported = f"over (code {report.zero_balance_code})" if coded else "going on"
        case.find(
            "status.contradicted", one, reported=reported, derived=state.status, day=one.record.effective
        )


def _days(case: Case, one: Standing, report: BalanceReported) -> None:
    if report.days_past_due is UNSET:
        return
    position = case.life.at(one.record.when.last_day)
    derived = case.rules.measure.days(position)
    if derived is None:
        case.undecided("days_past_due", position.undetermined)
        return
    case.answered("days_past_due")
    reported = int(report.days_past_due)
    if case.rules.within("days_past_due", (derived - reported) * money.UNIT):
        return
    if derived > reported and position.paid_by_others and position.oldest_unpaid:
        case.find(
            "dpd.cured_by_others", one, reported=reported, derived=derived, day=one.record.effective,
            due=position.oldest_unpaid.isoformat(), payers=", ".join(position.paid_by_others),
        )  # fmt: skip
    else:
        case.find("dpd.contradicted", one, reported=reported, derived=derived, day=one.record.effective)
