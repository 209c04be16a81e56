"""What a loan's instalments come to: worked out by :mod:`ledger.domain.schedule` once, and then looked up.

Loans of one product, ticket and term have the same amounts where their first periods count alike, whatever the year;
so a book of any size needs a few thousand plans. The text of a payment that is exactly an instalment is kept too.
"""

from __future__ import annotations

import functools
from bisect import bisect_left
from datetime import date
from typing import Final

import msgspec

from ledger.domain.events.loans import LoanOriginated
from ledger.domain.schedule import Due, daycount, instalments
from ledger.domain.schedule.workdays import step
from ledger.simulate.platform import MICROLOAN, Creditors, Product, yuan

#: Days of the month on which bills fall due: few, so that payments come in bursts.
DUE_DAYS: Final = (8, 15, 23, 28)
#: Least days from the payout to the first due date, so that it is about a month: first periods are few, too.
_FIRST_AFTER: Final = 26
#: Units of 1e-8 in a fen.
_FEN: Final = 1_000_000


class Plan:
    """Amounts in fen by instalment, from 0; ``outstanding[k]`` is the principal before instalment ``k``.

    ``text`` is the text of the whole principal, ``paid[k]`` that of the members ``amount``, ``applied``, ``payer`` and
    ``instalment`` of the payment of instalment ``k``.
    """

    __slots__ = ("_own", "fee", "interest", "outstanding", "paid", "principal", "text", "total")

    def __init__(self, dues: tuple[Due, ...], *, before: Plan | None = None, k: int = 0) -> None:
        """``before`` is the plan whose first ``k`` instalments stay as they were."""
        self.principal: list[int] = before.principal[:k] if before else []
        self.interest: list[int] = before.interest[:k] if before else []
        self.fee: list[int] = before.fee[:k] if before else []
        self.principal += [due.principal // _FEN for due in dues]
        self.interest += [due.interest // _FEN for due in dues]
        self.fee += [due.fee // _FEN for due in dues]
        self._own: dict[tuple[int, ...], list[int]] = {}
        parts = list(zip(self.principal, self.interest, self.fee, strict=True))
        self.total = [sum(part) for part in parts]
        left = sum(self.principal)
        self.outstanding: list[int] = []
        self.text = yuan(left)
        for principal in self.principal:
            self.outstanding.append(left)
            left -= principal
        self.paid = [
            f'"amount":"{yuan(sum(part))}","applied":{applied(*part)},"payer":"obligor","instalment":{number}'
            for number, part in enumerate(parts, 1)
        ]

    def own(self, creditors: Creditors) -> list[int]:
        """The part of claim c1 in each instalment's principal and interest. Fees are their payees'."""
        known = self._own.get(creditors.shares)
        if known is None:
            self._own[creditors.shares] = known = [
                creditors.first(principal) + creditors.first(interest)
                for principal, interest in zip(self.principal, self.interest, strict=True)
            ]
        return known


def applied(principal: int, interest: int = 0, fee: int = 0, penalty: int = 0) -> str:
    """The text of a member ``applied``; parts that are zero are left out."""
    parts = (("principal", principal), ("interest", interest), ("fee", fee), ("penalty", penalty))
    return "{" + ",".join(f'"{name}":"{yuan(fen)}"' for name, fen in parts if fen) + "}"


class Calendar:
    """Days of a simulation as ordinals, with their texts and the due dates from any of them on."""

    def __init__(self, first: date, last: date) -> None:
        self.first = first.toordinal()
        #: ISO text by ordinal − first; 30 months beyond the end, for due dates of what is still to come.
        beyond = step(last, 30, 28).toordinal()
        days = range(self.first, beyond + 1)
        self._texts = [date.fromordinal(n).isoformat() for n in days]
        self._due = [n for n in days if date.fromordinal(n).day in DUE_DAYS]
        #: Due dates by number of instalments, of loans paid out on ``_start``.
        self._start = 0
        self._known: dict[int, tuple[int, ...]] = {}

    def text(self, day: int) -> str:
        """YYYY-MM-DD."""
        return self._texts[day - self.first]

    def dues(self, start: int, terms: int) -> tuple[int, ...]:
        """Due dates of a loan paid out on ``start``: the same day of each month."""
        if start != self._start:
            self._start, self._known = start, {}
        known = self._known.get(terms)
        if known is None:
            first = bisect_left(self._due, start + _FIRST_AFTER)
            step = len(DUE_DAYS)
            self._known[terms] = known = tuple(self._due[first : first + step * terms : step])
        return known


@functools.lru_cache(maxsize=1_024)  # a day's loans have few first due dates
def first_period(start: int, first: int) -> int:
    """What the period from the payout to the first due date counts, in parts of a year of ``1/12``."""
    end = date.fromordinal(first)
    return daycount.count("1/12", date.fromordinal(start), end, end.day)


class Plans:
    """Plans by product, ticket, term and length of the first period."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int, int, int], Plan] = {}

    def of(self, product: Product, ticket: int, start: int, due: tuple[int, ...]) -> Plan:
        """The plan of a new loan."""
        key = (product.name, ticket, len(due), first_period(start, due[0]))
        plan = self._known.get(key)
        if plan is None:
            dues = derive(product, len(due), ticket, start, due[0])
            self._known[key] = plan = Plan(dues)
        return plan


def derive(
    product: Product, terms: int, principal: int, start: int, first_due: int, *, changed: bool = False
) -> tuple[Due, ...]:
    """The instalments of ``principal`` fen that is owed from ``start`` on; ``changed``: the rest of a loan, which has
    no lead-in any more.
    """
    members = product.terms_of(terms)
    if changed:
        members.pop("interest_only", None)
    members |= {
        "principal": yuan(principal),
        "claims": [{"claim": "c1", "creditor": MICROLOAN, "share": 1_000_000}],
        "first_due": date.fromordinal(first_due).isoformat(),
    }
    typed = msgspec.convert(members, LoanOriginated)
    return instalments(typed, principal=principal * _FEN, start=date.fromordinal(start))
