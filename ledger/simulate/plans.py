"""What a loan's instalments come to: worked out by :mod:`ledger.domain.schedule` once, and then looked up.

Loans of one product, ticket and term have the same amounts where their first periods count alike, whatever the year;
so a book of any size needs a few thousand plans. The text of a payment that is exactly an instalment is kept too.
"""

from __future__ import annotations

import functools
from bisect import bisect_left
from dataclasses import replace
from datetime import date
from typing import Final

import msgspec

from ledger.domain import schedule
from ledger.domain.events.loans import LoanOriginated
from ledger.domain.schedule import Due, PlanTerms, daycount
from ledger.domain.schedule.workdays import step
from ledger.simulate.platform import MICROLOAN, Creditors, Product, yuan

#: Days of the month on which bills fall due: few, so that payments come in bursts.
DUE_DAYS: Final = (8, 15, 23, 28)
#: Least days from the payout to the first due date, so that it is about a month: first periods are few, too.
_FIRST_AFTER: Final = 26
#: Units of 1e-8 in a fen.
_FEN: Final = 1_000_000
#: Stands for the first due date in terms that are read once and dated for each loan.
_ANY_DAY: Final = "2000-01-08"


#: The payment of a whole instalment: the text of its members ``amount``, ``applied``, ``payer`` and ``instalment``,
#: its amount, the principal in it, and what claim c1 gets of principal and interest. Fees are their payees'.
Payment = tuple[str, int, int, int]


class Plan:
    """Amounts in fen by instalment, from 0, and of the ``whole`` principal, with its ``text``."""

    __slots__ = ("_payments", "_texts", "fee", "interest", "principal", "text", "total", "whole")

    def __init__(self, dues: tuple[Due, ...], *, before: Plan | None = None, k: int = 0) -> None:
        """``before`` is the plan whose first ``k`` instalments stay as they were."""
        self.principal: list[int] = before.principal[:k] if before else []
        self.interest: list[int] = before.interest[:k] if before else []
        self.fee: list[int] = before.fee[:k] if before else []
        self.principal += [due.principal // _FEN for due in dues]
        self.interest += [due.interest // _FEN for due in dues]
        self.fee += [due.fee // _FEN for due in dues]
        self.whole = sum(self.principal)
        self.text = yuan(self.whole)
        self.total: list[int] = before.total[:k] if before else []
        self._payments: dict[tuple[int, ...], list[Payment]] = {}
        self._texts: list[str] = before._texts[:k] if before else []
        parts = zip(self.principal[k:], self.interest[k:], self.fee[k:], strict=True)
        for number, (principal, interest, fee) in enumerate(parts, k + 1):
            amount = principal + interest + fee
            self.total.append(amount)
            text = (
                f'"amount":"{yuan(amount)}","applied":{applied(principal, interest, fee)},"payer":"obligor"'
            )
            self._texts.append(f'{text},"instalment":{number}')

    def payments(self, creditors: Creditors) -> list[Payment]:
        """What pays each instalment wholly, of a loan by these creditors."""
        known = self._payments.get(creditors.shares)
        if known is None:
            own = [
                creditors.first(principal) + creditors.first(interest)
                for principal, interest in zip(self.principal, self.interest, strict=True)
            ]
            self._payments[creditors.shares] = known = list(
                zip(self._texts, self.total, self.principal, own, strict=True)
            )
        return known


def applied(principal: int, interest: int = 0, fee: int = 0, penalty: int = 0) -> str:
    """The text of a member ``applied``; parts that are zero are left out."""
    text = f',"principal":"{yuan(principal)}"' if principal else ""
    if interest:
        text += f',"interest":"{yuan(interest)}"'
    if fee:
        text += f',"fee":"{yuan(fee)}"'
    if penalty:
        text += f',"penalty":"{yuan(penalty)}"'
    return f"{{{text[1:]}}}"


class Calendar:
    """Days of a simulation as ordinals, with their texts and the due dates from any of them on."""

    def __init__(self, first: date, last: date) -> None:
        self.first = first.toordinal()
        #: ISO text by ordinal − first; 30 months beyond the end, for due dates of what is still to come.
        beyond = step(last, 30, 28).toordinal()
        days = range(self.first, beyond + 1)
        self._texts = [date.fromordinal(n).isoformat() for n in days]
        self._due = [n for n in days if date.fromordinal(n).day in DUE_DAYS]

    def text(self, day: int) -> str:
        """YYYY-MM-DD."""
        return self._texts[day - self.first]

    def dues(self, start: int) -> Dues:
        """When loans fall due that are paid out on ``start``."""
        return Dues(self, start, self._due[bisect_left(self._due, start + _FIRST_AFTER) :])


class Dues:
    """Due dates of loans that are paid out on the day ``start``: the same day of each month from ``first`` on.

    ``period`` is what the period up to the first of them counts, in parts of a year of ``1/12``.
    """

    __slots__ = ("_calendar", "_days", "_known", "first", "period", "start")

    def __init__(self, calendar: Calendar, start: int, days: list[int]) -> None:
        """``days`` are all days from the first due date on on which anything falls due."""
        self.start = start
        self.first = days[0]
        end = date.fromordinal(self.first)
        self.period = daycount.count("1/12", date.fromordinal(start), end, end.day)
        self._calendar = calendar
        self._days = days
        self._known: dict[int, tuple[tuple[int, ...], str]] = {}

    def of(self, instalments: int) -> tuple[tuple[int, ...], str]:
        """The dates of so many instalments, and the members of a loan's terms that say them."""
        known = self._known.get(instalments)
        if known is None:
            step = len(DUE_DAYS)
            due = tuple(self._days[: step * instalments : step])
            first, last = self._calendar.text(due[0]), self._calendar.text(due[-1])
            self._known[instalments] = known = due, f'"first_due":"{first}","maturity":"{last}"'
        return known


def derive(
    product: Product, terms: int, principal: int, start: int, first_due: int, *, changed: bool = False
) -> tuple[Due, ...]:
    """The instalments of ``principal`` fen that is owed from ``start`` on; ``changed``: the rest of a loan, which has
    no lead-in any more.
    """
    dated, first = _terms(product, terms, changed=changed), date.fromordinal(first_due)
    dated = replace(dated, due=dated.due._replace(first=first, anchor=first.day))
    return schedule.derive(dated, principal=principal * _FEN, start=date.fromordinal(start))


@functools.cache  # of few products and numbers of instalments
def _terms(product: Product, instalments: int, *, changed: bool) -> PlanTerms:
    """What plans of this product follow from, read as the ledger reads it, with any day as the first due date.

    Nothing falls due at the payout of any product.
    """
    members = product.terms_of(instalments)
    if changed:
        members.pop("interest_only", None)
    members |= {
        "principal": yuan(product.tickets[0]),
        "claims": [{"claim": "c1", "creditor": MICROLOAN, "share": 1_000_000}],
        "first_due": _ANY_DAY,
    }
    return PlanTerms.of(msgspec.convert(members, LoanOriginated))
